"""One assignment on a Canvas server, through canvasapi; every request has a deadline, patience, and words if it fails.

Address and token come from the environment (CANVAS_URL, CANVAS_TOKEN) and appear in no message. CANVAS_URL may be the
assignment's own address as the browser shows it: https://canvas.example/courses/12/assignments/34.
"""

import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from canvasapi import Canvas
from canvasapi.exceptions import BadRequest, InvalidAccessToken, ResourceDoesNotExist, Unauthorized
from canvasapi.upload import Uploader
from requests.adapters import HTTPAdapter
from requests.exceptions import MissingSchema

from assignment.canvas.archive import RefusedError
from assignment.canvas.names import ANONYMOUS
from assignment.canvas.patience import Patience, ShortError, passing, patiently, throttled
from assignment.errors import AssignmentError

LARGEST = 64 << 20  # bytes of an attachment that is downloaded
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RemoteFile:
    """An attachment as Canvas lists it."""

    id: str
    name: str
    url: str
    size: int


@dataclass(frozen=True)
class Comment:
    """A comment on a submission."""

    author: str
    text: str


@dataclass(frozen=True)
class Row:
    """A student's submission as Canvas lists it: there is one of everybody, handed in or not."""

    user: str  # Canvas user id, or anon_… under anonymous grading
    name: str
    login: str
    submitted_at: str | None
    late: bool
    excused: bool
    score: float | None
    kind: str  # Canvas's submission_type, "" if nothing was handed in
    attachments: tuple[RemoteFile, ...]  # of the newest attempt
    comments: tuple[Comment, ...]


def address(url: str) -> tuple[str, int | None, int | None]:
    """Return (server, course id, assignment id) of an address; ids None where it does not name them.

    AssignmentError if it is no web address, or one that would send the token in the clear.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AssignmentError("CANVAS_URL: not a web address; set it to the assignment's, as the browser shows it")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise AssignmentError("CANVAS_URL: begins with http:// and would send the token in the clear; use https://")
    ids = re.match(r"/courses/([0-9]+)(?:/assignments/([0-9]+))?", parts.path)
    course, assignment = (int(one) if one else None for one in ids.groups()) if ids else (None, None)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}", course, assignment


def connect(
    course: int | None = None,
    assignment: int | None = None,
    environ: Mapping[str, str] | None = None,
    patience: Patience | None = None,
) -> "Remote":
    """Return the assignment on the server of CANVAS_URL, with the token of CANVAS_TOKEN; ids default to the address's.

    AssignmentError if one of them is missing or Canvas does not know them.
    """
    environ = os.environ if environ is None else environ
    for name in ("CANVAS_URL", "CANVAS_TOKEN"):
        if not environ.get(name, "").strip():
            raise AssignmentError(f"{name}: not set; export it in the shell (never in a file of the course)")
    server, named_course, named_assignment = address(environ["CANVAS_URL"])
    course, assignment = course or named_course, assignment or named_assignment
    if course is None or assignment is None:
        raise AssignmentError(
            "CANVAS_URL: names no assignment; set it to its page, https://HOST/courses/12/assignments/34"
        )
    return Remote(server, environ["CANVAS_TOKEN"], course, assignment, patience or Patience())


class _Deadline(HTTPAdapter):
    """canvasapi sets no deadline: without one a silent server would hold a run for ever."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(request, *args, **{**kwargs, "timeout": self.seconds})


class Remote:
    """An assignment on a Canvas server; a context manager, so that its connections are closed."""

    def __init__(self, server: str, token: str, course: int, assignment: int, patience: Patience) -> None:
        self.patience = patience
        self.server = server
        self.key = f"{urlsplit(server).hostname}-{course}-{assignment}"  # tells this assignment from all others
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # http:// to this machine itself is no danger
            canvas = Canvas(server, token)
        self._canvas = canvas
        self._requester = canvas._Canvas__requester  # canvasapi has no door to its session
        self.session: requests.Session = self._requester._session
        self.session.mount("http", _Deadline(patience.timeout))
        self._where = f"courses/{course}/assignments/{assignment}/submissions"
        try:
            found = self.read(partial(canvas.get_course, course), attempts=3)  # a wrong address is soon said
            self._assignment = self.read(partial(found.get_assignment, assignment))
        except BaseException:
            self.session.close()
            raise
        self.title = str(self._assignment.name)
        points = getattr(self._assignment, "points_possible", None)
        self.points = float(points) if points else None
        self.grading = str(getattr(self._assignment, "grading_type", "points"))

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def read(self, request: Callable[[], Answer], attempts: int | None = None) -> Answer:
        """Make a request that may be made again; AssignmentError once patience is at an end."""
        return patiently(request, self.patience, passing, attempts)

    def submissions(self) -> list[Row]:
        """Return the submission of every student, page by page; only a page that fails is asked for again."""
        listed = self._assignment.get_submissions(include=["user", "submission_comments"])
        rows: dict[str, Row] = {}
        place = 0
        while True:
            try:
                row = _row(self.read(partial(listed.__getitem__, place)))
            except IndexError:
                return list(rows.values())
            rows.setdefault(row.user, row)  # a list that changes while it is read may show a row twice
            place += 1

    def download(self, file: RemoteFile) -> bytes:
        """Return an attachment's bytes, as many as Canvas says; RefusedError if this one cannot be had."""
        if file.size > LARGEST:
            raise RefusedError(f"{file.size} bytes, more than the {LARGEST} allowed")
        return self.read(partial(self._download, file))

    def _download(self, file: RemoteFile) -> bytes:
        # The token goes to the server it belongs to; other hosts (file stores) have their own signature in the address.
        ours = urlsplit(file.url)[:2] == urlsplit(self.server)[:2]
        try:
            data: bytes = self._requester.request("GET", _url=file.url, use_auth=ours).content
        except (ResourceDoesNotExist, BadRequest, Unauthorized, InvalidAccessToken, MissingSchema) as error:
            if ours and isinstance(error, InvalidAccessToken):
                raise  # not this file's fault
            raise RefusedError(f"Canvas does not give it out ({type(error).__name__})") from None
        if file.size >= 0 and len(data) != file.size:
            raise ShortError(f"{len(data)} bytes arrived, Canvas has {file.size}")
        return data

    def upload(self, user: str, name: str, data: bytes) -> str:
        """Upload a file for a comment on a student's submission and return its id; not yet shown to anybody.

        May be made again: a file of the same name takes the place of the one before.
        """
        return self.read(partial(self._upload, user, name, data))

    def _upload(self, user: str, name: str, data: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:  # canvasapi names the upload after the file on disk
            path = Path(folder) / name
            path.write_bytes(data)
            url = f"{self._where}/{user}/comments/files"
            # Not submission.upload_comment: that would make a comment of its own for the file.
            _, answer = Uploader(self._requester, url, path, on_duplicate="overwrite").start()
        if "id" not in answer:
            raise AssignmentError(f"Canvas: did not take {name}; try again later")
        return str(answer["id"])

    def grade(self, data: Mapping[str, Mapping[str, Any]]) -> str:
        """Ask Canvas to set grades and comments (by user id), return the job's id; InDoubtError if it got lost."""
        request = partial(self._assignment.submissions_bulk_update, grade_data=data)
        return str(patiently(request, self.patience, throttled).id)

    def job(self, id: str) -> tuple[str, str]:
        """Return (state, message) of a job: queued, running, completed or failed; MissingError if it is forgotten."""
        job = self.read(partial(self._canvas.get_progress, id))
        return str(job.workflow_state), str(getattr(job, "message", "") or "")


def _row(listed: Any) -> Row:
    """Return a submission as canvasapi has it, whatever keys the server left out."""
    about = getattr(listed, "user", None) or {}
    user = getattr(listed, "user_id", None)
    score = getattr(listed, "score", None)
    return Row(
        f"{ANONYMOUS}{listed.anonymous_id}" if user is None else str(user),
        str(about.get("sortable_name") or about.get("name") or ""),
        str(about.get("login_id") or ""),
        getattr(listed, "submitted_at", None),
        bool(getattr(listed, "late", False)),
        bool(getattr(listed, "excused", False)),
        None if score is None else float(score),
        str(getattr(listed, "submission_type", None) or ""),
        tuple(
            RemoteFile(
                str(file.id),
                str(getattr(file, "display_name", None) or getattr(file, "filename", "")),
                str(getattr(file, "url", None) or ""),
                int(file.size) if getattr(file, "size", None) is not None else -1,
            )
            for file in listed.attachments
        ),
        tuple(
            Comment(str(comment.get("author_id")), str(comment.get("comment") or ""))
            for comment in getattr(listed, "submission_comments", None) or []
        ),
    )

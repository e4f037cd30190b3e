"""One assignment on a Canvas server, through canvasapi: what is handed in, and one update for each student.

Address and token come from the environment (CANVAS_URL, CANVAS_TOKEN) and appear in no message. CANVAS_URL may be the
assignment's own address as the browser shows it: https://canvas.example/courses/12/assignments/34. What the server
sends is not trusted: time, size, pages and each row have limits (assignment.canvas.bounded).
"""

import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from canvasapi.course import Course as CanvasCourse
from canvasapi.exceptions import (
    BadRequest,
    CanvasException,
    InvalidAccessToken,
    RateLimitExceeded,
    ResourceDoesNotExist,
    UnprocessableEntity,
)
from canvasapi.submission import Submission
from canvasapi.upload import Uploader

from assignment.canvas import ANONYMOUS, DIGITS, USER_ID, NotTakenError
from assignment.canvas.bounded import (
    MALFORMED,
    BoundedRequester,
    ServerLimits,
    ShortError,
    TooLargeError,
    insist,
    passing,
    throttled,
    within,
)
from assignment.canvas.files import BLOCK, RefusedError
from assignment.errors import AssignmentError
from assignment.text import one_line

LOOPBACK = ("127.0.0.1", "localhost", "::1")

Reply = TypeVar("Reply")


@dataclass(frozen=True)
class RemoteFile:
    """An attachment as Canvas lists it."""

    id: str
    name: str
    url: str
    size: int  # -1 if Canvas does not say


@dataclass(frozen=True)
class RemoteSubmission:
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
    comments: tuple[tuple[str, str], ...]  # Canvas user id of the author, and the text


@dataclass(frozen=True)
class Listing:
    """Everybody's submission, and the rows that could not be read."""

    submissions: tuple[RemoteSubmission, ...]
    odd: tuple[tuple[str, str], ...] = ()  # whose it may be, a user id or "?", and why


def address(url: str) -> tuple[str, int | None, int | None]:
    """Return (server, course id, assignment id) of an address; ids None where it does not name them.

    AssignmentError if it is no web address, or one that would send the token in the clear.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AssignmentError("CANVAS_URL: not a web address; set it to the assignment's, as the browser shows it")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise AssignmentError("CANVAS_URL: begins with http:// and would send the token in the clear; use https://")
    ids = re.match(rf"/courses/({DIGITS})(?:/assignments/({DIGITS}))?", parts.path)
    course, assignment = (int(id) if id else None for id in ids.groups()) if ids else (None, None)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}", course, assignment


def connect(environ: Mapping[str, str] | None = None, limits: ServerLimits | None = None) -> "RemoteAssignment":
    """Return the assignment on the server of CANVAS_URL, with the token of CANVAS_TOKEN.

    AssignmentError if one of them is missing or Canvas does not know them.
    """
    environ = os.environ if environ is None else environ
    for name in ("CANVAS_URL", "CANVAS_TOKEN"):
        if not environ.get(name, "").strip():
            raise AssignmentError(f"{name}: not set; export it in the shell (never in a file of the course)")
    server, course, assignment = address(environ["CANVAS_URL"])
    if course is None or assignment is None:
        raise AssignmentError(
            "CANVAS_URL: names no assignment; set it to its page, https://HOST/courses/12/assignments/34"
        )
    return RemoteAssignment(server, environ["CANVAS_TOKEN"].strip(), course, assignment, limits or ServerLimits())


class RemoteAssignment:
    """An assignment on a Canvas server; a context manager, so that its connections are closed."""

    def __init__(self, server: str, token: str, course: int, assignment: int, limits: ServerLimits) -> None:
        self.limits = limits
        self.key = f"{urlsplit(server).hostname}-{course}-{assignment}"  # tells this assignment from all others
        self._requester = BoundedRequester(server, token, limits)
        self.session = self._requester.session
        self._course, self._assignment = course, assignment
        self._where = f"courses/{course}/assignments/{assignment}/submissions"
        home = CanvasCourse(self._requester, {"id": course})
        try:
            about = self.read(partial(home.get_assignment, assignment), attempts=3)  # a wrong address is soon reported
        except BaseException:
            self.session.close()
            raise
        self.title = str(getattr(about, "name", ""))
        self.points = _number(getattr(about, "points_possible", None)) or None
        self.grading = str(getattr(about, "grading_type", "points"))
        self._hidden = getattr(about, "post_manually", None)

    def __enter__(self) -> "RemoteAssignment":
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def read(self, request: Callable[[], Reply], attempts: int | None = None) -> Reply:
        """Make a request that may be made again; AssignmentError once the attempts are used up."""
        return insist(request, self.limits, passing, attempts)

    def policies(self) -> list[str]:
        """Return what Canvas does by itself with marks that arrive, for a TA; nothing where it does not say."""
        try:
            policy = self.read(self._late_policy, attempts=3)
        except AssignmentError:  # not every token may see it, not every course has one
            policy = dict[str, str]()
        lines = []
        if isinstance(self._hidden, bool):
            seen = "hidden until you post them (Grades, menu of the column)" if self._hidden else "seen as they arrive"
            lines.append(f"Canvas's post policy: marks are {seen}")
        if policy.get("late_submission_deduction_enabled"):
            lines.append(
                f"Canvas's late policy takes {policy.get('late_submission_deduction')} % off for each "
                f"{policy.get('late_submission_interval')} late, on top of what is taken off here: switch it off in "
                "Grades > Settings > Late Policies, or take nothing off here"
            )
        if policy.get("missing_submission_deduction_enabled"):
            lines.append("Canvas's late policy gives a grade of its own to whoever handed in nothing")
        return lines

    def _late_policy(self) -> dict[str, str]:
        """Return the course's late policy as text, without what is off or empty."""
        policy = self._requester.request("GET", f"courses/{self._course}/late_policy").json()["late_policy"]
        return {name: one_line(value, 20) for name, value in policy.items() if value}

    def submissions(self) -> Listing:
        """Return the submission of every student, page by page; only a page that fails is asked for again.

        canvasapi's own list would stop at the first row that is odd.
        """
        deadline = time.monotonic() + self.limits.listing
        listed: dict[str, RemoteSubmission] = {}
        odd = []
        url: str | None = None
        for _ in range(self.limits.pages):
            rows, url = self.read(partial(self._page, url))
            for row in rows:
                try:
                    submission = _submission(row)
                    listed.setdefault(submission.user, submission)  # a list that changes meanwhile may show a row twice
                except MALFORMED as error:
                    user = row.get("user_id") if isinstance(row, Mapping) else None
                    whose = str(user)[:40] if isinstance(user, int | str) else "?"
                    odd.append((whose, f"a malformed row of Canvas's ({error})"))
            if url is None:
                return Listing(tuple(listed.values()), tuple(odd))
            if time.monotonic() > deadline:
                raise AssignmentError("Canvas: its list of submissions takes too long; try again later")
        raise AssignmentError("Canvas: its list of submissions has no end; tell its admin")

    def _page(self, url: str | None) -> tuple[Sequence[Any], str | None]:
        """Return the rows of a page, and the address of the next one."""
        parameters = {"include[]": ["user", "submission_comments"], "per_page": 100} if url is None else {}
        response = self._requester.request("GET", self._where, _url=url, **parameters)
        rows = response.json()
        if not isinstance(rows, list):
            raise TypeError("no list")
        return rows, response.links.get("next", {}).get("url")

    def submission(self, user: str) -> RemoteSubmission:
        """Return one student's submission as it is now."""
        parameters = {"include[]": ["user", "submission_comments"]}
        request = partial(self._requester.request, "GET", f"{self._where}/{user}", **parameters)
        return self.read(lambda: _submission(request().json()))

    def download(self, file: RemoteFile) -> bytes:
        """Return an attachment's bytes, as many as Canvas says; RefusedError if this one cannot be had."""
        if file.size > self.limits.size:
            raise RefusedError(f"{file.size} bytes, more than the {self.limits.size} allowed")
        return self.read(partial(within, self.limits.request, partial(self._download, file)))

    def _download(self, file: RemoteFile) -> bytes:
        # The token goes to the server it belongs to; other hosts (file stores) have their own signature in the address.
        ours = self._requester.serves(file.url)
        headers = {"Authorization": f"Bearer {self._requester.access_token}"} if ours else {}
        most = self.limits.size if file.size < 0 else file.size
        data = bytearray()
        try:
            with self.session.get(file.url, headers=headers, stream=True) as response:
                _check_status(response, ours)
                for block in response.iter_content(BLOCK):
                    data.extend(block)
                    if len(data) > most:
                        raise RefusedError(f"more than the {most} bytes that it should have")
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema):
            raise RefusedError("Canvas gives no address for it") from None
        except TooLargeError as error:
            raise RefusedError(f"more than {error}") from None
        if file.size >= 0 and len(data) != file.size:
            raise ShortError(f"{len(data)} bytes arrived, Canvas has {file.size}")
        return bytes(data)

    def upload(self, user: str, name: str, data: bytes) -> str:
        """Upload a file for a comment on a student's submission and return its id; not yet shown to anybody.

        May be made again: a file of the same name takes the place of the one before. NotTakenError as in `update`.
        """
        return self._for_one(partial(self.read, partial(self._upload, user, name, data)))

    def _upload(self, user: str, name: str, data: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:  # canvasapi names the upload after the file on disk
            path = Path(folder) / name
            path.write_bytes(data)
            url = f"{self._where}/{user}/comments/files"
            # Not Submission.upload_comment: that would make a comment of its own for the file.
            _, reply = Uploader(self._requester, url, path, on_duplicate="overwrite").start()
        return _id(reply["id"])

    def update(self, user: str, grade: str, comment: str, files: Sequence[str] = ()) -> None:
        """Set a student's grade and add a comment with these files (ids), all in one.

        Canvas carries it out before it replies. InDoubtError if the reply got lost, NotTakenError if Canvas does not
        take it of this student, AssignmentError if it takes nothing.
        """
        about = {"course_id": self._course, "assignment_id": self._assignment, "user_id": user}
        wish = {"text_comment": comment, **({"file_ids": list(files)} if files else {})}
        edit = partial(Submission(self._requester, about).edit, submission={"posted_grade": grade}, comment=wish)
        self._for_one(partial(insist, edit, self.limits, throttled))

    @staticmethod
    def _for_one(request: Callable[[], Reply]) -> Reply:
        """Make a request about one student; NotTakenError if it is this student that Canvas does not like."""
        try:
            return request()
        except AssignmentError as error:
            if isinstance(error.__cause__, ResourceDoesNotExist | BadRequest | UnprocessableEntity):
                raise NotTakenError(str(error)) from None
            raise


def _check_status(response: requests.Response, ours: bool) -> None:
    """Raise what canvasapi would for a download that failed; RefusedError where only this file cannot be had."""
    status = response.status_code
    if status == 401 and ours and "WWW-Authenticate" in response.headers:
        raise InvalidAccessToken(status)  # not this file's fault
    if status == 429 or (status == 403 and b"rate limit exceeded" in next(response.iter_content(BLOCK), b"").lower()):
        raise RateLimitExceeded(status)
    if status >= 500:
        raise CanvasException(f"Encountered an error: status code {status}")
    if status >= 400:
        raise RefusedError(f"Canvas does not give it out (status {status})")


def _submission(row: Any) -> RemoteSubmission:
    """Return a submission out of a row, whatever keys Canvas left out; one of MALFORMED if it is odd."""
    about = row.get("user") or {}
    user = _id(row["user_id"]) if row.get("user_id") is not None else ANONYMOUS + row["anonymous_id"]
    if not USER_ID.fullmatch(user):
        raise ValueError("an id that is none")
    submitted_at = row.get("submitted_at")
    return RemoteSubmission(
        user,
        str(about.get("sortable_name") or about.get("name") or ""),
        str(about.get("login_id") or ""),
        None if submitted_at is None else str(submitted_at),
        bool(row.get("late")),
        bool(row.get("excused")),
        _number(row.get("score")),
        str(row.get("submission_type") or ""),
        tuple(_file(file) for file in row.get("attachments") or ()),
        tuple(
            (str(comment.get("author_id")), str(comment.get("comment") or ""))
            for comment in row.get("submission_comments") or ()
        ),
    )


def _file(file: Any) -> RemoteFile:
    size = file.get("size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int)):
        raise TypeError("a size that is no number")
    name = str(file.get("display_name") or file.get("filename") or "")
    return RemoteFile(_id(file["id"]), name, str(file.get("url") or ""), -1 if size is None else size)


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ValueError("a number that is none")
    return float(value)


def _id(value: Any) -> str:
    """Return an id; ValueError if it is none: it will be part of paths and addresses."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(DIGITS, str(value)):
        raise ValueError("an id that is none")
    return str(value)

"""A Canvas server on the loopback interface: as much of it as fetch and push use, with its ways and its faults.

It pages with opaque links, leaves `attachments` out of the rows of those who handed in nothing, takes files in three
steps, sets grade, comment and files in one update, and at any request it can be told to drop the connection, throttle
or break, before or after carrying the request out; or to be hostile: endless pages, slow or giant bodies, odd rows.
"""

import contextlib
import email
import email.policy
import functools
import hashlib
import itertools
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

TOKEN = "1~secret"
TEACHER = 500
COURSE, ASSIGNMENT = 12, 1290
HERE = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"

Fault = Callable[[int, str, str], str]  # number of the request, method, path -> "" or one of the words in Handler.fault


@dataclass
class User:
    """A student of the class and the submission."""

    name: str
    login: str = ""
    submitted_at: str | None = None
    late: bool = False
    excused: bool = False
    score: float | None = None
    kind: str | None = None
    attachments: list[int] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Stored:
    """A file on the server."""

    name: str
    data: bytes
    replaced: bool = False
    announced: int | None = None  # another size than it has


class Canvas(ThreadingHTTPServer):
    """The server and everything it knows."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.users: dict[int, User] = {}
        self.files: dict[int, Stored] = {}
        self.tokens: dict[str, str] = {}
        self.ids = itertools.count(70_000)
        self.log: list[tuple[str, str]] = []
        self.fault: Fault = lambda number, method, path: ""
        self.page = 2  # rows a page, whatever the client asks for
        self.points: float | None = 100.0
        self.grading = "points"
        self.post_manually: Any = None
        self.late_policy: dict[str, Any] | None = None
        self.refuses: set[int] = set()  # listed, but an update knows them not
        self.late_effect = 0.0  # seconds from the loss of a reply to the update's effect
        self.endless = False  # each page has a next one
        self.next_host = ""  # where the next page is said to be
        self.change_row: Callable[[dict[str, Any]], Any] = lambda row: row
        self.timers: list[threading.Timer] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """What the client's environment says."""
        return {"CANVAS_URL": f"{self.url}/courses/{COURSE}/assignments/{ASSIGNMENT}", "CANVAS_TOKEN": TOKEN}

    def hand_in(self, user: int, name: str, data: bytes, at: str = "2026-10-12T15:59:58Z", late: bool = False) -> int:
        """Hand in a file for a user (another one of the same attempt if there is one) and return its id."""
        id = next(self.ids)
        self.files[id] = Stored(name, data)
        student = self.users[user]
        student.submitted_at, student.late, student.kind = at, late, "online_upload"
        student.attachments.append(id)
        return id

    def state(self) -> dict[str, Any]:
        """Return what students can see, and the files that lie there, without the ids that chance gave."""
        with self.lock:
            files = {
                id: (file.name, hashlib.sha256(file.data).hexdigest())
                for id, file in self.files.items()
                if not file.replaced
            }
            return {
                "grades": {id: user.score for id, user in self.users.items()},
                "comments": {
                    id: [(one["comment"], [files[file] for file in one["files"]]) for one in user.comments]
                    for id, user in self.users.items()
                },
                "files": sorted(files.values()),
            }

    def update(self, user: User, form: list[tuple[str, str]]) -> None:
        """Set a grade, then make a comment with its files, as one update says."""
        wish = dict(form)
        user.score = float(wish["submission[posted_grade]"])
        files = [int(value) for key, value in form if key == "comment[file_ids][]" and int(value) in self.files]
        user.comments.append({"author_id": TEACHER, "comment": wish["comment[text_comment]"], "files": files})

    def idle(self) -> None:
        """Wait until no update is under way."""
        for timer in self.timers:
            timer.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of the server's."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Canvas
    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other

    def do_GET(self) -> None:
        self.respond("GET")

    def do_POST(self) -> None:
        self.respond("POST")

    def do_PUT(self) -> None:
        self.respond("PUT")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def respond(self, method: str) -> None:
        """Answer a request, or do what the fault for it says."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        with self.server.lock:
            self.server.log.append((method, path))
            fault = self.server.fault(len(self.server.log) - 1, method, path)
        when, _, what = fault.rpartition(" ")
        if fault and when != "after":
            self.fail(what)
            return
        if fault and self.server.late_effect:
            self.server.timers.append(threading.Timer(self.server.late_effect, self.answer, (method, path, body)))
            self.server.timers[-1].start()
            self.fail(what)
            return
        status, headers, answer = self.answer(method, path, body)
        if fault:
            self.fail(what)
            return
        self.reply(status, headers, answer)

    def fail(self, what: str) -> None:
        """drop: no reply; cut: half of one; hang: silence; denied: 403; else a status (403: throttling words).

        trickle, head: a body, or a head, of one byte every 50 ms; bomb: 8 MB packed into 8 kB; list: no JSON object.
        """
        if what in ("trickle", "head"):
            self.trickle(
                b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" if what == "trickle" else b"HTTP/1.1 200 OK"
            )
            return
        if what == "bomb":
            self.reply(200, {"Content-Encoding": "gzip"}, bomb())
            return
        if what == "list":
            self.reply(200, {}, b"[[]")
            return
        if what in ("drop", "cut", "hang"):
            if what == "hang":
                self.server.closing.wait(5)
            if what == "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        text = {"403": b"403 Forbidden (Rate Limit Exceeded)\n", "denied": b'{"status": "unauthorized"}'}.get(
            what, b"{}"
        )
        self.reply(403 if what == "denied" else int(what), {}, text)

    def trickle(self, head: bytes) -> None:
        """Send a head, then byte by byte for as long as somebody reads."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(head)
            self.wfile.flush()
            while not self.server.closing.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Carry a request out and return status, headers and body."""
        canvas = self.server
        if method == "POST" and path.startswith("/upload/"):
            return self.take_file(path, body)
        if path.endswith("/create_success"):  # the third step; canvasapi follows to it without the token
            return 200, {}, b"while(1);" + json.dumps({"id": int(path.split("/")[4]), "url": "x"}).encode()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"WWW-Authenticate": "Bearer"}, b'{"errors": [{"message": "Invalid access token."}]}'
        if method == "GET" and path.startswith("/files/"):
            stored = canvas.files.get(int(path.split("/")[2]))
            return (200, {}, stored.data) if stored else (404, {}, b"{}")
        with canvas.lock:
            found = self.api(method, path, body)
        if found is None:
            return 404, {}, b'{"errors": [{"message": "The specified resource does not exist."}]}'
        answer, headers = found
        return 200, headers, json.dumps(answer).encode()

    def api(self, method: str, path: str, body: bytes) -> tuple[Any, dict[str, str]] | None:
        canvas = self.server
        if method == "GET" and path == f"/api/v1/courses/{COURSE}":
            return {"id": COURSE, "name": "Deep networks"}, {}
        if method == "GET" and path == HERE:
            about = {"id": ASSIGNMENT, "course_id": COURSE, "name": "作业二", "grading_type": canvas.grading}
            return {**about, "points_possible": canvas.points, "post_manually": canvas.post_manually}, {}
        if method == "GET" and path == f"/api/v1/courses/{COURSE}/late_policy" and canvas.late_policy:
            return {"late_policy": canvas.late_policy}, {}
        if method == "GET" and path == f"{HERE}/submissions":
            return self.list_page()
        one = re.fullmatch(rf"{HERE}/submissions/([0-9]+)", path)
        user = canvas.users.get(int(one[1])) if one else None
        if one and (user is None or (method == "PUT" and int(one[1]) in canvas.refuses)):
            return None
        if one and user and method == "PUT":
            canvas.update(user, parse_qsl(body.decode(), keep_blank_values=True))
        if one and user:
            return canvas.change_row(self.row(int(one[1]), user)), {}
        if method == "POST" and path.startswith(f"{HERE}/submissions/") and path.endswith("/comments/files"):
            wish = dict(parse_qsl(body.decode()))
            token = str(next(canvas.ids))
            canvas.tokens[token] = (
                wish["name"] if wish.get("on_duplicate") == "overwrite" else f"{token}-{wish['name']}"
            )
            return {"upload_url": f"{canvas.url}/upload/{token}", "upload_params": {"key": token}}, {}
        return None

    def list_page(self) -> tuple[Any, dict[str, str]]:
        """Return a page of the submissions, and a link to the next one whose address tells nothing."""
        canvas = self.server
        query = dict(parse_qsl(urlsplit(self.path).query))
        start = int(query["page"].removeprefix("bookmark:"), 16) if "page" in query else 0
        everybody = list(canvas.users.items())
        rows = [canvas.change_row(self.row(id, user)) for id, user in everybody[start : start + canvas.page]]
        if start + canvas.page >= len(everybody) and not canvas.endless:
            return rows, {}
        mark = f"bookmark:{start + canvas.page:x}"
        return rows, {"Link": f'<{canvas.next_host or canvas.url}{HERE}/submissions?page={mark}>; rel="next"'}

    def row(self, id: int, user: User) -> dict[str, Any]:
        canvas = self.server
        row = {
            "user_id": id,
            "assignment_id": ASSIGNMENT,
            "submitted_at": user.submitted_at,
            "late": user.late,
            "seconds_late": 99_999,  # runs on for missing work: not to be used
            "excused": user.excused,
            "score": user.score,
            "submission_type": user.kind,
            "workflow_state": "submitted" if user.kind else "unsubmitted",
            "user": {"id": id, "name": user.name, "sortable_name": user.name, "login_id": user.login},
            "submission_comments": [
                {"author_id": one["author_id"], "comment": one["comment"]} for one in user.comments
            ],
        }
        if user.attachments:
            row["attachments"] = [
                {
                    "id": file,
                    "display_name": canvas.files[file].name,
                    "filename": "x.ipynb",
                    "size": canvas.files[file].announced or len(canvas.files[file].data),
                    "url": f"{canvas.url}/files/{file}/download?verifier=sEcReT",
                }
                for file in user.attachments
            ]
        return row

    def take_file(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Take the second step of an upload: the file, in a form."""
        canvas = self.server
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        token = path.rpartition("/")[2]
        assert parts["key"].get_content().strip() == token, "the upload's own parameters come along"
        with canvas.lock:
            name = canvas.tokens[token]
            for other in canvas.files.values():
                other.replaced |= other.name == name
            id = next(canvas.ids)
            canvas.files[id] = Stored(name, cast(bytes, parts["file"].get_payload(decode=True)))
        return 303, {"Location": f"{canvas.url}/api/v1/files/{id}/create_success?uuid=u{id}"}, b""


@functools.cache
def bomb() -> bytes:
    """Return 8 MB of zeros, packed into 8 kB."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(8)), packer.flush()])


@contextmanager
def canvas_server() -> Iterator[Canvas]:
    """Run a server for as long as the context lasts."""
    canvas = Canvas()
    thread = threading.Thread(target=canvas.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield canvas
    finally:
        canvas.closing.set()
        canvas.shutdown()
        thread.join()
        canvas.server_close()

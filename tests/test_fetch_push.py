"""Fetch and push through the real canvasapi against a loopback server with Canvas's ways and faults."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from assignment.canvas.api import RemoteAssignment, RemoteFile, address, connect
from assignment.canvas.bounded import ServerLimits
from assignment.canvas.files import RefusedError
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking import breakdown
from assignment.workflow.collect import fetch
from assignment.workflow.returning import Pushed, SentLedger, SentMark, push
from tests.support.canvas_class import OTHER, grade_class, hand_in, make_course, notebook
from tests.support.canvas_server import TOKEN, Canvas, User, canvas_server

# Only an update that had no effect waits for settle.
QUICK = ServerLimits(attempts=4, wait=0.001, longest=0.002, silence=10.0, request=20.0, settle=0.1)
PEOPLE = {"1": "Doe, Jane", "2": "王小明", "3": "Müller, Jörg"}
MARKS: dict[str, tuple[float | None, float | None, float]] = {
    "1": (60.0, None, 0.0),
    "2": (20.5, None, 0.0),
    "3": (0.0, 50.0, 5.0),
}  # 100, 60.5, 85


@pytest.fixture
def canvas() -> Iterator[Canvas]:
    with canvas_server() as server:
        yield server
        server.idle()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The gradebook of the class."""
    course = make_course(tmp_path_factory.mktemp("graded") / "course")
    grade_class(course, MARKS)
    return (course.root / "gradebook.db").read_bytes()


@pytest.fixture
def course(graded: bytes, tmp_path: Path) -> Course:
    return a_course(graded, tmp_path / "course")


def a_course(gradebook: bytes, root: Path) -> Course:
    """Return a graded course with a feedback page for everybody but 3."""
    course = make_course(root)
    (root / "gradebook.db").write_bytes(gradebook)
    hand_in(course, PEOPLE)
    for student in ("1", "2"):
        page = course.feedback(student, "hw")
        page.parent.mkdir(parents=True)
        page.write_text(f"<p>反馈 {student}", encoding="utf-8")
    return course


def fill(canvas: Canvas, users: dict[str, str] = PEOPLE) -> None:
    """Give the server the class, and a student who handed in nothing."""
    for user, name in users.items():
        canvas.users[int(user)] = User(name, f"login{user}", "2026-10-12T15:59:58Z", kind="online_upload")
    canvas.users[99] = User("Nothing, Nat")


COMMENTS = {student: f"{name}：见附件" for student, name in PEOPLE.items()}


def send(course: Course, canvas: Canvas, yes: bool = True, **how: Any) -> Pushed:
    with connect(environ=canvas.environ, limits=QUICK) as remote:
        return push(course, "hw", remote, COMMENTS, yes=yes, **how)


def begun(course: Course) -> dict[str, float]:
    """The updates that were begun and not seen to end, as the ledger has them."""
    (path,) = course.exported("hw").glob("sent-*.jsonl")
    return SentLedger.read(path).begun


def texts(canvas: Canvas, user: int) -> list[str]:
    return [one["comment"] for one in canvas.users[user].comments]


# --- push, undisturbed ---


def test_dry_run_sends_nothing(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.users[2].score = 50.0
    before = canvas.state()
    pushed = send(course, canvas, yes=False)
    assert [(one.sending.user, one.sending.grade, one.state, one.note) for one in pushed.planned] == [
        ("1", "100", "new", ""),
        ("2", "60.5", "new", "replaces 50"),
        ("3", "85", "new", ""),
    ]
    assert pushed.arrived == ()
    assert canvas.state() == before
    assert all(method == "GET" for method, _ in canvas.log)
    assert not course.exported("hw").exists()


def test_marks_comments_and_files_arrive(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    steps: list[tuple[int, int]] = []
    pushed = send(course, canvas, progress=lambda done, total: steps.append((done, total)))
    assert sorted(pushed.arrived) == ["1", "2", "3"]
    assert (pushed.failed, pushed.left_out) == ((), ())
    assert canvas.state()["grades"] == {1: 100.0, 2: 60.5, 3: 85.0, 99: None}
    (text,) = texts(canvas, 2)
    assert re.fullmatch(r"王小明：见附件\n\n\[hw 1/[0-9a-f]{12}\]", text)
    files = {
        id: [canvas.files[file] for file in user.comments[0]["files"]] for id, user in list(canvas.users.items())[:3]
    }
    assert {id: [file.data.decode() for file in own] for id, own in files.items()} == {
        1: ["<p>反馈 1"],
        2: ["<p>反馈 2"],
        3: [],
    }
    assert re.fullmatch(r"hw-feedback-1-[0-9a-f]{12}\.html", files[1][0].name)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert sum(method == "PUT" for method, _ in canvas.log) == 3  # grade, comment and file in one


def test_again_sends_nothing_even_if_a_comment_was_deleted(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    send(course, canvas)
    canvas.users[1].comments.clear()
    canvas.users[2].score = 99.0  # changed by hand in SpeedGrader
    before = canvas.state()
    pushed = send(course, canvas)
    assert canvas.state() == before
    assert [(one.state, one.note) for one in pushed.planned] == [
        ("sent", ""),
        ("sent", "Canvas says 99 now and keeps it"),
        ("sent", ""),
    ]


def test_from_another_machine_canvas_tells_what_arrived(
    course: Course, canvas: Canvas, graded: bytes, tmp_path: Path
) -> None:
    fill(canvas)
    send(course, canvas)
    before = canvas.state()
    pushed = send(a_course(graded, tmp_path / "other"), canvas)
    assert {one.state for one in pushed.planned} == {"sent"}
    assert canvas.state() == before


def test_changed_marks_are_sent_anew_and_back(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    send(course, canvas)
    for auto, grade in ((10.0, 50.0), (60.0, 100.0)):
        grade_class(course, {"1": (auto, None, 0.0)})
        pushed = send(course, canvas)
        assert [(one.sending.user, one.state) for one in pushed.planned if one.state != "sent"] == [("1", "changed")]
        assert canvas.users[1].score == grade
    assert [re.search(r"\[hw (\d)/", text)[1] for text in texts(canvas, 1)] == ["1", "2", "3"]  # type: ignore[index]
    assert len(texts(canvas, 2)) == 1


def test_a_mark_that_a_student_wrote_counts_for_nothing(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    (planned, *_) = send(course, canvas, yes=False).planned
    forged = f"[hw 7/{planned.sending.digest}]"
    canvas.users[1].comments.append({"author_id": 1, "comment": forged, "files": []})
    send(course, canvas)
    assert canvas.users[1].score == 100.0


def test_who_is_left_out(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.users[1].excused = True
    del canvas.users[3]
    pushed = send(course, canvas)
    assert {one.student: one.why for one in pushed.left_out} == {
        "1": "excused in Canvas",
        "3": "Canvas does not list this student for the assignment",
    }
    assert canvas.state()["grades"] == {1: None, 2: 60.5, 99: None}


@pytest.mark.parametrize(("points", "grade"), [(100.0, 60.5), (20.0, 12.1), (None, 60.5), (0.0, 60.5)])
def test_scaled_to_points_possible(points: float | None, grade: float, course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.points = points
    send(course, canvas)
    assert canvas.users[2].score == grade


def anew(canvas: Canvas, file: str) -> None:
    """Have Jane hand in another file, after all that was collected."""
    canvas.files[99_000] = canvas.files[canvas.hand_in(1, file, b"{}")]
    canvas.users[1].attachments = [99_000]


@pytest.mark.parametrize("way", ["fetch", "push --older"])
def test_no_mark_of_an_earlier_hand_in_is_sent(way: str, course: Course, canvas: Canvas) -> None:
    fill(canvas)
    send(course, canvas)
    grade_class(course, {"1": (10.0, None, 0.0), "2": (10.0, None, 0.0)})
    anew(canvas, "hw.ipynb")
    pushed = send(course, canvas)
    assert pushed.arrived == ("2",) and canvas.users[1].score == 100.0
    (jane,) = pushed.left_out
    assert (jane.student, jane.why.partition("; ")[0]) == ("1", "Canvas has hw.ipynb, newer than what was graded")
    if way == "fetch":  # it is no homework: the earlier one counts
        with connect(environ=canvas.environ, limits=QUICK) as remote:
            fetch(course, "hw", remote)
        assert send(course, canvas).arrived == ("1",)
    else:
        assert send(course, canvas, older=True).arrived == ("1",)
    assert canvas.users[1].score == 50.0


def test_a_file_beside_the_notebook_is_no_newer_hand_in(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    anew(canvas, "photo.png")
    assert send(course, canvas).arrived == ("1", "2", "3")


def test_pass_fail_is_refused(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.grading = "pass_fail"
    with pytest.raises(AssignmentError, match="作业二: Canvas grades it as pass_fail"):
        send(course, canvas)


@pytest.mark.parametrize(
    ("hidden", "late", "words"),
    [
        (None, None, []),
        (True, None, ["hidden until you post them"]),
        (False, {"late_submission_deduction_enabled": False}, ["seen as they arrive"]),
        (
            None,
            {"late_submission_deduction_enabled": True, "late_submission_deduction": 10.0}
            | {"late_submission_interval": "day", "missing_submission_deduction_enabled": True},
            ["takes 10.0 % off for each day late", "handed in nothing"],
        ),
        ("yes", {"late_submission_deduction_enabled": "\x1b[31mon"}, ["takes None % off"]),
        (None, [], []),
    ],
)
def test_what_canvas_does_by_itself_is_told_first(
    hidden: object, late: Any, words: list[str], course: Course, canvas: Canvas
) -> None:
    fill(canvas)
    canvas.post_manually, canvas.late_policy = hidden, late
    policies = send(course, canvas, yes=False).policies
    assert len(policies) == len(words)
    assert all(word in line and line.isprintable() for word, line in zip(words, policies, strict=True))


# --- push, disturbed ---


@pytest.fixture
def quick_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks without asking nbgrader, for tests that push a hundred times."""
    earned = [
        breakdown.Mark(user, name, net, 100.0)
        for (user, name), net in zip(PEOPLE.items(), (100.0, 60.5, 85.0), strict=True)
    ]
    monkeypatch.setattr("assignment.workflow.returning.marks", lambda course, assignment: (list(earned), []))


class KilledError(BaseException):
    """The process dies: nothing of the program's runs any more."""


class Killer(HTTPAdapter):
    """Lets the process die at its nth request, before or after the request had its effect."""

    def __init__(self, inner: BaseAdapter, at: int, after: bool) -> None:
        super().__init__()
        self.inner, self.at, self.after, self.count = inner, at, after, 0

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.count += 1
        if self.count > self.at and not self.after:
            raise KilledError
        response = self.inner.send(request, *args, **kwargs)
        if self.count > self.at:
            response.close()
            raise KilledError
        return response


def push_and_die(course: Course, canvas: Canvas, at: int, after: bool) -> bool:
    """Push until the process dies at a request; return whether it did."""
    with connect(environ=canvas.environ, limits=QUICK) as remote:
        remote.session.mount("http://", Killer(remote.session.get_adapter("http://"), at, after))
        try:
            push(course, "hw", remote, COMMENTS, yes=True)
        except KilledError:
            return True
    return False


def undisturbed(graded: bytes, root: Path) -> tuple[dict[str, Any], int]:
    """Return the state that a push without faults ends in, and the number of its requests after connecting."""
    with canvas_server() as canvas:
        fill(canvas)
        send(a_course(graded, root), canvas)
        return canvas.state(), len(canvas.log) - 1


@pytest.mark.slow
@pytest.mark.usefixtures("quick_marks")
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_single_request(after: bool, graded: bytes, tmp_path: Path) -> None:
    wanted, requests_made = undisturbed(graded, tmp_path / "undisturbed")
    died = 0
    for at in range(200):
        with canvas_server() as canvas:
            fill(canvas)
            course = a_course(graded, tmp_path / str(at))
            dead = push_and_die(course, canvas, at, after)
            again = send(course, canvas)
            canvas.idle()
            assert canvas.state() == wanted, f"killed at request {at}"
            assert {one.state for one in send(course, canvas, yes=False).planned} == {"sent"}
            assert not again.failed
        if not dead:
            break
        died += 1
    assert died == requests_made


@pytest.mark.slow
@pytest.mark.usefixtures("quick_marks")
@pytest.mark.parametrize("fault", ["drop", "after drop", "after cut", "502", "after 500", "429", "403"])
def test_every_fault_at_every_single_request(fault: str, graded: bytes, tmp_path: Path) -> None:
    wanted, requests_made = undisturbed(graded, tmp_path / "undisturbed")
    for at in range(1, requests_made + 1):
        with canvas_server() as canvas:
            fill(canvas)
            canvas.fault = lambda number, method, path, at=at: fault if number == at else ""  # type: ignore[misc]
            pushed = send(a_course(graded, tmp_path / str(at)), canvas)
            assert sorted(pushed.arrived) == ["1", "2", "3"], f"{fault} at request {at}"
            assert canvas.state() == wanted, f"{fault} at request {at}"
            assert len(canvas.log) > at


def updates(fault: str, times: int = 1) -> Callable[[int, str, str], str]:
    """Return a fault that meets the first updates."""
    left = [times]

    def meets(number: int, method: str, path: str) -> str:
        if method == "PUT" and left[0]:
            left[0] -= 1
            return fault
        return ""

    return meets


def test_reply_lost_and_the_effect_comes_late(course: Course, canvas: Canvas) -> None:
    """A push that looked at Canvas once, and not again, would send twice."""
    fill(canvas)
    canvas.late_effect = 0.2
    canvas.fault = updates("after drop")
    with connect(environ=canvas.environ, limits=replace(QUICK, settle=2.0)) as remote:
        push(course, "hw", remote, COMMENTS, yes=True)
    canvas.idle()
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 1, 1]


def test_killed_before_the_effect(course: Course, canvas: Canvas) -> None:
    """The next run gives an update that was begun its time before it looks at Canvas."""
    fill(canvas)
    canvas.late_effect = 0.4
    dead = [False]

    def dies(number: int, method: str, path: str) -> str:
        dead[0] |= method == "PUT"
        return "after drop" if dead[0] else ""

    canvas.fault = dies
    with pytest.raises(AssignmentError, match="cannot be reached"):
        send(course, canvas)
    canvas.fault = lambda number, method, path: ""
    assert len(begun(course)) == 1
    with connect(environ=canvas.environ, limits=replace(QUICK, settle=1.0)) as remote:
        push(course, "hw", remote, COMMENTS, yes=True)
    assert begun(course) == {}
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_for_real(after: bool, course: Course, canvas: Canvas) -> None:
    """A process of its own, killed by the system while an update is on its way."""
    fill(canvas)
    program = (
        "from pathlib import Path; from assignment.course import Course; "
        "from assignment.canvas.api import connect; from assignment.workflow.returning import push; "
        f"push(Course(Path({str(course.root)!r})), 'hw', connect(), dict.fromkeys('123', 'why'), yes=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **canvas.environ})

    def kills(number: int, method: str, path: str) -> str:
        if method != "PUT":
            return ""
        if not after:
            process.kill()
        else:
            threading.Timer(0.05, process.kill).start()
        return "drop" if not after else "after hang"

    canvas.fault = kills
    assert process.wait(60) == -signal.SIGKILL
    canvas.fault = lambda number, method, path: ""
    assert len(begun(course)) == 1
    with connect(environ=canvas.environ, limits=QUICK) as remote:
        push(course, "hw", remote, dict.fromkeys("123", "why"), yes=True)
    assert begun(course) == {}
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 1, 1]
    assert canvas.state()["grades"] == {1: 100.0, 2: 60.5, 3: 85.0, 99: None}


def test_unknown_user_fails_alone(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.refuses = {2}
    pushed = send(course, canvas)
    assert sorted(pushed.arrived) == ["1", "3"]
    assert [one.student for one in pushed.failed] == ["2"]
    assert "does not know it" in pushed.failed[0].why
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 0, 1]
    canvas.refuses = set()
    assert send(course, canvas).arrived == ("2",)


@pytest.mark.slow
def test_canvas_that_takes_nothing_is_left_in_peace(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.fault = updates("500", times=99)
    with pytest.raises(AssignmentError, match=r"trouble of its own \(status 500\).*; push again later"):
        send(course, canvas)
    assert sum(method == "PUT" for method, _ in canvas.log) == 3
    canvas.fault = lambda number, method, path: ""
    assert begun(course) == {}  # the outcome of each was seen
    pushed = send(course, canvas)
    assert sorted(pushed.arrived) == ["1", "2", "3"]
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("403", "slow down"),
        ("429", "slow down"),
        ("denied", "forbids"),
        ("422", "refused the request"),
        ("500", "trouble of its own"),
    ],
)
def test_fault_that_stays_is_said(fault: str, words: str, course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.fault = lambda number, method, path: fault if path.endswith("/submissions") else ""
    with pytest.raises(AssignmentError, match=words) as error:
        send(course, canvas)
    assert TOKEN not in str(error.value)
    assert canvas.state()["grades"][1] is None
    asked = sum(path.endswith("/submissions") for _, path in canvas.log)
    assert asked == (1 if fault in ("denied", "422") else QUICK.attempts)  # only what may pass is asked again


def test_silent_server_is_given_up_on(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.fault = lambda number, method, path: "hang" if number == 3 else ""
    start = time.monotonic()
    with connect(environ=canvas.environ, limits=replace(QUICK, silence=0.3)) as remote:
        pushed = push(course, "hw", remote, COMMENTS, yes=True)
    assert sorted(pushed.arrived) == ["1", "2", "3"]
    assert canvas.log[3] == canvas.log[4]  # asked again
    assert time.monotonic() - start < 4.0  # the server itself hangs up after five seconds


def test_two_pushes_at_a_time(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    send(course, canvas)
    (path,) = course.exported("hw").glob("*.jsonl")
    with SentLedger(path), pytest.raises(AssignmentError, match="another push is going on"):
        send(course, canvas)


# --- the ledger ---


def test_ledger_survives_a_line_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    with SentLedger(path) as ledger:
        ledger.add("sent", "1", number=1, digest="aa")
        ledger.add("begun", "2", at=0.0)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with SentLedger(path) as ledger:
            ledger.add("uploaded", "3", digest="cc", file="77")
        again = SentLedger.read(path)
        assert again.uploaded == {("3", "cc"): "77"}
        lines = whole[:cut].count(b"\n")
        assert (again.sent == {"1": SentMark(1, "aa")}) is (lines > 0)
        assert ("2" in again.begun) is (lines > 1)


def test_ledger_that_makes_no_sense(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    path.write_text('{"event": "gone"}\n')
    with pytest.raises(AssignmentError, match="line 1 is malformed"):
        SentLedger.read(path)


# --- fetch ---


@contextmanager
def linked(canvas: Canvas) -> Iterator[RemoteAssignment]:
    with connect(environ=canvas.environ, limits=QUICK) as remote:
        yield remote


@pytest.fixture
def empty(tmp_path: Path) -> Course:
    return make_course(tmp_path / "fetched")


def test_fetch(empty: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.users[4] = User("Text, Tim", "tim", "2026-10-13T00:00:00Z", kind="online_text_entry")
    canvas.hand_in(1, "作业 2.ipynb", notebook("jane"))
    canvas.hand_in(1, "notes.ipynb", OTHER)
    canvas.hand_in(2, "hw2.ipynb", notebook("late"), at="2026-10-12T16:30:00+08:00", late=True)
    canvas.hand_in(3, "hw2.pdf", b"%PDF")
    with linked(canvas) as remote:
        report = fetch(empty, "hw", remote)
    assert [(item.user, item.did) for item in report.items] == [
        ("1", "collected"),
        ("1", "superseded"),
        ("2", "late"),
        ("3", "not a notebook"),
        ("4", "not a notebook"),
    ]
    assert [student.user for student in report.nothing] == ["99"]
    assert [student.user for student in report.useless] == ["3", "4"]
    assert empty.submitted("1", "hw").read_bytes() == notebook("jane")
    record = json.loads(empty.submitted("2", "hw").with_name("canvas.json").read_text("utf-8"))
    assert (record["late"], record["login"], record["name"], record["archive"]) == (True, "login2", "王小明", "Canvas")
    assert record["submitted_at"] == "2026-10-12T16:30:00+08:00"
    assert empty.submitted("1", "hw").with_name("timestamp.txt").read_text() == "2026-10-12 15:59:58 UTC"
    assert empty.submitted("2", "hw").with_name("timestamp.txt").read_text() == "2026-10-12 08:30:00 UTC"
    with empty.gradebook() as gradebook:
        assert gradebook.find_student("2").last_name == "王小明"


def test_fetch_resumes_and_takes_the_newest_attempt(empty: Course, canvas: Canvas) -> None:
    fill(canvas)
    for user in (1, 2, 3):
        canvas.hand_in(user, "hw2.ipynb", notebook(f"{user}"))
    downloads = 0

    def breaks(number: int, method: str, path: str) -> str:
        nonlocal downloads
        downloads += path.startswith("/files/")
        return "500" if downloads > 2 else ""

    canvas.fault = breaks
    with linked(canvas) as remote, pytest.raises(AssignmentError, match="trouble of its own"):
        fetch(empty, "hw", remote)
    canvas.fault = lambda number, method, path: ""
    canvas.log.clear()
    with linked(canvas) as remote:
        fetch(empty, "hw", remote)
    assert sum(path.startswith("/files/") for _, path in canvas.log) == 1  # two were here already
    canvas.users[2].attachments.clear()
    canvas.hand_in(2, "hw2-1.ipynb", notebook("second try"))
    with linked(canvas) as remote:
        fetch(empty, "hw", remote)
    assert empty.submitted("2", "hw").read_bytes() == notebook("second try")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop", "cut", "500", "403", "429"])
def test_fetch_with_every_fault_at_every_request(fault: str, canvas: Canvas, tmp_path: Path) -> None:
    canvas.users = {1: User("Doe, Jane"), 2: User("王小明"), 3: User("Nothing, Nat")}
    for user in (1, 2):
        canvas.hand_in(user, "hw2.ipynb", notebook(f"{user}"))
    for at in range(1, 5):
        empty = make_course(tmp_path / f"{at}")
        canvas.log.clear()
        canvas.fault = lambda number, method, path, at=at: fault if number == at else ""  # type: ignore[misc]
        with linked(canvas) as remote:
            report = fetch(empty, "hw", remote)
        assert [item.did for item in report.items] == ["collected", "collected"]
        assert len(canvas.log) == 6  # one to connect, two pages, two files, one fault


def test_download_of_another_size_is_refused(empty: Course, canvas: Canvas) -> None:
    fill(canvas)
    short = canvas.hand_in(1, "hw2.ipynb", notebook("1"))
    canvas.files[short].announced = 10_000
    huge = canvas.hand_in(2, "hw2.ipynb", notebook("2"))
    canvas.files[huge].announced = 10**9
    gone = canvas.hand_in(3, "hw2.ipynb", notebook("3"))
    with linked(canvas) as remote:
        listing = remote.submissions()
        del canvas.files[gone]
        remote.submissions = lambda: listing  # type: ignore[method-assign]
        report = fetch(empty, "hw", remote)
    assert [item.did for item in report.items] == ["refused"] * 3
    assert re.fullmatch(r"\d+ bytes arrived, Canvas has 10000", report.items[0].why)
    assert "more than the" in report.items[1].why
    assert "does not give it out" in report.items[2].why


def test_the_token_goes_to_its_own_server_only(empty: Course, canvas: Canvas) -> None:
    """A file store has an address of its own: here a second server, which would take the token, and must see none."""
    fill(canvas)
    canvas.hand_in(1, "hw2.ipynb", notebook("1"))
    with canvas_server() as store, linked(canvas) as remote:
        elsewhere = RemoteFile("5", "x.ipynb", f"{store.url}/files/5/download", -1)
        with pytest.raises(RefusedError, match="status 401"):  # it came without a token
            remote.download(elsewhere)
        assert store.log == [("GET", "/files/5/download")]


# --- a server that is hostile or broken ---

IMPATIENT = replace(QUICK, attempts=2, request=0.5)


@pytest.mark.parametrize("id", ["../../../evil", "1/../../x", "anon_../x", "", "9" * 5000, True, None, {"a": 1}])
def test_ids_that_are_paths_are_refused_singly(id: object, empty: Course, canvas: Canvas) -> None:
    fill(canvas, {"1": "Doe, Jane", "2": "Evil, Eve"})
    for user in (1, 2):
        canvas.hand_in(user, "hw2.ipynb", notebook(f"{user}"))

    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row if row["user_id"] == 1 else {**row, "user_id": id, "anonymous_id": id}

    canvas.change_row = change
    outside = set(empty.root.parent.iterdir())
    with linked(canvas) as remote:
        report = fetch(empty, "hw", remote)
    assert [item.did for item in report.items if item.did != "refused"] == ["collected"]
    assert [item.why.partition(" (")[0] for item in report.items if item.did == "refused"] == [
        "a malformed row of Canvas's"
    ] * 2  # Eve's and that of who handed in nothing
    assert sorted(path.name for path in (empty.root / "submitted").iterdir()) == ["1"]
    assert set(empty.root.parent.iterdir()) == outside


def test_an_attachment_whose_id_is_a_path(empty: Course, canvas: Canvas) -> None:
    fill(canvas, {"1": "Doe, Jane", "2": "Evil, Eve"})
    for user in (1, 2):
        canvas.hand_in(user, "hw2.ipynb", notebook(f"{user}"))
    canvas.change_row = lambda row: (
        row if row["user_id"] != 2 else {**row, "attachments": [{**row["attachments"][0], "id": "../../../../evil"}]}
    )
    with linked(canvas) as remote:
        report = fetch(empty, "hw", remote)
    assert [(item.user, item.did) for item in report.items] == [("2", "refused"), ("1", "collected")]


@pytest.mark.parametrize(
    "odd",
    [
        {"attachments": None},
        {"attachments": 5},
        {"attachments": [None]},
        {"attachments": [{"id": 1, "size": "big"}]},
        {"score": "abc"},
        {"score": 1e999},
        {"submission_comments": [7]},
        {"submission_comments": "x"},
        {"user": [1]},
        "row",
        None,
    ],
)
def test_an_odd_row_costs_nobody_else(odd: Any, empty: Course, canvas: Canvas) -> None:
    fill(canvas, {"1": "Doe, Jane", "2": "Odd, Ole", "3": "Müller, Jörg"})
    for user in (1, 2, 3):
        canvas.hand_in(user, "hw2.ipynb", notebook(f"{user}"))
    canvas.change_row = lambda row: row if row["user_id"] != 2 else {**row, **odd} if isinstance(odd, dict) else odd
    with linked(canvas) as remote:
        report = fetch(empty, "hw", remote)
    assert [item.user for item in report.items if item.did == "collected"] == ["1", "3"]
    refused = [item for item in report.items if item.did == "refused"]
    assert len(refused) == (0 if odd == {"attachments": None} else 1)


def test_an_odd_row_is_left_out_of_push(course: Course, canvas: Canvas) -> None:
    fill(canvas)
    canvas.change_row = lambda row: row if row["user_id"] != 2 else {**row, "score": "abc"}
    pushed = send(course, canvas)
    assert sorted(pushed.arrived) == ["1", "3"]
    assert [(one.student, one.why[:15]) for one in pushed.left_out] == [("2", "a malformed row")]


def test_a_reply_that_is_none_after_the_update(course: Course, canvas: Canvas) -> None:
    """canvasapi stumbles over it, but Canvas has carried it out."""
    fill(canvas)
    canvas.change_row = lambda row: [] if row["user_id"] == 2 and canvas.log[-1][0] == "PUT" else row
    assert sorted(send(course, canvas).arrived) == ["1", "2", "3"]
    assert [len(texts(canvas, user)) for user in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("hostile", "limits", "words"),
    [
        ({"endless": True}, replace(QUICK, pages=5), "its list of submissions has no end"),
        ({"endless": True}, replace(QUICK, listing=0.1), "its list of submissions takes too long"),
        ({"next_host": "http://127.0.0.2:9"}, QUICK, "another host"),
        ({"fault": "trickle"}, IMPATIENT, "did not end its reply within 0.5 s"),
        ({"fault": "head"}, IMPATIENT, "did not end its reply within 0.5 s"),
        ({"fault": "bomb"}, replace(QUICK, size=1 << 20), "its reply has more than 1048576 bytes"),
        ({"fault": "list"}, QUICK, "malformed reply"),
    ],
)
def test_a_list_of_a_hostile_server(
    hostile: dict[str, Any], limits: ServerLimits, words: str, empty: Course, canvas: Canvas
) -> None:
    fill(canvas)
    for name, value in hostile.items():
        setattr(canvas, name, value)
    if fault := hostile.get("fault"):
        canvas.fault = lambda number, method, path: fault if path.endswith("/submissions") else ""
    with (
        connect(environ=canvas.environ, limits=limits) as remote,
        pytest.raises(AssignmentError, match=words) as error,
    ):
        fetch(empty, "hw", remote)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("fault", "why"),
    [("bomb", "more than the 100 bytes that it should have"), ("trickle", None)],
)
def test_a_download_of_a_hostile_server(fault: str, why: str | None, canvas: Canvas) -> None:
    """8 MB announced as 100 bytes; a byte every 50 ms."""
    fill(canvas)
    canvas.fault = lambda number, method, path: fault if path.startswith("/files/") else ""
    file = RemoteFile("5", "x.ipynb", f"{canvas.url}/files/5/download", 100)
    with connect(environ=canvas.environ, limits=IMPATIENT) as remote:
        if why:
            with pytest.raises(RefusedError, match=why):
                remote.download(file)
        else:
            with pytest.raises(AssignmentError, match="did not end its reply"):
                remote.download(file)


# --- connecting ---


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "CANVAS_URL: not set"),
        ({"CANVAS_URL": "https://canvas.example/courses/1/assignments/2"}, "CANVAS_TOKEN: not set"),
        ({"CANVAS_URL": "canvas.example", "CANVAS_TOKEN": TOKEN}, "not a web address"),
        ({"CANVAS_URL": "http://canvas.example/courses/1/assignments/2", "CANVAS_TOKEN": TOKEN}, "in the clear"),
        ({"CANVAS_URL": "https://canvas.example/", "CANVAS_TOKEN": TOKEN}, "names no assignment"),
        ({"CANVAS_URL": "http://127.0.0.1:9/courses/1/assignments/2", "CANVAS_TOKEN": TOKEN}, "cannot be reached"),
    ],
)
def test_what_is_wrong_with_the_environment(environ: dict[str, str], words: str) -> None:
    with pytest.raises(AssignmentError, match=words) as error:
        connect(environ=environ, limits=QUICK)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://canvas.example/courses/12/assignments/34?x=1", ("https://canvas.example", 12, 34)),
        ("https://canvas.example:8443/courses/12/", ("https://canvas.example:8443", 12, None)),
        (" https://user@canvas.example ", ("https://canvas.example", None, None)),
        ("http://localhost:3000/courses/12/assignments/34", ("http://localhost:3000", 12, 34)),
    ],
)
def test_address(url: str, read: tuple[str, int | None, int | None]) -> None:
    assert address(url) == read


def test_wrong_token_and_wrong_ids(canvas: Canvas) -> None:
    with pytest.raises(AssignmentError, match="does not accept the token") as error:
        connect(environ={**canvas.environ, "CANVAS_TOKEN": "2~wrong"}, limits=QUICK)
    assert "wrong" not in str(error.value)
    with pytest.raises(AssignmentError, match="does not know it"):
        connect({**canvas.environ, "CANVAS_URL": canvas.environ["CANVAS_URL"].replace("/12/", "/13/")}, QUICK)

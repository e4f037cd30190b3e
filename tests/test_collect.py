"""Collect: an archive with every odd name becomes submitted/, and nothing is lost, doubled or overwritten."""

import io
import json
import random
import stat
import zipfile
from pathlib import Path

import pytest

from assignment.canvas import squeezed
from assignment.canvas.files import ArchiveLimits, RefusedError, RosterEntry, open_archive
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.submission.attachments import homework_test, record_of
from assignment.workflow.collect import Collected, collect, enrol
from tests.support.canvas_class import EXERCISES, OTHER, make_course, notebook, pack

ROSTER = """\
Student,ID,SIS Login ID,Section,hw (1290)
    Points Possible,,,,100
"Doe, Jane",1042,jane@school.example,1,
王小明,1044,xiaoming,1,
"Müller, Jörg",1045,joerg,1,
45,1047,fortyfive,1,
"Zed, Zoe",1060,zoe,1,
"Student, Test",1099,test,1,
"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


def roster(tmp_path: Path, text: str = ROSTER) -> Path:
    path = tmp_path / "grades.csv"
    path.write_text(text, encoding="utf-8")
    return path


def did(report: Collected) -> dict[str, str]:
    return {item.entry: item.did for item in report.items}


def why(report: Collected, entry: str) -> str:
    return next(item.why for item in report.items if item.entry == entry)


def tree(course: Course) -> dict[str, bytes]:
    """Return every file below submitted/."""
    root = course.root / "submitted"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


GROUPS = """\
name,canvas_user_id,user_id,login_id,sections,group_name,canvas_group_id,group_id
"Doe, Jane",1042,,jane,1,Team 7,12,
王小明,1044,,xiaoming,1,Team 7,12,
"Gone, Ann",1098,,ann,1,Team 7,12,
"Müller, Jörg",1045,,joerg,1,Team 8,13,
45,1047,,fortyfive,1,,,
"""


def test_what_one_hands_in_for_a_group_is_everybodys(course: Course, tmp_path: Path) -> None:
    """Archives have one entry a group, with the id of who handed it in, who may be another one next time."""
    groups = tmp_path / "groups.csv"
    groups.write_text(GROUPS, encoding="utf-8")
    first = pack(
        tmp_path / "a.zip", {"team7_LATE_1042_88140_hw2.ipynb": notebook("first"), "45_1047_88141_x.ipynb": b""}
    )
    report = collect(course, "hw", first, roster(tmp_path), groups_csv=groups)
    handed = {user: notebook("first") for user in ("1042", "1044")} | {"1047": b""}
    assert {name.split("/")[0]: data for name, data in tree(course).items() if name.endswith(".ipynb")} == handed
    mate = record_of(course, "1044", "hw")
    assert mate and (mate.group, mate.name, mate.login, mate.late) == ("1042", "王小明", "xiaoming", True)
    assert [item.why for item in report.items if item.user == "1044"] == ["for 1044 王小明, by 1042 of the same group"]
    assert [student.user for student in report.nothing] == ["1045", "1060"]
    second = pack(tmp_path / "b.zip", {"team7_1044_88150_hw2.ipynb": notebook("second")})
    collect(course, "hw", second)  # the groups are remembered
    assert {course.submitted(user, "hw").read_bytes() for user in ("1042", "1044")} == {notebook("second")}
    assert not course.submitted("1098", "hw").exists(), "is not on the roster any more"


@pytest.mark.parametrize("text", ["", "name,group_name\n", ROSTER])
def test_a_file_of_no_groups_is_refused(text: str, course: Course, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text(text, encoding="utf-8")
    archive = pack(tmp_path / "a.zip", {"doejane_1042_88123_hw2.ipynb": notebook()})
    with pytest.raises(AssignmentError, match=r"groups\.csv: no column (name|canvas_user_id)"):
        collect(course, "hw", archive, groups_csv=groups)
    assert tree(course) == {}


def test_every_kind_of_entry(course: Course, tmp_path: Path) -> None:
    entries = {
        "doejane_LATE_1042_88123_hw2.ipynb": notebook("jane"),
        "王小明_1044_88125_作业 2.ipynb": notebook("old"),
        "王小明_1044_88127_作业 2-1.ipynb": notebook("new"),
        "müllerjörg_1045_88126_hw2.pdf": b"%PDF",
        "45_1047_text.html": b"<p>",
        "ghost_1077_88130_hw2.ipynb": notebook(),
        "anon_Xy9Qk_88139_hw2.ipynb": notebook("anonymous"),
        "__MACOSX/._doejane_LATE_1042_88123_hw2.ipynb": b"junk",
        "readme.txt": b"hello",
        "../../evil_1042_99999_hw2.ipynb": notebook("evil"),
    }
    archive = pack(tmp_path / "submissions.zip", entries)
    report = collect(course, "hw", archive, roster(tmp_path))
    assert did(report) == {
        "doejane_LATE_1042_88123_hw2.ipynb": "late",
        "王小明_1044_88125_作业 2.ipynb": "superseded",
        "王小明_1044_88127_作业 2-1.ipynb": "collected",
        "müllerjörg_1045_88126_hw2.pdf": "not a notebook",
        "45_1047_text.html": "not a notebook",
        "ghost_1077_88130_hw2.ipynb": "unknown student",
        "anon_Xy9Qk_88139_hw2.ipynb": "collected",
        "__MACOSX/._doejane_LATE_1042_88123_hw2.ipynb": "nobody's",
        "readme.txt": "nobody's",
        "../../evil_1042_99999_hw2.ipynb": "refused",
    }
    assert why(report, "王小明_1044_88125_作业 2.ipynb").startswith("attachment 88127")
    assert [student.user for student in report.nothing] == ["1060"]  # the Test Student is not missed
    assert [student.user for student in report.useless] == ["1045", "1047"]
    assert course.submitted("1044", "hw").read_bytes() == notebook("new")
    assert course.submitted("anon_Xy9Qk", "hw").read_bytes() == notebook("anonymous")
    assert sorted(path.name for path in (course.root / "submitted").iterdir()) == ["1042", "1044", "anon_Xy9Qk"]
    record = json.loads(course.submitted("1042", "hw").with_name("canvas.json").read_text("utf-8"))
    assert record.pop("sha256")
    assert record == {
        "archive": "submissions.zip",
        "attachment": "88123",
        "entry": "doejane_LATE_1042_88123_hw2.ipynb",
        "file": "hw2.ipynb",
        "late": True,
        "login": "jane@school.example",
        "name": "Doe, Jane",
        "submitted_at": None,
        "user": "1042",
    }
    assert report.kept == course.collected("hw") / "submissions.zip"
    assert report.kept.read_bytes() == archive.read_bytes()
    with course.gradebook() as gradebook:
        jane = gradebook.find_student("1042")
        assert (jane.first_name, jane.last_name, jane.email, jane.lms_user_id) == (
            "Jane",
            "Doe",
            "jane@school.example",
            "1042",
        )
        assert gradebook.find_student("1044").last_name == "王小明"
        assert "anon_Xy9Qk" not in {student.id for student in gradebook.students}


@pytest.mark.parametrize(
    ("files", "chosen", "said"),
    [
        # name of the file -> bytes, in the order of their attachments
        ({"hw2.ipynb": notebook()}, "hw2.ipynb", ""),
        ({"hw2.ipynb": notebook("a"), "hw2-1.ipynb": notebook("b")}, "hw2-1.ipynb", "the newest of 2"),
        ({"hw2.ipynb": notebook(), "notes.ipynb": OTHER}, "hw2.ipynb", "the newest that is the homework of 2"),
        ({"a.ipynb": OTHER, "b.ipynb": OTHER}, "b.ipynb", "does not look like"),
        ({"hw2.ipynb": b"no JSON", "hw2.pdf": b"%PDF"}, "hw2.ipynb", "does not look like"),
        ({"hw2.ipynb": b""}, "hw2.ipynb", "does not look like"),
        ({"hw2.ipynb": b"def step_forward\nclass Model"}, "hw2.ipynb", "does not look like"),  # a script, renamed
        ({"HW2.IPYNB": notebook()}, "HW2.IPYNB", ""),
        ({"hw2.ipynb.txt": notebook()}, "hw2.ipynb.txt", "a notebook under the name"),  # as Safari saves it
        ({"hw1.ipynb": OTHER, "hw2.json": notebook()}, "hw2.json", "a notebook under the name"),
        ({"hw2.ipynb": b"\xef\xbb\xbf" + notebook()}, "hw2.ipynb", ""),
        ({"hw2.py": b"def step_forward\nclass Model", "hw2.pdf": b"%PDF"}, None, ""),
        ({"hw2.zip": b"PK"}, None, ""),
    ],
)
def test_which_file_is_the_hand_in(
    files: dict[str, bytes], chosen: str | None, said: str, course: Course, tmp_path: Path
) -> None:
    entries = {f"doejane_1042_{88000 + n}_{file}": data for n, (file, data) in enumerate(files.items())}
    report = collect(course, "hw", pack(tmp_path / "a.zip", entries), roster(tmp_path))
    taken = [item for item in report.items if item.did == "collected"]
    path = course.submitted("1042", "hw")
    if chosen is None:
        assert not taken
        assert not path.exists()
        return
    assert path.read_bytes() == files[chosen]
    assert [item.entry.split("_", 3)[3] for item in taken] == [chosen]
    assert said in taken[0].why
    assert all(item.why for item in report.items if item.did != "collected")


def zipped(**files: bytes) -> bytes:
    """Return a zip handed in by a student; `__` in a name stands for `/`, and each is called a notebook."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name.replace("__", "/") + ".ipynb", data)
    return memory.getvalue()


@pytest.mark.parametrize(
    ("file", "data", "found", "why"),
    [
        ("hw2.zip", zipped(a__b__hw2=notebook("zipped")), "zipped", "a notebook under the name hw2.zip"),
        ("hw2.ipynb", zipped(hw2=notebook("zipped")), "zipped", ""),
        ("hw2.zip", zipped(hw2=notebook("zipped"), _MACOSX__hw2=b"x"), "zipped", "under the name"),
        ("hw2.zip", zipped(hw2=notebook("zipped"), _ipynb_checkpoints__hw2=b"x"), "zipped", "under the name"),
        ("hw2.zip", zipped(hw2=notebook("1"), hw3=notebook("2")), "", "a zip with 2 notebooks; ask for"),
        ("hw2.zip", zipped(), "", "a zip with no notebooks; ask for"),
        ("hw2.zip", b"PK\3\4 cut", "", "a damaged zip; ask for"),
        ("hw2.zip", zipped(hw2=notebook() + bytes(1 << 26)), "", "more than"),
        ("hw2.zip", zipped(hw2=OTHER), "", "hw2.zip is no .ipynb; ask for"),
        ("hw2.py", b"def step_forward\nclass Model", "", "a Python file; ask for"),
        ("hw2.PDF", b"%PDF", "", "a PDF; ask for"),
        ("hw2.docx", zipped(hw2=notebook()), "", "a Word document; ask for"),
        ("hw2.txt", b"", "", "an empty file; ask for"),
        ("hw2", b"hello", "", "hw2 is no .ipynb; ask for"),
        ("hw2.ipynb", b"", None, "an empty file, which does not look like the homework; ask for"),
        ("hw2.ipynb", OTHER, None, "does not look like the homework; ask for"),
    ],
)
def test_what_to_ask_for(file: str, data: bytes, found: str | None, why: str, course: Course, tmp_path: Path) -> None:
    """found: what stands in the notebook collected; None: collected, but not the homework; "": nothing collected."""
    report = collect(course, "hw", pack(tmp_path / "a.zip", {f"doejane_1042_88000_{file}": data}), roster(tmp_path))
    (item,) = report.items
    assert why in item.why
    assert course.submitted("1042", "hw").exists() == (found != "")
    if found:
        assert course.submitted("1042", "hw").read_bytes() == notebook(found)
    assert [(ask.user, ask.why) for ask in report.write_to] == ([] if found else [("1042", item.why)])


def test_nobody_is_written_to_who_has_handed_in_the_homework(course: Course, tmp_path: Path) -> None:
    entries = {"doejane_1042_1_x.ipynb": notebook(), "doejane_1042_2_x.pdf": b"%PDF"}
    assert collect(course, "hw", pack(tmp_path / "a.zip", entries), roster(tmp_path)).write_to == ()


def test_a_roster_of_another_course_is_refused(course: Course, tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"ghost_1077_1_x.ipynb": notebook(), "spook_1078_2_x.ipynb": notebook()})
    before = tree(course)
    with pytest.raises(AssignmentError, match=r"grades\.csv: names nobody of those in a\.zip, so it is another"):
        collect(course, "hw", archive, roster(tmp_path))
    assert tree(course) == before


def test_again_changes_nothing(course: Course, tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"doejane_1042_1_x.ipynb": notebook(), "王小明_1044_2_x.ipynb": OTHER})
    first = collect(course, "hw", archive, roster(tmp_path))
    before, stamps = tree(course), {p: p.stat().st_mtime_ns for p in (course.root / "submitted").rglob("*")}
    second = collect(course, "hw", archive)  # the roster is remembered
    assert second == first
    assert tree(course) == before
    assert {p: p.stat().st_mtime_ns for p in (course.root / "submitted").rglob("*")} == stamps
    assert sorted(path.name for path in course.collected("hw").iterdir()) == ["a.zip", "attempts", "roster.csv"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_archives_in_any_order_end_the_same(order: tuple[int, ...], course: Course, tmp_path: Path) -> None:
    archives = [
        pack(tmp_path / "1" / "submissions.zip", {"doejane_1042_10_x.ipynb": notebook("first")}),
        pack(tmp_path / "2" / "submissions.zip", {"doejane_LATE_1042_20_x.ipynb": notebook("second")}),
        pack(tmp_path / "3" / "submissions.zip", {"doejane_LATE_1042_30_x.ipynb": OTHER}),  # the wrong file, last
    ]
    for place in order:
        report = collect(course, "hw", archives[place], roster(tmp_path))
        assert report.kept.read_bytes() == archives[place].read_bytes()
    assert course.submitted("1042", "hw").read_bytes() == notebook("second")
    assert json.loads(course.submitted("1042", "hw").with_name("canvas.json").read_text())["attachment"] == "20"
    assert len(list(course.collected("hw").glob("*.zip"))) == 3  # all three are kept, whatever they were called


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in "123":
        (tmp_path / name).mkdir()


def test_older_archive_says_why_it_is_not_taken(course: Course, tmp_path: Path) -> None:
    collect(course, "hw", pack(tmp_path / "new.zip", {"doejane_1042_20_x.ipynb": notebook("new")}), roster(tmp_path))
    report = collect(course, "hw", pack(tmp_path / "old.zip", {"doejane_1042_10_x.ipynb": notebook("old")}))
    assert did(report) == {"doejane_1042_10_x.ipynb": "superseded"}
    assert why(report, "doejane_1042_10_x.ipynb") == "attachment 20, collected from new.zip, is newer"
    assert not report.useless


@pytest.mark.parametrize("with_record", [True, False])
def test_what_a_person_put_there_is_left_alone(with_record: bool, course: Course, tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"doejane_1042_10_x.ipynb": notebook()})
    if with_record:
        collect(course, "hw", archive, roster(tmp_path))
    path = course.submitted("1042", "hw")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"by hand")
    report = collect(course, "hw", archive, roster(tmp_path))
    assert path.read_bytes() == b"by hand"
    assert "left alone" in why(report, "doejane_1042_10_x.ipynb")


@pytest.mark.parametrize("then", ["new", "newer"])
@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("write", [0, 1, 2])
def test_killed_at_any_write_and_run_again(
    then: str, before: str | None, write: int, course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before:
        old = pack(tmp_path / "old.zip", {"doejane_1042_10_x.ipynb": notebook(before)})
        collect(course, "hw", old, roster(tmp_path))
    archive = pack(tmp_path / "new.zip", {"doejane_1042_20_x.ipynb": notebook("new")})

    class KilledError(BaseException):
        pass

    place = Path.replace
    left = [write]

    def dies(self: Path, target: Path) -> Path:
        if "submitted" in str(target):
            left[0] -= 1
            if left[0] < 0:
                raise KilledError
        return place(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        if write < 2:
            with pytest.raises(KilledError):
                collect(course, "hw", archive, roster(tmp_path))
        else:
            collect(course, "hw", archive, roster(tmp_path))
    newer = pack(tmp_path / "newer.zip", {"doejane_1042_30_x.ipynb": notebook("newer")})
    report = collect(course, "hw", archive if then == "new" else newer, roster(tmp_path))
    assert [item.did for item in report.items] == ["collected"]
    assert sorted(tree(course)) == ["1042/hw/canvas.json", "1042/hw/hw.ipynb"]
    assert course.submitted("1042", "hw").read_bytes() == notebook(then)


def test_without_roster_everybody_is_known(course: Course, tmp_path: Path) -> None:
    entries = {"doejane_1042_10_x.ipynb": notebook(), "team_7_1044_20_x.ipynb": notebook()}
    report = collect(course, "hw", pack(tmp_path / "a.zip", entries))
    assert set(did(report).values()) == {"collected"}
    assert "guess" in why(report, "team_7_1044_20_x.ipynb")
    with course.gradebook() as gradebook:
        assert gradebook.find_student("1042").last_name == "doejane"
    collect(course, "hw", pack(tmp_path / "a.zip", entries), roster(tmp_path))
    collect(course, "hw", pack(tmp_path / "a.zip", entries))
    with course.gradebook() as gradebook:
        assert gradebook.find_student("1042").last_name == "Doe"


def test_a_name_from_an_archive_never_takes_the_place_of_a_real_one(course: Course) -> None:
    enrol(course, [RosterEntry("1042", "Doe, Jane", login="jane")])
    enrol(course, [], [RosterEntry("1042", "doejane"), RosterEntry("1044", "王小明")])
    with course.gradebook() as gradebook:
        assert (gradebook.find_student("1042").last_name, gradebook.find_student("1044").last_name) == ("Doe", "王小明")


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("entry", "data", "words"),
    [
        ("../doejane_1042_1_x.ipynb", b"x", "out of the archive"),
        ("a/../../doejane_1042_1_x.ipynb", b"x", "out of the archive"),
        ("..\\doejane_1042_1_x.ipynb", b"x", "out of the archive"),
        ("/etc/doejane_1042_1_x.ipynb", b"x", "absolute"),
        ("C:\\doejane_1042_1_x.ipynb", b"x", "absolute"),
        (link("doejane_1042_1_x.ipynb"), b"/etc/passwd", "link"),
        ("doejane_1042_1_x.ipynb", b"\0" * 5_000_000, "absurdly"),
        ("doejane_1042_1_x.ipynb", random.Random(0).randbytes(2_000_001), "more than the 2000000 allowed"),
    ],
)
def test_bad_entry_is_refused_alone(
    entry: str | zipfile.ZipInfo, data: bytes, words: str, course: Course, tmp_path: Path
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(entry, data, compress_type=zipfile.ZIP_DEFLATED)
        file.writestr("王小明_1044_2_x.ipynb", notebook())
    size = 2_000_000 if "2000000" in words else 64 << 20
    report = collect(course, "hw", archive, roster(tmp_path), limits=ArchiveLimits(size=size))
    assert [item.did for item in report.items] == ["refused", "collected"]
    assert words in report.items[0].why
    assert [student.user for student in report.nothing] == ["1045", "1047", "1060"]  # Jane did hand in something
    assert sorted(path.name for path in (course.root / "submitted").iterdir()) == ["1044"]


def test_second_entry_of_the_same_name_is_refused(course: Course, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("doejane_1042_1_x.ipynb", notebook("one"))
        file.writestr("doejane_1042_1_x.ipynb", notebook("two"))
    report = collect(course, "hw", archive, roster(tmp_path))
    assert [item.did for item in report.items] == ["collected", "refused"]
    assert course.submitted("1042", "hw").read_bytes() == notebook("one")


def test_entry_that_lies_about_its_size_or_is_damaged(course: Course, tmp_path: Path) -> None:
    archive = pack(
        tmp_path / "a.zip", {"doejane_1042_1_x.ipynb": b"A" * 3000 + notebook(), "王小明_1044_2_x.ipynb": OTHER}
    )
    data = archive.read_bytes()
    at = data.index(b"doejane_1042_1_x.ipynb") + len("doejane_1042_1_x.ipynb")
    archive.write_bytes(data[: at + 8] + bytes([data[at + 8] ^ 0xFF]) + data[at + 9 :])
    report = collect(course, "hw", archive, roster(tmp_path))
    assert [item.did for item in report.items] == ["refused", "collected"]
    assert "damaged" in report.items[0].why


def test_limits_count_what_is_really_unpacked(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {f"{n}.ipynb": b"x" * 1000 for n in range(4)})
    with open_archive(archive, ArchiveLimits(entries=3, total=2500)) as opened:
        a, b, c, d = opened.members
        assert [len(opened.read(one)) for one in (a, b)] == [1000, 1000]
        with pytest.raises(RefusedError, match="more than is allowed"):
            opened.read(c)
        assert "more than 3 entries" in d.refused


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_no_zip_archive(data: bytes, course: Course, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(AssignmentError, match="not a zip archive"):
        collect(course, "hw", path, roster(tmp_path))
    assert not course.collected("hw").exists()


def test_missing_archive_and_empty_roster(course: Course, tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="no such file"):
        collect(course, "hw", tmp_path / "a.zip")
    with pytest.raises(AssignmentError, match="names no student"):
        collect(course, "hw", tmp_path / "a.zip", roster(tmp_path, "Student,ID,Section,hw (1)\n"))


def test_name_without_utf8_flag(course: Course, tmp_path: Path) -> None:
    """macOS packs UTF-8 names without saying so."""
    archive = pack(tmp_path / "a.zip", {"王小明_1044_2_作业.ipynb": notebook()})
    data = archive.read_bytes()
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + flags
        data = data[: at + 1] + bytes([data[at + 1] & ~0x08]) + data[at + 2 :]
    archive.write_bytes(data)
    report = collect(course, "hw", archive, roster(tmp_path))
    assert did(report) == {"王小明_1044_2_作业.ipynb": "collected"}


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (b"def step_forward(x): class Model:", True),
        (b"def step_forward(x):", True),  # half of it
        (b"step_forward(x) Model()", False),  # used, not defined
        (b"", False),
    ],
)
def test_homework_test(data: bytes, is_it: bool) -> None:
    assert homework_test(EXERCISES)(data) is is_it


def odd_class(rng: random.Random, size: int) -> tuple[str, dict[str, bytes], dict[str, bytes | None]]:
    """Return (roster CSV, archive entries, what must end up in submitted/ by user; None: nothing) of an odd class."""
    rows = ["Student,ID,SIS Login ID,Section,hw (1290)"]
    entries: dict[str, bytes] = {}
    wanted: dict[str, bytes | None] = {}
    attachment = 900_000
    names = [
        "Doe, J{n}",
        "王小{n}",
        "Müller-{n}, Jörg",
        "{n}",
        "_ {n}",
        "team_{n}",
        "O'Neil, 🙂",
        "x_{n}_{m}",
        "=1+{n}",
    ]
    for n in range(size):
        user = str(1000 + 7 * n)
        name = names[n % len(names)].format(n=n, m=1000 + 7 * ((n + 1) % size))
        rows.append(f'"{name}",{user},login{n},1,')
        late = rng.choice(["", "_LATE", "_late"])
        prefix = f"{squeezed(name)}{late}_{user}"
        kind = n % 11
        wanted[user] = None
        if kind == 0:
            continue  # handed in nothing
        if kind == 1:
            entries[f"{prefix}_{rng.choice(['text', 'link'])}.html"] = b"<html>"
            continue
        if kind == 2:
            entries[f"{prefix}_{attachment}_hw2.pdf"] = b"%PDF"
            attachment += 1
            continue
        files = ["作业 2.ipynb", f"519030_{n}_hw2.ipynb", "hw2.ipynb", "hw2-1.ipynb"][: 1 + kind % 4]
        for number, file in enumerate(files):
            data = notebook(f"{n} {number}")
            entries[f"{prefix}_{attachment}_{file}"] = data
            wanted[user] = data
            attachment += rng.randint(1, 5)
        if kind == 5:
            entries[f"{prefix}_{attachment}_notes.ipynb"] = OTHER  # newer, but not the homework
            attachment += 1
        if kind == 6:
            entries[f"__MACOSX/._{prefix}_{attachment}_hw2.ipynb"] = b"junk"
    shuffled = list(entries.items())
    rng.shuffle(shuffled)
    return "\n".join(rows) + "\n", dict(shuffled), wanted


def test_a_class_of_300_reconciles_to_the_last_student(course: Course, tmp_path: Path) -> None:
    text, entries, wanted = odd_class(random.Random(231), 300)
    steps: list[tuple[int, int]] = []
    report = collect(
        course,
        "hw",
        pack(tmp_path / "a.zip", entries),
        roster(tmp_path, text),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert {item.entry for item in report.items} == set(entries)
    got = {path.parent.parent.name: path.read_bytes() for path in (course.root / "submitted").rglob("*.ipynb")}
    assert got == {user: data for user, data in wanted.items() if data is not None}
    nothing, useless = {s.user for s in report.nothing}, {s.user for s in report.useless}
    assert nothing == {user for n, user in enumerate(wanted) if n % 11 == 0}
    assert useless == {user for n, user in enumerate(wanted) if n % 11 in (1, 2)}
    assert len(got) + len(nothing) + len(useless) == 300
    assert report.counts["unknown student"] == report.counts["refused"] == 0
    assert not any("guess" in item.why for item in report.items)
    assert steps[-1] == (steps[-1][1], steps[-1][1])
    with course.gradebook() as gradebook:
        assert {student.id for student in gradebook.students} == set(wanted)

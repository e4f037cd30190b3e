"""Names in Canvas's archives: every example of the description, ambiguities, and names that Canvas takes back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assignment.canvas import feedback_name, parse, squeezed

ROSTER = {
    "1042": "Doe, Jane",
    "1044": "王小明",
    "1045": "Müller, Jörg",
    "1047": "45",
    "1050": "van der Berg, A. B.",
    "1055": "__12",
}
ATTACHED = [
    # entry, name, late, user, attachment, file
    ("doejane_1042_88123_hw2.ipynb", "doejane", False, "1042", "88123", "hw2.ipynb"),
    ("doejane_LATE_1042_88123_hw2-2.ipynb", "doejane", True, "1042", "88123", "hw2-2.ipynb"),
    ("doejane_late_1042_88123_hw2.ipynb", "doejane", True, "1042", "88123", "hw2.ipynb"),  # older Canvas
    ("王小明_1044_88125_作业 2.ipynb", "王小明", False, "1044", "88125", "作业 2.ipynb"),
    ("müllerjörg_1045_88126_hw2.ipynb", "müllerjörg", False, "1045", "88126", "hw2.ipynb"),
    ("mu\u0308llerjo\u0308rg_1045_88126_hw2.ipynb", "müllerjörg", False, "1045", "88126", "hw2.ipynb"),  # macOS
    ("vanderbergab_LATE_1050_88130_what_v2.ipynb", "vanderbergab", True, "1050", "88130", "what_v2.ipynb"),
    ("LATE_anon_Xy9Qk_88139_hw2.ipynb", "", True, "anon_Xy9Qk", "88139", "hw2.ipynb"),
    ("anon_Xy9Qk_88139_hw_2.ipynb", "", False, "anon_Xy9Qk", "88139", "hw_2.ipynb"),
    ("team7_1042_88140_hw2.ipynb", "team7", False, "1042", "88140", "hw2.ipynb"),
    ("45_1047_88128_hw2.ipynb", "45", False, "1047", "88128", "hw2.ipynb"),
    ("__12_1055_88135_hw2.ipynb", "__12", False, "1055", "88135", "hw2.ipynb"),
    ("team_7_1042_88140_hw2.ipynb", "team_7", False, "1042", "88140", "hw2.ipynb"),
    ("doejane_1042_88123_hw-1.ipynb", "doejane", False, "1042", "88123", "hw-1.ipynb"),  # -1: no attempt number
    ("doejane_1042_88123_519030_hw2.ipynb", "doejane", False, "1042", "88123", "519030_hw2.ipynb"),  # own number in it
    ("doejane_1042_88123_1045_88126_x.ipynb", "doejane", False, "1042", "88123", "1045_88126_x.ipynb"),  # name decides
    ("doejane_1042_88123_text.html", "doejane", False, "1042", "88123", "text.html"),  # a file of that name
    ("doejane_1042_88123_link.ipynb", "doejane", False, "1042", "88123", "link.ipynb"),
    ("doejane_1042_88123_my_link.ipynb", "doejane", False, "1042", "88123", "my_link.ipynb"),
    ("_1042_88123_hw2.ipynb", "", False, "1042", "88123", "hw2.ipynb"),  # a name of nothing but emoji
]


@pytest.mark.parametrize(("entry", "name", "late", "user", "attachment", "file"), ATTACHED)
def test_attachment(entry: str, name: str, late: bool, user: str, attachment: str, file: str) -> None:
    read = parse(entry, ROSTER)
    assert read is not None
    assert (read.name, read.late, read.user, read.attachment, read.file) == (name, late, user, attachment, file)
    assert read.kind == "attachment"
    assert not read.guessed


@pytest.mark.parametrize(
    ("entry", "name", "late", "user", "kind"),
    [
        ("doejane_LATE_1042_text.html", "doejane", True, "1042", "text"),
        ("doejane_1042_link.html", "doejane", False, "1042", "link"),
        ("team_7_1042_text.html", "team_7", False, "1042", "text"),
        ("LATE_anon_Xy9Qk_text.html", "", True, "anon_Xy9Qk", "text"),
    ],
)
def test_page_without_attachment(entry: str, name: str, late: bool, user: str, kind: str) -> None:
    read = parse(entry, ROSTER)
    assert read is not None
    assert (read.name, read.late, read.user, read.kind, read.attachment) == (name, late, user, kind, None)


@pytest.mark.parametrize(
    ("entry", "roster", "user", "guessed"),
    [
        ("team_7_1042_88140_hw2.ipynb", {}, "7", True),  # nothing tells: the shortest name, said to be a guess
        ("team_7_1042_88140_hw2.ipynb", {"1042": "Doe, Jane"}, "1042", False),
        ("team_7_1042_88140_hw2.ipynb", {"7": "Li, Na"}, "7", False),
        ("team_7_1042_88140_hw2.ipynb", {"7": "Li, Na", "1042": "Doe, Jane"}, "1042", False),  # 1042 is a person
        ("doejane_1042_88123_hw2.ipynb", {}, "1042", False),
        ("x_1_2_3_4.ipynb", {"1": "", "2": "", "3": ""}, "1", True),
        ("anon_12345_88139_hw2.ipynb", {"1042": "Doe, Jane"}, "anon_12345", False),
        ("anon_Xy9Qk_88139_1042_99999_x.ipynb", {"1042": "Doe, Jane"}, "anon_Xy9Qk", False),  # not Jane's
        ("doejane_1042_88123_1047_99999_x.ipynb", {"1042": "Doe, Jane", "1047": "45"}, "1042", False),  # nor 45's
        ("anon_12345_88139_hw2.ipynb", {"12345": "Anon"}, "12345", False),
    ],
)
def test_roster_decides(entry: str, roster: dict[str, str], user: str, guessed: bool) -> None:
    read = parse(entry, roster)
    assert read is not None
    assert (read.user, read.guessed) == (user, guessed)


def test_older_late_that_belongs_to_the_name() -> None:
    read = parse("team_late_1042_88140_hw2.ipynb", {"1042": "team_late"})
    assert read is not None
    assert (read.name, read.late) == ("team_late", False)


@pytest.mark.parametrize(
    "entry", ["._doejane_1042_88123_hw2.ipynb", "README.txt", "hw2.ipynb", "a_b_c.ipynb", ".DS_Store"]
)
def test_nobodys(entry: str) -> None:
    assert parse(entry, ROSTER) is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Doe, Jane", "doejane"),
        ("O'Neil-Smith, Zoë", "oneilsmithzoë"),
        ("王 小明", "王小明"),
        ("🙂", ""),
        ("सिंह", "सिंह"),
    ],
)
def test_squeezed(name: str, kept: str) -> None:
    assert squeezed(name) == kept


def described_context(filename: str) -> tuple[str, str] | None:
    """Infer (user, attachment) as the description has it: from the archive's own form of name."""
    if filename.startswith("._"):
        return None
    anonymous = re.match(r"(?:LATE_)?(anon_[A-Za-z0-9]+)_([0-9]+)_", filename)
    if anonymous:
        return anonymous[1], anonymous[2]
    named = re.match(r"^(?P<name>.*?)(?P<late>_LATE)?_(?P<user>[0-9]+)_(?P<attachment>[0-9]+)_(?P<file>.+)$", filename)
    return (named["user"], named["attachment"]) if named else None


def token_context(filename: str) -> tuple[str, str] | None:
    """Infer (user, attachment) as Canvas's code does it: from the first numbers between underscores."""
    tokens = [token for token in filename.split("_") if token != "LATE"]
    if filename.startswith("._") or tokens[-1].startswith("link"):
        return None
    if tokens[0] == "anon":
        return f"anon_{tokens[1]}", tokens[2]
    numbers = [token for token in tokens if re.fullmatch("[0-9]+", token)]
    return (numbers[0], numbers[1]) if len(numbers) > 1 else None


@pytest.mark.parametrize(("entry", "user", "attachment"), [(row[0], row[3], row[4]) for row in ATTACHED])
def test_feedback_comes_back_to_its_student(entry: str, user: str, attachment: str) -> None:
    read = parse(entry, ROSTER)
    assert read is not None
    name = feedback_name(read.name, user, attachment, read.file)
    assert described_context(name) == token_context(name) == (user, attachment)
    assert name.endswith(".ipynb") or not entry.endswith(".ipynb")


def test_names_as_downloaded_would_not_all_come_back() -> None:
    """Why feedback_name exists: Canvas misreads some of its own names."""
    assert token_context("45_1047_88128_hw2.ipynb") == ("45", "1047")
    assert token_context("doejane_1042_88123_my_link.ipynb") is None


@given(
    name=st.text(max_size=12),
    user=st.from_regex(r"[1-9][0-9]{0,6}|anon_[A-Za-z0-9]{5}", fullmatch=True),
    attachment=st.from_regex(r"[1-9][0-9]{0,7}", fullmatch=True),
    file=st.text(st.characters(exclude_characters="\n\r"), min_size=1, max_size=20),
)
def test_any_feedback_name_comes_back(name: str, user: str, attachment: str, file: str) -> None:
    made = feedback_name(name, user, attachment, file)
    assert described_context(made) == token_context(made) == (user, attachment)
    assert not set(made) & set('\0/\\:*?"<>|')


@given(
    name=st.text(max_size=12),
    late=st.booleans(),
    user=st.integers(1, 10**7).map(str),
    attachment=st.integers(1, 10**8).map(str),
    file=st.text(min_size=1, max_size=20),
)
def test_any_name_of_a_student_on_the_roster_is_read(
    name: str, late: bool, user: str, attachment: str, file: str
) -> None:
    plain = squeezed(file) + ".ipynb"
    read = parse(f"{squeezed(name)}{'_LATE' if late else ''}_{user}_{attachment}_{plain}", {user: name})
    assert read is not None
    assert (read.late, read.user, read.attachment, read.file) == (late, user, attachment, plain)

"""Canvas's gradebook CSV in every variant it is exported in, and the file it imports."""

import csv
import io
from pathlib import Path

import pytest

from assignment.canvas.files import find_column, import_csv, number, read_gradebook
from assignment.errors import AssignmentError
from assignment.text import defused
from tests import CORPORA

PLAIN = '''\
Student,ID,SIS Login ID,Section,Notes,Homework 1 (1289),rnn (1290),Current Score,Final Score (2026)
,,,,,,Manual Posting,,
    Points Possible,,,,,10.00,50.00,(read only),(read only)
"Doe, Jane",1042,jane,Class 1,late twice,9.00,,91.00,91.00
"王小明",1044,xiaoming,Class 1,,EX,EX,80.00,80.00
"=""=1+1""",1045,eve,Class 2,,N/A,N/A,,
"Student, Test",1099,test,Class 1,,,,,
'''
WITH_ALL_IDS = """\
Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section,rnn (1290)
    Points Possible,,,,,,,50.00
"Doe, Jane",1042,519001,jane,i1,canvas.example,Class 1,8.50
"""
SPLIT_NAMES = """\
LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,rnn (1290)
    Points Possible,,,,,,50.00
Doe,Jane,1042,519001,jane,Class 1,8.50
Student,Test,1099,,test,Class 1,
"""
MINIMAL = "Student,ID,Section,rnn (1290)\n王小明,1044,,\n"


def variants(text: str) -> dict[str, bytes]:
    """Return a gradebook as Canvas (or a spreadsheet after it) may write it: separator, BOM, encoding, line ends."""
    rows = list(csv.reader(io.StringIO(text)))
    comma = [[cell.replace(".", ",") if number(cell) is not None else cell for cell in row] for row in rows]

    def write(table: list[list[str]], separator: str) -> str:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=separator).writerows(table)
        return out.getvalue()

    return {
        "comma": text.encode(),
        "bom": text.encode("utf-8-sig"),
        "semicolon": write(comma, ";").encode(),
        "semicolon, bom": write(comma, ";").encode("utf-8-sig"),
        "comma, comma decimals": write(comma, ",").encode(),
        "tab": write(rows, "\t").encode(),
        "saved by a Chinese Excel": write(rows, ",").encode("gb18030"),
        "old Mac": text.replace("\n", "\r").encode(),
    }


@pytest.mark.parametrize("variant", variants(PLAIN))
def test_every_variant_reads_the_same(variant: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(variants(PLAIN)[variant])
    gradebook = read_gradebook(path)
    assert [(s.user, s.name, s.login, s.section) for s in gradebook.students] == [
        ("1042", "Doe, Jane", "jane", "Class 1"),
        ("1044", "王小明", "xiaoming", "Class 1"),
        ("1045", "=1+1", "eve", "Class 2"),
        ("1099", "Student, Test", "test", "Class 1"),
    ]
    assert [student.user for student in gradebook.students if student.test] == ["1099"]
    assert [(c.title, c.id, c.points) for c in gradebook.columns] == [("Homework 1", "1289", 10), ("rnn", "1290", 50)]
    homework, rnn = gradebook.columns
    assert number(homework.cells["1042"]) == 9
    assert rnn.cells == {"1042": "", "1044": "EX", "1045": "N/A", "1099": ""}


@pytest.mark.parametrize(
    ("text", "student"),
    [
        (WITH_ALL_IDS, ("1042", "Doe, Jane", "519001", "jane", "Class 1")),
        (SPLIT_NAMES, ("1042", "Doe, Jane", "519001", "jane", "Class 1")),
        (MINIMAL, ("1044", "王小明", "", "", "")),
    ],
)
def test_columns_of_ids_and_names(text: str, student: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    gradebook = read_gradebook(path)
    first = gradebook.students[0]
    assert (first.user, first.name, first.sis, first.login, first.section) == student
    assert [column.id for column in gradebook.columns] == ["1290"]
    assert all(s.test == (s.user == "1099") for s in gradebook.students)


@pytest.mark.parametrize(
    ("name", "names"),
    [("Doe, Jane", ("Jane", "Doe")), ("王小明", ("", "王小明")), ("de la Cruz, Ana", ("Ana", "de la Cruz"))],
)
def test_first_and_last_name(name: str, names: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(f'Student,ID,Section,rnn (1290)\n"{name}",1,,\n', encoding="utf-8")
    assert read_gradebook(path).students[0].names == names


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Student and ID"),
        (b"name,score\nJane,5\n", "Student and ID"),
        (b"PK\x03\x04\xff\xff\xff", "not UTF-8"),
        (b"Student,ID,Section,rnn (1290)\nJane,1.04E+03,,\n", "no Canvas id"),
        (b"Student,ID,Section,rnn (1290)\nJane,,,\n", "row 2"),
        (b'Student,ID,Section,rnn (1290)\n"' + b"x" * 200_000 + b'",1,,\n', "not a CSV file"),
    ],
)
def test_what_is_no_gradebook_is_said(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(data)
    with pytest.raises(AssignmentError, match=words):
        read_gradebook(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="no such file"):
        read_gradebook(tmp_path / "roster.csv")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8.0),
        ("8.50", 8.5),
        ("1,234", 1.234),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("-3", -3.0),
        ("EX", None),
        ("", None),
        ("8.", None),
        ("(read only)", None),
    ],
)
def test_number(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\tx", " =1", "＝1", "＋1", "－1", "＠x", "\r=1"])
def test_formula_does_not_run(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Doe, Jane", "王小明", "O'Neil", "", "a=b", "'quoted'"])
def test_no_formula_is_left_as_it_is(text: str) -> None:
    assert defused(text) == text


COLUMNS = """\
Student,ID,Section,RNN (1290),RNN bonus (1291),Essay (1292)
    Points Possible,,,100,5,10
Jane,1,,,,
"""


@pytest.mark.parametrize(
    ("assignment", "wanted", "id"),
    [("rnn", None, "1290"), ("rnn", "1291", "1291"), ("x", "Essay", "1292"), ("essay", None, "1292")],
)
def test_find_column(assignment: str, wanted: str | None, id: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(COLUMNS)
    assert find_column(read_gradebook(path), path, [assignment], wanted).id == id


@pytest.mark.parametrize(("assignment", "wanted"), [("bonuses", None), ("rnn", "1293"), ("n", None)])
def test_no_single_column_lists_them(assignment: str, wanted: str | None, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(COLUMNS)
    with pytest.raises(AssignmentError, match=r"--column ID: RNN \(1290\); RNN bonus"):
        find_column(read_gradebook(path), path, [assignment], wanted)


def test_column_without_an_id_would_become_a_new_assignment(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("Student,ID,Section,rnn\n    Points Possible,,,100\nJane,1,,\n")
    assert [column.title for column in read_gradebook(path).columns] == ["rnn"]
    with pytest.raises(AssignmentError, match="no column for rnn"):
        find_column(read_gradebook(path), path, ["rnn"])


@pytest.mark.parametrize("title", ["作业二", "rnn2", "Homework 1"])
def test_a_lone_column_of_another_name_is_not_taken(title: str, tmp_path: Path) -> None:
    """It may be another homework's, whose marks would be overwritten."""
    path = tmp_path / "roster.csv"
    path.write_text(f"Student,ID,Section,{title} (1290)\nJane,1,,\n", encoding="utf-8")
    with pytest.raises(AssignmentError, match=rf"no column for rnn; choose one with --column ID: {title} \(1290\)"):
        find_column(read_gradebook(path), path, ["rnn", "循环网络"])


def test_the_title_of_the_homework_tells_its_column(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("Student,ID,Section,循环网络 (1290),x (1291)\nJane,1,,\n", encoding="utf-8")
    assert find_column(read_gradebook(path), path, ["rnn", "循环网络"]).id == "1290"


GARBLED = "Student,ID,Section,rnn (1290)\n{},1042,A,\n"


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        ("Müller; Jörg", "cp1252"),
        ("Novák; Jan", "cp1252"),
        ("Özdemir; Ali", "cp1254"),
        ('Peña; José",1,A,\n"Crée', "cp1252"),
        ("Å", "cp1252"),
        ("Wałęsa; Lech", "cp1250"),
        ("Иванов; Иван", "cp1251"),
        ("Παπαδόπουλος", "cp1253"),
        ("陳大文; 黃小明; 林志玲", "big5"),
        ("山田太郎; 鈴木花子; 佐藤さくら", "shift_jis"),
        ("김민수; 이영희; 박지훈; 최수빈; 정하은", "euc_kr"),
        ("山田太郎; 鈴木花子; 佐藤さくら", "euc_jp"),
    ],
)
def test_a_roster_in_an_encoding_that_cannot_be_told(names: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(GARBLED.format(f'"{names}"').encode(encoding))
    with pytest.raises(
        AssignmentError, match=r"not UTF-8, so names would be garbled .* save it in Excel as 'CSV UTF-8'"
    ):
        read_gradebook(path)


def test_the_roster_that_a_western_excel_saved() -> None:
    with pytest.raises(AssignmentError, match=r"roster_cp1252_excel\.csv: not UTF-8"):
        read_gradebook(CORPORA / "roster_cp1252_excel.csv")


@pytest.mark.parametrize("names", ["王小明", "朱镕基", "王喆; 李堃", "欧阳锋", "RNN班 张三", "刘德华"])
def test_a_roster_that_a_chinese_excel_saved(names: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(GARBLED.format(f'"{names}"').encode("gbk"))
    assert read_gradebook(path).students[0].name == names


def canvas_import(text: str, students: dict[str, str], columns: dict[str, str]) -> dict[tuple[str, str], str]:
    """Import a CSV as the description says Canvas does; return (user, column id) -> grade; students: id -> name."""
    rows = list(csv.reader(io.StringIO(text)))
    header = rows[0]
    assert len(header) >= 4
    assert "Student" in header[0] and not text.startswith('\ufeff"')  # so Canvas looks; Ruby's CSV knows no mark
    assert header[1:3] == ["ID", "Section"]  # Section directly after the id columns
    grades = {}
    for row in rows[1:]:
        assert row[1] in students, "Canvas would match the row by name, or make up a student"
        for index, title in enumerate(header[3:], 3):
            id = title.rpartition("(")[2].rstrip(")")
            assert id in columns, "Canvas would make a NEW assignment"
            grades[row[1], id] = row[index]
    return grades


@pytest.mark.parametrize("variant", variants(PLAIN))
def test_round_trip(variant: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(variants(PLAIN)[variant])
    gradebook = read_gradebook(path)
    text = import_csv(gradebook, find_column(gradebook, path, ["rnn"]), {"1042": 44.125, "1045": 50.0})
    people = {student.user: student.name for student in gradebook.students}
    assert canvas_import(text, people, {"1290": "rnn"}) == {("1042", "1290"): "44.12", ("1045", "1290"): "50"}
    assert "\r\n'=1+1,1045," in text
    path.write_text(text, encoding="utf-8", newline="")
    again = read_gradebook(path)  # what we write, we read
    assert [(s.user, s.name) for s in again.students] == [("1042", "Doe, Jane"), ("1045", "=1+1")]
    assert again.columns[0].id == "1290"

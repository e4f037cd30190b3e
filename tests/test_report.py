"""The class page: its numbers, its pictures, what it escapes, and the same as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from typing import Any

import jsonschema
import pytest

from assignment.report.class_page import (
    ClassMember,
    ClassSummary,
    OpenCase,
    report,
    report_csv,
    report_json,
    summarise,
)
from assignment.text import BOM, defused, digits_kept
from tests import ROOT
from tests.support import feedback_samples as samples
from tests.support.feedback_samples import settle, summary
from tests.test_feedback import HOSTILE, Outline, tags

ABOUT = {"assignment": "rnn", "title": "循环神经网络", "made_at": "2025-04-14 10:20"}
ABSENT = {"missing": [{"student": "3001", "name": "van der Berg, A.B."}]}


def row(student: str, result: dict[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    """Return one student's row, with the standing that more makes."""
    notebook = f"../../autograded/{student}/rnn/rnn.ipynb"
    return {
        "student": student,
        "name": name,
        "result": result,
        "standing": settle(result, **more),
        "notebook": notebook,
    }


CLASS = [
    row("1041", samples.result(), "王小明"),
    row(
        "1042",
        samples.nearly_perfect(),
        "李静",
        late={"late": True, "days": 1.5},
        penalties=[{"kind": "late", "points": 5}],
    ),
    row("1043", samples.typical(), "Doe, Jane", manual={"rnn_step_backward": 12}),
    row("1044", samples.breach(), "刘伟", penalties=[{"kind": "rules", "points": 100}]),
    row("1045", samples.breach(), "陈静", waived={"todo": "by mail", "imports": "by mail"}),
    row("1046", samples.unreadable(), "杨一鸣"),
    row("1047", samples.typical(), "=cmd()"),
]


def as_json(of: ClassSummary) -> Any:
    """The summary as report.json has it."""
    return json.loads(report_json(of))


def test_json_is_what_its_schema_says() -> None:
    schema = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))
    planted = [row(str(number), samples.nearly_perfect() if number % 2 else samples.result()) for number in range(40)]
    for people in (CLASS, planted, []):
        jsonschema.validate(as_json(summary(people, ABOUT | ABSENT)), schema)
    assert set(schema["properties"]) == set(as_json(summary([], ABOUT)))


def test_a_check_that_looks_wrong_stands_before_the_marks() -> None:
    wrong = samples.nearly_perfect()
    for check in wrong["checks"]:
        for part in check["parts"]:
            part["mistake"] = ""
    found = summary([row(str(number), wrong) for number in range(12)], ABOUT)
    assert found.alarms and {alarm.kind for alarm in found.alarms} <= {"nobody", "same"}
    page = report(found)
    assert page.index("Checks to look at") < page.index("<h2>Marks")
    assert found.alarms[0].why in page
    assert "Checks to look at" not in report(summary(CLASS, ABOUT))


def test_numbers() -> None:
    found = as_json(summary(CLASS, ABOUT | ABSENT))
    assert {key: found[key] for key in ("handed_in", "graded", "median", "mean", "full", "max")} == {
        "handed_in": 7,
        "graded": 6,
        "median": 77.0,  # of 100, 87, 67, 0, 100, 62.2
        "mean": 69.37,
        "full": 2,
        "max": 100.0,
    }
    assert [one["count"] for one in found["histogram"]] == [1, 0, 0, 0, 0, 0, 2, 0, 1, 2]
    assert [one["zeroed"] for one in found["histogram"]] == [1, *[0] * 9]
    assert found["verdicts"] == {"graded": 6, "unreadable": 1}
    by_name = {one["name"]: one for one in found["exercises"]}
    assert by_name["rnn_step_backward"]["full"] == 4  # a TA's change alters the mark, not what students know
    assert by_name["rnn_step_backward"]["some"] == 2
    parts = {one["name"]: one for one in by_name["temporal_softmax_loss"]["parts"]}
    assert parts["dx"] == {"name": "dx", "count": 6, "passed": 4, "hidden": 2, "tried": 6, "discrimination": None}
    assert by_name["CaptioningRNN.loss"]["ended"] == 2
    named = [(one["mistake"], one["students"], one["parts"]) for one in found["mistakes"] if one["mistake"]]
    assert named == [
        ("overwritten-weights", 2, ["dWx", "dWh", "db"]),
        ("dprev_h-no-transpose", 2, ["dprev_h"]),
        ("dW-fancy-index", 1, ["dW"]),
    ]
    students = {one["student"]: one for one in found["students"]}
    assert students["1043"]["manual"] == {"rnn_step_backward": [7.2, 12.0]}
    assert students["1043"]["net"] == 67.0
    assert [one["consequence"] for one in students["1044"]["breaches"]] == ["zero", "zero"]
    assert [one["consequence"] for one in students["1045"]["breaches"]] == ["waived", "waived"]
    aliases = [one["alias"] for one in found["students"]]
    assert len(set(aliases)) == 7
    assert aliases != sorted(aliases)  # an alias that tells the place in the list tells the name
    often = [row("1", samples.typical()), *(row(student, samples.nearly_perfect()) for student in "234")]
    assert as_json(summary(often, ABOUT))["mistakes"][0]["mistake"] == "dW-fancy-index"
    mixed = row("1", samples.breach(), penalties=[{"kind": "rules", "points": 100}], waived={"todo": "by mail"})
    consequences = [one["consequence"] for one in as_json(summary([mixed], ABOUT))["students"][0]["breaches"]]
    assert consequences == ["waived", "zero"]
    flagged = row("1", samples.breach(), penalties=[{"kind": "rules", "points": 100}], spared=["imports"])
    consequences = [one["consequence"] for one in as_json(summary([flagged], ABOUT))["students"][0]["breaches"]]
    assert consequences == ["zero", "flagged"]


def test_numbers_leave_out_what_says_nothing_of_the_class() -> None:
    blank = {"message": "未完成：rnn_forward 还没有写"}
    unread = samples.result(verdict="unreadable", seconds=0.0)
    for check in unread["checks"]:
        check |= {"score": 0.0, "parts": [samples.part(check["name"], check["max"], passed=False, message="没有批改")]}
    two = [row("1", samples.result(samples.check("rnn_forward", {"h": blank}))), row("2", unread)]
    found = as_json(summary(two, ABOUT))
    forward = next(one for one in found["exercises"] if one["name"] == "rnn_forward")
    assert (forward["count"], forward["open"], [part["name"] for part in forward["parts"]]) == (1, 1, ["h"])
    assert found["mistakes"] == []
    assert found["students"][1]["checks"] == {}


def test_page_shows_what_a_ta_has_to_look_at() -> None:
    text = report(summary(CLASS, ABOUT | ABSENT))
    outline = Outline(text)
    assert outline.elements[0] == ("html", {"lang": "en"})
    assert ("meta", {"charset": "utf-8"}) in outline.elements
    assert ("p", {"class": "hint", "lang": "zh-CN"}) in outline.elements
    for words in (
        "循环神经网络",
        "2025-04-14 10:20",
        "np.add.at",
        "dprev_h-no-transpose",
        "return 0.0",
        "import torch",
    ):
        assert words in outline.text
    for words in ("of 8", "not JSON: line 1 column 1", "1.5 days, −5", "van der Berg", "waived by mail", "todo: zero"):
        assert words in outline.text
    links = [one["href"] for tag, one in outline.elements if tag == "a"]
    everyone, to_look_at = [one["student"] for one in CLASS], ["1043", "1044", "1045", "1046", "1047"]
    assert sorted(map(str, links)) == [
        f"./../../autograded/{student}/rnn/rnn.ipynb" for student in sorted([*everyone, *to_look_at])
    ]
    rows = [attributes for tag, attributes in outline.elements if tag == "th" and attributes.get("scope") == "row"]
    assert len(rows) == len(CLASS)


def test_page_stands_alone_and_runs_only_its_own_script() -> None:
    text = report(summary(CLASS, ABOUT))
    outline = Outline(text)
    assert not tags(text) & {"iframe", "object", "embed", "link", "base", "form", "img", "style-src"}
    assert [tag for tag, _ in outline.elements].count("script") == 1
    assert not re.search(r"https?:|url\(|@import|xlink", text)
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    policies = [one["content"] for _, one in outline.elements if one.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; base-uri 'none'; form-action 'none'",
        str(policies[0]),
    )


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_of_the_students_becomes_markup(case: str) -> None:
    evil = HOSTILE[case]
    part = {"message": evil, "hint": evil, "mistake": evil}
    result = samples.result(
        samples.check("rnn_forward", {"h": part}, ended="timeout", reason=evil),
        rules=[{"rule": evil, "breach": True, "cell": evil, "evidence": f"+ {evil}"}],
        repairs=[evil],
    )
    standing = settle(result, waived={evil: evil}, late={"late": True})
    evil_row = {
        "student": evil,
        "name": evil,
        "login": evil,
        "result": result,
        "standing": standing,
        "notebook": f"a/{evil}",
    }
    unread = samples.unreadable() | {"reason": evil, "verdict": evil}
    lost = {"student": evil + "2", "result": unread, "standing": settle(unread)}
    text = report(
        summary([evil_row, lost], dict.fromkeys(ABOUT, evil) | {"missing": [{"student": evil, "name": evil}]})
    )
    assert tags(text) <= tags(report(summary(CLASS, ABOUT | ABSENT)))
    outline = Outline(text)
    assert " ".join(evil.split()) in outline.text
    assert [tag for tag, _ in outline.elements].count("script") == 1
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert re.fullmatch(r"\./[\w%./~-]*", str(attributes.get("href", "./")))


@pytest.mark.parametrize("rows", [[], CLASS[:1], [CLASS[5]]], ids=["nobody", "one", "one that was not graded"])
def test_small_classes(rows: list[dict[str, Any]]) -> None:
    Outline(report(summary(rows, ABOUT)))
    assert json.loads(report_json(summary(rows, ABOUT)))["handed_in"] == len(rows)
    assert len(list(csv.reader(io.StringIO(report_csv(summary(rows, ABOUT)).removeprefix(BOM))))) == 1 + len(rows)


def test_what_could_not_be_graded_has_no_mark() -> None:
    table = list(csv.DictReader(io.StringIO(report_csv(summary(CLASS, ABOUT)).removeprefix(BOM))))
    marks = {line["student"]: line["net"] for line in table}
    assert marks == {
        "1041": "100.0",
        "1042": "87.0",
        "1043": "67.0",
        "1044": "0.0",
        "1045": "100.0",
        "1046": "",
        "1047": "62.2",
    }
    assert all(float(line["net"] or 0) >= 0 for line in table)


def test_csv_runs_as_no_formula() -> None:
    for cell in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "\r=1", "=cmd|' /C calc'!A0"):
        assert str(defused(cell)).startswith("'"), cell
    assert defused("王小明") == "王小明"
    text = report_csv(summary(CLASS, ABOUT))
    assert text.startswith("\ufeff")  # without a byte order mark Excel takes Chinese names for something else
    lines = list(csv.reader(io.StringIO(text.removeprefix(BOM))))
    assert lines[-1][1] == "'=cmd()"
    assert {len(line) for line in lines} == {len(lines[0])}
    assert text.count("\n") == text.count("\r\n")


@pytest.mark.parametrize(
    ("login", "cell"),
    [("007", '="007"'), ("123456789012345678", '="123456789012345678"'), ("1042", "1042"), ("0", "0"), ("0x1", "0x1")],
)
def test_csv_keeps_the_digits_of_ids(login: str, cell: str) -> None:
    """A spreadsheet takes 007 for 7, and rounds what is long."""
    assert digits_kept(login) == cell


def test_json_says_what_the_page_says() -> None:
    read = json.loads(report_json(summary(CLASS, ABOUT | ABSENT)))
    assert read == as_json(summary(CLASS, ABOUT | ABSENT))
    assert read["missing"] == [{"student": "3001", "name": "van der Berg, A.B."}]
    broken = samples.result() | {"seconds": float("nan")}
    assert json.loads(report_json(summary([row("1", broken)], ABOUT)))["students"][0]["seconds"] == 0


# --- equal mistakes once, and what needs a person


def wrong(exercise: str, **parts: dict[str, Any]) -> dict[str, Any]:
    return samples.result(samples.check(exercise, parts))


def mistakes_of(*results: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], int, bool]]:
    """(exercise, name, parts, students, whether the list of mistakes lacks it)."""
    found = summary([row(str(number), result) for number, result in enumerate(results)], ABOUT).mistakes
    return [(one.check, one.mistake, one.parts, one.students, one.lacking) for one in found]


HALVED = {"message": "是正确结果的 0.5 倍；db[0] 得到 1.5", "value": "5ba1", "mistake": ""}
RAISED = "运行出错：形状 (3, 4) 与 (4, 3) 对不上（rnn_forward 第 {0} 行）"


def test_what_came_back_equal_stands_once() -> None:
    assert mistakes_of(
        *[wrong("rnn_step_backward", db=HALVED)] * 4,
        wrong("rnn_step_backward", db=HALVED | {"value": "another"}),
        wrong("rnn_step_backward", db=HALVED, dx=HALVED),
        wrong("rnn_forward", h={"message": RAISED.format(7)}),
        wrong("rnn_forward", h={"message": RAISED.format(12)}),
        *[samples.result()] * 12,
    ) == [
        ("rnn_step_backward", "", ("db",), 4, True),
        ("rnn_forward", "", ("h",), 2, False),  # by the exception: where it was raised does not matter
        ("rnn_step_backward", "", ("db",), 1, False),
        ("rnn_step_backward", "", ("dx", "db"), 1, False),
    ]


def test_names_on_which_the_parts_of_a_check_disagree_are_not_taught_on() -> None:
    named = {"message": "不对", "mistake": "tanh_missing", "hint": "少了 tanh。"}
    other = named | {"mistake": "sum_missing"}
    assert mistakes_of(
        *[wrong("rnn_step_backward", dx=named, db=named)] * 2,
        wrong("rnn_step_backward", dx=named, db={"message": "不对"}),
        wrong("rnn_step_backward", dx=named, db=other),
        wrong("rnn_step_backward", dx={"message": "未完成：还没有写"}),
    ) == [
        ("rnn_step_backward", "tanh_missing", ("dx", "db"), 3, False),
        ("rnn_step_backward", "", ("db",), 1, False),
        ("rnn_step_backward", "", ("dx", "db"), 1, False),
    ]


def test_a_large_group_without_a_name_shows_an_example_and_says_that_a_name_is_lacking() -> None:
    members = [
        ClassMember(samples.standing(result, {"student": str(number)}, settle(result)), codes={"rnn_forward": "x = 7"})
        for number, result in enumerate([wrong("rnn_forward", h=HALVED)] * 3)
    ]
    text = report(summarise(members, "rnn"))
    assert "The list of mistakes lacks it" in text and "x = 7" in text
    assert "The list of mistakes lacks it" not in report(summarise(members[:2], "rnn"))


def test_what_needs_a_person_stands_first_with_its_command() -> None:
    text = report(summary(CLASS, ABOUT | ABSENT))
    order = ["What needs a person", "Rules broken, and nobody has looked", "Not graded", "<h2>Marks", "<h2>To know"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    first = text[: text.index("<h2>Marks")]
    for command in (
        "assignment confirm 1044",
        "assignment waive 1044 --rule todo --why",
        "assignment check submitted/1043/rnn/rnn.ipynb",
    ):
        assert command in unescape(first)
    assert "1045" not in first  # waived
    calm = report(summary([row("1041", samples.result())], ABOUT))
    assert "What needs a person" not in calm


def test_decisions_on_earlier_hand_ins_and_what_was_not_examined_by_itself_need_a_person() -> None:
    alone = samples.result(samples.check("rnn_backward", {"dx": {"passed": False}}, alone="no cache could be read"))
    pending = (
        OpenCase("1", "the score 3 for rnn_forward, given on the submission of 3 Nov", "assignment decide 1 --keep"),
    )
    made = [ClassMember(samples.standing(alone, {"student": "1"}, settle(alone)))]
    read = summarise(made, "rnn", pending=pending)
    first = unescape(report(read).partition("<h2>Marks")[0])
    for part in (
        "given on the submission of 3 Nov",
        "assignment decide 1 --keep",
        "rnn_backward: no cache could be read",
    ):
        assert part in first
    assert [case.command for case in read.pending][1] == "assignment check submitted/1/rnn/rnn.ipynb"


@pytest.mark.parametrize(("students", "said"), [(3, "too few"), (9, "all alike")])
def test_the_parts_say_how_well_they_tell_weak_from_strong(students: int, said: str) -> None:
    text = report(summary([row(str(number), samples.typical()) for number in range(students)], ABOUT))
    table = text[text.index('<table class="items">') :]
    assert said in table[: table.index("</table>")]


def test_the_page_speaks_one_language_where_nothing_is_unfolded() -> None:
    text = report(summary([row("1", samples.typical()), row("2", samples.nearly_perfect())], ABOUT | {"title": "RNN"}))
    shown = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert not re.search(r"[\u4e00-\u9fff]", Outline(shown).text)

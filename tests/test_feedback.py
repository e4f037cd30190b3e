"""The student's page, the annotated notebook and nbgrader's generate_feedback: what they show, hide and escape."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from assignment import words
from assignment.course import Course, tools_in_path
from assignment.errors import AssignmentError
from assignment.marking.breakdown import Arrival, objection_of, penalties_of
from assignment.marking.decisions import Decision, decide_on
from assignment.plugins.steps import FeedbackExporter
from assignment.report.annotated import annotate as student_annotate
from assignment.report.annotated import escaped, is_fenced
from assignment.report.student_page import exercises, summands
from assignment.report.student_page import page as student_page
from assignment.text import block, fenced, one_line, plain, points
from assignment.words import OBJECTION, lateness
from tests.support import feedback_samples as samples
from tests.support.feedback_samples import annotate, page, settle, typed

WHO = {"name": "王小明", "login": "xiaoming.wang", "student": "1044", "file": "作业 2.ipynb"}
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "onerror": '<img src=x onerror="alert(1)">',
    "svg": "<svg onload=alert(1)><circle/></svg>",
    "attribute": "\" onmouseover=alert(1) x='",
    "link": "[press](javascript:alert(1)) <a href='javascript:alert(1)'>press</a>",
    "closing": "</pre></details></style></title><iframe src=javascript:alert(1)>",
    "comment": "--> <!-- {{ 7 * 7 }} {% raw %}",
    "table": "a | b ``` $\\href{javascript:alert(1)}{x}$ www.example.com https://example.com",
}
VOID = {"meta", "rect", "br", "img", "input", "link", "hr"}


class Outline(HTMLParser):
    """The elements of a page in order, their attributes, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if not {"style", "script"} & set(self.open) else ""


def made(result: dict[str, Any], notebook: dict[str, Any] | None = None, **more: Any) -> str:
    """Return the page of a result."""
    return page(result, notebook or samples.notebook(), WHO, settle(result, **more))


def tags(text: str) -> set[str]:
    """Return the names of the elements of a page."""
    return {tag for tag, _ in Outline(text).elements}


def shown(cells: list[dict[str, Any]]) -> str:
    """Return all that a notebook's cells hold as one text."""
    return json.dumps(cells, ensure_ascii=False)


# --- what the page says


RESULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nearly perfect": (samples.nearly_perfect(), {}),
    "typical": (samples.typical(), {"penalties": [{"kind": "late", "points": 5}], "late": {"late": True, "days": 2.0}}),
    "breach": (samples.breach(), {"penalties": [{"kind": "rules", "points": 100}]}),
    "unreadable": (samples.unreadable(), {}),
}
SAID = {
    "nearly perfect": ["92", "np.add.at", "建议", "exp 会溢出", "10 题中 9 题满分"],
    "typical": [
        *("迟交 2 天", "−5", "正确，前提是 rnn_step_forward 正确", "运行超时", "dprev_h", "要不要转置"),
        *("误差 0.91，要求小于 1e-8", "1 条备注，不影响成绩", "已用参考实现代替 rnn_step_backward 重新检查"),
    ],
    "breach": ["违反规则：只在 TODO 处写代码", "return 0.0", "import torch", "−100", "从课程页面联系教学团队"],
    "unreadable": ["这份提交没有完成评分", "不是有效的 Jupyter 笔记本"],
}


@pytest.mark.parametrize("case", RESULTS)
def test_page_says_what_a_student_needs(case: str) -> None:
    result, more = RESULTS[case]
    outline = Outline(made(result, **more))
    assert outline.elements[0] == ("html", {"lang": "zh-CN"})
    assert ("meta", {"charset": "utf-8"}) in outline.elements
    for shown_word in ["循环神经网络", "王小明", "xiaoming.wang", *SAID[case]]:
        assert shown_word in outline.text
    if result["verdict"] == "graded":
        named = [(tag, attributes["id"]) for tag, attributes in outline.elements if "id" in attributes]
        assert [id_ for _, id_ in named] == [f"e{number}" for number in range(1, 11)]
        read = {"nearly perfect": ["e6", "e9"], "typical": ["e2", "e4", "e8", "e9", "e10"], "breach": []}[case]
        assert [id_ for tag, id_ in named if tag == "article"] == read  # the others are folded
        assert [tag for tag, _ in outline.elements].count("details") >= 10


def test_the_page_says_what_to_do_next_and_how_to_object() -> None:
    def told(result: dict[str, Any], objection: tuple[str, str] = ("", ""), **more: Any) -> str:
        standing = replace(samples.standing(result, WHO, settle(result, **more)), objection=objection)
        annotated = student_annotate(standing, samples.notebook())["cells"][0]["source"]
        page = student_page(standing, samples.notebook())
        assert all(escaped(part) in annotated for part in objection)
        return page

    text = told(samples.typical(), ("2026 年 11 月 22 日", "https://example.org/a?b=1&c"))
    assert "没有得满分的 5 题" in text and "以最后一次为准）" in text
    assert "请在 2026 年 11 月 22 日 之前提出。" in text
    assert '<a href="https://example.org/a?b=1&amp;c" rel="noreferrer">' in text
    assert "不需要再做什么" in told(samples.result())
    assert "改回发布时的样子" in told(samples.breach(), penalties=[{"kind": "rules", "points": 100}])
    assert "接下来" not in told(samples.unreadable())


def test_no_points_lost_is_never_said_where_points_are() -> None:
    for result, more in RESULTS.values():
        if result["score"] < 100 or "penalties" in more:
            assert "没有扣分" not in made(result, **more)
    assert "没有扣分" in made(samples.result())


def test_what_is_said_of_an_exercise_that_hung_is_said_once() -> None:
    hung = samples.check(
        "rnn_forward", {"h": {"message": words.ENDED_IN["timeout"], "error": None}}, ended="timeout", reason="long"
    )
    assert made(samples.result(hung)).count("运行超时") == 1


@pytest.mark.parametrize(
    "given", [{"when": "soon"}, "tomorrow", {"link": "javascript:alert(1)"}, {"link": "example.org"}]
)
def test_a_wrong_way_to_object_is_named(given: Any) -> None:
    config = Config({"Homework": {"objections": {"rnn": given}}})
    with pytest.raises(AssignmentError, match=r"c\.Homework\.objections"):
        objection_of(config, "rnn")
    assert objection_of(Config(), "rnn") == ("", "")


@pytest.mark.parametrize("case", RESULTS)
def test_page_needs_nothing_from_elsewhere(case: str) -> None:
    result, more = RESULTS[case]
    text = made(result, **more)
    outline = Outline(text)
    assert not tags(text) & {"script", "iframe", "object", "embed", "link", "base", "form", "img", "audio", "video"}
    links = [one["href"] for tag, one in outline.elements if tag == "a"]
    assert all(re.fullmatch(r"#e\d+", link or "") for link in links)
    assert not re.search(r"https?:|url\(|@import", text)
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")], tag
    policies = [one["content"] for tag, one in outline.elements if "content-security-policy" in str(one).lower()]
    assert len(policies) == 1
    style = r"default-src 'none'; style-src 'sha256-\S+'; base-uri 'none'; form-action 'none'"
    assert re.fullmatch(style, str(policies[0]))


def test_page_of_a_part_that_only_hidden_rows_failed_tells_no_figure() -> None:
    text = made(samples.typical())
    assert "相差一个常数倍 2" in text
    assert "0.333777" not in text
    assert "0.33" not in text
    assert "1e-12" not in text


@pytest.mark.parametrize("case", RESULTS)
def test_page_and_notebook_hide_hidden_tests_and_words_for_the_ta(case: str) -> None:
    result, more = RESULTS[case]
    notebook = samples.notebook()
    check = next(cell for cell in notebook["cells"] if cell["id"] == "check-rnn_forward")
    check["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "hidden N=1: got 123456789"}]
    for text in (made(result, notebook, **more), shown(annotate(notebook, result, settle(result, **more))["cells"])):
        assert "123456789" not in text
        assert "HIDDEN TESTS" not in text
        assert "hidden block" not in text  # the check's reason
        assert "line 1 column 1" not in text  # the verdict's reason


def test_page_of_one_student_holds_nothing_of_another() -> None:
    other = {"name": "李雷", "login": "lei.li", "student": "9999", "file": "secret.ipynb"}
    page(samples.breach(), samples.notebook(rnn_forward="other_code = 1"), other, settle(samples.breach()))
    text = made(samples.nearly_perfect())
    for shown in ("李雷", "lei.li", "9999", "secret", "other_code", "torch"):
        assert shown not in text


def test_parts_that_failed_in_the_same_words_stand_together() -> None:
    failed = exercises(typed(samples.typical()), samples.notebook(), settle(samples.typical()))[3].failed
    assert [one.names for one in failed] == [("dWx", "dWh", "db")]
    assert failed[0].max == "8.4"
    assert [one.names for one in failed[0].lines] == [("dWx", "dWh", "db")]


def test_parts_that_one_hint_explains_stand_together() -> None:
    wrong: dict[str, dict[str, Any]] = {
        "dx": {"message": "dx 不对", "hint": "少了导数"},
        "db": {"message": "db 不对", "hint": "少了导数", "error": 0.5},
    }
    result = samples.result(samples.check("rnn_step_backward", wrong | {"dWh": {"message": "没有返回"}}))
    failed = exercises(typed(result), samples.notebook(), settle(result))[1].failed
    assert [one.names for one in failed] == [("dx", "db"), ("dWh",)]
    assert [one.message for one in failed[0].lines] == ["dx 不对", "db 不对"]
    for text in (made(result), "".join(cell["source"] for cell in annotate(samples.notebook(), result)["cells"])):
        assert text.count("少了导数") == 1
        assert "dx 不对" in text
        assert "没有返回" in text


def test_what_nobody_could_grade_shows_no_exercises_until_a_ta_gives_points() -> None:
    result = samples.result(verdict="unreadable", score=0.0)
    for check in result["checks"]:
        check["score"] = 0.0
        check["parts"] = [samples.part(check["name"], check["max"], passed=False, message="没有批改")]
    outline = Outline(made(result))
    assert "没有批改" not in outline.text
    assert "/ 100 分" not in outline.text
    by_hand = Outline(made(result, manual={"rnn_forward": 10.0}))
    assert "rnn_forward：0 → 10" in by_hand.text
    assert "这份提交没有完成评分" in by_hand.text


# --- escaping


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_of_the_students_becomes_markup(case: str) -> None:
    evil = HOSTILE[case]
    notebook = samples.notebook(rnn_forward=f"def rnn_forward(x):\n    return '''{evil}'''  # {evil}\n{evil}")
    part = {"message": evil, "hint": evil}
    result = samples.result(
        samples.check("rnn_forward", {"h": part}, premise=[evil], advice=[evil]),
        rules=[{"rule": evil, "breach": True, "cell": evil, "evidence": f"+ {evil}"}],
        made_by={"python": evil},
    )
    standing = settle(result, comments={"rnn_forward": evil}, waived={evil: evil}, late={"late": True, "words": evil})
    text = page(result, notebook, dict.fromkeys(WHO, evil), standing)
    plain_page = made(samples.result(samples.check("rnn_forward", {"h": {"message": "x", "hint": "x"}}, premise=["x"])))
    assert tags(text) <= tags(plain_page) | {"ul", "li", "pre"}
    outline = Outline(text)
    assert " ".join(evil.split()) in outline.text
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert "javascript" not in str(attributes)
    assert "49" not in outline.text


@pytest.mark.parametrize("case", HOSTILE)
def test_annotated_notebook_shows_students_text_as_source(case: str) -> None:
    evil = HOSTILE[case]
    notebook = samples.notebook()
    alien = {
        "cell_type": "markdown",
        "id": "mine",
        "metadata": {},
        "source": f"# own\n{evil}",
        "attachments": {"a": {}},
    }
    raw = {"cell_type": "raw", "id": "raw", "metadata": {"format": "text/html"}, "source": evil}
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": evil, "text/plain": "kept"}}
    script = {"output_type": "execute_result", "metadata": {}, "data": {"application/javascript": evil}}
    own = {"cell_type": "code", "id": "own", "metadata": {"widget": evil}, "source": "1", "outputs": [html, script]}
    notebook["cells"] += [alien, raw, own]
    part = {"message": evil, "hint": evil}
    result = samples.result(
        samples.check("rnn_forward", {"h": part}, premise=[evil], advice=[evil]),
        rules=[{"rule": "todo", "breach": True, "cell": evil, "evidence": evil}],
    )
    answer = annotate(notebook, result, settle(result, comments={"rnn_forward": evil}))
    nbformat.validate(nbformat.from_dict(answer))
    by_id = {cell["id"]: cell for cell in answer["cells"]}
    assert by_id["mine"]["source"] == fenced(f"# own\n{evil}")
    assert "attachments" not in by_id["mine"]
    assert is_fenced(by_id["raw"]["source"])
    assert by_id["own"]["outputs"] == [{"output_type": "display_data", "metadata": {}, "data": {"text/plain": "kept"}}]
    assert by_id["own"]["metadata"] == {}
    for cell in answer["cells"]:
        if cell["id"].startswith("feedback"):
            outside = re.sub(r"(?ms)^(`{3,})\w+\n.*?^\1$", "", cell["source"])
            assert not re.search(r"<[a-z/!]|\]\(|javascript:|\$|\\|https?://|www\.|`{3}", outside)


GIANT = "x" * 10_000_000
GIANT_PICTURE = "iVBORw0KGgoA" + "A" * 4_000_000  # begins as a PNG does


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07", "red bell"),
        ("\x1b]8;;http://e.com\x1b\\link\x1b]8;;\x1b\\ \x9b31mc1", "link c1"),
        ("a\x00b\x08c\x7fd\x85e", "abcde"),
        ("safe\u202etxt.exe\u2066", "safetxt.exe"),
        ("\ud800lone \uffff", "�lone �"),
        ("e" + "\u0301" * 500, "e" + "\u0301" * 3),
        ("中文 — Jörg", "中文 — Jörg"),
        (None, ""),
        (12, "12"),
    ],
)
def test_plain_text_is_only_what_can_be_read(text: object, want: str) -> None:
    assert plain(text, 100) == want


def test_giant_text_stays_small_everywhere() -> None:
    giant_lines = "y = 1\n" * 200_000
    notebook = samples.notebook(rnn_forward=giant_lines + GIANT)
    stream = {"output_type": "stream", "name": "stdout", "text": [GIANT]}
    error = {"output_type": "error", "ename": GIANT, "evalue": GIANT, "traceback": ["\x1b[31m" + GIANT]}
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": GIANT_PICTURE, "text/plain": GIANT}}
    next(c for c in notebook["cells"] if c["id"] == "solve-rnn_forward")["outputs"] = [stream, error, picture] * 50
    part = {"message": GIANT, "hint": GIANT}
    result = samples.result(
        samples.check("rnn_forward", {"h": part}, advice=[GIANT] * 1000, premise=[GIANT] * 1000),
        rules=[{"rule": "todo", "breach": False, "cell": GIANT, "evidence": GIANT}] * 5000,
    )
    standing = settle(result, comments={"rnn_forward": GIANT})
    assert len(page(result, notebook, dict.fromkeys(WHO, GIANT), standing)) < 400_000
    assert len(json.dumps(annotate(notebook, result, standing))) < 1_200_000


def test_block_and_line_are_cut() -> None:
    assert block("\n\n a\nb  \n\n") == " a\nb"
    assert block("1\n2\n3", lines=2) == "1\n2\n…"
    assert one_line(" a\n b ") == "a b"
    assert one_line("x" * 50, 10) == "xxxxxxxxxx …"


@given(st.text(max_size=80))
def test_escaped_markdown_has_no_markup_left(text: str) -> None:
    assert not re.search(r"[<>`*_\[\]()|~$\\]|\bwww\.", escaped(one_line(text)), re.IGNORECASE)


@given(st.text(alphabet="`a\n~", max_size=40))
def test_fence_holds_any_text(text: str) -> None:
    assert is_fenced(fenced(text))


# --- the annotated notebook


def test_annotated_notebook_has_every_cell_and_feedback_after_each_check() -> None:
    notebook, result = samples.notebook(), samples.typical()
    answer = annotate(notebook, result)
    nbformat.validate(nbformat.from_dict(answer))
    ids = [cell["id"] for cell in answer["cells"]]
    assert ids[0] == "feedback-summary"
    assert [one for one in ids if not one.startswith("feedback")] == [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell, after in zip(answer["cells"], answer["cells"][1:], strict=False):
        if cell["id"].startswith("check"):
            name = cell["metadata"]["assignment"]["name"]
            assert after["source"].startswith(f"### 反馈：`{name}`")
    summary = answer["cells"][0]["source"]
    assert "# 作业反馈：62.2 / 100 分" in summary
    assert "| `rnn_backward` | 5.6 | 14 | 部分通过 |" in summary
    solve = next(cell for cell in answer["cells"] if cell["id"] == "solve-rnn_step_backward")
    assert solve["source"] == samples.STEP_BACKWARD
    assert escaped("正确，前提是 rnn_step_forward 正确") in shown(answer["cells"])
    assert solve["metadata"]["nbgrader"]["grade_id"] == "solve-rnn_step_backward"
    assert answer["metadata"]["assignment"] == {"name": "rnn", "release": "9f1d2c3b4a596877"}


def test_annotated_notebook_keeps_prose_and_plain_outputs() -> None:
    notebook = samples.notebook()
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["\x1b[1mone\x1b[0m\n", "two\n"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": png}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "PHN2Zz4=", "image/svg+xml": "<svg/>"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mTraceback\x1b[0m"]},
        {"output_type": "unheard-of"},
    ]
    cell = next(one for one in notebook["cells"] if one["id"] == "solve-rnn_forward")
    cell["outputs"], cell["execution_count"] = outputs, 7
    figure = '<img alt="一步" width="9" src="data:image/png;base64,iVBORw0KGgo=">'
    next(one for one in notebook["cells"] if one["id"] == "prose-about-rnn_forward")["source"] += f"\n\n{figure}"
    cells = {one["id"]: one for one in annotate(notebook, samples.result())["cells"]}
    assert cells["prose-about-rnn_forward"]["source"].startswith("## 4.1 整个序列的前向")
    assert cells["prose-about-rnn_forward"]["source"].endswith("\n\n*（图：一步）*")
    assert cells["solve-rnn_forward"]["execution_count"] == 7
    assert cells["solve-rnn_forward"]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": png}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["Traceback"]},
    ]


def test_annotated_notebook_of_copied_and_of_no_cells() -> None:
    notebook = samples.notebook()
    notebook["cells"].append(dict(notebook["cells"][3]))
    nbformat.validate(nbformat.from_dict(annotate(notebook, samples.result())))
    empty = annotate({}, samples.unreadable())
    nbformat.validate(nbformat.from_dict(empty))
    assert [cell["id"] for cell in empty["cells"]] == ["feedback-summary"]
    assert "未评分" in empty["cells"][0]["source"]
    lost = annotate({}, samples.typical())
    assert len(lost["cells"]) == 11  # checks without a cell of their own come at the end


def test_text_that_is_fenced_already_is_not_fenced_again() -> None:
    notebook = samples.notebook()
    extra = {"cell_type": "markdown", "id": "extra-3", "metadata": {"assignment": {"kind": "extra", "name": "3"}}}
    notebook["cells"].append(extra | {"source": "```text\n<b>mine</b>\n```"})
    assert annotate(notebook, samples.result())["cells"][-1]["source"] == "```text\n<b>mine</b>\n```"


# --- marks


STANDINGS: list[tuple[str, dict[str, Any], float, list[str]]] = [
    ("auto alone", {}, 92.0, ["auto"]),
    ("raised", {"manual": {"word_embedding_backward": 4}}, 96.0, ["auto", "manual"]),
    ("raised to the same", {"manual": {"rnn_forward": 10.0}}, 92.0, ["auto"]),
    ("lowered", {"manual": {"rnn_forward": 0}}, 82.0, ["auto", "manual"]),
    ("below nothing", {"manual": {"rnn_forward": -500}}, 0.0, ["auto", "manual", "floor"]),
    ("a cell of its own", {"manual": {"task-essay": 3}}, 95.0, ["auto", "manual"]),
    ("late", {"penalties": [{"kind": "late", "points": 10}]}, 82.0, ["auto", "late"]),
    ("very late", {"penalties": [{"kind": "late", "points": 1000}]}, 0.0, ["auto", "late"]),
    ("rule zero", {"penalties": [{"kind": "rules", "points": 100}]}, 0.0, ["auto", "rules"]),
    (
        "rule zero after a late penalty and a raise",
        {
            "manual": {"word_embedding_backward": 8},
            "penalties": [{"kind": "rules", "points": 100}, {"kind": "late", "points": 5}],
        },
        0.0,
        ["auto", "manual", "late", "rules"],
    ),
    (
        "nonsense",
        {"manual": {"rnn_forward": float("nan")}, "penalties": [{"kind": "late", "points": float("-inf")}]},
        82.0,
        ["auto", "manual"],
    ),
]


@pytest.mark.parametrize(("more", "net", "kinds"), [one[1:] for one in STANDINGS], ids=[one[0] for one in STANDINGS])
def test_marks_add_up(more: dict[str, Any], net: float, kinds: list[str]) -> None:
    result = samples.nearly_perfect()
    standing = settle(result, **more)
    assert standing.net == net
    assert [row.kind for row in standing.rows] == kinds
    assert round(sum(row.points for row in standing.rows), 2) == standing.net
    assert round(standing.score - standing.penalty, 2) == standing.net
    listed = [row.points.replace("−", "-") for row in summands(standing) if row.kind not in ("plain", "net")]
    assert round(sum(map(float, listed)), 2) == standing.net
    text = Outline(page(result, samples.notebook(), WHO, standing)).text
    assert f"{points(net)}/ 100 分" in text.replace("\n", "")
    assert not re.search(r"最终成绩\s*[-−]", text)


@given(
    scores=st.lists(st.floats(0, 20), min_size=1, max_size=6),
    manual=st.lists(st.floats(-50, 50) | st.none(), min_size=6, max_size=6),
    penalties=st.lists(st.tuples(st.sampled_from(["late", "rules"]), st.floats(-10, 300)), max_size=3),
)
def test_no_mark_is_negative_and_every_sum_adds_up(
    scores: list[float], manual: list[float | None], penalties: list[tuple[str, float]]
) -> None:
    checks = [{"name": f"f{at}", "score": round(score, 2), "max": 20.0} for at, score in enumerate(scores)]
    changes = {f"f{at}": score for at, score in enumerate(manual) if score is not None}
    taken = [{"kind": kind, "points": amount} for kind, amount in penalties]
    standing = settle({"checks": checks, "max": 120.0}, changes, taken)
    assert standing.net >= 0
    assert standing.penalty >= 0
    assert abs(sum(row.points for row in standing.rows) - standing.net) < 1e-6


def test_a_tas_change_shows_on_page_and_in_notebook() -> None:
    result = samples.typical()
    standing = settle(result, manual={"rnn_step_backward": 9.6}, comments={"rnn_step_backward": "思路是对的"})
    text = Outline(page(result, samples.notebook(), WHO, standing)).text
    for shown_word in (
        "rnn_step_backward：7.2 → 9.6",
        "+2.4",
        "助教把这一题的自动评分 7.2 分改为 9.6 分",
        "思路是对的",
        "64.6",
    ):
        assert shown_word in text
    source = shown(annotate(samples.notebook(), result, standing)["cells"])
    for shown_word in ("7.2 → 9.6", "+2.4", "助教把这一题的自动评分 7.2 分改为 9.6 分", "思路是对的", "64.6 / 100 分"):
        assert shown_word in source.replace("&#95;", "_").replace("&#43;", "+")


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"penalties": [{"kind": "rules", "points": 100}]}, "违反规则"),
        ({}, "有发现，不影响成绩"),
        ({"waived": {"todo": "误判", "imports": "误判"}}, "助教已豁免：误判"),
        (
            {"penalties": [{"kind": "rules", "points": 100}], "waived": {"imports": "误判"}, "spared": ["imports"]},
            "助教已豁免：误判",
        ),
        ({"penalties": [{"kind": "rules", "points": 100}], "spared": ["imports"]}, "有发现，不影响成绩"),
    ],
)
def test_a_rule_says_what_it_cost(more: dict[str, Any], state: str) -> None:
    text = Outline(made(samples.breach(), **more)).text
    assert state in text
    assert ("违反规则：只在 TODO" in text) == ("penalties" in more)
    assert ("违反规则：不导入" in text) == ("penalties" in more and "spared" not in more)
    summary = annotate(samples.notebook(), samples.breach(), settle(samples.breach(), **more))["cells"][0]["source"]
    assert OBJECTION in text
    assert OBJECTION in summary
    assert "return 0.0" in text


@pytest.mark.parametrize(
    ("taken", "result", "kinds"),
    [
        (0.0, samples.breach(), []),
        (100.0, samples.breach(), ["rules"]),
        (10.0, samples.breach(), ["late"]),
        (100.0, samples.nearly_perfect(), ["late"]),
        (float("nan"), samples.breach(), []),
    ],
)
def test_the_gradebooks_one_penalty_is_told_apart(taken: float, result: dict[str, Any], kinds: list[str]) -> None:
    assert [one.kind for one in penalties_of(taken, samples.typed(result), 100.0)] == kinds


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (Arrival(), ""),
        (Arrival(late=False, days=3), ""),
        (Arrival(late=True), "迟交"),
        (Arrival(late=True, days=2.125), "迟交 2 天 3 小时"),
        (Arrival(late=True, days=0.5 / 24), "迟交 30 分钟"),
        (Arrival(late=True, days=1.0), "迟交 1 天"),
        (Arrival(late=True, days=0.99999), "迟交 1 天"),
    ],
)
def test_lateness_in_words(late: Arrival, words: str) -> None:
    assert lateness(late.late, late.days) == words


def test_premise_in_words() -> None:
    assert words.premise(["a", "b"], right=True) == "正确，前提是 a、b 正确"
    assert "正确，前提" not in words.premise(["a"], right=False)


@pytest.mark.parametrize(
    ("value", "text"), [(8.0, "8"), (2.4, "2.4"), (0.0, "0"), (-0.001, "0"), (100.0, "100"), (1.25, "1.25")]
)
def test_points_as_people_write_them(value: float, text: str) -> None:
    assert points(value) == text


# --- nbgrader generate_feedback


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run generate_feedback on three: late, commented and changed by hand; without a result; let off a breach."""
    root = tmp_path_factory.mktemp("course")
    notebook, result = samples.notebook(), samples.typical()
    for student, verdict in {"1044": {"result": result}, "1045": {}, "1046": {"result": samples.breach()}}.items():
        folder = root / "autograded" / student / "rnn"
        folder.mkdir(parents=True)
        metadata = {**notebook["metadata"], "assignment": {"name": "rnn", **verdict}}
        (folder / "rnn.ipynb").write_text(json.dumps({**notebook, "metadata": metadata}), encoding="utf-8")
    submitted = root / "submitted" / "1044" / "rnn"
    submitted.mkdir(parents=True)
    (submitted / "canvas.json").write_text(json.dumps({"file": "作业 2.ipynb", "late": True}), encoding="utf-8")
    decide_on(Course(root), Decision("1046", "rnn", "imports", "waived", "信里说过可以用", "TA"))
    with tools_in_path(), Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        fill(book, notebook, result)
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.assignment_id = "rnn"
    config.GenerateFeedback.exporter_class = FeedbackExporter
    GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
    return {path.parent.parent.name: path.read_text("utf-8") for path in root.glob("feedback/*/rnn/rnn.html")}


def fill(book: Any, notebook: dict[str, Any], result: dict[str, Any]) -> None:
    """Put the notebook's cells, two students and the first one's marks into nbgrader's gradebook."""
    book.add_assignment("rnn", duedate=datetime(2025, 4, 10))
    book.add_notebook("rnn", "rnn")
    for cell in notebook["cells"]:
        ours = cell["metadata"].get("nbgrader")
        if ours and ours["grade"]:
            book.add_grade_cell(ours["grade_id"], "rnn", "rnn", max_score=ours["points"], cell_type="code")
        elif ours:
            book.add_solution_cell(ours["grade_id"], "rnn", "rnn")
    book.add_student("1044", last_name="王", first_name="小明", email="xiaoming.wang")
    book.add_student("1045", last_name="Doe", first_name="Jane")
    book.add_student("1046")
    for student in ("1044", "1045", "1046"):
        book.add_submission("rnn", student, timestamp=datetime(2025, 4, 12))
    scores = {f"check-{check['name'].replace('.', '-')}": check["score"] for check in result["checks"]}
    record = book.find_submission_notebook("rnn", "rnn", "1044")
    for grade in record.grades:
        grade.auto_score = scores[grade.name]
    book.find_grade("check-rnn_step_backward", "rnn", "rnn", "1044").manual_score = 9.6
    book.find_comment("solve-rnn_step_backward", "rnn", "rnn", "1044").manual_comment = "思路是对的"
    record.late_submission_penalty = 5.0
    book.db.commit()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # of nbgrader's own add_submission
def test_nbgrader_generate_feedback_makes_our_page(pages: dict[str, str]) -> None:
    text = Outline(pages["1044"]).text
    for shown_word in ("王小明", "xiaoming.wang", "作业 2.ipynb", "迟交 2 天", "62.2", "+2.4", "−5", "59.6"):
        assert shown_word in text
    for shown_word in ("7.2 → 9.6", "思路是对的", "提交于 2025-04-12 00:00 UTC", "运行超时"):
        assert shown_word in text
    assert "123456789" not in text
    assert "<script" not in pages["1044"]


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
def test_notebook_without_a_result_says_that_it_was_not_graded(pages: dict[str, str]) -> None:
    text = Outline(pages["1045"]).text
    for shown_word in ("Jane Doe", "Canvas 1045", "这份提交没有完成评分"):
        assert shown_word in text
    assert "思路是对的" not in text
    assert "王小明" not in text


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
def test_a_waived_rule_is_told_with_its_reason(pages: dict[str, str]) -> None:
    text = Outline(pages["1046"]).text
    assert "助教已豁免：信里说过可以用" in text
    assert "有发现，不影响成绩" in text

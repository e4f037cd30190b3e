"""The pages in the distribution's Chromium: nothing of a student runs, the table sorts, names hide, phones can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, Page

from assignment.report.class_page import report
from assignment.report.patterns import similarity, similarity_page
from tests.support import feedback_samples as samples
from tests.support.browser import chromium
from tests.support.feedback_samples import annotate, page, settle, summary
from tests.test_feedback import HOSTILE, WHO
from tests.test_report import ABOUT, ABSENT, CLASS
from tests.test_similarity import a_class, give
from tests.tools.figures import FIGURES, drawn

pytestmark = pytest.mark.slow

EVIL = "\n".join(text.replace("alert(1)", "window.ran=1") for text in HOSTILE.values())
LINE = EVIL.replace("\n", " ")
PHONE = 600  # pixels: what is narrower is opened as a phone opens it
A4 = {"portrait": 680, "landscape": 1032}  # pixels between the margins that the pages ask for
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
FOLDED = "[...document.querySelectorAll('details > *')].filter(one => !one.checkVisibility()).map(one => one.outerHTML)"
CUT = """[...document.querySelectorAll('html, pre')].filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 80))"""
LEAST_CONTRAST = 4.5  # level AA of the Web Content Accessibility Guidelines
FAINT = """least => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
        const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = parts(colour).map(part => linear(part / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (parts(colour)[3] !== 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const contrast = element => {
        const style = getComputedStyle(element);
        const ink = element instanceof SVGElement ? style.fill : style.color;
        const [a, b] = [light(ink), light(ground(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const written = element => [...element.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    return [...document.body.querySelectorAll('*')]
        .filter(element => element.checkVisibility() && written(element) && contrast(element) < least)
        .map(element => `${contrast(element).toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
}"""


@dataclass
class Person:
    """What the pages ask of a student's row."""

    student: str

    def __post_init__(self) -> None:
        self.name, self.alias = f"Name of {self.student}", f"Student {self.student}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as ready:
        yield ready


def opened(browser: Browser, folder: Path, text: str, width: int = 1200) -> Page:
    """Open a page from a file, as students and TAs do, and keep what it complains of in page.complaints."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    # A phone lays a page out as wide as the page's viewport says, and 980 pixels wide where it says nothing.
    tab = browser.new_page(viewport={"width": width, "height": 900}, is_mobile=width < PHONE)
    tab.set_default_timeout(10_000)
    complaints: list[str] = []
    tab.complaints = complaints  # type: ignore[attr-defined]
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    tab.goto((folder / "page.html").as_uri())
    return tab


def hostile_result() -> dict[str, Any]:
    """Return a result in which every word is hostile."""
    part = {"message": LINE, "hint": LINE, "mistake": LINE}
    rules = [{"rule": "todo", "breach": True, "cell": LINE, "evidence": f"+ {EVIL}"}]
    check = samples.check("rnn_forward", {"h": part}, advice=[LINE], premise=[LINE], ended="timeout", reason=LINE)
    return samples.result(check, rules=rules, repairs=[LINE])


def hostile_notebook() -> dict[str, Any]:
    """Return a notebook with hostile code, text and outputs in it."""
    notebook = samples.notebook(rnn_forward=f"def rnn_forward(x):\n    '''{EVIL}'''")
    data = {"text/html": EVIL, "image/svg+xml": EVIL, "application/javascript": "window.ran=1", "text/plain": EVIL}
    outputs: list[dict[str, Any]] = [
        {"output_type": "display_data", "metadata": {}, "data": data},
        {"output_type": "stream", "name": "stdout", "text": EVIL},
        {"output_type": "error", "ename": LINE, "evalue": LINE, "traceback": EVIL.split("\n")},
    ]
    code = {"cell_type": "code", "id": "own", "metadata": {}, "source": EVIL, "outputs": outputs, "execution_count": 1}
    text = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": EVIL}
    notebook["cells"] += [code, text, text | {"cell_type": "raw", "id": "raw"}]
    return notebook


def ran(tab: Page) -> bool:
    """Press and hover everything, then tell whether any of the hostile text ran."""
    tab.evaluate(UNFOLD)
    tab.evaluate("document.querySelectorAll('*').forEach(one => one.dispatchEvent(new Event('mouseover')))")
    tab.wait_for_timeout(200)
    return bool(tab.evaluate("window.ran === 1"))


def test_feedback_page_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    result = hostile_result()
    standing = settle(result, comments={"rnn_forward": EVIL}, penalties=[{"kind": "rules", "points": 100}])
    text = page(result, hostile_notebook(), dict.fromkeys(WHO, LINE), standing)
    tab = opened(browser, tmp_path, text)
    assert not ran(tab)
    assert tab.complaints == []  # type: ignore[attr-defined]
    assert tab.locator("script, img, iframe, main svg:not(.meter)").count() == 0
    assert "<script>window.ran=1</script>" in tab.locator("body").inner_text()


def test_class_page_runs_only_its_own_script(browser: Browser, tmp_path: Path) -> None:
    result = hostile_result()
    row = {
        "student": LINE,
        "name": LINE,
        "result": result,
        "standing": settle(result),
        "notebook": f"autograded/{LINE}",
    }
    tab = opened(browser, tmp_path, report(summary([row, *CLASS], ABOUT | {"title": LINE})))
    assert not ran(tab)
    assert tab.complaints == []  # type: ignore[attr-defined]
    assert tab.locator("script").count() == 1
    assert tab.locator("img, iframe").count() == 0


def test_annotated_notebook_runs_nothing_even_unsanitised(browser: Browser, tmp_path: Path) -> None:
    """nbconvert's page trusts a notebook's HTML and Markdown, as Jupyter does not: the hardest place to be shown."""
    result = hostile_result()
    answer = annotate(hostile_notebook(), result, settle(result, comments={"rnn_forward": EVIL}))
    text, _ = HTMLExporter(sanitize_html=False).from_notebook_node(nbformat.from_dict(answer))
    assert not ran(opened(browser, tmp_path, text))


@pytest.mark.parametrize("unescaped", ["markdown", "output"])
def test_hostile_text_does_run_where_nobody_escapes_it(browser: Browser, tmp_path: Path, unescaped: str) -> None:
    notebook = hostile_notebook()
    kept = {"markdown": notebook["cells"][-2], "output": notebook["cells"][-3]}[unescaped]
    text, _ = HTMLExporter(sanitize_html=False).from_notebook_node(nbformat.from_dict(notebook | {"cells": [kept]}))
    assert ran(opened(browser, tmp_path, text))


@pytest.mark.parametrize("width", [1200, 390, 320])
def test_pages_fit_their_screens(browser: Browser, tmp_path: Path, width: int) -> None:
    result = samples.typical()
    standing = settle(result, manual={"rnn_step_backward": 9.6}, comments={"rnn_step_backward": "x" * 300})
    long = samples.notebook(rnn_forward="y = " + "x + " * 500 + "1")
    unread = samples.unreadable() | {"reason": "x" * 300}
    for text in (
        page(result, long, WHO, standing),
        report(summary([*CLASS, {"student": "1048", "result": unread, "standing": settle(unread)}], ABOUT)),
    ):
        tab = opened(browser, tmp_path, text, width)
        tab.evaluate(UNFOLD)
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.complaints == []  # type: ignore[attr-defined]


def test_paper_shows_what_is_folded_and_cuts_no_line(browser: Browser, tmp_path: Path) -> None:
    result = samples.breach() | {"checks": samples.typical()["checks"]}
    long = samples.notebook(rnn_forward="y = " + "x + " * 500 + "1")
    student = page(result, long, WHO, settle(result, penalties=[{"kind": "rules", "points": 100}]))
    for text, width in ((student, A4["portrait"]), (report(summary(CLASS * 4, ABOUT)), A4["landscape"])):
        tab = opened(browser, tmp_path, text, width)
        assert tab.evaluate(FOLDED) != []
        tab.emulate_media(media="print")
        assert tab.evaluate(FOLDED) == []
        assert tab.evaluate(CUT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    result = samples.breach() | {"checks": samples.typical()["checks"]}
    more: dict[str, Any] = {"manual": {"rnn_step_backward": 9.6}, "comments": {"rnn_step_backward": "思路是对的"}}
    zero, spared = ({"penalties": [{"kind": "rules", "points": 100}]}, {"waived": {"todo": "误判"}})
    students = [page(result, samples.notebook(), WHO, settle(result, **more, **one)) for one in (zero, spared)]
    for text in (*students, report(summary(CLASS, ABOUT | ABSENT))):
        tab = opened(browser, tmp_path, text)
        tab.emulate_media(color_scheme=scheme)
        tab.evaluate(UNFOLD)
        assert tab.evaluate(FAINT, LEAST_CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page_", ["student", "class", "similarity"])
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, page_: str, scheme: Any) -> None:
    """No violation of WCAG 2.2, level AA, with everything unfolded."""
    result = samples.breach() | {"checks": samples.typical()["checks"]}
    mark = settle(result, comments={"rnn_step_backward": "好"}, penalties=[{"kind": "rules", "points": 100}])
    alike = similarity(give(a_class(), "3", "7", 9))
    codes = {student: {"f1": "def f1(x):\n    return x"} for student in "37"}
    make = {
        "student": lambda: page(result, samples.notebook(), WHO, mark),
        "class": lambda: report(replace(summary(CLASS, ABOUT | ABSENT), similarity=alike.groups)),
        "similarity": lambda: similarity_page(alike, "t", {who: vars(Person(who)) for who in "37"}, codes),
    }
    tab = opened(browser, tmp_path, make[page_]())
    tab.emulate_media(color_scheme=scheme)
    tab.evaluate(UNFOLD)
    found = Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).response
    assert len(found["passes"]) > 8
    assert [(flaw["id"], flaw["nodes"][0]["html"]) for flaw in found["violations"]] == []


def test_axe_does_find_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    text = page(samples.typical(), samples.notebook(), WHO, settle(samples.typical()))
    spoilt = text.replace("<main>", '<main><img src="x.png"><p style="color: #777; background: #888">faint</p>')
    found = Axe().run(opened(browser, tmp_path, spoilt), options={"runOnly": ["wcag2a", "wcag2aa"]}).response
    assert {"image-alt"} <= {flaw["id"] for flaw in found["violations"]}


def test_similar_work_hides_names_too(browser: Browser, tmp_path: Path) -> None:
    alike = similarity(give(a_class(), "3", "7", 9))
    people = {who: vars(Person(who)) for who in "37"}
    tab = opened(browser, tmp_path, similarity_page(alike, "t", people, {}))
    assert "Name of 3" in tab.locator("body").inner_text() and "assignment waive 3" in tab.locator("body").inner_text()
    tab.get_by_text("Hide names").click()
    text = tab.locator("body").inner_text()
    assert "Name of" not in text and "assignment waive" not in text and "Student 3" in text
    assert tab.complaints == []  # type: ignore[attr-defined]
    assert tab.get_by_role("link", name="Class report").get_attribute("href") == "report.html#hide"
    tab.goto(f"{(tmp_path / 'page.html').as_uri()}#hide")  # as the class page links to it while names are hidden
    tab.reload()
    assert "Name of" not in tab.locator("body").inner_text()
    tab.get_by_text("Hide names").click()
    assert "Name of 3" in tab.locator("body").inner_text()


def test_table_sorts_and_names_hide(browser: Browser, tmp_path: Path) -> None:
    tab = opened(browser, tmp_path, report(summary(CLASS, ABOUT)))
    net = tab.locator("#students tbody td.net")
    tab.get_by_role("button", name="Net").click()
    assert net.all_inner_texts() == ["100", "100", "87", "67", "62.2", "0", "–"]
    tab.get_by_role("button", name="Net").click()
    assert net.all_inner_texts() == ["–", "0", "62.2", "67", "87", "100", "100"]
    assert tab.locator("th[aria-sort]").inner_text().startswith("Net")
    tab.get_by_role("button", name="Student").click()
    assert tab.locator("#students tbody th").first.inner_text().startswith("=cmd()")
    assert "王小明" in tab.locator("body").inner_text()
    tab.get_by_text("Hide names").click()
    text = tab.locator("body").inner_text()
    for row in CLASS:
        assert row["name"] not in text
        assert row["student"] not in text
    assert "Student 3" in text
    assert tab.locator("a:visible").count() == 0


# The figures of the notebook


@pytest.mark.parametrize("svg", sorted(FIGURES.glob("*.svg")), ids=lambda svg: svg.stem)
def test_a_figure_is_what_its_svg_draws(browser: Browser, svg: Path) -> None:
    assert unlike(drawn(browser, svg), svg.with_suffix(".png")) < 0.03


def test_a_figure_that_lost_a_letter_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    text = (FIGURES / "step.svg").read_text(encoding="utf-8")
    assert ">b<" in text
    (tmp_path / "step.svg").write_text(text.replace(">b<", "><"), encoding="utf-8")
    assert unlike(drawn(browser, tmp_path / "step.svg"), FIGURES / "step.png") > 0.03


def unlike(picture: Image.Image, kept: Path) -> float:
    """The mean difference of two pictures' pixels, out of 255; of other sizes all of it."""
    other = Image.open(kept).convert("RGB")
    if other.size != picture.size:
        return 255.0
    return max(ImageStat.Stat(ImageChops.difference(picture.convert("RGB"), other)).mean)

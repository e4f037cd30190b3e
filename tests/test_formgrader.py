"""nbgrader's formgrader on a graded class: marks shown and changed there; nothing that students wrote runs anywhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request

from assignment.course import Course
from assignment.marking.decisions import confirm_zero
from assignment.workflow.classroom import write_feedback, write_report
from assignment.workflow.collect import collect
from assignment.workflow.grade import grade
from assignment.workflow.new import HandIn, copy_course, write_archive, write_roster
from assignment.workflow.returning import export_grades
from tests.support import corpus
from tests.support.browser import OpenNotebook, Server, chromium, jupyter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RIGHT, WRONG, HOSTILE, NAMED = "1041", "1043", "1066", "1067"
EVIL = "\n".join(
    (
        "<script>window.ran_script=1</script>",
        '<img src="x" onerror="window.ran_error=1">',
        '<svg onload="window.ran_load=1"><circle/></svg>',
        "\" onmouseover=window.ran_mouse=1 x='",
        "[press](javascript:window.ran_link=1) <a href='javascript:window.ran_link=1'>press</a>",
        "</pre></textarea></title></style></script><iframe src=javascript:parent.ran_frame=1></iframe>",
        '<img src="//beacon.invalid/x"> ![x](//beacon.invalid/x)',
        "``` $\\href{javascript:window.ran_formula=1}{x}$ {{ 7 * 7 }}",
        "\x1b[31mred\x1b]8;;javascript:window.ran_terminal=1\x07press\x1b]8;;\x07",
    )
)
LINE = EVIL.replace("\n", " ")
NAME = "<img src=x onerror=window.ran_name=1>, \"Eve<script>window.ran_name=1</script>' onmouseover=window.ran_name=1"
FILE = "<img src=x onerror=window.ran_file=1>.ipynb"
SHOWS = f"""\
from IPython.display import HTML, SVG, Javascript, Markdown, display
evil = {EVIL!r}
print(evil)
display(HTML(evil), Javascript('window.ran_script=1'), Markdown(evil))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran_load=1"/>'))
display(dict.fromkeys(['text/html', 'text/plain', 'text/markdown', 'text/latex', 'image/svg+xml'], evil), raw=True)
class Evil(Exception):
    __module__ = __qualname__ = evil
raise Evil(evil)
"""
FLOOD = "print('<script>window.ran_script=1</script>' * 300_000)\n"  # 11 MB
UNESCAPED = {  # a student's Markdown -> what it does in formgrader
    "<script>window.ran_script=1</script>": "ran_script",
    '<img src="x" onerror="window.ran_error=1">': "ran_error",
    'b <svg onload="window.ran_load=1"></svg>': "ran_load",
    '<b onmouseover="window.ran_mouse=1">b</b>': "ran_mouse",
    '<iframe src="javascript:parent.ran_frame=1"></iframe>': "ran_frame",
    '<a href="javascript:window.ran_link=1">b</a>': "link",
    '<img src="//beacon.invalid/x">': "fetched",
    "<script>alert(1)</script>": "dialog",
}


def hostile(release: dict[str, Any], reference: dict[str, str]) -> bytes:
    """A submission with hostile text in every place that is the student's."""
    raising = f"def rnn_forward(x, h0, Wx, Wh, b):\n    # {LINE}\n    raise ValueError({EVIL!r})"
    stub = corpus.text_of(corpus.solve_cells(release)["rnn_forward"])
    solutions = reference | {"rnn_forward": corpus.solved(stub, "rnn_forward", raising)}

    def edit(notebook: dict[str, Any]) -> None:
        text = {"cell_type": "markdown", "metadata": {"name": EVIL, "tags": [EVIL]}, "source": EVIL}
        notebook["cells"] += [text | {"id": "text"}, text | {"id": "raw", "cell_type": "raw"}]
        notebook["cells"][0]["source"] = EVIL
        notebook["metadata"]["title"] = notebook["metadata"]["kernelspec"]["display_name"] = EVIL
        shown = {"output_type": "display_data", "metadata": {}, "data": {"text/html": EVIL, "text/plain": EVIL}}
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = [*cell["outputs"], shown]

    extra = [corpus.Block("extra", "last", source) for source in (SHOWS, FLOOD)]
    return corpus.submission(release, solutions, extra, edit)


@pytest.fixture(scope="module")
def term(
    tmp_path_factory: pytest.TempPathFactory, checkout: Course, release: dict[str, Any], reference: dict[str, str]
) -> Course:
    """A course with a graded class: everything right, one mistake, a hostile notebook, a hostile name."""
    root = tmp_path_factory.mktemp("course")
    course = copy_course(checkout, root)
    mistaken = reference["rnn_step_backward"].replace("da = dnext_h * (1 - next_h**2)", "da = dnext_h")
    assert mistaken != reference["rnn_step_backward"]
    right = corpus.submission(release, reference)
    people = [
        HandIn(int(RIGHT), "王, 小明", "", right),
        HandIn(int(WRONG), "Müller, Jörg", "", corpus.submission(release, reference | {"rnn_step_backward": mistaken})),
        HandIn(int(HOSTILE), "Eve, Adam", "", hostile(release, reference), file=FILE),
        HandIn(int(NAMED), NAME, "", right),
    ]
    roster = write_roster(people, root / "gradebook.csv", "rnn")
    collect(course, "rnn", write_archive(people, root / "submissions.zip"), roster)
    grade(course, "rnn")
    confirm_zero(course, "rnn", HOSTILE, "a TA")
    return course


@dataclass(frozen=True)
class Desk:
    """One browser and one server for all tests here."""

    browser: Browser
    server: Server

    def go(self, page: Page, path: str) -> None:
        """Open a page of the server and wait until its tables are filled."""
        page.goto(self.server.url + path)
        page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def desk(term: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with chromium() as browser, jupyter(term.root, tmp_path_factory.mktemp("home")) as server:
        yield Desk(browser, server)


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    page = desk.server.page(desk.browser, "formgrader")
    yield page
    page.context.close()


@contextmanager
def watched(page: Page) -> Iterator[set[str]]:
    """Collect what hostile text does to a page: the names it sets, "dialog", "fetched", "window", "link"."""
    done: set[str] = set()

    def answer(dialog: Dialog) -> None:
        done.add("dialog")
        dialog.dismiss()

    def fetched(request: Request) -> None:
        if "beacon.invalid" in request.url:
            done.add("fetched")

    page.on("dialog", answer)
    page.on("request", fetched)
    page.on("popup", lambda _: done.add("window"))
    yield done
    page.evaluate("document.querySelectorAll('*').forEach(one => one.dispatchEvent(new Event('mouseover')))")
    page.wait_for_timeout(300)
    for frame in page.frames:
        done.update(frame.evaluate("Object.keys(window).filter(name => name.startsWith('ran_'))"))
    if page.evaluate("[...document.links].some(link => link.protocol === 'javascript:')"):
        done.add("link")
    page.remove_listener("dialog", answer)
    page.remove_listener("request", fetched)


def submission_of(course: Course, student: str) -> str:
    """Where formgrader shows a student's submission."""
    with course.gradebook() as gradebook:
        [notebook] = gradebook.find_submission("rnn", student).notebooks
        return f"formgrader/submissions/{notebook.id}/"


@contextmanager
def unescaped(course: Course, sources: Iterable[str]) -> Iterator[None]:
    """The right student's autograded notebook as it must not be: with a student's Markdown in it."""
    path = course.autograded(RIGHT, "rnn")
    kept = path.read_bytes()
    notebook = json.loads(kept)
    for number, source in enumerate(sources):
        notebook["cells"].append({"cell_type": "markdown", "id": f"own-{number}", "metadata": {}, "source": source})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(kept)


def scores(page: Page) -> dict[str, str]:
    """What the table of submissions says, by student."""
    rows = page.locator("table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return {row[1]: row[4] for row in rows}


def marks_that_go_out(course: Course, student: str, page: Page) -> tuple[str, str]:
    """A student's mark in the CSV for Canvas and on the feedback page, which is left open."""
    with export_grades(course, "rnn").path.open(encoding="utf-8", newline="") as file:
        [mark] = [row["rnn (1290)"] for row in csv.DictReader(file) if row["ID"] == student]
    write_feedback(course, "rnn")
    page.goto(course.feedback(student, "rnn").as_uri())
    return mark, page.locator(".net strong").inner_text()


def test_the_class_is_shown_with_its_scores(desk: Desk, page: Page) -> None:
    page.get_by_role("link", name="4", exact=True).click()  # the number of submissions
    page.wait_for_load_state("networkidle")
    assert scores(page) == {RIGHT: "100 / 100", WRONG: "88 / 100", HOSTILE: "90 / 100", NAMED: "100 / 100"}
    assert page.get_by_role("link", name="王, 小明").count() == 1
    page.get_by_role("link", name="Manual Grading").click()
    page.wait_for_load_state("networkidle")
    assert "rnn" in page.locator("table tbody").inner_text()


def test_nothing_of_the_students_runs_in_formgrader(desk: Desk, page: Page, term: Course) -> None:
    lists = ("manage_submissions/rnn", "gradebook/rnn/rnn", "manage_students", f"manage_students/{HOSTILE}/rnn")
    for view in (*(f"formgrader/{part}" for part in lists), submission_of(term, HOSTILE)):
        with watched(page) as done:
            desk.go(page, view)
        assert (view, done) == (view, set())
    assert len(page.content()) < 3_000_000  # of what floods only the beginning is kept
    assert page.locator("input.score").count() == 11  # the page is whole: ten exercises and the environment
    assert "<script>window.ran_script=1</script>" in page.locator("body").inner_text()


def test_a_students_name_is_no_markup_in_formgrader(desk: Desk, page: Page, term: Course) -> None:
    with watched(page) as done:
        desk.go(page, submission_of(term, NAMED))
    assert done == set()


def test_nothing_of_the_students_runs_on_our_pages(desk: Desk, page: Page, term: Course) -> None:
    pages = [*write_feedback(term, "rnn"), write_report(term, "rnn")["html"]]
    assert len(pages) == 5
    for path in pages:
        assert path.stat().st_size < 3_000_000
        with watched(page) as done:
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert (path, done) == (path, set())
    assert "Eve, Adam" in page.locator("body").inner_text()


def test_nothing_of_the_students_runs_in_the_live_notebook(desk: Desk, page: Page, term: Course) -> None:
    with watched(page) as done:
        desk.go(page, f"notebooks/autograded/{HOSTILE}/rnn/rnn.ipynb")
        notebook = OpenNotebook(page, term.autograded(HOSTILE, "rnn"))
        own = [cell["id"] for cell in notebook.cells if cell["id"].startswith("extra-")]
        for name in own:
            notebook.show(name)
    assert len(own) == 4  # two cells of code, two of text
    assert done == set()
    with watched(page) as done:
        notebook.run(own[0])  # as nobody should: now it is the TA who shows it
    assert "ran_script" in done


def test_unescaped_text_does_run_in_formgrader(desk: Desk, page: Page, term: Course) -> None:
    with unescaped(term, UNESCAPED), watched(page) as done:
        desk.go(page, submission_of(term, RIGHT))
    assert done == set(UNESCAPED.values())


def test_a_score_typed_in_formgrader_survives_and_goes_out(desk: Desk, page: Page, term: Course) -> None:
    assert marks_that_go_out(term, WRONG, page) == ("88", "88")
    desk.go(page, submission_of(term, WRONG))
    box = page.locator("#check-rnn_step_backward")
    with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        box.fill("9.5")
        box.press("Tab")
    assert saved.value.ok
    note = page.locator("textarea").nth(1)
    with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
        note.fill("口头解释过了 <b>x</b>")
        note.press("Tab")
    assert saved.value.ok
    grade(term, "rnn", again=True)
    assert marks_that_go_out(term, WRONG, page) == ("97.5", "97.5")
    assert "口头解释过了 <b>x</b>" in page.locator("body").inner_text()
    desk.go(page, "formgrader/manage_submissions/rnn")
    assert scores(page)[WRONG] == "97.5 / 100"

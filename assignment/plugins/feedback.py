"""Our feedback page in nbgrader's own `generate_feedback`: c.GenerateFeedback.exporter_class = FeedbackExporter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter, ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook, SubmittedNotebook
from traitlets import default

from assignment.course import Course
from assignment.homework.master import cell_id
from assignment.marking.lateness import Lateness, canvas_of
from assignment.marking.marks import shown_name
from assignment.marking.standing import penalties_of, settle
from assignment.marking.waivers import Decisions, load
from assignment.report.student_page import page
from assignment.rules import Policy


class FeedbackExporter(Exporter):  # type: ignore[misc]
    """Turns an autograded notebook into the student's page.

    It stands in for nbconvert's HTMLExporter, whose page shows hidden tests and runs what a student's Markdown holds.
    """

    export_from_notebook = "Feedback"

    @default("file_extension")  # type: ignore[untyped-decorator]
    def _file_extension_default(self) -> str:
        return ".html"

    @default("output_mimetype")  # type: ignore[untyped-decorator]
    def _output_mimetype_default(self) -> str:
        return "text/html"

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, ResourcesDict]:
        """Return (page, resources); the gradebook is the one named in resources["nbgrader"]."""
        about = (resources or {})["nbgrader"]
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        resources["output_extension"] = self.file_extension
        result = result_of(nb)
        with Gradebook(about["db_url"]) as gradebook:
            submission = gradebook.find_submission_notebook(about["notebook"], about["assignment"], about["student"])
            canvas, decisions = self._canvas(about), load(Course(Path(self.parent.coursedir.root)))
            standing, who = standing_of(submission, result, canvas, self.config, decisions), who_of(submission, canvas)
        return page(result, nb, who, standing), resources

    def _canvas(self, about: Mapping[str, str]) -> dict[str, Any]:
        """Return what Canvas said of the submission, nothing where it did not come from there."""
        coursedir = self.parent.coursedir
        folder = coursedir.format_path(coursedir.submitted_directory, about["student"], about["assignment"])
        return canvas_of(Path(folder))


def result_of(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examination that an autograded notebook carries, an unfinished one where it carries none."""
    about = (notebook.get("metadata") or {}).get("assignment") or {}
    empty = {"verdict": "crashed", "reason": "no result in the notebook", "max": 0.0, "checks": [], "rules": []}
    return dict(about.get("result") or empty)


def who_of(submission: SubmittedNotebook, canvas: Mapping[str, Any]) -> dict[str, str]:
    """Return {name, sortable, login, student, file} from nbgrader's student record and Canvas."""
    student = submission.student
    first, last = student.first_name or "", student.last_name or ""
    # Canvas's sortable names: "Doe, Jane" reads Jane Doe, while "王, 小明" reads 王小明.
    name = f"{last}{first}" if all(ord(mark) > 0x2E80 for mark in last + first) else f"{first} {last}"
    return {
        "name": name.strip() or str(canvas.get("name") or ""),
        "sortable": shown_name(last, first) or str(canvas.get("name") or ""),
        "login": str(student.email or canvas.get("login") or ""),
        "student": str(student.id),
        "file": str(canvas.get("file") or ""),
    }


def standing_of(
    submission: SubmittedNotebook,
    result: Mapping[str, Any],
    canvas: Mapping[str, Any],
    config: Any,
    decisions: Decisions,
) -> dict[str, Any]:
    """Return the standing that nbgrader's gradebook gives: manual scores, comments and penalty count as it has them.

    canvas: what Canvas said of the submission; config: the course's; decisions: of waivers.toml.
    """
    names = {cell_id("check", str(check.get("name"))): str(check.get("name")) for check in result.get("checks") or []}
    manual = {
        names.get(grade.name, grade.name): grade.score
        for grade in submission.grades
        # An automatic score of a cell that no check knows (nothing was graded) is no TA's doing.
        if grade.manual_score is not None
        or grade.extra_credit
        or (grade.name in names and grade.auto_score is not None)
    }
    solved = {cell_id("solve", name): name for name in names.values()}
    words = {comment.name: comment.manual_comment for comment in submission.comments if comment.manual_comment}
    assignment, rules = submission.assignment.name, result.get("rules") or []
    waived = decisions.waived(submission.student.id, assignment)
    zeroes = Policy.from_config(config).zeroes(rules, waived)
    spared = {finding.get("rule") for finding in rules} - set(zeroes)
    return settle(
        result,
        manual=manual,
        penalties=penalties_of(submission.late_submission_penalty or 0.0, result, submission.max_score, spared),
        late=Lateness(config, assignment).told(submission.assignment, bool(canvas.get("late"))),
        comments={solved.get(name, name): said for name, said in words.items()},
        waived=waived,
        spared=spared,
        maximum=submission.max_score,
    )

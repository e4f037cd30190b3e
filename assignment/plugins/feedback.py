"""Our feedback page in nbgrader's own `generate_feedback`: c.GenerateFeedback.exporter_class = FeedbackExporter."""

from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter, ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from traitlets import default

from assignment.course import Course
from assignment.grading.result import Result
from assignment.marking.breakdown import standing_of
from assignment.marking.decisions import load
from assignment.marking.results import result_of
from assignment.report.student_page import page
from assignment.submission.handed_in import read_record


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
        result = result_of(nb) or Result("crashed", 0.0, reason="no result in the notebook")
        coursedir = self.parent.coursedir
        folder = coursedir.format_path(coursedir.submitted_directory, about["student"], about["assignment"])
        with Gradebook(about["db_url"]) as gradebook:
            record = gradebook.find_submission_notebook(about["notebook"], about["assignment"], about["student"])
            decisions = load(Course(Path(coursedir.root)))
            standing = standing_of(record, result, read_record(Path(folder)), self.config, decisions)
        return page(standing, nb), resources

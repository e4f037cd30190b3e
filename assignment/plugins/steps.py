"""Our steps in nbgrader's own commands, wired up by nbgrader_config.py.

nbgrader's autograde would parse the submission in the process that keeps the gradebook, and overwrite locked cells one
by one. Here its first stage passes on the master, without opening the student's file; the examiner then reads that file
in its own limited process and makes the whole notebook.
"""

import atexit
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter, NotebookExporter, ResourcesDict
from nbformat import NotebookNode, from_dict
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import find_all_files
from traitlets import Unicode

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.grading.result import Result
from assignment.homework import load_master
from assignment.homework.notebook import keep, prove
from assignment.marking import result_of
from assignment.marking.breakdown import standing_of
from assignment.marking.decisions import load
from assignment.marking.gradebook import Adjustments, save_grades
from assignment.marking.lateness import Lateness, handed_in
from assignment.plugins import LimitSettings, examiner_for
from assignment.report.student_page import page
from assignment.submission.attachments import read_record


class SealRelease(NbGraderPreprocessor):  # type: ignore[misc]
    """The last preprocessor of GenerateAssignment: proves that nothing leaks and writes the release's hash into it."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Seal one notebook; AssignmentError on a leak, upon which nbgrader removes the release."""
        folder = Path(resources["metadata"]["path"])
        ignore = CourseDirectory(config=self.config).ignore  # anything else nbgrader would copy into the release
        files = (Path(file).relative_to(folder).as_posix() for file in find_all_files(str(folder), ignore))
        if others := sorted(file for file in files if file != f"{folder.name}.ipynb"):
            raise AssignmentError(
                f"source/{folder.name}: extra file {', '.join(others)} would go out with the release; move it elsewhere"
            )
        master = load_master(folder / f"{folder.name}.ipynb")
        nb.metadata["assignment"] = {"name": master.name, "release": master.release}
        prove(master, nb, Course.find(folder.parent.parent).mistakes_text(folder.name))
        return nb, resources


def keep_release(assignment: str, student: str, notebooks: list[str]) -> None:
    """GenerateAssignment's post_convert_hook, called in the course's root: keep a copy of the release."""
    keep(Course.find(), assignment)


class ExaminingExporter(NotebookExporter):  # type: ignore[misc]
    """c.Autograde.exporter_class: keeps an examiner for the whole run and never opens what a student handed in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running = ExitStack()
        self._examiners: dict[str, Examiner] = {}
        atexit.register(self._running.close)  # nbgrader has no word for "the run is over"

    @property
    def course(self) -> Course:
        """The course that nbgrader works on."""
        return Course(Path(self.parent.coursedir.root).resolve())

    def examiner(self, name: str) -> Examiner:
        """The examiner of an assignment, started when first asked for."""
        if name not in self._examiners:
            self._examiners[name] = self._running.enter_context(examiner_for(self.course, name))
        return self._examiners[name]

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Convert a file; in place of a submission the master goes on to the next stage."""
        if Path(filename).resolve().is_relative_to(self.course.root / "submitted"):
            filename = str(self.course.source(resources["nbgrader"]["assignment"]))
        converted: tuple[Any, Any] = super().from_filename(filename, resources=resources, **kwargs)
        return converted


class Examine(NbGraderPreprocessor, LimitSettings):  # type: ignore[misc]
    """In the place of Execute: examine the file that was handed in, and go on with what shows the result."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the examined notebook."""
        about = resources["nbgrader"]
        submitted = self.parent.course.submitted(about["student"], about["assignment"])
        examined = self.parent.examiner(about["assignment"]).examine_file(submitted)
        return from_dict(examined.notebook), resources


class SaveGrades(NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of SaveAutoGrades: the same function that `assignment grade` saves with."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save the scores of an examined notebook."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            came = handed_in(self.parent.course.submitted(about["student"], about["assignment"]).parent)
            save_grades(gradebook, about["assignment"], about["student"], json.loads(json.dumps(nb)), came)
            gradebook.db.commit()
        return nb, resources


class RulePenalty(NbGraderPreprocessor):  # type: ignore[misc]
    """After AssignLatePenalties, whose penalty knows of no rules: the same function that `assignment grade` uses."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Set what lateness and breaches of the rules cost."""
        about = resources["nbgrader"]
        adjustments = Adjustments(self.parent.course, about["assignment"])
        with Gradebook(about["db_url"]) as gradebook:
            adjustments.set(gradebook, about["student"], Result.from_dict(nb.metadata.assignment.result))
            gradebook.db.commit()
        return nb, resources


class FeedbackExporter(Exporter):  # type: ignore[misc]
    """Turns an autograded notebook into the student's page.

    It stands in for nbconvert's HTMLExporter, whose page shows hidden tests and runs what a student's Markdown holds.
    """

    export_from_notebook = "Feedback"
    output_mimetype = "text/html"
    file_extension = Unicode(".html")

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
            canvas = read_record(Path(folder))
            late = Lateness(self.config, about["assignment"]).arrival(record.assignment, bool(canvas and canvas.late))
            standing = standing_of(record, result, canvas, late, self.config, decisions)
        return page(standing, nb), resources

"""Our parts in `nbgrader autograde`, wired up by nbgrader_config.py: the examiner in the place of Execute.

nbgrader would parse the submission in the process that keeps the gradebook, and overwrite locked cells one by one. Here
its first stage passes on the master, without opening the student's file; the examiner then reads that file in its own
limited process and makes the whole notebook.
"""

from __future__ import annotations

import atexit
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.result import Result
from assignment.marking.gradebook import Adjustments, save_grades
from assignment.marking.lateness import handed_in
from assignment.plugins.settings import LimitSettings, examiner_for


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

"""Our step in nbgrader's generate_assignment, so that it makes the same release by whatever door it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import find_all_files

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework.master import load_master
from assignment.homework.releases import keep, prove


class SealRelease(NbGraderPreprocessor):  # type: ignore[misc]
    """The last preprocessor of GenerateAssignment: proves that nothing leaks and writes the release's hash into it."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Seal one notebook; AssignmentError on a leak, upon which nbgrader removes the release."""
        folder = Path(resources["metadata"]["path"])
        self._refuse_other_files(folder)
        master = load_master(folder / f"{folder.name}.ipynb")
        nb.metadata["assignment"] = {"name": master.name, "release": master.release}
        prove(master, nb, Course.find(folder.parent.parent).mistakes_text(folder.name))
        return nb, resources

    def _refuse_other_files(self, folder: Path) -> None:
        """Raise AssignmentError if the folder holds anything else: nbgrader would copy it into the release."""
        ignore = CourseDirectory(config=self.config).ignore
        files = (Path(file).relative_to(folder).as_posix() for file in find_all_files(str(folder), ignore))
        others = sorted(file for file in files if file != f"{folder.name}.ipynb")
        if others:
            raise AssignmentError(
                f"source/{folder.name}: extra file {', '.join(others)} would go out with the release; move it elsewhere"
            )


def keep_release(assignment: str, student: str, notebooks: list[str]) -> None:
    """GenerateAssignment's post_convert_hook, called in the course's root: keep a copy of the release."""
    keep(Course.find(), assignment)

"""A course: the folder with nbgrader_config.py, and where everything in it lies."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignment.errors import AssignmentError

CONFIG = "nbgrader_config.py"
MISTAKES = "_mistakes"  # source/NAME_mistakes.py lists likely mistakes of NAME; it is no assignment
CELL_TITLE = re.compile(r"^# %% *(prose|given|solve|check)\b", re.MULTILINE)


@dataclass(frozen=True)
class Course:
    """A course root and the paths below it; nothing is read before it is asked for."""

    root: Path

    @classmethod
    def find(cls, path: Path | str | None = None) -> Course:
        """Return the course at `path` (default: the current folder); AssignmentError if there is none."""
        root = Path(path or ".").resolve()
        if not (root / CONFIG).is_file():
            raise AssignmentError(f"{root}: no {CONFIG} here; go to the course's folder or name it with --course DIR")
        return cls(root)

    def assignments(self) -> list[str]:
        """Return the names of the master texts in source/, sorted."""
        texts = (self.root / "source").glob("*.py")
        return sorted(
            text.stem
            for text in texts
            if not text.stem.endswith(MISTAKES) and CELL_TITLE.search(text.read_text(encoding="utf-8"))
        )

    def assignment(self, name: str | None = None) -> str:
        """Return `name` if the course has it, or the only assignment; AssignmentError lists what there is."""
        names = self.assignments()
        if name in names:
            return str(name)
        if not names:
            raise AssignmentError(f"{self.root / 'source'}: no master text here; write source/NAME.py first")
        if name is not None:
            raise AssignmentError(f"--assignment {name}: not in this course; it has {', '.join(names)}")
        if len(names) > 1:
            raise AssignmentError(f"{self.root}: several assignments; choose with --assignment: {', '.join(names)}")
        return names[0]

    def source_text(self, name: str) -> Path:
        """The master as text, source/NAME.py."""
        return self.root / "source" / f"{name}.py"

    def mistakes(self, name: str) -> Path:
        """The list of likely mistakes beside the master text (a homework may have none)."""
        return self.root / "source" / f"{name}{MISTAKES}.py"

    def source(self, name: str) -> Path:
        """The master notebook built from the text, the one nbgrader reads."""
        return self.root / "source" / name / f"{name}.ipynb"

    def release(self, name: str) -> Path:
        """What students get."""
        return self.root / "release" / name / f"{name}.ipynb"

    def published(self, name: str) -> Path:
        """The folder of all releases so far, one notebook each, named for its hash."""
        return self.root / "published" / name

    def submitted(self, student: str, name: str) -> Path:
        """A student's notebook as handed in."""
        return self.root / "submitted" / student / name / f"{name}.ipynb"

    def autograded(self, student: str, name: str) -> Path:
        """The notebook as examined."""
        return self.root / "autograded" / student / name / f"{name}.ipynb"

    def feedback(self, student: str, name: str) -> Path:
        """The student's feedback page."""
        return self.root / "feedback" / student / name / f"{name}.html"

    def collected(self, name: str) -> Path:
        """The folder of archives as received, and of the roster."""
        return self.root / "collected" / name

    def exported(self, name: str) -> Path:
        """The folder of what goes back to Canvas."""
        return self.root / "exported" / name

    def backups(self) -> Path:
        """The folder of copies of the gradebook."""
        return self.root / "backups"

    def students(self, name: str) -> list[str]:
        """Return the students with a folder for the assignment in submitted/, sorted."""
        return sorted(folder.parent.name for folder in (self.root / "submitted").glob(f"*/{name}") if folder.is_dir())

    def config(self) -> Any:
        """Return nbgrader_config.py as a traitlets Config; AssignmentError if it does not run."""
        from traitlets.config import PyFileConfigLoader

        try:
            return PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except Exception as error:  # the file is a program: anything can happen in it
            raise AssignmentError(f"{self.root / CONFIG}: {type(error).__name__}: {error}; put it right") from error

    def gradebook_url(self) -> str:
        """Return the database nbgrader would use: the configured one, else gradebook.db in the root."""
        configured = self.config().CourseDirectory.get("db_url")
        return str(configured) if configured else f"sqlite:///{self.root / 'gradebook.db'}"

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """Open nbgrader's gradebook (nbgrader.api.Gradebook) and close it again."""
        from nbgrader.api import Gradebook

        course_id = self.config().CourseDirectory.get("course_id", "")
        with tools_in_path(), Gradebook(self.gradebook_url(), course_id) as gradebook:
            yield gradebook


@contextmanager
def tools_in_path() -> Iterator[None]:
    """Put this Python's programs first in PATH: nbgrader calls `alembic` by name when it makes a gradebook."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def replace_file(path: Path, data: bytes | str) -> bool:
    """Write a file, text as UTF-8, unless it says so already; return whether it was written."""
    data = data.encode() if isinstance(data, str) else data
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")  # always the same name: what a kill leaves, the next run takes away
    part.write_bytes(data)
    part.replace(path)
    return True

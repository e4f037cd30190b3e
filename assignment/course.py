"""A course: the folder with nbgrader_config.py, and where everything in it lies."""

import errno
import fcntl
import logging
import os
import re
import secrets
import sqlite3
import sysconfig
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assignment.errors import AssignmentError

CONFIG = "nbgrader_config.py"
MISTAKES = "_mistakes"  # source/NAME_mistakes.py lists likely mistakes of NAME; it is no assignment
SQLITE = "sqlite:///"
PATIENCE = 10.0  # seconds for another program to let go of the gradebook
DATABASE = {  # what an error of the gradebook's database means, by what it says
    ("locked", "busy"): (
        "another program holds it (waited {wait:g} s), perhaps formgrader, another `assignment grade` or a "
        "browser of databases; end that, then run this again"
    ),
    ("no such column", "no such table"): "made by an older nbgrader ({text}); run: nbgrader db upgrade",
    ("full",): "the disk is full; free some space and run this again, what was finished is kept",
    (
        "readonly",
        "unable to open",
    ): "cannot be written ({text}); see that the file and its folder may be written by you",
    ("not a database", "malformed"): "damaged ({text}); put the newest copy from backups/ in its place",
    (): "{text}; run this again, and report it if it stays so",
}
NAME = re.compile(r"(?!\.)[^<>&\"\[\]\\]+")  # of a folder that is a student's; printable besides
TITLED = re.compile(r"\w[\w-]*")  # name of a homework
SECRET = "secret.key"  # never given out, never committed; the same file gives the same results elsewhere
CELL_TITLE = re.compile(r"^# %% *(prose|given|solve|check)\b", re.MULTILINE)


@dataclass(frozen=True)
class Course:
    """A course root and the paths below it; nothing is read before it is asked for."""

    root: Path

    @classmethod
    def find(cls, path: Path | str | None = None) -> Self:
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
            # Whatever its encoding: what is no assignment is nobody's business here, what is one is named when read.
            if not text.stem.endswith(MISTAKES) and CELL_TITLE.search(text.read_text("utf-8", errors="replace"))
        )

    def assignment(self, name: str | None = None) -> str:
        """Return `name` if the course has it, or the only assignment; AssignmentError lists what there is."""
        names = self.assignments()
        for odd in (known for known in names if not TITLED.fullmatch(known)):  # nbgrader, or a link, stumbles over it
            raise AssignmentError(f"source/{odd}.py: a homework's name has letters, digits, '_', '-' only; rename it")
        if name in names:
            return str(name)
        if not names:
            raise AssignmentError(f"{self.root / 'source'}: no master text here; write source/NAME.py first")
        if name is not None:
            raise AssignmentError(f"--assignment {name}: not in this course; it has {', '.join(names)}")
        if len(names) > 1:
            raise AssignmentError(f"{self.root}: several assignments; choose with --assignment: {', '.join(names)}")
        return names[0]

    def shown(self, path: Path) -> str:
        """Return a path as a person in the course's folder would write it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def source_text(self, name: str) -> Path:
        """The master as text, source/NAME.py."""
        return self.root / "source" / f"{name}.py"

    def mistakes(self, name: str) -> Path:
        """The list of likely mistakes beside the master text (a homework may have none)."""
        return self.root / "source" / f"{name}{MISTAKES}.py"

    def mistakes_text(self, name: str) -> str:
        """What that list says, "" where there is none."""
        path = self.mistakes(name)
        return self.read(path) if path.exists() else ""

    def read(self, path: Path) -> str:
        """The text of an author's file; AssignmentError if it is no UTF-8."""
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise AssignmentError(f"{self.shown(path)}: no UTF-8 text ({error}); save it as UTF-8") from None

    def variants(self, name: str) -> Path:
        """The folder of right variants beside the master text (a homework may have none)."""
        return self.root / "source" / f"{name}_variants"

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

    def secret(self) -> bytes:
        """Return the course's secret, from which hidden data are drawn; made when it is first asked for.

        AssignmentError where it can be neither read nor written, or holds something else than was made.
        """
        path = self.root / SECRET
        try:
            if not path.exists():
                part = path.with_name(f".part-{secrets.token_hex(4)}")
                part.touch(mode=0o600)
                part.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
                with suppress(FileExistsError):  # another command was quicker
                    os.link(part, path)
                part.unlink()
            secret = path.read_bytes().strip()
        except OSError as error:
            raise AssignmentError(f"{path}: {error.strerror}; it must be readable, or its folder writable") from None
        if not re.fullmatch(rb"[0-9a-fA-F]{64}", secret):
            raise AssignmentError(
                f"{path}: must hold 64 hexadecimal digits, or hidden data could be guessed; put your copy of it in its "
                "place, or remove it (another is made, and `assignment grade` examines everybody again)"
            )
        return secret

    def students(self, name: str) -> list[str]:
        """Return the students with a folder for the assignment in submitted/, sorted."""
        return sorted(folder for folder in self._folders(name) if NAME.fullmatch(folder) and folder.isprintable())

    def odd_folders(self, name: str) -> list[str]:
        """Return, fit to be shown, the folders in submitted/ whose names can be no student's: nobody grades them."""
        return sorted(ascii(folder) for folder in set(self._folders(name)) - set(self.students(name)))

    def _folders(self, name: str) -> list[str]:
        return [folder.parent.name for folder in (self.root / "submitted").glob(f"*/{name}") if folder.is_dir()]

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
    def gradebook(self, fresh: bool = False) -> Iterator[Any]:
        """Open nbgrader's gradebook (nbgrader.api.Gradebook) and close it again.

        AssignmentError if another program holds it, if it is damaged or of an older nbgrader, or if it is gone while
        there are copies and results of it (fresh: begin anew all the same).
        """
        self.check_gradebook(fresh)
        from nbgrader.api import Gradebook

        logging.getLogger("tornado.application").setLevel(logging.CRITICAL)  # nbgrader's: what it raises is told here
        url, course_id = self.gradebook_url(), self.config().CourseDirectory.get("course_id", "")
        try:
            with tools_in_path(), Gradebook(url, course_id) as gradebook:
                yield gradebook
        except Exception as error:
            for known in (error, error.__context__):  # SQLAlchemy's; nbgrader makes an InvalidEntry of some
                if isinstance(original := getattr(known, "orig", None), sqlite3.Error):
                    raise database_error(Path(url.removeprefix(SQLITE)), original) from error
            raise

    def check_gradebook(self, fresh: bool = False) -> None:
        """Raise AssignmentError as `gradebook` does; nbgrader, which takes a second to import, is not needed."""
        url = self.gradebook_url()
        path = Path(url.removeprefix(SQLITE))
        if path.exists():
            check_database(path)
        elif url.startswith(SQLITE) and not fresh:  # begun anew, it would lack all that people gave by hand
            copies = sorted(self.backups().glob("gradebook-*.db"))
            if copies and any((self.root / "autograded").glob("*/*/*.ipynb")):
                newest = copies[-1].relative_to(self.root)
                raise AssignmentError(
                    f"{path}: is gone, with every score that was given by hand; put the newest copy in its place "
                    f"(cp {newest} {path.name}), or begin anew: assignment grade --fresh"
                )


@contextmanager
def tools_in_path() -> Iterator[None]:
    """Put this Python's programs first in PATH: nbgrader calls `alembic` by name when it makes a gradebook."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


class FullError(AssignmentError):
    """The disk is full: nobody else fares better."""


def check_database(path: Path) -> None:
    """Raise AssignmentError if a gradebook cannot be written now: nbgrader would wait for ever, or fail half-way."""
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
            database.execute("BEGIN IMMEDIATE")
            columns = {column for _, column, *_ in database.execute("PRAGMA table_info(student)")}
            database.rollback()
    except sqlite3.Error as error:
        raise database_error(path, error) from None
    if columns and "lms_user_id" not in columns:  # the newest column that nbgrader added
        raise database_error(path, sqlite3.OperationalError("no such column: lms_user_id"))


def database_error(path: Path, error: sqlite3.Error) -> AssignmentError:
    """Return what a person should know and do about an error of the gradebook's database."""
    text = str(error)
    what = next((what for signs, what in DATABASE.items() if any(sign in text for sign in signs)), DATABASE[()])
    return AssignmentError(f"{path}: {what.format(text=text, wait=PATIENCE)}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a name to write under; the file then takes its place in one step. What fails leaves nothing behind.

    Nobody else writes in its folder meanwhile: what is read of it here is what is replaced. AssignmentError names the
    file if it cannot be written.
    """
    folder = -1
    part = path.with_name(f".part-{path.name}")  # always the same name: what a kill leaves, the next run takes away
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        with suppress(OSError):  # on a file system without locks nobody waits
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield part
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "free some space and run this again" if full else "see that it may be written by you"
            kind = FullError if full else AssignmentError
            raise kind(f"{path}: cannot be written ({error.strerror}); {remedy}") from error
        raise
    finally:
        if folder >= 0:
            os.close(folder)


def replace_file(path: Path, data: bytes | str) -> bool:
    """Write a file, text as UTF-8, unless it says so already; return whether it was written. AssignmentError if not."""
    data = data.encode() if isinstance(data, str) else data
    if path.is_file() and path.read_bytes() == data:
        return False
    with new_file(path) as part:
        part.write_bytes(data)
    return True

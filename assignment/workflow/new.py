"""A new course out of one that is there: the next term's, with nothing of a class, or a demo, with a made-up class.

The class is made of the master and its list of mistakes, and comes as a Canvas archive and a roster.
"""

import ast
import copy
import json
import re
import shutil
import tempfile
import textwrap
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assignment.canvas import squeezed
from assignment.course import CONFIG, Course
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import SOLUTION, STUB, Cell, load_master
from assignment.homework.mistakes import Mistake
from assignment.homework.notebook import NotebookJson, dumps, releases
from assignment.plugins import limits
from assignment.report.student_page import kind
from assignment.text import as_csv
from assignment.workflow.build import build
from assignment.workflow.proving import made_of

TRASH = shutil.ignore_patterns(".*", "__pycache__")  # beside sources and releases
ID = "c.CourseDirectory.course_id"
# Settings of one class or one machine: each statement of the config that mentions one is commented out.
LEFT = re.compile(r"\bLatePenalty\b.*\b(deadline|extensions)\b|\bCourseDirectory\.(db_url|root)\b", re.DOTALL)


def begin(old: Course, folder: Path, course_id: str) -> tuple[Course, list[str]]:
    """Begin a course with the homeworks and config of an old one -> it, the lines of the config that are comments now.

    folder: a new or an empty one. Left out are class data, releases, decisions, the secret, deadlines and extensions.
    AssignmentError, with nothing left behind, if the id is the old one's, or the config sets a deadline where it cannot
    be found.
    """
    folder = folder.resolve()
    if not course_id.strip() or course_id == str(old.config().CourseDirectory.get("course_id", "")):
        raise AssignmentError(f"--course-id {course_id!r}: must be another than the old course's; decisions go by it")
    _refuse_full(folder)
    if folder.is_relative_to(old.root / "source"):
        raise AssignmentError(f"{folder}: lies in the homeworks that would be copied; name a folder elsewhere")
    config, left_out = _config((old.root / CONFIG).read_text("utf-8"), course_id)
    part = folder.with_name(f".part-{folder.name}")
    try:
        shutil.rmtree(part, ignore_errors=True)  # what a kill left
        shutil.copytree(old.root / "source", part / "source", ignore=TRASH)
        (part / CONFIG).write_text(config, encoding="utf-8")
        if (old.root / ".gitignore").is_file():
            shutil.copy(old.root / ".gitignore", part)
        course = Course(part)
        _refuse_leftovers(course, course_id)
        for name in course.assignments():
            build(course, name)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Course(folder), left_out


def _refuse_full(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AssignmentError(f"{folder}: not empty; name an empty or a new folder")


def _config(text: str, course_id: str) -> tuple[str, list[str]]:
    """Return a config with another course_id and without what belongs to a class -> (text, what is left out)."""
    lines, left_out, named = text.splitlines(), [], False
    for statement in ast.parse(text).body:
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        source = "\n".join(lines[first:last])
        if source.startswith(ID):
            lines[first:last] = [f"{ID} = {json.dumps(course_id, ensure_ascii=False)}", *[""] * (last - first - 1)]
            named = True
        elif LEFT.search(source):
            lines[first:last] = [f"# {line}" for line in lines[first:last]]
            left_out.append(" ".join(source.split()))
    lines += [] if named else [f"{ID} = {json.dumps(course_id, ensure_ascii=False)}"]
    return "\n".join(lines) + "\n", left_out


def _refuse_leftovers(course: Course, course_id: str) -> None:
    """Raise AssignmentError if the new config still says what only the old one may."""
    config = course.config()
    late = config.get("LatePenalty", {})
    settings = {f"LatePenalty.{key}": late.get(key) for key in ("deadline", "extensions")}
    settings |= {f"CourseDirectory.{key}": config.CourseDirectory.get(key) for key in ("db_url", "root")}
    for setting, value in settings.items():
        if value:
            raise AssignmentError(f"{CONFIG}: c.{setting} is set inside another statement; set it at the top level")
    if config.CourseDirectory.get("course_id") != course_id:
        raise AssignmentError(f"{CONFIG}: {ID} is set more than once, or by a statement that begins otherwise")


@dataclass(frozen=True)
class HandIn:
    """One file in the archive: who, what it shows, and its bytes; nobody's bytes are None."""

    user: int
    name: str  # sortable, as Canvas has it: "Doe, Jane"
    shows: str
    data: bytes | None
    file: str = "homework.ipynb"
    late: bool = False

    @property
    def entry(self) -> str:
        """The file's name in Canvas's archive."""
        return f"{squeezed(self.name)}{'_LATE' if self.late else ''}_{self.user}_{self.user * 80 + 7}_{self.file}"


@contextmanager
def prepared(course: Course, name: str, folder: Path | None = None) -> Iterator[tuple[Course, Path, Path]]:
    """Yield a course of its own with a class's archive and roster: in `folder`, or in one that goes when it is left."""
    with tempfile.TemporaryDirectory(prefix="assignment-demo-") as temporary:
        root = (folder or Path(temporary)).resolve()
        _refuse_full(root)
        root.mkdir(parents=True, exist_ok=True)
        copy = copy_course(course, root)
        build(copy, name)
        mistakes = course.mistakes_text(name)
        homework = Homework(load_master(copy.source(name)), mistakes)
        student_side = Homework(homework.master.released)
        impatient = replace(limits(copy), call_seconds=1.0)  # whoever wrote an endless loop has interrupted it
        with Examiner(student_side, releases(copy, name), impatient) as examiner:
            people = handed_in(homework, mistakes, examiner)
        yield copy, write_archive(people, root / "submissions.zip"), write_roster(people, root / "gradebook.csv", name)


def copy_course(course: Course, folder: Path) -> Course:
    """Copy what a term begins with (config, sources, releases) to a folder; no class data."""
    shutil.copy(course.root / CONFIG, folder / CONFIG)
    for part in ("source", "release", "published"):
        if (course.root / part).exists():
            shutil.copytree(course.root / part, folder / part, ignore=TRASH)
    return Course(folder)


def handed_in(homework: Homework, mistakes: str, student_side: Examiner) -> list[HandIn]:
    """Return a class of fourteen: right, wrong in typical ways, empty, late, broken, and one who handed in nothing."""
    maker = Maker(homework, mistakes, student_side)
    names = homework.names
    typical = maker.typical()
    one, two, three = (typical[len(typical) * part // 4] for part in (1, 2, 3))
    half = names[: len(names) // 2]
    people = [
        HandIn(1041, "王, 小明", "everything right", maker.notebook()),
        HandIn(1042, "Doe, Jane", "everything right, late", maker.notebook(), late=True),
        HandIn(1043, "Müller, Jörg", f"one mistake: {one.name}", maker.notebook(wrong=[one])),
        HandIn(1044, "O'Neil, Pat", f"one mistake: {two.name}", maker.notebook(wrong=[two])),
        HandIn(1045, "李, 雷", f"two mistakes: {one.name}, {three.name}", maker.notebook(wrong=[one, three])),
        HandIn(1046, "van der Berg, A.", f"the first {len(half)} exercises", maker.notebook(only=half)),
        HandIn(1047, "韩, 梅梅", "the release, untouched", maker.notebook(only=())),
        HandIn(1048, "Smith, Lee", f"{names[-2]} never ends", maker.notebook(loops=names[-2])),
        HandIn(1049, "Rossi, Ada", "cells copied into a new notebook: no metadata", maker.notebook(edit=_bare)),
        HandIn(1050, "Ng, Kim", "a check cell edited", maker.notebook(only=half, edit=_edited_check)),
        HandIn(1051, "Novák, Jan", "another package imported", maker.notebook(edit=_imports)),
        HandIn(1052, "Silva, Rui", "no notebook, though it is called one", b"\x89PNG\r\n\x1a\n not a notebook"),
        HandIn(1053, "Kim, Yuna", "a PDF", b"%PDF-1.7", file="rnn.pdf"),
        HandIn(1054, "Late, Never", "nothing", None),
    ]
    notebook = f"{homework.master.name}.ipynb"
    return [person if person.file != HandIn.file else replace(person, file=notebook) for person in people]


def write_archive(people: Sequence[HandIn], path: Path) -> Path:
    """Write what Canvas gives for Download Submissions."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for person in people:
            if person.data is not None:
                archive.writestr(person.entry, person.data)
    return path


def write_roster(people: Sequence[HandIn], path: Path, title: str) -> Path:
    """Write what Canvas gives for the gradebook's Export."""
    rows = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{title} (1290)", "Final Score"],
        ["    Points Possible", "", "", "", "", "100", "(read only)"],
    ]
    for person in sorted(people, key=lambda p: p.name):
        rows.append([person.name, str(person.user), f"s{person.user}", f"u{person.user}", "A", "", ""])
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    return path


class Maker:
    """Makes submissions: a release with solutions, mistakes or nothing in its TODO regions, run as students run it."""

    def __init__(self, homework: Homework, mistakes: str, student_side: Examiner) -> None:
        self._homework = homework
        self._student_side = student_side
        self._mistakes = {node.name: node for node in ast.parse(mistakes).body if isinstance(node, ast.FunctionDef)}

    def notebook(
        self,
        wrong: Sequence[Mistake] = (),
        only: Sequence[str] | None = None,
        loops: str = "",
        edit: Callable[[NotebookJson], None] | None = None,
    ) -> bytes:
        """Return a notebook's bytes. wrong: mistakes; only: the exercises done (default all); loops: one that hangs."""
        master = self._homework.master
        bodies = {mistake.function: self._body(mistake.name) for mistake in wrong}
        bodies |= {loops: "while True:\n    pass"} if loops else {}
        sources = {
            cell.name: self._solved(cell, bodies.get(cell.name)) if only is None or cell.name in only else cell.stub
            for cell in master.solves
        }
        data = made_of(master, sources=sources)
        seen = self._student_side.examine(data).notebook  # what its author would have seen
        notebook, outputs = json.loads(data), {raw["id"]: raw.get("outputs") for raw in seen["cells"]}
        for count, raw in enumerate((raw for raw in notebook["cells"] if raw["cell_type"] == "code"), 1):
            raw["execution_count"], raw["outputs"] = count, outputs.get(raw["id"]) or []
        if edit:
            edit(notebook)
        return dumps(notebook).encode()

    def _solved(self, cell: Cell, body: str | None) -> str:
        if body is None:
            return "\n".join(line for line in cell.source.split("\n") if not any(mark in line for mark in SOLUTION))
        return re.sub(rf"(?m)^( *){re.escape(STUB)}", lambda stub: textwrap.indent(body, stub[1]), cell.stub)

    def typical(self) -> list[Mistake]:
        """One mistake of each function that can stand in a notebook: written without calling the right one."""
        usable = (m for mistakes in self._homework.mistakes.values() for m in mistakes if not m.calls_its_function)
        return list({m.function: m for m in reversed(list(usable)) if "." not in m.function}.values())[::-1]

    def _body(self, mistake: str) -> str:
        """A mistake with its helpers as the lines for a TODO region."""
        node = copy.deepcopy(self._mistakes[mistake])
        node.decorator_list = []
        arguments = ", ".join(argument.arg for argument in node.args.args)
        functions = [ast.unparse(function) for function in (*self._helpers(node, set()), node)]
        return "\n".join([*functions, f"return {mistake}({arguments})"])

    def _helpers(self, node: ast.FunctionDef, seen: set[str]) -> Iterator[ast.FunctionDef]:
        for name in (part.id for part in ast.walk(node) if isinstance(part, ast.Name)):
            helper = self._mistakes.get(name)
            if helper is not None and not helper.decorator_list and name not in seen:
                seen.add(name)
                yield from self._helpers(helper, seen)
                yield helper


def _bare(notebook: NotebookJson) -> None:
    """What is left of a notebook whose cells were copied into a new one."""
    notebook["metadata"] = {}
    notebook["nbformat_minor"] = 4
    for raw in notebook["cells"]:
        raw["metadata"] = {}
        raw.pop("id", None)


def _edited_check(notebook: NotebookJson) -> None:
    """The last check made to pass."""
    checks = [raw for raw in notebook["cells"] if kind(raw)[0] == "check"]
    checks[-1]["source"] = "print('通过')"


def _imports(notebook: NotebookJson) -> None:
    """One more package in the first exercise's cell."""
    solve = next(raw for raw in notebook["cells"] if kind(raw)[0] == "solve")
    solve["source"] = ["import torch\n", *solve["source"]]

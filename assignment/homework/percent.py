"""The master as text (jupytext percent) and back: a cell's title says its kind, nobody types metadata.

What a master asks to be put in (the checker, a figure) is put in here, and taken out again on the way back.
"""

import ast
import base64
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from assignment.errors import AssignmentError
from assignment.homework import HIDDEN, KINDS, REGION_END, REGION_START, SOLUTION, Cell, cell_id, regions, without
from assignment.syntax import definitions, segment

TITLE = re.compile(r"^#\s*%%")
CARRIED = re.compile(r"^from assignment\.homework\.(checker|diagnosis) import (.+)$", re.MULTILINE)
ANNOTATION = re.compile(r": \w+(?=[,)]| =)| -> \w+(?=:$)")
FIGURE = re.compile(r"!\[([^\]]*)\]\((figures/[\w.-]+)\)")
EMBEDDED = re.compile(r'<img alt="([^"]*)" width="\d+" src="data:image/png;base64,([^"]*)">')
LOOKS_LIKE_A_MARKER = re.compile(r"^\s*#.*\b(BEGIN|END)\b.*\b(SOL|HID|TEST|MARK)\w*", re.IGNORECASE)
COMMAND = re.compile(r"\s*[%!][\w!]")
MARKER = re.compile(rf"^\s*### ({'|'.join(SOLUTION + HIDDEN)})$")


def parse(text: str, file: str, figures: Path | None = None) -> list[Cell]:
    """Read a master text into cells; AssignmentError names the file, the line and the cell.

    figures: the folder of the text, if the figures that it names are to be put in.
    """
    import jupytext

    lines, titles = _titles(text, file)
    raw = jupytext.reads("".join(blocks(text)[1]), fmt="py:percent").cells
    if len(raw) != len(titles):
        line = _no_title(lines, titles)
        raise AssignmentError(
            f"{file}:{line}: begins with '# %%' and is no title of a cell ({lines[line - 1].strip()[:60]!r}); "
            "put another word in front of it"
        )
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for number, read in zip(titles, raw, strict=True):
        where, title = number, read.metadata.get("title", "").strip()
        try:
            source = CARRIED.sub(lambda match: _code(match[1], match[2].split(",")), read.source.strip("\n"))
            if figures:
                source = FIGURE.sub(lambda match: _embedded(match[1], figures / match[2]), source)
            cell = _cell(title, read.cell_type, source)
            if cell.id in seen:
                latin = (
                    "" if cell.name.isascii() else "; ids keep Latin letters and digits only, so put some into the name"
                )
                raise FaultError(f"the name is taken by line {seen[cell.id]} (id {cell.id}); choose another{latin}")
            inspect(cell)
        except FaultError as fault:
            blank = next((i for i, line in enumerate(lines[number:]) if line.strip()), 0)
            where += fault.line and fault.line + blank
            raise AssignmentError(f"{file}:{where}: cell '{title}': {fault}") from None
        seen[cell.id] = number
        cells.append(cell)
    exercises = {cell.name for cell in cells if cell.kind == "solve"}
    for number, cell in zip(titles, cells, strict=True):
        if cell.points and cell.name not in exercises:
            raise AssignmentError(
                f"{file}:{number}: cell '{title_of(cell)}': no exercise of that name; "
                f"there are {', '.join(sorted(exercises)) or 'none'}"
            )
    return cells


def _no_title(lines: list[str], titles: list[int]) -> int:
    """Return the number of the line that looks like a title to us alone: in a string, or of another form."""
    odd = [number for number in titles if not re.match(r"# ?%%(\s|$)", lines[number - 1])]
    for number in titles if not odd else ():
        quotes = "".join(lines[: number - 1])
        if quotes.count('"""') % 2 or quotes.count("'''") % 2:
            odd.append(number)
    return (odd or titles)[0]


def time_axis(text: str, file: str) -> int | None:
    """Read what the engine is told of a homework: `time_axis` under the key `assignment` of jupytext's own header."""
    import yaml

    head = "\n".join(
        line.removeprefix("#").removeprefix(" ") for line in blocks(text)[0].split("\n") if line != "# ---"
    )
    try:
        header = yaml.safe_load(head) or {}
        settings = header.get("assignment") or {}
        if unknown := {*set(header) - {"jupyter", "assignment"}, *set(settings) - {"time_axis"}}:
            raise ValueError(f"unknown {', '.join(sorted(unknown))}")
        axis = settings.get("time_axis")
        return None if axis is None else int(axis)
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise AssignmentError(f"{file}:1: malformed header ({error}); see docs/author.md") from None


def title_of(cell: Cell) -> str:
    """Return the cell's title: kind, name and, of a check, its points."""
    return f"{cell.kind} {cell.name}" + (f" {cell.points:g}" if cell.points is not None else "")


def write(title: str, cell_type: str, source: str) -> str:
    """Return one cell as percent text, title line included, ending in one newline."""
    import jupytext
    from nbformat import v4

    new = v4.new_markdown_cell if cell_type == "markdown" else v4.new_code_cell
    notebook = v4.new_notebook(cells=[new(source, metadata={"title": title})])
    notebook.metadata["jupytext"] = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "title,-all"}
    text: str = jupytext.writes(notebook, fmt="py:percent")
    return text[text.index("# %%") :].rstrip("\n") + "\n"


def blocks(text: str) -> tuple[str, list[str]]:
    """Cut a percent text into what stands before the first cell and one piece a cell; joined they are the text."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if TITLE.match(line)]
    ends = [*starts[1:], len(lines)]
    head = "".join(lines[: starts[0]] if starts else lines)
    return head, ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield what jupytext makes a command of IPython in a play cell, a comment in the text, each with its line."""
    playing = False
    for number, line in enumerate(text.splitlines(), 1):
        playing = line.startswith("# %% play") if TITLE.match(line) else playing
        if playing and (live := re.match(r"\s*# ?([%!]\w.*)", line)):
            yield number, live[1].strip()


def carried_back(source: str, old: str, figures: Path) -> str:
    """Return a cell's source with figures as the names of their files again; FaultError if the checker was edited."""
    if CARRIED.search(old):
        raise FaultError("the checker cannot be edited in the notebook; edit assignment/homework/checker.py")

    def named(match: re.Match[str]) -> str:
        files = figures.glob("figures/*.png")
        file = next((f for f in files if _base64(f) == match[2]), None)
        return f"![{match[1]}](figures/{file.name})" if file else match[0]

    return EMBEDDED.sub(named, source)


def _code(module: str, names: list[str]) -> str:
    """Return the source of functions and classes of the engine's module, after the imports that they need.

    NumPy the notebook imports itself, and functions lose their annotations: they are for students to read.
    """
    imports, parts = _pieces(module)
    names = [name.strip() for name in names]
    if unknown := [name for name in names if name not in parts]:
        raise FaultError(f"no {', '.join(unknown)} in assignment/homework/{module}.py; there are {', '.join(parts)}")
    text = "\n\n\n".join(parts[name] for name in names)
    text = re.sub(
        r"^def .*:$", lambda match: ANNOTATION.sub("", match[0]).replace(" = ", "="), text, flags=re.MULTILINE
    )
    needed = [line for name, line in imports.items() if name != "np" and re.search(rf"\b{name}\b", text)]
    return "\n".join(needed) + "\n\n\n" * bool(needed) + text


@cache
def _pieces(module: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return a module's imports by the name they bind, those of the engine left out, and its definitions by name."""
    text = (Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    imports: dict[str, str] = {}
    parts: dict[str, str] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names if not package.startswith("from assignment") else ():
                imports[alias.asname or alias.name] = package + ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts[node.name] = segment(text, node)
    return imports, parts


def _embedded(caption: str, file: Path) -> str:
    """Return the tag of a figure that holds the whole file, shown at half its size: sharp on fine screens too.

    PNG in an img tag is what JupyterLab, VS Code and Colab all show; Colab shows neither SVG nor attachments in a text.
    """
    if not file.exists():
        raise FaultError(f"no figure {file.name}; put it into {file.parent.name}/ beside the text")
    if file.suffix != ".png":
        raise FaultError(f"Colab does not show {file.name}; name {file.stem}.png, which 'make figures' draws from it")
    data = file.read_bytes()
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise FaultError(f"{file.parent.name}/{file.name} is no PNG; save it as one")
    width = int.from_bytes(data[16:20])
    return f'<img alt="{caption}" width="{width // 2}" src="data:image/png;base64,{_base64(file)}">'


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _titles(text: str, file: str) -> tuple[list[str], list[int]]:
    """Return the text's lines and the numbers (from 1) of the title lines; nothing may stand before the first."""
    lines = text.splitlines()
    titles = [number for number, line in enumerate(lines, 1) if TITLE.match(line)]
    head = "\n".join(lines[: titles[0] - 1] if titles else lines)
    head = re.sub(r"\A\s*# ---\n(#.*\n)*?# ---$", "", head, flags=re.MULTILINE)  # jupytext's own header
    if not titles or head.strip():
        raise AssignmentError(f"{file}:1: text before the first cell; begin with a title such as '# %% given imports'")
    return lines, titles


def _cell(title: str, cell_type: str, source: str) -> Cell:
    """Make a cell of its title and content."""
    kind, _, name = title.partition(" ")
    name = name.strip()
    if kind not in KINDS:
        prose = "; a line of prose must not begin with '%%'" if len(kind) > 12 or not kind.isascii() else ""
        raise FaultError(f"unknown kind {kind!r}; a title begins with one of {', '.join(KINDS)}{prose}")
    points = None
    if kind == "check":
        name, _, figure = name.rpartition(" ")
        if not name:
            raise FaultError("a check without points; write '# %% check NAME POINTS'")
        try:
            points = float(figure)
        except ValueError:
            raise FaultError(f"points {figure!r} are no number; write '# %% check NAME POINTS'") from None
        if not math.isfinite(points) or points < 0:
            raise FaultError(f"points {figure!r} must be a number from 0 up")
        name = name.strip()
    if not name:
        raise FaultError(f"no name; write '# %% {kind} NAME'")
    if kind != "prose" and cell_type != "code":
        raise FaultError(f"a {kind} cell is code; drop [{cell_type}] from the title")
    if kind == "prose" and cell_type != "markdown":
        raise FaultError("a prose cell is text; write [markdown] after the title")
    return Cell(kind, name, cell_id(kind, name), cell_type, source, points)


class FaultError(Exception):
    """What is wrong inside a cell, and in which of its lines (0: the title)."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def inspect(cell: Cell) -> None:
    """Raise FaultError if markers, regions or names in the cell are not what its kind asks for."""
    for number, line in enumerate(cell.source.split("\n"), 1):
        if LOOKS_LIKE_A_MARKER.match(line) and not MARKER.match(line):
            raise FaultError(f"{line.strip()!r} is no marker; write it as '### {SOLUTION[0]}' and the like", number)
    for kind, markers in (("solve", SOLUTION), ("check", HIDDEN)):
        spans = list(_spans(cell.source, markers))
        if spans and cell.kind != kind:
            raise FaultError(f"'### {markers[0]}' belongs into a {kind} cell", spans[0][0])
    for number, line in enumerate(cell.source.split("\n") if cell.kind in ("solve", "check", "given") else (), 1):
        if COMMAND.match(line):  # jupytext takes away the # in front of a command
            what = (
                f"{line.strip()[:60]!r} is a command of IPython in the notebook, and a {cell.kind} cell is plain Python"
            )
            raise FaultError(
                f"{what}; begin the comment with another word, or put the command into a play cell", number
            )
    if cell.kind == "solve":
        _inspect_solve(cell)
    elif cell.kind in ("given", "play") and regions(cell.source):
        raise FaultError(f"a TODO region in a {cell.kind} cell; make it a solve cell", regions(cell.source)[0].start)
    if cell.kind in ("check", "given"):
        _parsed(cell.source)


def _parsed(source: str) -> ast.Module:
    """Return a cell as a tree; FaultError if it is no Python."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise FaultError(f"no Python: {error.msg}", error.lineno or 0) from None


def _inspect_solve(cell: Cell) -> None:
    """Raise FaultError unless each region holds one solution and the cell defines what its name says."""
    spans = list(_spans(cell.source, SOLUTION))
    found = regions(cell.source)
    for number, line in enumerate(cell.source.split("\n"), 1):
        inside = any(number - 1 in region for region in found)
        opened = any(region.start == number for region in found)
        closed = any(region.stop == number - 1 for region in found)
        if (REGION_END.match(line) and not closed) or (REGION_START.match(line) and not (opened or inside)):
            raise FaultError("'# TODO' and '# TODO 结束' do not pair up", number)
    for region in found:
        within = [(start, end) for start, end in spans if region.start < start and end <= region.stop]
        if len(within) != 1:
            raise FaultError(f"a region holds {len(within)} solutions; it needs one '### {SOLUTION[0]}'", region.start)
        body = without("\n".join(cell.source.split("\n")[region.start : region.stop]), SOLUTION)
        if any(line.strip() and not line.strip().startswith("#") for line in body.split("\n")):
            raise FaultError("code in the region but outside the solution: students would get it", region.start)
    if len(spans) != len(found):
        raise FaultError("a solution outside '# TODO' … '# TODO 结束'", spans[0][0])
    if not found:
        raise FaultError("a solve cell without a region; mark it with '# TODO: …' and '# TODO 结束'")
    defined = definitions(_parsed(cell.source))
    _parsed(cell.stub)
    if cell.name not in defined:
        raise FaultError(f"the cell does not define {cell.name}")


def _spans(source: str, markers: tuple[str, str]) -> Iterator[tuple[int, int]]:
    """Yield the (first, last) line numbers of the marked blocks; FaultError if they do not pair up."""
    start = 0
    for number, line in enumerate(source.split("\n"), 1):
        if markers[0] in line:
            if start:
                raise FaultError(f"'### {markers[0]}' inside another", number)
            start = number
        elif markers[1] in line:
            if not start:
                raise FaultError(f"'### {markers[1]}' without a beginning", number)
            yield start, number
            start = 0
    if start:
        raise FaultError(f"'### {markers[0]}' without an end", start)

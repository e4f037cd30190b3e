"""Rule 2, no other package: what the submission's code imports that the homework does not give.

Imports are read where they are plain: statements, calls of importing and running functions with a literal text, magics
that install. Nothing else is guessed at: the sandbox holds no other package, so a disguise earns nothing. What can only
be told at run time is one note for a cell.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from assignment import words
from assignment.homework import Master
from assignment.rules import OWN, WIDTH, Finding, finding_in
from assignment.submission.matching import Placed
from assignment.syntax import IMPORTS, bare, parsed, walk

RULE = "imports"
SHOWN = 20  # uses in one cell that are shown, breaches first
NUMPY = "numpy"
FOREIGN_IN_NUMPY = {"f2py", "ctypeslib", "distutils"}  # parts of NumPy that build or load other people's code
GONE = {"imp", "distutils", "asyncore", "asynchat", "smtpd"}  # once of the standard library: the same on every Python
STANDARD = frozenset(sys.stdlib_module_names) | GONE
OWNERS = {"importlib", "builtins", "__builtins__"}  # modules in which importing and running functions stand
IMPORTERS = {"__import__", "import_module"}
RUNNERS = {"exec", "eval"}
DYNAMIC_NAMES = {"__builtins__", "__loader__", "__spec__", "compile", "__import__"}
DYNAMIC_ATTRIBUTES = FOREIGN_IN_NUMPY | {
    *("__builtins__", "__globals__", "__subclasses__", "__loader__", "__spec__", "pickle"),
    *("os", "sys", "builtins", "importlib", "subprocess", "ctypes"),  # what NumPy has imported for itself
}
INSTALLERS = {"pip", "pip3", "conda", "mamba", "micromamba", "uv"}
INSTALL = re.compile(
    r"\b(pip3?|conda|mamba|micromamba|uv)\b[^|;&\n]{0,200}?\b(install|download|add)\b|\beasy_install\b"
)
COMMAND = 2000  # characters of a command for the shell that are read
BROKEN_IMPORT = re.compile(r"[ \t]*(?:import[ \t]+([\w.]+)|from[ \t]+([\w.]+)[ \t]+import\b)")
HARMLESS_MAGICS = {"autoreload", "storemagic"}
NOTED_MAGICS = {"pylab", "run", "load", "matplotlib", "writefile"}


@dataclass(frozen=True)
class _Use:
    """One use of a package, or of a way to reach one; a note where what is reached cannot be told."""

    breach: bool
    what: str
    line: int  # in the cell, from 1
    names: tuple[str, ...] = ()  # what it binds, if it is an import statement
    shown: str = ""  # the line itself

    @property
    def key(self) -> tuple[bool, str, str]:
        """What makes it the same as another."""
        return self.breach, self.what, self.shown


def imports(placed: Sequence[Placed], release: Master, scratch_counts: bool) -> list[Finding]:
    """Return every way in which code reaches another package; what the release itself does is nobody's fault.

    In cells of the student's own it is a note where no exercise uses it, unless `scratch_counts`.
    """
    given, known, unchanged = of_release(release)
    cells: dict[int, Placed] = {}  # a cell that serves several exercises is read once, whole
    for student in placed:
        if student.origin is not None and student.cell_type == "code":
            before = cells.get(student.origin)
            if before is None or len(student.source) > len(before.source):
                cells[student.origin] = student
    uses = {
        position: [use for use in read(student.source, student.tree, given) if use.key not in known]
        for position, student in cells.items()
        if bare(student.source) not in unchanged
    }
    needed = _needed(cells.values()) if any(uses.values()) and not scratch_counts else set()
    result: list[Finding] = []
    for position, of_cell in uses.items():
        student = cells[position]
        for use in sorted(of_cell, key=lambda use: not use.breach)[:SHOWN]:
            scratch = student.role in OWN and not scratch_counts and not needed & set(use.names)
            what = use.what + (words.SCRATCH_ONLY if scratch and use.breach else "")
            shown = f"+{use.shown}" if use.shown else ""
            result.append(finding_in(RULE, use.breach and not scratch, student, what, shown, use.line))
    return result


@lru_cache(maxsize=16)  # a class is made from few releases
def of_release(release: Master) -> tuple[frozenset[str], frozenset[tuple[bool, str, str]], frozenset[str]]:
    """Return of the release the modules it imports, the keys of all its uses, and its cells without white space."""
    sources = [cell.source for cell in release.cells if cell.cell_type == "code"]
    given = frozenset(name for source in sources for name in _modules(parsed(source)))
    known = frozenset(use.key for source in sources for use in read(source, parsed(source), given))
    return given, known, frozenset(bare(source) for source in sources)


def read(source: str, tree: ast.Module | None, given: frozenset[str]) -> list[_Use]:
    """Return how the code reaches packages that are not given, each way once; of what is dynamic only the first."""
    lines = source.split("\n")
    uses: dict[tuple[bool, str, str], _Use] = {}
    for use in _of_tree(tree, given) if tree else _of_broken(lines, given):
        shown = lines[use.line - 1].strip()[:WIDTH] if 0 < use.line <= len(lines) else ""
        key = (use.breach, use.what, "" if use.what == words.DYNAMIC else shown)
        uses.setdefault(key, replace(use, shown=shown))
    return list(uses.values())


def _of_tree(tree: ast.Module, given: frozenset[str], line: int = 0) -> Iterator[_Use]:
    """Yield the uses in code; `line`: the line of the text that this code stands in, which is not read further."""
    nodes = walk(tree)
    own = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    callees = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        at = line or getattr(node, "lineno", 0)
        if isinstance(node, IMPORTS):
            yield from _statement(node, given, at)
        elif isinstance(node, ast.Call):
            yield from _call(node, own, given, at, nested=bool(line))
        elif isinstance(node, ast.Name):
            named = node.id in DYNAMIC_NAMES | RUNNERS and node.id not in own and id(node) not in callees
            if named or (node.id == "compile" and "compile" not in own):
                yield _Use(False, words.DYNAMIC, at)
        elif isinstance(node, ast.Subscript) and (_literal(node.slice) or "").startswith("__"):
            yield _Use(False, words.DYNAMIC, at)  # globals()["__builtins__"]
        elif isinstance(node, ast.Attribute) and (
            # A call of an importing function is read for itself.
            id(node) not in callees if node.attr in IMPORTERS else node.attr in DYNAMIC_ATTRIBUTES
        ):
            yield _Use(False, words.DYNAMIC, at)


def _statement(node: ast.Import | ast.ImportFrom, given: frozenset[str], line: int) -> Iterator[_Use]:
    """Yield the modules that an import statement names."""
    bound = tuple(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module(alias.name, given, line, bound)
    elif node.level:
        yield _Use(False, words.RELATIVE_IMPORT, line)
    else:
        for alias in node.names if node.module == NUMPY else node.names[:1]:
            yield from _module(f"{node.module}.{alias.name}", given, line, bound)


def _module(name: str, given: frozenset[str], line: int, bound: tuple[str, ...] = ()) -> Iterator[_Use]:
    """Yield the use of a module by name, unless everybody may use it."""
    top, _, rest = name.strip()[:WIDTH].partition(".")
    if top == NUMPY and not FOREIGN_IN_NUMPY & set(rest.split(".")):
        return
    if top in given - {NUMPY} or top == "__future__":
        return
    if top in STANDARD or top == "__main__":
        yield _Use(False, words.IMPORTED_STANDARD.format(top), line, bound)
    else:
        yield _Use(True, words.IMPORTED.format(name.strip()[:WIDTH] if top == NUMPY else top), line, bound)


def _call(node: ast.Call, own: set[str], given: frozenset[str], line: int, nested: bool) -> Iterator[_Use]:
    """Yield the uses in a call of something that imports, runs code or is a magic."""
    owner, name = _function(node.func)
    text = _literal(node.args[0]) if node.args else None
    if owner == "get_ipython()":
        yield from _magic(name, [_literal(argument) or "" for argument in node.args], given, line, nested)
    elif owner in OWNERS or (not owner and name not in own):
        if name in IMPORTERS:
            yield from _module(text, given, line) if text else iter([_Use(False, words.DYNAMIC, line)])
        elif name in RUNNERS:
            yield from _text(text, given, line, nested)
        elif name == "getattr" and len(node.args) > 1:
            # A computed name from a module, or the name of a way to modules.
            module = isinstance(node.args[0], ast.Name) and node.args[0].id in ("np", NUMPY)
            attribute = _literal(node.args[1])
            if module if attribute is None else attribute in DYNAMIC_ATTRIBUTES | IMPORTERS:
                yield _Use(False, words.DYNAMIC, line)


def _function(node: ast.expr) -> tuple[str, str]:
    """Return owner and name of a called function, "" where they are no plain names; ("?", …) of anything else."""
    match node:
        case ast.Name(name):
            return "", name
        case ast.Attribute(ast.Name(owner), name):
            return owner, name
        case ast.Attribute(ast.Call(ast.Name(owner)), name):
            return f"{owner}()", name
        case ast.Attribute(_, name):
            return "?", name
    return "?", ""


def _literal(node: ast.expr) -> str | None:
    """Return a text that stands there as it is, None if anything is computed."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _text(text: str | None, given: frozenset[str], line: int, nested: bool) -> Iterator[_Use]:
    """Yield the uses in a text that is run as code: one level deep, and only if it stands there as it is."""
    tree = parsed(text) if text is not None and not nested else None
    if tree is None:
        yield _Use(False, words.DYNAMIC, line)
    else:
        yield from _of_tree(tree, given, line)


def _magic(kind: str, texts: list[str], given: frozenset[str], line: int, nested: bool) -> Iterator[_Use]:
    """Yield the uses in a magic, which syntax.parsed has made a call, or in such a call."""
    name, rest = (texts or [""])[0], " ".join(texts[1:])
    if kind in ("system", "getoutput"):
        yield _shell(name, line)
    elif kind in ("run_cell", "run_code"):
        yield from _text(name or None, given, line, nested)
    elif not kind.startswith("run_"):
        return
    elif name in INSTALLERS:
        yield _shell(f"{name} {rest}", line)
    elif name in ("bash", "sh", "script", "system", "sx"):
        yield _shell(rest, line)
    elif name in ("python", "python3", "time", "timeit"):
        yield from _text(_timed(texts[-1]), given, line, nested)
    elif (name == "load_ext" and rest not in HARMLESS_MAGICS) or name in NOTED_MAGICS:
        yield _Use(False, words.MAGIC.format(name), line)


def _timed(text: str) -> str:
    """Return the statement of %timeit without its options."""
    return re.sub(r"\A(?:\s*-\w+(?:[ \t]+\d+)?)+", "", text).strip()


def _shell(command: str, line: int) -> _Use:
    """Return the use in a command for the shell."""
    install = INSTALL.search(command[:COMMAND]) is not None
    return _Use(install, words.INSTALLED if install else words.COMMAND, line)


def _of_broken(lines: list[str], given: frozenset[str]) -> Iterator[_Use]:
    """Yield notes on lines that look like imports in code that is no Python, and so never ran."""
    for number, line in enumerate(lines, 1):
        matched = BROKEN_IMPORT.match(line)
        for use in _module(matched[1] or matched[2], given, number) if matched else ():
            if use.breach:
                yield _Use(False, f"{words.NOT_RUN_IMPORT}：{use.what}", number)
        if "__import__" in line or "import_module" in line:
            yield _Use(False, words.DYNAMIC, number)


def _modules(tree: ast.Module | None) -> set[str]:
    """Return the top-level modules that code imports by import statements."""
    names: set[str] = set()
    for node in walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _needed(cells: Iterable[Placed]) -> set[str]:
    """Return the names that the exercises use, directly or through what the student's own cells define."""
    binding: dict[str, list[ast.stmt]] = {}  # name -> the statements of own cells that bind it
    ahead: list[str] = []
    for student in cells:
        if student.role in OWN:
            for statement in student.tree.body if student.tree else []:
                for name in {getattr(statement, "name", ""), *_names(statement, ast.Store)}:
                    binding.setdefault(name, []).append(statement)
        elif student.role == "solve" and student.tree:
            ahead += _names(student.tree, ast.Load)
    reached, seen = set(ahead), set[ast.stmt]()
    while ahead:
        for statement in binding.get(ahead.pop(), ()):
            if statement not in seen:
                seen.add(statement)
                new = _names(statement, ast.Load) - reached
                reached |= new
                ahead += new
    return reached


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Return the names that are loaded or stored in code."""
    return {node.id for node in walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}

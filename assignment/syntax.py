"""Student code read as syntax trees: never run, whatever is wrong with it, and compared by meaning.

Where a tree has holes, code fits it with whatever fills them. Each comparison takes linear effort.
"""

import ast
import copy
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}  # magics whose text is Python in this notebook
CELL_MAGIC = re.compile(r"\A\s*%%(\w+)[^\n]*\n?")
MAGIC_ASSIGNMENT = re.compile(r"\w[\w, ]*=[ \t]*[%!]")
MAGIC_SIGNS = "%!?"  # without one of them no line is a magic
ORDINARY = 12_000  # characters of a cell of which many are remembered: giants would fill the memory
LONGEST = 60_000  # characters of a cell that is read as code: whoever writes more does not write homework
DEEPEST = 150  # levels of a tree that is compared: what costs more than linear effort costs it in the depth
MAGIC_EFFORT = 200  # characters that take as long to read as one line of IPython's
LONG_NUMBER = 10_000  # bits of an integer that is compared as text: Python does not show one of 4,300 digits
BODIES = ("body", "handlers", "orelse", "finalbody", "cases")  # lists of statements, or of what holds some
HOLE = "_TODO_"  # a statement that stands for as many as there are
IMPORTS = (ast.Import, ast.ImportFrom)  # tuples where every node is asked: they are made once, unlike A | B
BROKEN = (SyntaxError, ValueError, RuntimeError, MemoryError)  # what ast.parse and IPython were seen to raise


Kept = TypeVar("Kept")


def remembering(function: Callable[[str], Kept]) -> Callable[[str], Kept]:
    """The same function of a text, which remembers: a class hands in the same given cells. Of giants it keeps few."""
    many, few = lru_cache(maxsize=128)(function), lru_cache(maxsize=4)(function)
    return lambda source: (many if len(source) < ORDINARY else few)(source)


def parsed(source: str) -> ast.Module | None:
    """Return the cell's syntax tree, magics as calls of get_ipython(); None if it is no Python, or a giant.

    The tree may be handed out again: nobody changes it.
    """
    source = plain(source)
    if len(source) > LONGEST:
        return None
    return _remembered(source)


def _parsed(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\d" is not our warning
        try:
            return ast.parse(source)
        except BROKEN:
            pass
        try:
            return ast.parse(_without_magics(source))
        except BROKEN:
            return None


_remembered = remembering(_parsed)


def effort(source: str) -> int:
    """Return about how many characters of Python take as long to read as this source."""
    if len(source) > LONGEST:
        return 0  # nobody reads it
    lines = source.split("\n") if any(sign in source for sign in MAGIC_SIGNS) else []
    return len(source) + MAGIC_EFFORT * sum(map(_is_magic, lines))


def plain(source: str) -> str:
    """Return the source with the line ends of Unix and without a byte order mark."""
    return source.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


@remembering
def bare(source: str) -> str:
    """Return the source without any white space: equal for texts that editors and file systems made of one another."""
    return "".join(plain(source).split())


def walk(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes of a tree in the order of ast.walk, which takes twice as long."""
    nodes = [tree]
    for node in nodes:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                nodes.append(value)
            elif isinstance(value, list):
                nodes += [item for item in value if isinstance(item, ast.AST)]
    return nodes


def statements(tree: ast.AST) -> list[ast.AST]:
    """Return the statements below a node at any depth, and what holds some, as `walk` does of all nodes."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        for name in BODIES:
            nodes += getattr(node, name, ())
    return nodes[1:]


def definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return what the code defines, the last of each name: functions, classes, and methods as "Class.method"."""
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined[node.name] = node
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    defined[f"{node.name}.{item.name}"] = item
    return defined


def first_line(node: ast.stmt) -> int:
    """Return the line on which a statement begins, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def segment(source: str, node: ast.stmt) -> str:
    """Return the lines of a statement, decorators included."""
    return "\n".join(plain(source).split("\n")[first_line(node) - 1 : node.end_lineno])


@remembering
def canonical(source: str) -> ast.Module | None:
    """Return a tree in which spelling makes no difference: two statements mean the same if their ast.dump is equal.

    Comments, docstrings, pass, annotations and the order of neighbouring imports are gone, lines are the source's.
    What is nested more deeply than code that people write is cut off. None if it is no Python, or a giant.
    """
    source = plain(source)
    tree = _parsed(source) if len(source) <= LONGEST else None
    return None if tree is None else _Canonical().visit(_cut(tree))


class _Canonical(ast.NodeTransformer):
    """Takes out of a tree what makes no difference to what it does."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, significant(statements))
        for name in ("returns", "type_comment", "kind"):
            if hasattr(node, name):
                setattr(node, name, None)
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, int) and node.value.bit_length() > LONG_NUMBER:
            node.value = hex(node.value)
        node.kind = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.Delete:  # del (a, b), as a formatter writes it
        node.targets = [
            part for item in node.targets for part in (item.elts if isinstance(item, ast.Tuple) else [item])
        ]
        return node


def significant(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that do something: no pass, no docstring; neighbouring imports split and sorted."""
    kept: list[ast.stmt] = []
    imports: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, IMPORTS):
            imports += _split(statement)
            continue
        kept += sorted(imports, key=ast.dump)
        imports = []
        if not isinstance(statement, ast.Pass) and not _is_idle(statement):
            kept.append(statement)
    return kept + sorted(imports, key=ast.dump)


def _split(statement: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
    """Return one statement for each imported name."""
    if isinstance(statement, ast.Import):
        single: list[ast.stmt] = [ast.Import([name]) for name in statement.names]
    else:
        single = [ast.ImportFrom(statement.module, [name], statement.level) for name in statement.names]
    return [ast.copy_location(part, statement) for part in single]


def _is_idle(statement: ast.stmt) -> bool:
    """Whether the statement is a docstring, another string by itself, `...` or None."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str | type(...) | None)


def _cut(tree: ast.Module) -> ast.Module:
    """Take everything off that is more than DEEPEST levels down: recursion ends there, and dumps stay small."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    for node in level:
        for name in node._fields:
            if isinstance(getattr(node, name, None), ast.AST | list):
                setattr(node, name, None)
    return tree


def _without_magics(source: str) -> str:
    """Return the source with IPython's magics as the calls they stand for, line for line."""
    from IPython.core.inputtransformer2 import TransformerManager  # slow to import, and seldom needed

    transform = TransformerManager().transform_cell

    def call(line: str) -> str:  # line by line: for a whole cell it takes quadratic time
        indent = line[: len(line) - len(line.lstrip())]
        text = " ".join(line.split())  # IPython has more kinds of line ends than Python
        return indent + str(transform(text)).rstrip("\n")

    cell = CELL_MAGIC.match(source)
    if cell and cell[1] not in PYTHON_MAGICS:
        return str(transform(source.lstrip()))
    if cell:
        source = "\n" * cell[0].count("\n") + source[cell.end() :]
    return "\n".join(call(line) if _is_magic(line) else line for line in source.split("\n"))


def _is_magic(line: str) -> bool:
    """Whether a line looks like one that only IPython understands."""
    text = line.strip()
    if text[:1] in ("%", "!", "?") and text:
        return True
    help_ = text.endswith("?") and not any(sign in text for sign in "#'\"")
    return help_ or MAGIC_ASSIGNMENT.match(text) is not None


@dataclass
class Fit:
    """How a student's cell fits the release's: what stands outside the marks, and (owner, statement) of what is added.

    The owner is the class in which a statement stands, "" at top level.
    """

    stray: list[ast.stmt] = field(default_factory=list)
    beside: list[tuple[str, ast.stmt]] = field(default_factory=list)


def _joined(fits: Iterable[Fit | None]) -> Fit | None:
    """Return what all of these leave over, None as soon as one does not fit."""
    whole = Fit()
    for fit in fits:
        if fit is None:
            return None
        whole.stray += fit.stray
        whole.beside += fit.beside
    return whole


def fit_of(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt]) -> Fit | None:
    """Return how the code fits the release's, None if it changed what is given: blanked, or else with marks lost."""
    return _open(pattern, code, "", lenient=False) or _open(pattern, code, "", lenient=True)


def _open(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt], owner: str, lenient: bool) -> Fit | None:
    """How the release's statements stand among the student's, in order; the others are kept as `beside`."""
    fits: list[Fit] = []
    wanted = 0
    for statement in code:
        if wanted < len(pattern) and (fit := agree(pattern[wanted], statement, lenient)):
            wanted += 1
            fits.append(fit)
        elif not _is_hole(statement):
            fits.append(Fit(beside=[(owner, statement)]))
    return _joined(fits) if wanted == len(pattern) else None


def agree(node: ast.AST, other: ast.AST, lenient: bool) -> Fit | None:
    """How a statement of the student's fits one of the release's, None if they do not agree."""
    if type(node) is not type(other) or getattr(node, "name", "") != getattr(other, "name", ""):
        return None
    meaning = ast.dump(node)
    if meaning == ast.dump(other):
        return Fit()
    if f"'{HOLE}'" not in meaning or _shell(node) != _shell(other):
        return None

    def of_block(name: str) -> Fit | None:
        ours, theirs = getattr(node, name, []), getattr(other, name, [])
        if isinstance(node, ast.ClassDef) and name == "body":
            return _open(ours, theirs, node.name, lenient)
        if lenient:
            return _closed(ours, theirs)
        return Fit() if list(map(ast.dump, ours)) == list(map(ast.dump, theirs)) else None

    return _joined(map(of_block, BODIES))


def _closed(pattern: Sequence[ast.AST], code: Sequence[ast.AST]) -> Fit | None:
    """How statements agree one by one, holes taking as many as there are; what they take is stray."""
    segments: list[list[ast.AST]] = [[]]
    for node in pattern:
        if _is_hole(node):
            segments.append([])
        else:
            segments[-1].append(node)
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return _all_agree(first, code)
    at, end = len(first), len(code) - len(last)
    ends = _joined([_all_agree(first, code[:at]), _all_agree(last, code[end:])]) if at <= end else None
    if ends is None:
        return None
    fits: list[Fit | None] = [ends]
    for segment in segments[1:-1]:  # the first place where it fits leaves most to the others
        while at + len(segment) <= end and not (fit := _all_agree(segment, code[at : at + len(segment)])):
            fits.append(Fit(_strays(code[at : at + 1])))
            at += 1
        if at + len(segment) > end:
            return None
        fits.append(fit)
        at += len(segment)
    return _joined([*fits, Fit(_strays(code[at:end]))])


def _all_agree(pattern: Sequence[ast.AST], code: Sequence[ast.AST]) -> Fit | None:
    """How statements agree one by one, None unless there are as many."""
    if len(pattern) != len(code):
        return None
    return _joined(agree(node, other, True) for node, other in zip(pattern, code, strict=True))


def _strays(code: Sequence[ast.AST]) -> list[ast.stmt]:
    """Return the statements that a hole takes, without those that stand between marks."""
    return [node for node in code if isinstance(node, ast.stmt) and not _is_hole(node)]


def _is_hole(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and node.value.id == HOLE


def _shell(node: ast.AST) -> str:
    """Return what a statement means without the statements in it."""
    shell = copy.copy(node)
    for name in BODIES:
        if hasattr(node, name):
            setattr(shell, name, [])
    return ast.dump(shell)

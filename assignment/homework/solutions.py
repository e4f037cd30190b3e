"""Solutions of a homework beside its own, as the solve cells that they fill: right variants and mutants.

A mutant has one small change inside a TODO region, made on the syntax tree with libcst.
"""

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from assignment.errors import AssignmentError
from assignment.homework import Cell, Master

BINARY: dict[type[cst.BaseBinaryOp], list[type[cst.BaseBinaryOp]]] = {
    cst.Add: [cst.Subtract], cst.Subtract: [cst.Add], cst.Multiply: [cst.Divide, cst.Add],
    cst.Divide: [cst.Multiply], cst.Power: [cst.Multiply], cst.MatrixMultiply: [],
    cst.FloorDivide: [cst.Multiply], cst.Modulo: [cst.Multiply],
}  # fmt: skip
COMPARED: dict[type[cst.BaseCompOp], list[type[cst.BaseCompOp]]] = {
    cst.Equal: [cst.NotEqual], cst.NotEqual: [cst.Equal], cst.LessThan: [cst.LessThanEqual, cst.GreaterThan],
    cst.GreaterThan: [cst.GreaterThanEqual, cst.LessThan], cst.Is: [cst.IsNot], cst.IsNot: [cst.Is],
    cst.LessThanEqual: [cst.LessThan], cst.GreaterThanEqual: [cst.GreaterThan],
}  # fmt: skip
AUGMENTED: dict[type[cst.BaseAugOp], Callable[[], cst.BaseAugOp]] = {
    cst.AddAssign: cst.SubtractAssign, cst.SubtractAssign: cst.AddAssign,
    cst.MultiplyAssign: cst.DivideAssign, cst.DivideAssign: cst.MultiplyAssign,
}  # fmt: skip
# A function and what is taken for it by mistake.
TAKEN_FOR = {
    "tanh": ["arctan", "sinh"], "sum": ["mean", "max"], "max": ["min"], "exp": ["expm1", "exp2"],
    "log": ["log1p", "log2"], "zeros": ["ones"], "zeros_like": ["ones_like", "empty_like"], "empty": ["zeros"],
    "empty_like": ["zeros_like"], "add": ["subtract"], "square": ["sqrt"], "ones": ["zeros"], "stack": ["array"],
    "mean": ["sum"], "eye": ["ones"], "argmax": ["argmin"], "copy": ["view"],
}  # fmt: skip
SIMPLE = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float)  # need no brackets


@dataclass(frozen=True)
class Solution:
    """What stands in the solve cells in the place of the homework's own solutions."""

    name: str
    sources: Mapping[str, str]  # of whole cells, by exercise


def variants_of(master: Master, folder: Path) -> Iterator[Solution]:
    """The files in a folder of right solutions: each defines whole functions, named like exercises (or their methods).

    Raises AssignmentError for a file that is no Python or solves nothing.
    """
    cells = {cell.name.rpartition(".")[2]: cell for cell in master.solves}
    for path in sorted(folder.glob("**/*.py")):
        try:
            statements = ast.parse(path.read_text(encoding="utf-8")).body
        except (SyntaxError, UnicodeDecodeError) as error:
            raise AssignmentError(f"{path}: no Python ({error}); correct it or take it away") from None
        functions = [node.name for node in statements if isinstance(node, ast.FunctionDef) and node.name in cells]
        if not functions:
            raise AssignmentError(f"{path}: defines none of {', '.join(cells)}; name its functions like exercises")
        text = "\n".join(map(ast.unparse, statements))
        filled = {  # the cell with its solution, and then the variant in its place
            cells[name].name: f"{cells[name].source}\n{text}\n{cells[name].name} = {name}\n" for name in functions
        }
        yield Solution(path.relative_to(folder).with_suffix("").as_posix(), filled)


@dataclass(frozen=True)
class Mutant:
    """A solve cell with one change: the exercise, the line changed (from 1), what was done, and the new source."""

    exercise: str
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        """What tells this mutant from the others."""
        return f"{self.exercise}:{self.change}"


def mutants(cell: Cell) -> list[Mutant]:
    """Return every mutant of a solve cell's regions, no two alike; line numbers are those of the cell."""
    wrapper = MetadataWrapper(cst.parse_module(cell.source))
    places = wrapper.resolve(PositionProvider)
    parents = wrapper.resolve(ParentNodeProvider)
    module = wrapper.module
    names = _names(module, places)
    found: dict[str, Mutant] = {}
    meaning = {ast.dump(ast.parse(cell.source))}
    for node, place in places.items():
        line = place.start.line
        if not any(line - 1 in span for span in cell.regions):
            continue
        known = [name for name, since in names.items() if since < line]
        for replacement in _changes(node, parents.get(node), known):
            text = module.code_for_node(replacement).strip()
            if isinstance(node, cst.BaseExpression) and not isinstance(replacement, (*SIMPLE, cst.Tuple)):
                text = f"({text})"
            source = _spliced(cell.source, place, text)
            with suppress(SyntaxError):
                dump = ast.dump(ast.parse(source))
                if dump in meaning:  # brackets and spaces make no mutant
                    continue
                meaning.add(dump)
                found[source] = Mutant(cell.name, line, _difference(cell.source, source), source)
    return list(found.values())


def _operators(node: Any) -> Iterator[cst.CSTNode]:
    """Yield what could stand in the place of an operation, a condition or a constant."""
    match node:
        case cst.BinaryOperation():
            for operator in BINARY[type(node.operator)]:
                yield node.with_changes(operator=operator())
            if not isinstance(node.operator, cst.Add | cst.Multiply):  # those commute
                yield node.with_changes(left=_bracketed(node.right), right=_bracketed(node.left))
            yield from (node.left, node.right)
        case cst.UnaryOperation():
            yield node.expression
        case cst.ComparisonTarget():
            for compared in COMPARED.get(type(node.operator), []):
                yield node.with_changes(operator=compared())
        case cst.BooleanOperation():
            yield from (node.left, node.right)
        case cst.IfExp():
            yield from (node.body, node.orelse, node.with_changes(body=node.orelse, orelse=node.body))
        case cst.If():
            yield node.with_changes(test=cst.UnaryOperation(cst.Not(), _bracketed(node.test)))
        case cst.Integer():
            for value in (node.evaluated_value + 1, node.evaluated_value - 1, 0):
                yield _number(value)
        case cst.Float():
            for real in (node.evaluated_value + 1, 2 * node.evaluated_value, 0.0):
                yield cst.Float(repr(real)) if real >= 0 else _number(real)
        case cst.Name(value="True" | "False"):
            yield cst.Name("False" if node.value == "True" else "True")


def _changes(node: Any, parent: Any, names: Sequence[str]) -> Iterator[cst.CSTNode]:
    """Yield what could stand in the node's place."""
    yield from _operators(node)
    match node:
        case cst.Name() if _is_read(node, parent) and node.value in names:
            for other in names:
                if other != node.value:
                    yield cst.Name(other)
        case cst.Attribute(attr=cst.Name(value="T")):
            yield node.value
        case cst.Attribute(attr=cst.Name(value=value)) if value in TAKEN_FOR:
            for other in TAKEN_FOR[value]:
                yield node.with_changes(attr=cst.Name(other))
        case cst.Call():
            yield from _calls(node)
        case cst.Arg(keyword=cst.Name(value="axis")):
            for text in ("None", "0", "1", "2", "-1", "(0, 1)"):
                yield node.with_changes(value=cst.parse_expression(text))
        case cst.Subscript():
            yield node.value
            yield from _swapped(node, "slice")
        case cst.Index() if not isinstance(node.value, cst.Integer | cst.SimpleString):
            for sign in (cst.Add(), cst.Subtract()):
                yield node.with_changes(value=cst.BinaryOperation(_bracketed(node.value), sign, cst.Integer("1")))
        case cst.Slice():
            yield cst.Slice(None, None)
            for field in ("lower", "upper"):
                if (bound := getattr(node, field)) is not None:
                    shifted = cst.BinaryOperation(_bracketed(bound), cst.Add(), cst.Integer("1"))
                    yield node.with_changes(**{field: shifted})
        case cst.Tuple() | cst.List():
            yield from _swapped(node, "elements")
        case cst.AugAssign():
            if type(node.operator) in AUGMENTED:
                yield node.with_changes(operator=AUGMENTED[type(node.operator)]())
            yield cst.Assign([cst.AssignTarget(node.target)], node.value)
        case cst.Assign() if not isinstance(node.value, cst.Tuple):
            yield node.with_changes(value=cst.UnaryOperation(cst.Minus(), _bracketed(node.value)))
        case cst.For(body=cst.IndentedBlock() as block):
            stop = cst.SimpleStatementLine([cst.Break()])
            for body in ([*block.body, stop], [stop, *block.body]):
                yield node.with_changes(body=block.with_changes(body=body))
        case cst.SimpleStatementLine():
            yield cst.SimpleStatementLine([cst.Pass()])


def _calls(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Without the call, without one argument, with two neighbouring arguments exchanged."""
    positional = [i for i, arg in enumerate(node.args) if arg.keyword is None and not arg.star]
    if positional:
        yield node.args[positional[0]].value
    if isinstance(node.func, cst.Attribute):
        root = node.func.value
        while isinstance(root, cst.Attribute):
            root = root.value
        if not (isinstance(root, cst.Name) and root.value == "np"):
            yield node.func.value
    for i in range(len(node.args)):
        rest = [*node.args[:i], *node.args[i + 1 :]]
        rest[-1:] = [arg.with_changes(comma=cst.MaybeSentinel.DEFAULT) for arg in rest[-1:]]
        yield node.with_changes(args=rest)
    for i, j in itertools.pairwise(positional):
        args = list(node.args)
        args[i], args[j] = args[i].with_changes(value=args[j].value), args[j].with_changes(value=args[i].value)
        yield node.with_changes(args=args)


def _swapped(node: Any, field: str) -> Iterator[cst.CSTNode]:
    """With two neighbouring elements exchanged."""
    elements = list(getattr(node, field))
    for i in range(len(elements) - 1):
        other = list(elements)
        first, second = elements[i], elements[i + 1]
        other[i], other[i + 1] = second.with_changes(comma=first.comma), first.with_changes(comma=second.comma)
        yield node.with_changes(**{field: other})


def _number(value: float) -> cst.BaseExpression:
    return cst.parse_expression(f"({value})" if value < 0 else str(value))


def _bracketed(node: cst.BaseExpression) -> cst.BaseExpression:
    bare = not isinstance(node, SIMPLE) and not node.lpar
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]) if bare else node


def _is_read(node: cst.Name, parent: Any) -> bool:
    """Whether the name is a variable being read: not an attribute, a keyword, an assignment's target."""
    if isinstance(parent, cst.Attribute) and parent.attr is node:
        return False
    return not isinstance(parent, cst.AssignTarget | cst.Param | cst.FunctionDef | cst.CompFor | cst.For) and not (
        isinstance(parent, cst.Arg) and parent.keyword is node
    )


def _names(module: cst.Module, places: Mapping[cst.CSTNode, Any]) -> dict[str, int]:
    """Return the arguments and variables of the cell's functions, each with the line that first gives it a value."""
    found: dict[str, int] = {}

    class Finder(cst.CSTVisitor):
        def visit_Param(self, node: cst.Param) -> None:  # noqa: N802 - libcst names its visitors so
            found.setdefault(node.name.value, places[node].start.line)

        def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802
            target = node.target
            names = [part.value for part in target.elements] if isinstance(target, cst.Tuple | cst.List) else [target]
            for name in names:
                if isinstance(name, cst.Name):
                    found.setdefault(name.value, places[node].start.line)

    module.visit(Finder())
    for name in ("self", "verbose", "_"):
        found.pop(name, None)
    return found


def _spliced(source: str, place: Any, replacement: str) -> str:
    """Return the source with other text in a place; what has several lines is indented as the place is."""
    lines = source.splitlines()
    first, last = place.start.line - 1, place.end.line - 1
    head, tail = lines[first][: place.start.column], lines[last][place.end.column :]
    if not head.strip():
        replacement = replacement.replace("\n", "\n" + head)
    return "\n".join([*lines[:first], head + replacement + tail, *lines[last + 1 :]])


def _difference(old: str, new: str) -> str:
    """Return the first line that differs, before and after."""
    before, after = (
        [line.split("#")[0].strip() for line in text.splitlines() if line.split("#")[0].strip()] for text in (old, new)
    )
    first = next(i for i, (a, b) in enumerate(itertools.zip_longest(before, after)) if a != b)
    return f"{before[first]} -> {after[first] if first < len(after) else ''}"

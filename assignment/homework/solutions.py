"""Solutions of a homework beside its own, as the solve cells that they fill: right variants and mutants.

A mutant has one small change inside a TODO region, made on the syntax tree with libcst.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from assignment.errors import AssignmentError
from assignment.homework.master import Cell, Master

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

    kind: str  # variant or mutant
    name: str
    sources: Mapping[str, str]  # of whole cells, by exercise

    @property
    def right(self) -> bool:
        """Whether it deserves full marks."""
        return self.kind == "variant"


def variants_of(master: Master, folder: Path) -> Iterator[Solution]:
    """The files in a folder of right solutions: each defines whole functions, named like exercises (or their methods).

    Raises AssignmentError for a file that is no Python or solves nothing.
    """
    names = {cell.name.rpartition(".")[2]: cell.name for cell in master.solves}
    for path in sorted(folder.glob("**/*.py")):
        try:
            statements = ast.parse(path.read_text(encoding="utf-8")).body
        except (SyntaxError, UnicodeDecodeError) as error:
            raise AssignmentError(f"{path}: no Python ({error}); correct it or take it away") from None
        functions = [node.name for node in statements if isinstance(node, ast.FunctionDef) and node.name in names]
        if not functions:
            raise AssignmentError(f"{path}: defines none of {', '.join(names)}; name its functions like exercises")
        yield Solution(
            "variant",
            path.relative_to(folder).with_suffix("").as_posix(),
            {names[name]: _filled(master.solve(names[name]), statements, name) for name in functions},
        )


def mutants_of(cell: Cell, every: int = 1) -> Iterator[Solution]:
    """One in so many of the mutants of a solve cell; the name says where and what."""
    for mutant in mutants(cell)[::every]:
        yield Solution("mutant", f"{cell.name}, line {mutant.line}: {mutant.change}", {cell.name: mutant.source})


def _filled(cell: Cell, code: Sequence[ast.AST], function: str) -> str:
    """The cell with its solution, and then a function in the solution's place."""
    text = "\n".join(ast.unparse(part) for part in code)
    return f"{cell.source}\n{text}\n{cell.name} = {function}\n"


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
        if not any(span.start < line <= span.stop for span in cell.regions):
            continue
        known = [name for name, since in names.items() if since < line]
        for replacement in _changes(node, parents.get(node), known):
            text = module.code_for_node(replacement).strip()
            if isinstance(node, cst.BaseExpression) and not isinstance(replacement, (*SIMPLE, cst.Tuple)):
                text = f"({text})"
            source = _spliced(cell.source, place, text)
            dump = _dump(source)
            if dump and dump not in meaning:  # brackets and spaces make no mutant
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
            yield node.left
            yield node.right
        case cst.UnaryOperation():
            yield node.expression
        case cst.ComparisonTarget():
            for compared in COMPARED.get(type(node.operator), []):
                yield node.with_changes(operator=compared())
        case cst.BooleanOperation():
            yield node.left
            yield node.right
        case cst.IfExp():
            yield node.body
            yield node.orelse
            yield node.with_changes(body=node.orelse, orelse=node.body)
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
            for text in ("+", "-"):
                sign = cst.Add() if text == "+" else cst.Subtract()
                yield node.with_changes(value=cst.BinaryOperation(_bracketed(node.value), sign, cst.Integer("1")))
        case cst.Slice():
            yield cst.Slice(None, None)
            for field in ("lower", "upper"):
                if (bound := getattr(node, field)) is not None:
                    yield node.with_changes(**{field: _shifted(bound)})
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
            yield node.with_changes(body=block.with_changes(body=[*block.body, stop]))
            yield node.with_changes(body=block.with_changes(body=[stop, *block.body]))
        case cst.SimpleStatementLine():
            yield cst.SimpleStatementLine([cst.Pass()])


def _calls(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Without the call, without one argument, with two neighbouring arguments exchanged."""
    positional = [i for i, arg in enumerate(node.args) if arg.keyword is None and not arg.star]
    if positional:
        yield node.args[positional[0]].value
    if isinstance(node.func, cst.Attribute) and not _is_numpy(node.func.value):
        yield node.func.value
    for i in range(len(node.args)):
        yield node.with_changes(args=_without_last_comma([*node.args[:i], *node.args[i + 1 :]]))
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


def _shifted(bound: cst.BaseExpression) -> cst.BaseExpression:
    return cst.BinaryOperation(_bracketed(bound), cst.Add(), cst.Integer("1"))


def _number(value: float) -> cst.BaseExpression:
    return cst.parse_expression(f"({value})" if value < 0 else str(value))


def _bracketed(node: cst.BaseExpression) -> cst.BaseExpression:
    return (
        node
        if isinstance(node, SIMPLE) or node.lpar
        else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    )


def _without_last_comma(args: list[cst.Arg]) -> list[cst.Arg]:
    return args and [*args[:-1], args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _is_numpy(node: cst.BaseExpression) -> bool:
    while isinstance(node, cst.Attribute):
        node = node.value
    return isinstance(node, cst.Name) and node.value == "np"


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


def _dump(source: str) -> str:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return ""

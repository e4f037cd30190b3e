"""Mutants of a solve cell: one small change each inside its TODO region, made on the syntax tree with libcst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from assignment.master import Cell

BINARY = {
    cst.Add: [cst.Subtract], cst.Subtract: [cst.Add], cst.Multiply: [cst.Divide, cst.Add],
    cst.Divide: [cst.Multiply], cst.Power: [cst.Multiply], cst.MatrixMultiply: [],
    cst.FloorDivide: [cst.Multiply], cst.Modulo: [cst.Multiply],
}  # fmt: skip
COMPARED = {
    cst.Equal: [cst.NotEqual], cst.NotEqual: [cst.Equal], cst.LessThan: [cst.LessThanEqual, cst.GreaterThan],
    cst.GreaterThan: [cst.GreaterThanEqual, cst.LessThan], cst.Is: [cst.IsNot], cst.IsNot: [cst.Is],
    cst.LessThanEqual: [cst.LessThan], cst.GreaterThanEqual: [cst.GreaterThan],
}  # fmt: skip
AUGMENTED = {
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
    names = _names(module)
    found: dict[str, Mutant] = {}
    for node, place in places.items():
        line = place.start.line
        if not any(span.start < line <= span.stop for span in cell.regions):
            continue
        for replacement in _changes(node, parents.get(node), names):
            source = _replaced(module, node, replacement)
            if source not in found and source != cell.source and _compiles(source):
                change = f"{_text(module, _statement(node, parents))} -> {_changed_text(module, source, line)}"
                found[source] = Mutant(cell.name, line, change, source)
    return list(found.values())


def _changes(node: Any, parent: Any, names: Sequence[str]) -> Iterator[cst.CSTNode | cst.RemovalSentinel]:
    """Yield what could stand in the node's place."""
    match node:
        case cst.BinaryOperation():
            for operator in BINARY[type(node.operator)]:
                yield node.with_changes(operator=operator())
            yield node.with_changes(left=_bracketed(node.right), right=_bracketed(node.left))
            yield node.left
            yield node.right
        case cst.UnaryOperation():
            yield node.expression
        case cst.ComparisonTarget():
            for operator in COMPARED.get(type(node.operator), []):
                yield node.with_changes(operator=operator())
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
            for value in (node.evaluated_value + 1, 2 * node.evaluated_value, 0.0):
                yield cst.Float(repr(value)) if value >= 0 else _number(value)
        case cst.Name(value="True" | "False"):
            yield cst.Name("False" if node.value == "True" else "True")
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
                operator = cst.Add() if text == "+" else cst.Subtract()
                yield node.with_changes(value=cst.BinaryOperation(_bracketed(node.value), operator, cst.Integer("1")))
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
            for word in (cst.Break(), cst.Continue()):
                yield node.with_changes(body=block.with_changes(body=[*block.body, cst.SimpleStatementLine([word])]))
                yield node.with_changes(body=block.with_changes(body=[cst.SimpleStatementLine([word]), *block.body]))
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
    for i, j in zip(positional, positional[1:], strict=False):
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
    simple = isinstance(node, cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.Integer | cst.Float)
    return node if simple or node.lpar else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


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


def _names(module: cst.Module) -> list[str]:
    """Return the names that the cell's function takes or assigns, in order: any of them can be taken for another."""
    found: dict[str, None] = {}

    class Finder(cst.CSTVisitor):
        def visit_Param(self, node: cst.Param) -> None:  # noqa: N802 - libcst names its visitors so
            found[node.name.value] = None

        def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802
            targets = node.target.elements if isinstance(node.target, cst.Tuple | cst.List) else [node]
            for target in targets:
                name = target.target if isinstance(target, cst.AssignTarget) else target.value
                if isinstance(name, cst.Name):
                    found[name.value] = None

    module.visit(Finder())
    return [name for name in found if name not in ("self", "verbose", "_")]


def _statement(node: Any, parents: Any) -> cst.CSTNode:
    while not isinstance(node, cst.SimpleStatementLine | cst.For | cst.If | cst.While):
        node = parents[node]
    return node


def _text(module: cst.Module, node: cst.CSTNode) -> str:
    return _first_line(module.code_for_node(node))


def _first_line(code: str) -> str:
    lines = (line.split("#")[0].strip() for line in code.splitlines())
    return next((line for line in lines if line), "")


def _changed_text(module: cst.Module, source: str, line: int) -> str:
    old, new = module.code.splitlines(), source.splitlines()
    changed = [number for number, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    return new[changed[0]].strip() if changed else "(shorter)"


def _replaced(module: cst.Module, node: cst.CSTNode, replacement: Any) -> str:
    if isinstance(replacement, cst.BaseExpression) and isinstance(node, cst.BaseExpression):
        replacement = _bracketed(replacement)
    try:
        return module.deep_replace(node, replacement).code  # type: ignore[no-any-return]
    except Exception:  # libcst refuses what cannot stand there
        return module.code


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True

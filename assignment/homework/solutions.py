"""Solutions of a homework beside its own: right variants, named mistakes and mutants, as the solve cells they fill."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assignment.errors import AssignmentError
from assignment.homework.master import Cell, Master
from assignment.homework.mutation import mutants

OWN = "_solution"  # in a mistake's cell: the right function, which the mistake may call


@dataclass(frozen=True)
class Solution:
    """What stands in the solve cells in the place of the homework's own solutions."""

    kind: str  # variant, mistake or mutant
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


def mistakes_of(master: Master, text: str) -> Iterator[Solution]:
    """The named mistakes in the text of source/NAME_mistakes.py."""
    statements = ast.parse(text).body
    mistakes = {node: function for node in statements if (function := _stands_for(node))}
    shared = [node for node in statements if node not in mistakes]
    for node, function in mistakes.items():
        assert isinstance(node, ast.FunctionDef)
        cell = master.solve(function)
        node.decorator_list = []
        code = [_Own(function).visit(ast.parse(ast.unparse(part))) for part in (*shared, node)]
        yield Solution("mistake", node.name, {function: _filled(cell, code, node.name)})


def mutants_of(cell: Cell, every: int = 1) -> Iterator[Solution]:
    """One in so many of the mutants of a solve cell; the name says where and what."""
    for mutant in mutants(cell)[::every]:
        yield Solution("mutant", f"{cell.name}, line {mutant.line}: {mutant.change}", {cell.name: mutant.source})


def _stands_for(node: ast.stmt) -> str:
    """The exercise of a function under @mistake(EXERCISE, HINT), "" for any other statement."""
    for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
        if (
            isinstance(mark, ast.Call)
            and ast.unparse(mark.func) == "mistake"
            and isinstance(mark.args[0], ast.Constant)
        ):
            return str(mark.args[0].value)
    return ""


def _filled(cell: Cell, code: Sequence[ast.AST], function: str) -> str:
    """The cell with its solution, and then a function in the solution's place."""
    text = "\n".join(ast.unparse(part) for part in code)
    return f"{cell.source}\n{OWN} = {cell.name}\n{text}\n{cell.name} = {function}\n"


class _Own(ast.NodeTransformer):
    """Lets code that calls the right function of an exercise find it under its other name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(OWN, node.ctx) if node.id == self._name else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name(OWN, node.ctx) if ast.unparse(node) == self._name else self.generic_visit(node)

"""Solutions of a homework beside its own, as the solve cells that they fill: right variants and mutants."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assignment.errors import AssignmentError
from assignment.homework.master import Cell, Master
from assignment.homework.mutation import mutants


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

"""Right solutions in many styles (tests/corpora/variants), and how they go into a release's TODO regions.

FAMILY/STYLE.py there holds complete functions: those of a family share a cache, so they go together. The body of each,
without the last line (the `return`, which is given), fits into the region of the solve cell of that name; for a method
the file defines a plain function named like the method.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass

from assignment.homework import Cell, Master
from tests import CORPORA

VARIANTS = CORPORA / "variants"
METHODS = {"loss": "CaptioningRNN.loss"}


@dataclass(frozen=True)
class Variant:
    """One style of one family: the bodies of its functions by exercise."""

    family: str
    style: str
    bodies: dict[str, str]

    @property
    def name(self) -> str:
        """What tests call it."""
        return f"{self.family}/{self.style}"

    def sources(self, master: Master) -> dict[str, str]:
        """Return the solve cells' sources with the bodies in their regions, by exercise."""
        return {name: fitted(master.solve(name), body) for name, body in self.bodies.items()}


def variants() -> list[Variant]:
    """Read the corpus."""
    return [
        Variant(path.parent.name, path.stem, bodies(path.read_text(encoding="utf-8")))
        for path in sorted(VARIANTS.glob("*/*.py"))
    ]


def bodies(text: str) -> dict[str, str]:
    """Return the bodies of the functions of a file, dedented, without the last line."""
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        assert isinstance(node, ast.FunctionDef)
        assert isinstance(node.body[-1], ast.Return)
        body = "\n".join(lines[node.body[0].lineno - 1 : node.body[-1].lineno - 1])
        found[METHODS.get(node.name, node.name)] = textwrap.dedent(body).strip("\n")
    return found


def fitted(cell: Cell, body: str) -> str:
    """Return a solve cell's source with a body in the place of what its region holds."""
    (region,) = cell.regions
    lines = cell.source.splitlines()
    last = lines[region.stop]  # "# TODO 结束", as far in as the body has to be
    indent = last[: len(last) - len(last.lstrip())]
    return "\n".join([*lines[: region.start], textwrap.indent(body, indent), *lines[region.stop :]])

"""Rule 2, no other package: what the submission's code reaches that the homework does not give."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from assignment.homework.master import Master
from assignment.rules.finding import Finding
from assignment.rules.folding import Folder, modules
from assignment.rules.packages import uses
from assignment.submission.repair import Placed
from assignment.syntax import bare, parsed, plain

RULE = "imports"
SHOWN = 20  # uses in one cell that are shown, breaches first


def imports(submission: dict[str, Any], placed: Sequence[Placed], release: Master) -> list[Finding]:
    """Return every way in which code reaches another package; what the release itself does is nobody's fault."""
    given, known, unchanged, folder = of_release(release)
    sources: dict[int, tuple[str, str]] = {}  # a cell that serves several exercises is read once, whole
    for one in placed:
        if one.origin is not None and submission["cells"][one.origin]["cell_type"] == "code":
            source = plain(submission["cells"][one.origin]["source"])
            if bare(source) not in unchanged:
                sources.setdefault(one.origin, (one.id or f"cell {one.origin + 1}", source))
    folder = Folder(_together(source for _, source in sources.values()), folder)
    found: list[Finding] = []
    for where, source in sources.values():
        fresh = [use for use in uses(source, given, folder) if use.evidence not in known]
        fresh.sort(key=lambda use: not use.breach)
        found += [Finding(RULE, use.breach, where, use.evidence) for use in fresh[:SHOWN]]
    return found


@lru_cache(maxsize=16)  # a class is made from few releases
def of_release(release: Master) -> tuple[set[str], set[str], set[str], Folder]:
    """Return of the release the modules it imports, the evidence of all it uses, its cells, and what its names mean."""
    sources = [cell.source for cell in release.cells if cell.cell_type == "code"]
    given = {name for source in sources for name in modules(parsed(source))}
    folder = Folder(_together(sources))
    known = {use.evidence for source in sources for use in uses(source, given, folder)}
    return given, known, {bare(source) for source in sources}, folder


def _together(sources: Iterable[str]) -> ast.Module:
    """Return the code of several cells as one module: a name bound in one is known in the others."""
    trees = [parsed(source) for source in sources]
    return ast.Module([statement for tree in trees if tree for statement in tree.body], [])

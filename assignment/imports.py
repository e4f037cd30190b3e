"""Rule 2, no other package: what the submission's code reaches that the homework does not give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assignment.finding import Finding
from assignment.folding import modules
from assignment.master import Master
from assignment.packages import uses
from assignment.repair import Placed
from assignment.syntax import parsed, plain

RULE = "imports"


def imports(submission: dict[str, Any], placed: Sequence[Placed], release: Master) -> list[Finding]:
    """Return every way in which code reaches another package; what the release itself does is nobody's fault."""
    sources = [cell.source for cell in release.cells if cell.cell_type == "code"]
    given = {name for source in sources for name in modules(parsed(source))}
    known = {use.evidence for source in sources for use in uses(source, given)}
    found: list[Finding] = []
    read: set[int] = set()
    for one in placed:
        raw = submission["cells"][one.origin] if one.origin is not None else {"cell_type": ""}
        if one.origin is None or one.origin in read or raw["cell_type"] != "code":
            continue
        read.add(one.origin)  # a cell that serves several exercises is read once, whole
        where = one.id or f"cell {one.origin + 1}"
        fresh = (use for use in uses(plain(raw["source"]), given) if use.evidence not in known)
        found += [Finding(RULE, use.breach, where, use.evidence) for use in fresh]
    return found

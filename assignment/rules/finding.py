"""What a rule finds, and how it is shown."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

LINES, WIDTH = 16, 160  # of a diff that is evidence: small enough to be read
COMPARED = 400  # lines of a cell that are compared for a diff: its cost grows with their square


@dataclass(frozen=True)
class Finding:
    """A breach of a rule, or a note; `cell` is the homework's id or "cell N", `evidence` is in Chinese, with a diff."""

    rule: str
    breach: bool
    cell: str
    evidence: str


def difference(old: str, new: str) -> str:
    """Return a small diff of two sources, "" if their lines that are not blank agree."""
    before = [line.rstrip() for line in old.split("\n") if line.strip()][:COMPARED]
    after = [line.rstrip() for line in new.split("\n") if line.strip()][:COMPARED]
    lines = [line[:WIDTH] for line in difflib.unified_diff(before, after, lineterm="", n=1)][2:]
    return "\n".join(lines[:LINES] + ["…"] * (len(lines) > LINES))


def excerpt(source: str) -> str:
    """Return the first lines of a source, to be shown."""
    lines = [line.rstrip()[:WIDTH] for line in source.split("\n") if line.strip()]
    return "\n".join(lines[:4] + ["…"] * (len(lines) > 4))

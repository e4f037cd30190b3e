"""The three rules of the homework, each finding with its evidence: a breach, or a note where it cannot be decided.

Nothing that student code says about itself at run time counts: all of it is read, none of it is run. A breach is what
nobody does by accident; whatever honest work may look like is a note at most.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from assignment import words
from assignment.errors import AssignmentError
from assignment.homework import Master
from assignment.submission import Notebook, newer_python
from assignment.submission.matching import Matching, Placed, match

RULES = ("todo", "imports", "outputs")
CHOICES = dict.fromkeys(RULES, ("zero", "flag", "off")) | {"scratch_imports": ("note", "breach")}
OWN = ("extra", "play")  # roles of cells in which students try what they like
LINES, WIDTH = 16, 160  # of a diff that is evidence: small enough to be read
MOST = 40  # findings of a rule that are shown
COMPARED = 200  # lines of a cell that are compared for a diff: its cost grows with their square


@dataclass(frozen=True)
class Finding:
    """A breach of a rule, or a note where nothing can be decided or nothing is wrong."""

    rule: str  # one of RULES
    breach: bool
    cell: str  # the homework's id, "cell N" of a cell of the student's own, or "notebook"
    evidence: str  # in Chinese: which cell and lines, what, and a small diff


@dataclass(frozen=True)
class Policy:
    """What a breach of each rule does: zero the net mark, flag it (costs nothing), or off: nobody looks."""

    todo: str = "zero"
    imports: str = "zero"
    outputs: str = "zero"
    scratch_imports: str = "note"
    """What another package is in a cell of the student's own that no exercise uses: a note, or a breach."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read c.Rules of nbgrader_config.py; AssignmentError names the line that is wrong."""
        given = dict(config.get("Rules", {}))
        for rule, choice in given.items():
            if rule not in CHOICES:
                raise AssignmentError(
                    f"nbgrader_config.py: c.Rules.{rule}: no such rule; there are {', '.join(CHOICES)}"
                )
            if choice not in CHOICES[rule]:
                raise AssignmentError(
                    f"nbgrader_config.py: c.Rules.{rule} = {choice!r}: choose one of {', '.join(CHOICES[rule])}"
                )
        return cls(**given)

    def zeroes(self, findings: Iterable[Finding], waived: Collection[str] = ()) -> list[str]:
        """Return the rules for whose breach the net mark is 0, without those that were waived."""
        broken = {finding.rule for finding in findings if finding.breach}
        return [rule for rule in RULES if rule in broken and getattr(self, rule) == "zero" and rule not in waived]


def where(placed: Placed, first: int = 0, last: int = 0) -> str:
    """Return in Chinese which cell of the student's notebook it is, and which of its lines (of the placed source)."""
    shift = placed.first - 1
    return words.place(placed.role, placed.name, placed.origin, first and first + shift, last and last + shift)


def cell_of(placed: Placed) -> str:
    """Return how a finding names the cell: by the homework's id, or by its number."""
    return placed.id or f"cell {(placed.origin or 0) + 1}"


def finding_in(
    rule: str, breach: bool, placed: Placed, what: str, shown: str = "", first: int = 0, last: int = 0
) -> Finding:
    """Return a finding about a cell, or lines of it."""
    return Finding(rule, breach, cell_of(placed), words.evidence(where(placed, first, last), what, shown))


def difference(old: str, new: str) -> tuple[str, int]:
    """Return a small diff of two sources and the line of the new one where it begins; ("", 0) if they agree.

    Blank lines make no difference.
    """
    before, after = (
        [(n, line.rstrip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()] for text in (old, new)
    )
    same = 0
    while same < min(len(before), len(after)) and before[same][1] == after[same][1]:
        same += 1
    if same == len(before) == len(after):
        return "", 0
    start = max(0, same - 1)
    texts = [[line for _, line in lines[start : start + COMPARED]] for lines in (before, after)]
    rows = [row[:WIDTH] for row in difflib.unified_diff(texts[0], texts[1], lineterm="", n=1)][2:]
    line = after[same][0] if same < len(after) else after[-1][0] if after else 0
    return "\n".join(
        ["@@" if row.startswith("@@") else row for row in rows][:LINES] + ["…"] * (len(rows) > LINES)
    ), line


def excerpt(source: str, sign: str = "") -> str:
    """Return the first lines of a source, each behind a sign, to be shown."""
    lines = [f"{sign}{line.rstrip()[:WIDTH]}" for line in source[: 100 * WIDTH].split("\n") if line.strip()]
    return "\n".join(lines[:4] + ["…"] * (len(lines) > 4))


def read_release(release: Master) -> None:
    """Read a release for all rules, which remember it: before processes are forked that would each do so."""
    from assignment.rules import imports, todo  # which use what stands above

    todo.given_names(release)
    imports.of_release(release)


def findings(
    notebook: Notebook,
    release: Master,
    master: Master,
    policy: Policy,
    failed: Mapping[str, Sequence[str]] | None = None,
    matching: Matching | None = None,
) -> list[Finding]:
    """Return what breaks the rules or is to be noted, in the order of the rules and of the cells.

    release: the one the notebook was made from; master: today's, whose corrections a student may have taken over by
    hand; failed: of each check the parts whose visible rows were seen to fail; matching: that of the notebook and the
    master, if it is known.
    """
    from assignment.rules import imports, outputs, todo

    same = matching is not None and release.release == master.release
    placed = matching.cells if matching is not None and same else match(notebook, release).cells
    result: list[Finding] = []
    if policy.todo != "off":
        result += todo.given_code(placed, release, master)
    if policy.imports != "off":
        result += imports.imports(placed, release, policy.scratch_imports == "breach")
    if policy.outputs != "off":
        result += outputs.kept_outputs(notebook, placed, release, failed or {})
    if newer_python(notebook):  # what this Python cannot read may be right in that one
        unread = {cell_of(cell) for cell in placed if cell.is_broken}
        result = [replace(finding, breach=False) if finding.cell in unread else finding for finding in result]
    return [finding for rule in RULES for finding in _most([finding for finding in result if finding.rule == rule])]


def _most(result: list[Finding]) -> list[Finding]:
    """Return as many findings of a rule as a person reads, breaches rather than notes, and how many there are more."""
    if len(result) <= MOST:
        return result
    kept = sorted(sorted(range(len(result)), key=lambda number: not result[number].breach)[:MOST])
    more = Finding(result[0].rule, False, "notebook", words.AND_MORE.format(len(result) - MOST))
    return [*(result[number] for number in kept), more]

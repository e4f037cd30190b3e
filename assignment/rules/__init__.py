"""The three rules of the homework, each finding with its evidence: a breach, or a note where it cannot be decided.

Nothing that student code says about itself at run time counts: all of it is read, none of it is run. A breach is what
nobody does by accident; whatever honest work may look like is a note at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assignment import words
from assignment.homework.master import Master
from assignment.rules.imports import imports, of_release
from assignment.rules.outputs import kept_outputs
from assignment.rules.policy import RULES, Finding, Policy, cell_of
from assignment.rules.todo import given_code, given_names
from assignment.submission.matching import Matching, match
from assignment.submission.notebook import Notebook, newer_python

MOST = 40  # findings of a rule that are shown
__all__ = ["RULES", "Finding", "Policy", "findings", "read_release"]


def read_release(release: Master) -> None:
    """Read a release for all rules, which remember it: before processes are forked that would each do so."""
    given_names(release)
    of_release(release)


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
    same = matching is not None and release.release == master.release
    placed = matching.cells if matching is not None and same else match(notebook, release).cells
    result: list[Finding] = []
    if policy.todo != "off":
        result += given_code(placed, release, master)
    if policy.imports != "off":
        result += imports(placed, release, policy.scratch_imports == "breach")
    if policy.outputs != "off":
        result += kept_outputs(notebook, placed, release, failed or {})
    if newer_python(notebook):  # what this Python cannot read may be right in that one
        unread = {cell_of(cell) for cell in placed if cell.is_broken}
        result = [replace(finding, breach=False) if finding.cell in unread else finding for finding in result]
    return [finding for rule in RULES for finding in _most([finding for finding in result if finding.rule == rule])]


def _most(result: list[Finding]) -> list[Finding]:
    """Return as many findings of a rule as a person reads, breaches rather than notes, and how many there are more."""
    if len(result) <= MOST:
        return result
    kept = sorted(sorted(range(len(result)), key=lambda number: not result[number].breach)[:MOST])
    more = Finding(result[0].rule, False, "notebook", words.and_more(len(result) - MOST))
    return [*(result[number] for number in kept), more]

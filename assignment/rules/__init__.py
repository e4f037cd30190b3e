"""The three rules of the homework, each finding with its evidence: a breach, or a note where it cannot be decided.

Nothing that student code says about itself at run time counts: all of it is read, none of it is run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from assignment.errors import AssignmentError
from assignment.homework.master import Master
from assignment.rules.finding import Finding
from assignment.rules.given_code import given_code, given_names
from assignment.rules.imports import imports, of_release
from assignment.rules.kept_outputs import kept_outputs
from assignment.submission.repair import repair

CONSEQUENCES = ("zero", "flag", "off")


@dataclass(frozen=True)
class Policy:
    """What a breach of each rule does: zero the net mark, flag it (costs nothing), or off: nobody looks."""

    todo: str = "zero"
    imports: str = "zero"
    outputs: str = "zero"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Policy:
        """Read c.Rules of nbgrader_config.py; AssignmentError names the line that is wrong."""
        given = dict(config.get("Rules", {}))
        rules = [field.name for field in fields(cls)]
        for rule, consequence in given.items():
            if rule not in rules:
                raise AssignmentError(f"nbgrader_config.py: c.Rules.{rule}: no such rule; there are {', '.join(rules)}")
            if consequence not in CONSEQUENCES:
                raise AssignmentError(
                    f"nbgrader_config.py: c.Rules.{rule} = {consequence!r}: choose one of {', '.join(CONSEQUENCES)}"
                )
        return cls(**given)

    def zeroes(self, findings: Iterable[Finding | Mapping[str, Any]], waived: Collection[str] = ()) -> list[str]:
        """Return the rules for whose breach the net mark is 0, without those that were waived."""
        found = [one if isinstance(one, Mapping) else vars(one) for one in findings]
        broken = {one["rule"] for one in found if one["breach"]}
        return [
            field.name
            for field in fields(self)
            if field.name in broken and getattr(self, field.name) == "zero" and field.name not in waived
        ]


def read_release(release: Master) -> None:
    """Read a release for all rules, which remember it: before processes are forked that would each do so."""
    given_names(release)
    of_release(release)


def findings(
    submission: dict[str, Any],
    release: Master,
    master: Master,
    policy: Policy,
    examined: Sequence[Mapping[str, Any]] | None = None,
) -> list[Finding]:
    """Return what breaks the rules or is to be noted, in the order of the rules and of the cells.

    submission: its normalised notebook; release: the one it was made from; master: today's, whose corrections a
    student may have taken over by hand; examined: the checks of its examination.
    """
    placed = repair(submission, release).cells
    found: list[Finding] = []
    if policy.todo != "off":
        found += given_code(placed, release, master)
    if policy.imports != "off":
        found += imports(submission, placed, release)
    if policy.outputs != "off":
        found += kept_outputs(submission, placed, release, examined or [])
    return found

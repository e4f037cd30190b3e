"""What an examination finds, typed; `as_dict` and `from_dict` are the only way to and from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from assignment.rules import Finding
from assignment.submission.likeness import Traces

SCHEMA = 2  # version of the JSON, docs/check.schema.json
VERDICTS = ("graded", "timeout", "memory", "crashed", "unreadable", "other", "newer")
RULES = "rules"  # in the place of an exercise: what the rules take off
VERDICT = "verdict"  # in the notebook, the kind of the cell that tells a TA why nothing was graded
MARKED = ("graded", "timeout")  # those that give a mark; the others wait for a person

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Part:
    """One returned array (or number) of an exercise, judged by all rows of its check cell."""

    name: str
    max: float
    passed: bool = False
    score: float = 0.0
    error: float | None = None  # of the row that speaks for the part
    below: float | None = None  # its threshold
    message: str = ""  # Chinese, for the student
    hidden: bool = False  # only hidden rows failed
    blocks: tuple[str, ...] = ()  # hidden blocks in which a row of it failed; "" stands for the visible part
    mistake: str = ""  # name of a known mistake or relation, "" if none was recognised
    hint: str = ""  # Chinese, for the student
    value: str = ""  # of a failed one: short hash of what came back, rounded; equal for equal mistakes


@dataclass(frozen=True)
class CheckResult:
    """One check cell."""

    name: str
    max: float
    score: float = 0.0
    ended: str = ""  # how the sandbox died in it: timeout, memory, crashed; "" if it did not
    reason: str = ""  # of that, English, for a TA
    premise: tuple[str, ...] = ()  # exercises that the reference stood in for
    cache: str = ""  # which cache the exercise was examined with, where that was not its own forward's
    alone: str = ""  # why the exercise could not be examined by itself, English; "" if it could
    advice: tuple[str, ...] = ()  # costs nothing
    parts: tuple[Part, ...] = ()

    @property
    def full(self) -> bool:
        """Whether it has all its points."""
        return self.score >= self.max

    @property
    def failed_in_sight(self) -> list[str]:
        """The parts that failed on visible rows; none if it was cut short, or judged with others' functions."""
        if self.ended or self.premise:
            return []
        return [part.name for part in self.parts if not part.passed and not part.hidden]


@dataclass(frozen=True)
class MadeBy:
    """All that a result depends on: the same again gives the same again."""

    submission: str = ""  # sha256 of the file
    master: str = ""  # sha256 of master and mistakes
    releases: tuple[str, ...] = ()  # every release it could be made from
    rules: Mapping[str, str] = field(default_factory=dict)  # consequence of each rule
    secret: str = ""  # fingerprint of the course's secret, from which hidden data are drawn
    python: str = ""
    numpy: str = ""
    ipython: str = ""
    nbgrader: str = ""
    assignment: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PartChange:
    """Points of one part before and after."""

    exercise: str
    part: str
    before: float
    after: float


@dataclass(frozen=True)
class Regrade:
    """What grading the same hand-in again changed, or would have: marks are after the rules."""

    before: float
    after: float
    changes: tuple[PartChange, ...] = ()
    causes: tuple[str, ...] = ()  # of words.REGRADE_CAUSES
    kept: bool = False  # the mark before counts, for it was the higher one


@dataclass(frozen=True)
class Result:
    """The verdict on one submission; `score` is the one source of its mark."""

    verdict: str  # one of VERDICTS
    max: float
    reason: str = ""  # English, for a TA
    score: float = 0.0
    net: float = 0.0  # what is left of the score after the rules
    seconds: float = 0.0
    release: str = ""  # hash of the release it was made from
    checks: tuple[CheckResult, ...] = ()
    rules: tuple[Finding, ...] = ()
    repairs: tuple[str, ...] = ()  # English
    made_by: MadeBy = field(default_factory=MadeBy)
    traces: Traces = field(default_factory=Traces)  # what tells equal work
    regrade: Regrade | None = None  # what changed when this hand-in was last graded otherwise

    @property
    def marked(self) -> bool:
        """Whether it gives a mark; else a person has to look."""
        return self.verdict in MARKED

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON has it."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """Read what as_dict gave; keys that are not known are ignored. Raises ValueError for anything else."""
        try:
            checks = tuple(
                _made(CheckResult, check, parts=tuple(_made(Part, part) for part in check.get("parts", ())))
                for check in data.get("checks", ())
            )
            rules = tuple(_made(Finding, finding) for finding in data.get("rules", ()))
            if data["verdict"] not in VERDICTS:
                raise ValueError(f"verdict {data['verdict']!r}")
            made_by, traces = _made(MadeBy, data.get("made_by", {})), _made(Traces, data.get("traces", {}))
            again = data.get("regrade")
            if again:
                again = _made(Regrade, again, changes=tuple(_made(PartChange, one) for one in again.get("changes", ())))
            return _made(cls, data, checks=checks, rules=rules, made_by=made_by, traces=traces, regrade=again or None)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"malformed result: {error}") from None


def part_changes(old: Result, new: Result) -> list[PartChange]:
    """Return the parts that have other points in the new result, and what the rules take off if they did not or do."""
    before, after = _points(old), _points(new)
    if bool(old.net - old.score) != bool(new.net - new.score):
        before[RULES, "net"], after[RULES, "net"] = old.net - old.score, new.net - new.score
    pairs = ((key, before.get(key, 0.0), after.get(key, 0.0)) for key in after | before)
    return [PartChange(*key, was, now) for key, was, now in pairs if was != now]


def _points(result: Result) -> dict[tuple[str, str], float]:
    return {(check.name, part.name): part.score for check in result.checks for part in check.parts}


def regraded(old: Result, new: Result) -> Regrade | None:
    """Return what grading the same hand-in again changed; what it changed before, if nothing now."""
    made, were = new.made_by, old.made_by
    if were.submission != made.submission or not (old.marked and new.marked):
        return None
    if old.net == new.net:
        return old.regrade
    other = [name for name in ("master", "rules", "limits") if getattr(made, name) != getattr(were, name)]
    versions = [(of.python, of.numpy, of.ipython, of.nbgrader, of.assignment) for of in (made, were)]
    causes = (*other, *(["versions"] if versions[0] != versions[1] else []))
    if not causes and old.regrade and old.regrade.kept:  # it was kept then, and falls now
        causes = old.regrade.causes
    return Regrade(old.net, new.net, tuple(part_changes(old, new)), causes)


def _made(kind: type[Kind], data: Mapping[str, Any], **known: object) -> Kind:
    """A dataclass from its JSON: lists become tuples, what is missing has its default. Raises TypeError."""
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items() if name in names}
    return kind(**given | known)

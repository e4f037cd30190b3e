"""What an examination finds, in the words that the JSON, the gradebook and the pages share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

VERDICTS = ("graded", "timeout", "memory", "crashed", "unreadable")
MARKED = ("graded", "timeout")  # those that give a mark


@dataclass
class Part:
    """One returned array (or number) of an exercise, judged by all rows of its check cell."""

    name: str
    max: float
    passed: bool = False
    score: float = 0.0
    error: float | None = None
    below: float | None = None
    message: str = ""
    hidden: bool = False  # only hidden rows failed
    mistake: str = ""
    hint: str = ""


@dataclass
class CheckResult:
    """One check cell; `ended` says how the sandbox died in it, `premise` what stood in for failed functions."""

    name: str
    max: float
    score: float = 0.0
    ended: str = ""
    reason: str = ""
    premise: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.score >= self.max


@dataclass
class Result:
    """The verdict on one submission."""

    verdict: str
    max: float
    reason: str = ""
    score: float = 0.0
    net: float = 0.0
    seconds: float = 0.0
    checks: list[CheckResult] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    made_by: dict[str, Any] = field(default_factory=dict)

    @property
    def marked(self) -> bool:
        """Whether it gives a mark; else a person has to look."""
        return self.verdict in MARKED

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

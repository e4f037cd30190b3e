"""The class on one page for the TA, and the same as JSON and CSV: marks, pass rates, mistakes, what to look at."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, median
from urllib.parse import quote

from assignment.grading.result import CheckResult, Result
from assignment.marking.breakdown import CENT, Breakdown, ScoreChange, Standing, finite
from assignment.report.patterns import (
    FEW,
    Alarm,
    Discrimination,
    MistakeRow,
    PartAttempt,
    SimilarWork,
    alarms_in,
    attempts_of,
    discrimination,
    equal_mistakes,
    tried,
)
from assignment.report.student_page import rendered
from assignment.rules import Finding
from assignment.text import as_csv, block, defused, digits_kept, one_line, points

BINS = 10
NAMED = 12  # mistakes shown: more than one lesson can go through
SLOWEST = 5
# What to do about a verdict without a mark; where nothing stands, grading once more may help.
REMEDIES = dict.fromkeys(("unreadable", "other"), "ask for the file again, or grade STUDENT by hand in formgrader")
REMEDIES |= dict.fromkeys(("memory", "crashed", "newer"), "grade STUDENT by hand in formgrader")
SCHEMA = 2  # version of the JSON, docs/report.schema.json


@dataclass(frozen=True)
class ClassMember:
    """A student on the class page: a standing, and where the notebook to look at lies, from the page."""

    standing: Standing
    notebook: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)  # the student's own source of each exercise
    confirmed: Collection[str] = ()  # the rules whose breach a person has confirmed
    section: str = ""


@dataclass(frozen=True)
class Absent:
    """A student who handed in nothing."""

    student: str
    name: str


@dataclass(frozen=True)
class OpenCase:
    """What waits for a person, and what to type, a line each."""

    student: str
    what: str
    command: str


@dataclass(frozen=True)
class CheckRow:
    """An exercise of one student."""

    score: float
    max: float
    ended: str
    reason: str


@dataclass(frozen=True)
class FindingRow:
    """A rule's finding with what came of it: zero, waived, or flagged without consequence."""

    rule: str
    cell: str
    evidence: str
    consequence: str
    waived: str


@dataclass(frozen=True)
class StudentRow:
    """A line of the table of students."""

    student: str
    name: str
    login: str
    section: str
    notebook: str
    verdict: str
    reason: str
    auto: float
    marked: bool
    score: float
    penalty: float
    net: float
    max: float
    zeroed: bool
    manual: Mapping[str, ScoreChange]
    late: bool
    days: float
    seconds: float
    checks: Mapping[str, CheckRow]
    breaches: tuple[FindingRow, ...]
    notes: tuple[FindingRow, ...]
    repairs: tuple[str, ...]
    open_rules: tuple[str, ...]  # the rules for whose breach the mark is 0, and nobody has looked
    alias: str = ""  # what is shown in the place of the name

    @property
    def remarks(self) -> list[str]:
        """What is out of the ordinary about the submission, in a word each."""
        remarks = [] if self.verdict == "graded" else [self.verdict]
        remarks += [f"{breach.rule}: {breach.consequence}" for breach in self.breaches]
        remarks += [f"{name} {check.ended}" for name, check in self.checks.items() if check.ended]
        remarks += [f"{points(self.days)} d late" if self.days else "late"] if self.late else []
        remarks += ["changed by TA"] if self.manual else []
        remarks += ["repaired"] if self.repairs else []
        return list(dict.fromkeys(remarks))


@dataclass
class PartRow:
    """How a part of an exercise went."""

    name: str
    count: int = 0
    passed: int = 0
    hidden: int = 0  # failed on hidden data alone
    tried: int = 0
    discrimination: Discrimination | None = None  # of those who tried; None where too few did, or all fared alike


@dataclass
class ExerciseRow:
    """How an exercise went, by automatic marks."""

    name: str
    max: float
    count: int = 0
    full: int = 0
    some: int = 0
    none: int = 0
    open: int = 0  # still as it was released
    ended: int = 0
    parts: list[PartRow] = field(default_factory=list)


@dataclass(frozen=True)
class Bin:
    """Net marks from low to high, in percent of the maximum."""

    low: float
    high: float
    count: int
    zeroed: int


@dataclass(frozen=True)
class ClassSummary:
    """What the class page shows; `asdict` of it is report.json."""

    assignment: str
    title: str
    made_at: str
    max: float
    handed_in: int
    missing: tuple[Absent, ...]
    graded: int
    mean: float | None
    median: float | None
    full: int
    histogram: tuple[Bin, ...]
    exercises: tuple[ExerciseRow, ...]
    mistakes: tuple[MistakeRow, ...]
    verdicts: Mapping[str, int]
    total_seconds: float
    median_seconds: float | None
    slowest: tuple[str, ...]
    students: tuple[StudentRow, ...]
    alarms: tuple[Alarm, ...] = ()
    similarity: tuple[SimilarWork, ...] = ()
    pending: tuple[OpenCase, ...] = ()
    """Decisions on earlier hand-ins, and exercises that could not be examined by themselves."""
    schema: int = SCHEMA


def summarise(
    members: Sequence[ClassMember],
    assignment: str,
    title: str = "",
    made_at: str = "",
    missing: Iterable[Absent] = (),
    pending: Iterable[OpenCase] = (),
    similar: Iterable[SimilarWork] = (),
) -> ClassSummary:
    """Return what the class page shows, everything in it fit to be shown; pending: decisions on earlier hand-ins."""
    students = [_student(member) for member in members]
    # A submission that nobody could grade has checks without scores: they say nothing of what a class knows.
    marked = [member for member in members if member.standing.breakdown.marked]
    attempts = attempts_of(member.standing.result for member in marked)
    order = sorted(students, key=lambda row: hashlib.sha256(row.student.encode()).digest())  # tells no name
    aliases = {row.student: f"Student {number}" for number, row in enumerate(order, 1)}
    students = [replace(row, alias=aliases[row.student]) for row in students]
    graded = [row for row in students if row.verdict == "graded"]
    nets, seconds = [row.net for row in graded], [row.seconds for row in students]
    return ClassSummary(
        assignment=one_line(assignment, 80),
        title=one_line(title or assignment, 120),
        made_at=one_line(made_at, 40),
        max=max((row.max for row in students), default=0.0),
        handed_in=len(students),
        missing=tuple(Absent(one_line(absent.student, 80), one_line(absent.name, 80)) for absent in missing),
        graded=len(graded),
        mean=round(fmean(nets), 2) if nets else None,
        median=round(median(nets), 2) if nets else None,
        full=sum(row.net >= row.max for row in graded),
        histogram=tuple(_histogram(graded)),
        exercises=tuple(_exercises((member.standing.result for member in marked), attempts)),
        mistakes=tuple(
            equal_mistakes((member.standing.student, member.standing.result, member.codes) for member in marked)
        ),
        verdicts=dict(Counter(row.verdict for row in students).most_common()),
        total_seconds=round(sum(seconds), 2),
        median_seconds=round(median(seconds), 2) if seconds else None,
        slowest=tuple(row.student for row in sorted(students, key=lambda row: -row.seconds)[:SLOWEST]),
        students=tuple(students),
        alarms=tuple(alarms_in(attempts)),
        similarity=tuple(similar),
        pending=(
            *pending,
            *(case for m in marked for case in alone(one_line(m.standing.student, 60), m.standing.result, assignment)),
        ),
    )


def alone(student: str, result: Result, name: str) -> Iterator[OpenCase]:
    """The exercises of a student that could not be examined by themselves, but for those that have all points."""
    for check in result.checks:
        if check.alone and not check.full:
            what = f"{one_line(check.name, 80)}: {one_line(check.alone, 300)}"
            yield OpenCase(student, what, f"assignment check submitted/{student}/{name}/{name}.ipynb")


def _student(member: ClassMember) -> StudentRow:
    standing = member.standing
    result, breakdown = standing.result, standing.breakdown
    changed = dict(breakdown.manual)
    for check in result.checks:
        if check.name in breakdown.awards:
            changed[check.name] = ScoreChange(finite(check.score), breakdown.earned(check))
    rows = [(finding.breach, _finding(finding, breakdown)) for finding in result.rules]
    return StudentRow(
        student=one_line(standing.student, 60),
        name=one_line(standing.sortable, 80),
        login=one_line(standing.login, 60),
        section=one_line(member.section, 60),
        notebook=f"./{quote(member.notebook)}" if member.notebook else "",
        verdict=one_line(result.verdict, 20),
        reason=one_line(result.reason, 300),
        auto=breakdown.auto,
        marked=breakdown.marked,
        score=breakdown.score,
        penalty=breakdown.penalty,
        net=breakdown.net,
        max=breakdown.max,
        zeroed=breakdown.zeroed,
        manual={one_line(name, 80): change for name, change in changed.items()},
        late=breakdown.late.late,
        days=round(finite(breakdown.late.days), 2),
        seconds=round(finite(result.seconds), 2),
        checks={one_line(check.name, 80): _check(check, breakdown) for check in result.checks if breakdown.marked},
        breaches=tuple(row for breach, row in rows if breach),
        notes=tuple(row for breach, row in rows if not breach),
        repairs=tuple(one_line(repair, 300) for repair in result.repairs),
        open_rules=tuple(
            dict.fromkeys(
                row.rule
                for breach, row in rows
                if breach and row.consequence == "zero" and row.rule not in member.confirmed
            )
        ),
    )


def _check(check: CheckResult, breakdown: Breakdown) -> CheckRow:
    return CheckRow(breakdown.earned(check), finite(check.max), one_line(check.ended, 20), one_line(check.reason, 300))


def _finding(finding: Finding, breakdown: Breakdown) -> FindingRow:
    rule = one_line(finding.rule, 40)
    waived = one_line(breakdown.waived.get(rule), 300)
    costs = breakdown.zeroed and rule not in breakdown.spared
    consequence = "waived" if waived else "zero" if costs else "flagged"
    return FindingRow(rule, one_line(finding.cell, 80), block(finding.evidence, 2_500, 30), consequence, waived)


def _histogram(graded: Iterable[StudentRow]) -> list[Bin]:
    """Return the net marks in ten equal bins."""
    bins = [Bin(10.0 * at, 10.0 * (at + 1), 0, 0) for at in range(BINS)]
    for row in graded:
        share = row.net / row.max if row.max else 0.0
        at = min(int(BINS * min(max(share, 0.0), 1.0) + 1e-9), BINS - 1)
        bins[at] = replace(bins[at], count=bins[at].count + 1, zeroed=bins[at].zeroed + row.zeroed)
    return bins


def _exercises(
    results: Iterable[Result], attempts: Mapping[tuple[str, str], Sequence[PartAttempt]]
) -> list[ExerciseRow]:
    """Return how each exercise and each of its parts went, of the submissions that have marks."""
    exercises: dict[str, ExerciseRow] = {}
    for check in (check for result in results for check in result.checks):
        score, most = finite(check.score), finite(check.max)
        if not most:
            continue
        name = one_line(check.name, 80)
        row = exercises.setdefault(name, ExerciseRow(name, most))
        row.count += 1
        row.full += score >= most - CENT
        row.none += score < CENT
        row.some = row.count - row.full - row.none
        row.ended += bool(check.ended)
        row.open += bool(check.parts) and not tried(check)
        for part in check.parts:
            label = one_line(part.name, 60)
            of_part = next((known for known in row.parts if known.name == label), None)
            if of_part is None:
                those = attempts.get((check.name, part.name), ())
                of_part = PartRow(label, tried=len(those), discrimination=discrimination(those))
                row.parts.append(of_part)
            of_part.count += 1
            of_part.passed += part.passed
            of_part.hidden += part.hidden and not part.passed
    return list(exercises.values())


def report(summary: ClassSummary) -> str:
    """Return the class page as one HTML text."""
    return rendered(
        "report.html",
        "report.css",
        "report.js",
        all=summary,
        person_of={row.student: row for row in summary.students},
        remedies=REMEDIES,
        most_named=NAMED,
        few=FEW,
    )


def report_json(summary: ClassSummary) -> str:
    """Return everything the class page shows as JSON."""
    return json.dumps(asdict(summary), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def report_csv(summary: ClassSummary) -> str:
    """Return the table of students as CSV; what a spreadsheet would run gets an apostrophe in front."""
    names = [row.name for row in summary.exercises]
    head = ["student", "name", "login", "section", "verdict", *names, "auto", "score", "penalty", "net", "max"]
    rows: list[list[object]] = [[*head, "late", "days late", "remarks", "seconds"]]
    for row in summary.students:
        scores = [row.checks[name].score if name in row.checks else "" for name in names]
        sums = [row.auto, row.score, row.penalty, row.net if row.marked else "", row.max]
        rest = ["late" if row.late else "", row.days or "", "; ".join(row.remarks), row.seconds]
        rows.append([row.student, row.name, row.login, row.section, row.verdict, *scores, *sums, *rest])
    return as_csv(
        [digits_kept(defused(one_line(cell, 1_000))) if isinstance(cell, str) else cell for cell in row] for row in rows
    )

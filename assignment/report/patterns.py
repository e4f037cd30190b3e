"""What only a class together shows: checks that look wrong rather than hard, equal mistakes, work that is too alike.

All of it is for a person to look at, never a mark. What two students share is weighed by how rare it is in their class,
in bits: -log2 of the share of those who tried the exercise. What the homework itself knows (solutions, stubs, named
mistakes) is common by definition and weighs nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import atanh, log2, sqrt, tanh
from statistics import StatisticsError, correlation

from assignment.grading.result import CheckResult, Part, Result
from assignment.homework.checker import UNFINISHED
from assignment.report.student_page import rendered
from assignment.submission.likeness import common_lines
from assignment.text import block, one_line

FEW = 8  # students below whom nothing is said, and nothing is rare
STRONG = 0.8  # of the points of everything else
INTERVAL, SURE = 1.96, 3.3  # standard errors: shown, and for an alarm (one honest part in two thousand)
APART = 4.0  # standard errors between two groups: one honest part in 15,000
SHARE = 0.25  # of those who tried, with the very same wrong value
LACKING = (3, 0.05)  # students, and share of the class, from which a group without a name should have one
EXAMPLES = 60  # groups with an example: more reads nobody
CODE = (4_000, 80)  # characters and lines of an example
FIGURES = re.compile(r"[\d.]+(?:e[+-]?\d+)?")
MUTE = ("AssertionError", "NameError", "NotImplementedError")  # of checks without values, and of stubs
AND_HASH = ", hash "  # which no page shows
KINDS = ("nobody", "strong", "release", "version", "same")


@dataclass(frozen=True)
class Alarm:
    """A part of a check to look at before marks go out, and why."""

    exercise: str
    part: str
    kind: str  # one of KINDS, the surest first
    why: str


@dataclass(frozen=True)
class Discrimination:
    """Corrected item-total correlation: of passing a part with the points of all other exercises; and 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PartAttempt:
    """What a student who did something about an exercise got in one part of it."""

    passed: bool
    rest: float  # share of the points of all other exercises
    value: str  # what came back, as far as a result tells it; "" if it has a name
    release: str
    version: str


def alarms(results: Iterable[Result]) -> list[Alarm]:
    """Return the parts to look at, the surest first; none for a class of which too few tried."""
    return alarms_in(attempts_of(results))


def alarms_in(attempts_by_part: Mapping[tuple[str, str], Sequence[PartAttempt]]) -> list[Alarm]:
    """Return the same of attempts that are gathered already."""
    found = [
        ((KINDS.index(kind), -_strong(attempts)), Alarm(one_line(exercise, 80), one_line(part, 60), kind, why))
        for (exercise, part), attempts in attempts_by_part.items()
        for kind, why in _reasons(attempts)
    ]
    return [alarm for _, alarm in sorted(found, key=lambda ranked: ranked[0])]


def attempts_of(results: Iterable[Result]) -> dict[tuple[str, str], list[PartAttempt]]:
    """Return who tried each (exercise, part), of the results that give a mark, in the order of the homework."""
    attempts: dict[tuple[str, str], list[PartAttempt]] = defaultdict(list)
    for result in results:
        if not result.marked:
            continue
        for check in result.checks:
            others = [other for other in result.checks if other is not check]
            most = sum(other.max for other in others)
            rest = sum(other.score for other in others) / most if most else 0.0
            for part in check.parts if tried(check) else ():
                made = result.made_by
                version = f"assignment {made.assignment}, Python {made.python}, NumPy {made.numpy}"
                attempts[check.name, part.name].append(
                    PartAttempt(part.passed, rest, _value(part), result.release, version)
                )
    return attempts


def discrimination(attempts: Sequence[PartAttempt], errors: float = INTERVAL) -> Discrimination | None:
    """Return how passing a part goes together with the rest (by Fisher's z); None for too few or all alike.

    errors: the interval's half width in standard errors.
    """
    if len(attempts) < FEW:
        return None
    try:
        r = correlation([float(one.passed) for one in attempts], [one.rest for one in attempts])
    except StatisticsError:  # all passed, or all have the same elsewhere
        return None
    z, error = atanh(max(-0.999999, min(r, 0.999999))), 1 / sqrt(len(attempts) - 3)
    return Discrimination(*(round(one, 3) for one in (r, tanh(z - errors * error), tanh(z + errors * error))))


def tried(check: CheckResult) -> bool:
    """Return whether a student did something about an exercise: not each part says that it is as it was released."""
    return any(not part.message.startswith(UNFINISHED) for part in check.parts)


def _value(part: Part) -> str:
    """What tells one wrong value from another: its hash, else how far off it is, else the exception.

    An error of 1 tells nothing: any wrong value with another sign or a zero somewhere has it.
    """
    if part.passed or part.mistake or part.message.startswith((UNFINISHED, *MUTE)):
        return ""
    if part.error is None:
        return f"the same{AND_HASH}{part.value}" if part.value else part.message
    off = f"{part.error:.6g}"
    return f"error {off}{AND_HASH}{part.value}" if part.value else f"error {off}" if off != "1" else ""


def _strong(attempts: Sequence[PartAttempt]) -> int:
    return sum(one.rest >= STRONG for one in attempts)


def _reasons(attempts: Sequence[PartAttempt]) -> Iterable[tuple[str, str]]:
    """Yield (kind, why) of everything that speaks against a part."""
    count, passed = len(attempts), sum(one.passed for one in attempts)
    if count < FEW:
        return
    if not passed:
        strong = _strong(attempts)
        more = f", nor do the {strong} who have {STRONG:.0%} of everything else" if strong else ""
        yield "nobody", f"none of {count} who tried pass{more}"
    sure = discrimination(attempts, SURE)
    if sure and sure.high < 0:
        yield "strong", f"who is strong elsewhere fails it, who is weak passes: correlation {sure.value:.2f}"
    for kind, groups in (("release", _groups(attempts, "release")), ("version", _groups(attempts, "version"))):
        yield from ((kind, why) for why in _apart(groups))
    values = Counter(one.value for one in attempts if one.value)
    value, equal = values.most_common(1)[0] if values else ("", 0)
    if equal >= max(FEW, SHARE * count):
        shown = one_line(value.partition(AND_HASH)[0], 120)
        yield "same", f"{equal} of {count} have the same wrong value, for which no mistake is known: {shown}"


def _groups(attempts: Sequence[PartAttempt], by: str) -> dict[str, list[PartAttempt]]:
    groups: dict[str, list[PartAttempt]] = defaultdict(list)
    for one in attempts:
        groups[getattr(one, by)].append(one)
    return {name: group for name, group in groups.items() if len(group) >= FEW}


def _apart(groups: dict[str, list[PartAttempt]]) -> Iterable[str]:
    """Yield what is said of the two groups that are furthest apart, if nothing but chance cannot do that.

    Two proportions with their pooled standard error; work elsewhere must not tell them apart as well.
    """
    if len(groups) < 2:
        return
    rate = {name: sum(one.passed for one in group) / len(group) for name, group in groups.items()}
    rest = {name: sum(one.rest for one in group) / len(group) for name, group in groups.items()}
    low, high = min(rate, key=rate.__getitem__), max(rate, key=rate.__getitem__)
    few, many = len(groups[low]), len(groups[high])
    pooled = (rate[low] * few + rate[high] * many) / (few + many)
    error = sqrt(pooled * (1 - pooled) * (1 / few + 1 / many))
    if error and (rate[high] - rate[low]) / error > APART and rate[high] - rate[low] > 2 * abs(rest[high] - rest[low]):
        yield f"{rate[low]:.0%} of {few} pass with {low}, {rate[high]:.0%} of {many} with {high}"


@dataclass(frozen=True)
class MistakeRow:
    """How many students made the same mistake: by its name, or, where it has none (""), by what came back."""

    check: str
    mistake: str
    parts: tuple[str, ...]
    students: int
    hint: str
    came_back: str  # what the checks say of it, to one of these students; "" where it stands in the hint
    example: str  # that student's function
    lacking: bool  # whether so many came to the same that the list of mistakes should have it


def equal_mistakes(work: Iterable[tuple[str, Result, Mapping[str, str]]]) -> list[MistakeRow]:
    """Return the mistakes by how many students made them, those nobody has a name for last.

    work: (student, result, sources by exercise). A name counts where all failed rows of a check agree on it: where its
    parts are named differently, a hint may be wrong, and nothing is said to a class on the strength of it.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[list[Part], str]]] = defaultdict(list)
    students = 0
    for students, (_, result, codes) in enumerate(work, 1):  # noqa: B007 - how many there are
        for check in result.checks:
            for mistake, parts in _told_apart(check):
                # What tells one wrong value from another: its hash, else the message without figures.
                signature = tuple(f"{part.name} {part.value or FIGURES.sub('#', part.message)}" for part in parts)
                signature = () if mistake else signature
                groups[check.name, mistake, signature].append((parts, codes.get(check.name, "")))
    order = sorted(groups.items(), key=lambda group: (not group[0][1], -len(group[1]), group[0]))
    return [
        _row(check, mistake, of, students, number < EXAMPLES and len(of) > 1)
        for number, ((check, mistake, _), of) in enumerate(order)
    ]


def _told_apart(check: CheckResult) -> list[tuple[str, list[Part]]]:
    """The failed parts of an exercise that was tried, those with a name and those without."""
    failed = [part for part in check.parts if not part.passed and not part.message.startswith(UNFINISHED)]
    names = {part.mistake for part in failed if part.mistake}
    sure = names.pop() if len(names) == 1 else ""
    named = [part for part in failed if sure and part.mistake]
    rest = [part for part in failed if part not in named]
    return [(sure, named)] * bool(named) + [("", rest)] * bool(rest)


def _row(check: str, mistake: str, of: list[tuple[list[Part], str]], students: int, shown: bool) -> MistakeRow:
    names = Counter(one_line(part.name, 60) for parts, _ in of for part in parts)
    parts, code = of[0]
    few, share = LACKING
    return MistakeRow(
        check=one_line(check, 80),
        mistake=one_line(mistake, 80),
        parts=tuple(name for name, _ in names.most_common()),
        students=len(of),
        hint=one_line(parts[0].hint, 300) if mistake else "",
        came_back="" if mistake else one_line(parts[0].message, 300),
        example=block(code, *CODE) if shown else "",
        lacking=not mistake and len(of) >= max(few, share * students),
    )


CLEAR = 10.0  # bits above what the likest pair of a class shares by chance, for tastes go together
CROWD = 16  # one part in so many of a class; what more share says nothing
SMALL = 12  # students who are no crowd in any class
STEP = 4  # bits a bar of the distribution
SHOWN = 60  # groups on the page


@dataclass(frozen=True)
class SimilarWork:
    """Students who share more than chance gives: a pair, or a group in which each shares that much with another."""

    students: tuple[str, ...]
    bits: float  # of the two who share most
    functions: tuple[str, ...]  # the exercises that these two solved in the same way, rare in this class
    closest: tuple[str, str]
    also: tuple[str, ...]
    """What else they share: comments, wrong values, kept outputs, the file, each with its exercise."""
    decisions: Mapping[str, str]  # what a person decided on a student's part in it
    decided: bool  # whether it was decided on for everybody of this class


@dataclass(frozen=True)
class Similarity:
    """The groups above the gap, those that share most first, and how many pairs share how much."""

    groups: tuple[SimilarWork, ...] = ()
    least: float = 0.0  # bits above which a pair is shown
    pairs: tuple[tuple[int, int], ...] = ()
    """(bits, pairs that share as many and up to STEP more), of all who share anything rare."""


Slot = tuple[str, str]  # kind of evidence and exercise


def similarity(
    results: Mapping[str, Result],
    known: Collection[str] = (),
    earlier: Collection[str] = (),
    decisions: Mapping[str, str] | None = None,
) -> Similarity:
    """Return whose work is alike.

    results: by student, those of other terms (`earlier`) too, who are compared with today's only; known: hashes that
    are nobody's own; decisions: what a person decided, by student. The effort goes with the size of the groups.
    """
    students = sorted(results)
    evidence = [_evidence(results[student], known) for student in students]
    shared = _shared(evidence)
    old = [student in earlier for student in students]
    bits = _pairs(shared, evidence, old)
    least = log2(max(1, len(students) * (len(students) - 1) / 2)) + CLEAR
    alike = {pair: value for pair, value in bits.items() if value >= least} if len(students) >= FEW else {}
    groups = [_group(members, alike, students, evidence, shared, decisions or {}, old) for members in _connected(alike)]
    bars = Counter(int(value // STEP) * STEP for value in bits.values())
    return Similarity(
        tuple(sorted(groups, key=lambda group: -group.bits)), round(least, 1), tuple(sorted(bars.items()))
    )


def _evidence(result: Result, known: Collection[str]) -> dict[Slot, str]:
    """What a submission may share with others, by kind and exercise."""
    kinds = {"function": result.traces.functions, "comments": result.traces.comments, "outputs": result.traces.outputs}
    evidence = {(kind, name): value for kind, of in kinds.items() for name, value in of.items() if value not in known}
    for check in result.checks:
        values = [f"{part.name} {part.value}" for part in check.parts if part.value and not part.mistake]
        evidence |= {("wrong values", check.name): "; ".join(values)} if values else {}
    whole = {("file", ""): result.made_by.submission} if any(kind == "function" for kind, _ in evidence) else {}
    return evidence | whole


def _shared(evidence: Sequence[Mapping[Slot, str]]) -> dict[Slot, dict[str, tuple[float, list[int]]]]:
    """By slot and value: its bits, and who has it; what only one has, or a crowd, is left out."""
    owners: dict[Slot, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, of in enumerate(evidence):
        for slot, value in of.items():
            owners[slot][value].append(number)
    most, shared = max(SMALL, len(evidence) // CROWD), {}
    for slot, values in owners.items():
        everybody = sum(map(len, values.values()))
        shared[slot] = {
            value: (log2(everybody / len(have)), have) for value, have in values.items() if 1 < len(have) <= most
        }
    return shared


def _pairs(
    shared: Mapping[Slot, Mapping[str, tuple[float, list[int]]]],
    evidence: Sequence[Mapping[Slot, str]],
    old: Sequence[bool],
) -> dict[tuple[int, int], float]:
    """The bits that each pair shares; of what goes together, as a function and its wrong values, the most.

    Equal outputs count once, and only below functions that differ: the same code shows the same.
    """
    total: dict[tuple[int, int], float] = defaultdict(float)
    topics: dict[Slot, list[Slot]] = defaultdict(list)
    for slot in shared:
        kind, name = slot
        topic = (kind, "") if kind == "outputs" else (kind, name) if kind in ("comments", "file") else ("", name)
        topics[topic].append(slot)
    for slots in topics.values():
        most: dict[tuple[int, int], float] = {}
        for slot in slots:
            for bits, have in shared[slot].values():
                for pair in combinations(have, 2):
                    if (old[pair[0]] and old[pair[1]]) or most.get(pair, 0.0) >= bits:
                        continue
                    first, second = (evidence[number].get(("function", slot[1])) for number in pair)
                    if slot[0] != "outputs" or first != second:
                        most[pair] = bits
        for pair, bits in most.items():
            total[pair] += bits
    return total


def _connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the groups that pairs link together, each sorted."""
    groups: dict[int, list[int]] = {}
    for one, other in pairs:
        first, second = groups.setdefault(one, [one]), groups.setdefault(other, [other])
        if first is not second:
            first += second
            groups |= dict.fromkeys(second, first)
    return [sorted(group) for group in {id(group): group for group in groups.values()}.values()]


def _group(
    members: Sequence[int],
    alike: Mapping[tuple[int, int], float],
    students: Sequence[str],
    evidence: Sequence[Mapping[Slot, str]],
    shared: Mapping[Slot, Mapping[str, tuple[float, list[int]]]],
    decisions: Mapping[str, str],
    old: Sequence[bool],
) -> SimilarWork:
    pair = max((pair for pair in combinations(members, 2) if pair in alike), key=alike.__getitem__)
    first, second = (evidence[number] for number in pair)
    both = [
        slot for slot, value in first.items() if second.get(slot) == value and value in shared[slot]
    ]  # in the order of the homework
    decided = {students[number]: decisions[students[number]] for number in members if students[number] in decisions}
    return SimilarWork(
        students=tuple(students[number] for number in members),
        bits=round(alike[pair], 1),
        functions=tuple(one_line(name, 80) for kind, name in both if kind == "function"),
        closest=(students[pair[0]], students[pair[1]]),
        also=tuple(one_line(f"{kind} {name}", 100).strip() for kind, name in both if kind != "function"),
        decisions=decided,
        decided=all(students[number] in decided for number in members if not old[number]),
    )


def similarity_page(
    found: Similarity, title: str, people: Mapping[str, object], codes: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the page for the TA as one HTML text.

    people: the rows of the class page by student, for names and what stands in their place; codes: sources by student
    and exercise.
    """
    return rendered(
        "similarity.html",
        "report.css",
        title=title,
        all=found,
        step=STEP,
        people=people,
        groups=[(group, _sheets(group, codes)) for group in found.groups[:SHOWN]],
    )


def _sheets(
    group: SimilarWork, codes: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, list[tuple[str, list[tuple[bool, str]]]]]]:
    """By exercise: the sources of the two who share most, each line with whether the other says the same."""
    sheets = []
    for name in dict.fromkeys([*group.functions, *(words.rpartition(" ")[2] for words in group.also)]):
        first, second = (codes.get(student, {}).get(name, "") for student in group.closest)
        if first and second:
            columns = [
                (student, [(number in same, line) for number, line in enumerate(own.split("\n"), 1)])
                for student, own, other in zip(group.closest, (first, second), (second, first), strict=True)
                for same in [common_lines(own, other)]
            ]
            sheets.append((name, columns))
    return sheets

"""Whose work is more alike than chance makes it: evidence for a person, shown side by side; nothing costs by itself.

What two students share is weighed by how rare it is in their class, in bits: -log2 of the share of those who tried the
exercise. What the homework itself knows (solutions, stubs, named mistakes) is common by definition and weighs nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2

from assignment.grading.result import Result
from assignment.report.student_page import rendered
from assignment.submission.likeness import common_lines
from assignment.text import one_line

FEW = 8  # students in whose class nothing is rare
SURE = 10.0  # bits above what the likest pair of a class shares by chance, for tastes go together
CROWD = 16  # one part in so many of a class; what more share says nothing
SMALL = 12  # students who are no crowd in any class
STEP = 4  # bits a bar of the distribution
SHOWN = 60  # groups on the page


@dataclass(frozen=True)
class SimilarWork:
    """Students who share more than chance gives: a pair, or a group in which each shares that much with another."""

    students: tuple[str, ...]
    bits: float
    """Of the two who share most."""
    functions: tuple[str, ...]
    """The exercises that these two solved in the same way, rare in this class."""
    closest: tuple[str, str]
    also: tuple[str, ...]
    """What else they share: comments, wrong values, kept outputs, the file, each with its exercise."""
    decisions: Mapping[str, str]
    """What a person decided on a student's part in it."""
    decided: bool
    """Whether it was decided on for everybody of this class."""


@dataclass(frozen=True)
class Similarity:
    """The groups above the gap, those that share most first, and how many pairs share how much."""

    groups: tuple[SimilarWork, ...] = ()
    least: float = 0.0
    """Bits above which a pair is shown."""
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
    least = log2(max(1, len(students) * (len(students) - 1) / 2)) + SURE
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
        tried = sum(map(len, values.values()))
        shared[slot] = {
            value: (log2(tried / len(have)), have) for value, have in values.items() if 1 < len(have) <= most
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

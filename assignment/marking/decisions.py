"""A person's decisions: breaches waived or confirmed, points awarded; in a file that people can read, edit and commit.

A breach that makes the mark 0 is sent to nobody before somebody has confirmed or waived it.
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from assignment.course import CONFIG, Course, new_file
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.homework import load_master
from assignment.marking import earlier
from assignment.rules import RULES, Finding, Policy
from assignment.text import counted, one_line

FILE = "waivers.toml"
HEAD = """\
# Decisions written by `assignment waive`, `assignment confirm` and `assignment award`; to be read, edited by hand and
# committed. Of several on the same student, assignment and rule (or exercise) the last counts.
"""
KINDS = ("waived", "confirmed", "awarded", "withdrawn")
SIMILARITY = "similarity"  # decided on like a rule; it costs nothing
DECIDED = (*RULES, SIMILARITY)


@dataclass(frozen=True)
class Decision:
    """One decision on a breach of a rule, or on points for an exercise."""

    student: str
    assignment: str
    rule: str  # "" where it is on an exercise
    decision: str  # one of KINDS
    why: str
    who: str
    when: str = ""  # it was written, which the file says
    seen: str = ""  # fingerprint of the evidence that a confirmation saw
    submission: str = ""  # beginning of the hash of the hand-in that a waiver was given on; "": of any
    course: str = ""
    """The course_id of nbgrader_config.py, "" where none is set: one of another course or term does not count."""
    exercise: str = ""
    points: float = 0.0  # awarded beside what the examination gives

    def on(self, submission: str) -> bool:
        """Whether it was given on this hand-in (hash; "": not known)."""
        return not submission or not self.submission or submission.startswith(self.submission)


@dataclass(frozen=True)
class Decisions:
    """All decisions of a course, in the order in which they were made."""

    entries: tuple[Decision, ...] = ()
    course: str = ""  # the course_id of the course that they are read for

    def waived(self, student: str, assignment: str, submission: str = "") -> dict[str, str]:
        """Return the rules whose breach is forgiven to a student, each with the reason.

        submission: hash of the hand-in in question ("": not known); a waiver given on another one does not count.
        """
        return {rule: waiver.why for rule, waiver in self.waivers(student, assignment).items() if waiver.on(submission)}

    def waivers(self, student: str, assignment: str) -> dict[str, Decision]:
        """Return a student's waivers by rule, whatever hand-in they were given on."""
        last = self._last(student, assignment).values()
        return {
            decision.rule: decision for decision in last if decision.decision == "waived" and decision.rule in RULES
        }

    def on_similarity(self, student: str, assignment: str, submission: str) -> str:
        """Return what was decided on how alike a student's hand-in is to others', "" if nothing was."""
        last = self._last(student, assignment).get((SIMILARITY, ""))
        return f"{last.decision}: {last.why}" if last and last.on(submission) and last.decision != "withdrawn" else ""

    def awards(self, student: str, assignment: str, submission: str = "") -> dict[str, Decision]:
        """Return what was awarded to a student, by exercise; submission: as for `waived`."""
        last = self._last(student, assignment).values()
        return {award.exercise: award for award in last if award.decision == "awarded" and award.on(submission)}

    def undone(self, student: str, assignment: str, submission: str) -> dict[str, Decision]:
        """Return what was taken back of a student's decisions on a hand-in (hash), by exercise or rule."""
        last = self._last(student, assignment).values()
        return {d.exercise or d.rule: d for d in last if d.decision == "withdrawn" and d.on(submission)}

    def confirmed(self, student: str, assignment: str, findings: Iterable[Finding]) -> set[str]:
        """Return the rules whose breach was confirmed on the evidence that the findings show today."""
        seen = fingerprints(findings)
        last = self._last(student, assignment).values()
        return {d.rule for d in last if d.decision == "confirmed" and d.seen == seen.get(d.rule)}

    def on_other(self, student: str, assignment: str, submission: str) -> list[Decision]:
        """Return a student's waivers and awards that were given on another hand-in than this one (hash)."""
        last = self._last(student, assignment).values()
        given = [d for d in last if d.decision in ("waived", "awarded") and d.rule != SIMILARITY]
        return [decision for decision in given if not decision.on(submission)]

    def history(self, student: str, assignment: str, rule: str = "", exercise: str = "") -> list[Decision]:
        """Return all that was decided for a student on a rule or an exercise, in the order in which it was."""
        mine = [entry for entry in self.of(assignment).values() if entry.student == student]
        return [entry for entry in mine if (entry.rule, entry.exercise) == (rule, exercise)]

    def _last(self, student: str, assignment: str) -> dict[tuple[str, str], Decision]:
        mine = (entry for entry in self.of(assignment).values() if entry.student == student)
        return {(entry.rule, entry.exercise): entry for entry in mine}

    def of(self, assignment: str) -> dict[int, Decision]:
        """Return this course's decisions of an assignment by their number in the file, from 1."""
        numbered = enumerate(self.entries, 1)
        own = ("", self.course)
        return {number: entry for number, entry in numbered if entry.assignment == assignment and entry.course in own}


def load(course: Course) -> Decisions:
    """Read the course's decisions; AssignmentError names what is wrong in the file."""
    path = course.root / FILE
    if not path.exists():
        return Decisions()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, numbers or brackets beyond all measure
        raise AssignmentError(f"{FILE}: {one_line(error, 200)}; put it right by hand") from None
    entries = tables.get("decision", [])
    if not isinstance(entries, list) or tables.keys() - {"decision"}:
        raise AssignmentError(f"{FILE}: decisions are written as [[decision]]; put it right by hand")
    return Decisions(tuple(_decision(entry, number) for number, entry in enumerate(entries, 1)), _course_id(course))


def _course_id(course: Course) -> str:
    return str(course.config().CourseDirectory.get("course_id", "")) if (course.root / CONFIG).is_file() else ""


def decide_on(course: Course, decision: Decision) -> Decision:
    """Record what a person gives for a hand-in (hash; "": any); AssignmentError without a reason.

    A breach is waived, points are awarded for an exercise, or how alike the work is to others' is waived (nothing is
    wrong with it) or confirmed (it was shared), which costs nothing.
    """
    if not decision.why.strip():
        raise AssignmentError(f'{decision.student}: that needs a reason; give it with --why "…"')
    return _add(course, decision)


def again(course: Course, decision: Decision, who: str, submission: str) -> Decision:
    """Decide the same once more, for another hand-in (hash)."""
    return _add(course, replace(decision, who=who, submission=submission))


def withdraw(course: Course, decision: Decision, who: str) -> Decision:
    """Take a decision back."""
    return _add(course, replace(decision, decision="withdrawn", who=who, points=0.0))


def undo(course: Course, name: str, student: str, kind: str, who: str, rule: str = "", exercise: str = "") -> Decision:
    """Take back what was decided last for a student on a rule or an exercise.

    kind: waived, confirmed or awarded. AssignmentError if that is not what was decided last.
    """
    history = load(course).history(student, name, rule, exercise)
    if not history or history[-1].decision != kind:
        raise AssignmentError(f"{student}: nothing to undo: {rule or exercise} of {name} is not {kind}")
    return withdraw(course, history[-1], who)


def confirm(
    course: Course, student: str, assignment: str, rule: str, findings: Iterable[Finding], who: str, why: str = ""
) -> Decision:
    """Confirm that a student broke a rule; it holds for this evidence only. AssignmentError if there is no breach."""
    seen = fingerprints(findings).get(rule)
    if seen is None:
        raise AssignmentError(f"{student}: no breach of rule {rule!r} was found in {assignment}; nothing to confirm")
    return _add(course, Decision(student, assignment, rule, "confirmed", why, who, seen=seen))


def fingerprints(findings: Iterable[Finding]) -> dict[str, str]:
    """Return a fingerprint of the evidence for each rule that is broken."""
    evidence: dict[str, list[list[str]]] = {}
    for finding in findings:
        if finding.breach:
            evidence.setdefault(finding.rule, []).append([finding.cell, finding.evidence])
    return {rule: hashlib.sha256(json.dumps(sorted(of)).encode()).hexdigest()[:16] for rule, of in evidence.items()}


def _add(course: Course, decision: Decision) -> Decision:
    """Append a decision to the file, which keeps what people wrote into it."""
    if decision.rule not in DECIDED and not decision.exercise:
        raise AssignmentError(f"--rule {decision.rule}: no such rule; there are {', '.join(DECIDED)}")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    decision = replace(decision, course=_course_id(course), when=now, submission=decision.submission[:16])
    kept = {key: value for key, value in asdict(decision).items() if value}
    lines = "".join(f"{key} = {_quoted(v) if isinstance(v, str) else v}\n" for key, v in kept.items())
    path = course.root / FILE
    with new_file(path) as part:  # somebody else may decide at the same time
        load(course)  # refuses to add to a file that cannot be read
        text = path.read_text(encoding="utf-8") if path.exists() else HEAD
        part.write_text(f"{text.rstrip()}\n\n[[decision]]\n{lines}", encoding="utf-8")
    return decision


def _decision(entry: Any, number: int) -> Decision:
    """Return one entry of the file."""
    known = {field.name for field in fields(Decision)}
    awarded = isinstance(entry, dict) and "exercise" in entry
    needed = {"student", "assignment", "decision", "exercise" if awarded else "rule"}
    if not isinstance(entry, dict) or not needed <= set(entry) <= known or (awarded and "rule" in entry):
        raise AssignmentError(f"{FILE}: decision {number} must have {', '.join(sorted(needed))}, and nothing unknown")
    more = entry.get("points", 0.0)
    if isinstance(more, bool) or not isinstance(more, int | float) or not 0 <= more < math.inf:
        raise AssignmentError(f"{FILE}: decision {number}: points must be a number, not {one_line(more, 40)!r}")
    values = {name: str(entry.get(name, "")) for name in known - {"points"}}
    if values["decision"] not in KINDS:
        raise AssignmentError(f"{FILE}: decision {number}: {values['decision']!r} must be one of {', '.join(KINDS)}")
    if not awarded and values["rule"] not in DECIDED:
        raise AssignmentError(f"{FILE}: decision {number}: no rule {values['rule']!r}; there are {', '.join(DECIDED)}")
    return Decision(**values, points=float(more))


def _quoted(value: str) -> str:
    """Return a TOML string in one line; what cannot be printed becomes a space."""
    printable = "".join(character if character.isprintable() else " " for character in value)
    return json.dumps(" ".join(printable.split()), ensure_ascii=False)


def unseen(course: Course, name: str, only: str = "") -> dict[str, list[str]]:
    """Return the zeros (of one student only) that nobody has confirmed on the evidence there is today."""
    decisions, policy, found = load(course), Policy.from_config(course.config()), {}
    for student, result in [(only, examined(course, name, only))] if only else results_of(course, name):
        zeroes = policy.zeroes(result.rules, decisions.waived(student, name, result.made_by.submission))
        seen = decisions.confirmed(student, name, result.rules)
        if rules := [rule for rule in zeroes if rule not in seen]:
            found[student] = rules
    return found


def refuse_outdated(course: Course, name: str) -> None:
    """Raise AssignmentError while marks stand that another master gave: its points or tests may have been others."""
    from assignment.grading.reference import Homework  # takes a while to import

    now = Homework(load_master(course.source(name)), course.mistakes_text(name)).digest
    older = [student for student, result in results_of(course, name) if result.made_by.master not in ("", now)]
    if older:
        raise AssignmentError(
            f"{counted(len(older), 'mark')} given by an older {course.shown(course.source(name))}, which has changed "
            "since; run: assignment grade",
            "\n".join(f"  {student}" for student in older[:20]) + ("\n  …" if len(older) > 20 else ""),
        )


def refuse_unseen(course: Course, name: str) -> None:
    """Raise AssignmentError, with a list, while a zero has been neither confirmed nor waived: none is sent unseen."""
    waiting = unseen(course, name)
    if waiting:
        lines = [f"  {student}: {', '.join(rules)}" for student, rules in waiting.items()]
        raise AssignmentError(
            f"{counted(len(waiting), 'mark')} would be 0 for a broken rule, and nobody has looked; see the evidence "
            "with `assignment rules`, then confirm or waive each",
            "\n".join(lines),
        )


def examined(course: Course, name: str, student: str) -> Result:
    """Return what was found in a student's submission. AssignmentError if it is not graded."""
    if student not in course.students(name):
        raise AssignmentError(
            f"{student}: handed in nothing; students are named by Canvas's user id, as in submitted/, or by name"
        )
    result = earlier(course, name, student)
    if result is None:
        raise AssignmentError(f"{student}: not graded yet; run: assignment grade {student}")
    return result


def confirm_zero(course: Course, name: str, student: str, who: str, why: str = "") -> tuple[list[str], list[str]]:
    """Confirm a student's zero for every rule that it stands on -> (rules confirmed now, rules confirmed before)."""
    found = examined(course, name, student).rules
    rules = unseen(course, name, student).get(student, [])
    before = load(course).confirmed(student, name, found)
    for rule in rules:
        confirm(course, student, name, rule, found, who, why)
    return rules, sorted(before)


def take_back_confirmations(course: Course, name: str, student: str, who: str) -> list[str]:
    """Take back a student's confirmed zeros -> the rules; AssignmentError if there is none."""
    rules = sorted(load(course).confirmed(student, name, examined(course, name, student).rules))
    if not rules:
        raise AssignmentError(f"{student}: no zero was confirmed; nothing to undo")
    for rule in rules:
        undo(course, name, student, "confirmed", who, rule)
    return rules


def results_of(course: Course, name: str) -> Iterator[tuple[str, Result]]:
    """Yield everybody whose submission was examined, with the result."""
    for student in course.students(name):
        result = earlier(course, name, student)
        if result is not None:
            yield student, result

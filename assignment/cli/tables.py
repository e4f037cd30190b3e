"""Tables for people, 80 columns wide, and the same as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assignment.cli.terminal import out, print_json
from assignment.course import Course
from assignment.text import block, counted, one_line, points

DID = 17  # columns of what became of an entry, and of the name of what the doctor saw

if TYPE_CHECKING:  # of these only the shapes are needed: whatever is imported here keeps every command waiting
    from assignment.grading.result import CheckResult, Part, Result
    from assignment.marking.breakdown import LeftOut
    from assignment.marking.decisions import Decisions
    from assignment.marking.ledger import MarkChange
    from assignment.report.class_page import OpenCase
    from assignment.rules import Finding
    from assignment.workflow.collect import Collected
    from assignment.workflow.doctor import Probe
    from assignment.workflow.grade import Comparison, Graded
    from assignment.workflow.proving import Proof
    from assignment.workflow.returning import ExportedFeedback, ExportedGrades, Pushed


def show_collected(collected: Collected, as_json: bool) -> None:
    """What became of every entry of an archive, and who handed in nothing."""
    if as_json:
        print_json(asdict(collected))
        return
    for item in collected.items:
        did = "collected, late" if item.did == "late" else item.did
        entry = wrapped(one_line(item.entry, 120), out.width, DID)
        out.print(Text(f"{did:<{DID}}{entry[DID:]}"), soft_wrap=True)
        if item.why:
            print_below(one_line(item.why), DID + 2)
    counts = dict(collected.counts)
    late = counts.pop("late", 0)
    taken = f"{counts.pop('collected', 0) + late} collected" + (f", {late} of them late" if late else "")
    out.print("\n" + "; ".join([taken, *(f"{count} {did}" for did, count in counts.items())]))
    if collected.nothing:
        names = "; ".join(f"{one_line(student.name, 60)} ({student.user})" for student in collected.nothing)
        out.print(f"handed in nothing: {escape(names)}")
    if collected.write_to:
        out.print("write to:")
    for ask in collected.write_to:
        print_below(f"{one_line(ask.name, 60)} ({ask.user}): {one_line(ask.why, 200)}", 2)


def show_proof(proof: Proof, as_json: bool) -> None:
    """What was tried, and what an author may want to look at."""
    if as_json:
        print_json(asdict(proof))
        return
    tried = ", ".join(counted(count, kind) for kind, count in proof.tried.items())
    out.print(f"the solutions get every point, the untouched release none; tried: {tried or 'nothing else'}")
    for what, names in (
        ("lose nothing, or change nothing", proof.survivors),
        ("mistakes that are not named by themselves", proof.unnamed),
        ("hidden blocks in which nothing failed that passes what students see", proof.unneeded),
    ):
        out.print(f"\n{what}: {len(names)}")
        for name in names:
            print_below(one_line(name, 200), 2)
    table = Table("check", "part", "right: at most", "wrong: at least", title="errors by threshold", box=None)
    for margin in proof.margins:
        sides = ("" if side is None else f"{side:.2g}" for side in (margin.right, margin.wrong))
        table.add_row(escape(margin.check), escape(margin.part), *sides)
    out.print()
    out.print(table)


def show_graded(course: Course, name: str, graded: Graded, as_json: bool) -> None:
    """The class: a line a student, then what changed, what needs a look, and the mistakes most made."""
    from assignment.marking.decisions import load
    from assignment.report.patterns import alarms
    from assignment.submission.attachments import record_of

    names = student_names(course)
    if as_json:
        for grade in graded.grades:
            row = {"student": grade.student, "name": names.get(grade.student, ""), **grade.result.as_dict()}
            row |= {"net": grade.net, "before": grade.before, "regraded": grade.regraded}  # net: the gradebook's
            print_json(row)
        return
    decisions = load(course)
    table = Table("student", "name", box=None, pad_edge=False)
    for title in ("score", "net"):
        table.add_column(title, justify="right")
    table.add_column("remarks")
    for grade in graded.grades:
        result = grade.result
        record = record_of(course, grade.student, name)
        late = ["late"] if record and record.late else []
        waived = decisions.waived(grade.student, name, result.made_by.submission)
        table.add_row(
            grade.student,
            _text(names.get(grade.student, ""), 18),
            points(result.score),
            _mark(grade.net),
            _text("; ".join(late + remarks(result, waived)), 160),
        )
    out.print(table)
    regraded = sum(grade.regraded for grade in graded.grades)
    out.print(
        f"\n{counted(len(graded.grades), 'submission')}, {regraded} graded now in {graded.seconds:.1f} s, "
        f"{len(graded.grades) - regraded} unchanged since the last run"
    )
    for student, count in graded.best.items():
        record = record_of(course, student, name)
        out.print(f"best of {count} hand-ins: {student}, attachment {record.attachment if record else '?'}")
    for grade in graded.changed:
        out.print(f"mark changed: {grade.student} {_mark(grade.before)} -> {_mark(grade.net)}")
    named = (
        {(check.name, part.mistake) for check in grade.result.checks for part in check.parts} for grade in graded.grades
    )
    if common := Counter(pair for pairs in named for pair in pairs if pair[1]).most_common(8):
        out.print("\nmistakes most made")
        for (exercise, mistake), count in common:
            out.print(f"{count:4d}  {exercise}: {mistake}")
    if odd := alarms(grade.result for grade in graded.grades):
        out.print("\nchecks to look at before marks go out: perhaps the check is wrong, not the class")
        for alarm in odd:
            out.print(f"{alarm.exercise}, {alarm.part}: {alarm.why}", markup=False)


def show_compared(course: Course, compared: Comparison, as_json: bool) -> None:
    """The parts that would get other points, and whose mark would be another."""
    if as_json:
        for change in compared.changes:
            print_json(asdict(change))
        return
    parts: dict[tuple[str, str], list[float]] = {}
    for change in compared.changes:
        parts.setdefault((change.exercise, change.part), []).append(change.after - change.before)
    for (exercise, part), moved in parts.items():
        up, down = sum(by > 0 for by in moved), sum(by < 0 for by in moved)
        out.print(f"{exercise}, {part}: {up} up, {down} down, {sum(moved):+g} points", markup=False)
    for cell, diff in compared.diffs.items():
        print_below(f"{cell} has changed:\n{diff}", 2)
    names = student_names(course)
    moves = [(f"verdict: {student}", student, *verdicts) for student, verdicts in compared.verdicts.items()]
    moves += [(student, student, points(was), points(now)) for student, (was, now) in compared.nets.items()]
    for what, student, was, now in moves:
        out.print(f"{what} {one_line(names.get(student, ''), 60)} {was} -> {now}", markup=False)
    up, changed = sum(marks[1] > marks[0] for marks in compared.nets.values()), counted(len(compared.nets), "mark")
    ways = f"students: {up} up, {len(compared.nets) - up} down\n" if compared.nets else ""
    out.print(f"{ways}{changed} changed of {counted(compared.students, 'submission')}; nothing was written")


def show_probes(probes: Sequence[Probe], as_json: bool) -> None:
    """What the doctor saw, a line each; what is not well with its remedy below."""
    for probe in probes:
        if as_json:
            print_json({**asdict(probe), "state": probe.state})
            continue
        state = "" if probe.state == "ok" else f"{probe.state}: "
        seen = wrapped(f"{state}{one_line(probe.seen)}", out.width, DID)
        out.print(Text(f"{probe.name:<{DID}}{seen[DID:]}"), soft_wrap=True)
        if probe.remedy:
            print_below(f"remedy: {one_line(probe.remedy, 500)}", DID + 2)


def show_rules(
    name: str,
    findings: Mapping[str, Sequence[Finding]],
    decisions: Decisions,
    names: Mapping[str, str],
    notes: bool,
    as_json: bool = False,
) -> None:
    """What was found about the rules, breaches first, the evidence line by line, and what was decided."""
    for student, found in findings.items() if as_json else ():
        about = {
            "student": student,
            "rules": [asdict(finding) for finding in found],
            "waived": decisions.waived(student, name),
            "confirmed": sorted(decisions.confirmed(student, name, found)),
        }
        print_json(about)
    if as_json:
        return
    listed = [(student, finding) for student, found in findings.items() for finding in found]
    breaches = [pair for pair in listed if pair[1].breach]
    others = [pair for pair in listed if not pair[1].breach]
    for student, finding in [*breaches, *(others if notes else ())]:
        rule, found, decided = finding.rule, findings[student], ""
        if finding.breach and rule in (waived := decisions.waived(student, name)):
            decided = f", waived: {waived[rule]}"
        elif finding.breach and rule in decisions.confirmed(student, name, found):
            decided = ", confirmed"
        kind = "[red]breach[/]" if finding.breach else "note"
        who = _safe(f"{student} {names.get(student, '')}".rstrip(), 60)
        out.print(f"{who}: {kind} of rule '{rule}' in {_safe(finding.cell)}{escape(decided)}", soft_wrap=False)
        print_below(finding.evidence, 4)
    if not listed:
        out.print("nothing was found")
    elif others and not notes:
        out.print(f"{'' if breaches else 'no rule is broken; '}{counted(len(others), 'note')}, shown with --notes")


def show_waiting(waiting: Sequence[tuple[str, OpenCase]]) -> None:
    """A line for each that waits, and below it what to type; with each the student's name."""
    for name, case in waiting:
        print_below(f"{case.student}  {one_line(name, 40)}".rstrip() + f": {one_line(case.what, 200)}", 0)
        print_below(case.command, 4)
    out.print(f"{len(waiting)} in all" if waiting else "nothing waits")


def show_history(student: str, changes: Sequence[MarkChange], as_json: bool) -> None:
    """A line a change of the mark, and below it why."""
    for change in changes:
        if as_json:
            print_json({"student": student, **asdict(change)})
            continue
        at = f"{datetime.fromisoformat(change.at).astimezone():%Y-%m-%d %H:%M:%S}"
        who = f" ({one_line(change.who, 40)})" if change.who else ""
        out.print(f"{at}  {_mark(change.old)} -> {_mark(change.new)}  {change.cause}{who}", markup=False)
        if change.why:
            print_below(one_line(change.why), 21)
    if not changes and not as_json:
        out.print(f"{student}: no mark so far")


def remarks(result: Result, waived: Collection[str]) -> list[str]:
    """What a TA should know of a result at a glance; waived: rules whose breach is forgiven."""
    said = [] if result.verdict == "graded" else [f"{result.verdict}: {result.reason}"]
    said += [f"{check.name}: {check.ended}" for check in result.checks if check.ended]
    said += [f"{check.name}: not examined by itself" for check in result.checks if check.alone and not check.full]
    breaches = Counter(finding.rule for finding in result.rules if finding.breach)
    said += [f"breach of rule '{rule}'{', waived' if rule in waived else ''}" for rule in breaches]
    lost = [check.name for check in result.checks if not check.full and not check.ended]
    if lost and result.verdict == "graded":
        where = "everything" if len(lost) == len(result.checks) else counted(len(lost), "exercise")
        said.append(f"lost points in {lost[0] if len(lost) == 1 and not said else where}")
    return [*said, "repaired"] if result.repairs else said


def student_names(course: Course) -> dict[str, str]:
    """Names by student id, from nbgrader's student records."""
    from assignment.marking.breakdown import shown_names

    with course.gradebook() as gradebook:
        return shown_names(gradebook)


def _mark(net: float | None) -> str:
    return "none" if net is None else points(net)


def _text(words: object, limit: int) -> Text:
    """A stranger's words as text: no markup, no control characters."""
    return Text(one_line(words, limit))


INDENT = 8  # of what is said about a part, below its line


def show_checked(file: Path, result: Result) -> None:
    """A line an exercise and a line a part; below a part that failed, why; then the rules and what was repaired."""
    name = f"[bold]{_safe(str(file), 400)}[/]"
    if not result.marked:
        out.print(f"{name}: {result.verdict}, no mark: {_safe(result.reason)}", soft_wrap=True)
        return
    mark = f"{points(result.score)} of {counted(result.max, 'point')}"
    mark += f", net {points(result.net)}" if result.net != result.score else ""
    out.print(f"{name}: {result.verdict}, {mark}")
    if result.reason:
        print_below(result.reason, 2)
    for check in result.checks:
        _show_check(check)
    for finding in result.rules:
        kind = "[red]breach[/]" if finding.breach else "note"
        out.print(f"  {kind} of rule '{finding.rule}' in {_safe(finding.cell)}")
        print_below(finding.evidence)
    for repair in result.repairs:
        print_below(f"repaired: {one_line(repair, 600)}", 2)


def _show_check(check: CheckResult) -> None:
    out.print(f"  [bold]{escape(check.name):<48}[/]{points(check.score) + '/' + points(check.max):>9}")
    if check.premise:
        print_below(f"taking {', '.join(check.premise)} as right")
    if check.alone:
        print_below(f"could not be examined by itself: {check.alone}")
    if check.ended:
        print_below(f"{check.ended}: {check.reason}")
    for part, after in zip_longest(check.parts, check.parts[1:]):
        tone, word = ("green", "ok") if part.passed else ("red", "no")
        error = "" if part.error is None else f"{part.error:.1e}"
        below = "" if part.below is None else f"below {part.below:.0e}"
        got = f"{points(part.score)}/{points(part.max)}"
        out.print(f"    [{tone}]{word:<4}[/]{escape(part.name):<18}{error:>9}  {below:<13}{got:>9}")
        if after is None or _words(after) != _words(part):
            for said in _words(part):
                print_below(said)
    for advice in check.advice:
        print_below(f"advice: {advice}")


def _words(part: Part) -> list[str]:
    """What is said of a part; parts side by side that failed in the same words are told once."""
    return [] if part.passed else [said for said in (part.message, part.hint) if said]


def print_below(words: object, indent: int = INDENT) -> None:
    """Print a stranger's words below a line: no mark-up, no terminal codes, wrapped and indented."""
    out.print(Text(wrapped(block(words), out.width, indent)), soft_wrap=True)


def _safe(words: object, limit: int = 300) -> str:
    return escape(one_line(words, limit))


def show_exported(course: Course, grades: ExportedGrades, feedback: ExportedFeedback, as_json: bool = False) -> None:
    """What was written for Canvas, what it changes there, and who is left out."""
    if as_json:
        left_out = sorted({*grades.left_out, *feedback.left_out}, key=lambda one: one.student)
        about = {
            "grades": course.shown(grades.path),
            "feedback": course.shown(feedback.path),
            "column": grades.column.title,
            "scaled": grades.scaled,
            "sent": [asdict(grade) | {"changed": grade.changed} for grade in grades.grades],
            "left_out": [asdict(one) for one in left_out],
        }
        print_json(about)
        return
    title = escape(one_line(grades.column.title))
    out.print(f"{course.shown(grades.path)}: {counted(len(grades.grades), 'mark')} for the column '{title}'")
    if grades.scaled:
        ours, theirs = grades.scaled
        out.print(f"  scaled from {points(ours)} to Canvas's {points(theirs)} points")
    for grade in grades.grades:
        if grade.changed:
            out.print(f"  {grade.student}: {escape(one_line(grade.before))} in Canvas becomes {points(grade.points)}")
    for left in grades.left_out:
        print_below(f"no mark: {_left(left)}", 2)
    out.print(f"{course.shown(feedback.path)}: {counted(len(feedback.files), 'annotated notebook')}")
    for left in feedback.left_out:
        print_below(f"no feedback: {_left(left)}", 2)


def show_pushed(pushed: Pushed, yes: bool, as_json: bool = False) -> None:
    """What was sent, or would be."""
    left_out = (*pushed.failed, *pushed.left_out)
    if as_json:
        about = {
            "planned": [
                {"student": one.sending.user, "mark": one.sending.grade, "state": one.state, "note": one.note}
                for one in pushed.planned
            ],
            "sent": list(pushed.arrived),
            "failed": [asdict(one) for one in pushed.failed],
            "left_out": [asdict(one) for one in pushed.left_out],
            "policies": list(pushed.policies),
        }
        print_json(about)
        return
    for line in pushed.policies:
        print_below(line, 0)
    table = Table("student", "name", "mark", "state", "note", box=None, pad_edge=False)
    for one in pushed.planned:
        sending = one.sending
        table.add_row(
            sending.user, Text(one_line(sending.name, 24)), sending.grade, one.state, Text(one_line(one.note, 160))
        )
    out.print(table)
    for left in left_out:
        print_below(f"left out: {_left(left)}", 0)
    if yes:
        out.print(f"{len(pushed.arrived)} sent, {len(pushed.failed)} failed")
    else:
        due = sum(one.state != "sent" for one in pushed.planned)
        out.print(f"nothing was sent; {due} to send with --yes")


def _left(one: LeftOut) -> str:
    who = f"{one.student} {one_line(one.name)}".rstrip()  # who stands on no roster has no name
    return f"{who}: {one_line(one.why)}"


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """Return text in lines of at most width columns, each behind indent spaces; line ends in the text stay."""
    rows = (row.plain.rstrip() for row in Text(text).wrap(out, max(width - indent, 10)))
    return "\n".join(" " * indent + row if row else "" for row in rows)

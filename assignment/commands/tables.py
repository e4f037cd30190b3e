"""Tables for people, 80 columns wide, and the same as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assignment.commands.check_table import print_below
from assignment.commands.columns import wrapped
from assignment.course import Course
from assignment.marking.marks import shown_name
from assignment.marking.waivers import Decisions, load
from assignment.plain import counted, one_line, points
from assignment.submission.handed_in import record_of

DID = 17  # columns of what became of an entry

if TYPE_CHECKING:  # of these only the shapes are needed
    from assignment.collect import Collected
    from assignment.grade import Graded


def show_collected(console: Console, collected: Collected, as_json: bool) -> None:
    """What became of every entry of an archive, and who handed in nothing."""
    if as_json:
        about = {
            "items": [vars(item) for item in collected.items],
            "nothing": [vars(student) for student in collected.nothing],
            "useless": [vars(student) for student in collected.useless],
            "kept": str(collected.kept),
        }
        print(json.dumps(about, ensure_ascii=False))
        return
    for item in collected.items:
        did = "collected, late" if item.did == "late" else item.did
        entry = wrapped(one_line(item.entry, 120), console.width, DID)
        console.print(Text(f"{did:<{DID}}{entry[DID:]}"), soft_wrap=True)
        if item.why:
            print_below(console, one_line(item.why), DID + 2)
    counts = ", ".join(f"{count} {did}" for did, count in collected.counts.items())
    console.print(f"\n{counts}")
    for words, students in (("handed in nothing", collected.nothing), ("handed in no notebook", collected.useless)):
        if students:
            names = "; ".join(f"{one_line(student.name, 60)} ({student.user})" for student in students)
            console.print(f"{words}: {escape(names)}")


def show_graded(console: Console, course: Course, name: str, graded: Graded, as_json: bool) -> None:
    """The class: a line a student, then what changed, what needs a look, and the mistakes most made."""
    names = student_names(course)
    if as_json:
        for grade in graded.grades:
            row = {"student": grade.student, "name": names.get(grade.student, ""), **grade.result}
            row |= {"net": grade.net, "before": grade.before, "regraded": grade.regraded}  # net: the gradebook's
            print(json.dumps(row, ensure_ascii=False))
        return
    decisions = load(course)
    table = Table("student", "name", box=None, pad_edge=False)
    for title in ("score", "net"):
        table.add_column(title, justify="right")
    table.add_column("remarks")
    for grade in graded.grades:
        result = grade.result
        late = ["late"] if (record_of(course, grade.student, name) or {}).get("late") else []
        table.add_row(
            grade.student,
            _text(names.get(grade.student, ""), 18),
            points(result["score"]),
            _mark(grade.net),
            _text("; ".join(late + remarks(result, decisions.waived(grade.student, name))), 160),
        )
    console.print(table)
    regraded = sum(grade.regraded for grade in graded.grades)
    console.print(
        f"\n{counted(len(graded.grades), 'submission')}, {regraded} graded now in {graded.seconds:.1f} s, "
        f"{len(graded.grades) - regraded} unchanged since the last run"
    )
    for grade in graded.changed:
        console.print(f"mark changed: {grade.student} {_mark(grade.before)} -> {_mark(grade.net)}")
    common = mistakes([grade.result for grade in graded.grades]).most_common(8)
    if common:
        console.print("\nmistakes most made")
        for (exercise, mistake), count in common:
            console.print(f"{count:4d}  {exercise}: {mistake}")


def show_rules(
    console: Console,
    name: str,
    findings: Mapping[str, Sequence[Mapping[str, Any]]],
    decisions: Decisions,
    as_json: bool = False,
) -> None:
    """What was found about the rules, the evidence line by line, and what was decided."""
    for student, found in findings.items():
        waived, confirmed = decisions.waived(student, name), decisions.confirmed(student, name, found)
        if as_json:
            about = {"student": student, "rules": found, "waived": waived, "confirmed": sorted(confirmed)}
            print(json.dumps(about, ensure_ascii=False))
            continue
        for finding in found:
            rule = finding["rule"]
            kind = "[red]breach[/]" if finding["breach"] else "note"
            decided = f", waived: {waived[rule]}" if rule in waived else ", confirmed" if rule in confirmed else ""
            console.print(
                f"{student}  {kind} of rule '{rule}' in {finding['cell']}{escape(decided if finding['breach'] else '')}"
            )
            print_below(console, finding["evidence"], 4)
    if not as_json and not any(findings.values()):
        console.print("nothing was found")


def remarks(result: Mapping[str, Any], waived: Collection[str]) -> list[str]:
    """What a TA should know of a result at a glance; waived: rules whose breach is forgiven."""
    said = [] if result["verdict"] == "graded" else [f"{result['verdict']}: {result['reason']}"]
    said += [f"{check['name']}: {check['ended']}" for check in result["checks"] if check["ended"]]
    breaches = Counter(finding["rule"] for finding in result["rules"] if finding["breach"])
    said += [f"breach of rule '{rule}'{', waived' if rule in waived else ''}" for rule in breaches]
    lost = [check["name"] for check in result["checks"] if check["score"] < check["max"] and not check["ended"]]
    if lost and result["verdict"] == "graded":
        where = "everything" if len(lost) == len(result["checks"]) else counted(len(lost), "exercise")
        said.append(f"lost points in {lost[0] if len(lost) == 1 and not said else where}")
    return [*said, "repaired"] if result["repairs"] else said


def mistakes(results: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many submissions made each named mistake, by exercise."""
    made: Counter[tuple[str, str]] = Counter()
    for result in results:
        made.update(
            {
                (check["name"], part["mistake"])
                for check in result["checks"]
                for part in check["parts"]
                if part["mistake"]
            }
        )
    return made


def student_names(course: Course) -> dict[str, str]:
    """Names by student id, from nbgrader's student records."""
    with course.gradebook() as gradebook:
        return {student.id: shown_name(student.last_name, student.first_name) for student in gradebook.students}


def _mark(net: float | None) -> str:
    return "none" if net is None else points(net)


def _text(words: object, limit: int) -> Text:
    """A stranger's words as text: no markup, no control characters."""
    return Text(one_line(words, limit))

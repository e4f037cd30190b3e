"""Verbs about broken rules, on which a person decides: rules, confirm, waive."""

from __future__ import annotations

from typing import Annotated

import typer

from assignment.cli.options import AsJson, CourseOption, NameOption, Students, WhoOption, chosen, decider
from assignment.cli.terminal import out
from assignment.errors import AssignmentError
from assignment.text import points


def rules(
    students: Students = None, course: CourseOption = None, name: NameOption = None, as_json: AsJson = False
) -> None:
    """Show what was found about the three rules, with the evidence, and what was decided.

    A breach makes the net mark 0 unless nbgrader_config.py says otherwise; a note costs nothing. With STUDENT (Canvas
    user ids) only these are shown.

    \b
    Examples:
      assignment rules
      assignment rules 1050 1051
    """
    from assignment.cli import tables
    from assignment.marking.decisions import examined, load

    found, which = chosen(course, name)
    everybody = students or [one for one in found.students(which) if found.autograded(one, which).exists()]
    findings = {student: examined(found, which, student).rules for student in everybody}
    tables.show_rules(out, which, findings, load(found), as_json)


def confirm(
    students: Students = None,
    every: Annotated[bool, typer.Option("--all", help="Every zero that `assignment rules` shows.")] = False,
    why: Annotated[str, typer.Option(metavar="WORDS", help="A word on it, for the file.", show_default=False)] = "",
    who: WhoOption = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Confirm that the mark of STUDENT is 0 for a broken rule.

    `export` and `push` send no zero that nobody has looked at. A confirmation holds for the evidence there is today: if
    a later grading finds something else, it is asked for again. It stands in waivers.toml; commit that file.

    \b
    Examples:
      assignment confirm 1050
      assignment confirm --all --why "talked to all of them"
    """
    from assignment.marking.decisions import confirm_zero, unseen

    found, which = chosen(course, name)
    if bool(students) == every:
        raise AssignmentError("confirm: name the students, or type --all")
    for student in students or unseen(found, which):
        now, before = confirm_zero(found, which, student, decider(who), why)
        said = f"confirmed, {', '.join(now)}" if now else f"confirmed before, {', '.join(before)}" if before else ""
        out.print(f"{student}: {said or 'no zero to confirm'}", markup=False)


def decide(
    students: Students = None,
    keep: Annotated[bool, typer.Option("--keep", help="Let it count for what is graded now.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Forget it.")] = False,
    who: WhoOption = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Show what was decided on an earlier hand-in; with STUDENT keep it for the one graded now, or drop it.

    A score or comment given in formgrader and a waiver belong to the hand-in they were given on. When something else is
    handed in they are shown here and do not count; `export` and `push` refuse until each is decided on.

    \b
    Examples:
      assignment decide
      assignment decide 1050 --keep
    """
    from assignment.marking import gradebook

    found, which = chosen(course, name)
    if bool(students) != (keep != drop):
        raise AssignmentError("decide: name the students and type --keep or --drop; without both, what waits is listed")
    for student in students or ():
        for decision in gradebook.decide(found, which, student, keep, decider(who)):
            out.print(f"{student}: {decision.what} {'kept' if keep else 'dropped'}", markup=False, soft_wrap=True)
    if not students:
        waiting = gradebook.open_decisions(found, which)
        for decision in waiting:
            out.print(
                f"{decision.student}: {decision.what}, given on {decision.given_on}", markup=False, soft_wrap=True
            )
        if not waiting:
            out.print("nothing waits")


def waive(
    student: Annotated[str, typer.Argument(metavar="STUDENT", hidden=True)],
    rule: Annotated[str, typer.Option(metavar="RULE", help="todo, imports or outputs.")],
    why: Annotated[str, typer.Option(metavar="WORDS", help="The reason; the student reads it too.")],
    who: WhoOption = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Let STUDENT off a rule: the marks earned count again, at once and after every regrade of this hand-in.

    The decision stands in waivers.toml; commit that file. To take it back, delete it there and grade again.

    \b
    Example:
      assignment waive 1051 --rule imports --why "the import was never used"
    """
    from assignment.marking.gradebook import waive_rule

    found, which = chosen(course, name)
    net = waive_rule(found, which, student, rule, why, decider(who))
    mark = "" if net is None else f", the mark is {points(net)} now"
    out.print(f"{student}: rule '{rule}' waived{mark}; see waivers.toml", markup=False)

"""Verbs for what a person decides: rules, confirm, waive, award, decide; and what came of it: history."""

from typing import Annotated

import typer

from assignment.cli import tables
from assignment.cli.terminal import AsJson, Students, Undo, WhoOption, Why, chosen, decider, people, say
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.text import counted, points


def rules(
    students: Students = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show notes too, which cost nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which rules were broken, with the evidence, and what was decided.

    A breach makes the net mark 0 unless nbgrader_config.py says otherwise. With STUDENT (ids or names) only these are
    shown, with their notes.

    \b
    Examples:
      assignment rules
      assignment rules --notes
      assignment rules 1050 1051
    """
    from assignment.marking.decisions import examined, load

    found, which = chosen()
    everybody = people(found, which, students) or [
        one for one in found.students(which) if found.autograded(one, which).exists()
    ]
    findings = {student: examined(found, which, student).rules for student in everybody}
    names = {} if as_json else tables.student_names(found)
    tables.show_rules(which, findings, load(found), names, notes or bool(students), as_json)


def confirm(
    students: Students = None,
    every: Annotated[bool, typer.Option("--all", help="Every zero that `assignment rules` shows.")] = False,
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="similarity: work was shared; costs nothing.", show_default=False)
    ] = "",
    why: Annotated[str, typer.Option(metavar="WORDS", help="A word on it, for the file.", show_default=False)] = "",
    undo: Undo = False,
    who: WhoOption = None,
) -> None:
    """Confirm that the mark of STUDENT is 0 for a broken rule, or, with --rule similarity, that work was shared.

    `export` and `push` send no zero that nobody has looked at. A confirmation holds for the evidence there is today: if
    a later grading finds something else, it is asked for again. It stands in waivers.toml; commit that file.

    \b
    Examples:
      assignment confirm 1050
      assignment confirm --all --why "talked to all of them"
      assignment confirm 1050 --undo
    """
    from assignment.marking.decisions import SIMILARITY, confirm_zero, take_back_confirmations, unseen

    found, which = chosen()
    if bool(students) == every or (undo and every):
        raise AssignmentError("confirm: name the students, or type --all")
    if rule:
        if rule != SIMILARITY or every:
            raise AssignmentError(f"confirm: --rule takes {SIMILARITY} alone, with students named; zeros need no rule")
        for student in people(found, which, students):
            _similarity(found, which, student, "confirmed", decider(who), why, undo)
        return
    for student in people(found, which, students) or unseen(found, which):
        if undo:
            rules = take_back_confirmations(found, which, student, decider(who))
            say(f"{student}: taken back, {', '.join(rules)}; the zero waits again")
            continue
        now, before = confirm_zero(found, which, student, decider(who), why)
        said = f"confirmed, {', '.join(now)}" if now else f"confirmed before, {', '.join(before)}" if before else ""
        say(f"{student}: {said or 'no zero to confirm'}")


def waive(
    student: Annotated[str, typer.Argument(metavar="STUDENT", hidden=True)],
    rule: Annotated[str, typer.Option(metavar="RULE", help="todo, imports, outputs; or similarity.")],
    why: Why = "",
    undo: Undo = False,
    who: WhoOption = None,
) -> None:
    """Let STUDENT off a rule: the marks earned count again, at once and after every regrade of this hand-in.

    The decision stands in waivers.toml; commit that file. With --rule similarity it says that nothing is wrong with how
    alike the work is to somebody else's.

    \b
    Examples:
      assignment waive 1051 --rule imports --why "the import was never used"
      assignment waive 1051 --rule imports --undo
    """
    from assignment.marking.decisions import SIMILARITY
    from assignment.marking.decisions import undo as take_back
    from assignment.marking.gradebook import mark_now, waive_rule

    found, which = chosen()
    [student] = people(found, which, [student])
    if rule == SIMILARITY:
        _similarity(found, which, student, "waived", decider(who), why, undo)
        return
    if undo:
        take_back(found, which, student, "waived", decider(who), rule=rule)
        net = mark_now(found, which, [student])[student]
    else:
        net = waive_rule(found, which, student, rule, why, decider(who))
    done = "not waived any more" if undo else "waived"
    say(f"{student}: rule '{rule}' {done}{_now(net)}; see waivers.toml")


def _similarity(course: Course, name: str, student: str, kind: str, who: str, why: str, undo: bool) -> None:
    """Record or take back what is made of similar work."""
    from assignment.marking import decisions

    if undo:
        decisions.undo(course, name, student, kind, who, rule=decisions.SIMILARITY)
    else:
        seen = decisions.examined(course, name, student).made_by.submission
        decision = decisions.Decision(student, name, decisions.SIMILARITY, kind, why, who, submission=seen)
        decisions.decide_on(course, decision)
    say(f"{student}: similar work {'not ' * undo}{kind}; see waivers.toml")


def award(
    given: Annotated[list[str], typer.Argument(metavar="STUDENT... EXERCISE POINTS", hidden=True)],
    why: Why = "",
    every: Annotated[bool, typer.Option("--all", help="Everybody who has a mark, in the place of STUDENT.")] = False,
    undo: Undo = False,
    who: WhoOption = None,
) -> None:
    """Give points for an exercise, beside those of the examination, to one student, to several, or to all.

    Nobody gets more than the exercise is worth; who has all its points is left alone. A second award for the same
    exercise takes the place of the first. It holds for this hand-in, in every later grading, and stands in
    waivers.toml; commit that file. --undo takes it back (then no POINTS).

    \b
    Examples:
      assignment award 1042 rnn_forward 2 --why "right but for a typing error"
      assignment award --all rnn_forward 2 --why "the hidden test was wrong"
      assignment award 1042 "Doe, Jane" rnn_forward --undo
    """
    from assignment.marking import decisions, gradebook

    found, which = chosen()
    *named, exercise = given if undo else given[:-1] or [""]
    if not exercise or bool(named) == every:
        raise AssignmentError("award: type the students (or --all), the exercise, and its points unless --undo")
    if undo:
        gradebook.exercise_points(found, which, exercise)
    students = gradebook.awardable(found, which, exercise if undo else "") if every else people(found, which, named)
    if undo:
        for student in students:
            decisions.undo(found, which, student, "awarded", decider(who), exercise=exercise)
        nets = gradebook.mark_now(found, which, students)
    else:
        try:
            more_points = float(given[-1])
        except ValueError:
            last = f"award: {given[-1]!r} is no number of points; type EXERCISE POINTS last"
            raise AssignmentError(last) from None
        nets = gradebook.award_points(found, which, students, exercise, more_points, why, decider(who))
    more = "taken back" if undo else f"+{given[-1]}"
    for student, net in nets.items():
        say(f"{student}: {exercise} {more}{_now(net)}")
    full = sorted({*students} - nets.keys())
    if full and every:
        say(f"{counted(len(full), 'student')} with all points of {exercise}: left as they are")
    for student in () if every else full:
        say(f"{student}: has all points of {exercise}, left as they are")


def _now(net: float | None) -> str:
    return "" if net is None else f", the mark is {points(net)} now"


def history(student: Annotated[str, typer.Argument(metavar="STUDENT", hidden=True)], as_json: AsJson = False) -> None:
    """Show every change of STUDENT's mark: before, after, what made it, why, and who.

    The gradebook keeps them, each written together with the mark. What somebody changed in formgrader is noted when a
    command next sees it. Times are of this machine.

    \b
    Example:
      assignment history 1042
    """
    from assignment.marking.gradebook import history as verb

    found, which = chosen()
    [student] = people(found, which, [student])
    tables.show_history(student, verb(found, which, student), as_json)


def decide(
    students: Students = None,
    keep: Annotated[bool, typer.Option("--keep", help="Let it count for what is graded now.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Forget it.")] = False,
    undo: Undo = False,
    who: WhoOption = None,
) -> None:
    """Show all that waits for a person; with STUDENT keep what was decided on an earlier hand-in, or drop it.

    Listed are rules broken that nobody has confirmed or waived, decisions on earlier hand-ins, submissions without a
    mark, and exercises that could not be examined by themselves, each with the commands for it. A score or comment
    given in formgrader, a waiver and an award belong to the hand-in they were given on. When something else is handed
    in they are shown here and do not count; `export` and `push` refuse until each is decided on.

    \b
    Examples:
      assignment decide
      assignment decide 1050 --keep
      assignment decide 1050 --undo
    """
    from assignment.marking import gradebook

    found, which = chosen()
    if keep + drop + undo != bool(students):
        raise AssignmentError("decide: name the students and type --keep or --drop; without both, what waits is listed")
    for student in people(found, which, students):
        decided = None if undo else "kept" if keep else "dropped"
        for decision in gradebook.decide(found, which, student, decided, decider(who)):
            say(f"{student}: {decision.what} {decided or 'waits again'}")
    if not students:
        from assignment.workflow.classroom import waiting

        tables.show_waiting(waiting(found, which))

"""What goes back to Canvas, as tables for people, 80 columns wide, and the same as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assignment.course import Course
from assignment.export import ExportedFeedback, ExportedGrades, changed
from assignment.marking.marks import LeftOut
from assignment.plain import counted, one_line, points
from assignment.push import Pushed


def show_exported(
    console: Console, course: Course, grades: ExportedGrades, feedback: ExportedFeedback, as_json: bool = False
) -> None:
    """What was written for Canvas, what it changes there, and who is left out."""
    if as_json:
        left_out = sorted({*grades.left_out, *feedback.left_out}, key=lambda one: one.student)
        about = {
            "grades": _place(course, grades.path),
            "feedback": _place(course, feedback.path),
            "column": grades.column.title,
            "scaled": grades.scaled,
            "sent": [asdict(grade) | {"changed": changed(grade)} for grade in grades.grades],
            "left_out": [asdict(one) for one in left_out],
        }
        print(json.dumps(about, ensure_ascii=False))
        return
    title = escape(one_line(grades.column.title))
    console.print(f"{_place(course, grades.path)}: {counted(len(grades.grades), 'mark')} for the column '{title}'")
    if grades.scaled:
        ours, theirs = grades.scaled
        console.print(f"  scaled from {points(ours)} to Canvas's {points(theirs)} points")
    for grade in grades.grades:
        if changed(grade):
            console.print(
                f"  {grade.student}: {escape(one_line(grade.before))} in Canvas becomes {points(grade.points)}"
            )
    for left in grades.left_out:
        console.print(f"  no mark: {_left(left)}")
    console.print(f"{_place(course, feedback.path)}: {counted(len(feedback.files), 'annotated notebook')}")
    for left in feedback.left_out:
        console.print(f"  no feedback: {_left(left)}")


def show_pushed(console: Console, pushed: Pushed, yes: bool, as_json: bool = False) -> None:
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
        }
        print(json.dumps(about, ensure_ascii=False))
        return
    table = Table("student", "name", "mark", "state", "note", box=None, pad_edge=False)
    for one in pushed.planned:
        sending = one.sending
        table.add_row(
            sending.user, Text(one_line(sending.name, 24)), sending.grade, one.state, Text(one_line(one.note, 160))
        )
    console.print(table)
    for left in left_out:
        console.print(f"left out: {_left(left)}")
    if yes:
        console.print(f"{len(pushed.arrived)} sent, {len(pushed.failed)} failed")
    else:
        due = sum(one.state != "sent" for one in pushed.planned)
        console.print(f"nothing was sent; {due} to send with --yes")


def _left(one: LeftOut) -> str:
    who = f"{one.student} {one_line(one.name)}".rstrip()  # who stands on no roster has no name
    return f"{escape(who)}: {escape(one_line(one.why))}"


def _place(course: Course, path: Path) -> str:
    return path.relative_to(course.root).as_posix() if path.is_relative_to(course.root) else str(path)

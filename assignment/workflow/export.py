"""Export: marks as a gradebook CSV that Canvas imports, feedback as an archive that its upload form takes."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assignment.canvas.archive import ANONYMOUS, feedback_name
from assignment.canvas.gradebook import Column, find_column, import_csv, number, read_gradebook
from assignment.course import Course, new_file, replace_file
from assignment.errors import AssignmentError
from assignment.marking import stale
from assignment.marking.breakdown import LeftOut, marks
from assignment.submission.handed_in import RECORD, Attachment, newest_attachment, record_of
from assignment.workflow.roster import ROSTER, known_column, refuse_other, remember_column, title_of

DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the archive, so that the same feedback makes the same bytes


@dataclass(frozen=True)
class SentGrade:
    """A row of the CSV: what the student gets in Canvas, and what the cell says there now ("" where nothing)."""

    student: str
    name: str
    points: float
    before: str

    @property
    def changed(self) -> bool:
        """Whether importing the row overwrites another grade in Canvas."""
        before = number(self.before)
        return before is not None and abs(before - self.points) >= 0.005  # Canvas exports two decimals


@dataclass(frozen=True)
class ExportedGrades:
    """The CSV for Canvas: its column, its rows, who is left out; scaled: (our maximum, Canvas's) where they differ."""

    path: Path
    column: Column
    grades: tuple[SentGrade, ...]
    left_out: tuple[LeftOut, ...]
    scaled: tuple[float, float] | None


@dataclass(frozen=True)
class ExportedFeedback:
    """The archive for Canvas: file name in it by student, and who is left out."""

    path: Path
    files: Mapping[str, str]
    left_out: tuple[LeftOut, ...]


def export_grades(
    course: Course,
    assignment: str,
    roster_csv: Path | None = None,
    column: str | None = None,
) -> ExportedGrades:
    """Write the CSV that Canvas imports, exported/NAME/grades.csv, and return what is in it.

    roster_csv: the gradebook exported from Canvas (default: the one collected with); column: id or title of the
    assignment in it where neither its name nor its title tells, remembered for the next time. Excused students, those
    the assignment is not for and those who handed in nothing keep what they have in Canvas.
    """
    roster = roster_csv or course.collected(assignment) / ROSTER
    if not roster.is_file():
        raise AssignmentError(f"{roster}: no such file; name the gradebook exported from Canvas with --roster")
    gradebook = read_gradebook(roster)
    earned, left_out = marks(course, assignment)
    titles = [assignment, title_of(course, assignment)]
    chosen = find_column(gradebook, roster, titles, column, known_column(course, assignment))
    people, grades = gradebook.roster, []
    refuse_other(roster, people, [mark.student for mark in earned], "graded")
    for mark in earned:
        cell = chosen.cells.get(mark.student, "")
        why = ""
        if mark.student not in people:
            why = "handed in anonymously" if mark.student.startswith(ANONYMOUS) else f"not in {roster.name}"
        elif people[mark.student].test:
            why = "Canvas's Test Student: not imported"
        elif cell.upper() == "EX":
            why = "excused in Canvas"
        elif cell.upper() == "N/A":
            why = "not assigned in Canvas"
        if why:
            left_out.append(LeftOut(mark.student, mark.name, why))
        else:
            grades.append(
                SentGrade(mark.student, people[mark.student].name, scaled(mark.net, mark.max, chosen.points), cell)
            )
    most = earned[0].max if earned else chosen.points
    scale = (most, chosen.points) if most and chosen.points and most != chosen.points else None
    path = course.exported(assignment) / "grades.csv"
    replace_file(path, import_csv(gradebook, chosen, {grade.student: grade.points for grade in grades}).encode())
    remember_column(course, assignment, str(chosen.id))
    return ExportedGrades(path, chosen, tuple(grades), tuple(left_out), scale)


def scaled(net: float, most: float, possible: float | None) -> float:
    """Return a mark in Canvas's points: scaled to the points possible there; as it is where Canvas gives none."""
    return round(net * possible / most, 2) if possible and most else net


def export_feedback(course: Course, assignment: str, annotated: Iterable[tuple[str, bytes]]) -> ExportedFeedback:
    """Write the archive for Canvas's "Upload Submissions", exported/NAME/feedback.zip, and return its files.

    annotated: by student what goes back, an .ipynb, for Canvas shows it under the student's own file name.
    """
    path = course.exported(assignment) / "feedback.zip"
    records = {student: record_of(course, student, assignment) for student in course.students(assignment)}
    reasons = {student: _kept_back(course, assignment, student, record) for student, record in records.items()}
    files: dict[str, str] = {}
    with new_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, data in annotated:
            if (record := records.get(student)) and not reasons[student]:
                attachment = newest_attachment(course, student, assignment)
                files[student] = feedback_name(record.name, student, attachment, f"{assignment}.ipynb")
                info = zipfile.ZipInfo(files[student], DATE)
                info.external_attr = 0o644 << 16
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    left_out = []
    for student, record in records.items():
        if student not in files:
            why = reasons[student] or f"not graded; run: assignment grade {student}"
            left_out.append(LeftOut(student, record.name if record else "", why))
    return ExportedFeedback(path, files, tuple(left_out))


def _kept_back(course: Course, assignment: str, student: str, record: Attachment | None) -> str:
    """Why a student's notebook does not go back, "" if it does."""
    if not record:
        page = course.feedback(student, assignment)
        run = "" if page.is_file() else " (run: assignment feedback)"
        return f"no {RECORD}: Canvas has no file of it; send {course.shown(page)}{run}"
    if record.group:
        return f"the group's feedback goes with the file of {record.group}"
    return stale(course, assignment, student)

"""Name the likely causes of a check's failed parts, from the calls behind its rows."""

from __future__ import annotations

from assignment.examiner.calls import Observation, Raised
from assignment.examiner.checks import CheckRun
from assignment.examiner.explain import explain_error
from assignment.examiner.homework import Homework
from assignment.examiner.mistakes import recognise
from assignment.examiner.proxies import Student


def name_causes(run: CheckRun, student: Student, homework: Homework) -> None:
    """Fill in `mistake` and `hint` of the failed parts: a known mistake with these values, or what an error means."""
    if all(part.passed for part in run.result.parts):
        return
    observed: dict[str, list[Observation]] = {part.name: [] for part in run.result.parts}
    for row in run.rows:
        origin = student.origin(row.got)
        if origin is not None and row.part in observed:
            observed[row.part].append(Observation(origin.call, origin.path, row.got, row.want, bool(row.passed)))
    for call, error in student.errors:
        for rows in observed.values():
            if not rows:  # an error stands for the values that it kept from coming
                rows.append(Observation(call, (), Raised(error.name, error.text), None))
    causes = recognise(observed, homework.mistakes, homework.reference)
    meanings = [
        meaning
        for _, error in student.errors
        if (meaning := explain_error(error.name, error.text, homework.check_names))
    ]
    for part in run.result.parts:
        if part.passed:
            continue
        if part.name in causes:
            part.mistake, part.hint = causes[part.name]
        elif meanings:
            part.hint = meanings[0]

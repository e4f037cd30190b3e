"""The homework is examined before anybody's work: its own solutions get every point, its untouched release none."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import replace

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.grading.result import CheckResult, Result
from assignment.homework.master import HIDDEN, Cell, Master, within
from assignment.homework.notebook import dumps, render
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import Pool

SEEDED = {"default_rng", "Generator", "RandomState", "SeedSequence", "PCG64", "seed"}  # of numpy.random


def prove_marks(course: Course, name: str, examiner: Examiner, zygote: Zygote) -> None:
    """Examine the master's solutions and the empty release; AssignmentError unless they get full marks and none.

    The error has one line for each check that is wrong. Also an error are hidden tests whose data have no seed.
    """
    master = examiner.homework.master
    only = {master.release: master.released}
    alone = Examiner(examiner.homework, only, examiner.limits, examiner.policy, examiner.secret)
    wrong = [line for cell in master.checks for line in _unseeded(cell)]
    with Pool(2, alone, zygote) as pool:
        pool.add([("solved", made_of(master, solved=True)), ("empty", made_of(master, solved=False))])
        results = {key: examined.result for key, examined in pool.results()}
    wrong += [*_not_full(results["solved"]), *_not_empty(results["empty"])]
    if wrong:
        text = course.source_text(name).relative_to(course.root).as_posix()
        raise AssignmentError(
            f"{text}: its own solutions must get every point, the untouched release none; correct it and build again",
            "\n".join(wrong),
        )


def made_of(master: Master, solved: bool) -> bytes:
    """Return a hand-in made of the release, with the master's solutions or without."""
    cells = [
        replace(cell, source=cell.source if solved and cell.kind == "solve" else cell.stub) for cell in master.cells
    ]
    notebook = render(master.name, cells, master.header)
    notebook["metadata"]["assignment"] = {"name": master.name, "release": master.release}
    return dumps(notebook).encode()


def _not_full(result: Result) -> Iterator[str]:
    """What keeps the solutions from full marks, a line each."""
    if result.verdict != "graded":
        yield f"the solutions: {result.verdict}: {result.reason}"
        return
    for check in result.checks:
        if not check.full:
            yield f"check {check.name}: the solutions get {check.score:g} of {check.max:g} points{_why(check)}"
    for rule in sorted({finding.rule for finding in result.rules if finding.breach} - {"outputs"}):  # it never ran
        yield f"the solutions break the rule {rule}"


def _why(check: CheckResult) -> str:
    """What speaks for lost points: the parts that failed, or parts that are worth too little together."""
    failed = [f"{part.name} ({part.message})" if part.message else part.name for part in check.parts if not part.passed]
    if failed:
        return f": {', '.join(failed)}"
    return f": its parts are worth {sum(part.max for part in check.parts):g} together"


def _not_empty(result: Result) -> Iterator[str]:
    """What the untouched release gets points for, a line each."""
    if result.verdict != "graded":
        yield f"the untouched release: {result.verdict}: {result.reason}"
        return
    for check in result.checks:
        if check.score or any(part.passed for part in check.parts):
            got = ", ".join(part.name for part in check.parts if part.passed)
            yield f"check {check.name}: the untouched release gets {check.score:g} points: {got}"


def _unseeded(cell: Cell) -> Iterator[str]:
    """Draws in the hidden tests of a check that nothing seeds: nobody could repeat what they find."""
    tree = ast.parse(textwrap.dedent("\n".join(within(cell.source, HIDDEN))))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        module, _, function = name.rpartition(".")
        drawn = module in ("np.random", "numpy.random") and function not in SEEDED
        if drawn or (function in ("default_rng", "RandomState") and not call.args and not call.keywords):
            yield f"check {cell.name}: {name}() in its hidden tests has no seed; draw from np.random.default_rng(SEED)"

"""Every defence, switched off, lets an attack through: a corpus that no missing defence lets through proves nothing.

The attacks' own files say which (`proves: network, ipc+seccomp`: without the one; without both of the others).
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import HIDDEN, Master, without
from assignment.homework.notebook import releases
from assignment.sandbox import DEFENCES, Limits
from assignment.sandbox.zygote import Sandbox
from tests.conftest import limited
from tests.support.corpus import Case, Notebook, build, load
from tests.support.expected import bound, shares, stolen
from tests.support.surroundings import Surroundings, surroundings
from tests.tools import stock

pytestmark = pytest.mark.slow

CASES = {case.name: case for case in load("attacks")}
PATIENT = replace(Limits(), call_seconds=60.0, cell_seconds=120.0, submission_seconds=600.0, cpu_seconds=600)
TIGHT = {"cpu": replace(PATIENT, cpu_seconds=2)}  # with more, the clock on the wall would be the one that stops it
SECOND_LINE = {  # nothing gets through by the absence of these alone, as things stand
    "uts": "a host name can be set only with a capability",
    "oom": "only decides who goes first when the machine itself has no memory left",
    "privileges": "the view holds no program that could raise them, and bubblewrap forbids it too",
    "stack": "without it, endless recursion ends in the memory limit",
    "core": "there is no folder for a core file but the small private one",
    "queues": "the call filter does not let message queues be made",
    "locked": "locked memory is counted by the memory limit as well",
}
PROOFS = [
    (frozenset(word.split("+")), case)
    for case in CASES.values()
    for word in case.listed("proves")
    if set(word.split("+")) <= DEFENCES
]


@pytest.fixture(scope="module")
def around(checkout: Course) -> Iterator[Surroundings]:
    """What the attacks are after."""
    with surroundings(checkout.root) as laid_out:
        yield laid_out


@pytest.fixture(scope="module")
def defended(around: Surroundings, checkout: Course, homework: Homework) -> Iterator[Examiner]:
    """A patient examiner with all defences, started in these surroundings."""
    with Examiner(homework, releases(checkout, "rnn"), PATIENT) as ready:
        yield ready


@pytest.mark.parametrize(
    ("off", "case"), [pytest.param(*row, id=f"{'+'.join(sorted(row[0]))}-{row[1].name}") for row in PROOFS]
)
def test_without_a_defence_of_the_sandbox(
    off: frozenset[str],
    case: Case,
    around: Surroundings,
    defended: Examiner,
    checkout: Course,
    homework: Homework,
    release: Notebook,
    master: Notebook,
) -> None:
    limits = TIGHT.get("+".join(off), PATIENT)
    told = case.told(**around.words)
    data = build(told, release, master)

    def succeeds(examiner: Examiner) -> bool:
        results = [examiner.examine(data).result for _ in range(int(case.expect.get("runs", "1")))]
        return any(stolen(told, result.as_dict(), shares(master)) for result in results)

    with limited(defended, limits):
        assert not succeeds(defended)
    bare = Examiner(homework, releases(checkout, "rnn"), limits)
    bare.sandbox = Sandbox(limits, off=off)
    with bare:
        assert succeeds(bare)


def test_every_defence_of_the_sandbox_is_accounted_for() -> None:
    proved = {name for off, _ in PROOFS for name in off}
    assert proved | SECOND_LINE.keys() == DEFENCES
    assert not proved & SECOND_LINE.keys()


def only_visible(source: str) -> str:
    """A check without its hidden tests, in which the visible rows alone decide."""
    return without(source, HIDDEN).replace("check.report()", "sys.displayhook(check.score())\ncheck.report()")


def no_large_case(source: str) -> str:
    """A check without its case that is too large to differentiate."""
    start = source.find('("较大的数据"')
    if start < 0:
        return source
    depth, end = 1, start
    while depth:
        end += 1
        depth += (source[end] == "(") - (source[end] == ")")
    return source[:start].rstrip().removesuffix(",") + source[end + 1 :]


def own_keys(source: str) -> str:
    """A judge that walks over the student's own keys and asks for no row of a part."""
    source = source.replace("for key in want:", "for key in got:").replace("return bool(rows) and all", "return all")
    source = source.replace("for key, x in arrays.items():", "for key, x in ((key, arrays[key]) for key in got):")
    return source.replace("if not any(row.hidden for row in rows):", "if False:")


def any_shape(source: str) -> str:
    """A judge that lets NumPy broadcast."""
    return source.replace("if got.shape != shape:", "if False:").replace("if number and shape:", "if False:")


def examiner_of(homework: Homework, other: Examiner) -> Examiner:
    """An examiner of a changed homework that borrows another's sandbox, which knows nothing of the checks."""
    examiner = Examiner(homework, other.releases, other.limits)
    examiner.sandbox = other.sandbox
    return examiner


CHANGES: list[tuple[str, Callable[[str], str], str]] = [
    ("fresh data", only_visible, "sums_hard_coded"),
    ("fresh data", only_visible, "sums_seen_shapes_only"),
    ("references", only_visible, "sums_all_zero"),
    ("references", only_visible, "sums_doubled"),
    ("references", only_visible, "sums_linear_cell"),
    ("large case", no_large_case, "sums_complex_step"),
    ("large case", no_large_case, "sums_numeric_sequence"),
    ("large case", no_large_case, "sums_numeric_embedding"),
    ("large case", no_large_case, "sums_numeric_affine"),
    ("large case", no_large_case, "sums_numeric_rows"),
    ("required keys", own_keys, "lie_empty_gradients"),
    ("exact shapes", any_shape, "lie_shapes"),
]


@pytest.mark.parametrize(("what", "change", "name"), [pytest.param(*row, id=f"{row[0]}-{row[2]}") for row in CHANGES])
def test_without_a_defence_of_the_checks(
    what: str,
    change: Callable[[str], str],
    name: str,
    defended: Examiner,
    homework: Homework,
    release: Notebook,
    master: Notebook,
) -> None:
    cells = tuple(
        replace(cell, source=change(cell.source)) if cell.kind == "check" or cell.name == "checks" else cell
        for cell in homework.master.cells
    )
    assert cells != homework.master.cells, f"nothing of {what} was switched off"
    weaker = examiner_of(Homework(Master(homework.master.name, cells)), defended)
    result = weaker.examine(build(CASES[name], release, master)).result
    assert stolen(CASES[name], result.as_dict(), shares(master))


def test_without_checks_of_our_own(defended: Examiner, release: Notebook, master: Notebook) -> None:
    case = CASES["file_checks_edited"]
    data = build(case, release, master)
    trusting = examiner_of(Homework(Master.from_notebook(json.loads(data))), defended)
    assert trusting.examine(data).result.score > bound(case, shares(master))


@contextlib.contextmanager
def examining(homework: Homework, checkout: Course, limits: Limits, data: bytes) -> Iterator[Connection]:
    """Examine in a process of its own, killed when it is left; yields the pipe that the result will come through."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)

    def work() -> None:
        with Examiner(homework, releases(checkout, "rnn"), limits) as examiner:
            theirs.send("begun")
            theirs.send(examiner.examine(data).result)

    process = fork.Process(target=work)
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "begun"
        yield ours
    finally:
        process.kill()
        process.join()
        ours.close()


def test_without_clocks_the_class_waits_for_ever(
    homework: Homework, checkout: Course, release: Notebook, master: Notebook
) -> None:
    clocks = replace(Limits(), call_seconds=1.0, cell_seconds=1.0, submission_seconds=60.0)
    timeless = replace(Limits(), call_seconds=1e6, cell_seconds=1e6, submission_seconds=1e6)
    data = build(CASES["end_sleep"], release, master)
    with examining(homework, checkout, clocks, data) as result:
        begun = time.monotonic()
        assert "timeout" in {check.ended for check in result.recv().checks}
        enough = time.monotonic() - begun
    with examining(homework, checkout, timeless, data) as result:
        assert not result.poll(2 * enough + 1)  # nor has it died: the end of the pipe would have been seen


@pytest.mark.parametrize(("depth", "status"), [("wire.MAX_DEPTH", 0), ("10**9", -signal.SIGSEGV)])
def test_without_a_bound_on_nesting_the_examiner_dies(depth: str, status: int) -> None:
    program = f"""
        import msgpack
        from assignment.sandbox import protocol as wire

        wire.MAX_DEPTH = {depth}
        value = 1
        for _ in range(2000):
            value = msgpack.ExtType(wire.DICT, msgpack.packb([0, {{"a": value}}]))
        try:
            wire.decode(msgpack.packb(value), 0, lambda code, data, unpack: unpack(data), print)
        except wire.ProtocolError:
            pass
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)]).returncode == status


def test_without_a_reader_of_its_own_a_file_stops_the_grading(release: Notebook, master: Notebook) -> None:
    with pytest.raises(RecursionError):
        json.loads(build(CASES["file_json_deep"], release, master))


def test_without_a_process_of_its_own_student_code_decides(
    checkout: Course, release: Notebook, master: Notebook
) -> None:
    cases = {name: case for name, case in CASES.items() if "separation" in case.listed("proves")}
    notebooks = {name: build(case.told(**stock.WORDS), release, master) for name, case in cases.items()}
    for name, graded in stock.grade_stock(notebooks).items():
        assert graded.score is not None, name
        assert graded.score > bound(cases[name], shares(master)), name

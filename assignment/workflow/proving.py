"""The homework is examined before anybody's work: its own solutions get every point, its untouched release none."""

import ast
import hashlib
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.grading.examination import Attempt, Stage
from assignment.grading.examiner import Examiner
from assignment.grading.proxies import swept
from assignment.grading.result import CheckResult, Part, Result
from assignment.homework import HIDDEN, Cell, Master, within
from assignment.homework.mistakes import Mistake
from assignment.homework.notebook import dumps, render
from assignment.homework.solutions import Solution, mutants, variants_of
from assignment.sandbox.channel import remote_error
from assignment.sandbox.protocol import Keywords
from assignment.sandbox.zygote import Zygote
from assignment.text import counted
from assignment.workflow.build import build
from assignment.workflow.pool import examine_all

ROWS = ("check.near", "check.slope", "check.true")  # of the checker: calls that begin with the name of a part
SEEDED = {"default_rng", "Generator", "RandomState", "SeedSequence", "PCG64", "seed"}  # of numpy.random
TRIED = "tried"  # in published/NAME/: the hash of a homework whose variants and mistakes got what they should
SOLVED, EMPTY = "the solutions", "the untouched release"


@dataclass(frozen=True)
class Margin:
    """How far a part's threshold is from right and from wrong work; errors are in units of the threshold."""

    check: str
    part: str
    right: float | None  # the largest error of right work over all draws of hidden data; None where none is measured
    wrong: float | None  # the smallest error of wrong work that loses the part


@dataclass(frozen=True)
class Proof:
    """What `assignment prove` finds in a homework whose marks are right."""

    tried: Mapping[str, int]  # how many solutions of each kind were examined
    survivors: tuple[str, ...]  # mutants that lose nothing: a check is blind, or the change changes nothing
    unnamed: tuple[str, ...]  # mistakes of the list that lose points, but not under their own name
    margins: tuple[Margin, ...]
    unneeded: tuple[str, ...]  # hidden blocks in which nothing tried failed that passes what students see


def prove_marks(
    course: Course, name: str, examiner: Examiner, zygote: Zygote, known: bool = True, named: bool = False
) -> tuple[list[Result], list[tuple[str, CheckResult]]]:
    """Examine the master's solutions and the empty release; AssignmentError unless they get full marks and none.

    The error has one line for each check that is wrong. Also an error are slips in the text of a check.
    known: so are a right variant in source/NAME_variants/ that loses a point, and a named mistake that loses none.
    Returns what the variants got, and what the check of each mistake found (named: with the cause of what it lost).
    """
    master = examiner.homework.master
    hand_ins = [(SOLVED, made_of(master)), (EMPTY, made_of(master, solved=False))]
    results = dict(_results(examiner, master, zygote, hand_ins))
    wrong = [line for cell in master.checks for line in slips(cell)]
    wrong += _wrong(results[SOLVED], SOLVED)
    if not results[SOLVED].reason or results[SOLVED].reason != results[EMPTY].reason:  # which a given cell may stop
        wrong += _wrong(results[EMPTY], EMPTY)
    variants: list[Result] = []
    mistaken: list[tuple[str, CheckResult]] = []
    if known and not wrong:
        for variant, result in _tried(examiner, zygote, list(variants_of(master, course.variants(name)))):
            wrong += _wrong(result, f"variant {variant.name}")
            variants.append(result)
        mistaken += _mistaken(examiner, named)
        wrong += [f"mistake {mistake}: gets every point" for mistake, check in mistaken if check.full]
    if wrong:
        text = course.shown(course.source_text(name))
        raise AssignmentError(
            f"{text}: its own solutions must get every point, the untouched release none; correct it and build again",
            "\n".join(wrong),
        )
    return variants, mistaken


def prove_once(course: Course, name: str, examiner: Examiner, zygote: Zygote, again: bool = False) -> None:
    """As prove_marks; variants and mistakes only if they were not tried on this homework before (or `again`)."""
    digest, note = digest_of(course, name, examiner), course.published(name) / TRIED
    new = again or not note.is_file() or note.read_text("utf-8") != digest
    prove_marks(course, name, examiner, zygote, known=new)
    if new:
        replace_file(note, digest)


def digest_of(course: Course, name: str, examiner: Examiner) -> str:
    """The sha256 of a homework with its mistakes and variants."""
    variants = [path.read_bytes() for path in sorted(course.variants(name).glob("**/*.py"))]
    return hashlib.sha256(examiner.homework.digest.encode() + b"".join(variants)).hexdigest()


def prove(course: Course, name: str, draws: int, every: int, progress: Callable[[int, int, str], None]) -> Proof:
    """Examine variants, mistakes and one in `every` of the solutions' mutants, each by the checks of its exercises.

    draws: how often the solutions are examined, each time with other hidden data. Raises AssignmentError where
    prove_marks does.
    """
    from assignment.plugins import examiner_of  # imports traitlets

    master = build(course, name).master
    examiner = examiner_of(course, master, {master.release: master.released})
    changes = [
        Solution(f"{mutant.exercise}, line {mutant.line}: {mutant.change}", {mutant.exercise: mutant.source})
        for cell in master.solves
        for mutant in mutants(cell)[::every]
    ]
    limits = replace(examiner.limits, call_seconds=3.0, cell_seconds=6.0)  # a mutant may well run for ever
    hurried = Examiner(examiner.homework, {}, limits, examiner.policy, examiner.secret)
    with Zygote.start() as zygote:
        variants, mistakes = prove_marks(course, name, examiner, zygote, named=True)
        hand_ins = [(str(draw), made_of(master, draw=draw)) for draw in range(draws)]
        hand_ins.append((EMPTY, made_of(master, solved=False)))
        drawn = dict(_results(examiner, master, zygote, hand_ins))
        changed = []
        for mutant, result in _tried(hurried, zygote, changes):
            changed.append((mutant.name, result.checks))
            progress(len(changed), len(changes), "")
    empty = drawn.pop(EMPTY)
    right = [*drawn.values(), *variants]
    mistaken = [(name, (check,)) for name, check in mistakes]
    wrong = [checks for _, checks in (*changed, *mistaken)]
    return Proof(
        {"variant": len(variants), "mistake": len(mistaken), "mutant": len(changes)},
        tuple(sorted(name for name, checks in (*changed, *mistaken) if not _lost(checks))),
        tuple(name for name, checks in mistaken if name not in {part.mistake for _, part in _lost(checks)}),
        tuple(_margins([result.checks for result in right], wrong)),
        tuple(_unneeded(wrong, empty.checks)),
    )


class Trusted(Attempt):
    """Answers the calls of checks in this process: the homework's own code, with a known mistake in one place."""

    def __init__(self, examiner: Examiner, mistake: Mistake) -> None:
        super().__init__(examiner.sandbox, examiner.homework, [], math.inf)
        self._mistake = mistake

    def load(self) -> None:  # type: ignore[override]
        """No sandbox is opened."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None = None) -> Any:
        """As Attempt.call."""
        implement = self._mistake.implement if name == self._mistake.function else None
        try:
            return self._homework.call(name, args, kwargs, state, implement)
        except Exception as error:
            raise remote_error([type(error).__name__], str(error)) from error

    def sweep(
        self, call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None = None
    ) -> list[Any]:
        """As Attempt.sweep."""
        if call[0] == self._mistake.function:
            return swept(self.call, call, x, h, entries, pick)
        return self._homework.sweep(call, x, h, entries, pick)


def _mistaken(examiner: Examiner, named: bool) -> Iterator[tuple[str, CheckResult]]:
    """What the check of its exercise makes of each known mistake, beside right solutions of all others.

    named: with the cause of each failed part, which takes as long as the checks themselves.
    """
    homework = examiner.homework
    checks = {cell.name: (cell, code) for cell, code in homework.cells if cell.kind == "check"}
    for mistake in (mistake for mistakes in homework.mistakes.values() for mistake in mistakes):
        stage = Stage(homework, Trusted(examiner, mistake), seed=0)
        cell, code = checks[mistake.function]
        stage.prepare_for(cell)
        yield mistake.name, stage.check(cell, code, named).result


def _tried(examiner: Examiner, zygote: Zygote, solutions: Sequence[Solution]) -> Iterator[tuple[Solution, Result]]:
    """Examine solutions by the checks of the exercises that they fill, and of those that take their caches."""
    homework = examiner.homework
    groups: dict[frozenset[str], dict[str, Solution]] = {}
    for place, solution in enumerate(solutions):
        groups.setdefault(frozenset(solution.sources), {})[str(place)] = solution
    for filled, group in groups.items():
        judging = filled | {taker for taker, giver in homework.givers.items() if giver in filled}
        cells = [cell for cell in homework.master.cells if cell.kind != "check" or cell.name in judging]
        master = replace(homework.master, cells=tuple(cells))
        hand_ins = [(key, made_of(master, sources=solution.sources)) for key, solution in group.items()]
        for key, result in _results(examiner, master, zygote, hand_ins):
            yield group[key], result


def _results(
    examiner: Examiner, master: Master, zygote: Zygote, hand_ins: Sequence[tuple[str, bytes]]
) -> Iterator[tuple[str, Result]]:
    """Examine hand-ins made of a master, side by side; the results as they come."""
    homework = examiner.homework if master is examiner.homework.master else examiner.homework.with_master(master)
    alone = Examiner(homework, {master.release: master.released}, examiner.limits, examiner.policy, examiner.secret)
    for key, examined in examine_all(hand_ins, alone, zygote):
        yield key, examined.result


def _lost(checks: Sequence[CheckResult]) -> list[tuple[str, Part]]:
    """The parts that were lost, each with its check."""
    return [(check.name, part) for check in checks for part in check.parts if not part.passed]


def _margins(right: Sequence[Sequence[CheckResult]], wrong: Sequence[Sequence[CheckResult]]) -> Iterator[Margin]:
    """The margin of each part, in the order of the checks."""
    nearest: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for number, checks in enumerate([*right, *wrong]):
        for check in checks:
            for part in check.parts:
                sides = nearest.setdefault((check.name, part.name), ([], []))
                if part.error is not None and part.below and part.passed == (number < len(right)):
                    sides[not part.passed].append(part.error / part.below)
    for (check_name, part_name), (most, least) in nearest.items():
        yield Margin(check_name, part_name, max(most, default=None), min(least, default=None))


def _unneeded(wrong: Sequence[Sequence[CheckResult]], empty: Sequence[CheckResult]) -> Iterator[str]:
    """Hidden blocks in which nothing fails that passes what students see; the empty release fails in all of them."""
    lost = [found for checks in wrong for found in _lost(checks)]
    needed = {(check, block) for check, part in lost for block in part.blocks if "" not in part.blocks}
    hidden = dict.fromkeys((check, block) for check, part in _lost(empty) for block in part.blocks if block)
    yield from (f"{check}: {block}" for check, block in hidden if (check, block) not in needed)


def made_of(
    master: Master, solved: bool = True, sources: Mapping[str, str] = MappingProxyType({}), draw: int = 0
) -> bytes:
    """Return a hand-in made of the release, with the master's solutions or without.

    sources: of solve cells, in the place of the master's. draw: makes it another file, with other hidden data.
    """
    cells = [
        replace(cell, source=sources.get(cell.name, cell.source) if solved and cell.kind == "solve" else cell.stub)
        for cell in master.cells
    ]
    notebook = render(master.name, cells, master.time_axis)
    notebook["metadata"]["assignment"] = {"name": master.name, "release": master.release}
    if draw:
        notebook["metadata"]["draw"] = draw
    return dumps(notebook).encode()


def _wrong(result: Result, what: str) -> Iterator[str]:
    """What keeps right work from full marks, or gives the untouched release points, a line each."""
    if result.verdict != "graded":
        yield f"{what}: {result.verdict}: {result.reason}"
        return
    for check in result.checks:
        passed = [part.name for part in check.parts if part.passed]
        if what == EMPTY and (check.score or passed):
            yield f"check {check.name}: {what} gets {counted(check.score, 'point')}: {', '.join(passed)}"
        elif what != EMPTY and not check.full:
            lost = [f"{part.name} ({part.message})" * bool(part.message) or part.name for _, part in _lost([check])]
            why = ", ".join(lost) or f"its parts are worth {sum(part.max for part in check.parts):g} together"
            yield f"check {check.name}: {what} get {check.score:g} of {counted(check.max, 'point')}: {why}"
    for rule in sorted({finding.rule for finding in result.rules if finding.breach} - {"outputs"}):  # it never ran
        if what == SOLVED:
            yield f"{what} break the rule {rule}"


def slips(cell: Cell) -> Iterator[str]:
    """What is wrong in the text of a check: its draws, names of its exercise and parts, a seed where there is none."""
    yield from _unseeded(cell)
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call) and node.args]
    named = {ast.unparse(call.func): call for call in calls if isinstance(call.args[0], ast.Constant)}
    made = named.get("Check.of")
    if made and (exercise := ast.literal_eval(made.args[0])) != cell.name:
        yield f"check {cell.name}: Check.of names {exercise!r}; name this exercise"
    parts = [keyword.arg for keyword in made.keywords] if made else []
    for call in calls if parts else []:
        is_row = ast.unparse(call.func) in ROWS and isinstance(call.args[0], ast.Constant)
        if is_row and (part := ast.literal_eval(call.args[0])) not in parts:
            yield f"check {cell.name}: {part!r} is none of its parts; there are {', '.join(map(str, parts))}"
    for end, text in (("check.award()", cell.source), ("check.report()", cell.stub)) if made else ():
        if end not in text:  # else its points are all or nothing, or students see nothing of it
            yield f"check {cell.name}: {end} is missing; docs/author.md shows where it stands"
    if _has_seed(ast.parse(cell.stub)):
        yield f"check {cell.name}: SEED stands outside its hidden tests, where students have none"


def _unseeded(cell: Cell) -> Iterator[str]:
    """Draws in the hidden tests of a check that nothing seeds: nobody could repeat what they find."""
    tree = ast.parse(textwrap.dedent("\n".join(within(cell.source, HIDDEN))))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    seeded = any(ast.unparse(call.func).endswith("random.seed") and call.args for call in calls)
    for call in calls:
        name = ast.unparse(call.func)
        module, _, function = name.rpartition(".")
        drawn = module in ("random", "np.random", "numpy.random") and function not in SEEDED and not seeded
        generator = function in ("default_rng", "RandomState")
        if drawn or (generator and not call.args and not call.keywords):
            yield f"check {cell.name}: {name}() in its hidden tests has no seed; draw from np.random.default_rng(SEED)"
        elif generator and not _has_seed(tree):
            yield f"check {cell.name}: {ast.unparse(call)} in its hidden tests is the same for everybody; take SEED"


def _has_seed(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "SEED" for node in ast.walk(tree))

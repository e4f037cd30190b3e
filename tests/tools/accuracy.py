"""How right the verdicts are (`make accuracy`): right work accepted, mistakes named, mutants killed, slips, margins."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from assignment.course import Course
from assignment.grading.diagnosis import recognise
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework.mistakes import load_mistakes
from assignment.homework.notebook import releases
from tests import ROOT
from tests.support import corpus
from tests.support.fitting import variants
from tests.support.judge import Judge, load_master
from tests.support.mutants import EQUIVALENT, Outcome, agrees, outcomes
from tests.support.slips import SLIPS
from tests.tools.margins import measure, table
from tests.tools.wrong import judged

DRAWS = 100  # of the margins here; `make margins` draws a thousand times
INPUTS = 10_000  # random inputs on which a surviving mutant must agree with the solution


def accepted_variants(exercise: str) -> Iterator[tuple[str, bool]]:
    """Judge every right variant of an exercise."""
    judge = Judge(load_master())
    for variant in variants():
        if exercise in variant.bodies:
            yield variant.name, not judge.judge(exercise, variant.sources(judge.master)).failed


def named_mistakes(exercise: str) -> Iterator[tuple[str, bool]]:
    """Judge every mistake of an exercise alone, and see whether it is named in all parts that it loses."""
    judge = Judge(load_master())
    reference = dict(judge.base)
    text = (ROOT / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")
    mistakes = load_mistakes(text, reference)
    for one in mistakes[exercise]:
        verdict = judge.judge(exercise, {exercise: one.implement}, record=True)
        found = recognise(verdict.observed, mistakes, reference)
        named = {part for part, finding in found.items() if finding.name == one.name}
        yield one.name, bool(verdict.failed) and named >= verdict.failed


def judged_mutants(exercise: str) -> list[tuple[Outcome, bool]]:
    """Judge every mutant of an exercise; a survivor is also held against the solution on many random inputs."""
    judge = Judge(load_master(), limit=1.0)
    return [(outcome, outcome.killed or agrees(judge, outcome.mutant, INPUTS)) for outcome in outcomes(judge, exercise)]


def slips() -> Iterator[tuple[str, str, str, bool]]:
    """Examine one slip after another in the sandbox -> exercise, slip, what it cost, whether that is what it should."""
    course = Course(ROOT)
    master = json.loads(course.source("rnn").read_text(encoding="utf-8"))
    release = json.loads(course.release("rnn").read_text(encoding="utf-8"))
    right = corpus.reference(master)
    with Examiner(Homework(load_master()), releases(course, "rnn")) as examiner:
        for slip in SLIPS:
            solutions = {**right, slip.exercise: slip.source(right[slip.exercise])}
            result = examiner.examine(corpus.submission(release, solutions)).result
            lost = {check.name: [part.name for part in check.parts if not part.passed] for check in result.checks}
            lost = {name: parts for name, parts in lost.items() if parts}
            cost = "; ".join(f"{name}: {' '.join(parts)}" for name, parts in lost.items())
            why = f" ({slip.why})" if slip.why else ""
            right_cost = {name: set(parts) for name, parts in lost.items()} == slip.lost
            yield slip.exercise, slip.wrong, f"{100 - result.score:g} points: {cost}{why}", right_cost


def main() -> int:
    """Print the accuracy of the verdicts; exit status 1 if anything is missed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS)
    options = parser.parse_args()
    exercises = [cell.name for cell in load_master().solves]
    with ProcessPoolExecutor() as pool:
        margins = {name: pool.submit(measure, name, options.draws) for name in reversed(exercises)}
        mutants = [pool.submit(judged_mutants, name) for name in reversed(exercises)]
        good = [
            tally("right variants accepted", (entry for name in exercises for entry in accepted_variants(name))),
            tally("mistakes caught and named", (entry for name in exercises for entry in named_mistakes(name))),
            survivors([entry for job in reversed(mutants) for entry in job.result()]),
            one_slip_table(list(slips())),
            *wrong_functions(list(judged())),
            margin_table({name: margins[name].result() for name in exercises}),
        ]
    return 0 if all(good) else 1


def wrong_functions(rows: list[tuple[str, bool | None, bool]]) -> list[bool]:
    """Print how many of tests/corpora/wrong are named, and how many cost no more exercises than they change."""
    return [
        tally(
            "wrong functions whose cause is named as it was read",
            ((n, fine) for n, fine, _ in rows if fine is not None),
        ),
        tally("wrong functions that cost no more exercises than they change", ((n, alone) for n, _, alone in rows)),
    ]


def tally(what: str, entries: Iterable[tuple[str, bool]]) -> bool:
    """Print how many of them are so, and which are not."""
    counted = list(entries)
    missed = [name for name, fine in counted if not fine]
    print(f"{what}: {len(counted) - len(missed)} of {len(counted)}", *missed, sep="\n  missed: ")
    return not missed


def survivors(judged: list[tuple[Outcome, bool]]) -> bool:
    """Print the mutation score and, by reason, the mutants that survive."""
    killed = [outcome for outcome, _ in judged if outcome.killed]
    equivalent = [
        outcome for outcome, agreed in judged if not outcome.killed and agreed and outcome.mutant.name in EQUIVALENT
    ]
    wrong = [o.mutant.name for o, _ in judged if not o.right or (not o.killed and o not in equivalent)]
    print(f"mutants killed, each in the right parts: {len(killed)} of {len(judged) - len(equivalent)}", end="")
    print(f" that are not equivalent ({len(judged)} in all)", *wrong, sep="\n  missed: ")
    print(f"surviving mutants, which agree with the solution on {INPUTS} random inputs: {len(equivalent)}")
    for outcome in equivalent:
        print(f"  {outcome.mutant.name}\n    {EQUIVALENT[outcome.mutant.name]}")
    return not wrong


def one_slip_table(rows: list[tuple[str, str, str, bool]]) -> bool:
    """Print what one wrong line costs when all else is right."""
    print(f"one slip and nine right functions, as it should be: {sum(row[-1] for row in rows)} of {len(rows)}")
    for exercise, wrong, cost, fine in rows:
        print(f"  {exercise}: {' '.join(wrong.split())}\n    {'' if fine else 'NOT AS EXPECTED '}{cost}")
    return all(row[-1] for row in rows)


def margin_table(found: Mapping[str, Mapping[str, Any]]) -> bool:
    """Print the margins."""
    margins = [margin for parts in found.values() for margin in parts.values()]
    print(f"thresholds ten times off on both sides: {sum(margin.wide for margin in margins)} of {len(margins)}")
    print(table(found))
    return all(margin.wide for margin in margins)


if __name__ == "__main__":
    sys.exit(main())

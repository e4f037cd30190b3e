"""Right solutions in many styles get all marks: each family by its checks, and mixed as whole submissions."""

from __future__ import annotations

import ast
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework.notebook import releases
from assignment.sandbox import Limits
from tests.support import corpus
from tests.support.fitting import Variant, variants
from tests.support.judge import Judge, load_master

VARIANTS = variants()
FAMILIES = sorted({variant.family for variant in VARIANTS})
NUMBERS = [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 12))]  # of mixtures
SLOW = "temporal_softmax_loss/jacobian"  # makes every entry of every Jacobian


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The master, ready to judge."""
    return Judge(load_master(), limit=20.0)


@pytest.fixture(scope="module")
def patient(checkout: Course, homework: Homework) -> Iterator[Examiner]:
    """An examiner that waits for the slowest style also where much else is running."""
    limits = replace(Limits(), call_seconds=30.0, cell_seconds=60.0)
    with Examiner(homework, releases(checkout, "rnn"), limits) as ready:
        yield ready


def mixed(number: int) -> dict[str, Variant]:
    """Return one style of every family; a dozen numbers use every style."""
    chosen = {}
    for step, family in enumerate(FAMILIES):
        styles = [variant for variant in VARIANTS if variant.family == family]
        chosen[family] = styles[(number + 3 * step) % len(styles)]
    return chosen


@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, id=v.name, marks=[pytest.mark.slow] if v.name == SLOW else []) for v in VARIANTS],
)
def test_a_variant_gets_all_marks(variant: Variant, judge: Judge) -> None:
    sources = variant.sources(judge.master)
    for exercise in sources:
        begun = time.process_time()
        verdict = judge.judge(exercise, sources)
        assert time.process_time() - begun < 0.8 * Limits().call_seconds, "on a busy machine it would take too long"
        assert verdict.parts, exercise
        assert not verdict.failed, [row.message for row in verdict.rows if not row.passed]
        assert all(row.passed for row in verdict.rows), "a visible row failed that does not decide"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_stays_inside_its_region(variant: Variant, judge: Judge) -> None:
    for exercise, source in variant.sources(judge.master).items():
        cell = judge.master.solve(exercise)
        (region,) = cell.regions
        before, after = cell.source.splitlines(), source.splitlines()
        assert after[: region.start] == before[: region.start]
        assert after[len(after) - (len(before) - region.stop) :] == before[region.stop :]


def test_every_function_has_five_styles_no_two_alike() -> None:
    bodies = [(name, ast.dump(ast.parse(body))) for variant in VARIANTS for name, body in variant.bodies.items()]
    assert len(set(bodies)) == len(bodies)
    styles = Counter(name for name, _ in bodies)
    assert len(styles) == 10
    assert min(styles.values()) >= 5, styles


@pytest.mark.parametrize("number", NUMBERS)
def test_mixed_variants_get_all_marks(number: int, judge: Judge) -> None:
    sources: dict[str, str] = {}
    for variant in mixed(number).values():
        sources |= variant.sources(judge.master)
    verdicts = judge.judge_all(sources)
    assert sum(verdict.score for verdict in verdicts.values()) == 100
    assert not any(verdict.failed for verdict in verdicts.values())


def test_the_mixtures_use_every_style() -> None:
    assert {variant.name for number in range(12) for variant in mixed(number).values()} == {v.name for v in VARIANTS}


@pytest.mark.parametrize("number", NUMBERS)
def test_mixed_variants_get_all_marks_in_the_sandbox(
    number: int, judge: Judge, patient: Examiner, release: dict[str, Any]
) -> None:
    sources: dict[str, str] = {}
    for variant in mixed(number).values():
        sources |= variant.sources(judge.master.released)
    result = patient.examine(corpus.submission(release, sources)).result
    assert result.score == 100, [part for check in result.checks for part in check.parts if not part.passed]
    assert not [finding for finding in result.rules if finding.breach]

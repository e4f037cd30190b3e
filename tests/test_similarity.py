"""Similar work: what leaves a function's hash as it is, planted copies found, honest classes left alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from math import log2
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from assignment.grading.result import CheckResult, MadeBy, Part, Result
from assignment.report.patterns import Similarity, similarity, similarity_page
from assignment.submission.likeness import Traces, common_lines, known, numbered
from tests.support.judge import load_master
from tests.support.similar_class import CHANGES, copied, honest, result_of

MISTAKES = (Path(__file__).parent.parent / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")
FORWARD = """\
def forward(x, W, b):
    '''What it does.'''
    N, D = x.shape
    out = x.reshape(N, -1) @ W  # flat
    total = np.zeros(3)
    for i in range(N):
        out[i] += b
        total += i
    np.add.at(total, [1], 2)
    cache = [x, W]
    cache.append(b)
    return out, cache
"""
SAME = {
    "the same": FORWARD,
    "other names": FORWARD.replace("out", "result").replace("total", "acc").replace("N, D", "n, d").replace("(N", "(n"),
    "other parameters": FORWARD.replace("x", "inputs").replace("b)", "bias)").replace("+= b", "+= bias"),
    "another order": FORWARD.replace(
        "        out[i] += b\n        total += i\n", "        total += i\n        out[i] += b\n"
    ),
    "other brackets": FORWARD.replace("x.reshape(N, -1) @ W", "(\n        x.reshape(N, -1)\n        @ W )"),
    "no comments": FORWARD.replace("  # flat", "").replace("    '''What it does.'''\n", ""),
    "a helper's name": FORWARD + "\n\ndef spare(y):\n    return y\n",
}
OTHER = {
    "another operand": FORWARD.replace("cache.append(b)", "cache.append(x)"),
    "another operator": FORWARD.replace("out[i] += b", "out[i] -= b"),
    "what depends is moved": FORWARD.replace(
        "cache = [x, W]\n    cache.append(b)", "cache = [x, b]\n    cache.append(W)"
    ),
    "another number": FORWARD.replace("np.zeros(3)", "np.zeros(4)"),
    "another function called": FORWARD.replace("np.zeros", "np.ones"),
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_names_layout_and_free_order_make_no_difference(source: str) -> None:
    assert numbered(source)["forward"] == numbered(FORWARD)["forward"]


@pytest.mark.parametrize("source", OTHER.values(), ids=OTHER)
def test_what_is_done_makes_a_difference(source: str) -> None:
    assert numbered(source)["forward"] != numbered(FORWARD)["forward"]


def test_methods_are_named_and_nonsense_leaves_no_trace() -> None:
    assert numbered(f"class Net:\n    def forward(self):\n        return 1\n\n{FORWARD}").keys() == {
        "Net",
        "Net.forward",
        "forward",
    }
    for nonsense in ("def f(:", "", "x = " + "(" * 500, "x" * 60_000, "x = " + "-" * 9_000 + "1"):
        assert numbered(nonsense).keys() <= {"f"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n" + "    x = x + 1\n" * 3_000,
        "def f(x):\n    return " + "+".join(["x"] * 12_000),
        "".join(f"a{number} = [y for y in z]\n" for number in range(2_000)),
        "".join(f"def f{number}(): 0\n" for number in range(2_500)),
        "def f(x):\n    return " + "[" * 90 + "x" + "]" * 90,
    ],
)
def test_a_strangers_giant_takes_no_time(source: str) -> None:
    start = perf_counter()
    numbered(source)
    assert perf_counter() - start < 10  # of half a second, under load


def test_lines_that_say_the_same_are_marked() -> None:
    other = SAME["other names"].replace("acc += i", "acc += 2 * i").replace("# flat", "# mine")
    assert 8 not in common_lines(FORWARD, other)
    assert {1, 3, 4, 7, 11, 12} <= common_lines(FORWARD, other)


def shares(**work: Mapping[str, str]) -> dict[str, Result]:
    return {student: Result("graded", 10.0, traces=Traces(functions)) for student, functions in work.items()}


def a_class(size: int = 30) -> dict[str, Result]:
    """Everybody has ten functions of their own, the same first one, and a file of their own."""
    return {
        str(number): Result(
            "graded",
            10.0,
            traces=Traces({"f0": "all"} | {f"f{place}": f"{number} {place}" for place in range(1, 10)}),
            made_by=MadeBy(submission=f"file {number}"),
        )
        for number in range(size)
    }


def give(results: dict[str, Result], giver: str, taker: str, functions: int) -> dict[str, Result]:
    mine, theirs = results[taker].traces.functions, results[giver].traces.functions
    taken = {name: theirs[name] if place < functions else value for place, (name, value) in enumerate(mine.items())}
    return results | {taker: replace(results[taker], traces=Traces(taken))}


def test_what_is_rare_counts_and_what_all_have_does_not() -> None:
    assert similarity(a_class()).groups == ()
    (pair,) = similarity(give(a_class(), "3", "7", 6)).groups
    assert pair.students == ("3", "7")
    assert pair.functions == ("f1", "f2", "f3", "f4", "f5")  # f0 is everybody's
    assert pair.bits == pytest.approx(5 * 3.9, abs=0.1)  # log2(30 / 2) each
    (ring,) = similarity(give(give(a_class(), "3", "7", 8), "3", "9", 8)).groups
    assert ring.students == ("3", "7", "9")


def test_what_the_homework_knows_is_nobodys_own() -> None:
    results = give(a_class(), "3", "7", 6)
    own = set(results["3"].traces.functions.values())
    assert similarity(results, own).groups == ()
    variant = "def reshaped(x):\n    return x.reshape(len(x), -1)\n"
    hashes = known(load_master(), MISTAKES, [variant])
    assert numbered(variant.replace("x", "inputs"))["reshaped"] in hashes
    for cell in load_master().solves:
        assert {numbered(cell.source)[cell.name], numbered(cell.stub)[cell.name]} <= hashes


def test_comments_values_outputs_and_files_speak_too() -> None:
    results = a_class()
    for student in ("3", "7"):
        wrong = tuple(
            CheckResult(f"f{place}", 1.0, parts=(Part("dx", 1.0, value=f"wrong {place}"),)) for place in range(1, 6)
        )
        traces = replace(results[student].traces, comments={"f5": "c"}, outputs={"f6": "o", "f1": "o1"})
        results[student] = replace(results[student], checks=wrong, traces=traces, made_by=MadeBy(submission="one file"))
    for student in ("1", "2", "4", "5", "6", "8", "9", "10"):  # others who have wrong values, comments and outputs
        wrong = tuple(
            CheckResult(f"f{place}", 1.0, parts=(Part("dx", 1.0, value=f"{student} {place}"),)) for place in range(1, 6)
        )
        traces = replace(results[student].traces, comments={"f5": student}, outputs={"f6": student, "f1": student})
        results[student] = replace(results[student], checks=wrong, traces=traces)
    (pair,) = similarity(results).groups
    assert pair.functions == ()
    values = [f"wrong values f{place}" for place in range(1, 6)]
    assert sorted(pair.also) == ["comments f5", "file", "outputs f1", "outputs f6", *values]
    # Outputs count once: 5 values, 1 comment, 1 output, the file.
    assert pair.bits == pytest.approx(7 * log2(5) + log2(15), abs=0.2)


def test_other_terms_are_compared_with_todays_and_not_with_each_other() -> None:
    results = give(give(a_class(), "3", "7", 9), "11", "12", 9)
    groups = similarity(results, earlier={"7", "11", "12"}).groups
    assert [group.students for group in groups] == [("3", "7")]


def test_a_decision_stands_beside_it_and_settles_it_for_all_of_them() -> None:
    results = give(a_class(), "3", "7", 9)
    (open_,) = similarity(results, decisions={"3": "waived: a pair"}).groups
    (settled,) = similarity(results, decisions={"3": "waived: a pair", "7": "confirmed: told me"}).groups
    assert (open_.decided, settled.decided) == (False, True)
    people = {who: {"student": who, "name": "", "alias": "A"} for who in "37"}
    text = similarity_page(similarity(results, decisions={"3": "waived: a pair"}), "t", people, {})
    assert "waived: a pair" in text and "assignment waive 7 --rule" in text and "assignment waive 3" not in text
    assert "No two share anything rare" in similarity_page(similarity({}), "t", {}, {})


def test_too_few_are_never_alike() -> None:
    assert similarity(give(a_class(6), "1", "2", 9)).groups == ()


def test_two_thousand_take_no_time() -> None:
    results = a_class(2_000)
    crowds = {
        who: replace(r, traces=Traces({f"f{place}": f"{int(who) % 25} {place}" for place in range(10)}))
        for who, r in results.items()
    }
    for klass in (results, crowds):
        start = perf_counter()
        similarity(klass)
        assert perf_counter() - start < 20  # of two seconds, under load


# --- planted truth


@pytest.fixture(scope="module")
def planted() -> tuple[Similarity, dict[frozenset[str], str]]:
    """A class of 200: 188 honest, a dozen who copied; and who copied from whom, how."""
    rng = random.Random(17)
    works = [honest(rng) for _ in range(188)]
    truth = {}
    ways = [[change] for change in CHANGES] + [list(CHANGES)] * 2
    for place in range(12):
        victim = place * 15
        copy = copied(works[victim], rng, ways[place % 6])
        if place >= 10:  # of half of the functions; the rest is their own
            own = honest(rng)
            copy = {name: copy[name] if number % 2 else own[name] for number, name in enumerate(own)}
        truth[frozenset((str(victim), str(len(works))))] = "half" if place >= 10 else " ".join(ways[place % 6])
        works.append(copy)
    results = {str(number): result_of(work, str(number)) for number, work in enumerate(works)}
    return similarity(results, known(load_master(), MISTAKES)), truth


def test_planted_copies_are_found_and_nobody_else(planted: tuple[Similarity, dict[frozenset[str], str]]) -> None:
    found, truth = planted
    groups = {frozenset(group.students) for group in found.groups}
    assert groups <= truth.keys()
    assert {pair for pair, how in truth.items() if how != "half"} <= groups


def test_there_is_a_gap_between_honest_pairs_and_copies(
    planted: tuple[Similarity, dict[frozenset[str], str]],
) -> None:
    found, truth = planted
    whole = [group.bits for group in found.groups if truth[frozenset(group.students)] != "half"]
    assert median(whole) > 1.5 * found.least
    # Nothing but planted pairs above, and next to nothing just below: the gap.
    assert sum(count for low, count in found.pairs if low + 4 > found.least) <= len(truth)
    assert sum(count for low, count in found.pairs if found.least - 8 < low < found.least - 4) <= 8

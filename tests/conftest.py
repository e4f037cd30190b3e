"""What most tests need: the homework as it lies in this checkout, and an examiner with a warm sandbox."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import load_master
from assignment.homework.notebook import releases
from assignment.sandbox import Limits
from assignment.sandbox.zygote import Zygote
from assignment.workflow import proving
from assignment.workflow.new import copy_course
from tests import ROOT
from tests.support import corpus

# Files of tests by how long they take: the longest; and those whose tests need nothing costly of each other, which fill
# the gaps at the end.
FIRST = ("test_jupyterlab", "test_docs", "test_grade", "test_formgrader", "test_cli", "test_killed", "test_lateness")
SHARED = (
    "test_session",
    "test_defences",
    "test_attacks",
    "test_honest",
    "test_variants",
    "test_mutants",
    "test_margins",
)
SANDBOX = ("test_sandbox", "test_session")
START = Zygote.start
HURRIED = replace(Limits(), call_seconds=3.0, cell_seconds=10.0)  # a hang costs its test seconds, not a minute


@pytest.fixture(scope="session")
def checkout() -> Course:
    """The course in this checkout; tests read it and never write to it."""
    return Course(ROOT)


@pytest.fixture
def course(checkout: Course, tmp_path: Path) -> Course:
    """A course of the test's own, as a term begins."""
    return copy_course(checkout, tmp_path)


@pytest.fixture(scope="session")
def homework(checkout: Course) -> Homework:
    """The recurrent networks, with the list of mistakes."""
    return Homework(load_master(checkout.source("rnn")), checkout.mistakes("rnn").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def release(checkout: Course) -> dict[str, Any]:
    """The notebook students get, as JSON."""
    return json.loads(checkout.release("rnn").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def master(checkout: Course) -> dict[str, Any]:
    """The master notebook, as JSON."""
    return json.loads(checkout.source("rnn").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def reference(master: dict[str, Any]) -> dict[str, str]:
    """The right sources of the solve cells, by exercise."""
    return corpus.reference(master)


@pytest.fixture(scope="session")
def examiner(checkout: Course, homework: Homework) -> Iterator[Examiner]:
    """An examiner of the homework that loses patience soon."""
    with Examiner(homework, releases(checkout, "rnn"), HURRIED) as ready:
        yield ready


@pytest.fixture(scope="session")
def split_off() -> Iterator[Callable[..., Zygote]]:
    """As Zygote.start, but split off one that is begun when first asked for: to start each takes half a second.

    A process that was forked from this one starts its own: what a zygote says, only one of them would hear.
    """
    own = os.getpid()
    with ExitStack() as stack:
        first: list[Zygote] = []

        def start(contain: bool = True, off: frozenset[str] = frozenset()) -> Zygote:
            if not contain or off or os.getpid() != own:
                return START(contain, off)
            if not first or not first[0].lives():
                first[:] = [stack.enter_context(START())]
            return first[0].split()

        yield start


@pytest.fixture(scope="module", autouse=True)
def zygotes(request: pytest.FixtureRequest, split_off: Callable[..., Zygote]) -> Iterator[None]:
    """Have this process split its zygotes off, but in tests of the sandbox; commands as processes start theirs."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in SANDBOX:
            patch.setattr(Zygote, "start", split_off)
        yield


@pytest.fixture
def real_zygotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each zygote anew, where a test is about that."""
    monkeypatch.setattr(Zygote, "start", START)


@pytest.fixture(scope="module")
def few_mistakes() -> Iterator[None]:
    """Have releases made in this process try few known mistakes: the demo's tries all, test_mistakes judges each."""
    whole = proving._mistaken
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proving, "_mistaken", lambda *args, **more: islice(whole(*args, **more), 10))
        yield


@contextmanager
def limited(examiner: Examiner, limits: Limits) -> Iterator[None]:
    """An examiner with other limits for a while; its sandbox sets them for each submission anew."""
    before = examiner.limits
    examiner.limits = examiner.sandbox.limits = limits
    try:
        yield
    finally:
        examiner.limits = examiner.sandbox.limits = before


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it when the others are done."""
    order = {name: number for number, name in enumerate((*FIRST, "", *SHARED))}
    items.sort(key=lambda item: order.get(item.path.stem, order[""]))


@pytest.hookimpl(optionalhook=True)  # there is no such hook without pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file and its fixtures with one worker (loadscope), but give the tests of SHARED to whoever is free."""
    from xdist.scheduler import LoadScopeScheduling

    if config.option.dist != "loadscope":
        return None

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if Path(file).stem in SHARED else file

    config.option.loadscopereorder = False  # by the number of tests
    return Scheduling(config, log)

"""What is said of the wrong functions of tests/corpora/wrong, to be read (`python -m tests.tools.wrong [WORD ...]`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import load_master
from assignment.homework.notebook import releases
from tests import ROOT
from tests.support.wrong import Shown, Wrong, cases, graded


def spoken(words: Iterable[str] = ()) -> Iterator[tuple[Wrong, list[tuple[str, str]], list[tuple[str, str, str, str]]]]:
    """Yield the cases in whose file and name all the words are, what the notebook says and what the grader says."""
    course = Course(ROOT)
    master = load_master(course.source("rnn"))
    shown = Shown(master)
    release = json.loads(course.release("rnn").read_text(encoding="utf-8"))
    with Examiner(Homework(master, course.mistakes_text("rnn")), releases(course, "rnn")) as examiner:
        for case in cases():
            if all(word in f"{case.file} {case.name}" for word in words):
                yield case, list(shown.said(case)), list(graded(case, examiner, release))


def judged() -> Iterator[tuple[str, bool | None, bool]]:
    """Yield of each case its name, whether its cause is named as it was read to be (None: it has no name), and whether
    it costs no more exercises than it changes: what a cache lacks costs the backward that misses it, and no other.
    """
    for case, said, told in spoken():
        text = str(told) if case.by_grader else "".join(printed for _, printed in said)
        named = all(part in text for part in case.says) if case.says else None
        lost = {exercise for exercise, parts, *_ in told if parts}
        yield f"{case.file} {case.name}: {case.cause}", named, len(lost) <= len(case.bodies)


def main() -> None:
    """Print it, for the cases in whose file and name all the words are."""
    for case, said, told in spoken(sys.argv[1:]):
        print(f"\n## {case.file} {case.name}: {case.cause}")
        for name, text in said:
            print(f"notebook, {name}:")
            print("".join(f"    {line}\n" for line in text.splitlines() if "想再要一点提示" not in line), end="")
        for name, parts, message, hint in told:
            print(f"grader, {name}: {parts} | {message} | {hint}")


if __name__ == "__main__":
    main()

"""Verbs for the author of a homework: build, release."""

from __future__ import annotations

from typing import Annotated

import typer

from assignment.cli.options import CourseOption, NameOption, chosen, shown
from assignment.cli.terminal import out, waiting


def build(
    course: CourseOption = None,
    name: NameOption = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Carry edits made to the notebook in Jupyter back into the text first.")
    ] = False,
) -> None:
    """Make the master notebook source/NAME/NAME.ipynb from its text source/NAME.py.

    The same text gives the same notebook, byte for byte. A notebook that was edited in Jupyter since the last build is
    never overwritten: the difference is shown, and --take-back carries it into the text.

    \b
    Examples:
      assignment build
      assignment build --take-back
    """
    from assignment.workflow import build as verb

    found, which = chosen(course, name)
    built = (verb.take_back if take_back else verb.build)(found, which)
    state = "written" if built.changed else "up to date"
    out.print(
        f"{shown(found, built.path)}: {state}, {len(built.master.cells)} cells, {built.master.max:g} points",
        soft_wrap=True,
    )


def release(course: CourseOption = None, name: NameOption = None) -> None:
    """Make release/NAME/NAME.ipynb, the notebook that students get.

    nbgrader takes the solutions and hidden tests out; then it is proved that none is left, nor a part of one. A leak
    is an error that names the cell, and no release stays behind. A copy is kept in published/NAME/: submissions made
    from an earlier release are still recognised after a correction in mid-term. Commit both.

    \b
    Example:
      assignment release
    """
    from assignment.workflow.release import release as verb

    found, which = chosen(course, name)
    with waiting("building the release with nbgrader"):
        made = verb(found, which)
    out.print(
        f"{shown(found, made.path)}: release {made.release}, {made.points:g} points, nothing leaked", soft_wrap=True
    )

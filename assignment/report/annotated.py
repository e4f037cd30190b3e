"""The annotated notebook: what a student handed in, with the feedback after each check, and nothing that could run."""

import re
from collections.abc import Iterator
from functools import cache

from jinja2 import Environment

from assignment import words
from assignment.grading.result import VERDICT
from assignment.homework import HIDDEN, source_of, without
from assignment.homework.notebook import EMPTY, FILLED, CellJson, NotebookJson
from assignment.homework.percent import EMBEDDED
from assignment.marking.breakdown import Standing
from assignment.report.student_page import environment, exercises, joined, kind, rule_views, summands, title
from assignment.sandbox.session import png
from assignment.text import block, fenced, one_line, points

CELL = (200_000, 5_000)  # characters and lines of a cell that are kept
OUTPUT = (10_000, 200)
OUTPUTS = 30  # of one cell
PICTURE = 3_000_000  # base64 characters
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# What a cell may keep of its metadata: enough to be recognised if the file is handed in again, nothing that acts.
NBGRADER = ("grade_id", "grade", "solution", "locked", "points", "schema_version", "task", "cell_type")
MARKDOWN = {mark: f"&#{ord(mark)};" for mark in "&<>\"'`*_[](){}#!|~:@^=+-"} | {"$": "＄", "\\": "＼"}


def annotate(standing: Standing, notebook: NotebookJson) -> NotebookJson:
    """Return the notebook (nbformat 4) that goes back to the student through Canvas.

    notebook: the autograded one, whose prose, given and check cells are the master's. Text cells that are not the
    master's show as source.
    """
    result, breakdown = standing.result, standing.breakdown
    tasks = {task.name: task for task in exercises(result, notebook, breakdown)}
    summary, exercise = (_templates().get_template(f"{name}.md") for name in ("summary", "exercise"))
    text = summary.render(
        mark=words.of_points(points(breakdown.net), points(breakdown.max)) if breakdown.marked else words.NO_MARK,
        title=title(notebook),
        verdict=words.verdict(result.verdict),
        summands=summands(breakdown),
        tasks=list(tasks.values()),
        rules=rule_views(result, breakdown),
        objection=words.objection(*standing.objection),
    )
    cells = [_markdown("feedback-summary", text)]
    for number, cell in enumerate(notebook.get("cells") or []):
        role, name = kind(cell)
        if role == VERDICT:
            continue  # the TA's words; the summary says it in the student's
        cells.append(_cell(cell, number))
        task = tasks.pop(one_line(name, 80), None) if role == "check" else None
        if task is not None:
            cells.append(_markdown(f"feedback-{len(cells)}", exercise.render(task=task)))
    rest = (exercise.render(task=task) for task in tasks.values())
    cells += [_markdown(f"feedback-{len(cells) + more}", text) for more, text in enumerate(rest)]
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        if cell["id"] in seen:  # a copied cell keeps its source, not its id
            cell["id"] = f"again-{number}"
        seen.add(cell["id"])
    about = (notebook.get("metadata") or {}).get("assignment") or {}
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "assignment": {"name": one_line(about.get("name"), 80), "release": one_line(result.release, 40)},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def escaped(text: str) -> str:
    """Return one line of plain text as Markdown that shows just that: no mark-up, link, formula or HTML."""
    shown = "".join(MARKDOWN.get(mark, mark) for mark in text)
    return re.sub(r"(?i)\bwww\.", "www&#46;", shown)


def is_fenced(text: str) -> bool:
    """Return whether Markdown is one fenced block of code and nothing else."""
    found = re.fullmatch(r"(`{3,})text\n(.*)\n(`{3,})", text, re.DOTALL)
    return found is not None and found[1] == found[3] and found[1] not in found[2]


def _cell(cell: CellJson, number: int) -> CellJson:
    """Return one of the notebook's cells without hidden tests, foreign metadata and outputs that could act."""
    text, role = source_of(cell), kind(cell)[0]
    name = cell.get("id") if isinstance(cell.get("id"), str) and CELL_ID.fullmatch(cell["id"]) else f"cell-{number}"
    if cell.get("cell_type") == "code":
        count = cell.get("execution_count")
        return {
            "cell_type": "code",
            "id": name,
            "metadata": _metadata(cell),
            "source": block(without(FILLED.sub(EMPTY, text), HIDDEN), *CELL),
            "execution_count": count if isinstance(count, int) and not isinstance(count, bool) else None,
            # What hidden rows printed stands among a check's outputs: the feedback says what a student may know of it.
            "outputs": [] if role == "check" else list(_outputs(cell)),
        }
    text = block(without(EMBEDDED.sub(words.FIGURE, text), HIDDEN), *CELL)
    ours = cell.get("cell_type") == "markdown" and role == "prose"
    return _markdown(str(name), text if ours or is_fenced(text) else fenced(text), _metadata(cell))


def _outputs(cell: CellJson) -> Iterator[CellJson]:
    """Yield a cell's outputs as text and PNG pictures; everything else of them is dropped."""
    for output in list(cell.get("outputs") or [])[:OUTPUTS]:
        sort = output.get("output_type")
        if sort == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            yield {"output_type": "stream", "name": name, "text": block(joined(output.get("text")), *OUTPUT) + "\n"}
        elif sort == "error":
            trace = block("\n".join(str(line) for line in output.get("traceback") or []), *OUTPUT)
            kept = {"ename": one_line(output.get("ename"), 100), "evalue": one_line(output.get("evalue"), 1_000)}
            yield {"output_type": "error", **kept, "traceback": trace.split("\n")}
        elif sort in ("execute_result", "display_data"):
            shown, data = output.get("data") or {}, {}
            if "text/plain" in shown:
                data["text/plain"] = block(joined(shown["text/plain"]), *OUTPUT)
            picture = joined(shown.get("image/png"))
            if len(picture) <= PICTURE and (picture := png(picture)):  # one that truly begins as a PNG
                data["image/png"] = picture
            if data:
                yield {"output_type": "display_data", "data": data, "metadata": {}}


def _metadata(cell: CellJson) -> CellJson:
    """Return the part of a cell's metadata by which the cell is recognised."""
    role, name = kind(cell)
    ours = (cell.get("metadata") or {}).get("nbgrader")
    kept: CellJson = {"assignment": {"kind": one_line(role, 20), "name": one_line(name, 80)}} if role else {}
    if isinstance(ours, dict):
        values = {key: ours[key] for key in NBGRADER if isinstance(ours.get(key), str | int | float)}
        kept["nbgrader"] = {key: one_line(one, 100) if isinstance(one, str) else one for key, one in values.items()}
    return kept


def _markdown(name: str, text: str, metadata: CellJson | None = None) -> CellJson:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "id": name, "metadata": metadata or {}, "source": text}


def _name(name: str) -> str:
    """Return a name as inline code, if it is no more than a Python name."""
    return f"`{name}`" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name) else escaped(name)


@cache
def _templates() -> Environment:
    """The templates' environment: a student's words go through `md`, `fenced` or `code`."""
    markdown = environment().overlay(autoescape=False, keep_trailing_newline=False)
    markdown.filters |= {"md": escaped, "fenced": fenced, "code": _name}
    return markdown

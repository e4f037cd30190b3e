"""Files made to keep the grader busy or to harm it: texts, where in a notebook they stand, and a class's ten worst."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support import corpus

Notebook = dict[str, Any]
Text = Callable[[int], str]  # characters -> code of about that length
CELL = 49_000  # characters of a cell that is read as code
MANY = 1900  # cells, about as many as a notebook may have


def repeated(line: str) -> Text:
    """Return as many copies of a line as there is room for."""
    return lambda size: line * max(1, size // len(line))


def nested(depth: int) -> str:
    """Return text that runs text that runs text."""
    code = "import torch"
    for _ in range(depth):
        code = f"exec({code!r})"
    return code + "\n"


def numbered(line: str) -> Text:
    """Return lines that differ in a number."""
    return lambda size: "".join(line.format(number) for number in range(max(1, size // (len(line) + 4))))


def random_words(size: int) -> str:
    rng = random.Random(size)
    return " ".join(f"w{rng.randrange(3000)}" for _ in range(size // 6))


TEXTS: dict[str, Text] = {
    "attributes": lambda size: "x" + ".a" * (size // 2),
    "attributes, short enough for a tree": repeated("x" + ".a" * 800 + "\n"),
    "subscripts": repeated("x" + "['a']" * 180 + "\n"),
    "getattr of getattr": repeated("getattr(" * 90 + "x" + ", 'a')" * 90 + "\n"),
    "texts added up": repeated("x = " + " + ".join(["'a'"] * 600) + "\n"),
    "text that runs text, 5 levels": repeated(nested(5)),
    "text that runs text, 8 levels": repeated(nested(8)),
    "statements": repeated("a\n"),
    "definitions of an exercise": repeated("def rnn_forward():\n    a\n"),
    "definitions cut off": repeated("def rnn_forward(\n"),
    "imports": numbered("import torch{}\n"),
    "shell lines": numbered("!ls {}\n"),
    "questions": numbered("a{}?\n"),
    "marks": repeated("# TODO\n# TODO 结束\n"),
    "blank lines": repeated("\n"),
    "a line of blanks": lambda size: " " * (size - 9) + "x ! y",
    "names bound together": lambda size: (
        "import torch\n" + "a = b" + "".join(f" = a{n}" for n in range(size // 24)) + numbered(", b{}")(size // 2)
    ),
    "random words": random_words,
    "a comment of blanks": lambda size: "#" + " " * size,
    "numbers of many digits": repeated("x = 0x" + "f" * 5000 + "\n"),
    "names of many characters": repeated("np." + "a" * 20_000 + " = 1\n"),
    "commands behind other line ends": repeated("!ls\u2028" * 5000 + "\n"),
    "methods of a class with a long name": lambda size: "class " + "a" * (size // 2) + "\n" + " def b\n" * (size // 14),
}


def extra_cells(homework: Notebook, text: Text, size: int) -> None:
    """Append the text in cells that are just read as code."""
    for number in range(size // CELL + 1):
        homework["cells"].append(code(text(CELL), f"extra{number}"))


def small_cells(homework: Notebook, text: Text, size: int) -> None:
    """Append the text in as many cells as a notebook may have."""
    for number in range(MANY):
        homework["cells"].append(code(text(size // MANY), f"extra{number}"))


def one_cell(homework: Notebook, text: Text, size: int) -> None:
    """Append the text in one cell."""
    homework["cells"].append(code(text(size), "extra"))


def in_place(homework: Notebook, text: Text, size: int) -> None:
    """Append the text to each of the homework's own cells."""
    cells = [cell for cell in homework["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        cell["source"] = "".join(cell["source"]) + "\n" + text(size // len(cells))


def in_exercise(homework: Notebook, text: Text, size: int) -> None:
    """Append a little of the text to an exercise, which is read most closely, and the rest where nobody reads it."""
    solve = next(cell for cell in homework["cells"] if cell["metadata"].get("assignment", {}).get("kind") == "solve")
    solve["source"] = "".join(solve["source"]) + "\n" + text(size // 100)
    homework["cells"].append({"cell_type": "markdown", "id": "rest", "metadata": {}, "source": "a" * size})


def copies(homework: Notebook, text: Text, size: int) -> None:
    """Append cells that all say that they are an exercise of the homework, and are."""
    solves = [cell for cell in homework["cells"] if cell["metadata"].get("assignment", {}).get("kind") == "solve"]
    for number in range(MANY):
        like = solves[number % len(solves)]
        source = "".join(like["source"]) + "\n" + text(max(1, size // MANY - 700))
        homework["cells"].append({**like, "id": f"copy{number}", "source": f"{source}\n# {number}"})


def code(source: str, id: str) -> Notebook:
    return {"cell_type": "code", "id": id, "metadata": {}, "source": source, "execution_count": 1, "outputs": []}


PLACES = (extra_cells, small_cells, one_cell, in_place, copies)
EVERYWHERE = ("statements", "random words", "definitions of an exercise")
ELSEWHERE = {
    "a comment of blanks": in_exercise,
    "numbers of many digits": in_place,
    "names of many characters": in_place,
    "methods of a class with a long name": one_cell,
}
CASES = [(name, ELSEWHERE.get(name, extra_cells)) for name in TEXTS]
CASES += [(name, place) for name in EVERYWHERE for place in PLACES[1:]]

MB = 1_000_000
RUNS = {  # hostile when they run: the body of an exercise
    "loops": "while True:\n        pass",
    "sleeps": "import time\n    time.sleep(1e6)",
    "forks": "import os\n    while True:\n        os.fork()",
    "fills the memory": "kept = []\n    while True:\n        kept.append(bytearray(1 << 24))",
    "prints": "while True:\n        print('a' * 10_000)",
    "answers too much": "return np.ones((9000, 1000))",
    "kills itself": "import os\n    os.kill(os.getpid(), 9)",
}


def files(release: Notebook, function: str) -> dict[str, bytes]:
    """Return ten hostile hand-ins of a homework, by kind; function: one of its exercises, def NAME(x)."""
    made = {
        kind: corpus.submission(release, {function: f"def {function}(x):\n    {body}\n"}) for kind, body in RUNS.items()
    }
    for text, place in (("text that runs text, 8 levels", extra_cells), ("random words", small_cells)):
        notebook = json.loads(corpus.submission(release, {}))
        place(notebook, TEXTS[text], 2 * MB)
        made[text] = json.dumps(notebook).encode()
    return made | {"brackets": b"[" * (4 * MB)}

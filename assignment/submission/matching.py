"""Which cell of a submission is which cell of the homework, and what had to be put right.

A cell is recognised by its ids, then by what it defines, then by its text. All of it takes linear effort.
"""

import ast
import platform
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from assignment.homework import Cell, Master, cell_id
from assignment.submission import Notebook, SubmittedCell, newer_python
from assignment.syntax import LONGEST, bare, canonical, definitions, effort, parsed, plain, segment

DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(def|class)[ \t]+(\w{1,200})", re.MULTILINE)
ALIKE = 0.6  # share of common words above which a cell without ids is taken for the one it is most like
EFFORT = 200_000  # characters of code that are read in one notebook: four times what a homework has
NO_SYNTAX = ("SyntaxError", "IndentationError", "TabError")  # with which Python refuses a cell
WORDY = 20_000  # characters of a cell that may be recognised by its text


@dataclass(frozen=True)
class Placed:
    """A cell in its place."""

    role: str
    """solve, given, check or prose; extra, one more cell of the student's; copy, another copy of a cell that is placed
    already, which must not run."""
    id: str  # the homework's id, "" of an extra cell or a copy
    cell_type: str
    source: str
    origin: int | None  # its position in the submission, None where it has no such cell and the release's own stands in
    first: int = 1  # the line of the student's cell on which the source begins
    tree: ast.Module | None = field(default=None, compare=False, repr=False)
    """Its syntax tree, None if it is no code, no Python, or more than is read."""
    read: bool = True  # whether it is read as code: a notebook that is too large is read in part
    name: str = ""  # the homework's name for it, as in "CaptioningRNN.loss"

    @property
    def is_broken(self) -> bool:
        """Whether it is code that does not parse."""
        readable = self.read and self.cell_type == "code" and len(self.source) <= LONGEST
        return readable and self.origin is not None and self.tree is None


@dataclass(frozen=True)
class Matching:
    """A submission put back in order."""

    cells: list[Placed]  # each of the homework's cells exactly once, and what the student has besides
    repairs: list[str]  # what was put right, in English
    homework: str  # the homework's name
    written: frozenset[str] = frozenset()  # the exercises that the submission names or defines
    checks: frozenset[str] = frozenset()  # the ids of the checks that stand in it


def match(notebook: Notebook, master: Master, release: Master | None = None) -> Matching:
    """Match a submission to the homework; `release` is the one it was made from, if known."""
    stubs = {cell.id: cell for cell in (master.released.cells if release is None else release.cells)}
    cells = _candidates(notebook, master)
    pool = _Pool(cells, {cell.name for cell in master.solves})
    chosen: dict[str, Candidate] = {}
    for cell in sorted(master.released.cells, key=lambda cell: cell.kind != "solve"):
        stub = stubs.get(cell.id, cell)
        choice = pool.exercise(stub) if cell.kind == "solve" else pool.other(stub)
        if choice is not None:
            chosen[cell.id] = choice
    chosen = {cell.id: chosen[cell.id] for cell in master.cells if cell.id in chosen}
    return Matching(
        _ordered(cells, master.released, chosen, stubs),
        _repairs(notebook, cells, master.released, chosen),
        master.name,
        frozenset(  # it says so itself, and was not taken for one by its look
            cell.name
            for cell in master.solves
            if cell.id in chosen and (chosen[cell.id].claim == cell.id or cell.name in chosen[cell.id].defined)
        ),
        frozenset(
            c.id for c in master.checks if c.id in chosen and chosen[c.id].bare == bare(stubs.get(c.id, c).source)
        ),
    )


def another_homework(notebook: Notebook, matching: Matching) -> str:
    """Return why a submission is no submission of this homework but something else, "" if it is one.

    What it calls itself decides only where little of this homework stands in it.
    """
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in notebook.cells):
        return ""  # empty: nothing speaks for another homework
    exercises = [cell for cell in matching.cells if cell.role == "solve"]
    names_another = notebook.assignment not in ("", matching.homework)
    if names_another and 2 * len(matching.written) < len(exercises):
        name = notebook.assignment[:60]
        return f"it names the assignment {name!r}, and has few of the exercises of {matching.homework}"
    if notebook.assignment != matching.homework and not matching.written and not matching.checks:
        return f"none of its cells is a cell of {matching.homework}"
    return ""


def newer_syntax(notebook: Notebook, matching: Matching) -> str:
    """Return why exercises cannot be judged by this Python: a newer one ran the notebook, and they fail to parse here.

    "" if they all parse, or nothing newer is named. A cell that shows a syntax error of its own is none for that one
    either: that is a mistake like others.
    """
    version = newer_python(notebook)
    wrong = {
        cell.position
        for cell in notebook.cells
        if any(output.kind == "error" and output.text.startswith(NO_SYNTAX) for output in cell.outputs)
    }
    broken = [
        cell.id for cell in matching.cells if cell.role == "solve" and cell.is_broken and cell.origin not in wrong
    ]
    if not version or not broken:
        return ""
    return f"it ran on Python {version}, and this one ({platform.python_version()}) cannot read {_listed(broken)}"


@dataclass(frozen=True)
class Candidate:
    """A cell of a submission, and what can be said about it before it is compared."""

    cell: SubmittedCell
    claim: str  # the id of the homework's cell that its metadata or its own id names, "" if none
    by_metadata: bool  # whether nbgrader's or our metadata name it
    read: bool = True  # whether it is read as code: a notebook that is too large is read in part

    @cached_property
    def may_be_code(self) -> bool:
        """Whether it is worth reading as code: it may have been turned into text by accident."""
        turned = self.claim.startswith("solve-") or DEFINITION.search(self.cell.source) is not None
        return self.cell.cell_type == "code" or turned

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, None if the cell is no Python."""
        return parsed(self.cell.source) if self.read and self.may_be_code else None

    @cached_property
    def defined(self) -> Mapping[str, ast.stmt | None]:
        """What it defines; by the look of it if it is broken."""
        if self.tree is not None:
            return definitions(self.tree)
        if self.cell.cell_type != "code" and not self.claim.startswith("solve-"):
            return {}  # prose that quotes code
        owner, result = "", dict[str, ast.stmt | None]()
        for matched in DEFINITION.finditer(plain(self.cell.source)):
            indented = matched[0][0] in " \t"
            result[f"{owner}.{matched[2]}" if indented and owner else matched[2]] = None
            owner = matched[2] if matched[1] == "class" else owner if indented else ""
        return result

    @cached_property
    def vocabulary(self) -> Counter[str]:
        """The words of the source, counted; none of a giant."""
        return _words_of(self.cell.source) if len(self.cell.source) <= WORDY else Counter()

    @cached_property
    def bare(self) -> str:
        """The source without white space."""
        return bare(self.cell.source)

    def edited(self, name: str, stub: Cell) -> bool:
        """Whether its version of an exercise is anything else than the release's stub."""
        if self.bare == bare(stub.source):
            return False
        versions = (canonical(source) if self.read else None for source in (self.cell.source, stub.source))
        nodes = [definitions(tree).get(name) if tree else None for tree in versions]
        return nodes[0] is None or nodes[1] is None or ast.dump(nodes[0]) != ast.dump(nodes[1])


def _words_of(source: str) -> Counter[str]:
    return Counter(re.findall(r"\w+|[^\w\s]", source))


def _candidates(notebook: Notebook, master: Master) -> list[Candidate]:
    """Return the submission's cells with what they claim to be; those that claim something are read first."""
    known = {cell.id for cell in master.cells}
    result: list[Candidate] = []
    for cell in notebook.cells:
        ours = cell_id(cell.kind, cell.name) if cell.kind and cell.name else ""
        named = [name for name in (cell.grade_id, ours) if name in known]
        result.append(Candidate(cell, named[0] if named else cell.id if cell.id in known else "", bool(named)))
    left = EFFORT
    for candidate in sorted(result, key=lambda candidate: not candidate.claim):
        left -= effort(candidate.cell.source) if candidate.may_be_code else 0
        if left < 0:
            result[candidate.cell.position] = replace(candidate, read=False)
    return result


class _Pool:
    """The cells of a submission, from which each cell of the homework takes the student's version of it."""

    def __init__(self, cells: Sequence[Candidate], exercises: set[str]) -> None:
        self._cells = cells
        self._taken: set[int] = set()
        self._claiming: dict[str, list[Candidate]] = {}
        self._defining: dict[str, list[Candidate]] = {}
        self._exact: dict[str, list[Candidate]] = {}  # cells that claim nothing, by their bare text
        self._none: set[int] = set()  # positions of cells that define no exercise
        for cell in cells:
            self._claiming.setdefault(cell.claim, []).append(cell)
            if not cell.claim:
                self._exact.setdefault(cell.bare, []).append(cell)
            written = exercises & cell.defined.keys()
            for name in written:
                self._defining.setdefault(name, []).append(cell)
            if not written:
                self._none.add(cell.cell.position)

    def exercise(self, stub: Cell) -> Candidate | None:
        """Return the student's cell for an exercise, of several the last that was edited; None if there is none."""
        claims, defining = self._claiming.get(stub.id, []), self._defining.get(stub.name, [])
        named = [cell for cell in claims if stub.name in cell.defined]
        elsewhere = [cell for cell in defining if cell.claim != stub.id]
        without = [cell for cell in claims if cell.cell.position in self._none]
        choice = self._edited((named, elsewhere, without), stub)
        if choice is None:
            unclaimed = self._claiming.get("", [])
            free = [c for c in unclaimed if c.cell.cell_type == "code" and c.cell.position in self._none]
            choice = _most_alike(free, stub)
        if choice is not None:
            self._taken.add(choice.cell.position)
        return choice

    def _edited(self, groups: Sequence[list[Candidate]], stub: Cell) -> Candidate | None:
        """Return the last cell that was edited of the first group that has one, else the first cell of all."""
        candidates = [cell for group in groups for cell in group]
        if len(candidates) > 1:  # else nobody need know whether it was edited
            for group in groups:
                for cell in reversed(group):
                    if cell.edited(stub.name, stub):
                        return cell
        return candidates[0] if candidates else None

    def other(self, cell: Cell) -> Candidate | None:
        """Return the student's copy of a given, check or prose cell: the unchanged one if it is there."""
        same = bare(cell.source)
        claims = self._free(self._claiming.get(cell.id, []))
        exact = [candidate for candidate in claims if candidate.bare == same] or self._free(self._exact.get(same, []))
        choice = next(iter([*exact, *claims]), None)
        if choice is None:
            choice = _most_alike(self._free(self._claiming.get("", [])), cell)
        if choice is not None:
            self._taken.add(choice.cell.position)
        return choice

    def _free(self, cells: Sequence[Candidate]) -> list[Candidate]:
        return [cell for cell in cells if cell.cell.position not in self._taken]


def _most_alike(cells: Sequence[Candidate], cell: Cell) -> Candidate | None:
    """Return the first of the cells with most words in common, None if none has enough."""
    vocabulary = _words_of(cell.source)
    best, share = None, 0.0
    for candidate in cells:
        sizes = candidate.vocabulary.total(), vocabulary.total()
        if 2 * min(sizes) >= ALIKE * sum(sizes) > 0:  # else they cannot have enough
            alike = 2 * sum(min(count, candidate.vocabulary[word]) for word, count in vocabulary.items()) / sum(sizes)
            if alike >= ALIKE and alike > share:
                best, share = candidate, alike
    return best


def _ordered(
    cells: list[Candidate], master: Master, chosen: dict[str, Candidate], stubs: dict[str, Cell]
) -> list[Placed]:
    """Return the homework's cells in order, the student's other ones after the cell that they followed."""
    home = _homes(master, chosen)
    followers: dict[str, list[Placed]] = {"": []}
    anchor = ""
    for candidate in cells:
        if candidate.cell.position in home:
            anchor = home[candidate.cell.position]
        else:
            followers.setdefault(anchor, []).append(_spare(candidate, stubs))
    placed = followers[""]
    for cell in master.cells:
        placed.append(_placed(cell, chosen.get(cell.id), home))
        placed += followers.get(cell.id, [])
    return placed


def _homes(master: Master, chosen: dict[str, Candidate]) -> dict[int, str]:
    """Return whose cell each chosen position is; of several exercises in it that of its own id, or the first."""
    home: dict[int, str] = {}
    for cell in master.cells:
        candidate = chosen.get(cell.id)
        if candidate is not None and (candidate.cell.position not in home or candidate.claim == cell.id):
            home[candidate.cell.position] = cell.id
    return home


def _placed(cell: Cell, candidate: Candidate | None, home: dict[int, str]) -> Placed:
    """Return the cell of the homework with what the student has for it."""
    if candidate is None:
        return Placed(cell.kind, cell.id, cell.cell_type, cell.source, None, name=cell.name)
    cell_type = "code" if cell.kind == "solve" else candidate.cell.cell_type
    source, first, tree = plain(candidate.cell.source), 1, candidate.tree if cell_type == "code" else None
    if home[candidate.cell.position] != cell.id:
        whole = source
        source = _excerpt(candidate, cell.name)
        first = whole[: max(0, whole.find(source))].count("\n") + 1
        tree = parsed(source) if candidate.read else None
    return Placed(
        cell.kind, cell.id, cell_type, source, candidate.cell.position, first, tree, candidate.read, cell.name
    )


def _excerpt(candidate: Candidate, name: str) -> str:
    """Return the part of a cell that defines an exercise: of a broken cell what is indented under its def."""
    top = name.partition(".")[0]
    node = candidate.defined.get(top)
    if node is not None:
        return segment(candidate.cell.source, node)
    text = plain(candidate.cell.source)
    body = r"(?:[ \t].*\n|[ \t]*\n|[)\]}].*\n)*"  # indented or blank lines, or the end of a long signature
    matched = re.search(rf"^(def|class)[ \t]+{re.escape(top)}\b.*\n{body}", text + "\n", re.MULTILINE)
    return matched[0].rstrip() if matched else text


def _spare(candidate: Candidate, stubs: dict[str, Cell]) -> Placed:
    """Return a cell that is no cell of the homework: a further copy that must not run, or an extra one."""
    copied = stubs.get(candidate.claim)
    untouched = copied is not None and (
        not candidate.edited(copied.name, copied) if copied.kind == "solve" else candidate.bare == bare(copied.source)
    )
    tree = candidate.tree if candidate.cell.cell_type == "code" else None
    role, source = "copy" if untouched else "extra", plain(candidate.cell.source)
    return Placed(role, "", candidate.cell.cell_type, source, candidate.cell.position, 1, tree, candidate.read)


def _repairs(notebook: Notebook, cells: list[Candidate], master: Master, chosen: dict[str, Candidate]) -> list[str]:
    """Return what was put right, one sentence each."""
    repairs = [] if notebook.kernel == "python3" else [f"kernel {notebook.kernel[:60]!r} replaced by python3"]
    by_id = [
        id
        for id, candidate in chosen.items()
        if candidate.claim == id and not candidate.by_metadata and id[:6] != "prose-"
    ]
    by_look = [id for id, candidate in chosen.items() if candidate.claim != id]
    home = _homes(master, chosen)
    lodgers = [id for id in by_look if home[chosen[id].cell.position] != id]
    if by_id:
        repairs.append(f"cells without nbgrader metadata, recognised by their ids: {_listed(by_id)}")
    if strangers := [id for id in by_look if id not in lodgers]:
        repairs.append(f"cells without metadata and id, recognised by what they define and say: {_listed(strangers)}")
    repairs += [f"{id}: its function was found in the cell of {home[chosen[id].cell.position]}" for id in lodgers]
    repairs += _doubled(cells, chosen)
    for cell in master.cells:
        candidate = chosen.get(cell.id)
        if cell.kind == "solve" and candidate is None:
            repairs.append(f"{cell.id}: missing; taken as not written")
        elif candidate is not None and candidate.cell.cell_type != cell.cell_type:
            repairs.append(f"{cell.id}: was turned into {candidate.cell.cell_type}; read as {cell.cell_type}")
    if missing := [cell.id for cell in master.cells if cell.kind in ("given", "check") and cell.id not in chosen]:
        repairs.append(f"missing; the homework's own are used: {_listed(missing)}")
    at_home = [cell.id for cell in master.cells if cell.id in home.values()]
    if moved := _moved([(id, chosen[id].cell.position) for id in at_home]):
        repairs.append(f"moved; put back in order: {_listed(moved)}")
    unread = [
        str(candidate.cell.position + 1)
        for candidate in cells
        if not candidate.read and candidate.cell.cell_type == "code"
    ]
    if unread:
        repairs.append(f"too much code for a homework; cells that were not read: {_listed(unread)}")
    return repairs


def _doubled(cells: list[Candidate], chosen: dict[str, Candidate]) -> list[str]:
    """Return a sentence on every cell that stands there more than once."""
    claims: dict[str, list[int]] = {}
    for cell in cells:
        claims.setdefault(cell.claim, []).append(cell.cell.position)
    repairs = []
    for id, candidate in chosen.items():
        position = candidate.cell.position
        others = [str(other + 1) for other in claims.get(id, []) if other != position]
        if others and not id.startswith("prose-"):
            why = "the last that was edited" if id.startswith("solve-") else "the unchanged one if there is one"
            repairs.append(f"{id}: stands there again as cell {_listed(others)}; cell {position + 1} is taken ({why})")
    return repairs


def _moved(placed: Sequence[tuple[str, int]]) -> list[str]:
    """Return the fewest ids that must be moved to bring these (id, position) pairs into order."""
    tails: list[int] = []
    lengths: list[int] = []
    for _, position in placed:
        length = bisect_left(tails, position)
        tails[length : length + 1] = [position]
        lengths.append(length)
    stay, length = set(), len(tails) - 1
    below = float("inf")
    for (id, position), reached in reversed(list(zip(placed, lengths, strict=True))):
        if reached == length and position < below:
            stay.add(id)
            length, below = length - 1, position
    return [id for id, _ in placed if id not in stay]


def _listed(names: Sequence[str]) -> str:
    """Return names for a sentence: all of a few, the first of many."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

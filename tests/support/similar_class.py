"""Classes whose truth is known: varied honest solutions of the homework, and planted copies, as results with traces.

Honest work is a right variant, the homework's own solution or a slip in it, written in one of many styles; a student
has a taste, so that styles go together as they do in life. A copy is somebody else's work renamed, reordered,
reformatted and commented anew.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from assignment.grading.result import MadeBy, Result
from assignment.submission.likeness import Traces, numbered
from tests.support.fitting import variants
from tests.support.judge import load_master
from tests.support.slips import SLIPS

WORDS = [
    "left",
    "right",
    "total",
    "part",
    "piece",
    "hidden",
    "inner",
    "outer",
    "grad",
    "delta",
    "acc",
    "store",
    "res",
    "tmp",
    "value",
    "state",
    "flat",
    "mat",
    "vec",
    "now",
]


@dataclass
class Taste:
    """How somebody writes: one choice of each habit, kept nine times in ten."""

    rng: random.Random
    habits: dict[str, int] = field(default_factory=dict)

    def choose(self, habit: str, ways: int) -> int:
        usual = self.habits.setdefault(habit, self.rng.randrange(ways))
        return usual if self.rng.random() < 0.9 else self.rng.randrange(ways)


@lru_cache
def bases() -> dict[str, list[tuple[str, float]]]:
    """By exercise (source of the cell, weight): the solution, variants and slips."""
    master = load_master()
    found: dict[str, list[tuple[str, float]]] = {cell.name: [(cell.source, 12.0)] for cell in master.solves}
    for variant in variants():
        for name, source in variant.sources(master).items():
            found[name].append((source, 2.0))
    for slip in SLIPS:
        found[slip.exercise].append((slip.source(found[slip.exercise][0][0]), 1.5))
    return found


class Habits(ast.NodeTransformer):
    """Writes the same in somebody's own way."""

    def __init__(self, taste: Taste) -> None:
        self.taste = taste

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            way = self.taste.choose("product", 3)
            if way == 1:
                return ast.Call(ast.Attribute(node.left, "dot", ast.Load()), [node.right], [])
            return _np("dot", node.left, node.right) if way == 2 else node
        if isinstance(node.op, ast.Pow) and isinstance(node.left, ast.Name):
            way = self.taste.choose("square", 3)
            return (node, ast.BinOp(node.left, ast.Mult(), node.left), _np("square", node.left))[way]
        if isinstance(node.op, ast.Add | ast.Mult) and self.taste.rng.random() < 0.25:
            return ast.BinOp(node.right, node.op, node.left)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr == "T":
            way = self.taste.choose("transpose", 4)
            turned = ast.Call(ast.Attribute(node.value, "transpose", ast.Load()), [], [])
            return (node, node, turned, _np("transpose", node.value))[way]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "sum" and not isinstance(function.value, ast.Name):
            return node
        if isinstance(function, ast.Attribute) and function.attr == "sum" and function.value.id != "np":  # type: ignore[attr-defined]
            way = self.taste.choose("sum", 3)
            if way == 1:
                return ast.Call(ast.Attribute(ast.Name("np"), "sum", ast.Load()), [function.value], node.keywords)
            if way == 2 and len(node.keywords) == 1 and not node.args:
                return ast.Call(function, [node.keywords[0].value], [])
        if isinstance(function, ast.Attribute) and function.attr == "zeros_like" and self.taste.choose("zeros", 2):
            return _np("zeros", ast.Attribute(node.args[0], "shape", ast.Load()))
        if isinstance(function, ast.Name) and function.id == "range" and len(node.args) == 1:
            return ast.Call(function, [ast.Constant(0), *node.args], []) if self.taste.choose("range", 3) == 2 else node
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and self.taste.choose("augmented", 3) == 2:
            return ast.Assign([node.target], ast.BinOp(ast.Name(node.target.id), node.op, node.value))
        return node


def _np(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load()), list(args), [])


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    short = name.rpartition(".")[2]
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == short][-1]


def _with_steps(body: list[ast.stmt], taste: Taste) -> list[ast.stmt]:
    """Take parts of long expressions out into steps of their own, as often as the taste has it."""
    often, steps = (0.0, 0.15, 0.4)[taste.choose("steps", 3)], list[ast.stmt]()
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp | ast.Call):
            inside = [
                node
                for node in ast.walk(statement.value)
                if isinstance(node, ast.BinOp) and node is not statement.value
            ]
            if inside and taste.rng.random() < often:
                chosen, name = taste.rng.choice(inside), f"step_{len(steps)}_{taste.rng.randrange(999)}"
                steps.append(ast.Assign([ast.Name(name)], chosen))
                _Replace(chosen, ast.Name(name)).visit(statement)
        for block in ("body", "orelse"):
            if getattr(statement, block, None):
                setattr(statement, block, _with_steps(getattr(statement, block), taste))
        steps.append(statement)
    return steps


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def written(source: str, name: str, taste: Taste) -> str:
    """The same function in somebody's own hand."""
    tree = ast.parse(source)
    function = _function(tree, name)
    Habits(taste).visit(function)
    function.body = _with_steps(function.body, taste)
    return ast.unparse(ast.fix_missing_locations(tree))


def honest(rng: random.Random) -> dict[str, str]:
    """Somebody's own work: a source of every exercise."""
    taste = Taste(rng)
    work = {}
    for name, ways in bases().items():
        (base,) = rng.choices([source for source, _ in ways], [weight for _, weight in ways])
        work[name] = written(base, name, taste)
    return work


def renamed(source: str, name: str, rng: random.Random) -> str:
    tree = ast.parse(source)
    function = _function(tree, name)
    local = sorted(
        {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    )
    new = {old: f"{rng.choice(WORDS)}_{number}" for number, old in enumerate(local)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
    return ast.unparse(tree)


def reordered(source: str, name: str, rng: random.Random) -> str:
    """Swap neighbours that have nothing to do with each other."""
    tree = ast.parse(source)
    for node in ast.walk(_function(tree, name)):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for _ in range(2):
                for place in range(len(body) - 1):
                    if rng.random() < 0.7 and _apart(body[place], body[place + 1]):
                        body[place], body[place + 1] = body[place + 1], body[place]
    return ast.unparse(tree)


def _apart(one: ast.stmt, other: ast.stmt) -> bool:
    if not (isinstance(one, ast.Assign | ast.AugAssign) and isinstance(other, ast.Assign | ast.AugAssign)):
        return False
    writes = [{_base(t) for t in ast.walk(s) if isinstance(getattr(t, "ctx", None), ast.Store)} for s in (one, other)]
    reads = [{n.id for n in ast.walk(s) if isinstance(n, ast.Name)} for s in (one, other)]
    calls = any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in ("pop", "append")
        for s in (one, other)
        for n in ast.walk(s)
    )
    return not calls and not writes[0] & (reads[1] | writes[1]) and not writes[1] & reads[0]


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def reformatted(source: str, name: str, rng: random.Random) -> str:
    """Other spaces, brackets and line breaks."""
    return "\n".join(
        f"{line[: len(line) - len(line.lstrip())]}{left.strip()}  = (\n        {right.strip()} )"
        if (parts := line.partition(" = "))[1]
        and "," not in (left := parts[0])
        and (right := parts[2])
        and line.strip()[:3] not in ("def", "for", "if ")
        else line
        for line in source.split("\n")
    )


def commented(source: str, name: str, rng: random.Random) -> str:
    lines = source.split("\n")
    return "\n".join(
        f"{line}  # {rng.choice(WORDS)} {rng.choice(WORDS)}" if line.endswith(")") else line for line in lines
    )


CHANGES: dict[str, Callable[[str, str, random.Random], str]] = {
    "renamed": renamed, "reordered": reordered, "reformatted": reformatted, "commented": commented,
}  # fmt: skip


def copied(work: Mapping[str, str], rng: random.Random, changes: list[str]) -> dict[str, str]:
    """The same work after these changes, one after the other."""
    made = dict(work)
    for change in changes:
        made = {name: CHANGES[change](source, name, rng) for name, source in made.items()}
    return made


def result_of(work: Mapping[str, str], student: str) -> Result:
    """A result with the traces of a work."""
    functions = {name: numbered(source).get(name, "") for name, source in work.items()}
    traces = Traces({name: value for name, value in functions.items() if value})
    return Result("graded", 100.0, score=100.0, made_by=MadeBy(submission=f"file of {student}"), traces=traces)

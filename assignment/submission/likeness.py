"""What tells that two people handed in the same work: short hashes of functions, comments and kept outputs.

A function's hash is made of values, not of names: each variable stands for the statement that gave it its value, and
the statements of a block count in any order. Renaming, reformatting and moving what may be moved leave it as it is.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from assignment.homework import Master
from assignment.submission import Notebook
from assignment.submission.matching import Placed
from assignment.syntax import BODIES, canonical, plain

COMMENT = re.compile("#+(.*)")
SAYING = 12  # characters of a student's own comments in a cell below which they say nothing
SCOPES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
Names = dict[str, str]  # what stands for each local name


@dataclass(frozen=True)
class Traces:
    """Hashes by exercise; a name, a value or a line of code cannot be read out of them."""

    functions: Mapping[str, str] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


def traces(notebook: Notebook, cells: Sequence[Placed], master: Master) -> Traces:
    """Return the traces of a submission; what is no Python, or more than is read as code, leaves none."""
    functions: dict[str, str] = {}
    comments: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for placed in cells:
        if placed.origin is None:
            continue
        if placed.role == "solve" and placed.tree is not None:
            functions |= {name: value for name, value in numbered(placed.source).items() if name == placed.name}
            own = sorted(set(_comments(placed.source)) - set(_comments(master.cell(placed.id).stub)))
            if len("".join(own)) >= SAYING:
                comments[placed.name] = _hash(own)
        elif placed.role == "check":
            text = [output.text for output in notebook.cells[placed.origin].outputs if output.text.strip()]
            outputs |= {placed.name: _hash(text)} if text else {}
    return Traces(functions, comments, outputs)


def known(master: Master, mistakes: str = "", variants: Iterable[str] = ()) -> set[str]:
    """Return the hashes that are nobody's own: of the solutions, the stubs, the named mistakes and right variants."""
    sources = [source for cell in master.solves for source in (cell.source, cell.stub)]
    return {value for source in (*sources, mistakes, *variants) for value in numbered(source).values()}


def numbered(source: str) -> dict[str, str]:
    """Return the hash of each function that code defines, of methods as "Class.method"; none if it is no Python."""
    tree, numbering = canonical(source), _Numbering()
    if tree is not None:
        numbering.block(tree.body, {})
    return numbering.defined


def common_lines(source: str, other: str) -> set[int]:
    """Return the lines (from 1) of a source that say what a line of the other says, however it is named or set."""
    there = {value for _, value in _lines(other)}
    return {line for line, value in _lines(source) if value in there}


def _lines(source: str) -> list[tuple[int, str]]:
    """What each line says: its statement without names, its comment."""
    tree, numbering = canonical(source), _Numbering(nameless=True)
    if tree is not None:
        numbering.block(tree.body, {})
    said = [(number, value) for first, last, value in numbering.statements for number in range(first, last + 1)]
    lines = enumerate(plain(source).split("\n"), 1)
    return said + [(number, f"# {text}") for number, line in lines for text in _comments(line)]


class _Numbering:
    """Gives every statement a hash and every local name the hash of what it holds.

    nameless: local names stand for nothing, so that a statement's hash does not depend on those before it.
    """

    def __init__(self, nameless: bool = False) -> None:
        self._nameless = nameless
        self.defined: dict[str, str] = {}
        self.statements: list[tuple[int, int, str]] = []

    def block(self, statements: Iterable[ast.AST], names: Names, owner: str = "") -> str:
        """Return the hash of a block; its statements count in any order, names learn what they hold now."""
        return _hash(sorted(self._statement(statement, names, owner) for statement in statements))

    def _statement(self, node: ast.AST, names: Names, owner: str) -> str:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return self._definition(node, names, owner)
        value = getattr(node, "value", None) or getattr(node, "iter", None)
        given = [self._text(value, names)]
        if isinstance(node, ast.AugAssign):
            given += [type(node.op).__name__, self._text(node.target, names)]
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor):
            given += [self._bind(target, names, _hash(given)) for target in targets]
            given += [self.block(getattr(node, name, []), names) for name in BODIES]
        else:
            for name in node._fields:
                part = getattr(node, name, None)
                given.append(self.block(part or [], names) if name in BODIES else self._text(part, names))
        result = _hash([type(node).__name__, *given])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            # A call for its own sake changes what it is called on, or its first argument: cache.append(x).
            for part in (node.value.func, *node.value.args[:1]):
                if (root := _root(part)) in names and not self._nameless:
                    names[root] = _hash([names[root], result])
        if hasattr(node, "lineno"):
            body = next((part for name in BODIES for part in getattr(node, name, None) or []), None)
            last = getattr(body, "lineno", node.lineno + 1) - 1 if body else getattr(node, "end_lineno", node.lineno)
            self.statements.append((node.lineno, last, result))
        return result

    def _definition(self, node: ast.stmt, names: Names, owner: str) -> str:
        name = str(getattr(node, "name", ""))
        inner, path = names | {name: "self"}, f"{owner}{name}"
        head = self._arguments(getattr(node, "args", None), inner)
        result = _hash([type(node).__name__, head, self.block(getattr(node, "body", None) or [], inner, f"{path}.")])
        self.defined[path] = names[name] = result
        body = getattr(node, "body", None) or [node]
        self.statements.append((node.lineno, max(node.lineno, body[0].lineno - 1), _hash([type(node).__name__, head])))
        return result

    def _arguments(self, given: ast.arguments | None, names: Names) -> str:
        """Name a function's parameters by their places; return what they are by default."""
        if given is None:
            return ""
        all_ = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
        default = self._text([*given.defaults, *given.kw_defaults], names)
        names |= {arg.arg: f"p{place}" for place, arg in enumerate(all_) if arg is not None}
        return f"{len(all_)} {default}"

    def _bind(self, target: ast.AST | None, names: Names, value: str) -> str:
        """Have what is assigned to hold a value from here on; return where it was put."""
        if isinstance(target, ast.Name):
            names[target.id] = "_" if self._nameless else value
            return "name"
        if isinstance(target, ast.Tuple | ast.List):
            return _hash([self._bind(part, names, _hash([value, str(n)])) for n, part in enumerate(target.elts)])
        if isinstance(target, ast.Starred):
            return self._bind(target.value, names, f"*{value}")
        place = self._text(target, names)
        if (root := _root(target)) in names and not self._nameless:
            names[root] = _hash([names[root], place, value])
        return place

    def _text(self, node: object, names: Names) -> str:
        """Return an expression as text, with what its names hold in their place."""
        if isinstance(node, ast.Name):
            return names.get(node.id, node.id)
        if isinstance(node, list):
            return f"[{','.join(self._text(item, names) for item in node)}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, SCOPES):
            names = dict(names)
            self._arguments(getattr(node, "args", None), names)
        if isinstance(node, ast.comprehension):
            self._bind(node.target, names, self._text(node.iter, names))
        parts = [
            self._text(getattr(node, name, None), names)
            for name in sorted(node._fields, key=lambda name: name != "generators")
        ]
        return f"{type(node).__name__}({','.join(parts)})"


def _root(node: ast.AST | None) -> str:
    """The name of what is changed: x of x[0].y."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _comments(source: str) -> list[str]:
    """A source's comments without white space."""
    return [text for comment in COMMENT.findall(source) if (text := "".join(comment.split()))]


def _hash(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()

"""Student code read as syntax trees: never run, whatever is wrong with it, and compared by meaning."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache
from weakref import WeakKeyDictionary

CELL_MAGIC = re.compile(r"\A\s*%%(\w+)[^\n]*\n?")
PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}  # cell magics whose body is Python in this notebook
LINE_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?P<target>\w[\w, ]*=[ \t]*)?(?P<sign>[%!]+)(?P<rest>.*)$", re.MULTILINE)
HELP = re.compile(r"^[ \t]*(\?{1,2}[\w.]+|[\w.]+\?{1,2})[ \t]*$", re.MULTILINE)
UNIMPORTANT = ("ctx", "type_comment", "annotation", "returns")  # annotations of functions; see meaning
ORDINARY = 20_000  # characters of a cell that is worth remembering: giants would fill the memory
LONGEST = 50_000  # characters of a cell that is read as code: whoever writes more does not write homework
IMPORTS = (ast.Import, ast.ImportFrom)  # tuples where every node is asked: they are made once, unlike A | B
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)  # all that ast.parse was seen to raise


def parsed(source: str) -> ast.Module | None:
    """Return the cell's syntax tree, magics as calls of get_ipython(); None if it is no Python, or a giant.

    The tree may be handed out again: nobody changes it.
    """
    source = plain(source)
    if len(source) > LONGEST:
        return None
    return _remembered(source) if len(source) < ORDINARY else _parsed(source)


def _parsed(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\d" is not our warning
        try:
            return ast.parse(source)
        except BROKEN:
            pass
        try:
            return ast.parse(_without_magics(source))
        except BROKEN:
            return None


_remembered = lru_cache(maxsize=256)(_parsed)  # the rules look at each cell several times, at given ones for everybody


def plain(source: str) -> str:
    """Return the source with the line ends of Unix and without a byte order mark."""
    return source.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def bare(source: str) -> str:
    """Return the source without any white space: equal for texts that editors and file systems made of one another."""
    return _bare_of(source) if len(source) < ORDINARY else _bare(source)


def _bare(source: str) -> str:
    return "".join(plain(source).split())


_bare_of = lru_cache(maxsize=256)(_bare)  # a class hands in the same given cells


def walk(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes of a tree in the order of ast.walk, which takes twice as long."""
    nodes = [tree]
    for node in nodes:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                nodes.append(value)
            elif isinstance(value, list):
                nodes += [item for item in value if isinstance(item, ast.AST)]
    return nodes


def definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return what the code defines, the last of each name: functions, classes, and methods as "Class.method"."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[f"{node.name}.{item.name}"] = item
    return found


def segment(source: str, node: ast.stmt) -> str:
    """Return the lines of a statement, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(plain(source).split("\n")[first - 1 : node.end_lineno])


# The repair and each rule look at the same statements. What is known of one goes with its tree: a giant's is not kept.
_meanings: WeakKeyDictionary[ast.AST, str] = WeakKeyDictionary()


def meaning(node: ast.AST) -> str:
    """Return what code means, as text: equal where two differ in spelling, comments or docstrings alone.

    RecursionError if it is nested more deeply than code that people write.
    """
    if node not in _meanings:
        _meanings[node] = _of_node(node)
    return _meanings[node]


def _of_node(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}:{node.value!r}"  # without the kind of u"..."
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "annotation" and isinstance(node, ast.AnnAssign):
            fields.append(_meaning(value))  # a dataclass needs it
        elif isinstance(value, list):
            if value and isinstance(value[0], ast.stmt):
                value = significant(value)
            elif isinstance(node, ast.Delete):
                value = [part for item in value for part in (item.elts if isinstance(item, ast.Tuple) else [item])]
            fields.append(f"{name}=[{', '.join(_meaning(item) for item in value)}]")
        elif name not in UNIMPORTANT:
            fields.append(f"{name}={_meaning(value)}")
    return f"{type(node).__name__}({', '.join(fields)})"


def significant(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that do something: no pass, no docstring; neighbouring imports split and sorted."""
    kept: list[ast.stmt] = []
    imports: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, IMPORTS):
            imports += _split(statement)
            continue
        kept += sorted(imports, key=ast.dump)
        imports = []
        if not isinstance(statement, ast.Pass) and not _is_idle(statement):
            kept.append(statement)
    return kept + sorted(imports, key=ast.dump)


def _meaning(value: object) -> str:
    return _of_node(value) if isinstance(value, ast.AST) else repr(value)


def _split(statement: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
    """Return one statement for each imported name."""
    if isinstance(statement, ast.Import):
        single: list[ast.stmt] = [ast.Import([name]) for name in statement.names]
    else:
        single = [ast.ImportFrom(statement.module, [name], statement.level) for name in statement.names]
    return [ast.copy_location(one, statement) for one in single]


def _is_idle(statement: ast.stmt) -> bool:
    """Whether the statement is a docstring, another string by itself, or `...`."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str | type(...))


def _without_magics(source: str) -> str:
    """Return the source with IPython's magics as the calls they stand for, line for line."""
    cell = CELL_MAGIC.match(source)
    if cell:
        rest = source[cell.end() :]
        if cell[1] not in PYTHON_MAGICS:
            return f"get_ipython().run_cell_magic({cell[1]!r}, {_line(cell[0])!r}, {rest!r})"
        source = "\n" * cell[0].count("\n") + rest
    return HELP.sub("pass", LINE_MAGIC.sub(_call, source))


def _call(match: re.Match[str]) -> str:
    """Return the call that a line magic or shell line stands for."""
    before, rest = match["indent"] + (match["target"] or ""), match["rest"].strip()
    if match["sign"].startswith("!"):
        return f"{before}get_ipython().system({rest!r})"
    name, _, line = rest.partition(" ")
    if name in PYTHON_MAGICS and not match["target"]:
        return f"{match['indent']}{line or 'pass'}"
    return f"{before}get_ipython().run_line_magic({name!r}, {line.strip()!r})"


def _line(magic: str) -> str:
    return magic.strip().partition(" ")[2]

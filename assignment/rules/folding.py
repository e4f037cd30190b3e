"""What names and texts stand for in code, as far as reading tells: aliases followed, constant texts put together."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from assignment.syntax import walk

LONGEST = 10_000  # characters of a text that is put together
LONGEST_PATH = 300  # characters of a dotted name
TEXT_METHODS = {"join", "replace", "lower", "upper", "strip", "format", "swapcase", "removeprefix", "removesuffix"}
MODULES_IN_NUMPY = {"os", "sys", "builtins", "importlib", "subprocess", "ctypes", "inspect", "functools", "warnings"}
NAMESPACES = {"globals", "locals", "vars"}  # called, they give a module's names as a dictionary


class Folder:
    """Knows what the names of code, and of that of `base`, stand for: functions by path, texts by value."""

    def __init__(self, tree: ast.Module, base: Folder | None = None) -> None:
        self._aliases: dict[str, str] = dict(base._aliases) if base else {}
        self._texts: dict[str, str] = dict(base._texts) if base else {}
        nodes = walk(tree)
        defined = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        self._defined: set[str] = defined | (base._defined if base else set())
        bindings = list(_bindings(nodes))
        for _ in range(2):  # an alias may be used above its definition
            for name, value in bindings:
                if isinstance(value, str):
                    self._aliases[name] = value
                    continue
                path, text = self.path(value), self.text(value)
                if path is not None and path != name:
                    self._aliases[name] = path
                if text is not None:
                    self._texts[name] = text

    def defines(self, path: str) -> bool:
        """Whether the path is a function or class that this code defines itself."""
        return path in self._defined

    def path(self, node: ast.expr) -> str | None:
        """Return the dotted name that an expression leads to; "()" stands for a call, a dictionary's key for a name."""
        try:
            path = self._path(node)
        except RecursionError:
            return None
        return path if path is None or len(path) <= LONGEST_PATH else None

    def _path(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            if node.attr == "__dict__":
                return owner
            if owner and owner.partition(".")[0] == "numpy" and node.attr in MODULES_IN_NUMPY:
                return node.attr
            return f"{owner}.{node.attr}" if owner else None
        if isinstance(node, ast.Subscript):
            owner, key = self.path(node.value), self.text(node.slice)
            if owner is None or key is None:
                return None
            return key if owner == "()" else f"{owner}.{key}"
        if isinstance(node, ast.NamedExpr):
            return self.path(node.value)
        return self._called(node) if isinstance(node, ast.Call) else None

    def text(self, node: ast.expr) -> str | None:
        """Return the text that an expression of constants makes, None if that cannot be told."""
        try:
            made = self._text(node)
        except RecursionError:
            return None
        return made if made is None or len(made) <= LONGEST else None

    def _called(self, node: ast.Call) -> str | None:
        """Return what a call leads to: getattr and imports to what they name."""
        function = self.path(node.func)
        last = (function or "").rpartition(".")[2]
        texts = [self.text(argument) for argument in node.args]
        if last == "getattr" and len(node.args) >= 2 and texts[1]:
            owner = self.path(node.args[0])
            return f"{owner}.{texts[1]}" if owner else None
        if last in ("__import__", "import_module") and texts and texts[0]:
            return texts[0].partition(".")[0] if last == "__import__" else texts[0]
        if function in NAMESPACES:
            return self.path(node.args[0]) if node.args else "()"
        return f"{function}()" if function else None

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bytes):
                return node.value.decode("latin-1")
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._texts.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _joined(self.text(node.left), self.text(node.right))
        if isinstance(node, ast.JoinedStr):
            return _joined(*(self.text(part) for part in node.values))
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return self._slice(node.value, node.slice)
        return self._method(node) if isinstance(node, ast.Call) else None

    def _slice(self, value: ast.expr, part: ast.Slice) -> str | None:
        """Return a slice of a text: the classic is "hcrot"[::-1]."""
        text = self.text(value)
        try:
            bounds = [None if one is None else ast.literal_eval(one) for one in (part.lower, part.upper, part.step)]
            return None if text is None else text[slice(*bounds)]
        except (ValueError, TypeError):
            return None

    def _method(self, node: ast.Call) -> str | None:
        """Return what a method of texts makes of constants, and chr of a number."""
        if isinstance(node.func, ast.Name) and node.func.id == "chr" and len(node.args) == 1:
            number = node.args[0]
            code = number.value if isinstance(number, ast.Constant) else None
            return chr(code) if isinstance(code, int) and 0 <= code < 0x110000 else None
        if isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
            return self.text(node.args[0])
        if not isinstance(node.func, ast.Attribute):
            return None
        text, name = self.text(node.func.value), node.func.attr
        if text is None or name in ("encode", "decode"):
            return text
        if name not in TEXT_METHODS or node.keywords:
            return None
        arguments = [self._texts_of(argument) for argument in node.args]
        if any(argument is None for argument in arguments) or (name == "format" and "{}" not in text):
            return None
        return _applied(getattr(text, name), arguments)

    def _texts_of(self, node: ast.expr) -> str | list[str] | None:
        """Return a text, or a list of texts."""
        if not isinstance(node, ast.List | ast.Tuple):
            return self.text(node)
        texts = [self.text(part) for part in node.elts]
        return None if None in texts else [text for text in texts if text is not None]


def _bindings(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr | str]]:
    """Yield (name, expression) of the simple assignments among the nodes, and (name, path) of imports."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


def _joined(*texts: str | None) -> str | None:
    """Return the texts put together, None if one of them is unknown."""
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(texts) else None


def _applied(method: Callable[..., object], arguments: list[str | list[str] | None]) -> str | None:
    """Return what a method of a text gives, None if it cannot take these arguments or would make a giant."""
    if sum(len(argument or "") for argument in arguments) > LONGEST:
        return None
    try:
        made = method(*arguments)
    except (TypeError, ValueError, LookupError, AttributeError):
        return None
    return made if isinstance(made, str) else None


def modules(tree: ast.Module | None) -> set[str]:
    """Return the top-level modules that code imports by import statements."""
    names: set[str] = set()
    for node in walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names

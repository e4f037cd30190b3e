"""Find in code, by reading it, every way in which it reaches a package: plainly, or in disguise."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from assignment.rules.folding import Folder
from assignment.syntax import BROKEN, IMPORTS, parsed, walk

LINE = 160  # characters of a line that is shown
COMMAND = 2000  # characters of a command for the shell that are read
DEPTH = 5  # of text that runs text that runs text
NUMPY = "numpy"
FOREIGN_IN_NUMPY = {"f2py", "ctypeslib", "distutils"}  # parts of NumPy that build or load other people's code
GONE = {"imp", "distutils", "asyncore", "asynchat", "smtpd"}  # once of the standard library: the same on every Python
STANDARD = frozenset(sys.stdlib_module_names) | GONE
IMPORTERS = {"__import__", "import_module", "run_module", "load_module", "import_item", "find_spec", "resolve_name"}
RUNNERS = {"exec", "eval", "compile", "execfile"}
IPYTHON = "get_ipython()"
SHELLS: dict[str, set[str] | None] = {  # None: whatever is called of it
    "os": {"system", "popen", "execv", "execvp", "spawnl", "spawnv", "posix_spawn"},
    "subprocess": None,
    IPYTHON: {"system", "getoutput"},
}
INSTALLERS = {"pip", "pip3", "conda", "mamba", "micromamba", "uv"}
INSTALL = re.compile(r"\b(pip3?|conda|mamba|micromamba|uv)\b[^|;&]*\b(install|download|add)\b|\beasy_install\b")
IMPORT_IN_TEXT = re.compile(r"(?:^|[;\"'(:])\s*(?:import\s+([\w.]+)|from\s+([\w.]+)\s+import\b)", re.MULTILINE)
NAMING = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)  # expressions that may lead to a module
REFERENCES = {"__builtins__", "builtins", "__loader__", "__spec__", "sys.modules", "sys.meta_path"}


@dataclass(frozen=True)
class Use:
    """One use of a package, or of a way to reach one; a note where what is reached cannot be told."""

    breach: bool
    evidence: str


class Reader:
    """Reads one cell; `given` are the modules that everybody may use, `folder` knows the names of all cells."""

    def __init__(self, source: str, given: set[str], folder: Folder, depth: int = DEPTH) -> None:
        self.lines = source.split("\n")
        self.given = given
        self.folder = folder
        self.depth = depth

    def read(self, tree: ast.Module) -> Iterator[Use]:
        """Yield the uses in a cell. Raises RecursionError."""
        callees = set()
        for node in walk(tree):
            if isinstance(node, IMPORTS):
                yield from self._import(node)
            elif isinstance(node, ast.Call):
                callees.add(id(node.func))
                yield from self._call(node)
            if isinstance(node, NAMING):
                yield from self._reference(node, id(node) in callees)

    def module(self, name: str, node: ast.AST) -> Iterator[Use]:
        """Yield the use of a module by name, unless everybody may use it."""
        top, _, rest = name.strip().partition(".")
        if top == NUMPY and not FOREIGN_IN_NUMPY & set(rest.split(".")):
            return
        if top in self.given - {NUMPY} or top == "__future__":
            return
        if top in STANDARD or top == "__main__":
            yield self._use(False, f"用到了标准库 {top}", node)
        else:
            yield self._use(True, f"用到了 {name.strip() if top == NUMPY else top}", node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[Use]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self.module(alias.name, node)
        elif node.level:
            yield self._use(False, "相对导入，不知道是什么", node)
        else:
            for alias in node.names if node.module == NUMPY else node.names[:1]:
                yield from self.module(f"{node.module}.{alias.name}", node)

    def _call(self, node: ast.Call) -> Iterator[Use]:
        path = self.folder.path(node.func) or ""
        root, _, last = path.rpartition(".")
        texts = [self.folder.text(argument) for argument in [*node.args, *(keyword.value for keyword in node.keywords)]]
        if last in IMPORTERS and not self.folder.defines(path):
            yield from self._named(texts[:1] or [None], node, last)
        elif last in RUNNERS and root in ("", "builtins", "__builtins__") and not self.folder.defines(path):
            yield from self._run(texts[:1], node)
        elif path in ("sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__"):
            yield from self._named(texts[:1], node, "sys.modules")
        elif root == IPYTHON and last.startswith("run_"):
            yield from self._magic(last, texts, node)
        elif root in SHELLS and (SHELLS[root] is None or last in (SHELLS[root] or ())):
            yield from self._shell(self._strings(node), node)
        handed = [
            argument for argument in node.args if (self.folder.path(argument) or "").rpartition(".")[2] in IMPORTERS
        ]
        for text in self._strings(node) if handed else ():
            yield from self.module(text, node)

    def _named(self, texts: list[str | None], node: ast.AST, by: str) -> Iterator[Use]:
        """Yield the use of a module that is named by a text, if the text can be told."""
        if texts and texts[0]:
            yield from self.module(texts[0], node)
        else:
            yield self._use(False, f"用 {by} 导入了什么，无法判断", node)

    def _run(self, texts: list[str | None], node: ast.AST) -> Iterator[Use]:
        """Yield the uses in a text that is run as code."""
        tree = parsed(texts[0]) if texts and texts[0] is not None and self.depth else None
        if tree is None or texts[0] is None:
            yield self._use(False, "运行一段文字，内容无法判断", node)
            return
        inner = Reader(texts[0], self.given, Folder(tree, self.folder), self.depth - 1)
        for use in inner.read(tree):
            yield self._use(use.breach, use.evidence.partition("\n")[0], node)

    def _magic(self, kind: str, texts: list[str | None], node: ast.AST) -> Iterator[Use]:
        """Yield the uses in a magic, which syntax.parsed has made a call."""
        name, rest = (texts[0] if texts else None), " ".join(text or "" for text in texts[1:])
        if kind in ("run_cell", "run_code"):
            yield from self._run(texts[:1], node)
        elif name in INSTALLERS:
            yield from self._shell([f"{name} {rest}"], node)
        elif name in ("bash", "sh", "script", "system", "sx", "!"):
            yield from self._shell([rest], node)
        elif name in ("python", "python3", "pypy"):
            yield from self._run([texts[-1]], node)
        elif name == "load_ext":
            yield from self.module(rest, node) if rest not in ("autoreload", "storemagic") else ()
        elif name in ("pylab", "cython"):
            yield from self.module("matplotlib" if name == "pylab" else "Cython", node)
        elif name in ("run", "load", "matplotlib", "writefile", None):
            yield self._use(False, f"用到了魔法命令 {name or ''}", node)

    def _shell(self, words: list[str], node: ast.AST) -> Iterator[Use]:
        """Yield the uses in a command for the shell, given whole or word by word."""
        command = " ".join(words)[:COMMAND]
        imported = [match[1] or match[2] for word in words for match in IMPORT_IN_TEXT.finditer(word[:COMMAND])]
        found = [use for name in imported for use in self.module(name, node)]
        if INSTALL.search(command):
            yield self._use(True, "安装别的包", node)
        elif any(use.breach for use in found):
            yield from found
        else:
            yield self._use(False, "运行外部命令", node)

    def _reference(self, node: ast.expr, called: bool) -> Iterator[Use]:
        """Yield what a name leads to, where that is a module or the way to one."""
        path = self.folder.path(node) or ""
        if path.endswith("()"):
            return
        if path.startswith(NUMPY + ".") and FOREIGN_IN_NUMPY & set(path.split(".")):
            yield self._use(True, f"用到了 {path}", node)
        elif isinstance(node, ast.Attribute) and path == node.attr:
            yield from self.module(path, node)  # one that NumPy has imported for itself
        if path.startswith("sys.modules.") and not hasattr(dict, path.split(".")[2]):
            yield from self.module(path.split(".")[2], node)
        elif isinstance(node, ast.Attribute) and node.attr == "__subclasses__":
            yield self._use(False, "用到了 __subclasses__，无法判断取得了什么", node)
        elif path in REFERENCES:
            yield self._use(False, f"用到了 {path}，无法判断取得了什么", node)
        elif (
            path.rpartition(".")[2] in ("__import__", "import_module") and not called and not self.folder.defines(path)
        ):
            yield self._use(False, f"用到了 {path}，无法判断导入了什么", node)

    def _strings(self, node: ast.Call) -> list[str]:
        """Return all texts among a call's arguments, those in lists included."""
        inside = [part for argument in [*node.args, *(k.value for k in node.keywords)] for part in walk(argument)]
        whole = [self.folder.text(argument) for argument in node.args]
        single = [part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        return list(dict.fromkeys([text for text in whole if text] + single))

    def _use(self, breach: bool, words: str, node: ast.AST) -> Use:
        number = getattr(node, "lineno", 0)
        line = self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""
        return Use(breach, f"{words}\n+{line[:LINE]}")


def uses(source: str, given: set[str], folder: Folder) -> list[Use]:
    """Return how the code reaches packages, each way once; see Reader."""
    tree = parsed(source)
    reader = Reader(source, given, folder)
    try:
        found = list(reader.read(tree) if tree else _of_broken(reader))
    except BROKEN:
        found = [Use(False, "代码嵌套太深，无法判断是否导入了别的包")]
    return list(dict.fromkeys(found))


def _of_broken(reader: Reader) -> Iterator[Use]:
    """Yield notes on lines that look like imports in code that is no Python, and so never ran."""
    for number, line in enumerate(reader.lines, 1):
        place = ast.Pass(lineno=number)
        match = re.match(r"\s*(?:import\s+([\w.]+)|from\s+([\w.]+)\s+import\b)", line)
        for use in reader.module(match[1] or match[2], place) if match else ():
            if use.breach:
                yield Use(False, use.evidence)
        if re.search(r"\b(__import__|import_module)\b", line):
            yield Use(False, f"代码有语法错误，无法判断导入了什么\n+{line.strip()[:LINE]}")

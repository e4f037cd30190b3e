"""The checker that every homework's notebook carries: numerical gradients, comparisons, and words for what is wrong.

`build` copies what a master's cell imports from here into the notebook, which then needs nothing but NumPy and runs on
Python 3.9 and newer: no `zip(strict=...)`, no `X | Y` in annotations. In the grader the same code judges: there the
functions are proxies, and `award` has shown the points before `report` prints.
"""

import base64
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from assignment.homework.diagnosis import Diagnosis, Row


def rel_error(x: Any, y: Any) -> Any:
    """Largest relative error between two arrays of one shape, |x - y| / max(1e-8, |x| + |y|)."""
    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)))


def eval_numerical_gradient_array(f: Any, x: Any, df: Any, h: float = 1e-5) -> Any:
    """Gradient of sum(f(x) * df) by central differences; x is changed in place, entry by entry, and restored.

    f: array -> array; x: any shape; df: the shape of f(x). Returns an array of x's shape.
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        old = x[i]
        x[i] = old + h
        above = np.array(f(x.copy()))
        x[i] = old - h
        below = np.array(f(x.copy()))
        x[i] = old
        grad[i] = np.sum((above - below) * df) / (2 * h)
    return grad


def eval_numerical_gradient(f: Any, x: Any, verbose: bool = True, h: float = 1e-5) -> Any:
    """Gradient of a number f(x) by central differences; x is changed in place, entry by entry, and restored.

    f: array -> number; x: any shape; verbose prints every entry. Returns an array of x's shape.
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        old = x[i]
        x[i] = old + h
        above = f(x.copy())
        x[i] = old - h
        below = f(x.copy())
        x[i] = old
        grad[i] = (above - below) / (2 * h)
        if verbose:
            print(i, grad[i])
    return grad


class Check:
    """Judge one exercise: a row for every comparison, points for every returned array, words for every error."""

    GREEN: ClassVar[str] = "17;105;50"
    AMBER: ClassVar[str] = "133;86;0"
    RED: ClassVar[str] = "170;30;35"
    packed: ClassVar[str] = ""  # what named mistakes give, and hints that lead away from them
    latest: ClassVar[dict[str, Any]] = {}  # the last check of each exercise, for the summary at the end
    helpers: ClassVar[Any] = (rel_error, eval_numerical_gradient, eval_numerical_gradient_array)

    def __init__(self, name: str, **parts: float):
        self.name, self.parts = name, parts
        self.rows: list[Row] = []
        self.advice: list[str] = []
        self.notes: list[str] = []  # said before the rows
        self.called: list[str] = []  # functions that the check calls itself
        self.arguments: Any = {}  # arrays that went into the last call
        self.body: Any = None
        self.error: Any = None  # what ended the visible part
        self.hinted = 0  # how many hints were asked for
        self.block, self.awarded = "", False
        self.versions = Check.functions(name)
        Check.latest[name] = self

    @classmethod
    def of(cls, name: str, **parts: float) -> Any:
        """Run the function below as the visible part of a check, whose names stay its own; it becomes the check."""

        def run(body: Any) -> Any:
            check = cls(name, **parts)
            check.body = body
            globals()[body.__name__] = check  # at once: where the body is cut short, there is a check with its parts
            with check:
                body(check)
            return check

        return run

    def call(self, function: Any, *args: Any) -> Any:
        """Return function(*args), and note which arguments it changed."""
        name = getattr(function, "__qualname__", "").rpartition("<locals>.")[2]
        self.called.append(name)
        owner = getattr(function, "__self__", None)
        code = getattr(function, "__code__", None)
        names = list(code.co_varnames[: code.co_argcount][owner is not None :]) if code else []
        given = {names[i] if i < len(names) else f"第 {i + 1} 个参数": a for i, a in enumerate(args)}
        for value in vars(owner).values() if owner is not None else ():
            given.update({f"self 的 {key}": a for key, a in value.items()} if isinstance(value, dict) else {})
        before = {key: a.copy() for key, a in given.items() if isinstance(a, np.ndarray)}
        kept = {f"{key} 第 {i + 1} 项": v for key, a in given.items() if isinstance(a, tuple) for i, v in enumerate(a)}
        self.arguments = {**before, **{key: a.copy() for key, a in kept.items() if isinstance(a, np.ndarray)}}
        try:
            return function(*args)
        finally:
            for key in [key for key, a in before.items() if not np.array_equal(a, given[key])]:
                self.note(f"{name} 改动了传进来的 {key}。别的代码还要用它：请先复制（.copy()）再改。")

    def near(
        self,
        part: str,
        got: Any,
        want: Any,
        below: float,
        by: str = "参考值",
        absolute: bool = False,
        axes: str = "",
        label: str = "",
    ) -> Row:
        """Add a row: got has the shape of want, and their relative (or absolute) error is below a threshold.

        axes: one letter for each axis, "nt " for samples and time, to say where the array is wrong.
        """
        want = np.asarray(want, dtype=float)
        decides = by != "有限差分"
        message = Diagnosis.fault(got, want.shape)
        if message:
            return self.add(Row(part, False, message, got, want, None, below, by, label))
        if not decides and not np.isfinite(want).all():
            message = "没有可比的有限差分：你的前向得到了 NaN 或 inf"
            return self.add(Row(part, False, message, got, want, None, below, by, label, False))
        value = np.asarray(got, dtype=float)
        with np.errstate(all="ignore"):
            error = float(np.max(np.abs(value - want)) if absolute else rel_error(value, want))
            if not error < below:
                message = Diagnosis.given(self.arguments, value, want) or Diagnosis.relation(
                    np.asarray(got), want, "正确结果" if decides else by, axes
                )
                if not self.block:
                    message += Diagnosis.where(part, value, want, by, axes)
        return self.add(Row(part, error < below, message, got, want, error, below, by, label, decides))

    def near_each(self, got: Any, want: dict[str, Any], below: float, by: str = "参考值") -> None:
        """Add a row for every key of want, a dictionary of arrays; other keys in got cost nothing."""
        for key in want:
            if self.holds(got, key):
                self.near(key, got[key], want[key], below, by)
        if isinstance(got, dict) and len(got) > len(want):
            self.advise("字典里有多余的键")

    def slope(
        self, part: str, got: Any, f: Any, x: Any, below: float, df: Any = None, h: float = 1e-5, axes: str = ""
    ) -> None:
        """Add a row: got is the gradient of f, or of sum(f * df), with respect to x, by central differences.

        They are differences of the student's own forward, which may be the one that is wrong or raises.
        """
        try:
            numeric = eval_numerical_gradient_array(f, x, df, h) if df is not None else None
            want = eval_numerical_gradient(f, x, False, h) if df is None else numeric
        except Exception as error:
            message = "求有限差分时，你的前向没有算成：" + Diagnosis.trouble(error, self)
            self.add(Row(part, False, message, got, by="有限差分", decides=False))
        else:
            self.near(part, got, want, below, "有限差分", axes=axes)

    def slope_each(self, got: Any, f: Any, arrays: dict[str, Any], below: float, h: float = 1e-5) -> None:
        """Add a row for every key of arrays: got[key] is the gradient of the number f with respect to the array."""
        for key, x in arrays.items():
            if self.holds(got, key):
                self.slope(key, got[key], f, x, below, h=h)

    def holds(self, got: Any, key: str) -> bool:
        """Whether got is a dictionary with this key; if not, add a row that says so."""
        if not isinstance(got, dict):
            self.true(key, False, "应该放在字典里返回")
        elif key not in got:
            self.true(key, False, f"字典里缺少 {key!r}")
        return isinstance(got, dict) and key in got

    def true(self, part: str, condition: Any, message: str) -> Row:
        """Add a row that passes if the condition holds; message says what is wrong if it does not."""
        return self.add(Row(part, bool(condition), "" if condition else message))

    def add(self, row: Row) -> Row:
        """Keep a row, marked as hidden inside a hidden block."""
        row.hidden, row.block = bool(self.block), self.block
        self.rows.append(row)
        return row

    def advise(self, message: str) -> None:
        """Say something that costs no points."""
        if message not in self.advice:
            self.advice.append(message)

    def note(self, message: str) -> None:
        """Say something before the rows, once."""
        if message not in self.notes:
            self.notes.append(message)

    def hidden(self, block: str) -> Any:
        """Start a named block of hidden rows: with check.hidden('N=1'): ..."""
        self.block = block
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if isinstance(error, Exception):
            message = Diagnosis.trouble(error, self)
            self.error = self.error or error
            for part in self.parts:
                self.true(part, False, message)
        self.block = ""
        return isinstance(error, Exception)

    def passed(self, part: str, visible_only: bool = False) -> bool:
        """Whether a part has rows and none failed; once points are awarded, a hidden one must be among them."""
        rows = [row for row in self.rows if row.part == part and not (visible_only and row.hidden)]
        if self.awarded and not visible_only:
            rows = [row for row in rows if row.decides]
            if not any(row.hidden for row in rows):
                return False
        return bool(rows) and all(row.passed for row in rows)

    def score(self, visible_only: bool = False) -> float:
        """The points of the parts that passed."""
        points = sum(p for part, p in self.parts.items() if self.passed(part, visible_only))
        return float(round(max(0, min(points, sum(self.parts.values()))), 4))

    def award(self) -> None:
        """Show the score to the grader: one number, before anything is printed."""
        self.awarded = True
        sys.displayhook(self.score())

    @property
    def graded(self) -> bool:
        """Whether hidden tests were part of it: only where it is graded."""
        return self.awarded or any(row.hidden for row in self.rows)

    def report(self) -> None:
        """Print the visible rows. Only a grader, or nbgrader's Validate, then gets an error if a part failed."""
        for message in [] if self.graded else self.reasons():
            print(Check.coloured("先看这里", Check.AMBER) + " " + message)
        for line in self.lines():
            print(line)
        failed = [part for part in self.parts if not self.passed(part)]
        unfinished = any(row.unfinished for row in self.rows)
        for message in self.named() if failed and not unfinished and not self.graded else ():
            print(Check.coloured("提示", Check.AMBER) + " " + message)
        if failed and not unfinished and not self.graded:
            print("想再要一点提示：在自己的单元里运行 check.hint()，可以运行三次。")
        for message in self.advice:
            print("建议（不扣分）：" + message)
        if not failed and not self.graded and self.score():
            cheer = ("漂亮！", "很好！", "做得好！", "稳！")[len(self.name) % 4]
            print(Check.coloured(f"✔ {self.name} 全部通过，{self.score():g} 分。{cheer}", Check.GREEN))
        if failed and (self.graded or os.environ.get("NBGRADER_EXECUTION")):
            error = AssertionError(f"{self.name} {'未完成' if unfinished else '未通过：' + ', '.join(failed)}")
            error._render_traceback_ = lambda: [f"AssertionError: {error}"]  # type: ignore[attr-defined]  # 只显示这一行
            raise error

    @classmethod
    def learn(cls, packed: str) -> None:
        """Keep what named mistakes give; it is unpacked where a check fails."""
        cls.packed = packed

    def told(self) -> Any:
        """What is known of this exercise: the section that explains it, and its named mistakes."""
        table = json.loads(zlib.decompress(base64.b64decode(Check.packed))) if Check.packed else {}
        return table.get(self.name, {"section": "", "mistakes": []})

    def named(self) -> list[str]:
        """Hints for the named mistakes that give just what failed rows got; none while another exercise comes first."""
        seen = [row for row in self.rows if not row.hidden]
        failed = {"!"} | {row.key for row in seen if not row.passed}
        got = {row.key: Diagnosis.fingerprint(row.got) for row in seen}
        if self.error is not None:
            got = {"!": Diagnosis.fingerprint(self.error)}
        if all(row.passed for row in seen) or self.before():
            return []

        def shows(prints: Any) -> bool:
            same = all(key in got and Diagnosis.alike(prints[key], got[key]) for key in prints)
            return same and not failed.isdisjoint(prints)

        known = [(hint, prints) for hint, prints in self.told()["mistakes"] if shows(prints)]
        return [hint for hint, prints in known if not any(prints.keys() < other.keys() for _, other in known)]

    def hint(self) -> None:
        """Say a little more every time: where it is wrong, what kind of mistake it may be, which formula to look at."""
        failed = [row for row in self.rows if not row.passed and not row.hidden]
        section = self.told()["section"]
        kind = "不像已知的错误。取一个最小的例子（各维都是 1 或 2），用纸笔算一遍，逐行核对。"
        look = "一项一项地核对：次序、转置、求和、下标。"
        steps = (
            [f"{row.key}：{row.message}" for row in failed][:3],
            self.named() or self.before() or [kind],
            [f"对照“{section}”一节的公式，{look}" if section else look],
        )
        number = min(self.hinted, 2)
        for line in steps[number] if failed else ["可见的检查没有失败，没有要提示的。"]:
            print(f"提示 {number + 1}/3  {line}")
        self.hinted += 1

    def before(self) -> list[str]:
        """The exercises that must pass before this one can, in words."""
        checks = [(name, Check.latest.get(name)) for name in self.needed()]
        failed = [name for name, check in checks if check and not all(check.passed(part, True) for part in check.parts)]
        return [f"先让 {name} 通过，这里用到了它。" for name in failed]

    def reasons(self) -> list[str]:
        """What to look at before the rows: exercises that must pass first, names from outside, changed arguments."""
        if any(row.unfinished for row in self.rows):
            return []
        failed = any(not row.passed for row in self.rows)
        first = (
            (self.before() or self.misled() + Diagnosis.exchanged([row for row in self.rows if not row.hidden]))
            if failed
            else []
        )
        return first + Diagnosis.outside(self.versions) + self.notes

    def misled(self) -> list[str]:
        """That differences of a forward which fails itself prove nothing, if that is so."""
        failed = [row for row in self.rows if not row.passed and not row.hidden]
        slopes = {row.part for row in failed if row.by == "有限差分"}
        values = [row.part for row in failed if row.by not in ("", "有限差分") and row.part not in slopes]
        return [f"先让 {values[0]} 通过：有限差分用的是你自己的前向，它错了，差分也不对。"] if slopes and values else []

    def needed(self) -> list[str]:
        """The other functions that this exercise, or its check, calls."""
        found: dict[str, Any] = {}
        for name in [self.name, *self.called]:
            found.update(Check.functions(name))
        return [name for name in found if name != self.name]

    def lines(self) -> Iterator[str]:
        """The rows as lines; neighbours that say the same are one, and so are parts that only hidden rows failed."""
        groups: list[list[Row]] = []
        for row in self.rows:
            if not row.hidden:
                last = groups[-1][-1] if groups else None
                if last and row.message and row.error is None and (last.message, last.error) == (row.message, None):
                    groups[-1].append(row)
                else:
                    groups.append([row])
        for group in groups:
            yield Check.line(group)
        for part in self.parts if self.graded else ():
            seen, right = self.passed(part, visible_only=True), self.passed(part)
            if seen and not right:
                bad = [row for row in self.rows if row.part == part and not row.passed]
                why = f"（{bad[0].block}）：{bad[0].message}" if bad else "：没有检查到"
                yield f"{part:<9} 可见的检查通过，隐藏的检查未通过{why}"
            elif right and not seen:
                yield f"{part:<9} 不扣分：结果正确，与有限差分不符是因为你的前向（或损失）有误"

    @staticmethod
    def line(rows: list[Row]) -> str:
        """One line for rows that say the same: names, figures, verdict, message."""
        row = rows[0]
        names = ", ".join(dict.fromkeys(r.key for r in rows))
        sign = "<" if row.passed else "≥"
        figures = "" if row.error is None else f"误差 {row.error:.2e} {sign} {row.below:.0e}  "
        if row.unfinished:
            return f"{names:<9} {Check.coloured('未完成', Check.AMBER)}{row.message[3:]}"
        verdict = Check.coloured("通过", Check.GREEN) if row.passed else Check.coloured("未通过", Check.RED) + "  "
        return f"{names:<9} {figures}{verdict}{row.message}"

    @staticmethod
    def coloured(text: str, colour: str) -> str:
        """The text in white on a colour, to be read in both themes, where a notebook shows it; elsewhere as it is."""
        shown = type(sys.stdout).__module__.partition(".")[0] in ("ipykernel", "pyodide_kernel")
        return f"\x1b[38;2;255;255;255;48;2;{colour}m {text} \x1b[0m" if shown else text

    @staticmethod
    def functions(name: str) -> dict[str, Any]:
        """The function called name and those it calls, as they are defined now."""
        found: dict[str, Any] = {}
        names = [name]
        while names:
            name = names.pop()
            first, *rest = name.split(".")
            function = globals().get(first)
            for attribute in rest:
                function = getattr(function, attribute, None)
            code = getattr(function, "__code__", None)
            if code and name not in found:
                found[name] = function
                names += code.co_names
        return found

    @staticmethod
    def ready(*names: str) -> bool:
        """Whether these exercises' latest checks passed; if not, say which are to be done before there is to play."""
        checks = {name: Check.latest.get(name) for name in names}
        left = [name for name, check in checks.items() if not check or check.score(True) < sum(check.parts.values())]
        if left:
            print(f"先让 {'、'.join(left)} 通过，再来运行这个单元。它不计分。")
        return not left

    @staticmethod
    def summary(exercises: dict[str, float]) -> None:
        """Print what each exercise's latest check said, the points that suggests, and what is left."""
        suggested, left = 0.0, []
        for name, most in exercises.items():
            check = Check.latest.get(name)
            points, state = 0.0, "检查还没有运行"
            if check and check.versions != Check.functions(name):
                state = "函数重新定义过，请再运行一次检查"
            elif check:
                points = check.score(visible_only=True)
                failed = [part for part in check.parts if not check.passed(part, visible_only=True)]
                state = "未通过：" + ", ".join(failed) if failed else "通过"
                if any(row.unfinished for row in check.rows):
                    state = "未完成"
            left += [name] if points < most else []
            suggested += points
            colour = Check.GREEN if points == most else Check.AMBER if state == "未完成" else Check.RED
            print(f"{name:<25} {points:>5g} / {most:<3g} {Check.coloured(state, colour)}")
        print(f"{'':<25} {suggested:>5g} / {sum(exercises.values()):g} 合计（评分时还有隐藏的检查，这里看不到）")
        print("还差：" + "、".join(left) if left else "可见的检查全部通过了，祝贺你！")


def verdicts_shown(text: str) -> dict[str, bool]:
    """Return what the rows of a check's printed output say, by part: passed if all its rows did."""
    verdicts: dict[str, bool] = {}
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for names, verdict in re.findall(r"^(\S+(?:, \S+)*) +(?:误差 \S+ [<≥] \S+ +)?(通过|未通过|未完成)", plain, re.M):
        for name in names.split(", "):
            part = name.partition("[")[0]
            verdicts[part] = verdicts.get(part, True) and verdict == "通过"
    return verdicts


UNFINISHED = "未完成"  # how a row's message begins where a TODO still raises

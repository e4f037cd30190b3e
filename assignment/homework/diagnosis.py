"""What a check finds and the words for it, in Chinese: `build` copies this beside the checker that uses it."""

import dis
import linecache
import re
import traceback
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass
class Row:
    """One comparison of a check: the array's name, the verdict and what to say about it."""

    part: str
    passed: bool
    message: str = ""
    got: Any = None
    want: Any = None
    error: Any = None  # None: there was nothing to measure
    below: Any = None
    by: str = ""
    label: str = ""  # tells rows of one part apart
    decides: bool = True  # once points are awarded; differences of the student's own forward do not
    hidden: bool = False
    block: str = ""

    @property
    def key(self) -> str:
        """The name that is printed: of the part, and what tells it from other rows of that part."""
        return f"{self.part}[{self.label}]" if self.label else self.part

    @property
    def unfinished(self) -> bool:
        """Whether the row failed because a function is not written yet."""
        return self.message.startswith("未完成")


class Diagnosis:
    """Words for what went wrong: with a value, with an error, with a function that takes names from outside."""

    ERRORS: ClassVar[dict[str, str]] = {  # 英文的错误信息 -> 中文
        r"^name '(\w+)' is not defined": "用到了 {0}，它不是参数，也没有在函数里定义",
        r"local variable '?(\w+)'? (?:where it is not associated|referenced before)": "{0} 还没有赋值就被用到了",
        r"broadcast together with shapes? (\(.*?\)) (\(.*?\))": "形状 {0} 与 {1} 对不上，不能逐个元素运算",
        r"broadcast input array from shape (\(.*?\)) into shape (\(.*?\))": "形状 {0} 的数组放不进形状 {1} 的位置",
        r"size (\d+) is different from (\d+)": "矩阵乘法两边的形状对不上：中间的维数是 {1} 与 {0}",
        r"shapes (\(.*?\)) and (\(.*?\)) not aligned": "矩阵乘法两边的形状 {0} 与 {1} 对不上",
        r"cannot reshape array of size (\d+) into shape (\(.*?\))": "{0} 个元素的数组不能 reshape 成 {1}",
        r"[Ii]ndex (-?\d+) is out of bounds for axis (\d+) with size (\d+)": "下标 {0} 超出了第 {1} 轴（长度 {2}）",
        r"^(?:list|tuple) index out of range": "列表或元组没有这么多项",
        r"too many indices for array.*?(\d+)-dimensional, but (\d+)": "数组只有 {0} 个轴，下标却写了 {1} 个",
        r"not enough values to unpack \(expected (\d+), got (\d+)\)": "要拆成 {0} 个，实际只有 {1} 个",
        r"too many values to unpack \(expected (\d+)": "要拆成 {0} 个，实际不止这么多",
        r"indexing arrays could not be broadcast together with shapes (.*)": "作下标的数组形状对不上：{0}",
        r"axis (-?\d+) is out of bounds for array of dimension (\d+)": "没有第 {0} 轴：数组只有 {1} 个轴",
        r"axes don't match array": "transpose 里写的轴数与数组不符",
        r"only integers, slices|arrays used as indices must be": "下标必须是整数",
        r"'NoneType' object is not|unpack non-iterable NoneType": "有一个量是 None，没有算出来",
        r"missing \d+ required positional arguments?: (.*)": "调用时缺少参数 {0}",
        r"takes (\d+) positional arguments? but (\d+) were given": "调用时给了 {1} 个参数，函数只要 {0} 个",
        r"[Cc]annot interpret '(.*?)' as a data type": "{0} 不是数据类型：形状要写成一个元组，例如 np.zeros((N, T, H))",
        r"object has no attribute 'shape'|'(?:tuple|list)' object has no attribute": "把列表或元组当成数组用了",
        r"maximum recursion depth": "函数不停地调用自己",
    }

    OTHER: ClassVar[dict[str, str]] = {  # what is there in the place of an array, and how that comes about
        "tuple": "：行末是不是多了一个逗号？",
        "list": "：用 np.array 或 np.stack 变成数组",
        "generator": "：用 np.array(list(…)) 变成数组",
    }

    @staticmethod
    def kind(thing: Any) -> str:
        """The name of a thing's type, or of the nearest one that is Python's own."""
        name = next(t.__name__ for t in type(thing).__mro__ if t.__module__ == "builtins")
        kept = re.fullmatch(
            "an? ([a-z]+)", str(getattr(thing, "what", ""))
        )  # in the grader: what stayed in the sandbox
        if name == "object" and kept and kept[1] in Diagnosis.OTHER:
            return kept[1]
        return "别的对象" if name == "object" else name

    @staticmethod
    def fault(got: Any, shape: Any) -> str:
        """What makes got no array of real, finite numbers of this shape, in words; '' if nothing does."""
        if got is None:
            return "没有算出来（得到 None）"
        number = isinstance(got, (int, float, np.number)) and not isinstance(got, bool)
        if not number and not isinstance(got, np.ndarray):
            kind = Diagnosis.kind(got)
            return f"应该是{'数组' if shape else '一个数'}，得到的是 {kind}{Diagnosis.OTHER.get(kind, '')}"
        if number and shape:
            return f"应该是形状 {shape} 的数组，得到的是一个数"
        got = np.asarray(got)
        if got.dtype.kind not in "fiu":
            return "元素不是实数"
        if got.ndim and not shape:
            return f"应该是一个数，得到的是形状 {got.shape} 的数组"
        if got.shape != shape:
            return f"形状应该是 {shape}，得到的是 {got.shape}{Diagnosis.reshaped(got.shape, shape)}"
        if np.isfinite(got).all():
            return ""
        bad = int(np.sum(~np.isfinite(got)))
        return "含有 NaN 或 inf" + (f"（{got.size} 个元素中有 {bad} 个）" if shape else "")

    @staticmethod
    def reshaped(got: Any, want: Any) -> str:
        """How a wrong shape may have come about."""
        if got == want[::-1]:
            return "，是不是转置了？"
        if len(want) == 3 and got == (want[1], want[0], want[2]):
            return "，前两个轴的次序反了"
        if len(got) > len(want) and [n for n in got if n > 1] == [n for n in want if n > 1]:
            return "，多了长度为 1 的轴"
        if len(got) > len(want) and want and got[-len(want) :] == want:
            return "，前面多了轴：是不是少了一次求和？"
        if len(want) == 3 and got == (want[0] * want[1], want[2]):
            return "，前两个轴并成了一个，还没有分开"
        return ""

    @staticmethod
    def relation(got: Any, want: Any) -> str:
        """How a wrong array is related to the right one, in words."""

        def close(a: Any) -> bool:
            return np.allclose(a, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())

        if not got.any():
            return "全为零" if got.ndim else "得到的是零"
        if close(got):
            return "很接近，但不够精确"
        if got.ndim == 2 and got.shape == got.T.shape and close(got.T):
            return "是正确结果的转置"
        factor = np.sum(got * want) / max(np.sum(want * want), 1e-300)
        if got.size > 1 and factor and close(got / factor):
            return "符号相反" if abs(factor + 1) < 1e-4 else f"是正确结果的 {factor:.4g} 倍"
        if not got.ndim:
            return "符号相反" if close(-got) else "数值不对"
        wrong = np.sum(~np.isclose(got, want, rtol=1e-6, atol=0))
        return f"{got.size} 个元素中 {wrong} 个不对" if wrong else "不够精确"

    @staticmethod
    def where(part: str, got: Any, want: Any, by: str, axes: str) -> str:
        """Which rows, columns, samples or steps are wrong if not all are, and the entry that is furthest off."""
        wrong = ~np.isclose(got, want, rtol=1e-6, atol=0)
        places = []
        for axis in range(want.ndim) if wrong.sum() > 1 else ():
            bad = np.flatnonzero(wrong.any(axis=tuple(a for a in range(want.ndim) if a != axis)))
            if 0 < len(bad) < want.shape[axis]:
                letter = axes[axis : axis + 1].strip()
                run = len(bad) > 2 and bad[-1] - bad[0] == len(bad) - 1
                some = f"{bad[0]}…{bad[-1]}" if run else ", ".join(map(str, bad[:4])) + (" 等" if len(bad) > 4 else "")
                index = ", ".join(some if a == axis else ":" for a in range(want.ndim))
                places.append(f"{letter}={some}" if letter else f"{part}[{index}]")
        worst = np.unravel_index(np.argmax(np.abs(got - want)), want.shape)
        entry = f"{part}{[int(i) for i in worst]} " if want.ndim else ""
        only = f"，错的只在 {'、'.join(places)}" if places else ""
        return f"{only}；{entry}得到 {got[worst]:.8g}，{by}是 {want[worst]:.8g}"

    @staticmethod
    def fingerprint(value: Any) -> list[Any]:
        """A value in a few numbers: shape, size and three projections of an array; kind and numbers of an error."""
        if isinstance(value, Exception):
            return [type(value).__name__, *sorted(re.findall(r"\d+", str(value)))]
        try:
            array = np.asarray(value)
        except ValueError:
            return [Diagnosis.kind(value)]
        if array.dtype.kind not in "biuf":
            return [Diagnosis.kind(value)]
        entries = array.ravel().astype(float)
        with np.errstate(all="ignore"):
            waves = [np.sum(entries * np.cos(rate * np.arange(1, array.size + 1))) for rate in (0.37, 1.3, 2.9)]
            size = np.sqrt(np.sum(entries * entries))
        return [list(array.shape), *(float(f"{number:.6g}") for number in (size, *waves))]

    @staticmethod
    def alike(one: list[Any], other: list[Any]) -> bool:
        """Whether two fingerprints are of the same value, or of the same error that names numbers."""
        if isinstance(one[0], str) or one[0] != other[0]:
            return one == other and len(one) > 1
        close = 1e-4 * max(one[1], other[1])
        return all(abs(a - b) <= close for a, b in zip(one[1:], other[1:]))  # noqa: B905

    @staticmethod
    def trouble(error: Any, check: Any) -> str:
        """An exception in words: what, and in which function and line; inside a hidden block only its type."""
        function, line, frame = Diagnosis.place(error, check)
        kind = error.name if hasattr(error, "function") else type(error).__name__  # the examiner's errors carry a name
        if kind in ("StdinNotImplementedError", "BdbQuit"):
            return f"{function} 里有 input() 或者断点：检查不会等人输入，请去掉它"
        if isinstance(error, NotImplementedError):
            if Diagnosis.written_above(frame, line):
                return f"代码写好了，可是下面还留着 raise NotImplementedError 那一行：删掉它（{function} 第 {line} 行）"
            return f"未完成：{function} 还没有写"
        if check.block:
            return f"运行出错：{Diagnosis.kind(error)}"
        text = " ".join(str(error).split())
        known = next((i for i in Diagnosis.ERRORS.items() if re.search(i[0], text)), None)
        where = f"{function} 第 {line} 行" if line else function
        if known is None:
            return f"运行出错：{f'{kind}: {text}'[:200]}（{where}）"
        found = re.search(known[0], text)
        words = known[1].format(*(found.groups() if found else ()))
        if kind == "NameError" and found and found[1] in type(check).latest:
            return f"{found[1]} 没有定义：先运行它的单元格，看看那里报了什么错"
        if kind == "NameError":
            return f"{function} {Diagnosis.unknown(found, frame, line) or words}" + (
                f"（第 {line} 行）" if line else ""
            )
        return f"运行出错：{words}（{where}）{Diagnosis.shapes(frame, line)}"

    @staticmethod
    def unknown(found: Any, frame: Any, line: int) -> str:
        """What is behind an unknown name, if more than that can be said: nothing to return, another's argument."""
        name = found[1] if found and found.groups() else ""
        text = linecache.getline(frame.f_code.co_filename, line).strip() if frame else ""
        if text.startswith("return ") and re.search(rf"\b{name}\b", text):
            return f"要返回 {name}，可是还没有给它赋值"
        codes = [(other, getattr(value, "__code__", None)) for other, value in list(globals().items())]
        owners = [other for other, code in codes if code and name in code.co_varnames[: code.co_argcount]]
        return f"用到了 {name}，那是 {owners[0]} 的参数，不是它自己的" if len(name) > 2 and len(owners) == 1 else ""

    @staticmethod
    def place(error: Any, check: Any) -> tuple[str, int, Any]:
        """The student's own function in which an error arose, its line in the cell, and its frame if there is one."""
        given = (*check.helpers, type(check).near, Diagnosis.place, check.body)
        cells = {f.__code__.co_filename for f in given if hasattr(f, "__code__")}  # a cell has a file name of its own
        function, line, frame = check.name, 0, None
        for step, number in traceback.walk_tb(error.__traceback__):
            name = getattr(step.f_code, "co_qualname", step.f_code.co_name).rpartition("<locals>.")[2]
            if (
                step.f_globals is globals() and step.f_code.co_filename not in cells and name[-1] != ">"
            ):  # 不是 <module>、<lambda>
                function, line, frame = name, number, step
        told = re.findall(r"line (\d+), in (\w+)", getattr(error, "traceback", None) or "")
        if told and not line:
            line = int(told[-1][0])
        return getattr(error, "function", "") or function, line, frame

    @staticmethod
    def written_above(frame: Any, line: int) -> bool:
        """Whether a region holds code above the line that stands for what is missing."""
        lines = linecache.getlines(frame.f_code.co_filename)[: line - 1] if frame else []
        while lines and not re.match(r"\s*#+\s*TODO", lines[-1]):
            text = lines.pop().strip()
            if text and not text.startswith("#"):
                return any(re.match(r"\s*#+\s*TODO", above) for above in lines)
        return False

    @staticmethod
    def shapes(frame: Any, line: int) -> str:
        """The shapes of the arrays in the line that raised."""
        text = linecache.getline(frame.f_code.co_filename, line) if frame else ""
        names = [name for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", text)) if name in frame.f_locals]
        arrays = [(name, frame.f_locals[name]) for name in names]
        known = [f"{name} 是 {a.shape}" for name, a in arrays if isinstance(a, np.ndarray)]
        return "。这一行里 " + "，".join(known[:4]) if known else ""

    @staticmethod
    def outside(functions: dict[str, Any]) -> list[str]:
        """Which variables of the notebook the student's functions take from outside: they should be arguments."""
        found = []
        for name, function in functions.items():
            loads = [i.argval for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL"]
            kinds = (int, float, list, tuple, dict, np.ndarray, np.number)
            taken = [n for n in dict.fromkeys(loads) if isinstance(globals().get(n), kinds)]
            found += [f"{name} 用到了函数外面的 {'、'.join(taken)}：函数应当只靠自己的参数。"] if taken else []
        return found

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
        r"shape mismatch: value array of shape (\(.*?\)) .*? result of shape (\(.*?\))": (
            "形状 {0} 的数组放不进下标指的位置（形状 {1}）"
        ),
        r"array is not broadcastable to correct shape": "要加进去的数组与下标指的位置形状对不上",
        r"inhomogeneous shape|array element with a sequence": (
            "放进数组的不是数组：是不是忘了把返回的 (结果, cache) 拆开？"
        ),
        r"Unable to allocate (.*?) for an array with shape (\(.*?\))": (
            "要用 {0} 内存：数组有 {1} 这么大。下标是不是没有逐个配对？"
        ),
        r"all the input array.*must match|all input arrays must have the same shape": "要拼起来的数组形状对不上",
        r"need at least one array to": "要拼起来的列表是空的：循环一次也没有走",
        r"matmul: Input operand \d does not have enough dimensions": "@ 的一边是一个数，不是数组",
        r"Cannot cast ufunc '(\w+)' output from dtype\('(\w+)'\) to dtype\('(\w+)'\)": (
            "{1} 的结果放不进 {2} 的数组：建数组时看看 dtype"
        ),
        r"truth value of an array": "整个数组不能当作一个条件：逐个元素比较，或者用 np.where",
        r"only (?:length-1|0-dimensional|size-1) arrays can be converted": "这里要一个数，给的是数组",
        r"unsupported operand type\(s\) for (\S+): '(\w+)' and '(\w+)'": "{1} 与 {2} 不能用 {0} 运算",
        r"can only concatenate (\w+) \(not \"(\S+)\"\) to": "{0} 与 {1} 不能用 + 连起来",
        r"'(\S+)' object is not callable": "{0} 不能当函数调用：是不是漏了乘号，或者变量与函数同名？",
        r"'(\w+)' object is not subscriptable": "{0} 不能用下标取",
        r"(?:list|tuple) indices must be integers": "列表和元组要一层一层地取，不能用 [:, t] 这样的下标",
        r"unexpected keyword argument '(\w+)'": "没有叫 {0} 的参数",
        r"module 'numpy' has no attribute '(\w+)'": "NumPy 里没有 {0}：名字写对了吗？",
        r"'numpy.ndarray' object has no attribute '(\w+)'": "数组没有 {0}",
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
            return "没有算出来（得到 None）：在原处修改数组的函数（如 np.add.at）不返回结果"
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
        many = f"（{got.size} 个元素中有 {bad} 个）" if shape else ""
        return f"含有 NaN 或 inf{many}：可能除以了零、对零取了对数，或者 exp 太大"

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
        if len(got) == len(want) and sorted(got) == sorted(want):
            return "，轴的次序不对"
        if len(got) == len(want) and all(g in (1, w) for g, w in zip(got, want)):  # noqa: B905
            return "，有一个轴只剩 1 项：是不是沿它求了和？"
        if len(want) == 3 and got == (want[0] * want[1], want[2]):
            return "，前两个轴并成了一个，还没有分开"
        return ""

    @staticmethod
    def given(arguments: Any, value: Any, want: Any) -> str:
        """Whether a value is one of the arrays that went into the last call, or has one of them too much, in words."""
        for name, array in arguments.items():
            if value.size > 2 and value.shape == array.shape and array.any():
                if np.array_equal(value, array):
                    return f"得到的就是传进来的 {name} 本身"
                if np.allclose(value - want, array, rtol=1e-4):
                    return f"比应有的结果正好多出传进来的 {name}"
        return ""

    @staticmethod
    def relation(got: Any, want: Any, right: str = "正确结果", axes: str = "") -> str:
        """How a wrong array is related to the right one, or what it is compared with, in words."""

        def close(a: Any, b: Any = want) -> bool:
            return bool(b.size) and np.allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())

        if got.dtype.kind in "iu" and np.any(want % 1):
            return "元素是整数，小数部分都丢了：建数组时看看 dtype"
        if not got.any():
            return "全为零" if got.ndim else "得到的是零"
        if close(got):
            return "很接近，但不够精确"
        if got.ndim == 2 and got.shape == got.T.shape and close(got.T):
            return f"是{right}的转置"
        factor = np.sum(got * want) / max(np.sum(want * want), 1e-300)
        if got.size > 1 and factor and close(got / factor):
            return "符号相反" if abs(factor + 1) < 1e-4 else f"是{right}的 {factor:.4g} 倍"
        if not got.ndim:
            return "符号相反" if close(-got) else "数值不对"
        wrong = ~np.isclose(got, want, rtol=1e-6, atol=0)
        if not wrong.any():
            return "不够精确"
        return f"{got.size} 个元素中 {wrong.sum()} 个不对" + Diagnosis.pattern(got, want, close, axes.find("t"))

    @staticmethod
    def pattern(got: Any, want: Any, close: Any, time: int) -> str:
        """What the wrong entries of an array have in common: all zero, in other places, shifted or added up in time."""
        if got.size > 3 and np.ptp(want) and close(np.sort(got, None), np.sort(want, None)):
            return "，数都对，只是放错了位置（次序）"
        if time >= 0 and want.shape[time] > 1:
            a, b = np.moveaxis(got, time, 0), np.moveaxis(want, time, 0)
            if close(a, b.cumsum(axis=0)):
                return "，每个时刻都把前面时刻的加了进来"
            if len(a) > 2 and (close(a[1:], b[:-1]) or close(a[:-1], b[1:])):
                return "，沿时间错开了一步"
        if close(np.abs(got), np.abs(want)):
            return "，绝对值都对，符号不对"
        for axis, name in ((time, "时刻"), (0 if time == 1 else -1, "样本")):
            if axis >= 0 and got.shape[axis] > 1 and np.ptp(got, axis=axis).max() == 0 != np.ptp(want, axis=axis).max():
                return f"，各个{name}的结果都一样"
        wrong = ~np.isclose(got, want, rtol=1e-6, atol=0)
        return "，不对的都是 0" if not got[wrong].any() else Diagnosis.columns(got, want)

    @staticmethod
    def columns(got: Any, want: Any) -> str:
        """Whether a bias is wrong: but for a number in each column the array is a multiple of the right one."""
        bounded = np.abs(got).max() < 1 and np.abs(want).max() < 1  # what may come out of a tanh
        for before, change in (("", np.asarray), ("tanh 之前，", np.arctanh)):
            if got.ndim < 2 or (before and not bounded):
                continue
            a, b = (change(x).reshape(-1, x.shape[-1]) for x in (got, want))
            shift = (a - b).mean(axis=0)
            a, b = a - a.mean(axis=0), b - b.mean(axis=0)
            factor = np.sum(a * b) / max(np.sum(b * b), 1e-300)
            if min(a.shape) < 2 or a.size < 6 or not factor or not np.allclose(a, factor * b, rtol=1e-4, atol=1e-6):
                continue
            if abs(factor - 1) < 1e-5:
                columns = "、".join(map(str, np.flatnonzero(np.abs(shift) > 1e-5)[:4]))
                return f"，{before}第 {columns} 列各差一个同样的数"
            return f"，{before}每列各减去一个数以后，是正确结果的 {factor:.4g} 倍"
        return ""

    @staticmethod
    def exchanged(rows: Any) -> list[str]:
        """Which parts hold what another part should be, or have it too much."""

        def same(a: Any, b: Any) -> bool:
            return a.shape == b.shape and a.size > 2 and b.any() and np.allclose(a, b, rtol=1e-4)

        found = []
        for row in rows:
            got = row.got if isinstance(row.got, np.ndarray) and row.want is not None and not row.passed else None
            for other in rows if got is not None and got.dtype.kind in "fiu" else ():
                if other.want is None or other.part == row.part:
                    continue
                if same(got, np.asarray(other.want)):
                    found.append(f"{row.part} 里放的是 {other.part} 的值：看看次序和名字。")
                elif (
                    got is not None and got.shape == np.shape(row.want) and same(got - row.want, np.asarray(other.want))
                ):
                    found.append(f"{row.part} 里多加了 {other.part} 的值。")
        return list(dict.fromkeys(found))

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
        close = (1e-4 if one[0] else 3e-6) * max(one[1], other[1])  # one number is near many others
        return close < np.inf and all(abs(a - b) <= close for a, b in zip(one[1:], other[1:]))  # noqa: B905

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
        where += Diagnosis.called_from(error, check, function)
        if kind == "KeyError":
            return f"运行出错：字典里没有 {text} 这个键（{where}）"
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
        if getattr(error, "inside", ""):  # the examiner's errors know it
            function, line = error.inside, error.line
        return function if line else getattr(error, "function", "") or function, line, frame

    @staticmethod
    def called_from(error: Any, check: Any, function: str) -> str:
        """Where the exercise itself called the function in which the error arose, if that is another one."""
        short = check.name.rpartition(".")[2]
        if function in ("", check.name) or function.rpartition(".")[2] == short:
            return ""
        own = [number for step, number in traceback.walk_tb(error.__traceback__) if step.f_code.co_name == short]
        own = own or [int(n) for n in re.findall(rf"line (\d+), in {short}\n", getattr(error, "traceback", "") or "")]
        other = type(check).latest.get(function)
        fine = other is not None and all(other.passed(part, visible_only=True) for part in other.parts)
        look = "：看看传给它的对不对" if fine else ""
        return f"，是 {check.name} 第 {own[-1]} 行调用的{look}" if own else ""

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
        known = [
            f"{name} 是 {a.shape if isinstance(a, np.ndarray) else f'{len(a)} 项的 {type(a).__name__}'}"
            for name, a in arrays
            if isinstance(a, (np.ndarray, list, tuple))
        ]
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

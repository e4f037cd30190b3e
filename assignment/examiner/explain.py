"""Say in words what an error of a student's code means, where experience knows it."""

from __future__ import annotations

import re
from collections.abc import Collection

# What NumPy once offered and its present release does not, and what to write in its place.
GONE = {
    "product": "np.prod", "cumproduct": "np.cumprod", "sometrue": "np.any", "alltrue": "np.all",
    "in1d": "np.isin", "row_stack": "np.vstack", "trapz": "np.trapezoid", "round_": "np.round", "msort": "np.sort",
    "float": "float 或 np.float64", "float_": "np.float64", "int": "int 或 np.int64",
    "bool8": "np.bool_", "object": "object", "str": "str", "complex": "complex 或 np.complex128",
    "complex_": "np.complex128", "unicode": "str", "infty": "np.inf", "Inf": "np.inf",
    "Infinity": "np.inf", "PINF": "np.inf", "NINF": "-np.inf", "NaN": "np.nan", "NAN": "np.nan",
    "asscalar": "x.item()", "asfarray": "np.asarray(x, dtype=float)", "find_common_type": "np.result_type",
    "cast": "x.astype", "mat": "np.asmatrix", "rank": "np.ndim", "alen": "len",
}  # fmt: skip


def explain_error(kind: str, text: str, check_names: Collection[str]) -> str:
    """Return a hint in Chinese for an error given by its type's name and its text, '' when there is nothing to add.

    check_names: the names that check cells assign; a function that uses one works only by accident.
    """
    if kind == "NameError":
        match = re.search(r"name '(\w+)' is not defined", text)
        if match and match[1] in check_names:
            return (
                f"名字 {match[1]} 只在检查单元里定义，你的函数里并没有它。函数只能使用自己的参数："
                "需要大小时从数组的 shape 取，需要前向的中间结果时从 cache 取。"
            )
        if match and match[1] in ("numpy", "math", "torch"):
            return f"没有导入 {match[1]}。本作业只用已经给出的 NumPy（名字是 np），不要再导入别的包。"
    if kind == "AttributeError":
        match = re.search(r"module 'numpy' has no attribute '(\w+)'|`np\.(\w+)` was removed", text)
        name = (match[1] or match[2]) if match else ""
        if name in GONE:
            return f"np.{name} 在现在的 NumPy 里已经没有了，请改用 {GONE[name]}。"
    return ""

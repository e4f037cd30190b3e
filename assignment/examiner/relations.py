"""Simple relations between two arrays: equal up to rounding, a factor, a sign, a transpose, one step off in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
TOLERANCE = 1e-5  # far above round-off of float64 and of log(p + 1e-12), far below the difference a mistake makes

RELATIONS = {
    "low_precision": "前几位数字是对的，差的只是精度。计算中途是否把数据转成了 float32，或者多加了一个小常数？",
    "sign_flipped": "每个元素的符号都反了，大小是对的。检查是哪一个负号多了或者少了。",
    "constant_factor": "整个数组与正确结果只差一个常数倍。检查该不该取平均、除以的是哪个维度的大小、有没有重复相加。",
    "transposed": "数值是对的，但排成了转置的样子。检查矩阵乘法两边的次序和转置。",
    "one_step_off": "数值是对的，但沿时间轴错开了一步。检查循环的起点、终点和下标。",
    "reversed_in_time": "数值是对的，但沿时间轴的次序颠倒了。检查循环的方向和写入的下标。",
    "all_zero": "结果全是零。这个数组建好之后，有没有真正把计算结果写进去？",
}


def as_numbers(value: Any) -> Array | None:
    """Return a value as an array of floats, None when it is nothing of the kind."""
    if value is None or isinstance(value, (str, bytes, dict)):
        return None
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        return None


def finite(value: Any) -> Array | None:
    """Return a value as an array of floats, None when it is empty or holds NaN or infinity or is no array at all."""
    array = as_numbers(value)
    return array if array is not None and array.size and np.isfinite(array).all() else None


def entries(value: Any) -> int:
    """Return how many numbers a value holds."""
    array = as_numbers(value)
    return 0 if array is None else array.size


def alike(a: Any, b: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two arrays of one shape agree up to rounding, measured against their largest entry."""
    first, second = finite(a), finite(b)
    if first is None or second is None or first.shape != second.shape:
        return False
    return bool(np.abs(first - second).max() <= tolerance * max(np.abs(first).max(), np.abs(second).max()))


def related(got: Any, want: Any) -> str:
    """Return the name of the simple relation of what was got to what was wanted, '' when there is none."""
    first, second = finite(got), finite(want)
    if first is None or second is None or np.array_equal(first, second):
        return ""
    if first.shape == second.shape:
        if np.any(second) and not np.any(first):
            return "all_zero"
        if alike(first, second):
            return "low_precision"
        if alike(first, -second):
            return "sign_flipped"
        if first.size > 2 and _proportional(first, second):  # any two numbers are proportional
            return "constant_factor"
    if first.ndim > 1 and alike(first, second.T):
        return "transposed"
    if first.shape == second.shape and first.ndim > 2 and first.shape[1] > 1:
        if alike(first, second[:, ::-1]):
            return "reversed_in_time"
        if alike(first[:, 1:], second[:, :-1]) or alike(first[:, :-1], second[:, 1:]):
            return "one_step_off"
    return ""


def joined_terms(got: Any, want: Any, values: Sequence[Any]) -> tuple[int, int] | None:
    """Find two wrong values whose differences from the right one add up to that of what was got."""
    first, right = finite(got), finite(want)
    if first is None or right is None or first.shape != right.shape or first.size < 3:
        return None
    usable = [(i, number) for i, value in enumerate(values) if (number := finite(value)) is not None]
    usable = [(i, value) for i, value in usable if value.shape == right.shape and not alike(value, right)]
    for j, (i, one) in enumerate(usable):
        for k, other in usable[j + 1 :]:
            if alike(first, one + other - right):
                return i, k
    return None


def _proportional(a: Array, b: Array) -> bool:
    scale = float(np.vdot(b, b))
    return scale > 0 and alike(a, b * (float(np.vdot(a, b)) / scale))

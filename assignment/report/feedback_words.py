"""The sentences of the feedback, in Chinese: rules, verdicts, lateness, premises."""

import math
import re
from collections.abc import Mapping
from typing import Any

RULES = {
    "todo": ("只在 TODO 处写代码", "笔记本里 TODO 以外的代码与发布版不同。"),
    "imports": ("不导入其他 Python 包", "代码里用到了作业没有给出的包。"),
    "outputs": ("保留每个单元格的输出", "有单元格的输出没有保留在文件里。"),
}
VERDICTS = {
    "timeout": "运行超时：整份作业没有在限定时间内运行完。请检查是否有不会结束的循环。",
    "memory": "内存超限：运行时申请的内存超过了限制。请检查是否建立了过大的数组。",
    "crashed": "运行中断：解释器在运行时异常退出，没有得到可以评分的结果。",
    "other": "这不是这次作业的笔记本：里面没有这次作业的单元格。请确认上传的文件，再交一次。",
    "newer": "你的笔记本用比评分环境更新的 Python 运行过，其中的语法这里无法读取，所以没有自动评分；成绩由助教给出。",
    "unreadable": "文件无法读取：提交的文件不是有效的 Jupyter 笔记本（.ipynb）。请确认上传的是作业文件本身。",
}
ENDED = {
    "timeout": "运行超时：这一题没有在限定时间内结束，其他题不受影响。请检查循环的次数和结束条件。",
    "memory": "内存超限：这一题申请的内存超过了限制，其他题不受影响。",
    "crashed": "运行中断：这一题让解释器异常退出，其他题不受影响。",
}
OBJECTION = (
    "如果你认为这里的判断有误：不要改动已经提交的文件，从课程页面联系教学团队，"
    "附上本页并说明理由。助教会对照你提交的原件复核，误判可以撤销，成绩随之恢复。"
)


def verdict_words(result: Mapping[str, Any]) -> str:
    """Return why a submission could not be graded, an empty string for one that was."""
    verdict = str(result.get("verdict", ""))
    return "" if verdict == "graded" else VERDICTS.get(verdict, VERDICTS["crashed"])


def ended_words(check: Mapping[str, Any]) -> str:
    """Return how an exercise's examination was cut short, an empty string for one that ran to its end."""
    ended = str(check.get("ended") or "")
    return ENDED.get(ended, ENDED["crashed"]) if ended else ""


def premise_words(replaced: list[str], right: bool) -> str:
    """Return the sentence for an exercise judged with the reference in the place of the functions that failed."""
    if not replaced:
        return ""
    names = "、".join(replaced)
    return f"正确，前提是 {names} 正确" if right else f"已用参考实现代替 {names} 重新检查，取较好的结果"


def measure_words(error: object, below: object) -> str:
    """Return a row's error beside its threshold, or nothing where there is no number."""
    if isinstance(error, bool) or not isinstance(error, int | float) or not isinstance(below, int | float):
        return ""
    if not math.isfinite(error):
        return ""
    return re.sub(r"e([+-])0", r"e\1", f"误差 {error:.2g}，要求小于 {below:.2g}")

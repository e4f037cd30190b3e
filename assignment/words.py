"""Everything a student reads that is not part of the notebook: one language, one module."""

import re
from collections.abc import Iterable
from datetime import datetime

# Examination: verdicts on parts and checks

ENDED_IN = {
    "timeout": "运行超时：代码可能陷入了死循环，或者慢得多于解析求导所需的时间",
    "memory": "占用的内存超过上限",
    "crashed": "运行时进程意外退出",
}
NOT_EXAMINED = "没有批改"
NOT_FINISHED = "没有得到结果"
NO_TIME = "没有轮到这一项：整份作业已经超时"
NOT_CHECKED = "没有检查到这一项"
ADVICE_CUT_SHORT = "评分之后，再用很大的数试一次时，你的代码没有正常结束。"
NO_CACHE = "没有可用的 cache"


RELATIONS = {
    "low_precision": "前几位数字是对的，差的只是精度。计算中途是否把数据转成了 float32，或者多加了一个小常数？",
    "sign_flipped": "每个元素的符号都反了，大小是对的。检查是哪一个负号多了或者少了。",
    "constant_factor": "整个数组与正确结果只差一个常数倍。检查该不该取平均、除以的是哪个维度的大小、有没有重复相加。",
    "transposed": "数值是对的，但排成了转置的样子。检查矩阵乘法两边的次序和转置。",
    "one_step_off": "数值是对的，但沿时间轴错开了一步。检查循环的起点、终点和下标。",
    "reversed_in_time": "数值是对的，但沿时间轴的次序颠倒了。检查循环的方向和写入的下标。",
    "reordered": "每个数都对，只是放错了位置：reshape 不能用来交换轴，检查轴的次序。",
    "whole_numbers": "小数部分都丢了：存放结果的数组是整数类型。建数组时看看 dtype。",
    "piled_up": "每个时刻都把前面各时刻的结果加了进来。每一步只放这一步自己的。",
    "all_zero": "结果全是零。这个数组建好之后，有没有真正把计算结果写进去？",
}


def not_imported(name: str) -> str:
    return f"没有导入 {name}。本作业只用已经给出的 NumPy（名字是 np），不要再导入别的包。"


def gone_from_numpy(name: str, instead: str) -> str:
    return f"np.{name} 在现在的 NumPy 里已经没有了，请改用 {instead}。"


def cell_failed(error: str) -> str:
    """The exercise's own cell raised an error."""
    return f"这一题的单元格自己就出错了（{error}），出错处之后的代码没有运行。"


# Rules: evidence of a breach or a note

ROLES = {
    "given": "给定单元格",
    "solve": "单元格",
    "check": "检查单元格",
    "play": "试一试单元格",
    "prose": "说明文字",
}


def place(role: str, name: str, position: int | None, first: int = 0, last: int = 0) -> str:
    """你的 rnn_forward 检查单元格（第 14 个）第 3–5 行; position from 0, lines from 1, 0 where none is meant."""
    cell = f"{name} {ROLES[role]}" if role in ROLES else "自己加的单元格"
    if position is None:  # it is not there
        return cell
    lines = f"第 {first}–{last} 行" if last > first else f"第 {first} 行" if first else ""
    return f"你{'的 ' if role in ROLES else ''}{cell}（第 {position + 1} 个）{lines}"


def evidence(where: str, what: str, shown: str = "") -> str:
    """Where, what, and below it the lines themselves."""
    return f"{where}：{what}" + (f"\n{shown}" if shown else "")


CHANGED_LOCKED = "锁定的代码改动过"
CHANGED_OUTSIDE = "TODO 以外的代码改动过"
WRITTEN_OUTSIDE = "写在了 # TODO 与 # TODO 结束 之外"
CHANGED_PROSE = "改动过"
MARKS_MOVED = "# TODO 或 # TODO 结束 这一行注释挪了位置；TODO 以外的代码没有改动"
MARKS_LOST = "# TODO 或 # TODO 结束 这一行注释不见了；TODO 以外的代码没有改动"
REARRANGED = "被拆开或与别的单元格合并了，代码没有改动"
DELETED = "被删除了"
EXERCISE_DELETED = "不在文件里，当作没有写"
BESIDE = "TODO 旁边另有代码"
DUPLICATE = "重复的单元格"
OWN_TEXT = "多出的文字"
OWN_CELL = "多出的单元格"
REORDERED = "单元格的顺序改动过"
AND_MORE = "另外还有 {} 条，不再列出"
TOO_LONG = "这份文件里的代码太长，这个单元格没有读完，无法比较"
CANNOT_COMPARE = "代码有语法错误或太长，无法比较；没有找到给定的这一行"
TURNED = {"markdown": "代码单元格变成了文字（Markdown）单元格", "raw": "代码单元格变成了 Raw 单元格"}
IMPORTED = "用到了 {}"
IMPORTED_STANDARD = "用到了标准库 {}"
INSTALLED = "安装别的包"
COMMAND = "运行外部命令"
RELATIVE_IMPORT = "相对导入，不知道是什么"
DYNAMIC = "用到了什么，要到运行时才知道，这里无法判断"
NOT_RUN_IMPORT = "代码有语法错误，没有运行过；其中提到"
SCRATCH_ONLY = "（只在自己加的单元格里，练习没有用到）"
MAGIC = "用到了魔法命令 {}"
NO_OUTPUT = "这个单元格运行后会有输出，文件里却没有保留"
CONTRADICTED = "{}：保留的输出写着通过，重新运行的结果是未通过"
PRIVATE_OUTPUTS = (
    "这份文件在 Colab 里打开了“保存此笔记本时忽略代码单元格输出”（编辑 → 笔记本设置），所以没有保留任何输出；"
    "请关掉这项设置，全部运行一遍，再交一次"
)


def redefined(names: list[str]) -> str:
    return f"重新定义了给定的 {'、'.join(names)}"


def touched(names: list[str]) -> str:
    return f"运行时会改动给定的 {'、'.join(names)}"


def no_outputs(count: int, names: list[str]) -> str:
    return f"{count} 个单元格运行后会有输出，文件里却没有保留：{'、'.join(names)} 等"


# Feedback page and annotated notebook

RULES = {
    "todo": ("只在 TODO 处写代码", "笔记本里 TODO 以外的代码与发布版不同。"),
    "imports": ("不导入其他 Python 包", "代码里用到了作业没有给出的包。"),
    "outputs": ("保留每个单元格的输出", "有单元格的输出没有保留在文件里。"),
}
RULE_STATES = {"clean": "没有发现问题", "note": "有备注", "breach": "违反", "spared": "有发现，不影响成绩"}
VERDICTS = {
    "timeout": "运行超时：整份作业没有在限定时间内运行完。请检查是否有不会结束的循环。",
    "memory": "内存超限：运行时申请的内存超过了限制。请检查是否建立了过大的数组。",
    "crashed": "运行中断：解释器在运行时异常退出，没有得到可以评分的结果。",
    "unreadable": "文件无法读取：提交的文件不是有效的 Jupyter 笔记本（.ipynb）。请确认上传的是作业文件本身。",
    "other": "这不是这次作业的笔记本：里面没有这次作业的单元格。请确认上传的文件，再交一次。",
    "newer": "你的笔记本用比评分环境更新的 Python 运行过，其中的语法这里无法读取，所以没有自动评分；成绩由助教给出。",
}
ENDED = {
    "timeout": "运行超时：这一题没有在限定时间内结束，其他题不受影响。请检查循环的次数和结束条件。",
    "memory": "内存超限：这一题申请的内存超过了限制，其他题不受影响。",
    "crashed": "运行中断：这一题让解释器异常退出，其他题不受影响。",
}
SPARED = "不影响成绩"
OBJECTION = (
    "如果你认为这里的判断有误：不要改动已经提交的文件，从课程页面联系教学团队，"
    "附上本页并说明理由。助教会对照你提交的原件复核，误判可以撤销，成绩随之恢复。"
)
NET = "最终成绩"
NOTHING_TAKEN = "没有人工调整，没有扣分"
NOT_BY_ITSELF = "这一题没有办法单独检查：找不到它读得懂的 cache。助教会看到这一条。"


def objection(until: str, address: str) -> str:
    """How to object to a mark: by when (as the course writes it) and where, as far as the course says so."""
    by = f"请在 {until} 之前提出。" if until else ""
    return f"{OBJECTION}{by}" + (f"联系方式：{address}" if address else "")


REGRADE_CAUSES = {
    "master": "作业的检查更正过",
    "rules": "规则的处理改过",
    "limits": "运行的限制改过",
    "versions": "评分环境换了版本",
}


def regraded(before: str, after: str, causes: Iterable[str], kept: bool) -> str:
    """That and why the same hand-in was graded otherwise; marks as text, kept: the higher one of before counts."""
    why = "，".join(REGRADE_CAUSES[cause] for cause in causes if cause in REGRADE_CAUSES) or "又批改了一次"
    if kept:
        fallen = f"自动评分会从 {before} 分降到 {after} 分，按课程的决定不降低"
        return f"同一份提交重新批改过（{why}）：{fallen}，仍然是 {before} 分。"
    return f"同一份提交重新批改过（{why}）：自动评分从 {before} 分改为 {after} 分。"


def next_steps(lost: int, broken: bool, best: bool) -> list[str]:
    """What a student does now; lost: exercises without full marks, broken: a rule that makes the mark 0."""
    again = f"截止之前可以改好再交一次（{counts(best)}）。"
    if broken:
        return ["先看下面“违反规则”写着哪个单元格、哪几行：把那里改回发布时的样子，全部重新运行，再保存。", again]
    if lost:
        look = f"先看下面没有得满分的 {lost} 题：每一项写着哪里不对，“提示”说从哪里查起。"
        return [look, "在笔记本里改好以后，从上到下全部运行一遍，直到检查都通过。", again]
    return ["全部得分，不需要再做什么。"]


def in_block(block: str, message: str) -> str:
    """A part that only hidden rows failed; block: what is special about their data."""
    return f"你看得到的检查都通过了，没有通过的是隐藏的检查“{block}”：{message}" if block else message


def verdict(name: str) -> str:
    """Why a submission could not be graded, "" for one that was."""
    return "" if name == "graded" else VERDICTS.get(name, VERDICTS["crashed"])


def premise(names: list[str], right: bool) -> str:
    """An exercise was judged with the reference in the place of others."""
    listed = "、".join(names)
    return f"正确，前提是 {listed} 正确" if right else f"已用参考实现代替 {listed} 重新检查，取较好的结果"


def measure(error: float, below: float) -> str:
    """A row's error beside its threshold."""
    return re.sub(r"e([+-])0", r"e\1", f"误差 {error:.2g}，要求小于 {below:.2g}")


def submitted_at(moment: str) -> str:
    return f"提交于 {moment}"


# Marks: lateness, decisions, comments in Canvas


def due(moment: str, extension: float) -> str:
    """截止 2026-11-08 23:59（已延期 2 天）; extension in days."""
    return f"截止 {moment}" + (f"（已延期 {extension:g} 天）" if extension else "")


def days_counted(days: int, most: float | None) -> str:
    """按 2 天计，最多扣 10 分; most: None where it does not bound."""
    return f"按 {days} 天计" + ("" if most is None else f"，最多扣 {most:g} 分")


def counts(best: bool) -> str:
    """Which of several hand-ins counts."""
    return "多次提交时，取成绩最好的一次" if best else "多次提交时，以最后一次为准"


MARK_ROWS = {
    "auto": "自动评分",
    "manual": "助教调整",
    "award": "助教加分",
    "floor": "不低于 0 分",
    "late": "迟交扣分",
    "rules": "违反规则，记 0 分",
}


def lateness(late: bool, days: float) -> str:
    """迟交 2 天 3 小时; 迟交 where nobody knows how long; "" for what came in time."""
    if not late:
        return ""
    minutes = round(days * 24 * 60)
    if minutes <= 0:
        return "迟交"
    whole, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{whole} 天"] if whole else []
    parts += [f"{hours} 小时"] if hours else []
    parts += [f"{minutes} 分钟"] if minutes and not whole else []
    return "迟交 " + " ".join(parts)


def comment(
    net: str, most: str, verdict: str, penalties: Iterable[tuple[str, str]], lost: Iterable[tuple[str, str, str]]
) -> str:
    """The comment in Canvas: the mark, what it lost where, and that the page says the rest.

    All points as text; penalties: (late or rules, points); lost: (exercise, score, points possible).
    """
    lines = [f"成绩：{net} / {most}", *(f"{MARK_ROWS[kind]}：{points}" for kind, points in penalties)]
    complete = len(lines) == 1
    lines += [f"{name}：{score} / {possible}" for name, score, possible in lost]
    lines.append("全部正确。" if complete and len(lines) == 1 else "逐题的说明和提示见所附的反馈页。")
    return "\n".join([verdict, *lines] if verdict else lines)


# The notebook: what `build` fills in of the course


def deadline(moment: datetime) -> str:
    """截止时间：**2026 年 11 月 8 日 23:59**（UTC+08:00）。"""
    zone = moment.strftime("%z")
    day = f"{moment.year} 年 {moment.month} 月 {moment.day} 日"
    return f"截止时间：**{day} {moment:%H:%M}**（UTC{zone[:3]}:{zone[3:5]}）。"


def link(title: str, address: str) -> str:
    """A link of the course, [课程主页](https://…)。"""
    return f"[{title}]({address})。"


# The annotated notebook

NO_MARK = "未评分"
NOTEBOOK_TITLE = "# 作业反馈：{}"
NOT_COMPLETE = "这份提交没有完成评分。"
SUM_OF_POINTS, POINTS = "这个分数怎么来的", "分"
EXERCISE_COLUMNS = ("题目", "得分", "满分")
EXERCISE_STATES = {"full": "通过", "some": "部分通过", "none": "未通过"}
ZEROED = "整份作业记 0 分"
BROKEN_RULE = "**违反规则：{}**（{}） {}"
WAIVED = "助教已豁免：{}"
CELL_BY_CELL = "每个检查单元格后面是这一题的反馈；隐藏测试的内容不公布。"
EXERCISE_TITLE = "### 反馈：{}　{}"
SCORE_CHANGED = "助教把这一题的自动评分 {} 分改为 {} 分。"
COMMENT_OF_TA = "助教评语"
FAILED_PARTS = "- **未通过 {}**（{}/{} 分）"
HINT = "提示：{}"
PASSED_PARTS = "- 通过：{}"
ADVICE = "- 建议（不影响得分）：{}"
FIGURE = r"*（图：\1）*"  # what a regular expression puts in


def of_points(score: str, most: str) -> str:
    """Points of how many."""
    return f"{score} / {most} 分"


# Causes


def both(first: str, second: str) -> str:
    """Two hints on one part."""
    return f"{first}（除此之外：{second}）"


def at_line(number: str) -> str:
    """Where in a cell."""
    return f"，第 {number} 行"

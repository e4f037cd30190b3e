"""Text of strangers made fit to be shown: no terminal codes, no control or direction characters, no giant lengths."""

import csv
import io
import re
from collections.abc import Iterable

# CSI, OSC, DCS/SOS/PM/APC and two-character escape sequences, in their 7-bit form and with the 8-bit CSI.
ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb]")
# Marks that turn the reading direction can make one text read as another.
DIRECTIONS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SURROGATES = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
# Towers of combining marks paint over the neighbouring lines.
TOWERS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
# What a spreadsheet takes for the start of a formula, full-width signs included: Chinese and Japanese Excel run those.
FORMULA = re.compile(r"[\t\r\n ]*[=+\-@＝＋－＠]|[\t\r\n]")
BOM = "\ufeff"
LINE_LIMIT = 2000  # characters of one line of a block


def plain(text: object, limit: int) -> str:
    """Return text without anything but printable characters, tabs and line ends, cut at limit characters."""
    if text is None:
        return ""
    raw = text if isinstance(text, str) else str(text)
    cut = len(raw) > limit
    raw = raw[: 4 * limit]  # nobody's ten megabytes are searched for escapes
    raw = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    raw = CONTROLS.sub("", ESCAPES.sub("", raw))
    raw = TOWERS.sub(r"\1", SURROGATES.sub("\ufffd", DIRECTIONS.sub("", raw)))
    return raw[:limit].rstrip() + " …" if cut and len(raw) >= limit else raw[:limit]


def one_line(text: object, limit: int = 300) -> str:
    """Return text as one line of at most limit characters."""
    return " ".join(plain(text, limit).split())


def block(text: object, limit: int = 20_000, lines: int = 400) -> str:
    """Return text as a block of at most limit characters and lines lines, without blank lines around it."""
    rows = [row[:LINE_LIMIT].rstrip() for row in plain(text, limit).split("\n")]
    while rows and not rows[0]:
        rows.pop(0)
    while rows and not rows[-1]:
        rows.pop()
    if len(rows) > lines:
        rows = [*rows[:lines], "…"]
    return "\n".join(rows)


def fenced(text: str, language: str = "text") -> str:
    """Return a block of text as fenced Markdown code, with a fence longer than any inside."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def points(value: float) -> str:
    """Return a number of points as people write it: 8, 2.4, 88.25, never -0."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def runs_as_formula(text: str) -> bool:
    """Return whether a spreadsheet may take a CSV cell with this text for a formula."""
    return FORMULA.match(text) is not None


def defused(text: str) -> str:
    """Return the text of a CSV cell so that no spreadsheet runs it as a formula."""
    return f"'{text}" if runs_as_formula(text) else text


def digits_kept(text: str) -> str:
    """Return the text of a CSV cell so that a spreadsheet keeps an id's digits: 007 is no 7, a long one not rounded."""
    return f'="{text}"' if re.fullmatch(r"0[0-9]+|[0-9]{12,}", text) else text


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV: comma, CRLF, and the byte order mark by which Excel knows UTF-8."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return BOM + file.getvalue()


def counted(number: float, what: str) -> str:
    """Return a number and its noun: "1 submission", "2.5 points"."""
    return f"{points(number)} {what}{'' if number == 1 else 's'}"

"""Text in so many columns of a terminal: Chinese breaks after any character, other text between words."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells

WIDE = r"\u2e80-\uffef"
CLOSING = "，。；：、！？）】》」』”’…"  # begins no line
TOKENS = re.compile(rf"[{WIDE}][{CLOSING}]*|[^\s{WIDE}]+[{CLOSING}]*|\s+")


def wrapped(text: str, width: int, indent: int = 0) -> str:
    """Return text in lines of at most width columns, each behind indent spaces; line ends in the text stay."""
    rows = [row for line in text.split("\n") for row in _rows(line, max(width - indent, 10))]
    return "\n".join(" " * indent + row if row else "" for row in rows)


def _rows(line: str, width: int) -> list[str]:
    rows, row = [], ""
    for token in TOKENS.findall(line):
        if row.strip() and cell_len(row + token.rstrip()) > width:
            rows.append(row.rstrip())
            row = ""
        if token.isspace():
            row += token if row or not rows else ""  # a broken line goes on where the text does
            continue
        *full, row = chop_cells(row + token, width) or [""]
        rows += full
    return [*rows, row.rstrip()]

"""One examined submission as lines for people, 80 columns wide."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from assignment.commands.columns import wrapped
from assignment.examiner.result import CheckResult, Part, Result
from assignment.plain import block, one_line, points

INDENT = 8  # of what is said about a part, below its line


def show_checked(console: Console, file: Path, result: Result) -> None:
    """A line an exercise and a line a part; below a part that failed, why; then the rules and what was repaired."""
    name = f"[bold]{_safe(str(file), 400)}[/]"
    if not result.marked:
        console.print(f"{name}: {result.verdict}, no mark: {_safe(result.reason)}", soft_wrap=True)
        return
    mark = f"{points(result.score)} of {points(result.max)} points"
    mark += f", net {points(result.net)}" if result.net != result.score else ""
    console.print(f"{name}: {result.verdict}, {mark}")
    if result.reason:
        print_below(console, result.reason, 2)
    for check in result.checks:
        _show_check(console, check)
    for finding in result.rules:
        _show_finding(console, finding)
    for repair in result.repairs:
        print_below(console, f"repaired: {one_line(repair, 600)}", 2)


def _show_check(console: Console, check: CheckResult) -> None:
    console.print(f"  [bold]{escape(check.name):<48}[/]{points(check.score) + '/' + points(check.max):>9}")
    if check.premise:
        print_below(console, f"taking {', '.join(check.premise)} as right")
    if check.ended:
        print_below(console, f"{check.ended}: {check.reason}")
    for part, after in zip_longest(check.parts, check.parts[1:]):
        _show_part(console, part)
        if after is None or _words(after) != _words(part):
            for said in _words(part):
                print_below(console, said)
    for advice in check.advice:
        print_below(console, f"建议：{advice}")


def _words(part: Part) -> list[str]:
    """What is said of a part; parts side by side that failed in the same words are told once."""
    return [] if part.passed else [said for said in (part.message, part.hint) if said]


def _show_part(console: Console, part: Part) -> None:
    tone, word = ("green", "ok") if part.passed else ("red", "no")
    error = "" if part.error is None else f"{part.error:.1e}"
    below = "" if part.below is None else f"below {part.below:.0e}"
    console.print(
        f"    [{tone}]{word:<4}[/]{escape(part.name):<18}{error:>9}  {below:<13}"
        f"{points(part.score) + '/' + points(part.max):>9}"
    )


def _show_finding(console: Console, finding: Mapping[str, Any]) -> None:
    kind = "[red]breach[/]" if finding["breach"] else "note"
    console.print(f"  {kind} of rule '{finding['rule']}' in {_safe(finding['cell'])}")
    print_below(console, finding["evidence"])


def print_below(console: Console, words: object, indent: int = INDENT) -> None:
    """Print a stranger's words below a line: no mark-up, no terminal codes, wrapped and indented."""
    console.print(Text(wrapped(block(words), console.width, indent)), soft_wrap=True)


def _safe(words: object, limit: int = 300) -> str:
    return escape(one_line(words, limit))

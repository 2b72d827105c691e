"""Styled lines for a terminal, plain ones for a pipe; and problems as such lines."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final

from hostnfsd.problem import Problem, Severity

#: A line in pieces, each with its rich style.
Line = list[tuple[str, str]]

#: Columns of a terminal: what is laid out fits in, as far as it can.
WIDTH: Final = 80
STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def told(problems: Iterable[Problem]) -> list[Line]:
    """Problems in their text form."""
    lines: list[Line] = []
    for problem in problems:
        first, *rest = problem.render().split("\n")
        before, _, after = first.partition(f" {problem.severity}: ")
        lines.append(
            [
                (f"{before} ", "dim"),
                (f"{problem.severity}: ", STYLES[problem.severity]),
                (after, ""),
            ]
        )
        lines.extend([(line, "dim")] for line in rest)
    return lines


def tally(problems: Iterable[Problem]) -> list[str]:
    """How many there are of each severity: ``2 errors``, ``1 warning``."""
    counts = Counter(problem.severity for problem in problems)
    return [count(counts[s], str(s)) for s in Severity if counts[s]]


def count(number: int, noun: str) -> str:
    """A number of things: ``1 gateway``, ``2 gateways``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_lines(lines: Iterable[Line]) -> None:
    """Print them, with styles where a terminal takes them."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        # Only for a terminal: importing it takes longer than reading a file.
        from rich.console import Console  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(soft_wrap=True, highlight=False)
        for line in lines:
            console.print(Text.assemble(*line))
        return
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        text = "".join(piece for piece, _ in line).rstrip()
        # A file name need not be text, and a terminal need not know every character.
        print(text.encode(encoding, "backslashreplace").decode(encoding))

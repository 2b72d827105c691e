"""How the demo speaks: one line for each thing that happened, with the time it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_LABEL = 14


class Step:
    """A thing that is being done. ``said`` becomes its line when it is done."""

    def __init__(self, said: str) -> None:
        self.said = said

    def say(self, said: str) -> None:
        """What turned out, in place of what was announced."""
        self.said = said


class Narrator:
    """Writes the lines. On a terminal the step in progress is shown while it lasts."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def line(self, text: str = "", style: str = "") -> None:
        """A line of plain text: what it says is not read as markup."""
        self.console.print(Text(text, style=style))

    def heading(self, text: str) -> None:
        """The beginning of a part."""
        self.line()
        self.line(text, "bold")

    @contextmanager
    def step(self, label: str, announced: str) -> Iterator[Step]:
        """Do something, and write its line when it is done or has failed."""
        step = Step(announced)
        began = time.monotonic()
        mark, style = "✗", "red"
        try:
            with self.console.status(f"{label}: {announced}", spinner_style="cyan"):
                yield step
            mark, style = "✓", "green"
        finally:
            seconds = f"{time.monotonic() - began:5.1f} s"
            self.console.print(
                Text.assemble(
                    (f"  {mark} ", style), (f"{seconds}  ", "dim"), (f"{label:<{_LABEL}}", "cyan"),
                    step.said,
                )
            )  # fmt: skip

    def note(self, text: str) -> None:
        """Something the reader should know that is not a success."""
        self.console.print(Text.assemble(("  ! ", "yellow"), (f"{'':7}  ", ""), (text, "yellow")))

    def block(self, command: str, output: str) -> None:
        """A command as a user would type it, and what it printed."""
        self.line()
        self.console.print(Text.assemble(("  $ ", "dim"), (command, "bold")))
        for row in output.rstrip("\n").splitlines():
            self.line(f"  {row}".rstrip())

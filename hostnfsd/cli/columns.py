"""Lines and aligned columns for a terminal, with or without colours. Pure."""

from collections.abc import Sequence
from typing import Final, Literal

from hostnfsd.readable import printable

Shade = Literal["good", "warn", "bad", "soft", "bold", "plain"]
Cell = tuple[str, Shade]

#: Columns of a terminal: what is laid out here fits in, as far as it can.
WIDTH: Final = 80
#: Where a terminal has more or fewer: neither are long lines read well, nor much narrower ones.
_NARROW: Final = 50
_WIDE: Final = 100
_INDENT: Final = "    "

_ANSI: Final[dict[Shade, str]] = {
    "good": "32",
    "warn": "33",
    "bad": "1;31",
    "soft": "2",
    "bold": "1",
    "plain": "",
}


def fitting(columns: int | None) -> int:
    """Columns to fill of a terminal that has so many; None: of no terminal."""
    return WIDTH if columns is None else max(_NARROW, min(columns, _WIDE))


class Page:
    """Lines in the making. Control characters in texts are written out."""

    def __init__(self, *, colour: bool) -> None:
        self.lines: list[str] = []
        self._colour = colour

    def shade(self, text: str, shade: Shade) -> str:
        """A text in its colour, if there are any."""
        text = printable(text)
        return f"\x1b[{_ANSI[shade]}m{text}\x1b[0m" if self._colour and _ANSI[shade] else text

    def line(self, *parts: Cell) -> None:
        """Add one line."""
        self.lines.append("".join(self.shade(text, shade) for text, shade in parts))

    def listing(self, *items: Sequence[Cell]) -> None:
        """Add items with commas between them: one line, or indented further ones where it is full.

        An item is never divided.
        """
        line: list[Cell] = []
        used = 0
        for item in items:
            width = sum(len(printable(text)) for text, _ in item)
            if line and used + width + len(", ,") > WIDTH:
                self.line(*line, (",", "plain"))
                line, used = [(_INDENT, "plain")], len(_INDENT)
            elif line:
                line.append((", ", "plain"))
                used += len(", ")
            line += item
            used += width
        self.line(*line)

    def table(self, heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]]) -> None:
        """Aligned columns, two blanks apart; a row of one cell is a line of its own."""
        full = [row for row in rows if len(row) == len(heads)]
        widths = [
            max([len(head), *(len(printable(row[i][0])) for row in full)])
            for i, (head, _) in enumerate(heads)
        ]
        header: Sequence[Cell] = [(head, "soft") for head, _ in heads]
        for row in [header, *rows]:
            if len(row) != len(heads):
                self.line(*row)
                continue
            cells = []
            for (text, shade), width, (_, side) in zip(row, widths, heads, strict=True):
                fill = " " * (width - len(printable(text)))
                shaded = self.shade(text, shade)
                cells.append(fill + shaded if side == "right" else shaded + fill)
            self.lines.append(("  " + "  ".join(cells)).rstrip())

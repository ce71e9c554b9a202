"""Tables in the terminal: without lines, as wide as their cells."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from forebay.console.terminal import plain_line

if TYPE_CHECKING:
    from rich.table import Table

# Text goes on below where a line is too short for it; words and numbers are never broken.
Kind = Literal["text", "word", "number"]
_WIDEST = 10_000


def empty_table(*columns: tuple[Kind, str], style: str = "bold") -> Table:
    """Returns a table without rows.

    Args:
        columns: what is in each column, and its head; without any head, there is no such line.
        style: the style of the heads.
    """
    from rich.table import Table

    made = Table(
        box=None, pad_edge=False, show_header=any(head for _, head in columns), header_style=style
    )
    for kind, head in columns:
        made.add_column(
            head, justify="right" if kind == "number" else "left",
            overflow="fold", no_wrap=kind != "text",
        )  # fmt: skip
    return made


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields rows of cells as lines, the first column to the left and the others to the right."""
    from rich.console import Console

    made = empty_table(("word", ""), *(("number", "") for _ in rows[0][1:]))
    for row in rows:
        made.add_row(*map(plain_line, row))
    text = io.StringIO()
    Console(file=text, width=_WIDEST, markup=False, highlight=False, emoji=False).print(made)
    for line in text.getvalue().splitlines():
        yield f"  {line}".rstrip()

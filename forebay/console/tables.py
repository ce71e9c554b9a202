"""Tables in the terminal."""

from collections.abc import Iterator, Sequence

from forebay.console.terminal import plain_line


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields rows of cells as lines, the first column to the left and the others to the right."""
    rows = [[plain_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield f"  {'  '.join(cells)}".rstrip()

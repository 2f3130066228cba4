"""Tables as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    # What spans the columns (a heading, a reason) has nothing after it and needs no room.
    widths = [
        max(len(row[column]) for row in rows if column == 0 or row[-1])
        for column in range(len(rows[0]))
    ]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()

"""Fields for films to be read: from a CSV that lists the films, or from one that lies beside them.

Neither needs labels. The column of the film is ``path`` or ``file``, from the table's own folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath

from pneumoscope.data.manifest import read_rows
from pneumoscope.errors import UsageError

_COLUMNS = ("path", "file")


def listed_films(table: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """The films that a CSV lists, in its order, with the other columns of their rows.

    A film that does not exist is given on as it is. Raises ``UsageError`` and ``PneumoscopeError``
    with the line that cannot be used.
    """
    for line, row in read_rows(table, set()):
        yield table.parent / _film(row, table, line), row


class FieldsTable:
    """The rows of a CSV by the end of a film's path, so that a moved folder still matches."""

    def __init__(self, path: Path) -> None:
        """Read the table. Raises ``UsageError`` where two rows of one film differ."""
        self.path = path
        self._rows: dict[tuple[str, ...], Mapping[str, str]] = {}
        lines: dict[tuple[str, ...], int] = {}
        for line, row in read_rows(path, set()):
            parts = PurePosixPath(_film(row, path, line)).parts
            if self._rows.setdefault(parts, row) != row:
                raise UsageError(
                    f"{path}, line {line}: {'/'.join(parts)} has other fields on line "
                    f"{lines[parts]}."
                )
            lines.setdefault(parts, line)
        self._lengths = sorted({len(parts) for parts in self._rows}, reverse=True)

    def of(self, film: PurePath) -> Mapping[str, str] | None:
        """The row of ``film``, or None where the table is silent; the longest ending counts."""
        for length in self._lengths:
            row = self._rows.get(film.parts[-length:])
            if row is not None:
                return row
        return None


def _film(row: Mapping[str, str], table: Path, line: int) -> str:
    names = [name for name in _COLUMNS if name in row]
    if not names:
        raise UsageError(f"{table} needs the column path (or file) with the films.")
    if not row[names[0]]:
        raise UsageError(f"{table}, line {line}: the column {names[0]} is empty.")
    return row[names[0]]

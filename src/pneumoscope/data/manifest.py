"""CSV tables that come with films: the manifest (path, label, ...) and the original sizes."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pneumoscope.data.layout import SPLIT_NAMES, Entry
from pneumoscope.errors import PneumoscopeError, UsageError

_KNOWN = frozenset(
    {"path", "label", "patient", "split", "subtype", "original_width", "original_height"}
)

Size = tuple[int, int]


def read_manifest(path: Path, *, labelled: bool = True) -> tuple[Entry, ...]:
    """Read a manifest: ``path,label[,patient,split,subtype,original_width,original_height,...]``.

    Paths are relative to the manifest; every other column is kept in ``Entry.fields``. Unless all
    films are ``labelled``, labels may be empty and their column may be missing. Raises
    ``UsageError`` or ``PneumoscopeError`` with the line that cannot be used.
    """
    entries: list[Entry] = []
    seen: dict[Path, int] = {}
    absent: list[str] = []
    for line, row in read_rows(path, {"path", "label"} if labelled else {"path"}):
        if not row["path"] or (labelled and not row["label"]):
            empty = "path" if not row["path"] else "label"
            raise UsageError(f"{path}, line {line}: the column {empty} is empty.")
        film = path.parent / row["path"]
        if film in seen:
            raise UsageError(f"{path}, line {line}: {row['path']} stands on line {seen[film]} too.")
        seen[film] = line
        if not film.is_file():
            absent.append(f"{row['path']} (line {line})")
        entries.append(
            Entry(
                path=film,
                class_name=row.get("label", ""),
                split=_split(row.get("split", ""), path, line),
                patient=row.get("patient", ""),
                subtype=row.get("subtype", ""),
                width=_pixels(row.get("original_width", ""), path, line),
                height=_pixels(row.get("original_height", ""), path, line),
                fields={name: value for name, value in row.items() if name not in _KNOWN},
            )
        )
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise PneumoscopeError(f"{path} names films that do not exist: {absent[0]}{more}.")
    if not entries:
        raise PneumoscopeError(f"{path} lists no films.")
    return tuple(entries)


class Sizes:
    """Original sizes by the end of a film's path, so that a moved folder still matches."""

    def __init__(self, path: Path) -> None:
        """Read ``split,class,file,width,height`` or ``path,width,height`` (pixels)."""
        self.path = path
        self._by_end: dict[tuple[str, ...], Size | None] = {}
        for line, row in read_rows(path, {"width", "height"}):
            if "path" in row:
                parts = PurePosixPath(row["path"]).parts
                ends = [parts]
            elif {"split", "class", "file"} <= row.keys():
                parts = (row["split"], row["class"], row["file"])
                ends = [parts, parts[1:]]
            else:
                raise UsageError(
                    f"{path} needs the columns split,class,file,width,height or path,width,height."
                )
            width = _pixels(row["width"], path, line)
            height = _pixels(row["height"], path, line)
            if width is None or height is None:
                continue
            for end in ends:
                # Two films with the same ending and different sizes: neither can be trusted.
                known = self._by_end.setdefault(end, (width, height))
                if known != (width, height):
                    self._by_end[end] = None
        self._lengths = sorted({len(end) for end in self._by_end}, reverse=True)

    def of(self, film: Path) -> Size | None:
        """Width and height of the original of ``film``, or ``None`` where the table is silent."""
        for length in self._lengths:
            size = self._by_end.get(film.parts[-length:])
            if size is not None:
                return size
        return None


def read_rows(path: Path, needed: set[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and row of a CSV table with at least the columns ``needed``.

    Column names come in lower case, values stripped, blank lines not at all. Raises
    ``UsageError`` and ``PneumoscopeError`` with the line that cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = [name.strip().casefold() for name in next(reader, [])]
            lacking = sorted(needed - set(names))
            if lacking:
                raise UsageError(f"{path} lacks the column {' and the column '.join(lacking)}.")
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(names):
                    raise UsageError(
                        f"{path}, line {reader.line_num}: "
                        f"{len(values)} values for {len(names)} columns."
                    )
                row = dict(zip(names, (value.strip() for value in values), strict=True))
                yield reader.line_num, row
    except OSError as error:
        raise PneumoscopeError(f"{path} cannot be read: {os.strerror(error.errno or 0)}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PneumoscopeError(f"{path} is not a CSV table in UTF-8: {error}.") from None


def _split(name: str, path: Path, line: int) -> str:
    if not name:
        return ""
    split = SPLIT_NAMES.get(name.casefold())
    if split is None:
        raise UsageError(f"{path}, line {line}: the split {name!r} is not train, val or test.")
    return split


def _pixels(text: str, path: Path, line: int) -> int | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (value >= 1 and value.is_integer()):
        raise UsageError(f"{path}, line {line}: {text!r} is not a size in pixels.")
    return int(value)

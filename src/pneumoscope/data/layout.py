"""Finding films in folders: Kaggle's layout, any class-per-folder tree, or a pile of files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.radiograph import FILM_SUFFIXES

SPLIT_NAMES: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}

_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "dicomdir"})
# Exports often name a DICOM file by its UID alone, whose last part looks like a suffix.
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One film as a folder or a manifest states it, before classes become labels."""

    path: Path
    class_name: str
    split: str = ""
    patient: str = ""
    subtype: str = ""
    width: int | None = None
    height: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """What lies in a folder of films: the folder that keys are relative to, films, leftovers."""

    root: Path
    entries: tuple[Entry, ...]
    skipped: tuple[str, ...]


def is_junk(name: str) -> bool:
    """Whether an operating system or an archiver left this file or folder behind."""
    return name.startswith(".") or name.casefold() in _JUNK


def is_film(path: Path) -> bool:
    """Whether a file's name is one that a film may have; the content is not looked at."""
    return not is_junk(path.name) and (
        path.suffix.casefold() in FILM_SUFFIXES or _UID.fullmatch(path.name) is not None
    )


def find_films(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the films among files and folders: a file as it is given, a folder's films sorted.

    Folders are walked as the films are taken, so memory does not grow with their number.
    A path that does not exist is given on as it is: whoever opens it will say so, in its row.
    """
    for path in paths:
        if path.is_dir():
            yield from _walk(path, [])
        else:
            yield path


def read_tree(folder: Path) -> Tree:
    """Find the films of a class-per-folder tree, with or without train/val/test folders.

    A single wrapping folder is entered (an archive unpacked into a folder of its own), and the
    second copy of the tree that Kaggle's archive carries is stepped over. Raises ``UsageError``
    when there is no such folder, ``PneumoscopeError`` when no film lies in class folders.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder or manifest {folder}.")
    root = _enter(folder)
    skipped: list[str] = []
    folders = [entry for entry in _visible(root) if entry.is_dir()]
    splits = [entry for entry in folders if entry.name.casefold() in SPLIT_NAMES]
    entries: list[Entry] = []
    for parent in splits or [root]:
        for item in _visible(parent):
            if item.is_file():
                skipped.append(_name(item, root))
                continue
            split = SPLIT_NAMES[parent.name.casefold()] if splits else ""
            entries += [Entry(film, item.name, split) for film in _walk(item, skipped, root)]
    if splits:
        skipped += [_name(item, root) for item in _visible(root) if item not in splits]
    if not entries:
        raise PneumoscopeError(_nothing(folder, [Path(name) for name in skipped]))
    return Tree(root, tuple(entries), tuple(sorted(skipped)))


def _nothing(folder: Path, stray: list[Path]) -> str:
    if any(is_film(path) for path in stray):
        return (
            f"{folder} holds films but no class folders: give the folder above it, "
            "or a CSV manifest with the columns path and label."
        )
    return f"{folder} holds no films in class folders (such as NORMAL and PNEUMONIA)."


def _enter(folder: Path) -> Path:
    """Step into folders that merely wrap the tree."""
    while True:
        folders = [item for item in _visible(folder) if item.is_dir()]
        if len(folders) != 1 or folders[0].name.casefold() in SPLIT_NAMES:
            return folder
        inside = _visible(folders[0])
        if any(item.is_file() and is_film(item) for item in inside):
            return folder  # a tree of one class
        folder = folders[0]


def _name(item: Path, root: Path) -> str:
    return item.relative_to(root).as_posix() + "/" * item.is_dir()


def _visible(folder: Path) -> list[Path]:
    return sorted(item for item in folder.iterdir() if not is_junk(item.name))


def _walk(folder: Path, skipped: list[str], root: Path | None = None) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_junk(name))
        for name in sorted(files):
            path = Path(where, name)
            if is_film(path):
                yield path
            elif root is not None and not is_junk(name):
                skipped.append(path.relative_to(root).as_posix())

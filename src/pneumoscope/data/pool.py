"""Films of which some, all or none have labels: a pile of files, class folders, or a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumoscope.data.catalog import (
    Catalog,
    class_key,
    find_films,
    has_patients,
    make_catalog,
    make_film,
)
from pneumoscope.data.layout import Entry, is_film, read_tree
from pneumoscope.data.manifest import read_manifest
from pneumoscope.errors import PneumoscopeError, UsageError

_NO_LABEL = frozenset({"", "unlabelled", "unlabeled", "unknown", "?"})


@dataclass(frozen=True, slots=True)
class Pool:
    """Films with labels and films without; each is None where there are none.

    The films of ``unlabelled`` carry label 0, which says nothing, and no class names.
    """

    root: Path
    labelled: Catalog | None
    unlabelled: Catalog | None
    notes: tuple[str, ...] = ()


def open_pool(where: Path | str, *, positive: str | None = None) -> Pool:
    """Open a folder of films, with class folders or without, or a CSV manifest.

    A manifest needs the column ``path`` alone. A film without a label is unlabelled, as is one in a
    folder called unlabelled or unknown, or loose beside the folders of classes or splits. Where
    names of folders tell no classes and ``positive`` is not given, all films are unlabelled, with a
    note. Raises ``UsageError`` and ``PneumoscopeError``.
    """
    where = Path(where)
    if where.is_file():
        if where.suffix.casefold() != ".csv":
            raise UsageError(f"{where} is neither a folder nor a CSV manifest.")
        entries = read_manifest(where, labelled=False)
        return _divide(where.parent, entries, positive=positive, manifest=True)
    if not where.is_dir():
        raise UsageError(f"There is no folder or manifest {where}.")
    try:
        tree = read_tree(where)
    except PneumoscopeError:
        return _pile(where)
    beside = [tree.root / name for name in tree.skipped]
    loose = [path for path in beside if path.is_file() and is_film(path)]
    folders = [path for path in beside if path.is_dir() and class_key(path.name) in _NO_LABEL]
    entries = (*tree.entries, *(Entry(path, "") for path in (*loose, *find_films(folders))))
    try:
        return _divide(tree.root, entries, positive=positive)
    except UsageError as error:
        if positive is not None:
            raise
        return _pile(where, f"All films are taken for unlabelled. {error}")


def _pile(folder: Path, *notes: str) -> Pool:
    entries = [Entry(path, "") for path in find_films([folder])]
    if not entries:
        raise PneumoscopeError(f"There are no films in {folder}.")
    return Pool(folder, None, _unlabelled(folder, entries), notes)


def _divide(
    root: Path, entries: Sequence[Entry], *, positive: str | None, manifest: bool = False
) -> Pool:
    without = [entry for entry in entries if class_key(entry.class_name) in _NO_LABEL]
    labelled = [entry for entry in entries if class_key(entry.class_name) not in _NO_LABEL]
    return Pool(
        root,
        make_catalog(root, labelled, positive=positive, manifest=manifest) if labelled else None,
        _unlabelled(root, without) if without else None,
    )


def _unlabelled(root: Path, entries: Sequence[Entry]) -> Catalog:
    films = sorted((make_film(entry, root, label=0) for entry in entries), key=lambda f: f.key)
    return Catalog(root, tuple(films), ("", ""), has_patients(entries))

"""Films decoded once: a memory-mapped uint8 store, found again by fingerprint and verified."""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files, preprocess, radiograph
from pneumoscope.data.catalog import Film
from pneumoscope.errors import PneumoscopeError, UnreadableFilm
from pneumoscope.machine import cores
from pneumoscope.preprocess import Preprocessing

STORE_VERSION = 1
CACHE_VARIABLE = "PNEUMOSCOPE_CACHE"


@dataclass(frozen=True, slots=True)
class Store:
    """Network inputs of a set of films.

    ``pixels``: (films, size, size) uint8, read-only and memory-mapped, bone bright. ``sha256``
    holds each file's content hash. A refused film keeps its row (all zero) and has its reason
    in ``refused``.
    """

    pixels: np.ndarray
    keys: tuple[str, ...]
    sha256: tuple[str, ...]
    refused: dict[str, str]

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Row numbers (int64) of ``keys``, refused films left out; KeyError for an unknown one."""
        place = {key: row for row, key in enumerate(self.keys)}
        return np.array([place[key] for key in keys if key not in self.refused], dtype=np.int64)


def cache_folder(cache: Path | None = None) -> Path:
    """``cache``, or the folder named by $PNEUMOSCOPE_CACHE, or the user's cache folder."""
    if cache is not None:
        return Path(cache)
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("pneumoscope", appauthor=False)


def open_store(
    films: Sequence[Film],
    preprocessing: Preprocessing,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Store:
    """The store of ``films``, opened if it is there and whole, else decoded now.

    Two processes that ask for the same store build it once: the second waits for the first. A
    process that is killed leaves nothing that could be taken for a store. Raises
    ``PneumoscopeError`` when there is no film, none can be read, or the disk is full.
    """
    from filelock import FileLock

    if not films:
        raise PneumoscopeError("There is no film to decode.")
    stamps = [_stamp(film) for film in films]
    name = fingerprint(films, stamps, preprocessing)[:24]
    folder = cache_folder(cache) / name
    shape = (len(films), preprocessing.size, preprocessing.size)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        index = _read_index(folder, shape)
        if index is None:
            index = _build(folder, films, preprocessing, workers=workers, progress=progress)
    if len(index["refused"]) == len(films):
        key, reason = next(iter(index["refused"].items()))
        raise PneumoscopeError(
            f"None of the {len(films)} films could be read; the first, {key}: {reason}."
        )
    pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="r", shape=shape)
    return Store(pixels, tuple(index["keys"]), tuple(index["sha256"]), dict(index["refused"]))


def fingerprint(
    films: Sequence[Film], stamps: Sequence[tuple[int, int]], preprocessing: Preprocessing
) -> str:
    """What the store depends on: the files (path, bytes, time), the shape, the code's versions."""
    import PIL
    import simplejpeg

    digest = sha256()
    versions = [STORE_VERSION, preprocess.CODE_VERSION, PIL.__version__, simplejpeg.__version__]
    digest.update(json.dumps([versions, preprocessing.to_json()]).encode())
    for film, stamp in zip(films, stamps, strict=True):
        digest.update(json.dumps([film.key, str(film.path.absolute()), *stamp]).encode())
    return digest.hexdigest()


def _stamp(film: Film) -> tuple[int, int]:
    try:
        status = film.path.stat()
    except OSError:
        return (-1, -1)  # a missing file is refused when it is decoded, by name
    return (status.st_size, status.st_mtime_ns)


def _read_index(folder: Path, shape: tuple[int, int, int]) -> dict[str, Any] | None:
    """The index of a store that is whole, else None."""
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        whole = (
            index["shape"] == list(shape)
            and (folder / "pixels.u8").stat().st_size == int(np.prod(shape))
            and index["crc32"] == _crc32(folder / "pixels.u8")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return index if whole else None


def _build(
    folder: Path,
    films: Sequence[Film],
    preprocessing: Preprocessing,
    *,
    workers: int | None,
    progress: bool,
) -> dict[str, Any]:
    """Decode every film into a folder beside ``folder``, then rename it; called under the lock."""
    for left_over in folder.parent.glob(f".{folder.name}-*"):  # of a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    beside = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    beside.mkdir()
    shape = (len(films), preprocessing.size, preprocessing.size)
    try:
        _reserve(beside / "pixels.u8", int(np.prod(shape)))
        pixels = np.memmap(beside / "pixels.u8", dtype=np.uint8, mode="r+", shape=shape)
        hashes, refused = _decode(films, preprocessing, pixels, workers=workers, progress=progress)
        pixels.flush()
        del pixels
        index = {
            "shape": list(shape),
            "crc32": _crc32(beside / "pixels.u8"),
            "keys": [film.key for film in films],
            "sha256": hashes,
            "refused": refused,
        }
        files.write_json(beside / "index.json", index)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    except OSError as error:
        raise PneumoscopeError(
            f"The pixel store could not be written to {folder.parent} ({error.strerror}); free "
            f"{np.prod(shape) / 1e6:.0f} MB there, or name another folder with --cache."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return index


def _decode(
    films: Sequence[Film],
    preprocessing: Preprocessing,
    pixels: np.ndarray,
    *,
    workers: int | None,
    progress: bool,
) -> tuple[list[str], dict[str, str]]:
    """Fill ``pixels``; content hashes and the reasons of refusals."""
    from tqdm import tqdm

    def decode(row: int) -> tuple[str, str | None]:
        data = b""
        try:
            data = radiograph.read_bytes(films[row].path)
            pixels[row] = preprocess.film_to_input(data, preprocessing)
        except UnreadableFilm as error:
            return files.sha256(data), str(error)
        return files.sha256(data), None

    hashes: list[str] = []
    refused: dict[str, str] = {}
    with ThreadPoolExecutor(workers or cores()) as pool:
        outcomes = pool.map(decode, range(len(films)))
        bar = tqdm(
            outcomes,
            total=len(films),
            desc="decoding",
            unit=" film",
            disable=None if progress else True,
        )
        for film, (content, reason) in zip(films, bar, strict=True):
            hashes.append(content)
            if reason is not None:
                refused[film.key] = reason
    return hashes, refused


def _reserve(path: Path, size: int) -> None:
    """Claim the space now: writing through a memory map to a full disk would end in a signal."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        block = bytes(1 << 20)
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value

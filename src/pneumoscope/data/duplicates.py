"""Finding the same picture twice: by content, and by a perceptual hash that a resize survives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

SIDE = 64
_FREQUENCIES = 16
_BLOCK = 2_000_000  # pairs that are compared at once
# Among the 13.7 million pairs of the Kermany set no two different films come within 24 bits, while
# resized, recompressed and brightened copies all do. 64 bits are too few for films so alike.
MAX_DISTANCE = 24
MIN_CORRELATION = 0.985


def thumbnail(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Shrink grey pixels (H, W) to (64, 64) by averaging areas, whatever the aspect ratio."""
    from PIL import Image

    small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def perceptual_hash(pixels: npt.NDArray[np.uint8]) -> str:
    """Return 256 bits as 64 hexadecimal digits, alike for pictures that look alike.

    The 16 x 16 lowest frequencies of the discrete cosine transform of a 64 x 64 thumbnail, each
    against their median (Zauner 2010, "pHash"). ``pixels`` are (H, W) uint8; squashed, resized and
    recompressed copies differ by a few bits, other films of the same kind by about 100.
    """
    basis = _cosines()
    spectrum = basis @ thumbnail(pixels).astype(np.float64) @ basis.T
    return np.packbits(spectrum > np.median(spectrum)).tobytes().hex()


def near_pairs(
    hashes: Sequence[str], others: Sequence[str] | None = None, *, distance: int = MAX_DISTANCE
) -> npt.NDArray[np.int64]:
    """Return index pairs (m, 2) of hashes that differ in at most ``distance`` bits.

    Pairs are within ``hashes`` (i < j), or from ``hashes`` to ``others`` where these are given.
    Memory stays bounded; time grows with the product of the two lengths.
    """
    left = _words(hashes)
    right = left if others is None else _words(others)
    found = [np.empty((0, 2), dtype=np.int64)]
    block = max(1, _BLOCK // max(1, len(right)))
    for start in range(0, len(left), block):
        first = start if others is None else 0
        differing = np.zeros((len(left[start : start + block]), len(right) - first), np.uint16)
        for word in range(left.shape[1]):
            differing += np.bitwise_count(
                left[start : start + block, word, None] ^ right[None, first:, word]
            )
        pairs = np.argwhere(differing <= distance) + np.array([start, first])
        found.append(pairs[pairs[:, 0] < pairs[:, 1]] if others is None else pairs)
    return np.concatenate(found)


def same_content(digests: Iterable[str]) -> list[list[int]]:
    """Return groups of indices (two or more each) whose digests are equal."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, digest in enumerate(digests):
        groups[digest].append(index)
    return [group for group in groups.values() if len(group) > 1]


def look_alike(
    hashes: Sequence[str], thumbnails: Sequence[npt.NDArray[np.uint8]]
) -> list[list[int]]:
    """Return groups of indices whose pictures look alike: near in hash, then in the thumbnails.

    ``thumbnails`` (n of 64 x 64) decide on what the hash proposes: a correlation of 0.985 or more.
    Groups are connected: each member resembles at least one other of its group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = near_pairs(hashes)
    alike = [(i, j) for i, j in pairs if _resemble(thumbnails[i], thumbnails[j])]
    if not alike:
        return []
    rows, columns = np.array(alike).T
    n = len(hashes)
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in sorted(set(rows.tolist()) | set(columns.tolist())):
        groups[int(component[index])].append(index)
    return list(groups.values())


def _resemble(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> bool:
    x = a.astype(np.float64).ravel() - a.mean()
    y = b.astype(np.float64).ravel() - b.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    # A blank picture resembles nothing: blank films are another finding.
    return scale > 0 and float(x @ y) / scale >= MIN_CORRELATION


def _words(hashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    data = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint64)
    return data.reshape(-1, _FREQUENCIES * _FREQUENCIES // 64)


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first 16 rows of the type-II discrete cosine transform of 64 samples, (16, 64)."""
    k, i = np.mgrid[:_FREQUENCIES, :SIDE]
    return np.asarray(np.cos(np.pi * k * (2 * i + 1) / (2 * SIDE)))

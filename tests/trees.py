"""Folders of made-up films for the tests of the data room."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLE = Path(__file__).parent.parent / "sample"


def picture(seed: int, *, width: int = 96, height: int = 80) -> Image.Image:
    """Return a smooth grey picture; another seed gives one that looks quite different."""
    coarse = np.random.default_rng(seed).integers(0, 256, (10, 10), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def write_film(path: Path, seed: int, *, width: int = 96, height: int = 80) -> Path:
    """Write a made-up film; the suffix of ``path`` decides on the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, width=width, height=height).save(path)
    return path


def touch(path: Path) -> Path:
    """Write an empty file: enough where films are only listed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def make_tree(root: Path, names: Iterable[str]) -> Path:
    """Write a made-up film for each path below ``root``, every one a picture of its own."""
    for seed, name in enumerate(names):
        write_film(root / name, seed)
    return root

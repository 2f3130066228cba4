from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data.catalog import Film
from trees import SAMPLE, picture


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = SAMPLE.parent / "tools" / "make_sample.py"
    spec = importlib.util.spec_from_file_location("make_sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def films_of(subtype: str, patient: str, count: int, *, split: str, size: bool) -> list[Film]:
    side = 100 if size else None
    return [
        Film(
            Path(f"{patient}-{i}.jpeg"),
            f"{split}/{patient}-{i}.jpeg",
            int(subtype != "normal"),
            subtype,
            patient,
            split,
            side,
            side,
        )
        for i in range(count)
    ]


def test_whole_patients_fill_the_quotas(tool: ModuleType) -> None:
    films: list[Film] = []
    for subtype in ("normal", "bacterial", "viral"):
        for i in range(400):
            films += films_of(subtype, f"{subtype}{i}", 1 + i % 3, split="train", size=i % 10 > 0)
        films += films_of(subtype, f"{subtype}crowd", 11, split="train", size=True)
        films += films_of(subtype, f"{subtype}val", 2, split="val", size=True)
    drawn = tool.draw(tuple(films), seed=0)
    patients = {split: {film.patient for film in own} for split, own in drawn.items()}
    assert not patients["train"] & patients["test"]
    assert patients["val"] == {"normalval", "bacterialval", "viralval"}
    for split, quota in tool.QUOTA.items():
        assert Counter(film.subtype for film in drawn[split]) == quota
        assert all(film.width for film in drawn[split])
    whole = Counter(film.patient for film in films)
    sampled = Counter(film.patient for own in drawn.values() for film in own)
    assert all(count == whole[patient] <= 10 for patient, count in sampled.items())
    assert tool.draw(tuple(films), seed=0) == drawn
    assert tool.draw(tuple(films), seed=1) != drawn
    with pytest.raises(SystemExit, match="too few films for test"):
        tool.draw(tuple(films[:100]), seed=0)


def test_grey_films_are_copied_and_colour_ones_lose_their_colour_alone(
    tool: ModuleType, tmp_path: Path
) -> None:
    grey, colour = tmp_path / "grey.jpeg", tmp_path / "colour.jpeg"
    picture(1).save(grey)
    picture(2).convert("RGB").save(colour, quality=90)
    tool.copy_grey(grey, tmp_path / "out" / "grey.jpeg")
    tool.copy_grey(colour, tmp_path / "out" / "colour.jpeg")
    assert (tmp_path / "out" / "grey.jpeg").read_bytes() == grey.read_bytes()
    with Image.open(tmp_path / "out" / "colour.jpeg") as image, Image.open(colour) as before:
        assert image.mode == "L"
        assert image.quantization[0] == before.quantization[0]
        difference = np.asarray(image, dtype=int) - np.asarray(before.convert("L"), dtype=int)
        assert np.abs(difference).max() <= 4

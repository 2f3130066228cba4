from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import Film
from pneumoscope.data.size_probe import probe_sizes


def films(sizes: list[tuple[int, int, int] | tuple[int, None, None]]) -> list[Film]:
    return [
        Film(Path(f"{i}.png"), f"{i}.png", label, "", f"p{i}", width=width, height=height)
        for i, (label, width, height) in enumerate(sizes)
    ]


def test_area_and_aspect_each_by_itself() -> None:
    # Positive films are smaller, and of a shape that says nothing.
    shapes = [(0, 2000, 1000), (0, 1500, 1500), (0, 1800, 1200), (1, 1000, 500), (1, 800, 800)]
    probe = probe_sizes(films([*shapes, (1, None, None)]), {})
    assert (probe.source, probe.films, probe.total) == ("original", 5, 6)
    assert probe.pixels is not None
    assert probe.aspect is not None
    assert probe.pixels.auc.value == 1.0
    assert probe.pixels.auc.n == 5
    assert probe.pixels.positive_films_are == "smaller"
    assert probe.aspect.auc.value == pytest.approx(0.5)
    json.dumps(probe.to_json(), allow_nan=False)


def test_the_direction_is_turned_to_at_least_one_half() -> None:
    rng = np.random.default_rng(3)
    rows = [(i % 2, int(rng.integers(900, 1000) + 60 * (i % 2)), 700) for i in range(200)]
    probe = probe_sizes(films(rows), {})
    assert probe.pixels is not None
    assert probe.pixels.positive_films_are == "larger"
    assert probe.pixels.auc.low < probe.pixels.auc.value < probe.pixels.auc.high
    assert probe.telling
    turned = probe_sizes(films([(1 - label, w, h) for label, w, h in rows]), {})
    assert turned.pixels is not None
    assert turned.pixels.positive_films_are == "smaller"
    assert turned.pixels.auc.value == pytest.approx(probe.pixels.auc.value)


def test_sizes_that_do_not_tell_give_no_warning() -> None:
    rng = np.random.default_rng(4)
    rows = [(i % 2, int(rng.integers(900, 1000)), int(rng.integers(900, 1000))) for i in range(400)]
    assert not probe_sizes(films(rows), {}).telling


def test_file_sizes_stand_in_where_no_original_is_known() -> None:
    nameless = films([(0, None, None), (0, None, None), (1, None, None)])
    probe = probe_sizes(nameless, {"0.png": (10, 10), "1.png": (20, 10), "2.png": (30, 10)})
    assert probe.source == "file"
    assert probe.aspect is not None
    assert probe.aspect.positive_films_are == "wider"


def test_equal_sizes_say_nothing() -> None:
    nameless = films([(0, None, None), (1, None, None)])
    probe = probe_sizes(nameless, {"0.png": (224, 224), "1.png": (224, 224)})
    assert probe.silent == (
        "every film is 224 by 224 px, so it was resized; give the original sizes with --sizes"
    )
    assert probe.pixels is None
    assert not probe.telling


def test_one_class_says_nothing() -> None:
    probe = probe_sizes(films([(1, 10, 20), (1, 20, 20)]), {})
    assert probe.silent == "films of both classes with a known size are needed"

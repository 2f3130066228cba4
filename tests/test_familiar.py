from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import films
from pneumoscope.inference.descriptor import LENGTH, SIDE, thumbnail
from pneumoscope.inference.familiar import POSES, Familiar, poses_of, rounded
from pneumoscope.inference.guard import Guard


@pytest.fixture
def familiar() -> Familiar:
    """One that is not fitted to anything."""
    rng = np.random.default_rng(0)
    return Familiar(
        mean=rounded(rng.normal(size=LENGTH)),
        scale=rounded(rng.uniform(0.5, 2, LENGTH)),
        inner=rounded(rng.normal(size=(LENGTH, 4))),
        inner_bias=rounded(rng.normal(size=4)),
        outer=rounded(rng.normal(size=4)),
        outer_bias=rounded(0.25),
        centre=rounded(rng.normal(size=LENGTH)),
        whitening=rounded(np.tril(rng.normal(size=(LENGTH, LENGTH)))),
        usual=1.25,
    )


def test_json_and_back(familiar: Familiar) -> None:
    written = json.dumps(familiar.to_json())
    assert len(written) < 120_000
    assert Familiar.from_json(json.loads(written)) == familiar
    assert replace(familiar, usual=1.5) != familiar
    guard = Guard(familiar=familiar)
    assert Guard.from_json(json.loads(json.dumps(guard.to_json()))) == guard != Guard()


def test_what_was_read_judges_alike(familiar: Familiar) -> None:
    greys = poses_of(thumbnail(films.picture())[None])[:, 0]
    again = Familiar.from_json(familiar.to_json())
    np.testing.assert_array_equal(familiar.judge(greys), again.judge(greys))


def test_a_picture_and_its_mirror_image_are_judged_alike(familiar: Familiar) -> None:
    greys = thumbnail(films.picture() // 3 + films.picture().T[:240, :240].mean() / 9)[None]
    greys = np.concatenate([greys, greys * np.linspace(0.2, 1, SIDE, dtype=np.float32)])
    mirrored = familiar.judge(greys[:, :, ::-1])
    np.testing.assert_allclose(familiar.judge(greys), mirrored, rtol=1e-4, atol=1e-4)


def test_foreign_parts_are_not_loaded(familiar: Familiar) -> None:
    written = familiar.to_json()
    with pytest.raises(ValueError, match="unknown part of a guard: mood"):
        Familiar.from_json({**written, "mood": 1})
    with pytest.raises(KeyError, match="usual"):
        Familiar.from_json({name: part for name, part in written.items() if name != "usual"})
    with pytest.raises(ValueError, match="another descriptor"):
        Familiar.from_json({**written, "mean": written["inner_bias"]})
    with pytest.raises(ValueError, match=r"padding|base64"):
        Familiar.from_json({**written, "centre": "!"})


def test_the_poses_set_right_what_they_name() -> None:
    greys = thumbnail(films.picture())
    for turns, inverted in POSES:
        laid = np.rot90(255 - greys if inverted else greys, -turns)
        views = poses_of(laid[None])[:, 0]
        np.testing.assert_allclose(views[POSES.index((turns, inverted))], greys)

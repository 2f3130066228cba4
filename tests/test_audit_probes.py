"""The rows on logits that are made up, so that it is known what must come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.audit_changes import (
    BORDER_ONLY,
    CORNERS,
    CURVES,
    LUNGS_ONLY,
    MIRRORED,
    NO_BORDER,
    NO_LUNGS,
    SHIFTS,
    Box,
    curve_name,
    marker_name,
    shift_name,
)
from pneumoscope.evaluation.audit_films import WHOLE, Changed, Looked
from pneumoscope.evaluation.audit_probes import (
    call_rows,
    curve_of,
    region_rows,
    size_rows,
    whole_film,
)
from pneumoscope.evaluation.audit_verdict import FAIL, NOT_ASKED, PASS, WARN, Row
from pneumoscope.evaluation.corrupt import unchanged

N = 400
CLASSES = ("NORMAL", "PNEUMONIA")
TRUTH = np.arange(N) % 2 == 1
RNG = np.random.default_rng(1)
GOOD = np.where(TRUTH, 3.0, -3.0) + RNG.normal(size=N)
NOISE = RNG.normal(size=N)


def film(index: int, width: int | None = None, height: int | None = None) -> Film:
    key = f"{index}.png"
    return Film(Path(key), key, int(TRUTH[index]), "", f"p{index}", width=width, height=height)


FILMS = tuple(film(index) for index in range(N))


def changed(**others: np.ndarray) -> Changed:
    """A reader that is moved by nothing, but for what is named (with _ for a space)."""
    names = [MIRRORED, NO_BORDER, *map(marker_name, CORNERS), *map(shift_name, SHIFTS)]
    names += [
        curve_name(kind, level)
        for kind, levels in CURVES.items()
        for level in levels
        if level != unchanged(kind)
    ]
    logits = dict.fromkeys([WHOLE, *names], GOOD) | {BORDER_ONLY: NOISE}
    logits |= {name.replace("_", " "): values for name, values in others.items()}
    return Changed(FILMS, logits, {}, Box(0.1, 0.9, 0.1, 0.9, 0.98))


def regions(films: Changed, *, masks: bool = True) -> dict[str, Row]:
    return {row.name: row for row in region_rows(films, CLASSES, masks=masks)}


def calls(films: Changed) -> dict[str, Row]:
    return {row.name: row for row in call_rows(films, threshold=0.0, classes=CLASSES)}


def test_a_reader_of_lungs_passes() -> None:
    found = regions(changed(lungs_only=GOOD, lungs_blacked_out=NOISE))
    assert {row.verdict for row in found.values()} == {PASS}
    assert "hides 98.0 % of the lungs" in found[NO_LUNGS].says
    found = calls(changed())
    assert {row.verdict for row in found.values()} == {PASS}
    assert len(found) == 3 + len(CURVES)


def test_a_reader_of_borders_fails() -> None:
    wrong = {"border_only": GOOD, "border_blacked_out": NOISE}
    found = regions(changed(**wrong, lungs_only=NOISE, lungs_blacked_out=GOOD))
    assert {row.verdict for row in found.values()} == {FAIL}
    loss = found[NO_BORDER]
    assert loss.estimate is not None
    assert loss.estimate.value == pytest.approx(0.5, abs=0.1)
    assert loss.estimate.interval.n == N


def test_films_without_a_mask_are_not_counted() -> None:
    some = np.where(np.arange(N) < 60, GOOD, np.nan)
    row = regions(changed(lungs_only=some))[LUNGS_ONLY]
    assert row.estimate is not None
    assert row.estimate.interval.n == 60
    few = np.where(np.arange(N) < 6, GOOD, np.nan)
    row = regions(changed(lungs_only=few))[LUNGS_ONLY]
    assert (row.verdict, row.says) == (NOT_ASKED, "6 films, and at least 20 are needed")
    assert regions(changed())[LUNGS_ONLY].says == "no film has a mask"
    assert "--masks" in regions(changed(), masks=False)[LUNGS_ONLY].says


def test_regions_of_a_reader_without_skill_are_not_asked() -> None:
    found = regions(changed(whole_film=NOISE))
    assert (
        found[BORDER_ONLY].says
        == "the whole film tells the classes apart no better than chance may"
    )


def test_the_worst_corner_counts() -> None:
    name = marker_name("bottom left")
    films = changed()
    moved = Changed(FILMS, {**films.logits, name: GOOD + 10}, {})
    row = calls(moved)["a letter in a corner"]
    assert row.verdict == FAIL
    assert row.says.startswith("worst of 4 (bottom left): 20")
    assert row.estimate is not None
    assert row.estimate.value == pytest.approx(0.5, abs=0.01)
    assert row.details["mean_change_of_logit"] == pytest.approx(10)
    assert row.details["ways"]["top left"]["value"] == 0


def test_only_the_mildest_levels_of_a_curve_are_judged() -> None:
    films = changed()
    strong = Changed(FILMS, {**films.logits, curve_name("blur", 0.03): NOISE}, {})
    row = calls(strong)["blur"]
    assert row.verdict == PASS
    curve = row.details["curve"]
    assert [point["level"] for point in curve] == list(CURVES["blur"])
    assert curve[0]["roc_auc"]["value"] > 0.99 > 0.6 > curve[-1]["roc_auc"]["value"]
    mild = Changed(FILMS, {**films.logits, curve_name("blur", 0.004): NOISE}, {})
    assert calls(mild)["blur"].verdict == FAIL
    assert curve_of(films, "gamma", threshold=0.0)[3]["level"] == 1


def test_the_whole_film_needs_skill() -> None:
    def row(logit: np.ndarray) -> Row:
        return whole_film(Looked(FILMS, logit, (), {}, ()), CLASSES)

    assert row(GOOD).verdict == PASS
    assert row(NOISE).verdict == FAIL
    assert whole_film(Looked(FILMS[:9], GOOD[:9], (), {}, ()), CLASSES).verdict == NOT_ASKED


def test_a_score_that_follows_size_within_a_class_is_found() -> None:
    rng = np.random.default_rng(2)
    width = np.rint(np.where(TRUTH, 1000, 1400) + rng.normal(0, 120, N)).astype(int)
    films = tuple(film(index, int(width[index]), 1000) for index in range(N))

    def rows(logit: np.ndarray) -> dict[str, Row]:
        return {row.name: row for row in size_rows(Looked(films, logit, (), {}, ()), CLASSES)}

    honest = rows(GOOD)
    assert honest["labels from the number of pixels"].verdict == WARN
    assert honest["labels from the number of pixels"].says.startswith("PNEUMONIA films are smaller")
    assert honest["score follows the number of pixels"].verdict == PASS
    scanner = rows((1200 - width) / 100)
    assert scanner["labels from the number of pixels"].verdict == WARN
    follows = scanner["score follows the number of pixels"]
    assert follows.verdict == FAIL
    assert follows.estimate is not None
    assert follows.estimate.value > 0.95
    assert rows(-(1200 - width) / 100)["score follows the number of pixels"].verdict == PASS


def test_films_of_one_size_cannot_tell() -> None:
    looked = Looked(FILMS, GOOD, (), {one.key: (224, 224) for one in FILMS}, ())
    found = list(size_rows(looked, CLASSES))
    assert {row.verdict for row in found} == {NOT_ASKED}
    assert "every film is 224 by 224 px" in found[0].says

from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import open_catalog
from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference.reader import READ, Reading
from pneumoscope.model.scored import Scored, fit_subtype, of_validation


def scored(kinds: list[str], leaning: list[float]) -> Scored:
    truth = np.array([kind != "normal" for kind in kinds])
    return Scored(truth, np.zeros(len(kinds)), np.array(kinds), np.array(leaning), {})


def test_the_leaning_is_calibrated_on_films_with_a_known_kind() -> None:
    rng = np.random.default_rng(0)
    viral = rng.random(600) < 0.3
    leaning = 3 * (viral - 0.5) + rng.normal(0, 1.5, 600)
    kinds = ["viral" if v else "bacterial" for v in viral] + ["normal", "", "viral"]
    found = fit_subtype(scored(kinds, [*leaning, 50.0, -50.0, np.nan]))
    assert found is not None
    assert found.prevalence == pytest.approx(viral.mean())
    # Films of the other kinds were left out: with them the mean would be far off.
    assert found.probability(leaning).mean() == pytest.approx(viral.mean(), abs=1e-6)


@pytest.mark.parametrize("kinds", [["viral", "normal"], ["bacterial"], ["normal", ""]])
def test_without_both_kinds_there_is_no_calibration(kinds: list[str]) -> None:
    assert fit_subtype(scored(kinds, [0.5] * len(kinds))) is None


def test_films_that_were_refused_are_counted_and_left_out(films: Path) -> None:
    catalog = open_catalog(films).select(["test"])
    readings = [
        Reading(film.key, READ, 0.5, "NORMAL", None, float(i), leaning=-float(i))
        for i, film in enumerate(catalog.films)
    ]
    readings[3] = Reading("x", "refused", None, None, "blank")
    found = of_validation(catalog, readings)
    assert found.logit.tolist() == [i for i in range(len(readings)) if i != 3]
    assert (found.leaning == -found.logit).all()
    assert found.about == {"by": "validation", "refused": 1}
    only_normal = catalog.keep(film for film in catalog.films if film.label == 0)
    with pytest.raises(PneumoscopeError, match="both classes"):
        of_validation(only_normal, readings[: len(only_normal.films)])

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from conftest import planted_film
from pneumoscope.evaluation.faithfulness import (
    area,
    curves,
    deletion_and_insertion,
    displaced,
    rank_correlation,
    similarity,
)
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.inference.saliency import Explanation, Grid, explain
from pneumoscope.model.deployed import Deployed, to_onnx
from pneumoscope.model.networks import build_network

FILMS = 10
PATIENTS = [str(seed // 2) for seed in range(FILMS)]


def explanations(bundle: Bundle, method: str) -> list[Explanation]:
    films = []
    for seed in range(FILMS):
        file = io.BytesIO()
        Image.fromarray(planted_film(seed)[0]).save(file, "PNG")
        films.append(file.getvalue())
    return list(explain(films, bundle=bundle, method=method))


def grids(found: Sequence[Explanation]) -> list[Grid]:
    return [one.grid for one in found if one.grid is not None]


@pytest.mark.parametrize("method", ["cam", "occlusion"])
def test_deleting_the_evidence_is_faster_than_deleting_elsewhere(
    finder_bundle: Bundle, method: str
) -> None:
    found = deletion_and_insertion(
        explanations(finder_bundle, method),
        Reader(finder_bundle),
        patients=PATIENTS,
        resamples=500,
    )
    assert found["deletion"].value < found["deletion_random"].value
    assert found["deletion_lead"].interval.low > 0
    assert (found["deletion"].interval.n, found["deletion"].interval.patients) == (FILMS, FILMS / 2)
    lead = found["deletion_random"].value - found["deletion"].value
    assert found["deletion_lead"].value == pytest.approx(lead)
    lead = found["insertion"].value - found["insertion_random"].value
    assert found["insertion_lead"].value == pytest.approx(lead)
    assert found["insertion"].value > found["insertion_random"].value


def test_a_map_turned_upside_down_loses_to_chance(finder_bundle: Bundle) -> None:
    """The test can fail: the same maps with their sign changed do."""
    from dataclasses import replace

    wrong = [
        replace(one, grid=Grid(-one.grid.values, one.grid.stride))
        for one in explanations(finder_bundle, "occlusion")
        if one.grid is not None
    ]
    found = deletion_and_insertion(wrong, Reader(finder_bundle), patients=PATIENTS, resamples=500)
    assert found["deletion_lead"].interval.high < 0


def test_curves_run_from_the_whole_film_and_back_to_it(finder_bundle: Bundle) -> None:
    (one, *_) = explanations(finder_bundle, "cam")
    assert one.pixels is not None
    assert one.grid is not None
    deletion, insertion = curves(Reader(finder_bundle), one.pixels, one.grid.on_input(96), steps=8)
    assert deletion.shape == insertion.shape == (9,)
    assert deletion[0] == pytest.approx(one.reading.probability, abs=1e-5)
    assert insertion[-1] == pytest.approx(deletion[0], abs=1e-6)
    assert insertion[0] == pytest.approx(deletion[-1], abs=1e-6)


def test_the_area_is_the_trapezoids() -> None:
    assert area(np.array([1.0, 0.0])) == 0.5
    assert area(np.array([1.0, 1.0, 0.0])) == 0.75


def test_a_displaced_map_has_the_same_values_elsewhere() -> None:
    values = np.arange(30, dtype=np.float32).reshape(5, 6)
    moved = displaced(Grid(values, 4.0), np.random.default_rng(0))
    assert moved.stride == 4
    assert not np.array_equal(moved.values, values)
    np.testing.assert_array_equal(np.sort(moved.values, None), np.sort(values, None))


def test_what_a_network_without_learning_shows_is_something_else(
    finder: Deployed, finder_bundle: Bundle
) -> None:
    from dataclasses import replace

    untrained = build_network(finder.network.options, seed=9)
    network = to_onnx(Deployed(untrained, channels=1).eval(), size=96)
    random = replace(finder_bundle, network=network)
    trained = grids(explanations(finder_bundle, "occlusion"))
    found = similarity(
        trained, grids(explanations(random, "occlusion")), patients=PATIENTS, resamples=500
    )
    assert found.interval.high < 0.5
    assert similarity(trained, trained, patients=PATIENTS, resamples=500).value == pytest.approx(1)


def test_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    one = random.normal(size=(6, 6)).astype(np.float32)
    other = (one + random.normal(size=(6, 6))).astype(np.float32).round(1)
    assert rank_correlation(one, other) == pytest.approx(
        spearmanr(one.ravel(), other.ravel()).statistic
    )
    assert np.isnan(rank_correlation(one, np.ones((6, 6), np.float32)))

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.audit_films import Looked
from pneumoscope.evaluation.audit_groups import age_band, auc_gap, group_rows
from pneumoscope.evaluation.audit_verdict import FAIL, NOT_ASKED, PASS, Row
from pneumoscope.metrics.intervals import delong

FILMS = 400


def looked(
    fields: Sequence[Mapping[str, str]], *, blind: np.ndarray | None = None, per_patient: int = 1
) -> Looked:
    """Films read well, but by chance where the reader is ``blind``."""
    rng = np.random.default_rng(5)
    films = tuple(
        Film(Path(f"{i}.png"), f"{i}.png", i % 2, "", f"p{i // per_patient}", fields=values)
        for i, values in enumerate(fields)
    )
    truth = np.arange(len(films)) % 2
    skill = 4 * truth * (1 if blind is None else ~blind)
    return Looked(films, rng.normal(size=len(films)) + skill - 2.0, (), {}, ())


def rows(films: Looked) -> dict[str, Row]:
    found = group_rows(films, threshold=0.0, classes=("NORMAL", "PNEUMONIA"), resamples=200)
    return {row.name: row for row in found}


def test_a_group_that_is_read_worse_is_found() -> None:
    views = [{"View Position": "AP" if i % 4 < 2 else "pa"} for i in range(FILMS)]
    blind = np.arange(FILMS) % 4 < 2
    found = rows(looked(views, blind=blind))
    assert found["view AP"].verdict == FAIL
    assert found["view PA"].verdict == PASS
    ap = found["view AP"]
    assert ap.estimate is not None
    assert ap.estimate.interval.n == FILMS / 2
    assert ap.details["films"] == FILMS / 2
    assert "100 of 200 films are PNEUMONIA" in ap.says
    assert found["age"].says == "the films have no column age"


def test_groups_read_alike_are_not_flagged() -> None:
    sexes = [{"Sex": "m" if i % 4 < 2 else "F"} for i in range(FILMS)]
    found = rows(looked(sexes))
    assert {found[name].verdict for name in ("sex F", "sex M")} == {PASS}


def test_small_groups_and_groups_of_one_class_say_so() -> None:
    ages = [{"age": "3" if i < 3 else "70" if i < 60 and i % 2 else "30"} for i in range(200)]
    found = rows(looked(ages))
    small = found["age 0 to 4"]
    assert (small.verdict, small.says) == (NOT_ASKED, "3 films, and at least 20 are needed")
    assert found["age 65 and over"].says.startswith("all 29 films are PNEUMONIA")
    assert list(found)[:3] == ["age 0 to 4", "age 18 to 39", "age 65 and over"]
    assert found["age 18 to 39"].estimate is not None


def test_one_value_and_no_value_are_no_groups() -> None:
    found = rows(looked([{"sex": "F", "age": "?"}] * 40))
    assert found["sex"].says == "every film is F"
    assert found["age"].says == "no film has a value that can be read"


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("0", "0 to 4"),
        ("4.9", "0 to 4"),
        ("058Y", "40 to 64"),
        ("007M", "0 to 4"),
        ("17", "5 to 17"),
        ("18", "18 to 39"),
        ("65", "65 and over"),
        ("410", ""),
        ("unknown", ""),
        ("", ""),
        ("-3", ""),
    ],
)
def test_ages(text: str, band: str) -> None:
    assert age_band(text) == band


def test_the_gap_is_the_difference_of_two_areas_and_counts_patients() -> None:
    films = looked([{}] * 120, per_patient=3)
    inside = np.arange(120) < 50
    truth, patients = films.truth, films.patients
    gap = auc_gap(truth, films.logit, patients, inside, ~inside, resamples=100, seed=0)
    areas = [delong(truth[side], films.logit[side]).value for side in (~inside, inside)]
    assert gap.value == pytest.approx(areas[0] - areas[1])
    assert (gap.interval.n, gap.interval.patients) == (50, 17)
    perfect = np.where(truth, 1.0, -1.0)
    flat = auc_gap(truth, perfect, patients, inside, ~inside, resamples=50, seed=0)
    assert np.isnan(flat.interval.low)
    assert flat.reason == "no interval: every resample agrees"

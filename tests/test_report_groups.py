from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluations import evaluated
from pneumoscope.evaluation.report_groups import as_numbers, giveaways, subgroups
from pneumoscope.evaluation.report_input import Evaluation, open_evaluation


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return open_evaluation(evaluated(tmp_path_factory.mktemp("groups")))


def large(small: Evaluation, **fields: np.ndarray) -> Evaluation:
    """200 films of as many patients, the first half positive, with these fields."""
    truth = np.arange(200) < 100
    logit = np.where(truth, 1.0, -1.0) + np.sin(np.arange(200)) * 1.5
    return replace(
        small,
        rows=[{}] * 200,
        truth=truth,
        logit=logit,
        probability=1 / (1 + np.exp(-logit)),
        patients=np.arange(200).astype(str),
        fields={name: values.astype(str) for name, values in fields.items()},
    )


def test_names_make_groups_and_missing_ones_are_the_last(small: Evaluation) -> None:
    sex = np.array(["F", "M", "M", ""] * 50)
    ((field, groups),) = [(f["field"], f["groups"]) for f in subgroups(large(small, sex=sex))]
    assert field == "sex"
    assert [(g["value"], g["films"], g["positive"]) for g in groups] == [
        *(("M", 100, 50), ("F", 50, 25), ("", 50, 25))
    ]
    assert not groups[0]["few"]
    assert groups[0]["roc_auc"]["n"] == 100
    assert groups[0]["roc_auc"]["low"] < groups[0]["roc_auc"]["value"]


def test_ages_are_cut_by_years_and_numbers_into_thirds(small: Evaluation) -> None:
    held = large(small, age=np.arange(200) % 90, kvp=60 + np.arange(200) % 60 / 10)
    ages, volts = subgroups(held)
    assert [g["value"] for g in ages["groups"]] == ["< 18", "≥ 18, < 40", "≥ 40, < 65", "≥ 65"]
    assert [g["films"] for g in volts["groups"]] == pytest.approx([66, 66, 66], abs=5)
    assert sum(g["films"] for g in volts["groups"]) == 200


def test_a_group_of_three_is_marked(small: Evaluation) -> None:
    view = np.array(["AP"] * 3 + ["PA"] * 197)
    (field,) = subgroups(large(small, view=view))
    assert [(g["films"], g["few"]) for g in field["groups"]] == [(197, False), (3, True)]
    assert field["groups"][1]["roc_auc"]["value"] is None


def test_names_of_their_own_divide_nothing(small: Evaluation) -> None:
    held = large(small, note=np.array([f"film {i}" for i in range(200)]), same=np.ones(200))
    assert subgroups(held) == []


def test_original_sizes_are_a_field(small: Evaluation) -> None:
    rows = [{"original_width": str(1000 + i), "original_height": str(1000 + i)} for i in range(200)]
    held = replace(large(small), rows=rows)
    assert [field["field"] for field in subgroups(held)] == ["original pixels"]
    assert giveaways(held)[0]["telling"]


@pytest.mark.parametrize(
    ("values", "telling"),
    [
        (np.where(np.arange(200) < 100, "ward", "clinic"), True),
        (np.where(np.arange(200) % 10 == 0, "ward", "clinic"), False),
        (np.where(np.arange(200) < 100, np.arange(200).astype(str), ""), True),  # missing tells
        (np.arange(200) % 7, False),
        (300 - np.arange(200), True),
        (np.array([f"film {i}" for i in range(200)]), False),
    ],
)
def test_a_field_gives_the_label_away_or_not(
    small: Evaluation, values: np.ndarray, telling: bool
) -> None:
    (found,) = giveaways(large(small, field=values))
    assert found["telling"] is telling
    assert found["roc_auc"]["n"] > 0


def test_one_class_gives_nothing_away(small: Evaluation) -> None:
    held = large(small, sex=np.array(["F", "M"] * 100))
    assert giveaways(replace(held, truth=np.ones(200, dtype=bool))) == []


def test_numbers() -> None:
    numbers = as_numbers(np.array(["1", "", "2.5"]))
    assert numbers is not None
    assert np.isnan(numbers[1])
    assert as_numbers(np.array(["1", "x"])) is None
    assert as_numbers(np.array(["", ""])) is None
    assert as_numbers(np.array(["inf", "1"])) is None

from dataclasses import replace

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.evaluation.studies import STUDIES, named_study
from pneumoscope.evaluation.study_plan import BASE
from pneumoscope.model.networks import build_network


@pytest.mark.parametrize("name", STUDIES)
def test_every_cell_is_a_recipe_and_every_reference_a_cell(name: str) -> None:
    study = named_study(name)
    names = [cell.name for cell in study.cells]
    assert len(set(names)) == len(names)
    assert study.reference in names
    for cell in study.cells:
        replace(BASE, **{**study.base, **cell.changes})  # refuses what cannot be trained


def test_the_grids_ask_what_the_notebook_left_open() -> None:
    assert {cell.changes.get("size") for cell in STUDIES["resolution"].cells} == {180, 360, 480}
    assert {cell.changes["dropout"] for cell in STUDIES["dropout"].cells} == {0, 0.5, 1, 1.3}
    four = {(c.changes.get("normalise", True), c.changes.get("dropout", 1.0))
            for c in STUDIES["norm-dropout"].cells}  # fmt: skip
    assert len(four) == 4
    patients = [cell.patients for cell in STUDIES["labels"].cells if cell.choose == "random"]
    assert patients == [25, 50, 100, 200, 400, 800, 1600, None]
    assert {cell.prevalence for cell in STUDIES["rarity"].cells} == {0.01, 0.02, 0.05, 0.1, 0.25}


def test_width_is_counted_in_parameters() -> None:
    counts = []
    for cell in STUDIES["width"].cells:
        network = build_network(replace(BASE, **cell.changes).network_options(), seed=0)
        counts.append(sum(p.numel() for p in network.parameters()))
    relative = [count / counts[1] for count in counts]
    assert relative == pytest.approx([0.25, 1, 2, 4], rel=0.03)


def test_an_unknown_study_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="There is no study 'colour'; there are resolution, "):
        named_study("colour")

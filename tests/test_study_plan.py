from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grids import study
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError
from pneumoscope.evaluation.score_files import COLUMNS, SCORES
from pneumoscope.evaluation.studies import STUDIES, Cell
from pneumoscope.evaluation.study_plan import Task, plan, tasks_of
from pneumoscope.evaluation.trained import Films, open_films
from pneumoscope.files import write_json


@pytest.fixture(scope="module")
def opened(films: Path, sizes: Path, cache: Path) -> Films:
    return open_films(films, sizes=sizes, cache=cache, shift=True)


def task(cell: Cell, *, seed: int = 0, out: Path = Path("nowhere"), **more: object) -> Task:
    return replace(tasks_of(study(cell), out, seeds=seed + 1, epochs=None)[seed], **more)


def patients(opened: Films, keys: tuple[str, ...]) -> set[str]:
    return {film.patient for film in opened.catalog.pick(keys).films}


def positives(opened: Films, keys: tuple[str, ...]) -> int:
    return int(opened.catalog.pick(keys).labels.sum())


def test_cells_that_train_alike_share_a_folder_and_others_do_not() -> None:
    out = Path("out")
    folders = {
        (name, cell.name): task.folder
        for name, one in STUDIES.items()
        for cell, task in zip(one.cells, tasks_of(one, out, seeds=1, epochs=None), strict=True)
    }
    reference = folders["dropout", "dropout x1"]
    for shared in (
        ("norm-dropout", "both"), ("width", "width x1"), ("augment", "none"),
        ("squash", "squash"), ("imbalance", "class weights"), ("resolution", "180 px, flatten"),
    ):  # fmt: skip
        assert folders[shared] == reference
    assert folders["norm-dropout", "BatchNorm only"] == folders["dropout", "dropout x0"]
    assert folders["imbalance", "threshold moved"] == folders["imbalance", "none"]
    others = {folder for (name, _), folder in folders.items() if name in ("labels", "split")}
    assert len(others) == len(STUDIES["labels"].cells) + len(STUDIES["split"].cells)
    assert tasks_of(STUDIES["dropout"], out, seeds=1, epochs=3)[2].folder != reference


def test_both_validations_come_from_one_split(opened: Films) -> None:
    split, sets = plan(task(Cell(name="plain")), opened)
    assert sets == {"val": split.val, "shift": split.apart}
    sides = [patients(opened, side) for side in (split.train, split.val, split.apart)]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    again, _ = plan(task(Cell(name="plain"), seed=1), opened)
    assert again.apart == split.apart
    assert again.val != split.val


def test_inner_divides_what_the_others_train_on(opened: Films) -> None:
    outer, _ = plan(task(Cell(name="plain")), opened)
    for inner in ("random", "grouped"):
        split, sets = plan(task(Cell(name="x", inner=inner)), opened)  # type: ignore[arg-type]
        assert sorted(split.train + split.val) == list(outer.train)
        assert sets == {"val": outer.val, "shift": outer.apart, "own": split.val}
        leaks = patients(opened, split.train) & patients(opened, split.val)
        assert bool(leaks) == (inner == "random")


def test_rarity_cuts_pneumonia_alone(opened: Films) -> None:
    whole, _ = plan(task(Cell(name="plain")), opened)
    rare, sets = plan(task(Cell(name="rare", prevalence=0.25)), opened)
    assert set(sets) == {"val", "shift"}
    negative = len(whole.train) - positives(opened, whole.train)
    assert len(rare.train) - positives(opened, rare.train) == negative
    assert positives(opened, rare.train) == round(negative / 3)
    assert (rare.val, rare.apart) == (whole.val, whole.apart)
    with pytest.raises(PneumoscopeError, match="A share of 90% positive films needs"):
        plan(task(Cell(name="too many", prevalence=0.9)), opened)


def test_fewer_patients_are_nested_and_of_both_classes(opened: Films) -> None:
    keys = {}
    for count in (2, 4, 8):
        split, sets = plan(task(Cell(name="few", patients=count)), opened)
        keys[count] = set(split.train)
        assert len(patients(opened, split.train)) == count
        assert 0 < positives(opened, split.train) < len(split.train)
        assert "pool" not in sets
    assert keys[2] < keys[4] < keys[8]
    with pytest.raises(PneumoscopeError, match="500 training patients are asked for"):
        plan(task(Cell(name="many", patients=500)), opened)


def test_the_feeding_cell_scores_what_it_leaves(opened: Films) -> None:
    cells = (
        Cell(name="a", patients=4),
        Cell(name="b", patients=8, choose="uncertain"),
        Cell(name="c", patients=16, choose="uncertain"),
    )
    first, second, third = tasks_of(study(*cells), Path("out"), seeds=1, epochs=None)
    assert (first.feeds, second.feeds, third.feeds) == (True, True, False)
    assert (first.before, second.before, third.before) == (None, first.folder, second.folder)
    split, sets = plan(first, opened)
    whole, _ = plan(task(Cell(name="plain")), opened)
    assert sorted((*split.train, *sets["pool"])) == list(whole.train)


def test_uncertainty_adds_the_films_that_the_network_wavered_on(
    opened: Films, tmp_path: Path
) -> None:
    import gzip

    cells = (Cell(name="a", patients=4), Cell(name="b", patients=8, choose="uncertain"))
    first, second = tasks_of(study(*cells), tmp_path, seeds=1, epochs=None)
    split, sets = plan(first, opened)
    pool = opened.catalog.pick(sets["pool"]).films
    wavering = sorted({film.patient for film in pool})[:4]
    write_json(first.folder / "result.json", {"status": "done"})
    with gzip.open(first.folder / SCORES, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, film in enumerate(pool):
            logit = 0.01 * number if film.patient in wavering else (-1) ** number * 50
            writer.writerow(
                ("pool", film.key, film.patient, film.label, film.subtype, 0, logit, "")
            )
    chosen, _ = plan(second, opened)
    added = patients(opened, chosen.train) - patients(opened, split.train)
    assert patients(opened, split.train) < patients(opened, chosen.train)
    assert len(added) == 4
    # Sixteen candidates, the four that wavered among them; the nearest to 0 comes first.
    assert Counter(added)[wavering[0]] == 1


def test_what_builds_on_a_failed_cell_is_refused(opened: Films, tmp_path: Path) -> None:
    cells = (Cell(name="a", patients=4), Cell(name="b", patients=8, choose="uncertain"))
    first, second = tasks_of(study(*cells), tmp_path, seeds=1, epochs=None)
    write_json(first.folder / "result.json", {"status": "diverged"})
    with pytest.raises(PneumoscopeError, match="builds on is not done"):
        plan(second, opened)


def test_splits_are_split_objects_that_training_loads(opened: Films, tmp_path: Path) -> None:
    split, _ = plan(task(Cell(name="rare", prevalence=0.25)), opened)
    split.save(tmp_path / "split.csv", opened.catalog)
    loaded = Split.load(tmp_path / "split.csv", opened.catalog)
    assert (loaded.train, loaded.val, loaded.apart) == (split.train, split.val, split.apart)
    assert np.intersect1d(loaded.train, loaded.apart).size == 0

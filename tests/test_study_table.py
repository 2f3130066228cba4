from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from grids import SMALL, study
from pneumoscope.evaluation.score_files import COLUMNS, SCORES, read_scores
from pneumoscope.evaluation.studies import Cell
from pneumoscope.evaluation.study_figures import figures_by_set
from pneumoscope.evaluation.study_plan import BASE
from pneumoscope.evaluation.study_table import Table, tabulate, write_tables
from pneumoscope.files import write_json

CELLS = (
    Cell(name="good"),
    Cell(name="worse", changes={"dropout": 0.5}),
    Cell(name="moved", changes={"dropout": 0.5}, move_threshold=True),
)


def write_cell(folder: Path, *, seed: int, gap: float, **result: Any) -> None:
    """A finished cell whose network tells the classes apart by ``gap`` standard deviations."""
    rng = np.random.default_rng(seed)
    done = {
        "status": "done",
        "seed": seed,
        "recipe": {**BASE.to_json(), **SMALL, "seed": seed},
        "positive_share": 0.75,
        "seconds": {"training": 60.0 + seed},
        "variance_shift": [{"layer": "features.2", "ratio": 1.5 + seed}],
    }
    write_json(folder / "result.json", {**done, **result})
    with gzip.open(folder / SCORES, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(300):
            label = int(number % 4 > 0)
            logit = rng.normal(gap * label, 1.0)
            name, own = ("val", "shift")[number // 4 % 2], int(number % 5 == 0)
            row = (
                name,
                f"film-{number}",
                f"patient-{number // 2}",
                label,
                "",
                own,
                f"{logit:.6g}",
                "",
            )
            writer.writerow(row)


@pytest.fixture
def cells(tmp_path: Path) -> list[tuple[Cell, Path]]:
    listed = []
    for seed in range(3):
        for cell, gap in zip(CELLS, (3.0, 1.5, 1.5), strict=True):
            folder = tmp_path / f"{gap}" / f"seed-{seed}"
            write_cell(folder, seed=seed, gap=gap)
            listed.append((cell, folder))
    return listed


def made(cells: list[tuple[Cell, Path]], **more: Any) -> Table:
    return tabulate("tiny", study(*CELLS, **more), cells)


def test_a_figure_is_the_mean_over_seeds_and_the_test_is_paired(
    cells: list[tuple[Cell, Path]],
) -> None:
    values = {
        cell.name: [
            figures_by_set(read_scores(folder / SCORES))["shift"].values["roc_auc"]
            for own, folder in cells
            if own == cell
        ]
        for cell in CELLS[:2]
    }
    table = made(cells)
    row = table.find("worse", "shift", "roc_auc")
    assert row is not None
    assert row.value.value == pytest.approx(np.mean(values["worse"]))
    assert row.seeds == 3
    assert row.against is not None
    assert row.against.p == pytest.approx(stats.ttest_rel(values["worse"], values["good"]).pvalue)
    assert row.against.difference < -0.05
    reference = table.find("good", "shift", "roc_auc")
    assert reference is not None
    assert reference.against is None


def test_a_moved_threshold_shares_the_training_and_not_the_figures(
    cells: list[tuple[Cell, Path]],
) -> None:
    table = made(cells)
    for figure, same in (("roc_auc", True), ("balanced_accuracy_as_trained", False)):
        worse, moved = (table.find(name, "val", figure) for name in ("worse", "moved"))
        assert worse is not None
        assert moved is not None
        assert (worse.value.value == moved.value.value) == same


def test_the_csv_has_every_figure_with_its_denominator(
    cells: list[tuple[Cell, Path]], tmp_path: Path
) -> None:
    table = write_tables("tiny", study(*CELLS), cells, tmp_path / "out")
    text = (tmp_path / "out" / "table.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(table.rows) == 3 * 3 * 11
    for row in rows:
        assert row["seeds"] == "3"
        assert int(row["films"]) > int(row["patients"]) - 1 > 0
        assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
        assert (row["p"] == "") == (row["cell"] == "good")
    assert (tmp_path / "out" / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_markdown_says_what_people_ask(cells: list[tuple[Cell, Path]], tmp_path: Path) -> None:
    write_tables("tiny", study(*CELLS, variance_shift=True), cells, tmp_path)
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "**Does it run?**"
    head = next(line for line in lines if line.startswith("| cell"))
    assert "ROC-AUC, acquisition shift" in head
    assert "sensitivity, acquisition shift" in head
    (good,) = (line for line in lines if line.startswith("| good |"))
    assert ", p " not in good
    assert good.endswith("| 61 |")
    assert any(line.startswith("| worse |") and ", p " in line for line in lines)
    sizes = "3 seeds; films and patients a seed: validation 152 films of 76 patients"
    assert any(line.startswith(sizes) for line in lines)
    assert "| features.2 | 2.500 | 2.500 | 2.500 |" in lines


def test_one_seed_has_no_interval_and_no_test(
    cells: list[tuple[Cell, Path]], tmp_path: Path
) -> None:
    table = write_tables("tiny", study(*CELLS), cells[:3], tmp_path)
    row = table.find("worse", "val", "roc_auc")
    assert row is not None
    assert row.against is not None
    assert math.isnan(row.value.low)
    assert math.isnan(row.against.p)
    assert "nan" not in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_cells_that_failed_or_wait_are_left_out_and_told(
    cells: list[tuple[Cell, Path]], tmp_path: Path
) -> None:
    write_json(cells[1][1] / "result.json", {"status": "diverged", "seed": 0, "reason": "NaN."})
    (cells[3][1] / "result.json").unlink()
    table = write_tables("tiny", study(*CELLS), cells, tmp_path / "out")
    assert table.failed == 2  # the two cells that share the training
    row = table.find("worse", "val", "roc_auc")
    assert row is not None
    assert row.seeds == 2
    assert row.against is not None
    assert row.against.method.endswith("1 seed")  # seed 2 is the only one that both have
    text = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "- worse, seed 0: diverged: NaN." in text


def test_nothing_done_is_an_empty_table(tmp_path: Path) -> None:
    table = write_tables("tiny", study(*CELLS), [(CELLS[0], tmp_path / "none")], tmp_path)
    assert table.rows == []
    assert (tmp_path / "plot.png").exists()

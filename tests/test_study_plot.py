from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from grids import study
from pneumoscope.evaluation.studies import Cell
from pneumoscope.evaluation.study_plot import draw_study
from pneumoscope.evaluation.study_table import tabulate
from test_study_table import write_cell


def drawn(path: Path) -> tuple[tuple[int, int], int]:
    """Size of a picture, and how many of its pixels are not white."""
    with Image.open(path) as picture:
        grey = picture.convert("L")
        return picture.size, sum(grey.histogram()[:250])


@pytest.mark.parametrize("axis", [None, "patients"])
def test_what_was_measured_is_in_the_picture(tmp_path: Path, axis: str | None) -> None:
    cells = (
        Cell(name="all"),
        Cell(name="4 at random", patients=4),
        Cell(name="8 at random", patients=8),
        Cell(name="8 by uncertainty", patients=8, choose="uncertain"),
    )
    grid = study(*cells, axis=axis)
    listed = []
    for place, cell in enumerate(cells):
        for seed in range(2):
            folder = tmp_path / cell.name / f"seed-{seed}"
            write_cell(folder, seed=seed, gap=3.0 - 0.5 * place)
            listed.append((cell, folder))
    draw_study(tabulate("tiny", grid, listed[:2]), tmp_path / "few.png")
    draw_study(tabulate("tiny", grid, listed), tmp_path / "all.png")
    size, ink = drawn(tmp_path / "all.png")
    assert size[0] > 900
    assert ink > drawn(tmp_path / "few.png")[1]


def test_lines_are_named_after_the_way_and_not_the_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    labels = []
    plain = Axes.errorbar

    def errorbar(self: Axes, *arguments: object, **options: object) -> object:
        labels.append(options.get("label"))
        return plain(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "errorbar", errorbar)
    cells = (
        Cell(name="5 %, class weights", prevalence=0.05),
        Cell(name="25 %, class weights", prevalence=0.25),
        Cell(name="25 %, none", prevalence=0.25),
    )
    for cell in cells:
        write_cell(tmp_path / cell.name, seed=0, gap=2.0)
    table = tabulate("t", study(*cells, axis="prevalence"), [(c, tmp_path / c.name) for c in cells])
    draw_study(table, tmp_path / "plot.png")
    assert labels == ["class weights", "none"] * 2  # validation and shift

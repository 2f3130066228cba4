from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.evaluation import plots
from pneumoscope.evaluation.figures import every_figure, proportions
from pneumoscope.evaluation.results import Point


def draw_all(truth: np.ndarray, logit: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """Draw all four and return their pixels by name."""
    probability = 1 / (1 + np.exp(-logit))
    call = logit >= 0
    patients = np.arange(truth.size).astype(str)
    found = every_figure(
        truth, logit=logit, probability=probability, call=call, patients=patients, resamples=20
    )
    points = {
        name: Point(logit=cut, probability=0.5, figures=proportions(truth, logit >= cut, patients))
        for name, cut in {"screen": -1.0, "balanced": 0.0, "confirm": 1.0}.items()
    }
    counts = {
        "tp": int((truth & call).sum()),
        "fp": int((~truth & call).sum()),
        "tn": int((~truth & ~call).sum()),
        "fn": int((truth & ~call).sum()),
    }
    plots.draw_roc(truth, logit, folder / "roc.png", area=found["roc_auc"], points=points)
    plots.draw_precision_recall(
        truth, logit, folder / "pr.png", average_precision=found["average_precision"]
    )
    plots.draw_reliability(
        truth, probability, folder / "rel.png", error=found["expected_calibration_error"]
    )
    plots.draw_confusion(counts, ("NORMAL", "$1 or $x^2$"), folder / "cm.png", title="at $x")
    drawn = {}
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            drawn[path.name] = np.asarray(picture.convert("L"))
    return drawn


def scored(films: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = np.arange(films) % 3 > 0
    return truth, random.normal(np.where(truth, gap, -gap), 1)


def test_four_pictures_are_written_and_nothing_else(tmp_path: Path) -> None:
    drawn = draw_all(*scored(60, 1.0), tmp_path)
    assert sorted(drawn) == ["cm.png", "pr.png", "rel.png", "roc.png"]
    for name, pixels in drawn.items():
        assert min(pixels.shape) > 400, name
        assert (pixels < 128).sum() > 1000, name  # there are axes and text
        # The margin is white: nothing was cut off.
        assert pixels[:, -1].min() == 255, name
        assert pixels[-1].min() == 255, name


def test_pictures_show_the_data(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    good = draw_all(*scored(60, 2.0), folders[0])
    bad = draw_all(*scored(60, 0.1), folders[1])
    assert all(not np.array_equal(good[name], bad[name]) for name in good)


@pytest.mark.parametrize("films", [0, 1, 20])
def test_one_class_or_none_is_drawn_as_undefined(tmp_path: Path, films: int) -> None:
    truth = np.ones(films, dtype=bool)
    drawn = draw_all(truth, np.linspace(-1, 2, films), tmp_path)
    assert len(drawn) == 4


def test_the_curve_of_a_flawless_reader_follows_the_frame(tmp_path: Path) -> None:
    truth, logit = scored(60, 9.0)
    flawless = draw_all(truth, logit, tmp_path)["roc.png"]
    assert flawless.shape == (572, 550)
    with Image.open(tmp_path / "roc.png") as picture:
        colours = np.asarray(picture.convert("RGB")).astype(int)
    blue = (colours[..., 2] - colours[..., 0]) > 100
    rows = np.flatnonzero(blue.sum(axis=1) > 200)
    columns = np.flatnonzero(blue.sum(axis=0) > 200)
    assert rows.size > 0, "no long horizontal line of the curve"
    assert columns.size > 0, "no long vertical line of the curve"
    assert rows.max() < 150, "the curve runs along the top"
    assert columns.max() < 150, "the curve runs along the left side"


def test_pyplot_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from pneumoscope.evaluation import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "counts = dict(tp=1, fp=1, tn=1, fn=1)\n"
        "from pathlib import Path\n"
        "plots.draw_confusion(counts, 'ab', Path(sys.argv[1]), title='')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    target = tmp_path / "confusion.png"
    subprocess.run([sys.executable, "-c", code, str(target)], check=True)
    assert target.is_file()

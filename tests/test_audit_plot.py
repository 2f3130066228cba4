from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundles import make_bundle
from pneumoscope.evaluation.audit_films import WHOLE, Changed
from pneumoscope.evaluation.audit_plot import draw_curves, draw_examples, draw_probes
from pneumoscope.evaluation.audit_verdict import Limits, judged, not_asked
from pneumoscope.evaluation.figures import Estimate
from pneumoscope.inference.reader import Reader
from pneumoscope.metrics.intervals import Interval

NO_LIMITS = Estimate(Interval(0.5, math.nan, math.nan, 9, 1, "made"), "one patient")
POINT = {"value": 0.5, "low": 0.4, "high": 0.7}
UNDEFINED = {"value": None, "low": None, "high": None}


def test_figures_without_limits_and_names_like_formulas_are_drawn(tmp_path: Path) -> None:
    row = judged("letters", "$1_", "$", NO_LIMITS, Limits(0, 1), says="x")
    draw_probes([row, not_asked("size", "x", "y")], tmp_path / "probes.png")
    draw_probes([], tmp_path / "empty.png")
    assert {path.name for path in tmp_path.iterdir()} == {"probes.png", "empty.png"}


def test_curves_with_holes_are_drawn(tmp_path: Path) -> None:
    curve = [
        {"level": level, "roc_auc": POINT, "sensitivity": UNDEFINED, "specificity": POINT}
        for level in (0.0, 0.02)
    ]
    row = judged(
        "curves", "noise", "x", NO_LIMITS, Limits(0, 1), says="x", details={"curve": curve}
    )
    draw_curves([row], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert image.width > image.height


@pytest.mark.parametrize("labels", [[0], [0, 1]])
def test_examples_of_each_class(tmp_path: Path, labels: list[int]) -> None:
    reader = Reader(make_bundle(tmp_path / "b.pneumo"), threads=1)
    grey = np.full((32, 32), 90, np.uint8)
    inputs = {WHOLE: grey, "mirrored": grey, "blur 0.008": grey}
    films = Changed((), {}, dict.fromkeys(labels, inputs))
    draw_examples(films, reader, ("$0", "1"), tmp_path / "examples.png")
    with Image.open(tmp_path / "examples.png") as image:
        assert image.height == pytest.approx(231 * len(labels), abs=2)

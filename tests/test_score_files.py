from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.score_files import (
    COLUMNS,
    SCORES,
    read_out_of_fold,
    read_scores,
    write_scores,
)
from pneumoscope.files import write_json

ROWS = [
    ("fold-1", "a.png", "p1", 0, "normal", 1, -1.25, None),
    ("fold-1", "b.png", "p2", 1, "viral", 0, 2.5, 0.75),
    ("fold-2", "b.png", "p2", 1, "viral", 0, 1.5, np.nan),
]


def results(**changes: object) -> dict[str, object]:
    part = {"figures": {"roc_auc": {"value": 0.9}}}
    calibration = {"temperature": 2.0, "offset": 0.5, "prevalence": 0.5}
    return {"by": "shift", "parts": [part], "calibration": calibration} | changes


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    write_scores(tmp_path / SCORES, ROWS)
    scores = read_scores(tmp_path / SCORES)
    assert scores.keys.tolist() == ["a.png", "b.png", "b.png"]
    assert scores.truth.tolist() == [False, True, True]
    assert scores.slice.tolist() == [True, False, False]
    assert scores.logit.tolist() == [-1.25, 2.5, 1.5]
    assert scores.leaning[1] == 0.75
    assert np.isnan(scores.leaning[[0, 2]]).all()
    assert scores.where(scores.sets == "fold-2").keys.tolist() == ["b.png"]
    once = (tmp_path / SCORES).read_bytes()
    write_scores(tmp_path / SCORES, ROWS)
    assert (tmp_path / SCORES).read_bytes() == once


def test_scores_without_a_leaning_and_damaged_ones(tmp_path: Path) -> None:
    text = ",".join(COLUMNS[:-1]) + "\nval,a.png,p1,1,viral,0,0.5\n"
    (tmp_path / SCORES).write_bytes(gzip.compress(text.encode()))
    assert np.isnan(read_scores(tmp_path / SCORES).leaning).all()
    (tmp_path / SCORES).write_bytes(gzip.compress(b"set,key\nval,a.png\n"))
    with pytest.raises(PneumoscopeError, match="damaged"):
        read_scores(tmp_path / SCORES)


def test_probabilities_out_of_fold_are_calibrated_and_of_the_mean_logit(tmp_path: Path) -> None:
    write_scores(tmp_path / SCORES, ROWS)
    write_json(tmp_path / "results.json", results())
    found = read_out_of_fold(tmp_path)
    expected = {"a.png": -1.25 / 2 + 0.5, "b.png": 2.0 / 2 + 0.5}
    assert found == pytest.approx({key: 1 / (1 + np.exp(-z)) for key, z in expected.items()})


def test_a_folder_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make them with pneumoscope crossval"):
        read_out_of_fold(tmp_path)
    write_json(tmp_path / "results.json", results())
    with pytest.raises(UsageError, match="results and no scores"):
        read_out_of_fold(tmp_path)
    write_scores(tmp_path / SCORES, ROWS)
    write_json(tmp_path / "results.json", results(calibration={"temperature": 0}))
    with pytest.raises(UsageError, match="no calibration"):
        read_out_of_fold(tmp_path)


def test_scores_are_read_without_torch() -> None:
    program = "import sys, pneumoscope.evaluation.score_files; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

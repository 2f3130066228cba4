from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from bundles import brightness_network, make_bundle, write_brightness
from evaluations import evaluated
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.report_gallery import add_pictures, worst_errors
from pneumoscope.evaluation.report_input import Evaluation, open_evaluation


@pytest.fixture
def held(tmp_path: Path) -> Evaluation:
    return open_evaluation(evaluated(tmp_path))


def test_the_worst_come_first_and_are_limited(held: Evaluation) -> None:
    errors = worst_errors(held, each=1)
    assert [(e["kind"], e["file"].rsplit("/")[-1]) for e in errors] == [
        ("missed", "person90005_virus_6.png"),
        ("false_alarm", "NORMAL2-IM-90004-0001.png"),
    ]
    assert errors[0]["beyond_threshold"] == pytest.approx(1.7, abs=0.1)
    assert worst_errors(held, each=0) == []


def test_pictures_show_film_and_evidence(held: Evaluation, tmp_path: Path) -> None:
    errors = worst_errors(held, each=2)
    pictures = add_pictures(errors, held, films=tmp_path / "chest", bundle=tmp_path / "b.pneumo")
    assert len(pictures) == 3
    shown = pictures[errors[0]["sha256"]]
    for uri in (shown.film, shown.evidence):
        data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
        assert Image.open(io.BytesIO(data)).size == (64, 64)
    assert errors[0]["method"] == "occlusion"
    assert errors[0]["strongest"] > 0
    assert errors[0]["silent"] is None


def test_a_film_that_is_another_now_has_no_picture(held: Evaluation, tmp_path: Path) -> None:
    errors = worst_errors(held, each=2)
    places = [tmp_path / "chest" / error["file"] for error in errors]
    write_brightness(places[0], 2.0, seed=99)
    places[1].unlink()
    pictures = add_pictures(errors, held, films=tmp_path / "chest", bundle=tmp_path / "b.pneumo")
    assert [error["silent"] for error in errors] == ["changed", "absent", None]
    assert len(pictures) == 1


def test_another_bundle_is_refused(held: Evaluation, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other.pneumo", size=48, network=brightness_network(48))
    with pytest.raises(UsageError, match=r"is not the bundle that was evaluated \(b.pneumo\)"):
        add_pictures(worst_errors(held, each=1), held, films=tmp_path / "chest", bundle=other.path)


def test_the_run_has_the_bundle(tmp_path: Path) -> None:
    folder = evaluated(tmp_path)
    (tmp_path / "b.pneumo").rename(tmp_path / "bundle.pneumo")
    held = open_evaluation(folder)
    pictures = add_pictures(worst_errors(held, each=1), held, films=tmp_path / "chest", bundle=None)
    assert len(pictures) == 2

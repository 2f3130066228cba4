"""The bundle that ships: what it holds, what it may not have seen, and that it reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import SAMPLE
from pneumoscope.cli.predict import command as predict
from pneumoscope.data.catalog import open_catalog
from pneumoscope.files import sha256
from pneumoscope.inference.bundle import SHIPPED, Bundle, hash_patient, load_bundle
from pneumoscope.inference.reader import READ, Reader
from pneumoscope.metrics import scores
from pneumoscope.model.recipe import named


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle()


def test_it_is_small_and_whole(shipped: Bundle) -> None:
    assert SHIPPED.stat().st_size <= 15e6
    assert shipped.classes == ("NORMAL", "PNEUMONIA")
    assert shipped.subtype is not None
    assert shipped.guard.familiar is not None
    assert Reader(shipped).map_stride == 8
    points = shipped.operating_points
    assert points.screen < points.balanced < points.confirm


def test_its_recipes_are_the_two_called_shipped(shipped: Bundle) -> None:
    assert shipped.provenance["recipe"] == named("shipped").to_json()
    beside = [member["recipe"] for member in shipped.provenance["beside"]]
    assert beside == [named("shipped-whole").to_json()]
    assert shipped.provenance["calibrated_on"]["by"] == "out-of-fold, changed and shift"
    text = json.dumps(shipped.to_json())
    assert '"/' not in text  # no path of the machine that trained it


def test_it_has_seen_no_test_patient_of_the_sample(shipped: Bundle) -> None:
    held_out = open_catalog(SAMPLE).select(["test"])
    seen = {film.sha256 for film in shipped.films}
    patients = {film.patient for film in shipped.films}
    assert len(seen) > 4000
    for film in held_out.films:
        assert sha256(film.path.read_bytes()) not in seen
        assert hash_patient(shipped.salt, film.patient) not in patients


def test_it_reads_the_test_films_of_the_sample(shipped: Bundle) -> None:
    films = open_catalog(SAMPLE).select(["test"]).films
    readings = list(Reader(shipped).read(film.path for film in films))
    read = [reading.status == READ for reading in readings]
    assert np.mean(read) >= 0.98
    pairs = [(f, r) for f, r in zip(films, readings, strict=True) if r.status == READ]
    truth = np.array([film.label for film, _ in pairs])
    logit = np.array([reading.logit for _, reading in pairs])
    called = np.array([reading.call == "PNEUMONIA" for _, reading in pairs])
    assert scores.roc_auc(truth, logit) > 0.99
    assert np.mean(called == truth) > 0.95
    kinds = [(f.subtype, r.subtype) for f, r in pairs if r.subtype is not None and f.label]
    assert np.mean([kind == said for kind, said in kinds]) > 0.6


def test_a_command_without_a_bundle_reads_with_it(tmp_path: Path) -> None:
    film = open_catalog(SAMPLE).select(["test"]).films[-1]
    table = tmp_path / "readings.jsonl"
    words = [str(film.path), "--jsonl", str(table), "--prevalence", "0.1", "--quiet"]
    result = CliRunner().invoke(predict, words, catch_exceptions=False)
    assert result.exit_code == 0
    (reading,) = (json.loads(line) for line in table.read_text().splitlines())
    assert reading["call"] == "PNEUMONIA"
    plain = Reader(load_bundle()).read_one(film.path)
    assert plain.probability is not None
    assert reading["probability"] < plain.probability  # rarer than where it was calibrated


def test_reading_with_it_needs_no_torch() -> None:
    film = open_catalog(SAMPLE).films[0].path
    code = (
        "import sys, pneumoscope; "
        f"(found,) = pneumoscope.read([{str(film)!r}]); "
        "assert found.status == 'read', found; "
        "assert 'torch' not in sys.modules and 'onnx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

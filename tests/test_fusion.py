import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle, write_brightness
from manifests import fused_bundle
from pneumoscope.data.fields import NotANumber, learn_field
from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference.bundle import Bundle, load_bundle, save_bundle
from pneumoscope.inference.fusion import Fusion, Scored, Weights, encode
from pneumoscope.inference.reader import READ, REFUSED, Case, Look, Reader
from pneumoscope.metrics.calibration import Calibration, OperatingPoints

WHO = [f"p{i}" for i in range(12)]
AGE = learn_field("age", ["20", "40", ""] * 4, WHO)
VIEW = learn_field("view", ["AP", "PA"] * 6, WHO)
POINTS = OperatingPoints(-1.0, 0.0, 1.0)


def fusion() -> Fusion:
    nothing = Weights(0.0, 1.0, (0.0,) * 4)
    alone = Weights(0.1, 0.0, (1.0, 0.0, 0.5, -0.5))
    return Fusion(
        (AGE, VIEW),
        Weights(0.5, 2.0, (1.0, -3.0, 0.5, -0.5)),
        Scored(nothing, Calibration(2.0), POINTS),
        Scored(alone, Calibration(), POINTS),
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(
        tmp_path / "f.pneumo", fusion=fusion(), calibration=Calibration(0.5, 0.2, 0.4)
    )


def test_columns_and_notes_of_one_film() -> None:
    columns, notes = encode((AGE, VIEW), {" Age ": 30, "view": "pa", "shoe": "43"})
    assert columns == pytest.approx([0.0, 0.0, -0.5, 0.5])
    assert notes == ()
    columns, notes = encode((AGE, VIEW), {"view": "LL"})
    assert columns.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert notes == ("taken as missing: age", "view 'LL' is none of AP, PA: taken as missing")
    with pytest.raises(NotANumber):
        encode((AGE, VIEW), {"age": "old"})


def test_the_logit_is_the_weighted_sum() -> None:
    weights = Weights(0.5, 2.0, (1.0, -3.0))
    found = weights.logit([1.0, -1.0], np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert found.tolist() == [3.5, -4.5]
    with pytest.raises(ValueError, match="finite"):
        Weights(float("nan"), 1.0, ())


def test_a_fusion_survives_json_and_the_bundle_its_file(bundle: Bundle, tmp_path: Path) -> None:
    assert Fusion.from_json(json.loads(json.dumps(fusion().to_json()))) == fusion()
    assert bundle.fusion == fusion()
    save_bundle(bundle, tmp_path / "again.pneumo")
    assert (tmp_path / "again.pneumo").read_bytes() == (tmp_path / "f.pneumo").read_bytes()
    with pytest.raises(ValueError, match="one weight for each column"):
        dataclasses.replace(fusion(), both=Weights(0.0, 1.0, (1.0,)))


def test_older_versions_refuse_a_fused_bundle_and_read_the_others(
    bundle: Bundle, tmp_path: Path
) -> None:
    plain = make_bundle(tmp_path / "plain.pneumo")
    formats = []
    for path in (bundle.path, plain.path):
        assert path is not None
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        formats.append(manifest["format"])
    assert formats == [2, 1]
    assert "fusion" not in manifest
    assert plain.fusion is None
    assert plain.film_alone() is plain


def test_a_moved_weight_is_found(bundle: Bundle) -> None:
    assert bundle.path is not None
    with zipfile.ZipFile(bundle.path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["manifest.json"] = members["manifest.json"].replace(b'"film": 2.0', b'"film": 9.0')
    with zipfile.ZipFile(bundle.path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(PneumoscopeError, match="altered"):
        load_bundle(bundle.path)


def test_a_reading_is_of_both_and_tells_the_film_alone(bundle: Bundle, tmp_path: Path) -> None:
    film = write_brightness(tmp_path / "a.png", -0.3)
    reader = Reader(bundle, threads=1)
    said = reader.read_one(Case(film, {"age": "30", "view": "AP"}))
    own = said.film_logit
    assert own == pytest.approx(-0.3, abs=0.05)
    assert said.logit == pytest.approx(0.5 + 2 * own + 0.5)
    assert said.probability == pytest.approx(1 / (1 + np.exp(-(said.logit / 0.5 + 0.2))))
    assert said.film_probability == pytest.approx(1 / (1 + np.exp(-own / 2)))
    assert said.call == "PNEUMONIA"
    assert said.notes == ()
    without = reader.read_one(film)
    assert without.status == READ
    assert without.logit == pytest.approx(0.5 + 2 * own - 3)
    assert without.call == "NORMAL"
    assert without.notes == ("taken as missing: age, view",)


def test_a_text_for_a_number_refuses_that_film_alone(bundle: Bundle, tmp_path: Path) -> None:
    film = write_brightness(tmp_path / "a.png", 1.0)
    cases = [Case(film, {"age": "thirty"}), Case(film, {"age": "30"}), film]
    said = list(Reader(bundle, threads=1).read(cases))
    assert [each.status for each in said] == [REFUSED, READ, READ]
    assert said[0].reason == "age 'thirty' is not a number"


def test_a_look_is_of_the_film_alone(bundle: Bundle, tmp_path: Path) -> None:
    film = write_brightness(tmp_path / "a.png", -0.3)
    reader = Reader(bundle, threads=1)
    look = reader.look(film)
    assert isinstance(look, Look)
    assert look.reading.film_logit is None
    assert look.reading.logit == pytest.approx(-0.3, abs=0.05)
    assert look.reading.call == "NORMAL"
    assert reader.probability(look.reading.logit) == pytest.approx(look.reading.probability)
    alone = bundle.film_alone()
    assert (alone.fusion, alone.calibration, alone.path) == (None, Calibration(2.0), bundle.path)


def test_a_plain_bundle_reads_a_case_as_its_film(tmp_path: Path) -> None:
    film = write_brightness(tmp_path / "a.png", 0.4)
    reader = Reader(make_bundle(tmp_path / "plain.pneumo"), threads=1)
    said = reader.read_one(Case(film, {"age": "not looked at"}))
    assert said == reader.read_one(film)
    assert said.film_logit is None


def test_what_fuse_writes_is_read(tmp_path: Path) -> None:
    made = fused_bundle(tmp_path)
    assert made.fusion is not None
    assert made.fusion.names == ("fever", "sex")
    film = write_brightness(tmp_path / "a.png", 0.0)
    reader = Reader(made, threads=1)
    well, ill = (reader.read_one(Case(film, {"fever": f})).probability for f in ("36.5", "39.5"))
    assert well is not None
    assert ill is not None
    assert well < 0.5 < ill

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.files import sha256
from pneumoscope.inference.bundle import hash_patient, load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.model import export as module
from pneumoscope.model.deployed import Deployed, to_onnx
from pneumoscope.model.export import export, randomised
from pneumoscope.model.runs import open_run
from pneumoscope.model.scored import Scored
from pneumoscope.model.train import train
from pneumoscope.preprocess import film_to_input


def test_the_bundle_tells_the_films_apart(bundle_file: Path, films: Path) -> None:
    catalog = open_catalog(films).select(["test"])
    reader = Reader(load_bundle(bundle_file))
    probability = [reader.read_one(film.path).probability for film in catalog.films]
    calls = np.array(probability) > 0.5
    assert np.mean(calls == catalog.labels) > 0.9


def test_the_bundle_says_where_it_comes_from(
    bundle_file: Path, run_folder: Path, films: Path
) -> None:
    bundle, run = load_bundle(bundle_file), open_run(run_folder)
    assert bundle.provenance["recipe"] == run.recipe.to_json()
    assert bundle.provenance["epoch"] == run.best()["epoch"]
    assert bundle.provenance["parity"]["films"] == 24
    assert bundle.provenance["parity"]["largest_difference"] < 1e-4
    assert bundle.calibration.prevalence == pytest.approx(16 / 24)
    assert bundle.guard.familiar is not None
    manifest = json.dumps(bundle.to_json())
    assert str(films) not in manifest
    assert str(Path.home()) not in manifest
    assert b"/model/networks.py" not in bundle.network


def test_every_film_seen_is_listed_by_hash(
    bundle_file: Path, run_folder: Path, films: Path
) -> None:
    bundle, catalog = load_bundle(bundle_file), open_catalog(films)
    split = Split.load(open_run(run_folder).split_file, catalog)
    listed = {film.sha256: film for film in bundle.films}
    assert len(listed) == 120
    for name, keys in (("train", split.train), ("val", split.val)):
        for film in catalog.pick(keys).films:
            entry = listed[sha256(film.path.read_bytes())]
            assert entry.split == name
            assert entry.patient == hash_patient(bundle.salt, film.patient)
            assert len(entry.perceptual_hash) == 64


def test_a_network_that_differs_is_not_written(
    run_folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(deployed: Deployed, *, size: int) -> bytes:
        with torch.no_grad():
            deployed.network.logit.bias += 0.01  # type: ignore[union-attr, operator]
        network = to_onnx(deployed, size=size)
        with torch.no_grad():
            deployed.network.logit.bias -= 0.01  # type: ignore[union-attr, operator]
        return network

    monkeypatch.setattr(module, "to_onnx", wrong)
    with pytest.raises(PneumoscopeError, match="differs from the trained one"):
        export(run_folder, out=tmp_path / "a.pneumo", cache=cache, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_map_of_an_exported_run_is_exact(cam_bundle_file: Path, films: Path) -> None:
    bundle = load_bundle(cam_bundle_file)
    assert bundle.provenance["parity"]["largest_difference"] < 1e-4
    reader = Reader(bundle)
    assert reader.map_stride == 16
    paths = sorted((films / "test").rglob("*.jpeg"))
    pixels = np.stack([film_to_input(path, bundle.preprocessing) for path in paths])
    maps, bias = reader.maps(pixels)
    assert maps.shape == (24, 2, 2)
    logits = [reading.logit for reading in reader.read(paths)]
    np.testing.assert_allclose(maps.mean((1, 2)) + bias, logits, rtol=1e-5, atol=1e-5)


def test_a_map_that_does_not_make_the_logit_is_not_written(
    cam_run: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    def wrong(deployed: Deployed, *, size: int) -> bytes:
        model = onnx.load_from_string(to_onnx(deployed, size=size))
        (bias,) = (entry for entry in model.metadata_props if entry.key == "map_bias")
        bias.value = repr(float(bias.value) + 0.01)
        return bytes(model.SerializeToString())

    monkeypatch.setattr(module, "to_onnx", wrong)
    with pytest.raises(PneumoscopeError, match="differs from the trained one"):
        export(cam_run, out=tmp_path / "a.pneumo", cache=cache, progress=False)


def test_a_randomised_bundle_has_the_same_shape_and_has_learned_nothing(
    cam_bundle_file: Path, cam_run: Path
) -> None:
    bundle, run = load_bundle(cam_bundle_file), open_run(cam_run)
    one, same, other = (Reader(randomised(bundle, run, seed=seed)) for seed in (1, 1, 2))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    logits = [reader.logits(pixels) for reader in (Reader(bundle), one, other)]
    assert not any(np.allclose(logits[i], logits[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    np.testing.assert_array_equal(same.logits(pixels), logits[1])
    assert one.map_stride == 16


def test_films_may_move_but_not_change(
    run_folder: Path, films: Path, cache: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(films, tmp_path / "moved")
    bundle = export(run_folder, out=tmp_path / "a.pneumo", where=moved, cache=cache, progress=False)
    assert load_bundle(tmp_path / "a.pneumo").calibration == bundle.calibration
    one, other = sorted((moved / "train" / "NORMAL").iterdir())[:2]
    shutil.copy(other, one)
    with pytest.raises(UsageError, match="not those that"):
        export(run_folder, out=tmp_path / "b.pneumo", where=moved, cache=cache, progress=False)


def test_the_kind_of_pneumonia_is_said_where_pneumonia_is_called(
    cam_bundle_file: Path, cam_run: Path, films: Path
) -> None:
    bundle = load_bundle(cam_bundle_file)
    assert bundle.subtype is not None
    network = module.load_deployed(open_run(cam_run))
    reader = Reader(bundle)
    for film in open_catalog(films).select(["test"]).films:
        reading, pixels = reader.read_one(film.path), film_to_input(film.path, bundle.preprocessing)
        _, leaning, _ = network(torch.from_numpy(pixels.copy())[None])
        assert reading.leaning == pytest.approx(leaning.item(), abs=1e-4)
        assert reader.leanings(pixels[None])[0] == pytest.approx(leaning.item(), abs=1e-4)
        if reading.call == "NORMAL":
            assert reading.subtype is reading.subtype_probability is None
            continue
        # Of the reader's own leaning, which is the network's but for rounding: see above.
        viral = float(bundle.subtype.probability(reading.leaning))
        assert reading.subtype == ("viral" if viral >= 0.5 else "bacterial")
        assert reading.subtype_probability == pytest.approx(max(viral, 1 - viral), abs=1e-4)


def test_out_of_fold_scores_take_the_place_of_validation(
    run_folder: Path, cache: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 4 > 0
    logit = 5 + 2 * truth + rng.normal(0, 0.5, 400)
    folds = Scored(truth, logit, np.full(400, ""), logit * np.nan, {"by": "out-of-fold, shift"})
    out = tmp_path / "b.pneumo"
    bundle = export(run_folder, out=out, calibrate_on=folds, cache=cache, progress=False)
    assert 5.5 < bundle.operating_points.balanced < 6.5
    assert bundle.calibration.prevalence == pytest.approx(0.75)
    assert bundle.provenance["calibrated_on"]["by"] == "out-of-fold, shift"
    assert load_bundle(out).operating_points == bundle.operating_points


@pytest.fixture(scope="module")
def second_run(
    cam_run: Path, films: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Like ``cam_run``, on the same split, and slower to learn."""
    out = tmp_path_factory.mktemp("second") / "run"
    recipe = replace(open_run(cam_run).recipe, name="second", learning_rate=5e-4)
    train(films, out=out, recipe=recipe, cache=cache, progress=False)
    return out


def test_several_runs_become_one_network(
    cam_run: Path, second_run: Path, films: Path, cache: Path, tmp_path: Path
) -> None:
    bundle = export(cam_run, second_run, out=tmp_path / "a.pneumo", cache=cache, progress=False)
    assert bundle.provenance["recipe"] == open_run(cam_run).recipe.to_json()
    (beside,) = bundle.provenance["beside"]
    assert beside["recipe"]["name"] == "second"
    assert bundle.provenance["parity"]["largest_difference"] < 1e-4
    networks = [module.load_deployed(open_run(run)) for run in (cam_run, second_run)]
    reader = Reader(load_bundle(tmp_path / "a.pneumo"))
    film = sorted((films / "test").rglob("*.jpeg"))[0]
    pixels = film_to_input(film, bundle.preprocessing)
    with torch.inference_mode():
        logits = [float(net(torch.from_numpy(pixels.copy())[None])[0]) for net in networks]
    assert abs(logits[0] - logits[1]) > 1e-3
    assert reader.read_one(film).logit == pytest.approx(np.mean(logits), abs=1e-4)
    untrained = Reader(randomised(bundle, open_run(cam_run), open_run(second_run), seed=1))
    assert untrained.map_stride == reader.map_stride
    assert not np.allclose(untrained.logits(pixels[None]), np.mean(logits))


def test_a_run_that_is_named_twice_counts_twice_and_is_computed_once(
    cam_run: Path, second_run: Path, films: Path, cache: Path, tmp_path: Path
) -> None:
    runs = (cam_run, second_run)
    once = export(*runs, out=tmp_path / "a.pneumo", cache=cache, progress=False)
    twice = export(*runs, cam_run, out=tmp_path / "b.pneumo", cache=cache, progress=False)
    film = sorted((films / "test").rglob("*.jpeg"))[0]
    pixels = film_to_input(film, once.preprocessing)
    with torch.inference_mode():
        one, other = (
            float(module.load_deployed(open_run(run))(torch.from_numpy(pixels.copy())[None])[0])
            for run in runs
        )
    assert Reader(twice).read_one(film).logit == pytest.approx((2 * one + other) / 3, abs=1e-4)
    assert len(twice.network) < 1.05 * len(once.network)
    run = open_run(cam_run)
    alone, again = (Reader(randomised(once, *[run] * times, seed=1)) for times in (1, 2))
    np.testing.assert_allclose(again.logits(pixels[None]), alone.logits(pixels[None]), atol=1e-5)


def test_runs_that_do_not_belong_together_are_named(
    cam_run: Path, run_folder: Path, films: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="has other"):
        export(cam_run, run_folder, out=tmp_path / "a.pneumo", cache=cache, progress=False)
    elsewhere = shutil.copytree(cam_run, tmp_path / "elsewhere")
    split = (elsewhere / "split.csv").read_text().splitlines()
    (elsewhere / "split.csv").write_text("\n".join([*split[:-1], ""]))
    with pytest.raises(UsageError, match="other split"):
        export(cam_run, elsewhere, out=tmp_path / "a.pneumo", cache=cache, progress=False)
    assert not (tmp_path / "a.pneumo").exists()

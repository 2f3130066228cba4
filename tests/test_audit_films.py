from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundles import make_bundle, write_labelled
from pneumoscope.data.catalog import Film, open_catalog
from pneumoscope.data.masks import open_masks
from pneumoscope.evaluation.audit_changes import LUNGS_ONLY, MIRRORED, NO_LUNGS
from pneumoscope.evaluation.audit_films import WHOLE, draw_patients, look, read_changed
from pneumoscope.inference.reader import READ, Reader


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(make_bundle(tmp_path / "b.pneumo"), threads=1)


def test_films_as_they_are_score_as_the_reader_scores_them(tmp_path: Path, reader: Reader) -> None:
    films = open_catalog(write_labelled(tmp_path / "films")).films
    looked = look(films, reader, threads=1, progress=False)
    readings = list(reader.read(film.path for film in films))
    assert all(reading.status == READ for reading in readings)
    np.testing.assert_allclose(looked.logit, [reading.logit for reading in readings], atol=1e-5)
    changed = read_changed(looked.films, reader, progress=False)
    np.testing.assert_allclose(changed.logits[WHOLE], looked.logit, atol=1e-5)
    # The bundle's logit is the mean brightness, which a mirror does not change.
    np.testing.assert_allclose(changed.logits[MIRRORED], looked.logit, atol=1e-4)
    assert looked.sizes[films[0].key] == (64, 64)
    assert [len(each) for each in looked.hashes] == [64] * 11


def test_what_cannot_be_read_is_listed(tmp_path: Path, reader: Reader) -> None:
    root = write_labelled(tmp_path / "films")
    films = open_catalog(root).films
    films[0].path.write_bytes(b"")
    Image.new("L", (64, 64), 128).save(films[1].path)
    looked = look(films, reader, threads=1, progress=False)
    assert looked.refused[0] == (films[0].key, "the file is empty")
    assert looked.refused[1][1].startswith("blank")
    assert looked.films == films[2:]


def test_films_without_a_mask_have_no_lungs(tmp_path: Path, reader: Reader) -> None:
    films = open_catalog(write_labelled(tmp_path / "films")).films
    lungs = np.zeros((32, 32), np.uint8)
    lungs[8:24, 8:24] = 255
    for film in films[:4]:
        path = tmp_path / "masks" / film.path.parent.name / film.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(lungs).save(path)
    masks = open_masks(tmp_path / "masks")
    changed = read_changed(films, reader, masks=masks, progress=False)
    for name in (LUNGS_ONLY, NO_LUNGS):
        assert np.isfinite(changed.logits[name]).tolist() == [True] * 4 + [False] * 7
    assert changed.box is not None
    assert changed.box.hides == 1


def test_a_fine_film_is_changed_on_a_coarser_one(tmp_path: Path, reader: Reader) -> None:
    grey = np.linspace(20, 220, 640 * 640).reshape(640, 640).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "fine.png")
    film = Film(tmp_path / "fine.png", "fine.png", 1, "", "a")
    changed = read_changed([film], reader, progress=False)
    whole = look([film], reader, threads=1, progress=False)
    assert changed.logits[WHOLE][0] == pytest.approx(whole.logit[0], abs=0.1)


def test_patients_are_drawn_whole() -> None:
    films = [Film(Path(f"{i}.png"), f"{i}.png", i % 2, "", f"p{i // 3}") for i in range(30)]
    drawn = draw_patients(films, 10)
    assert len(drawn) == 9
    assert len({film.patient for film in drawn}) == 3
    assert drawn == draw_patients(films, 10)
    assert drawn != draw_patients(films, 10, seed=1)
    assert draw_patients(films, 30) == tuple(films)

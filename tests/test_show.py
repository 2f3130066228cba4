from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.show import captions, contact_sheet, draw_tiles
from pneumoscope.errors import PneumoscopeError
from pneumoscope.preprocess import Preprocessing, film_to_input
from trees import SAMPLE, make_tree


def test_sixteen_films_as_the_network_gets_them() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray")
    tiles = draw_tiles(catalog, seed=1)
    assert tiles.pixels.shape == (16, 224, 224)
    assert len({film.key for film in tiles.films}) == 16
    for film, pixels in zip(tiles.films, tiles.pixels, strict=True):
        np.testing.assert_array_equal(pixels, film_to_input(film.path, Preprocessing(size=224)))
    assert draw_tiles(catalog, seed=1).films == tiles.films
    assert draw_tiles(catalog, seed=2).films != tiles.films


def test_unreadable_films_are_passed_over_and_named(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["NORMAL/a.png", "PNEUMONIA/b.png", "PNEUMONIA/c.png"])
    (root / "PNEUMONIA/b.png").write_bytes(b"no film")
    tiles = draw_tiles(open_catalog(root))
    assert {film.key for film in tiles.films} == {"NORMAL/a.png", "PNEUMONIA/c.png"}
    assert tiles.unreadable == ("PNEUMONIA/b.png",)
    for name in ("NORMAL/a.png", "PNEUMONIA/c.png"):
        (root / name).write_bytes(b"")
    with pytest.raises(PneumoscopeError, match="None of the 3 films"):
        draw_tiles(open_catalog(root))


def test_captions_say_class_subtype_and_name() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray").select(["val"])
    texts = captions(catalog, catalog.films)
    assert texts[0] == "NORMAL\nNORMAL2-IM-1427-0001.jpeg"
    assert texts[-1] == "PNEUMONIA (bacterial)\nperson1954_bacteria_4886.jpeg"


def test_the_sheet_holds_every_tile_and_its_text(tmp_path: Path) -> None:
    tiles = np.stack([np.full((40, 40), 10 * i, np.uint8) for i in range(6)])
    path = tmp_path / "sheet.png"
    contact_sheet(tiles, [f"class {i}\na-very-long-file-name-{i}.jpeg" for i in range(6)], path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        sheet = np.asarray(image)
    height, width = sheet.shape
    assert width > 4 * 40
    assert height > 2 * 40
    for i in range(6):  # four in a row, in order
        top, left = 12 + i // 4 * (height - 12) // 2, 12 + i % 4 * (width - 12) // 4
        assert (sheet[top : top + 40, left : left + 40] == 10 * i).all()
        text = sheet[top + 40 : top + 40 + 40, left : left + 40]
        assert text.min() < 100  # something is written below
    assert (sheet[:, -12:] == 255).all()  # no text runs over the edge
    assert list(tmp_path.iterdir()) == [path]


def test_a_footer_stands_below_the_tiles(tmp_path: Path) -> None:
    tiles = np.zeros((2, 40, 40), np.uint8)
    for name, footer in (("plain.png", ""), ("footer.png", "Below.")):
        contact_sheet(tiles, ["a\nb", "c\nd"], tmp_path / name, footer=footer)
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "footer.png") as footed:
        assert footed.height == plain.height + 24
        assert np.asarray(footed)[: plain.height].tolist() == np.asarray(plain).tolist()
        assert np.asarray(footed)[plain.height :].min() < 100

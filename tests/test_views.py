import io

import numpy as np
import pytest
from PIL import Image

import films
from conftest import draw_film
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.views import Views


@pytest.fixture(scope="module")
def reader(finder_bundle: Bundle) -> Reader:
    return Reader(finder_bundle)


def test_the_film_is_shown_as_it_was_read(reader: Reader) -> None:
    shown = draw_film(np.random.default_rng(0), pneumonia=False, side=300)[:200]
    turned = films.encoded(Image.fromarray(shown), "jpeg", exif=films.exif(6), quality=95)
    reading = reader.read_one(turned)
    assert reading.notes
    views = Views(reader)
    whole = np.asarray(Image.open(io.BytesIO(views.film(turned, reading))))
    assert whole.shape == (300, 200)
    np.testing.assert_allclose(whole, np.rot90(shown, -1), atol=60)
    small = Image.open(io.BytesIO(views.film(turned, reading, longest=150)))
    assert small.size == (100, 150)


def test_evidence_is_opaque_where_it_is_strongest(reader: Reader) -> None:
    film = films.encoded(draw_film(np.random.default_rng(1), pneumonia=True, side=144), "png")
    evidence = Views(reader).evidence(film)
    assert evidence is not None
    assert evidence.method == "cam"
    picture = np.asarray(Image.open(io.BytesIO(evidence.png)))
    assert picture.shape == (144, 144, 4)
    assert picture[..., 3].max() == 255
    assert picture[..., 3].min() < 40
    red, _, blue, alpha = (picture[..., i].astype(int) for i in range(4))
    strongest = np.unravel_index(np.argmax(alpha), alpha.shape)
    found = next(iter([reader.look(film)]))
    grid = found.map  # type: ignore[union-attr]
    assert grid is not None
    for_it = abs(grid.max()) >= abs(grid.min())
    assert (red[strongest] > blue[strongest]) == for_it


def test_what_is_no_film_has_no_evidence(reader: Reader) -> None:
    assert Views(reader).evidence(b"nothing") is None

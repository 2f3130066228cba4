import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundles import MIDDLE, STEP, make_bundle
from conftest import SAMPLE, planted_film
from pneumoscope import preprocess
from pneumoscope.errors import UsageError
from pneumoscope.film import Facts
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.reader import Reader
from pneumoscope.inference.saliency import Explanation, Grid, choose, explain, explain_one, occlude
from pneumoscope.preprocess import Preprocessing
from pneumoscope.radiograph import Radiograph


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def explained(film: np.ndarray, bundle: Bundle, method: str = "auto") -> Explanation:
    (found,) = explain([png(film)], bundle=bundle, method=method)
    return found


def test_the_bundles_own_map_makes_the_logit(finder_bundle: Bundle) -> None:
    _, bias = Reader(finder_bundle).maps(np.zeros((1, 96, 96), np.uint8))
    for seed in range(4):
        found = explained(planted_film(seed)[0], finder_bundle)
        assert found.method == "cam"
        assert found.grid is not None
        assert found.grid.values.shape == (6, 6)
        assert float(found.grid.values.mean()) + bias == pytest.approx(
            found.reading.logit, abs=1e-4
        )


@pytest.mark.parametrize(("method", "least"), [("cam", 1.7), ("occlusion", 2.0)])
def test_the_evidence_lies_where_the_opacity_was_put(
    finder_bundle: Bundle, method: str, least: float
) -> None:
    """The strongest place lies in it, and it holds far more than its share of the film."""
    for seed in range(6):
        film, planted = planted_film(seed)
        found = explained(film, finder_bundle, method)
        assert found.reading.call == "PNEUMONIA"
        assert found.map is not None
        assert found.map.shape == film.shape
        assert planted[np.unravel_index(found.map.argmax(), film.shape)]
        positive = np.maximum(found.map, 0)
        assert positive[planted].sum() / positive.sum() > least * planted.mean()
        left = planted[:, :72].sum() > planted[:, 72:].sum()
        own = positive[:, :72] if left else positive[:, 72:]
        assert own.sum() / positive.sum() > 0.5


def test_occlusion_is_the_logit_that_is_lost(tmp_path: Path) -> None:
    """A network of mean brightness: what a blurred patch takes away can be added up by hand."""
    reader = Reader(make_bundle(tmp_path / "b.pneumo"))
    pixels = np.full((32, 32), 100, np.uint8)
    pixels[8:16, 16:24] = 250
    found = occlude(reader, pixels, grid=4)
    assert found.stride == 8
    row, column = np.unravel_index(found.values.argmax(), (4, 4))
    assert (row, column) == (1, 2)
    from pneumoscope.inference.saliency import blurred

    changed = pixels.copy()
    changed[4:20, 12:28] = blurred(pixels)[4:20, 12:28]
    lost = (pixels.mean() - changed.mean()) / STEP
    assert lost > 0
    assert found.values[1, 2] == pytest.approx(lost, abs=1e-4)
    assert (pixels.mean() - MIDDLE) / STEP == pytest.approx(
        reader.logits(pixels[None])[0], abs=1e-4
    )
    assert found.values[3, 0] < 0  # blurred, the dark corner is brighter


def test_a_refused_film_has_a_row_and_no_map(finder_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("not a picture")
    films = [tmp_path / "no.png", tmp_path / "gone.png", png(np.full((99, 99), 7, np.uint8))]
    found = list(explain(films, bundle=finder_bundle))
    assert [one.reading.status for one in found] == ["refused"] * 3
    assert [one.map for one in found] == [None] * 3
    assert [one.reading.file for one in found] == [*map(str, films[:2]), ""]
    assert found[1].reading.reason == "there is no such file"


def test_methods_that_a_bundle_does_not_permit_are_named(tmp_path: Path) -> None:
    reader = Reader(make_bundle(tmp_path / "b.pneumo"))
    assert choose("auto", reader)[0] == "occlusion"
    with pytest.raises(UsageError, match="occlusion works with any bundle"):
        choose("cam", reader)
    with pytest.raises(UsageError, match="there are auto, cam, occlusion"):
        choose("lime", reader)


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("shape", [(200, 100), (90, 220), (96, 96)])
def test_a_map_lies_on_the_film_where_it_lay_on_the_input(
    resize: str, shape: tuple[int, int]
) -> None:
    """A bright block of the film, found on the input by a map of it, is found on the film again."""
    height, width = shape
    film = np.zeros(shape, np.uint8)
    film[height // 2 : height * 3 // 4, width // 8 : width // 3] = 255
    shaped = Preprocessing(size=96, resize=resize)
    pixels = preprocess.to_input(Radiograph(film, Facts("png", width, height, 8, False)), shaped)
    coarse = pixels.reshape(24, 4, 24, 4).mean((1, 3)).astype(np.float32)
    laid = Grid(coarse, 4).on_film(shaped, height=height, width=width)
    assert laid.shape == shape
    off = np.abs(laid - film) > 100
    assert off.mean() < 0.06
    centre = [float((np.indices(shape)[axis] * laid).sum() / laid.sum()) for axis in (0, 1)]
    expected = [float((np.indices(shape)[axis] * film).sum() / film.sum()) for axis in (0, 1)]
    np.testing.assert_allclose(centre, expected, atol=0.02 * max(shape))


def test_the_rest_that_poolings_leave_does_not_shift_the_map() -> None:
    """11 places of 16 pixels stand for 176 of 180: the map must not be stretched over the rest."""
    values = np.zeros((11, 11), np.float32)
    values[:, 10] = 1
    laid = Grid(values, 16).on_input(180)
    centre = float((np.arange(180) * laid[90]).sum() / laid[90].sum())
    assert laid[90].argmax() >= 165
    assert centre == pytest.approx((160 + 179) / 2, abs=1.5)


def test_a_film_is_shown_in_its_own_proportions(finder_bundle: Bundle) -> None:
    film = np.asarray(Image.fromarray(planted_film(0)[0]).resize((1200, 900)))
    found = explained(film, finder_bundle)
    assert found.film is not None
    assert found.map is not None
    assert found.film.shape == found.map.shape == (480, 640)


def test_one_film_is_explained_as_among_others(finder_bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(planted_film(3)[0]))
    reader = Reader(finder_bundle)
    method, attribute = choose("auto", reader)
    one = explain_one(path, reader, method=method, attribute=attribute)
    assert one.reading.file == str(path)
    assert one.reading == reader.read_one(path)


def test_a_film_that_was_mended_is_shown_as_it_was_read(
    finder_bundle: Bundle, film_guard: Guard
) -> None:
    """A map laid over the film as it came would point to the wrong place."""
    bundle = replace(finder_bundle, guard=film_guard)
    path = sorted((SAMPLE / "train" / "NORMAL").glob("*.jpeg"))[0]
    with Image.open(path) as picture:
        upright = np.asarray(picture.convert("L"))
    plain = explained(upright, bundle)
    inverted = explained(255 - upright, bundle)
    assert plain.reading.notes == ()
    assert any("inverted" in note for note in inverted.reading.notes)
    assert plain.film is not None
    assert inverted.film is not None
    assert np.array_equal(inverted.film, plain.film)
    assert inverted.reading.logit == plain.reading.logit

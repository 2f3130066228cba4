from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from conftest import planted_film
from pneumoscope.inference.overlay import draw_overlay
from pneumoscope.inference.reader import Reading
from pneumoscope.inference.saliency import Explanation

CLASSES = ("NORMAL", "PNEUMONIA")


def explanation(
    *, file: str = "/ward/patient 7/film.png", shape: tuple[int, int] = (144, 144), sign: int = 1
) -> Explanation:
    film = np.asarray(Image.fromarray(planted_film(0)[0]).resize(shape[::-1]))
    evidence = np.zeros(shape, np.float32)
    evidence[: shape[0] // 2] = sign * 2.5
    reading = Reading(file, "read", 0.912, "PNEUMONIA", None, 2.34, "balanced")
    return Explanation(reading, "cam", film, None, film, evidence)


def draw(path: Path, **changes: object) -> np.ndarray:
    draw_overlay(explanation(**changes), path, classes=CLASSES)  # type: ignore[arg-type]
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        return np.asarray(picture).astype(int)


@pytest.mark.parametrize(("sign", "strong", "weak"), [(1, 0, 2), (-1, 2, 0)])
def test_evidence_is_coloured_by_its_sign_and_its_lack_is_not(
    tmp_path: Path, sign: int, strong: int, weak: int
) -> None:
    picture = draw(tmp_path / "a.png", sign=sign)
    film, laid = picture[14:494, 14:494], picture[14:494, 508:988]
    assert (film.max(axis=2) == film.min(axis=2)).all()
    upper, lower = laid[20:220], laid[280:460]
    assert (upper[..., strong] - upper[..., weak]).min() > 40
    np.testing.assert_array_equal(lower, film[280:460])


def test_the_caption_names_the_file_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    original = ImageDraw.ImageDraw.text

    def listen(self: ImageDraw.ImageDraw, xy: object, text: str, *rest: object) -> None:
        said.append(text)
        original(self, xy, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", listen)
    draw(tmp_path / "a.png")
    words = "\n".join(said)
    assert "film.png" in said
    assert "patient 7" not in words
    assert "PNEUMONIA: probability 0.912, operating point balanced, logit +2.34" in said
    assert "class activation map, in logits: warm for PNEUMONIA" in words
    assert words.count("Not a medical device.") == 1
    assert {"+2.5", "-2.5", "0"} <= set(said)


@pytest.mark.parametrize(
    "file", ["x" * 400 + ".png", "\udcff\n\t.png", "가슴.png", "", "$\\frac{1}{2}$.png"]
)
@pytest.mark.parametrize("shape", [(144, 144), (300, 76), (76, 300), (1, 640)])
def test_odd_names_and_shapes_are_drawn(tmp_path: Path, file: str, shape: tuple[int, int]) -> None:
    picture = draw(tmp_path / "a.png", file=file, shape=shape)
    assert picture.shape[1] <= 1100
    below = picture[-60:]
    assert (below[:, -10:] == 255).all()  # no text runs over the edge
    assert (below < 128).any()


def test_a_film_without_evidence_is_drawn_grey(tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.png", sign=0)
    np.testing.assert_array_equal(picture[14:494, 14:494], picture[14:494, 508:988])

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

import films
from pneumoscope.errors import UnreadableFilm
from pneumoscope.radiograph import FILM_SUFFIXES, MAX_BYTES, Facts, load, probe


def reason(source: bytes | str | Path) -> str:
    """The reason for which a film is refused."""
    with pytest.raises(UnreadableFilm) as refusal:
        load(source)
    return str(refusal.value)


@pytest.fixture(scope="module")
def grey_jpeg() -> bytes:
    return films.encoded(films.picture(), "jpeg", quality=95)


def test_path_name_bytes_and_stream_give_the_same_film(grey_jpeg: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.dat"  # the name says nothing, the content everything
    path.write_bytes(grey_jpeg)
    expected = load(grey_jpeg)
    assert expected.pixels.shape == (240, 300)
    assert expected.pixels.dtype == np.uint8
    assert expected.pixels.flags.c_contiguous
    for source in (path, str(path), io.BytesIO(grey_jpeg)):
        film = load(source)
        np.testing.assert_array_equal(film.pixels, expected.pixels)
        assert film.facts == expected.facts
    assert expected.facts == Facts("jpeg", 300, 240, 8, colour=False)


def test_a_stream_is_read_from_where_it_stands(grey_jpeg: bytes) -> None:
    stream = io.BytesIO(b"prefix" + grey_jpeg)
    stream.seek(6)
    assert probe(stream) == probe(grey_jpeg)
    stream.seek(6)
    np.testing.assert_array_equal(load(stream).pixels, load(grey_jpeg).pixels)


@pytest.mark.parametrize(
    "data",
    [
        films.encoded(films.picture(), "jpeg"),
        films.encoded(films.picture(), "jpeg", exif=films.exif(6)),
        films.encoded(films.picture(), "png"),
        films.encoded(films.picture(), "png", exif=films.exif(8)),
        films.encoded(films.picture().astype(np.uint16) * 257, "png"),
        films.encoded(films.picture(), "tiff"),
        films.encoded(films.picture(), "tiff", exif=films.exif(6)),
        films.dicom(films.picture()),
        films.dicom(films.picture(), syntax=JPEGLSLossless),
        films.written(films.dataset(films.picture()), meta=False),
    ],
)
def test_probe_agrees_with_load(data: bytes) -> None:
    assert probe(data) == load(data).facts


def test_probe_reads_a_path(grey_jpeg: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.jpeg"
    path.write_bytes(grey_jpeg)
    assert probe(path) == probe(grey_jpeg)


def test_dicom_is_told_by_content() -> None:
    plain = films.dataset(films.picture(), syntax=ImplicitVRLittleEndian)
    for data in (
        films.written(plain),
        films.written(plain, preamble=False),
        films.written(plain, meta=False),
        films.written(films.dataset(films.picture(), syntax=ExplicitVRBigEndian), meta=False),
        b"II*\0" + films.written(plain)[4:],  # the preamble makes it a TIFF as well
    ):
        film = load(data)
        assert film.facts.format == "dicom"
        np.testing.assert_array_equal(film.pixels, films.picture())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"\0", "not a JPEG, PNG, TIFF or DICOM"),
        (b"no film at all\n" * 20, "not a JPEG, PNG, TIFF or DICOM"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG, PNG, TIFF or DICOM"),
        (b"<!doctype html><title>404</title>", "not a JPEG, PNG, TIFF or DICOM"),
        (b"\x08\x00\x05\x00CS\x02\x00 tag by chance", "not a JPEG, PNG, TIFF or DICOM"),
        (films.encoded(films.picture(), "gif"), "not a JPEG, PNG, TIFF or DICOM"),
        (films.encoded(films.picture(), "webp"), "not a JPEG, PNG, TIFF or DICOM"),
        (films.encoded(films.picture(), "bmp"), "not a JPEG, PNG, TIFF or DICOM"),
        (b"\xff\xd8\xff", "damaged or truncated JPEG"),
        (b"\x89PNG\r\n\x1a\n", "damaged or truncated PNG"),
        (b"II*\0", "damaged or truncated TIFF"),
        (bytes(128) + b"DICM", "damaged or truncated DICOM"),
    ],
)
def test_what_is_no_film_is_refused(data: bytes, expected: str) -> None:
    assert expected in reason(data)
    with pytest.raises(UnreadableFilm):
        probe(data)


def test_text_renamed_to_jpeg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret-name.jpeg"
    path.write_text("these are not the pixels you are looking for")
    assert reason(path) == "not a JPEG, PNG, TIFF or DICOM file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpeg")  # opening it would wait for a writer
    assert reason(tmp_path / "pipe.jpeg") == "not a regular file"
    assert reason(Path("/dev/zero")) == "not a regular file"


def test_missing_file_and_folder_are_refused_without_their_path(tmp_path: Path) -> None:
    assert reason(tmp_path / "secret-name.jpeg") == "there is no such file"
    assert reason(tmp_path) == "a folder, not a file"
    assert reason("nul\0byte") == "the file cannot be read from the disk"
    with pytest.raises(UnreadableFilm, match="no such file"):
        probe(tmp_path / "secret-name.jpeg")


def test_one_pixel_is_read() -> None:
    for kind in ("jpeg", "png", "tiff"):
        assert load(films.encoded(films.picture(1, 1), kind)).pixels.shape == (1, 1)
    assert load(films.dicom(films.picture(1, 1))).pixels.shape == (1, 1)


@pytest.mark.parametrize(
    "bomb",
    [
        films.jpeg_of_size(30_000, 30_000),
        films.png_of_size(30_000, 30_000),
        films.tiff_of_size(30_000, 30_000),
        films.dicom(films.picture(8, 8), Rows=30_000, Columns=30_000),
        films.dicom(films.picture(8, 8), Rows=30_000, Columns=30_000, syntax=JPEG2000Lossless),
    ],
    ids=["jpeg", "png", "tiff", "dicom", "dicom-jpeg2000"],
)
def test_decompression_bombs_are_refused_by_their_header(bomb: bytes) -> None:
    assert reason(bomb) == "30000 x 30000 pixels, and at most 100 megapixels are read"
    with pytest.raises(UnreadableFilm, match="100 megapixels"):
        probe(bomb)


def test_the_limit_on_pixels_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    png = films.png_of_size(9_800, 9_800)
    assert load(png).pixels.shape == (9_800, 9_800)  # over Pillow's own limit, where it warns
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "megapixels" in reason(films.png_of_size(10_001, 10_001))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert load(films.encoded(films.picture(), "png")).pixels.shape == (240, 300)


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.jpeg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # sparse: takes no room on the disk
    assert reason(path) == "larger than 256 MB"


def test_pydicom_is_imported_for_dicom_alone(grey_jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "film.jpeg").write_bytes(grey_jpeg)
    program = (
        "import sys; from pneumoscope.preprocess import Preprocessing, film_to_input;"
        "film_to_input('film.jpeg', Preprocessing());"
        "print([m for m in ('pydicom', 'torch', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"


def test_suffixes_cover_files_without_one() -> None:
    assert {".jpeg", ".JPG".lower(), ".png", ".tif", ".dcm", ""} <= FILM_SUFFIXES


def test_threads_read_the_same_films(grey_jpeg: bytes) -> None:
    sources = [grey_jpeg, films.encoded(films.picture(), "png"), films.dicom(films.picture())] * 8
    expected = [load(source).pixels for source in sources]
    with ThreadPoolExecutor(4) as pool:
        for film, pixels in zip(pool.map(load, sources), expected, strict=True):
            np.testing.assert_array_equal(film.pixels, pixels)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file after an accident: cut short, bytes overwritten, bytes lost or gained."""
    harm = bytearray(data)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(harm[: rng.integers(len(harm))])
    if kind == 1:
        start = rng.integers(len(harm))
        harm[start : start + rng.integers(30)] = rng.bytes(rng.integers(30))
        return bytes(harm)
    reach = len(harm) if kind == 2 else min(len(harm), 700)  # anywhere, or in the header
    for _ in range(rng.integers(1, 6)):
        harm[rng.integers(reach)] = rng.choice([0, 1, 128, 255, rng.integers(256)])
    return bytes(harm)


SMALL = films.picture(48, 64)
TWELVE_BITS = SMALL.astype(np.uint16) << 4


@pytest.mark.parametrize(
    "data",
    [
        films.encoded(SMALL, "jpeg"),
        films.encoded(SMALL, "jpeg", progressive=True),
        films.encoded(films.coloured(48, 64), "jpeg", exif=films.exif(6)),
        films.encoded(Image.fromarray(films.coloured(48, 64)).convert("CMYK"), "jpeg"),
        films.encoded(SMALL, "png", exif=films.exif(3)),
        films.encoded(TWELVE_BITS, "png"),
        films.encoded(Image.fromarray(films.coloured(48, 64)).quantize(16), "png"),
        films.encoded(SMALL, "tiff"),
        films.encoded(TWELVE_BITS, "tiff", compression="tiff_lzw"),
        films.dicom(TWELVE_BITS, BitsStored=12, WindowCenter=2000, WindowWidth=3000),
        films.dicom(TWELVE_BITS, syntax=RLELossless),
        films.dicom(TWELVE_BITS, syntax=JPEGLSLossless),
        films.dicom(SMALL, syntax=JPEGBaseline8Bit),
        films.dicom(TWELVE_BITS, syntax=JPEG2000Lossless),
        films.written(films.dataset(TWELVE_BITS), meta=False),
    ],
)
def test_no_accident_raises_anything_but_unreadable_film(data: bytes) -> None:
    rng = np.random.default_rng(7)
    read = 0
    for _ in range(60):
        harm = mutated(data, rng)
        with contextlib.suppress(UnreadableFilm):
            assert isinstance(probe(harm), Facts)
        with contextlib.suppress(UnreadableFilm):
            film = load(harm, at_least=int(rng.choice([1, 24, 400])))
            read += 1
            assert film.pixels.ndim == 2
            assert film.pixels.dtype == np.uint8
            assert film.pixels.flags.c_contiguous
    assert read < 60

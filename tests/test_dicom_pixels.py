from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

import films
from pneumoscope import radiograph
from pneumoscope.errors import UnreadableFilm

GREY = films.picture()
TWELVE_BITS = GREY.astype(np.uint16) << 4
WINDOW = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2000, "WindowWidth": 3000}


def reason(data: bytes) -> str:
    """The reason for which a film is refused."""
    with pytest.raises(UnreadableFilm) as refusal:
        radiograph.load(data)
    return str(refusal.value)


def test_facts_come_from_the_header() -> None:
    facts = radiograph.load(films.dicom(TWELVE_BITS, **WINDOW)).facts
    assert (facts.format, facts.width, facts.height, facts.bits) == ("dicom", 300, 240, 12)
    assert (facts.modality, facts.body_part, facts.view) == ("CR", "CHEST", "PA")
    assert facts.photometric == "MONOCHROME2"
    assert facts.transfer_syntax == "1.2.840.10008.1.2.1"
    assert not facts.colour
    assert facts.notes == ()


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless],
)
def test_every_lossless_syntax_gives_the_same_pixels(syntax: str) -> None:
    expected = radiograph.load(films.dicom(TWELVE_BITS, **WINDOW)).pixels
    film = radiograph.load(films.dicom(TWELVE_BITS, syntax=syntax, **WINDOW))
    np.testing.assert_array_equal(film.pixels, expected)
    assert film.facts.transfer_syntax == syntax


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_signed_values_in_several_syntaxes(syntax: str) -> None:
    expected = radiograph.load(films.dicom(TWELVE_BITS, **WINDOW)).pixels
    signed = TWELVE_BITS.astype(np.int16) - 2048
    film = films.dicom(signed, syntax=syntax, **{**WINDOW, "WindowCenter": -48})
    np.testing.assert_array_equal(radiograph.load(film).pixels, expected)


def test_jpeg_baseline() -> None:
    film = radiograph.load(films.dicom(GREY, syntax=JPEGBaseline8Bit))
    assert np.abs(film.pixels.astype(int) - GREY).mean() < 2


def test_lossless_jpeg() -> None:
    data = films.pydicom_film("JPGLosslessP14SV1_1s_1f_8b.dcm")
    film = radiograph.load(data)
    assert film.facts.transfer_syntax == JPEGLosslessSV1
    stored = dcmread(io.BytesIO(data)).pixel_array  # by way of a window of 255, not 256, levels
    assert np.abs(film.pixels.astype(int) - stored).max() <= 2
    deep = radiograph.load(films.pydicom_film("JPEG-LL.dcm"))
    assert deep.facts.bits == 16
    assert deep.pixels.shape == (1024, 256)
    assert deep.pixels.std() > 20


def lossless_film(precision: int = 16) -> tuple[Dataset, bytes]:
    """A lossless JPEG film of 16 or 8 bits, and its codestream."""
    name = "JPEG-LL.dcm" if precision == 16 else "JPGLosslessP14SV1_1s_1f_8b.dcm"
    film = dcmread(io.BytesIO(films.pydicom_film(name)))
    return film, get_frame(film.PixelData, 0, number_of_frames=1)


def test_a_signed_lossless_jpeg() -> None:
    film, _ = lossless_film()
    film.WindowCenter, film.WindowWidth = 200, 500
    unsigned = radiograph.load(films.written(film)).pixels
    film.PixelRepresentation = 1
    np.testing.assert_array_equal(radiograph.load(films.written(film)).pixels, unsigned)
    film.BitsStored, film.WindowCenter, film.WindowWidth = 4, 0, 16  # four bits: -8 to 7
    nibbles = dcmread(io.BytesIO(films.pydicom_film("JPEG-LL.dcm"))).pixel_array & 15
    expected = np.clip((np.where(nibbles > 7, nibbles.astype(int) - 16, nibbles) + 8) / 15, 0, 1)
    pixels = radiograph.load(films.written(film)).pixels
    np.testing.assert_allclose(pixels, 255 * expected, atol=0.51)


@pytest.mark.parametrize("precision", [8, 16])
def test_a_damaged_lossless_jpeg_is_refused(precision: int) -> None:
    film, frame = lossless_film(precision)
    scan = frame.index(b"\xff\xda")
    for damaged in (
        frame[:scan] + bytes(18) + frame[scan:],  # GDCM ends its process over these
        frame[:scan] + frame[-40:],
        frame[: len(frame) // 2],
        frame[: len(frame) // 2] + b"\xff\xd9",
        b"\xff\xd8\xff\xd9",
    ):
        film.PixelData = encapsulate([damaged])
        assert reason(films.written(film)).startswith("DICOM whose")


def test_a_real_film_is_the_same_in_every_syntax() -> None:
    plain = radiograph.load(films.pydicom_film("RG1_UNCR.dcm"))
    assert plain.facts.format == "dicom"  # its preamble makes it a TIFF too
    assert plain.facts.photometric == "MONOCHROME1"
    packed = radiograph.load(films.pydicom_film("RG1_J2KR.dcm"))
    np.testing.assert_array_equal(plain.pixels, packed.pixels)
    lossy = radiograph.load(films.pydicom_film("RG1_J2KI.dcm"))
    assert np.abs(plain.pixels.astype(int) - lossy.pixels).mean() < 2
    height, width = plain.pixels.shape
    spine = plain.pixels[height // 3 : height // 2, width * 9 // 20 : width * 11 // 20]
    lung = plain.pixels[height // 4 : height // 2, width // 4 : width // 3]
    assert spine.mean() > lung.mean() + 20  # bone is bright


def test_colour_captures() -> None:
    rgb = np.repeat(GREY[..., None], 3, axis=2)
    film = radiograph.load(films.dicom(rgb))
    np.testing.assert_array_equal(film.pixels, GREY)
    assert not film.facts.colour
    assert radiograph.probe(films.dicom(rgb)).colour
    assert radiograph.load(films.dicom(films.coloured())).facts.colour
    deep = radiograph.load(films.dicom(rgb.astype(np.uint16) << 4, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(deep.pixels, GREY)


def test_palette_colour() -> None:
    film = radiograph.load(films.pydicom_film("OT-PAL-8-face.dcm"))
    assert film.facts.photometric == "PALETTE COLOR"
    assert film.facts.colour
    assert film.pixels.std() > 20


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"PixelData": None}, "a DICOM object without pixel data"),
        ({"PixelData": None, "Rows": None, "Columns": None}, "a DICOM object without pixel data"),
        ({"Rows": 0}, "the picture has no pixels"),
        ({"NumberOfFrames": 3}, "more than one frame or page, where a film has one"),
        ({"BitsAllocated": 32}, "DICOM with 32 bits a sample"),
        ({"BitsAllocated": 1}, "DICOM with 1 bits a sample"),
        ({"BitsStored": 30}, "DICOM with an impossible number of bits stored"),
        ({"Rows": 250}, "DICOM whose pixels (Explicit VR Little Endian) cannot be decoded"),
        ({"BitsStored": None}, "damaged or truncated DICOM file"),
    ],
)
def test_headers_that_are_refused(elements: dict[str, Any], expected: str) -> None:
    assert reason(films.dicom(GREY, **elements)) == expected


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (JPEGExtended12Bit, "(JPEG Extended (Process 2 and 4))"),
        ("1.2.840.10008.1.2.4.94", "(JPIP Referenced)"),
        ("1.2.826.0.1.3680.1.2.3", "(of an unknown transfer syntax)"),
    ],
)
def test_syntaxes_that_cannot_be_decoded(syntax: str, name: str) -> None:
    data = films.dicom(TWELVE_BITS, syntax=JPEG2000Lossless)
    assert len(JPEG2000Lossless) == 22
    data = data.replace(JPEG2000Lossless.encode(), syntax.encode().ljust(22, b"\0"))
    assert reason(data) == f"DICOM whose pixels {name} cannot be decoded"


def test_deflated_files_are_refused() -> None:
    data = films.dicom(GREY, syntax=DeflatedExplicitVRLittleEndian)
    assert "deflated" in reason(data)
    with pytest.raises(UnreadableFilm, match="deflated"):
        radiograph.probe(data)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless])
def test_a_codestream_of_another_size_is_refused(syntax: str) -> None:
    film = films.dataset(GREY, syntax=syntax)
    film.Rows, film.Columns = 24, 30
    expected = "DICOM whose compressed picture has another size than its header"
    assert reason(films.written(film)) == expected


@pytest.mark.parametrize(
    "syntax", [JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless]
)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_codestream_cut_short_is_refused(syntax: str, share: float) -> None:
    film = films.dataset(GREY, syntax=syntax)
    frame = get_frame(film.PixelData, 0, number_of_frames=1)
    film.PixelData = encapsulate([frame[: int(len(frame) * share)]])
    streams = (JPEGBaseline8Bit, JPEGLSLossless)
    words = "picture is truncated" if syntax in streams else "cannot be decoded"
    assert words in reason(films.written(film))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, JPEGLSLossless, RLELossless])
def test_a_file_cut_short_is_refused(syntax: str) -> None:
    data = films.dicom(TWELVE_BITS, syntax=syntax)
    for length in (130, 133, 200, 400, len(data) // 2, len(data) - 40):
        assert reason(data[:length])


def test_a_compressed_film_without_file_meta_is_refused() -> None:
    data = films.dicom(GREY, syntax=JPEGLSLossless)
    start = data.index(b"\x08\x00\x16\x00")  # SOP Class UID: the first tag behind the file meta
    assert "without file meta" in reason(data[start:])


def test_view_is_found_wherever_it_is_written() -> None:
    def view(**elements: Any) -> str | None:
        return radiograph.probe(films.dicom(GREY, **{"ViewPosition": None} | elements)).view

    code = Dataset()
    code.CodeMeaning = "left lateral"
    assert view() is None
    assert view(ViewPosition="LL") == "LL"
    assert view(ViewCodeSequence=[code]) == "LEFT LATERAL"
    assert view(PatientOrientation=["A", "F"]) == "LATERAL"
    assert view(PatientOrientation=["L", "F"]) is None


def test_raw_detector_data_is_noted() -> None:
    film = radiograph.load(films.dicom(GREY, PresentationIntentType="FOR PROCESSING"))
    assert film.facts.notes == ("raw detector data (for processing)",)


def test_nothing_that_identifies_leaves_the_header() -> None:
    good = films.dicom(GREY)
    bad = films.dicom(GREY, PixelData=None)
    assert b"Doe^Jane" in good
    for words in (repr(radiograph.load(good).facts), repr(radiograph.probe(good)), reason(bad)):
        assert "Doe" not in words
        assert "4711" not in words


def test_what_pydicom_grumbles_about_is_read_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    data = films.dicom(GREY, PixelData=GREY.tobytes() + bytes(100))
    with pytest.warns(UserWarning, match="excess padding"):
        assert dcmread(io.BytesIO(data)).pixel_array.shape == GREY.shape
    assert caplog.records
    caplog.clear()
    np.testing.assert_array_equal(radiograph.load(data).pixels, GREY)
    assert not caplog.records

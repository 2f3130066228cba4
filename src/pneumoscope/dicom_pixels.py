"""DICOM radiographs: their header facts and their decoded pixels."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array as decode_pixels
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from pneumoscope import lossless_jpeg
from pneumoscope.dicom_display import Values, header_code, to_display
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import Facts, Pixels, Radiograph, check_extent, check_frames, is_coloured
from pneumoscope.jpeg import frame_header

# GDCM, which pydicom would take first, crashes over some damaged streams: it is left with what
# none of the others decodes, and works in a process apart.
_LOSSLESS_JPEG = (JPEGLossless, JPEGLosslessSV1)
_DECODERS = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEG2000: "pillow",
    JPEG2000Lossless: "pillow",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    RLELossless: "pydicom",
}


def probe(stream: BinaryIO) -> Facts:
    """Read the facts of an open DICOM file without its pixels."""
    return _facts(_read(stream, stop_before_pixels=True))


def load(data: bytes) -> Radiograph:
    """Read and decode a DICOM file at full scale."""
    dataset = _read(io.BytesIO(data), stop_before_pixels=False)
    facts = _facts(dataset)
    check_frames(facts.frames)
    if "PixelData" not in dataset:
        raise UnreadableFilm("a DICOM object without pixel data")
    stored = _decode(dataset)
    bits = facts.bits
    if facts.photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
        bits = 8 * stored.itemsize
    if stored.ndim == 3:
        grey, colour = _colour_to_grey(stored, bits)
        return Radiograph(grey, replace(facts, colour=colour))
    grey, notes = to_display(stored, dataset)
    return Radiograph(grey, replace(facts, notes=facts.notes + notes))


def _read(stream: BinaryIO, *, stop_before_pixels: bool) -> Dataset:
    """Parse the header, also where preamble or file meta (PS3.10 section 7.1) are missing."""
    read_preamble(stream, force=True)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # pydicom inflates at once and without a limit, which a hostile file would use.
        raise UnreadableFilm("DICOM in the deflated transfer syntax, which is not read")
    stream.seek(0)
    dataset = dcmread(stream, force=True, stop_before_pixels=stop_before_pixels)
    if "SOPClassUID" not in dataset and "Rows" not in dataset:
        if dataset.preamble is None:  # it only began like DICOM
            raise UnreadableFilm("not a JPEG, PNG, TIFF or DICOM file")
        raise UnreadableFilm("damaged or truncated DICOM file")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _guess_transfer_syntax(dataset)
    return dataset


def _guess_transfer_syntax(dataset: Dataset) -> UID:
    """Transfer syntax of a file without file meta, as the parser found the data set encoded."""
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        raise UnreadableFilm("DICOM without file meta, so its compressed pixels cannot be decoded")
    implicit, little_endian = dataset.original_encoding
    if not little_endian:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _facts(dataset: Dataset) -> Facts:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise UnreadableFilm("a DICOM object without pixel data")
    width, height = int(dataset.Columns), int(dataset.Rows)
    check_extent(width, height)
    if int(dataset.BitsAllocated) not in (8, 16):
        raise UnreadableFilm(f"DICOM with {int(dataset.BitsAllocated)} bits a sample")
    if not 1 <= int(dataset.BitsStored) <= int(dataset.BitsAllocated):
        raise UnreadableFilm("DICOM with an impossible number of bits stored")
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    photometric = header_code(dataset, "PhotometricInterpretation")
    raw = header_code(dataset, "PresentationIntentType") == "FOR PROCESSING"
    return Facts(
        format="dicom",
        width=width,
        height=height,
        bits=int(dataset.BitsStored),
        colour=int(dataset.get("SamplesPerPixel", 1)) > 1 or photometric == "PALETTE COLOR",
        frames=int(dataset.get("NumberOfFrames") or 1),
        modality=header_code(dataset, "Modality"),
        body_part=header_code(dataset, "BodyPartExamined"),
        view=_view(dataset),
        photometric=photometric,
        transfer_syntax=str(syntax) if syntax.is_valid else "OTHER",
        notes=("raw detector data (for processing)",) if raw else (),
    )


def _view(dataset: Dataset) -> str | None:
    """View position; else the view code's meaning; else 'LATERAL' where the rows run front to back.

    PS3.3 C.8.11.5 (View Position, View Code Sequence) and C.7.6.1.1.1 (Patient Orientation).
    """
    view = header_code(dataset, "ViewPosition")
    if view is None and dataset.get("ViewCodeSequence"):
        view = header_code(dataset.ViewCodeSequence[0], "CodeMeaning")
    if view is None:
        rows_run_towards = str((dataset.get("PatientOrientation") or [""])[0]).upper()
        if rows_run_towards.startswith(("A", "P")):
            view = "LATERAL"
    return view


def _decode(dataset: Dataset) -> Values:
    """Stored values, (H, W) or (H, W, 3), in the machine's byte order."""
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    try:
        if not syntax.is_encapsulated:
            stored = decode_pixels(dataset)
        elif syntax in _LOSSLESS_JPEG:
            stored = _decode_lossless_jpeg(_checked_frame(dataset), dataset)
        else:
            _checked_frame(dataset)
            stored = decode_pixels(dataset, decoding_plugin=_DECODERS[syntax])
    except (UnreadableFilm, MemoryError):
        raise
    except Exception as error:
        name = syntax.name if syntax.name != syntax else "of an unknown transfer syntax"
        raise UnreadableFilm(f"DICOM whose pixels ({name}) cannot be decoded") from error
    return np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))


def _decode_lossless_jpeg(frame: bytes, dataset: Dataset) -> Values:
    header = frame_header(frame)
    if header is None or header.components != 1:
        raise ValueError("not a grey stream")
    samples = lossless_jpeg.decode(
        frame, columns=header.width, rows=header.height, bits=header.precision
    )
    stored = np.frombuffer(samples, dtype="<u1" if header.precision <= 8 else "<u2")
    stored = stored.reshape(header.height, header.width)
    if dataset.PixelRepresentation == 1:  # the sign stands in the highest of the bits stored
        spare = 8 * stored.itemsize - int(dataset.BitsStored)
        stored = (stored << spare).view(f"<i{stored.itemsize}") >> spare
    return stored


def _checked_frame(dataset: Dataset) -> bytes:
    """Refuse a compressed picture that is cut or not what the header says, before decoding it."""
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    size = _codestream_size(frame)
    if size is not None and size != (int(dataset.Columns), int(dataset.Rows)):
        raise UnreadableFilm("DICOM whose compressed picture has another size than its header")
    samples = int(dataset.Columns) * int(dataset.Rows) * int(dataset.get("SamplesPerPixel", 1))
    if len(frame) > 4 * samples + 2**20:
        raise UnreadableFilm("DICOM with more compressed pixel data than its size explains")
    # Decoders look for the end of a stream that has lost it, CharLS (pyjpegls) for seconds.
    if frame.startswith(b"\xff\xd8") and b"\xff\xd9" not in frame[-16:]:
        raise UnreadableFilm("DICOM whose compressed picture is truncated")
    return frame


def _codestream_size(frame: bytes) -> tuple[int, int] | None:
    """(width, height) by the JPEG 2000, JPEG or JPEG-LS codestream itself; None where not found."""
    start = frame[:512].find(b"\xff\x4f\xff\x51")  # SOC, SIZ (ISO/IEC 15444-1 A.5.1)
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return right - left, bottom - top
    header = frame_header(frame) if frame.startswith(b"\xff\xd8") else None
    return None if header is None else (header.width, header.height)


def _colour_to_grey(stored: Values, bits: int) -> tuple[Pixels, bool]:
    """(H, W, 3) RGB, into which pydicom has turned YBR -> luma, and is it a colour picture?"""
    rgb = np.ascontiguousarray((stored >> max(bits - 8, 0)).astype(np.uint8))
    return np.asarray(Image.fromarray(rgb).convert("L")), is_coloured(rgb[::4, ::4])

"""DICOM radiographs: header facts, and stored values -> grey as the standard has them displayed."""

from __future__ import annotations

import io
import math
import re
import struct
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi,
    apply_windowing,
)
from pydicom.pixels.utils import pixel_array as decode_pixels
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import Facts, Pixels, Radiograph, check_extent, check_frames, is_coloured

Values = npt.NDArray[Any]  # stored values: integers of 8 or 16 bits

# Two to five times as fast as what pydicom would take first (GDCM), with the same pixels.
_FASTER = {JPEGBaseline8Bit: "pillow", JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls"}

# Of the pixels, these shares may be clipped to black and to white where no window is given.
_STRETCH_PERCENTILES = (0.5, 99.5)
# Stands for minus and plus infinity where a window is asked for its darkest and brightest output.
_FAR = 1e9


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
    grey, notes = _to_display(stored, dataset)
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
    photometric = _text(dataset, "PhotometricInterpretation")
    raw = _text(dataset, "PresentationIntentType") == "FOR PROCESSING"
    return Facts(
        format="dicom",
        width=width,
        height=height,
        bits=int(dataset.BitsStored),
        colour=int(dataset.get("SamplesPerPixel", 1)) > 1 or photometric == "PALETTE COLOR",
        frames=int(dataset.get("NumberOfFrames") or 1),
        modality=_text(dataset, "Modality"),
        body_part=_text(dataset, "BodyPartExamined"),
        view=_view(dataset),
        photometric=photometric,
        transfer_syntax=str(dataset.file_meta.TransferSyntaxUID),
        notes=("raw detector data (for processing)",) if raw else (),
    )


def _text(dataset: Dataset, keyword: str) -> str | None:
    """A code from the header in upper case; None where it is empty, 'OTHER' where it is no code."""
    text = str(dataset.get(keyword) or "").strip().upper()
    if not text:
        return None
    return text if re.fullmatch(r"[A-Z0-9 _/()+-]{1,64}", text) else "OTHER"


def _view(dataset: Dataset) -> str | None:
    """View position; else the view code's meaning; else 'LATERAL' where the rows run front to back.

    PS3.3 C.8.11.5 (View Position, View Code Sequence) and C.7.6.1.1.1 (Patient Orientation).
    """
    view = _text(dataset, "ViewPosition")
    if view is None and dataset.get("ViewCodeSequence"):
        view = _text(dataset.ViewCodeSequence[0], "CodeMeaning")
    if view is None:
        rows_run_towards = str((dataset.get("PatientOrientation") or [""])[0]).upper()
        if rows_run_towards.startswith(("A", "P")):
            view = "LATERAL"
    return view


def _decode(dataset: Dataset) -> Values:
    """Stored values, (H, W) or (H, W, 3), in the machine's byte order."""
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    try:
        if syntax.is_encapsulated:
            _check_codestream(dataset)
        try:
            stored = decode_pixels(dataset, decoding_plugin=_FASTER.get(syntax, ""))
        except Exception:
            stored = decode_pixels(dataset)
    except (UnreadableFilm, MemoryError):
        raise
    except Exception as error:
        name = "an unknown transfer syntax" if syntax.is_private else syntax.name
        raise UnreadableFilm(f"DICOM whose pixels ({name}) cannot be decoded") from error
    return np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))


def _check_codestream(dataset: Dataset) -> None:
    """Refuse a compressed picture that is larger than the header admits, before it is decoded."""
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    size = _codestream_size(frame)
    if size is not None and size != (int(dataset.Columns), int(dataset.Rows)):
        raise UnreadableFilm("DICOM whose compressed picture has another size than its header")
    samples = int(dataset.Columns) * int(dataset.Rows) * int(dataset.get("SamplesPerPixel", 1))
    if len(frame) > 4 * samples + 2**20:
        raise UnreadableFilm("DICOM with more compressed pixel data than its size explains")


def _codestream_size(frame: bytes) -> tuple[int, int] | None:
    """(width, height) by the JPEG 2000, JPEG or JPEG-LS codestream itself; None where not found."""
    start = frame[:512].find(b"\xff\x4f\xff\x51")  # SOC, SIZ (ISO/IEC 15444-1 A.5.1)
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
        return right - left, bottom - top
    position = 2 if frame.startswith(b"\xff\xd8") else len(frame)
    while position + 9 <= len(frame) and frame[position] == 0xFF:
        marker, length = frame[position + 1], int.from_bytes(frame[position + 2 : position + 4])
        # SOF0 to SOF15 less DHT, JPG, DAC (ISO/IEC 10918-1 B.1.1.3); SOF55 (ISO/IEC 14495-1 C.1.1)
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            height, width = struct.unpack_from(">2H", frame, position + 5)
            return width, height
        position += 1 if marker == 0xFF else 2 + length
    return None


def _colour_to_grey(stored: Values, bits: int) -> tuple[Pixels, bool]:
    """(H, W, 3) RGB, into which pydicom has turned YBR -> luma, and is it a colour picture?"""
    rgb = np.ascontiguousarray((stored >> max(bits - 8, 0)).astype(np.uint8))
    return np.asarray(Image.fromarray(rgb).convert("L")), is_coloured(rgb[::4, ::4])


def _to_display(stored: Values, dataset: Dataset) -> tuple[Pixels, tuple[str, ...]]:
    """Stored values -> 8-bit grey, bone bright, and notes (PS3.3 C.11.1, C.11.2; PS3.4 N.2).

    The whole chain (modality LUT, VOI LUT or window, inversion, padding) is computed once for each
    value that a sample can have, and the picture then takes one look-up.
    """
    if stored.itemsize > 2 or stored.dtype.kind not in "iu":
        raise UnreadableFilm("DICOM with samples of more than 16 bits")
    unsigned = np.dtype(f"u{stored.itemsize}")
    codes = stored.view(unsigned)
    values = np.arange(2 ** (8 * stored.itemsize)).astype(unsigned).view(stored.dtype)
    padding = _padding(values, dataset)
    rescaled = np.asarray(apply_modality_lut(values.astype(np.int64), dataset), dtype=np.float64)

    step = max(math.isqrt(codes.size // 250_000), 1)
    sample = codes[::step, ::step]
    sample = sample[~padding[sample]]
    shown, notes = _shown(rescaled, values, sample, dataset)
    if not np.isfinite(shown).all():
        raise UnreadableFilm("DICOM whose rescale or window values are unusable")

    inverse = _text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    # In DX the shape repeats what MONOCHROME1 says (PS3.3 C.8.11.3): they never invert twice.
    if inverse or _text(dataset, "PresentationLUTShape") == "INVERSE":
        shown = 1 - shown
    table = np.rint(255 * shown).astype(np.uint8)
    table[padding] = 0
    return table[codes], notes


def _padding(values: Values, dataset: Dataset) -> npt.NDArray[Any]:
    """Mark the values that stand for 'no picture here' (PS3.3 C.7.5.1.1.2)."""
    first = dataset.get("PixelPaddingValue")
    if not isinstance(first, int):
        return np.zeros(values.shape, dtype=bool)
    last = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((first, last if isinstance(last, int) else first))
    return (values >= low) & (values <= high)


def _shown(
    rescaled: npt.NDArray[np.float64], values: Values, sample: Values, dataset: Dataset
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Brightness 0 to 1 of each value, by VOI LUT, by window, or by stretching; and notes.

    ``sample`` holds indices into ``values`` and ``rescaled``: those that the picture shows.
    """
    notes: tuple[str, ...] = ()
    if dataset.get("VOILUTSequence") or dataset.get("WindowCenter") not in (None, ""):
        try:
            shown = _voi(rescaled, dataset)
            if sample.size == 0 or np.ptp(shown[sample]) > 0.05:
                return shown, ()
        except Exception:  # a broken window does not break a film: its pixels are all there
            pass
        notes = ("display window unusable, stretched instead",)
    bits = int(dataset.BitsStored)
    if bits <= 8 and not notes:  # made for display: secondary captures, converted PNGs
        first = -(2 ** (bits - 1)) if values.dtype.kind == "i" else 0
        full_range = rescaled[(values >= first) & (values < first + 2**bits)]
        low, high = full_range.min(), full_range.max()
    elif sample.size:
        low, high = np.percentile(rescaled[sample], _STRETCH_PERCENTILES)
        notes = notes or ("no display window, stretched",)
    else:
        low = high = 0.0
    return np.clip((rescaled - low) / max(high - low, 1e-9), 0, 1), notes


def _voi(values: npt.NDArray[np.float64], dataset: Dataset) -> npt.NDArray[np.float64]:
    """First VOI LUT or window of the data set, scaled to 0 (black) to 1 (white)."""
    if dataset.get("VOILUTSequence"):
        descriptor: Any = dataset.VOILUTSequence[0].LUTDescriptor
        first, last = descriptor[1], descriptor[1] + (descriptor[0] or 2**16) - 1
        integers = np.rint(np.clip(values, first, last)).astype(np.int64)
        ends = np.array([first, last])
        mapped = apply_voi(np.concatenate([integers, ends]), dataset).astype(np.float64)
        # By its own extremes, since some tables declare more bits than they use.
        low, high = mapped.min(), mapped.max()
        return np.asarray((mapped[:-2] - low) / max(high - low, 1e-9))
    mapped = apply_windowing(np.concatenate([values, [-_FAR, _FAR]]), dataset)
    low, high = mapped[-2:]
    return np.asarray(np.clip((mapped[:-2] - low) / (high - low), 0, 1))

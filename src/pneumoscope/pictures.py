"""PNG and TIFF films, by Pillow: their header facts and their grey pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import (
    ROTATED,
    Facts,
    Pixels,
    Radiograph,
    check_extent,
    check_frames,
    is_coloured,
    upright,
)

_FORMATS = {"png": PngImagePlugin.PngImageFile, "tiff": TiffImagePlugin.TiffImageFile}
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_DEEP_MODES = ("I;16", "I;16B", "I;16L")
_OTHER_MODES = {"F": "floating-point", "I": "signed or 32-bit"}
# Tags of TIFF 6.0 section 8, which EXIF shares.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274
_WHITE_IS_ZERO = 0


def probe(stream: BinaryIO, kind: str) -> Facts:
    """Read the facts of an open file, ``kind`` 'png' or 'tiff', from its header."""
    return _facts(_open(stream, kind), kind)


def load(data: bytes, kind: str) -> Radiograph:
    """Decode a file, ``kind`` 'png' or 'tiff', at full scale."""
    picture = _open(io.BytesIO(data), kind)
    facts = _facts(picture, kind)
    check_frames(facts.frames)
    orientation = _orientation(picture)
    colour, notes = False, facts.notes
    if picture.mode in _DEEP_MODES:
        grey, used = _to_eight_bits(picture)
        if used < facts.bits:
            notes += (f"{facts.bits}-bit samples use {used} bits only",)
    elif picture.mode in _GREY_MODES + _COLOUR_MODES:
        grey, colour = to_grey(picture)
    else:
        samples = _OTHER_MODES.get(picture.mode, picture.mode)
        raise UnreadableFilm(f"{kind.upper()} with {samples} samples, which are not read")
    if kind == "png":  # Pillow turns a TIFF by itself
        grey = upright(grey, orientation)
    return Radiograph(grey, replace(facts, colour=colour, notes=notes))


def to_grey(picture: Image.Image) -> tuple[Pixels, bool]:
    """Any 8-bit picture -> (H, W) luma (ITU-R 601), transparent parts black; and is it coloured?"""
    picture.load()
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema() != (255, 255):
            black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
            picture = Image.alpha_composite(black, picture)
    colour = False
    if picture.mode in _COLOUR_MODES:
        picture = picture.convert("RGB")
        colour = is_coloured(np.asarray(picture.reduce(8)))
    return np.asarray(picture.convert("L")), colour


def exif_orientation(exif: bytes) -> int:
    """Orientation in an EXIF block, 1 (upright) to 8; 1 too where there is none or it is broken."""
    try:
        tags = Image.Exif()
        tags.load(exif)
        return _checked_orientation(tags.get(_ORIENTATION))
    except Exception:  # the film is whole, whatever its camera wrote beside it
        return 1


def _checked_orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _open(stream: BinaryIO, kind: str) -> ImageFile.ImageFile:
    # Not by Image.open, whose limit on pixels is a setting that any program may have changed.
    picture = _FORMATS[kind](stream)
    check_extent(*picture.size)
    return picture


def _facts(picture: ImageFile.ImageFile, kind: str) -> Facts:
    width, height = picture.size
    orientation = _orientation(picture)
    # Pillow gives the size of a TIFF as displayed, and that of a PNG as stored.
    if kind == "png" and orientation >= 5:
        width, height = height, width
    return Facts(
        format=kind,
        width=width,
        height=height,
        bits=_bits(picture, kind),
        colour=picture.mode in _COLOUR_MODES,
        frames=_frames(picture, kind),
        notes=() if orientation == 1 else (ROTATED,),
    )


def _orientation(picture: ImageFile.ImageFile) -> int:
    """Orientation by the header; an EXIF chunk behind the pixels of a PNG is not looked for."""
    if picture.format == "PNG":
        return exif_orientation(picture.info.get("exif", b""))
    return _checked_orientation(picture.tag_v2.get(_ORIENTATION))  # type: ignore[attr-defined]


def _bits(picture: ImageFile.ImageFile, kind: str) -> int:
    if kind == "tiff":
        return int(picture.tag_v2.get(_BITS_PER_SAMPLE, (1,))[0])  # type: ignore[attr-defined]
    # IHDR comes first, and its bit depth stands at byte 24 (PNG 11.2.1). Pillow reads on from
    # where it was.
    stream = picture.fp
    assert stream is not None
    position = stream.tell()
    stream.seek(24)
    bits = stream.read(1)[0]
    stream.seek(position)
    return int(bits)


def _frames(picture: ImageFile.ImageFile, kind: str) -> int:
    if not getattr(picture, "is_animated", False):
        return 1
    # Counting the pages of a TIFF walks the file, which a hostile one makes endless.
    return 2 if kind == "tiff" else int(picture.n_frames)  # type: ignore[attr-defined]


def _to_eight_bits(picture: ImageFile.ImageFile) -> tuple[Pixels, int]:
    """Grey of 12 or 16 bits -> the top eight of the bits in use, and how many are in use.

    Detectors give 10 to 14 bits, and converters often store them unscaled: read as sixteen bits
    such a film would be black.
    """
    white_is_zero = (
        picture.format == "TIFF" and picture.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # type: ignore[attr-defined]
    )
    samples: npt.NDArray[np.uint16] = np.asarray(picture).astype(np.uint16)
    used = max(int(samples.max()).bit_length(), 8)
    grey = (samples >> (used - 8)).astype(np.uint8)
    return (~grey if white_is_zero else grey), used

"""JPEG, PNG and TIFF files: their header facts and their grey pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import ExifTags, Image, ImageFile, ImageOps

from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import Facts, Pixels, Radiograph, check_extent, check_frames, is_coloured

ROTATED = "EXIF rotation applied"
# Encoders write about ten scans. A progressive JPEG with thousands is made to keep us busy.
_MAX_SCANS = 100
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_GREY_MODES = ("1", "L", "LA", "La")
_DEEP_MODES = ("I;16", "I;16B", "I;16L")


def probe(stream: BinaryIO, kind: str) -> Facts:
    """Read the header of an open JPEG, PNG or TIFF file (``kind`` in lower case)."""
    return _facts(_open(stream, kind), kind)


def load(data: bytes, kind: str, *, at_least: int | None) -> Radiograph:
    """Decode a JPEG, PNG or TIFF file; ``at_least`` as in `pneumoscope.radiograph.load`."""
    picture = _open(io.BytesIO(data), kind)
    facts = _facts(picture, kind)
    check_frames(facts.frames)
    if kind == "jpeg":
        return _load_jpeg(data, picture, facts, at_least or 0)
    return _load_with_pillow(picture, facts)


def _open(stream: BinaryIO, kind: str) -> ImageFile.ImageFile:
    try:
        picture = Image.open(stream, formats=[kind])
    except Image.DecompressionBombError as error:
        raise UnreadableFilm("more pixels than are read") from error
    check_extent(*picture.size)
    return picture


def _facts(picture: ImageFile.ImageFile, kind: str) -> Facts:
    width, height = picture.size
    orientation = _orientation(picture)
    # Pillow gives the size of a TIFF as displayed, and of the others as stored.
    if orientation >= 5 and kind != "tiff":
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


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 (upright) to 8; whatever else stands there counts as upright."""
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def _bits(picture: ImageFile.ImageFile, kind: str) -> int:
    if kind == "png" and picture.fp is not None:
        picture.fp.seek(24)  # IHDR comes first, and its bit depth stands here (PNG 11.2.1)
        return int.from_bytes(picture.fp.read(1))
    if kind == "tiff":
        return int(picture.tag_v2.get(258, (1,))[0])  # type: ignore[attr-defined]
    return 8


def _frames(picture: Image.Image, kind: str) -> int:
    # A JPEG with a second picture in it (MPO: a preview, a gain map) still shows the first.
    if kind == "jpeg" or not getattr(picture, "is_animated", False):
        return 1
    # Counting the pages of a TIFF walks the file, which a hostile one makes endless.
    return 2 if kind == "tiff" else int(picture.n_frames)  # type: ignore[attr-defined]


def _load_jpeg(data: bytes, picture: Image.Image, facts: Facts, at_least: int) -> Radiograph:
    """Decode with libjpeg-turbo at the smallest DCT scale whose sides are both >= ``at_least``.

    Pillow has read the header only. Strict decoding: a cut or damaged film is refused, where most
    viewers fill the rest with grey.
    """
    if picture.info.get("progressive") and data.count(b"\xff\xda") > _MAX_SCANS:
        raise UnreadableFilm(f"a progressive JPEG of more than {_MAX_SCANS} scans")

    def decode(colourspace: str, smallest: int) -> npt.NDArray[np.uint8]:
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, colourspace, min_height=smallest, min_width=smallest
        )
        return pixels

    colour = False
    try:
        if picture.mode == "CMYK":
            # Adobe's convention, which everyone follows: ink is stored inverted.
            ink = ~decode("CMYK", at_least)
            grey, colour = _to_grey(Image.frombytes("CMYK", ink.shape[1::-1], ink.tobytes()))
        else:
            grey = decode("GRAY", at_least)[..., 0]
            # Luma is grey as it stands; colour shows in a copy at an eighth, which costs little.
            colour = picture.mode != "L" and is_coloured(decode("RGB", 1))
    except ValueError as error:
        raise UnreadableFilm(f"damaged or truncated JPEG ({error})") from error
    if facts.notes:
        grey = _upright(grey, _orientation(picture))
    return Radiograph(grey, replace(facts, colour=colour))


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (Exif 2.3, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _load_with_pillow(picture: Image.Image, facts: Facts) -> Radiograph:
    notes = facts.notes
    mode = picture.mode
    if mode not in (*_GREY_MODES, *_COLOUR_MODES, *_DEEP_MODES):
        kind = {"F": "floating-point", "I": "signed or 32-bit"}.get(mode, mode)
        raise UnreadableFilm(f"{facts.format.upper()} with {kind} samples, which are not read")
    white_is_zero = (
        facts.format == "tiff" and mode in _DEEP_MODES and picture.tag_v2.get(262) == 0  # type: ignore[attr-defined]
    )
    picture.load()
    if facts.format != "tiff":  # Pillow turns a TIFF while it loads it
        picture = ImageOps.exif_transpose(picture)
    if mode in _DEEP_MODES:
        grey, note = _to_eight_bits(np.asarray(picture), white_is_zero=white_is_zero)
        return Radiograph(grey, replace(facts, colour=False, notes=notes + note))
    grey, colour = _to_grey(picture)
    return Radiograph(grey, replace(facts, colour=colour))


def _to_grey(picture: Image.Image) -> tuple[Pixels, bool]:
    """Any 8-bit picture -> (H, W) luma (ITU-R 601), transparent parts black; and is it coloured?"""
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


def _to_eight_bits(
    deep: npt.NDArray[np.generic], *, white_is_zero: bool
) -> tuple[Pixels, tuple[str, ...]]:
    """Sixteen-bit grey -> eight bits, keeping the top eight bits that are in use.

    Detectors give 10 to 14 bits, and converters often store them unscaled: read as sixteen bits
    such a film would be black.
    """
    samples = deep.astype(np.uint16)
    used = max(int(samples.max()).bit_length(), 8)
    note = () if used == 16 else (f"16-bit samples use {used} bits only",)
    grey = (samples >> (used - 8)).astype(np.uint8)
    return (~grey if white_is_zero else grey), note

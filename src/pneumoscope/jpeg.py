"""JPEG films, the common case and the fast one: markers read here, pixels by libjpeg-turbo."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import simplejpeg
from PIL import Image

from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import ROTATED, Facts, Pixels, Radiograph, check_extent, is_coloured, upright
from pneumoscope.pictures import exif_orientation, to_grey

# Encoders write about ten scans. A progressive JPEG with thousands is made to keep us busy.
_MAX_SCANS = 100


class FrameHeader(NamedTuple):
    """What the frame header of a JPEG or JPEG-LS stream says; ``marker`` tells the process."""

    marker: int
    precision: int
    height: int
    width: int
    components: int


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each marker segment's content, up to the first scan.

    ISO/IEC 10918-1 B.1.1. Stops where the bytes are no markers.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        yield marker, position + 4, end
        if marker == 0xDA:  # SOS: what follows is no segment
            return
        position = end


def frame_header(data: bytes) -> FrameHeader | None:
    """Find the frame header of a JPEG or JPEG-LS stream; None where there is none."""
    for marker, start, _ in segments(data):
        # SOF0 to SOF15 less DHT, JPG and DAC (ISO/IEC 10918-1 table B.1); SOF55 is JPEG-LS.
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            return FrameHeader(marker, *struct.unpack_from(">BHHB", data, start))
    return None


def probe(stream: BinaryIO) -> Facts:
    """Read the facts of an open JPEG file from its markers."""
    head = stream.read(2**16)
    if frame_header(head) is None:  # large profiles or previews come first
        head += stream.read()
    return _facts(head, _checked(head), _orientation(head))


def load(data: bytes, *, at_least: int) -> Radiograph:
    """Decode at the smallest DCT scale whose sides are both >= ``at_least`` pixels (0: full scale).

    Strictly: a cut or damaged film is refused, where most viewers would fill the rest with grey.
    """
    header = _checked(data)
    # In a scan a byte FF is always followed by 00 or a restart marker, so this counts scans.
    if header.marker == 0xC2 and data.count(b"\xff\xda") > _MAX_SCANS:
        raise UnreadableFilm(f"a progressive JPEG of more than {_MAX_SCANS} scans")
    colour = False
    try:
        if header.components == 4:
            # Adobe's convention, which everyone follows: ink is stored inverted.
            ink = ~_decode(data, "CMYK", at_least)
            picture = Image.frombytes("CMYK", (ink.shape[1], ink.shape[0]), ink.tobytes())
            grey, colour = to_grey(picture)
        else:
            grey = _decode(data, "GRAY", at_least)[..., 0]
            if header.components > 1:
                # Luma is grey as it stands; an eighth of the size is enough to see colour.
                colour = is_coloured(_decode(data, "RGB", 1))
    except ValueError as error:
        raise UnreadableFilm(f"damaged or truncated JPEG ({error})") from error
    orientation = _orientation(data)
    return Radiograph(upright(grey, orientation), _facts(data, header, orientation, colour=colour))


def _checked(data: bytes) -> FrameHeader:
    header = frame_header(data)
    if header is None:
        raise UnreadableFilm("damaged or truncated JPEG (it has no frame header)")
    check_extent(header.width, header.height)
    if header.precision != 8:
        raise UnreadableFilm(f"JPEG with {header.precision}-bit samples, which are not read")
    return header


def _facts(
    data: bytes, header: FrameHeader, orientation: int, *, colour: bool | None = None
) -> Facts:
    width, height = header.width, header.height
    if orientation >= 5:
        width, height = height, width
    return Facts(
        format="jpeg",
        width=width,
        height=height,
        bits=header.precision,
        colour=header.components > 1 if colour is None else colour,
        notes=() if orientation == 1 else (ROTATED,),
    )


def _decode(data: bytes, colourspace: str, at_least: int) -> Pixels:
    pixels: Pixels = simplejpeg.decode_jpeg(
        data, colourspace, min_height=at_least, min_width=at_least
    )
    return pixels


def _orientation(data: bytes) -> int:
    for marker, start, end in segments(data):
        if marker == 0xE1 and data.startswith(b"Exif\0\0", start):
            return exif_orientation(data[start:end])
    return 1

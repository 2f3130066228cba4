"""What a film is once it has been read: its grey pixels, its facts, and the limits it must keep."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pneumoscope.errors import UnreadableFilm

Pixels = npt.NDArray[np.uint8]

# The finest chest radiographs made (35 x 43 cm at 50 um a pixel) have 60 megapixels. 100 leave
# room for scans, and keep the decoded picture of a hostile file below 400 MB in any format.
MAX_PIXELS = 100_000_000
# 100 megapixels at 16 bits, uncompressed, with room for the header.
MAX_BYTES = 256 * 2**20

ROTATED = "EXIF rotation applied"  # a note


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says of its picture, without anything that identifies the patient.

    ``width`` and ``height`` are those of the original as it is displayed (EXIF orientation
    applied), in pixels, whatever scale was decoded. ``bits`` are stored bits per sample (1 to 16).
    ``colour`` is True when the channels really differ; from headers alone (`probe`), when there is
    more than one channel. ``frames`` is exact except for a TIFF, where 2 stands for "several".
    ``modality``, ``body_part``, ``view``, ``photometric`` (upper case) and ``transfer_syntax``
    (a UID) come from DICOM headers only. ``notes`` lists what was mended while loading.
    """

    format: str
    width: int
    height: int
    bits: int
    colour: bool
    frames: int = 1
    modality: str | None = None
    body_part: str | None = None
    view: str | None = None
    photometric: str | None = None
    transfer_syntax: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One film: ``pixels`` (H, W) uint8, C-contiguous, bone bright, perhaps at a reduced scale."""

    pixels: Pixels
    facts: Facts


def check_extent(width: int, height: int) -> None:
    """Raise `UnreadableFilm` for a picture without pixels or with more than `MAX_PIXELS`."""
    if width < 1 or height < 1:
        raise UnreadableFilm("the picture has no pixels")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise UnreadableFilm(f"{width} x {height} pixels, and at most {limit} megapixels are read")


def check_frames(frames: int) -> None:
    """Raise `UnreadableFilm` unless there is one frame: a film is a single exposure."""
    if frames != 1:
        raise UnreadableFilm("more than one frame or page, where a film has one")


def is_coloured(rgb: npt.NDArray[np.generic]) -> bool:
    """Tell whether (H, W, 3) uint8 is a colour picture rather than grey copied to three channels.

    Colour means that the channels lie more than 16 grey levels apart on over 1 % of the pixels;
    a grey film that passed through a colour JPEG stays far below. Meant for a reduced copy,
    in which the noise of single pixels is averaged out.
    """
    red, green, blue = (rgb[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool(np.mean(spread > 16) > 0.01)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (Exif 2.3, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


_quiet_lock = threading.Lock()
_quiet_threads = 0
_quiet_undo = contextlib.ExitStack()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and log lines of file libraries from everybody.

    What matters in them is checked in the open, and pydicom's quote what stands in the header.
    `warnings.catch_warnings` swaps a global list and is not safe in threads that overlap, so the
    first thread to enter swaps it and the last one to leave puts it back.
    """
    global _quiet_threads
    with _quiet_lock:
        if _quiet_threads == 0:
            _quiet_undo.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            pydicom = logging.getLogger("pydicom")
            _quiet_undo.callback(setattr, pydicom, "propagate", pydicom.propagate)
            pydicom.propagate = False
        _quiet_threads += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_threads -= 1
            if _quiet_threads == 0:
                _quiet_undo.close()

"""Stored DICOM values -> 8-bit grey, as the standard has them displayed, bone bright."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing

from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import Pixels

Values = npt.NDArray[Any]  # stored values: integers of 8 or 16 bits

# Of the pixels, these shares may be clipped to black and to white where no window is given.
_STRETCH_PERCENTILES = (0.5, 99.5)
# Stands for minus and plus infinity where a window is asked for its darkest and brightest output.
_FAR = 1e9


def header_code(dataset: Dataset, keyword: str) -> str | None:
    """A code from the header in upper case; None where it is empty, 'OTHER' where it is no code."""
    text = str(dataset.get(keyword) or "").strip().upper()
    if not text:
        return None
    return text if re.fullmatch(r"[A-Z0-9 _/()+-]{1,64}", text) else "OTHER"


def to_display(stored: Values, dataset: Dataset) -> tuple[Pixels, tuple[str, ...]]:
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

    inverse = header_code(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    # In DX the shape repeats what MONOCHROME1 says (PS3.3 C.8.11.3): they never invert twice.
    if inverse or header_code(dataset, "PresentationLUTShape") == "INVERSE":
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
    with np.errstate(over="ignore"):  # a sigmoid that far out
        mapped = apply_windowing(np.concatenate([values, [-_FAR, _FAR]]), dataset)
    low, high = mapped[-2:]
    return np.asarray(np.clip((mapped[:-2] - low) / (high - low), 0, 1))

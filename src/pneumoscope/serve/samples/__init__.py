"""A few films to try, of the sample's test folder: none that the bundle has been trained on."""

from __future__ import annotations

from importlib import resources
from typing import Literal

Kind = Literal["bacterial", "viral"] | None

# name -> truth by the data set, kind. The first of their names: not chosen by their scores.
SAMPLES: dict[str, tuple[str, Kind]] = {
    "normal-1.jpeg": ("NORMAL", None),
    "normal-2.jpeg": ("NORMAL", None),
    "bacterial-1.jpeg": ("PNEUMONIA", "bacterial"),
    "bacterial-2.jpeg": ("PNEUMONIA", "bacterial"),
    "viral-1.jpeg": ("PNEUMONIA", "viral"),
    "viral-2.jpeg": ("PNEUMONIA", "viral"),
}
ATTRIBUTION = (
    "Kermany, Zhang, Goldbaum: Labeled OCT and Chest X-Ray Images, Mendeley Data 2018, "
    "doi:10.17632/rscbjbr9sj, CC BY 4.0; resized to 224 x 224 pixels."
)


def sample_bytes(name: str) -> bytes:
    """The JPEG of one of ``SAMPLES``; ``KeyError`` for any other name."""
    if name not in SAMPLES:
        raise KeyError(name)
    return (resources.files(__package__) / name).read_bytes()

"""Pictures that are no chest films, found in packages. None serves to fit a guard.

Every picture is grey, (h, w) uint8: that a colour picture is refused proves little.
"""

from __future__ import annotations

import gzip
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from not_films import Grey


def found() -> Iterator[tuple[str, Grey]]:
    """Pictures that packages ship, which others have taken or drawn, with a name.

    Photographs, textures and scans of scikit-image, scikit-learn and matplotlib, and the CT, MR,
    ultrasound and bone pictures of pydicom, without the headers that would give them away.
    """
    for package, folder in (("skimage", "data"), ("sklearn", "datasets/images")):
        for path in sorted((_home(package) / folder).iterdir()):
            # Of a stereo pair one is enough.
            left_out = path.name in ("motorcycle_right.png", "chessboard_RGB.png")
            if path.suffix in (".png", ".jpg") and not left_out:
                yield f"{package} {path.name}", _grey(path)
    sample = _home("matplotlib") / "mpl-data" / "sample_data"
    for name in ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png"):
        yield f"matplotlib {name}", _grey(sample / name)
    with gzip.open(sample / "s1045.ima.gz") as file:
        yield "matplotlib s1045", _greys(np.frombuffer(file.read(), np.uint16).reshape(256, 256))
    yield from _scans()


_SCANS = (
    *("693_UNCR.dcm", "JPEG-LL.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm", "MR2_UNCR.dcm"),
    *("OBXXXX1A.dcm", "RG3_UNCR.dcm", "US1_UNCR.dcm", "emri_small.dcm", "explicit_VR-UN.dcm"),
    *("gdcm-US-ALOKA-16.dcm", "mlut_18.dcm", "vlut_04.dcm", "bad_sequence.dcm", "MR_small.dcm"),
    *(
        "color3d_jpeg_baseline.dcm",
        "CT_small.dcm",
        "examples_palette.dcm",
        "examples_rgb_color.dcm",
    ),
    *("J2K_pixelrep_mismatch.dcm", "liver_1frame.dcm"),
)


def _scans() -> Iterator[tuple[str, Grey]]:
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    for name in _SCANS:
        path = get_testdata_file(name, download=False)
        assert isinstance(path, str), f"pydicom-data is not installed: no {name}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # test files have their faults
            scan = dcmread(path)
            pixels = scan.pixel_array
        if int(scan.get("NumberOfFrames", 1)) > 1:
            pixels = pixels[0]
        yield f"pydicom {name}", _greys(pixels.mean(axis=-1) if pixels.ndim == 3 else pixels)


def _home(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent


def _grey(path: Path) -> Grey:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def _greys(values: npt.NDArray[np.generic]) -> Grey:
    low, high = np.percentile(values, (0.5, 99.5))
    stretched = (values.astype(float) - low) / max(high - low, 1e-9)
    return (255 * np.clip(stretched, 0, 1)).astype(np.uint8)

from __future__ import annotations

import io
import subprocess

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import get_frame

import films
from pneumoscope import lossless_jpeg


@pytest.fixture(scope="module", params=["JPEG-LL.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm"])
def film(request: pytest.FixtureRequest) -> tuple[bytes, np.ndarray]:
    """A lossless JPEG stream and its samples, 16 and 8 bits deep."""
    dataset = dcmread(io.BytesIO(films.pydicom_film(request.param)))
    return get_frame(dataset.PixelData, 0, number_of_frames=1), dataset.pixel_array


def decode(stream: bytes, samples: np.ndarray) -> np.ndarray:
    """The stream decoded as a picture of that shape and type."""
    rows, columns = samples.shape
    data = lossless_jpeg.decode(stream, columns=columns, rows=rows, bits=8 * samples.itemsize)
    return np.frombuffer(data, dtype=samples.dtype).reshape(samples.shape)


def test_every_sample_comes_back(film: tuple[bytes, np.ndarray]) -> None:
    stream, samples = film
    np.testing.assert_array_equal(decode(stream, samples), samples)


def test_damage_is_an_error_and_takes_nothing_with_it(film: tuple[bytes, np.ndarray]) -> None:
    stream, samples = film
    scan = stream.index(b"\xff\xda")
    rng = np.random.default_rng(1)
    for damaged in (
        b"",
        stream[:scan] + bytes(18) + stream[scan:],
        stream[: len(stream) // 2] + b"\xff\xd9",
        stream[:scan] + rng.bytes(scan) + stream[scan:],
    ):
        with pytest.raises(ValueError, match="as a whole"):
            decode(damaged, samples)


def test_an_endless_stream_is_given_up(
    film: tuple[bytes, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lossless_jpeg, "_SECONDS", 0.001)
    with pytest.raises(subprocess.TimeoutExpired):
        decode(*film)

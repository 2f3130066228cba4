"""Small films made on the spot: a chest-like picture as JPEG, PNG, TIFF or DICOM bytes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

Array = npt.NDArray[Any]


def picture(height: int = 240, width: int = 300, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A smooth picture, (height, width) uint8: bright body, two dark lungs, some noise."""
    down, across = np.mgrid[0 : 1 : 1j * height, 0 : 1 : 1j * width]
    grey = np.full((height, width), 190.0)
    for centre in (0.3, 0.7):
        lung = ((across - centre) / 0.16) ** 2 + ((down - 0.5) / 0.33) ** 2
        grey -= 130 * np.exp(-(lung**2))
    grey += 30 * (down - 0.5)
    grey += np.random.default_rng(seed).normal(0, 3, grey.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def coloured(height: int = 240, width: int = 300) -> npt.NDArray[np.uint8]:
    """A colour photograph's like, (height, width, 3) uint8."""
    return np.stack(
        [picture(height, width), 255 - picture(height, width), picture(height, width)[::-1]],
        axis=-1,
    )


def encoded(pixels: Array | Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a 'jpeg', 'png', 'tiff' (or other Pillow format) file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> Image.Exif:
    """An EXIF block that says how the picture has to be turned."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    data = bytearray(encoded(picture(16, 16), "jpeg"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">2H", height, width)
    return bytes(data)


def png_of_size(width: int, height: int) -> bytes:
    """A valid PNG of black pixels, one bit each: 30,000 x 30,000 compress to 100 KB."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 1)
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def tiff_of_size(width: int, height: int, **tags: int) -> bytes:
    """A TIFF whose only directory claims a size, with sixteen bytes of pixels."""
    entries = {
        256: width,
        257: height,
        258: 8,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: 16,
    } | {int(tag.removeprefix("tag")): value for tag, value in tags.items()}
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<2H2I", tag, 4, 1, value) for tag, value in sorted(entries.items())
    )
    return b"II*\0" + struct.pack("<I", 24) + bytes(16) + directory + bytes(4)


def dataset(pixels: Array, *, syntax: str = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """A DICOM chest film with the given stored values; an element given as None is left out.

    JPEG baseline, JPEG 2000, JPEG-LS and RLE are compressed; other syntaxes are stored plainly.
    """
    film = Dataset()
    film.SOPClassUID = ComputedRadiographyImageStorage
    film.SOPInstanceUID = generate_uid(entropy_srcs=["film"])
    film.PatientName = "Doe^Jane"
    film.PatientID = "MRN-4711"
    film.Modality = "CR"
    film.BodyPartExamined = "CHEST"
    film.ViewPosition = "PA"
    film.Rows, film.Columns = pixels.shape[:2]
    film.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    film.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        film.PlanarConfiguration = 0
    film.BitsAllocated = film.BitsStored = 8 * pixels.itemsize
    film.HighBit = film.BitsStored - 1
    film.PixelRepresentation = int(pixels.dtype.kind == "i")
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # pydicom writes pixels as they are, so big endian has to be made here.
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    film.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    film["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        if value is None:
            del film[keyword]
        else:
            setattr(film, keyword, value)
    if syntax in (RLELossless, JPEGLSLossless):
        film.compress(syntax, generate_instance_uid=False)
    elif syntax == JPEGBaseline8Bit:
        film.PixelData = encapsulate([encoded(pixels, "jpeg", quality=95)])
        film["PixelData"].is_undefined_length = True
    elif syntax == JPEG2000Lossless:
        film.PixelData = encapsulate([encoded(pixels, "jpeg2000", no_jp2=True)])
        film["PixelData"].is_undefined_length = True
    film.file_meta.TransferSyntaxUID = syntax
    return film


def written(film: Dataset, *, meta: bool = True, preamble: bool = True) -> bytes:
    """The bytes of a DICOM file, perhaps without its preamble or its file meta information."""
    stream = io.BytesIO()
    if meta:
        dcmwrite(stream, film, enforce_file_format=True)
        return stream.getvalue()[0 if preamble else 132 :]
    syntax = film.file_meta.TransferSyntaxUID
    bare = Dataset(film)
    bare.file_meta = FileMetaDataset()
    dcmwrite(stream, bare, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    return stream.getvalue()


def dicom(pixels: Array, **elements: Any) -> bytes:
    """The bytes of a DICOM chest film; keywords as in `dataset`."""
    return written(dataset(pixels, **elements))


def pydicom_film(name: str) -> bytes:
    """A real film out of the pydicom-data package; nothing is downloaded."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), f"pydicom-data is not installed: no {name}"
    return Path(path).read_bytes()

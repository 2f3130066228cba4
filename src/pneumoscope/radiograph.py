"""The only way in for a film: one file (JPEG, PNG, TIFF, DICOM) -> grey pixels and their facts."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pneumoscope import jpeg, pictures
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import MAX_BYTES, MAX_PIXELS, Facts, Radiograph, quiet

__all__ = [
    "FILM_SUFFIXES",
    "MAX_BYTES",
    "MAX_PIXELS",
    "Facts",
    "Radiograph",
    "load",
    "probe",
    "read_bytes",
]

Source = str | Path | bytes | BinaryIO

# What to look into when a folder is searched; '' because DICOM files often have no suffix.
FILM_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".dcm", ".dicom", ""})

_HEAD = 256  # bytes that are enough to tell the format


def load(source: Source, *, at_least: int | None = None) -> Radiograph:
    """Read one film, whatever its format; the format is told by content, never by name.

    ``source`` is a path, the bytes of a file, or a binary stream, read from where it stands.
    ``at_least`` (pixels) allows a JPEG to be decoded at a reduced DCT scale, the smallest whose
    short side is not below it; a film that is smaller, and any other format, comes at full scale.

    Raises `UnreadableFilm`, and nothing else, for whatever the file holds; its text is a short
    reason without path and without anything from a header that identifies the patient.
    """
    data = read_bytes(source)
    kind = _kind(data[:_HEAD])
    with _only_unreadable(kind):
        if kind == "jpeg":
            return jpeg.load(data, at_least=at_least or 0)
        if kind != "dicom":
            return pictures.load(data, kind)
        from pneumoscope import dicom_pixels  # pydicom takes its time to import

        return dicom_pixels.load(data)


def probe(source: Source) -> Facts:
    """Read the facts of a film from its headers alone, without decoding pixels.

    Raises `UnreadableFilm` as `load` does, but it finds less: a film that passes here may still
    turn out to be cut short.
    """
    with _opened(source) as stream:
        head = stream.read(_HEAD)
        stream.seek(0)
        kind = _kind(head)
        with _only_unreadable(kind):
            if kind == "jpeg":
                return jpeg.probe(stream)
            if kind != "dicom":
                return pictures.probe(stream, kind)
            from pneumoscope import dicom_pixels

            return dicom_pixels.probe(stream)


def _kind(head: bytes) -> str:
    """Format by its first bytes: 'jpeg', 'png', 'tiff' or 'dicom'."""
    if not head:
        raise UnreadableFilm("the file is empty")
    # First, since the preamble may make the same file a TIFF for other programs (PS3.10 7.1).
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if _begins_like_a_dataset(head):
        return "dicom"
    raise UnreadableFilm("not a JPEG, PNG, TIFF or DICOM file")


def _begins_like_a_dataset(head: bytes) -> bool:
    """Tell a DICOM file without preamble by its first tag: low in group 0002 or 0008 (PS3.5 7.1).

    Other bytes may begin so by chance; `dicom_pixels` then finds none of the tags that it needs.
    """
    if len(head) < 8:
        return False
    little = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    big = int.from_bytes(head[:2]), int.from_bytes(head[2:4])
    return any(group in (2, 8) and element <= 0x60 for group, element in (little, big))


@contextlib.contextmanager
def _only_unreadable(kind: str) -> Iterator[None]:
    """Turn whatever a file library raises over hostile bytes into `UnreadableFilm`."""
    try:
        with quiet():
            yield
    except UnreadableFilm:
        raise
    except MemoryError as error:
        raise UnreadableFilm("not enough memory to decode it") from error
    except Exception as error:
        # The library's own words may quote the file (a name, a number), so they stay out.
        raise UnreadableFilm(f"damaged or truncated {kind.upper()} file") from error


def read_bytes(source: Source) -> bytes:
    """The bytes of a film's file, at most `MAX_BYTES`; raises `UnreadableFilm` as `load` does."""
    if isinstance(source, bytes):
        data = source
    else:
        with _opened(source) as stream:
            # Asked for more than there is, Python clears that much memory first: 5 % of the time.
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            if size > MAX_BYTES:
                raise UnreadableFilm(f"larger than {MAX_BYTES // 2**20} MB")
            data = stream.read(size + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableFilm(f"larger than {MAX_BYTES // 2**20} MB")
    return data


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """Yield a stream that can be read from its start and searched."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        try:
            # A pipe would make us wait for its writer, a device has no end.
            kind = Path(source).stat().st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                raise UnreadableFilm("not a regular file")
            with Path(source).open("rb") as stream:
                yield stream
        except (OSError, ValueError) as error:
            raise UnreadableFilm(_why_not_opened(error)) from error
    else:
        yield io.BytesIO(source.read(MAX_BYTES + 1))


def _why_not_opened(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    return "the file cannot be read from the disk"

"""Writing files so that nothing is ever half-written: beside the target first, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pneumoscope.errors import UsageError


@contextlib.contextmanager
def write_beside(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; it replaces ``path`` if the block succeeds.

    The temporary file is flushed to disk before the rename and removed if the block raises, so
    that a reader sees the old file or the new one and never a part of either.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept because some writers (matplotlib, Pillow) choose the format by it.
    beside = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text in one step; a file name that is not UTF-8 is written with escapes."""
    with write_beside(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON that any parser reads (NaN and infinity raise ``ValueError``)."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n")


def sha256(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def begin_folder(out: Path, *, last: str, what: str) -> None:
    """Make the folder now, before films are read for nothing, and take an old ``last`` away.

    ``last`` is the file that is written last and says that all are there. Raises ``UsageError``,
    which begins with ``what``, where the folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / last).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"{what} cannot be written to {out} ({error.strerror}); name another --out."
        ) from error

"""Downloading the full set from Kaggle through kagglehub."""

from __future__ import annotations

import os
from pathlib import Path

from pneumoscope.data.catalog import open_catalog
from pneumoscope.errors import MissingExtra, PneumoscopeError

DATASET = "paultimothymooney/chest-xray-pneumonia"
PAGE = f"https://www.kaggle.com/datasets/{DATASET}"

_CACHE = "KAGGLEHUB_CACHE"


def fetch_kaggle(out: Path | None = None) -> Path:
    """Download under ``out`` (or kagglehub's own cache) and return the folder of train, val, test.

    What is there already is not downloaded again, and a broken download goes on where it stopped;
    kagglehub shows the progress. Raises ``MissingExtra`` without kagglehub, ``PneumoscopeError``
    when the download fails or brings no films.
    """
    try:
        import kagglehub
    except ModuleNotFoundError:
        raise MissingExtra("kagglehub", "kaggle") from None
    before = os.environ.get(_CACHE)
    if out is not None:
        # kagglehub's own option for a folder refuses to go on with a broken download.
        os.environ[_CACHE] = str(out.resolve())
    try:
        folder = kagglehub.dataset_download(DATASET)
    except Exception as error:  # kagglehub's, requests' and the system's errors share no base
        raise PneumoscopeError(
            f"The download from Kaggle failed ({_reason(error)}): check the network, the space on "
            "the disk and, if Kaggle wants to know you, the token in KAGGLE_API_TOKEN; or download "
            f"{PAGE} by hand and unpack it."
        ) from error
    finally:
        if before is not None:
            os.environ[_CACHE] = before
        elif out is not None:
            del os.environ[_CACHE]
    return open_catalog(folder).root


def _reason(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0].rstrip(". ")
    short = first if len(first) <= 80 else first[:79] + "…"
    return f"{type(error).__name__}: {short}" if short else type(error).__name__

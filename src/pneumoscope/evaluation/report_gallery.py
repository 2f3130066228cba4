"""The worst errors of an evaluation, and pictures of them with the evidence behind the score."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope import files, radiograph
from pneumoscope.data.catalog import open_catalog
from pneumoscope.errors import UnreadableFilm, UsageError
from pneumoscope.evaluation.report_input import Evaluation
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.overlay import coloured
from pneumoscope.inference.reader import Reader
from pneumoscope.inference.saliency import Explanation, choose, explain_one

_SIDE = 320  # pixels of the longer side of a picture on the page
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Pictures:
    """A film and the film below its evidence, as data URIs."""

    film: str
    evidence: str


def worst_errors(held: Evaluation, *, each: int) -> list[dict[str, Any]]:
    """Up to ``each`` missed films (lowest logit first), then as many false alarms (highest first).

    One film of a patient is enough: the others would mostly be the same picture again.
    """
    threshold = held.results["operating_point"]["logit"]
    found = []
    for kind, wrong, sign in (
        ("missed", held.truth & ~held.call, 1),
        ("false_alarm", ~held.truth & held.call, -1),
    ):
        seen: set[str] = set()
        for index in np.argsort(sign * held.logit, kind="stable"):
            patient = str(held.patients[index])
            if not wrong[index] or patient in seen or len(seen) >= each:
                continue
            seen.add(patient)
            row = held.rows[index]
            found.append(
                {
                    "kind": kind,
                    "file": row["file"],
                    "sha256": row["sha256"],
                    "subtype": row.get("subtype", ""),
                    "probability": float(held.probability[index]),
                    "logit": float(held.logit[index]),
                    "beyond_threshold": abs(float(held.logit[index]) - threshold),
                    "method": None,
                    "strongest": None,
                    "silent": None,
                }
            )
    return found


def add_pictures(
    errors: list[dict[str, Any]], held: Evaluation, *, films: Path, bundle: Path | None
) -> dict[str, Pictures]:
    """Pictures of ``errors`` by the SHA-256 of their films, which lie in ``films``.

    Each error is told its ``method`` and its ``strongest`` evidence (logits), or in ``silent`` why
    it has no picture. ``bundle`` defaults to the one in the run; raises ``UsageError`` unless its
    network is the one that was evaluated.
    """
    if not errors:
        return {}
    reader = Reader(_same_bundle(held, bundle))
    method, attribute = choose("auto", reader)
    places = {film.key: film.path for film in open_catalog(films).films}
    pictures: dict[str, Pictures] = {}
    for error in errors:
        path = places.get(error["file"])
        error["silent"] = "absent" if path is None else _other(path, error["sha256"])
        if path is None or error["silent"] is not None:
            continue
        explained = explain_one(path, reader, method=method, attribute=attribute)
        if explained.film is None or explained.map is None:
            error["silent"] = "refused"
            continue
        error["method"] = method
        error["strongest"] = float(np.abs(explained.map).max())
        pictures[error["sha256"]] = _draw(explained)
    return pictures


def _same_bundle(held: Evaluation, path: Path | None) -> Bundle:
    described: Mapping[str, Any] = held.results["bundle"]
    beside = held.folder.parent / "bundle.pneumo"
    if path is None and beside.is_file():
        path = beside
    found = load_bundle(path)
    if files.sha256(found.network) != described.get("network_sha256"):
        raise UsageError(
            f"{found.path} is not the bundle that was evaluated "
            f"({described.get('file') or 'it has no name'}); name that one with --bundle."
        )
    return found


def _other(path: Path, sha256: str) -> str | None:
    """'changed' where the file is not, to the byte, the one that was evaluated."""
    try:
        return None if files.sha256(radiograph.read_bytes(path)) == sha256 else "changed"
    except UnreadableFilm:
        return "absent"


def _draw(explained: Explanation) -> Pictures:
    assert explained.film is not None
    assert explained.map is not None
    height, width = explained.film.shape
    scale = min(_SIDE / max(height, width), 1)
    shape = max(round(width * scale), 1), max(round(height * scale), 1)
    limit = max(float(np.abs(explained.map).max()), 1e-6)
    film = np.asarray(Image.fromarray(explained.film).resize(shape, Image.Resampling.BICUBIC))
    laid = np.asarray(
        Image.fromarray(explained.map / limit).resize(shape, Image.Resampling.BICUBIC)
    )
    return Pictures(_data_uri(film), _data_uri(coloured(film, laid)))


def _data_uri(pixels: Pixels) -> str:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()

"""The score of every film, as studies and cross-validations keep it: one small file."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.report_input import open_crossval
from pneumoscope.metrics.calibration import Calibration

SCORES = "scores.csv.gz"
COLUMNS = ("set", "key", "patient", "label", "subtype", "counter_stereotype", "logit", "leaning")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scored films (n,): which set each is of, its truth, and the network's logit.

    ``leaning`` is the logit of viral against bacterial pneumonia, NaN where the network has none.
    """

    sets: np.ndarray
    keys: np.ndarray
    patients: np.ndarray
    truth: np.ndarray
    subtypes: np.ndarray
    slice: np.ndarray
    logit: np.ndarray
    leaning: np.ndarray

    def where(self, films: np.ndarray) -> Scores:
        """Those of ``films`` (n,) bool."""
        return Scores(*(getattr(self, name)[films] for name in self.__slots__))


def join(tables: Sequence[Scores]) -> Scores:
    """All their films, one after the other."""
    return Scores(
        *(np.concatenate([getattr(t, name) for t in tables]) for name in Scores.__slots__)
    )


def read_scores(path: Path) -> Scores:
    """The scores that ``write_scores`` wrote; ``PneumoscopeError`` where they are damaged."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            columns: dict[str, list[str]] = {name: [] for name in COLUMNS}
            for row in rows:
                for name in COLUMNS[:-1]:
                    columns[name].append(row[name])
                # Scores of networks without a second output have no such column, or leave it empty.
                columns["leaning"].append(row.get("leaning") or "nan")
        return Scores(
            np.array(columns["set"], dtype=str),
            np.array(columns["key"], dtype=str),
            np.array(columns["patient"], dtype=str),
            np.array(columns["label"], dtype=str) == "1",
            np.array(columns["subtype"], dtype=str),
            np.array(columns["counter_stereotype"], dtype=str) == "1",
            np.array(columns["logit"], dtype=np.float64),
            np.array(columns["leaning"], dtype=np.float64),
        )
    except (OSError, EOFError, KeyError, ValueError) as error:
        raise PneumoscopeError(
            f"{path} is damaged; delete its folder to train this again."
        ) from error


def read_out_of_fold(folder: Path) -> dict[str, float]:
    """Calibrated probability of each film by its key, from the files of ``crossval``.

    A film in several folds (of ``--by shift``) has the mean of its logits. Raises ``UsageError``
    where the folder holds no such files.
    """
    results = open_crossval(folder)
    if not (folder / SCORES).is_file():
        raise UsageError(f"{folder} has results and no scores ({SCORES}); run crossval again.")
    try:
        calibration = Calibration.from_json(results["calibration"])
    except (KeyError, ValueError) as error:
        raise UsageError(f"{folder} tells no calibration; run crossval again.") from error
    scores = read_scores(folder / SCORES)
    keys, row = np.unique(scores.keys, return_inverse=True)
    logit = np.bincount(row, scores.logit) / np.bincount(row)
    return dict(zip(keys.tolist(), calibration.probability(logit).tolist(), strict=True))


def write_scores(path: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows of ``COLUMNS`` as ``read_scores`` reads them; a leaning may be None or NaN."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for *row, logit, leaning in rows:
        has_leaning = leaning is not None and np.isfinite(leaning)
        writer.writerow((*row, f"{logit:.7g}", f"{leaning:.7g}" if has_leaning else ""))
    with files.write_beside(path) as beside:
        # No time stamp and no name inside: the same scores are the same file.
        beside.write_bytes(gzip.compress(text.getvalue().encode("utf-8", "replace"), mtime=0))

"""Films and their readings side by side: as arrays for the figures, and as predictions.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.inference.reader import READ, Reading

COLUMNS = (
    *("file", "status", "probability", "call", "reason", "logit"),
    *("label", "subtype", "patient", "split", "original_width", "original_height", "sha256"),
)
ALONE = ("film_probability", "film_logit")  # columns where a bundle takes fields beside the film
FIELD = "field:"  # before the name of a manifest's own column, which may be any name


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One film and its reading in each row; ``sha256`` is of the file's content.

    The arrays are of the films that were read (n,), and those whose names begin with ``all_`` of
    every film; ``was_read`` tells which of all are the n.
    """

    films: Sequence[Film]
    readings: Sequence[Reading]
    sha256: Sequence[str]
    all_truth: Booleans
    all_patients: Names
    was_read: Booleans
    truth: Booleans
    logit: Floats
    probability: Floats
    patients: Names
    subtypes: Names

    @property
    def refused(self) -> tuple[tuple[str, str], ...]:
        """Key and reason of each film that was refused."""
        return tuple(
            (film.key, reading.reason or "")
            for film, reading in zip(self.films, self.readings, strict=True)
            if reading.status != READ
        )

    def to_csv(self) -> str:
        """The columns of ``COLUMNS``; ``file`` is the film's key, ``label`` 1 where positive.

        Those of ``ALONE`` follow where a reading has them.

        Columns of a manifest that mean nothing to us follow, with ``FIELD`` before their names.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        fields = list(dict.fromkeys(name for film in self.films for name in film.fields))
        alone = ALONE if any(said.film_logit is not None for said in self.readings) else ()
        writer.writerow((*COLUMNS, *alone, *(FIELD + name for name in fields)))
        for film, said, digest in zip(self.films, self.readings, self.sha256, strict=True):
            writer.writerow(
                (
                    *(film.key, said.status, said.probability, said.call, said.reason, said.logit),
                    *(film.label, film.subtype, film.patient, film.split),
                    *(film.width, film.height, digest),
                    *(getattr(said, name) for name in alone),
                    *(film.fields.get(name, "") for name in fields),
                )
            )
        return text.getvalue()


def tabulate(films: Sequence[Film], readings: Sequence[Reading], sha256: Sequence[str]) -> Table:
    """Put the readings, in the order of the films, beside them."""
    truth = np.array([film.label == 1 for film in films], dtype=bool)
    patients = np.array([film.patient for film in films], dtype=str)
    subtypes = np.array([film.subtype for film in films], dtype=str)
    was_read = np.array([reading.status == READ for reading in readings], dtype=bool)
    scored = [(reading.logit, reading.probability) for reading in readings]
    logit, probability = (
        np.array(
            [pair for pair, read in zip(scored, was_read, strict=True) if read], dtype=np.float64
        )
        .reshape(-1, 2)
        .T
    )
    return Table(
        films=films,
        readings=readings,
        sha256=sha256,
        all_truth=truth,
        all_patients=patients,
        was_read=was_read,
        truth=truth[was_read],
        logit=logit,
        probability=probability,
        patients=patients[was_read],
        subtypes=subtypes[was_read],
    )

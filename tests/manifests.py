"""A manifest with fields, and its films, for the tests of fusion: drawn, by the brightness network.

The film's logit tells some, ``fever`` tells as much, ``sex`` tells nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bundles import make_bundle, write_brightness
from pneumoscope.data.fields import learn_field
from pneumoscope.evaluation.fuse_model import Known
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.fusion import encode

FILMS, PATIENTS = 48, 32


@dataclass(frozen=True)
class Drawn:
    """Truth, logit and patient of films, and the values of their fields by name."""

    truth: np.ndarray
    logit: np.ndarray
    patients: list[str]
    fields: dict[str, list[str]]

    def known(self, *names: str) -> Known:
        """As the model takes them, with the fields ``names``, by default all."""
        chosen = names or tuple(self.fields)
        fields = tuple(learn_field(name, self.fields[name], self.patients) for name in chosen)
        rows = [{name: self.fields[name][i] for name in chosen} for i in range(len(self.patients))]
        columns = np.array([encode(fields, row)[0] for row in rows])
        return Known(self.truth, self.logit, np.array(self.patients), fields, columns)


def draw(films: int = FILMS, patients: int = PATIENTS, *, seed: int = 0) -> Drawn:
    """Films of ``patients`` of which about half are ill; a patient's films share the truth."""
    rng = np.random.default_rng(seed)
    who = np.arange(films) % patients
    truth = who % 2 == 1
    fever = np.round(rng.normal(37 + 1.2 * truth, 0.8), 1)
    told = [f"{value:.1f}" for value in fever]
    for row in range(0, films, 9):
        told[row] = ""
    return Drawn(
        truth,
        np.round(rng.normal(truth * 1.6 - 0.8, 1.0), 2),
        [f"p{number}" for number in who],
        {"fever": told, "sex": rng.choice(["F", "M"], films).tolist()},
    )


def write_manifest(
    folder: Path,
    drawn: Drawn | None = None,
    *,
    fields: Mapping[str, Sequence[str]] | None = None,
    name: str = "films.csv",
    split: str = "",
) -> Path:
    """Write the films and the manifest; ``fields`` are columns beside, or instead of, the drawn."""
    drawn = drawn or draw()
    columns = {**drawn.fields, **(fields or {})}
    (folder / "films").mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "patient", "split", *columns])
        for row, (truth, patient) in enumerate(zip(drawn.truth, drawn.patients, strict=True)):
            film = folder / "films" / f"{Path(name).stem}-{row:03}.png"
            if not film.exists():
                write_brightness(film, float(drawn.logit[row]), seed=row + len(name))
            label = "PNEUMONIA" if truth else "NORMAL"
            values = [column[row] for column in columns.values()]
            writer.writerow([f"films/{film.name}", label, patient, split, *values])
    return folder / name


def fused_bundle(folder: Path) -> Bundle:
    """The bundle that ``fuse`` makes of the drawn manifest, in ``folder / "fused.pneumo"``."""
    from pneumoscope.evaluation.fuse import fuse

    plain = make_bundle(folder / "plain.pneumo")
    manifest = write_manifest(folder)
    options = {"resamples": 20, "threads": 1, "progress": False}
    return fuse(manifest, bundle=plain, out=folder / "fused.pneumo", **options).bundle  # type: ignore[arg-type]

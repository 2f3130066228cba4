"""How often an interval holds the true value: python tools/coverage.py

Draws 1,000 data sets (``--sets``, ``--seed``) of each of several kinds: films of as many patients,
and patients with 1 to 12 films whose scores are alike; a reader with much left to learn, and one
near its limit; calibrated and overconfident. Of each set it takes every figure that ``evaluate``
gives, with its interval, and counts the intervals that hold the value of an endless set of that
kind. Prints a table in Markdown; 1,000 sets leave a coverage uncertain by 1.4 points. ``--json
FILE`` keeps the counts. Takes some five minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from tqdm import tqdm

from pneumoscope import files
from pneumoscope.evaluation.figures import LABELS, every_figure

TARGET = (0.93, 0.97)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data set.

    ``patients`` in a set, half of them positive; ``area`` under the ROC curve; ``alike``: the
    correlation of scores within a patient, None for one film a patient; ``mixed``: a patient's
    films may be of both classes; ``sure``: what the calibrated log-odds are multiplied by.
    """

    name: str
    patients: int
    area: float
    alike: float | None = None
    mixed: bool = False
    sure: float = 1.0


KINDS = (
    Kind("600 films, AUC 0.90", 600, 0.90),
    Kind("600 films, AUC 0.98, overconfident", 600, 0.98, sure=2.0),
    Kind("400 patients, AUC 0.90", 400, 0.90, alike=0.7),
    Kind("400 patients, AUC 0.98, overconfident", 400, 0.98, alike=0.7, sure=2.0),
    Kind("300 patients of both classes, AUC 0.90", 300, 0.90, alike=0.5, mixed=True, sure=1.5),
)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One data set (n,) as ``every_figure`` takes it; calls are made at a probability of 0.5."""

    truth: np.ndarray
    logit: np.ndarray
    probability: np.ndarray
    patients: np.ndarray

    def figures(self, *, resamples: int) -> Mapping[str, tuple[float, float, float]]:
        """Value, lower and upper limit of every figure."""
        found = every_figure(
            self.truth,
            logit=self.logit,
            probability=self.probability,
            call=self.logit >= 0,
            patients=self.patients,
            resamples=resamples,
        )
        return {
            name: (each.value, each.interval.low, each.interval.high)
            for name, each in found.items()
        }


def draw(kind: Kind, random: np.random.Generator, *, patients: int | None = None) -> Drawn:
    """Draw one data set; scores of either class are normal, equally wide and ``area`` apart."""
    count = patients or kind.patients
    films = np.ones(count, dtype=int)
    if kind.alike is not None:
        films = np.minimum(random.geometric(0.6, count), 12)
    patient = np.repeat(np.arange(count), films)
    truth = random.random(patient.size if kind.mixed else count) < 0.5
    truth = truth if kind.mixed else truth[patient]
    alike = kind.alike or 0.0
    noise = math.sqrt(alike) * random.normal(size=count)[patient]
    noise = noise + math.sqrt(1 - alike) * random.normal(size=patient.size)
    apart = math.sqrt(2) * NormalDist().inv_cdf(kind.area)
    # The log-odds of two normals, with as many films of either class.
    logit = kind.sure * apart * (noise + apart * (truth - 0.5))
    return Drawn(truth, logit, 1 / (1 + np.exp(-logit)), patient)


def true_values(kind: Kind, *, patients: int, seed: int = 0) -> dict[str, float]:
    """The figures of a set so large that it may stand for an endless one."""
    drawn = draw(kind, np.random.default_rng((seed, 99)), patients=patients)
    return {name: value for name, (value, _, _) in drawn.figures(resamples=1).items()}


def coverage(
    kind: Kind,
    *,
    sets: int,
    resamples: int,
    seed: int = 0,
    endless: int = 1_000_000,
    progress: bool = True,
) -> dict[str, float]:
    """Share of ``sets`` whose interval holds the true value, by figure.

    That value is taken of ``endless`` patients. The calibration error of a calibrated reader is
    left out: it is 0, where every interval may end and none can miss on the other side.
    """
    true = true_values(kind, patients=endless, seed=seed)
    if kind.sure == 1.0:
        del true["expected_calibration_error"]
    random = np.random.default_rng((seed, 1))
    held: Counter[str] = Counter()
    for _ in tqdm(range(sets), kind.name, disable=None if progress else True):
        found = draw(kind, random).figures(resamples=resamples)
        for name, value in true.items():
            _, low, high = found[name]
            held[name] += low <= value <= high
    return {name: held[name] / sets for name in true}


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Figures down, kinds across, in per cent; what misses the target in bold."""
    lines = ["| figure | " + " | ".join(found) + " |", "| --- |" + " ---: |" * len(found)]
    low, high = TARGET
    for name, label in LABELS.items():
        cells = []
        for shares in found.values():
            if name not in shares:
                cells.append("-")
                continue
            text = f"{100 * shares[name]:.1f}"
            cells.append(text if low <= shares[name] <= high else f"**{text}**")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the counts here")
    arguments = parser.parse_args()
    found = {
        kind.name: coverage(
            kind, sets=arguments.sets, resamples=arguments.resamples, seed=arguments.seed
        )
        for kind in KINDS
    }
    print(table(found))
    if arguments.json:
        files.write_json(arguments.json, found)


if __name__ == "__main__":
    main()

"""How long the fits take that follow the reading of films: calibration, and fusion with fields.

    python benchmarks/bench_fit.py [--films 5000]

No rival and no films: made-up logits, and four fields beside them, one a quarter empty, of as many
patients as a tenth fewer films. ``calibration`` is temperature, offset and operating points.
``fusion`` is all that ``pneumoscope fuse`` fits for its bundle: fields encoded, both and the fields
alone scored in five folds of patients with the penalty chosen in five folds inside of each, and the
whole calibrated on that. Leaving each field out and the bootstrap, which make the table, count
apart. All of it runs on one thread: what counts is the processor's time, which is what an idle core
takes; the wall's is in the JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import common
from pneumoscope.data.fields import learn_field
from pneumoscope.evaluation import fuse_figures, fuse_model
from pneumoscope.evaluation.fuse_model import Known
from pneumoscope.inference.fusion import encode
from pneumoscope.metrics import calibration
from pneumoscope.metrics.folds import deal_patients

LIMIT = 1.0
FOLDS = 5


def made_up(films: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, list[str]]]:
    """Truth, logits, patients and the values of four fields."""
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(0, 9 * films // 10, films))
    truth = rng.random(films) < 0.4
    age = [f"{value:.0f}" for value in np.clip(rng.normal(50 + 5 * truth, 15), 0, 95)]
    fever = [f"{value:.1f}" for value in rng.normal(37 + truth, 0.8)]
    fields = {
        "age": age,
        "fever": np.where(rng.random(films) < 0.25, "", fever).tolist(),
        "sex": rng.choice(["F", "M"], films).tolist(),
        "view": np.where(rng.random(films) < 0.3 + 0.3 * truth, "AP", "PA").tolist(),
    }
    return truth, rng.normal(2 * truth - 1, 1.2), np.char.add("p", patient.astype(str)), fields


def calibrate(truth: np.ndarray, logit: np.ndarray) -> None:
    calibration.fit(truth, logit)
    calibration.fit_operating_points(truth, logit)


def know(
    truth: np.ndarray, logit: np.ndarray, patients: np.ndarray, values: dict[str, list[str]]
) -> Known:
    """The films as the model takes them."""
    fields = tuple(learn_field(name, own, patients.tolist()) for name, own in values.items())
    rows = ({name: own[row] for name, own in values.items()} for row in range(truth.size))
    columns = np.array([encode(fields, row)[0] for row in rows])
    return Known(truth, logit, patients, fields, columns)


def fuse(
    truth: np.ndarray, logit: np.ndarray, patients: np.ndarray, values: dict[str, list[str]]
) -> None:
    known = know(truth, logit, patients, values)
    fold = deal_patients(truth, patients, folds=FOLDS)
    names = list(values)
    fields = fuse_model.out_of_fold(known, fold, names, film=False, seed=0)
    both = fuse_model.out_of_fold(known, fold, names, film=True, seed=0)
    fuse_model.finish(known, both, fields, seed=0)


def seconds(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds of the processor and of the wall."""
    wall, begun = time.perf_counter(), time.process_time()
    work()
    return {"processor": time.process_time() - begun, "wall": time.perf_counter() - wall}


def main() -> None:
    parser = common.parser(__doc__, rounds=5, rival=False)
    parser.add_argument("--films", type=int, default=5000)
    options = parser.parse_args()
    machine = common.machine(options)
    truth, logit, patients, values = made_up(options.films)
    calibrate(truth[:100], logit[:100])  # imports
    known = know(truth, logit, patients, values)
    fold = deal_patients(truth, patients, folds=FOLDS)
    results = common.interleave(
        options.rounds,
        calibration=lambda: seconds(lambda: calibrate(truth, logit)),
        fusion=lambda: seconds(lambda: fuse(truth, logit, patients, values)),
        table=lambda: seconds(
            lambda: fuse_figures.cross_validate(known, fold, seed=0, resamples=2000)
        ),
    )
    taken = {
        name: common.median([one["processor"] for one in own]) for name, own in results.items()
    }
    both = taken["calibration"] + taken["fusion"]
    films = f"{options.films:,} films"
    rows = [
        common.Row(
            f"fit of calibration and fusion, {films}, four fields",
            f"{both:.2f} s ({taken['calibration']:.2f} + {taken['fusion']:.2f})",
            f"{LIMIT:.0f} s",
            both / LIMIT,
            "at most 1x",
        ),
        common.Row(
            "the table of fuse: fields left out, 2,000 resamples",
            f"{taken['table']:.2f} s",
            "the fit",
            taken["table"] / both,
            "-",
        ),
    ]
    common.report(options, rows, {"machine": machine, "results": results})


if __name__ == "__main__":
    main()

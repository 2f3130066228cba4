"""Training with the notebook's recipe at 180 px, from films at original size, against the notebook.

    python benchmarks/bench_train.py --originals DIR

DIR holds films at original size in folders NORMAL and PNEUMONIA; they are repeated, each
repetition a file of its own, up to ``--films`` (1,280: 1,024 to train on, 256 to validate with).
Each round trains three times: Keras as the notebook has it; Keras with tf.data's autotuner off,
which spares it a wait that is TensorFlow's and not the notebook's (see rival_keras.py) and is the
fairer comparison; ``pneumoscope train --recipe notebook`` into a fresh cache folder.

The moment at which an epoch (validation and checkpoint included) is done is taken from outside:
from the rival's callback, and from the growth of our ``history.csv``. An epoch from the second on
is *steady*; the first is counted from the start of the process, so it holds imports, decoding,
the cache and graph tracing.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import common


@dataclass
class Watch:
    """Notes when each row of a ``history.csv`` appears, in seconds since the process started."""

    history: Path
    ended: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        if self.history.exists():
            rows = max(0, self.history.read_text(encoding="utf-8").count("\n") - 1)
            self.ended.extend([seconds] * (rows - len(self.ended)))


def timing(child: common.Child, ended: list[float], epochs: int) -> dict[str, Any]:
    """Seconds of the first epoch from process start, of each steady epoch, and of the process."""
    if len(ended) != epochs:
        raise SystemExit(f"Saw {len(ended)} of {epochs} epochs end; is history.csv written?")
    steady = [later - earlier for earlier, later in pairwise(ended)]
    return {
        "first": ended[0],
        "steady": steady,
        "all_epochs": ended[-1],
        "process": child.seconds,
        "peak_rss_mb": child.peak_rss_mb,
    }


def train_rival(options: argparse.Namespace, films: Path, tuner: str) -> dict[str, Any]:
    words: list[str | Path] = ["train", films, "--epochs", str(options.epochs)]
    words += ["--cache", options.rival_cache]
    words += ["--tuner", tuner]
    child = common.run(common.rival(options, *words))
    said = child.json()
    ended = [moment - child.started for moment in said["epoch_ended"]]
    return timing(child, ended, options.epochs) | {"said": said}


def train_ours(options: argparse.Namespace, films: Path, run: Path) -> dict[str, Any]:
    settings = [f"epochs={options.epochs}", "split=random", *options.set]
    words: list[str | Path] = ["train", films, "--recipe", "notebook"]
    words += [word for setting in settings for word in ("--set", setting)]
    words += ["--out", run, "--cache", run.with_name(f"{run.name}-cache")]
    watch = Watch(run / "history.csv")
    child = common.run(common.ours(options, *words), watch=watch)
    with (run / "history.csv").open(encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    said = {"last_epoch": history[-1], "seconds": [row.get("seconds") for row in history]}
    return timing(child, watch.ended, options.epochs) | {"said": said}


def main() -> None:
    parser = common.parser(__doc__, rounds=2)
    parser.add_argument("--films", type=int, default=1280, help="train and validation together")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="of our recipe; repeatable",
    )
    parser.add_argument(
        "--rival-cache",
        default="none",
        choices=["none", "memory"],
        help="memory: the notebook with .cache(), for a second table (default: none, as it is)",
    )
    options = parser.parse_args()
    if options.epochs < 2:
        parser.error("a steady epoch needs --epochs 2 or more")
    machine = common.machine(options)
    with common.scratch(options) as folder:
        films = folder / "films"
        made = common.make_folder(options.originals, films, options.films)
        runs = iter(range(options.rounds))
        results = common.interleave(
            options.rounds,
            rival=lambda: train_rival(options, films, "on"),
            untuned=lambda: train_rival(options, films, "off"),
            ours=lambda: train_ours(options, films, folder / f"run{next(runs)}"),
        )

    def seconds(side: str, what: str) -> float:
        values = [result[what] for result in results[side]]
        return common.median(list(chain(*values)) if what == "steady" else values)

    def rows(name: str, what: str, target: str) -> list[common.Row]:
        mine = seconds("ours", what)
        made = []
        for side, note in (("rival", ""), ("untuned", ", autotuner off")):
            theirs = seconds(side, what)
            words = (f"{name}{note}", f"{mine:.1f} s", f"{theirs:.1f} s")
            made.append(common.Row(*words, theirs / mine, target))
        return made

    cut = int(0.8 * len(made))
    table = [
        *rows(f"steady epoch, {cut:,} + {len(made) - cut:,} films", "steady", "3x (4x)"),
        *rows("first epoch, from process start", "first", "2x (2.5x)"),
        *rows(f"{options.epochs} epochs, from process start", "all_epochs", "2x (2.5x)"),
        *rows(f"{options.epochs} epochs, process start to end", "process", ""),
    ]
    common.report(options, table, {"machine": machine, "results": results})


if __name__ == "__main__":
    main()

"""Reading 500 films at original size: end to end against Keras, and against the decode-only limit.

    python benchmarks/bench_predict.py --originals DIR --bundle BUNDLE.pneumo

End to end: ``pneumoscope predict FOLDER --csv OUT`` and the notebook's pipeline with Keras
``predict`` and a table of its own, process start included, turn about. The rival runs twice: as
the notebook has it, and with tf.data's autotuner off, which spares it a wait at the end of a pass
that is TensorFlow's and not the notebook's (see rival_keras.py). The second is the fairer one.

Steady state, in one process and turn about after a warm-up: ``Reader.read`` over the same files,
and the *decode-only limit*, which is the files read and decoded to grey by libjpeg-turbo at the
smallest DCT scale that keeps both sides at ``--side`` pixels or more, on as many threads as
there are cores, and nothing else. The rival's later passes in a warm process stand beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import common


def cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def decode_only(films: list[Path], side: int) -> float:
    """Films a second through libjpeg-turbo alone."""
    import simplejpeg

    def decode(path: Path) -> None:
        simplejpeg.decode_jpeg(path.read_bytes(), "GRAY", min_height=side, min_width=side)

    began = time.perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(decode, films):
            pass
    return len(films) / (time.perf_counter() - began)


def steady(options: argparse.Namespace) -> dict[str, Any]:
    """Films a second of the reader and of the decode-only limit (runs in a child process)."""
    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import Reader

    films = sorted(Path(options.steady).rglob("*.jpeg"))
    reader = Reader(load_bundle(options.bundle))

    def read() -> float:
        return common.films_per_second(reader, films)

    def limit() -> float:
        return decode_only(films, options.side)

    read(), limit()
    return common.interleave(options.rounds, limit=limit, read=read)


def main() -> None:
    parser = common.parser(__doc__, rounds=5)
    parser.add_argument("--bundle", required=True, help="the notebook's network at 180 px")
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--side", type=int, default=180, help="network input in pixels")
    parser.add_argument("--steady", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steady:
        print(json.dumps(steady(options)))
        return
    machine = common.machine(options)
    with common.scratch(options) as folder:
        films = folder / "films"
        made = common.make_folder(options.originals, films, options.films)
        model = common.rival_model(options, folder)
        table = folder / "table.csv"
        predict: list[str | Path] = ["predict", films, "--bundle", options.bundle, "--csv", table]
        rival_words: list[str | Path] = ["predict-folder", films, "--model", model, "--csv", table]
        untuned = [*rival_words, "--tuner", "off"]
        sides = {
            "rival": lambda: common.run(common.rival(options, *rival_words)),
            "untuned": lambda: common.run(common.rival(options, *untuned)),
            "ours": lambda: common.run(common.ours(options, *predict)),
        }
        common.interleave(1, **sides)  # programs and libraries into the page cache
        ends = common.interleave(options.rounds, **sides)
        here: list[str | Path] = [sys.executable, Path(__file__), *sys.argv[1:], "--steady", films]
        rates = common.run(here).json()
        passes = str(options.rounds + 1)
        warm = common.run(common.rival(options, *untuned, "--passes", passes)).json()

    seconds = {side: common.median([run.seconds for run in runs]) for side, runs in ends.items()}
    rate = {name: common.median(values) for name, values in rates.items()}
    rate["rival"] = len(made) / common.median(warm["pass_seconds"][1:])
    rows = [
        common.Row(
            f"{len(made)} JPEGs read end to end",
            f"{seconds['ours']:.2f} s",
            f"{seconds['rival']:.2f} s",
            seconds["rival"] / seconds["ours"],
            "3x (5x)",
        ),
        common.Row(
            "the same, tf.data's autotuner off",
            f"{seconds['ours']:.2f} s",
            f"{seconds['untuned']:.2f} s",
            seconds["untuned"] / seconds["ours"],
            "",
        ),
        common.Row(
            "steady state, share of the decode-only limit",
            f"{rate['read']:.0f} films/s",
            f"limit {rate['limit']:.0f} films/s",
            rate["read"] / rate["limit"],
            "35 % (60 %)",
            unit="%",
        ),
        common.Row(
            "steady state, against Keras once warm, autotuner off",
            f"{rate['read']:.0f} films/s",
            f"{rate['rival']:.0f} films/s",
            rate["read"] / rate["rival"],
            "",
        ),
    ]
    results = {side: [run.seconds for run in runs] for side, runs in ends.items()}
    details = {"machine": machine, "seconds": results, "films_per_second": rates, "warm": warm}
    common.report(options, rows, details)


if __name__ == "__main__":
    main()

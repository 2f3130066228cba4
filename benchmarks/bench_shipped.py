"""What the bundle that ships costs beside the notebook's network: films read a second.

    python benchmarks/bench_shipped.py DIR --against NOTEBOOK.pneumo

The films of DIR, at original size and repeated as needed, turn about in one run: ``pneumoscope
predict FOLDER --csv OUT`` with either bundle, process start included, and ``Reader.read`` in one
process after a warm-up. ``--against`` is a bundle of ``pneumoscope train DIR --recipe notebook``,
whose own rate against Keras is what ``bench_predict.py`` measures. One film alone is timed too, and
its network alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import common

SIDES = ("shipped", "against")
LIMIT = 15  # milliseconds of a forward pass


def steady(options: argparse.Namespace) -> dict[str, Any]:
    """Films a second and seconds of one film and of one forward pass (runs in a child process)."""
    import numpy as np

    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import Reader

    films = sorted(Path(options.steady).rglob("*.jpeg"))
    readers = {
        "shipped": Reader(load_bundle(None)),
        "against": Reader(load_bundle(Path(options.against))),
    }

    def rate(reader: Reader) -> float:
        return common.films_per_second(reader, films)

    def alone(reader: Reader) -> float:
        began = time.perf_counter()
        for film in films[:50]:
            list(reader.read([film]))
        return (time.perf_counter() - began) / len(films[:50])

    def forward(reader: Reader) -> float:
        size = reader.bundle.preprocessing.size
        films = np.random.default_rng(0).integers(0, 256, (1, size, size), dtype=np.uint8)
        began = time.perf_counter()
        for _ in range(50):
            reader.logits(films)
        return (time.perf_counter() - began) / 50

    found: dict[str, Any] = {}
    for name, measure in {"rate": rate, "alone": alone, "forward": forward}.items():
        calls = {side: lambda m=measure, r=readers[side]: m(r) for side in SIDES}
        common.interleave(1, **calls)
        found[name] = common.interleave(options.rounds, **calls)
    return found


def _row(
    what: str, form: str, values: dict[str, float], *, target: str = "", rates: bool = False
) -> common.Row:
    """The shipped bundle's rate as a share of the other's, from times or from ``rates``."""
    shipped, against = (values[side] for side in SIDES)
    share = shipped / against if rates else against / shipped
    return common.Row(what, form.format(shipped), form.format(against), share, target, unit="%")


def main() -> None:
    parser = common.parser(__doc__, rounds=5, rival=False)
    parser.add_argument("where", metavar="DIR", type=Path, help="films at original size")
    parser.add_argument("--against", required=True, help="a bundle of the notebook's network")
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--steady", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steady:
        print(json.dumps(steady(options)))
        return
    machine = common.machine(options)
    with common.scratch(options) as folder:
        films = folder / "films"
        made = common.make_folder(options.where, films, options.films)
        table = folder / "table.csv"
        words: list[str | Path] = ["predict", films, "--csv", table]
        against = [*words, "--bundle", options.against]
        sides = {
            "shipped": lambda: common.run(common.ours(options, *words)),
            "against": lambda: common.run(common.ours(options, *against)),
        }
        common.interleave(1, **sides)
        ends = common.interleave(options.rounds, **sides)
        here: list[str | Path] = [sys.executable, Path(__file__), *sys.argv[1:], "--steady", films]
        found = common.run(here).json()

    seconds = {side: common.median([run.seconds for run in runs]) for side, runs in ends.items()}
    middle = {
        name: {side: common.median(values[side]) for side in SIDES}
        for name, values in found.items()
    }
    rate, alone, forward = middle["rate"], middle["alone"], middle["forward"]
    one = {side: 1e3 * alone[side] for side in SIDES}
    own = 1e3 * forward["shipped"]
    rows = [
        _row(f"{len(made)} JPEGs read end to end", "{:.2f} s", seconds, target="40 %"),
        _row("steady state", "{:.0f} films/s", rate, target="40 %", rates=True),
        _row("one film alone, from its file", "{:.1f} ms", one),
        common.Row(
            *("the network alone, one film", f"{own:.1f} ms", f"{LIMIT} ms"),
            *(own / LIMIT, "at most 1x"),
        ),
    ]
    results = {side: [run.seconds for run in runs] for side, runs in ends.items()}
    common.report(options, rows, {"machine": machine, "seconds": results, "steady": found})


if __name__ == "__main__":
    main()

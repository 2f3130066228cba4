"""What a study's cell costs beside a plain training of the same recipe on the same films.

    python benchmarks/bench_study.py --films DIR --sizes CSV

DIR holds films in Kaggle's layout, or in one folder per class; CSV has their original sizes
(``pneumoscope data check --help`` says how). Each round trains the recipe of the studies' reference
cell twice, turn about and each in a process of its own: by ``train`` alone, and as the one cell of
a study. Counted are the seconds of the call, from the films on disk to the run folder or to the
tables; what the cell spends on reading the validation and shift films is taken off, as a plain
training does not do that. Both find the films decoded.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import common

PLAIN = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
from pneumoscope.evaluation.study_plan import BASE
from pneumoscope.model.train import train
films, sizes, cache, out, epochs = sys.argv[1:]
begun = time.perf_counter()
train(films, out=out, recipe=replace(BASE, epochs=int(epochs)), sizes=Path(sizes),
      cache=Path(cache), progress=False)
print(json.dumps({"seconds": time.perf_counter() - begun}))
"""

CELL = """
import json, sys, time
from pathlib import Path
from pneumoscope.evaluation.studies import STUDIES, Cell, Study
from pneumoscope.evaluation.study import run_study
films, sizes, cache, out, epochs = sys.argv[1:]
cell = Cell(name="reference")
STUDIES["one"] = Study(question="What does a cell cost?", reference=cell.name, cells=(cell,))
begun = time.perf_counter()
table = run_study("one", films, out=out, seeds=1, epochs=int(epochs), sizes=Path(sizes),
                  cache=Path(cache), progress=False)
seconds = time.perf_counter() - begun
(trained,) = table.trained[cell.name]
scoring = trained.result["seconds"]["scoring"]
print(json.dumps({"seconds": seconds - scoring, "scoring": scoring}))
"""


def trained(options: argparse.Namespace, program: str, cache: Path, out: Path) -> dict[str, Any]:
    """What ``program`` says of its time."""
    python = Path(options.pneumoscope).with_name("python")
    words = [options.films, options.sizes, cache, out, str(options.epochs)]
    return common.run([python, "-c", program, *words]).json()


def main() -> None:
    parser = common.parser(__doc__, rounds=2, rival=False)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--sizes", type=Path, required=True, help="original sizes, as CSV")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    machine = common.machine(options)
    with common.scratch(options) as folder:
        cache = folder / "cache"
        trained(options, PLAIN, cache, folder / "warm")  # decodes the films for both
        runs = iter(range(2 * options.rounds))
        results = common.interleave(
            options.rounds,
            plain=lambda: trained(options, PLAIN, cache, folder / f"run{next(runs)}"),
            cell=lambda: trained(options, CELL, cache, folder / f"run{next(runs)}"),
        )
    plain, cell = (
        common.median([result["seconds"] for result in results[side]]) for side in ("plain", "cell")
    )
    what = f"a cell of a study, {options.epochs} epochs, scoring apart"
    row = common.Row(what, f"{cell:.1f} s", f"{plain:.1f} s", cell / plain, "at most 1.02x")
    common.report(options, [row], {"machine": machine, "results": results})


if __name__ == "__main__":
    main()

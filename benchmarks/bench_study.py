"""What a study's cell costs beside the training that it is.

    python benchmarks/bench_study.py --films DIR --sizes CSV

DIR holds films in Kaggle's layout, or in one folder per class; CSV has their original sizes
(``pneumoscope data check --help`` says how). The reference cell of the studies is run as the only
cell of one, in a process of its own, with the films decoded. Its call of ``train``, which is what
``pneumoscope train`` calls too, is one side; the whole study is the other: measuring acquisition,
split, training, variance shift, tables and picture, but not the reading of the validation and shift
films, which a plain training does not do. Both sides are of one run, so that a noisy minute falls
on both.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import common

CELL = """
import json, sys, time
from pathlib import Path
from pneumoscope.evaluation.studies import STUDIES, Cell, Study
from pneumoscope.evaluation.study import run_study
from pneumoscope.evaluation.study_plan import BASE
from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.split import trainable
films, sizes, cache, out, epochs = sys.argv[1:]
catalog = open_catalog(films, sizes=sizes)
open_store(trainable(catalog), BASE.preprocessing(), cache=Path(cache), progress=False)
cell = Cell(name="reference")
STUDIES["one"] = Study(question="What does a cell cost?", reference=cell.name, cells=(cell,))
begun = time.perf_counter()
table = run_study("one", films, out=out, seeds=1, epochs=int(epochs), sizes=Path(sizes),
                  cache=Path(cache), progress=False)
seconds = time.perf_counter() - begun
(trained,) = table.trained[cell.name]
print(json.dumps({"study": seconds, **trained.result["seconds"]}))
"""


def one_cell(options: argparse.Namespace, cache: Path, out: Path) -> dict[str, Any]:
    """Seconds of the study, of its training and of its scoring."""
    python = Path(options.pneumoscope).with_name("python")
    words = [options.films, options.sizes, cache, out, str(options.epochs)]
    return common.run([python, "-c", CELL, *words]).json()


def main() -> None:
    parser = common.parser(__doc__, rounds=1, rival=False)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--sizes", type=Path, required=True, help="original sizes, as CSV")
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    machine = common.machine(options)
    with common.scratch(options) as folder:
        runs = iter(range(options.rounds))
        results = common.interleave(
            options.rounds,
            cell=lambda: one_cell(options, folder / "cache", folder / f"run{next(runs)}"),
        )["cell"]
    training = common.median([result["training"] for result in results])
    whole = common.median([result["study"] - result["scoring"] for result in results])
    what = f"a cell of a study, {options.epochs} epochs, scoring apart"
    row = common.Row(what, f"{whole:.1f} s", f"{training:.1f} s", whole / training, "at most 1.02x")
    common.report(options, [row], {"machine": machine, "results": results})


if __name__ == "__main__":
    main()

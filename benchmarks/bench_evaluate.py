"""What a proof costs: evaluation and report of 624 films, and the bootstrap of all figures.

    python benchmarks/bench_evaluate.py DIR [--bundle BUNDLE]

DIR holds at least 624 films in folders NORMAL and PNEUMONIA, somewhere below; as many as the
official test split has of either class (234 and 390) are linked into a folder of their own, evenly
drawn, and evaluated and reported by the command line with the bundle that ships. The bundle may
have trained on them: nothing here says how good it is. The bootstrap is ``every_figure`` on 5,000
made scores of 3,500 patients with 2,000 resamples, and the fit is that of the calibration on the
same scores, both in this process. There is no rival; each row has the seconds on the wall, those of
the processor (all cores together), which a busy machine does not inflate, and what is aimed at.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import common
from pneumoscope.evaluation.figures import every_figure
from pneumoscope.metrics.calibration import fit

FILMS = {"NORMAL": 234, "PNEUMONIA": 390}
SCORES, PATIENTS = 5000, 3500


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall and of the processor, medians; ``aim`` is in seconds on the wall."""

    what: str
    wall: float
    processor: float
    aim: float


def link_films(source: Path, target: Path) -> None:
    """Fill ``target/test/CLASS`` with links to evenly drawn films of ``source``."""
    for name, count in FILMS.items():
        found = [path for path in sorted(source.rglob("*.jp*g")) if path.parent.name == name]
        if len(found) < count:
            raise SystemExit(f"{count} films in folders {name} are needed, {source} has fewer.")
        folder = target / "test" / name
        folder.mkdir(parents=True)
        for place in np.linspace(0, len(found) - 1, count).astype(int):
            (folder / found[place].name).symlink_to(found[place].resolve())


def used() -> float:
    """Seconds of the processor, of this process and of the children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def cost(what: str, work: Callable[[], object], *, rounds: int, aim: float) -> Cost:
    """Do ``work`` so many times."""
    walls, processors = [], []
    for _ in range(rounds):
        begun, before = time.perf_counter(), used()
        work()
        walls.append(time.perf_counter() - begun)
        processors.append(used() - before)
    print(f"{what}: {walls}", file=sys.stderr)
    return Cost(what, common.median(walls), common.median(processors), aim)


def call(words: Sequence[str | Path]) -> None:
    """Run ``pneumoscope``; refused films, exit code 1, are no failure here."""
    command = [sys.executable, "-m", "pneumoscope", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")


def of_command_line(options: argparse.Namespace) -> list[Cost]:
    """Evaluation, then the report of it with its gallery."""
    bundle = ["--bundle", options.bundle] if options.bundle else []
    with common.scratch(options) as folder:
        films, out = folder / "films", folder / "out"
        link_films(options.dir, films)
        evaluate = ["evaluate", films, "--split", "test", "--out", out, "--quiet", *bundle]
        report = ["report", out, "--films", films, *bundle]
        costs = [
            cost("evaluate, 624 films", lambda: call(evaluate), rounds=options.rounds, aim=60),
            cost("report of them", lambda: call(report), rounds=options.rounds, aim=60),
        ]
    both = Cost("both", *(sum(getattr(c, n) for c in costs) for n in ("wall", "processor")), 60)
    return [*costs, both]


def of_arithmetic(options: argparse.Namespace) -> list[Cost]:
    """The bootstrap of all figures, and the fit of a calibration."""
    random = np.random.default_rng(0)
    patients = random.integers(0, PATIENTS, SCORES).astype(str)
    truth = random.random(SCORES) < 0.6
    logit = random.normal(size=SCORES) + 2 * truth - 1
    probability = 1 / (1 + np.exp(-logit))

    def bootstrap() -> object:
        return every_figure(
            truth, logit=logit, probability=probability, call=logit >= 0, patients=patients
        )

    what = f"every figure, {SCORES:,} films, 2,000 resamples"
    fit(truth, logit)  # imports scipy
    return [
        cost(what, bootstrap, rounds=options.rounds, aim=3),
        cost("fit of a calibration", lambda: fit(truth, logit), rounds=options.rounds, aim=1),
    ]


def main() -> None:
    parser = common.parser(__doc__, rounds=3, rival=False)
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.add_argument("--bundle", type=Path, help="default: the bundle that ships")
    options = parser.parse_args()
    machine = common.machine(options)
    costs = [*of_arithmetic(options), *of_command_line(options)]
    print("| what | wall | processor | aim |")
    print("| --- | ---: | ---: | --- |")
    for each in costs:
        aim = f"at most {each.aim:.0f} s"
        print(f"| {each.what} | {each.wall:.2f} s | {each.processor:.2f} s | {aim} |")
    result = {"machine": machine, "costs": [asdict(each) for each in costs]}
    result["load_after"] = [round(load, 2) for load in os.getloadavg()]
    print(json.dumps(result))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

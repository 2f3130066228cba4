"""Resident memory of ``pneumoscope predict`` over 10,000 films, at film 1,000 and film 10,000.

    python benchmarks/bench_memory.py --originals DIR --bundle BUNDLE.pneumo

The real command runs in a child whose ``Reader.read`` counts what passes and notes the resident
memory of the process and its children after every tenth film. The figure at a film is the median
over the 500 films up to it, because decoding buffers come and go with the size of a film.
The rival has no part in this one: the ratio is memory late to memory early.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import common

EVERY = 10
WINDOW = 500


def resident_mb(pid: int | str = "self") -> float:
    """Resident MB (10^6 bytes) of a process and its children (Linux)."""
    process = Path("/proc") / str(pid)
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    total = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    for task in (process / "task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            total += resident_mb(child)
    return total


def predict_and_note(notes: Path, words: list[str]) -> None:
    """Run the command with a reader that notes the memory (runs in a child process)."""
    from pneumoscope.cli import main as pneumoscope
    from pneumoscope.inference.reader import Reader

    read = Reader.read
    samples: list[tuple[int, float]] = []

    def noting(self: Reader, sources: Iterable[Any]) -> Iterator[Any]:
        for number, reading in enumerate(read(self, sources), 1):
            if number % EVERY == 0:
                samples.append((number, resident_mb()))
            yield reading

    Reader.read = noting  # type: ignore[method-assign]
    sys.argv = ["pneumoscope", *words]
    try:
        pneumoscope()
    finally:
        notes.write_text(json.dumps(samples), encoding="utf-8")


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        predict_and_note(Path(sys.argv[2]), sys.argv[3:])
        return
    parser = common.parser(__doc__, rounds=1)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--films", type=int, default=10_000)
    options = parser.parse_args()
    machine = common.machine(options)
    early = options.films // 10
    if early < EVERY:
        parser.error(f"--films has to be {10 * EVERY} or more")
    runs = []
    with common.scratch(options) as folder:
        films = folder / "films"
        common.make_folder(options.originals, films, options.films, copies=False)
        for _ in range(options.rounds):
            notes = folder / "notes.json"
            words = ["predict", films, "--bundle", options.bundle, "--csv", folder / "out.csv"]
            child = common.run([sys.executable, Path(__file__), "--child", notes, *words])
            samples = json.loads(notes.read_text(encoding="utf-8"))
            if len(samples) != options.films // EVERY:
                raise SystemExit(f"Noted {len(samples)} of {options.films // EVERY} samples.")

            def at(film: int, samples: list[tuple[int, float]] = samples) -> float:
                window = [mb for number, mb in samples if film - WINDOW < number <= film]
                return common.median(window)

            runs.append(
                {
                    "early_mb": at(early),
                    "late_mb": at(options.films),
                    "seconds": child.seconds,
                    "peak_rss_mb": child.peak_rss_mb,
                    "samples": samples[:: max(1, len(samples) // 100)],
                }
            )
    first, last = (common.median([run[key] for run in runs]) for key in ("early_mb", "late_mb"))
    row = common.Row(
        f"memory of predict at film {options.films:,}, over film {early:,}",
        f"{last:.0f} MB",
        f"{first:.0f} MB",
        last / first,
        "≤ 1.05x",
    )
    common.report(options, [row], {"machine": machine, "runs": runs})


if __name__ == "__main__":
    main()

"""One film read cold, process start to end, against the Keras equivalent; memory and imports.

    python benchmarks/bench_cold.py --originals DIR --bundle BUNDLE.pneumo

``pneumoscope predict one.jpeg --bundle B`` and a Python that loads a saved Keras model and
predicts one film, turn about; wall time and the peak resident memory that the kernel reports for
each child. Once more through a harness that lists which heavy packages a reading has imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

import common

HEAVY = ("torch", "tensorflow", "matplotlib", "scipy", "pydicom", "pandas", "onnx", "onnxruntime")

HARNESS = f"""
import json, sys
from pneumoscope.cli import main
code = 0
try:
    main()
except SystemExit as done:
    code = done.code or 0
print()
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
sys.exit(code)
"""


def main() -> None:
    parser = common.parser(__doc__, rounds=7)
    parser.add_argument("--bundle", required=True, help="the notebook's network at 180 px")
    options = parser.parse_args()
    machine = common.machine(options)
    with common.scratch(options) as folder:
        film: str | Path = common.originals_in(options.originals)[0]
        model = common.rival_model(options, folder)
        words = ["predict", film, "--bundle", options.bundle]
        sides = {
            "rival": lambda: common.run(
                common.rival(options, "predict-one", film, "--model", model)
            ),
            "ours": lambda: common.run(common.ours(options, *words)),
        }
        common.interleave(1, **sides)  # programs and libraries into the page cache
        runs = common.interleave(options.rounds, **sides)
        imported = common.run([sys.executable, "-c", HARNESS, *words]).json()

    seconds = {side: common.median([run.seconds for run in some]) for side, some in runs.items()}
    peak = {side: max(run.peak_rss_mb for run in some) for side, some in runs.items()}
    rows = [
        common.Row(
            "one film, cold",
            f"{seconds['ours']:.2f} s",
            f"{seconds['rival']:.2f} s",
            seconds["rival"] / seconds["ours"],
            "8x (15x)",
        ),
        common.Row(
            f"its peak memory ({'torch imported' if 'torch' in imported else 'no torch'})",
            f"{peak['ours']:.0f} MB",
            f"{peak['rival']:.0f} MB",
            peak["rival"] / peak["ours"],
            "< 400 MB, no torch",
        ),
    ]
    details = {
        "machine": machine,
        "seconds": {side: [run.seconds for run in some] for side, some in runs.items()},
        "peak_rss_mb": {side: [run.peak_rss_mb for run in some] for side, some in runs.items()},
        "heavy_imports": imported,
    }
    common.report(options, rows, details)


if __name__ == "__main__":
    main()

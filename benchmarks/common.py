"""What the benchmarks share: a folder of films, timed children, the machine, and the report.

It imports the standard library only: the peak memory that the kernel reports for a child starts
at the size its parent had when it was forked, so a measuring process has to be small.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CLASSES = ("NORMAL", "PNEUMONIA")


# --- the folder -----------------------------------------------------------------------------------


def repeat_name(name: str, repetition: int) -> str:
    """A Kaggle film name moved to a patient of its own, so that a split can tell patients apart.

    ``person7_virus_12.jpeg`` becomes ``person20007_virus_12.jpeg`` at repetition 2, and
    ``NORMAL2-IM-0123-0001.jpeg`` becomes ``NORMAL2-IM-20123-0001.jpeg``.
    """
    return re.sub(
        r"(?<=^person)\d+|(?<=IM-)\d+",
        lambda number: str(repetition * 10_000 + int(number[0])),
        name,
        count=1,
    )


def mark_jpeg(data: bytes, mark: str) -> bytes:
    """The same picture as different bytes: a comment segment (ITU-T T.81, B.2.4.5) after SOI."""
    comment = mark.encode("ascii")
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def originals_in(folder: Path) -> list[Path]:
    """The JPEGs under ``folder`` whose own folder is named after a class, in a fixed order."""
    found = [path for path in sorted(folder.rglob("*.jpeg")) if path.parent.name in CLASSES]
    if not found:
        raise SystemExit(f"No JPEG films in folders NORMAL and PNEUMONIA under {folder}.")
    return found


def make_folder(originals: Path, target: Path, films: int, *, copies: bool = True) -> list[Path]:
    """Fill ``target/train/CLASS`` with ``films`` films by repeating the originals.

    With ``copies`` each repetition is a file of its own with bytes of its own, so that nothing
    can be recognised as seen before; without, repetitions are hard links to one copy, for
    folders that would not fit on a disk. Reading them back warms the page cache for everybody.
    """
    sources = originals_in(originals)
    made: list[Path] = []
    first_copy: dict[Path, Path] = {}
    for number, source in enumerate(itertools.islice(itertools.cycle(sources), films)):
        repetition = number // len(sources) + 1
        path = target / "train" / source.parent.name / repeat_name(source.name, repetition)
        path.parent.mkdir(parents=True, exist_ok=True)
        if copies:
            path.write_bytes(mark_jpeg(source.read_bytes(), f"repetition {repetition}"))
        elif source in first_copy:
            path.hardlink_to(first_copy[source])
        else:
            first_copy[source] = Path(shutil.copyfile(source, path))
        made.append(path)
    for path in made if copies else first_copy.values():
        path.read_bytes()
    return made


@contextlib.contextmanager
def scratch(options: argparse.Namespace) -> Iterator[Path]:
    """A folder for films, runs and caches that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pneumoscope-bench-", dir=options.scratch) as folder:
        yield Path(folder)


# --- children -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Child:
    """A finished process: clock at its start, wall seconds start to end, peak resident MB, output.

    A megabyte is 10^6 bytes.
    """

    started: float
    seconds: float
    peak_rss_mb: float
    stdout: str
    stderr: str

    def json(self) -> dict[str, Any]:
        """The last line of the output, which the rival and our harnesses print as JSON."""
        result: dict[str, Any] = json.loads(self.stdout.splitlines()[-1])
        return result


def run(command: Sequence[str | Path], *, watch: Callable[[float], None] | None = None) -> Child:
    """Run a command to its end; ``watch(seconds since start)`` is called every 20 ms meanwhile."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started, began = time.time(), time.perf_counter()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            pid = 0
            while watch and not pid:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                watch(time.perf_counter() - began)
                time.sleep(0.02)
            if not pid:
                pid, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read(), err.read()
    if process.returncode:
        tail = "\n".join((stdout + stderr).splitlines()[-15:])
        raise SystemExit(f"{' '.join(words)}\nended with {process.returncode}:\n{tail}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Child(started, seconds, usage.ru_maxrss * unit / 1e6, stdout, stderr)


def interleave(rounds: int, **sides: Callable[[], Any]) -> dict[str, list[Any]]:
    """Call each side once a round (A B A B ...), so that a noisy minute falls on all of them."""
    results: dict[str, list[Any]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            results[name].append(side())
            print(f"round {number + 1}/{rounds}: {name} done", file=sys.stderr)
    return results


def films_per_second(reader: Any, films: Sequence[Path]) -> float:
    """The rate at which a ``Reader`` reads ``films``, of which it may refuse none."""
    began = time.perf_counter()
    refused = [reading.reason for reading in reader.read(films) if reading.status != "read"]
    seconds = time.perf_counter() - began
    if refused:
        raise SystemExit(f"{len(refused)} films were refused: {refused[0]}")
    return len(films) / seconds


def rival(options: argparse.Namespace, *words: str | Path) -> list[str | Path]:
    """The command line of a sub-command of the rival."""
    if not Path(options.rival_python).exists():
        raise SystemExit(
            f"There is no {options.rival_python}: make the rival's environment as "
            "benchmarks/requirements-rival.txt says, or name its python with --rival-python."
        )
    return [options.rival_python, HERE / "rival_keras.py", *words]


def rival_model(options: argparse.Namespace, folder: Path) -> Path:
    """The rival's saved model: the one given, or one trained for an epoch on a few films."""
    if options.rival_model:
        return Path(options.rival_model)
    # Enough for a batch of validation: Keras takes 0 steps of a repeated set for endlessly many.
    make_folder(options.originals, folder / "few", 160)
    model = folder / "rival.keras"
    run(rival(options, "train", folder / "few", "--epochs", "1", "--save", model))
    return model


def ours(options: argparse.Namespace, *words: str | Path) -> list[str | Path]:
    """The command line of ``pneumoscope`` as installed beside this python."""
    return [options.pneumoscope, *words]


# --- machine and report ---------------------------------------------------------------------------


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """Processor, cores, memory, system and the versions of both sides."""
    processor, flags = platform.processor(), ""
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        for name, value in re.findall(r"^(model name|flags)\s*: (.*)$", text, re.MULTILINE)[:2]:
            processor, flags = (value, flags) if name == "model name" else (processor, value)
    wanted = {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"}
    packages = ("pneumoscope", "torch", "onnxruntime", "numpy", "simplejpeg", "pillow")
    versions = {}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "processor": processor,
        "features": sorted(wanted & set(flags.split())),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "ours": {"python": platform.python_version(), **versions},
        "rival": run(rival(options, "versions")).json() if options.originals else None,
    }


@dataclass(frozen=True, slots=True)
class Row:
    """One measured ratio: medians of both sides in one run, and what the ratio should reach.

    ``rival`` is whatever stands on the other side: Keras, a limit, or an earlier moment.
    """

    what: str
    ours: str
    rival: str
    ratio: float
    target: str
    unit: str = "x"

    def markdown(self) -> str:
        ratio = f"{100 * self.ratio:.0f} %" if self.unit == "%" else f"{self.ratio:.2f}{self.unit}"
        return f"| {self.what} | {self.ours} | {self.rival} | {ratio} | {self.target} |"


def report(options: argparse.Namespace, rows: Sequence[Row], details: dict[str, Any]) -> None:
    """Print the rows as a markdown table, then everything as one line of JSON."""
    print("| what | Pneumoscope | against | ratio | at least (aim) |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        print(row.markdown())
    command = " ".join(["python", *sys.argv])
    result = {"command": command, "rows": [asdict(row) for row in rows], **details}
    print(json.dumps(result))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def parser(description: str, *, rounds: int, rival: bool = True) -> argparse.ArgumentParser:
    """Options that every benchmark takes; without ``rival`` there is none and no originals."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--rounds", type=int, default=rounds, help=f"default: {rounds}")
    if rival:
        made.add_argument(
            "--originals",
            type=Path,
            required=True,
            help="films at original size, in folders NORMAL and PNEUMONIA; repeated as needed",
        )
        made.add_argument(
            "--rival-python",
            default=str(HERE / ".venv-rival" / "bin" / "python"),
            help="python that has the rival's requirements (default: benchmarks/.venv-rival)",
        )
        made.add_argument("--rival-model", help="saved .keras model (default: trained on the spot)")
    else:
        made.set_defaults(originals=None)
    made.add_argument(
        "--pneumoscope",
        default=str(Path(sys.executable).with_name("pneumoscope")),
        help="our command (default: the one beside this python)",
    )
    made.add_argument("--scratch", help="where the temporary films go (default: the system's)")
    made.add_argument("--json", help="also write the result here")
    return made

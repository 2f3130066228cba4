"""What the guard reads and what it refuses, and in how many milliseconds.

    python benchmarks/bench_guard.py DIR [--external DIR]

DIR holds films of one collection, EXTERNAL those of another hospital; both have folders NORMAL and
PNEUMONIA somewhere below. The guard is fitted, as an export does it, to films of four fifths of the
patients in DIR; the rest and all external films are measured, as they are, with inverted greys and
turned. What is no film is drawn or comes out of packages (``tests/not_films.py`` and
``tests/found_pictures.py``; they need the ``dev`` extra), always grey and without a header. Prints
shares with their 95 % Wilson intervals.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from pneumoscope import radiograph
from pneumoscope.data.catalog import kaggle_patient
from pneumoscope.film import Facts, Radiograph
from pneumoscope.inference.guard import Guard, examine
from pneumoscope.inference.guard_fit import fit_guard, plenty
from pneumoscope.metrics.intervals import wilson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import found_pictures
import not_films

SIZE = 180
Change = Callable[[Radiograph], Radiograph]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("films", type=Path, metavar="DIR")
    options.add_argument("--external", type=Path, metavar="DIR")
    options.add_argument("--names", action="store_true", help="also name what was not refused")
    asked = options.parse_args()

    fitted, held_out = split(films_in(asked.films))
    began = time.perf_counter()
    chosen = plenty(fitted)
    guard = fit_guard(load(path).pixels for path in chosen)
    print(
        f"fitted to {len(chosen)} of {len(fitted)} films in {time.perf_counter() - began:.0f} s\n"
    )
    print("| what | n | read as it is | mended and read | refused | 95 % interval |")
    print("| --- | --- | --- | --- | --- | --- |")
    held_out_films = [load(path) for path in held_out]
    row("films held out", held_out_films, guard, wanted="read")
    external = [load(path) for path in films_in(asked.external)] if asked.external else []
    if external:
        row("films of another hospital", external, guard, wanted="read")
    for name, films in (("held out", held_out_films), ("other hospital", external)):
        if films:
            row(f"{name}, greys inverted", map(inverted, films), guard, wanted="not read")
            for turns in (1, 2, 3):
                turned = (turn(film, turns) for film in films)
                row(f"{name}, turned {90 * turns} degrees", turned, guard, wanted="not read")
    kept = []
    for name, pictures in (
        ("drawn", not_films.drawn()),
        ("found in packages", found_pictures.found()),
    ):
        named = [(word, as_film(pixels)) for word, pixels in pictures]
        row(f"no films, {name}", [film for _, film in named], guard, wanted="refused")
        kept += [word for word, film in named if examine(film, guard).reason is None]
    if asked.names:
        print("\nnot refused:", ", ".join(kept))
    times(held_out_films, guard)


def films_in(folder: Path) -> list[Path]:
    """The films below ``folder`` in folders named after a class, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.parent.name in ("NORMAL", "PNEUMONIA") and path.suffix in radiograph.FILM_SUFFIXES
    )


def split(films: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The films of four fifths of the patients, at random, and those of the rest."""
    patient = {path: kaggle_patient(path) or path.name for path in films}
    names = sorted(set(patient.values()))
    chance = np.random.default_rng(0).random(len(names))
    fitted = {name for name, draw in zip(names, chance, strict=True) if draw < 0.8}
    return (
        [path for path in films if patient[path] in fitted],
        [path for path in films if patient[path] not in fitted],
    )


def load(path: Path) -> Radiograph:
    return radiograph.load(path, at_least=SIZE)


def as_film(pixels: not_films.Grey) -> Radiograph:
    height, width = pixels.shape
    return Radiograph(np.ascontiguousarray(pixels), Facts("png", width, height, 8, colour=False))


def inverted(film: Radiograph) -> Radiograph:
    return Radiograph(255 - film.pixels, film.facts)


def turn(film: Radiograph, turns: int) -> Radiograph:
    return as_film(np.rot90(film.pixels, turns))


def outcome(film: Radiograph, guard: Guard) -> str:
    examined = examine(film, guard)
    if examined.reason is not None:
        return "refused"
    return "read" if examined.radiograph is film else "mended"


def row(what: str, films: Iterable[Radiograph], guard: Guard, *, wanted: str) -> None:
    """Print the outcomes; the interval is that of the wanted one."""
    count = Counter(outcome(film, guard) for film in films)
    n = count.total()
    right = n - count["read"] if wanted == "not read" else count[wanted]
    interval = wilson(right, n)
    shares = " | ".join(f"{count[name]}" for name in ("read", "mended", "refused"))
    share = f"{wanted} {interval.value:.2%} ({interval.low:.2%} to {interval.high:.2%})"
    print(f"| {what} | {n} | {shares} | {share} |", flush=True)


def times(films: Sequence[Radiograph], guard: Guard) -> None:
    """Print how long an examination takes, after a warm start."""
    taken = []
    for film in films[:500]:
        began = time.perf_counter()
        examine(film, guard)
        taken.append(1e3 * (time.perf_counter() - began))
    print(f"\n{statistics.median(taken):.2f} ms a film (median of {len(taken)}), ", end="")
    print(f"p95 {np.quantile(taken, 0.95):.2f} ms")


if __name__ == "__main__":
    main()

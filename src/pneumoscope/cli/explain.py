"""``pneumoscope explain``."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pneumoscope.evaluation.mask_share import Share
    from pneumoscope.inference.bundle import Bundle
    from pneumoscope.inference.reader import Reader, Reading
    from pneumoscope.inference.saliency import Attribute

TABLE = "evidence.csv"
COLUMNS = (
    *("file", "status", "probability", "call", "reason", "logit", "method", "overlay"),
    *("inside_mask", "mask_area"),
)
_GRADIENTS = ("gradcam", "integrated-gradients")
_ENDING = "-evidence.png"
_LONGEST = 120  # bytes of a film's name in the overlay's: file systems take 255 in all


@click.command("explain")
@click.argument("films", metavar="FILES|DIRS...", nargs=-1, required=True, type=FILE)
@options.bundle
@click.option(
    "--method",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cam", "occlusion", *_GRADIENTS]),
    help="cam: exact, from bundles trained with head=cam; occlusion: any bundle; auto: the first "
    "of these that the bundle permits. The others need --run and pneumoscope[train].",
)
@click.option("--run", type=FILE, help="The run that the bundle was exported from, for gradients.")
@click.option(
    "--out", default="evidence", show_default=True, type=FILE, help="Folder for the pictures."
)
@click.option(
    "--masks",
    type=FILE,
    help="Folder of lung masks named like the films: say how much of the evidence lies inside.",
)
@options.operating_point
@options.prevalence
@options.threads
@options.quiet
def command(
    films: tuple[Path, ...],
    bundle: Path | None,
    method: str,
    run: Path | None,
    out: Path,
    masks: Path | None,
    operating_point: str,
    prevalence: float | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Read films and draw where each score comes from: one PNG a film, and evidence.csv.

    Each picture has the film on the left and on the right the film below its evidence: warm
    colours speak for the positive class, cold ones against it, on a scale in logits. The evidence
    says what moved the network, not what ails the patient. With --masks, films that were called
    positive are summed up: the share of their positive evidence inside the lungs, beside the share
    that evidence spread evenly would have. A film that cannot be read is a row with its reason;
    the exit code is then 1.

    \b
    pneumoscope explain film.jpeg
    pneumoscope explain ward/ --method occlusion --out ward-evidence
    pneumoscope explain ward/ --masks lung_masks
    pneumoscope explain ward/ --bundle run/bundle.pneumo --run run --method integrated-gradients
    """
    from tqdm import tqdm

    from pneumoscope import files
    from pneumoscope.data.layout import find_films
    from pneumoscope.data.masks import open_masks
    from pneumoscope.evaluation.mask_share import mask_share
    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.overlay import draw_overlay
    from pneumoscope.inference.reader import Reader
    from pneumoscope.inference.saliency import explain_one

    held = load_bundle(bundle)
    reader = Reader(held, operating_point=operating_point, prevalence=prevalence, threads=threads)
    method, attribute = _choose(method, reader, held, run)
    known_masks = None if masks is None else open_masks(masks)
    # Listed before anything is written, and without what an earlier call has drawn there.
    found = [film for film in find_films(films) if not _is_overlay(film, out)]
    if not found:
        raise UsageError("No film was found there.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} is no folder to write to: {error.strerror}.") from error

    rows: list[dict[str, Any]] = []
    shares: list[tuple[Reading, Share]] = []
    taken: set[str] = set()
    if not quiet:
        click.echo(f"{'status':<8} {'probability':>11}  {'call':<10} {'inside':>6}  file")
    try:
        for film in tqdm(found, "explaining", unit=" film", disable=True if quiet else None):
            explained = explain_one(film, reader, method=method, attribute=attribute)
            reading, overlay, share = explained.reading, "", None
            if explained.map is not None:
                overlay = _overlay_name(film, taken)
                draw_overlay(explained, out / overlay, classes=held.classes)
                mask = None if known_masks is None else known_masks.of(film)
                share = None if mask is None else mask_share(explained.map, mask)
            if share is not None and reading.call == held.classes[1]:
                shares.append((reading, share))
            rows.append(_row(reading, method, overlay, share))
            if not quiet:
                tqdm.write(_line(reading, share))
    finally:  # what took long to find is kept when it is stopped
        files.write_text(out / TABLE, _to_csv(rows))
    refused = sum(row["status"] == "refused" for row in rows)
    if known_masks is not None:
        click.echo(_summary(shares, held.classes[1]))
    click.echo(
        f"{len(rows) - refused} explained by {method}, {refused} refused; pictures and {TABLE}: "
        f"{out}. Not a medical device.",
        err=True,
    )
    if refused:
        raise SystemExit(1)


def _choose(method: str, reader: Reader, bundle: Bundle, run: Path | None) -> tuple[str, Attribute]:
    if method not in _GRADIENTS:
        from pneumoscope.inference.saliency import choose

        if run is not None:
            raise UsageError(f"--run is for {' and '.join(_GRADIENTS)}; {method} needs none.")
        return choose(method, reader)
    if run is None:
        raise UsageError(f"{method} needs --run: the run that the bundle was exported from.")
    from pneumoscope.model.gradients import gradients_of
    from pneumoscope.model.runs import open_run

    return method, gradients_of(open_run(run), bundle, method=method)


def _is_overlay(film: Path, out: Path) -> bool:
    return film.name.endswith(_ENDING) and film.parent.resolve() == out.resolve()


def _overlay_name(film: Path, taken: set[str]) -> str:
    """A name of its own for the picture of ``film``, safe on any file system; put in ``taken``."""
    text = unicodedata.normalize("NFC", film.stem)
    stem = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in text)
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").lstrip(".") or "film"
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.casefold())
    return name + _ENDING


def _row(reading: Reading, method: str, overlay: str, share: Share | None) -> dict[str, Any]:
    fields = {name: getattr(reading, name) for name in COLUMNS[:6]}
    inside = ("", "") if share is None else (share.inside, share.chance)
    return fields | dict(zip(COLUMNS[6:], (method, overlay, *inside), strict=True))


def _to_csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _line(reading: Reading, share: Share | None) -> str:
    probability = "" if reading.probability is None else f"{reading.probability:.3f}"
    inside = "-" if share is None else f"{share.inside:.2f}"
    why = f"  ({reading.reason})" if reading.reason else ""
    return (
        f"{reading.status:<8} {probability:>11}  {reading.call or '-':<10} {inside:>6}  "
        f"{reading.file}{why}"
    )


def _summary(shares: Sequence[tuple[Reading, Share]], positive: str) -> str:
    """The mean share inside the masks beside chance, over films that were called positive."""
    import numpy as np

    from pneumoscope.data.catalog import kaggle_patient
    from pneumoscope.evaluation.figures import mean

    if not shares:
        return f"No film that was called {positive} has a mask."
    known = [kaggle_patient(Path(reading.file)) or reading.file for reading, _ in shares]
    patients = np.array(known, dtype=str)
    inside = mean(np.array([share.inside for _, share in shares]), patients)
    chance = mean(np.array([share.chance for _, share in shares]), patients)
    n, count = inside.interval.n, inside.interval.patients
    return (
        f"Inside the masks: {inside} of the evidence for {positive} (called so: {n} "
        f"film{'s' * (n != 1)} of {count} patient{'s' * (count != 1)}). Spread evenly: {chance}."
    )

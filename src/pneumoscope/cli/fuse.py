"""``pneumoscope fuse``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("fuse")
@click.argument("manifest", metavar="MANIFEST", type=FILE)
@options.bundle
@click.option(
    "--out",
    type=FILE,
    default=Path("fused.pneumo"),
    show_default=True,
    help="The bundle to write; the figures stand beside it, as <name>.fusion.json.",
)
@click.option("--dry-run", is_flag=True, help="Print the figures and write nothing.")
@click.option("--fields", metavar="A,B", help="Columns to take [default: all that can be taken].")
@click.option(
    "--categories", metavar="A,B", help="Columns that are names although they look like numbers."
)
@click.option(
    "--folds",
    default=5,
    show_default=True,
    type=click.IntRange(min=3),
    help="Folds of patients that the figures come from.",
)
@options.positive
@options.resamples
@click.option("--seed", default=0, show_default=True, help="How patients are dealt into folds.")
@options.threads
@options.quiet
def command(
    manifest: Path,
    bundle: Path | None,
    out: Path,
    dry_run: bool,
    fields: str | None,
    categories: str | None,
    folds: int,
    positive: str | None,
    resamples: int,
    seed: int,
    threads: int | None,
    quiet: bool,
) -> None:
    """Take clinical fields beside the film, and say what they add.

    MANIFEST is a CSV with the columns path and label, patient if known, and the fields: numbers
    (age, temperature) and names (sex, view); a value may be missing. Its films are read with the
    bundle, without those of a test split and those that the bundle has trained on. A penalised
    logistic regression of the film's logit and the fields is fitted, and a bundle is written that
    takes both: give it to evaluate, report and predict.

    Printed, and written beside the bundle: ROC-AUC and accuracy with 95 % intervals of the film
    alone, the fields alone, both, and both without each field in turn, all of them on folds of
    patients that had no part in the fit. A field that gives the label away is named. A column that
    is constant, empty, an identifier or has too many names is not taken, and why is said. The exit
    code is 1 when films were refused.

    \b
    pneumoscope fuse films.csv
    pneumoscope fuse films.csv --fields age,temperature --bundle run/bundle.pneumo --out f.pneumo
    pneumoscope fuse films.csv --dry-run --categories site
    pneumoscope evaluate others.csv --bundle fused.pneumo --split test
    pneumoscope predict ward.csv --bundle fused.pneumo
    """
    from pneumoscope.evaluation.fuse import fuse, record_path
    from pneumoscope.evaluation.fuse_words import to_text

    found = fuse(
        manifest,
        bundle=bundle,
        out=None if dry_run else out,
        fields=_names(fields),
        categories=_names(categories),
        folds=folds,
        positive=positive,
        resamples=resamples,
        seed=seed,
        threads=threads,
        progress=not quiet,
    )
    text = to_text(found.record)
    text += "" if dry_run else f"\n\nBundle and figures: {out}, {record_path(out)}"
    # A file name may hold bytes that are no text; standard output would refuse them.
    click.echo(text.encode("utf-8", "backslashreplace").decode())
    click.echo("Not a medical device.")
    if found.record["refused"]["films"]:
        sys.exit(1)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())

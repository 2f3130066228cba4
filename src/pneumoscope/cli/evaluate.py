"""``pneumoscope evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("evaluate")
@click.argument("where", metavar="DIR", type=FILE)
@options.bundle
@click.option(
    "--split",
    required=True,
    type=click.Choice(["test", "val"]),
    help="test: the test folder, or all films where there are no splits; val: the films that the "
    "bundle lists as validation.",
)
@options.sizes
@options.positive
@options.operating_point
@options.prevalence
@click.option(
    "--out", type=FILE, help="Folder to write [default: evaluation-SPLIT in the bundle's run]."
)
@options.resamples
@options.threads
@options.quiet
def command(
    where: Path,
    bundle: Path | None,
    split: str,
    sizes: Path | None,
    positive: str | None,
    operating_point: str,
    prevalence: float | None,
    out: Path | None,
    resamples: int,
    threads: int | None,
    quiet: bool,
) -> None:
    """Prove a bundle on films in DIR whose truth is known.

    DIR is a folder as for training (one that holds only test/ is enough) or a CSV manifest. Every
    figure has its number of films and patients and a 95 % interval. The output folder gets
    results.json, predictions.csv and four plots. That a test split is opened is recorded in the
    bundle's run folder. The exit code is 1 when films were refused.

    \b
    pneumoscope evaluate chest_xray --split test
    pneumoscope evaluate chest_xray --bundle run/bundle.pneumo --split val
    pneumoscope evaluate chest_xray --bundle run/bundle.pneumo --split test
    pneumoscope evaluate films.csv --bundle b.pneumo --split test --operating-point screen
    """
    from pneumoscope.data.catalog import open_catalog
    from pneumoscope.evaluation.evaluate import evaluate
    from pneumoscope.evaluation.evaluate_text import to_text

    results = evaluate(
        open_catalog(where, sizes=sizes, positive=positive),
        bundle=bundle,
        split=split,
        out=out,
        operating_point=operating_point,
        prevalence=prevalence,
        resamples=resamples,
        threads=threads,
        progress=not quiet,
    )
    # A file name may hold bytes that are no text; standard output would refuse them.
    click.echo(to_text(results).encode("utf-8", "backslashreplace").decode())
    if results.refused:
        sys.exit(1)

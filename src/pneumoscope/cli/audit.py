"""``pneumoscope audit``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("audit")
@click.argument("where", metavar="DIR", type=FILE)
@options.bundle
@click.option(
    "--split",
    type=click.Choice(["test", "val"]),
    help="test: the test folder, which is otherwise left alone; val: the films that the bundle "
    "lists as validation [default: all others that it has not trained on].",
)
@click.option(
    "--masks",
    type=FILE,
    help="Folder of lung masks named like the films, to black out lungs, and all but lungs.",
)
@options.sizes
@options.positive
@click.option("--out", type=FILE, help="Folder to write [default: audit in the bundle's run].")
@click.option(
    "--at-most",
    metavar="FILMS",
    default=500,
    show_default=True,
    type=click.IntRange(min=1),
    help="Films to change on purpose, of patients drawn by chance; all films are read as they are.",
)
@options.resamples
@options.threads
@options.quiet
def command(
    where: Path,
    bundle: Path | None,
    split: str | None,
    masks: Path | None,
    sizes: Path | None,
    positive: str | None,
    out: Path | None,
    at_most: int,
    resamples: int,
    threads: int | None,
    quiet: bool,
) -> None:
    """Ask whether a bundle looks at lungs, on films in DIR whose truth is known.

    DIR is a folder as for training or a CSV manifest, whose columns age, sex and view are looked
    at. One table says pass, warn, fail or not asked of: films, copies and patients trained on; size
    and aspect; corners, lungs and all but lungs blacked out; letters; mirrored and shifted films;
    blur, noise, gamma, contrast, JPEG, crop, border and resolution; subgroups. The output folder
    gets audit.json, audit.md and three pictures. The exit code is 1 when a verdict is fail.

    \b
    pneumoscope audit chest_xray --bundle run/bundle.pneumo
    pneumoscope audit chest_xray --sizes original_sizes.csv --masks lung_masks
    pneumoscope audit films.csv --bundle b.pneumo --out audit
    """
    from pneumoscope.data.catalog import open_catalog
    from pneumoscope.evaluation.audit import audit
    from pneumoscope.evaluation.audit_text import to_text

    found = audit(
        open_catalog(where, sizes=sizes, positive=positive),
        bundle=bundle,
        split=split,
        masks=masks,
        out=out,
        at_most=at_most,
        resamples=resamples,
        threads=threads,
        progress=not quiet,
    )
    # A file name may hold bytes that are no text; standard output would refuse them.
    click.echo(to_text(found).encode("utf-8", "backslashreplace").decode())
    if found.failed:
        sys.exit(1)

"""``pneumoscope suggest``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("suggest")
@click.argument("where", metavar="DIR", type=FILE)
@click.option(
    "--n",
    "n",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="Films to label, and labels to check, at most.",
)
@options.bundle
@click.option(
    "--out-of-fold",
    metavar="CROSSVAL",
    type=FILE,
    help="Output folder of crossval on these films, to check labels by networks that have not "
    "seen them [default: the bundle's readings of films that it has not trained on].",
)
@click.option(
    "--out", type=FILE, default=Path("suggestions"), show_default=True, help="Folder to write."
)
@click.option(
    "--image-prefix",
    metavar="URL",
    help="What stands before the films' paths in the column image [default: Label Studio's local "
    "files, below the folder that holds DIR].",
)
@click.option(
    "--copy",
    is_flag=True,
    help="Write the suggested films as PNG into the output folder, and name those in the tables: "
    "Label Studio shows no DICOM and no TIFF.",
)
@options.positive
@options.threads
@options.quiet
def command(
    where: Path,
    n: int,
    bundle: Path | None,
    out_of_fold: Path | None,
    out: Path,
    image_prefix: str | None,
    copy: bool,
    positive: str | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Say which films in DIR to label next, and which of its labels to check.

    DIR is a folder of films without labels, a folder as for training (with a folder called
    unlabelled, if you like), or a CSV manifest whose labels may be empty. To label next are films
    near a probability of one half, unlike each other, one a patient. To check are labels that a
    probability contradicts, the most contradicted first. Films of a test folder and those that the
    bundle has trained on are left out.

    The output folder gets to_label.csv and to_check.csv, which Label Studio imports as tasks, a
    contact sheet beside each, and suggestions.json. The exit code is 1 where films were refused.

    \b
    pneumoscope suggest ward/ --n 50
    pneumoscope suggest ward/ --bundle run/bundle.pneumo --copy
    pneumoscope suggest chest_xray --out-of-fold crossval-full-grouped
    """
    from pneumoscope.evaluation.suggest import suggest
    from pneumoscope.evaluation.suggestions import to_text

    found = suggest(
        where,
        n=n,
        bundle=bundle,
        out_of_fold=out_of_fold,
        out=out,
        positive=positive,
        image_prefix=image_prefix,
        copy=copy,
        threads=threads,
        progress=not quiet,
    )
    # A file name may hold bytes that are no text; standard output would refuse them.
    click.echo(to_text(found).encode("utf-8", "backslashreplace").decode())
    if found.refused:
        sys.exit(1)

"""``pneumoscope crossval``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("crossval")
@click.argument("where", metavar="DIR", type=FILE)
@click.option(
    "--by",
    required=True,
    type=click.Choice(["grouped", "shift"]),
    help="grouped: whole patients at random; shift: films of unlike acquisition.",
)
@options.recipe
@options.backbone
@options.settings
@click.option(
    "--folds",
    default=5,
    show_default=True,
    type=click.IntRange(min=2),
    help="Folds of --by grouped.",
)
@click.option("--out", type=FILE, help="Folder to write [default: crossval-RECIPE-BY].")
@options.sizes
@options.positive
@options.masks
@options.cache
@options.cpu_threads
@options.quiet
def command(
    where: Path,
    by: Literal["grouped", "shift"],
    recipe: str,
    backbone: str | None,
    settings: tuple[str, ...],
    folds: int,
    out: Path | None,
    sizes: Path | None,
    positive: str | None,
    masks: Path | None,
    cache: Path | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Train a recipe once a fold on the films in DIR, and score each fold by what has not seen it.

    The folds of --by shift are films of unlike acquisition, within each class: size (small normal
    films with large pneumonia films), size-converse, aspect, sharpness, and series (the last of
    every numbering). They need original sizes. The epoch is selected on a tenth of the patients
    outside the fold; a recipe that takes the last one has a fiftieth watched and learns from the
    rest. The output folder gets scores.csv.gz and results.json; folds that are done are skipped.
    The exit code is 1 where a fold came to nothing.

    \b
    pneumoscope crossval chest_xray --by grouped --recipe full
    pneumoscope crossval chest_xray --by shift --sizes original_sizes.csv --set epochs=8
    """
    from pneumoscope.evaluation.crossval import cross_validate, to_text
    from pneumoscope.model.recipe import named

    chosen = named(recipe, options.parse_settings(settings, backbone=backbone))
    found = cross_validate(
        where,
        by=by,
        out=out or Path(f"crossval-{chosen.name}-{by}"),
        recipe=chosen,
        folds=folds,
        sizes=sizes,
        positive=positive,
        masks=masks,
        cache=cache,
        threads=threads,
        progress=not quiet,
    )
    click.echo(to_text(found))
    click.echo(f"Scores: {found.out}")
    if found.failed:
        raise SystemExit(1)

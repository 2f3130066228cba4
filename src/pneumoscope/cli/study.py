"""``pneumoscope study``."""

from __future__ import annotations

from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("study")
@click.argument("name", metavar="NAME")
@click.argument("where", metavar="DIR", type=FILE)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Trainings of every cell; the seed draws the split, the first weights and the order.",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Epochs of every training [default: the study's]."
)
@click.option(
    "--out",
    type=FILE,
    default=Path("studies"),
    show_default=True,
    help="Folder to write; studies in one folder share the cells that they have in common.",
)
@options.sizes
@options.positive
@options.masks
@options.cache
@options.cpu_threads
@options.quiet
def command(
    name: str,
    where: Path,
    seeds: int,
    epochs: int | None,
    out: Path,
    sizes: Path | None,
    positive: str | None,
    masks: Path | None,
    cache: Path | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Train every cell of the study NAME on the films in DIR and say what came of it.

    NAME is resolution, dropout, width, norm-dropout, augment, imbalance, split, labels, rarity or
    squash, or shipped, which needs --masks. Every cell is scored on validation films of random
    patients, on films of unlike acquisition, and on the counter-stereotype slice of both; original
    sizes are therefore needed. OUT/NAME gets table.csv, table.md and plot.png, each figure with its
    interval over seeds and its paired test against the reference cell.

    What is done is skipped, and what was stopped goes on after its last epoch: run the same command
    again. Two processes may work in one folder, each with --threads 1. The exit code is 1 where a
    cell came to nothing.

    \b
    pneumoscope study dropout chest_xray --sizes original_sizes.csv
    pneumoscope study labels chest_xray --sizes original_sizes.csv --seeds 1 --out studies
    """
    from pneumoscope.evaluation.study import run_study

    try:
        table = run_study(
            name,
            where,
            out=out,
            seeds=seeds,
            epochs=epochs,
            sizes=sizes,
            positive=positive,
            masks=masks,
            cache=cache,
            threads=threads,
            progress=not quiet,
        )
    except KeyboardInterrupt:
        click.echo("Stopped; the same command goes on after the last whole epoch.", err=True)
        raise
    folder = out / name
    if not quiet:
        click.echo((folder / "table.md").read_text(encoding="utf-8"))
    click.echo(f"Tables and picture: {folder}")
    if table.failed:
        raise SystemExit(1)

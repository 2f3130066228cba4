"""``pneumoscope data``: look at a folder of films before anything is trained on it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli import options

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FOLDER = click.argument("where", metavar="DIR", type=click.Path(path_type=Path))


@click.group()
def command() -> None:
    """Check, show or fetch a folder of films.

    DIR is a folder in Kaggle's layout (train, val, test, each with NORMAL and PNEUMONIA), any
    folder with one subfolder per class, or a CSV manifest with the columns path and label.

    \b
    Examples:
      pneumoscope data check sample/chest_xray --sizes sample/original_sizes.csv
      pneumoscope data show sample/chest_xray --out films.png
      pneumoscope data fetch --out data/kaggle
    """


@command.command()
@_FOLDER
@options.sizes
@options.positive
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--strict", is_flag=True, help="End with exit code 1 when there are problems.")
def check(
    where: Path, sizes: Path | None, positive: str | None, as_json: bool, strict: bool
) -> None:
    """Count the films in DIR and look for what would spoil a training.

    Reports films per split, class and subtype, class weights, sizes, unreadable files, identical
    and look-alike pictures, patients in several splits, and how well a film's size alone predicts
    its label. Problems, which --strict turns into exit code 1, are unreadable files, one picture
    or one patient in several splits, one picture with two labels, and a class without films.

    \b
    Examples:
      pneumoscope data check chest_xray
      pneumoscope data check sample/chest_xray --sizes sample/original_sizes.csv
      pneumoscope data check films.csv --json --strict
    """
    from pneumoscope.data.catalog import open_catalog
    from pneumoscope.data.check import check as run
    from pneumoscope.data.check_text import to_text

    report = run(open_catalog(where, sizes=sizes, positive=positive), progress=True)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2, allow_nan=False, ensure_ascii=False))
    else:
        click.echo(to_text(report))
    if strict and report.problems:
        sys.exit(1)


@command.command()
@_FOLDER
@click.option(
    "--out",
    metavar="PNG",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("films.png"),
    show_default=True,
    help="Picture to write.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which films are drawn.")
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), help="Draw from this split alone."
)
@click.option(
    "--augment",
    type=click.Choice(["none", "flip", "full"]),
    default="none",
    show_default=True,
    help="Show the films as training would change them.",
)
@options.positive
def show(
    where: Path, out: Path, seed: int, split: str | None, augment: str, positive: str | None
) -> None:
    """Draw 16 films of DIR with their labels into one PNG.

    \b
    Examples:
      pneumoscope data show chest_xray --split train
      pneumoscope data show chest_xray --seed 7 --augment full --out augmented.png
    """
    from pneumoscope.data.catalog import open_catalog
    from pneumoscope.data.show import captions, contact_sheet, draw_tiles
    from pneumoscope.errors import UsageError

    if out.suffix.lower() != ".png":
        raise UsageError(f"The picture is a PNG, so --out must end in .png: {out}.")
    catalog = open_catalog(where, positive=positive)
    if split is not None:
        chosen = catalog.select([split])
        if not chosen.films:
            raise UsageError(f"{where} has no films in the split {split}.")
        catalog = chosen
    tiles = draw_tiles(catalog, seed=seed)
    pixels = tiles.pixels if augment == "none" else _augmented(tiles.pixels, augment, seed)
    contact_sheet(pixels, captions(catalog, tiles.films), out)
    if tiles.unreadable:
        click.echo(f"Unreadable, passed over: {', '.join(tiles.unreadable)}", err=True)
    click.echo(f"{len(tiles.films)} films: {out}")


def _augmented(pixels: npt.NDArray[np.uint8], name: str, seed: int) -> npt.NDArray[np.uint8]:
    """Change tiles (n, side, side) as the training would."""
    from pneumoscope.errors import MissingExtra

    try:
        from pneumoscope.model.preview import augmented
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("torch", "train") from None
    return augmented(pixels, name, seed=seed)


@command.command()
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to download under.  [default: kagglehub's cache]",
)
def fetch(out: Path | None) -> None:
    """Download the full set (5,856 films, 1.2 GB) from Kaggle and print its folder.

    Needs the extra 'kaggle'. The set is paultimothymooney/chest-xray-pneumonia (Kermany, Zhang,
    Goldbaum 2018, CC BY 4.0), which is public. A broken download goes on where it stopped.

    \b
    Examples:
      pneumoscope data fetch
      pneumoscope data fetch --out data/kaggle
    """
    from pneumoscope.data.fetch import fetch_kaggle

    click.echo(fetch_kaggle(out))

"""Options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path

import click

from pneumoscope.metrics import OPERATING_POINTS
from pneumoscope.model.options import LITE

FILE = click.Path(path_type=Path)

bundle = click.option(
    "--bundle", type=FILE, help="The .pneumo file to read with [default: the one that ships]."
)
bundle_of_run = click.option(
    "--bundle", type=FILE, help="The .pneumo file that was evaluated [default: the run's]."
)
cache = click.option(
    "--cache", type=FILE, help="Where decoded films are kept [default: user's cache]."
)
masks = click.option(
    "--masks", type=FILE, help="Folder of lung masks named like the films, for recipes with lungs."
)
operating_point = click.option(
    "--operating-point",
    default="balanced",
    show_default=True,
    type=click.Choice(OPERATING_POINTS),
    help="Where calls are made: screen misses few, confirm raises few false alarms.",
)
positive = click.option(
    "--positive", metavar="CLASS", help="The class to find, where names do not tell."
)
prevalence = click.option(
    "--prevalence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of pneumonia where the films come from; moves the probability, not the call.",
)
resamples = click.option(
    "--resamples",
    default=2000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Resamples of the bootstrap.",
)
recipe = click.option(
    "--recipe",
    default="notebook",
    show_default=True,
    help="notebook, notebook-flip, full, shipped or shipped-whole.",
)
backbone = click.option(
    "--backbone",
    metavar="NAME",
    help="The recipe with another network: lite0, lite2, timm:NAME or xrv:NAME (these two need the "
    "package timm or torchxrayvision).",
)
settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the recipe, such as epochs=5 or split=random; may be given often.",
)
quiet = click.option("--quiet", is_flag=True, help="No table and no progress display.")
sizes = click.option(
    "--sizes",
    metavar="CSV",
    type=FILE,
    help="Original sizes, where the films were resized: split,class,file,width,height or "
    "path,width,height.",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), help="Films read at once [default: cores]."
)
cpu_threads = click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of a CPU [default: all]."
)


def parse_settings(settings: tuple[str, ...], *, backbone: str | None = None) -> dict[str, str]:
    """The texts of ``--set`` as field -> value; ``backbone`` with the one head that it can have."""
    pairs = {}
    if backbone is not None:
        pairs = {"backbone": backbone} | ({"head": "cam"} if backbone != "notebook" else {})
        pairs |= {"depth": "7", "freeze": "0", "lowpass": "0"} if backbone not in LITE else {}
    for text in settings:
        field, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {text!r}.")
        pairs[field.strip()] = value.strip()
    return pairs

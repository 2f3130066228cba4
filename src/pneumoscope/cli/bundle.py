"""``pneumoscope bundle``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.metrics import OPERATING_POINTS

if TYPE_CHECKING:
    from pneumoscope.inference.fusion import Fusion


@click.group("bundle")
def command() -> None:
    """Show what a bundle holds."""


@command.command("show")
@click.argument("bundle", metavar="[BUNDLE]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The whole manifest as JSON.")
def show(bundle: Path | None, as_json: bool) -> None:
    """Classes, input, calibration, operating points, guard and provenance of BUNDLE, once verified.

    The fields too, where it takes some beside the film.

    Without BUNDLE it is the one that ships.

    \b
    pneumoscope bundle show
    pneumoscope bundle show run/bundle.pneumo
    pneumoscope bundle show run/bundle.pneumo --json
    """
    from pneumoscope.inference.bundle import load_bundle

    held = load_bundle(bundle)
    if as_json:
        click.echo(json.dumps(held.to_json(), indent=2, ensure_ascii=False))
        return
    points, seen = held.operating_points, Counter(film.split for film in held.films)
    recipe = held.provenance.get("recipe", {})
    rows = {
        "calls": " or ".join(held.classes),
        "input": f"{held.preprocessing.size} x {held.preprocessing.size} pixels, "
        f"{held.preprocessing.resize}",
        "gives": "the probability" + ", bacterial or viral" * (held.subtype is not None),
        **({} if held.fusion is None else {"fields": _fields(held.fusion)}),
        "network": f"{len(held.network) / 1e6:.1f} MB",
        "calibration": f"temperature {held.calibration.temperature:.3g}, offset "
        f"{held.calibration.offset:+.4g}, at a prevalence of {held.calibration.prevalence:.3f}",
        "operating points": ", ".join(
            f"{name} {points.threshold(name):+.3f}" for name in OPERATING_POINTS
        )
        + " (logit)",
        "guard": "headers and greys"
        + (" only" if held.guard.familiar is None else ", likeness to films"),
        "films seen": ", ".join(f"{count} {split}" for split, count in seen.items()) or "none",
        "recipe": f"{recipe.get('name', 'unknown')}, epoch {held.provenance.get('epoch', '?')}",
    }
    for name, text in rows.items():
        click.echo(f"{name:<17} {text}")
    click.echo("Not a medical device.")


def _fields(fusion: Fusion) -> str:
    """Each field with what it takes."""
    return "; ".join(
        f"{field.name} ({', '.join(field.categories) or f'{field.low:g} to {field.high:g}'})"
        for field in fusion.fields
    )

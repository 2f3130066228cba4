"""``pneumoscope export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE

if TYPE_CHECKING:
    from pneumoscope.model.scored import Scored


@click.command("export")
@click.argument("run", metavar="RUN", type=FILE)
@click.option("--out", type=FILE, help="The bundle [default: RUN/bundle.pneumo].")
@click.option("--data", type=FILE, help="The films, if they have moved since training.")
@click.option(
    "--out-of-fold",
    "folds",
    multiple=True,
    metavar="CROSSVAL",
    type=FILE,
    help="Calibrate on the scores of a `pneumoscope crossval` of the same recipe; may be given "
    "often [default: on the run's validation films].",
)
@options.cache
@options.threads
@options.quiet
def command(
    run: Path,
    out: Path | None,
    data: Path | None,
    folds: tuple[Path, ...],
    cache: Path | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Make one file of a run: network, preprocessing, calibration, operating points, provenance.

    The selected epoch is exported to ONNX and compared with the trained network on real films;
    temperature, offset and operating points are fitted on the validation films, or on films of
    unlike acquisition that cross-validation has scored: a threshold that was fitted where the films
    are like those trained on is worth less elsewhere.

    \b
    pneumoscope export run
    pneumoscope export run --out reader.pneumo
    pneumoscope export run --out-of-fold crossval-full-shift
    """
    from pneumoscope.model.export import export

    bundle = export(
        run,
        out=out,
        where=data,
        calibrate_on=_scored(run, folds) if folds else None,
        cache=cache,
        threads=threads,
        progress=not quiet,
    )
    parity, fitted = bundle.provenance["parity"], bundle.provenance["calibrated_on"]
    click.echo(
        f"The exported network agrees with the trained one on {parity['films']} films (largest "
        f"difference in the logit {parity['largest_difference']:.1e})."
    )
    click.echo(
        f"Calibrated on {fitted['films']} films ({fitted['by']}), {fitted['positives']} of them "
        f"{bundle.classes[1]}: temperature {bundle.calibration.temperature:.3f}, offset "
        f"{bundle.calibration.offset:+.3f}, prevalence {bundle.calibration.prevalence:.3f}."
    )
    click.echo(f"Bundle: {bundle.path}")


def _scored(run: Path, folds: tuple[Path, ...]) -> Scored:
    """The out-of-fold scores, of the recipe that the run followed."""
    import numpy as np

    from pneumoscope.evaluation.crossval import read_scores_of
    from pneumoscope.model.runs import open_run
    from pneumoscope.model.scored import Scored

    dealt, parts = read_scores_of(folds, recipe=open_run(run).recipe)
    by = "out-of-fold, " + " and ".join(dict.fromkeys(dealt))
    names = ("truth", "logit", "subtypes", "leaning")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Scored(**columns, about={"by": by})

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
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--out", type=FILE, help="The bundle [default: bundle.pneumo in the first RUN].")
@click.option("--data", type=FILE, help="The films, if they have moved since training.")
@click.option(
    "--out-of-fold",
    "folds",
    multiple=True,
    metavar="CROSSVAL",
    type=FILE,
    help="Calibrate on the scores of a `pneumoscope crossval` of the same recipe; may be given "
    "often, and must be for every RUN [default: on the run's validation films].",
)
@options.cache
@options.threads
@options.quiet
def command(
    runs: tuple[Path, ...],
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

    Several runs on the same films and the same split become one network, the mean of theirs; the
    first one's recipe is the bundle's. A run that is named twice counts twice.

    \b
    pneumoscope export run
    pneumoscope export run --out reader.pneumo
    pneumoscope export run --out-of-fold crossval-full-shift
    pneumoscope export one other --out-of-fold one-shift --out-of-fold other-shift
    """
    from pneumoscope.model.export import export

    bundle = export(
        *runs,
        out=out,
        where=data,
        calibrate_on=_scored(runs, folds) if folds else None,
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
        f"{bundle.classes[1]}: temperature {bundle.calibration.temperature:.3g}, offset "
        f"{bundle.calibration.offset:+.4g}, prevalence {bundle.calibration.prevalence:.3f}."
    )
    click.echo(f"Bundle: {bundle.path}")


def _scored(runs: tuple[Path, ...], folds: tuple[Path, ...]) -> Scored:
    """The out-of-fold scores, of the recipes that the runs followed."""
    from pneumoscope.evaluation.members import read_together
    from pneumoscope.evaluation.score_files import join
    from pneumoscope.model.runs import open_run
    from pneumoscope.model.scored import Scored

    together = read_together(folds, recipes=[open_run(run).recipe for run in runs])
    scores = join(list(together.values()))
    about = {"by": "out-of-fold, " + " and ".join(together)}
    return Scored(scores.truth, scores.logit, scores.subtypes, scores.leaning, about=about)

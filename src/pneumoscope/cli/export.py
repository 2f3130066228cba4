"""``pneumoscope export``."""

from __future__ import annotations

from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("export")
@click.argument("run", metavar="RUN", type=FILE)
@click.option("--out", type=FILE, help="The bundle [default: RUN/bundle.pneumo].")
@click.option("--data", type=FILE, help="The films, if they have moved since training.")
@options.cache
@options.threads
@options.quiet
def command(
    run: Path,
    out: Path | None,
    data: Path | None,
    cache: Path | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Make one file of a run: network, preprocessing, calibration, operating points, provenance.

    The selected epoch is exported to ONNX and compared with the trained network on real films;
    temperature, offset and operating points are fitted on the validation films.

    \b
    pneumoscope export run
    pneumoscope export run --out reader.pneumo
    """
    from pneumoscope.model.export import export

    bundle = export(run, out=out, where=data, cache=cache, threads=threads, progress=not quiet)
    parity, fitted = bundle.provenance["parity"], bundle.provenance["calibrated_on"]
    click.echo(
        f"The exported network agrees with the trained one on {parity['films']} films (largest "
        f"difference in the logit {parity['largest_difference']:.1e})."
    )
    click.echo(
        f"Calibrated on {fitted['films']} validation films, {fitted['positives']} of them "
        f"{bundle.classes[1]}: temperature {bundle.calibration.temperature:.3f}, offset "
        f"{bundle.calibration.offset:+.3f}, prevalence {bundle.calibration.prevalence:.3f}."
    )
    click.echo(f"Bundle: {bundle.path}")

"""``pneumoscope report``."""

from __future__ import annotations

from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("report")
@click.argument("results", metavar="RUN|RESULTS...", nargs=-1, required=True, type=FILE)
@click.option(
    "--out", type=FILE, help="Folder to write [default: beside the results; comparison for two]."
)
@click.option(
    "--language",
    default="en",
    show_default=True,
    type=click.Choice(["en", "ko"]),
    help="English or Korean.",
)
@click.option(
    "--films",
    type=FILE,
    help="The folder or manifest that was evaluated: shows the worst errors with their evidence. "
    "The page then holds pictures of patients.",
)
@options.bundle_of_run
@click.option(
    "--worst",
    default=6,
    show_default=True,
    type=click.IntRange(min=0),
    help="Missed films to show, and as many false alarms.",
)
@click.option(
    "--crossval",
    multiple=True,
    type=FILE,
    help="Folder of a cross-validation to show; may be given often.",
)
@click.option(
    "--audit",
    type=FILE,
    help="What audit wrote for the same bundle [default: beside the results, or the run's].",
)
@click.option("--reference", metavar="TEXT", help="Who labelled the films, from what, and how.")
@options.quiet
def command(
    results: tuple[Path, ...],
    out: Path | None,
    language: str,
    films: Path | None,
    bundle: Path | None,
    worst: int,
    crossval: tuple[Path, ...],
    audit: Path | None,
    reference: str | None,
    quiet: bool,
) -> None:
    """Turn results of evaluate into one HTML page and a model card.

    RUN is a run that was evaluated, RESULTS a folder that evaluate wrote. The page needs no
    network; every figure on it stands in report.json beside it. An audit of the same bundle is
    shown with its table and its curves of changed films. Two results on the same films give a page
    that compares them with paired tests.

    \b
    pneumoscope report run
    pneumoscope report run --films chest_xray --language ko
    pneumoscope report evaluation-test --films chest_xray --bundle b.pneumo --out proof
    pneumoscope report evaluation-test --audit audit --crossval crossval-full-shift
    pneumoscope report run/evaluation-test other/evaluation-test --out comparison
    """
    from pneumoscope.evaluation.report import report, report_comparison

    if len(results) > 2:
        raise click.UsageError("One evaluation makes a report and two a comparison, not more.")
    if len(results) == 2:
        alone = {"--films": films, "--bundle": bundle, "--audit": audit} | {
            "--crossval": crossval,
            "--reference": reference,
        }
        for option, value in alone.items():
            if value:
                raise click.UsageError(f"{option} is for a report on one evaluation.")
        written = report_comparison(*results, out=out or Path("comparison"), language=language)
    else:
        if bundle is not None and films is None:
            raise click.UsageError("--bundle needs --films: it draws the evidence in them.")
        written = report(
            results[0],
            out=out,
            language=language,
            films=films,
            bundle=bundle,
            audit=audit,
            crossval=crossval,
            reference=reference,
            worst=worst,
        )
    if not quiet:
        files = [path for path in (written.page, written.card, written.json) if path is not None]
        click.echo("\n".join(map(str, files)))
        click.echo("Not a medical device.", err=True)

"""``pneumoscope predict``."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE

if TYPE_CHECKING:
    from pneumoscope.data.cases import FieldsTable
    from pneumoscope.inference.reader import Case, Reading

Write: TypeAlias = "Callable[[Reading], None]"


@click.command("predict")
@click.argument("films", metavar="FILES|DIRS...", nargs=-1, required=True, type=FILE)
@options.bundle
@click.option(
    "--fields-csv",
    metavar="CSV",
    type=FILE,
    help="What else is known of the patients, for a bundle made by fuse: a CSV with the column "
    "path (or file) and the fields, such as age. Films without a row, and rows without a film, are "
    "fine.",
)
@click.option("--csv", "csv_file", type=FILE, help="Write a CSV table here; - is standard output.")
@click.option("--jsonl", "jsonl_file", type=FILE, help="Write JSON lines here; - likewise.")
@options.operating_point
@options.prevalence
@options.threads
@options.quiet
def command(
    films: tuple[Path, ...],
    bundle: Path | None,
    fields_csv: Path | None,
    csv_file: Path | None,
    jsonl_file: Path | None,
    operating_point: str,
    prevalence: float | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Read films: JPEG, PNG, TIFF or DICOM files, folders of them, and CSV lists of them.

    One row for each film: file, status (read or refused), probability, call, reason, and in files
    also logit, operating_point, notes, subtype (bacterial or viral, where pneumonia is called),
    subtype_probability, leaning, film_probability, film_logit. A film that cannot be read is a row
    with its reason and never stops the rest; the exit code is then 1.

    A bundle made by fuse takes fields beside the film: from the columns of a CSV that lists the
    films (column path or file; no labels are needed), or from --fields-csv for files and folders.
    Probability, call and logit are then of both together; film_probability and film_logit are of
    the film alone. A field that is not given, and a name that the bundle does not know, is taken as
    missing, with a note; a text where a number is needed refuses that film.

    \b
    pneumoscope predict film.jpeg
    pneumoscope predict ward/ --csv readings.csv --prevalence 0.1
    pneumoscope predict ward/ --bundle run/bundle.pneumo --jsonl - --quiet | jq .call
    pneumoscope predict ward.csv --bundle fused.pneumo --csv readings.csv
    pneumoscope predict ward/ --bundle fused.pneumo --fields-csv patients.csv
    """
    from pneumoscope.data.cases import FieldsTable
    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import REFUSED, Reader

    reader = Reader(
        load_bundle(bundle),
        operating_point=operating_point,
        prevalence=prevalence,
        threads=threads,
    )
    if fields_csv is not None and reader.bundle.fusion is None:
        raise click.UsageError("--fields-csv is for a bundle that takes fields, as fuse makes one.")
    fields = None if fields_csv is None else FieldsTable(fields_csv)
    read = refused = 0
    with ExitStack() as stack:
        writers: list[Write] = []
        if csv_file is not None:
            writers.append(_csv_writer(stack.enter_context(_output(csv_file))))
        if jsonl_file is not None:
            writers.append(_jsonl_writer(stack.enter_context(_output(jsonl_file))))
        readings = reader.read(_cases(films, fields))
        if not writers and not quiet:
            writers.append(_print_row)
            click.echo(f"{'status':<8} {'probability':>11}  {'call':<10} file")
        elif not quiet:
            from tqdm import tqdm

            readings = tqdm(readings, desc="reading", unit=" film", disable=None)
        for reading in readings:
            for write in writers:
                write(reading)
            if reading.status == REFUSED:
                refused += 1
            else:
                read += 1
    click.echo(
        f"{read} read at {operating_point!r}, {refused} refused. Not a medical device.", err=True
    )
    if not read and not refused:
        raise click.UsageError("No film was found there.")
    if refused:
        raise SystemExit(1)


def _cases(paths: tuple[Path, ...], fields: FieldsTable | None) -> Iterator[Case]:
    """The films among files, folders and CSV lists, with their fields, as they are taken."""
    from pneumoscope.data.cases import listed_films
    from pneumoscope.data.layout import find_films
    from pneumoscope.inference.reader import Case

    for path in paths:
        if path.suffix.casefold() == ".csv" and path.is_file():
            pairs = listed_films(path)
        else:
            pairs = ((film, {}) for film in find_films([path]))
        for film, row in pairs:
            own = None if fields is None else fields.of(film)
            yield Case(film, {**row, **(own or {})})


@contextmanager
def _output(path: Path) -> Iterator[TextIO]:
    """Standard output for ``-``, else a file that takes its name when it is complete.

    Readings are costly, so what was written before an interruption stays, as PATH.part.
    """
    if path == Path("-"):
        yield sys.stdout
        return
    part = path.with_name(path.name + ".part")
    try:
        file = part.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file
    except BaseException:
        click.echo(f"Stopped early; what was read so far is in {part}.", err=True)
        raise
    part.replace(path)


def _csv_writer(file: TextIO) -> Write:
    from pneumoscope.inference.reader import Reading

    names = [field.name for field in dataclasses.fields(Reading)]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)

    def write(reading: Reading) -> None:
        values = {name: getattr(reading, name) for name in names}
        writer.writerow({**values, "notes": "; ".join(reading.notes)}.values())

    return write


def _jsonl_writer(file: TextIO) -> Write:
    def write(reading: Reading) -> None:
        # Slots and no __dict__, so asdict; undecodable bytes of a file name stay escaped.
        file.write(json.dumps(dataclasses.asdict(reading)) + "\n")

    return write


def _print_row(reading: Reading) -> None:
    probability = "" if reading.probability is None else f"{reading.probability:.3f}"
    why = f"  ({reading.reason})" if reading.reason else ""
    if reading.subtype is not None:
        why = f"  ({reading.subtype}, {reading.subtype_probability:.2f})"
    click.echo(
        f"{reading.status:<8} {probability:>11}  {reading.call or '-':<10} {reading.file}{why}"
    )

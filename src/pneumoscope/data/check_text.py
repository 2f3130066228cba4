"""The report of a data check as text for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pneumoscope.data.check import Report
from pneumoscope.data.size_probe import Signal, SizeProbe

_SHOWN = 5


def to_text(report: Report) -> str:
    """Return the report as lines: the table of counts, the findings, and what is wrong."""
    lines = [report.root, "", *_table(report), ""]
    lines += [f"{name:<20}{value}" for name, value in _findings(report)]
    if report.identical or report.look_alike:
        lines += ["", "Groups of the same picture:"]
        lines += _examples([", ".join(group) for group in (*report.look_alike, *report.identical)])
    for title, items in (
        ("Unreadable:", [f"{key}: {reason}" for key, reason in report.unreadable.items()]),
        ("Same picture in several splits:", [", ".join(g) for g in report.across_splits]),
        ("Same picture, different labels:", [", ".join(g) for g in report.conflicting_labels]),
        ("Patients in several splits:", _patients(report.patients_across_splits)),
    ):
        if items:
            lines += ["", title, *_examples(items)]
    lines += ["", "Problems:" if report.problems else "No problems."]
    lines += [f"  {problem}" for problem in report.problems]
    return "\n".join(lines)


def _table(report: Report) -> list[str]:
    rows = [("split", "class", "subtype", "films", "patients")]
    rows += [
        (c.split or "-", c.class_name, c.subtype or "-", f"{c.films:,}", f"{c.patients:,}")
        for c in report.counts
    ]
    rows.append(("all", "", "", f"{report.films:,}", f"{report.patients:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "  ".join(
            cell.rjust(width) if i > 2 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _findings(report: Report) -> Iterable[tuple[str, str]]:
    negative, positive = report.classes
    outside = " outside test" if {count.split for count in report.counts} > {"test"} else ""
    yield "Balance", f"{report.positive_share:.1%} of the films{outside} are {positive}"
    if report.class_weights:
        first, second = report.class_weights
        yield "Class weights", f"{negative} {first:.2f}, {positive} {second:.2f}"
    if report.beside_own_patient is None:
        yield "Patients", "not known: each film counts as a patient of its own"
    else:
        yield (
            "Patients",
            f"known; a random 80:20 split would put about {report.beside_own_patient:.0%} of the "
            "validation films beside a training film of the same patient",
        )
    if report.held_out:
        yield "Held out", f"{report.held_out:,} films of the embedded sample's test patients"
    formats = "; ".join(f"{count:,} {name}" for name, count in report.formats.items())
    yield "Files", formats or "none could be read"
    if report.widths and report.heights:
        yield "Width by height", f"{_range(report.widths)} by {_range(report.heights)} px"
    yield "Unreadable", _number(report.unreadable, "films")
    yield "Identical files", _groups(report.identical)
    yield "Look-alikes", _groups(report.look_alike)
    if report.skipped:
        more = ", …" if len(report.skipped) > _SHOWN else ""
        yield "Stepped over", ", ".join(report.skipped[:_SHOWN]) + more
    yield from _probe(report.size_probe, positive)


def _probe(probe: SizeProbe, positive: str) -> Iterable[tuple[str, str]]:
    if probe.silent or not (probe.pixels and probe.aspect):
        yield "Size probe", f"says nothing: {probe.silent}"
        return
    known = (
        f"{probe.films:,} of {probe.total:,} films" if probe.films < probe.total else "all films"
    )
    yield "Size probe", f"label from {probe.source} size alone, {known}"
    yield "  number of pixels", _signal(probe.pixels, positive)
    yield "  width / height", _signal(probe.aspect, positive)
    if probe.telling:
        yield "", "Size gives the label away: a model may learn the scanner instead of the lung."


def _signal(signal: Signal, positive: str) -> str:
    auc = signal.auc
    return (
        f"AUC {auc.value:.2f} (95 % {auc.low:.2f} to {auc.high:.2f}, n = {auc.n:,}): "
        f"{positive} films are {signal.positive_films_are}"
    )


def _patients(patients: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{patient}: {', '.join(keys)}" for patient, keys in patients.items()]


def _examples(items: Sequence[str]) -> list[str]:
    more = len(items) - _SHOWN
    return [f"  {item}" for item in items[:_SHOWN]] + ([f"  … and {more:,} more"] * (more > 0))


def _groups(groups: Sequence[Sequence[str]]) -> str:
    if not groups:
        return "none"
    return f"{len(groups):,} groups of {sum(map(len, groups)):,} films"


def _number(items: Collection[str], unit: str) -> str:
    return f"{len(items):,} {unit}" if items else "none"


def _range(values: tuple[int, float, int]) -> str:
    low, median, high = values
    return f"{low}" if low == high else f"{low} to {high} (median {median:.0f})"

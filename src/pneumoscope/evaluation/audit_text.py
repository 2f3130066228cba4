"""An audit as text for a terminal, and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pneumoscope.evaluation.audit_verdict import Row

if TYPE_CHECKING:
    from pneumoscope.evaluation.audit import Audit

_RULE = (
    "fail: the whole 95 % interval lies beyond the second limit; pass: none of it does, and the "
    "figure is within the first; warn: anything else, as with too few films. Leaks are counted."
)
_HEAD = ("verdict", "probe", "", "figure", "95 % interval", "films", "patients", "limits")


def to_text(audit: Audit) -> str:
    """Lines: the films, the table, what each row says, the count of verdicts, the files."""
    lines = [*_films(audit), ""]
    lines += _aligned([_HEAD, *(_cells(row) for row in audit.rows)])
    lines += ["", "What the rows say:"]
    lines += [f"  {row.verdict}: {_named(row)}: {row.says}" for row in audit.rows]
    lines += ["", _RULE, "", _verdicts(audit)]
    lines += [f"Table, figures and pictures: {audit.out}", "Not a medical device."]
    return "\n".join(lines)


def to_markdown(audit: Audit) -> str:
    """The same as a page that stands beside the pictures."""
    lines = [f"# Audit of {_escaped(str(audit.bundle['file'] or 'a bundle'))}", ""]
    lines += [f"{_escaped(line)}  " for line in _films(audit)]
    lines += ["", f"**{_verdicts(audit)}**", "", _RULE, ""]
    head = ("verdict", "probe", "", "measure", *_HEAD[3:], "what it says")
    lines += [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in audit.rows:
        verdict, probe, name, *figures = _cells(row)
        cells = (f"**{verdict}**", probe, name, row.measure, *figures, row.says)
        lines.append(f"| {' | '.join(_escaped(cell) for cell in cells)} |")
    lines += ["", "![Figures and limits](probes.png)", "", "![Curves](curves.png)", ""]
    lines += ["![Films as they are, and changed](examples.png)", ""]
    lines += [f"{audit.time}, audit.json has every figure. Not a medical device.", ""]
    return "\n".join(lines)


def _films(audit: Audit) -> Iterator[str]:
    data = audit.data
    yield (
        f"{data['name']}: {audit.films_read:,} films of {audit.patients_read:,} patients were read"
        f", and {audit.films_changed:,} of them changed on purpose"
    )
    yield f"{audit.left_out:,} films that the bundle trained on were left out"
    if audit.refused:
        key, reason = audit.refused[0]
        yield f"{len(audit.refused):,} films were refused, such as {key}: {reason}"
    yield from audit.notes


def _verdicts(audit: Audit) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in audit.counts.items())


def _named(row: Row) -> str:
    return row.name if row.probe == row.name else f"{row.probe}, {row.name}"


def _cells(row: Row) -> tuple[str, ...]:
    if row.estimate is None:
        return (row.verdict, row.probe, row.name, "-", "", "", "", "")
    found = row.estimate
    limits = "" if row.limits is None else f"{row.limits.warn:g}, {row.limits.fail:g}"
    return (
        row.verdict,
        row.probe,
        row.name,
        f"{found.value:.3f}",
        found.limits,
        f"{found.interval.n:,}",
        f"{found.interval.patients:,}",
        limits,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as lines: words to the left, figures to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

"""Readings as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from pneumoscope.serve.store import Kept

_BEFORE = ("id", "name")
_OF_READING = (
    *("status", "probability", "call", "reason", "logit", "operating_point"),
    *("notes", "subtype", "subtype_probability"),
)
# What a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(readings: Iterable[Kept]) -> str:
    """One row a film; a name that a spreadsheet would compute has an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*_BEFORE, *_OF_READING))
    for kept in readings:
        values = {name: getattr(kept.reading, name) for name in _OF_READING}
        name = "'" * kept.name.startswith(_FORMULA) + kept.name
        row = (kept.id, name, *({**values, "notes": "; ".join(kept.reading.notes)}.values()))
        writer.writerow(row)
    return text.getvalue()

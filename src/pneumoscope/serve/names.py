"""A file's name as somebody sent it -> one that may be shown anywhere."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120


def clean_name(name: str) -> str:
    """The last part of a path, printable, at most 120 letters; ``film`` where nothing is left.

    Control letters and those that turn the direction of writing are taken out: with them a name
    can look like another.
    """
    last = re.split(r"[/\\]", name)[-1]
    text = unicodedata.normalize("NFC", last)
    shown = "".join(letter for letter in text if letter.isprintable()).strip()
    if len(shown) > _LONGEST:
        half = (_LONGEST - 1) // 2
        shown = f"{shown[:half]}…{shown[-half:]}"
    return shown if shown.strip(". ") else "film"

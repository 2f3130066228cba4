"""What a report says, in each language: ``words/en.json`` and ``words/ko.json``, key by key.

``words`` are sentences of our own with places in braces; ``terms`` what the results say in English
(names of figures, methods, reasons) and how it is said in the other language; ``sentences`` what
they say with something of their own in it, places in braces on both sides.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

LANGUAGES = ("en", "ko")
# Places where nothing but a number stands.
_NUMBERS = frozenset({"bits", "count", "distance", "least", "positive", "total", "turned"})
_LONGEST = 400  # of a sentence; with many places in it, matching takes longer than its length


def say(language: str, key: str, **values: object) -> str:
    """The sentence ``key`` with ``values`` in its places."""
    text = catalogue(language)["words"][key]
    return text.format(**values) if values else text


def term(language: str, text: object) -> str:
    """A word or sentence of the results in ``language``; as it is where it is not known."""
    plain = "" if text is None else str(text)
    return translation(language, plain) or plain


def translation(language: str, text: str) -> str | None:
    """What the results say in English, in ``language``; None where that is not known.

    What stands in the places of a sentence is translated too, where it is known.
    """
    found = catalogue(language)["terms"].get(text)
    if found is not None:
        return found
    for pattern, said in _sentences(language) if len(text) <= _LONGEST else ():
        if match := pattern.fullmatch(text):
            return said.format(**{n: term(language, v) for n, v in match.groupdict().items()})
    return None


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """``words``, ``terms`` and ``sentences`` of one of ``LANGUAGES``."""
    file = resources.files("pneumoscope.evaluation").joinpath("words", f"{language}.json")
    found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def _sentences(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Each English sentence as a pattern, in the order of the file, and how it is said."""
    return [
        (re.compile(re.sub(r"\\{(\w+)\\}", _place, re.escape(english))), said)
        for english, said in catalogue(language)["sentences"].items()
    ]


def _place(found: re.Match[str]) -> str:
    name = found[1]
    return rf"(?P<{name}>[\d.,]+)" if name in _NUMBERS else rf"(?P<{name}>.+?)"

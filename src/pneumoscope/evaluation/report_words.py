"""What a report says, in each language: ``words/en.json`` and ``words/ko.json``, key by key.

``words`` are sentences of our own with places in braces; ``terms`` what the results say in English
(names of figures, methods, reasons) and how it is said in the other language; ``sentences`` what
they say with something of their own in it, places in braces on both sides.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from pneumoscope.inference.reasons import reasons
from pneumoscope.phrases import Phrases, phrases_in

LANGUAGES = ("en", "ko")


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
    return _phrases(language).find(text)


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """``words``, ``terms`` and ``sentences`` of one of ``LANGUAGES``."""
    file = resources.files("pneumoscope.evaluation").joinpath("words", f"{language}.json")
    found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def _phrases(language: str) -> Phrases:
    """Of the results, and of the reader, whose reasons the results quote."""
    return reasons(language) | phrases_in("pneumoscope.evaluation", "words", f"{language}.json")

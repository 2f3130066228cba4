"""What a report says, in each language: ``words/en.json`` and ``words/ko.json``, key by key.

``words`` are sentences of our own with places in braces; ``terms`` what the results say in English
(names of figures, methods, reasons) and how it is said in the other language.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

LANGUAGES = ("en", "ko")


def say(language: str, key: str, **values: object) -> str:
    """The sentence ``key`` with ``values`` in its places."""
    text = catalogue(language)["words"][key]
    return text.format(**values) if values else text


def term(language: str, text: object) -> str:
    """A word of the results in ``language``; as it is where no translation is known."""
    plain = "" if text is None else str(text)
    terms = catalogue(language)["terms"]
    # The one method with a number in it.
    if found := re.fullmatch(r"bootstrap over patients, (\d+) resamples", plain):
        return terms.get("bootstrap", plain).format(resamples=found[1])
    return terms.get(plain, plain)


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """``words`` and ``terms`` of one of ``LANGUAGES``."""
    file = resources.files("pneumoscope.evaluation").joinpath("words", f"{language}.json")
    found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found

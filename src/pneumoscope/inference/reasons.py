"""Why a film was refused, and what was mended on the way, said in another language than English."""

from __future__ import annotations

import functools

from pneumoscope.phrases import Phrases, phrases_in

FILE = "reasons.ko.json"


@functools.cache
def reasons(language: str) -> Phrases:
    """How ``language`` ('en' or 'ko') says what the reader says in English."""
    return phrases_in("pneumoscope.inference", FILE) if language == "ko" else Phrases()

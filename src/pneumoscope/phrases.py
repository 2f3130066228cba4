"""What the program says in English, and how it is said in another language.

``terms`` are whole phrases. ``sentences`` have places in braces, the same on both sides; what
stands in a place is said in the other language too, where it is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

# Places where nothing but a number stands.
_NUMBERS = frozenset({"bits", "count", "distance", "least", "most", "positive", "total", "turned"})
_LONGEST = 400  # of a sentence; with many places in it, matching takes longer than its length


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of one language by how they are said in English."""

    terms: Mapping[str, str] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
    _patterns: tuple[tuple[re.Pattern[str], str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        patterns = tuple((_pattern(text), said) for text, said in self.sentences.items())
        object.__setattr__(self, "_patterns", patterns)

    def __or__(self, other: Phrases) -> Phrases:
        """Both together; where both know a phrase, as ``other`` says it."""
        return Phrases({**self.terms, **other.terms}, {**self.sentences, **other.sentences})

    def find(self, text: str) -> str | None:
        """How ``text`` is said, by the first sentence that it is; None where that is not known."""
        if (said := self.terms.get(text)) is not None:
            return said
        for pattern, said in self._patterns if len(text) <= _LONGEST else ():
            if match := pattern.fullmatch(text):
                places = match.groupdict()
                return said.format(**{name: self.find(at) or at for name, at in places.items()})
        return None


def phrases_in(package: str, *path: str) -> Phrases:
    """The phrases of a JSON file that is part of ``package``."""
    file = resources.files(package).joinpath(*path)
    found = json.loads(file.read_text(encoding="utf-8"))
    return Phrases(found["terms"], found["sentences"])


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", _place, re.escape(english)))


def _place(found: re.Match[str]) -> str:
    name = found[1]
    return rf"(?P<{name}>[\d.,]+)" if name in _NUMBERS else rf"(?P<{name}>.+?)"

"""One reading as an HTML page that needs nothing else: to be opened, kept, or printed to PDF."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
from importlib import resources
from typing import Literal, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pneumoscope.inference.reasons import reasons
from pneumoscope.serve.facts import bundle_facts
from pneumoscope.serve.service import Service
from pneumoscope.serve.store import Kept

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_LONGEST = 1024  # pixels of the film's longer side: fine enough on paper, and small to keep
_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
_LEFT, _RIGHT = 20, 700  # of the scale's drawing
_STYLE = (resources.files("pneumoscope.serve") / "templates" / "sheet.css").read_text("utf-8")
# Only this very style sheet may stand inside a page (CSP level 3, hash sources).
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; img-src data:; style-src '{STYLE_HASH}'"


def to_html(service: Service, kept: Kept, *, language: Language) -> str:
    """The page of what was kept: film, evidence, score, operating points, provenance.

    A refused film has its reason in place of pictures. Whatever came with the film is escaped; the
    page has no script and may load nothing.
    """
    facts, said = bundle_facts(service), kept.reading
    here = functools.partial(say, language)
    words: dict[str, object] = {"film": None, "evidence": None}
    if kept.film and said.probability is not None:
        found = service.views.evidence(kept.film)
        words |= {
            "film": _data(service.views.film(kept.film, said, longest=_LONGEST)),
            "evidence": None if found is None else _data(found.png),
            "limit": "" if found is None else f"{found.limit:.3g}",
            "method": service.views.method,
            "ticks": [{"x": _x(at), "text": f"{at:g}"} for at in _TICKS],
            "points": [
                {
                    **_place(point.probability),
                    "y": 92 + 22 * row,
                    "name": point.name,
                    "probability": point.probability,
                    "in_use": point.name == said.operating_point,
                }
                for row, point in enumerate(facts.operating_points)
            ],
            "here": _place(said.probability),
            "threshold": service.reader.bundle.operating_points.threshold(said.operating_point),
        }
    return _template().render(
        language=language,
        policy=POLICY,
        style=_STYLE,
        say=here,
        kept=kept,
        said=said,
        facts=facts,
        positive=facts.classes[1],
        when=kept.when.strftime("%Y-%m-%d %H:%M:%S UTC"),
        **words,
    )


def say(language: Language, key: str, **values: object) -> str:
    """The sentence ``key`` of ``words/`` in ``language``, with ``values`` in its places."""
    return _words(language)[key].format(**values)


@functools.cache
def _words(language: Language) -> dict[str, str]:
    file = resources.files("pneumoscope.serve") / "words" / f"{language}.json"
    found: dict[str, str] = json.loads(file.read_text("utf-8"))
    return found


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pneumoscope.serve", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(share=_share, told=_told, number=lambda value: f"{value:+.3f}")
    return environment.get_template("sheet.html.j2")


def _told(text: str, language: Language) -> Markup:
    """What the reader says, in ``language``, or as it is and marked as English."""
    found = text if language == "en" else reasons(language).find(text)
    return Markup("{}" if found is not None else '<span lang="en">{}</span>').format(found or text)


def _share(probability: float) -> str:
    """Three decimals, and never a 0 or 1 that it is not."""
    if 0 < probability < 0.0005:
        return "< 0.001"
    return "> 0.999" if 0.9995 < probability < 1 else f"{probability:.3f}"


def _x(probability: float) -> float:
    """Where a probability stands on the drawing: by its log-odds, held within the ends."""
    low, high = _TICKS[0], _TICKS[-1]
    held = min(max(probability, low), high)
    share = 0.5 + math.log(held / (1 - held)) / (2 * math.log(high / (1 - high)))
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def _place(probability: float) -> dict[str, object]:
    """Where a mark and its words stand; words near an end are written away from it."""
    x = _x(probability)
    anchor = "start" if x < 120 else "end" if x > 600 else "middle"
    return {"x": x, "anchor": anchor}


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()

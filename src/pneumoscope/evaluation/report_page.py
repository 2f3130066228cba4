"""The facts of a report -> one HTML page that needs nothing else, and a model card in Markdown.

Whatever the facts hold may come from a file name or a manifest: the page escapes all of it, has no
script, and its content policy lets it load nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pneumoscope.errors import UsageError
from pneumoscope.evaluation import report_drawings
from pneumoscope.evaluation.figures import LABELS
from pneumoscope.evaluation.report_gallery import Pictures
from pneumoscope.evaluation.report_words import LANGUAGES, say, term, translation
from pneumoscope.inference.overlay import NAMES
from pneumoscope.metrics import OPERATING_POINTS

# In the order of the page; each has a heading of that name.
SECTIONS = (
    *("summary", "use", "flow", "reference", "selection", "figures", "points", "curves"),
    *("decision", "prevalence", "subtypes", "groups", "fields", "fusion", "shift", "corruption"),
    *("audit", "refusals", "gallery", "provenance", "checklist"),
)
COMPARED = ("compare_paired", "compare_agree", "roc", "compare_sides", "compare_differ")
_SUMMARY = ("roc_auc", "recall", "specificity", "expected_calibration_error")
_DASH = "\N{EN DASH}"


def to_html(facts: Mapping[str, Any], pictures: Mapping[str, Pictures], *, language: str) -> str:
    """The page of a report, of what ``report_facts.gather`` found; ``pictures`` by SHA-256."""
    environment = _environment(language, escape=True)
    return environment.get_template("report.html.j2").render(
        facts=facts,
        pictures=pictures,
        drawings=report_drawings.of_report(facts, functools.partial(say, language)),
        sections=SECTIONS,
        summary=_SUMMARY,
        methods=NAMES,
    )


def to_card(facts: Mapping[str, Any], *, language: str) -> str:
    """The model card (Mitchell et al. 2019) of the same facts, in Markdown."""
    environment = _environment(language, escape=False)
    return environment.get_template("model_card.md.j2").render(facts=facts)


def comparison_to_html(facts: Mapping[str, Any], *, language: str) -> str:
    """The page of a comparison, of what ``compare.gather`` found."""
    environment = _environment(language, escape=True)
    return environment.get_template("comparison.html.j2").render(
        facts=facts,
        drawings=report_drawings.of_comparison(facts, functools.partial(say, language)),
        sections=COMPARED,
    )


def check_language(language: str) -> None:
    """``UsageError`` unless there are words for ``language``."""
    if language not in LANGUAGES:
        raise UsageError(f"A report is written in {' or '.join(LANGUAGES)}, not in {language!r}.")


def _environment(language: str, *, escape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("pneumoscope.evaluation", "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=None if escape else as_markdown,
    )
    here = functools.partial(say, language)
    environment.globals.update(
        say=here, term=functools.partial(term, language), labels=LABELS, points=OPERATING_POINTS
    )
    environment.filters.update(
        figure=figure,
        told=functools.partial(_told, language),
        count=functools.partial(_number, form=","),
        precise=functools.partial(_number, form="+.4g"),
        plain=functools.partial(_number, form="g"),
        limits=lambda found: limits(found, here),
        p_value=_p_value,
        percent=lambda share: f"{100 * share:.0f} %",
    )
    return environment


def figure(value: Any) -> str:
    """A figure with three decimals; a dash for None, the text itself for what is no number."""
    return _number(value, form=".3f")


def _number(value: Any, *, form: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _DASH if value is None else str(value)
    return format(value, form)


def limits(found: Mapping[str, Any], say: Callable[..., str]) -> str:
    """The interval as text; empty where there is none."""
    low, high = found.get("low"), found.get("high")
    if low is None or high is None:
        return ""
    return say("to", low=figure(low), high=figure(high))


def _told(language: str, text: str) -> Markup:
    """A sentence of the results in ``language``, or as it is and marked as English."""
    found = text if language == "en" else translation(language, text)
    form = "{}" if found is not None else '<span lang="en">{}</span>'
    return Markup(form).format(text if found is None else found)


def _p_value(value: float | None) -> str:
    if value is None:
        return _DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def as_markdown(value: Any) -> Any:
    """``value`` so that Markdown shows it as it is, on one line."""
    if value is None:
        return ""
    if isinstance(value, Markup | int | float):
        return value
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", text)

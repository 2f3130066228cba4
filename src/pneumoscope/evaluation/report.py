"""Results of an evaluation -> one self-contained HTML page, a model card, and the JSON of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumoscope import files
from pneumoscope.errors import UsageError
from pneumoscope.evaluation import compare, report_facts
from pneumoscope.evaluation.report_gallery import add_pictures, worst_errors
from pneumoscope.evaluation.report_input import open_crossval, open_evaluation
from pneumoscope.evaluation.report_page import (
    check_language,
    comparison_to_html,
    to_card,
    to_html,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was written: the page, its JSON, and the model card (None for a comparison)."""

    page: Path
    json: Path
    card: Path | None
    facts: dict[str, Any]


def report(
    where: Path | str,
    *,
    out: Path | str | None = None,
    language: str = "en",
    films: Path | str | None = None,
    bundle: Path | str | None = None,
    audit: Path | str | None = None,
    crossval: Sequence[Path | str] = (),
    reference: str | None = None,
    worst: int = 6,
) -> Report:
    """Write ``report.html``, ``model_card.md`` and ``report.json`` on an evaluation.

    ``where`` is a run, a folder that ``evaluate`` wrote, or its results.json; ``out`` defaults to
    that folder. ``language`` is en or ko (the names of the files then end in ``.ko``). With
    ``films``, the folder or manifest that was evaluated, and ``bundle`` (default: the run's), the
    ``worst`` missed films and as many false alarms are shown with their evidence: the page then
    holds pictures of patients. ``crossval`` are folders of ``crossval``, ``reference`` a sentence
    on who labelled the films. ``audit`` is what ``audit`` wrote for the same bundle (default:
    beside the results, or in the run). Raises ``UsageError`` and ``PneumoscopeError``.
    """
    check_language(language)
    if worst < 0:
        raise UsageError(f"A number of films is not below 0, as {worst} is.")
    held = open_evaluation(where, audit=None if audit is None else Path(audit))
    told = [open_crossval(Path(folder)) for folder in crossval]
    errors = worst_errors(held, each=worst)
    if films is not None:
        where_bundle = None if bundle is None else Path(bundle)
        pictures = add_pictures(errors, held, films=Path(films), bundle=where_bundle)
    else:
        pictures = {}
    facts = report_facts.gather(held, errors=errors, crossval=told, reference=reference)
    page = to_html(facts, pictures, language=language)
    folder = _prepare(held.folder if out is None else Path(out))
    ending = "" if language == "en" else f".{language}"
    written = Report(
        page=folder / f"report{ending}.html",
        json=folder / "report.json",
        card=folder / f"model_card{ending}.md",
        facts=facts,
    )
    assert written.card is not None
    files.write_json(written.json, facts)
    files.write_text(written.card, to_card(facts, language=language))
    files.write_text(written.page, page)
    return written


def report_comparison(
    a: Path | str, b: Path | str, *, out: Path | str = "comparison", language: str = "en"
) -> Report:
    """Write ``comparison.html`` and ``comparison.json`` on two evaluations of the same films.

    ``a`` and ``b`` are as for :func:`report`. Raises ``UsageError`` where the films differ.
    """
    check_language(language)
    facts = compare.gather(open_evaluation(a), open_evaluation(b))
    page = comparison_to_html(facts, language=language)
    folder = _prepare(Path(out))
    ending = "" if language == "en" else f".{language}"
    written = Report(folder / f"comparison{ending}.html", folder / "comparison.json", None, facts)
    files.write_json(written.json, facts)
    files.write_text(written.page, page)
    return written


def _prepare(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"A report cannot be written to {folder} ({error.strerror}); name another --out."
        ) from error
    return folder

"""The results of an evaluation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pneumoscope.evaluation.figures import LABELS, Estimate
from pneumoscope.evaluation.fuse_words import difference, three_rows
from pneumoscope.evaluation.lines import aligned
from pneumoscope.evaluation.results import RESULTS, Results

_SHOWN = 5


def to_text(results: Results) -> str:
    """Return the results as lines: warnings, the table of figures, confusion, refusals, files."""
    data = results.data
    negative, positive = data["classes"]
    lines = [f"WARNING: {warning}" for warning in results.warnings]
    lines += [
        f"{data['name']}, {data['split']} split: {data['films']:,} films of {data['patients']:,} "
        f"patients, {data['positive']:,} {positive} and {data['negative']:,} {negative}"
    ]
    lines += results.notes
    lines += ["", *_table(results), "", *_operating_point(results), ""]
    lines += _confusion(results)
    if results.fusion is not None:
        told = results.fusion["evaluated"]
        lines += ["", *aligned(list(three_rows(told["readers"]))), ""]
        lines += [
            f"Both less the {name} alone, in ROC-AUC: {difference(test['roc_auc'])}; in accuracy: "
            f"{difference(test['accuracy'])}"
            for name, test in told["paired"].items()
        ]
    if results.refused:
        shown = [f"  {key}: {reason}" for key, reason in results.refused[:_SHOWN]]
        more = len(results.refused) - _SHOWN
        lines += ["", f"Refused: {len(results.refused):,} films", *shown]
        lines += [f"  … and {more:,} more, in {RESULTS}"] * (more > 0)
    lines += ["", f"Results, predictions and plots: {results.out}", "Not a medical device."]
    return "\n".join(lines)


def _table(results: Results) -> list[str]:
    rows: list[Sequence[str]] = [("figure", "value", "95 % interval", "films", "patients")]
    rows += [_row(LABELS[name], found) for name, found in results.figures.items()]
    rows += [_row(f"sensitivity, {name}", found) for name, found in results.subtypes.items()]
    if results.refused:
        rows += [("with every refusal counted as wrong", "", "", "", "")]
        rows += [_row(f"  {name}", found) for name, found in results.counting_refusals.items()]
    rows += [_row("prevalence in this set", results.prevalence)]
    return list(aligned(rows))


def _row(label: str, found: Estimate) -> tuple[str, ...]:
    if not found.defined:
        return (label, "-", found.reason or "", "", "")
    interval = found.interval
    return (
        label,
        f"{found.value:.3f}",
        found.limits,
        f"{interval.n:,}",
        f"{interval.patients:,}",
    )


def _operating_point(results: Results) -> Iterator[str]:
    point = results.points[results.point]
    yield (
        f"Operating point {results.point}: {results.data['classes'][1]} from a probability of "
        f"{point.probability:.3f} (logit {point.logit:+.3f})"
    )
    yield f"Probabilities are for a prevalence of {results.assumed_prevalence:.3f}."


def _confusion(results: Results) -> Iterator[str]:
    negative, positive = results.data["classes"]
    counts = results.confusion
    rows = [
        ("truth", f"called {negative}", f"called {positive}"),
        (negative, f"{counts['tn']:,}", f"{counts['fp']:,}"),
        (positive, f"{counts['fn']:,}", f"{counts['tp']:,}"),
    ]
    return aligned(rows)

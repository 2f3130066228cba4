"""ROC, precision-recall, reliability and confusion matrix as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.evaluation.figures import Booleans, Estimate, Floats
from pneumoscope.evaluation.results import Point
from pneumoscope.files import write_beside
from pneumoscope.metrics import scores
from pneumoscope.metrics.intervals import wilson

_DPI = 110


def draw_roc(
    truth: Booleans,
    score: Floats,
    path: Path,
    *,
    area: Estimate,
    points: Mapping[str, Point],
) -> None:
    """Draw the ROC curve with the operating points on it."""
    figure, axes = _square("ROC curve", area, "AUC")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    axes.set_xlabel("false positive rate (1 - specificity)")
    axes.set_ylabel("true positive rate (sensitivity)")
    if not area.defined:
        _say(axes, area)
    else:
        false_rate, true_rate, _ = scores.roc_curve(truth, score)
        axes.plot(false_rate, true_rate)
        for marker, (name, point) in zip("<o>", points.items(), strict=True):
            found = point.figures
            x, y = 1 - found["specificity"].value, found["sensitivity"].value
            axes.plot(x, y, marker, label=name)
        axes.legend(title="operating point", loc="lower right")
    _save(figure, path)


def draw_precision_recall(
    truth: Booleans, score: Floats, path: Path, *, average_precision: Estimate
) -> None:
    """Draw precision over recall; the dotted line is a reader that knows nothing."""
    figure, axes = _square("Precision and recall", average_precision, "average precision")
    axes.set_xlabel("recall (sensitivity)")
    axes.set_ylabel("precision (positive predictive value)")
    if not average_precision.defined:
        _say(axes, average_precision)
    else:
        precision, recall, _ = scores.precision_recall_curve(truth, score)
        axes.plot(recall, precision, drawstyle="steps-post")
        axes.axhline(float(truth.mean()), color="grey", linestyle=":", label="share of positives")
        axes.legend(loc="lower left")
    _save(figure, path)


def draw_reliability(truth: Booleans, probability: Floats, path: Path, *, error: Estimate) -> None:
    """Draw the rate of positives over the probability in bins of equal mass, with Wilson bars."""
    figure, axes = _square("Reliability", error, "ECE")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
    axes.set_xlabel("mean probability in the bin")
    axes.set_ylabel("share of positive films in the bin")
    if not error.defined:
        _say(axes, error)
    else:
        mean, rate, count = scores.reliability_curve(truth, probability)
        bars = [wilson(round(r * n), int(n)) for r, n in zip(rate, count, strict=True)]
        reach = [[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]]
        axes.errorbar(mean, rate, yerr=reach, fmt="o-", capsize=2, linewidth=1)
    _save(figure, path)


def draw_confusion(
    counts: Mapping[str, int], classes: Sequence[str], path: Path, *, title: str
) -> None:
    """Draw the confusion matrix (tp, fp, tn, fn); shares are of the films of the same truth."""
    from matplotlib.figure import Figure

    matrix = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]])
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), films in np.ndenumerate(matrix):
        axes.text(
            column,
            row,
            f"{films:,}\n{shares[row, column]:.1%} of {matrix[row].sum():,}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.5 else "black",
        )
    # A class may be named "$1": matplotlib would take that for a formula.
    axes.set_xticks([0, 1], classes, parse_math=False)
    axes.set_yticks([0, 1], classes, rotation=90, va="center", parse_math=False)
    axes.set_xlabel("call")
    axes.set_ylabel("truth")
    axes.set_title(title, fontsize="medium", parse_math=False)
    _save(figure, path)


def _square(title: str, estimate: Estimate, name: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    films = f"{estimate.interval.n:,} films of {estimate.interval.patients:,} patients"
    axes.set_title(f"{title}, {films}\n{name} {estimate}", fontsize="medium")
    return figure, axes


def _say(axes: Any, estimate: Estimate) -> None:
    axes.text(0.5, 0.5, f"undefined:\n{estimate.reason}", ha="center", va="center")


def _save(figure: Any, path: Path) -> None:
    with write_beside(path) as beside:
        figure.savefig(beside, dpi=_DPI)

"""An audit in three pictures: figures with their limits, curves, and what the reader was shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.evaluation.audit_changes import CURVES, curve_name
from pneumoscope.evaluation.audit_films import Changed
from pneumoscope.evaluation.audit_verdict import FAIL, NOT_ASKED, PASS, WARN, Row
from pneumoscope.evaluation.corrupt import unchanged
from pneumoscope.files import write_beside
from pneumoscope.inference.reader import Reader

# Okabe & Ito's colours, which the colour-blind can tell apart; the word stands beside them too.
_COLOURS = {PASS: "#009e73", WARN: "#e69f00", FAIL: "#d55e00", NOT_ASKED: "#888888"}
_LINES = {"roc_auc": "ROC-AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
_COLUMNS = 8


def draw_probes(rows: Sequence[Row], path: Path) -> None:
    """Draw every figure with its interval, coloured by its verdict, and its limits as ticks."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.estimate is not None]
    figure = Figure(figsize=(9, 1.6 + 0.3 * max(len(shown), 1)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(shown):
        assert row.estimate is not None
        interval, colour = row.estimate.interval, _COLOURS[row.verdict]
        if not math.isnan(interval.low):
            axes.plot([interval.low, interval.high], [place, place], color=colour, linewidth=2)
        axes.plot(interval.value, place, "o", color=colour)
        for limit in () if row.limits is None else (row.limits.warn, row.limits.fail):
            axes.plot(limit, place, "|", color="black", markersize=10)
    labels = [f"{row.probe}: {row.name} ({row.measure}), {row.verdict}" for row in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize="small", parse_math=False)
    axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.set_title("Figures with 95 % intervals; strokes are the limits", fontsize="medium")
    _save(figure, path)


def draw_curves(rows: Sequence[Row], path: Path) -> None:
    """Draw ROC-AUC, sensitivity and specificity over the levels of each change."""
    from matplotlib.figure import Figure

    curves = {row.name: row.details["curve"] for row in rows if "curve" in row.details}
    figure = Figure(figsize=(12, 6), layout="constrained")
    panels = figure.subplots(2, (len(CURVES) + 1) // 2, sharey=True).ravel()
    for axes, kind in zip(panels, CURVES, strict=False):
        axes.set_title(kind, fontsize="medium")
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
        points = curves.get(kind, [])
        if not points:
            axes.text(0.5, 0.5, "not asked", ha="center", transform=axes.transAxes)
            continue
        # Levels lie anywhere between 0.004 and 100: they are set side by side.
        places = range(len(points))
        for name, label in _LINES.items():
            middle, reach = _limits([point[name] for point in points])
            axes.errorbar(places, middle, yerr=reach, marker="o", capsize=2, label=label)
        levels = [f"{p['level']:g}{'*' * (p['level'] == unchanged(kind))}" for p in points]
        axes.set_xticks(places, levels, fontsize="small")
        if kind == next(iter(curves)):  # one legend is enough
            axes.legend(fontsize="small", loc="lower left")
    figure.suptitle("Levels of each change, 95 % intervals; * changes nothing", fontsize="medium")
    _save(figure, path)


def draw_examples(changed: Changed, reader: Reader, classes: Sequence[str], path: Path) -> None:
    """Draw a film of each class as it is and changed, with the probability that each was given."""
    from matplotlib.figure import Figure

    steps = {curve_name(kind, level) for kind, levels in CURVES.items() for level in levels[1:-1]}
    labels = sorted(changed.examples)
    names = {label: [n for n in changed.examples[label] if n not in steps] for label in labels}
    rows = {label: -(-len(names[label]) // _COLUMNS) for label in labels}
    figure = Figure(figsize=(1.8 * _COLUMNS, 2.1 * sum(rows.values())), layout="constrained")
    panels = figure.subplots(sum(rows.values()), _COLUMNS, squeeze=False)
    for axes in panels.ravel():
        axes.axis("off")
    first = 0
    for label in labels:
        inputs = changed.examples[label]
        logits = reader.logits(np.stack([inputs[name] for name in names[label]]))
        block = panels[first : first + rows[label]].ravel()
        for axes, name, p in zip(block, names[label], reader.probability(logits), strict=False):
            axes.imshow(inputs[name], cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{classes[label]}: {name}\n{p:.3f}", fontsize=7, parse_math=False)
        first += rows[label]
    _save(figure, path)


def _limits(estimates: Sequence[dict[str, Any]]) -> tuple[list[float], list[list[float]]]:
    """Values, and how far their intervals reach down and up; NaN and no reach where undefined."""
    middle = [math.nan if e["value"] is None else e["value"] for e in estimates]
    reach = [
        [0.0 if e[side] is None else abs(e[side] - e["value"]) for e in estimates]
        for side in ("low", "high")
    ]
    return middle, reach


def _save(figure: Any, path: Path) -> None:
    with write_beside(path) as beside:
        figure.savefig(beside, dpi=110)

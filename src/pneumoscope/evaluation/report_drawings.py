"""The plots of a report from its facts, named as the templates place them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pneumoscope.evaluation.report_figures import Band, Line, Mark, Plot, nothing

Say = Callable[..., str]
_STYLES = ("a", "b", "c")


def of_report(facts: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Every plot of the page; where a curve is not defined, the sentence that says so."""
    curves = facts["curves"]
    return {
        "roc": _roc(curves, facts, say),
        "precision_recall": _precision_recall(curves["precision_recall"], say),
        "reliability": _reliability(curves["reliability"], say),
        "scores": _scores(curves["scores"], facts["classes"], say),
        "decision": _decision(curves["decision"], say),
        "predictive_values": _predictive_values(
            curves["predictive_values"][facts["operating_point"]["name"]], say
        ),
        "corruption": [
            _corruption(kind, steps, say)
            for kind, steps in (facts["audit"] or {"curves": {}})["curves"].items()
        ],
    }


def of_comparison(facts: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """The two ROC curves on one plot."""
    if facts["roc"] is None:
        return {"roc": nothing(say("undefined_curve"))}
    lines = [_guess(say)]
    lines += [
        Line(
            facts["roc"][side]["false_positive_rate"],
            facts["roc"][side]["true_positive_rate"],
            style,
            f"{side.upper()}: {facts[side]['name'] or say('nameless')}",
        )
        for side, style in zip(("a", "b"), _STYLES, strict=False)
    ]
    return {"roc": _roc_plot(say, lines=lines)}


def _guess(say: Say) -> Line:
    return Line((0, 1), (0, 1), "ref", say("guess"))


def _roc_plot(say: Say, *, lines: Sequence[Line], marks: Sequence[Mark] = ()) -> Markup:
    return Plot(
        title=say("roc"), x_label=say("roc_x"), y_label=say("roc_y"), lines=lines, marks=marks
    ).draw()


def _roc(curves: Mapping[str, Any], facts: Mapping[str, Any], say: Say) -> Markup:
    curve = curves["roc"]
    if curve is None:
        return nothing(say("undefined_curve"))
    line = Line(curve["false_positive_rate"], curve["true_positive_rate"], "a", say("reader"))
    marks = []
    for style, (name, point) in zip("bcd", facts["operating_points"].items(), strict=True):
        found, spared = point["sensitivity"], point["specificity"]
        sides = [None if spared[end] is None else 1 - spared[end] for end in ("high", "low")]
        marks.append(
            Mark(
                1 - spared["value"],
                found["value"],
                style,
                name,
                found["low"],
                found["high"],
                *sides,
            )
        )
    return _roc_plot(say, lines=[_guess(say), line], marks=marks)


def _precision_recall(curve: Mapping[str, Any] | None, say: Say) -> Markup:
    if curve is None:
        return nothing(say("undefined_curve"))
    share = curve["share_of_positives"]
    return Plot(
        title=say("pr"),
        x_label=say("pr_x"),
        y_label=say("pr_y"),
        lines=[
            Line((0, 1), (share, share), "ref", say("share_of_positives")),
            Line(curve["recall"], curve["precision"], "a", say("reader")),
        ],
    ).draw()


def _reliability(bins: Sequence[Mapping[str, Any]] | None, say: Say) -> Markup:
    if bins is None:
        return nothing(say("no_films"))
    marks = [Mark(b["probability"], b["value"], "a", "", b["low"], b["high"]) for b in bins]
    x, y = [b["probability"] for b in bins], [b["value"] for b in bins]
    return Plot(
        title=say("reliability_title"),
        x_label=say("reliability_x"),
        y_label=say("reliability_y"),
        lines=[Line((0, 1), (0, 1), "ref", say("ideal")), Line(x, y, "a thin", say("reader"))],
        marks=marks,
    ).draw()


def _scores(counts: Mapping[str, Any] | None, classes: Sequence[str], say: Say) -> Markup:
    if counts is None:
        return nothing(say("no_films"))
    edges = counts["edges"]
    negative, positive = (
        Line(edges, [*counts[name], counts[name][-1]], style, label, step=True)
        for name, style, label in (
            ("negative", "b", classes[0]),
            ("positive", "a", classes[1]),
        )
    )
    most = max(1, *counts["negative"], *counts["positive"])
    return Plot(
        title=say("scores_title"),
        x_label=say("scores_x"),
        y_label=say("scores_y"),
        y=(0, 1.05 * most),
        lines=[negative, positive],
    ).draw()


def _decision(curve: Mapping[str, Any] | None, say: Say) -> Markup:
    if curve is None:
        return nothing(say("undefined_curve"))
    top = max(max(curve["reader"]), max(curve["call_all"]), 0.01)
    x = curve["threshold"]
    # Far below zero nobody would look: the reader's curve is what matters.
    return Plot(
        title=say("decision"),
        x_label=say("decision_x"),
        y_label=say("decision_y"),
        y=(-0.25 * top, 1.05 * top),
        lines=[
            Line((0, 1), (0, 0), "ref", say("call_none")),
            Line(
                x, [v if v > -0.25 * top else None for v in curve["call_all"]], "b", say("call_all")
            ),
            Line(x, curve["reader"], "a", say("reader")),
        ],
        marks=[
            Mark(row["threshold"], row["value"], "a", "", row["low"], row["high"])
            for row in curve["marked"]
        ],
    ).draw()


def _predictive_values(told: Mapping[str, Any] | None, say: Say) -> Markup:
    if told is None:
        return nothing(say("undefined_curve"))
    curve = told["curve"]
    x = curve["prevalence"]
    return Plot(
        title=say("prevalence"),
        x_label=say("prevalence_x"),
        y_label=say("prevalence_y"),
        bands=[
            Band(x, curve[f"{name}_low"], curve[f"{name}_high"], style)
            for name, style in (("ppv", "a"), ("npv", "b"))
        ],
        lines=[
            Line(x, curve["ppv_value"], "a", say("ppv")),
            Line(x, curve["npv_value"], "b", say("npv")),
        ],
    ).draw()


def _corruption(kind: str, steps: Sequence[Mapping[str, Any]], say: Say) -> Markup:
    levels = [step["level"] for step in steps]
    names = {"roc_auc": "ROC-AUC", "sensitivity": say("roc_y"), "specificity": say("specificity")}
    values = {name: _of(steps, name, "value") for name in names}
    lowest = min([0.5, *(v for line in values.values() for v in line if v is not None)])
    return Plot(
        title=say(f"change_{kind}"),
        x_label=say(f"change_{kind}"),
        y_label=say("corruption_y"),
        x=(min(levels), max(levels)),
        y=(math.floor(10 * lowest) / 10, 1.0),
        bands=[
            Band(levels, _of(steps, name, "low"), _of(steps, name, "high"), style)
            for name, style in zip(names, _STYLES, strict=True)
        ],
        lines=[
            Line(levels, values[name], style, names[name])
            for name, style in zip(names, _STYLES, strict=True)
        ],
    ).draw()


def _of(steps: Sequence[Mapping[str, Any]], name: str, end: str) -> list[float | None]:
    return [step[name][end] for step in steps]

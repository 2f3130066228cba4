"""A fusion's record -> its warnings, what the gain is made of, and a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pneumoscope.evaluation.fuse_figures import BOTH, FIELDS, FILM, GIVES_AWAY
from pneumoscope.evaluation.lines import aligned

_SHOWN = 5
NAMES = {FILM: "film alone", FIELDS: "fields alone", BOTH: "both"}


def warnings_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Fields that give the label away, and those that tell how a film was taken."""
    for row in record["by_field"]:
        name = row["field"]
        if row["gives_away"]:
            yield (
                f"The field {name} gives the label away: by itself it has a ROC-AUC of "
                f"{_figure(row['alone'])}; above {GIVES_AWAY} it is taken for the label. Leave it "
                "out, unless it is known of every patient before the film is read."
            )
        elif row["acquisition"]:
            yield (
                f"The field {name} tells how or where a film was taken. What it adds is of the "
                "habits of that place (who is too ill to stand is filmed lying) and need not hold "
                "elsewhere."
            )
    test = record["paired"][FILM]["roc_auc"]
    if test["low"] is None or test["low"] <= 0:
        yield (
            "Nothing here shows that both are better than the film alone: the difference in "
            f"ROC-AUC is {difference(test)}."
        )


def gain(record: Mapping[str, Any]) -> Iterator[str]:
    """Of the gain over the film alone, what goes with each field, one sentence each."""
    whole = record["paired"][FILM]["roc_auc"]
    yield f"Both less the film alone, in ROC-AUC: {difference(whole)}."
    for row in record["by_field"]:
        rest = _value(row["without"]["roc_auc"]) - _value(record["readers"][FILM]["roc_auc"])
        yield (
            f"  without {row['field']} the gain is {rest:+.3f}; lost with it: "
            f"{difference(row['lost'])}"
        )


def to_text(record: Mapping[str, Any]) -> str:
    """The record as lines: warnings, films, fields, the table, the gain, refusals."""
    data, method = record["data"], record["method"]
    negative, positive = data["classes"]
    lines = [f"WARNING: {text}" for text in record["warnings"]]
    lines += [
        f"{data['name']}: {data['films']:,} films of {data['patients']:,} patients, "
        f"{data['positive']:,} {positive} and {data['negative']:,} {negative}; out of fold, "
        f"{method['folds']} folds of patients"
    ]
    lines += record["notes"]
    if data["left_out_as_trained_on"]:
        lines += [f"{data['left_out_as_trained_on']:,} films were trained on and left out."]
    lines += ["", *aligned(list(_fields(record))), "", *aligned(list(_table(record))), ""]
    lines += gain(record)
    refused = record["refused"]
    if refused["films"]:
        lines += ["", f"Refused: {refused['films']:,} films"]
        lines += [f"  {row['file']}: {row['reason']}" for row in refused["list"][:_SHOWN]]
        lines += [f"  … and {refused['films'] - _SHOWN:,} more"] * (refused["films"] > _SHOWN)
    return "\n".join(lines)


def _fields(record: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    yield ("field", "values", "missing", "too rare")
    for row in record["fields"]:
        values = ", ".join(row["categories"]) or f"{row['low']:g} to {row['high']:g}"
        yield (row["field"], values, f"{row['missing']:,}", f"{row['rare']:,}")
    for row in record["refused_fields"]:
        yield (row["field"], f"not taken: {row['reason']}", "", "")


def three_rows(readers: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """A table, with its head, of the film alone, the fields alone and both."""
    yield ("", "ROC-AUC", "accuracy", "sensitivity", "specificity", "Brier score")
    keys = ("roc_auc", "accuracy", "recall", "specificity", "brier")
    for name, label in NAMES.items():
        yield (label, *(_figure(readers[name][key]) for key in keys))


def _table(record: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    yield from three_rows(record["readers"])
    for row in record["by_field"]:
        held = row["without"]
        cells = _figure(held["roc_auc"]), _figure(held["accuracy"])
        yield (f"both without {row['field']}", *cells, "-", "-", "-")
    for row in record["by_field"]:
        yield (f"{row['field']} alone", _figure(row["alone"]), "-", "-", "-", "-")


def _figure(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "-"
    low, high = found["low"], found["high"]
    return f"{found['value']:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


def difference(found: Mapping[str, Any]) -> str:
    """A paired difference with its interval and p, such as ``+0.03 (+0.01 to +0.05, p 0.004)``."""
    if found["difference"] is None:
        return "undefined"
    if found["low"] is None:
        return f"{found['difference']:+.3f}"
    p = "" if found["p"] is None else f", p {_p(found['p'])}"
    return f"{found['difference']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f}{p})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _value(found: Mapping[str, Any]) -> float:
    return float("nan") if found["value"] is None else float(found["value"])

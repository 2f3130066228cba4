"""A study as one picture: its figure on each set of films, with intervals over seeds."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.evaluation.study_figures import LABELS, SETS
from pneumoscope.files import write_beside

if TYPE_CHECKING:
    from pneumoscope.evaluation.study_table import Row, Table

_COLOURS = {"own": "#888888", "val": "#0072b2", "shift": "#d55e00", "slice": "#009e73"}


def draw_study(table: Table, path: Path) -> None:
    """Draw dots per cell, or lines over the study's axis; a band or bar is the 95 % interval."""
    from matplotlib.figure import Figure

    lines = table.study.axis is not None
    sets = [name for name in table.sets if not lines or name in ("val", "shift")]
    height = 3.6 if lines else 1.4 + 0.34 * len(table.study.cells)
    figure = Figure(figsize=(9.5, height), layout="constrained")
    panels = figure.subplots(1, max(1, len(sets)), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, sets, strict=False):
        (_draw_lines if lines else _draw_dots)(axes, table, name)
        axes.set_title(SETS[name], fontsize="medium")
    seeds = max((row.seeds for row in table.rows), default=0)
    over = f"mean and 95 % interval over {seeds} seeds" if seeds > 1 else "one seed, no interval"
    figure.suptitle(
        f"{table.study.question}\n{LABELS[table.study.figure]}, {over}", fontsize="medium"
    )
    with write_beside(path) as beside:
        figure.savefig(beside, dpi=110)


def _draw_dots(axes: Any, table: Table, name: str) -> None:
    names = [cell.name for cell in table.study.cells]
    for place, cell in enumerate(names):
        row = table.find(cell, name, table.study.figure)
        if row is not None:
            axes.errorbar(
                row.value.value, place, xerr=[[_reach(row)]] * 2, fmt="o", capsize=3,
                color=_COLOURS[name],
            )  # fmt: skip
    reference = table.find(table.study.reference, name, table.study.figure)
    if reference is not None:
        axes.axvline(reference.value.value, color="grey", linestyle=":", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)


def _draw_lines(axes: Any, table: Table, name: str) -> None:
    """One line for each way of the study: what is left of a cell's name without its number."""
    axis = table.study.axis
    assert axis is not None
    ways: dict[str, list[tuple[float, Row]]] = {}
    for cell in table.study.cells:
        row, at = table.find(cell.name, name, table.study.figure), getattr(cell, axis)
        if row is None:
            continue
        if at is None:  # the cell that keeps everything
            axes.axhline(row.value.value, color="grey", linestyle=":", label=cell.name)
            continue
        way = re.sub(r"^[\d.]+( %)?,? ?", "", cell.name)
        ways.setdefault(way, []).append((at, row))
    for way, points in ways.items():
        at = [x for x, _ in points]
        middle = [row.value.value for _, row in points]
        reach = [_reach(row) for _, row in points]
        axes.errorbar(at, middle, yerr=reach, marker="o", capsize=3, linewidth=1, label=way)
    axes.set_xscale("log")
    axes.set_xlabel({"patients": "training patients", "prevalence": "share of pneumonia"}[axis])
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="small")


def _reach(row: Row) -> float:
    reach = row.value.high - row.value.value
    return 0.0 if math.isnan(reach) else reach

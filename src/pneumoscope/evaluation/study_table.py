"""What came of a study's cells -> table.csv, table.md and plot.png."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files
from pneumoscope.evaluation.score_files import SCORES, read_scores
from pneumoscope.evaluation.studies import Cell, Study
from pneumoscope.evaluation.study_figures import LABELS, SETS, Figures, figures_by_set
from pneumoscope.evaluation.trained import DONE, read_result
from pneumoscope.metrics.intervals import Interval, Paired
from pneumoscope.metrics.seeds import over_seeds, paired_over_seeds
from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe

COLUMNS = (
    *("study", "cell", "set", "figure", "mean", "low", "high", "seeds", "films", "patients"),
    *("difference", "difference_low", "difference_high", "p"),
)


@dataclass(frozen=True, slots=True)
class Trained:
    """One cell with one seed, as its folder tells: figures by set, or why there are none."""

    seed: int
    result: dict[str, Any]
    figures: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one cell on one set, over its seeds and against the reference cell."""

    cell: Cell
    set: str
    figure: str
    value: Interval
    seeds: int
    against: Paired | None


@dataclass(frozen=True, slots=True)
class Table:
    """All figures of a study; ``trained`` has the cells in the study's order."""

    name: str
    study: Study
    trained: dict[str, list[Trained]]
    rows: list[Row]

    def find(self, cell: str, set_: str, figure: str) -> Row | None:
        """The row of one cell, set and figure, if it was measured."""
        wanted = (cell, set_, figure)
        return next((r for r in self.rows if (r.cell.name, r.set, r.figure) == wanted), None)

    @property
    def failed(self) -> int:
        """How many trainings came to nothing."""
        return sum(t.result["status"] != DONE for own in self.trained.values() for t in own)

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that have figures, in the order of ``SETS``."""
        there = {row.set for row in self.rows}
        return tuple(name for name in SETS if name in there)


def write_tables(name: str, study: Study, cells: Sequence[tuple[Cell, Path]], out: Path) -> Table:
    """Read what lies in the folders of ``cells`` (one entry a seed) and write the tables."""
    from pneumoscope.evaluation.study_plot import draw_study

    table = tabulate(name, study, cells)
    files.write_text(out / "table.csv", _to_csv(table))
    files.write_text(out / "table.md", _to_markdown(table))
    draw_study(table, out / "plot.png")
    return table


def tabulate(name: str, study: Study, cells: Sequence[tuple[Cell, Path]]) -> Table:
    """Figures of every cell over its seeds; cells that are not done are told, and left out."""
    trained: dict[str, list[Trained]] = {cell.name: [] for cell in study.cells}
    for cell, folder in cells:
        result = read_result(folder)
        if result is not None:
            trained[cell.name].append(_trained(cell, folder, result))
    rows = []
    for cell in study.cells:
        for set_ in SETS:
            for figure in LABELS:
                row = _row(cell, set_, figure, trained[cell.name], trained[study.reference])
                if row is not None:
                    rows.append(row)
    return Table(name, study, trained, rows)


def _trained(cell: Cell, folder: Path, result: dict[str, Any]) -> Trained:
    if result["status"] != DONE:
        return Trained(result["seed"], result, {})
    log_odds = 0.0
    if cell.move_threshold:
        share = result["positive_share"]
        log_odds = math.log(share / (1 - share))
    return Trained(
        result["seed"], result, figures_by_set(read_scores(folder / SCORES), log_odds=log_odds)
    )


def _row(
    cell: Cell, set_: str, figure: str, own: list[Trained], reference: list[Trained]
) -> Row | None:
    values = {t.seed: t.figures[set_].values[figure] for t in own if set_ in t.figures}
    if not values:
        return None
    sizes = [t.figures[set_] for t in own if set_ in t.figures]
    counts = {
        "n": round(np.mean([size.films for size in sizes])),
        "patients": round(np.mean([size.patients for size in sizes])),
    }
    against = None
    if own is not reference:
        theirs = {t.seed: t.figures[set_].values[figure] for t in reference if set_ in t.figures}
        shared = [seed for seed in values if seed in theirs]
        if shared:
            a, b = [values[seed] for seed in shared], [theirs[seed] for seed in shared]
            against = paired_over_seeds(a, b, **counts)
    value = over_seeds(list(values.values()), **counts)
    return Row(cell, set_, figure, value, len(values), against)


def _to_csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        value, against = row.value, row.against
        writer.writerow(
            (
                *(table.name, row.cell.name, row.set, row.figure),
                *(_number(value.value), _number(value.low), _number(value.high)),
                *(row.seeds, value.n, value.patients),
                *(
                    [_number(x) for x in (against.difference, against.low, against.high, against.p)]
                    if against
                    else [""] * 4
                ),
            )
        )
    return text.getvalue()


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"


def _to_markdown(table: Table) -> str:
    study = table.study
    columns = [(name, "roc_auc") for name in table.sets]
    if study.figure != "roc_auc":
        columns += [(name, study.figure) for name in ("val", "shift") if name in table.sets]
    elif "shift" in table.sets:
        columns += [("shift", "sensitivity"), ("shift", "specificity")]
    heads = [f"{LABELS[figure]}, {SETS[name]}" for name, figure in columns]
    lines = [
        f"**{study.question}**",
        "",
        f"Mean over seeds (half-width of the 95 % interval); p of the paired t test against "
        f"*{study.reference}*.",
        "",
        _line("cell", "parameters", *heads, "seconds"),
        _line("---", *["---:"] * (len(heads) + 2)),
    ]
    for cell in study.cells:
        own = table.trained[cell.name]
        done = [t for t in own if t.result["status"] == DONE]
        if not done:
            continue
        recipe = Recipe.from_json(done[0].result["recipe"])
        seconds = np.median([t.result["seconds"]["training"] for t in done])
        found = [table.find(cell.name, *column) for column in columns]
        lines.append(
            _line(
                cell.name,
                f"{_parameters(recipe):,}",
                *[_told(row) for row in found],
                f"{seconds:.0f}",
            )
        )
    lines += ["", _sizes(table), *_variance_shift(table), *_missing(table)]
    return "\n".join(lines).rstrip() + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _told(row: Row | None) -> str:
    if row is None:
        return "-"
    reach = row.value.high - row.value.value
    text = f"{row.value.value:.3f}" + ("" if math.isnan(reach) else f" ({reach:.3f})")
    if row.against is not None and not math.isnan(row.against.p):
        text += f", p {row.against.p:.2g}"
    return text


def _sizes(table: Table) -> str:
    """How many films and patients stand behind each set."""
    told = []
    for name in table.sets:
        row = next(row for row in table.rows if row.set == name)
        told.append(f"{SETS[name]} {row.value.n:,} films of {row.value.patients:,} patients")
    seeds = max((row.seeds for row in table.rows), default=0)
    return f"{seeds} seed{'s' * (seeds != 1)}; films and patients a seed: {'; '.join(told)}."


def _variance_shift(table: Table) -> list[str]:
    """Shift ratio of each BatchNorm layer, where the study is about that."""
    if not table.study.variance_shift:
        return []
    measured = {
        cell.name: [t.result["variance_shift"] for t in table.trained[cell.name]
                    if t.result.get("variance_shift")]
        for cell in table.study.cells
    }  # fmt: skip
    measured = {name: shifts for name, shifts in measured.items() if shifts}
    if not measured:
        return []
    layers = [shift["layer"] for shift in next(iter(measured.values()))[0]]
    lines = [
        "",
        "Variance shift at each BatchNorm layer (Li et al. 2019), mean over seeds; 1 is none.",
        "",
        _line("layer", *measured),
        _line("---", *["---:"] * len(measured)),
    ]
    for place, layer in enumerate(layers):
        means = [np.mean([seed[place]["ratio"] for seed in shifts]) for shifts in measured.values()]
        lines.append(_line(layer, *(f"{mean:.3f}" for mean in means)))
    return lines


def _missing(table: Table) -> list[str]:
    """The cells that came to nothing, and why."""
    told = [
        f"- {name}, seed {t.seed}: {t.result['status']}: {t.result['reason']}"
        for name, own in table.trained.items()
        for t in own
        if t.result["status"] != DONE
    ]
    return ["", *told] if told else []


def _parameters(recipe: Recipe) -> int:
    network = build_network(recipe.network_options(), seed=0)
    return sum(p.numel() for p in network.parameters() if p.requires_grad)

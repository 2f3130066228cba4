"""A grid over a recipe, trained cell by cell: every cell once, whatever studies share it.

    pneumoscope study NAME DIR --sizes SIZES.csv --out studies

Two processes may work in one folder, on the same study or on different ones: each takes a cell that
nobody holds. Cells that are done are skipped, and one that was killed goes on after its last epoch.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pneumoscope import files
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.studies import named_study
from pneumoscope.evaluation.study_plan import Task, plan, tasks_of
from pneumoscope.evaluation.study_table import Table, write_tables
from pneumoscope.evaluation.trained import (
    REFUSED,
    RESULT,
    Films,
    open_films,
    read_result,
    require_same,
    train_and_score,
)

SEEDS = 3
_WAIT = 2.0  # seconds between looks at cells that another process holds


def run_study(
    name: str,
    where: Path | str,
    *,
    out: Path | str = "studies",
    seeds: int = SEEDS,
    epochs: int | None = None,
    sizes: Path | None = None,
    positive: str | None = None,
    masks: Path | None = None,
    cache: Path | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Table:
    """Train and score every cell of the study ``name`` and return what came of it.

    ``out`` may be shared by all studies; tables lie in ``out/NAME``, cells in ``out/cells``. Raises
    ``UsageError`` for an unknown study, and where ``out`` holds cells of other films, and
    ``PneumoscopeError`` where no original size is known or no film can be read. A cell that
    cannot be cut from these films, or that diverges, is recorded as such and the rest goes on.
    """
    if seeds < 1:
        raise UsageError(f"At least one seed is needed, not {seeds}.")
    study, out = named_study(name), Path(out)
    films = open_films(
        where,
        sizes=sizes,
        positive=positive,
        masks=masks,
        cache=cache,
        shift=True,
        progress=progress,
    )
    tasks = tasks_of(study, out, seeds=seeds, epochs=epochs)
    _work(tasks, films, threads=threads, progress=progress)
    return write_tables(name, study, [(task.cell, task.folder) for task in tasks], out / name)


def _work(tasks: list[Task], films: Films, *, threads: int | None, progress: bool) -> None:
    """Take the cells that are left and that nobody holds, until all are done."""
    from filelock import FileLock, Timeout
    from tqdm import tqdm

    left = list({task.folder: task for task in tasks}.values())
    with tqdm(
        total=round(sum(task.cost for task in left)),
        disable=None if progress else True,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
        desc=f"{len(left)} cells",
    ) as bar:
        while left:
            held = []
            for task in left:
                if task.before is not None and read_result(task.before) is None:
                    held.append(task)
                    continue
                task.folder.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with FileLock(task.folder.with_suffix(".lock"), timeout=0):
                        _do(task, films, bar, threads=threads)
                except Timeout:
                    held.append(task)
            if len(held) == len(left):
                bar.set_description(f"waiting for {len(held)} cells of another process")
                time.sleep(_WAIT)
            left = held


def _do(task: Task, films: Films, bar: Any, *, threads: int | None) -> None:
    """Train and score one cell, unless that has been done."""
    name = f"{task.cell.name}, seed {task.seed}"
    if (result := read_result(task.folder)) is not None:
        require_same(result, films, task.recipe, task.folder)
        bar.update(round(task.cost))
        return
    bar.set_description(name)

    def watch(row: dict[str, float]) -> None:
        epoch, epochs = row["epoch"], task.recipe.epochs
        bar.set_description(f"{name}, epoch {epoch}/{epochs}, val_auc {row['val_auc']:.4f}")
        bar.update(round(task.cost / epochs))

    facts = {"seed": task.seed}
    try:
        split, sets = plan(task, films)
    except PneumoscopeError as error:
        task.folder.mkdir(parents=True, exist_ok=True)
        result = {"status": REFUSED, "reason": str(error), "data": films.digest, **facts}
        result["recipe"] = task.recipe.to_json()
        files.write_json(task.folder / RESULT, result)
    else:
        result = train_and_score(
            *(task.folder, films, task.recipe, split),
            sets=sets,
            facts=facts,
            threads=threads,
            watch=watch,
        )
    if not bar.disable:
        seconds = sum(result.get("seconds", {}).values())
        bar.write(f"{name}: {result['status']} {result.get('reason', f'in {seconds:.0f} s')}")

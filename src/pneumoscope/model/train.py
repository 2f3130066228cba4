"""The training loop, from a folder of films to a run folder.

    pneumoscope train DIR --recipe notebook --out RUN

The same recipe on the same films, machine and number of threads ends in the same weights, bit for
bit, whether it ran through or was killed and resumed: everything random in an epoch is seeded by
the recipe's seed and the number of the epoch.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from pneumoscope.data.batches import Batches
from pneumoscope.data.cache import Store, open_store
from pneumoscope.data.catalog import Catalog, class_weights, open_catalog
from pneumoscope.data.split import Split, make_split
from pneumoscope.errors import Diverged, PneumoscopeError, UsageError
from pneumoscope.model.augment import SETTINGS, augment_with
from pneumoscope.model.curves import draw_curves
from pneumoscope.model.devices import describe_device, open_fabric
from pneumoscope.model.epoch_figures import epoch_figures, epoch_line
from pneumoscope.model.feeding import batches_of, films_of, gather, with_channels
from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe, named
from pneumoscope.model.refit import refit
from pneumoscope.model.runs import History, Run, best_epoch, describe, open_run, require_new
from pneumoscope.model.schedule import Average, learning_rate, optimizer_of
from pneumoscope.model.teaching import Teacher, teacher_for
from pneumoscope.model.weighting import chances

VALIDATION_BATCH = 64


def train(
    where: Path | str,
    *,
    out: Path | str,
    recipe: Recipe | str = "notebook",
    sizes: Path | None = None,
    positive: str | None = None,
    masks: Path | None = None,
    split_file: Path | None = None,
    cache: Path | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    threads: int | None = None,
    progress: bool = True,
    watch: Callable[[dict[str, float]], None] | None = None,
) -> Run:
    """Train ``recipe`` on the films in ``where`` and return the run folder ``out``.

    ``masks`` is a folder of lung masks named like the films. ``split_file`` gives back the
    ``split.csv`` of an earlier run. ``resume`` continues a run after its last whole checkpoint,
    with the recipe and split that it has. ``watch`` is called with the figures of each epoch when
    it is done. Raises ``UsageError`` when the folder already holds a run (or, to resume, other
    films), and ``PneumoscopeError`` when the films cannot be used or the training diverges.
    """
    from filelock import FileLock, Timeout

    run = Run(Path(out))
    if resume:
        recipe = open_run(run.folder).recipe
    recipe = named(recipe) if isinstance(recipe, str) else recipe
    fabric = open_fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        precision=recipe.precision,
        threads=threads,
    )
    progress = progress and fabric.is_global_zero
    if fabric.is_global_zero and not resume:
        require_new(run.folder)
    run.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run.folder / ".lock")
    try:
        if fabric.is_global_zero:
            lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(f"Another process is training in {run.folder}.") from error
    try:
        catalog = open_catalog(where, sizes=sizes, positive=positive)
        if resume:
            split = Split.load(run.split_file, catalog)
        elif split_file is not None:
            split = Split.load(split_file, catalog)
        else:
            split = make_split(
                catalog,
                method=recipe.split,
                seed=recipe.seed,
                validation=recipe.validation,
                cache=cache,
                progress=progress,
            )
        films = [film for film in catalog.films if film.split != "test"]
        store = open_store(films, recipe.preprocessing(), cache=cache, progress=progress)
        if fabric.is_global_zero and resume:
            run.require_same_films(store)
        elif fabric.is_global_zero:
            # The split before the recipe: a folder with a recipe is a run that can resume.
            split.save(run.split_file, catalog)
            data = {"where": where, "sizes": sizes, "positive": positive, "masks": masks}
            run.begin(recipe, describe(data, catalog, split, store) | describe_device(fabric))
        fabric.barrier()
        teacher = teacher_for(
            recipe, catalog.keep(films), store, masks=masks, cache=cache, progress=progress
        )
        _fit(
            *(fabric, run, catalog, split, store, teacher),
            resume=resume,
            progress=progress,
            watch=watch,
        )
    finally:
        lock.release()
    return run


def _fit(
    fabric: Fabric,
    run: Run,
    catalog: Catalog,
    split: Split,
    store: Store,
    teacher: Teacher,
    *,
    resume: bool,
    progress: bool,
    watch: Callable[[dict[str, float]], None] | None,
) -> None:
    recipe = teacher.recipe
    training = batches_of(catalog, store, split.train)
    drawn_from = catalog.pick(store.keys[row] for row in training.rows).films
    training = replace(
        training,
        batch=recipe.batch,
        seed=recipe.seed,
        drop_last=True,
        steps=recipe.steps,
        chances=chances(drawn_from, sampling=recipe.sampling),
        rank=fabric.global_rank,
        world=fabric.world_size,
    )
    validation = replace(
        batches_of(catalog, store, split.val), batch=VALIDATION_BATCH, shuffle=False
    )
    if len(training.rows) < (1 if recipe.steps else recipe.batch * fabric.world_size):
        raise PneumoscopeError(
            f"{len(training.rows)} readable training films do not fill one batch of "
            f"{recipe.batch}; set a smaller batch or add films."
        )
    if recipe.class_weights:
        teacher = replace(teacher, weights=class_weights(training.labels))

    network = build_network(recipe.network_options(), seed=recipe.seed)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model, optimizer = fabric.setup(network, optimizer_of(network, recipe))
    model.mark_forward_method("taught")
    average = Average(network) if recipe.average else None
    selected = average.network if average else network

    history: History = []
    if resume:
        state, damaged = run.latest()
        for path in damaged:
            fabric.print(f"{path} is damaged; going back to the checkpoint before it.")
        if state is not None:
            network.load_state_dict(state["learning"] if average else state["network"])
            optimizer.load_state_dict(state["optimizer"])
            if average:
                average.load_state_dict(state["average"])
            if teacher.decorrelation:
                teacher.decorrelation.load_state_dict(state["decorrelation"])
            history = state["history"]
            if fabric.is_global_zero:
                run.follow(state, best=best_epoch(history, select=recipe.select) == len(history))

    steps = len(training) + len(validation)
    with tqdm(
        total=recipe.epochs * steps + recipe.refit * math.ceil(len(training.rows) / recipe.batch),
        initial=len(history) * steps,
        unit=" batch",
        desc="training",
        disable=None if progress else True,  # None: hidden where no terminal shows it
        dynamic_ncols=True,
    ) as bar:
        for epoch in range(len(history) + 1, recipe.epochs + 1):
            bar.set_description(f"epoch {epoch}/{recipe.epochs}")
            started = time.perf_counter()
            figures = _train_epoch(
                *(fabric, model, optimizer, average, training, teacher), epoch=epoch, bar=bar
            )
            if fabric.is_global_zero:
                if epoch == recipe.epochs and recipe.refit:
                    refit(selected, training, teacher, fabric=fabric, bar=bar)
                figures |= _validate(fabric, selected, validation, recipe, epoch=epoch, bar=bar)
                seconds = round(time.perf_counter() - started, 3)
                history.append({"epoch": epoch, **figures, "seconds": seconds})
                best = best_epoch(history, select=recipe.select)
                state = {
                    "epoch": epoch,
                    "network": selected.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "history": history,
                }
                if average:
                    state |= {"learning": network.state_dict(), "average": average.state_dict()}
                if teacher.decorrelation:
                    state["decorrelation"] = teacher.decorrelation.state_dict()
                run.save_epoch(state, best=best == epoch)
                if watch is not None:
                    watch(history[-1])
                if progress:
                    bar.write(epoch_line(history[-1], best=best == epoch), file=sys.stderr)
            fabric.barrier()
    if fabric.is_global_zero:
        draw_curves(
            history,
            run.folder / "curves.png",
            best_epoch=best_epoch(history, select=recipe.select),
        )


def _train_epoch(
    fabric: Fabric,
    model: Any,
    optimizer: Any,
    average: Average | None,
    batches: Batches,
    teacher: Teacher,
    *,
    epoch: int,
    bar: Any,
) -> dict[str, float]:
    """One pass over the training films; figures are of the network as it was at each batch."""
    recipe = teacher.recipe
    seed = int(
        np.random.SeedSequence((recipe.seed, epoch, fabric.global_rank)).generate_state(1)[0]
    )
    torch.manual_seed(seed)  # dropout
    changes, chance = SETTINGS[recipe.augment], torch.Generator().manual_seed(seed)
    model.train()
    logits, truths, losses = [], [], []
    done, steps = (epoch - 1) * len(batches), recipe.epochs * len(batches)
    for step, batch in enumerate(batches.epoch(epoch), start=done):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, steps)
        films = films_of(batch, fabric)
        masks = teacher.masks_of(batch, films)
        films, masks = augment_with(films, masks, changes, chance)
        output, labels, error = teacher.teach(model, with_channels(films, recipe), masks, batch)
        optimizer.zero_grad()
        fabric.backward(error)
        optimizer.step()
        if average is not None:
            average.update()
        logits.append(output.detach())
        truths.append(labels)
        losses.append(error.detach())
        bar.update()
    logit, truth, loss = (
        gather(part, fabric) for part in (torch.cat(logits), torch.cat(truths), torch.stack(losses))
    )
    if not np.isfinite(loss).all():
        raise Diverged(
            f"The training diverged in epoch {epoch} (the loss is not a number); try a smaller "
            "learning_rate."
        )
    return {"loss": float(loss.mean()), **epoch_figures(truth, logit)}


@torch.inference_mode()
def _validate(
    fabric: Fabric, network: Any, batches: Batches, recipe: Recipe, *, epoch: int, bar: Any
) -> dict[str, float]:
    """The same figures on validation films, unweighted, with the network at rest."""
    changes = SETTINGS[recipe.augment if recipe.augment_validation else "none"]
    chance = torch.Generator().manual_seed(epoch)
    network.eval()
    logits = []
    with fabric.autocast():
        for batch in batches.epoch(0):
            films = films_of(batch, fabric)
            films, _ = augment_with(films, films[:, :0], changes, chance)
            output = network(with_channels(films, recipe)).float().cpu()
            logits.append(output[:, 0] if recipe.subtype else output)
            bar.update()
    logit, truth = torch.cat(logits), torch.from_numpy(batches.labels).float()
    loss = float(binary_cross_entropy_with_logits(logit, truth))
    figures = {"loss": loss, **epoch_figures(truth.numpy(), logit.numpy())}
    return {f"val_{name}": value for name, value in figures.items()}

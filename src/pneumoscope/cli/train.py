"""``pneumoscope train``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from pneumoscope.cli import options
from pneumoscope.cli.options import FILE


@click.command("train")
@click.argument("where", metavar="DIR", type=FILE)
@options.recipe
@options.backbone
@options.settings
@click.option("--out", type=FILE, help="Run folder [default: runs/RECIPE-TIME].")
@click.option("--resume", is_flag=True, help="Continue the run in --out after its last checkpoint.")
@click.option("--split-file", type=FILE, help="Use the split.csv of an earlier run.")
@options.sizes
@options.positive
@options.masks
@options.cache
@click.option("--accelerator", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--devices", default=1, show_default=True, help="Devices on this machine.")
@click.option("--num-nodes", default=1, show_default=True, help="Machines, under torchrun.")
@options.cpu_threads
@options.quiet
def command(
    where: Path,
    recipe: str,
    backbone: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    resume: bool,
    split_file: Path | None,
    sizes: Path | None,
    positive: str | None,
    masks: Path | None,
    cache: Path | None,
    accelerator: str,
    devices: int,
    num_nodes: int,
    threads: int | None,
    quiet: bool,
) -> None:
    """Train a recipe on the films in DIR (a folder with one folder per class, or a CSV manifest).

    Films of train and val are pooled and split again, 80:20, patients kept whole; films of a test
    folder are left alone. The run folder gets recipe, split, history.csv, curves.png and
    checkpoints; `pneumoscope export` makes the bundle.

    \b
    pneumoscope train chest_xray --out run
    pneumoscope train chest_xray --recipe notebook-flip --set epochs=10 --out flips
    pneumoscope train chest_xray --set split=random --set channels=3 --out to-the-letter
    pneumoscope train chest_xray --out run --resume
    """
    from pneumoscope.errors import UsageError
    from pneumoscope.model.recipe import named
    from pneumoscope.model.runs import best_epoch
    from pneumoscope.model.train import train

    changes = options.parse_settings(settings, backbone=backbone)
    if resume and out is None:
        raise UsageError("--resume needs --out: the run folder to continue.")
    if resume and changes:
        raise UsageError("--resume continues the recipe of the run; leave out --set.")
    chosen = named(recipe, changes)
    out = out or Path("runs") / f"{chosen.name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        run = train(
            where,
            out=out,
            recipe=chosen,
            sizes=sizes,
            positive=positive,
            masks=masks,
            split_file=split_file,
            cache=cache,
            resume=resume,
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            threads=threads,
            progress=not quiet,
        )
    except KeyboardInterrupt:
        click.echo(
            f"Stopped; continue with: pneumoscope train {where} --out {out} --resume", err=True
        )
        raise
    facts, history = run.facts, run.history
    number = best_epoch(history, select=run.recipe.select)
    best = history[number - 1]
    split = facts["split"]
    click.echo(
        f"{split['train']} films trained and {split['val']} validated ({split['method']} split); "
        f"{split['held_out']} films of the sample's test patients were held out."
    )
    if split["apart"]:
        click.echo(f"{split['apart']} films were set apart: they neither trained nor validated.")
    for key, reason in facts["data"]["refused"].items():
        click.echo(f"refused: {key}: {reason}", err=True)
    click.echo(
        f"Epoch {number} was selected: validation loss {best['val_loss']:.4f}, accuracy "
        f"{best['val_accuracy']:.4f}, AUC {best['val_auc']:.4f} on {split['val']} films."
    )
    click.echo(f"Curves: {run.folder / 'curves.png'}")
    click.echo(f"Next: pneumoscope export {run.folder}")

"""The notebook's four learning curves as one picture."""

from __future__ import annotations

import math
from pathlib import Path

from pneumoscope.files import write_beside

FIGURES = ("precision", "recall", "accuracy", "loss")


def draw_curves(history: list[dict[str, float]], path: Path, *, best_epoch: int) -> None:
    """Draw precision, recall, accuracy and loss over epochs, train and validation, as a PNG.

    ``history`` is what ``Run.history`` gives; ``best_epoch`` (from 1) is marked.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 4), FIGURES, strict=True):
        axes.plot(epochs, [row[name] for row in history], marker=".", label="train")
        axes.plot(epochs, [row[f"val_{name}"] for row in history], marker=".", label="validation")
        axes.axvline(best_epoch, color="grey", linestyle=":", label="selected")
        axes.set_title(name)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if name == "loss":
            # BatchNorm's slow statistics make the first epochs' validation loss enormous.
            losses = [row[key] for row in history for key in ("loss", "val_loss")]
            top = max((loss for loss in losses if math.isfinite(loss)), default=1)
            axes.set_ylim(0, min(1.05 * top, 2))
        else:
            axes.set_ylim(top=1.01)
    axes.legend(loc="best")
    with write_beside(path) as beside:
        figure.savefig(beside, dpi=110)

"""The figures of one epoch, and the line that tells them."""

from __future__ import annotations

import numpy as np

from pneumoscope.metrics import scores


def epoch_figures(truth: np.ndarray, logit: np.ndarray) -> dict[str, float]:
    """Accuracy, precision and recall at a probability of 0.5, and ROC-AUC."""
    table = scores.confusion(truth, logit >= 0)
    figures = {
        "accuracy": scores.accuracy(table),
        "precision": scores.precision(table),
        "recall": scores.sensitivity(table),
        "auc": scores.roc_auc(truth, logit),
    }
    return {name: float(value) for name, value in figures.items()}


def epoch_line(row: dict[str, float], *, best: bool) -> str:
    figures = "  ".join(
        f"{name} {row[name]:.4f}" for name in ("loss", "accuracy", "val_loss", "val_accuracy")
    )
    time_and_mark = f"{row['seconds']:.1f} s" + ("  *" if best else "")
    return f"epoch {row['epoch']:3.0f}  {figures}  val_auc {row['val_auc']:.4f}  {time_and_mark}"

from pathlib import Path

import numpy as np
from PIL import Image

from pneumoscope.model.curves import FIGURES, draw_curves


def rows(shift: float) -> list[dict[str, float]]:
    names = [name for figure in FIGURES for name in (figure, f"val_{figure}")]
    return [
        {"epoch": epoch, **dict.fromkeys(names, 0.5 + shift * epoch / 10)} for epoch in range(1, 6)
    ]


def test_the_picture_shows_the_history(tmp_path: Path) -> None:
    for name, shift in (("up", 0.9), ("flat", 0.0)):
        draw_curves(rows(shift), tmp_path / f"{name}.png", best_epoch=3)
    up, flat = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("up", "flat"))
    assert up.shape == flat.shape
    assert up.shape[1] > 3 * up.shape[0]  # four panels in a row
    assert not np.array_equal(up, flat)


def test_a_run_of_one_epoch_or_with_undefined_figures_is_drawn(tmp_path: Path) -> None:
    history = rows(0.1)[:1]
    history[0]["val_precision"] = float("nan")
    history[0]["val_loss"] = float("inf")
    draw_curves(history, tmp_path / "one.png", best_epoch=1)
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]

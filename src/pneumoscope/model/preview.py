"""Augmentation as pictures, to be looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from pneumoscope.model.augment import SETTINGS, augment


def augmented(
    pixels: npt.NDArray[np.uint8], setting: str, *, seed: int = 0
) -> npt.NDArray[np.uint8]:
    """Change films (n, h, w) uint8 as training with the named setting would; same shape and type.

    Raises ``KeyError`` for a setting that `SETTINGS` has not.
    """
    batch = torch.from_numpy(pixels.astype(np.float32) / 255).unsqueeze(1)
    generator = torch.Generator().manual_seed(seed)
    changed = augment(batch, SETTINGS[setting], generator).squeeze(1)
    return (changed.clamp(0, 1) * 255).round().to(torch.uint8).numpy()

"""Augmentation of whole batches on tensors; training films only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far a film may be changed. Every change is drawn anew for each film.

    ``flip``: chance of a mirror image. ``rotate``: degrees either way. ``scale``, ``aspect``:
    largest relative change of size, and of width against height. ``shift``: largest move, as a
    share of the side. ``gamma``, ``contrast``: largest change as a natural logarithm.
    ``brightness``: largest addition to [0, 1]. ``noise``: largest standard deviation.
    ``blur``: largest Gaussian sigma in pixels, for ``blur_chance`` of the films. ``erase``:
    chance that a rectangle of up to a quarter of each side is painted over.
    """

    flip: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    aspect: float = 0.0
    shift: float = 0.0
    gamma: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    blur: float = 0.0
    blur_chance: float = 0.0
    erase: float = 0.0


_FULL = Augmentation(
    flip=0.5,
    rotate=12,
    scale=0.12,
    aspect=0.1,
    shift=0.06,
    gamma=0.35,
    contrast=0.3,
    brightness=0.12,
    noise=0.04,
    blur=1.5,
    blur_chance=0.3,
    erase=0.25,
)
SETTINGS: dict[str, Augmentation] = {
    "none": Augmentation(),
    # The notebook's second pass.
    "flip": Augmentation(flip=0.5),
    # Moved as far as in full, its greys changed half as far, with neither noise nor blur.
    "mild": replace(
        _FULL, gamma=0.15, contrast=0.15, brightness=0.06, noise=0.0, blur=0.0, blur_chance=0.0
    ),
    "full": _FULL,
}


def augment(batch: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """A changed copy of ``batch``: (n, 1, h, w) float32 in [0, 1], and so is what comes back.

    ``generator`` is a CPU generator; the same state gives the same films on any device.
    """
    return augment_with(batch, batch[:, :0], settings, generator)[0]


def augment_with(
    batch: Tensor, along: Tensor, settings: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """As ``augment``, with what lies on the films (n, k, h, w), as masks do, moved as they are."""
    if settings == SETTINGS["none"]:
        return batch, along
    draw = _Draw(len(batch), generator, batch.device)
    moved = _move(torch.cat([batch, along], dim=1), settings, draw)
    batch, along = moved[:, :1], moved[:, 1:]
    if settings.blur > 0:
        batch = _blur(batch, settings, draw)
    if settings.gamma > 0:
        batch = batch.clamp(0, 1).pow(draw.spread(settings.gamma).exp())
    if settings.contrast > 0 or settings.brightness > 0:
        contrast, brightness = draw.spread(settings.contrast), draw.spread(settings.brightness)
        batch = (batch - 0.5) * contrast.exp() + 0.5 + brightness
    if settings.noise > 0:
        grain = torch.randn(batch.shape, generator=generator).to(batch.device)
        batch = torch.addcmul(batch, grain, draw.upto(settings.noise))
    batch = batch.clamp(0, 1)
    if settings.erase > 0:
        batch = _erase(batch, settings, draw)
    return batch, along


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random numbers, one per film, shaped (n, 1, 1, 1)."""

    films: int
    generator: torch.Generator
    device: torch.device

    def upto(self, limit: float) -> Tensor:
        values = torch.rand(self.films, 1, 1, 1, generator=self.generator) * limit
        return values.to(self.device)

    def spread(self, limit: float) -> Tensor:
        return self.upto(2 * limit) - limit

    def chance(self, share: float) -> Tensor:
        return self.upto(1) < share


def _move(batch: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Mirror, rotate, scale, stretch and shift in one resampling; what comes in is black."""
    mirror = 1 - 2 * draw.chance(settings.flip).float()
    if not any((settings.rotate, settings.scale, settings.aspect, settings.shift)):
        return torch.where(mirror < 0, batch.flip(3), batch)
    angle = draw.spread(math.radians(settings.rotate))
    zoom = 1 + draw.spread(settings.scale)
    stretch = 1 + draw.spread(settings.aspect)
    # affine_grid maps output to input coordinates in [-1, 1], hence the doubled shift.
    right, down = draw.spread(2 * settings.shift), draw.spread(2 * settings.shift)
    rows = (
        torch.cat([angle.cos() * zoom * stretch * mirror, -angle.sin() * zoom, right], dim=3),
        torch.cat([angle.sin() * zoom * mirror, angle.cos() * zoom / stretch, down], dim=3),
    )
    grid = functional.affine_grid(
        torch.cat(rows, dim=2).squeeze(1), list(batch.shape), align_corners=False
    )
    return functional.grid_sample(batch, grid, align_corners=False)


def _blur(batch: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Gaussian blur, a sigma for each film; films that are left alone get a unit kernel."""
    sigma = draw.upto(settings.blur) * draw.chance(settings.blur_chance)
    reach = math.ceil(2 * settings.blur)
    distance = torch.arange(-reach, reach + 1, device=batch.device, dtype=batch.dtype)
    kernel = torch.exp(-0.5 * (distance / sigma.clamp(min=0.05)) ** 2)
    kernel = kernel / kernel.sum(dim=3, keepdim=True)  # (n, 1, 1, taps)
    films = batch.transpose(0, 1)  # each film is a channel, so that each has its own kernel
    films = functional.conv2d(films, kernel, padding=(0, reach), groups=len(batch))
    films = functional.conv2d(films, kernel.transpose(2, 3), padding=(reach, 0), groups=len(batch))
    return films.transpose(0, 1)


def _erase(batch: Tensor, settings: Augmentation, draw: _Draw) -> Tensor:
    """Paint a rectangle of one grey over some of the films (Zhong et al. 2020)."""
    inside = draw.chance(settings.erase)
    for dimension in (2, 3):
        side = batch.shape[dimension]
        shape = [1, 1, 1, 1]
        shape[dimension] = side
        place = torch.arange(side, device=batch.device).view(shape)
        length = draw.upto(0.25) * side
        start = draw.upto(1) * (side - length)
        inside = inside & (place >= start) & (place < start + length)
    return torch.where(inside, draw.upto(1), batch)

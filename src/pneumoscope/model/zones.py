"""Where in the lungs a place lies: six zones of both lungs together, told from the lungs alone.

Radiologists score a film by zones (upper, middle, lower; Borghesi and Maroldi 2020, *COVID-19
outbreak in Italy: experimental chest X-ray scoring system*), and tell what lies by the hilum from
what lies by the ribs. Places are measured from the lungs' middle in their own spread, so that
where the lungs lie on a film moves no zone, and how large they are hardly one. Left and right are
one.
"""

from __future__ import annotations

import torch
from torch import Tensor

ZONES = 6  # upper, middle, lower; of each what lies by the middle of the film, and by the ribs
_THIRD = 0.6  # from the middle to where upper and lower begin
_INNER = 1.0  # from the middle to where the side by the ribs begins
_STEEP, _STEEP_ACROSS = 4.0, 6.0  # of the borders between zones, which are soft
_LEAST = 0.05  # of the film: no lung's spread is less


def zones(lungs: Tensor) -> Tensor:
    """Weights of lung (n, 1, h, w), at least 0, dealt to zones: (n, 6, h, w), in sum ``lungs``."""
    height, width = lungs.shape[2:]
    down = torch.linspace(0, 1, height, device=lungs.device).view(1, 1, -1, 1)
    across = torch.linspace(0, 1, width, device=lungs.device).view(1, 1, 1, -1)
    y, x = _from_the_middle(lungs, down), _from_the_middle(lungs, across).abs()
    upper, lower = (torch.sigmoid(_STEEP * (side * y - _THIRD)) for side in (-1, 1))
    inner = torch.sigmoid(_STEEP_ACROSS * (_INNER - x))
    thirds = torch.cat([upper, 1 - upper - lower, lower], dim=1)
    return torch.cat([thirds * inner, thirds * (1 - inner)], dim=1) * lungs


def _from_the_middle(lungs: Tensor, place: Tensor) -> Tensor:
    """``place`` less that of the middle of ``lungs``, in their standard deviations."""
    share = lungs / (lungs.sum((2, 3), keepdim=True) + 1e-4)
    place = place - (share * place).sum((2, 3), keepdim=True)
    spread = (share * place.square()).sum((2, 3), keepdim=True).sqrt()
    return place / (spread + _LEAST)

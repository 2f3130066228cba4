"""How fast a network learns as training goes on, and the running mean of its weights."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import nn

from pneumoscope.model.recipe import Recipe

ADAM_EPSILON = 1e-7  # Keras' default
WARM_UP = 200  # steps
LAST = 0.02  # of the learning rate, at the end of the cosine
# The mean remembers about 500 steps: half an epoch of the full set.
LONGEST_MEMORY = 0.998


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam; with ``weight_decay`` AdamW, which leaves biases alone (Loshchilov and Hutter 2019)."""
    learning = [p for p in network.parameters() if p.requires_grad]
    if not recipe.weight_decay:
        return torch.optim.Adam(learning, lr=recipe.learning_rate, eps=ADAM_EPSILON, fused=True)
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=ADAM_EPSILON, fused=True)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate at ``step`` of ``steps`` (0 the first): constant, or a cosine after a warm-up."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    falling = LAST + (1 - LAST) * (1 + math.cos(math.pi * step / steps)) / 2
    return recipe.learning_rate * falling * min(1.0, (step + 1) / WARM_UP)


class Average:
    """The running mean of a network's weights, which reads better than any of them.

    An exponential mean (Polyak and Juditsky 1992; Tarvainen and Valpola 2017) whose memory grows
    from a tenth of the steps to ``LONGEST_MEMORY``.
    """

    def __init__(self, learning: nn.Module) -> None:
        self.learning = learning
        self.network = copy.deepcopy(learning).requires_grad_(False)
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of the learning network after one more step into the mean."""
        keep = min(LONGEST_MEMORY, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        own, new = _values(self.network), _values(self.learning)
        torch._foreach_lerp_(own, new, 1 - keep)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"network": self.network.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.steps = state["steps"]


def _values(network: nn.Module) -> list[torch.Tensor]:
    """Weights and the statistics of BatchNorm, without the count of its batches."""
    tensors = [*network.parameters(), *network.buffers()]
    return [tensor.data for tensor in tensors if tensor.is_floating_point()]

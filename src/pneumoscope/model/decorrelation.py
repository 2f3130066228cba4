"""A network whose logit tells nothing of the scanner, within either class.

Where a film's acquisition goes with its class, as size does here, a network may score the scanner.
Within a class that shows: the logits of normal films should not rise with what is typical of
pneumonia films. Their covariance with size, aspect and sharpness, class by class, is an error, as
conditional independence asks for (Veitch et al. 2021, *Counterfactual Invariance to Spurious
Correlations*; linear here, so that a batch of sixteen can say something of it).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_KEEP = 0.9  # of the running covariance, at each step
_KEEP_MEAN = 0.98  # of the running mean of the logits
_SETTLED = 100  # steps until the running values say anything


class Decorrelation:
    """The error of covariance between logits and acquisition, class by class.

    ``acquisition`` (rows, 3) is of each row of the films' store, standardised within its class. One
    batch tells little of a covariance, so the error is the batch's times the running one, whose
    gradient is that of half the square of the running covariance.
    """

    def __init__(self, acquisition: Tensor) -> None:
        self.acquisition = acquisition
        self.covariance = torch.zeros(2, acquisition.shape[1])
        self.mean = torch.zeros(2)
        self.steps = 0

    def error(self, logit: Tensor, labels: Tensor, rows: Any) -> Tensor:
        """The error of a batch: ``logit`` (n,), ``labels`` (n,) 0 or 1, ``rows`` (n,) in the store.

        It takes the batch into the running values. 0 for the first ``_SETTLED`` steps.
        """
        acquisition = self.acquisition[rows].to(logit.device)
        error = logit.new_zeros(())
        self.steps += 1
        for label in (0, 1):
            own = labels == label
            if not own.any():
                continue
            values = logit[own]
            found = values.detach().mean().cpu()
            if self.steps > 1:
                found = _KEEP_MEAN * self.mean[label] + (1 - _KEEP_MEAN) * found
            self.mean[label] = found
            centred = (values - found.to(logit.device))[:, None]
            covariance = (centred * acquisition[own]).mean(0)
            running = _KEEP * self.covariance[label] + (1 - _KEEP) * covariance.detach().cpu()
            self.covariance[label] = running
            error = error + (running.to(logit.device) * covariance).sum()
        return error if self.steps > _SETTLED else 0 * error

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "covariance": self.covariance.clone(),
            "mean": self.mean.clone(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.covariance, self.mean = state["covariance"].clone(), state["mean"].clone()
        self.steps = state["steps"]

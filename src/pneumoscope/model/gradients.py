"""Evidence from a run's gradients, by Captum: Grad-CAM and integrated gradients.

For networks without an exact map, and to hold one method against another. Both are signed, in
logits, and scaled as a class activation map is: the mean over the film is what the evidence adds to
the logit (of Grad-CAM by its linear part alone, exactly for the ``cam`` head; of integrated
gradients to within the error of its steps, over the logit of an evenly grey film).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pneumoscope.errors import MissingExtra, PneumoscopeError, UsageError
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.reader import Look
from pneumoscope.inference.saliency import Grid
from pneumoscope.model.deployed import Deployed
from pneumoscope.model.export import PARITY, load_deployed
from pneumoscope.model.head import CamNetwork
from pneumoscope.model.runs import Run

GRADCAM, INTEGRATED = "gradcam", "integrated-gradients"
METHODS = (GRADCAM, INTEGRATED)
TOGETHER = 16  # films in one backward pass, which bounds the memory
STEPS = 64  # points between the grey film and the film


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """Evidence of films in one network's gradients; call it with a ``Look`` for a ``Grid``."""

    deployed: Deployed
    method: str
    run: Run

    def __call__(self, look: Look) -> Grid:
        """Evidence behind one reading; the bundle that read must be an export of this run."""
        with torch.inference_mode():
            logit = float(self.deployed.of(_films(look.pixels[None]))[0][0])
        assert look.reading.logit is not None
        if abs(logit - look.reading.logit) > PARITY * max(1, abs(logit)):
            raise PneumoscopeError(
                f"The bundle was not exported from {self.run.folder}: it gives the logit "
                f"{look.reading.logit:.3f} where the run's network gives {logit:.3f}."
            )
        values, stride = gradients(self.deployed, look.pixels[None], method=self.method)
        return Grid(values[0], stride)


def gradients_of(run: Run, bundle: Bundle, *, method: str) -> Gradients:
    """``method`` on the selected epoch of ``run``, for films that ``bundle``, its export, reads."""
    _import_captum()
    if run.recipe.preprocessing() != bundle.preprocessing:
        raise PneumoscopeError(
            f"The bundle was not exported from {run.folder}: it shapes films otherwise."
        )
    return Gradients(load_deployed(run), method, run)


def gradients(deployed: Deployed, pixels: Pixels, *, method: str) -> tuple[np.ndarray, float]:
    """Evidence (n, h, w) float32 in films (n, size, size) uint8, and its stride in their pixels."""
    methods = {GRADCAM: _gradcam, INTEGRATED: _integrated}
    if method not in methods:
        raise UsageError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    films = _films(pixels)
    values, stride = methods[method](deployed, films)
    if deployed.mirror:  # the logit is a mean, and so is what makes it
        mirrored, _ = methods[method](deployed, films.flip(3))
        values = (values + mirrored.flip(2)) / 2
    return values.detach().numpy().astype(np.float32), stride


def _gradcam(deployed: Deployed, films: Tensor) -> tuple[Tensor, float]:
    """Grad-CAM (Selvaraju et al. 2017) on the last features, its ReLU left out: signs are kept.

    A map's weights are the means of the gradients, whose sums make the mean of the evidence a
    logit: hence the number of places as a factor.
    """
    network = deployed.network
    after: Any = network.head if isinstance(network, CamNetwork) else network.pool
    captum = _import_captum()
    method = captum.LayerGradCam(lambda x: _logit(deployed, x), after)
    found: Tensor = method.attribute(films, attribute_to_layer_input=True)
    places = found.shape[2] * found.shape[3]
    return found[:, 0] * places, float(deployed.network.stride)


def _integrated(deployed: Deployed, films: Tensor) -> tuple[Tensor, float]:
    """Integrated gradients (Sundararajan et al. 2017) from each film's own mean grey.

    Black is no neutral film: on it, whatever is bright would be evidence.
    """
    captum = _import_captum()
    grey = films.mean((1, 2, 3), keepdim=True).expand_as(films)
    method = captum.IntegratedGradients(lambda x: _logit(deployed, x))
    found: Tensor = method.attribute(
        films, grey, n_steps=STEPS, internal_batch_size=max(TOGETHER, len(films))
    )[:, 0]
    return found * found[0].numel(), 1.0


def _films(pixels: Pixels) -> Tensor:
    """(n, size, size) uint8 -> (n, 1, size, size) in [0, 1]."""
    return torch.from_numpy(pixels.copy()).float().mul(1 / 255).unsqueeze(1)


def _logit(deployed: Deployed, films: Tensor) -> Tensor:
    scores: Tensor = deployed.network(films.expand(-1, deployed.channels, -1, -1))
    return scores[:, 0] if "subtype" in deployed.outputs else scores


def _import_captum() -> Any:
    try:
        from captum import attr
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "captum":
            raise
        raise MissingExtra("captum", "train") from error
    return attr

"""From a network's logit to a probability at a stated prevalence, and to calls at named thresholds.

``truth`` is (n,) of 0 and 1 and ``logit`` (n,) of finite numbers; anything else, and truth of one
class only, raises ``ValueError``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.errors import UsageError
from pneumoscope.metrics.arrays import Floats, check_column, check_truth

_PULL = 0.1  # towards temperature 1: PULL / 2 * log(temperature) ** 2 nats, over all films together


@dataclass(frozen=True, slots=True)
class Calibration:
    """``probability = sigmoid(logit / temperature + offset)`` among films of ``prevalence``.

    Temperature is above 0, so that the order of the films is never changed; prevalence lies
    strictly between 0 and 1.
    """

    temperature: float = 1.0
    offset: float = 0.0
    prevalence: float = 0.5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"A temperature must be above 0, not {self.temperature}.")
        if not math.isfinite(self.offset):
            raise ValueError(f"An offset must be a finite number, not {self.offset}.")
        _log_odds(self.prevalence)

    def probability(self, logit: ArrayLike, *, prevalence: float | None = None) -> Floats:
        """Probability (in the shape of ``logit``) that a film is positive.

        ``prevalence`` re-bases it: where films of either class look as they did and only their
        shares differ, Bayes' rule adds the difference of the prior log-odds to the logit (Elkan
        2001, theorem 2; Saerens, Latinne & Decaestecker 2002, eq. 2.4).
        """
        z = np.asarray(logit, dtype=np.float64) / self.temperature + self.offset
        if prevalence is not None:
            z = z + (_log_odds(prevalence) - _log_odds(self.prevalence))
        return _sigmoid(z)

    def to_json(self) -> dict[str, float]:
        """Plain values for :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """Undo :meth:`to_json`; ``ValueError`` where a number is missing or impossible."""
        return cls(**_numbers(cls, value))


def fit(truth: ArrayLike, logit: ArrayLike) -> Calibration:
    """Temperature and offset of maximum likelihood (Platt 1999; Guo et al. 2017), with prevalence.

    A weak pull of the temperature towards 1 (less than one film's worth of evidence) keeps it
    finite and above 0 on films that the logit separates, misleads about or tells nothing of. The
    offset is free: over the films of the fit the mean probability is their prevalence.
    """
    from scipy.optimize import minimize

    positive, logits = _films(truth, logit)
    prevalence = float(positive.mean())
    low, centre, high = (float(at) for at in np.quantile(logits, [0.25, 0.5, 0.75]))
    scale = high - low or float(logits.std()) or 1.0
    unit = (logits - centre) / scale
    sign = np.where(positive, -1.0, 1.0)

    def loss(at: Floats) -> tuple[float, Floats]:
        lean = scale * math.exp(at[0]) * unit
        wrong = sign * (lean + at[1])
        gap = sign * _sigmoid(wrong)
        value = np.logaddexp(0.0, wrong).sum() + _PULL * at[0] ** 2 / 2
        return float(value), np.array([gap @ lean + _PULL * at[0], gap.sum()])

    def curvature(at: Floats) -> Floats:
        lean = scale * math.exp(at[0]) * unit
        p = _sigmoid(lean + at[1])
        spread, gap = p * (1 - p), p - positive
        across = spread @ lean
        return np.array([[spread @ lean**2 + gap @ lean + _PULL, across], [across, spread.sum()]])

    found = minimize(
        loss,
        [-math.log(scale), _log_odds(prevalence)],
        jac=True,
        hess=curvature,
        method="trust-exact",
        options={"max_trust_radius": 2.0, "gtol": 1e-9, "maxiter": 500},
    )
    temperature = math.exp(-found.x[0])
    return Calibration(temperature, float(found.x[1]) - centre / temperature, prevalence)


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Logit thresholds: a film is called where ``logit >= threshold``.

    ``screen`` (sensitive) is at most ``balanced``, ``confirm`` (specific) at least.
    """

    screen: float
    balanced: float
    confirm: float

    def __post_init__(self) -> None:
        if not -math.inf < self.screen <= self.balanced <= self.confirm < math.inf:
            raise ValueError("Operating points must be finite and rise: screen, balanced, confirm.")

    def threshold(self, name: str) -> float:
        """The threshold called ``name``; :class:`UsageError` where there is none."""
        points = self.to_json()
        if name not in points:
            raise UsageError(f"There is no operating point '{name}', only {', '.join(points)}.")
        return points[name]

    def to_json(self) -> dict[str, float]:
        """Plain values for :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OperatingPoints:
        """Undo :meth:`to_json`; ``ValueError`` where a number is missing or impossible."""
        return cls(**_numbers(cls, value))


def fit_operating_points(
    truth: ArrayLike,
    logit: ArrayLike,
    *,
    screen_sensitivity: float = 0.98,
    confirm_specificity: float = 0.98,
) -> OperatingPoints:
    """Thresholds midway between neighbouring logits, or half a unit beyond the outermost.

    ``balanced`` has the best balanced accuracy; of several that have, the middle one. ``screen``
    is the highest threshold with at least ``screen_sensitivity`` and ``confirm`` the lowest with
    at least ``confirm_specificity`` (both within 0..1), each moved as far as ``balanced`` where it
    lies beyond it, which only raises what it was asked for.
    """
    for share in (screen_sensitivity, confirm_specificity):
        if not 0 <= share <= 1:
            raise ValueError(f"A sensitivity or specificity must lie within 0 and 1, not {share}.")
    positive, logits = _films(truth, logit)
    distinct = np.unique(logits)
    cuts = np.concatenate([[distinct[0] - 0.5], _midpoints(distinct), [distinct[-1] + 0.5]])
    above = np.searchsorted(np.sort(logits[positive]), cuts)
    sensitivity = 1 - above / positive.sum()
    specificity = np.searchsorted(np.sort(logits[~positive]), cuts) / (~positive).sum()
    both = sensitivity + specificity
    best = np.flatnonzero(both >= both.max() - 1e-12)
    balanced = int(best[(best.size - 1) // 2])
    screen = int(np.flatnonzero(sensitivity >= screen_sensitivity - 1e-12)[-1])
    confirm = int(np.flatnonzero(specificity >= confirm_specificity - 1e-12)[0])
    chosen = min(screen, balanced), balanced, max(confirm, balanced)
    return OperatingPoints(*(float(cuts[cut]) for cut in chosen))


def _midpoints(rising: Floats) -> Floats:
    """Between neighbours; the upper one where no number lies between, so that the lower is out."""
    middle = rising[:-1] + np.diff(rising) / 2
    return np.where(middle > rising[:-1], middle, rising[1:])


def _films(truth: ArrayLike, logit: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    positive = check_truth(truth)
    logits = check_column(logit, positive.size, "logit").astype(np.float64)
    if positive.all() or not positive.any():
        raise ValueError("Calibration needs films of both classes.")
    return positive, logits


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


def _log_odds(prevalence: float) -> float:
    if not 0 < prevalence < 1:
        raise ValueError(f"A prevalence must lie between 0 and 1, both excluded, not {prevalence}.")
    return math.log(prevalence / (1 - prevalence))


def _numbers(cls: type, value: Mapping[str, Any]) -> dict[str, float]:
    try:
        return {field.name: float(value[field.name]) for field in fields(cls)}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{cls.__name__} cannot be made of {dict(value)!r}.") from error

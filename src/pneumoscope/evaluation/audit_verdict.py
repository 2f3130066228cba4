"""The rows of an audit, and the one rule by which a figure becomes a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pneumoscope.evaluation.figures import Booleans, Estimate, Floats, Names
from pneumoscope.metrics.intervals import Interval, Paired, wilson_clustered

# The file that holds an audit, for those who write it and those who show it.
AUDIT, SCHEMA = "audit.json", 1
PASS, WARN, FAIL, NOT_ASKED = "pass", "warn", "fail", "not asked"
VERDICTS = (FAIL, WARN, PASS, NOT_ASKED)
# Below this an interval spans nearly everything, and its figure would be read all the same.
LEAST_FILMS = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to ``warn`` a figure is well, beyond ``fail`` it is not.

    The higher, the worse; the lower, where ``fail`` is the lower of the two.
    """

    warn: float
    fail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One probe. ``measure`` says what the ``estimate`` is, ``says`` what it means.

    A row that was not asked has no estimate, and ``says`` is the reason. ``details`` are further
    plain figures for ``audit.json``.
    """

    probe: str
    name: str
    verdict: str
    measure: str = ""
    estimate: Estimate | None = None
    says: str = ""
    limits: Limits | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        limits = self.limits
        return {
            "probe": self.probe,
            "name": self.name,
            "verdict": self.verdict,
            "measure": self.measure,
            "figure": None if self.estimate is None else self.estimate.to_json(),
            "limits": None if limits is None else {"warn": limits.warn, "fail": limits.fail},
            "says": self.says,
            "details": dict(self.details),
        }


def judge(estimate: Estimate, limits: Limits) -> str:
    """Fail where the whole interval lies beyond ``fail``; pass where none of it does, and the
    figure is not beyond ``warn``; else warn.

    So few films can neither pass nor fail: their interval leaves both open. A figure without an
    interval is a warning too.
    """
    interval = estimate.interval
    sign = 1 if limits.fail >= limits.warn else -1
    ends = [sign * end for end in (interval.low, interval.high)]
    best = -math.inf if any(map(math.isnan, ends)) else min(ends)
    worst = math.inf if any(map(math.isnan, ends)) else max(ends)
    if best > sign * limits.fail:
        return FAIL
    is_well = sign * interval.value <= sign * limits.warn and worst <= sign * limits.fail
    return PASS if is_well else WARN


def judged(
    probe: str,
    name: str,
    measure: str,
    estimate: Estimate,
    limits: Limits,
    *,
    says: str,
    details: Mapping[str, Any] | None = None,
) -> Row:
    """A row with the verdict of :func:`judge`; not asked where the films do not define it."""
    if not estimate.defined:
        return not_asked(probe, name, estimate.reason or "the films do not define this figure")
    return Row(
        probe=probe,
        name=name,
        verdict=judge(estimate, limits),
        measure=measure,
        estimate=estimate,
        says=says,
        limits=limits,
        details=details or {},
    )


def not_asked(probe: str, name: str, reason: str) -> Row:
    """A row for a probe that could not be made, with the reason."""
    return Row(probe=probe, name=name, verdict=NOT_ASKED, says=reason)


def too_few(truth: Booleans, classes: tuple[str, str]) -> str | None:
    """Why films (n,) are no ground for a figure: fewer than 20, or one class; else None."""
    if truth.size < LEAST_FILMS:
        return f"{truth.size} films, and at least {LEAST_FILMS} are needed"
    if truth.all() or not truth.any():
        return f"all {truth.size:,} films are {classes[int(truth[0])]}, and both classes are needed"
    return None


def changed_calls(whole: Floats, changed: Floats, patients: Names, *, threshold: float) -> Estimate:
    """Share of films whose call a change turns over, at ``threshold`` in logits."""
    turned = (whole >= threshold) != (changed >= threshold)
    return Estimate(wilson_clustered(turned, patients))


def of_paired(paired: Paired) -> Estimate:
    """A paired difference as an estimate."""
    interval = Interval(
        paired.difference, paired.low, paired.high, paired.n, paired.patients, paired.method
    )
    few = None if np.isfinite(paired.low) else "no interval: the films show no spread"
    return Estimate(interval, few)

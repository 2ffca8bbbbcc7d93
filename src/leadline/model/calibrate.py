"""Calibration that keeps the ranking: ``p = sigmoid(a · margin + b)`` with a > 0, fitted on out-of-fold margins.

A straight line on the margin has no plateaus, so no two leads become equal by it. The slope is shrunk towards 1
(the model is taken to be right until rows say otherwise); the shift is free, since base rates move. How much is
fitted follows from how much there is to fit on (the thresholds below).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.model.baselines import sigmoid

__all__ = ["Calibrator"]

Floats: TypeAlias = NDArray[np.float64]

MIN_SHIFT = 10  # positives, and negatives, below which the rate itself is too uncertain (±60%) to move by: identity
MIN_SLOPE = 100  # below which a slope's own error, about 1/√100, is as large as what it would mend
SLOPE_SPREAD = 0.1  # the prior's standard deviation of the slope around 1: as loud as about 100 positives
FLATTEST, STEEPEST = 0.1, 10.0
STEPS = 50


@dataclass(frozen=True)
class Calibrator:
    """The line: `slope` > 0 and `shift`; (1, 0) is identity.

    Examples
    --------
    >>> Calibrator().probability(np.array([0.0])).tolist()
    [0.5]
    >>> Calibrator.from_json(Calibrator(0.9, -0.1).to_json())
    Calibrator(slope=0.9, shift=-0.1)
    """

    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(cls, margin: Floats, y: Floats, weight: Floats) -> Calibrator:
        """Fit by maximum likelihood with a normal prior on the slope (Platt 1999, shrunk).

        With fewer than 10 positives or negatives it is identity; with fewer than 100 only the shift moves.

        Examples
        --------
        >>> margin = np.repeat([-1.0, 1.0], 1000)
        >>> y = np.array(([1.0] * 500 + [0.0] * 500) * 2)
        >>> line = Calibrator.fit(margin, y, np.ones(2000))
        >>> line.slope < 0.3, abs(line.shift) < 1e-9
        (True, True)
        """
        fewest = min(int(np.sum(y > 0)), int(np.sum(y <= 0)))
        if fewest < MIN_SHIFT:
            return cls()
        if fewest < MIN_SLOPE:
            return cls(1.0, _newton(margin, y, weight, np.array([1.0, 0.0]), free=False)[1])
        slope, shift = _newton(margin, y, weight, np.array([1.0, 0.0]), free=True)
        if FLATTEST <= slope <= STEEPEST:
            return cls(slope, shift)
        edge = float(np.clip(slope, FLATTEST, STEEPEST))
        return cls(edge, _newton(margin, y, weight, np.array([edge, 0.0]), free=False)[1])

    def margin(self, margin: Floats) -> Floats:
        """Return the calibrated log odds."""
        return self.slope * margin + self.shift

    def probability(self, margin: Floats) -> Floats:
        """Return the calibrated probability, strictly between 0 and 1."""
        return sigmoid(self.margin(margin))

    def to_json(self) -> str:
        """Return the line as JSON."""
        return json.dumps({"shift": self.shift, "slope": self.slope}, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Calibrator:
        """Read what `to_json` wrote."""
        record = json.loads(text)
        return cls(float(record["slope"]), float(record["shift"]))


def _newton(margin: Floats, y: Floats, weight: Floats, start: Floats, free: bool) -> tuple[float, float]:
    """Minimise the penalised loss over shift, and slope if `free`; steps are halved until they gain."""
    line, loss = start, _loss(margin, y, weight, start)
    for _ in range(STEPS):
        step = _step(margin, y, weight, line, free)
        while np.abs(step).max() > 1e-12 and _loss(margin, y, weight, line - step) > loss:
            step = step / 2
        line = line - step
        loss = _loss(margin, y, weight, line)
        if np.abs(step).max() <= 1e-10:
            break
    return float(line[0]), float(line[1])


def _step(margin: Floats, y: Floats, weight: Floats, line: Floats, free: bool) -> Floats:
    p = sigmoid(line[0] * margin + line[1])
    off, bend = weight * (p - y), weight * p * (1 - p)
    down = np.array([np.sum(off * margin) + (line[0] - 1) / SLOPE_SPREAD**2, np.sum(off)])
    if not free:
        return np.array([0.0, down[1] / (np.sum(bend) + 1e-12)])
    cross = np.sum(bend * margin)
    curve = np.array([[np.sum(bend * margin**2) + 1 / SLOPE_SPREAD**2, cross], [cross, np.sum(bend) + 1e-12]])
    return np.linalg.solve(curve, down)


def _loss(margin: Floats, y: Floats, weight: Floats, line: Floats) -> float:
    raw = line[0] * margin + line[1]
    return float(np.sum(weight * (np.logaddexp(0.0, raw) - y * raw)) + (line[0] - 1) ** 2 / (2 * SLOPE_SPREAD**2))

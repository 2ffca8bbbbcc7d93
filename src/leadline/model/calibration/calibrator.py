"""Calibration that keeps the ranking: ``p = sigmoid(a · margin + b)`` with a > 0, fitted on out-of-fold margins.

A straight line on the margin has no plateaus, so no two leads become equal by it. The slope is shrunk towards 1
(the model is taken to be right until rows say otherwise), the more so the less forward folds agree on it; the shift
follows the base rate through time (`level`). How much is fitted follows from how much there is to fit on (the
thresholds below).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.core.jsonable import parse_json
from leadline.model.calibration.base_rate_drift import ForwardRows, current_shift, drift_periods
from leadline.model.fitting.logistic import sigmoid

__all__ = ["WIDE", "Calibrator"]

Floats: TypeAlias = NDArray[np.float64]

MIN_SHIFT = 10  # positives, and negatives, below which the rate itself is too uncertain (±60%) to move by: identity
MIN_SLOPE = 100  # below which a slope's own error, about 1/√100, is as large as what it would mend
SLOPE_SPREAD = 0.1  # the prior's standard deviation of the slope around 1: as loud as about 100 positives
FLATTEST, STEEPEST = 0.1, 10.0
WIDE = 10.0  # a prior that says nothing, yet keeps separable rows finite
STEPS = 50
MEAN_SPREAD = 0.1  # the prior's standard deviation of the slope that folds vary around
FOLD_SPREAD = 0.3  # the prior's of how far a fold's slope lies from it
SPREADS = np.linspace(0.0, 2.0, 41)


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
    def fit(cls, margin: Floats, y: Floats, weight: Floats, spread: float = SLOPE_SPREAD) -> Calibrator:
        """Fit by maximum likelihood with a normal prior on the slope around 1, this wide (Platt 1999, shrunk).

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
        slope, shift = _newton(margin, y, weight, np.array([1.0, 0.0]), free=True, spread=spread)
        if FLATTEST <= slope <= STEEPEST:
            return cls(slope, shift)
        edge = float(np.clip(slope, FLATTEST, STEEPEST))
        return cls(edge, _newton(margin, y, weight, np.array([edge, 0.0]), free=False)[1])

    @classmethod
    def follow(cls, folds: Sequence[ForwardRows], moved: Sequence[Floats], absorbs: bool = False) -> Calibrator:
        """Fit on forward folds, oldest first, so that the shift follows the base rate into tomorrow.

        Parameters
        ----------
        folds : sequence of ForwardRows
            Rows that the model of their fold hadn't seen.
        moved : sequence of arrays
            By how much more the model to be calibrated says of the same rows, before calibration.
        absorbs : bool
            Whether its features tell the date (`drift_periods`).

        Notes
        -----
        The slope is the mean that folds vary around in a random-effects model (DerSimonian & Laird 1986, with priors):
        a fold tells it less the more folds differ, as what they differ by will differ again.

        Examples
        --------
        >>> n = np.arange(2000)
        >>> y = (n % 10 < 2 + n // 1000) * 1.0
        >>> rows = ForwardRows(np.full(2000, np.log(0.25)), y, np.ones(2000), n // 1000, n // 1000 + 1, n)
        >>> line = Calibrator.follow([rows], [np.zeros(2000)])
        >>> line.slope, bool(0.2 < line.probability(rows.margin)[0] < 0.3)
        (1.0, True)
        """
        slope = _slope([one for one in folds if one.fewest >= MIN_SLOPE])
        if sum(one.fewest for one in folds) < MIN_SHIFT:
            return cls()
        seen = [
            period
            for one, by in zip(folds, moved, strict=True)
            for period in drift_periods(one.scaled(slope), slope * by, absorbs)
        ]
        return cls(slope, current_shift(seen))

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
        record = parse_json(text)
        return cls(float(record["slope"]), float(record["shift"]))


def _newton(
    margin: Floats, y: Floats, weight: Floats, start: Floats, free: bool, spread: float = SLOPE_SPREAD
) -> tuple[float, float]:
    """Minimise the penalised loss over shift, and slope if `free`; steps are halved until they gain."""
    line, loss = start, _loss(margin, y, weight, start, spread)
    for _ in range(STEPS):
        step = _step(margin, y, weight, line, free, spread)
        while np.abs(step).max() > 1e-12 and _loss(margin, y, weight, line - step, spread) > loss:
            step = step / 2
        line = line - step
        loss = _loss(margin, y, weight, line, spread)
        if np.abs(step).max() <= 1e-10:
            break
    return float(line[0]), float(line[1])


def _step(margin: Floats, y: Floats, weight: Floats, line: Floats, free: bool, spread: float) -> Floats:
    p = sigmoid(line[0] * margin + line[1])
    off, bend = weight * (p - y), weight * p * (1 - p)
    down = np.array([np.sum(off * margin) + (line[0] - 1) / spread**2, np.sum(off)])
    if not free:
        return np.array([0.0, down[1] / (np.sum(bend) + 1e-12)])
    cross = np.sum(bend * margin)
    curve = np.array([[np.sum(bend * margin**2) + 1 / spread**2, cross], [cross, np.sum(bend) + 1e-12]])
    return np.linalg.solve(curve, down)


def _loss(margin: Floats, y: Floats, weight: Floats, line: Floats, spread: float) -> float:
    raw = line[0] * margin + line[1]
    return float(np.sum(weight * (np.logaddexp(0.0, raw) - y * raw)) + (line[0] - 1) ** 2 / (2 * spread**2))


def _slope(folds: Sequence[ForwardRows]) -> float:
    """Return the slope that folds' own slopes vary around; 1 where there's none to tell."""
    told = [_slope_interval(one) for one in folds if np.ptp(one.margin) > 1e-9]
    if not told:
        return 1.0
    slopes, variances = (np.array(part) for part in zip(*told, strict=True))
    means, likely = np.empty(len(SPREADS)), np.empty(len(SPREADS))
    for place, spread in enumerate(SPREADS):
        total = variances + spread**2
        precision = np.sum(1 / total) + 1 / MEAN_SPREAD**2
        means[place] = (np.sum(slopes / total) + 1 / MEAN_SPREAD**2) / precision
        off = np.sum((slopes - 1) ** 2 / total) - np.sum((slopes - 1) / total) ** 2 / precision
        likely[place] = -0.5 * (np.sum(np.log(total)) + np.log(precision) + off + (spread / FOLD_SPREAD) ** 2)
    share = np.exp(likely - likely.max())
    return float(np.clip(np.sum(share * means) / np.sum(share), FLATTEST, STEEPEST))


def _slope_interval(rows: ForwardRows) -> tuple[float, float]:
    """Return a fold's own slope and its variance, leads taken whole."""
    slope, shift = _newton(rows.margin, rows.y, rows.weight, np.array([1.0, 0.0]), free=True, spread=WIDE)
    p = sigmoid(slope * rows.margin + shift)
    bend = rows.weight * p * (1 - p)
    middle = np.sum(bend * rows.margin) / np.sum(bend)
    _, who = np.unique(rows.lead.astype(str), return_inverse=True)
    off = np.bincount(who, rows.weight * (rows.y - p) * (rows.margin - middle))
    return slope, float(np.sum(off**2) / np.sum(bend * (rows.margin - middle) ** 2) ** 2)

"""When, not only whether: the chance to get there within each of several windows, from the chance within one.

A discrete-time hazard (Singer and Willett 1993, J. Educ. Stat. 18:155): for each span between two windows a logistic regression of who gets
there in it, of those who hadn't before, on the model's own log odds. A snapshot counts in every span that it was observed to the end of,
so that those too recent for a long window still tell of the short ones. The curve goes through the model's probability at
its own horizon, exactly; so it never falls as the window grows, and follows when the calibration is fitted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import DAY, Horizon
from leadline.errors import DataError
from leadline.model.fitting.logistic import log_odds

__all__ = ["FILE", "MEDIAN", "ConversionCurve", "CurveRows"]

Floats = npt.NDArray[np.float64]

FILE = "curve.json"
MEDIAN = "median_days"
RIDGE = 1.0
"""A normal prior on the slope around 1, of that variance: where few get there in a span, the curve keeps its shape."""

FEWEST = 5
"""Leads that must get there in a span for it to have a slope of its own."""


@dataclass(frozen=True)
class CurveRows:
    """Snapshots with what was predicted of them, and when they got there; one entry a row.

    Attributes
    ----------
    probability, weight : float64 arrays
        Of the outcome within the horizon, and how many rows a row stands for.
    after, observed : float64 arrays
        How long after as_of it came, in microseconds (inf for never so far), and for how long one would know of it.
    """

    probability: Floats
    weight: Floats
    after: Floats
    observed: Floats

    def take(self, rows: npt.NDArray[Any]) -> CurveRows:
        """Keep some rows."""
        return CurveRows(self.probability[rows], self.weight[rows], self.after[rows], self.observed[rows])


@dataclass(frozen=True)
class ConversionCurve:
    """A curve's spans.

    Attributes
    ----------
    windows : tuple of int
        Where the spans end, rising, in microseconds; the horizon is one of them.
    horizon : int
        The window that the model's probability is of.
    asked : tuple of int
        The windows that are told of.
    lines : tuple of (float, float)
        Each span's hazard as log odds: a constant, and the slope on the probability's log odds.

    Examples
    --------
    >>> curve = ConversionCurve((7 * DAY, 30 * DAY), 30 * DAY, (7 * DAY, 30 * DAY), ((-1.0, 1.0), (0.0, 1.0)))
    >>> {name: told.round(3).tolist() for name, told in curve.columns(np.array([0.1, 0.5])).items()}
    {'p_7d': [0.029, 0.194], 'p_30d': [0.1, 0.5], 'median_days': [13.9, 11.2]}
    >>> ConversionCurve((5,), 7, (5,), ((0.0, 1.0),))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: curve.json: its windows aren't rising, or lack the horizon; expected what train wrote; restore or train again
    """

    windows: tuple[int, ...]
    horizon: int
    asked: tuple[int, ...]
    lines: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0, *self.windows), self.windows, strict=False))
        if not rising or not {self.horizon, *self.asked} <= set(self.windows) or len(self.lines) != len(self.windows):
            raise DataError(
                f"{FILE}: its windows aren't rising, or lack the horizon; expected what train wrote; restore or train again"
            )

    @classmethod
    def fit(cls, asked: Sequence[int], horizon: int, rows: CurveRows) -> ConversionCurve:
        """Fit each span's hazard on the rows that were observed to its end."""
        windows = sorted({*asked, horizon})
        x, lines, start = log_odds(np.clip(rows.probability, 1e-9, 1 - 1e-9)), [], 0
        for end in windows:
            at = (rows.after >= start) & (rows.observed >= end)
            lines.append(_hazard(x[at], (rows.after[at] < end).astype(np.float64), rows.weight[at]))
            start = end
        return cls(tuple(windows), horizon, tuple(sorted(asked)), tuple(lines))

    def within(self, probability: Floats) -> Floats:
        """Return the chance to get there within each of `windows`: a row a lead; never falling along a row."""
        p = np.clip(probability, 1e-12, 1 - 1e-12)
        x = log_odds(p)
        hazards = np.column_stack([np.clip(1 / (1 + np.exp(-(a + b * x))), 1e-12, 1 - 1e-12) for a, b in self.lines])
        cumulative = np.cumsum(-np.log1p(-hazards), axis=1)
        place = self.windows.index(self.horizon)
        told: Floats = -np.expm1(cumulative / cumulative[:, [place]] * np.log1p(-p)[:, None])
        told[:, place] = probability
        return np.asarray(np.maximum.accumulate(told, axis=1), dtype=np.float64)

    def columns(self, probability: Floats) -> dict[str, Floats]:
        """Return the scores' columns: a chance for each window asked, and the median time of those who get there within the longest."""
        told = self.within(probability)
        named = {f"p_{Horizon(window)}": told[:, self.windows.index(window)] for window in self.asked}
        return {**named, MEDIAN: self._median(told)}

    def _median(self, told: Floats) -> Floats:
        """Return in how many days half of those got there who do within the longest window; between windows in a straight line."""
        half, days = told[:, -1] / 2, np.array([0, *self.windows]) / DAY
        whole = np.column_stack([np.zeros(len(told)), told])
        at = np.argmax(whole >= half[:, None], axis=1).clip(min=1)
        row = np.arange(len(told))
        low, high = whole[row, at - 1], whole[row, at]
        share = np.where(high > low, (half - low) / np.where(high > low, high - low, 1.0), 1.0)
        return np.asarray(np.round(days[at - 1] + share * (days[at] - days[at - 1]), 1), dtype=np.float64)

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "windows": [*self.windows],
            "horizon": self.horizon,
            "asked": [*self.asked],
            "lines": [list(line) for line in self.lines],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ConversionCurve:
        """Read what `to_record` wrote.

        Raises
        ------
        DataError
            It isn't that.

        Examples
        --------
        >>> ConversionCurve.from_record({})
        Traceback (most recent call last):
        ...
        leadline.errors.DataError: curve.json: can't be read; expected what train wrote; restore or train again
        """
        try:
            windows, asked = (tuple(int(w) for w in record[name]) for name in ("windows", "asked"))
            lines = tuple((float(a), float(b)) for a, b in record["lines"])
            return cls(windows, int(record["horizon"]), asked, lines)
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{FILE}: can't be read; expected what train wrote; restore or train again") from None


def _hazard(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Fit a constant and a slope on the log odds, by Newton's steps; where hardly anybody gets there the slope is 1."""
    if len(y) == 0:
        return -20.0, 1.0  # nobody was observed for so long: nothing is added
    rate = float(np.clip(np.average(y, weights=weight), 1e-9, 1 - 1e-9))
    line = np.array([float(log_odds(np.array([rate]))[0]) - float(np.average(x, weights=weight)), 1.0])
    free = 2 if y.sum() >= FEWEST else 1
    full = np.column_stack([np.ones(len(x)), x])
    prior = np.array([0.0, 1.0]), np.diag([1e-9, 1.0 / RIDGE])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(full @ line, -30, 30)))
        slope = full.T @ (weight * (y - p)) - prior[1] @ (line - prior[0])
        curve = full.T @ (full * (weight * p * (1 - p))[:, None]) + prior[1]
        step = np.zeros(2)
        step[:free] = np.linalg.solve(curve[:free, :free], slope[:free])
        line = line + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    return float(line[0]), float(line[1])

"""How good a set of probabilities is: log loss, AUC, lift, calibration, and intervals by resampling accounts.

Everywhere `y` is 0 or 1, `p` a probability (or, where only the order counts, any score) and `w` how many rows a row
stands for. Equal scores are never told apart: a metric doesn't depend on the order of rows. What isn't defined
(no rows, or one class where two are needed) is NaN, without a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.metrics.intervals import Z95, percentile_interval

__all__ = [
    "CalibrationBin",
    "auc",
    "auc_of",
    "average_precision",
    "bootstrap_by_group",
    "brier",
    "calibration_curve",
    "draws_by_group",
    "expected_calibration_error",
    "lift_at",
    "lift_of",
    "log_loss",
    "paired_difference",
    "precision_at_k",
    "precision_of",
    "score_sums",
]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Metric: TypeAlias = Callable[[Floats, Floats, Floats], float]
Seed: TypeAlias = int | np.random.Generator
SURE = 1e-15  # log loss of a certainty that turns out wrong is large, not infinite


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of like probability: what was said (`mean_p`), what came true (`rate`), and its 95% Wilson interval."""

    mean_p: float
    rate: float
    count: int
    weight: float
    low: float
    high: float


def log_loss(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Return the mean of ``-log`` of the probability given to what happened; p is held within 1e-15 of 0 and 1.

    Examples
    --------
    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    y, p, w = _arrays(y, p, w)
    p = np.clip(p, SURE, 1 - SURE)
    return _mean(-(y * np.log(p) + (1 - y) * np.log1p(-p)), w)


def brier(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Return the mean squared error of the probabilities (Brier 1950).

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.0])
    0.125
    """
    y, p, w = _arrays(y, p, w)
    return _mean((p - y) ** 2, w)


def auc(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Return the chance that a positive scores above a negative, ties counting half (Mann–Whitney); NaN for one class.

    Examples
    --------
    >>> auc([0, 1, 1], [0.1, 0.1, 0.9])
    0.75
    """
    return auc_of(*_by_score(y, p, w))


def auc_of(positive: Floats, weight: Floats) -> float:
    """Return the AUC of the weight of positives and of all rows at each distinct score, highest first."""
    negative = weight - positive
    total = float(positive.sum() * negative.sum())
    if not total > 0:
        return float("nan")
    below = np.cumsum(negative[::-1])[::-1] - negative
    return float(np.sum(positive * (below + negative / 2)) / total)


def average_precision(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Return ``Σ (recall_i − recall_{i-1}) · precision_i`` over the distinct scores, highest first; NaN if no positive.

    Examples
    --------
    >>> round(average_precision([1, 0, 1], [0.9, 0.8, 0.7]), 4)
    0.8333
    """
    positive, weight = _by_score(y, p, w)
    total = float(positive.sum())
    if not total > 0:
        return float("nan")
    return float(np.sum(positive * np.cumsum(positive) / np.cumsum(weight)) / total)


def precision_at_k(y: ArrayLike, p: ArrayLike, k: float, w: ArrayLike | None = None) -> float:
    """Return the share of positives among the `k` highest scores; rows tied at the cut count by their expected share.

    `k` counts what `w` counts (rows, without w); beyond all rows it means all rows; NaN for k ≤ 0 or no rows.

    Examples
    --------
    >>> precision_at_k([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1], k=2)
    0.75
    """
    return precision_of(*_by_score(y, p, w), k)


def precision_of(positive: Floats, weight: Floats, k: float) -> float:
    """Return the precision at k of the weight of positives and of all rows at each distinct score, highest first."""
    reach = min(float(k), float(weight.sum()))
    if not reach > 0:
        return float("nan")
    taken = np.clip(reach - (np.cumsum(weight) - weight), 0.0, weight)
    return float(np.sum(positive * taken / weight) / np.sum(taken))


def lift_at(y: ArrayLike, p: ArrayLike, share: float = 0.10, w: ArrayLike | None = None) -> float:
    """Return how many times the overall rate the top `share` of the weight converts at; NaN if there's no positive.

    Examples
    --------
    >>> lift_at([1, 0, 0, 0, 0], [0.9, 0.4, 0.3, 0.2, 0.1], share=0.2)
    5.0
    """
    y, p, w = _arrays(y, p, w)
    rate = _mean(y, w)
    return precision_at_k(y, p, share * float(w.sum()), w) / rate if rate > 0 else float("nan")


def lift_of(positive: Floats, weight: Floats, share: float = 0.10) -> float:
    """Return the lift of the weight of positives and of all rows at each distinct score, highest first."""
    total = float(weight.sum())
    rate = float(positive.sum()) / total if total > 0 else float("nan")
    return precision_of(positive, weight, share * total) / rate if rate > 0 else float("nan")


def calibration_curve(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, bins: int = 10, effect: float = 1.0
) -> list[CalibrationBin]:
    """Return up to `bins` bins of about equal weight, lowest p first; equal p share a bin.

    The interval is Wilson's (1927), at the effective number of rows ``(Σw)² / Σw²`` (Kish 1965) over `effect`, the design
    effect of rows that aren't independent (`leadline.metrics.intervals`).

    Examples
    --------
    >>> [(b.mean_p, b.rate, b.count) for b in calibration_curve([0, 0, 1, 1], [0.1, 0.1, 0.8, 0.8], bins=2)]
    [(0.1, 0.0, 2), (0.8, 1.0, 2)]
    """
    y, p, w = _arrays(y, p, w)
    _, group = np.unique(p, return_inverse=True)
    mass = np.bincount(group, w)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum() if len(mass) else mass
    place = np.minimum((middle * bins).astype(np.int64), bins - 1)[group]
    return [_bin(y[place == b], p[place == b], w[place == b], effect) for b in np.unique(place)]


def expected_calibration_error(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, bins: int = 10) -> float:
    """Return the weighted mean of ``|mean p − rate|`` over the bins of `calibration_curve` (Naeini 2015).

    Examples
    --------
    >>> round(expected_calibration_error([0, 1], [0.2, 0.7], bins=2), 4)
    0.25
    """
    curve = calibration_curve(y, p, w, bins)
    return _mean(np.array([abs(b.mean_p - b.rate) for b in curve]), np.array([b.weight for b in curve]))


def bootstrap_by_group(
    statistic: Callable[[Rows], float], group: NDArray[Any], seed: Seed, repeats: int = 200, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of a statistic when whole groups are drawn again (Efron 1979; Field 2007).

    Rows of one account aren't independent, so accounts are drawn (leads where there's none: the caller passes ids).
    The statistic takes row numbers, with repeats. Draws where it is no number are left out; (NaN, NaN) if most are,
    or if there is only one group: nothing then says how groups differ.

    Examples
    --------
    >>> y, account = np.array([1.0, 0.0, 1.0, 0.0]), np.array(["a", "a", "b", "c"])
    >>> low, high = bootstrap_by_group(lambda rows: float(y[rows].mean()), account, seed=7)
    >>> 0 <= low < 0.5 < high <= 1
    True
    """
    return percentile_interval(draws_by_group(statistic, group, seed, repeats), ((1 - level) / 2, (1 + level) / 2))


def draws_by_group(
    statistic: Callable[[Rows], float | tuple[float, ...]], group: NDArray[Any], seed: Seed, repeats: int = 200
) -> Floats:
    """Return a statistic's values, or several statistics', a row each draw of whole groups; one of NaN where there is one group.

    The same seed and groups give the same draws, so that what was computed of two scores may be compared draw by draw.

    Examples
    --------
    >>> y, account = np.array([1.0, 0.0, 1.0]), np.array(["a", "a", "b"])
    >>> first, again = (draws_by_group(lambda rows: float(y[rows].mean()), account, seed=7, repeats=20) for _ in range(2))
    >>> bool((first == again).all()), draws_by_group(lambda rows: 1.0, np.array(["a", "a"]), seed=7).tolist()
    (True, [nan])
    """
    if len(np.unique(np.asarray(group).astype(str))) < 2:
        return np.full((1, *np.shape(statistic(np.arange(len(group))))), np.nan)
    draw = _drawer(group, seed)
    return np.array([statistic(draw()) for _ in range(repeats)], dtype=np.float64)


def paired_difference(
    metric: Metric,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    group: NDArray[Any],
    seed: Seed,
    w: ArrayLike | None = None,
    repeats: int = 200,
) -> tuple[float, float, float]:
    """Return ``metric(a) − metric(b)`` and its 95% interval (low, high), both judged on the same draws of groups.

    Examples
    --------
    >>> y = np.array([1.0, 0.0, 1.0, 0.0])
    >>> paired_difference(brier, y, y, 1 - y, np.arange(4), seed=7)
    (-1.0, -1.0, -1.0)
    """
    w = np.ones(len(group)) if w is None else w
    y, a, b, w = (np.asarray(column, dtype=np.float64) for column in (y, a, b, w))

    def gap(rows: Rows) -> float:
        return metric(y[rows], a[rows], w[rows]) - metric(y[rows], b[rows], w[rows])

    return gap(np.arange(len(y))), *bootstrap_by_group(gap, group, seed, repeats)


def _arrays(y: ArrayLike, p: ArrayLike, w: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    w = np.ones(len(y)) if w is None else np.asarray(w, dtype=np.float64)
    if not len(y) == len(p) == len(w):
        raise ValueError(f"metrics: {len(y)} labels, {len(p)} scores and {len(w)} weights; expected one of each a row")
    return y[w > 0], p[w > 0], w[w > 0]


def _mean(values: Floats, w: Floats) -> float:
    total = float(w.sum())
    return float(np.sum(values * w) / total) if total > 0 else float("nan")


def _by_score(y: ArrayLike, p: ArrayLike, w: ArrayLike | None) -> tuple[Floats, Floats]:
    """Return the weight of positives and of all rows at each distinct score, highest first."""
    y, p, w = _arrays(y, p, w)
    _, group = np.unique(p, return_inverse=True)
    positive, weight = np.bincount(group, y * w).astype(np.float64), np.bincount(group, w).astype(np.float64)
    return positive[::-1], weight[::-1]


def score_sums(y: Floats, p: Floats, w: Floats) -> Callable[[Rows], tuple[Floats, Floats]]:
    """Sort scores once; return what gives drawn rows' weight of positives and of all, at each distinct score, highest first.

    Examples
    --------
    >>> drawn = score_sums(np.array([1.0, 0.0, 1.0]), np.array([0.2, 0.9, 0.2]), np.ones(3))
    >>> [part.tolist() for part in drawn(np.array([0, 0, 1, 2]))]
    [[0.0, 3.0], [1.0, 3.0]]
    """
    levels, place = np.unique(p, return_inverse=True)
    place = len(levels) - 1 - place

    def sums(rows: Rows) -> tuple[Floats, Floats]:
        at = place[rows]
        parts = (np.bincount(at, part[rows], len(levels)).astype(np.float64) for part in (y * w, w))
        positive, weight = parts
        return positive[weight > 0], weight[weight > 0]

    return sums


def _bin(y: Floats, p: Floats, w: Floats, effect: float) -> CalibrationBin:
    rate, total = _mean(y, w), float(w.sum())
    n = total**2 / float(np.sum(w**2)) / max(effect, 1.0)
    middle = (rate + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * float(np.sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2)))
    return CalibrationBin(_mean(p, w), rate, len(y), total, max(0.0, middle - half), min(1.0, middle + half))


def _drawer(group: NDArray[Any], seed: Seed) -> Callable[[], Rows]:
    """Return a function that draws groups with replacement and gives the numbers of their rows."""
    random = np.random.default_rng(seed)
    _, code = np.unique(np.asarray(group), return_inverse=True)
    order = np.argsort(code, kind="stable")
    size = np.bincount(code)
    start = np.cumsum(size) - size

    def draw() -> Rows:
        drawn = random.integers(len(size), size=len(size))
        many = size[drawn]
        offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        return np.asarray(order[np.repeat(start[drawn], many) + offset], dtype=np.int64)

    return draw

"""How far apart a coded column holds the two outcomes: an AUC learnt on other folds, among leads of one block of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["apart", "apart_together", "shuffled", "standard_error"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHRINK = 20.0  # leads; a level of fewer says little
STEPS = 200  # into which a sum of scores is cut


def apart(codes: Ints, y: Floats, block: Ints, fold: Ints) -> float:
    """Return the AUC of one coded column, learnt on other folds and judged among leads of the same block; NaN without pairs.

    Examples
    --------
    >>> row = np.arange(4_000)
    >>> y = (row % 3 == 0).astype(float)
    >>> block, fold = row * 5 // 4_000, row // 7 % 5
    >>> round(apart((row % 3).astype(np.int64), y, block, fold), 3), round(apart(np.ones(4_000, dtype=np.int64), y, block, fold), 3)
    (1.0, 0.5)
    >>> round(apart(block, y, block, fold), 3)  # what only tells the time separates nothing
    0.5
    """
    positive, negative = _cells(codes, y, block, fold)
    scores = _scores(positive, negative)
    wins = pairs = 0.0
    for nth in range(scores.shape[0]):
        place = np.unique(np.round(scores[nth], 12), return_inverse=True)[1]
        gather = np.eye(int(place.max()) + 1)[place]
        won, all_pairs = _pairs(positive[:, nth] @ gather, negative[:, nth] @ gather)
        wins, pairs = wins + won, pairs + all_pairs
    return wins / pairs if pairs else float("nan")


def apart_together(columns: Sequence[Ints], y: Floats, block: Ints, fold: Ints) -> float:
    """Return the AUC of the sum of what the columns say, each learnt on other folds; NaN for none."""
    if not columns:
        return float("nan")
    total = np.zeros(len(y))
    for codes in columns:
        total += _scores(*_cells(codes, y, block, fold))[fold, codes]
    place = np.searchsorted(np.unique(np.quantile(total, np.linspace(0, 1, STEPS + 1)[1:-1])), total)
    cell = block * (int(fold.max()) + 1) + fold
    shape = (int(cell.max()) + 1, int(place.max()) + 1)
    up = np.bincount(cell * shape[1] + place, y, shape[0] * shape[1]).reshape(shape).astype(np.float64)
    down = np.bincount(cell * shape[1] + place, minlength=shape[0] * shape[1]).reshape(shape) - up
    wins, pairs = _pairs(up, down)
    return wins / pairs if pairs else float("nan")


def standard_error(auc: float, positive: int, negative: int) -> float:
    """Return an AUC's standard error for so many independent positives and negatives (Hanley and McNeil 1982).

    Examples
    --------
    >>> round(standard_error(0.7, 100, 1_000), 3)
    0.03
    """
    if not positive or not negative:
        return float("nan")
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positive - 1) * (q1 - auc * auc) + (negative - 1) * (q2 - auc * auc)
    return float(np.sqrt(max(spread, 0.0) / (positive * negative)))


def shuffled(y: Floats, block: Ints, rng: np.random.Generator) -> Floats:
    """Shuffle outcomes within blocks of time.

    Examples
    --------
    >>> shuffled(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]), np.random.default_rng(1))
    array([1., 1., 0., 0.])
    """
    result = np.empty_like(y)
    result[np.argsort(block, kind="stable")] = y[np.lexsort((rng.random(len(y)), block))]
    return result


def _cells(codes: Ints, y: Floats, block: Ints, fold: Ints) -> tuple[Floats, Floats]:
    """Count positives and negatives by (block, fold, code)."""
    shape = (int(block.max(initial=0)) + 1, int(fold.max(initial=0)) + 1, int(codes.max(initial=0)) + 1)
    place = (block * shape[1] + fold) * shape[2] + codes
    size = shape[0] * shape[1] * shape[2]
    positive: Floats = np.bincount(place, y, size).reshape(shape).astype(np.float64)
    return positive, np.bincount(place, minlength=size).reshape(shape) - positive


def _scores(positive: Floats, negative: Floats) -> Floats:
    """Score each code for each fold: positives beyond what its blocks of time expect, learnt on the other folds."""
    up = positive.sum(axis=1, keepdims=True) - positive
    every = up + negative.sum(axis=1, keepdims=True) - negative
    rate = up.sum(axis=2, keepdims=True) / np.maximum(every.sum(axis=2, keepdims=True), 1)
    scores: Floats = (up - every * rate).sum(axis=0) / (every.sum(axis=0) + SHRINK)
    return scores


def _pairs(up: Floats, down: Floats) -> tuple[float, float]:
    """Count pairs within rows that the columns, in rising order, put right, ties for half; and all pairs."""
    below = np.cumsum(down, axis=1) - down
    return float((up * (below + down / 2)).sum()), float((up.sum(axis=1) * down.sum(axis=1)).sum())

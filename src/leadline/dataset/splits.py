"""Folds: forward-in-time train/test pairs with a gap of one horizon, and a second look that none overlaps.

A fold trains on snapshots whose labels were known when its test begins, and tests on a span of as_of after that.
`check_folds` doesn't reuse the code that made the folds: it re-derives from the outcomes themselves that no training
label lies after a test snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.dataset.labels import Labels
from leadline.errors import DataError

__all__ = ["FEWEST", "Fold", "check_folds", "make_dated_folds", "make_ordered_folds"]

Ints = npt.NDArray[np.int64]

FEWEST = {"training": 20, "test": 5}
"""Positives that a fold needs on each side: below 20 a tree has nothing to split, below 5 a figure says nothing."""


@dataclass(frozen=True)
class Fold:
    """One forward-in-time train/test pair.

    Attributes
    ----------
    train, test : int64 arrays
        Row numbers.
    starts_at, ends_at : int
        The span of the test's as_of, half-open.
    """

    train: Ints
    test: Ints
    starts_at: int
    ends_at: int


def make_dated_folds(as_of: Ints, labels: Labels, folds: int, length: int) -> tuple[Fold, ...]:
    """Lay `folds` test spans of `length` microseconds end to end, the newest ending at the newest as_of; oldest first.

    Spans whose training or test side has too few positives are left out, so there may be fewer.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> as_of = np.arange(100) * day
    >>> nan = np.full(100, np.nan)
    >>> labels = Labels(np.ones(100), np.ones(100), as_of + 5 * day, nan, nan, nan)
    >>> [(len(f.train), len(f.test)) for f in make_dated_folds(as_of, labels, folds=2, length=10 * day)]
    [(75, 10), (85, 10)]
    """
    if not len(as_of):
        return ()
    end = int(as_of.max()) + 1
    made = []
    for k in range(folds, 0, -1):
        start, stop = end - k * length, end - (k - 1) * length
        train = np.flatnonzero(labels.known_at <= start)
        test = np.flatnonzero((as_of >= start) & (as_of < stop))
        made.append(Fold(train, test, start, stop))
    return _usable(made, labels)


def make_ordered_folds(order: Ints, labels: Labels, folds: int, share: float) -> tuple[Fold, ...]:
    """Lay test spans of a share of the rows end to end, the newest last; rows of equal order stay together.

    Examples
    --------
    >>> order = np.arange(1, 101)
    >>> nan = np.full(100, np.nan)
    >>> labels = Labels(np.ones(100), np.ones(100), order, nan, nan, nan)
    >>> [(len(f.train), len(f.test)) for f in make_ordered_folds(order, labels, folds=2, share=0.2)]
    [(60, 20), (80, 20)]
    """
    if not len(order):
        return ()
    ranked = np.sort(order)
    share = min(share, 1 / (folds + 1))
    made = []
    for k in range(folds, 0, -1):
        start = int(ranked[round(len(ranked) * (1 - k * share))])
        stop = int(ranked[-1]) + 1 if k == 1 else int(ranked[round(len(ranked) * (1 - (k - 1) * share))])
        made.append(Fold(np.flatnonzero(order < start), np.flatnonzero((order >= start) & (order < stop)), start, stop))
    return _usable(made, labels)


def _usable(made: list[Fold], labels: Labels) -> tuple[Fold, ...]:
    def enough(rows: Ints, fewest: int) -> bool:
        positives = float(labels.y[rows].sum())
        return fewest <= positives < len(rows) or (positives == len(rows) >= fewest and labels.y.min() == 1)

    return tuple(f for f in made if enough(f.train, FEWEST["training"]) and enough(f.test, FEWEST["test"]))


def check_folds(folds: tuple[Fold, ...], as_of: Ints, labels: Labels, horizon: int) -> None:
    """Re-derive, from instants alone, that no fold looks into its own future.

    Raises
    ------
    DataError
        A training row's label window, or its outcome, reaches into the test's span; or a row is on both sides.
    """
    for n, fold in enumerate(folds, 1):
        if not len(fold.train) or not len(fold.test):
            continue
        first_test = int(as_of[fold.test].min())
        last_window = int(as_of[fold.train].max()) + horizon
        positives = fold.train[labels.y[fold.train] == 1]
        outcomes = labels.outcome_at[positives]
        last_outcome = float(np.nanmax(outcomes)) if np.isfinite(outcomes).any() else -np.inf
        shared = np.intersect1d(fold.train, fold.test).size
        if last_window > first_test or last_outcome >= first_test or shared:
            raise DataError(
                f"fold {n}: a training label lies after a test snapshot, or {shared} rows are on both sides; "
                "expected training to end before the test; this is a bug, please report it"
            )

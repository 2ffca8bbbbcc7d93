"""Lift: conversion with something over conversion without it, among all rows or within strata, with an account as one draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.metrics.intervals import Z95

__all__ = [
    "FEWEST_POSITIVES",
    "count_distinct",
    "count_leads",
    "group_codes",
    "lift_interval",
    "stratified_lift",
    "too_few",
    "weighted_rate",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FEWEST_POSITIVES = 5
"""Positive leads with a behaviour and without it, below which nothing is said of its lift."""


def group_codes(keys: npt.NDArray[np.object_]) -> Ints:
    """Number keys by their first turn; ids of any length are then compared once.

    Examples
    --------
    >>> group_codes(np.array(["b", "a", "b"], dtype=object)).tolist()
    [0, 1, 0]
    """
    import pandas as pd

    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)


def count_distinct(numbers: Ints) -> int:
    """Count the different ones among numbers from 0.

    Examples
    --------
    >>> count_distinct(np.array([3, 0, 3])), count_distinct(np.array([], dtype=np.int64))
    (2, 0)
    """
    return int(np.count_nonzero(np.bincount(numbers))) if len(numbers) else 0


def weighted_rate(y: Floats, weight: Floats) -> float:
    """Return the weighted share of positives; NaN for no rows.

    Examples
    --------
    >>> weighted_rate(np.array([1.0, 0.0]), np.array([1.0, 3.0])), weighted_rate(np.empty(0), np.empty(0))
    (0.25, nan)
    """
    return float(np.average(y, weights=weight)) if len(y) and weight.sum() > 0 else float("nan")


def count_leads(lead: Ints, y: Floats, *sides: Flags) -> list[tuple[int, int]]:
    """Count each side's distinct leads, and those of them with a positive row there; leads are numbered (`group_codes`)."""
    return [(count_distinct(lead[side]), count_distinct(lead[side & (y == 1)])) for side in sides]


def too_few(sides: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a side has too few leads, or positive ones, to say anything of a lift.

    Examples
    --------
    >>> too_few([(20, 5), (900, 40)]), too_few([(20, 4), (900, 40)])
    (False, True)
    """
    return min(n for n, _ in sides) < MIN_GROUP_SIZE or min(n for _, n in sides) < FEWEST_POSITIVES


def lift_interval(did: Flags, y: Floats, weight: Floats, account: Ints) -> tuple[float, float, float]:
    """Return conversion with over conversion without, and its 95% interval.

    The interval is the linearised one on the logarithm, with an account as one draw (Taylor linearisation of a ratio
    under cluster sampling; Woodruff 1971). NaN where a side has no positive or there is but one account.

    Examples
    --------
    >>> did, y = np.repeat([True, False], 50), np.repeat([1.0, 0.0, 1.0, 0.0], [20, 30, 10, 40])
    >>> [round(v, 2) for v in lift_interval(did, y, np.ones(100), np.arange(100))]
    [2.0, 1.04, 3.84]
    """
    return stratified_lift(did, y, weight, account, np.zeros(len(y), dtype=np.int64))[:3]


def stratified_lift(
    did: Flags, y: Floats, weight: Floats, account: Ints, stratum: Ints
) -> tuple[float, float, float, float, float]:
    """Return lift among rows of the same stratum, its 95% interval, and the two conversions that it compares.

    The conversion without is that of the strata's other rows, each stratum weighing as much as it does among the rows
    with it (direct standardisation). Rows with it in a stratum that has none without it are left out, and the other way round.

    Examples
    --------
    >>> did, stratum = np.tile([True, False], 60), np.repeat([0, 1], 60)
    >>> y = np.where(stratum == 1, np.arange(120) % 4 < 2, np.arange(120) % 10 < 2) * 1.0
    >>> [round(v, 2) for v in stratified_lift(did, y, np.ones(120), np.arange(120), stratum)][3:]
    [0.35, 0.35]
    """
    nan = float("nan")
    size = int(stratum.max()) + 1 if len(stratum) else 0
    mass = [np.bincount(stratum[side], weight[side], minlength=size) for side in (did, ~did)]
    both = (mass[0] > 0) & (mass[1] > 0)
    kept = both[stratum] if len(stratum) else np.zeros(0, dtype=bool)
    did, y, weight, account, stratum = did[kept], y[kept], weight[kept], account[kept], stratum[kept]
    number = len(np.unique(account))
    if number < 2 or not did.any():
        return nan, nan, nan, nan, nan
    ours, theirs = mass[0] * both, mass[1] * both
    share = ours / ours.sum()
    rate = np.bincount(stratum[~did], (weight * y)[~did], minlength=size) / np.where(theirs > 0, theirs, 1.0)
    with_it, without = float(np.average(y[did], weights=weight[did])), float(np.sum(share * rate))
    if with_it <= 0 or without <= 0:
        return nan, nan, nan, with_it, without
    # What each row adds to the logarithm of the ratio, to first order; a row with it moves the strata's shares, too.
    mine = weight * ((y - with_it) / with_it - (rate[stratum] - without) / without) / ours.sum()
    other = -weight * share[stratum] * (y - rate[stratum]) / (np.where(theirs > 0, theirs, 1.0)[stratum] * without)
    _, code = np.unique(account, return_inverse=True)
    by_account = np.bincount(code, np.where(did, mine, other), minlength=number)
    error = float(np.sqrt(number / (number - 1) * np.sum(by_account**2)))
    ratio = with_it / without
    return ratio, ratio * float(np.exp(-Z95 * error)), ratio * float(np.exp(Z95 * error)), with_it, without

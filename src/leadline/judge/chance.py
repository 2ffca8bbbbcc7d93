"""What chance alone makes of a share: the effective number of rows, an exact interval, and a correction for many looks.

Rows of one account aren't independent: how many independent rows they amount to follows from how the errors of one
account add up. Tests and intervals of the binomial are then taken at that number.

References
----------
Korn & Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from
survey data", Survey Methodology 24 (1998). Holm, "A simple sequentially rejective multiple test procedure",
Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["design_effect", "effective_number", "exact_interval", "holm", "two_sided"]

Floats = npt.NDArray[np.float64]


def design_effect(error: Floats, group: npt.NDArray[np.int64]) -> float:
    """Return how many times the variance of a sum is what it would be if rows were independent; at least 1.

    Parameters
    ----------
    error : array of float
        Weighted errors, their mean taken off.
    group : array of int
        Whose account each is of, from 0 on.

    Examples
    --------
    >>> design_effect(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1])), design_effect(np.zeros(2), np.arange(2))
    (2.0, 1.0)
    """
    alone = float(np.sum(error**2))
    together = float(np.sum(np.bincount(group, error) ** 2))
    return max(1.0, together / alone) if alone > 0 else 1.0


def effective_number(p: Floats, weight: Floats, effect: float) -> float:
    """Return how many independent rows, all of the mean probability, would vary as much as these do by what was said.

    Examples
    --------
    >>> round(effective_number(np.full(100, 0.2), np.ones(100), effect=4.0), 6)
    25.0
    """
    mass = float(weight.sum())
    mean = float(np.sum(weight * p)) / mass
    varies = effect * float(np.sum(weight**2 * p * (1 - p)))
    if varies > 0:
        return mean * (1 - mean) * mass**2 / varies
    return mass**2 / float(np.sum(weight**2)) / effect


def exact_interval(share: float, number: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share by Clopper and Pearson (1934), at a number of rows that need not be whole.

    Examples
    --------
    >>> low, high = exact_interval(0.0, 100)
    >>> low, round(high, 3)
    (0.0, 0.036)
    """
    from scipy.stats import beta

    hits, tail = share * number, (1 - level) / 2
    low = beta.ppf(tail, hits, number - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, number - hits) if hits < number else 1.0
    return float(low), float(high)


def two_sided(share: float, said: float, number: float) -> float:
    """Return the chance of a share at least so far from what was said: twice the lesser tail of the binomial.

    Examples
    --------
    >>> round(two_sided(0.5, 0.5, 20), 2), two_sided(0.5, 0.1, 20) < 0.001
    (1.0, True)
    """
    from scipy.special import betainc

    hits = share * number
    above = float(betainc(hits, number - hits + 1, said)) if hits > 0 else 1.0
    below = 1.0 - float(betainc(hits + 1, number - hits, said)) if hits < number else 1.0
    return min(1.0, 2 * min(above, below))


def holm(chances: Sequence[float]) -> list[float]:
    """Correct for many looks: of all that are true, the chance that any falls below a bound is the bound at most.

    Examples
    --------
    >>> holm([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    order = np.argsort(chances, kind="stable")
    result = np.empty(len(chances))
    worst = 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(chances) - rank) * chances[place]))
        result[place] = worst
    return [float(value) for value in result]

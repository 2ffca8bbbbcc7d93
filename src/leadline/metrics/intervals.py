"""How much the snapshots really say: those of one lead, and of the leads of one account, are not independent.

The correlation within accounts (leads, where there is none) is the one-way ANOVA estimate of the label's intraclass
correlation ρ (Donner 1986, Int. Stat. Review 54:67; `_correlation`), held within 0 and 1. An account with m snapshots then
counts for ``m / (1 + (m − 1)·ρ)`` independent ones, and the effective number is their sum (Kish 1965, Survey Sampling;
Killip, Mahfoud and Pearce 2004, Ann. Fam. Med. 2:204). Weights, where negatives were thinned, cost the factor
``(Σw)² / (n·Σw²)`` more (Kish 1965). The design effect is n over the effective number: by its root, intervals that take
snapshots for independent are too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "LEVELS",
    "Z95",
    "Interval",
    "SampleSize",
    "account_design_effect",
    "binomial_p_value",
    "clopper_pearson_interval",
    "design_effect",
    "effective_sample_size",
    "holm_correction",
    "measure_sample",
    "next_period_interval",
    "percentile_interval",
    "sample_lines",
]

Floats = npt.NDArray[np.float64]

Z95 = 1.959963984540054  # the normal distribution's 97.5% point


@dataclass(frozen=True)
class SampleSize:
    """How many of what there are, and for how many independent snapshots they count.

    Attributes
    ----------
    snapshots, positives : int
        Labelled snapshots, and those with a positive label.
    leads, positive_leads : int
        Distinct leads, and those with a positive snapshot.
    accounts : int
        What intervals draw: accounts, and leads that have none.
    correlation : float
        Of the label within accounts: 0, snapshots are independent; 1, they are copies.
    design_effect : float
        Snapshots for each independent one.
    effective, effective_positives : float
        Independent snapshots that tell as much, and how many of them are positive.
    """

    snapshots: int
    positives: int
    leads: int
    positive_leads: int
    accounts: int
    correlation: float
    design_effect: float
    effective: float
    effective_positives: float

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}

    def metrics(self) -> list[tuple[str, float, int]]:
        """Return what is worth tracking, as (name, value, step)."""
        return [(f"sample.{name}", float(value), 0) for name, value in asdict(self).items()]


def measure_sample(y: Floats, weight: Floats, lead: npt.NDArray[Any], group: npt.NDArray[Any]) -> SampleSize:
    """Count labelled snapshots by lead and account, and say for how many independent ones they count.

    Parameters
    ----------
    y, weight : float arrays
        The label, and how many snapshots a row stands for.
    lead, group : arrays
        Whose row it is: the lead, and the account or, where there is none, the lead.

    Examples
    --------
    >>> y = np.array([1.0, 1.0, 0.0, 0.0])
    >>> told = measure_sample(y, np.ones(4), np.array(["a", "a", "b", "c"]), np.array(["a", "a", "b", "c"]))
    >>> told.effective, told.accounts, told.correlation  # the two snapshots of lead a are copies
    (3.0, 3, 1.0)
    """
    sizes, rho = _sizes(y, group)
    uneven = float(weight.sum() ** 2 / (len(y) * np.sum(weight**2))) if len(y) else 1.0
    effective = float(np.sum(sizes / (1 + (sizes - 1) * rho))) * uneven
    positives = int(np.sum(y == 1))
    return SampleSize(
        len(y),
        positives,
        len(np.unique(lead)),
        len(np.unique(lead[y == 1])),
        len(sizes),
        rho,
        len(y) / effective if effective else float("nan"),
        effective,
        positives * effective / len(y) if len(y) else 0.0,
    )


def account_design_effect(y: Floats, group: npt.NDArray[Any]) -> float:
    """Return the design effect of the accounts alone, weights left aside; 1 for no rows.

    Examples
    --------
    >>> account_design_effect(np.array([1.0, 1.0, 0.0, 0.0]), np.array(["a", "a", "b", "b"]))
    2.0
    """
    if not len(y):
        return 1.0
    sizes, rho = _sizes(y, group)
    return len(y) / float(np.sum(sizes / (1 + (sizes - 1) * rho)))


def _sizes(y: Floats, group: npt.NDArray[Any]) -> tuple[Floats, float]:
    """Return how many rows each account has, and the label's correlation within accounts."""
    _, who = np.unique(np.asarray(group).astype(str), return_inverse=True)
    sizes = np.bincount(who).astype(np.float64)
    return sizes, _correlation(y, who, sizes)


def _correlation(y: Floats, who: npt.NDArray[np.int64], sizes: Floats) -> float:
    """Return the ANOVA estimate of the intraclass correlation; 0 where no account has two snapshots.

    Examples
    --------
    >>> who = np.array([0, 0, 1, 1])
    >>> _correlation(np.array([1.0, 1.0, 0.0, 0.0]), who, np.array([2.0, 2.0]))
    1.0
    """
    n, groups = len(y), len(sizes)
    if groups == n:
        return 0.0
    means = np.bincount(who, y) / sizes
    within = float(np.sum((y - means[who]) ** 2)) / (n - groups)
    if groups < 2 or within == 0:
        return 1.0  # copies, or one account alone: nothing says that they are more than one
    between = float(np.sum(sizes * (means - y.mean()) ** 2)) / (groups - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (groups - 1)
    return float(np.clip((between - within) / (between + (typical - 1) * within), 0.0, 1.0))


def sample_lines(told: SampleSize) -> Sequence[str]:
    """Say it in one line.

    Examples
    --------
    >>> print(*sample_lines(SampleSize(900, 90, 300, 40, 200, 0.25, 1.5, 600.0, 60.0)))
    900 snapshots of 300 leads in 200 accounts (40 leads positive) tell as much as 600
    independent ones (60 positive; design effect 1.5)
    """
    where = f" in {told.accounts:,} accounts" if told.accounts != told.leads else ""
    return [
        f"{told.snapshots:,} snapshots of {told.leads:,} leads{where} ({told.positive_leads:,} leads positive) "
        f"tell as much as {told.effective:,.0f} independent ones ({told.effective_positives:,.0f} positive; design effect {told.design_effect:.1f})"
    ]


# A figure with its interval, and the percentile interval of values drawn again.


LEVELS = (0.025, 0.975)

"""The quantiles that bound a 95% interval."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95% interval (NaN where there is only one account)."""

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @classmethod
    def of_draws(cls, value: float, draws: Floats) -> Interval:
        """Put the percentile interval of the draws around a figure.

        Examples
        --------
        >>> Interval.of_draws(0.5, np.arange(41.0)), Interval.of_draws(0.5, np.array([np.nan]))
        (Interval(value=0.5, low=1.0, high=39.0), Interval(value=0.5, low=nan, high=nan))
        """
        return cls(float(value), *percentile_interval(draws))


def percentile_interval(draws: Floats, levels: tuple[float, float] = LEVELS) -> tuple[float, float]:
    """Return the percentile interval of the finite draws; NaN where fewer than half of them are.

    Examples
    --------
    >>> percentile_interval(np.array([1.0, np.nan, np.nan]))
    (nan, nan)
    """
    known = draws[np.isfinite(draws)]
    if not len(known) or 2 * len(known) < len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(known, levels)
    return float(low), float(high)


def next_period_interval(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> Interval | None:
    """Return where the next period's share (an AUC, say) may lie, from those of past periods, each with its 95% interval.

    To the error of the next period itself, taken to be the newest one's, is added by how much periods differ beyond
    their own errors: the prediction interval of a random-effects model (Higgins, Thompson and Spiegelhalter 2009, J. R.
    Stat. Soc. A 172:137; the variance between periods by DerSimonian and Laird 1986), on log odds, so that it stays within
    0 and 1. One period says nothing of how periods differ: then it is the error of two such periods.

    Returns
    -------
    Interval or None
        The mean of the periods, and where 95 of 100 next ones lie; None where no period has an interval.

    Examples
    --------
    >>> same = next_period_interval([0.7, 0.7, 0.7], [(0.65, 0.75)] * 3)
    >>> apart = next_period_interval([0.6, 0.7, 0.8], [(0.65, 0.75)] * 3)
    >>> [round(one, 2) for one in (same.low, same.high, apart.low, apart.high)], next_period_interval([0.7], [(float("nan"), 0.8)])
    ([0.64, 0.75, 0.18, 0.96], None)
    """
    from scipy.stats import t

    ends = np.clip(np.column_stack([values, np.asarray(intervals, dtype=np.float64).reshape(-1, 2)]), 0.001, 0.999)
    odds, low, high = np.log(ends / (1 - ends))[np.isfinite(ends).all(axis=1)].T
    if not len(odds):
        return None
    many, own = len(odds), ((high - low) / (2 * Z95)) ** 2
    middle = float(odds.mean())
    error = Z95**2 * (own[-1] + own.mean() / many)
    if many > 1:
        between = max(0.0, float(odds.var(ddof=1) - own.mean()))
        error += float(t.ppf(0.975, many - 1)) ** 2 * between * (1 + 1 / many)
    low, middle, high = (float(1 / (1 + np.exp(-x))) for x in middle + np.sqrt(error) * np.array([-1.0, 0.0, 1.0]))
    return Interval(middle, low, high)


# What chance alone makes of a share: the effective number of rows, an exact interval, and a correction for many looks.
#
# Rows of one account aren't independent: how many independent rows they amount to follows from how the errors of one
# account add up. Tests and intervals of the binomial are then taken at that number.
#
# References
# ----------
# Korn & Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from
# survey data", Survey Methodology 24 (1998). Holm, "A simple sequentially rejective multiple test procedure",
# Scandinavian Journal of Statistics 6 (1979).


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


def effective_sample_size(p: Floats, weight: Floats, effect: float) -> float:
    """Return how many independent rows, all of the mean probability, would vary as much as these do by what was said.

    Examples
    --------
    >>> round(effective_sample_size(np.full(100, 0.2), np.ones(100), effect=4.0), 6)
    25.0
    """
    mass = float(weight.sum())
    mean = float(np.sum(weight * p)) / mass
    varies = effect * float(np.sum(weight**2 * p * (1 - p)))
    if varies > 0:
        return mean * (1 - mean) * mass**2 / varies
    return mass**2 / float(np.sum(weight**2)) / effect


def clopper_pearson_interval(share: float, number: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share by Clopper and Pearson (1934), at a number of rows that need not be whole.

    Examples
    --------
    >>> low, high = clopper_pearson_interval(0.0, 100)
    >>> low, round(high, 3)
    (0.0, 0.036)
    """
    from scipy.stats import beta

    hits, tail = share * number, (1 - level) / 2
    low = beta.ppf(tail, hits, number - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, number - hits) if hits < number else 1.0
    return float(low), float(high)


def binomial_p_value(share: float, said: float, number: float) -> float:
    """Return the chance of a share at least so far from what was said: twice the lesser tail of the binomial.

    Examples
    --------
    >>> round(binomial_p_value(0.5, 0.5, 20), 2), binomial_p_value(0.5, 0.1, 20) < 0.001
    (1.0, True)
    """
    from scipy.special import betainc

    hits = share * number
    above = float(betainc(hits, number - hits + 1, said)) if hits > 0 else 1.0
    below = 1.0 - float(betainc(hits + 1, number - hits, said)) if hits < number else 1.0
    return min(1.0, 2 * min(above, below))


def holm_correction(chances: Sequence[float]) -> list[float]:
    """Correct for many looks: of all that are true, the chance that any falls below a bound is the bound at most.

    Examples
    --------
    >>> holm_correction([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    order = np.argsort(chances, kind="stable")
    result = np.empty(len(chances))
    worst = 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(chances) - rank) * chances[place]))
        result[place] = worst
    return [float(value) for value in result]

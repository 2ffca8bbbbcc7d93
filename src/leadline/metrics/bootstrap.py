"""Differences judged on the same draws of accounts: sums are drawn again by account, all columns of them at once.

A mean, a share or a difference of means is a ratio of sums, so a draw needs the accounts' sums only, not their rows:
a thousand draws of a hundred columns take a second. AUC is a ratio of sums of pairs; `auc_influence` says how it answers
to each row, which is such a column. Exact draws of ranks are `classification.bootstrap_by_group`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.rng import bootstrap_counts
from leadline.metrics.intervals import Interval

__all__ = [
    "AT_ONCE",
    "REPEATS",
    "BootstrapSums",
    "auc_influence",
    "bootstrap_sums",
    "bootstrap_weights",
    "log_loss_difference",
    "max_statistic_bound",
    "row_log_losses",
]

Floats = npt.NDArray[np.float64]

REPEATS = 1000

CHUNK = 50  # draws at once, so that memory is bounded: 50 × 100,000 accounts are 40 MB

SURE = 1e-15  # as in metrics.log_loss


def row_log_losses(y: Floats, p: Floats) -> Floats:
    """Return each row's log loss.

    Examples
    --------
    >>> row_log_losses(np.array([1.0, 0.0]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6931, 0.6931]
    """
    p = np.clip(p, SURE, 1 - SURE)
    loss: Floats = -(y * np.log(p) + (1 - y) * np.log1p(-p))
    return loss


def bootstrap_sums(columns: Iterable[Floats], group: npt.NDArray[Any], seed: int, repeats: int = REPEATS) -> Floats:
    """Return the sums of columns in each draw of whole groups.

    Parameters
    ----------
    columns : arrays
        k of them, one entry a row; read once, one after the other.
    group : array
        Whose each row is.

    Returns
    -------
    array, repeats × k

    Examples
    --------
    >>> sums = bootstrap_sums([np.ones(4)], np.array(["a", "a", "b", "b"]), seed=7, repeats=3)
    >>> sums.tolist()  # both groups have two rows
    [[4.0], [4.0], [4.0]]
    """
    _, code = np.unique(np.asarray(group).astype(str), return_inverse=True)
    many = int(code.max()) + 1
    sums = np.column_stack([np.bincount(code, column, many) for column in columns])
    random = np.random.default_rng(seed)
    parts = []
    for start in range(0, repeats, CHUNK):
        picks = random.integers(many, size=(min(CHUNK, repeats - start), many))
        parts.append(np.stack([np.bincount(pick, minlength=many) for pick in picks]) @ sums)
    return np.concatenate(parts)


@dataclass(frozen=True)
class BootstrapSums:
    """Named columns' sums, over all rows and in each draw of whole groups; their ratios, with intervals.

    Examples
    --------
    >>> sums = BootstrapSums.of({"hits": np.array([1.0, 0.0]), "rows": np.ones(2)}, np.array(["a", "b"]), seed=7)
    >>> sums.ratio("hits", "rows").value, sums.gap(("hits", "rows"), ("rows", "rows"))
    (0.5, Interval(value=-0.5, low=-1.0, high=0.0))
    """

    names: tuple[str, ...]
    total: Floats
    draws: Floats

    @classmethod
    def of(
        cls, columns: Mapping[str, Floats], group: npt.NDArray[Any], seed: int, repeats: int = REPEATS
    ) -> BootstrapSums:
        """Draw the groups; with fewer than two of them, nothing says how they differ, and there is no interval."""
        total = np.array([column.sum() for column in columns.values()], dtype=np.float64)
        if len(np.unique(np.asarray(group).astype(str))) < 2:
            return cls(tuple(columns), total, np.full((1, len(total)), np.nan))
        return cls(tuple(columns), total, bootstrap_sums(columns.values(), group, seed, repeats))

    def ratio(self, above: str, below: str) -> Interval:
        """Return one column's sum over another's."""
        total, draws = (self._ratio(sums, above, below) for sums in (self.total[None], self.draws))
        return Interval.of_draws(total[0], draws)

    def gap(self, one: tuple[str, str], other: tuple[str, str]) -> Interval:
        """Return one ratio less another, on the same draws."""
        total, draws = (self._ratio(sums, *one) - self._ratio(sums, *other) for sums in (self.total[None], self.draws))
        return Interval.of_draws(total[0], draws)

    def _ratio(self, sums: Floats, above: str, below: str) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio: Floats = sums[:, self.names.index(above)] / sums[:, self.names.index(below)]
        return ratio


def auc_influence(y: Floats, weight: Floats, p: Floats, fold: npt.NDArray[Any]) -> tuple[float, Floats]:
    """Return the folds' mean AUC, by their weight, and by how much it changes for each row that counts once more.

    Those changes are the first order of what drawing rows again does to it: their sums over accounts give the interval of
    clustered ROC curves (DeLong 1988; Obuchowski 1997, Biometrics 53:567) without ranking each draw anew. They add up to 0.

    Parameters
    ----------
    fold : array
        Each row's fold; rows are ranked within it. NaN where a fold has one class.

    Examples
    --------
    >>> y, p = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.4, 0.1])
    >>> auc, change = auc_influence(y, np.ones(4), p, np.zeros(4))
    >>> auc, change.tolist()
    (0.75, [0.125, -0.125, -0.125, 0.125])
    """
    change, values, masses = np.zeros(len(y)), [], []
    for number in np.unique(fold):
        here = np.flatnonzero(fold == number)
        value, change[here] = _auc_influence(y[here], weight[here], p[here])
        values.append(value)
        masses.append(float(weight[here].sum()))
        change[here] = change[here] * masses[-1] + weight[here] * value
    whole = float(np.average(values, weights=masses))
    return whole, (change - weight * whole) / sum(masses)


def _auc_influence(y: Floats, weight: Floats, p: Floats) -> tuple[float, Floats]:
    """Return one fold's AUC and each row's change: how much of the other class lies on the right side of it, less the mean."""
    levels, place = np.unique(p, return_inverse=True)
    positive, negative = (np.bincount(place, weight * side, len(levels)) for side in (y, 1 - y))
    below = (np.cumsum(negative) - negative / 2)[place]
    above = (positive.sum() - np.cumsum(positive) + positive / 2)[place]
    right, wrong = positive.sum(), negative.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = float(np.sum(weight * y * below) / (right * wrong))
        change = weight * np.where(y > 0, (below / wrong - auc) / right, (above / right - auc) / wrong)
    return auc, change


def log_loss_difference(
    y: Floats, weight: Floats, a: Floats, b: Floats, group: npt.NDArray[Any], seed: int
) -> Interval:
    """Return the log loss of `a` less that of `b` (above 0: b is better), with its interval over draws of accounts.

    Examples
    --------
    >>> y = np.array([1.0, 0.0, 1.0, 0.0])
    >>> log_loss_difference(y, np.ones(4), np.full(4, 0.5), np.full(4, 0.5), np.arange(4), seed=7)
    Interval(value=0.0, low=0.0, high=0.0)
    """
    columns = {"a": weight * row_log_losses(y, a), "b": weight * row_log_losses(y, b), "rows": weight}
    return BootstrapSums.of(columns, group, seed).gap(("a", "rows"), ("b", "rows"))


def max_statistic_bound(values: Floats, draws: Floats, level: float, both_sides: bool) -> tuple[Floats, float]:
    """Return each statistic's standard error, and how many of them the worst of all goes beyond by chance alone.

    The worst of many is taken in each draw (Westfall and Young 1993), so that the bound holds for all statistics
    together however they hang together, and one more segment costs next to nothing where it tells the same.

    Parameters
    ----------
    values : array of k
        The statistics; low is bad.
    draws : array, repeats × k
        The same in each draw.
    level : float
        The chance that any goes beyond.
    both_sides : bool
        Whether high is bad, too.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(4000, 20))
    >>> errors, beyond = max_statistic_bound(np.zeros(20), draws, 0.025, both_sides=False)
    >>> bool(2.8 < beyond < 3.2), bool(abs(errors - 1).max() < 0.1)  # a single one's is 1.96
    (True, True)
    """
    errors = np.nanstd(draws, axis=0)
    safe = np.where(errors > 0, errors, np.inf)
    away = np.nan_to_num((draws - values) / safe)
    furthest = np.abs(away).max(axis=1) if both_sides else (-away).max(axis=1)
    return errors, float(np.quantile(furthest, 1 - level))


# Worlds: the rows as they were, and as they would be with accounts drawn again; a bootstrap by account, laid out for arrays.


AT_ONCE = 2_000_000  # rows times worlds that are reckoned at once: 16 MB an array


def bootstrap_weights(group: npt.NDArray[Any], random: np.random.Generator, repeats: int) -> Iterator[Floats]:
    """Yield how often each row stands in some worlds, rows by worlds; the first of all is the world as it was.

    Parameters
    ----------
    group : array
        Each row's account.
    repeats : int
        How many worlds are drawn; none where there is one account, as then nothing says how accounts differ.

    Examples
    --------
    >>> two, one = np.array(["a", "b", "b"]), np.array(["a", "a"])
    >>> [w.shape for w in bootstrap_weights(two, np.random.default_rng(7), 5)], [w.tolist() for w in bootstrap_weights(one, np.random.default_rng(7), 5)]
    ([(3, 6)], [[[1.0], [1.0]]])
    """
    _, code = np.unique(group.astype(str), return_inverse=True)
    accounts, step = int(code.max(initial=-1)) + 1, max(1, AT_ONCE // max(len(code), 1))
    rest, world = repeats if accounts > 1 else 0, np.ones((accounts, 1))
    while world.shape[1] or rest:
        more = min(rest, step - world.shape[1])
        drawn = [bootstrap_counts(accounts, random) for _ in range(more)]
        yield np.column_stack([world, *drawn])[code].astype(np.float64)
        rest, world = rest - more, np.empty((accounts, 0))

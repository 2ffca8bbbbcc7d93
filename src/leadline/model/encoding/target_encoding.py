"""The levels of one category and what is known of each: how it converts and how common it is, as of any instant.

The trees read a category as two numbers. *Lift* is the level's shrunk conversion rate over everybody's::

    rate = (Σ w·y + m · prior) / (Σ w + m)     with m = STRENGTH / prior
    lift = rate / prior = (Σ w·y + STRENGTH) / (prior · Σ w + STRENGTH)

so a level counts for itself once about STRENGTH conversions were to be expected of it, whatever the base rate.
*Share* is the level's part of all rows. Both are ratios to everybody, since the base rate and the number of rows
move with time and a plain rate or count would tell the trees the date. For training rows all sums run over the rows
whose label was known at the row's own as_of; afterwards the table is frozen, over all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.privacy import MIN_GROUP_SIZE

__all__ = ["STRENGTH", "CategoryLevels", "known_sums"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]

STRENGTH = 10.0  # expected conversions before a level speaks for itself as loudly as the prior does


@dataclass(frozen=True)
class CategoryLevels:
    """One category's frozen table; codes are 0 … n-1 for the kept names, n for other, n + 1 for missing.

    Attributes
    ----------
    feature : str
        The category's name.
    names : tuple of str
        The levels kept by name, sorted: those that at least `MIN_GROUP_SIZE` leads share.
    hits, weight : tuple of float
        Σ w·y and Σ w by code.
    """

    feature: str
    names: tuple[str, ...]
    hits: tuple[float, ...]
    weight: tuple[float, ...]

    @classmethod
    def fit(cls, feature: str, column: pd.Series[Any], y: Floats, weight: Floats, lead: NDArray[Any]) -> CategoryLevels:
        """Keep the levels that enough leads share, and sum up what became of each.

        Examples
        --------
        >>> column = pd.Series(["web"] * 30 + ["a@b.example"] + [None])
        >>> table = CategoryLevels.fit("source", column, np.zeros(32), np.ones(32), np.arange(32))
        >>> table.names, table.codes(pd.Series(["web", "fax", None])).tolist()
        (('web',), [0, 1, 2])
        """
        names = _shared(column, lead)
        codes = cls(feature, names, (), ()).codes(column)
        size = len(names) + 2
        hits, total = np.bincount(codes, y * weight, size), np.bincount(codes, weight, size)
        return cls(feature, names, tuple(hits.tolist()), tuple(total.tolist()))

    @property
    def pooled(self) -> float:
        """The share of all rows whose level too few leads have, so that it counts as other."""
        total = sum(self.weight)
        return self.weight[len(self.names)] / total if total else 0.0

    def codes(self, column: pd.Series[Any]) -> Codes:
        """Return each row's code; a level that wasn't kept, or never seen, is other."""
        found, uniques = pd.factorize(column)
        known = {name: code for code, name in enumerate(self.names)}
        other = len(self.names)
        table = [known.get(str(level), other) for level in uniques]
        return np.array([*table, other + 1], dtype=np.int64)[found]  # -1, missing, takes the last

    def numbers(self, column: pd.Series[Any]) -> tuple[Floats, Floats]:
        """Return each row's lift and share by the frozen table."""
        return self.numbers_of(self.codes(column))

    def numbers_of(self, codes: Codes) -> tuple[Floats, Floats]:
        """Return the lift and share of each code."""
        hits, weight = np.array(self.hits), np.array(self.weight)
        lift, share = lift_and_share(hits, weight, np.full(len(hits), hits.sum()), np.full(len(hits), weight.sum()))
        return lift[codes], share[codes]

    def numbers_asof(
        self, column: pd.Series[Any], y: Floats, weight: Floats, as_of: Codes, known_at: Codes
    ) -> tuple[Floats, Floats]:
        """Return each training row's lift and share from rows whose label was known at its as_of."""
        hits = y * weight
        own = known_sums(self.codes(column), as_of, known_at, hits, weight)
        everybody = known_sums(np.zeros(len(hits), dtype=np.int64), as_of, known_at, hits, weight)
        return lift_and_share(*own, *everybody)

    def to_record(self) -> dict[str, Any]:
        """Return the table as plain JSON values."""
        return {"feature": self.feature, "names": [*self.names], "hits": [*self.hits], "weight": [*self.weight]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CategoryLevels:
        """Read what `to_record` wrote."""
        return cls(record["feature"], tuple(record["names"]), tuple(record["hits"]), tuple(record["weight"]))


def known_sums(code: Codes, as_of: Codes, known_at: Codes, hits: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return, for each row, Σ hits and Σ weight over the rows of its code with ``known_at ≤`` its `as_of`.

    Sorting and running sums: O(n log n).

    Examples
    --------
    >>> code, when = np.array([0, 0, 0, 1]), np.array([1, 2, 3, 3])
    >>> hits, weight = known_sums(code, when, when + 1, np.array([1.0, 0.0, 0.0, 1.0]), np.ones(4))
    >>> hits.tolist(), weight.tolist()
    ([0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 2.0, 0.0])
    """
    order = np.lexsort((known_at, code))
    ends = np.searchsorted(code[order], np.unique(code), side="right")
    known_hits, known_weight = np.zeros(len(code)), np.zeros(len(code))
    for rows in np.split(order, ends[:-1]):
        place = np.searchsorted(known_at[rows], as_of[rows], side="right")
        known_hits[rows] = np.concatenate(([0.0], np.cumsum(hits[rows])))[place]
        known_weight[rows] = np.concatenate(([0.0], np.cumsum(weight[rows])))[place]
    return known_hits, known_weight


def lift_and_share(hits: Floats, weight: Floats, all_hits: Floats, all_weight: Floats) -> tuple[Floats, Floats]:
    """Return lift and share from sums; where nothing is known yet, lift is 1 and share is 0.

    Examples
    --------
    >>> lift, share = lift_and_share(*(np.array([v]) for v in (20.0, 100.0, 50.0, 500.0)))
    >>> lift.tolist(), share.tolist()
    ([1.5], [0.2])
    """
    total = np.where(all_weight > 0, all_weight, 1.0)
    expected = weight * (all_hits / total)
    return (hits + STRENGTH) / (expected + STRENGTH), weight / total


def _shared(column: pd.Series[Any], lead: NDArray[Any]) -> tuple[str, ...]:
    found, uniques = pd.factorize(column)
    _, who = np.unique(lead, return_inverse=True)
    many = int(who.max(initial=0)) + 1
    pairs = np.unique(found[found >= 0] * many + who[found >= 0])
    leads = np.bincount(pairs // many, minlength=len(uniques))
    return tuple(sorted({str(level) for level, count in zip(uniques, leads, strict=True) if count >= MIN_GROUP_SIZE}))

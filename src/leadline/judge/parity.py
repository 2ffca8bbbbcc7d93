"""How each level of an attribute is served: selection, recall and ranking, with intervals by cluster bootstrap over accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.interval import LEVELS
from leadline.streams import drawn_again

__all__ = ["EMPTY", "FEWEST_EACH", "Parity", "parities"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_EACH = 10  # leads of a kind without which a recall (positives) or an AUC (both) is too few to say
NAN = float("nan")


@dataclass(frozen=True)
class Parity:
    """How one level is served; NaN where there are too few to say, with 95% intervals.

    Attributes
    ----------
    auc : float
        How well its own leads are ranked among themselves.
    selected : float
        The share of its rows that are in the best tier.
    ratio : float
        That share over the share of all rows.
    recall : float
        The share of its positives that are in the best tier.
    """

    auc: float = NAN
    auc_low: float = NAN
    auc_high: float = NAN
    selected: float = NAN
    selected_low: float = NAN
    selected_high: float = NAN
    ratio: float = NAN
    ratio_low: float = NAN
    ratio_high: float = NAN
    recall: float = NAN
    recall_low: float = NAN
    recall_high: float = NAN


EMPTY = Parity()


def parities(
    y: Floats,
    weight: Floats,
    p: Floats,
    best: npt.NDArray[np.bool_],
    lead: npt.NDArray[Any],
    group: Ints,
    level: Ints,
    levels: int,
    seed: int,
    repeats: int,
) -> list[Parity]:
    """Say how each of the levels 0 … levels-1 is served.

    Parameters
    ----------
    group : array of int
        Whose account, from 0 on; accounts are drawn again for the intervals, the same draws for all levels.
    """
    rank, worked = _Ranks(y, p, level, levels), best.astype(np.float64)

    def figures(weight: Floats) -> Floats:
        def summed(part: Floats) -> Floats:
            return _sums(level, weight * part, levels)

        ones = np.ones(len(y))
        mass, taken, hits, found = (summed(part) for part in (ones, worked, y, y * worked))
        selected = _ratio(taken, mass)
        everybody = np.full(levels, taken.sum() / mass.sum())
        return np.stack([rank.auc(weight), selected, _ratio(selected, everybody), _ratio(found, hits)])

    random = np.random.default_rng(seed)
    accounts = int(group.max()) + 1
    drawn = np.stack([
        figures(weight * drawn_again(accounts, random)[group])
        for _ in range(repeats)
    ])  # fmt: skip
    told = np.stack([figures(weight), *_intervals(drawn)], axis=1)  # figure, (value, low, high), level
    told[np.stack(_too_few(y, lead, level, levels))] = NAN
    return [Parity(*(float(value) for value in told[:, :, n].ravel())) for n in range(levels)]


def _too_few(y: Floats, lead: npt.NDArray[Any], level: Ints, levels: int) -> list[npt.NDArray[np.bool_]]:
    """Tell of which levels AUC, selection, ratio and recall can't be said, spread over value, low and high."""
    _, who = np.unique(lead.astype(str), return_inverse=True)

    def leads(mine: npt.NDArray[np.bool_]) -> Ints:
        pairs = np.unique(np.stack([level[mine], who[mine]]), axis=1)
        return np.asarray(np.bincount(pairs[0], minlength=levels), dtype=np.int64)

    positive, negative = leads(y > 0) < FEWEST_EACH, leads(y == 0) < FEWEST_EACH
    never = np.zeros(levels, dtype=bool)
    return [np.tile(few, (3, 1)) for few in (positive | negative, never, never, positive)]


def _intervals(drawn: Floats) -> tuple[Floats, Floats]:
    """Return the 95% percentile interval of each figure and level; NaN where most draws say nothing."""
    known = np.isfinite(drawn)
    enough = 2 * known.sum(axis=0) >= len(drawn)
    # A column of NaN alone would warn; what it gives is overwritten.
    low, high = np.nanquantile(np.where(enough, drawn, 0.0), LEVELS, axis=0)
    return np.where(enough, low, NAN), np.where(enough, high, NAN)


def _sums(place: Ints, part: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(place, part, size), dtype=np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN by nothing."""
    result = np.full(len(part), NAN)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


class _Ranks:
    """Rows sorted once by level and score, so that the AUC of each draw is a sum and no sort."""

    def __init__(self, y: Floats, p: Floats, level: Ints, levels: int) -> None:
        self._order = np.lexsort((p, level))
        p, level, self._y = p[self._order], level[self._order], y[self._order]
        new = np.append(True, (np.diff(p) != 0) | (np.diff(level) != 0))
        self._starts = np.flatnonzero(new)
        self._level, self._levels = level[self._starts], levels

    def auc(self, weight: Floats) -> Floats:
        """Return each level's AUC where rows count so much; NaN with one class."""
        weight = weight[self._order]
        every = np.add.reduceat(weight, self._starts)
        positive = np.add.reduceat(weight * self._y, self._starts)
        negative = every - positive
        right, wrong = (_sums(self._level, part, self._levels) for part in (positive, negative))
        before = np.cumsum(wrong) - wrong
        below = np.cumsum(negative) - negative - before[self._level]
        pairs = _sums(self._level, positive * (below + negative / 2), self._levels)
        return _ratio(pairs, np.asarray(right * wrong, dtype=np.float64))

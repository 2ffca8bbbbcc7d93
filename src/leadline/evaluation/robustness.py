"""Robustness: by how much a random split flatters, and how stable the drivers are: their shares and ranks over models fitted on bootstrap samples of accounts (Efron 1979).

A range is from the least to the most over the refits, the real model's own figure among them. With N refits and the real one,
a further refit falls outside it in about 2 of N + 2 cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.evaluation.backtest import ModelMetrics
from leadline.explanation.drivers import Driver

__all__ = [
    "TOP",
    "DriverStability",
    "Optimism",
    "StabilityResult",
    "driver_stability",
    "optimism_lines",
    "random_split",
    "stability_lines",
]

Floats = npt.NDArray[np.float64]

TOP = 10


@dataclass(frozen=True)
class DriverStability:
    """One driver over the refits.

    Attributes
    ----------
    group : str
        Which features.
    share_low, share_high : float
        The range of its share of all contributions.
    rank_low, rank_high : int
        The range of its rank, 1 for the strongest.
    """

    group: str
    share_low: float
    share_high: float
    rank_low: int
    rank_high: int


@dataclass(frozen=True)
class StabilityResult:
    """The drivers over the refits, in the real model's order.

    Attributes
    ----------
    refits : int
        How many there were.
    top : int
        How many of the strongest are compared; 10, or all where there are fewer.
    comes_back : float
        Which share of the real model's strongest is among a refit's strongest, on average.
    drivers : tuple of DriverStability
        One a driver.
    """

    refits: int
    top: int
    comes_back: float
    drivers: tuple[DriverStability, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record

    def metrics(self) -> list[tuple[str, float, int]]:
        """Return what is worth tracking, as (name, value, step)."""
        return [("stability.comes_back", self.comes_back, 0)]


def driver_stability(ranked: Sequence[Driver], refits: Sequence[Mapping[str, float]]) -> StabilityResult | None:
    """Compare the drivers of a model with those of its refits; None where there is no driver or no refit.

    Parameters
    ----------
    ranked : sequence of Driver
        The real model's, the strongest first.
    refits : sequence of mappings from group to weight
        Each refit's mean absolute contribution of every group; what isn't named weighs nothing.

    Examples
    --------
    >>> a, b = Driver("a", "a", 3.0, 0.75, 0.0), Driver("b", "b", 1.0, 0.25, 0.0)
    >>> told = driver_stability([a, b], [{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 3.0}])
    >>> told.comes_back, [(d.share_low, d.share_high, d.rank_low, d.rank_high) for d in told.drivers]
    (1.0, [(0.25, 0.75, 1, 2), (0.25, 0.75, 1, 2)])
    """
    if not ranked or not refits:
        return None
    groups = [driver.group for driver in ranked]
    weights = np.array([[told.get(group, 0.0) for group in groups] for told in refits])
    totals = weights.sum(axis=1, keepdims=True)
    shares = np.vstack([[d.share for d in ranked], weights / np.where(totals > 0, totals, 1.0)])
    # Equal weights share the order of the real model, which is sorted.
    ranks = np.vstack([np.arange(len(groups)), *(np.argsort(np.argsort(-row, kind="stable")) for row in weights)]) + 1
    top = min(TOP, len(groups))
    back = float(np.mean((ranks[1:, :top] <= top).sum(axis=1) / top))
    told = (
        DriverStability(
            group, float(shares[:, n].min()), float(shares[:, n].max()), int(ranks[:, n].min()), int(ranks[:, n].max())
        )
        for n, group in enumerate(groups)
    )
    return StabilityResult(len(refits), top, back, tuple(told))


def stability_lines(told: StabilityResult | None) -> Sequence[str]:
    """Say in one line how much of the top comes back; nothing where nothing was tried.

    Examples
    --------
    >>> print(*stability_lines(StabilityResult(8, 10, 0.85, ())))
    8.5 of the 10 strongest come back in refits on bootstrap samples of accounts (8 refits)
    """
    if told is None:
        return []
    return [
        f"{told.comes_back * told.top:.1f} of the {told.top} strongest come back in refits on bootstrap samples of accounts ({told.refits} refits)"
    ]


# Optimism: by how much a random split would have flattered the same recipe, in AUC and in lift.
#
# Both figures are of the lighter form of the recipe that the leak gate fits again (LL304): once where time splits the rows,
# once where leads are drawn into sides of the same sizes. The fits are the gate's own; nothing is fitted twice.


Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Optimism:
    """The same recipe's ranking under both splits.

    Attributes
    ----------
    drawn : ModelMetrics
        Where leads are drawn at random into training and test.
    forward : ModelMetrics
        Where the test lies after the training, as a night's does. Quote this one.
    """

    drawn: ModelMetrics
    forward: ModelMetrics

    @property
    def gap(self) -> float:
        """By how much the random split's AUC is higher."""
        return self.drawn.auc - self.forward.auc

    def to_record(self) -> dict[str, Any]:
        """Return AUC and lift of both, with their intervals, as plain JSON values."""
        wanted = [f"{figure}{end}" for figure in ("auc", "lift_10") for end in ("", "_low", "_high")]
        sides = {side: asdict(told) for side, told in (("drawn", self.drawn), ("forward", self.forward))}
        record: dict[str, Any] = to_jsonable({
            side: {name: figures[name] for name in wanted} for side, figures in sides.items()
        })  # fmt: skip
        return record


def random_split(
    lead: npt.NDArray[np.object_], train: int, test: int, random: np.random.Generator
) -> tuple[Ints, Ints]:
    """Draw leads into a test and a training side of about so many rows; no lead is on both.

    Examples
    --------
    >>> train, test = random_split(np.array(["a", "a", "b", "c", "d"], object), 3, 1, np.random.default_rng(1))
    >>> len(train) >= 3, len(test) >= 1, bool(np.intersect1d(train, test).size)
    (True, True, False)
    """
    _, who = np.unique(lead.astype(str), return_inverse=True)
    place = random.permutation(int(who.max()) + 1)[who]
    upto = np.cumsum(np.bincount(place))
    cut = int(np.searchsorted(upto, test)) + 1
    end = int(np.searchsorted(upto, upto[cut - 1] + train)) + 1
    return np.flatnonzero((place >= cut) & (place < end)), np.flatnonzero(place < cut)


def optimism_lines(told: Optimism | None) -> list[str]:
    """Say it in a line or two of at most 80 columns; nothing where it wasn't measured.

    Examples
    --------
    >>> for line in optimism_lines(Optimism(ModelMetrics(0.8, 0.2, 3.5), ModelMetrics(0.72, 0.1, 2.1))):
    ...     print(line)
    optimism: a random split would have shown AUC .80, lift 3.5;
      forward in time it is .72, 2.1 (a lighter form of the recipe, both times)
    """
    if told is None:
        return []
    drawn, forward = (f"{f.auc:.2f}".replace("0.", ".", 1) for f in (told.drawn, told.forward))
    return [
        f"optimism: a random split would have shown AUC {drawn}, lift {told.drawn.lift_10:.1f};",
        f"  forward in time it is {forward}, {told.forward.lift_10:.1f} (a lighter form of the recipe, both times)",
    ]

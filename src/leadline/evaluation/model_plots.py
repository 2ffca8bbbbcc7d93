"""Figures for the data scientist's pictures: a beeswarm, how effects depend on values, and which features work together.

All come from exact contributions. The beeswarm's points are of a few hundred snapshots without any id, and a value is
told as its rank alone; all else is counted over many snapshots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.dataset.feature_spec import Feature
from leadline.explanation.drivers import Driver

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DRAWN",
    "MEETING",
    "Beeswarm",
    "Dependence",
    "InteractionPair",
    "ModelPlots",
    "ThresholdCurves",
    "TierCounts",
    "evenly_spaced_rows",
    "model_plot_data",
    "threshold_curves",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DRAWN, MEETING = 400, 200
"""Snapshots whose points are drawn, and those whose interactions are averaged: 200 tell the first ten pairs' order."""

SWARMS, CURVES, PAIRS, BINS = 12, 4, 10, 8
FEWEST = 20  # snapshots in a bin below which it isn't told


@dataclass(frozen=True)
class Beeswarm:
    """One feature's points: its effect on the log odds, and its value's rank from 0 to 1 (None for a category or no value)."""

    feature: str
    strength: float
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class DependenceBin:
    """The snapshots whose value lies above `low` up to `high` (NaN: no bound), or that have none: the effect's mean and quartiles."""

    low: float
    high: float
    is_missing: bool
    rows: int
    mean: float
    early: float
    late: float


@dataclass(frozen=True)
class Dependence:
    """How one feature's effect depends on its value."""

    feature: str
    words: str
    kind: str
    bins: tuple[DependenceBin, ...]


@dataclass(frozen=True)
class InteractionPair:
    """Two features that work together, and the mean absolute effect on the log odds that neither has alone."""

    one: str
    other: str
    strength: float


@dataclass(frozen=True)
class ModelPlots:
    """All of them, the strongest first; how many snapshots the means are over, and how many are drawn."""

    rows: int
    drawn: int
    meeting: int
    swarms: tuple[Beeswarm, ...]
    dependences: tuple[Dependence, ...]
    pairs: tuple[InteractionPair, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def evenly_spaced_rows(rows: int, most: int) -> Ints:
    """Pick at most so many rows, spread evenly.

    Examples
    --------
    >>> evenly_spaced_rows(9, 3).tolist(), evenly_spaced_rows(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.unique(np.round(np.linspace(0, max(rows - 1, 0), min(rows, most)))).astype(np.int64)


def model_plot_data(
    specs: Sequence[Feature], values: pd.DataFrame, contributions: Floats, ranked: Sequence[Driver], together: Mapping[tuple[int, int], Floats]
) -> ModelPlots:  # fmt: skip
    """Make the figures.

    Parameters
    ----------
    specs, values, contributions
        The features, and each one's value and effect in each row.
    ranked : sequence of Driver
        The strongest first: each of the first few lends its strongest number to a dependence curve.
    together : mapping of (int, int) to float64 array
        Interactions of pairs of features, by their place in `specs`, in some of the rows.
    """
    strength = np.abs(contributions).mean(axis=0) if len(contributions) else np.zeros(len(specs))
    order = [n for n in np.argsort(-strength, kind="stable").tolist() if strength[n] > 0]
    at = evenly_spaced_rows(len(values), DRAWN)
    swarms = tuple(
        Beeswarm(
            specs[n].name, float(strength[n]), _points(specs[n], values[specs[n].name].iloc[at], contributions[at, n])
        )
        for n in order[:SWARMS]
    )
    curves = tuple(_dependence(specs[n], values, contributions[:, n]) for n in _leading(specs, order, ranked))
    pairs = [
        InteractionPair(specs[a].name, specs[b].name, float(np.abs(effect).mean()))
        for (a, b), effect in together.items()
    ]
    pairs.sort(key=lambda pair: (-pair.strength, pair.one, pair.other))
    meeting = len(next(iter(together.values()), ()))
    return ModelPlots(len(values), len(at), meeting, swarms, curves, tuple(pairs[:PAIRS]))


def _leading(specs: Sequence[Feature], order: Sequence[int], ranked: Sequence[Driver]) -> list[int]:
    """Pick the strongest number of each of the first drivers that have one."""
    found = []
    for driver in ranked:
        mine = (n for n in order if specs[n].group == driver.group and specs[n].kind != "category")
        found += [n for n, _ in zip(mine, range(1), strict=False)]
    return found[:CURVES]


def _points(spec: Feature, column: pd.Series[Any], effect: Floats) -> tuple[tuple[float, float | None], ...]:
    """Pair each effect with its value's rank."""
    if spec.kind == "category":
        return tuple((round(e, 4), None) for e in effect.tolist())
    rank = (column.rank() - 1) / max(int(column.notna().sum()) - 1, 1)
    shown = [None if r != r else round(r, 3) for r in rank.tolist()]
    return tuple((round(e, 4), r) for e, r in zip(effect.tolist(), shown, strict=True))


def _dependence(spec: Feature, values: pd.DataFrame, effect: Floats) -> Dependence:
    """Cut the values into bins of about as many rows, equal values in the same one."""
    x = values[spec.name].to_numpy(dtype=np.float64)
    known = np.isfinite(x)
    edges = np.unique(np.quantile(x[known], np.arange(1, BINS + 1) / BINS)) if known.any() else np.empty(0)
    place = np.searchsorted(edges, x[known], side="left")
    nan = float("nan")
    bins = [_bin(nan, nan, True, effect[~known])]
    for n in range(len(edges)):
        low, high = (edges[n - 1] if n else nan), (edges[n] if n < len(edges) - 1 or n == 0 else nan)
        bins.append(_bin(float(low), float(high), False, effect[known][place == n]))
    return Dependence(spec.name, spec.words, spec.kind, tuple(b for b in bins if b.rows >= FEWEST))


def _bin(low: float, high: float, is_missing: bool, effect: Floats) -> DependenceBin:
    if not len(effect):
        return DependenceBin(low, high, is_missing, 0, float("nan"), float("nan"), float("nan"))
    early, late = np.quantile(effect, [0.25, 0.75])
    return DependenceBin(low, high, is_missing, len(effect), float(effect.mean()), float(early), float(late))


@dataclass(frozen=True)
class TierCounts:
    """The confusion matrix at a tier's minimum score: how many snapshots at or above and below it are positive, and are not."""

    tier: str
    minimum: float
    true_positive: float
    false_positive: float
    false_negative: float
    true_negative: float


@dataclass(frozen=True)
class ThresholdCurves:
    """How well a model tells the newest fold's positives from its negatives, at every threshold and at the tiers'.

    Attributes
    ----------
    roc : tuple of (float, float)
        False positive rate and true positive rate, rising.
    precision_recall : tuple of (float, float)
        Recall and precision, recall falling.
    base_rate : float
        The precision of a list that is drawn at random.
    tiers : tuple of TierCounts
        From the best tier down; the last has no minimum and isn't among them.
    """

    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]
    base_rate: float
    tiers: tuple[TierCounts, ...]


def threshold_curves(y: Floats, p: Floats, weight: Floats, tiers: Mapping[str, float]) -> ThresholdCurves | None:
    """Return the curves and the tiers' confusion matrices; None where there aren't both classes.

    Parameters
    ----------
    tiers : mapping of str to float
        Each tier's minimum score.

    Examples
    --------
    >>> found = threshold_curves(np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.9, 0.1]), np.ones(3), {"A": 0.5})
    >>> found.roc, found.tiers
    (((0.0, 0.0), (0.5, 1.0), (1.0, 1.0)), (TierCounts(tier='A', minimum=0.5, true_positive=1.0, false_positive=1.0, false_negative=0.0, true_negative=1.0),))
    >>> threshold_curves(np.ones(3), np.ones(3), np.ones(3), {}) is None
    True
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    if len(np.unique(y)) < 2:
        return None
    fall, hit, _ = roc_curve(y, p, sample_weight=weight)
    precision, recall, _ = precision_recall_curve(y, p, sample_weight=weight, drop_intermediate=True)
    counts = [_tier_counts(tier, minimum, y, p, weight) for tier, minimum in tiers.items()]
    base = float(np.average(y, weights=weight))
    return ThresholdCurves(_thinned(fall, hit), _thinned(recall, precision), base, tuple(counts))


def _thinned(x: Floats, y: Floats) -> tuple[tuple[float, float], ...]:
    at = evenly_spaced_rows(len(x), DRAWN)
    return tuple(zip(x[at].tolist(), y[at].tolist(), strict=True))


def _tier_counts(tier: str, minimum: float, y: Floats, p: Floats, weight: Floats) -> TierCounts:
    above, positive = p >= minimum, y == 1
    cells = [float(weight[one & other].sum()) for one in (above, ~above) for other in (positive, ~positive)]
    return TierCounts(tier, float(minimum), *cells)

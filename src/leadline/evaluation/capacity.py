"""From what sales can work in a week to the cuts between tiers, and what more or less of it would bring."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import WEEK
from leadline.evaluation.worklist import build_worklist, people_found
from leadline.model.fitting.logistic import log_odds
from leadline.model.tiers import Tiers

__all__ = [
    "BAND",
    "HALVED",
    "WIDEST",
    "NightlyRows",
    "ScoredRows",
    "ThresholdResult",
    "TierStability",
    "best_per_week",
    "capacity_curve",
    "capacity_result",
    "capacity_table",
    "fit_hysteresis",
    "nightly_rows",
    "no_capacity_tiers",
    "replay_tiers",
    "thresholds_for",
    "tiers_for_capacity",
]

Floats = npt.NDArray[np.float64]

NAMES = ("A", "B", "C", "D")

STEPS = (1.0, 3.0, 7.0)  # tier A fills the week; B and C hold two and four weeks more; D is the rest

SHARES = (0.10, 0.30, 0.60)  # of the rows, where a flat file has no weeks

AROUND = 0.2  # the marginal rate is of leads from a fifth above the cut to a fifth below it, by rank


@dataclass(frozen=True)
class ScoredRows:
    """Rows that a model scored honestly, and what came of them.

    Attributes
    ----------
    p, y, weight : float64 arrays
        What was said, what came, and how many leads a row stands for.
    lead : object array
        Whose row it is.
    as_of : int64 array
        When, in microseconds.
    horizon : int
        How far ahead was asked, in microseconds: for so long a lead that was worked is left alone.
    every : int or None
        The time between two nights; None where rows have instants of their own, as with landmarks: weeks then.
    """

    p: Floats
    y: Floats
    weight: Floats
    lead: npt.NDArray[np.object_]
    as_of: npt.NDArray[np.int64]
    horizon: int = 0
    every: int | None = None

    def take(self, rows: npt.NDArray[np.bool_]) -> ScoredRows:
        """Return some of the rows."""
        return replace(
            self, p=self.p[rows], y=self.y[rows], weight=self.weight[rows], lead=self.lead[rows], as_of=self.as_of[rows]
        )  # fmt: skip

    def then(self, later: ScoredRows) -> ScoredRows:
        """Return these rows with later ones behind them."""
        one, two = self, later
        return replace(
            later, p=np.concatenate([one.p, two.p]), y=np.concatenate([one.y, two.y]),
            weight=np.concatenate([one.weight, two.weight]), lead=np.concatenate([one.lead, two.lead]),
            as_of=np.concatenate([one.as_of, two.as_of]),
        )  # fmt: skip


@dataclass(frozen=True)
class ThresholdResult:
    """What working so many leads a week, none again within the horizon, would have done in the newest fold.

    `leadline.evaluation.worklist` has the rule. A lead that becomes positive counts once, however often it was on a list.

    Attributes
    ----------
    leads_per_week : float
        How many leads were worked a week: fewer than there was room for where too few were left.
    probability : float
        The threshold at or above which so many distinct leads stand in a week, on average.
    precision, recall : float
        The share of those worked that became positive; the share of all leads that became positive that they are.
    expected : float
        Positive leads found a week.
    marginal : float
        The share that became positive of the leads around the threshold in a week, a fifth above to a fifth below it by rank:
        what the last lead taken was worth.
    night, night_spread : float
        The mean and the standard deviation of how many leads stand at or above the cut on a night, where the cut holds.
    """

    leads_per_week: float
    probability: float
    precision: float
    recall: float
    expected: float
    marginal: float = float("nan")
    night: float = float("nan")
    night_spread: float = float("nan")


def best_per_week(asked: ScoredRows) -> tuple[Floats, Floats, Floats, float]:
    """Keep each lead's best snapshot in each week; return its score, label and weight, and the number of weeks."""
    p, y, weight, as_of = asked.p, asked.y, asked.weight, asked.as_of
    week = (as_of - as_of.min()) // WEEK
    _, who = np.unique(asked.lead.astype(str), return_inverse=True)
    order = np.lexsort((-p, who, week))
    first = np.ones(len(p), dtype=bool)
    first[1:] = (who[order][1:] != who[order][:-1]) | (week[order][1:] != week[order][:-1])
    rows = order[first]
    return p[rows], y[rows], weight[rows], float(len(np.unique(week)))


def thresholds_for(p: Floats, weight: Floats, weeks: float, per_week: Sequence[float]) -> list[float]:
    """Return, for each number of leads a week, the score that so many stand at or above.

    Examples
    --------
    >>> thresholds_for(np.array([0.9, 0.8, 0.2, 0.1]), np.ones(4), weeks=2.0, per_week=[1.0])
    [0.8]
    """
    order = np.argsort(-p, kind="stable")
    mass = np.cumsum(weight[order])
    return [float(p[order][min(int(np.searchsorted(mass, k * weeks - 1e-9)), len(p) - 1)]) for k in per_week]


def tiers_for_capacity(asked: ScoredRows, per_week: float | None, mode: str = "threshold") -> Tiers:
    """Lay the tiers so that tier A holds what sales can work in a week (for a flat file: the best tenth).

    Parameters
    ----------
    mode : str
        What a night holds: the trained cut (``threshold``), or how many leads stand above it (``top_n``).

    Examples
    --------
    >>> p, day = np.array([0.9, 0.5, 0.3, 0.1] * 5), np.zeros(20, dtype=np.int64)
    >>> rows = ScoredRows(p, 1.0 * (p > 0.4), np.ones(20), np.arange(20).astype(object), day)
    >>> tiers_for_capacity(rows, 5.0).cuts[0], tiers_for_capacity(rows, 5.0, "top_n").volume
    (0.9, (5.0, 15.0, 35.0))
    """
    if not len(asked.p):
        return Tiers()
    if per_week is None:
        cuts, holds = thresholds_for(asked.p, asked.weight, float(asked.weight.sum()), SHARES), [0.0] * len(SHARES)
    else:
        best, _, mass, weeks = best_per_week(asked)
        wanted = [per_week * step for step in STEPS]
        cuts, holds = thresholds_for(best, mass, weeks, wanted), _volumes(asked, wanted)
    falling = [n for n, c in enumerate(cuts) if n == 0 or c < cuts[n - 1]]
    volume = tuple(holds[n] for n in falling) if mode == "top_n" and per_week is not None else ()
    return Tiers(NAMES[: len(falling) + 1], tuple(cuts[n] for n in falling), volume)


def _volumes(asked: ScoredRows, per_week: Sequence[float]) -> list[float]:
    """Return how many leads a night may hold so that so many different ones stand there in a week.

    With one night a week the two are the same. With more, leads come and go between them, so that fewer fit a night.
    """
    if asked.every is None or asked.every >= WEEK:
        return [max(float(k), 1.0) for k in per_week]
    order = np.lexsort((-asked.p, asked.as_of))
    night = np.cumsum(np.append(0, np.diff(asked.as_of[order]) != 0))
    mass = np.cumsum(asked.weight[order])
    rank = np.empty(len(order))
    rank[order] = mass - np.append(0.0, mass)[np.searchsorted(night, night)]
    best, _, weight, weeks = best_per_week(replace(asked, p=-rank))
    return [
        max(min(-cut, k), 1.0) for cut, k in zip(thresholds_for(best, weight, weeks, per_week), per_week, strict=True)
    ]


def no_capacity_tiers() -> Tiers:
    """Return the tiers of leads that nobody has time for: all are in the last.

    Examples
    --------
    >>> no_capacity_tiers().of(np.array([0.99])).tolist()
    ['D']
    """
    return Tiers((NAMES[0], NAMES[-1]), (1.0,))


def capacity_table(asked: ScoredRows, per_week: float, past: ScoredRows | None = None) -> list[ThresholdResult]:
    """Say what half to double the capacity would have brought, week by week, in the newest fold.

    Parameters
    ----------
    past : ScoredRows, optional
        Rows of the folds before, worked at the capacity of today: who was worked there rests at first, and isn't counted.
    """
    return _cuts(asked, [per_week * step for step in (0.5, 0.75, 1.0, 1.5, 2.0)], per_week, past)


def capacity_result(asked: ScoredRows, per_week: float, past: ScoredRows | None = None) -> ThresholdResult:
    """Say what one capacity would have brought."""
    return _cuts(asked, [per_week], per_week, past)[0]


def capacity_curve(asked: ScoredRows, per_week: float, past: ScoredRows | None = None) -> list[ThresholdResult]:
    """Say the same in finer steps, from a tenth of the capacity to three times it; `capacity_table`'s rows are among these.

    Examples
    --------
    >>> rows = ScoredRows(np.linspace(1, 0, 100), np.ones(100), np.ones(100), np.arange(100), np.zeros(100, dtype=np.int64))
    >>> fine = capacity_curve(rows, per_week=20)
    >>> [c.leads_per_week for c in fine[:3]], all(c in fine for c in capacity_table(rows, per_week=20))
    ([2.0, 3.0, 4.0], True)
    """
    cuts = _cuts(asked, [per_week * (n / 20) for n in range(2, 61)], per_week, past)
    return [c for n, c in enumerate(cuts) if n == 0 or c.probability < cuts[n - 1].probability]


def _cuts(asked: ScoredRows, per_week: Sequence[float], today: float, past: ScoredRows | None) -> list[ThresholdResult]:
    best, hit, mass, weeks = best_per_week(asked)
    order = np.argsort(-best, kind="stable")
    best, hit, mass = best[order], hit[order], mass[order]
    total = np.cumsum(mass)
    nights = _leads_per_run(asked)
    every = asked if past is None else past.then(asked)
    listing = build_worklist(every.as_of, every.lead, every.weight, every.horizon, every.every)
    counts = np.arange(len(every.p)) >= len(every.p) - len(asked.p)
    own = listing.at >= listing.at[listing.night[counts]].min()
    there = float(len(np.unique(listing.lead[counts & (every.y > 0)])))
    rows = []
    for cut, k in zip(thresholds_for(best, mass, weeks, per_week), per_week, strict=True):
        took = float(total[int(np.searchsorted(-best, -cut, side="right")) - 1])
        worked, found = people_found(listing, every.p, np.where(own, k, today) * weeks / len(nights), every.y, counts)
        positive = float(found.sum())
        around = (total > took * (1 - AROUND)) & (total <= took * (1 + AROUND))
        volume = [float(weight[p >= cut].sum()) for p, weight in nights]
        rows.append(ThresholdResult(
            float(worked) / weeks, cut, positive / float(worked) if worked else float("nan"),
            positive / there if there else float("nan"), positive / weeks,
            float(np.average(hit[around], weights=mass[around])) if around.any() else float("nan"),
            float(np.mean(volume)), float(np.std(volume)),
        ))  # fmt: skip
    return rows


def _leads_per_run(asked: ScoredRows) -> list[tuple[Floats, Floats]]:
    """Return the scores and weights of each night's leads, each lead at its best."""
    listing = build_worklist(asked.as_of, asked.lead, asked.weight, asked.horizon, asked.every)
    result = []
    for rows in listing.nights:
        best = rows[np.lexsort((-asked.p[rows], listing.lead[rows]))]
        first = np.append(True, np.diff(listing.lead[best]) != 0)
        result.append((asked.p[best[first]], asked.weight[best[first]]))
    return result


# Steady nights: how many leads a tier holds from night to night, and how wide a band keeps leads on the line from flipping.
#
# All of it is replayed on the folds' nights, whose scores are honest: each fold's nights in their order, each night's tiers
# laid with those of the night before.


Ints = npt.NDArray[np.int64]

HALVED = 0.5

"""The share of the flips on the line that the band does away with: wider bands tell real changes late, and cost precision."""

WIDEST = math.log(2.0)

"""The widest band, in log odds: beyond it a lead would keep its tier though its odds have halved."""

BAND = 0.2

"""The band where no fold has two nights to learn it from."""

STEP = 0.05  # log odds between the bands tried

NEAR = math.log(1.25)  # a lead is on the line where its odds are within a quarter of the cut's


@dataclass(frozen=True)
class NightlyRows:
    """Rows that open leads had on past nights, each lead once a night.

    Attributes
    ----------
    p, y, weight : float64 arrays
        What was said, what came, and how many leads a row stands for.
    lead : int64 array
        Whose row it is, as a number from 0.
    value : object array or None
        Its value of the field that capacity is told by.
    runs : tuple of tuple of int64 arrays
        For each fold, the rows of its nights, the oldest first.
    """

    p: Floats
    y: Floats
    weight: Floats
    lead: Ints
    value: npt.NDArray[np.object_] | None
    runs: tuple[tuple[Ints, ...], ...]


@dataclass(frozen=True)
class TierStability:
    """How tier A did over successive nights.

    Attributes
    ----------
    mean, spread, low, high : float
        Of the leads in it on a night: mean, standard deviation, least, most.
    precision : float
        The share of them that became positive.
    flips : float
        Leads that came into it or fell out of it, a night.
    near : float
        Of each hundred leads that stood on the line both nights, with odds within a quarter of the cut's, how many flipped.
    """

    mean: float
    spread: float
    low: float
    high: float
    precision: float
    flips: float
    near: float


def nightly_rows(asked: ScoredRows, fold: Ints, value: npt.NDArray[np.object_] | None = None) -> NightlyRows:
    """Lay out the nights of folds' rows, each lead at its best.

    Parameters
    ----------
    fold : int64 array
        The fold of each row; a row may stand in several.
    """
    runs, who = [], np.unique(asked.lead.astype(str), return_inverse=True)[1]
    for number in np.unique(fold):
        mine = np.flatnonzero(fold == number)
        listing = build_worklist(asked.as_of[mine], asked.lead[mine], asked.weight[mine], asked.horizon, asked.every)
        run = []
        for rows in listing.nights:
            best = mine[rows][np.lexsort((-asked.p[mine[rows]], who[mine[rows]]))]
            run.append(best[np.append(True, np.diff(who[best]) != 0)])
        runs.append(tuple(run))
    return NightlyRows(asked.p, asked.y, asked.weight, who.astype(np.int64), value, tuple(runs))


def replay_tiers(pairs: Sequence[tuple[Tiers, NightlyRows]]) -> TierStability:
    """Lay the tiers of every night as they would have been laid, and tell how tier A did."""
    sizes, found, flips, turned, near, successive = [], 0.0, 0.0, 0.0, 0.0, 0
    for tiers, nights in pairs:
        for night in _assign_nights(tiers, nights):
            mass = nights.weight[night.rows]
            sizes.append(float(mass[night.best].sum()))
            found += float((mass * nights.y[night.rows])[night.best].sum())
            if night.last is not None:
                flipped = (night.last >= 0) & (night.best != (night.last % 2 == 1))
                stayed = night.on_line & (night.last >= 2)
                flips += float(mass[flipped].sum())
                turned += float(mass[flipped & stayed].sum())
                near += float(mass[stayed].sum())
                successive += 1
    volume = np.array(sizes) if sizes else np.zeros(1)
    return TierStability(
        float(volume.mean()), float(volume.std()), float(volume.min()), float(volume.max()),
        found / volume.sum() if volume.sum() else float("nan"),
        flips / successive if successive else float("nan"), 100 * turned / near if near else float("nan"),
    )  # fmt: skip


def fit_hysteresis(tiers: Tiers, nights: NightlyRows) -> Tiers:
    """Give tiers the least band that spares `HALVED` of the flips, but none wider than `WIDEST`.

    Where the volume isn't held, the cuts rise for leads from outside, so that tier A is as large on the mean as without.
    """
    plain = replay_tiers([(tiers, nights)])
    if not plain.near > 0:
        return tiers.banded(BAND, 0.0 if tiers.volume else BAND / 2)
    low, high = 0, int(WIDEST / STEP)
    while high - low > 1:
        middle = (low + high) // 2
        made = _raised(tiers, middle * STEP, nights, plain.mean)
        low, high = (low, middle) if replay_tiers([(made, nights)]).near <= HALVED * plain.near else (middle, high)
    return _raised(tiers, round(high * STEP, 2), nights, plain.mean)


def _raised(tiers: Tiers, band: float, nights: NightlyRows, mean: float) -> Tiers:
    """Give tiers a band, and raise the cuts until tier A is no larger on the mean than asked."""
    if tiers.volume:
        return tiers.banded(band)
    low, high = 0.0, band
    for _ in range(5):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if replay_tiers([(tiers.banded(band, middle), nights)]).mean > mean else (low, middle)
        )
    return tiers.banded(band, round(high, 4))


@dataclass(frozen=True)
class _Night:
    """A night's rows, who is in tier A and who on the line, and where each stood last night.

    `last` is −1 for who wasn't there, else 1 for tier A plus 2 for on the line; None on a first night.
    """

    rows: Ints
    best: npt.NDArray[np.bool_]
    on_line: npt.NDArray[np.bool_]
    last: Ints | None


def _assign_nights(tiers: Tiers, nights: NightlyRows) -> Iterator[_Night]:
    every = sorted({*tiers.names, *(name for own in tiers.own.values() for name in own.names)})
    names, leads = np.array(["", *every], dtype=object), int(nights.lead.max()) + 1 if len(nights.lead) else 0
    for run in nights.runs:
        last: tuple[Ints, Ints] | None = None
        for rows in run:
            who, p, weight = nights.lead[rows], nights.p[rows], nights.weight[rows]
            value = None if nights.value is None else nights.value[rows]
            tier = tiers.tonight(p, None if last is None else names[last[0][who] + 1], value, weight)
            best = tier == every[0]
            on_line = np.abs(np.subtract(log_odds(p), log_odds(tiers.line(p, value, weight)))) <= NEAR
            yield _Night(rows, best, on_line, None if last is None else last[1][who])
            last = np.full(leads, -1, dtype=np.int64), np.full(leads, -1, dtype=np.int64)
            last[0][who] = np.searchsorted(np.array(every), tier)
            last[1][who] = best + 2 * on_line

"""Steady nights: how many leads a tier holds from night to night, and how wide a band keeps leads on the line from flipping.

All of it is replayed on the folds' nights, whose scores are honest: each fold's nights in their order, each night's tiers
laid with those of the night before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.judge.capacity import Asked
from leadline.judge.picking import listing_of
from leadline.model.baselines import log_odds
from leadline.model.tiers import Tiers

__all__ = ["BAND", "HALVED", "WIDEST", "Nights", "Replay", "lay_band", "nights_of", "replay"]

Floats = npt.NDArray[np.float64]
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
class Nights:
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
class Replay:
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


def nights_of(asked: Asked, fold: Ints, value: npt.NDArray[np.object_] | None = None) -> Nights:
    """Lay out the nights of folds' rows, each lead at its best.

    Parameters
    ----------
    fold : int64 array
        The fold of each row; a row may stand in several.
    """
    runs, who = [], np.unique(asked.lead.astype(str), return_inverse=True)[1]
    for number in np.unique(fold):
        mine = np.flatnonzero(fold == number)
        listing = listing_of(asked.as_of[mine], asked.lead[mine], asked.weight[mine], asked.horizon, asked.every)
        run = []
        for rows in listing.nights:
            best = mine[rows][np.lexsort((-asked.p[mine[rows]], who[mine[rows]]))]
            run.append(best[np.append(True, np.diff(who[best]) != 0)])
        runs.append(tuple(run))
    return Nights(asked.p, asked.y, asked.weight, who.astype(np.int64), value, tuple(runs))


def replay(pairs: Sequence[tuple[Tiers, Nights]]) -> Replay:
    """Lay the tiers of every night as they would have been laid, and tell how tier A did."""
    sizes, found, flips, turned, near, successive = [], 0.0, 0.0, 0.0, 0.0, 0
    for tiers, nights in pairs:
        for night in _laid(tiers, nights):
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
    return Replay(
        float(volume.mean()), float(volume.std()), float(volume.min()), float(volume.max()),
        found / volume.sum() if volume.sum() else float("nan"),
        flips / successive if successive else float("nan"), 100 * turned / near if near else float("nan"),
    )  # fmt: skip


def lay_band(tiers: Tiers, nights: Nights) -> Tiers:
    """Give tiers the least band that spares `HALVED` of the flips, but none wider than `WIDEST`.

    Where the volume isn't held, the cuts rise for leads from outside, so that tier A is as large on the mean as without.
    """
    plain = replay([(tiers, nights)])
    if not plain.near > 0:
        return tiers.banded(BAND, 0.0 if tiers.volume else BAND / 2)
    low, high = 0, int(WIDEST / STEP)
    while high - low > 1:
        middle = (low + high) // 2
        made = _raised(tiers, middle * STEP, nights, plain.mean)
        low, high = (low, middle) if replay([(made, nights)]).near <= HALVED * plain.near else (middle, high)
    return _raised(tiers, round(high * STEP, 2), nights, plain.mean)


def _raised(tiers: Tiers, band: float, nights: Nights, mean: float) -> Tiers:
    """Give tiers a band, and raise the cuts until tier A is no larger on the mean than asked."""
    if tiers.volume:
        return tiers.banded(band)
    low, high = 0.0, band
    for _ in range(5):
        middle = (low + high) / 2
        low, high = (middle, high) if replay([(tiers.banded(band, middle), nights)]).mean > mean else (low, middle)
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


def _laid(tiers: Tiers, nights: Nights) -> Iterator[_Night]:
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

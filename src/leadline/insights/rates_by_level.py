"""Conversion of snapshots parted by one thing, such as the intent stage: each level's share, with an interval by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.core.privacy import MIN_GROUP_SIZE, OTHER
from leadline.dataset.lead_journeys import LastActivity
from leadline.insights.behaviours import LabeledSnapshots
from leadline.metrics.intervals import clopper_pearson_interval, design_effect, effective_sample_size
from leadline.metrics.lift import count_distinct, count_leads, group_codes, lift_interval, too_few

__all__ = [
    "MOST_SOURCES",
    "OTHER",
    "BehaviourTiming",
    "LevelLift",
    "LevelRate",
    "LiftBySource",
    "behaviour_timings",
    "conversion_by_level",
    "lift_by_source",
    "pool_rare_levels",
]

Floats = npt.NDArray[np.float64]

OWN = 20  # positive leads from which a level tells by itself how an account's rows hang together


@dataclass(frozen=True)
class LevelRate:
    """One level; its figures are NaN where it has fewer than `MIN_GROUP_SIZE` leads, or no row.

    Attributes
    ----------
    level : str
        Its name.
    snapshots, leads, positive_leads : int
        Its size; snapshots as the rows stand for, rounded.
    rate, low, high : float
        Conversion, with its exact 95% interval at the effective number of rows.
    too_few : bool
        Whether too few leads are in it to say anything.
    """

    level: str
    snapshots: int
    leads: int
    positive_leads: int
    rate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    too_few: bool = True


def conversion_by_level(
    asked: LabeledSnapshots, level: npt.NDArray[np.object_], order: Sequence[str]
) -> tuple[LevelRate, ...]:
    """Return the conversion of each level, in the order given; levels not named there are left out.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(100)], dtype=object)
    >>> rows = LabeledSnapshots((np.arange(100) % 4 == 0) * 1.0, np.ones(100), lead, lead)
    >>> [(p.level, p.leads, p.rate) for p in conversion_by_level(rows, np.repeat(["a", "b"], 50).astype(object), ["b"])]
    [('b', 50, 0.24)]
    """
    group, lead = group_codes(asked.group), group_codes(asked.lead)
    effect = _effect(asked.y, asked.weight, group)
    return tuple(_part(asked, name, level == name, lead, group, effect) for name in order)


def pool_rare_levels(
    level: npt.NDArray[np.object_], lead: npt.NDArray[np.object_], most: int
) -> npt.NDArray[np.object_]:
    """Return levels in which what fewer than 20 leads share, or isn't among the commonest, is `OTHER`; None stays None.

    Examples
    --------
    >>> level = np.array(["web"] * 20 + ["Jane Doe", None], dtype=object)
    >>> pool_rare_levels(level, np.arange(22).astype(str).astype(object), 5)[19:].tolist()
    ['web', '(other)', None]
    """
    import pandas as pd

    code, names = pd.factorize(level)
    told = pd.DataFrame({"code": code, "lead": lead}).drop_duplicates()
    size = np.bincount(told["code"][told["code"] >= 0], minlength=len(names))
    keep = set(sorted(np.flatnonzero(size >= MIN_GROUP_SIZE).tolist(), key=lambda n: (-size[n], str(names[n])))[:most])
    shown = np.array([*(n if i in keep else OTHER for i, n in enumerate(names)), None], dtype=object)
    return np.asarray(shown[code], dtype=object)


def _part(
    asked: LabeledSnapshots, name: str, mine: npt.NDArray[np.bool_], lead: npt.NDArray[np.int64], group: npt.NDArray[np.int64], effect: float
) -> LevelRate:  # fmt: skip
    y, w = asked.y[mine], asked.weight[mine]
    leads, positive = len(np.unique(lead[mine])), len(np.unique(lead[mine][y == 1]))
    bare = LevelRate(name, round(float(w.sum())), leads, positive)
    if leads < MIN_GROUP_SIZE:
        return bare
    if positive >= OWN:
        effect = _effect(y, w, group[mine])
    rate = float(np.average(y, weights=w))
    low, high = clopper_pearson_interval(rate, effective_sample_size(np.full(len(y), rate), w, effect))
    return LevelRate(name, bare.snapshots, leads, positive, rate, low, high, False)


def _effect(y: Floats, w: Floats, group: npt.NDArray[np.int64]) -> float:
    """Return the design effect of the mean; 1 for no rows."""
    if not len(y):
        return 1.0
    _, code = np.unique(group, return_inverse=True)
    return design_effect(w * (y - np.average(y, weights=w)), code.astype(np.int64))


# Behaviours broken down: how long before its outcome a lead last did each, and each one's lift by source.


Texts = npt.NDArray[np.object_]

MOST_SOURCES = 8

"""Sources that are told one by one; the rest are one."""


@dataclass(frozen=True)
class BehaviourTiming:
    """How many days lay between a behaviour's last act and the outcome, of the leads that reached it.

    Attributes
    ----------
    behaviour : str
        Which.
    leads : int
        How many reached the outcome after it.
    early, median, late : float
        Days: a quarter of them took less than `early`, half less than `median`, three quarters less than `late`. NaN for fewer than
        `MIN_GROUP_SIZE`.
    """

    behaviour: str
    leads: int
    early: float = float("nan")
    median: float = float("nan")
    late: float = float("nan")


def behaviour_timings(lasts: LastActivity | None, behaviours: Sequence[str]) -> tuple[BehaviourTiming, ...]:
    """Return the timing of each behaviour, in their order.

    Examples
    --------
    >>> told = LastActivity(np.array(["call"] * 21, dtype=object), np.arange(21.0))
    >>> behaviour_timings(told, ["call", "blog"])
    (BehaviourTiming(behaviour='call', leads=21, early=5.0, median=10.0, late=15.0), BehaviourTiming(behaviour='blog', leads=0, early=nan, median=nan, late=nan))
    """
    if lasts is None:
        return ()
    found = []
    for name in behaviours:
        days = lasts.days[lasts.behaviour == name]
        quartiles = np.quantile(days, [0.25, 0.5, 0.75]).tolist() if len(days) >= MIN_GROUP_SIZE else []
        found.append(BehaviourTiming(name, len(days), *quartiles))
    return tuple(found)


@dataclass(frozen=True)
class LevelLift:
    """One behaviour's lift among the leads of one source; NaN where there are too few to say."""

    lift: float
    low: float
    high: float
    too_few: bool


@dataclass(frozen=True)
class LiftBySource:
    """Each behaviour's lift in each source.

    Attributes
    ----------
    attribute : str
        What tells the source.
    sources : tuple of str
        The commonest, by the number of leads; `OTHER` is what few leads share.
    leads : tuple of int
        How many leads each has.
    lifts : tuple of (behaviour, lifts)
        One lift for each source, in their order.
    """

    attribute: str
    sources: tuple[str, ...]
    leads: tuple[int, ...]
    lifts: tuple[tuple[str, tuple[LevelLift, ...]], ...]


def lift_by_source(
    attribute: str, source: Texts, did: Sequence[tuple[str, npt.NDArray[np.bool_]]], y: Floats, weight: Floats, lead: Texts, account: Texts
) -> LiftBySource | None:  # fmt: skip
    """Return the lift of each behaviour among the snapshots of each source; None where fewer than two sources are shared.

    Parameters
    ----------
    source : object array
        Of each snapshot; None where it isn't given.
    did : sequence of (behaviour, flags)
        Which snapshots have it.
    lead, account : object arrays
        Whose the snapshots are, and what an interval takes as one draw.
    """
    import pandas as pd

    level = pool_rare_levels(source, lead, MOST_SOURCES)
    code, names = pd.factorize(level)
    who, firm = group_codes(lead), group_codes(account)
    size = [count_distinct(who[code == n]) for n in range(len(names))]
    order = sorted(range(len(names)), key=lambda n: (names[n] == OTHER, -size[n], str(names[n])))
    if len(order) < 2:
        return None
    rows = {n: np.flatnonzero(code == n) for n in order}

    def one(flags: npt.NDArray[np.bool_], at: npt.NDArray[np.int64]) -> LevelLift:
        mine = flags[at]
        if too_few(count_leads(who[at], y[at], mine, ~mine)):
            return LevelLift(float("nan"), float("nan"), float("nan"), True)
        return LevelLift(*lift_interval(mine, y[at], weight[at], firm[at]), False)

    lifts = tuple((name, tuple(one(flags, rows[n]) for n in order)) for name, flags in did)
    return LiftBySource(attribute, tuple(str(names[n]) for n in order), tuple(size[n] for n in order), lifts)

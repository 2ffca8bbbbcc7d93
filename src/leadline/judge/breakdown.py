"""Behaviours broken down: how long before its outcome a lead last did each, and each one's lift by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.history.lasts import Lasts
from leadline.judge.lifts import codes, counted, distinct, lift, too_few
from leadline.judge.parted import OTHER, pooled
from leadline.privacy import MIN_GROUP_SIZE

__all__ = ["MOST_SOURCES", "BySource", "Lift", "Timing", "by_source", "timings"]

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

MOST_SOURCES = 8
"""Sources that are told one by one; the rest are one."""


@dataclass(frozen=True)
class Timing:
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


def timings(lasts: Lasts | None, behaviours: Sequence[str]) -> tuple[Timing, ...]:
    """Return the timing of each behaviour, in their order.

    Examples
    --------
    >>> told = Lasts(np.array(["call"] * 21, dtype=object), np.arange(21.0))
    >>> timings(told, ["call", "blog"])
    (Timing(behaviour='call', leads=21, early=5.0, median=10.0, late=15.0), Timing(behaviour='blog', leads=0, early=nan, median=nan, late=nan))
    """
    if lasts is None:
        return ()
    found = []
    for name in behaviours:
        days = lasts.days[lasts.behaviour == name]
        quartiles = np.quantile(days, [0.25, 0.5, 0.75]).tolist() if len(days) >= MIN_GROUP_SIZE else []
        found.append(Timing(name, len(days), *quartiles))
    return tuple(found)


@dataclass(frozen=True)
class Lift:
    """One behaviour's lift among the leads of one source; NaN where there are too few to say."""

    lift: float
    low: float
    high: float
    too_few: bool


@dataclass(frozen=True)
class BySource:
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
    lifts: tuple[tuple[str, tuple[Lift, ...]], ...]


def by_source(
    attribute: str, source: Texts, did: Sequence[tuple[str, npt.NDArray[np.bool_]]], y: Floats, weight: Floats, lead: Texts, account: Texts
) -> BySource | None:  # fmt: skip
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

    level = pooled(source, lead, MOST_SOURCES)
    code, names = pd.factorize(level)
    who, firm = codes(lead), codes(account)
    size = [distinct(who[code == n]) for n in range(len(names))]
    order = sorted(range(len(names)), key=lambda n: (names[n] == OTHER, -size[n], str(names[n])))
    if len(order) < 2:
        return None
    rows = {n: np.flatnonzero(code == n) for n in order}

    def one(flags: npt.NDArray[np.bool_], at: npt.NDArray[np.int64]) -> Lift:
        mine = flags[at]
        if too_few(counted(who[at], y[at], mine, ~mine)):
            return Lift(float("nan"), float("nan"), float("nan"), True)
        return Lift(*lift(mine, y[at], weight[at], firm[at]), False)

    lifts = tuple((name, tuple(one(flags, rows[n]) for n in order)) for name, flags in did)
    return BySource(attribute, tuple(str(names[n]) for n in order), tuple(size[n] for n in order), lifts)

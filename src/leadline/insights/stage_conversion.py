"""From rung to rung: who went on in time, how sure that share is, and how long it took; ripe leads alone are counted.

Everybody gets the same time for a step: a lead counts as gone on where it reached the upper rung within `within` of the
lower, and is counted at all only once that time, and the outcome's delay, are over (law 4). So an old cohort and a new
one are compared alike, and no rate grows by waiting. A rung that was skipped counts as reached, but tells no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.point_in_time import DAY
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.metrics.intervals import clopper_pearson_interval, design_effect

__all__ = [
    "FunnelSettings",
    "StageConversion",
    "StageTransition",
    "account_codes",
    "conversion_interval",
    "count_conversion",
    "observed_quantiles",
    "observed_stages",
    "stage_transitions",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


QUARTILES = (0.25, 0.5, 0.75)
SQL, WON = LADDER.index("sql"), LADDER.index("won")


@dataclass(frozen=True)
class FunnelSettings:
    """What is asked: how long a lead has for a step and for a win, in microseconds, and what delays and bounds what is known.

    Attributes
    ----------
    within, won_within, delay : int
        The time for a step, for a way to won of several rungs, and until outcomes are recorded.
    since : int or None
        Outcomes weren't recorded before.
    sla : int or None
        How soon sales promised to touch an MQL.
    zone : str
        The zone in which dates of the tables are meant.
    seed : int
        The config's seed; accounts are drawn for the intervals of revenue.
    """

    within: int
    won_within: int
    delay: int = 0
    since: int | None = None
    sla: int | None = None
    zone: str = "UTC"
    seed: int = 0


@dataclass(frozen=True)
class StageConversion:
    """One step of some leads, from one rung to another.

    Attributes
    ----------
    start, end : str
        The rungs.
    entered, reached : int
        Ripe leads that stood at the lower, and those of them that reached the upper in time.
    rate, low, high : float
        Their share with its 95% interval; NaN without leads.
    ended : int
        Those that were lost or rejected in that time and didn't reach the upper.
    censored : int
        Leads at the lower whose time isn't over; they aren't counted.
    days : tuple of float
        Quartiles of the days it took, of those that stood at both.
    timed : int
        How many these are; the others skipped the lower rung.
    """

    start: str
    end: str
    entered: int
    reached: int
    rate: float
    low: float
    high: float
    ended: int
    censored: int
    days: tuple[float, ...]
    timed: int


@dataclass(frozen=True)
class StageTransition:
    """One step of everybody: who is counted, who went, who ended, who waits, and the days of those that stood at both.

    `so_far` are those who went of all that stood at the lower rung, also of those who wait: what is known of a cohort that
    is too recent to count.
    """

    pair: tuple[int, int]
    span: int
    at: Floats
    counted: Flags
    went: Flags
    ended: Flags
    waits: Flags
    so_far: Flags
    days: Floats


def observed_stages(climbs: LeadJourneys) -> list[int]:
    """List the rungs that the tables tell of; the lowest is always there.

    A rung of which no row speaks would only repeat the one above it.
    """
    return [0, *(n for n in range(1, len(LADDER)) if np.isfinite(climbs.told[:, n]).any())]


def stage_pairs(rungs: Sequence[int]) -> list[tuple[int, int]]:
    """List the steps between rungs: each to the next, then lead to SQL, and MQL and lead to won.

    Examples
    --------
    >>> stage_pairs([0, 1, 2, 4]), stage_pairs([0, 2])
    ([(0, 1), (1, 2), (2, 4), (0, 2), (1, 4), (0, 4)], [(0, 2)])
    """
    found = list(pairwise(rungs))
    more = [(0, SQL), (1, WON), (0, WON)]
    return found + [p for p in more if p not in found and set(p) <= set(rungs)]


def stage_transitions(climbs: LeadJourneys, terms: FunnelSettings) -> list[StageTransition]:
    """Work out every step of everybody."""
    return [_passage(climbs, terms, pair) for pair in stage_pairs(observed_stages(climbs))]


def _passage(climbs: LeadJourneys, terms: FunnelSettings, pair: tuple[int, int]) -> StageTransition:
    start, end = climbs.reached[:, pair[0]], climbs.reached[:, pair[1]]
    span = terms.won_within if pair[1] == WON and pair[0] < SQL else terms.within
    seen = np.isfinite(start) & (start >= (-np.inf if terms.since is None else terms.since))
    over = start + span + terms.delay <= climbs.until
    counted, limit = seen & over, start + span
    went = counted & (end < limit)
    over_by = [(end_at >= start) & (end_at < limit) for end_at in (climbs.lost, climbs.rejected)]
    ended = counted & ~went & (over_by[0] | over_by[1])
    both = went & (True if pair[0] == 0 else climbs.told[:, pair[0]] == start)
    # A lead may be at a rung before its record was made: it took no time.
    days = np.where(both, np.maximum(end - start, 0.0) / DAY, np.nan)
    return StageTransition(pair, span, start, counted, went, ended, seen & ~over, seen & (end < limit), days)


def count_conversion(passage: StageTransition, mine: Ints, group: Ints) -> StageConversion:
    """Count a step of some leads, given by their places; `group` numbers everybody's account."""
    counted, went = passage.counted[mine], passage.went[mine]
    entered, reached = int(counted.sum()), int(went.sum())
    low, high = conversion_interval(went[counted], group[mine][counted])
    days = passage.days[mine]
    days = days[np.isfinite(days)]
    return StageConversion(
        LADDER[passage.pair[0]], LADDER[passage.pair[1]], entered, reached, reached / entered if entered else float("nan"), low, high,
        int(passage.ended[mine].sum()), int(passage.waits[mine].sum()), observed_quantiles(days), len(days),
    )  # fmt: skip


def conversion_interval(went: Flags, group: Ints) -> tuple[float, float]:
    """Return the exact 95% interval of a share, at the number of independent leads that the accounts' leads amount to.

    Examples
    --------
    >>> conversion_interval(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)), conversion_interval(np.array([True]), np.array([3]))[1]
    ((nan, nan), 1.0)
    """
    if not len(went):
        return float("nan"), float("nan")
    share = float(went.mean())
    _, dense = np.unique(group, return_inverse=True)
    return clopper_pearson_interval(share, len(went) / design_effect(went.astype(np.float64) - share, dense))


def observed_quantiles(values: Floats, at: Sequence[float] = QUARTILES) -> tuple[float, ...]:
    """Return quantiles as spreadsheets do, between two values by a line; infinite is never, NaN without any.

    Examples
    --------
    >>> observed_quantiles(np.array([3.0, 1.0, 2.0, 8.0])), observed_quantiles(np.array([1.0, np.inf]), [0.0, 0.5])
    ((1.75, 2.5, 4.25), (1.0, inf))
    >>> observed_quantiles(np.array([]))
    (nan, nan, nan)
    """
    if not len(values):
        return tuple(float("nan") for _ in at)
    ordered, found = np.sort(values), []
    for place in (q * (len(ordered) - 1) for q in at):
        low, high = ordered[int(place)], ordered[int(np.ceil(place))]
        found.append(float(low if place == int(place) or low == high else low + (high - low) * (place - int(place))))
    return tuple(found)


def account_codes(climbs: LeadJourneys) -> Ints:
    """Number the accounts; a lead without one is by itself."""
    names = [f"a{a}" if a is not None else f"l{n}" for n, a in enumerate(climbs.account)]
    return np.asarray(np.unique(np.array(names, dtype=str), return_inverse=True)[1], dtype=np.int64)

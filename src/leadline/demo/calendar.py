"""The demo world's clock: 78 fixed weeks, their seasons, and how instants fall within a week.

Nothing here reads a wall clock. Instants are whole microseconds since 1970, UTC; weeks start on Monday at 00:00.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY

WEEKS = 78
"""Weeks from the start of the world to its end."""

START = datetime(2024, 1, 1, tzinfo=UTC)
START_US = int(START.timestamp()) * SECOND
END_US = START_US + WEEKS * WEEK
END = datetime.fromtimestamp(END_US // SECOND, tz=UTC)

WHOLE_WEEKS, REST_DAYS = 4, 2
"""The horizon of the demo's question, 30 days, in whole weeks and days over."""

FORESEEN = WEEKS + 1 + WHOLE_WEEKS
"""Weeks that need a season: the truth at the last Monday looks past the end of the world."""

SHIFT_WEEK, SHIFT = 58, -0.35
"""From this week on a budget freeze lowers the log-odds of SQL by this much."""

DAY_WEIGHTS = np.array([0.20, 0.20, 0.19, 0.19, 0.17, 0.025, 0.025])
"""Share of a week's acts on Monday, Tuesday, ... Sunday."""


def _days_of_year() -> tuple[Ints, Ints]:
    """Day of the year and days left in the quarter, at the middle of each foreseen week."""
    middles = np.datetime64(START_US + WEEK // 2, "us") + np.arange(FORESEEN) * np.timedelta64(7, "D")
    days = middles.astype("datetime64[D]")
    year_day = (days - days.astype("datetime64[Y]")).astype(np.int64)
    months = days.astype("datetime64[M]").astype(np.int64)
    quarter_end = ((months // 3 + 1) * 3).astype("datetime64[M]").astype("datetime64[D]")
    return year_day, (quarter_end - days).astype(np.int64)


def season() -> Floats:
    """How lively each week is: 0 is ordinary, below 0 a lull (August, the turn of the year).

    Returns
    -------
    array of float, one for each foreseen week
        It moves how much people do and how fast their intent grows.
    """
    year_day, _ = _days_of_year()
    summer = (year_day >= 205) & (year_day < 240)
    holidays = (year_day >= 352) | (year_day < 6)
    return np.where(summer, -0.30, 0.0) + np.where(holidays, -0.60, 0.0)


def sql_season() -> Floats:
    """What the week itself adds to the log-odds of SQL: lulls, the push at a quarter's end, the shift of the base rate.

    Returns
    -------
    array of float, one for each foreseen week
    """
    _, days_left = _days_of_year()
    push = np.where(days_left <= 21, 0.25, 0.0)
    shift = np.where(np.arange(FORESEEN) >= SHIFT_WEEK, SHIFT, 0.0)
    return season() + push + shift


def week_start(week: Ints) -> Ints:
    """The instant at which a week starts."""
    return START_US + week * WEEK


def instants(rng: np.random.Generator, week: Ints, not_before: Ints) -> Ints:
    """Draw one instant in each given week, mostly on workdays and in working hours.

    Parameters
    ----------
    rng
        The generator to draw from.
    week
        The week of each instant.
    not_before
        The creation of the lead. In the week of its creation the whole week is squeezed into what is left of it, so
        that a new lead is as busy in its first days as in a full week.

    Returns
    -------
    array of int
        Microseconds since 1970, in ``[max(week start, not_before), next week's start)``.
    """
    day = np.searchsorted(np.cumsum(DAY_WEIGHTS)[:-1], rng.random(week.size), side="right")
    hour = np.clip(rng.normal(14.0, 3.5, week.size), 0.0, 23.999)
    share_of_week = (day + hour / 24.0) / 7.0
    start = np.maximum(week_start(week), not_before)
    room = week_start(week + 1) - start
    jitter = rng.integers(0, SECOND, week.size)
    return np.minimum(start + (share_of_week * room).astype(np.int64) + jitter, start + room - 1)


def delays(rng: np.random.Generator, size: int, late_share: float) -> Ints:
    """How long after the fact a source system records it: about a minute, but a few come hours or days late.

    Parameters
    ----------
    rng
        The generator to draw from.
    size
        How many delays.
    late_share
        The share that is late by two hours to five days.

    Returns
    -------
    array of int
        Microseconds, never negative.
    """
    usual = rng.exponential(90.0 * SECOND, size)
    late = np.exp(rng.uniform(np.log(2 * HOUR), np.log(5 * DAY), size))
    return np.where(rng.random(size) < late_share, late, usual).astype(np.int64)

"""The clock rule, written once: the only module in which a boundary in time stands.

An instant is a BIGINT of microseconds since 1970-01-01 UTC. Every span is half-open, ``start ≤ t < end``, so that
a row at a boundary falls on exactly one side. What is known at ``as_of`` lies strictly before it; an outcome counts
from ``as_of`` on. Python and SQL forms of each rule stand next to each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import total_ordering
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from leadline.errors import UsageError

__all__ = [
    "DAY",
    "EARLIEST",
    "HOUR",
    "LATEST",
    "SECOND",
    "WEEK",
    "Horizon",
    "Window",
    "calendar_grid",
    "cell_sql",
    "day_end_sql",
    "day_sql",
    "edge_cuts_sql",
    "format_instant",
    "has_label",
    "is_midnight_sql",
    "label_known_at",
    "label_known_sql",
    "month_end",
    "month_in",
    "month_name",
    "months_of",
    "parse_instant",
    "reached_within",
    "seen_from_sql",
    "span_sql",
    "state_sql",
    "visible",
    "visible_sql",
    "within_sql",
]

SECOND = 1_000_000

HOUR = 3_600 * SECOND

DAY = 24 * HOUR

WEEK = 7 * DAY

FIRST_MONDAY = 4 * DAY  # 1970-01-05: calendar grids stand on Mondays, whatever the data

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EARLIEST, LATEST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1  # years 1 to 9999: what a calendar can say

UNITS = {"m": 60 * SECOND, "h": HOUR, "d": DAY, "w": WEEK}

Instants = TypeVar("Instants", int, NDArray[np.int64])


@total_ordering
@dataclass(frozen=True)
class Horizon:
    """A length of time, in microseconds, written as ``30d``, ``72h``, ``90m`` or ``2w``.

    Examples
    --------
    >>> Horizon.parse("30d").days
    30.0
    >>> str(Horizon.parse("336h"))
    '14d'
    >>> Horizon.parse("a month")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: duration 'a month': not a length of time; expected a number and m, h, d or w, as in 30d
    """

    micros: int

    @classmethod
    def parse(cls, text: str) -> Horizon:
        """Read ``30d``; raise `UsageError` for anything that isn't a whole number and a unit."""
        match = re.fullmatch(r"\s*(\d{1,6})\s*([mhdw])\s*", text)
        if not match:
            raise UsageError(f"duration {text!r}: not a length of time; expected a number and m, h, d or w, as in 30d")
        return cls(int(match[1]) * UNITS[match[2]])

    @property
    def days(self) -> float:
        """The length in days."""
        return self.micros / DAY

    def __str__(self) -> str:
        for unit in ("d", "h", "m"):
            if self.micros % UNITS[unit] == 0:
                return f"{self.micros // UNITS[unit]}{unit}"
        return f"{self.micros / SECOND:g}s"

    def __lt__(self, other: Horizon) -> bool:
        return self.micros < other.micros


@dataclass(frozen=True)
class Window:
    """A half-open span of time, ``start ≤ t < end``, in microseconds.

    Examples
    --------
    >>> week = Window.before(as_of=8 * DAY, length=Horizon.parse("7d"))
    >>> week.contains(1 * DAY), week.contains(8 * DAY)
    (True, False)
    """

    start: int
    end: int

    @classmethod
    def before(cls, as_of: int, length: Horizon) -> Window:
        """Span the `length` that ends just before `as_of`: where a feature looks."""
        return cls(as_of - length.micros, as_of)

    @classmethod
    def after(cls, as_of: int, length: Horizon) -> Window:
        """Span the `length` that starts at `as_of`: where a label looks."""
        return cls(as_of, as_of + length.micros)

    def contains(self, instant: int) -> bool:
        """Tell whether the instant falls inside."""
        return self.start <= instant < self.end


def visible(occurred: Instants, recorded: Instants, as_of: Instants | int) -> NDArray[np.bool_]:
    """Tell which rows somebody at `as_of` could know of: they happened, and were recorded, strictly before.

    Examples
    --------
    >>> visible(np.array([1, 5, 5]), np.array([9, 5, 9]), 9).tolist()
    [False, True, False]
    """
    return np.asarray((np.asarray(occurred) < as_of) & (np.asarray(recorded) < as_of))


def visible_sql(row: str, as_of: str, occurred: str = "occurred_at") -> str:
    """Write the clock rule as SQL, for a row's alias and an expression of the as_of.

    Examples
    --------
    >>> visible_sql("e", "s.as_of")
    'e.occurred_at < s.as_of AND e.recorded_at < s.as_of'

    A row without a time of its own, such as an account's, is visible from recorded_at:

    >>> visible_sql("c", "s.as_of", "recorded_at")
    'c.recorded_at < s.as_of'
    """
    if occurred == "recorded_at":
        return f"{row}.recorded_at < {as_of}"
    return f"{row}.{occurred} < {as_of} AND {row}.recorded_at < {as_of}"


def seen_from_sql(row: str, occurred: str = "occurred_at") -> str:
    """Write as SQL the first as_of at which the clock rule lets a row be seen.

    Examples
    --------
    >>> seen_from_sql("r", "reached_at")
    'GREATEST(r.reached_at, r.recorded_at) + 1'
    """
    return f"GREATEST({row}.{occurred}, {row}.recorded_at) + 1"


def span_sql(instant: str, as_of: str, length: Horizon) -> str:
    """Write as SQL that a visible instant lies in the window before `as_of` (its end is the clock rule's).

    Examples
    --------
    >>> span_sql("e.occurred_at", "s.as_of", Horizon.parse("1d"))
    'e.occurred_at >= s.as_of - 86400000000'
    """
    return f"{instant} >= {as_of} - {length.micros}"


def cell_sql(instant: str, length: int) -> str:
    """Write as SQL the start of an instant's cell of so many microseconds (before 1970 too: MOD's number is never negative).

    Examples
    --------
    >>> cell_sql("e.occurred_at", 10)
    '(e.occurred_at - MOD(e.occurred_at + 62135596800000000, 10))'
    """
    return f"({instant} - MOD({instant} + {-EARLIEST}, {length}))"


def day_sql(instant: str) -> str:
    """Write as SQL the start of an instant's day, in UTC.

    Examples
    --------
    >>> day_sql("e.occurred_at")
    '(e.occurred_at - MOD(e.occurred_at + 62135596800000000, 86400000000))'
    """
    return cell_sql(instant, DAY)


def is_midnight_sql(instant: str, zone: str) -> str:
    """Write for DuckDB whether an instant is the first of a zone's day, as a date is that was read as a time.

    Examples
    --------
    >>> is_midnight_sql("at", "UTC")
    'MOD(at, 86400000000) = 0'
    """
    if zone == "UTC":
        return f"MOD({instant}, {DAY}) = 0"
    return f"{instant} = {_from_local_sql(day_sql(_local_sql(instant, zone)), zone)}"  # where clocks skip midnight it is later


def day_end_sql(instant: str, zone: str) -> str:
    """Write for DuckDB the last microsecond of the zone's day in which an instant lies: at the next midnight it is past."""
    if zone == "UTC":
        return f"({day_sql(instant)} + {DAY} - 1)"
    return f"({_from_local_sql(f'{day_sql(_local_sql(instant, zone))} + {DAY}', zone)} - 1)"


def _local_sql(instant: str, zone: str) -> str:
    """Write what the clocks of a zone show at an instant, as microseconds."""
    return f"epoch_us(make_timestamptz({instant}) AT TIME ZONE '{zone}')"


def _from_local_sql(local: str, zone: str) -> str:
    return f"epoch_us(make_timestamp({local}) AT TIME ZONE '{zone}')"


def edge_cuts_sql(day: str, edge: str) -> str:
    """Write as SQL that an edge falls inside the day that starts at `day`, so that the day lies on both its sides.

    Examples
    --------
    >>> edge_cuts_sql("d.day", "q.as_of")
    'd.day < q.as_of AND q.as_of < d.day + 86400000000'
    """
    return f"{day} < {edge} AND {edge} < {day} + {DAY}"


def reached_within(reached: NDArray[np.float64], as_of: NDArray[np.int64], horizon: Horizon) -> NDArray[np.bool_]:
    """Tell which outcomes fall in ``as_of ≤ t < as_of + horizon``; NaN is never.

    Examples
    --------
    >>> day = Horizon.parse("1d")
    >>> reached_within(np.array([0.0, day.micros, np.nan]), np.array([0, 0, 0]), day).tolist()
    [True, False, False]
    """
    return np.asarray((reached >= as_of) & (reached < as_of + horizon.micros))


def within_sql(reached: str, as_of: str, horizon: Horizon) -> str:
    """Write as SQL what `reached_within` tells.

    Examples
    --------
    >>> within_sql("r.reached_at", "l.created_at", Horizon(5))
    'r.reached_at >= l.created_at AND r.reached_at < l.created_at + 5'
    """
    return f"{reached} >= {as_of} AND {reached} < {as_of} + {horizon.micros}"


def label_known_at(as_of: Instants, horizon: Horizon, delay: Horizon) -> Instants:
    """Return the instant from which a snapshot's label is known: its window is over and the recording delay too.

    Examples
    --------
    >>> label_known_at(0, Horizon.parse("30d"), Horizon.parse("2d")) == 32 * DAY
    True
    """
    return as_of + horizon.micros + delay.micros


def label_known_sql(as_of: str, horizon: Horizon, delay: Horizon) -> str:
    """Write as SQL what `label_known_at` returns: a label counts as known from this instant on, itself included.

    Examples
    --------
    >>> label_known_sql("l.created_at", Horizon(5), Horizon(2))
    'l.created_at + 7'
    """
    return f"{as_of} + {horizon.micros + delay.micros}"


def has_label(as_of: Instants, horizon: Horizon, delay: Horizon, known_until: int) -> NDArray[np.bool_]:
    """Tell which snapshots have a label by `known_until` (law 4: unripe is not negative).

    Examples
    --------
    >>> day, none = Horizon.parse("1d"), Horizon(0)
    >>> has_label(np.array([0, 1]), day, none, known_until=day.micros).tolist()
    [True, False]
    """
    return np.asarray(label_known_at(as_of, horizon, delay) <= known_until)


def state_sql(as_of: str, reached: str, horizon: Horizon, delay: Horizon, known_until: int, observed_from: int) -> str:
    """Write as SQL what a snapshot's label is: late, before, censored, positive or negative, in this order of precedence.

    Parameters
    ----------
    as_of, reached : str
        Expressions of the snapshot's instant and of the outcome's (NULL for never).
    horizon, delay : Horizon
        How far the label looks, and how much later outcomes are recorded.
    known_until : int
        ``min(T, observed_until)``.
    observed_from : int
        Snapshots before it are left out.

    Examples
    --------
    >>> print(state_sql("s.as_of", "o.at", Horizon(5), Horizon(1), known_until=90, observed_from=10))
    CASE WHEN o.at < s.as_of THEN 'late' WHEN s.as_of < 10 THEN 'before' WHEN s.as_of + 6 > 90 THEN 'censored'
    WHEN o.at < s.as_of + 5 THEN 'positive' ELSE 'negative' END
    """
    return (
        f"CASE WHEN {reached} < {as_of} THEN 'late' WHEN {as_of} < {observed_from} THEN 'before' "
        f"WHEN {as_of} + {horizon.micros + delay.micros} > {known_until} THEN 'censored' "
        f"WHEN {reached} < {as_of} + {horizon.micros} THEN 'positive' ELSE 'negative' END"
    )


def calendar_grid(first: int, last: int, every: Horizon) -> list[int]:
    """List the as_of instants in ``first ≤ t ≤ last`` of the grid that stands on Monday 1970-01-05 00:00 UTC.

    Examples
    --------
    >>> [format_instant(t) for t in calendar_grid(0, 12 * DAY, Horizon.parse("7d"))]
    ['1970-01-05T00:00:00Z', '1970-01-12T00:00:00Z']
    """
    step = every.micros
    start = first + (FIRST_MONDAY - first) % step
    return list(range(start, last + 1, step))


def parse_instant(text: str) -> int:
    """Read an ISO 8601 instant as microseconds; a naive one means UTC.

    Examples
    --------
    >>> parse_instant("1970-01-02") == parse_instant("1970-01-02T01:00:00+01:00") == DAY
    True
    >>> parse_instant("yesterday")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: instant 'yesterday': not ISO 8601; expected something like 2024-05-01 or 2024-05-01T02:00:00Z
    """
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"instant {text[:40]!r}: not ISO 8601; expected something like 2024-05-01 or 2024-05-01T02:00:00Z"
        ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    since = when - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def format_instant(micros: int) -> str:
    """Write an instant as ISO 8601 in UTC, with a fraction only where there is one.

    Examples
    --------
    >>> format_instant(DAY), format_instant(1)
    ('1970-01-02T00:00:00Z', '1970-01-01T00:00:00.000001Z')
    """
    seconds, fraction = divmod(int(micros), SECOND)
    day, second = divmod(seconds, 86_400)
    stamp = datetime.fromordinal(EPOCH.toordinal() + day)
    text = f"{stamp.date().isoformat()}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"


# Calendar months as whole numbers, counted from January 1970 in UTC: arithmetic on dates, the same for every engine.


NEVER = -1


def months_of(instants: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the month of each instant in microseconds; -1 for NaN, and before 1970.

    Examples
    --------
    >>> months_of(np.array([0.0, 31 * 86_400e6 - 1, 31 * 86_400e6, np.nan])).tolist()
    [0, 0, 1, -1]
    """
    known = np.isfinite(instants) & (instants >= 0)
    whole = np.where(known, instants, 0.0).astype(np.int64).astype("datetime64[us]")
    return np.where(known, whole.astype("datetime64[M]").astype(np.int64), NEVER)


def month_in(instant: float, zone: str) -> int:
    """Return the month in which an instant falls where clocks show a zone's time: a date in a table is a day there.

    Examples
    --------
    >>> month_in(-3_600e6, "Europe/Amsterdam"), month_in(0.0, "UTC")
    (0, 0)
    """
    when = datetime.fromtimestamp(instant / 1_000_000, ZoneInfo(zone))
    return (when.year - 1970) * 12 + when.month - 1


def month_end(month: int) -> int:
    """Return the instant at which the month after it begins.

    Examples
    --------
    >>> month_end(0) == 31 * 86_400_000_000
    True
    """
    year, rest = divmod(month + 1, 12)
    return int(datetime(1970 + year, rest + 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def month_name(month: int) -> str:
    """Say a month.

    Examples
    --------
    >>> month_name(0), month_name(659)
    ('1970-01', '2024-12')
    """
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"

"""Calendar months as whole numbers, counted from January 1970 in UTC: arithmetic on dates, the same for every engine."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

__all__ = ["month_end", "month_in", "month_name", "months_of"]

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

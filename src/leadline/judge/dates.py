"""Dates behind the curtain: attributes that hold instants after their lead's creation (LL206), and tables filled in bulk (LL213)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from leadline.judge.apart import Floats
from leadline.judge.columns import Answer, Gate
from leadline.tables.attributes import Attribute
from leadline.tables.schema import CLOCKS
from leadline.times import DAY

__all__ = ["date_after_creation", "recorded_in_bulk"]

YEAR = 365 * DAY
SAMPLE = 20_000  # leads looked at
FEWEST, SHARE = 20, 0.05
INSTANTS = 0.9  # of the filled values must be instants near the table's own
LATE, IN_BULK, SO_MANY = 7 * DAY, 0.02, 100
HOUR = 3_600_000_000
ONE_DAY, DAYS = 0.25, 30


def date_after_creation(gate: Gate) -> Iterator[Answer]:
    """Refuse attributes that hold dates after the lead was created: the lead's own future."""
    mine = [a for a in gate.judged if a.table == "leads"]
    if not mine or not gate.loaded.is_dated:
        return  # a flat file ordered by numbers has no time to compare with
    at = "order_at" if gate.config.is_flat else "created_at"
    names = ", ".join(a.name for a in mine)
    rows = gate.loaded.store.arrow(
        f"SELECT {at} AS moment, {names} FROM leads WHERE {at} IS NOT NULL AND {gate.visible('leads')} ORDER BY MD5(lead_id), lead_id LIMIT {SAMPLE}"
    )
    moment = rows.column("moment").to_numpy().astype(np.float64)
    for a in mine:
        instants = _instants(a, rows.column(a.name), moment)
        filled, later = int(np.isfinite(instants).sum()), int((instants > moment + DAY).sum())
        if later >= FEWEST and later > SHARE * filled:
            yield (
                f"leads.{a.column}", f"holds dates, of which {later} of {filled} looked at lie more than a day after their lead was created",
                "what was known at creation", "drop it, or make it the date of an event or a stage", later,
            )  # fmt: skip


def _instants(a: Attribute, values: Any, moment: Floats) -> Floats:
    """Read an attribute as microseconds; NaN throughout where its values aren't dates near those of the leads."""
    nothing = np.full(len(moment), np.nan)
    if not len(moment):
        return nothing
    low, high = moment.min() - 5 * YEAR, moment.max() + 3 * YEAR
    for tried in _spellings(a, values):
        near = (tried >= low) & (tried <= high)
        filled = len(moment) - values.null_count
        if near.sum() >= max(FEWEST, INSTANTS * filled) and len(np.unique(tried[near])) >= FEWEST:
            return np.where(near, tried, np.nan)
    return nothing


def _spellings(a: Attribute, values: Any) -> Iterator[Floats]:
    """Read values as dates in each way that exports write them."""
    import pandas as pd

    if a.kind == "category":
        said = values.to_pandas()
        if said.str.match(r"\d{4}-\d{2}-\d{2}").mean() >= INSTANTS / 2:
            yield _micros(pd.to_datetime(said, format="ISO8601", errors="coerce", utc=True))
        return
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    for unit in (1_000_000.0, 1_000.0, 1.0):  # seconds, milliseconds, microseconds
        yield numbers * unit
    whole = (numbers >= 19_000_101) & (numbers <= 22_001_231)
    if whole.any():
        days = pd.Series(np.where(whole, numbers, 0)).astype(np.int64).astype(str)
        yield _micros(pd.to_datetime(days, format="%Y%m%d", errors="coerce", utc=True))


def _micros(instants: Any) -> Floats:
    naive = instants.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(naive), np.nan, naive.astype(np.int64).astype(np.float64))


def recorded_in_bulk(gate: Gate) -> Iterator[Answer]:
    """Tell tables of which many rows were recorded long after they happened, or carry the date of one day."""
    for table in gate.config.tables.given():
        clock = CLOCKS.get(table)
        if clock is None or gate.config.is_flat:
            continue
        section = getattr(gate.config.tables, table)
        subject = f"{table}.{section.recorded_at or getattr(section, clock, clock)}"
        yield from (
            _late_in_bulk(gate, table, clock, subject) if section.recorded_at else _one_day(gate, table, clock, subject)
        )


def _late_in_bulk(gate: Gate, table: str, clock: str, subject: str) -> Iterator[Answer]:
    """Count late rows that came many in an hour; of events, for each type by itself, as a back-fill brings few types."""
    kind = "COALESCE(behaviour, '')" if table == "events" else "''"
    late = f"recorded_at - {clock} > {LATE}"
    rows = gate.loaded.store.rows(
        f"WITH r AS (SELECT {kind} AS kind, CAST(FLOOR(recorded_at / {HOUR}.0) AS BIGINT) AS brought, CASE WHEN {late} THEN recorded_at - {clock} END AS lag FROM {table}), "
        f"loads AS (SELECT kind, brought, COUNT(lag) AS n FROM r WHERE lag IS NOT NULL GROUP BY kind, brought HAVING COUNT(lag) >= {FEWEST}), "
        "bulk AS (SELECT kind, SUM(n) AS n, COUNT(*) AS hours FROM loads GROUP BY kind) "
        "SELECT r.kind, COUNT(*), COUNT(r.lag), AVG(r.lag), MAX(b.n), MAX(b.hours) FROM r JOIN bulk AS b ON b.kind = r.kind GROUP BY r.kind ORDER BY r.kind"
    )
    for name, total, trailing, lag, together, loads in rows:
        if int(together) >= SO_MANY and int(together) >= IN_BULK * int(total):
            which = f"rows of type {' '.join(str(name).split())[:40]}" if name else "rows"
            yield (
                subject,
                f"{trailing} of {total} {which} ({trailing / total:.1%}) were recorded more than a week after they happened, {float(lag) / DAY:.0f} days on average, "
                f"and {int(together)} of them in {int(loads)} hours that each brought {FEWEST} or more",
                "rows recorded about when they happen",
                "find out who wrote their dates; leave back-filled rows out of the source, or start after the last load",
                int(trailing),
            )  # fmt: skip


def _one_day(gate: Gate, table: str, clock: str, subject: str) -> Iterator[Answer]:
    rows = gate.loaded.store.rows(
        f"SELECT SUM(n), MAX(n), COUNT(*), MAX(d) - MIN(d) FROM (SELECT CAST(FLOOR({clock} / {DAY}.0) AS BIGINT) AS d, COUNT(*) AS n FROM {table} WHERE {clock} IS NOT NULL GROUP BY 1) AS t"
    )[0]
    total, most, days, span = (int(v or 0) for v in rows)
    if total >= 2 * SO_MANY and span >= DAYS and days >= DAYS and most > ONE_DAY * total:
        yield (
            subject, f"{most} of {total} rows carry the date of one day, on {days} days in all", "dates of when it happened",
            "a migration or a back-fill wrote that day: find the true dates, or leave these rows out of the source", most,
        )  # fmt: skip

"""Suspect dates: attributes that hold instants after their lead's creation (LL206), fields overwritten
later (LL212), and tables filled in bulk (LL213)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from leadline.core.point_in_time import DAY
from leadline.core.rng import Stream, generator
from leadline.leakage.evidence import FOLDS, Answer, Evidence, Floats, GateContext, Ints, encode_column
from leadline.tables.attributes import Attribute
from leadline.tables.schema import CLOCKS
from leadline.tables.stages import stage_index

__all__ = ["date_after_creation", "overwritten_later", "recorded_in_bulk"]

YEAR = 365 * DAY

SAMPLE = 20_000  # leads looked at

FEWEST, SHARE = 20, 0.05

INSTANTS = 0.9  # of the filled values must be instants near the table's own

LATE, IN_BULK, SO_MANY = 7 * DAY, 0.02, 100

HOUR = 3_600_000_000

ONE_DAY, DAYS = 0.25, 30


def date_after_creation(gate: GateContext) -> Iterator[Answer]:
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


def recorded_in_bulk(gate: GateContext) -> Iterator[Answer]:
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


def _late_in_bulk(gate: GateContext, table: str, clock: str, subject: str) -> Iterator[Answer]:
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


def _one_day(gate: GateContext, table: str, clock: str, subject: str) -> Iterator[Answer]:
    rows = gate.loaded.store.rows(
        f"SELECT SUM(n), MAX(n), COUNT(*), MAX(d) - MIN(d) FROM (SELECT CAST(FLOOR({clock} / {DAY}.0) AS BIGINT) AS d, COUNT(*) AS n FROM {table} WHERE {clock} IS NOT NULL GROUP BY 1) AS t"
    )[0]
    total, most, days, span = (int(v or 0) for v in rows)
    if total >= 2 * SO_MANY and span >= DAYS and days >= DAYS and most > ONE_DAY * total:
        yield (
            subject, f"{most} of {total} rows carry the date of one day, on {days} days in all", "dates of when it happened",
            "a migration or a back-fill wrote that day: find the true dates, or leave these rows out of the source", most,
        )  # fmt: skip


# A field that is overwritten later looks different among leads that are open tonight than among those of the past.
#
# Honest fields drift too, so that difference is held against the same difference between earlier dates.


DATES = 6  # tonight, and five earlier ones

FEWEST_OPEN = 100

MOST_OPEN = 10_000  # leads at a date

BOUND, MARGIN = 0.60, 0.05


@dataclass(frozen=True)
class SnapshotPair:
    """Leads open at one date (y = 1) beside those open at an earlier one, as evidence without blocks."""

    seen: Evidence
    rows: Ints


def overwritten_later(gate: GateContext) -> Iterator[Answer]:
    """Tell an attribute whose values among open leads tonight differ from those of earlier dates, as earlier dates don't."""
    if gate.config.is_flat or not gate.judged:
        return
    table = gate.loaded.store.arrow(_sql(gate))
    created, closed = (table.column(n).to_numpy().astype(np.int64) for n in ("created_at", "closed_at"))
    pairs = _pairs(gate, created, closed)
    if len(pairs) < 3:
        return
    for attribute in gate.judged:
        column = encode_column(attribute, table.column(attribute.name))
        tonight, *before = (p.seen.apart(column.codes[p.rows]) for p in pairs)
        usual = max(before)
        noise = pairs[0].seen.error(tonight)
        if tonight > BOUND and tonight - 3 * noise > usual and tonight > usual + MARGIN:
            yield (
                column.subject,
                f"tells tonight's {int(pairs[0].seen.y.sum())} open leads from those of an earlier date with AUC {tonight:.2f}; earlier dates are told apart with at most {usual:.2f}",
                "values that change no more than they used to", "drop it, or give its history under tables.history, if somebody writes it after creation",
                int(pairs[0].seen.y.sum()),
            )  # fmt: skip


def _sql(gate: GateContext) -> str:
    """One row a lead: since when it was known, until when it was open, and its attributes."""
    joined = gate.config.tables.accounts is not None and gate.config.tables.leads.account is not None
    names = "".join(f", {'a' if a.table == 'accounts' else 'l'}.{a.name}" for a in gate.judged)
    accounts = "LEFT JOIN accounts AS a ON a.account_id = l.account_id" if joined else ""
    ends = f"rung < 0 OR rung >= {stage_index(str(gate.config.outcome.reaches))}"
    return (
        f"SELECT l.lead_id, l.created_at, COALESCE(e.closed_at, {gate.loaded.known_at}) AS closed_at{names} FROM leads AS l "
        f"LEFT JOIN (SELECT lead_id, MIN(GREATEST(reached_at, recorded_at)) AS closed_at FROM reached WHERE {ends} GROUP BY lead_id) AS e "
        f"ON e.lead_id = l.lead_id {accounts} WHERE l.created_at >= {_dates(gate)[-1] - 2 * _step(gate)} ORDER BY MD5(l.lead_id), l.lead_id"
    )


def _step(gate: GateContext) -> int:
    return max(gate.config.horizon.micros, 7 * DAY)


def _dates(gate: GateContext) -> list[int]:
    """Tonight, and the dates before it, a horizon apart."""
    return [int(gate.loaded.known_at or 0) - n * _step(gate) for n in range(DATES)]


def _pairs(gate: GateContext, created: Ints, closed: Ints) -> list[SnapshotPair]:
    """Pair each date's open leads with those of the date before; the newest pair first.

    Leads older than two steps are left out on every date alike: what lies about for years would hide what is new.
    """
    step, dates = _step(gate), _dates(gate)
    first = gate.loaded.store.rows("SELECT MIN(created_at) FROM leads")[0][0] or 0
    there = [
        np.flatnonzero((created < at) & (created >= at - 2 * step) & (closed >= at))[:MOST_OPEN]
        for at in dates
        if at - 2 * step >= first
    ]
    pairs = []
    for newer, older in pairwise(there):
        if min(len(newer), len(older)) < FEWEST_OPEN:
            break
        rows = np.concatenate([newer, older])
        y = np.concatenate([np.ones(len(newer)), np.zeros(len(older))])
        fold = generator(gate.config.seed, Stream.LEAK_OVERWRITTEN).integers(0, FOLDS, len(created))[rows]
        pairs.append(SnapshotPair(Evidence(y, np.zeros(len(rows), dtype=np.int64), fold, rows, ()), rows))
    return pairs

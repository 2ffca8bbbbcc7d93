"""Snapshots: which leads are open at which as_of. The table ``snapshots(lead_id, account_id, as_of)`` has one row each.

A lead is open from the instant at which it is known until its outcome is known, or it is known to be lost, rejected
or merged away. A rung recorded later than a loss or rejection reopens it: the lead was recycled.
"""

from __future__ import annotations

from leadline.config.schema import Config
from leadline.core.point_in_time import calendar_grid, format_instant, seen_from_sql, visible_sql
from leadline.errors import DataError
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.tables.stages import MERGED, stage_index

__all__ = ["for_deals", "for_night", "for_training"]

KNOWN = "GREATEST(reached_at, recorded_at)"  # the instant after which both clocks let a row be seen
MOST_POINTS = 10_000
"""Dates that a calendar grid may have: 27 years of days. More is a date of year 1, or an hour meant as a day."""

NEWEST_FIRST = "h.changed_at DESC, h.recorded_at DESC, CASE WHEN h.value IS NULL THEN 1 ELSE 0 END, h.value DESC"
"""Which row of a field's history is the newest; engines differ in where they sort NULL."""


def for_training(config: Config, loaded: LoadedTables) -> int:
    """Make the snapshots of the past, up to T; return how many."""
    store, limit = loaded.store, loaded.known_at
    if config.is_flat:
        # An open row may lack its place in the order: it trains nothing, and is counted.
        open_too = "(l.order_at IS NULL AND l.outcome IS NULL)"
        visible = f"WHERE l.order_at < {limit} OR {open_too}" if limit is not None else ""
        return _flat(loaded, visible, "l.order_at")
    first = store.rows("SELECT MIN(GREATEST(created_at, recorded_at)) FROM leads")[0][0]
    if first is None or limit is None:
        raise DataError("leads: no lead is visible at T; expected at least one; choose a later --as-of")
    if config.snapshots.every is not None:
        points = (limit - int(first)) // config.snapshots.every.micros
        if points > MOST_POINTS:
            raise DataError(
                f"snapshots: {points:,} dates lie between the first lead ({format_instant(int(first))}) and T; expected at most "
                f"{MOST_POINTS:,}; mend that lead's created_at, or make snapshots.every longer"
            )
        _put_grid(loaded, calendar_grid(int(first), limit, config.snapshots.every))
        moments = "CROSS JOIN grid AS g"
        as_of = "g.as_of"
    else:
        _put_grid(loaded, [length.micros for length in config.snapshots.after_creation or ()])
        moments, as_of = "CROSS JOIN grid AS g", "l.created_at + g.as_of"
    return _make(config, loaded, moments, as_of, f"{as_of} <= {limit}")


def for_night(config: Config, loaded: LoadedTables, as_of: int | None) -> int:
    """Make tonight's snapshots, one for each open lead; return how many.

    With landmarks, every open lead past its first landmark; for a flat file, the rows from `as_of` on (all rows
    without one).
    """
    if config.is_flat:
        return _flat(
            loaded,
            f"WHERE l.order_at IS NULL OR l.order_at >= {as_of}" if as_of is not None else "",
            "COALESCE(l.order_at, 0)",
        )
    if as_of is None:
        raise DataError("--as-of: missing; expected the instant of the night; name it")
    past = "TRUE"
    if config.snapshots.after_creation:
        past = f"l.created_at + {min(config.snapshots.after_creation).micros} <= {as_of}"
    _put_grid(loaded, [as_of])
    return _make(config, loaded, "CROSS JOIN grid AS g", "g.as_of", past)


def for_deals(config: Config, loaded: LoadedTables) -> int:
    """Make a snapshot for each lead's first won deal, at the first instant at which it is known; return how many.

    The table ``first_deals(lead_id, account_id, as_of, amount)`` has the same rows with what they brought, in cents: of
    deals of a lead that closed at the same instant, all. Deals without an amount above 0 are left out, and so are those of a
    record that was merged away: its survivor has them.
    """
    store = loaded.store
    account = "l.account_id" if config.tables.leads.account else f"CAST(NULL AS {store.dialect.text})"
    won = f"JOIN stage_words AS w ON w.word = LOWER(o.stage) AND w.rung = {stage_index('won')}"
    store.run(
        "CREATE OR REPLACE TABLE first_deals AS SELECT d.lead_id, d.account_id, d.as_of, d.amount FROM ("
        f"SELECT o.lead_id, {account} AS account_id, {seen_from_sql('o', 'closed_at')} AS as_of, SUM(o.amount) AS amount, "
        f"ROW_NUMBER() OVER (PARTITION BY o.lead_id ORDER BY {seen_from_sql('o', 'closed_at')}) AS nth "
        f"FROM opportunities AS o {won} JOIN leads AS l ON l.lead_id = o.lead_id "
        "WHERE o.closed_at IS NOT NULL AND o.amount > 0 AND o.lead_id NOT IN (SELECT lead_id FROM merged) GROUP BY 1, 2, 3) AS d WHERE d.nth = 1"
    )
    store.run("CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, account_id, as_of FROM first_deals")
    if config.tables.leads.account is not None and config.tables.history is not None:
        _account_as_of(loaded, config.tables.leads.account)
    return int(store.rows("SELECT COUNT(*) FROM snapshots")[0][0])


def _put_grid(loaded: LoadedTables, instants: list[int]) -> None:
    import pyarrow as pa

    loaded.store.put("grid", pa.table({"as_of": pa.array(instants, pa.int64())}))


def _flat(loaded: LoadedTables, visible: str, as_of: str) -> int:
    loaded.store.run(
        f"CREATE OR REPLACE TABLE snapshots AS SELECT l.lead_id, l.account_id, {as_of} AS as_of FROM leads AS l {visible}"
    )
    return int(loaded.store.rows("SELECT COUNT(*) FROM snapshots")[0][0])


def _make(config: Config, loaded: LoadedTables, moments: str, as_of: str, also: str) -> int:
    store = loaded.store
    rung = stage_index(str(config.outcome.reaches))
    store.run(
        f"CREATE OR REPLACE TABLE done AS SELECT lead_id, MIN({KNOWN}) AS known FROM reached "
        f"WHERE rung >= {rung} OR rung = {MERGED} GROUP BY lead_id"
    )
    store.run(
        "CREATE OR REPLACE TABLE ended AS SELECT e.lead_id, GREATEST(e.reached_at, e.recorded_at) AS known, "
        "MIN(GREATEST(r.reached_at, r.recorded_at)) AS reopened FROM reached AS e "
        "LEFT JOIN reached AS r ON r.lead_id = e.lead_id AND r.rung >= 0 AND r.reached_at > e.reached_at "
        f"WHERE e.rung IN ({stage_index('lost')}, {stage_index('rejected')}) GROUP BY e.lead_id, e.reached_at, e.recorded_at"
    )
    account = "l.account_id" if config.tables.leads.account else f"CAST(NULL AS {store.dialect.text})"
    store.run(
        f"CREATE OR REPLACE TABLE snapshots AS SELECT l.lead_id, {account} AS account_id, {as_of} AS as_of "
        f"FROM leads AS l {moments} LEFT JOIN done AS d ON d.lead_id = l.lead_id "
        f"WHERE {visible_sql('l', as_of, 'created_at')} AND (d.known IS NULL OR d.known >= {as_of}) AND {also} "
        f"AND NOT EXISTS (SELECT 1 FROM ended AS e WHERE e.lead_id = l.lead_id AND e.known < {as_of} "
        f"AND (e.reopened IS NULL OR e.reopened >= {as_of}))"
    )
    if config.tables.leads.account is not None:
        _put_belongs(config, loaded, config.tables.leads.account)
        if config.tables.history is not None:
            _account_as_of(loaded, config.tables.leads.account)
    return int(store.rows("SELECT COUNT(*) FROM snapshots")[0][0])


def _put_belongs(config: Config, loaded: LoadedTables, column: str) -> None:
    """Make ``belongs(lead_id, account_id, changed_at, recorded_at)``: which account a lead is in, and since when."""
    rows = "SELECT lead_id, COALESCE(account_id, '') AS account_id, created_at AS changed_at, recorded_at FROM leads"
    if config.tables.history is not None and _has_field(loaded, column):
        # Two records merged into one may bring the same change twice.
        rows = f"SELECT DISTINCT lead_id, COALESCE(value, '') AS account_id, changed_at, recorded_at FROM history WHERE field = {literal(column, loaded.store.dialect)}"
    loaded.store.run(f"CREATE OR REPLACE TABLE belongs AS {rows}")


def _has_field(loaded: LoadedTables, column: str) -> bool:
    named = literal(column, loaded.store.dialect)
    return bool(loaded.store.rows(f"SELECT COUNT(*) FROM history WHERE field = {named}")[0][0])


def _account_as_of(loaded: LoadedTables, column: str) -> None:
    """Where history has the field, the account at as_of counts, and before a lead's first row it has none (law 3).

    That holds for leads of which history says nothing too: whether a later row changes their account isn't known at as_of.
    """
    field = f"field = {literal(column, loaded.store.dialect)}"
    if not _has_field(loaded, column):
        return
    loaded.store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT s.lead_id, a.value AS account_id, s.as_of FROM snapshots AS s "
        "LEFT JOIN (SELECT s.lead_id, s.as_of, h.value, ROW_NUMBER() OVER (PARTITION BY s.lead_id, s.as_of "
        f"ORDER BY {NEWEST_FIRST}) AS newest FROM snapshots AS s "
        f"JOIN history AS h ON h.lead_id = s.lead_id AND h.{field} AND {visible_sql('h', 's.as_of', 'changed_at')}) AS a "
        "ON a.lead_id = s.lead_id AND a.as_of = s.as_of AND a.newest = 1"
    )

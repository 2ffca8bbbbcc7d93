"""Cutting: ``all_x`` → ``x``, the rows visible at T, each key once."""

from __future__ import annotations

import time

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, EARLIEST, format_instant, visible_sql
from leadline.errors import DataError
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.schema import CLOCKS, KEYS

__all__ = ["drop_duplicates", "keep_visible", "observed_until"]


def observed_until(config: Config, store: Store, known_at: int | None) -> int:
    """Find up to when outcomes were seen: the config's word, or the newest recorded time in the outcome's tables.

    Rows at or after a given T don't count; nor does what the source dates into the future of its own clock.
    """
    now = int(time.time() * 1_000_000) + DAY
    bound = f"< {known_at}" if known_at is not None else f"<= {now}"
    newest: list[int] = []
    for table, at, also in _recorded(config):
        value = store.rows(f"SELECT MAX({at}) FROM all_{table} WHERE {at} {bound} AND {also}")[0][0]
        newest += [int(value)] if value is not None else []
    if not newest:
        when = f" before {format_instant(known_at)}" if known_at is not None else ""
        raise DataError(
            f"tables.stages, tables.opportunities: no row with a time{when}; expected some, or no outcome can be seen; "
            "check the source or choose a later --as-of"
        )
    given = config.outcome.observed_until
    if given is None:
        return max(newest)
    return given if known_at is None else min(given, known_at)


def _recorded(config: Config) -> list[tuple[str, str, str]]:
    """List (table, expression of the recorded time, condition) for what records outcomes."""
    tables, asked = config.tables, []
    deals = tables.opportunities
    if tables.stages is not None:
        asked.append(
            ("stages", "COALESCE(recorded_at, changed_at)" if tables.stages.recorded_at else "changed_at", "TRUE")
        )
    if deals is None or deals.lead is None:
        return asked  # a deal that names no lead tells of no lead's outcome
    asked.append(
        (
            "opportunities",
            "COALESCE(recorded_at, created_at)" if deals.recorded_at else "created_at",
            "lead_id IS NOT NULL",
        )
    )
    if deals.closed_at and deals.stage:
        # Of an open deal, closed_at is a plan: it says nothing of when the table was last written.
        ends = ", ".join(literal(word) for word in config.words("won", "lost", "rejected"))
        at = "GREATEST(closed_at, COALESCE(recorded_at, closed_at))" if deals.recorded_at else "closed_at"
        asked.append(("opportunities", at, f"LOWER(stage) IN ({ends}) AND lead_id IS NOT NULL"))
    return asked


def keep_visible(table: str, config: Config, store: Store, limit: int) -> None:
    """Keep the rows visible at T; what an opportunity became is visible from closed_at."""
    clock, section = CLOCKS.get(table), getattr(config.tables, table)
    hidden = [c for c in columns_in(store, f"all_{table}") if c.startswith(("said_", "naive_"))]
    drop = [*hidden, *(["recorded_at"] if getattr(section, "recorded_at", None) else [])]
    stands_in = clock or str(EARLIEST)
    recorded = f"COALESCE(recorded_at, {stands_in})" if "recorded_at" in drop else stands_in
    without = f" EXCLUDE ({', '.join(drop)})" if drop else ""
    keep = f"SELECT *{without}, CAST({recorded} AS BIGINT) AS recorded_at FROM all_{table}"
    # A table without dates of its own, such as accounts, is visible from recorded_at, or always.
    seen = visible_sql("r", str(limit), clock or "recorded_at")
    store.run(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM ({keep}) AS r WHERE {seen}")
    if table == "opportunities":
        _hide_endings(config, store, limit)


def _hide_endings(config: Config, store: Store, limit: int) -> None:
    """Hide what an opportunity became later; without closed_at its stage and amount have no time, and never show."""
    section = config.tables.opportunities
    given = [c for c in ("closed_at", "stage", "amount") if getattr(section, c)]
    if given:
        open_still = f"WHERE closed_at IS NULL OR closed_at >= {limit}" if "closed_at" in given else ""
        store.run(f"UPDATE opportunities SET {', '.join(f'{c} = NULL' for c in given)} {open_still}")


def drop_duplicates(table: str, store: Store, apart: tuple[str, ...] = ()) -> None:
    """Keep the earliest recorded of rows that are the same in all else (nothing to do where every key is there once).

    Columns named in `apart` are no part of a row's content: the smallest of them stays.
    """
    there = columns_in(store, table)
    aside = [c for c in there if c in ("row", "recorded_at", *apart)]
    columns = [c for c in there if c not in aside]
    if KEYS.get(table) in columns:
        count, keys = store.rows(f"SELECT COUNT(*), COUNT(DISTINCT {KEYS[table]}) FROM {table}")[0]
        if count == keys:
            return
    same = ", ".join(columns)
    smallest = ", ".join(f'MIN("{c}") AS "{c}"' for c in aside)
    store.run(f"CREATE OR REPLACE TABLE {table} AS SELECT {same}, {smallest} FROM {table} GROUP BY {same}")


def columns_in(store: Store, table: str) -> list[str]:
    """List a table's columns."""
    return [str(row[0]) for row in store.rows(f"DESCRIBE {table}")]

"""Cutting: ``all_x`` → ``x``, the rows visible at T, each key once."""

from __future__ import annotations

import time

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, EARLIEST, format_instant, visible_sql
from leadline.errors import DataError
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.schema import CLOCKS, KEYS

__all__ = [
    "HIDDEN",
    "columns_in",
    "content_columns",
    "cut_in_place",
    "drop_duplicates",
    "find_repeats",
    "keep_visible",
    "observed_until",
]


HIDDEN = ("said_", "naive_")

"""How columns begin that only tell what a value was before it was cast."""


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
    """Keep the rows visible at T; what an opportunity became is visible from closed_at. The others stay in ``all_x``."""
    clock, section = CLOCKS.get(table), getattr(config.tables, table)
    recorded = bool(getattr(section, "recorded_at", None))
    if table == "events" and recorded:
        cut_in_place(table, store, limit)
        return
    hidden = [c for c in columns_in(store, f"all_{table}") if c.startswith(HIDDEN)]
    drop = [*hidden, *(["recorded_at"] if recorded else [])]
    stands_in = clock or str(EARLIEST)
    known = f"COALESCE(recorded_at, {stands_in})" if recorded else stands_in
    without = f" EXCLUDE ({', '.join(drop)})" if drop else ""
    keep = f"SELECT *{without}, CAST({known} AS BIGINT) AS recorded_at FROM all_{table}"
    # A table without dates of its own, such as accounts, is visible from recorded_at, or always.
    seen = visible_sql("r", str(limit), clock or "recorded_at")
    store.run(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM ({keep}) AS r WHERE {seen}")
    if table == "opportunities":
        _hide_endings(config, store, limit)


def cut_in_place(table: str, store: Store, limit: int) -> None:
    """Keep the rows visible at T without copying them: ``all_x`` becomes ``x``, and is left with the others alone."""
    clock, hidden = CLOCKS[table], [c for c in columns_in(store, f"all_{table}") if c.startswith(HIDDEN)]
    store.run(f"ALTER TABLE all_{table} RENAME TO {table}")
    store.run(f"UPDATE {table} SET recorded_at = {clock} WHERE recorded_at IS NULL")
    unseen = f"WHERE COALESCE(NOT ({visible_sql(table, str(limit), clock)}), TRUE)"
    store.run(f"CREATE TABLE all_{table} AS SELECT * FROM {table} {unseen}")
    if store.rows(f"SELECT COUNT(*) FROM all_{table}")[0][0]:
        store.run(f"DELETE FROM {table} {unseen}")
    for column in hidden:
        store.run(f"ALTER TABLE {table} DROP COLUMN {column}")


def _hide_endings(config: Config, store: Store, limit: int) -> None:
    """Hide what an opportunity became later; without closed_at its stage and amount have no time, and never show."""
    section = config.tables.opportunities
    given = [c for c in ("closed_at", "stage", "amount") if getattr(section, c)]
    if given:
        open_still = f"WHERE closed_at IS NULL OR closed_at >= {limit}" if "closed_at" in given else ""
        store.run(f"UPDATE opportunities SET {', '.join(f'{c} = NULL' for c in given)} {open_still}")


def find_repeats(table: str, store: Store, apart: tuple[str, ...] = (), begins: str = "") -> bool:
    """Make the table ``repeats_x`` of the few rows whose key stands on other rows, too; tell whether there are any.

    Without a key it is the whole content that repeats. Keys are told apart by their hash, so that no text is kept for it: a
    row that is there for its hash alone does no harm. Columns named in `apart` are no part of a row's content; with
    `begins` it is ``all_x`` that is looked at.
    """
    same, _ = content_columns(begins + table, store, apart)
    by = f"hash({KEYS[table] if KEYS.get(table) in same else ', '.join(same)})"
    store.run(f"CREATE OR REPLACE TABLE twice AS SELECT {by} AS h FROM {begins}{table} GROUP BY h HAVING COUNT(*) > 1")
    some = bool(store.rows("SELECT COUNT(*) FROM twice")[0][0])
    rows = f"WHERE {by} IN (SELECT h FROM twice)" if some else "LIMIT 0"
    store.run(f"CREATE OR REPLACE TABLE repeats_{table} AS SELECT * FROM {begins}{table} {rows}")
    store.run("DROP TABLE twice")
    return some


def drop_duplicates(table: str, store: Store, apart: tuple[str, ...] = ()) -> None:
    """Keep the earliest recorded of rows that are the same in all else; `find_repeats` was asked before.

    Of the columns named in `apart` the smallest stays.
    """
    same, aside = content_columns(table, store, apart)
    kept = ", ".join([*same, *(f'MIN("{c}") AS "{c}"' for c in aside)])
    store.run(f'DELETE FROM {table} WHERE "row" IN (SELECT "row" FROM repeats_{table})')
    store.run(f"INSERT INTO {table} BY NAME SELECT {kept} FROM repeats_{table} GROUP BY {', '.join(same)}")


def content_columns(table: str, store: Store, apart: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """List the columns of a row's content, and those that tell only of the row."""
    there = columns_in(store, table)
    aside = [c for c in there if c in ("row", "recorded_at", *apart)]
    return [c for c in there if c not in aside], aside


def columns_in(store: Store, table: str) -> list[str]:
    """List a table's columns."""
    return [str(row[0]) for row in store.rows(f"DESCRIBE {table}")]

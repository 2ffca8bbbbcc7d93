"""Cutting: ``all_x`` → ``x``, the rows visible at T, each key once; and before that, dates to the end of their day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from leadline.config.schema import Config
from leadline.core.point_in_time import (
    DAY,
    EARLIEST,
    day_end_sql,
    format_instant,
    is_midnight_sql,
    visible_sql,
)
from leadline.errors import DataError
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.schema import CLOCKS, KEYS

__all__ = [
    "HIDDEN",
    "DateColumn",
    "columns_in",
    "content_columns",
    "cut_in_place",
    "drop_duplicates",
    "end_dates",
    "find_repeats",
    "holds_dates",
    "keep_visible",
    "observed_until",
]


HIDDEN = ("said_", "naive_")

"""How columns begin that only tell what a value was before it was cast."""


FEWEST_DATES, FEWEST_DAYS = 20, 5
"""Rows on so many days that are all midnight, from which a column holds dates and no times."""

MIXED = 0.05
"""Share of midnights from which the others of a column with times look like dates: by chance it is one in 86,400."""


@dataclass(frozen=True)
class DateColumn:
    """A column of times of which some are midnight: how many, of how many, and whether they were moved to the day's end."""

    table: str
    column: str
    rows: int
    filled: int
    moved: bool = False


def end_dates(config: Config, store: Store, told: bool) -> Iterator[DateColumn]:
    """Move dates to the end of their day, from which a row of that day is known, and tell of them.

    A date that was read as a time is the day's first instant: its row would be seen before it happened. With `told`,
    columns of dates and times, mixed, are looked for, too.
    """
    zone = config.timezone or "UTC"
    for table in CLOCKS:
        for found in _dates(config, store, table, told):
            if found.moved:
                at = found.column
                store.run(f"UPDATE all_{table} SET {at} = {day_end_sql(at, zone)} WHERE {is_midnight_sql(at, zone)}")
            yield found


def holds_dates(config: Config, store: Store, table: str) -> bool:
    """Tell whether a table's rows would be moved."""
    return any(found.moved for found in _dates(config, store, table, False))


def _dates(config: Config, store: Store, table: str, told: bool) -> Iterator[DateColumn]:
    """Find a table's columns that hold dates; what comes later in a row is looked at first.

    A date isn't moved past what comes later in the row, and has a time; nor is a lead's own, unless the config says so.
    """
    section = getattr(config.tables, table)
    if section is None or section.dates == "start_of_day":
        return
    always, movable = section.dates == "end_of_day", table != "leads"
    for column in reversed(_time_columns(config, table)):
        found = _dates_in(config, store, table, column, told or always)
        if found is None:
            continue
        dates = found.rows == found.filled
        movable = movable and dates
        if found.rows and (always or dates or (table != "leads" and found.rows >= MIXED * found.filled)):
            yield replace(found, moved=always or movable)


def _time_columns(config: Config, table: str) -> list[str]:
    """List a table's columns of times, in the order in which they come in a row."""
    section = getattr(config.tables, table)
    closed = ["closed_at"] if getattr(section, "closed_at", None) else []
    return [CLOCKS[table], *closed, *(["recorded_at"] if section.recorded_at else [])]


def _has_times(config: Config, store: Store, table: str, column: str) -> bool:
    """Tell whether any instant isn't midnight; in a column of times the first rows say so."""
    midnight = is_midnight_sql(column, config.timezone or "UTC")
    return bool(store.rows(f"SELECT 1 FROM all_{table} WHERE NOT ({midnight}) LIMIT 1"))


def _dates_in(config: Config, store: Store, table: str, column: str, counted: bool) -> DateColumn | None:
    """Count the midnights of a column, of one with times only where that is wanted; None where too few rows say nothing."""
    midnight = is_midnight_sql(column, config.timezone or "UTC")
    times = _has_times(config, store, table, column)
    if times and not counted:
        return DateColumn(table, column, 0, 1)
    rows, filled, days = store.rows(
        f"SELECT COUNT(*) FILTER ({midnight}), COUNT({column}), COUNT(DISTINCT {column}) FILTER ({midnight}) FROM all_{table}"
    )[0]
    if getattr(config.tables, table).dates or (rows >= FEWEST_DATES and days >= FEWEST_DAYS):
        return DateColumn(table, column, int(rows), int(filled))
    return DateColumn(table, column, 0, int(filled)) if times else None


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

"""How times are written where that isn't ISO 8601: by the config's `times`, or by the one way in which every row can be read.

03/04/2024 is a day in April or one in March. Where a column's rows leave both open, nobody may guess: the run asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from leadline.config.schema import Query, SqlFile
from leadline.core.checks import Finding, Severity
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal
from leadline.tables.schema import ISO, CanonicalColumn, kind_of_type, reading_sql, text_sql

__all__ = ["TimeReadings", "read_times"]

DAY_FIRST = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d.%m.%Y": "%m.%d.%Y", "%d/%m/%y": "%m/%d/%y", "%d-%m-%y": "%m-%d-%y", "%d.%m.%y": "%m.%d.%y"}  # fmt: skip
"""Each way with the day before the month, and what the same text may mean otherwise."""

OTHERS = (
    "%Y-%m-%d", "%y-%m-%d", "%y/%m/%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y%m%d%H%M%S", "%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", "%d %B %Y", "%d-%b-%y", "%d/%b/%y",
    "%b %d %Y", "%B %d %Y", "%a %b %d %Y", "unix", "unix_ms", "unix_us", "excel",
)  # fmt: skip
READINGS = (*DAY_FIRST, *DAY_FIRST.values(), *OTHERS)

WORDS = {
    "unix": "seconds since 1970",
    "unix_ms": "milliseconds since 1970",
    "unix_us": "microseconds since 1970",
    "excel": "days as Excel counts them",
}
SAMPLE = 2_000
SINCE, COUNTED_SINCE, UNTIL = "1950-01-01", "1990-01-01", "2100-01-01"
"""Years in which a lead's times lie: what is read outside of these is read wrongly, of numbers all the more."""


@dataclass(frozen=True)
class TimeReadings:
    """The columns, each with how its times are written where that was found out, and what is told of it."""

    columns: tuple[CanonicalColumn, ...]
    found: tuple[Finding, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether a column is to be read otherwise than before."""
        return any(f.code == "LL131" for f in self.found)


def read_times(
    table: str, source: Any, columns: tuple[CanonicalColumn, ...], there: dict[str, str], store: Store, raw: str = ""
) -> TimeReadings:
    """Find out how times are written in columns in which no row at all holds an instant as ISO 8601 writes it.

    A source that SQL shapes is left alone: it can say what its times are, and may have compared them as they are.
    """
    if isinstance(source, (Query, SqlFile)):
        return TimeReadings(columns)
    made, found = [], []
    for column in columns:
        kind = kind_of_type(there[column.source])
        if column.role == "time" and not column.reading and kind in ("text", "number"):
            fitting, rows = _fitting(column, there[column.source], store, raw or f"raw_{table}")
            if len(fitting) == 1:
                column = replace(column, reading=fitting[0])
                found.append(_told(table, column, rows))
            elif fitting:
                found.append(_asked(table, column, fitting, rows))
        made.append(column)
    return TimeReadings(tuple(made), tuple(found))


def _fitting(column: CanonicalColumn, type_name: str, store: Store, raw: str) -> tuple[list[str], int]:
    """List the ways in which every row can be read, and how many rows there are; none where a row is in ISO 8601."""
    text = f"NULLIF(TRIM({text_sql(identifier(column.source), type_name)}), '')"
    iso = f"COUNT(*) FILTER (regexp_matches(cell, {literal(ISO)}))"
    rows, usual = store.rows(f"SELECT COUNT(cell), {iso} FROM (SELECT {text} AS cell FROM {raw} LIMIT {SAMPLE}) AS s")[
        0
    ]
    if not rows or usual:
        return [], 0
    few = f"(SELECT {text} AS cell FROM {raw} WHERE {text} IS NOT NULL LIMIT {SAMPLE})"
    likely = _read_by_all(READINGS, f"{few} AS s", store)[0]
    if not likely:
        return [], 0
    return _read_by_all(likely, f"(SELECT {text} AS cell FROM {raw}) AS s WHERE cell IS NOT NULL", store)


def _read_by_all(ways: Sequence[str], rows: str, store: Store) -> tuple[list[str], int]:
    counts = ", ".join(f"COUNT(*) FILTER ({_plausible(way)})" for way in ways)
    total, *fits = store.rows(f"SELECT COUNT(*), {counts} FROM {rows}")[0]
    return [way for way, fit in zip(ways, fits, strict=True) if total and fit == total], int(total)


def _plausible(way: str) -> str:
    since = SINCE if "%" in way else COUNTED_SINCE
    between = f"epoch_us(TIMESTAMP {literal(since)}) AND epoch_us(TIMESTAMP {literal(UNTIL)})"
    return f"COALESCE({reading_sql('cell', way, 'UTC')} BETWEEN {between}, FALSE)"


def _told(table: str, column: CanonicalColumn, rows: int) -> Finding:
    """Note how a column is read, and what shows it."""
    way = column.reading
    other = {**DAY_FIRST, **{second: first for first, second in DAY_FIRST.items()}}.get(way, "")
    evidence = f"as all of its {rows:,} rows can be" + (f", and not all of them as {other}" if other else "")
    return Finding(
        "LL131", Severity.NOTE, f"{table}.{column.source}", f"is read as {WORDS.get(way, way)}, {evidence}", "ISO 8601, or `times`",
        f"nothing to do; to have it read so whatever comes, add `times: {_yaml(way)}` to tables.{table}", rows,
    )  # fmt: skip


def _asked(table: str, column: CanonicalColumn, ways: Sequence[str], rows: int) -> Finding:
    """Ask which of two ways is meant."""
    told = " or ".join(WORDS.get(w, w) for w in ways)
    lines = []
    for way in ways:
        meant = " if 03/04/2024 is in April" if way in DAY_FIRST else " if 03/04/2024 is in March"
        lines.append(f"`times: {_yaml(way)}`{meant if way in READINGS[: 2 * len(DAY_FIRST)] else ''}")
    return Finding(
        "LL132", Severity.ERROR, f"{table}.{column.source}", f"{rows:,} rows can all be read as {told}", "one way to read them",
        f"add to tables.{table} the line {', or '.join(lines)}", rows,
    )  # fmt: skip


def _yaml(way: str) -> str:
    """Write a reading as YAML takes it: a percent sign can't begin a plain scalar."""
    return f'"{way}"' if "%" in way else way

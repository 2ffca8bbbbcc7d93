"""Money that came as text: with thousands, a decimal comma or a currency, read one way for the whole column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leadline.core.checks import Finding, Severity
from leadline.storage import Store
from leadline.storage.dialect import identifier
from leadline.tables.schema import CanonicalColumn, kind_of_type
from leadline.tables.values.numbers import reading_sql

__all__ = ["money_sql", "read_money"]

WAYS = {"point": ("", "thousands marked by commas and decimals by a point"), "comma": ("comma", "a decimal comma")}
THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$"
FEWEST = 5


def read_money(
    table: str, columns: tuple[CanonicalColumn, ...], there: dict[str, str], store: Store
) -> tuple[tuple[CanonicalColumn, ...], list[Finding]]:
    """Find out how money is written where a row is no plain number, and tell of points that may mark thousands."""
    made, found = [], list[Finding]()
    for column in columns:
        if column.role == "money" and kind_of_type(there[column.source]) == "text":
            column = replace(column, reading=_reading(column, table, store))
            found += _told(table, column, store)
        made.append(column)
    return tuple(made), found


def money_sql(column: CanonicalColumn) -> str:
    """Write an amount in cents, as its column writes amounts."""
    value = reading_sql(identifier(column.source), "comma" if column.reading == "comma" else "")
    return f"TRY_CAST(ROUND({value} * 100) AS BIGINT)"


def _reading(column: CanonicalColumn, table: str, store: Store) -> str:
    """Return the one way by which every row is an amount in whole cents; "" where all are plain numbers, or no way fits."""
    text = f"NULLIF(TRIM({identifier(column.source)}), '')"
    whole = {w: f"ABS(100 * {w} - ROUND(100 * {w})) < 1e-4" for w in WAYS}
    values = ", ".join(f"{reading_sql('cell', code)} AS {way}" for way, (code, _) in WAYS.items())  # type: ignore[arg-type]
    filled, plain = store.rows(f"SELECT COUNT({text}), COUNT(TRY_CAST({text} AS DOUBLE)) FROM raw_{table}")[0]
    if filled == plain:
        return ""
    fits = store.rows(
        f"SELECT {', '.join(f'COUNT(*) FILTER ({test})' for test in whole.values())} "
        f"FROM (SELECT {values} FROM (SELECT {text} AS cell FROM raw_{table}) AS t WHERE cell IS NOT NULL) AS v"
    )[0]
    return next((way for way, fit in zip(WAYS, fits, strict=True) if fit == filled), "")


def _told(table: str, column: CanonicalColumn, store: Store) -> Iterator[Finding]:
    subject = f"{table}.{column.source}"
    if column.reading:
        yield Finding(
            "LL133", Severity.NOTE, subject, f"is read as money with {WAYS[column.reading][1]}, as every row can be", "plain numbers", "nothing to do",
        )  # fmt: skip
        return
    text = f"TRIM({identifier(column.source)})"
    marked, thousands = store.rows(
        f"SELECT COUNT(*) FILTER (CONTAINS({text}, '.')), COUNT(*) FILTER (regexp_matches({text}, '{THOUSANDS}')) FROM raw_{table}"
    )[0]
    if marked == thousands >= FEWEST:
        yield Finding(
            "LL133", Severity.WARNING, subject, f"{thousands} amounts have three digits behind their only point, and are read as decimals", "whole cents",
            "if the point marks thousands, export numbers without such marks", int(thousands),
        )  # fmt: skip

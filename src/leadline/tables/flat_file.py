"""The flat file: one row a lead, an outcome column, and a column to order by. It has no dates, and the run says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Finding, Findings, Severity
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal
from leadline.tables.attributes import Attribute, attribute_sql, choose_attributes, is_untold
from leadline.tables.checks import fitting_nothing, missing_column, unusable_column
from leadline.tables.outcome_levels import means_sql
from leadline.tables.schema import (
    BLANKS,
    CanonicalColumn,
    cast_sql,
    find_column,
    kind_of_type,
    reading_of,
    text_sql,
)
from leadline.tables.values.numbers import read_text_columns
from leadline.tables.values.times import read_times

__all__ = ["FEW_UNORDERED", "outcome_sql", "read_flat_file"]

FEW_UNORDERED = 0.1
"""Share of rows that may lack a place in the order: they are left out, and told."""


def read_flat_file(
    config: Config, store: Store, section: Any, known: Collection[Attribute] | None, scoring: bool, known_at: int | None
) -> tuple[tuple[Attribute, ...], Findings]:
    """Read the file into ``leads(row, lead_id, account_id, order_at, outcome, …attributes)``.

    ``order_at`` is a BIGINT (microseconds where the column holds dates, which ``is_dated`` says; the row's number for
    ``row``), ``outcome`` 1, 0 or NULL, ``said_outcome`` the cell's own word, for the checks. When `scoring` another file, the outcome and order columns may be missing.
    """
    key, order = section.key, config.snapshots.order_by or "row"
    outcome = str(config.outcome.column)
    there = store.read("raw_leads", section.source, [key], untold=True)
    names = {name: find_column(name, there)[0] for name in (key, order, outcome)}
    needed = [n for n in (key, *(() if scoring else (order, outcome))) if n != "row"]
    found = [missing_column("tables.leads", n, find_column(n, there)[1]) for n in needed if names[n] is None]
    taken = [n for n in (key, order, outcome) if n != "row"]
    attributes, missing, unusable = choose_attributes("leads", section, there, taken, known)
    found += [missing_column("tables.leads", name, hint) for name, hint in missing]
    found += [unusable_column("leads", name) for name in unusable]
    if known is None and not scoring:
        found += fitting_nothing("leads", section, there, [*unusable, *(a.column for a in attributes)])
    result = Findings(tuple(found))
    if not result.of(Severity.ERROR):
        ordered, told = _order_column(section, names[order], there, store)
        result += Findings(told)
        if result.of(Severity.ERROR):
            return attributes, result
        order_sql = _order_sql(order, ordered, there, config, store)
        if order_sql is None:
            return attributes, result + Findings((_no_order(order),))
        is_dated = ordered is not None and order_sql == cast_sql(ordered, there[ordered.source], config)
        positive = outcome_sql(config, identifier(names[outcome] or "")) if names[outcome] else "CAST(NULL AS DOUBLE)"
        key_sql = (
            "CAST(row_number() OVER () AS VARCHAR)"
            if key == "row"
            else f"NULLIF(TRIM({text_sql(identifier(str(names[key])), there[str(names[key])])}, {literal(BLANKS)}), '')"
        )
        parts = [
            'row_number() OVER () AS "row"', f"{key_sql} AS lead_id", "CAST(NULL AS VARCHAR) AS account_id",
            f"{order_sql} AS order_at", f"{is_dated} AS is_dated", f"{positive} AS outcome",
            *([f"NULLIF(TRIM(CAST({identifier(names[outcome] or '')} AS VARCHAR)), '') AS said_outcome"] if not scoring else []),
            *(f"{attribute_sql(a, there[a.column])} AS {a.name}" for a in attributes),
        ]  # fmt: skip
        store.run(f"CREATE OR REPLACE TABLE leads AS SELECT {', '.join(parts)} FROM raw_leads")
        if not scoring:
            result += Findings(tuple(_unordered(store, order)))
        untold = [a.name for a in attributes if is_untold(a, there[a.column])]
        visible = f"order_at < {known_at}" if known_at is not None and not scoring else "TRUE"
        attributes, left_out, said = read_text_columns("leads", attributes, untold, known, store, visible)
        result += Findings((*(unusable_column("leads", column) for column in left_out), *said))
    return attributes, result


def outcome_sql(config: Config, column: str) -> str:
    """Write 1.0, 0.0, or NULL for a row's outcome where it has none yet: the cell is blank, or says what `open` lists."""
    asked, text = config.outcome, f"TRIM(CAST({column} AS VARCHAR))"
    positive = means_sql(column, () if asked.positive is None else (asked.positive,))
    return (
        f"CASE WHEN {column} IS NULL OR {text} = '' THEN NULL WHEN {positive} THEN 1.0 "
        f"WHEN {means_sql(column, asked.open)} THEN NULL ELSE 0.0 END"
    )


def _order_column(
    section: Any, column: str | None, there: dict[str, str], store: Store
) -> tuple[CanonicalColumn | None, tuple[Finding, ...]]:
    """Return the column that orders the rows, with how its times are written; what counts up needs no reading."""
    if column is None:
        return None, ()
    ordered = CanonicalColumn("order_at", column, "time", reading=reading_of(section, column))
    counting = f"SELECT 1 FROM raw_leads WHERE TRY_CAST({identifier(column)} AS DOUBLE) IS NOT NULL LIMIT 1"
    if kind_of_type(there[column]) != "text" or store.rows(counting):
        return ordered, ()
    read = read_times("leads", section.source, (ordered,), there, store)
    return read.columns[0], read.found


def _order_sql(
    order: str, ordered: CanonicalColumn | None, there: dict[str, str], config: Config, store: Store
) -> str | None:
    if order == "row" and ordered is None:
        return "CAST(row_number() OVER () AS BIGINT)"
    if ordered is None:
        return "CAST(NULL AS BIGINT)"
    quoted, kind = identifier(ordered.source), kind_of_type(there[ordered.source])
    number, instant = f"TRY_CAST({quoted} AS DOUBLE)", cast_sql(ordered, there[ordered.source], config)
    if kind == "text":
        filled, numbers = store.rows(f"SELECT COUNT({quoted}), COUNT({number}) FROM raw_leads")[0]
        instants = store.rows(f"SELECT COUNT({instant}) FROM raw_leads")[0][0]
        if filled and not numbers and not instants:
            return None
        kind = "number" if numbers >= instants else "time"
    if kind == "time":
        return instant
    if kind == "number":
        # Whole numbers only: two rows whose order differs by a fraction must not become one.
        return f"CASE WHEN {number} = FLOOR({number}) THEN TRY_CAST({quoted} AS BIGINT) END"
    return None


def _unordered(store: Store, order: str) -> list[Finding]:
    """Tell ended rows without a place in the order: a few are left out; where they are many, the column isn't the order.

    Open rows need none: they train nothing.
    """
    lacking = "outcome IS NOT NULL AND order_at IS NULL"
    count, first, ended = store.rows(
        f'SELECT COUNT(*) FILTER ({lacking}), MIN("row") FILTER ({lacking}), COUNT(outcome) FROM leads'
    )[0]
    if not count:
        return []
    few = count <= FEW_UNORDERED * ended
    return [Finding(
        "LL105", Severity.WARNING if few else Severity.ERROR, f"leads.{order}",
        f"{count} rows hold no whole number or date (first: row {first}){' and are left out of training and judging' if few else ''}",
        "an order for each row", "mend the column or use `order_by: row`", count,
    )]  # fmt: skip


def _no_order(order: str) -> Finding:
    return Finding(
        "LL105", Severity.ERROR, f"leads.{order}", "text, which says nothing of time", "whole numbers or dates",
        "name another column, or use `order_by: row` if the file is in the order of time",
    )  # fmt: skip

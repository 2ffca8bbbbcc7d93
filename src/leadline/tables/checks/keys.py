"""Checks of keys and of the rows behind them: missing, repeated, ambiguous, orphaned, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.storage.dialect import identifier
from leadline.tables.checks.base import Answer, Context, outcome_tables
from leadline.tables.schema import KEYS
from leadline.tables.visibility import content_columns, find_repeats

__all__ = [
    "apart",
    "duplicate_key",
    "empty_needed",
    "empty_other",
    "missing_key",
    "missing_lead",
    "repeated_rows",
]


def empty_needed(context: Context) -> Iterator[Answer]:
    """Tell a table without which nothing can be done, when it has no visible row."""
    outcome = outcome_tables(context.config)
    sizes = {t: context.count(t, "TRUE")[0] for t in ["leads", *outcome]}
    if sizes["leads"] == 0:
        yield ("leads", "no row is visible at T", "at least one", "check the source, or choose a later --as-of", 0)
    if outcome and not any(sizes[t] for t in outcome):
        yield (
            ", ".join(outcome),
            "no row is visible at T",
            "at least one",
            "check the source, or choose a later --as-of",
            0,
        )


def empty_other(context: Context) -> Iterator[Answer]:
    """Tell a table that is named but has no row."""
    for table in context.config.tables.given():
        if table not in ("leads", *outcome_tables(context.config)) and context.count(table, "TRUE")[0] == 0:
            yield (table, "no row is visible at T", "at least one", "check the source, or leave the table out", 0)


def missing_key(context: Context) -> Iterator[Answer]:
    """Tell rows of leads, accounts, events or opportunities without a key."""
    for table, key in KEYS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.key is not None:
            count, first = context.count(table, f"{key} IS NULL")
            if count:
                yield (
                    f"{table}.{section.key}",
                    f"{count} rows have no key (first: row {first})",
                    "a key in each",
                    "mend the export",
                    count,
                )


def missing_lead(context: Context) -> Iterator[Answer]:
    """Tell rows that belong to no lead; they count for nothing."""
    for table in ("events", "stages", "history", "touches"):
        section = getattr(context.config.tables, table)
        if section is not None:
            nobody = "lead_id IS NULL" + (" AND account_id IS NULL" if getattr(section, "account", None) else "")
            count, first = context.count(table, nobody)
            if count:
                yield (
                    f"{table}.{section.lead}",
                    f"{count} rows name no lead (first: row {first}) and are left out",
                    "a lead in each",
                    "mend the export if they should have one",
                    count,
                )


def repeated_rows(context: Context) -> Iterator[Answer]:
    """Tell rows that repeat a key exactly; the earliest recorded stays."""
    for table, key in KEYS.items():
        section = getattr(context.config.tables, table)
        subject, dropped = context.repeated.get(table, ("", 0))
        if section is not None and section.key is not None:
            subject, dropped = f"{table}.{section.key}", _repeated(context, table, key)
        if dropped:
            yield (
                subject,
                f"{dropped} rows repeat another exactly and are dropped",
                "each row once",
                "nothing to do; the earliest recorded stays",
                dropped,
            )


def _repeated(context: Context, table: str, key: str) -> int:
    """Make the table of repeats, and count the rows of it that are too many."""
    if not find_repeats(table, context.store, apart(context)):
        context.unique.add(table)
        return 0
    each = f"SELECT COUNT(*) AS n FROM repeats_{table} WHERE {key} IS NOT NULL GROUP BY {_content(context, table)}"
    return int(context.store.rows(f"SELECT COALESCE(SUM(n - 1), 0) FROM ({each}) AS t")[0][0])


def apart(context: Context) -> tuple[str, ...]:
    """Name what tells only of a row's place in its file, or how its outcome is spelled."""
    return ("said_outcome", *(("order_at",) if context.config.snapshots.order_by == "row" else ()))


def _content(context: Context, table: str) -> str:
    """Name the columns of a row that aren't about the row itself."""
    return ", ".join(identifier(c) for c in content_columns(table, context.store, apart(context))[0])


def duplicate_key(context: Context) -> Iterator[Answer]:
    """Tell keys that stand on several rows with different content."""
    for table, key in KEYS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.key is not None and table not in context.unique:
            each = f'SELECT {key}, MIN("row") AS r FROM repeats_{table} WHERE {key} IS NOT NULL GROUP BY {_content(context, table)}'
            rows = context.store.rows(
                f"SELECT COUNT(*), MIN(r) FROM (SELECT MIN(r) AS r FROM ({each}) AS t GROUP BY {key} HAVING COUNT(*) > 1)"
            )[0]
            if rows[0]:
                yield (
                    f"{table}.{section.key}",
                    f"{rows[0]} keys stand on several rows with different content (first: row {rows[1]})",
                    "each key once",
                    "mend the export: one row a key",
                    int(rows[0]),
                )

"""The checks of the tables, LL1xx: keys, clocks, types and order, on the rows visible at T.

``CHECKS`` run on the tables cut at T with their repeats, ``AFTER`` once repeats are gone, ``FLAT`` on a flat file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadline.checks import Check, Finding, Severity
from leadline.config import LADDER, Config
from leadline.tables import merges
from leadline.tables.attributes import Attribute
from leadline.tables.schema import CLOCKS, KEYS
from leadline.tables.store import Store
from leadline.tables.store.dialect import identifier, literal

__all__ = ["AFTER", "CHECKS", "FLAT", "Context", "missing_column", "unusable_column"]

Answer = tuple[str, str, str, str, int]

SHARED = 20
"""A word that at least so many leads share may be told; anything rarer could point at a person."""


@dataclass(frozen=True)
class Context:
    """What a check may look at."""

    config: Config
    store: Store
    limit: int
    attributes: tuple[Attribute, ...]
    default_limit: bool

    def count(self, table: str, where: str) -> tuple[int, int]:
        """Count a table's rows under a condition; return the count and the first row's number."""
        count, first = self.store.rows(f'SELECT COUNT(*), MIN("row") FROM {table} WHERE {where}')[0]
        return int(count), int(first or 0)


def missing_column(subject: str, name: str, hint: str) -> Finding:
    """Say that a column isn't there."""
    return Finding(
        "LL101",
        Severity.ERROR,
        subject,
        f"no column {name!r} ({hint})",
        "a column of that name",
        "mend the config or the export",
    )


def unusable_column(table: str, name: str) -> Finding:
    """Say that a column is left out for its type."""
    return Finding(
        "LL119", Severity.WARNING, f"{table}.{name}", "a date, or nested values, left out", "numbers or text",
        "make a number or a word of it in a {query: …} source, or drop it from attributes",
    )  # fmt: skip


def _outcome_tables(config: Config) -> list[str]:
    return [t for t in ("stages", "opportunities") if getattr(config.tables, t) is not None]


def empty_needed(context: Context) -> Iterator[Answer]:
    """Tell a table without which nothing can be done, when it has no visible row."""
    outcome = _outcome_tables(context.config)
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
        if table not in ("leads", *_outcome_tables(context.config)) and context.count(table, "TRUE")[0] == 0:
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
    for table in ("events", "stages", "history"):
        section = getattr(context.config.tables, table)
        if section is not None:
            count, first = context.count(table, "lead_id IS NULL")
            if count:
                yield (
                    f"{table}.{section.lead}",
                    f"{count} rows name no lead (first: row {first}) and are left out",
                    "a lead in each",
                    "mend the export if they should have one",
                    count,
                )


def missing_time(context: Context) -> Iterator[Answer]:
    """Tell rows without a time; nobody can say when they were known."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None:
            count, first = context.count(f"all_{table}", f"{clock} IS NULL")
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows have no time (first: row {first}) and are left out",
                    "a time in each",
                    "mend the export",
                    count,
                )


def recorded_first(context: Context) -> Iterator[Answer]:
    """Tell rows that were recorded before they happened, by more than the clocks may differ."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.recorded_at:
            count, first = context.count(table, f"{clock} > recorded_at + {section.max_clock_skew.micros}")
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows lie after recorded_at (first: row {first})",
                    f"{clock} ≤ recorded_at",
                    f"fix the export or set tables.{table}.max_clock_skew",
                    count,
                )


def future_rows(context: Context) -> Iterator[Answer]:
    """Tell rows known at T that are dated at or after it; they wait until their time comes."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.recorded_at:
            count, first = context.count(
                f"all_{table}", f"recorded_at < {context.limit} AND {clock} >= {context.limit}"
            )
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows known at T lie in its future (first: row {first}) and wait for their time",
                    f"{clock} < T",
                    "check the source's clock",
                    count,
                )


def duplicate_key(context: Context) -> Iterator[Answer]:
    """Tell keys that stand on several rows with different content."""
    for table, key in KEYS.items():
        if getattr(context.config.tables, table) is not None and getattr(context.config.tables, table).key is not None:
            rows = context.store.rows(
                f'SELECT COUNT(*), MIN(r) FROM (SELECT MIN("row") AS r FROM {table} WHERE {key} IS NOT NULL GROUP BY {key} HAVING COUNT(*) > 1)'
            )[0]
            if rows[0]:
                yield (
                    f"{table}.{getattr(context.config.tables, table).key}",
                    f"{rows[0]} keys stand on several rows with different content (first: row {rows[1]})",
                    "each key once",
                    "mend the export: one row a key",
                    int(rows[0]),
                )


def repeated_rows(context: Context) -> Iterator[Answer]:
    """Tell rows that repeat a key exactly; the earliest recorded stays."""
    for table, key in KEYS.items():
        section = getattr(context.config.tables, table)
        if section is None or section.key is None:
            continue
        skip = {"row", "recorded_at"}
        names = [c for c in context.store.arrow(f"SELECT * FROM {table} LIMIT 0").column_names if c not in skip]
        total, keys = context.store.rows(
            f"SELECT COUNT(*), COUNT(DISTINCT {key}) FROM {table} WHERE {key} IS NOT NULL"
        )[0]
        if total == keys:
            continue
        same = ", ".join(identifier(n) for n in names)
        dropped = context.store.rows(
            f"SELECT SUM(n - 1) FROM (SELECT COUNT(*) AS n FROM {table} WHERE {key} IS NOT NULL GROUP BY {same} HAVING COUNT(*) > 1)"
        )[0][0]
        if dropped:
            yield (
                f"{table}.{section.key}",
                f"{int(dropped)} rows repeat another exactly and are dropped",
                "each row once",
                "nothing to do; the earliest recorded stays",
                int(dropped),
            )


def orphans(context: Context) -> Iterator[Answer]:
    """Tell rows whose lead isn't among the leads."""
    for table in ("events", "stages", "opportunities", "history"):
        section = getattr(context.config.tables, table)
        if section is not None and section.lead is not None:
            count, first = context.count(table, "lead_id IS NOT NULL AND lead_id NOT IN (SELECT lead_id FROM leads)")
            if count:
                yield (
                    f"{table}.{section.lead}",
                    f"{count} rows name a lead that isn't in leads (first: row {first})",
                    "known leads",
                    "check that leads is complete; these rows count for nothing",
                    count,
                )


def impossible_order(context: Context) -> Iterator[Answer]:
    """Tell stages that were reached before their lead was created, and opportunities closed before they began."""
    tables = context.config.tables
    if tables.stages is not None:
        rows = context.store.rows(
            'SELECT COUNT(*), MIN(s."row") FROM stages AS s JOIN leads AS l ON l.lead_id = s.lead_id WHERE s.changed_at < l.created_at'
        )[0]
        if rows[0]:
            yield (
                f"stages.{tables.stages.changed_at}",
                f"{rows[0]} rows lie before their lead's creation (first: row {rows[1]})",
                "stages after creation",
                "check created_at; such leads are never open",
                int(rows[0]),
            )
    if tables.opportunities is not None and tables.opportunities.closed_at:
        count, first = context.count("opportunities", "closed_at < created_at")
        if count:
            yield (
                f"opportunities.{tables.opportunities.closed_at}",
                f"{count} rows were closed before they were created (first: row {first})",
                "created_at ≤ closed_at",
                "mend the export",
                count,
            )


def unmapped_stages(context: Context) -> Iterator[Answer]:
    """Tell stage words that the config doesn't map."""
    if context.config.tables.stages is None:
        return
    known = context.config.words(*LADDER, "lost", "rejected")
    listed = ", ".join(literal(word) for word in known)
    rows = context.store.rows(
        f"SELECT stage, COUNT(*), COUNT(DISTINCT lead_id) FROM stages WHERE stage IS NOT NULL AND LOWER(stage) NOT IN ({listed}) GROUP BY stage ORDER BY 2 DESC, 1"
    )
    if rows:
        shown = [str(word)[:40] for word, _, leads in rows if leads >= SHARED][:5]
        naming = f": {', '.join(shown)}{', …' if len(rows) > len(shown) else ''}" if shown else ""
        total = sum(int(r[1]) for r in rows)
        yield (
            "stages",
            f"{len(rows)} stage words on {total} rows aren't mapped and are ignored{naming}",
            f"words for {', '.join(LADDER)}, lost, rejected",
            "map them under `stages:` if they matter",
            total,
        )


def merge_cycle(context: Context) -> Iterator[Answer]:
    """Tell merges that come back to where they began."""
    if context.config.tables.merges is not None:
        count = merges.cycles(merges.known(context.store))
        if count:
            yield ("merges", f"{count} records are merged in a circle", "chains that end", "mend the export", count)


def one_clock(context: Context) -> Iterator[Answer]:
    """Note the tables without recorded_at, where the time of the act stands in."""
    for table in ("events", "stages", "opportunities"):
        section = getattr(context.config.tables, table)
        if section is not None and not section.recorded_at:
            yield (
                table,
                f"no recorded_at, so {CLOCKS[table]} stands in",
                "both clocks",
                "name recorded_at if the source has it; late rows can't be told without it",
                0,
            )


def account_taken_as_fixed(context: Context) -> Iterator[Answer]:
    """Note whether the lead's account comes from history or is taken as fixed."""
    tables = context.config.tables
    if tables.leads.account is None:
        return
    known = tables.history is not None and context.count("history", f"field = {literal(tables.leads.account)}")[0] > 0
    seen = "is read as of each snapshot from history" if known else "is taken as fixed, as history doesn't have it"
    yield (f"leads.{tables.leads.account}", seen, "an account known at as_of", "nothing to do", 0)


def late_behaviours(context: Context) -> Iterator[Answer]:
    """Tell event types that appear only once the outcome has come: they can't carry anything."""
    if (
        context.config.tables.events is None
        or context.config.outcome.reaches is None
        or context.config.tables.stages is None
    ):
        return
    words = context.config.words(*LADDER[LADDER.index(context.config.outcome.reaches) :])
    if not words:
        return
    listed = ", ".join(literal(w) for w in words)
    rows = context.store.rows(
        f"WITH o AS (SELECT lead_id, MIN(changed_at) AS at FROM stages WHERE LOWER(stage) IN ({listed}) GROUP BY lead_id) "
        "SELECT e.behaviour, COUNT(DISTINCT e.lead_id), COUNT(*) FROM events AS e LEFT JOIN o ON o.lead_id = e.lead_id "
        "WHERE e.behaviour IS NOT NULL GROUP BY e.behaviour "
        f"HAVING SUM(CASE WHEN o.at IS NULL OR e.occurred_at < o.at THEN 1 ELSE 0 END) = 0 AND COUNT(DISTINCT e.lead_id) >= {SHARED} ORDER BY 1"
    )
    for behaviour, leads, count in rows:
        yield (
            f"events type {str(behaviour)[:60]}",
            f"all {count} rows ({leads} leads) come after the outcome",
            "some before it",
            "nothing to do: snapshots end at the outcome, so it carries nothing",
            int(count),
        )


def flat_file(context: Context) -> Iterator[Answer]:
    """Note that the laws of time have nothing to hold on to in a flat file."""
    yield (
        "leads",
        "a flat file has no dates, so the clock rule, ripeness and histories are not applicable",
        "dated tables",
        "export events and stages with their times to be protected by them",
        0,
    )


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

CHECKS: tuple[Check[Context], ...] = (
    Check("LL110", "needed table without rows", ERROR, empty_needed),
    Check("LL111", "table without rows", WARNING, empty_other),
    Check("LL112", "missing key", ERROR, missing_key),
    Check("LL113", "row without a lead", WARNING, missing_lead),
    Check("LL114", "row without a time", WARNING, missing_time),
    Check("LL106", "recorded before it happened", ERROR, recorded_first),
    Check("LL107", "row in the future", WARNING, future_rows),
    Check("LL103", "repeated row", WARNING, repeated_rows),
)
AFTER: tuple[Check[Context], ...] = (
    Check("LL102", "duplicate key", ERROR, duplicate_key),
    Check("LL108", "orphan row", WARNING, orphans),
    Check("LL109", "impossible order", WARNING, impossible_order),
    Check("LL115", "unmapped stage word", WARNING, unmapped_stages),
    Check("LL116", "circular merges", ERROR, merge_cycle),
    Check("LL117", "one clock only", NOTE, one_clock),
    Check("LL118", "lead's account", NOTE, account_taken_as_fixed),
    Check("LL120", "behaviour only after the outcome", WARNING, late_behaviours),
)
FLAT: tuple[Check[Context], ...] = (
    Check("LL110", "needed table without rows", ERROR, empty_needed),
    Check("LL112", "missing key", ERROR, missing_key),
    Check("LL102", "duplicate key", ERROR, duplicate_key),
    Check("LL121", "laws of time not applicable", NOTE, flat_file),
)

"""Reading: sources → ``all_x``, canonical columns and a row number for every row of the source; none is cut yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Finding, Findings, Severity
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal
from leadline.tables import checks
from leadline.tables.attributes import Attribute, attribute_sql, choose_attributes, is_untold
from leadline.tables.schema import (
    CLOCKS,
    LETTERED,
    ZONED,
    CanonicalColumn,
    cast_sql,
    columns_of,
    find_column,
    is_nested,
    kind_of_type,
    looks_naive,
)
from leadline.tables.values.money import money_sql, read_money
from leadline.tables.values.times import read_times

__all__ = ["ReadResult", "canonical_sql", "read_all", "resolve", "run_canonical", "unreadable"]


@dataclass(frozen=True)
class ReadResult:
    """What reading gave: the attributes, which of them came as text of unknown kind, and what couldn't be read."""

    attributes: tuple[Attribute, ...]
    untold: tuple[str, ...]
    found: Findings


def read_all(config: Config, store: Store, known: Collection[Attribute] | None, known_at: int | None) -> ReadResult:
    """Read every source into ``all_x``; gather missing columns and unreadable values of all of them."""
    attributes: list[Attribute] = []
    untold: list[str] = []
    found: list[Finding] = []
    for table, section in config.tables.given().items():
        columns = columns_of(table, section)
        described = table in ("leads", "accounts")
        there = store.read(f"raw_{table}", section.source, [c.source for c in columns], untold=described)
        resolved, problems = resolve(table, columns, there)
        mine: tuple[Attribute, ...] = ()
        if described:
            mine, missing, unusable = choose_attributes(table, section, there, (), known)
            problems += [checks.missing_column(f"tables.{table}.attributes", name, hint) for name, hint in missing]
            found += [checks.unusable_column(table, name) for name in unusable]
            if known is None:  # a model's own columns are settled
                found += checks.fitting_nothing(table, section, there, [*unusable, *(a.column for a in mine)])
        found += problems
        if not problems:
            resolved, told = run_canonical(table, section, resolved, mine, there, config, store)
            found += told
            asked = {f.subject for f in told if f.code == "LL132"}
            read = tuple(c for c in resolved if f"{table}.{c.source}" not in asked)
            found += unreadable(table, read, there, config, store, known_at)
            attributes += mine
            untold += [a.name for a in mine if is_untold(a, there[a.column])]
    return ReadResult(tuple(attributes), tuple(untold), Findings(tuple(found)))


def resolve(
    table: str, columns: tuple[CanonicalColumn, ...], there: dict[str, str]
) -> tuple[tuple[CanonicalColumn, ...], list[Finding]]:
    """Find each mapped column in the source, by its exact name or its letters."""
    resolved, problems = [], []
    for column in columns:
        name, hint = find_column(column.source, there)
        if name is None:
            problems.append(checks.missing_column(f"tables.{table}", column.source, hint))
        else:
            resolved.append(replace(column, source=name))
            if is_nested(there[name]):
                problems.append(checks.nested_column(f"tables.{table}", column.source))
    return tuple(resolved), problems


def canonical_sql(
    table: str,
    columns: tuple[CanonicalColumn, ...],
    attributes: tuple[Attribute, ...],
    there: dict[str, str],
    config: Config,
) -> str:
    """Write the statement that makes ``all_x`` of ``raw_x``: every row, numbered, cast, and what it said before the cast."""
    parts = ['row_number() OVER () AS "row"']
    for c in columns:
        written = c.role == "money" and c.reading
        parts.append(f"{money_sql(c) if written else cast_sql(c, there[c.source], config)} AS {c.name}")
    parts += [f"{attribute_sql(a, there[a.column])} AS {a.name}" for a in attributes]
    if table == "history":
        value = next(c for c in columns if c.name == "value")
        parts.append(f"TRY_CAST({cast_sql(value, there[value.source], config)} AS DOUBLE) AS value_number")
    for c in columns:
        if c.role in ("time", "money"):
            said = f"{identifier(c.source)} IS NOT NULL"
            if (
                kind_of_type(there[c.source]) == "text"
            ):  # what has a type of its own is never blank, and is dear to spell out
                said += f" AND TRIM(CAST({identifier(c.source)} AS VARCHAR)) <> ''"
            parts.append(f"({said}) AS said_{c.name}")
        if c.role == "time":
            parts.append(f"{looks_naive(c, there[c.source])} AS naive_{c.name}")
    return f"CREATE OR REPLACE TABLE all_{table} AS SELECT {', '.join(parts)} FROM raw_{table}"


def run_canonical(
    table: str,
    section: Any,
    columns: tuple[CanonicalColumn, ...],
    attributes: tuple[Attribute, ...],
    there: dict[str, str],
    config: Config,
    store: Store,
) -> tuple[tuple[CanonicalColumn, ...], list[Finding]]:
    """Make ``all_x``, once it is known how money is written; where a row has no instant, so for its times, and anew."""
    columns, money = read_money(table, columns, there, store)
    store.run(canonical_sql(table, columns, attributes, there, config))
    unread = " OR ".join(f"(said_{c.name} AND {c.name} IS NULL)" for c in columns if c.role == "time")
    if not unread or not store.rows(f"SELECT 1 FROM all_{table} WHERE {unread} LIMIT 1"):
        return columns, money
    told = read_times(table, section.source, columns, there, store)
    if told.is_new:
        store.run(canonical_sql(table, told.columns, attributes, there, config))
    return told.columns, [*money, *told.found]


def unreadable(
    table: str,
    columns: tuple[CanonicalColumn, ...],
    there: dict[str, str],
    config: Config,
    store: Store,
    known_at: int | None,
) -> list[Finding]:
    """Tell instants without a zone, and what is no instant or no number, in rows that don't clearly lie after T."""
    clocks = {CLOCKS.get(table), "recorded_at"} & {c.name for c in columns}
    later = [f"COALESCE({clock} >= {known_at}, FALSE)" for clock in sorted(map(str, clocks)) if known_at is not None]
    seen = f"NOT ({' OR '.join(later)})" if later else "TRUE"
    found = []
    for c in columns:
        if c.role not in ("time", "money"):
            continue
        count, first = store.rows(
            f'SELECT COUNT(*), MIN("row") FROM all_{table} WHERE said_{c.name} AND {c.name} IS NULL AND {seen}'
        )[0]
        if count:
            noun = "instant (ISO 8601, years 1 to 9999)" if c.role == "time" else "number"
            kind = (
                f", in a column of {there[c.source].lower()}"
                if c.role == "time" and kind_of_type(there[c.source]) == "number"
                else ""
            )
            fix = "mend the export, or shape it with a {query: …} source"
            if c.role == "time" and kind_of_type(there[c.source]) == "text" and _lettered(table, c, store):
                fix = "write the zone as an offset such as +01:00: its letters are those of several places"
            found.append(Finding(
                "LL105", Severity.ERROR, f"{table}.{c.source}", f"{count} rows hold no {noun} (first: row {first}){kind}", f"a{'n' * (c.role == 'time')} {noun.split(' (')[0]} in each",
                fix, count,
            ))  # fmt: skip
        if c.role == "time" and config.timezone is None:
            count, first = store.rows(f'SELECT COUNT(*), MIN("row") FROM all_{table} WHERE naive_{c.name} AND {seen}')[
                0
            ]
            if count:
                found.append(Finding(
                    "LL104", Severity.ERROR, f"{table}.{c.source}", f"{count} rows have no time zone (first: row {first})", "a zone in each",
                    "set `timezone:` in the config to the zone that the export uses", count,
                ))  # fmt: skip
    return found


def _lettered(table: str, column: CanonicalColumn, store: Store) -> bool:
    """Tell whether times end in a zone's letters other than those that stand for UTC."""
    text = f"TRIM(CAST({identifier(column.source)} AS VARCHAR))"
    lettered = f"regexp_matches({text}, {literal(LETTERED)}) AND NOT regexp_matches({text}, {literal(ZONED)})"
    return bool(store.rows(f"SELECT 1 FROM raw_{table} WHERE {lettered} LIMIT 1"))

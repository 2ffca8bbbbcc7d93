"""Loading: sources → canonical tables, cut at T, without repeats, with merges followed.

Data between the stages here: ``raw_x`` is the source as it is; ``all_x`` has canonical columns and a row number;
``x`` has only the rows visible at T, each key once. Everything downstream reads ``x``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadline.checks import Finding, Findings, Severity, run
from leadline.config import Config, Source
from leadline.errors import DataError
from leadline.tables import flat, ladder, merges, rules
from leadline.tables.attributes import Attribute, attribute_sql, choose_attributes
from leadline.tables.schema import CLOCKS, KEYS, Column, cast_sql, columns_of, find_column, kind_of_type, looks_naive
from leadline.tables.store import Store
from leadline.tables.store.dialect import identifier
from leadline.tables.store.sources import without_secrets
from leadline.times import DAY, format_instant, visible_sql

__all__ = ["Loaded", "load"]


@dataclass(frozen=True)
class Loaded:
    """The tables as known at T.

    Attributes
    ----------
    store : Store
        Where they lie.
    known_at : int
        T, in microseconds (for a flat file: a value of the order column, or None for every row).
    observed_until : int
        The newest recorded time of the outcome's table, among rows known at T.
    attributes : tuple of Attribute
        The attributes in use.
    rows : dict of str to int
        How many rows each table has.
    findings : Findings
        What the checks saw.
    fingerprints : dict of str to str
        A hash of each table's content, whatever its order.
    sources : dict of str to str
        Where each table came from, without secrets.
    """

    store: Store
    known_at: int | None
    observed_until: int | None
    attributes: tuple[Attribute, ...]
    rows: dict[str, int]
    findings: Findings
    fingerprints: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


def load(
    config: Config,
    store: Store,
    known_at: int | None = None,
    kinds: Mapping[str, str] | None = None,
    leads_source: Source | None = None,
) -> Loaded:
    """Load the tables of a config, as they were known at T.

    Parameters
    ----------
    config : Config
        The config.
    store : Store
        An open, empty store.
    known_at : int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    kinds : mapping of str to str, optional
        The kinds of attributes that a trained model knows.
    leads_source : Source, optional
        For a flat file: another file with rows to score, whose outcome may be missing.

    Raises
    ------
    DataError
        A column is missing or can't be read, or there are no leads; every such error is told at once.
    MissingError
        A file isn't there.
    """
    if config.is_flat:
        section = (
            config.tables.leads
            if leads_source is None
            else config.tables.leads.model_copy(update={"source": leads_source})
        )
        return _load_flat(config, store, section, known_at, kinds, scoring=leads_source is not None)
    attributes, found = _read_all(config, store, kinds)
    found.raise_errors()
    until = _observed_until(config, store, known_at)
    limit = until if known_at is None else known_at
    for table in config.tables.given():
        _cut(table, config, store, limit)
    context = rules.Context(config, store, limit, attributes, default_limit=known_at is None)
    found += run(rules.CHECKS, context)
    for table in CLOCKS:
        section = getattr(config.tables, table)
        if section is not None and not (table == "events" and section.key is None):
            _drop_repeats(table, store)
    found += run(rules.AFTER, context)
    if config.tables.merges is not None and not found.of(Severity.ERROR):
        merges.follow(store, tuple(config.tables.given()))
    ladder.build(config, store)
    rows = {t: int(store.rows(f"SELECT COUNT(*) FROM {t}")[0][0]) for t in config.tables.given()}
    return Loaded(store, limit, until, attributes, rows, found, _fingerprints(config, store), _sources(config))


def _read_all(config: Config, store: Store, kinds: Mapping[str, str] | None) -> tuple[tuple[Attribute, ...], Findings]:
    """Read every source into ``all_x``; gather missing columns and unreadable values of all of them."""
    attributes: tuple[Attribute, ...] = ()
    found: list[Finding] = []
    for table, section in config.tables.given().items():
        columns = columns_of(table, section)
        there = store.read(f"raw_{table}", section.source, [c.source for c in columns])
        resolved, problems = resolve(table, columns, there)
        mine: tuple[Attribute, ...] = ()
        if table in ("leads", "accounts"):
            mine, missing, unusable = choose_attributes(table, section, there, (), kinds)
            problems += [rules.missing_column(f"tables.{table}.attributes", name, hint) for name, hint in missing]
            found += [rules.unusable_column(table, name) for name in unusable]
        found += problems
        if not problems:
            store.run(_canonical_sql(table, resolved, mine, there, config))
            found += _unreadable(table, resolved, there, config, store)
            attributes += mine
    return attributes, Findings(tuple(found))


def resolve(table: str, columns: tuple[Column, ...], there: dict[str, str]) -> tuple[tuple[Column, ...], list[Finding]]:
    """Find each mapped column in the source, by its exact name or its letters."""
    resolved, problems = [], []
    for column in columns:
        name, hint = find_column(column.source, there)
        if name is None:
            problems.append(rules.missing_column(f"tables.{table}", column.source, hint))
        else:
            resolved.append(replace(column, source=name))
    return tuple(resolved), problems


def _canonical_sql(
    table: str, columns: tuple[Column, ...], attributes: tuple[Attribute, ...], there: dict[str, str], config: Config
) -> str:
    parts = ['row_number() OVER () AS "row"']
    parts += [f"{cast_sql(c, there[c.source], config)} AS {c.name}" for c in columns]
    parts += [f"{attribute_sql(a, there[a.column])} AS {a.name}" for a in attributes]
    if table == "history":
        value = next(c for c in columns if c.name == "value")
        parts.append(f"TRY_CAST({cast_sql(value, there[value.source], config)} AS DOUBLE) AS value_number")
    for c in columns:
        if c.role in ("time", "money"):
            parts.append(
                f"({identifier(c.source)} IS NOT NULL AND TRIM(CAST({identifier(c.source)} AS VARCHAR)) <> '') AS said_{c.name}"
            )
        if c.role == "time":
            parts.append(f"{looks_naive(c, there[c.source])} AS naive_{c.name}")
    return f"CREATE OR REPLACE TABLE all_{table} AS SELECT {', '.join(parts)} FROM raw_{table}"


def _unreadable(
    table: str, columns: tuple[Column, ...], there: dict[str, str], config: Config, store: Store
) -> list[Finding]:
    """Tell instants without a zone, and what is no instant or no number."""
    found = []
    for c in columns:
        if c.role not in ("time", "money"):
            continue
        count, first = store.rows(
            f'SELECT COUNT(*), MIN("row") FROM all_{table} WHERE said_{c.name} AND {c.name} IS NULL'
        )[0]
        if count:
            noun = "instant (ISO 8601)" if c.role == "time" else "number"
            kind = (
                f", in a column of {there[c.source].lower()}"
                if c.role == "time" and kind_of_type(there[c.source]) == "number"
                else ""
            )
            found.append(Finding(
                "LL105", Severity.ERROR, f"{table}.{c.source}", f"{count} rows hold no {noun} (first: row {first}){kind}", f"a {noun} in each",
                "mend the export, or shape it with a {query: …} source", count,
            ))  # fmt: skip
        if c.role == "time" and config.timezone is None:
            count, first = store.rows(f'SELECT COUNT(*), MIN("row") FROM all_{table} WHERE naive_{c.name}')[0]
            if count:
                found.append(Finding(
                    "LL104", Severity.ERROR, f"{table}.{c.source}", f"{count} rows have no time zone (first: row {first})", "a zone in each",
                    "set `timezone:` in the config to the zone that the export uses", count,
                ))  # fmt: skip
    return found


def _observed_until(config: Config, store: Store, known_at: int | None) -> int:
    """Find the newest recorded time of the outcome's tables; rows at or after a given T don't count."""
    now = int(time.time() * 1_000_000) + DAY
    bound = f"< {known_at}" if known_at is not None else f"<= {now}"
    newest: list[int] = []
    for table, clocks in (("stages", ["changed_at"]), ("opportunities", ["created_at", "closed_at"])):
        section = getattr(config.tables, table)
        if section is None:
            continue
        for clock in clocks:
            if getattr(section, clock, None) is None:
                continue
            at = f"GREATEST({clock}, COALESCE(recorded_at, {clock}))" if section.recorded_at else clock
            value = store.rows(f"SELECT MAX({at}) FROM all_{table} WHERE {at} {bound}")[0][0]
            newest += [int(value)] if value is not None else []
    until = max(newest, default=None)
    if until is None:
        when = f" before {format_instant(known_at)}" if known_at is not None else ""
        raise DataError(
            f"tables.stages, tables.opportunities: no row with a time{when}; expected some, or no outcome can be seen; "
            "check the source or choose a later --as-of"
        )
    given = config.outcome.observed_until
    return min(given, until if known_at is None else known_at) if given is not None else until


def _cut(table: str, config: Config, store: Store, limit: int) -> None:
    """Keep the rows visible at T; what an opportunity became is visible from closed_at."""
    clock, section = CLOCKS.get(table), getattr(config.tables, table)
    hidden = [c for c in _columns(store, f"all_{table}") if c.startswith(("said_", "naive_"))]
    if clock is None:
        store.run(
            f"CREATE OR REPLACE TABLE {table} AS SELECT * EXCLUDE ({', '.join(hidden)}) FROM all_{table}"
            if hidden
            else f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM all_{table}"
        )
        return
    drop = [*hidden, *(["recorded_at"] if section.recorded_at else [])]
    recorded = f"COALESCE(recorded_at, {clock})" if section.recorded_at else clock
    keep = f"SELECT * EXCLUDE ({', '.join(drop)}), {recorded} AS recorded_at FROM all_{table}"
    store.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM ({keep}) AS r WHERE {visible_sql('r', str(limit), clock)}"
    )
    if table == "opportunities":
        _hide_endings(config, store, limit)


def _hide_endings(config: Config, store: Store, limit: int) -> None:
    """Hide what an opportunity became later; without closed_at its stage and amount have no time, and never show."""
    section = config.tables.opportunities
    given = [c for c in ("closed_at", "stage", "amount") if getattr(section, c)]
    if given:
        open_still = f"WHERE closed_at IS NULL OR closed_at >= {limit}" if "closed_at" in given else ""
        store.run(f"UPDATE opportunities SET {', '.join(f'{c} = NULL' for c in given)} {open_still}")


def _drop_repeats(table: str, store: Store) -> None:
    """Keep the earliest recorded of rows that are the same in all else (nothing to do where every key is there once)."""
    columns = [c for c in _columns(store, table) if c not in ("row", "recorded_at")]
    if KEYS.get(table) in columns:
        count, keys = store.rows(f"SELECT COUNT(*), COUNT(DISTINCT {KEYS[table]}) FROM {table}")[0]
        if count == keys:
            return
    same = ", ".join(columns)
    store.run(
        f'CREATE OR REPLACE TABLE {table} AS SELECT {same}, MIN(recorded_at) AS recorded_at, MIN("row") AS "row" '
        f"FROM {table} GROUP BY {same}"
    )


def _columns(store: Store, table: str) -> list[str]:
    return list(store.arrow(f"SELECT * FROM {table} LIMIT 0").column_names)


def _load_flat(
    config: Config, store: Store, section: Any, known_at: int | None, kinds: Mapping[str, str] | None, scoring: bool
) -> Loaded:
    attributes, found = flat.read(config, store, section, kinds, scoring)
    found.raise_errors()
    found += run(rules.FLAT, rules.Context(config, store, known_at or 0, attributes, default_limit=known_at is None))
    rows = {"leads": int(store.rows("SELECT COUNT(*) FROM leads")[0][0])}
    return Loaded(store, known_at, None, attributes, rows, found, _fingerprints(config, store), _sources(config))


def _fingerprints(config: Config, store: Store) -> dict[str, str]:
    """Hash each table's content, order apart: the sum of its rows' hashes."""
    prints = {}
    for table in config.tables.given():
        columns = [c for c in _columns(store, table) if c != "row"]
        count, total = store.rows(f"SELECT COUNT(*), SUM(CAST(hash({', '.join(columns)}) AS HUGEINT)) FROM {table}")[0]
        prints[table] = hashlib.sha256(f"{count}:{total}".encode()).hexdigest()[:16]
    return prints


def _sources(config: Config) -> dict[str, str]:
    return {table: without_secrets(section.source) for table, section in config.tables.given().items()}

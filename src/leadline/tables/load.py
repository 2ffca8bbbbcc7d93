"""Loading: sources → canonical tables, cut at T, without repeats, with merges followed.

Data between the stages here: ``raw_x`` is the source as it is; ``all_x`` has canonical columns and a row number;
``x`` has only the rows visible at T, each key once. Everything downstream reads ``x``; the others are let go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from leadline.config.schema import Config, Source
from leadline.core.checks import Findings, run_checks
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.storage.locations import without_secrets
from leadline.tables import checks, event_cache, flat_file, merges, stages, tombstones
from leadline.tables.attributes import Attribute
from leadline.tables.read import ReadResult, read_all
from leadline.tables.schema import CLOCKS, KEYS
from leadline.tables.values.accounts import clear_placeholders
from leadline.tables.values.numbers import read_text_columns, reading_sql
from leadline.tables.visibility import (
    columns_in,
    cut_in_place,
    drop_duplicates,
    end_dates,
    find_repeats,
    holds_dates,
    keep_visible,
    observed_until,
)

__all__ = ["LoadedTables", "load"]


@dataclass(frozen=True)
class LoadedTables:
    """The tables as known at T.

    Attributes
    ----------
    store : Store
        Where they lie.
    known_at : int
        T, in microseconds (for a flat file: a value of the order column, by default one above the newest; None when scoring).
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
    is_dated : bool
        Whether T is an instant; False for a flat file ordered by numbers.
    log : CachedEvents
        What was used of the kept log of events.
    forgotten : int
        How many leads were left out with all their rows, as `leadline forget` said.
    """

    store: Store
    known_at: int | None
    observed_until: int | None
    attributes: tuple[Attribute, ...]
    rows: dict[str, int]
    findings: Findings
    fingerprints: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    is_dated: bool = True
    log: event_cache.CachedEvents = field(default_factory=event_cache.CachedEvents)
    forgotten: int = 0


def load(
    config: Config,
    store: Store,
    known_at: int | None = None,
    known: Collection[Attribute] | None = None,
    leads_source: Source | None = None,
) -> LoadedTables:
    """Load the tables of a config, as they were known at T.

    Parameters
    ----------
    config : Config
        The config.
    store : Store
        An open, empty store.
    known_at : int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    known : collection of Attribute, optional
        The attributes that a trained model knows: they keep their names, and are read as it read them.
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
        return _load_flat(config, store, section, known_at, known, scoring=leads_source is not None)
    log = _kept_log(config, store)
    read = read_all(log.to_read(config), store, known, known_at)
    read.found.raise_errors()
    dates = tuple(end_dates(config, store, known is None))
    until = observed_until(config, store, known_at)
    limit = until if known_at is None else known_at
    # What is kept is kept without the forgotten, but whoever was merged with them is only known now.
    there = [t for t in config.tables.given() if t not in log.tables or config.tables.merges is not None]
    gone = tombstones.drop_forgotten(store, there)
    _cut(config, store, log, limit)
    attributes, found = _settle(read, known, store)
    _read_history(config, store, attributes)
    found += Findings(tuple(clear_placeholders(config, store)))
    context = checks.Context(
        log.to_check(config),
        store,
        limit,
        attributes,
        known_at is None,
        repeated=log.repeated(config, store),
        observed_until=until,
        at_night=known is not None,
        dates=dates,
    )
    found += run_checks(checks.CHECKS, context)
    log.drop_repeats(store)
    for table in config.tables.given():
        store.run(f"DROP TABLE all_{table}")
        store.forget(f"raw_{table}")
    for table in ("accounts", *CLOCKS):
        section = getattr(context.config.tables, table)
        keyless = table == "events" and section is not None and section.key is None  # the same act may come twice
        if section is None or keyless or table in context.unique:
            continue
        if table in KEYS or find_repeats(table, store):
            drop_duplicates(table, store)
    found += run_checks(checks.AFTER, context)
    _forget_repeats(store)
    rows, prints = _rows(config, store), _fingerprints(config, store)
    if config.tables.merges is not None:
        merges.apply_merges(store, tuple(config.tables.given()))
    else:
        merges.no_merges(store)
    stages.build_reached(config, store)
    if known is None:  # a night, whose model's columns are settled, learns nothing
        found += run_checks(checks.OUTCOME, context)
    store.hand_over(event_cache.FOLDER)
    return LoadedTables(store, limit, until, attributes, rows, found, prints, _sources(config), log=log, forgotten=gone)


def _kept_log(config: Config, store: Store) -> event_cache.CachedEvents:
    """Use what is kept of the log, but of dates, which aren't kept as they count."""
    log = event_cache.cache_events(config, store)
    if log.tables and holds_dates(config, store, "events"):
        return event_cache.CachedEvents(note="no kept log of events: it has dates without times; reading all of it")
    return log


def _cut(config: Config, store: Store, log: event_cache.CachedEvents, limit: int) -> None:
    for table in config.tables.given():
        if table in log.tables:
            cut_in_place(table, store, limit)
        else:
            keep_visible(table, config, store, limit)


def _settle(
    read: ReadResult, known: Collection[Attribute] | None, store: Store
) -> tuple[tuple[Attribute, ...], Findings]:
    """Tell what the columns hold that came as text, from the rows visible at T."""
    attributes, found = read.attributes, list(read.found)
    for table in dict.fromkeys(a.table for a in read.attributes):
        attributes, left_out, said = read_text_columns(table, attributes, read.untold, known, store)
        found += [*(checks.unusable_column(table, column) for column in left_out), *said]
    return attributes, Findings(tuple(found))


def _read_history(config: Config, store: Store, attributes: tuple[Attribute, ...]) -> None:
    """Spell history's fields as the config's columns, found by their letters too, and read their numbers as those columns' are."""
    if config.tables.history is None:
        return
    account = config.tables.leads.account
    for column in [a.column for a in attributes if a.table == "leads"] + ([account] if account else []):
        store.run(f"UPDATE history SET field = {literal(column)} WHERE LOWER(field) = {literal(column.lower())}")
    for a in attributes:
        if a.table == "leads" and a.kind == "number":
            number = reading_sql("value", a.reading)
            store.run(f"UPDATE history SET value_number = {number} WHERE field = {literal(a.column)}")


def _load_flat(
    config: Config, store: Store, section: Any, known_at: int | None, known: Collection[Attribute] | None, scoring: bool
) -> LoadedTables:
    attributes, found = flat_file.read_flat_file(config, store, section, known, scoring, known_at)
    found.raise_errors()
    context = checks.Context(config, store, known_at or 0, attributes, default_limit=known_at is None)
    found += run_checks(checks.FLAT, context)
    if section.key != "row" and "leads" not in context.unique:
        drop_duplicates("leads", store, checks.apart(context))
    if not scoring:
        found += run_checks(checks.FLAT_OUTCOME, context)
        store.run("ALTER TABLE leads DROP COLUMN said_outcome")
    found += run_checks(checks.FLAT_AFTER, context)
    _forget_repeats(store)
    store.forget("raw_leads")
    gone = tombstones.drop_forgotten(store, ["leads"], "") if section.key != "row" else 0
    newest, dated = store.rows("SELECT MAX(order_at), MAX(is_dated) FROM leads")[0]
    if known_at is None and not scoring and newest is not None:
        known_at = int(newest) + 1
    rows, prints = _rows(config, store), _fingerprints(config, store)
    store.hand_over(event_cache.FOLDER)
    return LoadedTables(
        store, known_at, None, attributes, rows, found, prints, _sources(config), bool(dated), forgotten=gone
    )


def _forget_repeats(store: Store) -> None:
    for table in CLOCKS.keys() | KEYS.keys():
        store.run(f"DROP TABLE IF EXISTS repeats_{table}")


def _rows(config: Config, store: Store) -> dict[str, int]:
    return {table: int(store.rows(f"SELECT COUNT(*) FROM {table}")[0][0]) for table in config.tables.given()}


def _fingerprints(config: Config, store: Store) -> dict[str, str]:
    """Hash each table's content, order apart: the sum of its rows' hashes."""
    prints = {}
    for table in config.tables.given():
        columns = [c for c in columns_in(store, table) if c != "row"]
        known = event_cache.PRINT in columns and table == "events"
        value = event_cache.PRINT if known else f"hash({', '.join(columns)})"
        count, total = store.rows(f"SELECT COUNT(*), SUM(CAST({value} AS HUGEINT)) FROM {table}")[0]
        prints[table] = hashlib.sha256(f"{count}:{total}".encode()).hexdigest()[:16]
        if known:
            store.run(f"ALTER TABLE {table} DROP COLUMN {event_cache.PRINT}")
    return prints


def _sources(config: Config) -> dict[str, str]:
    return {table: without_secrets(section.source) for table, section in config.tables.given().items()}

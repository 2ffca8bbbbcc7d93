"""The kept log: each file of events read, cast and checked once, and kept as Parquet for the nights to come.

Under ``.leadline/fold/KEY/`` every file of the source has a folder of its own, named by its fingerprint, so that a file
that changed is read again and a new one is added to what is there. What is kept holds every row of the file, whatever T:
the clock rule cuts it as it cuts the source. In any doubt nothing kept is used, and the source is read as always.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.config.schema import Config
from leadline.core import files
from leadline.errors import DataError, LeadlineError
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.storage.locations import SourceLocation, locate_source, without_secrets
from leadline.tables.read import canonical_sql, resolve
from leadline.tables.schema import CLOCKS, CanonicalColumn, columns_of
from leadline.tables.tombstones import not_forgotten_sql, read_tombstones
from leadline.tables.visibility import HIDDEN, columns_in, find_repeats

__all__ = [
    "FOLDER",
    "PRINT",
    "SMALL",
    "CachedEvents",
    "CachedFile",
    "EventCache",
    "cache_events",
    "event_cache_for",
    "file_fingerprint",
]


# Where the kept log lies: a folder for each file of the source, sealed by hashes; what is damaged or foreign isn't there.


FOLDER = Path(".leadline") / "fold"

FORMAT = 3

EDGE = 2**16

ROWS, SAID, UNIQUE = "rows.parquet", "part.json", "unique.json"


@dataclass(frozen=True)
class CachedFile:
    """What is kept of one file.

    Attributes
    ----------
    name : str
        The file's fingerprint.
    rows : int
        How many it has.
    types : tuple of (column, column in the source, its type)
        As what its columns were read.
    unfit : str
        Why its rows aren't kept; "" when they are.
    rows_file : Path
        Where its rows lie.
    """

    name: str
    rows: int = 0
    types: tuple[tuple[str, str, str], ...] = ()
    unfit: str = ""
    rows_file: Path = Path()

    @classmethod
    def refused(cls, name: str, why: str) -> CachedFile:
        """Make the part of a file that must be read anew each time."""
        return cls(name, unfit=why)


@dataclass(frozen=True)
class EventCache:
    """The folder of one source under one reading; every method wants its lock held."""

    folder: Path

    def find(self, name: str) -> CachedFile | None:
        """Return what is kept of a file; what isn't as it was put there is removed."""
        place = self.folder / name
        said = _opened(place / SAID)
        try:
            if said is not None and said["name"] == name:
                types = tuple((str(a), str(b), str(c)) for a, b, c in said["types"])
                part = CachedFile(name, int(said["rows"]), types, str(said["unfit"]), place / ROWS)
                if part.unfit or files.sha256(part.rows_file) == said["sum"]:
                    return part
        except (KeyError, TypeError, ValueError, OSError):
            pass
        files.discard(place)
        return None

    def put(self, name: str, part: CachedFile, store: Store | None = None, query: str = "") -> CachedFile:
        """Put a part in its place, whole, with the rows that a query gives."""
        said: dict[str, Any] = {"name": name, "rows": part.rows, "types": part.types, "unfit": part.unfit}
        said["sum"] = ""
        with files.staging(self.folder, private=True) as staged:
            if store is not None:
                store.run(f"COPY ({query}) TO {literal(str(staged / ROWS))} (FORMAT parquet)")
                said["sum"] = files.sha256(staged / ROWS)
            files.write_json(staged / SAID, _sealed(said), private=True)
            files.place(staged, self.folder / name)
        found = self.find(name)
        if found is None:
            raise DataError(f"kept log: what was just put in {self.folder} isn't there; expected a disk that keeps it")
        return found

    def unique(self) -> set[str]:
        """Return the parts of which it is known that no key stands in two of them."""
        said = _opened(self.folder / UNIQUE)
        return set(said.get("parts", [])) if said is not None else set()

    def say_unique(self, names: Iterable[str]) -> None:
        """Remember that no key stands in two of these parts."""
        files.write_json(self.folder / UNIQUE, _sealed({"parts": sorted(names)}), private=True)

    def drop_others(self, names: set[str]) -> None:
        """Remove what is kept of files that changed or went."""
        for place in self.folder.iterdir():
            if place.name not in names | {".lock", UNIQUE}:
                files.discard(place)


def event_cache_for(config: Config, engine: str) -> EventCache:
    """Name the folder by all that the kept rows hang on, apart from the files: the mapping, the zone, the versions."""
    import leadline

    section = config.tables.events
    assert section is not None
    mapping = section.model_dump(mode="json", exclude={"source", "max_clock_skew", "dates"})
    told = [FORMAT, leadline.__version__, engine, config.timezone, without_secrets(section.source), mapping]
    gone = read_tombstones().print  # what was kept before a lead was forgotten isn't used any more
    return EventCache(FOLDER.absolute() / _hash([*told, gone] if gone else told)[:16])


def file_fingerprint(path: Path) -> str:
    """Name a file by its path, size, time of change, and the hash of its first and last bytes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "events.csv"
    >>> files.write_text(path, "id,lead\\n1,L1\\n"); before = file_fingerprint(path)
    >>> files.write_text(path, "id,lead\\n1,L2\\n"); file_fingerprint(path) == before
    False
    """
    about = path.stat()
    with path.open("rb") as stream:
        edges = hashlib.sha256(stream.read(EDGE))
        stream.seek(max(0, about.st_size - EDGE))
        edges.update(stream.read(EDGE))
    return _hash([str(path), about.st_size, about.st_mtime_ns, edges.hexdigest()])[:32]


def _hash(record: Any) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _sealed(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "seal": _hash(record)}


def _opened(path: Path) -> dict[str, Any] | None:
    """Read a sealed record; None where there is none, or it isn't as it was written."""
    try:
        said = dict(files.read_json(path))
        return said if said.pop("seal") == _hash(said) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


PRINT = "print"

"""The column of each row's hash, of which the table's fingerprint is made; it goes once that is done."""

AGAIN = "again"

"""The column that tells of a row that repeats another exactly: the number of the one that stays; it goes once repeats do."""

SMALL = 2 * 2**20

"""Sources of fewer bytes are read as fast as what would be kept of them."""

KINDS = ("parquet", "csv", "json")


@dataclass(frozen=True)
class CachedEvents:
    """What is used of the kept log.

    Attributes
    ----------
    shelf : EventCache or None
        Where it lies; None when nothing kept is used.
    parts : tuple of Part
        What is kept of each file of the source, in their order.
    note : str
        A line for whoever watches; "" for nothing.

    Examples
    --------
    >>> CachedEvents(note="no kept log of events: its source is a query; reading all of it").tables
    ()
    """

    shelf: EventCache | None = None
    parts: tuple[CachedFile, ...] = ()
    note: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """List the tables that come from what is kept."""
        return ("events",) if self.shelf is not None else ()

    def to_read(self, config: Config) -> Config:
        """Return the config without the table that needn't be read."""
        return config if self.shelf is None else _with_events(config, None)

    def repeated(self, config: Config, store: Store) -> dict[str, tuple[str, int]]:
        """Count the visible rows that repeat another exactly, by table, with the column that is their key."""
        events = config.tables.events
        if self.shelf is None or events is None or events.key is None:
            return {}
        count = int(store.rows(f"SELECT COUNT({AGAIN}) FROM events")[0][0])
        return {"events": (f"events.{events.key}", count)} if count else {}

    def drop_repeats(self, store: Store) -> None:
        """Drop rows that repeat another exactly; the one that stays, the earliest recorded, has the smallest of their numbers."""
        if self.shelf is None:
            return
        first = f'SELECT {AGAIN}, MIN("row") AS first FROM events WHERE {AGAIN} IS NOT NULL GROUP BY {AGAIN}'
        store.run(f'UPDATE events SET "row" = r.first FROM ({first}) AS r WHERE "row" = r.{AGAIN} AND r.first < "row"')
        store.run(f"DELETE FROM events WHERE {AGAIN} IS NOT NULL")
        store.run(f"ALTER TABLE events DROP COLUMN {AGAIN}")

    def to_check(self, config: Config) -> Config:
        """Return the config without the key whose uniqueness is known."""
        events = config.tables.events
        if self.shelf is None or events is None:
            return config
        return _with_events(config, events.model_copy(update={"key": None}))


def _with_events(config: Config, events: Any) -> Config:
    return config.model_copy(update={"tables": config.tables.model_copy(update={"events": events})})


def cache_events(config: Config, store: Store) -> CachedEvents:
    """Make the table ``all_events`` from what is kept, after keeping what is new; or say why not.

    Nothing is kept of queries and databases, whose change nobody sees without reading them, and where a file has what a
    check would refuse, or two files have a key in common: then everything is read anew. Rows are kept as their source's own
    leads have them: merges are followed later, as of each T.
    """
    events = config.tables.events
    if events is None or config.engine.cache_events is False or config.engine.kind != "duckdb":
        return CachedEvents()
    try:
        located = locate_source(events.source, "tables.events.source")
        size = sum(path.stat().st_size for path in located.files)
    except (LeadlineError, OSError):
        return CachedEvents()  # reading says what is wrong
    if config.engine.cache_events is None and (located.kind not in KINDS or size < SMALL):
        return CachedEvents()
    if located.kind not in KINDS:
        return CachedEvents(note=f"no kept log of events: its source is a {located.kind}; reading all of it")
    shelf = event_cache_for(config, str(store.rows("SELECT version()")[0][0]))
    try:
        with files.locked(shelf.folder / ".lock", private=True):
            return _use_cache(config, store, located, shelf)
    except (LeadlineError, OSError) as error:
        what = type(error).__name__.removesuffix("Error").lower()
        return CachedEvents(note=f"the kept log of events can't be used now ({what}); reading all of it")


def _use_cache(config: Config, store: Store, located: SourceLocation, shelf: EventCache) -> CachedEvents:
    """Keep the files that aren't kept yet, and use all of them if they fit together."""
    parts, fresh = [], 0
    for path in located.files:
        name = file_fingerprint(path)
        part = shelf.find(name)
        if part is None:
            part, fresh = _cache_file(config, store, shelf, path, name), fresh + 1
        parts.append(part)
    shelf.drop_others({p.name for p in parts})
    why = next((p.unfit for p in parts if p.unfit), "") or _misfit(store, shelf, parts)
    if why:
        return CachedEvents(note=f"no kept log of events: {why}; reading all of it")
    _show(store, parts)
    return CachedEvents(shelf, tuple(parts), f"events: {len(parts) - fresh} of {len(parts)} files kept from before")


def _cache_file(config: Config, store: Store, shelf: EventCache, path: Path, name: str) -> CachedFile:
    """Read one file by the rules for all files, and put its rows in their place."""
    section = config.tables.events
    assert section is not None
    columns = columns_of("events", section)
    there = store.read("raw_events", str(path), [c.source for c in columns])
    try:
        resolved, problems = resolve("events", columns, there)
        if problems:
            return shelf.put(name, CachedFile.refused(name, "a file lacks a column"))
        store.run(canonical_sql("events", resolved, (), there, config))
        unfit = _unfit(store, resolved, config) or _mark_repeats(store, resolved)
        if unfit:
            return shelf.put(name, CachedFile.refused(name, unfit))
        rows = store.rows("SELECT COUNT(*) FROM all_events")[0][0]
        types = tuple((c.name, c.source, there[c.source]) for c in resolved)
        return shelf.put(name, CachedFile(name, int(rows), types), store, _rows_sql(resolved))
    finally:
        for table in ("all_events", "repeats_events"):
            store.run(f"DROP TABLE IF EXISTS {table}")
        store.forget("raw_events")


def _unfit(store: Store, columns: tuple[CanonicalColumn, ...], config: Config) -> str:
    """Tell what a check would refuse at some T, or what needs more than one file to tell."""
    times = [c.name for c in columns if c.role == "time"]
    tests = {"instants that can't be read": " OR ".join(f"said_{t} AND {t} IS NULL" for t in times)}
    if config.timezone is None:
        tests["instants without a zone"] = " OR ".join(f"naive_{t}" for t in times)
    if any(c.name == "event_id" for c in columns):
        tests["rows without a key"] = "event_id IS NULL"
    for what, test in tests.items():
        if store.rows(f"SELECT COUNT(*) FROM all_events WHERE {test}")[0][0]:
            return f"a file has {what}"
    return ""


def _mark_repeats(store: Store, columns: tuple[CanonicalColumn, ...]) -> str:
    """Write beside each row that repeats another exactly the number of the earliest recorded, which stays whatever T.

    Where a key stands on rows of different content, tell so: at some T it is an error.
    """
    store.run(f"ALTER TABLE all_events ADD COLUMN {AGAIN} BIGINT")
    names = [c.name for c in columns]
    if "event_id" not in names:
        return ""
    hidden = tuple(c for c in columns_in(store, "all_events") if c.startswith(HIDDEN))
    if not find_repeats("events", store, (*hidden, AGAIN), "all_"):
        return ""
    same, clock = ", ".join(n for n in names if n != "recorded_at"), CLOCKS["events"]
    keys, contents = store.rows(
        f"SELECT COUNT(DISTINCT event_id), COUNT(*) FROM (SELECT DISTINCT {same} FROM repeats_events)"
    )[0]
    if keys != contents:
        return "a key stands on rows with different content"
    known = f"COALESCE(recorded_at, {clock})" if "recorded_at" in names else clock
    first = f'FIRST_VALUE("row") OVER (PARTITION BY {same} ORDER BY {known}, "row") AS first'
    store.run(
        f'UPDATE all_events SET {AGAIN} = r.first FROM (SELECT "row", {first} FROM repeats_events) AS r '
        'WHERE all_events."row" = r."row" AND r.first <> r."row"'
    )
    return ""


def _rows_sql(columns: tuple[CanonicalColumn, ...]) -> str:
    """Write what is kept of a row: its number, its columns as `cut` leaves them, its hash in the table's fingerprint, its key's."""
    names = [c.name for c in columns if c.name != "recorded_at"]
    clock = CLOCKS["events"]
    recorded = any(c.name == "recorded_at" for c in columns)
    known = f"CAST({f'COALESCE(recorded_at, {clock})' if recorded else clock} AS BIGINT)"
    kept = [n for n in names if n != "event_id"]
    remembered = not_forgotten_sql()
    key = ", hash(event_id) AS key" if "event_id" in names else ""
    return (
        f'SELECT "row", {", ".join(kept)}, {known} AS recorded_at, {AGAIN}, hash({", ".join(names)}, {known}) AS {PRINT}{key} '
        f"FROM all_events {f'WHERE {remembered}' if remembered else ''}"
    )


def _misfit(store: Store, shelf: EventCache, parts: list[CachedFile]) -> str:
    """Tell why files that are sound one by one can't be read one by one."""
    if len({p.types for p in parts}) > 1:
        return "its files differ in their columns' types"
    if not any(name == "event_id" for name, _, _ in parts[0].types):
        return ""
    known = shelf.unique()
    old = [p for p in parts if p.name in known]
    new = [p for p in parts if p.name not in known]
    if new:
        keys = f"SELECT key FROM {read_sql(new)} WHERE {AGAIN} IS NULL"
        rows, distinct = store.rows(f"SELECT COUNT(*), COUNT(DISTINCT key) FROM ({keys})")[0]
        shared = rows != distinct
        if old and not shared:
            shared = bool(store.rows(f"SELECT COUNT(*) FROM {read_sql(old)} WHERE key IN ({keys})")[0][0])
        if shared:
            return "a key repeats in two files"
        shelf.say_unique({p.name for p in parts})
    return ""


def read_sql(parts: list[CachedFile]) -> str:
    """Write the relation of these parts' rows."""
    return "read_parquet([" + ", ".join(literal(str(p.rows_file)) for p in parts) + "])"


def _show(store: Store, parts: list[CachedFile]) -> None:
    """Copy the rows into the table ``all_events``, numbered as in one reading of all files."""
    chosen, before = [], 0
    for part in parts:
        chosen.append(
            f'SELECT * {_without_key(part)} REPLACE ("row" + {before} AS "row", {AGAIN} + {before} AS {AGAIN}) FROM {read_sql([part])}'
        )
        before += part.rows
    store.run("CREATE OR REPLACE TABLE all_events AS " + " UNION ALL ".join(chosen))


def _without_key(part: CachedFile) -> str:
    return "EXCLUDE (key)" if any(name == "event_id" for name, _, _ in part.types) else ""

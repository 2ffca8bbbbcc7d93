"""What the tables look like at T, in counts: how many rows on which days, how many of them join, which words they hold.

A bundle keeps the summary of what it was trained on and each night's record keeps its own, so that a night can be held against
both. It holds counts, shares and the config's own words; never a value of the tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, WEEK
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.load import LoadedTables
from leadline.tables.schema import CLOCKS, KEYS
from leadline.tables.stages import ENDS, stage_index
from leadline.tables.visibility import columns_in

__all__ = ["RECENT", "InputSummary", "TableSummary", "summarize"]

RECENT = 28 * DAY
"""The window before T whose rows are counted apart: what changes from a day on shows there first."""

LATE = 7 * DAY  # a row recorded so long after its time came late

DAYS = 63  # newest days that are kept one by one

WEEKS = 520  # newest weeks that are kept: ten years

FEW = 20  # values of which a median says something

Pair = tuple[int, int]
"""How many in all, and how many in the window before T."""


@dataclass(frozen=True)
class TableSummary:
    """One table at T.

    Attributes
    ----------
    rows : int
        How many there are, as read.
    newest : int or None
        The newest row's day, as its first instant; None where the table has no dates.
    quiet : int
        The longest run of days without a row, before the newest, in the last year.
    weeks, days : mapping of int to int
        Rows by week and, of the newest days, by day; both numbered from 1970.
    keyed, joined : pair of int
        Rows that name a lead (or an account), and those of them whose lead is there.
    empty : mapping of str to pair of int
        Rows without a value, by column.
    recent : int
        Rows in the window before T.
    repeated, late : int
        Of these, rows that say what another says under another key, and rows that came late.
    words : mapping of str to pair of int
        Rows by the config's words, and under "" those with another word.
    medians : mapping of str to float
        Of sums of money.
    """

    rows: int = 0
    newest: int | None = None
    quiet: int = 0
    weeks: Mapping[int, int] = field(default_factory=dict)
    days: Mapping[int, int] = field(default_factory=dict)
    keyed: Pair = (0, 0)
    joined: Pair = (0, 0)
    empty: Mapping[str, Pair] = field(default_factory=dict)
    recent: int = 0
    repeated: int = 0
    late: int = 0
    words: Mapping[str, Pair] = field(default_factory=dict)
    medians: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TableSummary:
        """Read what `dataclasses.asdict` and JSON made of one.

        Examples
        --------
        >>> TableSummary.from_record({"rows": 3, "weeks": {"2890": 3}, "joined": [3, 1]}).joined
        (3, 1)
        """
        made: dict[str, Any] = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        for name in ("weeks", "days"):
            made[name] = {int(at): int(n) for at, n in made.get(name, {}).items()}
        for name in ("empty", "words"):
            made[name] = {str(word): (int(n[0]), int(n[1])) for word, n in made.get(name, {}).items()}
        for name in ("keyed", "joined"):
            made[name] = tuple(made.get(name, (0, 0)))
        return cls(**made)

    def __repr__(self) -> str:
        return f"TableSummary({self.rows:,} rows, {self.recent:,} of them recent)"


@dataclass(frozen=True)
class InputSummary:
    """All that a night, or a training, was computed from.

    Attributes
    ----------
    as_of : int
        T.
    tables : mapping of str to TableSummary
        By name.
    stages : mapping of str to pair of int
        Leads that ever reached each of our stages, and those that did in the window before T.
    open_leads : int or None
        How many leads were open at T; None where that isn't known.
    lists : mapping of str to mapping of str to int
        Of each list that protects people: how many it names, how many of these are known, and whom it matched.
    """

    as_of: int
    tables: Mapping[str, TableSummary] = field(default_factory=dict)
    stages: Mapping[str, Pair] = field(default_factory=dict)
    open_leads: int | None = None
    lists: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def with_leads(self, open_leads: int, lists: Mapping[str, Mapping[str, int]] | None = None) -> InputSummary:
        """Return the same with the count of open leads, and what the lists say."""
        return replace(self, open_leads=open_leads, lists=self.lists if lists is None else lists)

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Any) -> InputSummary | None:
        """Read what `to_record` wrote; None for what isn't one, as of an older leadline.

        Examples
        --------
        >>> InputSummary.from_record(InputSummary(5, {"leads": TableSummary(2)}).to_record())
        InputSummary(1 tables at 5)
        >>> InputSummary.from_record(None) is None
        True
        """
        try:
            tables = {str(name): TableSummary.from_record(told) for name, told in record["tables"].items()}
            stages = {str(name): (int(n[0]), int(n[1])) for name, n in record["stages"].items()}
            return cls(int(record["as_of"]), tables, stages, record["open_leads"], record["lists"])
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            return None

    def __repr__(self) -> str:
        return f"InputSummary({len(self.tables)} tables at {self.as_of})"


def summarize(config: Config, loaded: LoadedTables, behaviours: Iterable[str] = ()) -> InputSummary | None:
    """Count what the tables hold at T; None for a flat file, which has no dates.

    Parameters
    ----------
    behaviours : iterable of str
        Event types that features are about, beside those that the config names.
    """
    if config.is_flat or loaded.known_at is None:
        return None
    store, at = loaded.store, loaded.known_at
    merged = " UNION SELECT from_id AS lead_id FROM merges" if config.tables.merges is not None else ""
    store.run(f"CREATE OR REPLACE TABLE known_leads AS SELECT lead_id FROM leads{merged or ' GROUP BY lead_id'}")
    tables = {}
    for name in config.tables.given():
        there = columns_in(store, name)
        told = _by_day(config, loaded, name, there, at)
        words = _words(config, store, name, there, at - RECENT, behaviours)
        repeated = told.recent - _distinct(store, name, there, at - RECENT) if name in KEYS and told.recent else 0
        medians = _medians(store, name, there)
        tables[name] = replace(told, rows=loaded.rows[name], words=words, repeated=repeated, medians=medians)
    return InputSummary(at, tables, _stages(store, at - RECENT))


CLOCK = {**CLOCKS, "spend": "month"}

JOINS = {
    "leads": ("account_id", "accounts", "account_id"),
    "merges": ("into_id", "known_leads", "lead_id"),
    **dict.fromkeys(("events", "stages", "opportunities", "history", "touches"), ("lead_id", "known_leads", "lead_id")),
}
"""Of each table: the column that names a row of another, that other, and its key."""

SAYS = {
    "leads": (), "accounts": (), "events": ("behaviour",), "stages": ("stage",), "opportunities": (),
    "history": ("field", "value"), "merges": ("into_id",), "touches": (), "spend": ("cost",),
}  # fmt: skip
"""Columns that a row is nothing without; of leads and accounts the attributes come on top."""


def _by_day(config: Config, loaded: LoadedTables, table: str, there: Sequence[str], at: int) -> TableSummary:
    """Read a table once, and count by day."""
    store, clock = loaded.store, CLOCK.get(table)
    column, other, key = JOINS.get(table, ("", "", ""))
    joins = column in there and (other == "known_leads" or other in loaded.rows)
    names = [c for c in SAYS[table] if c in there] + [a.name for a in loaded.attributes if a.table == table]
    if table == "leads" and config.tables.leads.account is not None:
        names.append("account_id")
    day = f"t.{clock} - t.{clock} % {DAY}" if clock else "0"
    late = f"t.recorded_at > t.{clock} + {LATE}" if clock and "recorded_at" in there else "1 = 0"
    tests = [
        f"t.{column} IS NOT NULL" if joins else "1 = 0", f"k.{key} IS NOT NULL" if joins else "1 = 0", late,
        *(f"t.{name} IS NULL" for name in names),
    ]  # fmt: skip
    sums = "".join(f", SUM(CASE WHEN {test} THEN 1 ELSE 0 END)" for test in tests)
    side = f" LEFT JOIN (SELECT DISTINCT {key} FROM {other}) AS k ON k.{key} = t.{column}" if joins else ""
    rows = store.rows(f"SELECT {day}, COUNT(*){sums} FROM {table} AS t{side} GROUP BY 1")
    told = sorted((int(row[0]), [int(n) for n in row[1:]]) for row in rows if row[0] is not None)
    return _folded(told, names, at if clock else None)


def _folded(told: Sequence[tuple[int, Sequence[int]]], names: Sequence[str], at: int | None) -> TableSummary:
    """Add days up: rows, keyed, joined, late and the empty of each column, in this order."""
    since = 0 if at is None else at - RECENT - (at - RECENT) % DAY
    whole = [sum(counts[n] for _, counts in told) for n in range(4 + len(names))]
    recent = [sum(counts[n] for day, counts in told if day >= since) for n in range(4 + len(names))]
    made = TableSummary(
        whole[0], None, 0, {}, {}, (whole[1], recent[1]), (whole[2], recent[2]),
        {name: (whole[4 + n], recent[4 + n]) for n, name in enumerate(names)}, recent[0], 0, recent[3],
    )  # fmt: skip
    if at is None or not told:
        return made
    weeks: dict[int, int] = {}
    for day, counts in told:
        weeks[day // WEEK] = weeks.get(day // WEEK, 0) + counts[0]
    days = [day // DAY for day, _ in told if day >= at - 365 * DAY]
    quiet = max((b - a - 1 for a, b in itertools.pairwise(days)), default=0)
    newest = {day // DAY: counts[0] for day, counts in told if day >= at - DAYS * DAY}
    return replace(made, newest=told[-1][0], quiet=quiet, weeks=dict(sorted(weeks.items())[-WEEKS:]), days=newest)


def _distinct(store: Store, table: str, there: Sequence[str], since: int) -> int:
    """Count the window's rows, those that say the same under different keys once."""
    clock = CLOCK.get(table)
    names = ", ".join(name for name in there if name not in ("row", "recorded_at", KEYS[table]))
    day = f"{clock} >= {since - since % DAY}" if clock else "1 = 1"
    return int(
        store.rows(f"SELECT COUNT(*) FROM (SELECT {names} FROM {table} WHERE {day} GROUP BY {names}) AS d")[0][0]
    )


def _words(
    config: Config, store: Store, table: str, there: Sequence[str], since: int, behaviours: Iterable[str]
) -> dict[str, Pair]:
    """Count a table's rows by the config's words; of stages and deals by our name of the stage."""
    if table == "events" and "behaviour" in there:
        ruled = {name for rule in config.rules for when in rule.when.walk() for name in when.behaviours}
        return _counted(store, table, "behaviour", since, {n: n for n in {*config.behaviours, *ruled, *behaviours}})
    if table == "history":
        leads = config.tables.leads
        listed = leads.attributes if leads.attributes != "all" else ()
        return _counted(
            store, table, "field", since, {n: n for n in [*listed, *([leads.account] if leads.account else [])]}
        )
    if table in ("stages", "opportunities") and "stage" in there:
        named = {word.strip().lower(): stage for stage, words in config.stages.items() for word in words}
        return _counted(store, table, "LOWER(stage)", since, named)
    return {}


def _counted(store: Store, table: str, column: str, since: int, named: Mapping[str, str]) -> dict[str, Pair]:
    if not named:
        return {}
    listed = ", ".join(literal(word, store.dialect) for word in sorted(named))
    word = f"CASE WHEN {column} IN ({listed}) THEN {column} ELSE '' END"
    recent = f"SUM(CASE WHEN {CLOCK[table]} >= {since} THEN 1 ELSE 0 END)"
    bare = column.removeprefix("LOWER(").removesuffix(")")
    rows = store.rows(f"SELECT {word}, COUNT(*), {recent} FROM {table} WHERE {bare} IS NOT NULL GROUP BY 1")
    told: dict[str, Pair] = dict.fromkeys(["", *named.values()], (0, 0))
    for found, count, newly in rows:
        name = named.get(str(found), "")
        told[name] = (told[name][0] + int(count), told[name][1] + int(newly))
    return told


def _medians(store: Store, table: str, there: Sequence[str]) -> dict[str, float]:
    column = {"opportunities": "amount", "spend": "cost"}.get(table, "")
    if column not in there:
        return {}
    count, median = store.rows(f"SELECT COUNT(*), MEDIAN({column}) FROM {table} WHERE {column} > 0")[0]
    return {column: float(median)} if count >= FEW else {}


def _stages(store: Store, since: int) -> dict[str, Pair]:
    known = "CASE WHEN reached_at > recorded_at THEN reached_at ELSE recorded_at END"
    rows = store.rows(
        f"SELECT rung, COUNT(DISTINCT lead_id), COUNT(DISTINCT CASE WHEN {known} >= {since} THEN lead_id END) FROM reached GROUP BY rung"
    )
    told = {int(rung): (int(count), int(newly)) for rung, count, newly in rows}
    names = ("mql", "sql", "opportunity", "won", *ENDS)
    return {name: told.get(stage_index(name), (0, 0)) for name in names}

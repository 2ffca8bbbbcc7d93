"""The sweep over a sorted event log: when it pays off, and its results as tables of the statement's own parts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.dataset.feature_spec import Feature, TitleSource
from leadline.features import daily_counts
from leadline.features.compiled.kernels import NEVER, compiled
from leadline.features.families import account, activity
from leadline.storage import Store

__all__ = [
    "FEWEST_EVENTS",
    "BehaviourCodes",
    "EventBlock",
    "aggregate_parts",
    "drop_aggregates",
    "is_worth_compiling",
    "sweep_members",
    "sweep_own",
]

FOREVER = 2**62

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EventBlock:
    """The events of some leads, by lead and time."""

    offsets: Ints
    events: tuple[Any, Any, Any]


@dataclass(frozen=True)
class BehaviourCodes:
    """The behaviours by number: those asked for, and one number for each intent's others and for all the rest."""

    codes: dict[str, int]
    intents: dict[str, str]

    @property
    def size(self) -> int:
        """How many numbers there are; the last is for behaviours that nobody asks for."""
        return len(self.codes) + 1

    def of_intent(self, intent: str) -> npt.NDArray[np.bool_]:
        """Tell which numbers are of an intent."""
        told = np.zeros(self.size, np.bool_)
        told[[n for b, n in self.codes.items() if self.intents.get(b) == intent]] = True
        return told

    def about(self, spec: Feature) -> npt.NDArray[np.bool_]:
        """Tell which numbers a spec is about."""
        return self.of_intent(spec.field) if spec.by == "intent" else np.ones(self.size, np.bool_)


def sweep_own(
    specs: Sequence[Feature], kinds: BehaviourCodes, block: EventBlock, number: Ints, asked: tuple[Ints, Ints]
) -> dict[str, Any]:
    """Sweep the leads' own acts into the tables of `activity.parts`."""
    tables: dict[str, Any] = {}
    wanted = activity.parts(specs, swept=True)
    if {"acts", "recent", "by_kind"} & set(wanted):
        told = _LeadCounts(kinds, block, asked, activity.windows(specs), any(s.aggregate == "heat" for s in specs))
        tables["each_kind"] = told.by_intent(number)
        tables["by_kind"] = told.by_behaviour(number, [s for s in specs if activity.part(s, swept=True) == "by_kind"])
    days_of = [s for s in specs if s.aggregate == "active_days"]
    if days_of:
        active = np.zeros((len(number), len(days_of)), np.int32)
        compiled("distinct_days")(
            block.offsets, block.events, asked, _lengths(days_of), _counted(days_of, kinds), active
        )
        tables["active"] = _table(number, {s.name: active[:, c] for c, s in enumerate(days_of)})
    scans = [s for s in specs if s.aggregate == "scanned"]
    if scans:
        scanned = np.zeros((len(number), len(scans)), np.int64)
        compiled("bursts")(
            block.offsets, block.events, asked, _lengths(scans), activity.SCAN_CELL, activity.SCAN_ACTS, scanned
        )
        tables["scanned"] = _table(number, {s.name: scanned[:, c] for c, s in enumerate(scans)})
    return tables


def _lengths(specs: Sequence[Feature]) -> Ints:
    return np.array([s.window.micros if s.window else FOREVER for s in specs], np.int64)


def _counted(specs: Sequence[Feature], kinds: BehaviourCodes) -> npt.NDArray[np.bool_]:
    return np.array([kinds.about(s) for s in specs])


def _table(number: Ints, columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table({"number": number, **columns})


class _LeadCounts:
    """What each question's lead did by kind."""

    def __init__(
        self, kinds: BehaviourCodes, block: EventBlock, asked: tuple[Ints, Ints], windows: Sequence[Any], heat: bool
    ) -> None:
        shape = (len(asked[0]), kinds.size)
        self.kinds, self.windows, self.has_heat = kinds, windows, heat
        self.within = np.zeros((*shape, len(windows)), np.int32)
        self.ever, self.heat = np.zeros(shape, np.int32), np.zeros(shape if heat else (1, 1), np.int32)
        self.first, self.last = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        lengths = np.array([w.micros for w in windows], np.int64)
        out = (self.within, self.ever, self.first, self.last, self.heat)
        compiled("count")(block.offsets, block.events, asked, lengths, activity.HALVINGS if heat else 0, out)

    def by_behaviour(self, number: Ints, specs: Sequence[Feature]) -> Any:
        """Return a column for each spec about one behaviour."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for s in specs:
            k = self.kinds.codes[s.field]
            if s.aggregate in ("since_last", "since_first"):
                times = self.last if s.aggregate == "since_last" else self.first
                columns[s.name] = pa.array(times[:, k], mask=self.ever[:, k] == 0)
            elif s.aggregate == "heat":
                columns[s.name] = self.heat[:, k]
            else:
                columns[s.name] = self.within[:, k, self.windows.index(s.window)] if s.window else self.ever[:, k]
        return _table(number, columns)

    def by_intent(self, number: Ints) -> Any:
        """Return rows like those of ``each_kind``, with one behaviour standing for all of its intent."""
        import pyarrow as pa

        groups = [(i, self.kinds.of_intent(i)) for i in sorted(set(self.kinds.intents.values()))]
        rest = ~np.logical_or.reduce([m for _, m in groups]) if groups else np.ones(self.kinds.size, np.bool_)
        parts = []
        for intent, mine in [*groups, (None, rest)]:
            if not mine.any():
                continue
            ever = self.ever[:, mine].sum(axis=1)
            some = ever > 0
            stands = (
                next((b for b in self.kinds.codes if self.kinds.intents.get(b) == intent), None) if intent else None
            )
            first = np.where(self.ever[:, mine] > 0, self.first[:, mine], FOREVER).min(axis=1)
            last = np.where(self.ever[:, mine] > 0, self.last[:, mine], NEVER).max(axis=1)
            columns = {f"n_{w}": self.within[:, mine, n].sum(axis=1)[some] for n, w in enumerate(self.windows)}
            columns |= {"n_ever": ever[some], "first_at": first[some], "last_at": last[some]}
            columns |= {"heat": self.heat[:, mine].sum(axis=1)[some]} if self.has_heat else {}
            behaviour = pa.array([stands] * int(some.sum()), pa.string())
            parts.append(pa.table({"number": number[some], "behaviour": behaviour, **columns}))
        return pa.concat_tables(parts)


def sweep_members(
    specs: Sequence[Feature], kinds: BehaviourCodes, block: EventBlock, number: Ints, asked: tuple[Ints, Ints]
) -> dict[str, Any]:
    """Sweep the members' acts into ``did`` and, where a spec asks how many, ``acted``."""
    import pyarrow as pa

    counts = account.member_counts(specs)
    picked = list(counts.values())
    first, last = np.full(len(number), NEVER, np.int64), np.full(len(number), NEVER, np.int64)
    acts_of = np.zeros((len(number), len(picked)), np.int32)
    counted = _counted(picked, kinds) if picked else np.zeros((0, kinds.size), np.bool_)
    compiled("sums")(block.offsets, block.events, asked, _lengths(picked), counted, (first, last, acts_of))
    none = first == NEVER
    tables = {"did": _table(number, {"first_at": pa.array(first, mask=none), "last_at": pa.array(last, mask=none)})}
    if picked:
        tables["acted"] = _table(number, {name: acts_of[:, c] for c, name in enumerate(counts)})
    return tables


# The sweep: the parts of the statement that read every event, computed by compiled loops instead of SQL.
#
# The SQL is the definition; what the sweep makes are tables that stand in for parts of its WITH clause, of the same names
# and with the same rows, so that all else of the statement is left as it is. It pays off on long logs, where sorting
# events by lead once costs less than grouping them once for each question.
#
# ::
#
# events → coded (whole numbers) → by lead and time ┬ asked   → each_kind, by_kind, active, scanned
# └ members → did, acted


FEWEST_EVENTS, FEWEST_OF_A_NIGHT = 200_000, 2_000_000

"""Shorter logs take the SQL alone, where there are many as_ofs and where there is one: Numba takes half a second to import and
load the loops, and once some more to compile them."""

BUDGET = 400_000_000

"""Bytes that the loops use at once, beside engine.memory: leads are taken in ranges that need no more."""

EVENT, CELL = 42, 24

"""Bytes of an event, twice there while it is put in order; of what a question tells of a behaviour, windows apart."""

MADE = ("asked", "firms", "members", "each_kind", "by_kind", "active", "scanned", "did", "acted")


def is_worth_compiling(store: Store, one_as_of: bool = False) -> bool:
    """Tell whether the log is long, the loops can be compiled here, and the engine's rows lie in this process."""
    if store.dialect.name != "duckdb" or importlib.util.find_spec("numba") is None:
        return False
    loads = one_as_of and "numba" not in sys.modules  # a training has the loops loaded already
    return int(store.rows("SELECT COUNT(*) FROM events")[0][0]) >= (FEWEST_OF_A_NIGHT if loads else FEWEST_EVENTS)


def drop_aggregates(store: Store) -> None:
    """Drop what `aggregate_parts` made."""
    for name in MADE:
        store.run(f"DROP TABLE IF EXISTS {name}")


def aggregate_parts(
    store: Store,
    own: Sequence[Feature],
    others: Sequence[Feature],
    intents: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    title: TitleSource | None,
) -> frozenset[str]:
    """Make the tables that stand in for parts of the statement; return the names of the parts that it may leave out.

    Parameters
    ----------
    own, others
        The specs of the lead's own acts, and of its colleagues.
    """
    named = sorted({s.field for s in own if s.by == "behaviour"} | set(intents))
    kinds = BehaviourCodes({b: n for n, b in enumerate(named)}, dict(intents))
    members = account.needs_days(others)
    _put_questions(store, account.who(others, roles, title, store.dialect) if members else "")
    _code(store, kinds, members)
    made: set[str] = set()
    for low, high, block in _blocks(store, kinds.size * (CELL + 4 * len(activity.windows(own)))):
        tables = sweep_own(own, kinds, block, *_questions(store, "asked", low, high)) if own else {}
        if members:
            tables |= sweep_members(others, kinds, block, *_questions(store, "members", low, high))
        for name, table in tables.items():
            store.put(name if name not in made else "arriving", table)
            if name in made:
                store.run(f"INSERT INTO {name} SELECT * FROM arriving")
        made |= set(tables)
    for name in ("coded", "lead_codes", "kind_codes", "arriving"):
        store.run(f"DROP TABLE IF EXISTS {name}")
    unread = {"days", "late", "cut_days", "fast", "members_today", "members_cut", "stretches", "starts"}
    return frozenset({"asked", *made, *unread, *(("firms", "present", "titled", "members") if members else ())})


def _put_questions(store: Store, who: str) -> None:
    """Make the questions stand as tables; `who` is the clause of the members, "" where none are asked about."""
    store.run(f"CREATE OR REPLACE TABLE asked AS WITH {daily_counts.numbered('q', 'snapshots')} SELECT * FROM q")
    if who:
        store.run(f"CREATE OR REPLACE TABLE members AS WITH {who} SELECT * FROM members")
        store.run(
            "CREATE OR REPLACE TABLE firms AS SELECT DISTINCT account_id, as_of FROM snapshots WHERE account_id IS NOT NULL"
        )


def _code(store: Store, kinds: BehaviourCodes, members: bool) -> None:
    """Number leads and behaviours, and write the events of these leads as whole numbers."""
    import pyarrow as pa

    also = " UNION SELECT lead_id FROM members" if members else ""
    store.run(
        "CREATE OR REPLACE TABLE lead_codes AS SELECT lead_id, CAST(ROW_NUMBER() OVER (ORDER BY lead_id) - 1 AS INTEGER) AS lead "
        f"FROM (SELECT lead_id FROM asked{also})"
    )
    store.put(
        "kind_codes",
        pa.table({
            "behaviour": pa.array(list(kinds.codes), pa.string()), "kind": pa.array(list(kinds.codes.values()), pa.int16()),
        }),
    )  # fmt: skip
    store.run(
        f"CREATE OR REPLACE TABLE coded AS SELECT l.lead, CAST(COALESCE(k.kind, {kinds.size - 1}) AS SMALLINT) AS kind, e.occurred_at, e.recorded_at "
        "FROM events AS e JOIN lead_codes AS l ON l.lead_id = e.lead_id LEFT JOIN kind_codes AS k ON k.behaviour = e.behaviour"
    )


def _blocks(store: Store, cells: int) -> Iterator[tuple[int, int, EventBlock]]:
    """Yield the events of one range of leads after another; a question takes `cells` bytes."""
    leads, questions = (int(store.rows(f"SELECT COUNT(*) FROM {t}")[0][0]) for t in ("lead_codes", "asked"))
    counts = np.zeros(leads, np.int64)
    told = store.arrow("SELECT lead, COUNT(*) AS n FROM coded GROUP BY lead")
    counts[told.column("lead").to_numpy()] = told.column("n").to_numpy()
    upto = np.cumsum(counts * EVENT + questions * cells // leads)
    ends = np.searchsorted(upto, np.arange(BUDGET, upto[-1] + BUDGET, BUDGET), side="right")
    low = 0
    for end in [*np.minimum(ends, leads).tolist(), leads]:
        if end > low:
            yield low, end, _block(store, low, end, counts[low:end])
            low = end


def _block(store: Store, low: int, high: int, counts: Ints) -> EventBlock:
    rows = store.arrow(
        f"SELECT CAST(lead - {low} AS INTEGER) AS lead, kind, occurred_at, recorded_at FROM coded WHERE lead >= {low} AND lead < {high}"
    )
    lead, kind, occurred, recorded = (rows.column(n).to_numpy() for n in ("lead", "kind", "occurred_at", "recorded_at"))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sorted_by = (np.empty(len(lead), np.int16), np.empty(len(lead), np.int64), np.empty(len(lead), np.int64))
    compiled("scatter")(lead, offsets.copy(), kind, occurred, recorded, sorted_by)
    compiled("order")(offsets, *sorted_by)
    return EventBlock(offsets, sorted_by)


def _questions(store: Store, name: str, low: int, high: int) -> tuple[Ints, tuple[Ints, Ints]]:
    """Return the numbers of the questions about these leads, and (lead, as_of) of each."""
    rows = store.arrow(
        f"SELECT q.number, CAST(l.lead - {low} AS BIGINT) AS lead, q.as_of FROM {name} AS q JOIN lead_codes AS l ON l.lead_id = q.lead_id "
        f"WHERE l.lead >= {low} AND l.lead < {high} ORDER BY q.number"
    )
    number, lead, as_of = (rows.column(n).to_numpy().astype(np.int64) for n in ("number", "lead", "as_of"))
    return number, (lead, as_of)

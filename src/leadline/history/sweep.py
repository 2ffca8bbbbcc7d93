"""The sweep: the parts of the statement that read every event, computed by compiled loops instead of SQL.

The SQL is the definition; what the sweep makes are tables that stand in for parts of its WITH clause, of the same names
and with the same rows, so that all else of the statement is left as it is. It pays off on long logs, where sorting
events by lead once costs less than grouping them once for each question.

::

    events → coded (whole numbers) → by lead and time ┬ asked   → each_kind, by_kind, active, scanned
                                                      └ members → did, acted
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from leadline.history import acts, colleagues, days, swept
from leadline.history.kernels import compiled
from leadline.history.spec import Feature, Title
from leadline.history.swept import Block, Ints, Kinds
from leadline.tables.store import Store

__all__ = ["FEWEST_EVENTS", "clear", "pays_off", "stand_in"]

FEWEST_EVENTS = 4_000_000
"""Shorter logs take the SQL alone: importing Numba costs a second, and compiling the loops, once, some more."""

BUDGET = 400_000_000
"""Bytes that the loops use at once, beside engine.memory: leads are taken in ranges that need no more."""

EVENT, CELL = 42, 24
"""Bytes of an event, twice there while it is put in order; of what a question tells of a behaviour, windows apart."""

MADE = ("asked", "firms", "members", "each_kind", "by_kind", "active", "scanned", "did", "acted")


def pays_off(store: Store) -> bool:
    """Tell whether the log is long, the loops can be compiled here, and the engine's rows lie in this process."""
    if store.dialect.name != "duckdb" or importlib.util.find_spec("numba") is None:
        return False
    return int(store.rows("SELECT COUNT(*) FROM events")[0][0]) >= FEWEST_EVENTS


def clear(store: Store) -> None:
    """Drop what `stand_in` made."""
    for name in MADE:
        store.run(f"DROP TABLE IF EXISTS {name}")


def stand_in(
    store: Store,
    own: Sequence[Feature],
    others: Sequence[Feature],
    intents: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    title: Title | None,
) -> frozenset[str]:
    """Make the tables that stand in for parts of the statement; return the names of the parts that it may leave out.

    Parameters
    ----------
    own, others
        The specs of the lead's own acts, and of its colleagues.
    """
    named = sorted({s.field for s in own if s.by == "behaviour"} | set(intents))
    kinds = Kinds({b: n for n, b in enumerate(named)}, dict(intents))
    members = colleagues.needs_days(others)
    _ask(store, colleagues.who(others, roles, title, store.dialect) if members else "")
    _code(store, kinds, members)
    made: set[str] = set()
    for low, high, block in _blocks(store, kinds.size * (CELL + 4 * len(acts.windows(own)))):
        tables = swept.own(own, kinds, block, *_questions(store, "asked", low, high)) if own else {}
        if members:
            tables |= swept.members(others, kinds, block, *_questions(store, "members", low, high))
        for name, table in tables.items():
            store.put(name if name not in made else "arriving", table)
            if name in made:
                store.run(f"INSERT INTO {name} SELECT * FROM arriving")
        made |= set(tables)
    for name in ("coded", "lead_codes", "kind_codes", "arriving"):
        store.run(f"DROP TABLE IF EXISTS {name}")
    unread = {"days", "late", "cut_days", "fast", "members_today", "members_cut", "stretches", "starts"}
    return frozenset({"asked", *made, *unread, *(("firms", "present", "titled", "members") if members else ())})


def _ask(store: Store, who: str) -> None:
    """Make the questions stand as tables; `who` is the clause of the members, "" where none are asked about."""
    store.run(f"CREATE OR REPLACE TABLE asked AS WITH {days.numbered('q', 'snapshots')} SELECT * FROM q")
    if who:
        store.run(f"CREATE OR REPLACE TABLE members AS WITH {who} SELECT * FROM members")
        store.run(
            "CREATE OR REPLACE TABLE firms AS SELECT DISTINCT account_id, as_of FROM snapshots WHERE account_id IS NOT NULL"
        )


def _code(store: Store, kinds: Kinds, members: bool) -> None:
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


def _blocks(store: Store, cells: int) -> Iterator[tuple[int, int, Block]]:
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


def _block(store: Store, low: int, high: int, counts: Ints) -> Block:
    rows = store.arrow(
        f"SELECT CAST(lead - {low} AS INTEGER) AS lead, kind, occurred_at, recorded_at FROM coded WHERE lead >= {low} AND lead < {high}"
    )
    lead, kind, occurred, recorded = (rows.column(n).to_numpy() for n in ("lead", "kind", "occurred_at", "recorded_at"))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sorted_by = (np.empty(len(lead), np.int16), np.empty(len(lead), np.int64), np.empty(len(lead), np.int64))
    compiled("scatter")(lead, offsets.copy(), kind, occurred, recorded, sorted_by)
    compiled("order")(offsets, *sorted_by)
    return Block(offsets, sorted_by)


def _questions(store: Store, name: str, low: int, high: int) -> tuple[Ints, tuple[Ints, Ints]]:
    """Return the numbers of the questions about these leads, and (lead, as_of) of each."""
    rows = store.arrow(
        f"SELECT q.number, CAST(l.lead - {low} AS BIGINT) AS lead, q.as_of FROM {name} AS q JOIN lead_codes AS l ON l.lead_id = q.lead_id "
        f"WHERE l.lead >= {low} AND l.lead < {high} ORDER BY q.number"
    )
    number, lead, as_of = (rows.column(n).to_numpy().astype(np.int64) for n in ("number", "lead", "as_of"))
    return number, (lead, as_of)

"""Merges: from the instant at which two records are known to be one person, the survivor has the acts of both.

A row of the record that vanished is given to the survivor with ``recorded_at`` raised to the merge's own time, so
that the one clock rule decides when it counts. What the survivor does later also counts as the outcome of the
record that vanished, as it is the same person; that record itself is open until the merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from leadline.config.schema import Config
from leadline.storage import Store
from leadline.tables.visibility import columns_in

__all__ = ["apply_merges", "count_cycles", "into_somebody", "merge_closure", "no_merges", "survivors_in"]

Merge = tuple[str, str, int]


def merge_closure(merges: Iterable[Merge]) -> list[Merge]:
    """Follow chains: for each record that vanished, every survivor and the instant from which it holds.

    Parameters
    ----------
    merges : iterable of (from_id, into_id, since)
        Of several merges of one record, the earliest counts; one into itself doesn't.

    Examples
    --------
    >>> merge_closure([("a", "b", 5), ("b", "c", 3)])
    [('a', 'b', 5), ('a', 'c', 5), ('b', 'c', 3)]
    """
    first = _first(merges)
    pairs = []
    for lead in sorted(first):
        seen, since, now = {lead}, first[lead][1], lead
        while now in first and first[now][0] not in seen:
            now, at = first[now]
            since = max(since, at)
            seen.add(now)
            pairs.append((lead, now, since))
    return pairs


def count_cycles(merges: Iterable[Merge]) -> int:
    """Count the records whose chain of merges comes back to itself.

    Examples
    --------
    >>> count_cycles([("a", "b", 1), ("b", "a", 2), ("c", "a", 3)])
    2
    """
    first = _first(merges)
    count = 0
    for lead in first:
        seen, now = set(), lead
        while now in first and now not in seen:
            seen.add(now)
            now = first[now][0]
        count += now == lead
    return count


def _first(merges: Iterable[Merge]) -> dict[str, tuple[str, int]]:
    first: dict[str, tuple[str, int]] = {}
    for lead, into, at in sorted(merges, key=lambda m: (m[2], m[0], m[1])):
        if lead != into:
            first.setdefault(lead, (into, at))
    return first


def visible_merges(store: Store) -> list[Merge]:
    """Return the merges visible at T, each with the instant from which it is both true and known."""
    rows = store.rows(
        "SELECT from_id, into_id, GREATEST(merged_at, recorded_at) FROM merges WHERE from_id IS NOT NULL AND into_id IS NOT NULL"
    )
    return [(str(a), str(b), int(t)) for a, b, t in rows]


def into_somebody(pairs: Iterable[Merge], seen: Mapping[str, int]) -> list[Merge]:
    """Keep the pairs whose survivor is there, from the instant on at which it is seen; whoever was merged into nobody stays.

    Examples
    --------
    >>> into_somebody([("a", "b", 5), ("a", "c", 6), ("d", "gone", 3)], {"a": 1, "b": 2, "c": 9, "d": 1})
    [('a', 'b', 5), ('a', 'c', 9)]
    """
    return [(lead, into, max(since, seen[into])) for lead, into, since in pairs if into in seen]


def apply_merges(store: Store, tables: Sequence[str]) -> None:
    """Give the survivors the rows of the records that vanished, in every table that names leads."""
    rows = store.rows(
        "SELECT lead_id, GREATEST(created_at, recorded_at) FROM leads WHERE lead_id IN (SELECT into_id FROM merges)"
    )
    seen = {str(lead): int(at) for lead, at in rows}
    _put(store, into_somebody(merge_closure(visible_merges(store)), seen))
    for table in ("events", "stages", "opportunities", "history", "touches"):
        if table in tables and "lead_id" in columns_in(store, table):
            _give(store, table)


def survivors_in(config: Config, store: Store) -> dict[str, list[str]]:
    """Say into whom leads were merged, as known by now."""
    found: dict[str, list[str]] = {}
    if config.tables.merges is not None:
        for lead, into in store.rows("SELECT lead_id, into_id FROM survivors"):
            found.setdefault(str(lead), []).append(str(into))
    return found


def no_merges(store: Store) -> None:
    """Say that nobody was merged."""
    _put(store, [])


def _put(store: Store, pairs: Sequence[Merge]) -> None:
    import pyarrow as pa

    store.put("survivors", pa.table({
        "lead_id": pa.array([p[0] for p in pairs], pa.string()),
        "into_id": pa.array([p[1] for p in pairs], pa.string()),
        "since": pa.array([p[2] for p in pairs], pa.int64()),
    }))  # fmt: skip
    store.run("CREATE OR REPLACE TABLE merged AS SELECT lead_id, MIN(since) AS since FROM survivors GROUP BY lead_id")


def _give(store: Store, table: str) -> None:
    store.run(
        f"INSERT INTO {table} SELECT t.* REPLACE (m.into_id AS lead_id, GREATEST(t.recorded_at, m.since) AS recorded_at) "
        f"FROM {table} AS t JOIN survivors AS m ON m.lead_id = t.lead_id"
    )

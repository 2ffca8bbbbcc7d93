"""The naive peer: one DuckDB join of snapshots and events, a ``COUNT(*) FILTER (WHERE …)`` for each feature.

It leaves out `new_colleagues_30d`, which needs a second level: each member's first act, before the account's sum.
"""

from __future__ import annotations

from typing import Any

from benchmarks.world import BEHAVIOURS, DAY

__all__ = ["statement", "values"]

WINDOWS = (7, 30, 90)
VISIBLE = "e.occurred_at < s.as_of AND e.recorded_at < s.as_of"


def _within(days: int) -> str:
    return f"e.occurred_at >= s.as_of - {days * DAY}"


def _since(instant: str) -> str:
    return f"CAST(s.as_of - {instant} AS DOUBLE) / {DAY}.0"


def statement() -> str:
    """Write the statement: a row for each snapshot, in the order of (as_of, lead_id)."""
    own, others = [], []
    for w in WINDOWS:
        own.append(f"COUNT(*) FILTER (WHERE {_within(w)}) AS n_any_{w}d")
        own.append(f"COUNT(DISTINCT e.occurred_at // {DAY}) FILTER (WHERE {_within(w)}) AS active_days_{w}d")
        own += [f"COUNT(*) FILTER (WHERE e.behaviour = '{b}' AND {_within(w)}) AS n_{b}_{w}d" for b in BEHAVIOURS]
        others.append(f"COUNT(*) FILTER (WHERE {_within(w)}) AS n_colleague_acts_{w}d")
        others.append(f"COUNT(DISTINCT e.lead_id) FILTER (WHERE {_within(w)}) AS engaged_colleagues_{w}d")
    own.append(f"{_since('MAX(e.occurred_at)')} AS since_any")
    own += [f"{_since(f'MAX(e.occurred_at) FILTER (WHERE e.behaviour = {b!r})')} AS since_{b}" for b in BEHAVIOURS]
    others.append("COUNT(DISTINCT b.lead_id) AS known_colleagues")
    others.append(f"{_since('MAX(e.occurred_at)')} AS since_colleague_act")
    return f"""
WITH own AS (
  SELECT s.lead_id, s.as_of, {", ".join(own)}
  FROM snapshots AS s LEFT JOIN events AS e ON e.lead_id = s.lead_id AND {VISIBLE}
  GROUP BY s.lead_id, s.as_of
), others AS (
  SELECT s.lead_id, s.as_of, {", ".join(others)}
  FROM snapshots AS s
  JOIN leads AS b ON b.account_id = s.account_id AND b.lead_id <> s.lead_id AND b.created_at < s.as_of AND b.recorded_at < s.as_of
  LEFT JOIN events AS e ON e.lead_id = b.lead_id AND {VISIBLE}
  GROUP BY s.lead_id, s.as_of
)
SELECT own.*, others.* EXCLUDE (lead_id, as_of, since_colleague_act, known_colleagues),
  COALESCE(others.known_colleagues, 0) AS known_colleagues, others.since_colleague_act,
  CAST(others.engaged_colleagues_30d AS DOUBLE) / others.known_colleagues AS share_engaged_30d
FROM own LEFT JOIN others ON others.lead_id = own.lead_id AND others.as_of = own.as_of
ORDER BY own.as_of, own.lead_id"""


def values(store: Any) -> dict[str, Any]:
    """Run it in leadline's own store, on the same tables; return a float64 array for each feature."""
    rows = store.arrow(statement())
    found = {}
    for name in rows.column_names:
        if name in ("lead_id", "as_of"):
            continue
        column = rows.column(name)
        if name.startswith(("n_", "engaged_")):
            column = column.fill_null(0)
        found[name] = column.cast("double").to_numpy()
    return found

"""The fold of events into days, as SQL: what a lead did on a day, in one row, and the days that an edge cuts.

A day that lies whole inside a window counts by its row. A day that an edge cuts (as_of itself, or the far end of a
window) is mended from its events, so that results are exact at any as_of. What was recorded after its day was over is
late: it stays apart, one row an act, and is seen from its recorded_at on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from leadline.core.point_in_time import DAY, Horizon, day_sql, edge_cuts_sql, span_sql, visible_sql
from leadline.storage.dialect import Dialect, literal

__all__ = ["cuts", "ends", "fold", "late", "name_of", "newest", "numbered", "of_intent", "punctual", "touches", "uncut"]


def numbered(name: str, table: str) -> str:
    """Write a part that numbers whom is asked about: (lead_id, as_of) as one whole number, which joins and groups faster."""
    return f"{name} AS (\n  SELECT lead_id, as_of, ROW_NUMBER() OVER (ORDER BY lead_id, as_of) AS number\n  FROM {table}\n)"


def name_of(part: str) -> str:
    """Return the name of a part ``name AS (…)``, or of the first where several stand in one text."""
    return part.partition(" AS (")[0]


def of_intent(intents: Mapping[str, str], intent: str, dialect: Dialect, column: str = "e.behaviour") -> str:
    """Write the condition that a behaviour has an intent."""
    listed = ", ".join(literal(b, dialect) for b, i in sorted(intents.items()) if i == intent)
    return f"{column} IN ({listed})" if listed else "1 = 0"


def punctual(row: str) -> str:
    """Write that an event was recorded before its day was over: then whoever sees past the day sees it."""
    return f"{row}.recorded_at < {day_sql(f'{row}.occurred_at')} + {DAY}"


def fold(counted: Iterable[str], told: Iterable[str], intents: Mapping[str, str], dialect: Dialect) -> str:
    """Write the part ``days``: a row for each lead and UTC day with an event.

    Parameters
    ----------
    counted : intents whose punctual acts are counted (``n_purchase``), beside all (``n``, ``first_at``, ``last_at``).
    told : intents for which it is kept when a first act of the day was known (``known_purchase``), beside all (``known_at``).
    """
    on_time = punctual("e")
    columns = [
        "MIN(e.recorded_at) AS known_at",
        "COUNT(*) AS acts",
        f"CAST(COUNT(CASE WHEN {on_time} THEN 1 END) AS INTEGER) AS n",  # sums of smaller numbers are faster
        f"MIN(CASE WHEN {on_time} THEN e.occurred_at END) AS first_at",
        f"MAX(CASE WHEN {on_time} THEN e.occurred_at END) AS last_at",
    ]
    for intent in counted:
        test = of_intent(intents, intent, dialect)
        columns.append(f"CAST(COUNT(CASE WHEN {test} AND {on_time} THEN 1 END) AS INTEGER) AS n_{intent}")
    for intent in told:
        columns.append(f"MIN(CASE WHEN {of_intent(intents, intent, dialect)} THEN e.recorded_at END) AS known_{intent}")
    return (
        f"days AS (\n  SELECT e.lead_id, {day_sql('e.occurred_at')} AS day,\n    " + ",\n    ".join(columns) + "\n"
        f"  FROM events AS e\n  GROUP BY e.lead_id, {day_sql('e.occurred_at')}\n)"
    )


def late() -> str:
    """Write the part ``late``: the events that were recorded after their day was over."""
    return f"late AS (\n  SELECT e.lead_id, e.behaviour, e.occurred_at, e.recorded_at\n  FROM events AS e\n  WHERE NOT ({punctual('e')})\n)"


def cuts(name: str, asked: str, windows: Sequence[Horizon]) -> str:
    """Write the part of the days that an edge of `asked` cuts; none where every edge stands at midnight."""
    edges = ["q.as_of", *(f"q.as_of - {w.micros}" for w in windows)]
    parts = [
        f"SELECT q.number, q.lead_id, q.as_of, {day_sql(f'({edge})')} AS day FROM {asked} AS q WHERE {day_sql(f'({edge})')} < {edge}"
        for edge in edges
    ]
    return f"{name} AS (\n  " + "\n  UNION ".join(parts) + "\n)"


def uncut(asked: str, windows: Sequence[Horizon]) -> str:
    """Write that the day ``d`` is over at as_of and that no window's edge cuts it."""

    def spared(some: Sequence[Horizon]) -> str:
        return " AND ".join(f"NOT ({edge_cuts_sql('d.day', f'{asked}.as_of - {w.micros}')})" for w in some)

    tests = [f"d.day + {DAY} <= {asked}.as_of"]
    whole = [w for w in windows if w.micros % DAY == 0]
    if whole:  # where as_of is a midnight, their edges are too: one look instead of one a window
        tests.append(f"({day_sql(f'{asked}.as_of')} = {asked}.as_of OR ({spared(whole)}))")
    parts = [w for w in windows if w not in whole]
    return " AND ".join([*tests, *([spared(parts)] if parts else [])])


def ends(name: str, asked: str, today: str) -> list[str]:
    """Write the part that tells when each of `asked` first and last acted, as far as it is visible.

    Of the whole days only the last before as_of and the first of all are looked at, so that nothing is added up; late
    acts and the acts of the day that as_of cuts (`today`) come beside them.
    """
    one = "e.occurred_at AS first_at, e.occurred_at AS last_at"
    return [
        "stretches AS (\n  SELECT lead_id, day, last_at,\n    LEAD(day) OVER (PARTITION BY lead_id ORDER BY day) AS next_day\n"
        "  FROM days\n  WHERE n > 0\n)",
        "starts AS (\n  SELECT lead_id, MIN(day) AS day, MIN(first_at) AS first_at\n  FROM days\n  WHERE n > 0\n  GROUP BY lead_id\n)",
        f"{name} AS (\n  SELECT t.number, MIN(t.first_at) AS first_at, MAX(t.last_at) AS last_at\n  FROM (\n"
        f"    SELECT q.number, NULL AS first_at, d.last_at\n    FROM {asked} AS q JOIN stretches AS d ON d.lead_id = q.lead_id\n"
        f"      AND d.day + {DAY} <= q.as_of AND (d.next_day IS NULL OR d.next_day + {DAY} > q.as_of)\n"
        f"    UNION ALL SELECT q.number, d.first_at, NULL AS last_at\n"
        f"    FROM {asked} AS q JOIN starts AS d ON d.lead_id = q.lead_id AND d.day + {DAY} <= q.as_of\n"
        f"    UNION ALL SELECT q.number, {one}\n    FROM {asked} AS q JOIN late AS e ON e.lead_id = q.lead_id AND {visible_sql('e', 'q.as_of')}\n"
        f"    UNION ALL SELECT q.number, {one}\n    FROM {today} AS q JOIN events AS e ON e.lead_id = q.lead_id\n"
        f"      AND {day_sql('e.occurred_at')} = q.day AND {visible_sql('e', 'q.as_of')} AND {punctual('e')}\n"
        "  ) AS t\n  GROUP BY t.number\n)",
    ]


def newest(as_of: int) -> str:
    """Write the part ``stretches`` of `ends` for one as_of: the last whole day alone, since no other day's next is asked for."""
    return (
        "stretches AS (\n  SELECT lead_id, MAX(day) AS day, MAX(last_at) AS last_at, CAST(NULL AS BIGINT) AS next_day\n"
        f"  FROM days\n  WHERE n > 0 AND day + {DAY} <= {as_of}\n  GROUP BY lead_id\n)"
    )


def touches(asked: str, cut: str, counted: Sequence[str], windows: Sequence[Horizon], of: Mapping[str, str]) -> str:
    """Write what is visible of what each of `asked` did in the longest window: whole days, late acts, and acts of cut days.

    Its columns are number, as_of, at (when, for the windows: an instant that is on the same side of every edge), n and
    n_INTENT. `of` gives the condition of each counted intent on ``e.behaviour``.
    """
    longest = max(windows)
    folded = "".join(f", d.n_{i}" for i in counted)
    single = "".join(f", CASE WHEN {of[i]} THEN 1 ELSE 0 END AS n_{i}" for i in counted)
    one = f"e.occurred_at AS at_, 1 AS n{single}"
    bound = span_sql("e.occurred_at", "q.as_of", longest)
    return (
        f"SELECT q.number, q.as_of, d.day AS at_, d.n{folded}\n"
        f"    FROM {asked} AS q JOIN days AS d ON d.lead_id = q.lead_id AND d.n > 0 AND {uncut('q', windows)}\n"
        f"      AND {span_sql('d.day', 'q.as_of', longest)}\n"
        f"    UNION ALL SELECT q.number, q.as_of, {one}\n"
        f"    FROM {asked} AS q JOIN late AS e ON e.lead_id = q.lead_id AND {visible_sql('e', 'q.as_of')} AND {bound}\n"
        f"    UNION ALL SELECT q.number, q.as_of, {one}\n"
        f"    FROM {cut} AS q JOIN events AS e ON e.lead_id = q.lead_id AND {day_sql('e.occurred_at')} = q.day\n"
        f"      AND {visible_sql('e', 'q.as_of')} AND {bound} AND {punctual('e')}"
    )

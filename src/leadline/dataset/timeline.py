"""One lead's past as known at as_of: what it did, what others of its account did, and the stages that it passed.

The lead is the only row of the table ``snapshots``. Colleagues are told by their role, never by name; days in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadline.core.point_in_time import HOUR, day_sql, visible_sql
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.dataset import account_members
from leadline.dataset.account_members import Roles, role_column
from leadline.dataset.feature_spec import Feature, TitleSource
from leadline.storage.dialect import Dialect, literal
from leadline.tables import LoadedTables

__all__ = [
    "NOBODY",
    "Timeline",
    "TimelineEvent",
    "add_event",
    "colleague_roles",
    "common_behaviours",
    "fetch_timeline",
    "keep_one_lead",
    "reads_events",
    "timeline_sql",
]

NOBODY = "nobody known"

"""Who did what names the account and no lead."""

MOST = 1000  # lines of a day and a behaviour that are read, the newest


@dataclass(frozen=True)
class TimelineEvent:
    """What somebody did on one day.

    Attributes
    ----------
    day : int
        The day's start, in microseconds.
    own : bool
        Whether the lead itself did it.
    role : str or None
        The role of the colleagues who did it, None where theirs isn't known; `NOBODY` where the event names no lead.
    behaviour : str or None
        What was done.
    times, people : int
        How often, and by how many.
    recorded_at : int
        When the last of it was on record.
    """

    day: int
    own: bool
    role: str | None
    behaviour: str | None
    times: int
    people: int
    recorded_at: int


@dataclass(frozen=True)
class Timeline:
    """What was known of one lead's past at as_of.

    Attributes
    ----------
    created_at : int
        When the lead was created.
    acts : tuple of Act
        The newest day first; at most `MOST`, the lead's own before its colleagues'.
    stages : tuple of (int, int)
        Each rung of the ladder that it reached, and when first; ends (lost, rejected) are negative.
    own, others : int
        How many acts there are in all: the lead's own, and its colleagues'.
    """

    created_at: int
    acts: tuple[TimelineEvent, ...]
    stages: tuple[tuple[int, int], ...]
    own: int
    others: int


def fetch_timeline(loaded: LoadedTables, roles: Mapping[str, Sequence[str]]) -> Timeline:
    """Read the timeline of the one lead in ``snapshots``."""
    store = loaded.store
    created = store.rows("SELECT l.created_at FROM leads AS l JOIN snapshots AS s ON s.lead_id = l.lead_id")[0][0]
    reached = store.rows(
        "SELECT r.rung, MIN(r.reached_at) FROM reached AS r JOIN snapshots AS s ON s.lead_id = r.lead_id "
        f"WHERE r.rung > -3 AND {visible_sql('r', 's.as_of', 'reached_at')} GROUP BY r.rung ORDER BY 2, 1"
    )
    stages = tuple((int(rung), int(at)) for rung, at in reached)
    if "events" not in loaded.rows:
        return Timeline(int(created), (), stages, 0, 0)
    named = "account_id" in store.arrow("SELECT * FROM events LIMIT 0").column_names
    text = timeline_sql(roles, role_column(loaded), store.dialect, _has_accounts(loaded), named)
    totals = dict(store.rows(f"{text}\nSELECT own, SUM(n) FROM told GROUP BY own"))
    # Its own acts first, so that those of a large account don't crowd them out.
    newest = f"{text}\nSELECT day, own, role, behaviour, n, people, known FROM told ORDER BY own DESC, day DESC, role, behaviour LIMIT {MOST}"
    acts = [
        TimelineEvent(int(day), bool(own), role, kind, int(n), int(people), int(known))
        for day, own, role, kind, n, people, known in store.rows(newest)
    ]
    acts.sort(key=lambda act: -act.day)
    return Timeline(int(created), tuple(acts), stages, int(totals.get(1, 0)), int(totals.get(0, 0)))


def colleague_roles(loaded: LoadedTables, roles: Roles) -> dict[str, tuple[str, int]]:
    """Return, for each role that a colleague of the lead has, one such colleague's id and how many there are."""
    title = role_column(loaded)
    if title is None or not roles or not _has_accounts(loaded):
        return {}
    found = loaded.store.rows(
        f"WITH {account_members.clause(roles, title, loaded.store.dialect)}\nSELECT m.role, MIN(m.lead_id), COUNT(*) FROM members AS m "
        "JOIN snapshots AS s ON s.account_id = m.account_id AND s.as_of = m.as_of "
        "WHERE m.lead_id <> s.lead_id AND m.role IS NOT NULL GROUP BY m.role ORDER BY m.role"
    )
    return {str(role): (str(lead), int(number)) for role, lead, number in found}


def timeline_sql(roles: Roles, title: TitleSource | None, dialect: Dialect, accounts: bool, named: bool) -> str:
    """Write the WITH clauses of ``told``: what the lead and its colleagues did, folded into days.

    Parameters
    ----------
    accounts : bool
        Whether leads belong to accounts.
    named : bool
        Whether events may name an account.

    Examples
    --------
    >>> from leadline.storage.dialect import DUCKDB
    >>> print(timeline_sql({}, None, DUCKDB, False, False).splitlines()[0])
    WITH who AS (SELECT s.lead_id, s.as_of, 1 AS own, CAST(NULL AS VARCHAR) AS role FROM snapshots AS s),
    """
    empty = f"CAST(NULL AS {dialect.text})"
    mine = f"SELECT s.lead_id, s.as_of, 1 AS own, {empty} AS role FROM snapshots AS s"
    others = (
        " UNION ALL SELECT m.lead_id, m.as_of, 0, m.role FROM members AS m "
        "JOIN snapshots AS s ON s.account_id = m.account_id AND s.as_of = m.as_of AND m.lead_id <> s.lead_id"
    )
    head = f"{account_members.clause(roles, title, dialect)},\n" if accounts else ""
    day = day_sql("e.occurred_at")
    counted = f"{day} AS day, {{own}} AS own, {{role}} AS role, e.behaviour, COUNT(*) AS n, {{people}} AS people, MAX(e.recorded_at) AS known"
    told = (
        f"SELECT {counted.format(own='w.own', role='w.role', people='COUNT(DISTINCT e.lead_id)')}\nFROM who AS w\n"
        f"JOIN events AS e ON e.lead_id = w.lead_id AND {visible_sql('e', 'w.as_of')}\nGROUP BY {day}, w.own, w.role, e.behaviour"
    )
    if accounts and named:
        told += (
            f"\nUNION ALL SELECT {counted.format(own='0', role=literal(NOBODY, dialect), people='0')}\nFROM snapshots AS s\n"
            f"JOIN events AS e ON e.account_id = s.account_id AND e.lead_id IS NULL AND {visible_sql('e', 's.as_of')}\n"
            f"GROUP BY {day}, e.behaviour"
        )
    return f"WITH {head}who AS ({mine}{others if accounts else ''}),\ntold AS (\n{told}\n)"


def _has_accounts(loaded: LoadedTables) -> bool:
    """Tell whether the lead belongs to an account, as far as is known at as_of."""
    return bool(loaded.store.rows("SELECT COUNT(*) FROM snapshots WHERE account_id IS NOT NULL")[0][0])


# What if: one act more in the log of a night, so that the same features can be asked again.
#
# The store is one that is closed afterwards, and no table of a user is touched. The act lies one hour before as_of, and was
# recorded at once, so that it is visible by the clock rule.


def reads_events(spec: Feature) -> bool:
    """Tell whether a feature's value may change with an act.

    Examples
    --------
    >>> reads_events(Feature("age", "age", "age", "days", "age", "created", "leads"))
    False
    """
    return spec.table in ("events", "colleagues") or spec.aggregate == "engaged_by_size"


def common_behaviours(loaded: LoadedTables, most: int) -> list[str]:
    """List the behaviours that most leads show, the commonest first; rare ones, and those without a name, are left out."""
    found = loaded.store.rows(
        "SELECT e.behaviour, COUNT(DISTINCT e.lead_id) AS leads FROM events AS e "
        f"JOIN snapshots AS s ON {visible_sql('e', 's.as_of')} WHERE e.behaviour IS NOT NULL "
        f"GROUP BY e.behaviour HAVING COUNT(DISTINCT e.lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {most}"
    )
    return [str(behaviour) for behaviour, _ in found]


def keep_one_lead(loaded: LoadedTables) -> None:
    """Keep, of the events, those of the one lead in ``snapshots``, of its account's leads and of its account."""
    store = loaded.store
    named = "account_id" in store.arrow("SELECT * FROM events LIMIT 0").column_names
    there = bool(store.rows("SELECT COUNT(*) FROM snapshots WHERE account_id IS NOT NULL")[0][0])
    whose = "e.lead_id IN (SELECT lead_id FROM snapshots)"
    if there:
        mine = "SELECT account_id FROM snapshots"
        whose += f" OR e.lead_id IN (SELECT lead_id FROM belongs WHERE account_id IN ({mine}))"
        whose += f" OR e.account_id IN ({mine})" if named else ""
    store.run(f"CREATE OR REPLACE TABLE actual AS SELECT * FROM events AS e WHERE {whose}")
    store.run("CREATE OR REPLACE TABLE events AS SELECT * FROM actual")


def add_event(loaded: LoadedTables, lead: str, behaviour: str) -> None:
    """Make ``events`` anew of what was `keep_one_lead`ed, with one act more, by the lead itself or a colleague."""
    import pyarrow as pa

    store = loaded.store
    store.put("doer", pa.table({"lead_id": pa.array([lead], pa.string())}))
    at = f"s.as_of - {HOUR}"
    given = {
        "event_id": literal("supposed", store.dialect), "lead_id": "d.lead_id", "behaviour": literal(behaviour, store.dialect),
        "occurred_at": at, "recorded_at": at,
    }  # fmt: skip
    columns = store.arrow("SELECT * FROM actual LIMIT 0").column_names
    told = ", ".join(given.get(name, "NULL") for name in columns)
    store.run(
        f"CREATE OR REPLACE TABLE events AS SELECT * FROM actual UNION ALL SELECT {told} FROM snapshots AS s CROSS JOIN doer AS d"
    )

"""What if: one act more in the log of a night, so that the same features can be asked again.

The store is one that is closed afterwards, and no table of a user is touched. The act lies one hour before as_of, and was
recorded at once, so that it is visible by the clock rule.
"""

from __future__ import annotations

from leadline.history.spec import Feature
from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables import Loaded
from leadline.tables.store.dialect import literal
from leadline.times import HOUR, visible_sql

__all__ = ["commonest", "narrow", "reads_events", "suppose"]


def reads_events(spec: Feature) -> bool:
    """Tell whether a feature's value may change with an act.

    Examples
    --------
    >>> reads_events(Feature("age", "age", "age", "days", "age", "created", "leads"))
    False
    """
    return spec.table in ("events", "colleagues") or spec.aggregate == "engaged_by_size"


def commonest(loaded: Loaded, most: int) -> list[str]:
    """List the behaviours that most leads show, the commonest first; rare ones, and those without a name, are left out."""
    found = loaded.store.rows(
        "SELECT e.behaviour, COUNT(DISTINCT e.lead_id) AS leads FROM events AS e "
        f"JOIN snapshots AS s ON {visible_sql('e', 's.as_of')} WHERE e.behaviour IS NOT NULL "
        f"GROUP BY e.behaviour HAVING COUNT(DISTINCT e.lead_id) >= {MIN_GROUP_SIZE} ORDER BY 2 DESC, 1 LIMIT {most}"
    )
    return [str(behaviour) for behaviour, _ in found]


def narrow(loaded: Loaded) -> None:
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


def suppose(loaded: Loaded, lead: str, behaviour: str) -> None:
    """Make ``events`` anew of what was `narrow`ed, with one act more, by the lead itself or a colleague."""
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

"""What became known of leads between two nights: acts that came, acts that a window holds no longer, stages, and fields.

Everything is told by the clock rule: what came is visible at the later as_of and wasn't at the earlier one; what aged out was
inside a window then and isn't now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.core.point_in_time import Horizon, span_sql, visible_sql
from leadline.tables import LoadedTables

__all__ = ["Act", "LeadNews", "NewsTables", "fetch_news"]


@dataclass(frozen=True)
class Act:
    """Acts of one kind by one lead: that came, or that a window holds no longer.

    Attributes
    ----------
    lead : str or None
        Who; None where the event names an account alone.
    behaviour : str or None
        What was done.
    window : Horizon or None
        The window that they left; None for acts that came.
    times, last : int
        How many there are, and when the newest of them was.
    """

    lead: str | None
    behaviour: str | None
    window: Horizon | None
    times: int
    last: int


@dataclass(frozen=True)
class LeadNews:
    """What became known of one lead, and of the others at its account.

    Attributes
    ----------
    acts, others : tuple of Act
        The lead's own, and its colleagues'.
    fields : frozenset of str
        Which of its fields history has a newer value of.
    others_stages : bool
        Whether a colleague reached another stage.
    """

    acts: tuple[Act, ...] = ()
    others: tuple[Act, ...] = ()
    fields: frozenset[str] = frozenset()
    others_stages: bool = False


@dataclass(frozen=True)
class NewsTables:
    """The news of all leads, as `fetch_news` read them; the store may be closed.

    Examples
    --------
    >>> NewsTables().about(["L1"], [None])
    {'L1': LeadNews(acts=(), others=(), fields=frozenset(), others_stages=False)}
    """

    acts: Any = None
    stages: Any = None
    fields: Any = None
    windows: Mapping[int, Horizon] = field(default_factory=dict)

    def about(self, leads: Iterable[str], accounts: Iterable[str | None]) -> dict[str, LeadNews]:
        """Return each lead's news; `accounts` are theirs, in the same order."""
        home = dict(zip(leads, accounts, strict=True))
        firms = {account for account in home.values() if account is not None}
        own, around = defaultdict(list), defaultdict(list)
        for row in _rows(self.acts, home, firms):
            act = Act(row["lead_id"], row["behaviour"], self.windows.get(row["gone"]), row["times"], row["last"])
            own[act.lead].append(act)
            around[row["account_id"]].append(act)
        climbed = defaultdict(set)
        for row in _rows(self.stages, {}, firms):
            climbed[row["account_id"]].add(row["lead_id"])
        changed = defaultdict(set)
        for row in _rows(self.fields, home, ()):
            changed[row["lead_id"]].add(row["field"])
        return {
            lead: LeadNews(
                tuple(own[lead]),
                tuple(act for act in around[account] if act.lead != lead) if account is not None else (),
                frozenset(changed[lead]),
                account is not None and bool(climbed[account] - {lead}),
            )
            for lead, account in home.items()
        }


def _rows(table: Any, leads: Collection[str], accounts: Collection[str]) -> list[dict[str, Any]]:
    """List the rows that are of some leads or accounts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if table is None:
        return []
    mine = pc.is_in(table["lead_id"], pa.array(sorted(leads), pa.string()))
    if "account_id" in table.column_names:
        mine = pc.or_(mine, pc.is_in(table["account_id"], pa.array(sorted(accounts), pa.string())))
    return list(table.filter(mine).to_pylist())


def fetch_news(loaded: LoadedTables, then: int, now: int, windows: Iterable[Horizon]) -> NewsTables:
    """Read what became known between two instants.

    Parameters
    ----------
    then, now : int
        The earlier as_of and the later one.
    windows : iterable of Horizon
        What features count acts in.
    """
    store, new = loaded.store, _new_sql
    text = store.dialect.text
    there = set(store.arrow("SELECT * FROM leads LIMIT 0").column_names)
    home = f"CAST({'l.account_id' if 'account_id' in there else 'NULL'} AS {text})"
    lengths = {w.micros: w for w in sorted(set(windows))}
    acts = None
    if "events" in loaded.rows:
        named = "account_id" in store.arrow("SELECT * FROM events LIMIT 0").column_names
        whose = f"COALESCE({home}, e.account_id)" if named else home
        parts = [f"SELECT e.*, 0 AS gone FROM events AS e WHERE {new('e', then, now)}"]
        parts += [
            f"SELECT e.*, {w.micros} AS gone FROM events AS e WHERE {visible_sql('e', str(then))} "
            f"AND {span_sql('e.occurred_at', str(then), w)} AND NOT ({span_sql('e.occurred_at', str(now), w)})"
            for w in lengths.values()
        ]
        acts = store.arrow(
            f"SELECT e.lead_id, {whose} AS account_id, e.behaviour, e.gone, COUNT(*) AS times, MAX(e.occurred_at) AS last "
            f"FROM ({' UNION ALL '.join(parts)}) AS e LEFT JOIN leads AS l ON l.lead_id = e.lead_id GROUP BY 1, 2, 3, 4 "
            "ORDER BY 1, 2, 3, 4"
        )
    stages = store.arrow(
        f"SELECT DISTINCT r.lead_id, {home} AS account_id FROM reached AS r JOIN leads AS l ON l.lead_id = r.lead_id "
        f"WHERE {new('r', then, now, 'reached_at')}"
    )
    fields = None
    if "history" in loaded.rows:
        fields = store.arrow(
            f"SELECT DISTINCT h.lead_id, h.field FROM history AS h WHERE {new('h', then, now, 'changed_at')}"
        )
    return NewsTables(acts, stages, fields, lengths)


def _new_sql(row: str, then: int, now: int, occurred: str = "occurred_at") -> str:
    """Write that a row is visible at the later as_of and wasn't at the earlier one."""
    return f"{visible_sql(row, str(now), occurred)} AND NOT ({visible_sql(row, str(then), occurred)})"

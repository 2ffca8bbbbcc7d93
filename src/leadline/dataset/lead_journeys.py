"""The funnel's raw matter: for each person when it reached each rung, how it ended, its first act, and sales' first touch.

A record that was merged into another is the same person and isn't counted twice; the survivor has been there since the
earlier creation of the two. Nothing here is a feature: all of it is what was known at T, also of the time after as_of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER, Config
from leadline.core.point_in_time import DAY, visible_sql
from leadline.dataset.attribute_values import origin_attribute
from leadline.dataset.labels import has_amounts, known_until
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.tables.stages import ENDS, stage_index
from leadline.tables.visibility import columns_in

__all__ = ["CampaignSpend", "DealAmounts", "LastActivity", "LeadJourneys", "fetch_journeys", "fetch_last_events"]

Floats = npt.NDArray[np.float64]

Words = npt.NDArray[np.object_]


@dataclass(frozen=True)
class CampaignSpend:
    """Money by campaign and month, summed; `month` is an instant in microseconds, `cost` in the source's unit."""

    campaign: Words = field(default_factory=lambda: np.empty(0, dtype=object))
    month: Floats = field(default_factory=lambda: np.empty(0))
    cost: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class DealAmounts:
    """Deals that closed as won, one entry a deal: its lead, when it closed, and its amount in the source's unit."""

    lead: Words = field(default_factory=lambda: np.empty(0, dtype=object))
    closed: Floats = field(default_factory=lambda: np.empty(0))
    amount: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class LeadJourneys:
    """One entry a person, ordered by lead_id; instants are in microseconds, NaN for never.

    Attributes
    ----------
    lead, account : object arrays
        Who; the account may be None.
    reached : float64 array, shape (n, 5)
        When it first stood at each rung or above; rung 0 is its creation.
    told : float64 array, shape (n, 5)
        The same by that rung's own rows alone: what is NaN here, or later than in `reached`, was skipped.
    lost, rejected : float64 arrays
        When it first was so.
    reason : object array
        Why it was rejected, where that is told; else None.
    first_act : float64 array
        Its first event.
    touched, ever : float64 arrays
        Sales' first touch from MQL on, and its first at all.
    kind : object array
        What kind of touch `touched` was; None where that isn't told.
    source, campaign : object arrays
        By the attributes that the config names, or that bear such a name; None where it isn't given.
    names : (str, str)
        These two attributes' columns; "" where there is none.
    until, touched_from, touched_until : float
        Stages, and touches, are known from and up to here.
    spent : CampaignSpend
        What campaigns cost.
    deals : DealAmounts or None
        What their deals brought; None where the config doesn't say.
    purchase_act : float64 array
        The first event of purchase intent, as the config marks behaviours; empty where it marks none.
    """

    lead: Words
    account: Words
    reached: Floats
    told: Floats
    lost: Floats
    rejected: Floats
    reason: Words
    first_act: Floats
    touched: Floats
    ever: Floats
    kind: Words
    source: Words
    campaign: Words
    names: tuple[str, str]
    until: float
    touched_from: float = float("nan")
    touched_until: float = float("nan")
    spent: CampaignSpend = field(default_factory=CampaignSpend)
    deals: DealAmounts | None = None
    purchase_act: Floats = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.lead)


def fetch_journeys(config: Config, loaded: LoadedTables) -> LeadJourneys:
    """Read everybody's climb from the tables as known at T; the tables stay as they are.

    Raises
    ------
    DataError
        As `origin_attribute`.
    """
    found = loaded.store.arrow(journeys_sql(config, loaded))

    def numbers(name: str) -> Floats:
        values: Floats = found.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        return values

    def words(name: str) -> Words:
        return np.array(found.column(name).to_pylist(), dtype=object)

    reached, told = (
        np.column_stack([numbers("created_at"), *(numbers(f"{name}_{n}") for n in range(1, len(LADDER)))])
        for name in ("reached", "told")
    )
    columns = [origin_attribute(config, loaded, which) for which in ("source", "campaign")]
    since, until = _touched_between(config, loaded)
    return LeadJourneys(
        words("lead_id"), words("account_id"), reached, told, numbers("lost"), numbers("rejected"), words("reason"),
        numbers("first_act"), numbers("touched"), numbers("ever"), words("kind"), words("source"), words("campaign"),
        (columns[0].column if columns[0] else "", columns[1].column if columns[1] else ""),
        float(known_until(loaded)), since, until, _spent(config, loaded), _deals(config, loaded),
        numbers("purchase_act"),
    )  # fmt: skip


def journeys_sql(config: Config, loaded: LoadedTables) -> str:
    """Write the query: a row a person."""
    text, tables = loaded.store.dialect.text, config.tables
    absent = {"time": "CAST(NULL AS BIGINT)", "text": f"CAST(NULL AS {text})"}
    parts, joins = _rungs(config), ["LEFT JOIN rungs AS r ON r.lead_id = l.lead_id"]
    picked = {"first_act": absent["time"], "touched": absent["time"], "ever": absent["time"], "kind": absent["text"]}
    picked |= {"reason": absent["text"], "purchase_act": absent["time"]}
    wanted = [name for name, told in config.behaviours.items() if told.intent == "purchase"]
    if tables.events is not None and wanted:
        listed = ", ".join(literal(name) for name in wanted)
        parts.append(
            f"wants AS (SELECT lead_id, MIN(occurred_at) AS at FROM events WHERE behaviour IN ({listed}) GROUP BY lead_id)"
        )
        joins.append("LEFT JOIN wants AS p ON p.lead_id = l.lead_id")
        picked["purchase_act"] = "p.at"
    if tables.events is not None:
        parts.append("acts AS (SELECT lead_id, MIN(occurred_at) AS at FROM events GROUP BY lead_id)")
        joins.append("LEFT JOIN acts AS a ON a.lead_id = l.lead_id")
        picked["first_act"] = "a.at"
    if tables.touches is not None:
        parts += _touches(tables.touches.kind is not None, absent["text"])
        joins.append("LEFT JOIN touching AS t ON t.lead_id = l.lead_id LEFT JOIN kinds AS k ON k.lead_id = l.lead_id")
        picked |= {"touched": "t.touched", "ever": "t.ever", "kind": "k.kind"}
    if tables.stages is not None and tables.stages.reason is not None:
        parts.append(
            "why AS (SELECT s.lead_id, MIN(s.reason) AS reason FROM stages AS s JOIN stage_words AS w ON w.word = LOWER(s.stage) "
            f"JOIN rungs AS r ON r.lead_id = s.lead_id AND r.rejected = s.changed_at WHERE w.rung = {ENDS['rejected']} GROUP BY s.lead_id)"
        )
        joins.append("LEFT JOIN why AS y ON y.lead_id = l.lead_id")
        picked["reason"] = "y.reason"
    for which in ("source", "campaign"):
        attribute = origin_attribute(config, loaded, which)
        picked[which] = absent["text"] if attribute is None else f"CAST(l.{attribute.name} AS {text})"
    account = "l.account_id" if tables.leads.account else absent["text"]
    rungs = ", ".join(f"r.{name}_{n}" for name in ("reached", "told") for n in range(1, len(LADDER)))
    return (
        f"WITH {', '.join(parts)} SELECT l.lead_id, {account} AS account_id, "
        "CASE WHEN b.created_at < l.created_at THEN b.created_at ELSE l.created_at END AS created_at, "
        f"{rungs}, r.lost, r.rejected, {', '.join(f'{sql} AS {name}' for name, sql in picked.items())} FROM leads AS l "
        f"{' '.join(joins)} LEFT JOIN born AS b ON b.lead_id = l.lead_id LEFT JOIN gone AS g ON g.lead_id = l.lead_id "
        "WHERE g.lead_id IS NULL ORDER BY l.lead_id"
    )


def _rungs(config: Config) -> list[str]:
    """Write the clauses on the ladder and on merged records."""
    numbered = range(1, len(LADDER))
    first = [f"MIN(CASE WHEN rung >= {n} THEN reached_at END) AS reached_{n}" for n in numbered]
    first += [f"MIN(CASE WHEN rung = {n} THEN reached_at END) AS told_{n}" for n in numbered]
    first += [f"MIN(CASE WHEN rung = {rung} THEN reached_at END) AS {end}" for end, rung in ENDS.items()]
    return [
        f"rungs AS (SELECT lead_id, {', '.join(first)} FROM reached GROUP BY lead_id)",
        "born AS (SELECT s.into_id AS lead_id, MIN(l.created_at) AS created_at FROM survivors AS s "
        "JOIN leads AS l ON l.lead_id = s.lead_id GROUP BY s.into_id)",
        "gone AS (SELECT DISTINCT s.lead_id FROM survivors AS s JOIN leads AS l ON l.lead_id = s.into_id)",
    ]


def _touches(kinds: bool, absent: str) -> list[str]:
    """Write the clauses on sales' touches: the first from MQL on, the first at all, and the first one's kind."""
    kind = "MIN(t.kind)" if kinds else absent
    return [
        "touching AS (SELECT t.lead_id, MIN(t.touched_at) AS ever, MIN(CASE WHEN t.touched_at >= r.reached_1 THEN t.touched_at END) AS touched "
        "FROM touches AS t LEFT JOIN rungs AS r ON r.lead_id = t.lead_id GROUP BY t.lead_id)",
        f"kinds AS (SELECT t.lead_id, {kind} AS kind FROM touches AS t JOIN touching AS f ON f.lead_id = t.lead_id "
        "AND f.touched = t.touched_at GROUP BY t.lead_id)",
    ]


def _touched_between(config: Config, loaded: LoadedTables) -> tuple[float, float]:
    """Tell from when and up to when touches are on record; NaN where there are none."""
    if config.tables.touches is None:
        return float("nan"), float("nan")
    first, last = loaded.store.rows("SELECT MIN(touched_at), MAX(recorded_at) FROM touches")[0]
    return (float("nan"), float("nan")) if first is None else (float(first), float(last))


def _spent(config: Config, loaded: LoadedTables) -> CampaignSpend:
    """Sum what campaigns cost; rows without a campaign, a month or a cost tell nothing."""
    if config.tables.spend is None:
        return CampaignSpend()
    rows: Any = loaded.store.rows(
        "SELECT campaign, month, SUM(cost) FROM spend WHERE campaign IS NOT NULL AND month IS NOT NULL AND cost IS NOT NULL "
        "GROUP BY campaign, month ORDER BY campaign, month"
    )
    return CampaignSpend(
        np.array([row[0] for row in rows], dtype=object), np.array([float(row[1]) for row in rows]),
        np.array([float(row[2]) / 100 for row in rows]),
    )  # fmt: skip


def _deals(config: Config, loaded: LoadedTables) -> DealAmounts | None:
    """List the won deals that tell an amount, each once for a person."""
    if not has_amounts(config) or "amount" not in columns_in(loaded.store, "opportunities"):
        return None
    rows: Any = loaded.store.rows(
        "SELECT DISTINCT o.lead_id, o.opportunity_id, o.closed_at, o.amount FROM opportunities AS o JOIN stage_words AS w "
        f"ON w.word = LOWER(o.stage) AND w.rung = {stage_index('won')} WHERE o.lead_id IS NOT NULL AND o.closed_at IS NOT NULL "
        "AND o.amount IS NOT NULL ORDER BY o.lead_id, o.opportunity_id"
    )
    return DealAmounts(
        np.array([row[0] for row in rows], dtype=object), np.array([float(row[2]) for row in rows]),
        np.array([float(row[3]) / 100 for row in rows]),
    )  # fmt: skip


# How long before its outcome a lead last did each kind of thing; of leads whose outcome is known at T.


@dataclass(frozen=True)
class LastActivity:
    """A row for each lead and behaviour: the lead reached the outcome, and had done that before.

    Attributes
    ----------
    behaviour : object array
        The kind of event.
    days : float64 array
        From its last act of that kind to the outcome.
    """

    behaviour: npt.NDArray[np.object_]
    days: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.behaviour) != len(self.days):
            raise ValueError("Lasts: behaviours and days differ in length")


def fetch_last_events(loaded: LoadedTables) -> LastActivity:
    """Ask the events and the table ``first_outcome`` that the labels made; an act counts that was visible at the outcome.

    A record that was merged away isn't counted: its survivor has its acts.
    """
    rows = loaded.store.arrow(
        "SELECT e.behaviour, o.lead_id, o.reached_at - MAX(e.occurred_at) AS micros FROM first_outcome AS o "
        "JOIN leads AS l ON l.lead_id = o.lead_id "
        f"JOIN events AS e ON e.lead_id = o.lead_id AND {visible_sql('e', 'o.reached_at')} "
        "WHERE e.behaviour IS NOT NULL AND o.lead_id NOT IN (SELECT lead_id FROM merged) "
        "GROUP BY e.behaviour, o.lead_id, o.reached_at ORDER BY e.behaviour, o.lead_id"
    )
    behaviour = np.empty(rows.num_rows, dtype=object)
    behaviour[:] = rows.column("behaviour").to_pylist()
    return LastActivity(behaviour, rows.column("micros").to_numpy(zero_copy_only=False).astype(np.float64) / DAY)

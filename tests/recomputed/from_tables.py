"""The first screen's figures, and those of the sections' first sentences, made again from the tables in plain pandas.

Nothing of leadline is imported here, and nothing of its way of counting is copied: each figure follows its definition in
docs/how-to/read-the-report.md and under the page's own "How this is counted", one lead after the other where that is clearer.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

LADDER = ["lead", "mql", "sql", "opportunity", "won"]
STAGES = {
    "mql": "mql", "sql": "sql", "opportunity": "opportunity", "open": "opportunity", "closed_won": "won", "closed_lost": "lost", "disqualified": "rejected",
}  # fmt: skip
DAY = pd.Timedelta(days=1)
STEP, TO_WON, SLA = 90 * DAY, 180 * DAY, DAY
NEVER = pd.Timestamp.max.tz_localize("UTC")


@dataclass
class Person:
    """One person: when it first stood at each rung or above, by which rung's own rows, and how it ended."""

    lead: str
    account: str
    source: str | None
    campaign: str | None
    reached: dict[str, pd.Timestamp]
    told: dict[str, pd.Timestamp]
    ends: list[pd.Timestamp] = field(default_factory=list)
    rejected: pd.Timestamp = NEVER
    touches: list[pd.Timestamp] = field(default_factory=list)
    deals: list[tuple[pd.Timestamp, float]] = field(default_factory=list)


@dataclass
class World:
    """What was on record at T: people, spend, and up to when stages and touches are known."""

    people: list[Person]
    spend: pd.DataFrame
    until: pd.Timestamp
    touched_until: pd.Timestamp


def read_world(folder: Path, known_at: str) -> World:
    """Read a demo world's tables as they were known at T; who was merged away is its survivor."""
    at = pd.Timestamp(known_at)
    leads, stages = _table(folder, "leads", "created_at", at), _table(folder, "stages", "changed_at", at)
    deals, touches = _table(folder, "opportunities", "created_at", at), _table(folder, "touches", "touched_at", at)
    merges = _table(folder, "merges", "merged_at", at)
    into = {m.from_id: m.into_id for m in merges.itertuples() if m.into_id in set(leads["lead_id"])}
    until = min(at, stages["recorded_at"].max())
    people = _people(leads, into)
    closed = deals[deals["closed_at"] < at]
    acts = [(s.lead_id, STAGES[s.stage], s.changed_at) for s in stages.itertuples()]
    acts += [(d.lead_id, "opportunity", d.created_at) for d in deals.itertuples()]
    acts += [(d.lead_id, STAGES[d.stage], d.closed_at) for d in closed.itertuples() if d.stage != "open"]
    for lead, stage, when in acts:
        if (who := people.get(_survivor(lead, into))) is not None:
            _climb(who, stage, when)
    for row in touches.itertuples():
        if (who := people.get(_survivor(row.lead_id, into))) is not None:
            who.touches.append(row.touched_at)
    for row in closed[closed["stage"] == "closed_won"].itertuples():
        if (who := people.get(_survivor(row.lead_id, into))) is not None:
            who.deals.append((row.closed_at, row.amount))
    spend = pd.read_parquet(folder / "spend.parquet")
    return World(list(people.values()), spend, until, min(until, touches["recorded_at"].max()))


def _table(folder: Path, name: str, happened: str, at: pd.Timestamp) -> pd.DataFrame:
    """Read what had happened and was on record before T; rows that repeat another are one."""
    rows = pd.read_parquet(folder / f"{name}.parquet").drop_duplicates()
    for clock in (happened, "recorded_at"):
        if clock in rows:
            rows = rows[rows[clock] < at]
    return rows


def _survivor(lead: str, into: dict[str, str]) -> str:
    while lead in into:
        lead = into[lead]
    return lead


def _people(leads: pd.DataFrame, into: dict[str, str]) -> dict[str, Person]:
    """List the people; one has been there since the earliest creation of its records."""
    people: dict[str, Person] = {}
    for row in leads[~leads["lead_id"].isin(into)].itertuples():
        account, source, campaign = (
            v if isinstance(v, str) else None for v in (row.account_id, row.source, row.campaign)
        )
        born = {"lead": row.created_at}
        people[row.lead_id] = Person(row.lead_id, account or row.lead_id, source, campaign, dict(born), dict(born))
    for row in leads.itertuples():
        who = people.get(_survivor(row.lead_id, into))
        if who is not None and row.created_at < who.reached["lead"]:
            who.reached["lead"] = who.told["lead"] = row.created_at
    return people


def _climb(who: Person, stage: str, when: pd.Timestamp) -> None:
    """Note that somebody reached a rung, and with it those below; or that it ended."""
    if stage in ("lost", "rejected"):
        who.ends.append(when)
        who.rejected = min(who.rejected, when) if stage == "rejected" else who.rejected
        return
    who.told[stage] = min(when, who.told.get(stage, NEVER))
    for rung in LADDER[1 : LADDER.index(stage) + 1]:
        who.reached[rung] = min(when, who.reached.get(rung, NEVER))


def first(moments: list[pd.Timestamp], since: pd.Timestamp) -> pd.Timestamp:
    """Return the first moment that isn't before another."""
    return min((m for m in moments if m >= since), default=NEVER)


def passage(world: World, start: str, end: str) -> pd.DataFrame:
    """Follow everybody who stood at a rung: whether its time is over, whether it went on, and in how many days."""
    span = TO_WON if end == "won" and LADDER.index(start) < 2 else STEP
    rows = []
    for who in world.people:
        if start not in who.reached:
            continue
        at, then = who.reached[start], who.reached.get(end, NEVER)
        went = then - at < span if then < NEVER else False
        timed = went and (start == "lead" or who.told.get(start) == at)
        rows.append({
            "source": who.source, "month": f"{at:%Y-%m}", "over": at + span <= world.until, "went": went,
            "days": max((then - at) / DAY, 0.0) if timed else None,
        })  # fmt: skip
    return pd.DataFrame(rows)


def step(world: World, start: str, end: str, source: str | None = None) -> dict[str, float]:
    """Return who had its time, who went on in it, the share, and the median of days."""
    rows = passage(world, start, end)
    rows = rows[rows["over"] & ((rows["source"] == source) if source else True)]
    days = rows.loc[rows["went"], "days"].dropna().tolist()
    return {
        "entered": len(rows), "reached": int(rows["went"].sum()), "rate": rows["went"].mean(), "median": statistics.median(days) if days else float("nan"),
    }  # fmt: skip


def month_end(month: str) -> pd.Timestamp:
    return pd.Timestamp(f"{month}-01", tz="UTC") + pd.offsets.MonthBegin(1)


def monthly(world: World, start: str, end: str) -> dict[str, tuple[bool, int, int]]:
    """Return, by the month in which the lower rung was entered: whether all had their time, how many stood there, and how many went on (so far)."""
    rows, span = passage(world, start, end), TO_WON if end == "won" and LADDER.index(start) < 2 else STEP
    return {
        month: (month_end(month) + span <= world.until, len(part), int(part["went"].sum())) for month, part in rows.groupby("month")
    }  # fmt: skip


def within_sla(world: World) -> pd.DataFrame:
    """Return each MQL whose SLA is over: its month, whether sales touched it in time, and its hours until the touch."""
    begins, rows = min(t for who in world.people for t in who.touches), []
    for who in world.people:
        mql = who.reached.get("mql")
        if mql is None or who.told.get("mql") != mql or mql < begins or mql + SLA > world.touched_until:
            continue
        touch = first(who.touches, mql)
        decided = first([*who.ends, who.reached.get("sql", NEVER)], mql)
        if min(who.touches, default=NEVER) < mql or decided < min(touch, mql + SLA):
            continue
        rows.append({"month": f"{mql:%Y-%m}", "kept": touch <= mql + SLA, "hours": (touch - mql) / DAY * 24 if touch < NEVER else None})  # fmt: skip
    return pd.DataFrame(rows)


def money(world: World, source: str | None = None) -> dict[str, float]:
    """Return what was spent in months old enough, what it brought, and what one of these cost; leads are their first touch's."""
    spend = (
        world.spend.assign(month=[f"{pd.Timestamp(m):%Y-%m}" for m in world.spend["month"]])
        .groupby(["campaign", "month"])["cost"]
        .sum()
    )
    named: dict[str, set[str | None]] = {}
    for who in world.people:
        if who.campaign:
            named.setdefault(who.campaign, set()).add(who.source)
    told = {"cost": 0.0, "leads": 0, "sqls": 0, "old_cost": 0.0, "wins": 0, "amount": 0.0}
    paid: dict[str, set[str]] = {"young": set(), "old": set()}
    for (campaign, month), cost in spend.items():
        if campaign not in named or (source and named[campaign] != {source}):
            continue
        if month_end(month) + STEP <= world.until:
            told["cost"] += cost
            paid["young"].add(f"{campaign} {month}")
        if month_end(month) + TO_WON <= world.until:
            told["old_cost"] += cost
            paid["old"].add(f"{campaign} {month}")
    for who in world.people:
        created = who.reached["lead"]
        key = f"{who.campaign} {created:%Y-%m}"
        if key in paid["young"]:
            told["leads"] += 1
            told["sqls"] += who.reached.get("sql", NEVER) < created + STEP
        if key in paid["old"]:
            told["wins"] += who.reached.get("won", NEVER) < created + TO_WON
            told["amount"] += sum(amount for when, amount in who.deals if created <= when < created + TO_WON)
    return told


def best_lists(scored: pd.DataFrame, score: str, room: int, horizon: pd.Timedelta) -> pd.DataFrame:
    """Work the best leads of each scoring date, none again within the horizon; return whom, when. Scores are taken to have no ties."""
    rests: dict[str, pd.Timestamp] = {}
    worked = []
    for at, night in scored.sort_values(score, ascending=False, kind="stable").groupby("as_of"):
        free = night[[rests.get(lead, at) <= at for lead in night["lead_id"]]].head(room)
        rests |= dict.fromkeys(free["lead_id"], at + horizon)
        worked.append(free)
    return pd.concat(worked)

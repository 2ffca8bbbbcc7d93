"""The ladder as the CRM tells it: MQL by a points rule, SQL and rejections by fate, opportunities and how they end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.demo import calendar
from leadline.demo.activity import OPEN, REJECTED, SQL, DemoEvents, Simulation
from leadline.demo.calendar import DAY, END_US, HOUR, WEEKS, Floats, Ints
from leadline.demo.population import DemoAccounts, DemoLeads
from leadline.demo.rates import ACTIVE, DORMANT, POINTS, ROLES, SOURCES

MQL_POINTS = 24

LATE_STAGE_SHARE = 0.03

STAGES = ("mql", "sql", "opportunity", "closed_won", "closed_lost", "disqualified")

REASONS = ("bad_fit", "bad_timing", "bad_data", "no_budget", "competitor", "no_decision")

NO_REASON = -1


@dataclass(frozen=True)
class DemoStages:
    """The stage log, one array each, ordered by changed_at; ``stage`` and ``reason`` are numbers of the words above."""

    lead: Ints
    stage: Ints
    changed_at: Ints
    recorded_at: Ints
    reason: Ints


@dataclass(frozen=True)
class DemoDeals:
    """Opportunities, one array each; ``won`` counts only once ``closed_at`` lies before the end of the world."""

    lead: Ints
    created_at: Ints
    closed_at: Ints
    won: Ints
    amount: Floats
    reason: Ints


def mql_at(events: DemoEvents, leads: DemoLeads, life: Simulation) -> Ints:
    """When each lead became MQL: as soon as the recorded events sum to enough points, and at SQL at the latest.

    Parameters
    ----------
    events
        The log with each event once.
    leads, life
        Who lived, and what happened.

    Returns
    -------
    array of int
        Microseconds since 1970; the end of the world or later for leads that never did.
    """
    order = np.lexsort((events.recorded_at, events.lead))
    lead, recorded_at = events.lead[order], events.recorded_at[order]
    total = np.cumsum(POINTS[events.kind[order]])
    first = np.searchsorted(lead, np.arange(len(leads)))
    before = np.concatenate([[0], total])[first]
    passed = np.flatnonzero(total - before[lead] >= MQL_POINTS)
    reached = np.full(len(leads), END_US)
    who, where = np.unique(lead[passed], return_index=True)
    reached[who] = recorded_at[passed[where]]
    closed = (life.fate != OPEN) & (life.fate != SQL) & (reached >= life.fate_at)
    reached[closed] = END_US
    return np.where(life.fate == SQL, np.minimum(reached, life.fate_at), reached)


def deals(rng: np.random.Generator, leads: DemoLeads, accounts: DemoAccounts, life: Simulation) -> DemoDeals:
    """Open an opportunity for most leads that reached SQL, and close it weeks later.

    The chance to win hangs on the account's fit, on how many roles of its committee are busy, and on the source;
    clicks have no say in it.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads, accounts, life
        Who lived, and what happened.

    Returns
    -------
    Deals
    """
    chosen = np.flatnonzero(life.fate == SQL)
    fit = accounts.fit[leads.account[chosen]]
    lead = chosen[rng.random(chosen.size) < 1.0 / (1.0 + np.exp(-(1.0 + 0.5 * fit)))]
    fit, account = accounts.fit[leads.account[lead]], leads.account[lead]
    created_at = life.fate_at[lead] + (rng.uniform(1.0, 20.0, lead.size) * DAY).astype(np.int64)
    closed_at = created_at + (rng.gamma(3.0, 15.0, lead.size) * DAY).astype(np.int64) + 5 * DAY
    roles = _busy_roles(leads, accounts, life)[life.fate_week[lead], account]
    source = np.array([source.won for source in SOURCES])[leads.source[lead]]
    log_odds = -1.25 + 0.8 * fit + 0.5 * (np.minimum(roles, 4) - 1) + source
    won = (rng.random(lead.size) < 1.0 / (1.0 + np.exp(-log_odds))).astype(np.int64)
    amount = np.round(600.0 * accounts.employees[account] ** 0.6 * np.exp(rng.normal(0.0, 0.5, lead.size)), 2)
    reason = np.where(won == 1, NO_REASON, rng.choice([1, 3, 4, 5], lead.size, p=[0.2, 0.25, 0.25, 0.3]))
    known = np.flatnonzero(created_at < END_US)
    return DemoDeals(lead[known], created_at[known], closed_at[known], won[known], amount[known], reason[known])


def _busy_roles(leads: DemoLeads, accounts: DemoAccounts, life: Simulation) -> Ints:
    """How many roles of each account (axis 1) are active or ready at the start of each week (axis 0)."""
    busy = np.zeros((WEEKS, len(accounts)), dtype=np.int64)
    for week in range(WEEKS):
        active = (leads.week <= week) & (life.intent[week] >= ACTIVE)
        seen = np.zeros((len(accounts), len(ROLES)), dtype=bool)
        seen[leads.account[active], leads.traits.role[active]] = True
        busy[week] = seen.sum(axis=1)
    return busy


def stages(rng: np.random.Generator, leads: DemoLeads, life: Simulation, mql: Ints, opened: DemoDeals) -> DemoStages:
    """Write the stage log from the fates, the points rule and the opportunities.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads, life
        Who lived, and what happened.
    mql
        When each lead became MQL.
    opened
        The opportunities.

    Returns
    -------
    Stages
        All changes before the end of the world; a late one is recorded by then at the latest.
    """
    sql, rejected = np.flatnonzero(life.fate == SQL), np.flatnonzero(life.fate == REJECTED)
    dropped, dropped_at, dropped_for = _dropped(rng, life, sql, opened)
    won = opened.won == 1
    parts = [
        _changes("mql", np.arange(len(leads)), mql),
        _changes("sql", sql, life.fate_at[sql]),
        _changes("opportunity", opened.lead, opened.created_at),
        _changes("closed_won", opened.lead[won], opened.closed_at[won]),
        _changes("closed_lost", opened.lead[~won], opened.closed_at[~won], opened.reason[~won]),
        _changes("disqualified", rejected, life.fate_at[rejected], _why_rejected(rng, leads, life, rejected)),
        _changes("disqualified", dropped, dropped_at, dropped_for),
    ]
    lead, stage, changed_at, reason = (np.concatenate(column) for column in zip(*parts, strict=True))
    keep = np.flatnonzero(changed_at < END_US)
    order = keep[np.lexsort((stage[keep], lead[keep], changed_at[keep]))]
    recorded_at = changed_at[order] + calendar.delays(rng, order.size, LATE_STAGE_SHARE)
    return DemoStages(lead[order], stage[order], changed_at[order], np.minimum(recorded_at, END_US - 1), reason[order])


def _changes(stage: str, lead: Ints, at: Ints, reason: Ints | None = None) -> tuple[Ints, Ints, Ints, Ints]:
    """One entry for each lead that reaches a stage: lead, stage, instant, reason."""
    why = np.full(lead.size, NO_REASON) if reason is None else reason
    return lead, np.full(lead.size, STAGES.index(stage)), at, why


def _dropped(rng: np.random.Generator, life: Simulation, sql: Ints, opened: DemoDeals) -> tuple[Ints, Ints, Ints]:
    """Leads that sales took as SQL and gave up without an opportunity: who, when, why."""
    left = np.setdiff1d(sql, opened.lead)
    left = left[rng.random(left.size) < 0.7]
    when = life.fate_at[left] + (rng.uniform(22.0, 50.0, left.size) * DAY).astype(np.int64)
    return left, when, rng.choice([0, 1, 3], left.size)


def _why_rejected(rng: np.random.Generator, leads: DemoLeads, life: Simulation, lead: Ints) -> Ints:
    """Bad data where the data are bad, bad timing for the dormant, bad fit for most others."""
    dormant = life.intent[life.fate_week[lead], lead] == DORMANT
    usual = np.where(dormant, 1, np.where(leads.traits.band[lead] == 0, 0, 3))
    reason = np.where(rng.random(lead.size) < 0.75, usual, rng.choice([0, 1, 3], lead.size))
    return np.where(leads.traits.junk[lead], 2, reason)


# What sales did, as the CRM logs it: the first touch of most MQLs after hours to days, some more, and of some none.


KINDS = ("call", "mail", "meeting")

USUAL = 9 * HOUR  # the median until the first touch

SPREAD = 1.2  # of its logarithm

SLOW = {"trade_fair": 5.0, "content_syndication": 2.0}

"""Sources whose leads wait longer: a fair's list is typed in when the stand is back home."""

NEVER = 0.07

EARLY = 0.04

LATE_TOUCHES = 0.05

MOST_MORE = 4


@dataclass(frozen=True)
class DemoTouches:
    """Sales' acts, one array each, ordered by touched_at; ``kind`` is a number of the words above."""

    lead: Ints
    kind: Ints
    touched_at: Ints
    recorded_at: Ints


def draw_touches(rng: np.random.Generator, leads: DemoLeads, stages: DemoStages) -> DemoTouches:
    """Touch most MQLs, and those touched a few times more until sales rejects them.

    Parameters
    ----------
    rng
        The generator to draw from; no other part of the world draws from it.
    leads, stages
        Who came in, and the stage log.

    Returns
    -------
    Touches
        All before the end of the world; a late one is recorded by then at the latest.
    """
    mql = stages.stage == STAGES.index("mql")
    lead, handed = stages.lead[mql], stages.changed_at[mql]
    rejected = np.full(len(leads), END_US)
    dropped = stages.stage == STAGES.index("disqualified")
    rejected[stages.lead[dropped]] = stages.changed_at[dropped]
    slow = np.array([SLOW.get(source.name, 1.0) for source in SOURCES])[leads.source[lead]]
    wait = (USUAL * slow * np.exp(rng.normal(0.0, SPREAD, lead.size))).astype(np.int64)
    luck = rng.random((2, lead.size))
    wait = np.where(luck[0] < EARLY, -(luck[0] / EARLY * 5 * DAY).astype(np.int64), wait)
    first = np.where(luck[1] < NEVER, END_US, np.maximum(handed + wait, leads.created_at[lead]))
    later = first[:, None] + np.cumsum(rng.exponential(4.0 * DAY, (lead.size, MOST_MORE)), axis=1).astype(np.int64)
    more = np.arange(MOST_MORE) < rng.integers(0, MOST_MORE + 1, lead.size)[:, None]
    at = np.concatenate([first[:, None], np.where(more, later, END_US)], axis=1)
    alive = at < np.minimum(rejected[lead], END_US)[:, None]
    who, when = np.broadcast_to(lead[:, None], at.shape)[alive], at[alive]
    order = np.lexsort((who, when))
    recorded = np.minimum(when[order] + calendar.delays(rng, order.size, LATE_TOUCHES), END_US - 1)
    return DemoTouches(who[order], rng.choice(len(KINDS), order.size, p=[0.5, 0.4, 0.1]), when[order], recorded)

"""Week by week: each lead meets its fate, does things, and its hidden intent moves on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.demo import calendar
from leadline.demo.calendar import END_US, HOUR, SECOND, WEEKS, Floats, Ints
from leadline.demo.population import DemoAccounts, DemoLeads
from leadline.demo.rates import (
    BEHAVIOUR,
    DORMANT,
    HANDS,
    HiddenState,
    LeadTraits,
    draw_column,
    fate_chances,
    intent_moves,
    weekly_rates,
)

OPEN, MERGED, REJECTED, SQL = range(4)

NEVER = WEEKS + 1


@dataclass(frozen=True)
class Simulation:
    """What happened: the hidden states at the start of each week, each lead's fate, and its acts.

    ``deal``, ``intent`` and ``hand`` have a row for each week and a column for each lead (a row more for the end of
    the world); a lead's columns mean nothing before its week. ``act_*`` are one entry an event.
    """

    deal: Ints
    intent: Ints
    hand: Ints
    fate: Ints
    fate_week: Ints
    fate_at: Ints
    act_lead: Ints
    act_kind: Ints
    act_week: Ints


def simulate_weeks(rng: np.random.Generator, leads: DemoLeads, accounts: DemoAccounts) -> Simulation:
    """Live through all weeks.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads, accounts
        Who lives.

    Returns
    -------
    Life
    """
    moves, week_sql, act_rates = intent_moves(), calendar.sql_season(), _Rates(leads)
    deal = accounts.deal[:, leads.account]
    intent = np.repeat(leads.first_intent[None, :], WEEKS + 1, axis=0)
    hand = np.zeros_like(intent)
    fate, fate_week = np.full(len(leads), OPEN), np.full(len(leads), NEVER)
    acts: list[tuple[Ints, Ints, Ints]] = []
    for week in range(WEEKS):
        here = slice(0, int(np.searchsorted(leads.week, week, side="right")))
        hidden = HiddenState(deal[week, here], intent[week, here], hand[week, here])
        before = fate[here].copy()
        drawn = _draw_fates(rng, week_sql[week], leads.traits.where(here), hidden)
        fate[here] = np.where(before == OPEN, drawn, before)
        fate_week[here][(before == OPEN) & (drawn != OPEN)] = week
        counts = rng.poisson(act_rates.of(week, here, hidden.intent, before))
        acts.append(_acts(counts, week))
        hand[week + 1, here] = counts[:, list(HANDS)].any(axis=1)
        intent[week + 1, here] = draw_column(rng, moves[week, leads.traits.band[here], hidden.deal, hidden.intent])
    act_lead, act_kind, act_week = (np.concatenate(part) for part in zip(*acts, strict=True))
    return Simulation(
        deal=deal, intent=intent, hand=hand, fate=fate, fate_week=fate_week,
        fate_at=calendar.instants(rng, fate_week, leads.created_at),
        act_lead=act_lead, act_kind=act_kind, act_week=act_week,
    )  # fmt: skip


def _draw_fates(rng: np.random.Generator, week_sql: Floats, traits: LeadTraits, hidden: HiddenState) -> Ints:
    """One fate for each lead, as if it were open."""
    chances = fate_chances(week_sql, traits, hidden)
    return draw_column(rng, np.stack([chances.stays, chances.merged, chances.rejected, chances.sql], axis=1))


def _acts(counts: Ints, week: int) -> tuple[Ints, Ints, Ints]:
    """One entry for each event of a week: lead, behaviour, week."""
    lead, kind = counts.nonzero()
    times = counts[lead, kind]
    return np.repeat(lead, times), np.repeat(kind, times), np.full(int(times.sum()), week)


class _Rates:
    """How often each lead does each thing in a week."""

    def __init__(self, leads: DemoLeads) -> None:
        self.table, self.role = weekly_rates(), leads.traits.role
        self.season = np.exp(calendar.season())
        self.temper = np.repeat(leads.temper[:, None], self.table.shape[2], axis=1)
        self.temper[:, list(HANDS)] = 1.0  # raised hands follow intent alone, so that the truth knows their chance

    def of(self, week: int, here: slice, intent: Ints, fate: Ints) -> Floats:
        """The rates of the leads in a slice; who is rejected goes quiet, who is SQL hears from sales."""
        quiet = (fate == REJECTED) | (fate == MERGED)
        rate = self.table[np.where(quiet, DORMANT, intent), self.role[here]] * self.temper[here] * self.season[week]
        rate[fate == SQL, BEHAVIOUR["sales_call"]] += 0.6
        rate[fate == SQL, BEHAVIOUR["docs_view"]] += 0.4
        return np.asarray(rate)


# From acts to the event log as a CRM exports it: dated, at times late, at times twice, with scanners among people.


LATE = 0.02

TWICE = 0.005

BURSTS_A_WEEK = 0.05

"""How often a scanner clicks through all links of one mail, for a lead behind one."""


@dataclass(frozen=True)
class DemoEvents:
    """The event log, one array each, ordered by occurred_at; ``number`` names the event, and repeats when it does."""

    number: Ints
    lead: Ints
    kind: Ints
    occurred_at: Ints
    recorded_at: Ints

    def where(self, keep: np.typing.NDArray[np.generic]) -> DemoEvents:
        """The rows that a mask or an index picks."""
        return DemoEvents(*(column[keep] for column in self._columns()))

    def plus(self, other: DemoEvents) -> DemoEvents:
        """These rows and those."""
        return DemoEvents(*(np.concatenate(pair) for pair in zip(self._columns(), other._columns(), strict=True)))

    def _columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        return self.number, self.lead, self.kind, self.occurred_at, self.recorded_at


def write_event_log(rng: np.random.Generator, leads: DemoLeads, accounts: DemoAccounts, life: Simulation) -> DemoEvents:
    """Write the event log, each event once, as recorded by the end of the world.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads, accounts, life
        Who lived, and what happened.

    Returns
    -------
    Events
    """
    people, scanners = _people(rng, leads, life), _scanners(rng, leads, accounts)
    lead, kind, occurred_at = (np.concatenate(pair) for pair in zip(people, scanners, strict=True))
    recorded_at = occurred_at + calendar.delays(rng, lead.size, LATE)
    gone = (life.fate[lead] == MERGED) & (occurred_at >= life.fate_at[lead])
    keep = np.flatnonzero((recorded_at < END_US) & ~gone)
    order = keep[np.lexsort((kind[keep], lead[keep], occurred_at[keep]))]
    return DemoEvents(np.arange(order.size), lead[order], kind[order], occurred_at[order], recorded_at[order])


def repeat_events(rng: np.random.Generator, events: DemoEvents) -> DemoEvents:
    """Let the source system send a few events again, some hours later: same content, same number.

    Parameters
    ----------
    rng
        The generator to draw from.
    events
        The log with each event once.

    Returns
    -------
    Events
        The log with the repeats, each after its first row.
    """
    again = events.where(rng.random(events.number.size) < TWICE)
    later = again.recorded_at + rng.integers(SECOND, 48 * HOUR, again.number.size)
    again = DemoEvents(again.number, again.lead, again.kind, again.occurred_at, later)
    both = events.plus(again.where(later < END_US))
    return both.where(np.lexsort((both.recorded_at, both.number)))


def _people(rng: np.random.Generator, leads: DemoLeads, life: Simulation) -> tuple[Ints, Ints, Ints]:
    """The acts of people: lead, behaviour, instant."""
    return life.act_lead, life.act_kind, calendar.instants(rng, life.act_week, leads.created_at[life.act_lead])


def _scanners(rng: np.random.Generator, leads: DemoLeads, accounts: DemoAccounts) -> tuple[Ints, Ints, Ints]:
    """The clicks of e-mail security scanners: many links within seconds, whatever the lead intends."""
    weeks_here = (WEEKS - leads.week) * accounts.scanned[leads.account]
    burst_lead = np.repeat(np.arange(len(leads)), rng.poisson(BURSTS_A_WEEK * weeks_here))
    first_week = leads.week[burst_lead]
    week = first_week + (rng.random(burst_lead.size) * (WEEKS - first_week)).astype(np.int64)
    start = calendar.instants(rng, week, leads.created_at[burst_lead])
    clicks = rng.integers(5, 16, burst_lead.size)
    lead, start = np.repeat(burst_lead, clicks), np.repeat(start, clicks)
    occurred_at = start + rng.integers(0, 8 * SECOND, lead.size)
    return lead, np.full(lead.size, BEHAVIOUR["email_click"]), occurred_at

"""From acts to the event log as a CRM exports it: dated, at times late, at times twice, with scanners among people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.tables.demo import clock
from leadline.tables.demo.accounts import Accounts
from leadline.tables.demo.catalogue import BEHAVIOUR
from leadline.tables.demo.clock import END_US, HOUR, SECOND, WEEKS, Ints
from leadline.tables.demo.leads import Leads
from leadline.tables.demo.life import MERGED, Life

LATE = 0.02
TWICE = 0.005
BURSTS_A_WEEK = 0.05
"""How often a scanner clicks through all links of one mail, for a lead behind one."""


@dataclass(frozen=True)
class Events:
    """The event log, one array each, ordered by occurred_at; ``number`` names the event, and repeats when it does."""

    number: Ints
    lead: Ints
    kind: Ints
    occurred_at: Ints
    recorded_at: Ints

    def where(self, keep: np.typing.NDArray[np.generic]) -> Events:
        """The rows that a mask or an index picks."""
        return Events(*(column[keep] for column in self._columns()))

    def plus(self, other: Events) -> Events:
        """These rows and those."""
        return Events(*(np.concatenate(pair) for pair in zip(self._columns(), other._columns(), strict=True)))

    def _columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        return self.number, self.lead, self.kind, self.occurred_at, self.recorded_at


def log(rng: np.random.Generator, leads: Leads, accounts: Accounts, life: Life) -> Events:
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
    recorded_at = occurred_at + clock.delays(rng, lead.size, LATE)
    gone = (life.fate[lead] == MERGED) & (occurred_at >= life.fate_at[lead])
    keep = np.flatnonzero((recorded_at < END_US) & ~gone)
    order = keep[np.lexsort((kind[keep], lead[keep], occurred_at[keep]))]
    return Events(np.arange(order.size), lead[order], kind[order], occurred_at[order], recorded_at[order])


def repeated(rng: np.random.Generator, events: Events) -> Events:
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
    again = Events(again.number, again.lead, again.kind, again.occurred_at, later)
    both = events.plus(again.where(later < END_US))
    return both.where(np.lexsort((both.recorded_at, both.number)))


def _people(rng: np.random.Generator, leads: Leads, life: Life) -> tuple[Ints, Ints, Ints]:
    """The acts of people: lead, behaviour, instant."""
    return life.act_lead, life.act_kind, clock.instants(rng, life.act_week, leads.created_at[life.act_lead])


def _scanners(rng: np.random.Generator, leads: Leads, accounts: Accounts) -> tuple[Ints, Ints, Ints]:
    """The clicks of e-mail security scanners: many links within seconds, whatever the lead intends."""
    weeks_here = (WEEKS - leads.week) * accounts.scanned[leads.account]
    burst_lead = np.repeat(np.arange(len(leads)), rng.poisson(BURSTS_A_WEEK * weeks_here))
    first_week = leads.week[burst_lead]
    week = first_week + (rng.random(burst_lead.size) * (WEEKS - first_week)).astype(np.int64)
    start = clock.instants(rng, week, leads.created_at[burst_lead])
    clicks = rng.integers(5, 16, burst_lead.size)
    lead, start = np.repeat(burst_lead, clicks), np.repeat(start, clicks)
    occurred_at = start + rng.integers(0, 8 * SECOND, lead.size)
    return lead, np.full(lead.size, BEHAVIOUR["email_click"]), occurred_at

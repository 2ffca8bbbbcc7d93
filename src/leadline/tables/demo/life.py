"""Week by week: each lead meets its fate, does things, and its hidden intent moves on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.tables.demo import clock
from leadline.tables.demo.accounts import Accounts
from leadline.tables.demo.catalogue import BEHAVIOUR, DORMANT, HANDS, rates
from leadline.tables.demo.chances import Hidden, Traits, fates, intent_moves, pick
from leadline.tables.demo.clock import WEEKS, Floats, Ints
from leadline.tables.demo.leads import Leads

OPEN, MERGED, REJECTED, SQL = range(4)
NEVER = WEEKS + 1


@dataclass(frozen=True)
class Life:
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


def live(rng: np.random.Generator, leads: Leads, accounts: Accounts) -> Life:
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
    moves, week_sql, act_rates = intent_moves(), clock.sql_season(), _Rates(leads)
    deal = accounts.deal[:, leads.account]
    intent = np.repeat(leads.first_intent[None, :], WEEKS + 1, axis=0)
    hand = np.zeros_like(intent)
    fate, fate_week = np.full(len(leads), OPEN), np.full(len(leads), NEVER)
    acts: list[tuple[Ints, Ints, Ints]] = []
    for week in range(WEEKS):
        here = slice(0, int(np.searchsorted(leads.week, week, side="right")))
        hidden = Hidden(deal[week, here], intent[week, here], hand[week, here])
        before = fate[here].copy()
        drawn = _draw_fates(rng, week_sql[week], leads.traits.where(here), hidden)
        fate[here] = np.where(before == OPEN, drawn, before)
        fate_week[here][(before == OPEN) & (drawn != OPEN)] = week
        counts = rng.poisson(act_rates.of(week, here, hidden.intent, before))
        acts.append(_acts(counts, week))
        hand[week + 1, here] = counts[:, list(HANDS)].any(axis=1)
        intent[week + 1, here] = pick(rng, moves[week, leads.traits.band[here], hidden.deal, hidden.intent])
    act_lead, act_kind, act_week = (np.concatenate(part) for part in zip(*acts, strict=True))
    return Life(
        deal=deal, intent=intent, hand=hand, fate=fate, fate_week=fate_week,
        fate_at=clock.instants(rng, fate_week, leads.created_at),
        act_lead=act_lead, act_kind=act_kind, act_week=act_week,
    )  # fmt: skip


def _draw_fates(rng: np.random.Generator, week_sql: Floats, traits: Traits, hidden: Hidden) -> Ints:
    """One fate for each lead, as if it were open."""
    chances = fates(week_sql, traits, hidden)
    return pick(rng, np.stack([chances.stays, chances.merged, chances.rejected, chances.sql], axis=1))


def _acts(counts: Ints, week: int) -> tuple[Ints, Ints, Ints]:
    """One entry for each event of a week: lead, behaviour, week."""
    lead, kind = counts.nonzero()
    times = counts[lead, kind]
    return np.repeat(lead, times), np.repeat(kind, times), np.full(int(times.sum()), week)


class _Rates:
    """How often each lead does each thing in a week."""

    def __init__(self, leads: Leads) -> None:
        self.table, self.role = rates(), leads.traits.role
        self.season = np.exp(clock.season())
        self.temper = np.repeat(leads.temper[:, None], self.table.shape[2], axis=1)
        self.temper[:, list(HANDS)] = 1.0  # raised hands follow intent alone, so that the truth knows their chance

    def of(self, week: int, here: slice, intent: Ints, fate: Ints) -> Floats:
        """The rates of the leads in a slice; who is rejected goes quiet, who is SQL hears from sales."""
        quiet = (fate == REJECTED) | (fate == MERGED)
        rate = self.table[np.where(quiet, DORMANT, intent), self.role[here]] * self.temper[here] * self.season[week]
        rate[fate == SQL, BEHAVIOUR["sales_call"]] += 0.6
        rate[fate == SQL, BEHAVIOUR["docs_view"]] += 0.4
        return np.asarray(rate)

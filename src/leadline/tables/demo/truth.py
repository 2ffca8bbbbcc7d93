"""The truth kept aside: for each open lead and each Monday, its exact chance of SQL within 30 days.

It is the conditional probability given everything hidden at that Monday (deal, intent, hand) and everything fixed
about the lead. Those three make a Markov chain, so a recursion over the weeks is exact; nothing is simulated, and
nothing is frozen: deal, intent and hand all move on inside it, and being rejected or merged first counts as not SQL.

The chance asked for is that this record reaches SQL in its own right; a duplicate that is merged away does not.
"""

from __future__ import annotations

import numpy as np

from leadline.tables.demo import clock
from leadline.tables.demo.catalogue import BANDS, DEALS, INTENTS, ROLES
from leadline.tables.demo.chances import Hidden, Traits, deal_moves, fates, hand_chances, intent_moves
from leadline.tables.demo.clock import DAY_WEIGHTS, FORESEEN, REST_DAYS, WEEKS, WHOLE_WEEKS, Floats, Ints
from leadline.tables.demo.leads import Leads
from leadline.tables.demo.life import Life

SHAPE = (len(DEALS), len(INTENTS), 2)
"""A hidden state is (deal, intent, hand); as one number it runs through this shape in order."""


def rows(leads: Leads, life: Life) -> tuple[Ints, Ints, Floats]:
    """The truth for each open lead at each Monday, ordered by Monday, then lead.

    Parameters
    ----------
    leads, life
        Who lived, and what happened.

    Returns
    -------
    lead, week : array of int
        The lead's number and the week whose Monday is the as_of; the last is the end of the world.
    chance : array of float
        Its chance to reach SQL in ``as_of <= t < as_of + 30 days``.
    """
    weeks = np.arange(WEEKS + 1)[:, None]
    week, lead = np.nonzero((leads.week[None, :] < weeks) & (life.fate_week[None, :] >= weeks))
    cells, cell = _cells(leads.traits)
    state = np.ravel_multi_index((life.deal[week, lead], life.intent[week, lead], life.hand[week, lead]), SHAPE)
    return lead, week, _chances(cells)[week, cell[lead], state]


def _cells(traits: Traits) -> tuple[Traits, Ints]:
    """The distinct combinations of traits, and which of them each lead has."""
    table = np.stack([traits.propensity, traits.band, traits.role, traits.junk, traits.duplicate], axis=1)
    unique, cell = np.unique(table, axis=0, return_inverse=True)
    propensity, band, role, junk, duplicate = unique.T
    return Traits(propensity, band.astype(int), role.astype(int), junk > 0, duplicate > 0), cell.reshape(-1)


def _chances(cells: Traits) -> Floats:
    """The chance of SQL within 30 days; axes: Monday, cell, hidden state."""
    result = np.zeros((WEEKS + 1, cells.band.size, int(np.prod(SHAPE))))
    for band in range(len(BANDS)):
        for role in range(len(ROLES)):
            here = np.flatnonzero((cells.band == band) & (cells.role == role))
            if here.size:
                column = cells.where(here[:, None])  # cells go down, hidden states will go across
                result[:, here] = _recursion(column, _kernel(band, role))
    return result


def _kernel(band: int, role: int) -> Floats:
    """The chance to go from each hidden state (axis 1) to each (axis 2) in each week (axis 0)."""
    deal, intent, hand = deal_moves()[band], intent_moves()[:, band], hand_chances()[:, :, role]
    any_hand = np.ones(2)
    steps = np.einsum("dD,wdiI,wiH,h->wdihDIH", deal, intent, hand, any_hand)
    size = int(np.prod(SHAPE))
    return np.asarray(steps.reshape(FORESEEN, size, size))


def _recursion(cells: Traits, kernel: Floats) -> Floats:
    """Backwards from the days over: chance = SQL this week, or staying open and SQL in what is left of the horizon."""
    deal, intent, hand = (axis.reshape(1, -1) for axis in np.indices(SHAPE))
    weekly = [fates(week_sql, cells, Hidden(deal, intent, hand)) for week_sql in clock.sql_season()]
    sql = np.stack([fate.sql for fate in weekly])
    stays = np.stack([fate.stays for fate in weekly])
    chance: Floats = sql * DAY_WEIGHTS[:REST_DAYS].sum()
    for _ in range(WHOLE_WEEKS):
        left = len(chance) - 1
        onwards = np.matmul(chance[1:], kernel[:left].transpose(0, 2, 1))
        chance = sql[:left] + stays[:left] * onwards
    return chance

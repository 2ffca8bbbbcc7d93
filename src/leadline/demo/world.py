"""The demo world as a whole: make it from a seed, write it to a folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leadline.core import files
from leadline.demo import calendar
from leadline.demo.activity import Simulation, repeat_events, simulate_weeks, write_event_log
from leadline.demo.calendar import DAY_WEIGHTS, FORESEEN, REST_DAYS, WEEKS, WHOLE_WEEKS, Floats, Ints
from leadline.demo.crm_fields import campaign_spend, field_history
from leadline.demo.funnel import deals, draw_touches, mql_at, stages
from leadline.demo.planted_leaks import plant as plant_leak
from leadline.demo.population import DemoLeads, draw_accounts, draw_leads
from leadline.demo.rates import (
    BANDS,
    DEALS,
    INTENTS,
    ROLES,
    HiddenState,
    LeadTraits,
    deal_moves,
    fate_chances,
    hand_chances,
    intent_moves,
)
from leadline.demo.tables import (
    account_table,
    event_table,
    history_table,
    lead_table,
    merge_table,
    opportunity_table,
    spend_table,
    stage_table,
    touch_table,
    truth_table,
)

# The truth kept aside: for each open lead and each Monday, its exact chance of SQL within 30 days.
#
# It is the conditional probability given everything hidden at that Monday (deal, intent, hand) and everything fixed
# about the lead. Those three make a Markov chain, so a recursion over the weeks is exact; nothing is simulated, and
# nothing is frozen: deal, intent and hand all move on inside it, and being rejected or merged first counts as not SQL.
#
# The chance asked for is that this record reaches SQL in its own right; a duplicate that is merged away does not.


SHAPE = (len(DEALS), len(INTENTS), 2)

"""A hidden state is (deal, intent, hand); as one number it runs through this shape in order."""


def truth_rows(leads: DemoLeads, life: Simulation) -> tuple[Ints, Ints, Floats]:
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


def _cells(traits: LeadTraits) -> tuple[LeadTraits, Ints]:
    """The distinct combinations of traits, and which of them each lead has."""
    table = np.stack([traits.propensity, traits.band, traits.role, traits.junk, traits.duplicate], axis=1)
    unique, cell = np.unique(table, axis=0, return_inverse=True)
    propensity, band, role, junk, duplicate = unique.T
    return LeadTraits(propensity, band.astype(int), role.astype(int), junk > 0, duplicate > 0), cell.reshape(-1)


def _chances(cells: LeadTraits) -> Floats:
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


def _recursion(cells: LeadTraits, kernel: Floats) -> Floats:
    """Backwards from the days over: chance = SQL this week, or staying open and SQL in what is left of the horizon."""
    deal, intent, hand = (axis.reshape(1, -1) for axis in np.indices(SHAPE))
    weekly = [fate_chances(week_sql, cells, HiddenState(deal, intent, hand)) for week_sql in calendar.sql_season()]
    sql = np.stack([fate.sql for fate in weekly])
    stays = np.stack([fate.stays for fate in weekly])
    chance: Floats = sql * DAY_WEIGHTS[:REST_DAYS].sum()
    for _ in range(WHOLE_WEEKS):
        left = len(chance) - 1
        onwards = np.matmul(chance[1:], kernel[:left].transpose(0, 2, 1))
        chance = sql[:left] + stays[:left] * onwards
    return chance


LEADS_AN_ACCOUNT = 4

SALT = 5

"""Keeps the world's draws apart from other uses of the same seed; of the first few, one with ordinary luck at seed 7."""


@dataclass(frozen=True)
class World:
    """A synthetic CRM, and the truth that no real one has.

    Attributes
    ----------
    tables
        leads, accounts, events, stages, opportunities, history, spend, merges and touches, as a CRM would export them.
    truth
        lead_id, as_of, p_sql: for each open lead and each Monday its exact chance of SQL within 30 days.
    start, end
        The world's first instant, and the instant of the export.
    """

    tables: dict[str, pa.Table]
    truth: pa.Table
    start: datetime
    end: datetime


def make_world(leads: int = 6000, seed: int = 7, plant: str | None = None) -> World:
    """Make a world; the same numbers make the same world, byte for byte.

    Parameters
    ----------
    leads
        How many leads come in over the 78 weeks.
    seed
        The seed of everything; each part of the world draws from a generator of its own.
    plant
        A leak to plant, by its name in `leadline.demo.planted_leaks.PLANTS`; the rest of the world stays as it is.

    Returns
    -------
    World

    Examples
    --------
    >>> world = make_world(leads=200, seed=1)
    >>> world.tables["leads"].num_rows, sorted(world.tables)
    (200, ['accounts', 'events', 'history', 'leads', 'merges', 'opportunities', 'spend', 'stages', 'touches'])
    """
    if leads < 1:
        raise ValueError(f"leads: {leads}; expected at least 1")
    rngs = np.random.default_rng([SALT, seed]).spawn(10)
    companies = draw_accounts(rngs[0], max(1, leads // LEADS_AN_ACCOUNT))
    people = draw_leads(rngs[1], leads, companies)
    lived = simulate_weeks(rngs[2], people, companies)
    once = write_event_log(rngs[3], people, companies, lived)
    opened = deals(rngs[4], people, companies, lived)
    ladder = stages(rngs[5], people, lived, mql_at(once, people, lived), opened)
    told = field_history(rngs[6], people, ladder)
    tables = {
        "leads": lead_table(people, once, ladder, told),
        "accounts": account_table(companies),
        "events": event_table(repeat_events(rngs[7], once)),
        "stages": stage_table(ladder),
        "opportunities": opportunity_table(people, opened),
        "history": history_table(told),
        "spend": spend_table(campaign_spend(rngs[8], people)),
        "merges": merge_table(people, lived),
        "touches": touch_table(draw_touches(rngs[9], people, ladder)),
    }
    if plant is not None:
        tables = plant_leak(tables, plant, seed)
    return World(tables, truth_table(*truth_rows(people, lived)), calendar.START, calendar.END)


def write_world(world: World, folder: Path) -> None:
    """Write a world as Parquet files below ``folder/data``; events in one file for each month in which they occurred.

    Parameters
    ----------
    world
        What to write.
    folder
        Where; it is made if it isn't there.

    Raises
    ------
    OutputError
        The disk is full, or the folder isn't writable.
    """
    data = folder / "data"
    for name, table in {**world.tables, "truth": world.truth}.items():
        if name != "events":
            files.write_bytes(data / f"{name}.parquet", _parquet(table))
    events = world.tables["events"]
    month = pc.strftime(events["occurred_at"], format="%Y-%m").dictionary_encode().combine_chunks()
    for code, name in enumerate(month.dictionary.to_pylist()):
        here = events.filter(pc.equal(month.indices, code))
        files.write_bytes(data / "events" / f"{name}.parquet", _parquet(here))


def _parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())

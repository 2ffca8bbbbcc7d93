"""The demo world as a whole: make it from a seed, write it to a folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leadline import files
from leadline.tables.demo import arrow, clock
from leadline.tables.demo.accounts import draw_accounts
from leadline.tables.demo.events import log, repeated
from leadline.tables.demo.fields import history, spend
from leadline.tables.demo.funnel import deals, mql_at, stages
from leadline.tables.demo.leads import draw_leads
from leadline.tables.demo.life import live
from leadline.tables.demo.planted import plant as plant_leak
from leadline.tables.demo.touches import touches
from leadline.tables.demo.truth import rows

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


def make(leads: int = 6000, seed: int = 7, plant: str | None = None) -> World:
    """Make a world; the same numbers make the same world, byte for byte.

    Parameters
    ----------
    leads
        How many leads come in over the 78 weeks.
    seed
        The seed of everything; each part of the world draws from a generator of its own.
    plant
        A leak to plant, by its name in `leadline.tables.demo.planted.PLANTS`; the rest of the world stays as it is.

    Returns
    -------
    World

    Examples
    --------
    >>> world = make(leads=200, seed=1)
    >>> world.tables["leads"].num_rows, sorted(world.tables)
    (200, ['accounts', 'events', 'history', 'leads', 'merges', 'opportunities', 'spend', 'stages', 'touches'])
    """
    if leads < 1:
        raise ValueError(f"leads: {leads}; expected at least 1")
    rngs = np.random.default_rng([SALT, seed]).spawn(10)
    companies = draw_accounts(rngs[0], max(1, leads // LEADS_AN_ACCOUNT))
    people = draw_leads(rngs[1], leads, companies)
    lived = live(rngs[2], people, companies)
    once = log(rngs[3], people, companies, lived)
    opened = deals(rngs[4], people, companies, lived)
    ladder = stages(rngs[5], people, lived, mql_at(once, people, lived), opened)
    told = history(rngs[6], people, ladder)
    tables = {
        "leads": arrow.lead_table(people, once, ladder, told),
        "accounts": arrow.account_table(companies),
        "events": arrow.event_table(repeated(rngs[7], once)),
        "stages": arrow.stage_table(ladder),
        "opportunities": arrow.opportunity_table(people, opened),
        "history": arrow.history_table(told),
        "spend": arrow.spend_table(spend(rngs[8], people)),
        "merges": arrow.merge_table(people, lived),
        "touches": arrow.touch_table(touches(rngs[9], people, ladder)),
    }
    if plant is not None:
        tables = plant_leak(tables, plant, seed)
    return World(tables, arrow.truth_table(*rows(people, lived)), clock.START, clock.END)


def write(world: World, folder: Path) -> None:
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

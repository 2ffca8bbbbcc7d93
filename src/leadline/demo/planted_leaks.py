"""Leaks planted on purpose: the eight kinds of Kapoor & Narayanan (Patterns 2023), as they reach a CRM's export.

Each plant takes the honest tables and gives them back with one thing wrong; a generator of its own draws its luck, so
that the honest world stays the same, byte for byte. A gate that finds them must do so by what the data show: no name
below means anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leadline.demo.calendar import DAY, END_US, HOUR, SECOND, WEEK, Floats, Ints

__all__ = [
    "INSTANT",
    "PLANTS",
    "Plant",
    "Tables",
    "column_micros",
    "first_reached",
    "lead_places",
    "plant",
    "put_column",
    "sql_at",
]


# The finished tables read back: who reached what and when, and a column put in its place; what plants are made with.


Tables = dict[str, pa.Table]

INSTANT = pa.timestamp("us", tz="UTC")


def sql_at(tables: Tables) -> Ints:
    """When each lead first reached SQL or beyond; the end of the world for those who didn't."""
    return first_reached(tables, ("sql", "opportunity", "closed_won"))


def first_reached(tables: Tables, words: tuple[str, ...]) -> Ints:
    stages = tables["stages"].filter(pc.is_in(tables["stages"]["stage"], pa.array(words)))
    first = np.full(tables["leads"].num_rows, END_US)
    np.minimum.at(first, lead_places(tables, stages["lead_id"]), column_micros(stages, "changed_at"))
    return first


def lead_places(tables: Tables, ids: pa.Array) -> Ints:
    """The row of each id in the table of leads; -1 where there is none."""
    known = tables["leads"]["lead_id"].combine_chunks()
    place: Ints = pc.fill_null(pc.index_in(ids, known), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return place


def column_micros(rows: pa.Table, column: str) -> Ints:
    """A column of instants in microseconds; none is the end of the world."""
    numbers = pc.fill_null(rows[column].cast(pa.int64()), END_US)
    return np.asarray(numbers.to_numpy(zero_copy_only=False).astype(np.int64))


def put_column(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """The same rows with a column replaced, or added at the end."""
    if column in rows.column_names:
        return rows.set_column(rows.schema.get_field_index(column), column, values)
    return rows.append_column(column, values)


SALT = 11

MOVED_IN = 9 * WEEK  # before the export: how much of its own past a migrated CRM has

KEPT = 26 * WEEK  # how long a lead without an outcome stays in a CRM that tidies up

CANDIDATES, CHOSEN = 1_500, 30

IMPORTED_TWICE = 0.25

TIMES = {
    "leads": ("created_at",), "events": ("occurred_at", "recorded_at"), "stages": ("changed_at", "recorded_at"),
    "opportunities": ("created_at", "closed_at"), "history": ("changed_at",), "merges": ("merged_at",),
    "touches": ("touched_at", "recorded_at"),
}  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """One plant: its kind in the taxonomy, what it is, how it is done, and the attribute (table, column) it brings."""

    kind: str
    title: str
    make: Callable[[np.random.Generator, Tables], Tables]
    attribute: tuple[str, str] | None = None


def plant(tables: Mapping[str, pa.Table], name: str, seed: int) -> Tables:
    """Plant a leak in a world's tables.

    Parameters
    ----------
    tables
        As `leadline.demo.make_world` made them.
    name
        A key of `PLANTS`.
    seed
        The world's.

    Raises
    ------
    ValueError
        There is no such plant.

    Examples
    --------
    >>> plant({}, "L9", seed=1)
    Traceback (most recent call last):
    ...
    ValueError: plant: 'L9' is unknown; expected one of L1.1, L1.2, L1.3, L1.4, L2, L3.1, L3.1-field, L3.2, L3.3
    """
    if name not in PLANTS:
        raise ValueError(f"plant: {name!r} is unknown; expected one of {', '.join(PLANTS)}")
    return PLANTS[name].make(np.random.default_rng([SALT, seed, list(PLANTS).index(name)]), dict(tables))


def migrated(_: np.random.Generator, tables: Tables) -> Tables:
    """L1.1, no test set: the CRM was changed nine weeks ago, and the import stamped all that came before with its day.

    With a horizon of 30 days nothing is left to be tested on that wasn't trained on: a figure would be the training's.
    """
    moved = END_US - MOVED_IN
    result = dict(tables)
    for table, columns in TIMES.items():
        for column in columns:
            at = column_micros(result[table], column)
            stamped = pa.array(np.maximum(at, moved), mask=at == END_US).cast(INSTANT)
            result[table] = put_column(result[table], column, stamped)
    events = tables["events"]
    result["events"] = events.filter(pa.array(column_micros(events, "occurred_at") >= moved))
    return result


def scored_segments(_: np.random.Generator, tables: Tables) -> Tables:
    """L1.2, pre-processing on all rows: marketing scored each segment by its rate of SQL, over the whole table.

    A segment is a source, title and country together, a few leads each; every lead's own outcome is in its own score.
    """
    leads = tables["leads"]
    names = [leads[c].to_pylist() for c in ("source", "job_title", "country")]
    cell = np.unique(["|".join(map(str, row)) for row in zip(*names, strict=True)], return_inverse=True)[1]
    reached = sql_at(tables) < END_US
    rate = np.bincount(cell, reached) / np.bincount(cell)
    return {**tables, "leads": put_column(leads, "segment_pct", pa.array(np.round(100 * rate[cell], 1)))}


def chosen_fields(rng: np.random.Generator, tables: Tables) -> Tables:
    """L1.3, feature selection on all rows: of 1,500 bought fields that say nothing, the best 30 made an index.

    They were picked, and signed, by their correlation with the outcome over everybody, the test's leads included.
    """
    reached = (sql_at(tables) < END_US).astype(np.float64)
    centred = (reached - reached.mean()) / max(float(reached.std()), 1e-9)
    fields = rng.standard_normal((CANDIDATES, reached.size), dtype=np.float32)
    relation = fields @ centred / reached.size
    best = np.argsort(-np.abs(relation))[:CHOSEN]
    index: Floats = np.sign(relation[best]) @ fields[best] / np.sqrt(CHOSEN)
    return {**tables, "leads": put_column(tables["leads"], "enrichment", pa.array(np.round(50 + 10 * index, 2)))}


def imported_twice(rng: np.random.Generator, tables: Tables) -> Tables:
    """L1.4, duplicates: a list was imported again some weeks later, so a quarter of the people have a second id.

    What they did came along, dated from the new creation: the same story stands on both sides of a fold.
    """
    leads = tables["leads"]
    created = column_micros(leads, "created_at")
    later = rng.integers(8, 27, created.size) * WEEK
    again = np.flatnonzero((rng.random(created.size) < IMPORTED_TWICE) & (created + later < END_US))
    gone = pc.is_in(leads["lead_id"], tables["merges"]["from_id"]).to_numpy(zero_copy_only=False)
    again = again[~gone[again]]
    shift = np.zeros(created.size, dtype=np.int64)
    shift[again] = later[again]
    result = dict(tables)
    for table in ("leads", "events", "stages", "opportunities", "history", "touches"):
        result[table] = _with_copies(tables[table], table, leads["lead_id"], shift)
    return result


def noted_by_sales(rng: np.random.Generator, tables: Tables) -> Tables:
    """L2, an illegitimate feature: sales notes a lead's pain point once they have talked, which is after the outcome."""
    size = tables["leads"].num_rows
    reached = sql_at(tables) < END_US
    rejected = first_reached(tables, ("disqualified",)) < END_US
    filled = rng.random(size) < np.where(reached, 0.9, np.where(rejected, 0.25, 0.02))
    words = np.array(["cost", "speed", "risk", "growth"])[rng.integers(0, 4, size)]
    return {**tables, "leads": put_column(tables["leads"], "pain_point", pa.array(words.tolist(), mask=~filled))}


def back_filled(rng: np.random.Generator, tables: Tables) -> Tables:
    """L3.1, temporal leakage: an attribution tool writes touches of the weeks before SQL once the lead is SQL.

    They are dated back and recorded in one go, on the first night of the month after; whoever reads the dates alone
    sees leads warm up just before they convert.
    """
    reached = sql_at(tables)
    lead = np.repeat(np.flatnonzero(reached < END_US), 5)
    at = reached[lead] - (rng.uniform(0.2, 20.0, lead.size) * DAY).astype(np.int64)
    month = reached[lead].astype("datetime64[us]").astype("datetime64[M]") + np.timedelta64(1, "M")
    recorded = month.astype("datetime64[us]").astype(np.int64) + 2 * HOUR + rng.integers(0, 900 * SECOND, lead.size)
    created = column_micros(tables["leads"], "created_at")
    keep = np.flatnonzero((at > created[lead]) & (recorded < END_US))
    ids = tables["leads"]["lead_id"].take(pa.array(lead[keep]))
    rows = pa.table({
        "event_id": pa.array([f"T{n:06d}" for n in range(keep.size)]), "lead_id": ids,
        "event_type": pa.array(np.array(["webinar_attended", "pricing_page_view"])[rng.integers(0, 2, keep.size)].tolist()),
        "occurred_at": pa.array(at[keep]).cast(INSTANT), "recorded_at": pa.array(recorded[keep]).cast(INSTANT),
    })  # fmt: skip
    return {**tables, "events": pa.concat_tables([tables["events"], rows]).sort_by("occurred_at")}


def rolled_up(_: np.random.Generator, tables: Tables) -> Tables:
    """L3.1, temporal leakage: a roll-up field counts the calls with each lead, as it stands at the export.

    For a lead that became SQL months ago it counts the months after, too, in which sales called; it has no history.
    """
    events = tables["events"]
    place = lead_places(tables, events.filter(pc.equal(events["event_type"], "sales_call"))["lead_id"])
    count = np.bincount(place[place >= 0], minlength=tables["leads"].num_rows)
    return {**tables, "leads": put_column(tables["leads"], "calls", pa.array(count))}


def account_outcome(_: np.random.Generator, tables: Tables) -> Tables:
    """L3.2, samples that aren't independent: once one of an account's leads is SQL, the account is called key.

    Every lead of the account carries the word, the one that made it key above all.
    """
    reached = sql_at(tables) < END_US
    won = pc.unique(tables["leads"]["account_id"].filter(pa.array(reached)).drop_null())
    accounts = tables["accounts"]
    word = pc.if_else(pc.is_in(accounts["account_id"], won), "key", "standard")
    return {**tables, "accounts": put_column(accounts, "segment", word)}


def tidied(_: np.random.Generator, tables: Tables) -> Tables:
    """L3.3, sampling bias: leads that came to nothing are deleted after half a year, so old cohorts are all winners."""
    created = column_micros(tables["leads"], "created_at")
    stays = (sql_at(tables) < END_US) | (created >= END_US - KEPT)
    ids = tables["leads"]["lead_id"].filter(pa.array(stays))
    result = dict(tables)
    for table in ("leads", "events", "stages", "opportunities", "history", "touches"):
        result[table] = tables[table].filter(pc.is_in(tables[table]["lead_id"], ids))
    merges = tables["merges"]
    result["merges"] = merges.filter(pc.and_(pc.is_in(merges["from_id"], ids), pc.is_in(merges["into_id"], ids)))
    return result


PLANTS: dict[str, Plant] = {
    "L1.1": Plant("L1.1", "no test set: a migration stamped the past", migrated),
    "L1.2": Plant("L1.2", "pre-processing on all rows: segments scored by outcome", scored_segments, ("leads", "segment_pct")),
    "L1.3": Plant("L1.3", "selection on all rows: an index of the best 30 fields", chosen_fields, ("leads", "enrichment")),
    "L1.4": Plant("L1.4", "duplicates: a list imported twice", imported_twice),
    "L2": Plant("L2", "illegitimate feature: noted by sales after contact", noted_by_sales, ("leads", "pain_point")),
    "L3.1": Plant("L3.1", "temporal: touches filled in after the outcome", back_filled),
    "L3.1-field": Plant("L3.1", "temporal: a roll-up as it stands at the export", rolled_up, ("leads", "calls")),
    "L3.2": Plant("L3.2", "not independent: the account's outcome on its leads", account_outcome, ("accounts", "segment")),
    "L3.3": Plant("L3.3", "sampling bias: old leads without outcome deleted", tidied),
}  # fmt: skip

"""The plants by name: eight kinds, of which temporal leakage has two."""


def _with_copies(rows: pa.Table, table: str, ids: pa.Array, shift: Ints) -> pa.Table:
    """Add a copy of the rows of each lead that has a shift, under a new id, its times moved; none past the end."""
    place = pc.index_in(rows["lead_id"], ids.combine_chunks()).to_numpy(zero_copy_only=False).astype(np.int64)
    copied = np.flatnonzero(shift[place] > 0)
    copies, moved = rows.take(pa.array(copied)), shift[place][copied]
    alive: npt.NDArray[np.bool_] = np.ones(copied.size, dtype=bool)
    for column in TIMES[table]:
        at = column_micros(copies, column)
        when = np.where(at < END_US, at + moved, END_US)
        alive &= (when < END_US) | (column == "closed_at")
        copies = put_column(copies, column, pa.array(when, mask=when >= END_US).cast(INSTANT))
    for column in ("lead_id", "event_id", "opportunity_id"):
        if column in copies.column_names:
            copies = put_column(copies, column, pc.binary_join_element_wise("R", copies[column], ""))
    return pa.concat_tables([rows, copies.filter(pa.array(alive))])

"""The finished tables read back: who reached what and when, and a column put in its place; what plants are made with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadline.tables.demo.clock import END_US, Ints

__all__ = ["INSTANT", "Tables", "first_reached", "micros", "places", "put", "sql_at"]

Tables = dict[str, pa.Table]
INSTANT = pa.timestamp("us", tz="UTC")


def sql_at(tables: Tables) -> Ints:
    """When each lead first reached SQL or beyond; the end of the world for those who didn't."""
    return first_reached(tables, ("sql", "opportunity", "closed_won"))


def first_reached(tables: Tables, words: tuple[str, ...]) -> Ints:
    stages = tables["stages"].filter(pc.is_in(tables["stages"]["stage"], pa.array(words)))
    first = np.full(tables["leads"].num_rows, END_US)
    np.minimum.at(first, places(tables, stages["lead_id"]), micros(stages, "changed_at"))
    return first


def places(tables: Tables, ids: pa.Array) -> Ints:
    """The row of each id in the table of leads; -1 where there is none."""
    known = tables["leads"]["lead_id"].combine_chunks()
    place: Ints = pc.fill_null(pc.index_in(ids, known), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return place


def micros(rows: pa.Table, column: str) -> Ints:
    """A column of instants in microseconds; none is the end of the world."""
    numbers = pc.fill_null(rows[column].cast(pa.int64()), END_US)
    return np.asarray(numbers.to_numpy(zero_copy_only=False).astype(np.int64))


def put(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """The same rows with a column replaced, or added at the end."""
    if column in rows.column_names:
        return rows.set_column(rows.schema.get_field_index(column), column, values)
    return rows.append_column(column, values)

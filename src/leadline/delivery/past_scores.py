"""Past nights: every finished night of a model, row by row, with the version that scored it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.delivery.folder_sink import finished_runs, read_partition
from leadline.delivery.sink import RunKey
from leadline.delivery.sink_urls import open_sink

__all__ = ["read_lead_history", "read_past_runs", "row_in_run"]

NIGHTS = 60

"""How many of a lead's newest nights are read."""


def read_past_runs(folder: Path, name: str, until: int | None = None) -> tuple[Any, list[dict[str, Any]]]:
    """Read a folder's finished, undamaged nights of one model's name; with `until`, those up to then.

    Returns
    -------
    tuple
        A pyarrow Table of ``lead_id, account_id, as_of`` (microseconds), ``probability, tier, model_version, is_holdout``;
        and the nights' records, the newest first.

    Examples
    --------
    >>> read_past_runs(Path("no-such-folder"), "demo")[0].num_rows
    0
    """
    import pyarrow as pa

    kinds = {
        "lead_id": pa.string(), "account_id": pa.string(), "as_of": pa.int64(), "probability": pa.float64(),
        "tier": pa.string(), "model_version": pa.string(), "is_holdout": pa.bool_(),
    }  # fmt: skip
    parts, records = [pa.table({column: pa.array([], kind) for column, kind in kinds.items()})], []
    for place, record in finished_runs(folder):
        if record["model_name"] != name or (until is not None and record["as_of_value"] > until):
            continue
        rows = read_partition(place, list(kinds))
        given = {"is_holdout": False, "model_version": str(record.get("model_version"))}
        columns = {
            column: rows.column(column).cast(kind)
            if column in rows.column_names
            else pa.array([given.get(column)] * rows.num_rows, kind)
            for column, kind in kinds.items()
        }
        parts.append(pa.table(columns))
        records.append(record)
    return pa.concat_tables(parts), records


def read_lead_history(folder: Path, name: str, lead: str, until: int) -> list[dict[str, Any]]:
    """Read what finished, undamaged nights of one model's name said of a lead, up to an as_of; the newest first.

    Returns
    -------
    list of dict
        Of each night `as_of` (microseconds), `version`, `leads` (how many were scored), `probability`, `rank`, `tier`, `change` (what moved
        it since the night before, where it moved), and `bars`: the least probability of each tier, of leads that didn't draw theirs by lot. A night without the lead has none.

    Examples
    --------
    >>> read_lead_history(Path("no-such-folder"), "demo", "L1", 0)
    []
    """
    import pyarrow.compute as pc

    told: list[dict[str, Any]] = []
    for place, record in finished_runs(folder):
        if record["model_name"] != name or record["as_of_value"] > until:
            continue
        if len(told) == NIGHTS:
            break
        rows = read_partition(place, ["lead_id", "probability", "rank", "tier", "is_holdout", "change"])
        mine = rows.filter(pc.equal(rows.column("lead_id"), lead)).to_pylist()
        if mine:
            ruled = rows if "is_holdout" not in rows.column_names else rows.filter(pc.invert(rows.column("is_holdout")))
            least = ruled.group_by("tier").aggregate([("probability", "min")]).to_pylist()
            told.append({
                "as_of": record["as_of_value"], "version": str(record.get("model_version")), "leads": rows.num_rows,
                **{key: mine[0].get(key) for key in ("probability", "rank", "tier", "change")},
                "bars": {row["tier"]: row["probability_min"] for row in least},
            })  # fmt: skip
    return told


# Where a lead stands in a night that is written: what one lead's features alone don't tell, such as the tier that sales saw.


def row_in_run(key: RunKey, lead: str) -> dict[str, Any]:
    """Return a lead's row in a finished night of the default place, ``scores/NAME/``; empty where there is none.

    Examples
    --------
    >>> row_in_run(RunKey(0, True, "no-such-model", "1"), "L1")
    {}
    """
    sink = open_sink(None, key.model)
    if sink.done(key) is None:
        return {}
    import pyarrow.compute as pc

    rows = sink.rows(key)
    return next(iter(rows.filter(pc.equal(rows.column("lead_id"), lead)).to_pylist()), {})

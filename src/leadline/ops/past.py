"""Past nights: every finished night of a model, row by row, with the version that scored it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.ops.folder_sink import finished, read_night

__all__ = ["read_past"]


def read_past(folder: Path, name: str, until: int | None = None) -> tuple[Any, list[dict[str, Any]]]:
    """Read a folder's finished, undamaged nights of one model's name; with `until`, those up to then.

    Returns
    -------
    tuple
        A pyarrow Table of ``lead_id, account_id, as_of`` (microseconds), ``probability, tier, model_version, exploration``;
        and the nights' records, the newest first.

    Examples
    --------
    >>> read_past(Path("no-such-folder"), "demo")[0].num_rows
    0
    """
    import pyarrow as pa

    kinds = {
        "lead_id": pa.string(), "account_id": pa.string(), "as_of": pa.int64(), "probability": pa.float64(),
        "tier": pa.string(), "model_version": pa.string(), "exploration": pa.bool_(),
    }  # fmt: skip
    parts, records = [pa.table({column: pa.array([], kind) for column, kind in kinds.items()})], []
    for place, record in finished(folder):
        if record["model_name"] != name or (until is not None and record["as_of_value"] > until):
            continue
        rows = read_night(place, list(kinds))
        given = {"exploration": False, "model_version": str(record.get("model_version"))}
        columns = {
            column: rows.column(column).cast(kind)
            if column in rows.column_names
            else pa.array([given.get(column)] * rows.num_rows, kind)
            for column, kind in kinds.items()
        }
        parts.append(pa.table(columns))
        records.append(record)
    return pa.concat_tables(parts), records

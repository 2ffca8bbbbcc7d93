"""Deliveries: a night's files for other systems, put in place before the night itself is called finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.nights import Deliver
from leadline.ops.changes import CHANGE, HANDOFFS
from leadline.ops.crm import crm_files
from leadline.ops.folder_sink import put_night, retire
from leadline.ops.forms import line_bytes

__all__ = ["deliver", "retire_deliveries"]


def deliver(
    plans: Sequence[Deliver], rows: Any, delta: Any, handed: Sequence[Mapping[str, Any]], night: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write each delivery's files into a partition of its folder; return what was delivered where.

    Parameters
    ----------
    rows, delta : pyarrow.Table
        The night's scores, and what changed since the night before.
    handed : sequence of records
        The handoffs.
    night : mapping
        The night's record.

    Raises
    ------
    ConfigError
        A delivery names a column that the scores don't have.
    OutputError
        A folder can't be written; what stood there still does.
    """
    made = []
    for plan in plans:  # all are made before the first is written
        if plan.to == "handoffs":
            made.append((plan, {HANDOFFS: line_bytes(handed)}, len(handed)))
        else:
            made.append(
                (plan, *crm_files(plan.to, _still_open(delta) if plan.changed else rows, plan.id_column, plan.fields))
            )
    told = []
    for plan, files, count in made:
        record = {name: night[name] for name in KEPT}
        place = put_night(Path(plan.folder), files, {**record, "to": plan.to, "rows": count})
        told.append({"to": plan.to, "place": str(place), "rows": count, "files": len(files)})
    return told


KEPT = ("as_of", "as_of_value", "is_dated", "model_name", "model_version", "run_id")


def _still_open(delta: Any) -> Any:
    """Leave out the leads that are gone: a CRM has no use for a row without a score."""
    import pyarrow.compute as pc

    return delta.filter(pc.not_equal(delta.column(CHANGE), "gone"))


def retire_deliveries(plans: Sequence[Deliver], model: str, as_of: int) -> int:
    """Remove deliveries of nights before an as_of; return how many.

    Examples
    --------
    >>> retire_deliveries([], "demo", 0)
    0
    """
    return sum(retire(Path(plan.folder), model, as_of) for plan in plans)

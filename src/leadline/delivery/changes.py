"""What changed since the night before: the delta beside a night's rows, and the leads that crossed into the top tier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from leadline.core.point_in_time import Horizon, format_instant
from leadline.scoring.previous_scores import PreviousScores

__all__ = ["CHANGE", "CHANGES", "HANDOFFS", "WHY", "new_top_leads", "score_changes"]

CHANGES, HANDOFFS = "changes.parquet", "handoffs.jsonl"
CHANGE = "change"
"""The delta's last column: new, tier, moved or gone."""
WHY = "why"
"""What the scores' own column `change`, a sentence, is called in the delta."""


def score_changes(rows: Any, before: PreviousScores, moved: float) -> Any:
    """Return the rows that changed, with `change` behind the other columns.

    `new`: the lead had no row the night before. `tier`: it was worked as another tier. `moved`: its probability moved
    by at least `moved`. `gone`: it had a row and has none now; such a row has its id, the as_of and the previous
    probability, and stands at the end, by id.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"lead_id": ["a", "b"], "probability": [0.5, 0.2], "tier": ["A", "B"]})
    >>> before = PreviousScores(1, {"a": 0.5, "c": 0.1}, {"a": "A", "c": "B"})
    >>> score_changes(rows, before, 0.01).select(["lead_id", "change"]).to_pylist()
    [{'lead_id': 'b', 'change': 'new'}, {'lead_id': 'c', 'change': 'gone'}]
    """
    import pyarrow as pa

    said = [_change(row, before, moved) for row in _iterate_leads(rows)]
    there = set(rows.column("lead_id").to_pylist())
    rows = rows.rename_columns([WHY if name == CHANGE else name for name in rows.column_names])
    kept = [n for n, change in enumerate(said) if change]
    delta = rows.take(pa.array(kept, pa.int64())).append_column(CHANGE, pa.array([said[n] for n in kept], pa.string()))
    gone = sorted(lead for lead in before.probability if lead not in there)
    told = {
        "lead_id": gone,
        "previous_probability": [before.probability[lead] for lead in gone],
        CHANGE: ["gone"] * len(gone),
    }
    if rows.num_rows:
        for name in ("as_of", "model_name", "model_version"):
            if name in rows.column_names:
                told[name] = [rows.column(name)[0].as_py()] * len(gone)
    columns = [
        pa.array(told[field.name], field.type) if field.name in told else pa.nulls(len(gone), field.type)
        for field in delta.schema
    ]
    return pa.concat_tables([delta, pa.table(columns, schema=delta.schema)])


def _iterate_leads(rows: Any) -> Iterator[tuple[str, float, str]]:
    names = ("lead_id", "probability", "tier")
    columns = [rows.column(name).to_pylist() for name in names]
    return zip(columns[0], columns[1], _top_tier_leads(rows), strict=True)


def _top_tier_leads(rows: Any) -> list[str]:
    """List each row's tier as sales sees it: the one set by hand where there is one."""
    tiers = rows.column("tier").to_pylist()
    if "tier_override" not in rows.column_names:
        return list(tiers)
    return [hand or tier for hand, tier in zip(rows.column("tier_override").to_pylist(), tiers, strict=True)]


def _change(row: tuple[str, float, str], before: PreviousScores, moved: float) -> str | None:
    lead, p, tier = row
    last = before.probability.get(lead)
    if last is None:
        return "new"
    if before.worked_as(lead) != tier:
        return "tier"
    return "moved" if abs(p - last) >= moved and p != last else None


def new_top_leads(rows: Any, before: PreviousScores, top: str, sla: Horizon | None) -> Iterator[dict[str, Any]]:
    """Yield a record for each lead that is in the top tier tonight and wasn't the night before, the best first.

    The `id` is the same whenever the same lead is handed over for the same night by the same model, so that whoever
    receives it twice can tell. `due_at` is as_of and the SLA.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"lead_id": ["a", "b"], "account_id": [None, None], "as_of": pa.array([0, 0], pa.timestamp("us", "UTC")),
    ...     "probability": [0.5, 0.4], "rank": [1, 2], "tier": ["A", "A"], "reason_1": ["x", None],
    ...     "model_name": ["demo"] * 2, "model_version": ["1"] * 2})
    >>> [(r["lead_id"], r["reasons"], r["due_at"]) for r in new_top_leads(rows, PreviousScores(0, {"b": 0.4}, {"b": "A"}), "A", Horizon.parse("4h"))]
    [('a', ['x'], '1970-01-01T04:00:00Z')]
    """
    for row, tier in zip(rows.to_pylist(), _top_tier_leads(rows), strict=True):
        lead = row["lead_id"]
        if tier != top or before.worked_as(lead) == top:
            continue
        model = f"{row['model_name']} {row['model_version']}"
        at = int(row["as_of"].timestamp() * 1_000_000) if hasattr(row["as_of"], "timestamp") else None
        as_of = str(row["as_of"]) if at is None else format_instant(at)
        yield {
            "event": "handoff",
            "id": hashlib.sha256(f"{model}|{as_of}|{lead}".encode()).hexdigest()[:32],
            "lead_id": lead,
            "account_id": row["account_id"],
            "as_of": as_of,
            "due_at": format_instant(at + sla.micros) if sla is not None and at is not None else None,
            "tier": tier,
            "previous_tier": before.worked_as(lead),
            "probability": row["probability"],
            "previous_probability": before.probability.get(lead) if row["probability"] is not None else None,
            "rank": row["rank"],
            "reasons": [row[c] for c in row if c.startswith("reason_") and row[c] is not None],
            "set_by_hand": bool(row.get("tier_override")),
            "model": model,
        }

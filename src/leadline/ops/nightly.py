"""The night: tonight's scores, written whole or not at all, one run at a time for each place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.errors import DataError
from leadline.judge.ranking import Scores
from leadline.ops.registry import Bundle
from leadline.ops.sinks import finished, open_sink, read_night
from leadline.times import format_instant

__all__ = ["Night", "read_nights", "run_night"]


@dataclass(frozen=True)
class Night:
    """A finished night.

    Attributes
    ----------
    scores : Scores
        What was written.
    place : str
        Where the rows are.
    seconds : float
        How long it took.
    warning : str
        What the reader of these scores must know; "" for nothing.
    """

    scores: Scores
    place: str
    seconds: float
    warning: str = ""

    def __repr__(self) -> str:
        return f"Night({len(self.scores)} leads → {self.place})"


def run_night(bundle: Bundle, out: str | None, as_of: int, is_dated: bool, compute: Callable[[], Scores]) -> Night:
    """Compute tonight's scores under the place's lock, check them, and write them.

    Raises
    ------
    RetryError
        Another run writes to the same place.
    DataError
        The rows aren't one for each lead.
    OutputError
        The place can't be written; what stood there still does.
    """
    began = time.monotonic()
    sink = open_sink(out, bundle.name)
    with sink.lock():
        scores = compute()
        if len(set(scores.lead_id.tolist())) != len(scores):
            raise DataError(
                "scores: a lead has two rows; expected one for each open lead; this is a bug, please report it"
            )
        scores = scores.with_previous(sink.previous(as_of, bundle.name))
        place = sink.write(scores.to_arrow(), summary(bundle, scores, as_of, is_dated))
    return Night(scores, place, time.monotonic() - began)


def summary(bundle: Bundle, scores: Scores, as_of: int, is_dated: bool) -> dict[str, Any]:
    """Summarise a night: what was scored, with which model."""
    tiers = {tier: int((scores.tier == tier).sum()) for tier in sorted(set(scores.tier.tolist()))}
    return {
        "as_of": format_instant(as_of) if is_dated else str(as_of),
        "as_of_value": as_of,
        "is_dated": is_dated,
        "leads": len(scores),
        "mean_probability": float(scores.probability.mean()) if len(scores) else None,
        "model_name": bundle.name,
        "model_version": scores.model_version,
        "model_known_at": bundle.manifest["known_at"],
        "tiers": tiers,
    }


def read_nights(folder: Path) -> Any:
    """Read every finished, undamaged night of a folder: lead_id, account_id, as_of (microseconds), probability, tier."""
    import pyarrow as pa

    columns = {
        "lead_id": pa.string(),
        "account_id": pa.string(),
        "as_of": pa.int64(),
        "probability": pa.float64(),
        "tier": pa.string(),
    }
    parts = [pa.table({name: pa.array([], kind) for name, kind in columns.items()})]
    for place, _ in finished(folder):
        rows = read_night(place, list(columns))
        parts.append(rows.set_column(2, "as_of", rows.column("as_of").cast(pa.int64())))
    return pa.concat_tables(parts)

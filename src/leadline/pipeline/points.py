"""Scorecard of a run, and the audit of current scoring rules: two records for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.judge.points_tables import TABLES
from leadline.ops.forms import csv_bytes
from leadline.pipeline.asking import Progress
from leadline.pipeline.fitted import Fitted
from leadline.pipeline.points_card import draw_up
from leadline.pipeline.rules_audit import audited

__all__ = ["CARD", "points", "points_files"]

CARD = "points_card"


def points(fitted: Fitted, progress: Progress) -> dict[str, Any]:
    """Return the records `points_card` and `rules_audit`; each has a `reason` where there is nothing to tell."""
    progress("distilling the scorecard")
    return {"points_card": draw_up(fitted).to_record(fitted), "rules_audit": audited(fitted)}


def points_files(record: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the card's tables as the bytes of CSV files, by name; none where the record holds no card.

    Text that a spreadsheet would run as a formula is made harmless.

    Examples
    --------
    >>> points_files({}), points_files({"points_card": {"rows": []}})
    ({}, {})
    """
    import pyarrow as pa

    told = record.get(CARD)
    if not told or not told["rows"]:
        return {}
    return {name: csv_bytes(pa.Table.from_pylist(make(told))) for name, make in TABLES.items()}

"""LL128: spend and deals that can't be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.schema import Config

LEADS = 30
DAY = pa.array([n * 86_400_000_000 for n in range(LEADS)], pa.timestamp("us", "UTC"))
IDS = [f"L{n}" for n in range(LEADS)]


def told(folder: Path, cost: list[float], amount: list[float], stage: str = "won") -> list[tuple[str, str]]:
    made: dict[str, dict[str, Any]] = {
        "leads": {"lead_id": IDS, "created_at": DAY}, "stages": {"lead_id": IDS, "stage": ["sql"] * LEADS, "at": DAY},
        "spend": {"campaign": IDS, "month": DAY, "cost": cost},
        "deals": {"id": IDS, "lead_id": IDS, "at": DAY, "closed": DAY, "stage": [stage] * LEADS, "amount": amount},
    }  # fmt: skip
    for name, columns in made.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    source = {name: str(folder / f"{name}.parquet") for name in made}
    tables = {
        "leads": {"source": source["leads"], "key": "lead_id", "created_at": "created_at"},
        "stages": {"source": source["stages"], "lead": "lead_id", "stage": "stage", "changed_at": "at"},
        "spend": {"source": source["spend"], "campaign": "campaign", "month": "month", "cost": "cost"},
        "opportunities": {"source": source["deals"], "key": "id", "lead": "lead_id", "created_at": "at", "closed_at": "closed", "stage": "stage", "amount": "amount"},
    }  # fmt: skip
    asked = {"version": 1, "name": "money", "tables": tables, "stages": {"sql": ["sql"], "won": ["won"], "lost": ["lost"]}, "outcome": {"reaches": "sql", "within": "7d"}, "snapshots": {"every": "7d"}}  # fmt: skip
    found = leadline.check(Config.model_validate(asked)).findings
    return [(f.subject, f.seen) for f in found if f.code == "LL128"]


@pytest.mark.parametrize(
    ("cost", "amount", "stage", "expected"),
    [
        ([5.0] * 30, [9.0] * 30, "won", []),
        ([0.0] * 30, [9.0] * 30, "won", [("spend.cost", "all spend is 0, on 30 rows")]),
        ([-5.0, *[5.0] * 29], [9.0] * 30, "won", [("spend.cost", "1 rows have a cost below 0 (first: row 1)")]),
        ([5.0] * 30, [9.0, -9.0, *[9.0] * 28], "won", [("opportunities.amount", "1 won deals have an amount below 0 (first: row 2)")]),
        ([5.0] * 30, [-9.0] * 30, "lost", []),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(tmp_path: Path, cost: Any, amount: Any, stage: str, expected: Any) -> None:
    assert told(tmp_path, cost, amount, stage) == expected

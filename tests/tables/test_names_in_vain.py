"""LL126: names under known_at_creation and exclude that fit no column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.schema import Config

ROWS = 60
COLUMNS: dict[str, Any] = {
    "lead_id": [f"L{i}" for i in range(ROWS)], "won": [i % 2 for i in range(ROWS)], "Time on site": [1.5 * i for i in range(ROWS)],
    "Lead Quality": ["a", "b"] * (ROWS // 2), "day": pa.array([i * 86_400_000_000 for i in range(ROWS)], pa.timestamp("us", "UTC")),
}  # fmt: skip


def said(folder: Path, is_flat: bool, leads: dict[str, Any]) -> list[str]:
    """What LL126 says of a table of leads."""
    for name, columns in (
        ("leads", COLUMNS),
        ("stages", {"lead_id": COLUMNS["lead_id"], "stage": ["sql"] * ROWS, "at": COLUMNS["day"]}),
    ):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    section = {"source": str(folder / "leads.parquet"), "key": "lead_id", "attributes": "all", **leads}
    stages = {"source": str(folder / "stages.parquet"), "lead": "lead_id", "stage": "stage", "changed_at": "at"}
    rest: dict[str, Any] = (
        {"tables": {"leads": section}, "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}}
        if is_flat
        else {
            "tables": {"leads": {**section, "created_at": "day"}, "stages": stages}, "stages": {"sql": ["sql"]},
            "outcome": {"reaches": "sql", "within": "7d"}, "snapshots": {"every": "7d"},
        }
    )  # fmt: skip
    found = leadline.check(Config.model_validate({"version": 1, "name": "vain", "timezone": "UTC", **rest})).findings
    assert all(f.severity == "warning" for f in found if f.code == "LL126")
    return [str(f) for f in found if f.code == "LL126"]


@pytest.mark.parametrize("is_flat", [True, False])
@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"known_at_creation": ["time ON site"], "exclude": ["lead quality"]}, None),
        ({"known_at_creation": ["Time on sight"]}, "known_at_creation: Time on sight: no column has this name, so the line does nothing; expected names of columns in use; mend the name (did you mean `Time on site`?)"),
        ({"known_at_creation": ["Lead Quality"], "exclude": ["Lead Quality"]}, "is a column, but no attribute in use"),
        ({"exclude": ["Lead Qualty"]}, "did you mean `Lead Quality`?"),
        ({"exclude": ["Tags"]}, None),  # an export that lacks it loses nothing
        ({"exclude": ["Lead Qualty", "Lead Quality"]}, None),  # what was meant is out
    ],
)  # fmt: skip
def test_a_typing_error_is_told(tmp_path, is_flat, leads, expected) -> None:
    found = said(tmp_path, is_flat, leads)
    assert len(found) == (expected is not None)
    assert expected is None or expected in found[0]

"""LL127: behaviours of the config that no event has."""

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


def said(folder: Path, extra: dict[str, Any], types: list[str]) -> list[str]:
    """What LL127 says of events of these types."""
    made = {
        "leads": {"lead_id": IDS, "created_at": DAY}, "stages": {"lead_id": IDS, "stage": ["sql"] * LEADS, "at": DAY},
        "events": {"lead_id": IDS, "type": types, "at": DAY},
    }  # fmt: skip
    for name, columns in made.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    tables = {
        "leads": {"source": str(folder / "leads.parquet"), "key": "lead_id", "created_at": "created_at"},
        "stages": {"source": str(folder / "stages.parquet"), "lead": "lead_id", "stage": "stage", "changed_at": "at"},
        "events": {"source": str(folder / "events.parquet"), "lead": "lead_id", "type": "type", "occurred_at": "at"},
    }
    asked = {"version": 1, "name": "heard", "tables": tables, "stages": {"sql": ["sql"]}, "outcome": {"reaches": "sql", "within": "7d"}, "snapshots": {"every": "7d"}}  # fmt: skip
    found = leadline.check(Config.model_validate({**asked, **extra})).findings
    return [str(f) for f in found if f.code == "LL127"]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"behaviours": {"pricing_page_view": {"intent": "purchase"}}}, None),
        ({"behaviours": {"pricing_pageview": {"intent": "purchase"}}}, "behaviours: pricing_pageview: no event has this type; expected types of tables.events; mend the name (did you mean `pricing_page_view`?), or drop it"),
        ({"behaviours": {"webinar": {"intent": "evaluation"}}}, None),  # it may simply not have happened yet
        ({"rules": [{"when": {"behaviour": "webinar", "within": "30d"}, "points": 3}]}, "rules: webinar: no event has this type; expected types of tables.events; mend the name, or drop it"),
    ],
)  # fmt: skip
def test_a_typing_error_is_told(tmp_path: Path, extra: dict[str, Any], expected: str | None) -> None:
    assert said(tmp_path, extra, ["pricing_page_view"] * LEADS) == ([expected] if expected else [])


def test_a_type_that_few_leads_have_is_not_named(tmp_path: Path) -> None:
    found = said(tmp_path, {"behaviours": {"anns_meeting": {}}}, ["view"] * (LEADS - 1) + ["anns_meetings"])
    assert found == []

"""Snapshots are refused where the calendar would be endless."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.load import parse_config
from leadline.dataset import snapshots
from leadline.errors import DataError
from leadline.tables import load, open_store

CONFIG = """
version: 1
name: old
timezone: UTC
tables:
  leads: {{source: {folder}/leads.parquet, key: id, created_at: at}}
  stages: {{source: {folder}/stages.parquet, lead: id, stage: stage, changed_at: at}}
stages: {{sql: [sql]}}
outcome: {{reaches: sql, within: 1d}}
snapshots: {{every: 7d}}
"""


def test_a_lead_of_year_one_is_told_instead_of_a_hundred_thousand_weeks(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "at": ["0001-01-01", "2024-01-01"]}), tmp_path / "leads.parquet")
    pq.write_table(pa.table({"id": ["a"], "stage": ["sql"], "at": ["2024-05-01"]}), tmp_path / "stages.parquet")
    config = parse_config(CONFIG.format(folder=tmp_path))
    store = open_store(config.engine)
    try:
        loaded = load(config, store)
        with pytest.raises(DataError, match=r"105,\d\d\d dates .* expected at most 10,000"):
            snapshots.for_training(config, loaded)
    finally:
        store.close()

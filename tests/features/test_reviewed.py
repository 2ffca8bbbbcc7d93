"""What a review broke, each kept from breaking again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.load import parse_config
from leadline.core.point_in_time import DAY, parse_instant
from leadline.dataset import labels, snapshots
from leadline.errors import DataError
from leadline.features import build
from leadline.features.catalog import list_features
from leadline.tables import LoadedTables, load, open_store

CONFIG = """
version: 1
name: reviewed
timezone: UTC
tables:
  leads: {{source: {folder}/leads.csv, key: id, account: Account_ID, created_at: at, attributes: [Country]}}
  stages: {{source: {folder}/stages.parquet, lead: id, stage: stage, changed_at: at, recorded_at: seen}}
  {more}
stages: {{sql: [sql]}}
outcome: {{reaches: sql, within: 7d}}
snapshots: {{every: 7d}}
"""
HISTORY = "history: {{source: {folder}/history.parquet, lead: id, field: field, value: value, changed_at: at}}"
DEALS = "opportunities: {{source: {folder}/deals.parquet, key: key, account: account, created_at: at}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leads.csv").write_text("id,account_id,at,country\n17.0,5.0,2024-01-01,NL\n18,5,2024-01-01,BE\n")
    stages = {
        "id": ["17", "18"],
        "stage": ["sql", "sql"],
        "at": ["2024-01-10", "2024-03-01"],
        "seen": ["2024-02-20", "2024-03-01"],
    }
    pq.write_table(pa.table(stages), tmp_path / "stages.parquet")
    history = {"id": ["17"], "field": ["COUNTRY"], "value": ["DE"], "at": ["2024-01-02"]}
    pq.write_table(pa.table(history), tmp_path / "history.parquet")
    deals = {"key": ["d"], "account": ["5"], "at": ["2024-09-01"]}
    pq.write_table(pa.table(deals), tmp_path / "deals.parquet")
    return tmp_path


@contextmanager
def loaded(folder: Path, more: str = "") -> Iterator[tuple[Any, LoadedTables]]:
    config = parse_config(CONFIG.format(folder=folder, more=more.format(folder=folder)))
    store = open_store(config.engine)
    try:
        yield config, load(config, store)
    finally:
        store.close()


def test_whole_numbers_that_a_csv_wrote_with_a_point_still_join(folder: Path) -> None:
    with loaded(folder) as (_, found):
        assert found.store.rows("SELECT lead_id, account_id FROM leads ORDER BY lead_id") == [("17", "5"), ("18", "5")]
        assert not [f for f in found.findings if f.code == "LL108"]


def test_deals_that_name_no_lead_dont_tell_up_to_when_outcomes_were_seen(folder: Path) -> None:
    with loaded(folder, DEALS) as (_, found):
        assert found.observed_until == parse_instant("2024-03-01")


def test_a_label_is_known_once_its_outcome_was_recorded(folder: Path) -> None:
    with loaded(folder) as (config, found):
        snapshots.for_training(config, found)
        labels.attach_labels(config, found)
        told = labels.fetch_labels(config, found)
        positive = told.known_at[told.y == 1]
        assert positive.max() == parse_instant("2024-02-20") + 1
        assert (told.known_at[told.y == 0] % DAY == 0).all()


def test_history_has_a_field_whatever_its_letters(folder: Path) -> None:
    with loaded(folder, HISTORY) as (config, found):
        snapshots.for_training(config, found)
        labels.attach_labels(config, found)
        specs = list_features(config, found)
        assert [s.by for s in specs if s.name == "lead_country"] == ["history"]
        made = build.compute_features(found, specs, {})
        assert set(made.values["lead_country"][made.lead_id == "17"]) == {"DE"}


def test_a_latin_1_file_is_told_to_become_utf_8(folder: Path) -> None:
    (folder / "leads.csv").write_bytes("id,account_id,at,country\n17,5,2024-01-01,Curaçao\n".encode("latin-1"))
    with pytest.raises(DataError, match="isn't UTF-8") as told, loaded(folder):
        pass
    assert "Cura" not in str(told.value)

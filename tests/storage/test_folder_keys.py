"""Folders such as type=x: a column of their own, but never in the place of one that the files have."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from leadline.config.modeling import Engine
from leadline.storage import open_store


def write(folder: Path, ending: str, columns: dict[str, list[str]]) -> str:
    for key in ("a", "b"):
        place = folder / f"type={key}"
        place.mkdir()
        table = pa.table(columns)
        if ending == "parquet":
            pq.write_table(table, place / "part.parquet")
        else:
            pyarrow.csv.write_csv(table, place / "part.csv")
    return str(folder / "*" / f"part.{ending}")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_folders_key_takes_no_columns_place(tmp_path: Path, ending: str) -> None:
    source = write(tmp_path, ending, {"id": ["1", "2"], "type": ["email_open", "demo"]})
    with open_store(Engine()) as store:
        store.read("raw_events", source, ["id", "type"])
        assert store.rows("SELECT DISTINCT type FROM raw_events ORDER BY 1") == [("demo",), ("email_open",)]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_folders_key_is_a_column_where_the_files_have_none(tmp_path: Path, ending: str) -> None:
    source = write(tmp_path, ending, {"id": ["1", "2"], "page": ["x", "y"]})
    with open_store(Engine()) as store:
        store.read("raw_events", source, ["id", "type"])
        assert store.rows("SELECT DISTINCT type FROM raw_events ORDER BY 1") == [("a",), ("b",)]

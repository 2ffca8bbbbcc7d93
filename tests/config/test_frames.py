"""DataFrames as sources: whatever the library, the rows are those of a file, and what is no table is refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.frames import FrameSource, is_frame
from leadline.config.schema import Engine
from leadline.errors import DataError, LeadlineError, MissingError, UsageError
from leadline.storage import open_store

FLAT = """
version: 1
name: flat
tables: {leads: {source: dataframe, key: id, attributes: all}}
outcome: {column: won, positive: 1}
snapshots: {order_by: row}
"""


pytestmark = pytest.mark.filterwarnings("ignore:Series.values")  # of the tests' own conversions


class Streamed:
    """A frame of some other library, of which nothing is known but Arrow's protocol."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "zoned": pd.to_datetime(["2024-01-01", None, "2024-01-03"]).tz_localize("Europe/Berlin"),
            "word": ["a", None, "c"],
            "size": [1.5, np.nan, 2.0],
            "yes": [True, False, True],
            "level": pd.Categorical(["x", "y", None]),
            "nothing": [None, None, None],
        }
    )


def read(source: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    store = open_store(Engine(threads=1))
    try:
        types = store.read("raw_leads", source, [], untold=True)
        return types, store.arrow("SELECT * FROM raw_leads").to_pylist()
    finally:
        store.close()


def test_every_library_gives_the_rows_of_a_parquet_file(frame: pd.DataFrame, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(frame)
    pq.write_table(FrameSource.of(frame, "leads").table, tmp_path / "leads.parquet")
    expected = read(str(tmp_path / "leads.parquet"))
    views = table.set_column(3, "word", table["word"].cast(pa.string_view()))  # polars hands its text so
    for given in (frame, table, table.to_batches()[0], Streamed(table), Streamed(views)):
        types, rows = read(FrameSource.of(given, "leads"))
        assert rows == expected[1] and list(types) == list(frame.columns)
    assert expected[0]["level"] == expected[0]["nothing"] == "VARCHAR"


def test_an_index_is_a_column_only_where_it_has_a_name(frame: pd.DataFrame) -> None:
    assert FrameSource.of(frame.set_index("id"), "leads").table["id"].to_pylist() == [1, 2, 3]
    assert FrameSource.of(frame.iloc[[2, 0]], "leads").table.column_names == list(frame.columns)


@pytest.mark.filterwarnings("error")
def test_a_zone_gives_no_warning(frame: pd.DataFrame) -> None:
    assert str(FrameSource.of(frame[["zoned"]], "leads").table.schema.field("zoned").type).endswith("tz=Europe/Berlin]")


def test_equal_rows_are_one_source_and_others_another(frame: pd.DataFrame) -> None:
    one = FrameSource.of(frame, "leads")
    assert one == FrameSource.of(Streamed(one.table), "leads") == FrameSource.of(frame.copy(), "leads")
    assert one != FrameSource.of(frame.iloc[::-1], "leads")
    assert one != FrameSource.of(frame.rename(columns={"word": "words"}), "leads")


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (lambda f: f.assign(m=[1, "a", None]), DataError, "'m' of the DataFrame holds values of several kinds"),
        (lambda f: f.assign(m=[{"a": 1}, 2, 3]), DataError, "'m' of the DataFrame holds values of several kinds"),
        (lambda f: pd.concat([f, f], axis=1), DataError, "two columns of the name 'id'"),
        (lambda f: f[[]], DataError, "no columns"),
        (lambda f: f["id"], UsageError, "found a Series"),
        (lambda f: [f], UsageError, "found a list"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence_without_a_value(
    frame: pd.DataFrame, change: Any, kind: type[LeadlineError], told: str, tmp_path: Path
) -> None:
    (tmp_path / "flat.yaml").write_text(FLAT, encoding="utf-8")
    with pytest.raises(kind) as refused:
        leadline.load_config(tmp_path / "flat.yaml", tables={"leads": change(frame)})
    assert told in str(refused.value) and "\n" not in str(refused.value) and "'a'" not in str(refused.value)


def test_tables_are_named_as_in_the_config(frame: pd.DataFrame, tmp_path: Path) -> None:
    place = tmp_path / "flat.yaml"
    place.write_text(FLAT, encoding="utf-8")
    for tables, told in (({"lead": frame}, "did you mean `leads`"), (frame, "found a DataFrame"), ([frame], "a list")):
        with pytest.raises(UsageError, match=told):
            leadline.load_config(place, tables=tables)  # type: ignore[arg-type]
    with pytest.raises(MissingError, match="only Python can give"):
        leadline.check(place)


def test_a_frame_is_told_by_arrows_protocol(frame: pd.DataFrame) -> None:
    assert is_frame(frame) and is_frame(Streamed(pa.table({"a": [1]}))) and not is_frame([frame])

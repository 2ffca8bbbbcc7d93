"""Files that are no table, or not all of one kind: told with the file and the line, in every part of a glob, and never read in part."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Engine, Query
from leadline.errors import DataError
from leadline.storage import Store, open_store
from leadline.storage.csv_trouble import csv_trouble

GOOD = "id,at,note\n" + "".join(f"{i},2024-01-{i % 28 + 1:02d},n{i}\n" for i in range(60))
LINE = "30,2024-01-03,n30\n"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(Engine(threads=1, memory="500MB"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


RAGGED = {
    "unquoted": (
        GOOD.replace("n30\n", "n30, SECRET\n"),
        "line 32: 4 cells, expected 3 (a comma that no quotes enclose?)",
    ),
    "short": (GOOD.replace(LINE, "30,SECRET\n"), "line 32: 2 cells, expected 3 (a row cut short"),
    "footer": (GOOD + "\n\nSECRET\nConfidential\n", "line 64: 1 cell, expected 3 (a footer?); remove these lines"),
    "title": ("SECRET report\n\n" + GOOD, "line 1: 1 cell, expected 3 (a title above the header?); remove this line"),
    "sep": ("sep=,\n" + GOOD, "line 1: 2 cells, expected 3 (a sep= line for Excel?); remove it"),
    "semicolons": (GOOD.replace(",", ";").replace("n30", "n;30"), "line 32: 4 cells, expected 3 (a semicolon that"),
    "unnamed": (
        GOOD.replace("id,at,note", "id,at"),
        "line 1: 2 cells, expected 3 (a header that doesn't name every column?)",
    ),
    "ends": (GOOD.replace("\n", "\r\n", 30), "line 31: ends in LF, expected CRLF"),
    "comment": (GOOD.replace(LINE, "#30,SECRET\n"), "line 32: 2 cells, expected 3"),
}


@pytest.mark.parametrize("untold", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("kind", RAGGED)
def test_a_line_that_does_not_fit_is_told_with_its_file(store: Store, kind: str, parts: int, untold: bool) -> None:
    text, told = RAGGED[kind]
    Path("b.csv").write_text(text, newline="")
    if parts == 2:
        Path("a.csv").write_text(GOOD)
    with pytest.raises(DataError) as error:
        store.read("raw_events", "?.csv" if parts == 2 else "b.csv", ["id", "at"], untold=untold)
    assert str(error.value).startswith(f"tables.events.source: b.csv, {told.split(':')[0]}") and told in str(
        error.value
    )
    assert "SECRET" not in str(error.value)


def test_a_flat_file_without_a_key_is_looked_at_too(store: Store) -> None:
    Path("b.csv").write_text(GOOD + "Confidential\n")
    with pytest.raises(DataError, match="line 62: 1 cell, expected 3"):
        store.read("raw_leads", "b.csv", ["row"], untold=True)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (GOOD, 60),
        (GOOD.replace("\n", "\r\n"), 60),
        (GOOD + "\n\n", 60),
        (GOOD.replace("n30", '"two\nlines, ""quoted"""'), 60),
        (GOOD.replace("n30", 'a 5" pipe'), 60),
        (GOOD.replace("\n", ",\n").replace("note,", "note"), 60),  # a comma behind each row
        ("id\n" + "".join(f"{i}\n" for i in range(9)), 9),
        ("id,at\n", 0),
        ("id,at\n#1,x\n2,y\n", 2),
    ],
)
def test_sound_files_raise_no_question(store: Store, text: str, rows: int) -> None:
    Path("b.csv").write_text(text, newline="")
    store.read("raw_events", "b.csv", ["id"])
    assert store.rows("SELECT COUNT(*), COUNT(id) FROM raw_events") == [(rows, rows)]


@pytest.mark.parametrize(
    "query", ["SELECT id, note FROM read_csv('?.csv', union_by_name = true)", "SELECT id FROM 'b.csv'"]
)
def test_a_file_that_a_query_reads_is_named_too(store: Store, query: str) -> None:
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text(GOOD.replace("n30\n", "n30, SECRET\n"))
    with pytest.raises(DataError, match=r"^tables.events.source: b\.csv, line 32: 4 cells, expected 3"):
        store.read("raw_events", Query(query=query), [])


def test_a_line_that_is_met_only_while_reading_is_named(store: Store) -> None:
    text = GOOD * 1 + "".join(f"{i},2024-01-01,x\n" for i in range(60_000)) + "1,2024-01-01,x,SECRET\n"
    Path("b.csv").write_text(text)
    with pytest.raises(DataError, match=r"^tables.events.source: b\.csv, line 60062: 4 cells, expected 3"):
        store.read("raw_events", Query(query="SELECT * FROM read_csv('b.csv', sample_size = 100)"), [])
        store.run("CREATE TABLE t AS SELECT * FROM raw_events")


def test_parquet_parts_with_and_without_a_zone_keep_both(store: Store) -> None:
    at = datetime(2024, 7, 1, 10)
    pq.write_table(pa.table({"id": [1], "at": pa.array([at], pa.timestamp("us", "UTC"))}), "a.parquet")
    pq.write_table(pa.table({"id": [2], "at": pa.array([at], pa.timestamp("us"))}), "b.parquet")
    assert store.read("raw_events", "?.parquet", ["id", "at"])["at"] == "VARCHAR"
    assert store.rows('SELECT "at" FROM raw_events ORDER BY id') == [
        ("2024-07-01 10:00:00+00",),
        ("2024-07-01 10:00:00",),
    ]
    pq.write_table(pa.table({"id": [2]}), "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet has no column 'at'"):
        store.read("raw_events", "?.parquet", ["id", "at"])


def test_a_part_without_a_mapped_column_is_told(store: Store) -> None:
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text(GOOD.replace("at", "when", 1))
    with pytest.raises(DataError, match=r"tables.events.source: b.csv has no column 'at', which other files have"):
        store.read("raw_events", "?.csv", ["id", "at"])
    assert "note" in store.read("raw_events", "?.csv", ["id"])


@pytest.mark.parametrize("untold", [False, True])
def test_utf_16_that_says_so_is_read_beside_utf_8(store: Store, untold: bool) -> None:
    Path("a.csv").write_text(GOOD.replace("n5", "é5"), encoding="utf-16-le")
    Path("a.csv").write_bytes(b"\xff\xfe" + Path("a.csv").read_bytes())
    Path("b.csv").write_text(GOOD, encoding="utf-8-sig")
    there = store.read("raw_events", "?.csv", ["id", "note"], untold=untold)
    assert list(there) == ["id", "at", "note"]
    assert store.rows("SELECT COUNT(*), COUNT(*) FILTER (note LIKE 'é%') FROM raw_events") == [(120, 11)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (GOOD.replace("n30", "né30").encode("latin-1"), "line 32: isn't UTF-8 (Latin-1, or Windows-1252?)"),
        (GOOD.replace("n30", "n€30").encode("cp1252"), "iconv -f cp1252 -t utf-8 b.csv > b.utf8.csv"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "iconv -f utf-16be -t utf-8 b.csv > b.utf8.csv"),
        (GOOD.encode("utf-16-le"), "iconv -f utf-16le -t utf-8"),
    ],
)
def test_other_encodings_are_told_with_the_command(store: Store, data: bytes, told: str) -> None:
    Path("b.csv").write_bytes(data)
    with pytest.raises(DataError) as error:
        store.read("raw_events", "b.csv", ["id"])
    assert told in str(error.value)
    with pytest.raises(DataError) as error:
        store.read("raw_x", "b.csv", [], untold=True, where="b.csv")
    assert str(error.value).startswith("b.csv") and "tables." not in str(error.value)


def test_a_packed_file_is_looked_at_as_well() -> None:
    with gzip.open("b.csv.gz", "wt") as stream:
        stream.write(GOOD + "Confidential\n")
    assert csv_trouble(Path("b.csv.gz")).startswith("b.csv.gz, line 62: 1 cell")
    with gzip.open("b.csv.gz", "wb") as stream:
        stream.write("id\né\n".encode("latin-1"))
    assert csv_trouble(Path("b.csv.gz")).endswith("gunzip -c b.csv.gz | iconv -f latin1 -t utf-8 > b.utf8.csv")

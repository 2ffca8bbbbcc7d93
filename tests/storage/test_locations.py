"""Every kind of source: files with their quirks, DuckDB files, queries; and what is wrong with a source, in one sentence."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Config, Engine, Query, SqlFile
from leadline.core.point_in_time import parse_instant
from leadline.errors import ConfigError, DataError, LeadlineError, MissingError, RetryError
from leadline.storage import Store, open_store
from leadline.storage.locations import locate_source, without_secrets
from leadline.tables.schema import CanonicalColumn, cast_sql, looks_naive


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(Engine(threads=1, memory="500MB"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(
    store: Store, source: Any, as_text: tuple[str, ...] = (), untold: bool = False
) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    types = store.read("raw_leads", source, as_text, untold=untold)
    return types, store.rows("SELECT * FROM raw_leads")


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("a.csv", "id,word\n007,x\n", [("007", "x")]),
        ("a.csv", "\ufeffid,word\n007,x\n", [("007", "x")]),  # a byte order mark, as Excel writes
        ("a.csv", "id;word\r\n007;x,y\r\n", [("007", "x,y")]),
        ("a.tsv", "id\tword\n007\tx\n", [("007", "x")]),
        ("a.csv", 'id,word\n"007","two\nlines, ""quoted"""\n', [("007", 'two\nlines, "quoted"')]),
        ("a.csv", "id,word\n007,\n008,x\n", [("007", None), ("008", "x")]),
        ("a.txt", "id|word\n007|x\n", [("007", "x")]),
        ("a.csv", "id,word\n", []),
        ("a.jsonl", '{"id": "007", "word": "x"}\n{"id": "008"}\n', [("007", "x"), ("008", None)]),
        ("a.ndjson", '{"id": 7, "word": null}\n', [("7", None)]),
    ],
)
def test_text_files_are_read_with_their_quirks(store: Store, name: str, text: str, rows: list[Any]) -> None:
    Path(name).write_text(text, encoding="utf-8", newline="")
    assert content(store, name, ("id", "word"))[1] == rows


def test_a_gzipped_csv_and_a_glob_of_them_are_read(store: Store) -> None:
    for n in (1, 2):
        with gzip.open(f"part{n}.csv.gz", "wt") as stream:
            stream.write(f"id,word\n00{n},x\n")
    assert content(store, "part1.csv.gz", ("id",))[1] == [("001", "x")]
    assert sorted(content(store, "part*.csv.gz", ("id",))[1]) == [("001", "x"), ("002", "x")]


def test_parts_with_other_columns_are_joined_by_name(store: Store) -> None:
    pq.write_table(pa.table({"id": ["1"], "a": [1]}), "p1.parquet")
    pq.write_table(pa.table({"b": [2], "id": ["2"]}), "p2.parquet")
    assert content(store, "p?.parquet")[1] == [("1", 1, None), ("2", None, 2)]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(store: Store) -> None:
    Path("export [2024].csv").write_text("id\n1\n")
    Path("export 2.csv").write_text("id\n2\n")
    assert content(store, "export [2024].csv", ("id",))[1] == [("1",)]


def test_columns_of_a_csv_come_as_text_of_unknown_kind_when_asked(store: Store) -> None:
    Path("a.csv").write_text("id,n,flag\n007,1.50,true\n")
    assert content(store, "a.csv", ("id",), True) == (
        {"id": "VARCHAR", "n": "TEXT", "flag": "TEXT"},
        [("007", "1.50", "true")],
    )
    Path("a.jsonl").write_text('{"id": "007", "n": 1.5, "flag": true, "deep": {"x": 1}}\n')
    types, rows = content(store, "a.jsonl", ("id",), True)
    assert types == {"id": "VARCHAR", "n": "TEXT", "flag": "TEXT", "deep": "STRUCT(x BIGINT)"}
    assert rows[0][:3] == ("007", "1.5", "true")


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(
    "rest",
    [
        "?table=leads",
        "?query=select * from leads",
        "?query=select%20*%20from%20%22leads%22%20where%20id%20in%20(select%20id%20from%20leads)",
    ],
)
def test_a_duckdb_file_is_read_by_table_and_by_query(store: Store, here: Path, absolute: bool, rest: str) -> None:
    with duckdb.connect("crm one.db") as connection:
        connection.execute("CREATE TABLE leads AS SELECT '007' AS id")
    place = str(here / "crm one.db") if absolute else "crm one.db"
    assert content(store, f"duckdb:///{place}{rest}") == ({"id": "VARCHAR"}, [("007",)])
    store.forget("raw_leads")


def test_a_duckdb_file_is_only_read(store: Store) -> None:
    with duckdb.connect("crm.db") as connection:
        connection.execute("CREATE TABLE leads AS SELECT 1 AS id")
    before = Path("crm.db").read_bytes()
    for query in ("with x as (select 1) select * from x; drop table leads", "select 1; delete from leads"):
        with pytest.raises(DataError):
            store.read("raw_leads", f"duckdb:///crm.db?query={query}", [])
    assert content(store, "duckdb:///crm.db?table=leads")[1] == [(1,)]
    assert Path("crm.db").read_bytes() == before


def test_a_duckdb_file_that_another_process_writes_to_means_try_again(store: Store) -> None:
    import subprocess
    import sys

    code = "import duckdb, sys; c = duckdb.connect('crm.db'); c.execute('create table t as select 1'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(RetryError, match="another process"):
            store.read("raw_leads", "duckdb:///crm.db?table=t", [])
        other.communicate("")


def test_a_query_shapes_what_a_system_exports(store: Store) -> None:
    Path("a.csv").write_text("First,Last\nAnn,Lee\n")
    assert content(store, Query(query="select First || ' ' || Last as name from 'a.csv' ;\n"))[1] == [("Ann Lee",)]
    Path("shape.sql").write_text("-- names\nwith a as (from 'a.csv')\nselect Last from a")
    assert content(store, SqlFile(sql="shape.sql"))[1] == [("Lee",)]


ZONE = {"UTC": "2024-07-01T10:00:00Z", "Europe/Amsterdam": "2024-07-01T08:00:00Z"}


@pytest.mark.parametrize(
    ("text", "instant", "naive"),
    [
        ("2024-07-01T12:00:00+02:00", "2024-07-01T10:00:00Z", False),
        ("2024-07-01 12:00:00+0200", "2024-07-01T10:00:00Z", False),
        ("2024-07-01 12:00+02", "2024-07-01T10:00:00Z", False),
        ("2024-07-01T12:00:00 +02:00", "2024-07-01T10:00:00Z", False),
        ("2024-07-01T10:00:00.25Z", "2024-07-01T10:00:00.250000Z", False),
        (" 2024-07-01 10:00:00 UTC ", "2024-07-01T10:00:00Z", False),
        ("2024-07-01 12:00:00 Europe/Amsterdam", "2024-07-01T10:00:00Z", False),
        ("2024-07-01 10:00:00 GMT", "2024-07-01T10:00:00Z", False),
        ("2024-07-01 12:00:00 GMT+0200", "2024-07-01T10:00:00Z", False),
        ("2024-07-01T12:00:00 UTC+02:00", "2024-07-01T10:00:00Z", False),
        *(
            (f"2024-07-01 10:00:00 {letters}", "", False)
            for letters in ("BST", "CST", "IST", "EST", "PST", "EDT", "CEST", "AEST")
        ),
        ("2024-07-01 10:00:00BST", "", False),
        ("2024-07-01T10:00:00", None, True),
        ("2024-07-01 10:00", None, True),
        ("2024-07-01 10:00:00,000", None, True),
        ("yesterday", "", False),
        ("07/01/2024", "", False),
        ("2024-02-30", "", True),
        ("infinity", "", False),
        ("10000-01-01", "", False),
        ("0000-01-01", "", True),
        ("", "", False),
    ],
)
@pytest.mark.parametrize("zone", list(ZONE))
def test_an_instant_in_text_is_read_in_its_zone_or_the_configs(
    store: Store, text: str, instant: str | None, naive: bool, zone: str
) -> None:
    config = Config.model_construct(timezone=zone)
    column = CanonicalColumn("at", "at", "time")
    store.run(f"CREATE TABLE t AS SELECT '{text}' AS at")
    micros, looks = store.rows(
        f"SELECT {cast_sql(column, 'VARCHAR', config)}, {looks_naive(column, 'VARCHAR')} FROM t"
    )[0]
    expected = ZONE[zone] if instant is None else instant
    assert micros == (parse_instant(expected) if expected else None)
    assert looks is naive


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-03-31 01:59:59", "2024-03-31T00:59:59Z"),
        ("2024-03-31 03:00:00", "2024-03-31T01:00:00Z"),
        ("2024-10-27 01:59:59", "2024-10-26T23:59:59Z"),
        ("2024-10-27 03:00:00", "2024-10-27T02:00:00Z"),
    ],
)
def test_naive_instants_follow_the_zones_summer_time(store: Store, local: str, utc: str) -> None:
    config = Config.model_construct(timezone="Europe/Amsterdam")
    for kind in ("VARCHAR", "TIMESTAMP"):
        store.run(f"CREATE OR REPLACE TABLE t AS SELECT CAST('{local}' AS {kind}) AS at")
        assert store.rows(f"SELECT {cast_sql(CanonicalColumn('at', 'at', 'time'), kind, config)} FROM t") == [
            (parse_instant(utc),)
        ]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.timestamp("ns", "UTC"), 1_700_000_000_000_000_000), (pa.timestamp("us", "Europe/Amsterdam"), 1_700_000_000_000_000),
        (pa.timestamp("ms"), 1_700_000_000_000), (pa.timestamp("ns"), 1_700_000_000_000_000_000), (pa.timestamp("s"), 1_700_000_000),
    ],
)  # fmt: skip
def test_every_width_of_timestamp_gives_the_same_microseconds(store: Store, type_: pa.DataType, value: int) -> None:
    pq.write_table(pa.table({"at": pa.array([value], type_)}), "t.parquet")
    types, _ = content(store, Query(query="select * from 't.parquet' limit 0"))
    config = Config.model_construct(timezone="UTC")
    assert store.rows(
        f"SELECT {cast_sql(CanonicalColumn('at', 'at', 'time'), types['at'], config)} FROM 't.parquet'"
    ) == [(1_700_000_000_000_000,)]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("CAST(123 AS DOUBLE)", "123"),
        ("CAST('nan' AS DOUBLE)", None),
        ("CAST(1.5 AS DOUBLE)", "1.5"),
        ("CAST(123 AS DECIMAL(18,2))", "123"),
        ("CAST(9007199254740993 AS BIGINT)", "9007199254740993"),
        ("'007'", "007"),
        ("''", None),
    ],
)
def test_ids_of_any_type_join_as_the_same_text(store: Store, sql: str, text: str | None) -> None:
    types = {str(r[0]): str(r[1]) for r in store.rows(f"DESCRIBE SELECT {sql} AS id")}
    config = Config.model_construct(timezone="UTC")
    assert store.rows(
        f"SELECT {cast_sql(CanonicalColumn('id', 'id', 'key'), types['id'], config)} FROM (SELECT {sql} AS id)"
    ) == [(text,)]


def fails(store: Store, source: Any) -> LeadlineError:
    with pytest.raises(LeadlineError) as caught:
        store.read("raw_leads", source, ["id"])
        store.rows("SELECT * FROM raw_leads")
    assert "\n" not in str(caught.value) and str(caught.value).split(":")[0] in ("tables.leads.source", "the query")
    return caught.value


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("nope.csv", MissingError), ("nope/*.parquet", MissingError), ("duckdb:///nope.db?table=t", MissingError),
        (SqlFile(sql="nope.sql"), MissingError), (Query(query="select * from 'nope.parquet'"), MissingError),
        ("leads.xlsx", ConfigError), ("folder", ConfigError), ("spark.parquet", ConfigError), (Query(query="drop table leads"), ConfigError),
        (SqlFile(sql="latin.sql"), ConfigError), (Query(query="select 1; select 2"), DataError), (Query(query="selec"), ConfigError),
        (Query(query="select nope from (select 1 as a)"), DataError), ("duckdb:///garbage.csv?table=t", DataError), ("duckdb:///x.db", ConfigError),
        ("garbage.parquet", DataError), ("garbage.csv", DataError), ("garbage.jsonl", DataError), ("latin.csv", DataError), ("empty.parquet", DataError),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_source_is_one_sentence_with_its_exit_code(store: Store, source: Any, kind: type[LeadlineError]) -> None:
    noise = bytes(range(256)) * 20
    for ending in ("parquet", "csv", "jsonl"):
        Path(f"garbage.{ending}").write_bytes(noise)
    Path("empty.parquet").touch()
    Path("latin.csv").write_bytes("id,word\n1,é\n".encode("latin-1"))
    Path("latin.sql").write_bytes("select 'é'".encode("latin-1"))
    Path("folder").mkdir()
    Path("spark.parquet").mkdir()
    assert type(fails(store, source)) is kind


def test_a_folder_is_refused_with_the_glob_to_write(store: Store) -> None:
    Path("events.parquet").mkdir()
    assert "events.parquet/*.parquet" in str(fails(store, "events.parquet"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("data/a.csv", "data/a.csv"),
        ("duckdb:///a.db?table=t", "duckdb:///a.db?table=t"),
        (Query(query="select 'secret'"), "query"),
        (SqlFile(sql="a.sql"), "a.sql"),
    ],
)
def test_a_log_says_where_a_table_came_from(source: Any, said: str) -> None:
    assert without_secrets(source) == said


def test_the_text_of_a_source_tells_its_kind() -> None:
    Path("A.CSV").write_text("id\n")
    assert locate_source("A.CSV", "w").kind == "csv"
    assert locate_source("postgresql://db/crm?query=select 1", "w").query == "select 1"
    assert locate_source('postgresql://db/crm?table=odd"name', "w").query == 'SELECT * FROM "odd""name"'


def test_a_path_with_the_word_lock_in_it_is_bad_data_all_the_same(store: Store) -> None:
    Path("block.db").write_bytes(b"no database")
    assert type(fails(store, "duckdb:///block.db?table=t")) is DataError


@pytest.fixture
def database(tmp_path: Path) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{tmp_path}/crm.db' AS filled")
        connection.execute("USE filled")
        connection.execute("CREATE SCHEMA crm")  # as the file is called: names in the query must not be taken for it
        connection.execute("CREATE TABLE crm.people AS SELECT '007' AS id, 3 AS n")
    return f"duckdb:///{tmp_path}/crm.db"


@pytest.mark.parametrize("kind", ["sql", "query"])
def test_sql_runs_in_the_database_that_it_names(kind: str, database: str, tmp_path: Path, store: Store) -> None:
    text = "-- people\nSELECT id, n + 1 AS n FROM crm.people;"
    (tmp_path / "people.sql").write_text(text)
    source = (
        SqlFile(sql=str(tmp_path / "people.sql"), database=database)
        if kind == "sql"
        else Query(query=text, database=database)
    )
    assert content(store, source)[1] == [("007", 4)]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("duckdb:///nowhere.db", MissingError, "no file nowhere.db"),
        ("duckdb:///crm.db?table=people", ConfigError, "names a table or a query"),
        ("postgresql://db/crm?query=select%201", ConfigError, "names a table or a query"),
        ("mysql://ann:hunter2@db/crm", ConfigError, "no database that leadline knows"),
        ("crm.db", ConfigError, "no database that leadline knows"),
    ],
)
def test_a_wrong_database_is_told(given: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        locate_source(Query(query="SELECT 1", database=given), "tables.leads.source")
    assert str(caught.value).startswith("tables.leads.source.database: ") and "hunter2" not in str(caught.value)


def test_a_query_in_a_database_can_only_read(database: str, store: Store) -> None:
    with pytest.raises(DataError, match="isn't a SELECT"):
        store.read("raw_leads", Query(query="SELECT 1; DROP TABLE crm.people", database=database), [])


def test_a_log_of_a_database_holds_no_secret() -> None:
    source = SqlFile(sql="a.sql", database="postgresql://ann:hunter2@db/crm?sslmode=require")
    assert without_secrets(source) == "a.sql in postgresql:///crm"
    assert "hunter2" not in repr(source)

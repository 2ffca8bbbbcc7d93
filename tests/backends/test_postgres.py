"""PostgreSQL as a source: its types, its queries, its failures, and no secret in any message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm import server_source as source
from leadline.config.schema import Engine
from leadline.errors import ConfigError, DataError, LeadlineError, RetryError
from leadline.storage import open_store
from leadline.storage.locations import without_secrets
from leadline.tables.schema import CanonicalColumn, cast_sql


@pytest.fixture(scope="module")
def table(postgres_uri: str) -> str:
    import adbc_driver_postgresql.dbapi as postgres

    with postgres.connect(postgres_uri) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE kinds (id bigint, key numeric(20,0), amount numeric(12,2), free numeric, aware timestamptz, naive timestamp, "
            'day date, flag boolean, word text, "select" text)'
        )
        cursor.execute(
            "INSERT INTO kinds VALUES (9007199254740993, 12345678901234567890, 12.34, 1.5, '2024-03-01 12:00+02', '2024-07-01 12:00', '2024-01-02', true, 'a''b', 'x'), "
            "(NULL, NULL, NULL, 'NaN', 'infinity', '-infinity', NULL, NULL, NULL, NULL)"
        )
        connection.commit()
    return postgres_uri


def read(uri: str, sql: str, **options: str) -> list[tuple[object, ...]]:
    store = open_store(Engine(threads=1))
    try:
        store.read("raw_leads", source(uri, **options), [])
        return store.rows(sql)
    finally:
        store.close()


def test_ids_and_numbers_arrive_exact(table: str) -> None:
    sql = "SELECT id, CAST(key AS VARCHAR), CAST(amount AS DOUBLE), free FROM raw_leads ORDER BY id NULLS LAST"
    first, second = read(table, sql, table="kinds")
    assert first == (9007199254740993, "12345678901234567890", 12.34, 1.5)
    assert second[:3] == (None, None, None)


def test_instants_arrive_in_their_zone_and_infinity_is_none(table: str) -> None:
    from leadline.config.schema import Config

    config = Config.model_construct(timezone="Europe/Amsterdam")
    aware = cast_sql(CanonicalColumn("a", "aware", "time"), "TIMESTAMP WITH TIME ZONE", config)
    naive = cast_sql(CanonicalColumn("n", "naive", "time"), "TIMESTAMP", config)
    rows = read(table, f"SELECT {aware}, {naive} FROM raw_leads ORDER BY id NULLS LAST", table="kinds")
    assert rows == [(1709287200_000000, 1719828000_000000), (None, None)]


def test_a_query_runs_on_the_server(table: str) -> None:
    rows = read(table, "SELECT * FROM raw_leads", query='select word, "select" from kinds where id is not null;')
    assert rows == [("a'b", "x")]


def test_a_query_that_writes_is_refused_by_the_server(table: str) -> None:
    with pytest.raises(DataError, match="25006"):
        read(table, "SELECT 1", query="with gone as (delete from kinds returning *) select * from gone")
    assert read(table, "SELECT COUNT(*) FROM raw_leads", table="kinds") == [(2,)]


def test_what_was_fetched_is_let_go(table: str) -> None:
    store = open_store(Engine(threads=1))
    try:
        store.read("raw_leads", source(table, table="kinds"), [])
        store.forget("raw_leads")
        assert store.rows("SELECT COUNT(*) FROM duckdb_tables()") == [(0,)]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("options", "said", "kind"),
    [
        ({"table": "nope"}, "no such table", ConfigError),
        ({"query": "select nope from kinds"}, "no such column", ConfigError),
        ({"query": "select 1/0"}, "SQLSTATE 22012", DataError),
    ],
)
def test_a_query_that_fails_there_is_a_bad_config_or_bad_data(
    table: str, options: dict[str, str], said: str, kind: type[LeadlineError]
) -> None:
    with pytest.raises(kind, match=said) as caught:
        read(table, "SELECT 1", **options)
    assert str(caught.value).startswith("tables.leads.source: ")


@pytest.mark.parametrize("rest", ["?table=a&query=select%201", ""])
def test_a_url_needs_either_a_table_or_a_query(rest: str) -> None:
    store = open_store(Engine(threads=1))
    try:
        with pytest.raises(ConfigError, match="either"):
            store.read("raw_leads", "postgresql://db/crm" + rest, [])
    finally:
        store.close()


def fails(uri: str) -> LeadlineError:
    store = open_store(Engine(threads=1))
    try:
        with pytest.raises(LeadlineError) as caught:
            store.read("raw_leads", uri, [])
        return caught.value
    finally:
        store.close()


def test_a_server_that_is_away_means_try_again_and_no_password_is_told(table: str) -> None:
    away = fails("postgresql://ann:hunter2secret@127.0.0.1:1/crm?table=t")
    assert isinstance(away, RetryError)
    unknown = fails(source(table.replace("/postgres?", "/no-such-database?"), table="t"))
    assert isinstance(unknown, ConfigError)  # it won't be there the next time either
    for error in (away, unknown):
        chain: BaseException | None = error
        while chain is not None:
            assert "hunter2secret" not in f"{chain!r} {chain}"
            chain = chain.__cause__


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://ann:hunter2secret@db/crm?table=t",
        "postgres://ann:hunter2secret@db/crm?password=hunter2secret&query=select+1",
    ],
)
def test_a_log_of_the_source_holds_no_secret(uri: str) -> None:
    said = without_secrets(uri)
    assert "hunter2secret" not in said and "ann" not in said and said.endswith(("crm?table=t", "crm"))


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", None)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    error = fails("postgresql://db/crm?table=t")
    assert error.exit_code == 2 and "leadline[postgres]" in str(error)


def test_statements_run_for_set_up_too(execute: Callable[[str], None], postgres_uri: str) -> None:
    execute("CREATE TABLE empty_one (lead_id text)")
    assert read(postgres_uri, "SELECT COUNT(*) FROM raw_leads", table="empty_one") == [(0,)]

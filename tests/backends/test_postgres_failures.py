"""PostgreSQL that fails: what passes is worth another try, what doesn't says why; no wait is for ever; one look at all tables."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from test_postgres_sink import DAY, night, rows, scores, to

from crm import server_source
from leadline.config.schema import Engine
from leadline.delivery.sink_urls import open_sink
from leadline.errors import ConfigError, DataError, LeadlineError, OutputError, RetryError
from leadline.storage import open_store

QUICK = "&options=" + "-c%20lock_timeout%3D300ms"


@pytest.fixture
def table(postgres_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"t{uuid.uuid4().hex[:8]}"


def read(source: str, *more: str) -> list[tuple[object, ...]]:
    with open_store(Engine()) as store:  # type: ignore[attr-defined]
        for n, each in enumerate((source, *more)):
            store.read(f"raw_{n}", each, [])
        return store.rows("SELECT COUNT(*) FROM raw_0")


REFUSED: dict[str, tuple[str, type[LeadlineError], str]] = {
    "no such database": ("/no_such_database", ConfigError, "no such database"),
    "no such user": ("//stranger:pw-canary@", ConfigError, ""),
    "no such table": ("table=no_such_table", ConfigError, "no such table"),
    "no such column": ("query=select nothing from pg_class", ConfigError, "no such column"),
    "a value that can't be": ("query=select 1 / (relpages - relpages) from pg_class", DataError, "22012"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_somebody_must_mend_is_told_with_its_reason(postgres_uri: str, name: str) -> None:
    what, kind, words = REFUSED[name]
    key, _, value = what.partition("=")
    source = server_source(postgres_uri, **{key: value}) if value else server_source(postgres_uri, table="pg_class")
    if what.startswith("//"):
        source = source.replace("//postgres:@", what)
    elif what.startswith("/"):
        source = source.replace("/postgres?", f"{what}?")
    with pytest.raises(LeadlineError) as refusal:
        read(source)
    if name == "no such user" and isinstance(refusal.value, RetryError):
        pytest.skip("this server trusts everybody")
    assert type(refusal.value) is kind and words in str(refusal.value)
    assert "pw-canary" not in str(refusal.value)


def ended(execute: Callable[[str], None], doing: str, tries: float = 20) -> None:
    """End the connections whose statement holds some words, once there is one."""
    end = time.monotonic() + tries
    while time.monotonic() < end:
        execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' "
            f"AND query LIKE '%{doing}%'"
        )
        time.sleep(0.1)


def test_a_connection_that_is_ended_in_the_middle_of_a_read_is_worth_another_try(postgres_uri: str, execute) -> None:
    source = server_source(postgres_uri, query="select 1 as a, pg_sleep(30) is null as middle_of_a_read")
    ending = threading.Thread(target=ended, args=(execute, "middle_of_a_read", 2), daemon=True)
    ending.start()
    with pytest.raises(RetryError, match="run the command again"):
        read(source)
    ending.join()


def test_a_connection_that_is_ended_in_the_middle_of_a_write_is_worth_another_try(
    postgres_uri: str, table: str, execute
) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1]), night())
    execute(
        f"CREATE FUNCTION wait_{table}() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END' LANGUAGE plpgsql"
    )
    execute(f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION wait_{table}()")
    ending = threading.Thread(target=ended, args=(execute, f'INSERT INTO "{table}"', 2), daemon=True)
    ending.start()
    with pytest.raises(RetryError, match="run the command again"):
        sink.write(scores([0.2]), night())
    ending.join()
    assert rows(postgres_uri, f"SELECT probability FROM {table}") == [(0.1,)]


def test_a_table_that_is_locked_is_worth_another_try_and_no_wait_for_ever(postgres_uri: str, table: str) -> None:
    import adbc_driver_postgresql.dbapi as postgres

    out = to(postgres_uri, table) + QUICK
    open_sink(out, "demo").write(scores([0.1]), night())
    with postgres.connect(postgres_uri) as other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(RetryError, match="holds a lock"):
            open_sink(out, "demo").write(scores([0.2]), night())
        with pytest.raises(RetryError, match="holds a lock"):
            read(server_source(postgres_uri, table=table) + QUICK)
        assert time.monotonic() - began < 10


def test_a_server_that_says_nothing_is_worth_another_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://a:pw-canary@127.0.0.1:{silent.getsockname()[1]}/crm?connect_timeout=2"
        began = time.monotonic()
        with pytest.raises(RetryError, match="can't be reached") as refusal:
            read(f"{url}&table=leads")
        assert time.monotonic() - began < 10 and "pw-canary" not in str(refusal.value)


def test_a_session_has_limits_where_neither_server_nor_url_has_any(postgres_uri: str) -> None:
    from leadline.storage.postgres import fetch

    asked = "select current_setting('lock_timeout') as l, current_setting('statement_timeout') as s"
    assert fetch(postgres_uri, asked, "x")[0].to_pylist() == [{"l": "15s", "s": "1h"}]
    assert fetch(postgres_uri + QUICK, asked, "x")[0].to_pylist() == [{"l": "300ms", "s": "1h"}]


def test_all_tables_of_a_database_are_seen_as_of_one_moment(postgres_uri: str, table: str, execute) -> None:
    """A sync that commits between two reads must not give leads without their acts."""
    for name in ("a", "b"):
        execute(f"CREATE TABLE {table}_{name} (id int)")
    with open_store(Engine()) as store:  # type: ignore[attr-defined]
        store.read("raw_a", server_source(postgres_uri, table=f"{table}_a"), [])
        execute(f"INSERT INTO {table}_a VALUES (1)")
        execute(f"INSERT INTO {table}_b VALUES (1)")
        store.read("raw_b", server_source(postgres_uri, table=f"{table}_b"), [])
        assert store.rows("SELECT (SELECT COUNT(*) FROM raw_a), (SELECT COUNT(*) FROM raw_b)") == [(0, 0)]


COLUMNS = {
    "integer": "probability integer", "text": "probability text", "real": "probability real", "money": "probability numeric(9,2)",
}  # fmt: skip


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_that_would_change_the_values_is_refused_and_nothing_is_written(
    postgres_uri: str, table: str, kind: str, execute
) -> None:
    execute(
        f"CREATE TABLE {table} (lead_id text, {COLUMNS[kind]}, as_of timestamptz, model_name text, model_version text)"
    )
    with pytest.raises(OutputError, match=r"column probability is .*; expected double precision"):
        open_sink(to(postgres_uri, table), "demo").write(scores([0.25]), night())
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_columns_that_hold_every_value_are_taken(postgres_uri: str, table: str, execute) -> None:
    execute(f"CREATE DOMAIN d_{table} AS double precision")
    execute(
        f"CREATE TABLE {table} (lead_id varchar(40), probability d_{table}, as_of timestamptz, model_name varchar, model_version text)"
    )
    open_sink(to(postgres_uri, table), "demo").write(scores([0.25]), night())
    assert rows(postgres_uri, f"SELECT probability FROM {table}") == [(0.25,)]
    assert pa.types.is_float64(scores([0.1]).schema.field("probability").type) and DAY


SAID = {
    'FATAL:  password authentication failed for user "ann"': "28P01",
    'FATAL:  database "crm" does not exist': "3D000",
    'FATAL:  role "ann" does not exist': "28000",
    'FATAL:  too many connections for role "ann"': "53300",
    'FATAL:  database "crm" is not currently accepting connections': None,
    "FATAL:  the database system is starting up": "57P03",
}


@pytest.mark.parametrize("words", SAID)
def test_what_a_server_says_at_connecting_is_told_apart(words: str) -> None:
    import re

    from leadline.storage.postgres import AT_CONNECTING

    assert next((state for pattern, state in AT_CONNECTING if re.search(pattern, words)), None) == SAID[words]

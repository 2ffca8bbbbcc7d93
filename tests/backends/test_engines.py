"""The same tables and the same statement on three engines: equal features, and each difference is named with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from crowded_accounts import ROLES, Crowd, crowd_config, large_crowd, put
from leadline.config.schema import Engine
from leadline.core.point_in_time import Horizon
from leadline.dataset import labels, snapshots
from leadline.dataset.account_members import role_column
from leadline.dataset.feature_spec import Feature, TitleSource
from leadline.dataset.lead_news import fetch_news
from leadline.features import build, catalog
from leadline.storage import open_store
from leadline.storage.dialect import DUCKDB, POSTGRES, SPARK, Dialect
from leadline.tables import LoadedTables
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, WORDS, Run

ASKED = Rules(
    reaches="sql", horizon=14 * DAY, delay=0, every=7 * DAY, landmarks=(), observed_from=None,
    intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"}, words=WORDS,
)  # fmt: skip

SPELLINGS = {
    "an identifier": ({"duckdb": '"', "postgres": '"', "spark": "`"}, "Spark quotes names as MySQL does"),
    "a backslash": (
        {"duckdb": "\\", "postgres": "\\", "spark": "\\\\"},
        "Spark reads it as an escape within a text, as BigQuery does",
    ),
    "a double": (
        {"duckdb": "DOUBLE", "postgres": "DOUBLE PRECISION", "spark": "DOUBLE"},
        "PostgreSQL has SQL's own word only",
    ),
    "text": (
        {"duckdb": "VARCHAR", "postgres": "VARCHAR", "spark": "STRING"},
        "Spark's VARCHAR must have a length",
    ),
}  # fmt: skip
"""All that the engines spell differently, and why."""


@dataclass(frozen=True)
class World:
    """Canonical tables as loading and labelling leave them, what features they are asked for, and DuckDB's answer."""

    tables: dict[str, pa.Table]
    ask: Callable[[Dialect], str]
    answer: pa.Table
    loaded: LoadedTables


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crowd")
    put(large_crowd(11), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "MIN_GROUP_SIZE", 1)
        with Crowd(crowd_config(ASKED, folder)) as run:
            snapshots.for_training(run.config, run.loaded)
            labels.attach_labels(run.config, run.loaded)
            specs = catalog.list_features(run.config, run.loaded)
            title = role_column(run.loaded)
            assert {s.family for s in specs} >= {
                "behaviour",
                "velocity",
                "account",
                "committee",
                "history",
                "funnel",
                "fit",
            }

            yield world_of(run, specs, title)


def world_of(run: Run, specs: tuple[Feature, ...], title: TitleSource | None) -> World:
    """Take the tables of a run, the question, and DuckDB's answer."""

    def ask(dialect: Dialect) -> str:
        return build.features_sql(specs, run.intents, dialect, ROLES, title)

    names = [row[0] for row in run.store.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1")]
    tables = {name: run.store.arrow(f"SELECT * FROM {name}") for name in names}
    return World(tables, ask, run.store.arrow(ask(DUCKDB)), run.loaded)


def on_duckdb(world: World) -> pa.Table:
    store = open_store(Engine(threads=2))
    try:
        for name, table in world.tables.items():
            store.put(name, table)
        return store.arrow(world.ask(store.dialect))
    finally:
        store.close()


def on_spark(world: World) -> pa.Table:
    store = open_store(Engine(kind="spark", master="local[2]", memory="1GB"))
    try:
        for name, table in world.tables.items():
            store.put(name, table)
        store.hand_over()
        return store.arrow(world.ask(store.dialect))
    finally:
        store.close()


def on_postgres(world: World, uri: str) -> pa.Table:
    import adbc_driver_postgresql.dbapi as postgres

    schema = "engines"
    options = quote(f"-csearch_path={schema}")
    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")  # another test may have left its tables there
        cursor.execute(f"CREATE SCHEMA {schema}")
        connection.commit()
    with (
        postgres.connect(f"{uri}{'&' if '?' in uri else '?'}options={options}") as connection,
        connection.cursor() as cursor,
    ):
        for name, table in world.tables.items():
            cursor.adbc_ingest(name, table, mode="create")
        cursor.execute(world.ask(POSTGRES))
        return cursor.fetch_arrow_table()


def agrees(engine: str, world: World, request: pytest.FixtureRequest) -> None:
    """Assert that an engine's answer is the world's."""
    if engine == "postgres":
        told = on_postgres(world, request.getfixturevalue("postgres_uri"))
    elif engine == "spark":
        request.getfixturevalue("spark")
        told = on_spark(world)
    else:
        told = on_duckdb(world)
    assert told.column_names == world.answer.column_names
    assert told.num_rows == world.answer.num_rows > 80
    for name in told.column_names:
        assert [_plain(v) for v in told[name].to_pylist()] == [_plain(v) for v in world.answer[name].to_pylist()], name


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_every_engine_gives_equal_features(engine: str, world: World, request: pytest.FixtureRequest) -> None:
    agrees(engine, world, request)


def test_what_became_known_is_the_same_on_spark(world: World, spark: None) -> None:
    told = []
    for engine in (Engine(threads=2), Engine(kind="spark", master="local[2]", memory="1GB")):
        store = open_store(engine)
        try:
            for name, table in world.tables.items():
                store.put(name, table)
            if engine.kind == "spark":
                store.hand_over()  # type: ignore[attr-defined]
            instants = sorted(world.tables["snapshots"]["as_of"].to_pylist())
            then, now = instants[0], instants[len(instants) // 2]
            found = fetch_news(replace(world.loaded, store=store), then, now, [Horizon.parse("7d")])
            told.append([_rows(table) for table in (found.acts, found.stages, found.fields)])
        finally:
            store.close()
    assert told[0] == told[1] and all(told[0])


def _rows(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


def _plain(value: Any) -> Any:
    """Make NaN and no value alike: both become NaN in the matrix."""
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("dialect", [DUCKDB, POSTGRES, SPARK], ids=lambda d: d.name)
def test_what_engines_spell_differently_stands_in_the_dialect_and_has_a_reason(dialect: Dialect) -> None:
    mine = {
        "an identifier": dialect.quote, "a backslash": "\\\\" if dialect.backslash_escapes else "\\",
        "a double": dialect.double, "text": dialect.text,
    }  # fmt: skip
    assert mine == {what: spelt[dialect.name] for what, (spelt, _) in SPELLINGS.items()}
    assert all(reason for _, reason in SPELLINGS.values())

"""Rates, the stage now and the fit: the same statement gives equal features on three engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from test_engines import ASKED, World, _plain, on_duckdb, on_postgres, on_spark

from cohorts import Cohort, cohort_config, large_cohort, put
from crowds import ROLES
from leadline.history import features, snapshots
from leadline.history.committee import role_column
from leadline.tables.store.dialect import DUCKDB, Dialect


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cohort")
    put(large_cohort(5), folder)
    with Cohort(cohort_config(ASKED, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        specs, title = run.ours(), role_column(run.loaded)
        assert {s.aggregate for s in specs} >= {"rate", "stage_now", "recycled", "share_met", "engaged_by_size"}

        def ask(dialect: Dialect) -> str:
            return features.statement(specs, run.intents, dialect, ROLES, title)

        names = [row[0] for row in run.store.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1")]
        tables = {name: run.store.arrow(f"SELECT * FROM {name}") for name in names}
        yield World(tables, ask, run.store.arrow(ask(DUCKDB)))


@pytest.fixture
def postgres_uri_alone(postgres_uri: str, execute: Callable[[str], None]) -> Iterator[str]:
    """The server, with nothing left in the schema that the engines' tests make."""
    execute("DROP SCHEMA IF EXISTS engines CASCADE")
    yield postgres_uri
    execute("DROP SCHEMA IF EXISTS engines CASCADE")


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_every_engine_gives_equal_rates(engine: str, world: World, request: pytest.FixtureRequest) -> None:
    if engine == "postgres":
        told = on_postgres(world, request.getfixturevalue("postgres_uri_alone"))
    elif engine == "spark":
        request.getfixturevalue("spark")
        told = on_spark(world)
    else:
        told = on_duckdb(world)
    assert told.column_names == world.answer.column_names
    assert told.num_rows == world.answer.num_rows > 80
    for name in told.column_names:
        assert [_plain(v) for v in told[name].to_pylist()] == [_plain(v) for v in world.answer[name].to_pylist()], name

"""Rates, the stage now and the fit: the same statement gives equal features on three engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_engines import ASKED, World, agrees, world_of

from cohorts import Cohort, cohort_config, large_cohort, put
from leadline.dataset import snapshots
from leadline.dataset.account_members import role_column


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cohort")
    put(large_cohort(5), folder)
    with Cohort(cohort_config(ASKED, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        specs, title = run.ours(), role_column(run.loaded)
        assert {s.aggregate for s in specs} >= {"rate", "stage_now", "recycled", "share_met", "engaged_by_size"}
        yield world_of(run, specs, title)


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_every_engine_gives_equal_rates(engine: str, world: World, request: pytest.FixtureRequest) -> None:
    agrees(engine, world, request)

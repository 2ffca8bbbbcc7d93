"""What definitions count (assets, attributes, the ICP, people and roles of the account) is equal on three engines, and so is who meets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_engines import ASKED, World, agrees, world_of

from crowded_accounts import ROLES, Crowd, crowd_config, large_crowd, put
from leadline.config.conditions import When
from leadline.dataset import labels, snapshots
from leadline.dataset.account_members import role_column
from leadline.points.definitions import Definitions
from small_crm import BEHAVIOURS

WHEN: dict[str, Any] = {"any": [
    {"all": [{"asset": "any", "at_least": 2, "distinct": True, "within": "30d"}, {"icp": 1}]}, {"intent": "purchase", "at_least": 3},
    {"account": {"people": 2, "roles": 2, "within": "7d"}}, {"role": sorted(ROLES)[0]}, {"not": {"behaviour": "blog", "within": "12h"}},
    {"attribute": "country", "has": "NL"},
]}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("defined")
    put(large_crowd(5), folder)
    held = {b: {"intent": i, "asset": f"asset {n % 3}"} for n, (b, i) in enumerate(BEHAVIOURS.items())}
    with Crowd(crowd_config(ASKED, folder, behaviours=held, icp={"country": ["NL"]})) as run:
        snapshots.for_training(run.config, run.loaded)
        labels.attach_labels(run.config, run.loaded)
        asked = Definitions.of(run.config, run.loaded, {"mql": When.model_validate(WHEN)})
        assert {s.aggregate for s in asked.specs} >= {"count", "colleagues_engaged", "roles_engaged", "value", "meets"}
        yield world_of(run, asked.specs, role_column(run.loaded))


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "spark"])
def test_every_engine_counts_the_same_for_a_definition(
    engine: str, world: World, request: pytest.FixtureRequest
) -> None:
    agrees(engine, world, request)

"""The compiled sweep stands in for the SQL: the same values bit for bit, whatever the log and however it is chunked."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from crowded_accounts import Crowd, crowd_config, crowds
from crowded_accounts import put as put_crowd
from examples import examples
from leadline.config.schema import Engine
from leadline.core.checks import Findings
from leadline.core.point_in_time import Horizon
from leadline.dataset import snapshots
from leadline.dataset.feature_spec import Feature
from leadline.errors import OutputError
from leadline.features import build, catalog
from leadline.features.compiled import aggregate as compiled_aggregate
from leadline.features.families import activity
from leadline.tables import LoadedTables, open_store
from oracle import DAY, Rules
from small_crm import START, Run, World, config_of, put, rules, same, worlds

pytest.importorskip("numba", reason="pip install numba (SHAP brings it)")
SECOND = 1_000_000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead or two fill a range, so that little worlds have several."""
    monkeypatch.setattr(compiled_aggregate, "BUDGET", 2_000)


def more(run: Run) -> tuple[Feature, ...]:
    """The catalogue, and specs that a config may ask for beside it: odd windows, and every aggregate of acts."""
    made = list(catalog.list_features(run.config, run.loaded))
    for w in (Horizon.parse("36h"), Horizon.parse("3d")):
        made.append(Feature(f"x_{w}", "rules", "rules", "count", "count", "", field="blog", by="behaviour", window=w))
        made.append(Feature(f"s_{w}", "velocity", "scanner", "count", "scanned", "", window=w))
        for i in ("awareness", "purchase"):
            made.append(
                Feature(f"d_{i}_{w}", "behaviour", "x", "count", "active_days", "", field=i, by="intent", window=w)
            )
    made.append(Feature("x_ever", "rules", "rules", "count", "count", "", field="pricing view", by="behaviour"))
    made.append(Feature("h_blog", "velocity", "x", "count", "heat", "", field="blog", by="behaviour"))
    made.append(Feature("f_blog", "recency", "x", "days", "since_first", "", field="blog", by="behaviour"))
    made.append(Feature("f_none", "recency", "x", "days", "since_last", "", field="nobody did this", by="behaviour"))
    for aggregate in ("first_to_purchase", "since_depth", "progress", "progress_pace"):
        made.append(Feature(f"x_{aggregate}", "behaviour", "progress", "days", aggregate, ""))
    made.append(Feature("x_trend", "velocity", "t", "number", "trend", "", window=Horizon.parse("3d"), terms=("30d",)))
    return tuple({s.name: s for s in made}.values())


def both(run: Run) -> build.FeatureTable:
    """Hold the sweep's values against the SQL's; return them."""
    specs = more(run)
    ours = build.compute_features(run.loaded, specs, run.intents, run.config.roles, swept=True)
    same(build.compute_features(run.loaded, specs, run.intents, run.config.roles, swept=False), ours)
    return ours


def anybody(world: World, asked: Rules) -> bool:
    """Tell whether a lead is there to be asked about."""
    until = oracle.observed_until(world, asked, None)
    return until is not None and any(oracle.is_visible(r, "created_at", until) for r in world["leads"])


def bunched(world: World) -> World:
    """Move the acts into a few seconds, as a scanner's are."""
    spread = [START + 20 * DAY + n * 4 * SECOND for n in range(6)]
    events = []
    for n, e in enumerate(world["events"]):
        late = None if e["recorded_at"] is None else e["recorded_at"] - e["occurred_at"]
        at = spread[n % 6] if n % 3 else e["occurred_at"]
        events.append({**e, "event_id": f"E{n}", "occurred_at": at, "recorded_at": None if late is None else at + late})
    return {**world, "events": events}


@settings(max_examples=examples(60))
@given(world=worlds(), asked=rules(), bunch=st.booleans(), seed=st.integers(0, 3))
def test_the_sweep_equals_the_sql_on_little_worlds(
    folder: Path, world: World, asked: Rules, bunch: bool, seed: int
) -> None:
    put(bunched(world) if bunch else world, folder, random.Random(seed))
    if not anybody(world, asked):
        return
    with Run(config_of(asked, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        both(run)


@settings(max_examples=examples(40))
@given(world=crowds(), asked=rules())
def test_the_sweep_equals_the_sql_on_crowds(folder: Path, world: World, asked: Rules) -> None:
    put_crowd(world, folder)
    if not anybody(world, asked):
        return
    with Crowd(crowd_config(asked, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        both(run)


def test_bursts_too_fast_for_a_person_are_counted_by_both(folder: Path) -> None:
    at, week = START + 10 * DAY, Horizon.parse("7d")
    fast = [at + n * SECOND for n in range(5)]  # five acts in one cell of ten seconds
    slow = [at + 3600 * SECOND * n for n in range(1, 5)]
    half = [at + 2 * DAY + n * SECOND for n in range(5)]  # of these five one isn't known yet
    known = [*fast, *slow, *half[:4], half[4] + 90 * DAY]
    with open_store(Engine(threads=1)) as store:
        store.put(
            "leads", pa.table({"lead_id": ["a"], "account_id": ["x"], "created_at": [START], "recorded_at": [START]})
        )
        store.put("snapshots", pa.table({"lead_id": ["a"], "account_id": ["x"], "as_of": [at + 5 * DAY]}))
        store.put("events", pa.table({
            "lead_id": ["a"] * 14, "behaviour": ["blog"] * 14, "occurred_at": [*fast, *slow, *half], "recorded_at": known,
        }))  # fmt: skip
        spec = Feature("scans", "velocity", "scanner", "count", "scanned", "", window=week)
        total = Feature("n", "behaviour", "activity", "count", "count", "", window=week)
        loaded = LoadedTables(store, at, at, (), {"leads": 1, "events": 14}, Findings(()))
        for swept in (False, True):
            built = build.compute_features(loaded, (spec, total), {}, swept=swept)
            assert built.values.iloc[0].tolist() == [5.0, 13.0], swept
    assert activity.SCAN_ACTS == 5


def test_a_short_log_is_left_to_the_sql_and_what_stood_in_is_let_go(folder: Path) -> None:
    with open_store(Engine(threads=1)) as store:
        store.put("events", pa.table({"lead_id": ["a"]}))
        assert not compiled_aggregate.is_worth_compiling(store)
        compiled_aggregate.drop_aggregates(store)
        assert store.rows("SELECT COUNT(*) FROM duckdb_tables()") == [(1,)]


def test_a_sweep_that_does_not_fit_leaves_the_work_to_the_sql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(Engine(threads=1)) as store:
        store.put("leads", pa.table({"lead_id": ["a"], "account_id": ["x"], "created_at": [0], "recorded_at": [0]}))
        store.put("snapshots", pa.table({"lead_id": ["a"], "account_id": ["x"], "as_of": [9 * DAY]}))
        events = {"lead_id": ["a"] * 2, "behaviour": ["blog"] * 2, "occurred_at": [DAY, 8 * DAY]}
        store.put("events", pa.table({**events, "recorded_at": [DAY, 8 * DAY]}))
        spec = Feature("n", "behaviour", "activity", "count", "count", "", window=Horizon.parse("7d"))
        loaded = LoadedTables(store, 9 * DAY, 9 * DAY, (), {"leads": 1, "events": 2}, Findings(()))

        def full(*_: object) -> frozenset[str]:
            store.put("asked", pa.table({"half": [1]}))
            raise OutputError("the query: out of memory")

        monkeypatch.setattr(compiled_aggregate, "aggregate_parts", full)
        assert build.compute_features(loaded, (spec,), {}, swept=True).values["n"].tolist() == [1.0]
        assert "asked" not in {row[0] for row in store.rows("SELECT table_name FROM duckdb_tables()")}

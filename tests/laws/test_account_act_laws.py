"""Acts that name an account and no lead, by the SQL and row by row: equal exactly, whoever is in the account at as_of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from crowded_accounts import Crowd, crowd_config, crowds
from crowded_accounts import put as put_crowd
from examples import examples
from leadline.config.schema import Config
from leadline.dataset import snapshots
from leadline.features import catalog
from leadline.features.build import FeatureTable
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, START, TYPES, WORDS, World, delays, instants, rules

EVENTS = {**TYPES["events"], "account_id": pa.string()}
ASKED = Rules("sql", 7 * DAY, every=7 * DAY, words=WORDS)
NAMES = ("account_acts", "since_account_act")


@st.composite
def intents(draw: st.DrawFn) -> World:
    """A crowd at whose accounts a third party saw acts of nobody known."""
    world = draw(crowds())
    firm = st.sampled_from(["A0", "A0", "A1", "A-unknown", None])
    named = [{**r, "account_id": draw(firm)} for r in world["events"]]
    nameless = []
    for n in range(draw(st.integers(0, 12))):
        at, delay = draw(instants()), draw(delays())
        row = {"event_id": f"N{n}", "lead_id": None, "type": draw(st.sampled_from(list(BEHAVIOURS))), "occurred_at": at}
        nameless.append({**row, "account_id": draw(firm), "recorded_at": None if delay is None else at + delay})
    return {**world, "events": [*named, *nameless]}


def put(world: World, folder: Path) -> None:
    put_crowd({t: rows for t, rows in world.items() if t != "events"}, folder)
    made = pa.Table.from_pylist(world["events"], schema=pa.schema(list(EVENTS.items())))
    pq.write_table(made, folder / "events.parquet", compression="none")


def config_with_accounts(asked: Rules, folder: Path) -> Config:
    config = crowd_config(asked, folder)
    events = config.tables.events
    assert events is not None
    mapped = events.model_copy(update={"account": "account_id"})
    return config.model_copy(update={"tables": config.tables.model_copy(update={"events": mapped})})


def ours(run: Crowd) -> tuple[catalog.Feature, ...]:
    return tuple(s for s in catalog.list_features(run.config, run.loaded) if s.aggregate in NAMES)


def expected(spec: Any, account: str | None, as_of: int, world: World) -> float:
    """How often, or since when, somebody without a name acted at the account, as far as it was known."""
    seen = [
        r["occurred_at"]
        for r in world["events"]
        if r["lead_id"] is None
        and r["account_id"] is not None
        and r["account_id"] == account
        and oracle.is_visible(r, "occurred_at", as_of)
    ]
    if spec.aggregate == "since_account_act":
        return (as_of - max(seen)) / DAY if seen else math.nan
    return float(sum(a >= as_of - spec.window.micros for a in seen))


def compare(built: FeatureTable, world: World) -> None:
    for spec in built.specs:
        column = built.values[spec.name].tolist()
        for n, (account, as_of) in enumerate(zip(built.account_id, built.as_of.tolist(), strict=True)):
            theirs = expected(spec, account, as_of, world)
            assert column[n] == theirs or (theirs != theirs and column[n] != column[n]), (spec, account, as_of)


@settings(max_examples=examples(40))
@given(world=intents(), asked=rules())
def test_acts_without_a_lead_equal_the_oracles(folder: Path, world: World, asked: Rules) -> None:
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    put(world, folder)
    with Crowd(config_with_accounts(asked, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        compare(run.features(ours(run)), world)


def test_they_are_nobodys_own_acts_and_no_colleagues(folder: Path) -> None:
    as_of = START + 10 * DAY
    lead = {
        "account_id": "A0",
        "created_at": START,
        "country": None,
        "size": None,
        "job_title": None,
        "recorded_at": None,
    }
    event = {"lead_id": None, "type": "blog", "account_id": "A0", "recorded_at": None}
    world: World = {t: [] for t in ("accounts", "opportunities", "history", "merges")}
    world["leads"] = [{**lead, "lead_id": "L0"}, {**lead, "lead_id": "L1", "account_id": None}]
    world["stages"] = [{"lead_id": "L0", "stage": "mql", "changed_at": START, "recorded_at": None}]
    world["events"] = [{**event, "event_id": f"E{n}", "occurred_at": as_of - n * DAY} for n in range(4)]
    put(world, folder)
    with Crowd(config_with_accounts(ASKED, folder), as_of + DAY) as run:
        built = run.night(as_of, catalog.list_features(run.config, run.loaded))
        told = dict(zip(built.lead_id, built.values.to_dict("records"), strict=True))
        compare(built.keep(s.name for s in built.specs if s.aggregate in NAMES), world)
    assert (told["L0"]["n_account_acts_7d"], told["L0"]["since_account_act"]) == (3.0, 1.0)
    assert told["L0"]["n_any_ever"] == told["L0"]["n_colleague_acts_7d"] == told["L1"]["n_account_acts_7d"] == 0.0


@pytest.mark.parametrize("mapped", [True, False])
def test_they_are_there_only_where_the_config_names_the_account(folder: Path, mapped: bool) -> None:
    as_of = START + 10 * DAY
    world: World = {t: [] for t in ("accounts", "opportunities", "history", "merges", "events")}
    world["leads"] = [{"lead_id": "L0", "account_id": None, "created_at": START, "country": None, "size": None, "job_title": None, "recorded_at": None}]  # fmt: skip
    world["stages"] = [{"lead_id": "L0", "stage": "mql", "changed_at": START, "recorded_at": None}]
    put(world, folder)
    config = config_with_accounts(ASKED, folder) if mapped else crowd_config(ASKED, folder)
    with Crowd(config, as_of) as run:
        assert bool(ours(run)) is mapped

"""How a lead acts (heat, pace, progress, bursts), by the SQL and by the oracle: equal on little worlds with bursts in them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
import oracle_acts
from examples import examples
from leadline.dataset import snapshots
from leadline.features import catalog
from leadline.features.build import FeatureTable
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, HALF, LAST, START, WORDS, Run, World, config_of, put, rules, worlds

ASKED = Rules(
    "sql", 7 * DAY, every=7 * DAY, words=WORDS, intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"}
)
SECOND = 1_000_000


@st.composite
def bursts(draw: st.DrawFn) -> World:
    """A little world in which some events come within seconds of each other, some of them recorded late."""
    world = draw(worlds())
    leads = [r["lead_id"] for r in world["leads"]]
    for n in range(draw(st.integers(0, 3))):
        lead, begin = draw(st.sampled_from(leads)), START + draw(st.integers(0, LAST)) * HALF
        gaps = draw(st.lists(st.integers(-2, 12), min_size=4, max_size=8))
        for k, gap in enumerate(gaps):
            delay = draw(st.sampled_from([0, 0, 0, DAY, 4 * DAY]))
            at = begin + gap * SECOND
            world["events"].append({"event_id": f"B{n}-{k}", "lead_id": lead, "type": draw(st.sampled_from([*BEHAVIOURS, None])), "occurred_at": at, "recorded_at": at + delay})  # fmt: skip
    return world


def compare(asked: Rules, built: FeatureTable, world: World) -> set[str]:
    """Hold every value against the oracle's; return the aggregates that were neither zero nor missing somewhere."""
    persons, told = oracle.people(world, asked), set()
    for spec in built.specs:
        column = built.values[spec.name].tolist()
        for n, (lead, as_of) in enumerate(zip(built.lead_id, built.as_of.tolist(), strict=True)):
            theirs = oracle_acts.feature(spec, persons[lead], asked, as_of)
            same = column[n] == theirs or math.isclose(column[n], theirs, rel_tol=1e-12, abs_tol=1e-12)
            assert same or (theirs != theirs and column[n] != column[n]), (spec, lead, as_of, column[n], theirs)
            if theirs == theirs and theirs != 0:
                told.add(spec.aggregate)
    return told


def ours(run: Run) -> tuple[catalog.Feature, ...]:
    specs = catalog.list_features(run.config, run.loaded)
    mine = oracle_acts.KNOWN | {"active_days"}
    return tuple(s for s in specs if s.table == "events" and s.aggregate in mine)


@settings(max_examples=examples(60))
@given(world=bursts(), asked=rules())
def test_how_a_lead_acts_equals_the_oracles(folder: Path, world: World, asked: Rules) -> None:
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    put(world, folder)
    with Run(config_of(asked, folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        compare(asked, run.features(ours(run)), oracle.cut(world, until))


def scan(folder: Path, seconds: list[float], as_of: int, late: int = 0) -> dict[str, float]:
    """One lead's features at as_of, with an event at each of these seconds of the world's second day."""
    lead = {
        "lead_id": "L0",
        "account_id": None,
        "created_at": START,
        "country": None,
        "size": None,
        "recorded_at": None,
    }
    times = [START + DAY + round(s * SECOND) for s in seconds]
    events = [
        {
            "event_id": f"E{n}",
            "lead_id": "L0",
            "type": "blog",
            "occurred_at": at,
            "recorded_at": at + (late if n == 0 else 0),
        }
        for n, at in enumerate(times)
    ]
    alive = {"lead_id": "L0", "stage": "mql", "changed_at": START, "recorded_at": None}
    world: World = {t: [] for t in ("accounts", "opportunities", "history", "merges")}
    world |= {"leads": [lead], "events": events, "stages": [alive]}
    put(world, folder)
    with Run(config_of(ASKED, folder), as_of + DAY) as run:
        built = run.night(as_of, ours(run))
        compare(ASKED, built, oracle.cut(world, as_of + DAY))
        row: dict[str, float] = built.values.iloc[0].to_dict()
        return row


@pytest.mark.parametrize(
    ("seconds", "fast"),
    [
        ([0, 1, 2, 3, 9.999999], 5.0),
        ([0, 1, 2, 3, 10], 0.0),
        ([0, 1, 2, 3], 0.0),
        ([0, 0, 0, 0, 0, 30, 31], 5.0),
        ([8, 9, 10, 11, 12], 0.0),  # cells stand on the clock, so that they add up day by day
    ],
)
def test_five_acts_in_one_cell_of_ten_seconds_are_no_persons(folder: Path, seconds: list[float], fast: float) -> None:
    told = scan(folder, seconds, START + 5 * DAY)
    assert told["n_scanner_7d"] == fast


@pytest.mark.parametrize(("late", "fast"), [(3 * DAY, 5.0), (5 * DAY, 0.0)])
def test_an_act_recorded_late_makes_a_burst_only_once_it_is_known(folder: Path, late: int, fast: float) -> None:
    assert scan(folder, [0, 1, 2, 3, 4], START + 5 * DAY, late)["n_scanner_7d"] == fast


def test_a_window_cuts_the_acts_and_not_the_burst(folder: Path) -> None:
    as_of = START + DAY + HALF + 2 * SECOND  # 12 h before it lie the first two of the five
    assert scan(folder, [0, 1, 2, 3, 4], as_of)["n_scanner_12h"] == 3.0


def test_progress_is_told_by_the_first_act_of_each_intent(folder: Path) -> None:
    told = scan(folder, [0], START + 5 * DAY)
    assert (told["progress"], told["depth"], told["since_depth"]) == (0.0, 1.0, 4.0)
    assert told["first_to_purchase"] != told["first_to_purchase"]

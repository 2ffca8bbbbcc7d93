"""Definitions: who meets one by the SQL is who meets it by an oracle that reads row by row, at every as_of of a training."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
import oracle_definitions
from crowded_accounts import ROLES, crowd_config, crowds, placed
from examples import examples
from leadline.config.conditions import When
from leadline.config.modeling import Engine
from leadline.dataset import snapshots
from leadline.points.definitions import Definitions
from leadline.storage import Store, open_store
from oracle import Rules
from small_crm import BEHAVIOURS, HALF, LAST, START, Run, World, config_of, later_than, put, rules, worlds

WITHIN = ("12h", "7d", "30d", None)
ASSETS = {"blog": ("blog",), "prices": ("pricing view", "Pricing-View"), "quote": ("o'clock",)}
ICP: dict[str, Any] = {"country": ["nl", "DE"], "employees": {"min": 1}, "size": {"max": 5}}
POINTS = [
    ({"behaviour": "blog", "within": "7d"}, 5),
    ({"attribute": "country", "equals": "NL"}, 10),
    ({"not": {"icp": 2}}, 3),
]
OF = {behaviour: asset for asset, used in ASSETS.items() for behaviour in used}
HELD = {b: {"intent": i, **({"asset": OF[b]} if b in OF else {})} for b, i in BEHAVIOURS.items()}

names = st.sampled_from(sorted(BEHAVIOURS))
often = st.integers(1, 3)


def _leaf() -> st.SearchStrategy[dict[str, Any]]:
    def plain(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(parts).map(lambda d: {k: v for k, v in d.items() if v is not None})

    within = st.sampled_from(WITHIN)
    several = st.lists(names, min_size=2, max_size=4, unique=True)
    assets = st.one_of(st.just("any"), st.sampled_from([*ASSETS]))
    return st.one_of(
        plain(behaviour=names, at_least=often, within=within),
        plain(behaviour=several, at_least=st.integers(1, 2), distinct=st.booleans(), within=within),
        plain(
            intent=st.sampled_from(["awareness", "evaluation", "purchase"]),
            at_least=often,
            distinct=st.booleans(),
            within=within,
        ),
        plain(asset=assets, at_least=often, within=within),
        plain(asset=st.just("any"), at_least=often, distinct=st.just(True), within=within),
        plain(attribute=st.just("country"), equals=st.sampled_from(["NL", "nl"])),
        plain(attribute=st.just("country"), **{"in": st.sampled_from([("nl",), ("DE", "5")])}),
        plain(attribute=st.just("industry"), has=st.sampled_from(["retail", "steel"])),
        plain(attribute=st.sampled_from(["size", "employees"]), min=st.sampled_from([1, 2.5])),
        plain(attribute=st.just("size"), **{"in": st.just((5, 2.5))}),
        plain(icp=often),
        plain(points=st.sampled_from([3, 8, 13, 18])),
        st.fixed_dictionaries({"account": plain(people=often, within=within)}),
    )


def _join(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    many = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(many.map(lambda p: {"all": p}), many.map(lambda p: {"any": p}), parts.map(lambda p: {"not": p}))


conditions = st.recursive(_leaf(), _join, max_leaves=5)
LAST_INSTANT = START + 2 * LAST * HALF
moments = st.integers(12, LAST).map(lambda k: START + k * HALF + 1)


def _asked(world: World, question: Rules) -> oracle_definitions.Asked:
    return oracle_definitions.Asked(
        oracle.people(world, question), {r["account_id"]: r for r in world["accounts"]}, {r["field"] for r in world["history"]},
        BEHAVIOURS, ASSETS, ICP, ROLES, POINTS,
    )  # fmt: skip


def _config(question: Rules, folder: Path, when: dict[str, Any]) -> Any:
    given_rules = [{"when": rule, "points": points} for rule, points in POINTS]
    return config_of(question, folder, behaviours=HELD, icp=ICP, rules=given_rules, definitions={"mql": when})


def _met(run: Run) -> dict[tuple[str, str | None, int], bool]:
    """Which snapshots meet the definition, by the statement."""
    asked = Definitions.of(run.config, run.loaded, run.config.definitions)
    built = run.features(asked.specs) if asked.specs else run.features()
    rows = zip(built.lead_id.tolist(), built.account_id.tolist(), built.as_of.tolist(), strict=True)
    return dict(zip(rows, asked.hold(built.specs, built.values)["mql"].tolist(), strict=True))


@settings(max_examples=examples(60))
@given(world=worlds(), question=rules(), when=conditions)
def test_who_meets_a_definition_is_who_does_by_the_oracle(
    folder: Path, world: World, question: Rules, when: dict[str, Any]
) -> None:
    until = oracle.observed_until(world, question, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    put(world, folder)
    with Run(_config(question, folder, when)) as run:
        snapshots.for_training(run.config, run.loaded)
        told = _met(run)
    asked = _asked(oracle.cut(world, until), question)
    assert told == {row: oracle_definitions.meets(when, *row, asked) for row in told}


@settings(max_examples=examples(20))
@given(world=worlds(), question=rules(), when=conditions, as_of=moments, seed=st.integers(0, 9))
def test_neither_the_future_nor_the_order_of_rows_changes_who_meets_it(
    folder: Path, world: World, question: Rules, when: dict[str, Any], as_of: int, seed: int
) -> None:
    seen, _ = later_than(world, as_of)
    assume(seen["leads"] and oracle.observed_until(world, question, as_of) is not None)
    # Which fields history tells of is part of the question, as a night has it from its model.
    assume({r["field"] for r in seen["history"]} == {r["field"] for r in world["history"]})
    told = []
    for rows, shuffle in ((world, None), (seen, random.Random(seed))):
        put(rows, folder, shuffle)
        with Run(_config(question, folder, when), LAST_INSTANT if rows is world else as_of) as run:
            snapshots.for_night(run.config, run.loaded, as_of)
            told.append(_met(run))
    assert told[0] == told[1]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store(Engine(threads=1, memory="500MB")) as opened:
        yield opened


COMMITTEE = (
    {"role": sorted(ROLES)[:2]},
    {"account": {"roles": 1, "within": "7d"}},
    {"account": {"people": 2, "roles": 2}},
    {"all": [{"role": sorted(ROLES)[0]}, {"not": {"account": {"people": 3, "within": "30d"}}}]},
)


@settings(max_examples=examples(40))
@given(world=crowds(), question=rules(), when=st.sampled_from(COMMITTEE))
def test_roles_and_people_of_an_account_are_the_oracles(
    folder: Path, store: Store, world: World, question: Rules, when: dict[str, Any]
) -> None:
    until = oracle.observed_until(world, question, None)
    visible = oracle.cut(world, until)
    assume(visible["leads"])
    run = placed(visible, crowd_config(question, folder), store, until)
    snapshots.for_training(run.config, run.loaded)
    definition = Definitions.of(run.config, run.loaded, {"mql": When.model_validate(when)})
    built = run.features(definition.specs)
    told = definition.hold(built.specs, built.values)["mql"].tolist()
    asked = oracle_definitions.Asked(
        oracle.people(visible, question), {}, {r["field"] for r in visible["history"]}, roles=ROLES
    )
    rows = zip(built.lead_id, built.account_id, built.as_of.tolist(), strict=True)
    assert told == [oracle_definitions.meets(when, lead, account, as_of, asked) for lead, account, as_of in rows]

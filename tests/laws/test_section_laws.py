"""What the report's sections ask of the tables, by the SQL and by the oracle: equal on little crowds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings

import oracle
import oracle_colleagues
from crowded_accounts import ROLES, crowd_config, crowds, placed
from examples import examples
from leadline.config.schema import Engine
from leadline.core.point_in_time import Horizon
from leadline.dataset import labels, snapshots
from leadline.dataset.usage import CLIMBED
from leadline.features import build, catalog
from leadline.features.families.intent_stage import STAGES, IntentRule
from leadline.tables import Store, open_store
from leadline.workflows.training import report_data
from leadline.workflows.training.report_data import ReportInputs
from oracle import DAY, Person, Rules
from small_crm import BEHAVIOURS, World, rules, same

WINDOW = 14 * DAY
ASSETS = {"pricing view": "price list", "Pricing-View": "price list", "select": "calculator"}
MARKED = {b: {"intent": i, **({"asset": ASSETS[b]} if b in ASSETS else {})} for b, i in BEHAVIOURS.items()}
DEEPEST = {"purchase": STAGES[0], "evaluation": STAGES[1], "awareness": STAGES[2]}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """One store for all worlds, each placed over the one before it."""
    with open_store(Engine(threads=1, memory="500MB")) as opened:
        yield opened


ACTS = ("count", "share", "pace", "trend", "heat", "since_last", "active_days")


def seen(person: Person, as_of: int) -> list[tuple[int, Any]]:
    return [(a, kind) for a, known, kind in person.events if a < as_of and known < as_of]


def stage_of(person: Person, asked: Rules, as_of: int) -> str:
    """The deepest intent that a lead acted on in the window before as_of, as somebody at as_of could know."""
    did = {asked.intents.get(kind) for at, kind in seen(person, as_of) if at >= as_of - WINDOW}
    return next((stage for intent, stage in DEEPEST.items() if intent in did), STAGES[3])


def small(run: Any) -> tuple[build.Feature, ...]:
    """A few of the catalogue's features, and those of the sections: the others have laws of their own."""
    some = [
        s
        for s in catalog.list_features(run.config, run.loaded)
        if s.aggregate in ("age", "colleagues_engaged", "any_role")
    ]
    return (*some, *report_data.report_specs(run.config))


def check_stages(told: ReportInputs, made: build.FeatureTable, persons: dict[str, Person], asked: Rules) -> None:
    assert told.rule is not None
    found = told.rule.stages(told.columns.values).tolist()
    assert found == [stage_of(persons[i], asked, a) for i, a in zip(made.lead_id, made.as_of.tolist(), strict=True)]
    now = told.rule.stages(told.now.values).tolist()
    assert now == [
        stage_of(persons[i], asked, a) for i, a in zip(told.now.lead_id, told.now.as_of.tolist(), strict=True)
    ]


def check_lasts(told: ReportInputs, persons: dict[str, Person], asked: Rules) -> None:
    theirs = []
    for person in persons.values():
        reached = oracle.outcome(person, asked.reaches)
        if reached is None or person.merged_since is not None:
            continue
        last: dict[str, int] = {}
        for at, kind in seen(person, reached[0]):
            if kind is not None:
                last[kind] = max(last.get(kind, at), at)
        theirs += [(kind, (reached[0] - at) / DAY) for kind, at in last.items()]
    assert told.lasts is not None
    assert sorted(zip(told.lasts.behaviour, told.lasts.days.tolist(), strict=True)) == sorted(theirs)


def check_uses(told: ReportInputs, persons: dict[str, Person]) -> None:
    theirs = []
    for lead, person in persons.items():
        if person.merged_since is not None:
            continue
        for asset in sorted(set(ASSETS.values())):
            uses = [at for at, _, kind in person.events if ASSETS.get(kind) == asset]
            reached = [min((at for at, _ in oracle.climbed(person, rung)), default=None) for rung in CLIMBED]
            theirs += [(asset, lead, min(uses), reached)] if uses else []
    assert told.uses is not None
    rows = zip(told.uses.asset, told.uses.lead_id, told.uses.used_at.tolist(), told.uses.reached.tolist(), strict=True)
    ours = [(a, i, at, [None if math.isnan(r) else int(r) for r in reached]) for a, i, at, reached in rows]
    assert ours == sorted(theirs, key=lambda one: one[:2])


def check_arrivals(told: ReportInputs, made: build.FeatureTable, y: list[float], persons: dict[str, Person], asked: Rules, fields: set[str]) -> None:  # fmt: skip
    negative = [
        (a, i, False, firm)
        for i, a, firm, one in zip(made.lead_id, made.as_of.tolist(), made.account_id, y, strict=True)
        if one == 0 and firm is not None
    ]
    newest: dict[str, tuple[int, Any]] = {}
    for i, a, firm, one in zip(made.lead_id, made.as_of.tolist(), made.account_id, y, strict=True):
        if one == 1 and firm is not None:
            newest[i] = (a, firm)
    positive = []
    for i, (_, firm) in newest.items():
        reached = oracle.outcome(persons[i], asked.reaches)
        assert reached is not None
        positive.append((reached[0], i, True, firm))
    theirs = sorted([*negative, *positive], key=lambda one: one[:3])
    arrivals = told.arrivals
    assert arrivals is not None and arrivals.as_of.tolist() == [a for a, *_ in theirs]
    assert arrivals.is_outcome.tolist() == [o for *_, o, _ in theirs] and list(arrivals.account_id) == [
        f for *_, f in theirs
    ]
    for row, (as_of, lead, _, firm) in enumerate(theirs):
        firsts: dict[str, int] = {}
        for name, person in oracle_colleagues.members(persons, firm, as_of, fields).items():
            role = oracle_colleagues.role(oracle_colleagues.title(person, as_of, fields), ROLES)
            if name != lead and role is not None:
                for at, _ in seen(person, as_of):
                    firsts[role] = min(firsts.get(role, at), at)
        ours = {
            r: at for r, at in zip(arrivals.roles, arrivals.first_at[row].tolist(), strict=True) if not math.isnan(at)
        }
        assert ours == firsts


@settings(max_examples=examples(25))
@given(world=crowds(), asked=rules())
def test_what_sections_ask_equals_the_oracles(folder: Path, store: Store, world: World, asked: Rules) -> None:
    until = oracle.observed_until(world, asked, None)
    visible = oracle.cut(world, until)
    assume(until is not None and visible["leads"])
    run = placed(visible, crowd_config(asked, folder, behaviours=MARKED), store, until)
    persons, fields = oracle.people(visible, asked), {r["field"] for r in visible["history"]}
    snapshots.for_training(run.config, run.loaded)
    labels.attach_labels(run.config, run.loaded)
    y = [float(row[0]) for row in run.store.rows("SELECT label FROM snapshots ORDER BY as_of, lead_id")]
    before = run.store.rows("SELECT * FROM snapshots ORDER BY ALL")
    made = run.features(small(run))
    told = report_data.gather_report_inputs(run.config, run.loaded, made)
    assert told is not None and run.store.rows("SELECT * FROM snapshots ORDER BY ALL") == before
    open_now = {lead for lead, p in persons.items() if oracle.is_open(p, asked, until)}
    if asked.landmarks:
        open_now = {i for i in open_now if persons[i].lead["created_at"] + min(asked.landmarks) <= until}
    assert set(told.now.lead_id) == open_now and len(told.now) == len(open_now)
    check_stages(told, made, persons, asked)
    check_lasts(told, persons, asked)
    check_uses(told, persons)
    check_arrivals(told, made, y, persons, asked, fields)


@settings(max_examples=6)
@given(world=crowds(), asked=rules())
def test_features_are_the_same_whether_a_stage_is_asked_for_beside_them(
    folder: Path, store: Store, world: World, asked: Rules
) -> None:
    """A night asks for the stage beside a bundle's features, `explain` doesn't: also where its window is the longest."""
    until = oracle.observed_until(world, asked, None)
    visible = oracle.cut(world, until)
    assume(until is not None and visible["leads"])
    run = placed(visible, crowd_config(asked, folder), store, until)
    snapshots.for_training(run.config, run.loaded)
    specs = tuple(s for s in catalog.list_features(run.config, run.loaded) if s.aggregate in ACTS)
    rule = IntentRule(Horizon.parse("60d"), ("purchase", "evaluation", "awareness"))
    alone, with_rule = run.features(specs), run.features((*specs, *rule.specs()))
    same(alone, with_rule.keep(s.name for s in specs))

"""The SQL against the row-by-row oracle: snapshots, labels and every aggregate of the catalogue, equal exactly."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from examples import examples
from leadline.dataset import labels, snapshots
from leadline.features import build, catalog
from oracle import DAY, Rules
from small_crm import HALF, LAST, START, Run, World, config_of, put, rules, worlds

known = st.one_of(st.none(), st.integers(30, LAST + 20).map(lambda k: START + k * HALF))


def equal(ours: object, theirs: object) -> bool:
    if isinstance(theirs, float) and math.isnan(theirs):
        return isinstance(ours, float) and math.isnan(ours)
    return ours == theirs


def compare(asked: Rules, built: build.FeatureTable, persons: dict[str, oracle.Person], world: World) -> None:
    """Hold every value of every feature against the oracle's."""
    fields = {r["field"] for r in world["history"]}
    firms = {r["account_id"]: r for r in world["accounts"]}
    columns = {name: built.values[name].tolist() for name in built.values}
    for n, (lead, account, as_of) in enumerate(zip(built.lead_id, built.account_id, built.as_of.tolist(), strict=True)):
        person = persons[lead]
        expected = oracle.account(person, as_of, "account_id" in fields)
        assert account == expected
        for spec in built.specs:
            if spec.aggregate not in oracle.KNOWN:  # younger families have oracles of their own
                continue
            theirs = oracle.feature(spec, person, asked, as_of, fields, firms.get(expected))
            ours = columns[spec.name][n]
            assert equal(ours, theirs), (spec, lead, as_of, ours, theirs)


@settings(max_examples=examples(120))
@given(world=worlds(), asked=rules(), known_at=known)
def test_snapshots_labels_and_features_equal_the_oracles(
    folder: Path, world: World, asked: Rules, known_at: int | None
) -> None:
    put(world, folder)
    until = oracle.observed_until(world, asked, known_at)
    limit = until if known_at is None else known_at
    if until is None or not any(oracle.is_visible(r, "created_at", limit) for r in world["leads"]):
        return
    visible = oracle.cut(world, limit)
    persons = oracle.people(visible, asked)
    with Run(config_of(asked, folder), known_at) as run:
        assert run.loaded.known_at == limit and run.loaded.observed_until == until
        snapshots.for_training(run.config, run.loaded)
        expected = oracle.snapshots(persons, asked, limit)
        assert run.open_leads() == sorted(expected)

        counts = labels.attach_labels(run.config, run.loaded)
        states = {key: oracle.state(persons[key[0]], asked, key[1], min(limit, until)) for key in expected}
        assert {(a, b): s for a, b, s in run.store.rows("SELECT lead_id, as_of, state FROM labelled")} == states
        assert [counts.positive, counts.negative, counts.censored, counts.late, counts.before] == [
            list(states.values()).count(s) for s in labels.STATES
        ]
        fetched, built = labels.fetch_labels(run.config, run.loaded), run.features()
        kept = sorted((a, lead) for (lead, a), s in states.items() if s in ("positive", "negative"))
        assert list(zip(built.as_of.tolist(), built.lead_id, strict=True)) == kept
        assert fetched.y.tolist() == [float(states[lead, a] == "positive") for a, lead in kept]
        for n, (a, lead) in enumerate(kept):
            reached = oracle.outcome(persons[lead], asked.reaches)
            assert equal(float(fetched.outcome_at[n]), math.nan if reached is None else float(reached[0]))
            assert equal(float(fetched.outcome_recorded_at[n]), math.nan if reached is None else float(reached[1]))
            won = oracle.outcome(persons[lead], "won")
            ripe = a + 90 * DAY + asked.delay <= min(limit, until)
            inside = won is not None and a <= won[0] < a + 90 * DAY
            assert equal(float(fetched.won[n]), float(inside) if ripe else math.nan)
        compare(asked, built, persons, visible)


@settings(max_examples=examples(40))
@given(world=worlds(), asked=rules(), k=st.integers(10, LAST))
def test_a_nights_snapshots_and_features_equal_the_oracles(folder: Path, world: World, asked: Rules, k: int) -> None:
    put(world, folder)
    as_of = START + k * HALF
    visible = oracle.cut(world, as_of)
    if oracle.observed_until(world, asked, as_of) is None:
        return
    persons = oracle.people(visible, asked)
    with Run(config_of(asked, folder), as_of) as run:
        built = run.night(as_of)
        past = min(asked.landmarks, default=0)
        expected = sorted(
            lead
            for lead, p in persons.items()
            if oracle.is_open(p, asked, as_of) and p.lead["created_at"] + past <= as_of
        )
        assert list(built.lead_id) == expected
        compare(asked, built, persons, visible)


@settings(max_examples=10)
@given(world=worlds(), asked=rules())
def test_the_catalogue_has_every_window_of_every_behaviour_and_intent(folder: Path, world: World, asked: Rules) -> None:
    put(world, folder)
    until = oracle.observed_until(world, asked, None)
    assert until is not None
    behaviours = {r["type"] for r in oracle.cut(world, until)["events"] if r["type"]}
    with Run(config_of(asked, folder)) as run:
        specs = catalog.list_features(run.config, run.loaded)
        names = [s.name for s in specs]
        assert len(set(names)) == len(names)
        windows = {str(w) for w in run.config.features.windows}
        for behaviour in behaviours:
            assert {
                str(s.window) for s in specs if s.by == "behaviour" and s.field == behaviour and s.aggregate == "count"
            } == windows
        for intent in ("awareness", "evaluation", "purchase"):
            assert {
                str(s.window) for s in specs if s.by == "intent" and s.field == intent and s.aggregate == "count"
            } == windows

"""Laws 1 to 6: one clock rule, no look at the future, mutable fields by history, ripeness, one path, joins by key."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from examples import examples
from leadline.dataset import labels, snapshots
from leadline.features import catalog
from oracle import DAY, Rules
from small_crm import HALF, LAST, START, WORDS, Run, World, config_of, instants, later_than, put, rules, same, worlds

when = st.integers(12, LAST).map(lambda k: START + k * HALF)


def one_lead(**tables: list[dict[str, Any]]) -> World:
    """A world of one lead, created at START, with a stage row that says the table is alive until day 40."""
    blank: World = {t: [] for t in ("accounts", "events", "stages", "opportunities", "history", "merges")}
    lead = {"lead_id": "L0", "account_id": "A0", "created_at": START, "country": "NL", "size": 1.0, "recorded_at": None}
    alive = {"lead_id": "L-other", "stage": "mql", "changed_at": START + 40 * DAY, "recorded_at": None}
    return {**blank, "leads": [lead], **tables, "stages": [alive, *tables.get("stages", [])]}


def asked(**changes: Any) -> Rules:
    return Rules(**{"reaches": "sql", "horizon": 7 * DAY, "every": 7 * DAY, "words": WORDS, **changes})


def value(built: Any, name: str) -> Any:
    return built.values[name].iloc[0]


@pytest.mark.parametrize("clock", ["occurred_at", "recorded_at"])
@pytest.mark.parametrize(("offset", "seen"), [(-1, 1.0), (0, 0.0), (1, 0.0)])
def test_a_row_counts_only_when_both_clocks_lie_strictly_before_as_of(
    folder: Path, clock: str, offset: int, seen: float
) -> None:
    as_of = START + 14 * DAY
    event = {"event_id": "E", "lead_id": "L0", "type": "blog", "occurred_at": as_of - DAY, "recorded_at": as_of - DAY}
    event[clock] = as_of + offset
    event["recorded_at"] = (
        max(event["recorded_at"], event["occurred_at"]) if clock == "occurred_at" else event["recorded_at"]
    )
    put(one_lead(events=[event]), folder)
    with Run(config_of(asked(), folder)) as run:
        assert value(run.night(as_of), "n_any_ever") == seen


@pytest.mark.parametrize(("offset", "inside"), [(-1, 0.0), (0, 1.0), (1, 1.0)])
def test_a_window_begins_with_the_instant_that_lies_its_length_before_as_of(
    folder: Path, offset: int, inside: float
) -> None:
    as_of = START + 14 * DAY
    at = as_of - 7 * DAY + offset
    put(
        one_lead(events=[{"event_id": "E", "lead_id": "L0", "type": "blog", "occurred_at": at, "recorded_at": None}]),
        folder,
    )
    with Run(config_of(asked(), folder)) as run:
        built = run.night(as_of)
        assert (value(built, "n_any_7d"), value(built, "n_any_30d")) == (inside, 1.0)


@pytest.mark.parametrize(
    ("offset", "state"), [(-1, None), (0, "positive"), (7 * DAY - 1, "positive"), (7 * DAY, "negative")]
)
def test_an_outcome_counts_from_as_of_until_just_before_the_horizons_end(
    folder: Path, offset: int, state: str | None
) -> None:
    as_of = START + 14 * DAY
    put(one_lead(stages=[{"lead_id": "L0", "stage": "sql", "changed_at": as_of + offset, "recorded_at": None}]), folder)
    with Run(config_of(asked(), folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        labels.attach_labels(run.config, run.loaded)
        assert run.store.rows(f"SELECT state FROM labelled WHERE as_of = {as_of}") == ([(state,)] if state else [])


@pytest.mark.parametrize("delay", [0, 3 * DAY])
@pytest.mark.parametrize(("early", "state"), [(0, "negative"), (1, "censored")])
def test_a_snapshot_is_ripe_from_the_very_instant_that_its_horizon_and_delay_end(
    folder: Path, delay: int, early: int, state: str
) -> None:
    as_of = START + 14 * DAY
    put(one_lead(), folder)
    known_until = as_of + 7 * DAY + delay - early
    world = one_lead()
    world["stages"][0]["changed_at"] = known_until
    put(world, folder)
    with Run(config_of(asked(delay=delay), folder)) as run:
        assert run.loaded.observed_until == known_until
        snapshots.for_training(run.config, run.loaded)
        labels.attach_labels(run.config, run.loaded)
        assert run.store.rows(f"SELECT state FROM labelled WHERE as_of = {as_of}") == [(state,)]


def test_a_positive_that_is_not_ripe_is_censored_too(folder: Path) -> None:
    as_of = START + 14 * DAY
    world = one_lead(stages=[{"lead_id": "L0", "stage": "sql", "changed_at": as_of + DAY, "recorded_at": None}])
    world["stages"][0]["changed_at"] = as_of + 2 * DAY
    put(world, folder)
    with Run(config_of(asked(), folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        counts = labels.attach_labels(run.config, run.loaded)
        assert counts.positive == 0
        assert run.store.rows(f"SELECT state FROM labelled WHERE as_of = {as_of}") == [("censored",)]


def test_an_outcome_recorded_late_leaves_the_lead_open_and_out_of_training(folder: Path) -> None:
    as_of = START + 14 * DAY
    put(
        one_lead(stages=[{"lead_id": "L0", "stage": "sql", "changed_at": as_of - DAY, "recorded_at": as_of + DAY}]),
        folder,
    )
    with Run(config_of(asked(), folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        counts = labels.attach_labels(run.config, run.loaded)
        assert counts.late == 1
        assert run.store.rows(f"SELECT state FROM labelled WHERE as_of = {as_of}") == [("late",)]
        assert list(run.night(as_of).lead_id) == ["L0"]  # nobody knew


def test_the_plan_to_close_an_open_deal_does_not_make_its_table_newer(folder: Path) -> None:
    deal = {"opportunity_id": "O", "lead_id": "L0", "created_at": START + DAY, "amount": None, "recorded_at": None}
    world = one_lead(opportunities=[{**deal, "closed_at": START + 300 * DAY, "stage": "negotiation"}])
    put(world, folder)
    with Run(config_of(asked(reaches="won"), folder)) as run:
        assert run.loaded.observed_until == START + 40 * DAY
    put(one_lead(opportunities=[{**deal, "closed_at": START + 50 * DAY, "stage": "closed_won"}]), folder)
    with Run(config_of(asked(reaches="won"), folder)) as run:
        assert run.loaded.observed_until == START + 50 * DAY


@settings(max_examples=examples(20))
@given(world=worlds(), asked=rules(), as_of=when)
def test_features_and_labels_are_equal_from_the_whole_log_and_from_the_log_cut_at_t(
    folder: Path, world: World, asked: Rules, as_of: int
) -> None:
    seen, _ = later_than(world, as_of)
    assume(oracle.observed_until(world, asked, as_of) is not None and seen["leads"])
    results = []
    for log in (world, seen):
        put(log, folder)
        with Run(config_of(asked, folder), as_of) as run:
            results.append((run.night(as_of), run.train(), run.loaded.fingerprints, run.loaded.observed_until))
    (
        (night, (counts, labelled, built), prints, until),
        (night_cut, (counts_cut, labelled_cut, built_cut), prints_cut, until_cut),
    ) = results
    same(night, night_cut)
    same(built, built_cut)
    assert counts == counts_cut and prints == prints_cut and until == until_cut
    for name in ("y", "weight", "known_at", "outcome_at", "outcome_recorded_at", "won"):
        assert getattr(labelled, name).tobytes() == getattr(labelled_cut, name).tobytes(), name


@settings(max_examples=examples(20))
@given(world=worlds(), asked=rules(), as_of=when, poison=st.data())
def test_poisoned_later_rows_change_nothing(
    folder: Path, world: World, asked: Rules, as_of: int, poison: st.DataObject
) -> None:
    seen, later = later_than(world, as_of)
    assume(oracle.observed_until(world, asked, as_of) is not None and seen["leads"])
    leads = [r["lead_id"] for r in world["leads"]]
    poisoned = {t: list(rows) for t, rows in seen.items()}
    for table, rows in later.items():
        clock = oracle.CLOCK.get(table)
        for row in rows:
            changed = {
                **row,
                **({"lead_id": poison.draw(st.sampled_from(leads))} if table != "leads" and "lead_id" in row else {}),
            }
            changed.update({k: "poison" for k in ("type", "stage", "value", "field", "country") if k in row})
            poisoned[table].append(changed)
        if clock is not None and table not in ("leads", "merges"):
            extra = poison.draw(instants().map(lambda t: max(t, as_of)))
            columns = {
                "lead_id": leads[0],
                "field": "country",
                "value": "poison",
                "stage": "sql",
                "type": "blog",
                "event_id": "P",
                "opportunity_id": "P",
                "closed_at": extra,
            }
            poisoned[table].append(
                {k: v for k, v in columns.items() if k in _columns(table)} | {clock: extra, "recorded_at": None}
            )
    results = []
    for log in (world, poisoned):
        put(log, folder)
        with Run(config_of(asked, folder), as_of) as run:
            results.append((run.night(as_of), run.train(), [str(f) for f in run.loaded.findings]))
    same(results[0][0], results[1][0])
    same(results[0][1][2], results[1][1][2])
    assert results[0][1][0] == results[1][1][0]
    assert results[0][1][1].y.tobytes() == results[1][1][1].y.tobytes()


def _columns(table: str) -> set[str]:
    from small_crm import TYPES

    return set(TYPES[table])


@settings(max_examples=examples(20))
@given(world=worlds(), asked=rules(), k=st.integers(0, 5))
def test_a_night_is_the_first_half_of_training_at_one_as_of(folder: Path, world: World, asked: Rules, k: int) -> None:
    assume(asked.every is not None)
    put(world, folder)
    with Run(config_of(asked, folder)) as run:
        specs = catalog.list_features(run.config, run.loaded)
        snapshots.for_training(run.config, run.loaded)
        moments = sorted({as_of for _, as_of in run.open_leads()})
        assume(moments)
        as_of = moments[k % len(moments)]
        assume(oracle.observed_until(world, asked, as_of) is not None)
        # Whether history tracks the account is known at T only; a night before its first row can't know it yet.
        changes = [r for r in oracle.cut(world, run.loaded.known_at or 0)["history"] if r["field"] == "account_id"]
        assume(not changes or any(oracle.is_visible(r, "changed_at", as_of) for r in changes))
        run.store.run(f"DELETE FROM snapshots WHERE as_of <> {as_of}")
        trained = run.features(specs)
    with Run(config_of(asked, folder), as_of) as run:
        same(trained, run.night(as_of, specs))


@settings(max_examples=examples(20))
@given(world=worlds(), asked=rules())
def test_no_row_is_on_both_sides_and_every_key_stands_once(folder: Path, world: World, asked: Rules) -> None:
    put(world, folder)
    with Run(config_of(asked, folder)) as run:
        assume(run.loaded.rows["leads"])
        counts, labelled, built = run.train()
        assert len(built) == counts.positive + counts.kept_negative == len(labelled.y)
        keys = list(zip(built.as_of.tolist(), built.lead_id, strict=True))
        assert keys == sorted(set(keys))
        positive = labelled.y == 1
        horizon = run.config.horizon.micros
        assert (labelled.outcome_at[positive] >= built.as_of[positive]).all()
        assert (labelled.outcome_at[positive] < built.as_of[positive] + horizon).all()
        outside = np.isnan(labelled.outcome_at) | (labelled.outcome_at >= built.as_of + horizon)
        assert outside[~positive].all()
        # What features saw lies strictly before: no recency is zero or less.
        for spec in built.specs:
            if spec.aggregate in ("since_last", "since_first", "age", "since_stage"):
                assert not (built.values[spec.name] <= 0).any(), spec.name


def test_a_mutable_field_takes_the_value_that_history_gives_at_as_of(folder: Path) -> None:
    as_of = START + 14 * DAY
    change = {"lead_id": "L0", "field": "country", "recorded_at": None}
    rows = [{**change, "value": "DE", "changed_at": as_of - DAY}, {**change, "value": "FR", "changed_at": as_of}]
    put(one_lead(history=rows), folder)
    with Run(config_of(asked(), folder)) as run:
        assert value(run.night(as_of), "lead_country") == "DE"
        assert value(run.night(as_of + 1), "lead_country") == "FR"
        assert value(run.night(as_of - DAY), "lead_country") is None  # the leads table's own value is of later
        assert value(run.night(as_of), "lead_size") == 1.0  # history doesn't have it: fixed, as the config says


def test_the_account_comes_from_history_where_history_has_it(folder: Path) -> None:
    as_of = START + 14 * DAY
    world = one_lead(
        history=[{"lead_id": "L0", "field": "account_id", "value": "A1", "changed_at": as_of, "recorded_at": None}],
        accounts=[{"account_id": a, "industry": f"of {a}", "employees": 1} for a in ("A0", "A1")],
    )
    put(world, folder)
    with Run(config_of(asked(), folder)) as run:
        before, after = run.night(as_of), run.night(as_of + 1)
        assert (list(before.account_id), value(before, "account_industry")) == ([None], None)
        assert (list(after.account_id), value(after, "account_industry")) == (["A1"], "of A1")
    world["history"] = []
    put(world, folder)
    with Run(config_of(asked(), folder)) as run:
        assert list(run.night(as_of).account_id) == ["A0"]
        assert any(f.code == "LL118" and "fixed" in f.seen for f in run.loaded.findings)


def test_an_account_row_counts_from_its_recorded_at(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    as_of = START + 14 * DAY
    put(one_lead(), folder)
    config = config_of(asked(), folder).model_dump(by_alias=True, exclude_none=True)
    config["tables"]["accounts"].update({"source": str(folder / "accounts.parquet"), "recorded_at": "known"})
    known = pa.array([as_of], pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({"account_id": ["A0"], "industry": ["retail"], "employees": [1], "known": known}),
        folder / "accounts.parquet",
    )
    with Run(type(config_of(asked(), folder)).model_validate(config)) as run:
        assert value(run.night(as_of), "account_industry") is None
        assert value(run.night(as_of + 1), "account_industry") == "retail"


def test_a_rejected_lead_is_closed_until_a_later_rung_recycles_it(folder: Path) -> None:
    step = {"lead_id": "L0", "recorded_at": None}
    world = one_lead(stages=[
        {**step, "stage": "disqualified", "changed_at": START + 10 * DAY},
        {**step, "stage": "mql", "changed_at": START + 20 * DAY, "recorded_at": START + 22 * DAY},
    ])  # fmt: skip
    put(world, folder)
    with Run(config_of(asked(every=DAY), folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        days = [(as_of - START) / DAY for _, as_of in run.open_leads()]
        assert days == [*range(1, 11), *range(23, 41)]


def test_the_survivor_of_a_merge_has_the_acts_of_both_from_the_merge_on(folder: Path) -> None:
    lead = one_lead()["leads"][0]
    act = {"type": "blog", "recorded_at": None}
    world = one_lead(
        leads=[lead, {**lead, "lead_id": "L1"}],
        events=[{**act, "event_id": "E0", "lead_id": "L0", "occurred_at": START + DAY}, {**act, "event_id": "E1", "lead_id": "L1", "occurred_at": START + DAY}],
        stages=[{"lead_id": "L1", "stage": "sql", "changed_at": START + 15 * DAY, "recorded_at": None}],
        merges=[{"from_id": "L0", "into_id": "L1", "merged_at": START + 10 * DAY, "recorded_at": None}],
    )  # fmt: skip
    put(world, folder)
    with Run(config_of(asked(), folder)) as run:
        before, after = run.night(START + 10 * DAY), run.night(START + 10 * DAY + 1)
        assert (list(before.lead_id), before.values["n_any_ever"].tolist()) == (["L0", "L1"], [1.0, 1.0])
        assert (list(after.lead_id), after.values["n_any_ever"].tolist()) == (["L1"], [2.0])
        snapshots.for_training(run.config, run.loaded)
        labels.attach_labels(run.config, run.loaded)
        # The record that vanished was the same person: the survivor's outcome is its own.
        assert run.store.rows(f"SELECT lead_id, state FROM labelled WHERE as_of = {START + 7 * DAY} ORDER BY 1") == [
            ("L0", "negative"),
            ("L1", "negative"),
        ]
        with Run(config_of(asked(horizon=14 * DAY), folder)) as longer:
            snapshots.for_training(longer.config, longer.loaded)
            labels.attach_labels(longer.config, longer.loaded)
            rows = longer.store.rows(f"SELECT lead_id, state FROM labelled WHERE as_of = {START + 7 * DAY} ORDER BY 1")
            assert rows == [("L0", "positive"), ("L1", "positive")]


def test_the_outcome_of_a_survivors_deal_is_the_vanished_records_too(folder: Path) -> None:
    lead = one_lead()["leads"][0]
    deal = {
        "opportunity_id": "O",
        "lead_id": "L1",
        "created_at": START + 11 * DAY,
        "closed_at": None,
        "stage": None,
        "amount": None,
        "recorded_at": None,
    }
    world = one_lead(
        leads=[lead, {**lead, "lead_id": "L1"}], opportunities=[deal],
        merges=[{"from_id": "L0", "into_id": "L1", "merged_at": START + 10 * DAY, "recorded_at": None}],
    )  # fmt: skip
    put(world, folder)
    with Run(config_of(asked(reaches="opportunity"), folder)) as run:
        snapshots.for_training(run.config, run.loaded)
        labels.attach_labels(run.config, run.loaded)
        assert run.store.rows(f"SELECT lead_id, state FROM labelled WHERE as_of = {START + 7 * DAY} ORDER BY 1") == [
            ("L0", "positive"),
            ("L1", "positive"),
        ]


def test_a_landmark_listed_twice_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        config_of(asked(every=None, landmarks=(DAY, DAY)), folder)


def test_a_lead_without_acts_has_counts_of_zero_and_no_recency(folder: Path) -> None:
    put(one_lead(), folder)
    with Run(config_of(asked(), folder)) as run:
        built = run.night(START + DAY)
        assert (
            value(built, "n_any_ever") == 0.0 and math.isnan(value(built, "since_any")) and value(built, "age") == 1.0
        )

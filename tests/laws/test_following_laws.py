"""Laws 1, 2 and 4 for the questions that follow the first: row by row in plain Python, and with the future cut off or poisoned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from leadline.config.schema import Config
from leadline.dataset import labels, snapshots
from leadline.errors import DataError
from leadline.features import catalog
from leadline.workflows.training import later_outcomes
from leadline.workflows.training.later_outcomes import LaterStages, StageQuestion
from oracle import DAY, Rules
from small_crm import HALF, LAST, START, WORDS, Run, World, config_of, later_than, put, rules, same, worlds

when = st.integers(20, LAST).map(lambda k: START + k * HALF)
spans = st.sampled_from([3 * DAY, 7 * DAY])


@st.composite
def climbers(draw: st.DrawFn) -> World:
    """A little world in which most leads reach SQL, and some of them won, near the ends of both horizons."""
    world = draw(worlds())
    for r in world["leads"]:
        sql = START + draw(st.integers(10, 40)) * HALF
        gap = draw(st.sampled_from([0, DAY, 3 * DAY - 1, 3 * DAY, 7 * DAY - 1, 7 * DAY, None]))
        steps = [("sql", sql), *([] if gap is None else [("closed_won", sql + gap)])]
        late = draw(st.sampled_from([0, 0, DAY, 9 * DAY]))
        named = [{"lead_id": r["lead_id"], "stage": w, "changed_at": at, "recorded_at": at + late} for w, at in steps]
        world["stages"] += named if draw(st.integers(0, 4)) else []
    alive = {"lead_id": "L-unknown", "stage": "mql", "changed_at": START + LAST * HALF, "recorded_at": None}
    return {**world, "stages": [*world["stages"], alive]}


def two(asked: Rules, within: int, folder: Path) -> Config:
    """The first question is of SQL; the second of won, so much later."""
    config = config_of(replace(asked, reaches="sql"), folder)
    outcome = config.outcome.model_dump(mode="json", exclude_none=True, exclude={"won_within"})
    then = {"reaches": "won", "within": f"{within // (3_600 * 1_000_000)}h", "delay": outcome["delay"]}
    return Config.model_validate(
        {**config.model_dump(mode="json", by_alias=True, exclude_none=True), "outcome": [outcome, then]}
    )


def follow(run: Run) -> tuple[LaterStages, Any]:
    snapshots.for_training(run.config, run.loaded)
    labels.attach_labels(run.config, run.loaded)
    known = labels.fetch_labels(run.config, run.loaded)
    built = run.features(
        tuple(s for s in catalog.list_features(run.config, run.loaded) if s.aggregate in ("age", "value"))
    )
    return later_outcomes.gather_later_stages(run.config, run.loaded, known, built, run.config.roles), built


def rows_of(step: StageQuestion, built: Any) -> dict[tuple[str, int], float]:
    return dict(
        zip(
            zip(built.lead_id[step.rows], built.as_of[step.rows].tolist(), strict=True),
            step.labels.y.tolist(),
            strict=True,
        )
    )


@settings(max_examples=25)
@given(world=climbers(), asked=rules(), within=spans)
def test_who_is_asked_and_what_came_equal_the_oracles(folder: Path, world: World, asked: Rules, within: int) -> None:
    asked = replace(asked, reaches="sql")
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until)["leads"])
    put(world, folder)
    with Run(two(asked, within, folder)) as run:
        told, built = follow(run)
    known_at = run.loaded.known_at
    persons = oracle.people(oracle.cut(world, known_at), asked)
    wanted = {}
    for lead, as_of in oracle.snapshots(persons, asked, known_at):
        if (
            oracle.state(persons[lead], asked, as_of, until) != "positive"
            or as_of + asked.horizon + within + asked.delay > until
        ):
            continue
        sql, won = oracle.outcome(persons[lead], "sql"), oracle.outcome(persons[lead], "won")
        assert sql is not None
        wanted[lead, as_of] = float(won is not None and sql[0] <= won[0] < sql[0] + within)
    step = told.steps[0]
    assert rows_of(step, built) == wanted
    assert (step.counts.positive, step.counts.negative) == (sum(wanted.values()), len(wanted) - sum(wanted.values()))
    each = {lead: 1 / sum(1 for other, _ in wanted if other == lead) for lead, _ in wanted}
    np.testing.assert_allclose(step.labels.weight, [each[lead] for lead in built.lead_id[step.rows]])
    assert (step.labels.known_at >= built.as_of[step.rows] + asked.horizon + within + asked.delay).all()


@settings(max_examples=6)
@given(world=climbers(), asked=rules(), within=spans, as_of=when, poison=st.data())
def test_what_is_known_later_changes_no_row_of_the_second_question(
    folder: Path, world: World, asked: Rules, within: int, as_of: int, poison: st.DataObject
) -> None:
    seen, later = later_than(world, as_of)
    assume(oracle.observed_until(world, asked, as_of) is not None and seen["leads"])
    leads = st.sampled_from([r["lead_id"] for r in world["leads"]])
    poisoned = {t: [*rows, *later[t]] for t, rows in seen.items()}
    poisoned["stages"] = [
        *poisoned["stages"],
        *(
            {"lead_id": poison.draw(leads), "stage": w, "changed_at": as_of, "recorded_at": None}
            for w in ("sql", "closed_won")
        ),
    ]
    made = []
    for log in (seen, poisoned):
        put(log, folder)
        with Run(two(asked, within, folder), as_of) as run:
            made.append(follow(run))
    (one, built), (other, again) = made
    same(built, again)
    assert (one.deals is None) == (other.deals is None)
    if one.deals is not None and other.deals is not None:
        same(one.deals.features, other.deals.features)
        assert one.deals.amount.tobytes() == other.deals.amount.tobytes()
    for a, b in zip(one.steps, other.steps, strict=True):
        assert a.rows.tobytes() == b.rows.tobytes() and a.counts == b.counts
        for name in ("y", "weight", "known_at", "outcome_at", "outcome_recorded_at"):
            assert getattr(a.labels, name).tobytes() == getattr(b.labels, name).tobytes(), name


def lead(name: str) -> dict[str, Any]:
    return {"lead_id": name, "account_id": "A0", "created_at": START, "country": "NL", "size": 1.0, "recorded_at": None}


def stage(name: str, word: str, day: float, recorded: float | None = None) -> dict[str, Any]:
    known = None if recorded is None else START + int(recorded * DAY)
    return {"lead_id": name, "stage": word, "changed_at": START + int(day * DAY), "recorded_at": known}


def deal(name: str, day: float, amount: float | None, word: str = "closed_won", lead_id: str = "L0") -> dict[str, Any]:
    closed = START + int(day * DAY)
    return {
        "opportunity_id": name, "lead_id": lead_id, "created_at": START + 8 * DAY, "closed_at": closed, "stage": word,
        "amount": amount, "recorded_at": None,
    }  # fmt: skip


def made(folder: Path, stages: list[dict[str, Any]], **tables: list[dict[str, Any]]) -> LaterStages:
    blank: World = {t: [] for t in ("accounts", "events", "opportunities", "history", "merges")}
    alive = stage("L-other", "mql", 60)
    put({**blank, "leads": [lead("L0"), lead("L1")], **tables, "stages": [alive, *stages]}, folder)
    with Run(two(Rules("sql", 7 * DAY, every=7 * DAY, words=WORDS), 7 * DAY, folder)) as run:
        told, _ = follow(run)
        # The labelled snapshots are back in their place for what is asked next.
        assert run.store.rows("SELECT COUNT(label) > 0 FROM snapshots") == [(True,)]
        return told


@pytest.mark.parametrize(("day", "label"), [(9.0, 1.0), (15.99, 1.0), (16.0, 0.0)])
def test_won_counts_from_the_stage_before_it_and_not_from_as_of(folder: Path, day: float, label: float) -> None:
    step = made(folder, [stage("L0", "sql", 9), stage("L0", "closed_won", day)]).steps[0]
    assert step.labels.y.tolist() == [label] and step.labels.weight.tolist() == [1.0]


def test_a_lead_lost_after_the_stage_is_a_negative_and_one_that_never_got_there_isnt_asked(folder: Path) -> None:
    step = made(folder, [stage("L0", "sql", 9), stage("L0", "closed_lost", 10)]).steps[0]
    assert (step.labels.y.tolist(), step.counts.negative, len(step.rows)) == ([0.0], 1, 1)


def test_a_win_recorded_late_trains_only_from_then_on(folder: Path) -> None:
    step = made(folder, [stage("L0", "sql", 9), stage("L0", "closed_won", 10, recorded=40)]).steps[0]
    assert (step.labels.known_at.tolist(), step.labels.y.tolist()) == ([START + 40 * DAY + 1], [1.0])


def test_deals_are_each_leads_first_won_one_with_an_amount(folder: Path) -> None:
    deals = [deal("O1", 12, 100.0), deal("O2", 12, 50.5), deal("O3", 14, 900.0), deal("O4", 11, 700.0, "closed_lost"),
             deal("O5", 11, None, lead_id="L1"), deal("O6", 70, 900.0, lead_id="L1")]  # fmt: skip
    told = made(folder, [stage("L0", "sql", 9)], opportunities=deals)
    assert told.deals is not None
    assert told.deals.amount.tolist() == [150.5]  # what closed at one instant is one purchase; day 70 isn't known yet
    assert told.deals.features.as_of.tolist() == [START + 12 * DAY + 1]


def test_nobody_ripe_is_an_error_before_anything_is_fitted(folder: Path) -> None:
    put({**{t: [] for t in ("accounts", "events", "opportunities", "history", "merges")}, "leads": [lead("L0")],
         "stages": [stage("L0", "sql", 9), stage("L-other", "mql", 16)]}, folder)  # fmt: skip
    with Run(two(Rules("sql", 7 * DAY, every=7 * DAY, words=WORDS), 7 * DAY, folder)) as run:
        _, known, built = run.train()
        assert known.y.sum() == 1
        with pytest.raises(
            DataError,
            match=r"no lead that reached sql is old enough to count for won within 7d \(1 snapshots aren't yet\)",
        ):
            later_outcomes.fetch_later_stages(run.config, run.loaded, known, built, run.config.roles)


def test_a_deal_of_a_record_that_was_merged_counts_once(folder: Path) -> None:
    merges = [{"from_id": "L0", "into_id": "L1", "merged_at": START + 20 * DAY, "recorded_at": None}]
    told = made(folder, [stage("L0", "sql", 9)], opportunities=[deal("O1", 12, 100.0)], merges=merges)
    assert told.deals is not None
    assert (told.deals.features.lead_id.tolist(), told.deals.amount.tolist()) == (["L1"], [100.0])

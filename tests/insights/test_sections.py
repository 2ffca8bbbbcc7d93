"""What the sections on assets, committees, intent stages and pictures say: counted by hand, and never of too few leads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY, Horizon
from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_journeys import LastActivity
from leadline.dataset.usage import AssetUsage, RoleArrivals
from leadline.evaluation import model_plots
from leadline.explanation.drivers import Driver
from leadline.features.families.intent_stage import STAGES, IntentRule
from leadline.insights import assets, committees, intent_stages, rates_by_level
from leadline.insights.behaviours import LabeledSnapshots
from leadline.insights.rates_by_level import OTHER, conversion_by_level, pool_rare_levels

MONTH = Horizon.parse("30d")
TERMS = assets.AssetWindows(MONTH, Horizon.parse("90d"), Horizon(0), 400 * DAY)
NEVER = math.nan


def objects(values: Any) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def rows(y: Any, account: Any = None) -> LabeledSnapshots:
    lead = objects([f"L{n}" for n in range(len(y))])
    return LabeledSnapshots(
        np.asarray(y, dtype=np.float64), np.ones(len(y)), lead, lead if account is None else objects(account)
    )


def used(used_at: list[int], reached: list[list[float]], asset: str = "pack") -> AssetUsage:
    lead = objects([f"L{n}" for n in range(len(used_at))])
    account = objects([f"A{n // 2}" if n % 5 else None for n in range(len(used_at))])
    times = np.array(reached, dtype=np.float64).reshape(-1, 4) * DAY
    return AssetUsage(objects([asset] * len(lead)), lead, account, np.array(used_at, dtype=np.int64) * DAY, times)


def test_what_followed_counts_ripe_first_uses_of_leads_that_had_not_been_there() -> None:
    soon, before, late = [105, 110, 125, NEVER], [50, 60, 70, NEVER], [100 + 31, NEVER, NEVER, NEVER]
    told = used([100] * 80 + [390] * 40, [soon] * 30 + [before] * 25 + [late] * 25 + [[395] + [NEVER] * 3] * 40)
    found = assets.summarize_asset(told, "pack", TERMS, told.lead_id, {})
    share = {part.level: (part.leads, part.rate) for part in found.followed}
    assert share["next"] == (80, 30 / 80)  # not yet ripe: the last 40; a month and a day is too late
    assert share["sql"] == (55, 30 / 55)  # 25 had reached SQL before
    assert share["opportunity"] == (55, 30 / 55)
    assert math.isnan(share["won"][1])  # nobody at all was won: the data don't tell of wins
    known = used([100] * 80 + [390], [soon] * 80 + [[*soon[:3], 350]])
    assert {p.level: p.rate for p in assets.summarize_asset(known, "pack", TERMS, known.lead_id, {}).followed}[
        "won"
    ] == 0.0
    assert found.days == (30, 10.0, 10.0, 10.0)
    assert found.leads == 120 and found.accounts == len(set(told.account_id) - {None})


def test_who_used_it_is_told_by_levels_that_many_share() -> None:
    told = used([100] * 10, [[NEVER] * 4] * 10)
    lead = objects([f"L{n}" for n in range(60)])
    role = objects(["cfo"] * 30 + ["cto"] * 25 + ["Jane Doe, sole of her kind"] * 4 + [None])
    found = assets.summarize_asset(told, "pack", TERMS, lead, {"role": role, "source": None})
    assert found.by_role == (("cfo", 10, 30), ("cto", 0, 25), (OTHER, 0, 4)) and found.by_source == ()
    assert math.isnan(found.days[1]) and all(part.too_few for part in found.followed)


def test_recent_users_stand_beside_leads_of_the_same_stage() -> None:
    stage = objects(["purchase_ready"] * 200 + ["no_recent_intent"] * 200)
    did = np.zeros(400, dtype=bool)
    did[:100] = True
    y = np.concatenate([np.tile([1.0, 0.0], 100), np.zeros(200)])
    found = assets.adjusted_lift(rows(y), did, stage, STAGES)
    assert found.lift == pytest.approx(1.0) and found.without_it == 0.5 and not found.too_few
    alone = assets.adjusted_lift(rows(y), did, None, STAGES)
    assert alone.lift == pytest.approx(0.5 / (50 / 300))
    assert assets.adjusted_lift(rows(y), did & (np.arange(400) < 10), stage, STAGES).too_few


def test_an_arrival_counts_in_the_span_and_only_where_nobody_had_come_before() -> None:
    as_of = np.full(200, 100 * DAY)
    first = np.repeat([95.0, 60.0, NEVER, 95.0, NEVER], 40) * DAY
    outcome = np.repeat([True, True, True, False, False], 40)
    told = RoleArrivals(("cfo",), as_of, outcome, np.ones(200), objects([f"A{n}" for n in range(200)]), first[:, None])
    (role,) = committees.arrival_shares(told, MONTH)
    assert (role.number, role.with_it, role.without_it, role.too_few) == (40, 0.5, 0.5, False)
    assert role.lift == pytest.approx(1.0) and role.low < 1 < role.high
    edge = RoleArrivals(("cfo",), np.array([31 * DAY, 31 * DAY]), np.array([True, False]), np.ones(2), objects(["a", "b"]),
                    np.array([[1.0 * DAY], [1.0 * DAY - 1]]))  # fmt: skip
    assert committees.arrival_shares(edge, MONTH)[0].number == 1


def test_people_are_the_lead_where_it_acted_and_its_colleagues() -> None:
    own, others = np.repeat([0.0, 3.0], 50), np.tile([0.0, 1.0, 2.0, 9.0, np.nan], 20)
    found = {part.level: part.leads for part in committees.conversion_by_engaged(rows(np.zeros(100)), own, others)}
    assert found == {"nobody": 20, "1": 30, "2": 20, "3": 10, "4 and more": 20}


@given(st.lists(st.sampled_from(STAGES), min_size=1, max_size=80), st.randoms())
def test_stages_add_up_to_the_open_leads_and_tiers_to_the_stages(stages: list[str], draw: Any) -> None:
    tier, p = objects([draw.choice("AB") for _ in stages]), np.array([draw.random() for _ in stages])
    rule = IntentRule(Horizon.parse("14d"), ("purchase", "evaluation", "awareness"))
    told = intent_stages.summarize_intent_stages(
        rule, rows(np.zeros(len(stages))), objects(stages), objects(stages), tier, p, ["A", "B"]
    )
    assert sum(now.leads for now in told.now) == len(stages) == sum(part.leads for part in told.past)
    assert all(sum(now.tiers) == now.leads for now in told.now)
    assert sum(now.expected for now in told.now) == pytest.approx(p.sum())


def test_a_share_has_an_exact_interval_at_the_number_of_independent_rows() -> None:
    y = np.tile([1.0, 0.0, 0.0, 0.0], 50)
    (alone,) = conversion_by_level(rows(y), objects(["x"] * 200), ["x"])
    (clustered,) = conversion_by_level(
        rows(np.sort(y), [f"A{n // 4}" for n in range(200)]), objects(["x"] * 200), ["x"]
    )
    assert alone.rate == clustered.rate == 0.25
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)
    assert (alone.low, alone.high) == pytest.approx((0.1916, 0.3160), abs=2e-3)  # Clopper and Pearson's of 50 in 200


def test_levels_that_few_share_have_no_name() -> None:
    level, lead = objects(["web"] * 40 + ["fair"] * 20 + ["Jane"] * 19 + [None]), objects(list(map(str, range(80))))
    assert set(pool_rare_levels(level, lead, 5)) == {"web", "fair", OTHER, None}
    assert set(pool_rare_levels(level, lead, 1)) == {"web", OTHER, None}
    assert set(pool_rare_levels(level, objects(["one"] * 80), 5)) == {OTHER, None}  # rows of one lead are one


def test_timings_and_sources_say_nothing_of_too_few() -> None:
    told = LastActivity(objects(["call"] * 40 + ["blog"] * 19), np.concatenate([np.arange(40.0), np.ones(19)]))
    call, blog, never = rates_by_level.behaviour_timings(told, ["call", "blog", "never"])
    assert (call.early, call.median, call.late) == (9.75, 19.5, 29.25) and blog.leads == 19
    assert math.isnan(blog.median) and never.leads == 0
    did, y = np.tile([True, False], 100), np.tile([1.0, 1.0, 0.0, 0.0], 50)
    lead = objects([f"L{n}" for n in range(200)])
    split = rates_by_level.lift_by_source(
        "source", objects(["web"] * 180 + ["fair"] * 20), [("call", did)], y, np.ones(200), lead, lead
    )
    assert split is not None and split.sources == ("web", "fair") and split.leads == (180, 20)
    web, fair = split.lifts[0][1]
    assert web.lift == pytest.approx(1.0) and fair.too_few
    assert (
        rates_by_level.lift_by_source("source", objects(["web"] * 200), [("call", did)], y, np.ones(200), lead, lead)
        is None
    )


def test_pictures_hold_ranks_and_bins_of_many_and_nobodys_value() -> None:
    rng = np.random.default_rng(7)
    n = 1000
    values = pd.DataFrame(
        {"n_call": rng.poisson(1.0, n) * 1.0, "size": rng.random(n) * 12_345.678, "country": objects(["NL"] * n)}
    )
    values.loc[:99, "size"] = np.nan
    specs = [
        Feature("n_call", "behaviour", "call", "count", "count", "called"), Feature("size", "fit", "size", "number", "value", "size", "leads"),
        Feature("country", "fit", "country", "category", "value", "is in", "leads"),
    ]  # fmt: skip
    effect = np.stack([values["n_call"] * 0.1, np.nan_to_num(values["size"]) * 1e-5, np.full(n, 0.01)], axis=1)
    ranked = [Driver(s.group, s.words, 1.0, 1.0, 1.0) for s in specs]
    told = model_plots.model_plot_data(
        specs, values, effect, ranked, {(0, 1): np.array([0.5, -0.5]), (1, 2): np.array([0.1, 0.1])}
    )
    assert (told.rows, told.drawn, told.meeting) == (1000, 400, 2)
    assert [(p.one, p.other, p.strength) for p in told.pairs] == [("n_call", "size", 0.5), ("size", "country", 0.1)]
    swarm = {s.feature: s.points for s in told.swarms}
    assert {r for _, r in swarm["country"]} == {None} and {r for _, r in swarm["size"]} >= {None, 0.0, 1.0}
    assert all(r is None or 0 <= r <= 1 for points in swarm.values() for _, r in points)
    calls, size = told.dependences
    assert (
        [s.feature for s in told.dependences] == ["n_call", "size"]
        and size.bins[0].is_missing
        and size.bins[0].rows == 100
    )
    assert sum(b.rows for b in size.bins) == 1000 and all(b.rows >= 20 for b in (*calls.bins, *size.bins))
    assert [b.mean for b in size.bins[1:]] == sorted(b.mean for b in size.bins[1:])
    assert math.isnan(size.bins[1].low) and math.isnan(size.bins[-1].high)  # neither end is anybody's value
    assert calls.bins[0].mean == 0.0 and calls.bins[0].high == 0.0

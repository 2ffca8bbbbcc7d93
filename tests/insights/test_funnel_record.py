"""The funnel's record: levels add up to all, months that aren't ripe have no rate, touches and costs equal a loop; no lead is in it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from leadline.core.point_in_time import DAY, month_end, month_in, months_of
from leadline.dataset.lead_journeys import CampaignSpend, DealAmounts
from leadline.insights import funnel
from leadline.insights.first_touch import waiting_quantiles
from made_journeys import START, TERMS, climbers


@pytest.fixture(scope="module")
def told():
    return funnel.funnel_summary(climbers(), TERMS)


@pytest.mark.parametrize("by", ["source", "campaign"])
def test_levels_add_up_to_all(told, by: str) -> None:
    assert sum(level["leads"] for level in told[by]) == told["leads"]
    for n, step in enumerate(told["all"]):
        for count in ("entered", "reached", "ended", "censored", "timed"):
            assert sum(level["steps"][n][count] for level in told[by]) == step[count]


def test_months_add_up_too_and_what_is_not_ripe_has_no_rate(told) -> None:
    assert sum(month["leads"] for month in told["months"]) == told["leads"]
    for n, step in enumerate(told["all"]):
        mine = [month["steps"][n] for month in told["months"]]
        assert sum(m["entered"] for m in mine) == step["entered"]
        assert all(m["rate"] is None and m["days"] == [None] * 3 for m in mine if not m["complete"])
        assert any(m["complete"] for m in mine) and not mine[-1]["complete"]
        assert all(m["censored"] == 0 for m in mine if m["complete"])


def test_it_is_json_and_holds_no_lead_and_no_rare_name() -> None:
    source = climbers().source
    source[:19] = "Ann Canary's list"
    text = json.dumps(funnel.funnel_summary(climbers(source=source), TERMS), allow_nan=False)
    assert "Canary" not in text and '"L0' not in text and '"A1' not in text and "(other)" in text


def test_without_attributes_touches_spend_or_events_it_says_so_by_none() -> None:
    nothing, none = np.full(600, np.nan), np.full(600, None, dtype=object)
    bare = climbers(
        source=none, campaign=none, names=("", ""), touched_from=float("nan"), touched_until=float("nan"), first_act=nothing, spent=CampaignSpend(),
    )  # fmt: skip
    told = funnel.funnel_summary(bare, TERMS)
    assert (told["source"], told["campaign"], told["touches"], told["cost"], told["first_act"]) == (
        [],
        [],
        None,
        None,
        None,
    )


def test_an_empty_funnel_is_told_too() -> None:
    told = funnel.funnel_summary(climbers(1), TERMS)
    assert told["leads"] == 1 and json.dumps(told, allow_nan=False)


def test_touches_equal_a_loop_over_mqls(told) -> None:
    seen, hours, waits = climbers(), [], []
    counts = {"within": 0, "before": 0, "decided": 0}
    for n in range(len(seen)):
        mql, sql, touch = seen.reached[n, 1], seen.reached[n, 2], seen.touched[n]
        if math.isnan(mql) or seen.told[n, 1] != mql or mql + DAY > seen.until:  # an SLA of a day is known after a day
            continue
        ends = [x for x in (sql, seen.rejected[n]) if x >= mql]
        due = DAY if math.isnan(touch) else min(DAY, touch - mql)
        if ends and min(ends) < mql + due:
            counts["decided"] += 1
            continue
        hours.append(math.inf if math.isnan(touch) else (touch - mql) / DAY * 24)
        waits.append((seen.until - mql) / DAY * 24 if math.isnan(touch) and not ends else math.nan)
        counts["within"] += not math.isnan(touch) and touch <= mql + DAY
    every = told["touches"]["all"]
    assert (
        every["mqls"] == len(hours)
        and every["within"] == counts["within"]
        and told["touches"]["decided"] == counts["decided"]
    )
    assert every["median"] == pytest.approx(first_time_half_are_touched(hours, waits))
    assert every["p90"] is None and every["never"] == sum(map(math.isinf, hours)) and told["touches"]["before"] == 0
    months = told["touches"]["months"]
    assert sum(m["mqls"] for m in months) == len(hours) and sum(m["within"] for m in months) == counts["within"]
    assert [m["so_far"] for m in months] == [False] * (len(months) - 1) + [True]
    compared = told["touches"]["compared"]
    assert compared["in_time"]["mqls"] + compared["late"]["mqls"] <= len(hours)


def first_time_half_are_touched(hours: list[float], waits: list[float]) -> float:
    """Kaplan and Meier by hand: at each touch, the share that is left falls by those touched among those still waiting then."""
    left = 1.0
    for moment in sorted(h for h in hours if math.isfinite(h)):
        waiting = sum((w if math.isfinite(w) else h) >= moment for h, w in zip(hours, waits, strict=True))
        left *= 1 - 1 / waiting
        if left <= 0.5:
            return moment
    return math.nan


def test_who_has_only_begun_to_wait_changes_no_median() -> None:
    rng = np.random.default_rng(1)
    hours = rng.exponential(10, 4001)
    full = waiting_quantiles(hours, np.full(4001, np.nan))
    waited = rng.uniform(0, 40, 4001)
    seen = np.where(hours <= waited, hours, np.inf)
    cut = waiting_quantiles(seen, np.where(np.isinf(seen), waited, np.nan))
    assert full[0] == np.median(hours) and cut == pytest.approx(full, rel=0.1)


def test_a_month_without_leads_is_told_as_empty_and_newer_ones_so_far(told) -> None:
    gone = climbers()
    march = (months_of(gone.reached[:, 0]) == 650)[:, None]
    gone.reached[march.ravel(), :] = gone.reached[march.ravel(), :] + 31 * DAY
    empty = next(m for m in funnel.funnel_summary(gone, TERMS)["months"] if m["month"] == "2024-03")
    assert empty["leads"] == 0 and empty["steps"][0]["rate"] is None
    seen = climbers()
    newest = [m["steps"][1] for m in told["months"]][-2]
    month = months_of(seen.reached[:, 1]) == months_of(np.array([seen.until - 20 * DAY]))[0]
    assert not newest["complete"] and newest["rate"] is None
    assert (newest["stood"], newest["so_far"]) == (month.sum(), (month & (seen.reached[:, 2] < seen.until)).sum())


def world_with_deals(**changed) -> object:
    seen = climbers(2000, **changed)
    won = np.flatnonzero(np.isfinite(seen.reached[:, 4]))
    amount = 1000.0 * (1 + won % 3)
    return replace(seen, deals=DealAmounts(seen.lead[won], seen.reached[won, 4], amount))


def test_revenue_is_that_of_the_deals_of_leads_old_enough_to_be_won() -> None:
    seen = world_with_deals()
    cost = funnel.funnel_summary(seen, TERMS)["cost"]
    web = next(c for c in cost["source"] if c["level"] == "web")["revenue"]
    paid = brought = wins = leads = 0
    months = {m for m in range(648, 659) if month_end(m) + 180 * DAY <= seen.until}
    for n in range(len(seen)):
        if seen.campaign[n] == "web-a" and months_of(seen.reached[n : n + 1, 0])[0] in months:
            leads += 1
            if seen.reached[n, 4] < seen.reached[n, 0] + 180 * DAY:
                wins += 1
                brought += 1000.0 * (1 + n % 3)
    paid = 500.0 * len(months)
    assert (web["leads"], web["wins"], web["cost"], web["amount"]) == (leads, wins, paid, brought)
    assert web["per_spend"] == brought / paid and web["per_win"] == paid / wins
    assert web["low"] < web["per_spend"] < web["high"] and web["win_low"] < web["per_win"] < web["win_high"]


def test_wins_of_one_account_widen_the_intervals_of_cost_and_revenue() -> None:
    seen = world_with_deals()
    alone = funnel.funnel_summary(seen, TERMS)["cost"]["all"]
    account = seen.account.copy()
    account[np.isfinite(seen.reached[:, 2])] = "one"
    together = funnel.funnel_summary(replace(seen, account=account), TERMS)["cost"]["all"]
    assert together["each"] == alone["each"] and together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])
    assert together["revenue"]["high"] - together["revenue"]["low"] > 2 * (
        alone["revenue"]["high"] - alone["revenue"]["low"]
    )


def test_money_that_cannot_be_has_no_figure() -> None:
    seen = world_with_deals()
    free = replace(seen.spent, cost=np.zeros(22))
    cost = funnel.funnel_summary(replace(seen, spent=free), TERMS)["cost"]["all"]
    assert cost["each"] is None and cost["low"] is None and cost["revenue"]["per_spend"] is None
    back = funnel.funnel_summary(
        replace(seen, spent=replace(seen.spent, cost=np.where(np.arange(22) == 0, -500.0, 500.0))), TERMS
    )
    assert back["cost"]["all"]["each"] is None
    refunded = replace(
        seen, deals=replace(seen.deals, amount=np.where(np.arange(len(seen.deals.amount)) == 0, -1.0, 9.0))
    )
    assert funnel.funnel_summary(refunded, TERMS)["cost"]["all"]["revenue"] is None
    assert funnel.funnel_summary(climbers(), TERMS)["cost"]["all"]["revenue"] is None


def test_without_an_sla_times_are_told_without_a_verdict() -> None:
    told = funnel.funnel_summary(climbers(), replace(TERMS, sla=None))
    assert told["sla"] is None and told["touches"]["compared"] is None and "within" not in told["touches"]["all"]
    assert told["touches"]["all"]["median"] > 0


def test_touches_before_mql_and_before_the_log_began_are_left_out(told) -> None:
    ever = np.where(np.arange(600) % 2 == 0, START, climbers().touched)
    early = funnel.funnel_summary(climbers(ever=ever), TERMS)["touches"]
    assert early["before"] > 50 and early["all"]["mqls"] < told["touches"]["all"]["mqls"]
    late = funnel.funnel_summary(climbers(touched_from=float(START + 200 * DAY)), TERMS)["touches"]
    assert 0 < late["all"]["mqls"] < told["touches"]["all"]["mqls"]


def test_cost_per_sql_sets_a_month_s_money_against_the_leads_of_that_month(told) -> None:
    seen, cost = climbers(), told["cost"]
    month = months_of(seen.reached[:, 0])
    ripe = [m for m in sorted({*month.tolist()}) if month_end(m) + 90 * DAY <= seen.until]
    mine = (seen.campaign == "web-a") & np.isin(month, ripe)
    sqls = int((mine & (seen.reached[:, 2] < seen.reached[:, 0] + 90 * DAY)).sum())
    web = next(c for c in cost["campaign"] if c["level"] == "web-a")
    assert (web["leads"], web["sqls"]) == (int(mine.sum()), sqls)
    paid = 500.0 * len([m for m in ripe if m - 648 < 11])
    assert web["cost"] == paid and web["each"] == pytest.approx(paid / sqls) and web["low"] < web["each"] < web["high"]
    by_source = {c["level"]: c["cost"] for c in cost["source"]}
    assert by_source == {"web": paid, "fair": paid} and cost["all"]["cost"] == 2 * paid
    assert cost["censored"] == 11_000 - 2 * paid and cost["unknown"] == 0


def test_money_without_an_sql_has_no_cost_and_a_stranger_s_money_is_told_apart() -> None:
    spent = CampaignSpend(
        np.array(["WEB-A ", "nobody"], dtype=object), np.array([START, START], dtype=float), np.array([100.0, 7.0])
    )
    nobody = climbers(spent=spent)
    nobody.reached[:, 2:] = np.nan
    cost = funnel.funnel_summary(nobody, TERMS)["cost"]
    assert (
        cost["unknown"] == 7 and cost["all"]["each"] is None and cost["all"]["high"] is None and cost["all"]["low"] > 0
    )


def test_months_are_arithmetic_on_utc_and_dates_of_tables_on_their_zone() -> None:
    edges = [
        np.datetime64(d, "us").astype(np.int64).astype(float) for d in ("2024-02-29T23:59:59.999999", "2024-03-01")
    ]
    assert months_of(np.array(edges)).tolist() == [649, 650]
    assert month_in(np.datetime64("2024-02-29T23:00", "us").astype(float), "Europe/Amsterdam") == 650
    assert [month_end(m) for m in (648, 659)] == [
        np.datetime64(d, "us").astype(np.int64) for d in ("2024-02-01", "2025-01-01")
    ]

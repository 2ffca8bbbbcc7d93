"""The funnel's record: levels add up to all, months that aren't ripe have no rate, touches and costs equal a loop; no lead is in it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from leadline.core.point_in_time import DAY, month_end, month_in, months_of
from leadline.dataset.lead_journeys import CampaignSpend
from leadline.insights import funnel
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
    seen, hours = climbers(), []
    counts = {"within": 0, "before": 0, "decided": 0}
    for n in range(len(seen)):
        mql, sql, touch = seen.reached[n, 1], seen.reached[n, 2], seen.touched[n]
        if math.isnan(mql) or seen.told[n, 1] != mql or mql + 90 * DAY > seen.until:
            continue
        ends = [x for x in (sql, seen.rejected[n]) if x >= mql]
        waits = DAY if math.isnan(touch) else min(DAY, touch - mql)
        if ends and min(ends) < mql + waits:
            counts["decided"] += 1
            continue
        hours.append(math.inf if math.isnan(touch) else (touch - mql) / DAY * 24)
        counts["within"] += not math.isnan(touch) and touch <= mql + DAY
    every = told["touches"]["all"]
    assert (
        every["mqls"] == len(hours)
        and every["within"] == counts["within"]
        and told["touches"]["decided"] == counts["decided"]
    )
    assert every["median"] == pytest.approx(sorted(hours)[math.ceil(len(hours) / 2) - 1])
    assert every["p90"] is None and every["never"] == sum(map(math.isinf, hours)) and told["touches"]["before"] == 0
    compared = told["touches"]["compared"]
    assert compared["in_time"]["mqls"] + compared["late"]["mqls"] <= len(hours)


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

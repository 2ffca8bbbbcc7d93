"""Steps between rungs: counts equal a loop over people; who isn't ripe counts nowhere; what comes later changes no rate."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.config.schema import LADDER
from leadline.core.point_in_time import DAY
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.stage_conversion import (
    FunnelSettings,
    StageConversion,
    account_codes,
    conversion_interval,
    count_conversion,
    observed_quantiles,
    observed_stages,
    stage_pairs,
    stage_transitions,
)
from made_journeys import START, TERMS, UNTIL, climbers


def steps(seen: LeadJourneys, terms: FunnelSettings) -> list[StageConversion]:
    group, every = account_codes(seen), np.arange(len(seen))
    return [count_conversion(way, every, group) for way in stage_transitions(seen, terms)]


def slow(seen: LeadJourneys, terms: FunnelSettings, start: str, end: str) -> tuple[int, int, int, int, list[float]]:
    """One person after another, in plain Python."""
    low, high = LADDER.index(start), LADDER.index(end)
    span = terms.won_within if end == "won" and low < 2 else terms.within
    entered = reached = ended = censored = 0
    days = []
    for n in range(len(seen)):
        at, then = float(seen.reached[n, low]), float(seen.reached[n, high])
        if math.isnan(at) or (terms.since is not None and at < terms.since):
            continue
        if at + span + terms.delay > seen.until:
            censored += 1
            continue
        entered += 1
        if not math.isnan(then) and then < at + span:
            reached += 1
            if low == 0 or seen.told[n, low] == at:
                days.append(max(then - at, 0.0) / DAY)
        elif any(at <= x < at + span for x in (seen.lost[n], seen.rejected[n]) if not math.isnan(x)):
            ended += 1
    return entered, reached, ended, censored, sorted(days)


def terms() -> st.SearchStrategy[FunnelSettings]:
    length = st.sampled_from([5 * DAY, 30 * DAY, 90 * DAY])
    return st.builds(
        FunnelSettings, length, length, st.sampled_from([0, DAY]), st.sampled_from([None, START + 100 * DAY])
    )  # fmt: skip


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40), asked=terms())
def test_steps_equal_a_loop_over_people(seed: int, size: int, asked: FunnelSettings) -> None:
    seen = climbers(size, seed)
    for step in steps(seen, asked):
        entered, reached, ended, censored, days = slow(seen, asked, step.start, step.end)
        assert (step.entered, step.reached, step.ended, step.censored, step.timed) == (
            entered,
            reached,
            ended,
            censored,
            len(days),
        )
        if entered:
            assert step.rate == reached / entered and step.low <= step.rate <= step.high
        if days:
            assert step.days[1] == pytest.approx(
                statistics.median(days)
            )  # of an even number the mean of the middle two
            assert min(days) <= step.days[0] <= step.days[1] <= step.days[2] <= max(days)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), cut=st.integers(100, 390))
def test_a_rate_known_at_a_time_stays_what_it_is(seed: int, cut: int) -> None:
    """Of those who were ripe then, later rows change nothing: the same people counted later give the same share."""
    seen, until = climbers(60, seed), float(START + cut * DAY)
    hidden = {
        name: np.where(getattr(seen, name) < until, getattr(seen, name), np.nan)
        for name in ("reached", "told", "lost", "rejected")
    }
    then = replace(seen, until=until, **hidden)
    both = [{way.pair: way for way in stage_transitions(one, TERMS)} for one in (then, seen)]
    for pair, way in both[0].items():
        later = both[1][pair]
        ripe = way.counted
        assert not (ripe & ~later.counted).any()
        assert (way.went[ripe] == later.went[ripe]).all() and (way.ended[ripe] == later.ended[ripe]).all()


def test_a_rung_that_nobody_tells_of_is_no_step() -> None:
    seen = climbers()
    silent = seen.told.copy()
    silent[:, 1] = np.nan
    assert observed_stages(replace(seen, told=silent)) == [0, 2, 3, 4]
    assert (0, 1) not in stage_pairs([0, 2, 3, 4])


def test_an_account_s_leads_widen_the_interval() -> None:
    went, alone = np.arange(60) < 30, np.arange(60)
    narrow, wide = conversion_interval(went, alone), conversion_interval(went, alone // 10)
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_quantiles_count_never_as_the_longest() -> None:
    assert observed_quantiles(np.array([1.0, np.inf, np.inf]), (0.5, 0.0)) == (np.inf, 1.0)


def test_the_made_up_world_has_what_it_promises() -> None:
    mql = next(s for s in steps(climbers(), TERMS) if (s.start, s.end) == ("mql", "sql"))
    assert mql.entered > 150 and mql.censored > 50 and 0.1 < mql.rate < 0.4
    assert float(np.nanmax(climbers().reached)) < UNTIL

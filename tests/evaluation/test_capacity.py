"""From leads a week to tiers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY, WEEK
from leadline.evaluation.capacity import (
    ScoredRows,
    best_per_week,
    capacity_curve,
    capacity_result,
    capacity_table,
    no_capacity_tiers,
    thresholds_for,
    tiers_for_capacity,
)
from leadline.model.tiers import Tiers

scores = st.lists(st.floats(0, 1).map(lambda p: round(p, 2)), min_size=1, max_size=80)


def cohort(weeks: int = 8, leads: int = 200, seed: int = 0, every: int = WEEK, horizon: int = 0) -> ScoredRows:
    """Every lead is looked at each night."""
    draw = np.random.default_rng(seed)
    lead = np.tile(np.array([f"L{n}" for n in range(leads)], dtype=object), weeks)
    as_of = np.repeat(np.arange(weeks) * every + 12345, leads)
    p = draw.uniform(0, 1, weeks * leads)
    y = (draw.uniform(size=len(p)) < p).astype(float)
    return ScoredRows(p, y, np.ones(len(p)), lead, as_of, horizon, every)


@given(scores, st.floats(0.5, 30))
def test_cuts_fall_as_the_capacity_grows(p: list[float], per_week: float) -> None:
    cuts = thresholds_for(np.array(p), np.ones(len(p)), 2.0, [per_week, 2 * per_week, 5 * per_week])
    assert cuts == sorted(cuts, reverse=True)


@given(scores, st.integers(1, 90))
def test_at_least_so_many_stand_at_or_above_a_cut_and_fewer_above_it(p: list[float], k: int) -> None:
    (cut,) = thresholds_for(np.array(p), np.ones(len(p)), 1.0, [k])
    assert np.sum(np.array(p) >= cut) >= min(k, len(p))
    assert np.sum(np.array(p) > cut) < k


@given(scores, st.floats(0.3, 40), st.sampled_from(["top_n", "threshold"]))
def test_tiers_are_always_bands_with_falling_cuts(p: list[float], per_week: float, mode: str) -> None:
    n = len(p)
    keys = np.zeros(n), np.ones(n), np.array([f"L{i}" for i in range(n)], dtype=object), np.zeros(n, dtype=np.int64)
    tiers = tiers_for_capacity(ScoredRows(np.array(p), *keys), per_week, mode)
    assert len(tiers.volume) == (len(tiers.cuts) if mode == "top_n" else 0)
    assert all(a > b for a, b in zip(tiers.cuts, tiers.cuts[1:], strict=False))
    assert tiers.names == ("A", "B", "C", "D")[: len(tiers.names)]


@pytest.mark.parametrize("per_week", [5.0, 20.0, 40.0])
def test_tier_a_fills_the_week(per_week: float) -> None:
    asked = cohort()
    tiers = tiers_for_capacity(asked, per_week)
    a_week = np.sum(tiers.of(asked.p) == "A") / 8
    assert a_week == pytest.approx(per_week, rel=0.05)


def test_tiers_b_and_c_hold_two_and_four_weeks_more() -> None:
    asked = cohort()
    tier = tiers_for_capacity(asked, 20.0).of(asked.p)
    assert [np.sum(tier == t) / 8 for t in "ABC"] == pytest.approx([20, 40, 80], rel=0.05)


def test_a_flat_file_has_its_best_tenth_in_tier_a() -> None:
    asked = cohort()
    tier = tiers_for_capacity(asked, None, "top_n").of(asked.p)
    assert [np.mean(tier == t) for t in "ABCD"] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)


def test_without_rows_there_is_one_tier() -> None:
    nothing = np.empty(0)
    empty = ScoredRows(nothing, nothing, nothing, nothing.astype(object), nothing.astype(np.int64))
    assert tiers_for_capacity(empty, 40.0) == Tiers()


def test_a_lead_counts_once_a_week_at_its_best() -> None:
    p = np.array([0.2, 0.9, 0.5, 0.4])
    lead = np.array(["a", "a", "b", "a"], dtype=object)
    as_of = np.array([0, 1, 2, WEEK], dtype=np.int64)
    best, label, _, weeks = best_per_week(ScoredRows(p, np.array([0.0, 1.0, 0.0, 0.0]), np.ones(4), lead, as_of))
    assert sorted(best.tolist()) == [0.4, 0.5, 0.9] and weeks == 2.0
    assert label[best == 0.9] == 1.0


def test_more_capacity_finds_more_and_is_less_precise() -> None:
    rows = capacity_table(cohort(), per_week=20.0)
    assert [round(r.leads_per_week) for r in rows] == [10, 15, 20, 30, 40]
    recall, expected, cuts = ([getattr(r, k) for r in rows] for k in ("recall", "expected", "probability"))
    assert recall == sorted(recall) and expected == sorted(expected) and cuts == sorted(cuts, reverse=True)
    assert rows[0].precision > rows[-1].precision
    assert all(r.precision == pytest.approx(r.expected / r.leads_per_week) for r in rows)


def test_rows_that_stand_for_many_count_as_many() -> None:
    asked = cohort()
    (doubled,) = thresholds_for(asked.p, 2 * asked.weight, 8.0, [40.0])
    (single,) = thresholds_for(asked.p, asked.weight, 8.0, [20.0])
    assert doubled == single


def test_weeks_in_which_nobody_was_asked_arent_counted() -> None:
    p = np.linspace(0.01, 0.99, 40)
    as_of = np.repeat([0, 28 * 86_400_000_000], 20).astype(np.int64)
    lead = np.arange(40).astype(object)
    cut = capacity_table(ScoredRows(p, np.ones(40), np.ones(40), lead, as_of), 10.0)[2]
    assert cut.leads_per_week == 10.0
    assert (p >= cut.probability).sum() == 20


@given(st.integers(0, 2**31), st.sampled_from([DAY, WEEK]), st.floats(1, 60))
def test_more_capacity_never_lowers_what_is_expected(seed: int, every: int, per_week: float) -> None:
    rows = capacity_curve(cohort(3, 60, seed, every), per_week)
    assert all(a.expected <= b.expected and a.leads_per_week < b.leads_per_week for a, b in pairwise(rows))


def test_a_lead_is_worked_once_in_a_horizon_and_its_outcome_counts_once() -> None:
    same = np.tile(np.linspace(0.99, 0.5, 50), 4)
    lead, as_of = np.tile(np.arange(50).astype(object), 4), np.repeat(np.arange(4) * WEEK, 50)
    resting = capacity_result(ScoredRows(same, np.ones(200), np.ones(200), lead, as_of, 30 * DAY, WEEK), 20.0)
    assert resting.expected == resting.leads_per_week == 12.5  # 20, 20, and the ten that are left, and nobody
    again = capacity_result(ScoredRows(same, np.ones(200), np.ones(200), lead, as_of, WEEK, WEEK), 20.0)
    assert (again.leads_per_week, again.expected, again.recall) == (20.0, 5.0, 0.4)  # the same twenty, four times
    past = ScoredRows(same[:50], np.ones(50), np.ones(50), lead[:50], as_of[:50] - WEEK, 30 * DAY, WEEK)
    asked = ScoredRows(same, np.ones(200), np.ones(200), lead, as_of, 30 * DAY, WEEK)
    assert capacity_result(asked, 20.0, past).expected == 7.5
    half, twice = (capacity_table(asked, 20.0, past)[n] for n in (0, 4))
    assert (half.expected, twice.expected) == (7.5, 7.5)  # before, twenty a week were worked, whatever comes after


def test_the_best_of_each_night_are_worked_and_not_those_of_all_nights_together() -> None:
    p = np.concatenate([np.linspace(0.9, 0.8, 10), np.linspace(0.3, 0.2, 10)])
    y = 1.0 * np.isin(np.arange(20), [0, 1, 2, 10, 11])
    lead, as_of = np.arange(20).astype(object), np.repeat([0, WEEK], 10)
    cut = capacity_result(ScoredRows(p, y, np.ones(20), lead, as_of, 30 * DAY, WEEK), 2.0)
    assert (cut.leads_per_week, cut.expected, cut.recall) == (2.0, 2.0, 0.8)


def test_the_marginal_rate_is_of_the_leads_around_the_cut() -> None:
    p = np.linspace(0.99, 0.01, 100)
    y = 1.0 * (np.arange(100) < 20)
    cut = capacity_result(
        ScoredRows(p, y, np.ones(100), np.arange(100).astype(object), np.zeros(100, dtype=np.int64)), 20.0
    )
    assert (cut.precision, cut.marginal) == (1.0, 0.5)  # of ranks 17 to 24, the first four are positive


def test_a_fixed_cuts_volume_is_told_by_night() -> None:
    p = np.concatenate([np.linspace(0.9, 0.6, 30), np.linspace(0.9, 0.1, 30)])
    lead, as_of = np.tile(np.arange(30).astype(object), 2), np.repeat([0, WEEK], 30)
    cut = capacity_result(ScoredRows(p, np.ones(60), np.ones(60), lead, as_of, 0, WEEK), 10.0)
    first, second = (np.sum(half >= cut.probability) for half in np.split(p, 2))
    assert (cut.night, cut.night_spread) == ((first + second) / 2, abs(first - second) / 2)


def test_a_night_of_many_in_a_week_holds_fewer_so_that_the_week_holds_as_many() -> None:
    asked = cohort(28, 100, 3, DAY)
    volume = tiers_for_capacity(asked, 20.0, "top_n").volume[0]
    assert 1 <= volume < 20
    top = [set(asked.lead[i * 100 + np.argsort(-asked.p[i * 100 : i * 100 + 100])[: int(volume)]]) for i in range(28)]
    weeks = [len(set().union(*top[7 * n : 7 * n + 7])) for n in range(4)]
    assert 15 <= np.mean(weeks) <= 20
    assert tiers_for_capacity(cohort(), 20.0, "top_n").volume == (20.0, 60.0, 140.0)


def test_nobody_without_capacity_is_in_a_tier_to_be_worked() -> None:
    assert set(no_capacity_tiers().tonight(np.array([0.999, 0.5])).tolist()) == {"D"}

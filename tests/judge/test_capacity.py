"""From leads a week to tiers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.judge.capacity import cuts_for, table, tiers_for, weekly
from leadline.model.scorer import Tiers
from leadline.times import WEEK

scores = st.lists(st.floats(0, 1).map(lambda p: round(p, 2)), min_size=1, max_size=80)


def cohort(weeks: int = 8, leads: int = 200, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Every lead is looked at once a week."""
    draw = np.random.default_rng(seed)
    lead = np.tile(np.array([f"L{n}" for n in range(leads)], dtype=object), weeks)
    as_of = np.repeat(np.arange(weeks) * WEEK + 12345, leads)
    p = draw.uniform(0, 1, weeks * leads)
    y = (draw.uniform(size=len(p)) < p).astype(float)
    return p, y, np.ones(len(p)), lead, as_of


@given(scores, st.floats(0.5, 30))
def test_cuts_fall_as_the_capacity_grows(p: list[float], per_week: float) -> None:
    cuts = cuts_for(np.array(p), np.ones(len(p)), 2.0, [per_week, 2 * per_week, 5 * per_week])
    assert cuts == sorted(cuts, reverse=True)


@given(scores, st.integers(1, 90))
def test_at_least_so_many_stand_at_or_above_a_cut_and_fewer_above_it(p: list[float], k: int) -> None:
    (cut,) = cuts_for(np.array(p), np.ones(len(p)), 1.0, [k])
    assert np.sum(np.array(p) >= cut) >= min(k, len(p))
    assert np.sum(np.array(p) > cut) < k


@given(scores, st.floats(0.3, 40))
def test_tiers_are_always_bands_with_falling_cuts(p: list[float], per_week: float) -> None:
    n = len(p)
    keys = np.zeros(n), np.ones(n), np.array([f"L{i}" for i in range(n)], dtype=object), np.zeros(n, dtype=np.int64)
    tiers = tiers_for(np.array(p), *keys, per_week)
    assert all(a > b for a, b in zip(tiers.cuts, tiers.cuts[1:], strict=False))
    assert tiers.names == ("A", "B", "C", "D")[: len(tiers.names)]


@pytest.mark.parametrize("per_week", [5.0, 20.0, 40.0])
def test_tier_a_fills_the_week(per_week: float) -> None:
    p, y, weight, lead, as_of = cohort()
    tiers = tiers_for(p, y, weight, lead, as_of, per_week)
    a_week = np.sum(tiers.of(p) == "A") / 8
    assert a_week == pytest.approx(per_week, rel=0.05)


def test_tiers_b_and_c_hold_two_and_four_weeks_more() -> None:
    p, y, weight, lead, as_of = cohort()
    tier = tiers_for(p, y, weight, lead, as_of, 20.0).of(p)
    assert [np.sum(tier == t) / 8 for t in "ABC"] == pytest.approx([20, 40, 80], rel=0.05)


def test_a_flat_file_has_its_best_tenth_in_tier_a() -> None:
    p, y, weight, lead, as_of = cohort()
    tier = tiers_for(p, y, weight, lead, as_of, None).of(p)
    assert [np.mean(tier == t) for t in "ABCD"] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)


def test_without_rows_there_is_one_tier() -> None:
    nothing = np.empty(0)
    assert tiers_for(nothing, nothing, nothing, nothing.astype(object), nothing.astype(np.int64), 40.0) == Tiers()


def test_a_lead_counts_once_a_week_at_its_best() -> None:
    p = np.array([0.2, 0.9, 0.5, 0.4])
    lead = np.array(["a", "a", "b", "a"], dtype=object)
    as_of = np.array([0, 1, 2, WEEK], dtype=np.int64)
    best, label, _, weeks = weekly(p, np.array([0.0, 1.0, 0.0, 0.0]), np.ones(4), lead, as_of)
    assert sorted(best.tolist()) == [0.4, 0.5, 0.9] and weeks == 2.0
    assert label[best == 0.9] == 1.0


def test_more_capacity_finds_more_and_is_less_precise() -> None:
    rows = table(*cohort(), per_week=20.0)
    assert [round(r.leads_per_week) for r in rows] == [10, 15, 20, 30, 40]
    recall, expected, cuts = ([getattr(r, k) for r in rows] for k in ("recall", "expected", "probability"))
    assert recall == sorted(recall) and expected == sorted(expected) and cuts == sorted(cuts, reverse=True)
    assert rows[0].precision > rows[-1].precision
    assert all(r.precision == pytest.approx(r.expected / r.leads_per_week) for r in rows)


def test_rows_that_stand_for_many_count_as_many() -> None:
    p, _, weight, *_ = cohort()
    (doubled,) = cuts_for(p, 2 * weight, 8.0, [40.0])
    (single,) = cuts_for(p, weight, 8.0, [20.0])
    assert doubled == single


def test_weeks_in_which_nobody_was_asked_arent_counted() -> None:
    p = np.linspace(0.01, 0.99, 40)
    as_of = np.repeat([0, 28 * 86_400_000_000], 20).astype(np.int64)
    lead = np.arange(40).astype(object)
    cut = table(p, np.ones(40), np.ones(40), lead, as_of, 10.0)[2]
    assert cut.leads_per_week == 10.0
    assert (p >= cut.probability).sum() == 20

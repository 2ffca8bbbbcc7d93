"""Lift within strata: the plain lift where there is one, the standardised one by hand, and an interval that a bootstrap bears out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.metrics.lift import lift_interval, stratified_lift


def test_the_conversion_without_weighs_each_stratum_as_it_does_among_those_with_it() -> None:
    did = np.repeat([True, False, True, False], [30, 100, 10, 50])
    stratum = np.repeat([0, 0, 1, 1], [30, 100, 10, 50])
    y = np.concatenate([np.repeat([1.0, 0.0], pair) for pair in ((6, 24), (10, 90), (5, 5), (20, 30))])
    ratio, low, high, with_it, without = stratified_lift(did, y, np.ones(190), np.arange(190), stratum)
    assert with_it == pytest.approx(11 / 40) and without == pytest.approx((30 * 0.1 + 10 * 0.4) / 40)
    assert ratio == pytest.approx(with_it / without) and low < ratio < high


def test_strata_that_hold_one_side_only_say_nothing() -> None:
    did = np.repeat([True, False, True], [20, 20, 20])
    stratum = np.repeat([0, 0, 1], 20)
    y = np.tile([1.0, 0.0], 30)
    with_all = stratified_lift(did, y, np.ones(60), np.arange(60), stratum)
    assert with_all == stratified_lift(did[:40], y[:40], np.ones(40), np.arange(40), stratum[:40])
    nothing = stratified_lift(did[40:], y[40:], np.ones(20), np.arange(20), stratum[40:])
    assert all(math.isnan(v) for v in nothing)


@given(st.integers(0, 10**6))
def test_strata_that_are_alike_change_nothing(seed: int) -> None:
    """Whether a stratum is told in two halves with the same rates, or as one, the ratio is the same."""
    rng = np.random.default_rng(seed)
    did, y = rng.random(60) < 0.5, (rng.random(60) < 0.5) * 1.0
    twice = [np.tile(column, 2) for column in (did, y, np.ones(60))]
    halves = np.repeat([0, 1], 60)
    one = lift_interval(*twice, np.arange(120))
    two = stratified_lift(*twice, np.arange(120), halves)
    assert one[0] == pytest.approx(two[0], nan_ok=True)


def test_the_interval_is_about_as_wide_as_drawing_accounts_again() -> None:
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(300), 4)
    stratum = rng.integers(0, 2, 300)[account]
    did = rng.random(1200) < 0.2 + 0.4 * stratum
    keen = rng.gamma(2, 0.5, 300)[account]
    y = (rng.random(1200) < np.clip((0.05 + 0.15 * stratum + 0.1 * did) * keen, 0, 1)) * 1.0
    _, low, high, *_ = stratified_lift(did, y, np.ones(1200), account, stratum)
    rows = np.arange(1200).reshape(300, 4)
    drawn = []
    for _ in range(300):
        at = rows[rng.integers(0, 300, 300)].ravel()
        drawn.append(stratified_lift(did[at], y[at], np.ones(1200), account[at], stratum[at])[0])
    wide = np.log(high / low) / (2 * 1.96)
    assert wide == pytest.approx(np.std(np.log(drawn)), rel=0.15)

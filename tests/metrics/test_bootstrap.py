"""Differences by the same draws of accounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.metrics import classification
from leadline.metrics.bootstrap import BootstrapSums, bootstrap_sums, log_loss_difference, max_statistic_bound


def rows(seed: int, n: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 8, n)
    y = (draw.random(n) < p) * 1.0
    other = np.clip(p * draw.uniform(0.7, 1.4, n), 0.001, 0.99)
    return y, draw.integers(1, 4, n) * 1.0, p, other, draw.integers(0, 90, n).astype(str).astype(object)


@given(st.integers(0, 40))
@settings(max_examples=5)
def test_the_difference_is_that_of_the_slow_way(seed: int) -> None:
    y, w, p, other, group = rows(seed)
    fast = log_loss_difference(y, w, p, other, group, seed=1)
    value, low, high = classification.paired_difference(classification.log_loss, y, p, other, group, 1, w, repeats=1000)
    assert fast.value == pytest.approx(value)
    width = high - low
    assert abs(fast.low - low) < 0.2 * width and abs(fast.high - high) < 0.2 * width


@given(st.integers(0, 40))
@settings(max_examples=5)
def test_draws_keep_whole_accounts(seed: int) -> None:
    _, w, _, _, group = rows(seed, 60)
    sums = bootstrap_sums([w * (group == one) for one in np.unique(group)], group, seed, repeats=20)
    own = np.array([w[group == one].sum() for one in np.unique(group)])
    times = sums / own
    assert np.allclose(times, np.round(times)) and np.allclose(times.sum(axis=1), len(own))


def test_one_account_has_no_interval() -> None:
    y, w, p, other, _ = rows(1, 20)
    told = log_loss_difference(y, w, p, other, np.full(20, "a"), seed=1)
    assert np.isfinite(told.value) and np.isnan(told.low) and np.isnan(told.high)


def test_a_ratio_of_nothing_is_no_number() -> None:
    told = BootstrapSums.of({"hits": np.zeros(4), "worked": np.zeros(4)}, np.arange(4), seed=1).ratio("hits", "worked")
    assert np.isnan([told.value, told.low, told.high]).all()


def test_the_worst_of_many_equals_lies_beyond_its_bound_as_often_as_asked() -> None:
    random, beyond = np.random.default_rng(3), 0
    for seed in range(60):
        group = np.arange(200)
        column = random.normal(size=(200, 15))
        sums = bootstrap_sums([*column.T, np.ones(200)], group, seed, repeats=300)
        error, bound = max_statistic_bound(column.mean(axis=0), sums[:, :15] / sums[:, 15:], 0.1, both_sides=False)
        beyond += bool((column.mean(axis=0) + bound * error < 0).any())
    assert beyond <= 14  # 6 are expected, 14 or more come once in a thousand

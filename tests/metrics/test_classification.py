"""Metrics against scikit-learn, and the laws they keep: order of rows, bounds, monotone transforms, seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.metrics import classification

SETTINGS = settings(deadline=None, max_examples=150)


@st.composite
def judged(draw, both: bool = True):
    """Labels, coarse scores (so that ties are common) and whole weights."""
    n = draw(st.integers(2, 40))
    y = np.array(draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n)))
    if both:
        y[:2] = (0.0, 1.0)
    p = np.array(draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))) / 10
    w = np.array(draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)), dtype=float)
    return y, p, w


@SETTINGS
@given(judged())
def test_equal_to_scikit_learn(rows):
    y, p, w = rows
    assert classification.auc(y, p, w) == pytest.approx(peer.roc_auc_score(y, p, sample_weight=w), abs=1e-12)
    assert classification.average_precision(y, p, w) == pytest.approx(
        peer.average_precision_score(y, p, sample_weight=w), abs=1e-12
    )
    assert classification.log_loss(y, p, w) == pytest.approx(peer.log_loss(y, p, sample_weight=w), abs=1e-12)
    assert classification.brier(y, p, w) == pytest.approx(peer.brier_score_loss(y, p, sample_weight=w), abs=1e-12)


@SETTINGS
@given(judged(), st.integers(0, 99))
def test_order_of_rows_is_nothing_and_weights_are_repeats(rows, seed):
    y, p, w = rows
    order = np.random.default_rng(seed).permutation(len(y))
    many = np.repeat(np.arange(len(y)), w.astype(int))
    for metric in (
        classification.auc,
        classification.average_precision,
        classification.log_loss,
        classification.brier,
        classification.expected_calibration_error,
        lambda y, p, w=None: classification.lift_at(y, p, 0.3, w),
        lambda y, p, w=None: classification.precision_at_k(y, p, 3, w),
    ):
        value = metric(y, p, w)
        assert metric(y[order], p[order], w[order]) == pytest.approx(value, abs=1e-12)
        assert metric(y[many], p[many]) == pytest.approx(value, abs=1e-12)


@SETTINGS
@given(judged())
def test_bounds_and_monotone_transforms(rows):
    y, p, w = rows
    auc = classification.auc(y, p, w)
    assert 0 <= auc <= 1
    assert classification.auc(y, np.exp(5 * p) - 3, w) == auc
    assert classification.auc(y, -p, w) == pytest.approx(1 - auc, abs=1e-12)
    assert 0 < classification.average_precision(y, p, w) <= 1
    assert 0 <= classification.expected_calibration_error(y, p, w) <= 1
    assert 0 <= classification.lift_at(y, p, 0.1, w) <= w.sum() / (w * y).sum() + 1e-9
    assert classification.lift_at(y, p, 1.0, w) == pytest.approx(1.0)
    assert classification.lift_at(y, np.full(len(y), 0.5), 0.1, w) == pytest.approx(1.0)


@SETTINGS
@given(judged(), st.integers(1, 45))
def test_precision_at_k_is_the_mean_over_all_orders_of_ties(rows, k):
    y, p, _ = rows
    random = np.random.default_rng(0)
    k = min(k, len(y))
    draws = [y[np.lexsort((random.random(len(y)), -p))[:k]].mean() for _ in range(400)]
    assert classification.precision_at_k(y, p, k) == pytest.approx(np.mean(draws), abs=0.12)


@SETTINGS
@given(judged(both=False))
def test_curve_holds_every_row_once(rows):
    y, p, w = rows
    curve = classification.calibration_curve(y, p, w)
    assert sum(b.count for b in curve) == len(y)
    assert sum(b.weight for b in curve) == pytest.approx(w.sum())
    assert [b.mean_p for b in curve] == sorted(b.mean_p for b in curve)
    assert all(0 <= b.low <= b.rate + 1e-12 and b.rate - 1e-12 <= b.high <= 1 for b in curve)


def test_wilson_interval_of_a_known_case():
    (only,) = classification.calibration_curve([1] * 8 + [0] * 2, [0.5] * 10)
    assert (only.low, only.high) == pytest.approx((0.4902, 0.9433), abs=5e-4)  # Newcombe 1998, method 3


def test_undefined_is_nan_without_a_warning():
    for value in (
        classification.auc([1, 1], [0.1, 0.2]),
        classification.auc([], []),
        classification.average_precision([0, 0], [0.1, 0.2]),
        classification.lift_at([0, 0], [0.1, 0.2]),
        classification.precision_at_k([1, 0], [0.1, 0.2], 0),
        classification.log_loss([], []),
        classification.brier([], []),
        classification.expected_calibration_error([], []),
        *classification.bootstrap_by_group(lambda rows: math.nan, np.arange(3), seed=1, repeats=5),
    ):
        assert math.isnan(value)


def test_certainty_that_is_wrong_is_finite():
    assert 30 < classification.log_loss([1], [0.0]) < 40


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 labels, 1 scores and 2 weights"):
        classification.auc([0, 1], [0.5])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(2, 30))
def test_bootstrap_is_its_seed_and_draws_whole_groups(seed, groups):
    group = np.repeat([f"a{g}" for g in range(groups)], 3)
    seen = []

    def statistic(rows):
        counts = np.bincount(rows, minlength=len(group)).reshape(groups, 3)
        assert (counts == counts[:, :1]).all()
        seen.append(rows)
        return float(rows.mean())

    first = classification.bootstrap_by_group(statistic, group, seed, repeats=20)
    assert first == classification.bootstrap_by_group(statistic, group, seed, repeats=20)
    assert first[0] <= first[1]
    assert len(seen[0]) == len(group)


def test_bootstrap_interval_is_wider_for_dependent_rows():
    y = np.repeat(np.random.default_rng(0).random(40) < 0.3, 25) * 1.0
    rows = classification.bootstrap_by_group(lambda r: y[r].mean(), np.arange(1000), seed=1)
    accounts = classification.bootstrap_by_group(lambda r: y[r].mean(), np.repeat(np.arange(40), 25), seed=1)
    assert accounts[1] - accounts[0] > 3 * (rows[1] - rows[0])


def test_paired_difference_sees_what_single_intervals_miss():
    random = np.random.default_rng(3)
    margin = random.normal(size=1500)
    y = (random.random(1500) < 1 / (1 + np.exp(-margin))) * 1.0
    good, worse = 1 / (1 + np.exp(-margin)), 1 / (1 + np.exp(-(margin + random.normal(0, 0.5, 1500))))
    value, low, high = classification.paired_difference(
        classification.log_loss, y, good, worse, np.arange(1500), seed=5
    )
    assert low < value < high < 0
    assert classification.paired_difference(classification.auc, y, good, good, np.arange(1500), seed=5) == (
        0.0,
        0.0,
        0.0,
    )


def test_one_group_says_nothing_of_how_groups_differ() -> None:
    y, p = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.2, 0.7, 0.4, 0.6])
    low, high = classification.bootstrap_by_group(
        lambda rows: classification.auc(y[rows], p[rows]), np.array(["a"] * 4), seed=1
    )
    assert np.isnan(low)
    assert np.isnan(high)

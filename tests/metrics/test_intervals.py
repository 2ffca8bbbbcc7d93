"""The effective number of snapshots: all of them where they are independent, one an account where they are copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.metrics.classification import calibration_curve
from leadline.metrics.intervals import account_design_effect, measure_sample

LABELS = st.lists(st.booleans(), min_size=2, max_size=60)


def told(y: list[bool] | np.ndarray, group: list[int] | np.ndarray, weight: np.ndarray | None = None):
    y = np.asarray(y, dtype=float)
    return measure_sample(y, np.ones(len(y)) if weight is None else weight, np.arange(len(y)), np.asarray(group))


@given(LABELS)
def test_rows_of_their_own_groups_all_count(y: list[bool]) -> None:
    found = told(y, list(range(len(y))))
    assert found.effective == len(y) == found.accounts and found.design_effect == 1 and found.correlation == 0


@given(LABELS, st.data())
def test_a_group_of_identical_copies_counts_once(y: list[bool], data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(1, 5), min_size=len(y), max_size=len(y)))
    group = np.repeat(np.arange(len(y)), times)
    found = told(np.repeat(y, times), group)
    assert found.effective == pytest.approx(len(y)) and found.accounts == len(y)


@given(LABELS, st.data())
def test_the_effective_number_lies_between_the_groups_and_the_rows(y: list[bool], data: st.DataObject) -> None:
    group = data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y)))
    found = told(y, group)
    assert found.accounts - 1e-9 <= found.effective <= len(y) + 1e-9
    assert found.design_effect == pytest.approx(len(y) / found.effective) and 0 <= found.correlation <= 1
    assert found.effective_positives <= found.positives + 1e-9


@given(LABELS, st.data())
def test_neither_the_order_of_rows_nor_the_names_of_groups_matter(y: list[bool], data: st.DataObject) -> None:
    group = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y))))
    order = np.array(data.draw(st.permutations(range(len(y)))))
    one, two = told(y, group), told(np.asarray(y)[order], [f"account {g}" for g in group[order]])
    assert one.effective == pytest.approx(two.effective)


def test_the_correlation_is_found_again_where_it_is_known() -> None:
    """Of a rate drawn for each account from Beta(1, 3), the label's correlation within accounts is 1 / (1 + 1 + 3)."""
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(4_000), 6)
    y = random.random(len(group)) < random.beta(1, 3, 4_000)[group]
    found = told(y, group)
    assert found.correlation == pytest.approx(0.2, abs=0.02)
    assert found.design_effect == pytest.approx(1 + 5 * 0.2, abs=0.1)


def test_the_design_effect_is_by_how_much_the_variance_of_the_rate_over_accounts_is_larger() -> None:
    random = np.random.default_rng(6)
    group = np.repeat(np.arange(300), 5)
    rates = []
    effects = []
    for _ in range(300):
        y = (random.random(len(group)) < random.beta(0.5, 2.0, 300)[group]) * 1.0
        rates.append(y.mean())
        effects.append(told(y, group).design_effect)
    independent = np.mean(rates) * (1 - np.mean(rates)) / len(group)
    assert np.mean(effects) == pytest.approx(np.var(rates) / independent, rel=0.25)


def test_uneven_weights_cost_what_kish_says() -> None:
    weight = np.array([1.0] * 10 + [9.0] * 10)
    found = told([True, False] * 10, range(20), weight)  # type: ignore[arg-type]
    assert found.effective == pytest.approx(weight.sum() ** 2 / np.sum(weight**2))


def test_counts_are_of_leads_and_accounts() -> None:
    y = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    found = measure_sample(y, np.ones(5), np.array(["a", "a", "b", "c", "d"]), np.array(["x", "x", "x", "y", "d"]))
    assert (found.snapshots, found.positives, found.leads, found.positive_leads, found.accounts) == (5, 2, 4, 2, 3)
    assert found.to_record()["effective"] == found.effective


@given(LABELS, st.data())
def test_clustering_is_the_design_effect_where_all_weights_are_one(y: list[bool], data: st.DataObject) -> None:
    group = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y))))
    assert account_design_effect(np.asarray(y, dtype=float), group) == pytest.approx(told(y, group).design_effect)


def test_the_intervals_of_calibration_are_as_wide_as_accounts_make_them() -> None:
    """Rows repeated in their accounts tell no more than once: the interval is that of the rows before."""
    random = np.random.default_rng(4)
    p = np.repeat([0.2, 0.6], 200)
    y = (random.random(400) < p) * 1.0
    once = calibration_curve(y, p, bins=2)
    rows = np.repeat(np.arange(400), 5)
    again = calibration_curve(y[rows], p[rows], bins=2, effect=account_design_effect(y[rows], rows))
    for a, b in zip(once, again, strict=True):
        assert (a.low, a.high) == pytest.approx((b.low, b.high))

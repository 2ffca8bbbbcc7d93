"""The level follows what stays, not what noise or one period would explain; periods tell it with honest spreads."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leadline.model.calibration.base_rate_drift import (
    FEWEST,
    DriftPeriod,
    ForwardRows,
    current_shift,
    drift_periods,
    log_odds_shift,
)

DAY = 86_400_000_000
shifts = st.floats(-2.0, 2.0)


def rows(rates: list[float], each: int = 2_000, said: float = 0.1, seed: int = 3) -> ForwardRows:
    """Make a fold of one period a rate: 30 days of rows a day, said alike of all."""
    random = np.random.default_rng(seed)
    y = np.concatenate([(random.random(each) < rate) * 1.0 for rate in rates])
    as_of = np.concatenate([np.sort(random.integers(30, size=each)) + 30 * n for n in range(len(rates))]) * DAY
    margin = np.full(len(y), np.log(said / (1 - said)))
    return ForwardRows(margin, y, np.ones(len(y)), as_of, as_of + 30 * DAY, np.arange(len(y)).astype(object))


def test_each_period_tells_its_own_shift() -> None:
    told = drift_periods(rows([0.1, 0.2]), np.zeros(4_000))
    assert len(told) == 2
    wanted = [0.0, np.log(0.25) - np.log(1 / 9)]
    assert all(abs(one.shift - want) < 3 * one.variance**0.5 for one, want in zip(told, wanted, strict=True))
    assert told[1].at - told[0].at > 0.9


def test_what_another_model_says_more_is_taken_off() -> None:
    fold = rows([0.1])
    (one,), (less,) = drift_periods(fold, np.zeros(2_000)), drift_periods(fold, np.full(2_000, 0.3))
    assert abs(one.shift - less.shift - 0.3) < 1e-9


@given(st.integers(0, 50), st.floats(0.0, 2.0))
def test_a_model_that_is_sharper_on_rows_it_was_fitted_on_is_not_taken_for_one_that_says_less(
    seed: int, sharper: float
) -> None:
    fold = rows([0.1], seed=seed)
    swung = sharper * (2 * fold.y - 1) * 0.5
    moved = swung + log_odds_shift(fold.margin + swung, fold.y, fold.weight)  # a fit keeps the sum
    ((own,), (mean,)) = (drift_periods(fold, moved, absorbs) for absorbs in (False, True))
    assert abs(own.shift) < 1e-6
    (before,) = drift_periods(fold, np.zeros(2_000))
    assert abs(mean.shift - before.shift + float(np.mean(moved))) < 1e-9  # what it was: too high by the sharpness


def test_of_a_model_that_absorbs_levels_the_mean_difference_is_taken_off() -> None:
    fold = rows([0.1])
    (one,), (less,) = (drift_periods(fold, np.full(2_000, by), absorbs=True) for by in (0.0, 0.3))
    assert abs(one.shift - less.shift - 0.3) < 1e-9


def test_copies_of_a_row_by_one_lead_tell_no_more() -> None:
    fold = rows([0.1], each=500)
    twice = fold.take(np.repeat(np.arange(500), 4))
    (one,), (same,) = drift_periods(fold, np.zeros(500)), drift_periods(twice, np.zeros(2_000))
    assert abs(one.shift - same.shift) < 1e-9
    assert abs(one.variance - same.variance) < 1e-12


def test_spans_with_too_few_of_a_class_are_joined_and_none_without_both() -> None:
    few = rows([0.003, 0.003, 0.1, 0.1])
    assert sum(few.y[few.as_of < 60 * DAY]) < 2 * FEWEST
    assert len(drift_periods(few, np.zeros(8_000))) < 4
    assert drift_periods(rows([0.0]), np.zeros(2_000)) == []


def test_without_dates_a_fold_is_cut_in_quarters() -> None:
    fold = rows([0.2, 0.2])
    flat = ForwardRows(fold.margin, fold.y, fold.weight, np.arange(4_000), np.arange(4_000), fold.lead, number=2)
    assert [int(one.at) for one in drift_periods(flat, np.zeros(4_000))] == [8, 9, 10, 11]


def test_the_order_of_rows_changes_nothing() -> None:
    fold = rows([0.1, 0.2, 0.15])
    shuffled = np.random.default_rng(9).permutation(6_000)
    one, two = (current_shift(drift_periods(part, np.zeros(6_000))) for part in (fold, fold.take(shuffled)))
    assert abs(one - two) < 1e-9


@given(shift=shifts, many=st.integers(4, 12))
def test_what_stays_is_followed_whatever_its_size(shift: float, many: int) -> None:
    level = current_shift([DriftPeriod(n, shift, 0.0004) for n in range(many)])
    assert abs(level - shift) < 0.05 + 0.12 * abs(shift)


@given(shift=shifts, spread=st.floats(0.01, 3.0))
def test_one_period_is_never_followed_beyond_itself(shift: float, spread: float) -> None:
    level = current_shift([DriftPeriod(0.0, shift, spread**2)])
    assert abs(level) <= abs(shift) + 1e-9
    assert level * shift >= -1e-12


@given(shift=st.floats(-1.0, 1.0), variance=st.floats(0.01, 1.0))
def test_the_noisier_the_less(shift: float, variance: float) -> None:
    near, far = (abs(current_shift([DriftPeriod(n, shift, v) for n in range(3)])) for v in (variance, 4 * variance))
    assert far <= near + 1e-9


def test_what_comes_and_goes_isnt_followed_and_what_stays_is() -> None:
    comes_and_goes = [DriftPeriod(n, 0.5 * (-1) ** n, 0.01) for n in range(6)]
    leaps = [DriftPeriod(n, 0.6 * (n > 2), 0.02) for n in range(6)]
    assert abs(current_shift(comes_and_goes)) < 0.1 < 0.4 < current_shift(leaps)
    assert abs(current_shift([DriftPeriod(0.0, 5.0, 100.0)])) < 0.5


@given(rate=st.floats(0.02, 0.98), margin=st.floats(-6, 6))
def test_a_shift_makes_sums_agree(rate: float, margin: float) -> None:
    y = np.zeros(100)
    y[: max(1, min(99, round(100 * rate)))] = 1
    said = np.linspace(margin - 1, margin + 1, 100)
    p = 1 / (1 + np.exp(-(said + log_odds_shift(said, y, np.ones(100)))))
    assert abs(p.sum() - y.sum()) < 1e-6

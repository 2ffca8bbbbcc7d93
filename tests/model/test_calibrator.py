"""Calibration: keeps the ranking, stays in bounds, leaves alone what is right, mends what isn't."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.metrics import classification
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.fitting.logistic import sigmoid


def world(n: int, shift: float = 0.0, slope: float = 1.0, seed: int = 0):
    random = np.random.default_rng(seed)
    margin = random.normal(-1.5, 1.2, n)
    return margin, (random.random(n) < sigmoid(slope * margin + shift)) * 1.0


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.floats(-20, 20), st.sampled_from([0.0, 1.0]), st.floats(0.1, 10)), min_size=1, max_size=400)
)
def test_any_rows_give_a_rising_line_inside_bounds(rows):
    margin, y, weight = (np.array(column) for column in zip(*rows, strict=True))
    line = Calibrator.fit(margin, y, weight)
    assert line.slope > 0 and np.isfinite(line.shift)
    some = np.linspace(-15, 15, 61)
    p = line.probability(some)
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(line.margin(some)) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_well_calibrated_margins_are_left_nearly_alone(seed):
    line = Calibrator.fit(*world(20_000, seed=seed), np.ones(20_000))
    assert line.slope == pytest.approx(1.0, abs=0.06)
    assert line.shift == pytest.approx(0.0, abs=0.1)


def test_a_moved_base_rate_is_followed():
    margin, y = world(20_000, shift=1.0)
    line = Calibrator.fit(margin, y, np.ones(20_000))
    assert line.shift == pytest.approx(1.0, abs=0.15)
    p = line.probability(margin)
    assert p.mean() == pytest.approx(y.mean(), abs=1e-6)  # the shift is free, so the mean is met exactly
    assert classification.expected_calibration_error(y, p) < 0.2 * classification.expected_calibration_error(
        y, sigmoid(margin)
    )


def test_overconfidence_is_mended():
    margin, y = world(20_000, slope=0.4)
    line = Calibrator.fit(margin, y, np.ones(20_000))
    assert line.slope == pytest.approx(0.4, abs=0.12)


def test_how_much_moves_follows_from_how_much_there_is():
    margin = np.linspace(-2, 2, 400)
    few, some = np.zeros(400), np.zeros(400)
    few[-9:], some[-40:] = 1.0, 1.0
    assert Calibrator.fit(margin, few, np.ones(400)) == Calibrator()
    line = Calibrator.fit(margin, some, np.ones(400))
    assert line.slope == 1.0 and line.shift < 0
    assert Calibrator.fit(np.empty(0), np.empty(0), np.empty(0)) == Calibrator()


def test_auc_is_kept_and_weights_are_repeats():
    margin, y = world(3000, slope=0.5)
    weight = np.random.default_rng(2).integers(1, 4, 3000)
    line = Calibrator.fit(margin, y, weight * 1.0)
    many = np.repeat(np.arange(3000), weight)
    again = Calibrator.fit(margin[many], y[many], np.ones(len(many)))
    assert (line.slope, line.shift) == pytest.approx((again.slope, again.shift), abs=1e-8)
    assert classification.auc(y, line.probability(margin)) == classification.auc(y, margin)
    assert Calibrator.from_json(line.to_json()) == line

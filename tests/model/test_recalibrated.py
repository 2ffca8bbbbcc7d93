"""Calibration alone, refitted: the ranking and the tiers stay, the rate is followed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.calibration.recalibrate import refit_calibrator, with_calibrator
from leadline.model.fitting.logistic import sigmoid
from leadline.model.tiers import Tiers


@dataclass(frozen=True)
class Only:
    """The parts of a scorer that calibration touches."""

    calibrator: Calibrator
    bands: Tiers = field(default_factory=Tiers)

    def with_calibrator(self, calibrator: Calibrator) -> Only:
        return Only(calibrator, self.bands)

    def with_tiers(self, bands: Tiers) -> Only:
        return Only(self.calibrator, bands)


def rows(shift: float, seed: int, n: int = 6000) -> ForwardRows:
    draw = np.random.default_rng(seed)
    margin = draw.normal(-2, 1, n)
    y = (draw.random(n) < sigmoid(margin + shift)) * 1.0
    when = np.arange(n)
    return ForwardRows(margin, y, np.ones(n), when, when + n // 4, when // 2)


@given(st.integers(0, 50), st.floats(-1.5, 1.5), st.floats(0.5, 1.5), st.floats(-1, 1))
@settings(max_examples=20)
def test_a_moved_rate_is_followed_from_wherever_the_old_calibration_lies(
    seed: int, shift: float, slope: float, before: float
) -> None:
    seen = rows(shift, seed)
    old = Calibrator(slope, before)
    new = refit_calibrator(Only(old), seen)
    off = [abs(line.probability(seen.margin).mean() / seen.y.mean() - 1) for line in (old, new)]
    assert new.slope > 0 and off[1] < 0.15


def test_a_right_calibration_is_left_nearly_alone() -> None:
    new = refit_calibrator(Only(Calibrator()), rows(0.0, 1))
    assert abs(new.shift) < 0.2 and abs(new.slope - 1) < 0.15


def test_next_to_nothing_ripened_changes_nothing() -> None:
    few = rows(1.0, 1, 20)
    assert refit_calibrator(Only(Calibrator(0.9, -0.2)), few) == Calibrator(0.9, -0.2)


@given(st.floats(0.3, 3), st.floats(-3, 3))
@settings(max_examples=30)
def test_the_same_leads_stand_in_each_tier(slope: float, shift: float) -> None:
    old, new = Calibrator(1.1, -0.3), Calibrator(slope, shift)
    bands = Tiers(("A", "B", "C"), (0.4, 0.1), own={"north": Tiers(("A", "B"), (0.3,))})
    scorer = with_calibrator(Only(old, bands), new)
    margin = np.linspace(-6, 6, 997)
    assert scorer.bands.of(new.probability(margin)).tolist() == bands.of(old.probability(margin)).tolist()
    north = scorer.bands.own["north"]
    assert north.of(new.probability(margin)).tolist() == bands.own["north"].of(old.probability(margin)).tolist()

"""Each rule of the monitor's advice fires where it should, and chance alone fires none."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.monitoring.retrain_advice import FEWEST, WHY, enough_labels_at, retrain_or_wait

NOW = {"predicted": 0.10, "observed": 0.10, "auc": 0.70, "auc_low": 0.66, "auc_high": 0.74}
THEN = {"auc": 0.72, "auc_low": 0.69, "auc_high": 0.75}


@pytest.mark.parametrize(
    ("now", "verdict", "leads", "then", "drifted", "action"),
    [
        ({}, "calibrated", 50, THEN, (), "keep"),
        ({}, "calibrated", FEWEST - 1, THEN, (), "wait"),
        ({"auc": 0.60, "auc_low": 0.56, "auc_high": 0.64}, "calibrated", 50, THEN, (), "retrain"),
        (
            {"auc": 0.60, "auc_low": 0.40, "auc_high": 0.80},
            "calibrated",
            50,
            THEN,
            (),
            "keep",
        ),  # chance may be all of it
        (
            {"auc": 0.60, "auc_low": 0.56, "auc_high": 0.64},
            "calibrated",
            50,
            None,
            (),
            "keep",
        ),  # nothing to compare with
        ({"auc": float("nan"), "auc_low": float("nan"), "auc_high": float("nan")}, "calibrated", 50, THEN, (), "keep"),
        ({"observed": 0.14}, "miscalibrated", 50, THEN, (), "recalibrate"),
        ({"observed": 0.105}, "miscalibrated", 9_000, THEN, (), "keep"),  # beyond chance, and too little to matter
        ({"observed": 0.14}, "calibrated", 50, THEN, (), "keep"),  # much, and within chance
        ({"observed": 0.14, "auc": 0.5, "auc_low": 0.46, "auc_high": 0.54}, "miscalibrated", 50, THEN, (), "retrain"),
        ({}, "calibrated", 50, THEN, ("lead_source",), "look"),
    ],
)
def test_what_is_advised(now, verdict, leads, then, drifted, action) -> None:
    told = retrain_or_wait({**NOW, **now}, verdict, leads, then, drifted)
    assert told.action == action and told.because == WHY[action]
    assert "\n" not in told.line and all(name in told.line for name in drifted)


def test_too_early_says_when_enough_will_be_ripe() -> None:
    assert "2025-06-01" in retrain_or_wait(NOW, "calibrated", 3, THEN, (), 1_748_736_000_000_000).line
    assert retrain_or_wait(NOW, "calibrated", 3, THEN).line.endswith("score more nights")


def test_a_lead_counts_once_for_when_enough_will_be_ripe() -> None:
    p, at = np.full(40, 0.5), np.repeat(np.arange(4), 10)
    each = np.array([f"L{n}" for n in range(40)], dtype=object)
    again = np.array([f"L{n % 10}" for n in range(40)], dtype=object)
    assert enough_labels_at(0, p, at, each) == 3
    assert enough_labels_at(0, p, at, again) is None
    assert enough_labels_at(15, p, at, again) == 0

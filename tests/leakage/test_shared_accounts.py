"""LL306: colleagues on both sides are told with what they are worth, and never refused."""

from __future__ import annotations

import numpy as np

from gate_experiments import noisy, trial
from leadline.core.checks import Severity, run_checks
from leadline.leakage.experiments import AFTER_TRAINING

CHECK = [c for c in AFTER_TRAINING if c.code == "LL306"]


def test_without_accounts_it_is_not_applicable() -> None:
    random, y = noisy(n=200)
    (found,) = run_checks(CHECK, trial({"clicks": random.normal(size=200)}, y))
    assert found.severity is Severity.NOT_APPLICABLE and "account" in found.seen


def test_the_figures_with_and_without_colleagues_are_told() -> None:
    random, y = noisy(n=1000)
    account = np.array([f"A{k % 500}" if k % 500 < 250 else f"B{k}" for k in range(1000)], dtype=object)
    (found,) = run_checks(CHECK, trial({"clicks": y + random.normal(0, 1, 1000)}, y, account=account))
    assert found.severity is Severity.NOTE and found.rows == 250
    assert "250 of 500 test rows" in found.seen and "without them" in found.seen and "A1" not in found.seen


def test_a_leads_own_earlier_snapshots_are_no_colleagues() -> None:
    random, y = noisy(n=400)
    lead = np.array([f"L{k % 200}" for k in range(400)], dtype=object)
    account = np.array([f"A{k % 200}" for k in range(400)], dtype=object)
    assert len(run_checks(CHECK, trial({"clicks": random.normal(size=400)}, y, lead=lead, account=account))) == 0


def test_too_few_others_are_said_to_be_too_few() -> None:
    random, y = noisy(n=400)
    account = np.array([f"A{k % 200}" for k in range(400)], dtype=object)
    (found,) = run_checks(CHECK, trial({"clicks": random.normal(size=400)}, y, account=account))
    assert found.rows == 200 and "too few" in found.seen

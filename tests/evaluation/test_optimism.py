"""LL304: how much a random split flatters; a note as a rule, a warning beyond the bound and beyond noise."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gate_experiments import noisy, trial
from leadline.core.checks import Severity, run_checks
from leadline.evaluation.robustness import optimism_lines
from leadline.leakage.experiments import AFTER_TRAINING, random_split

CHECK = [c for c in AFTER_TRAINING if c.code == "LL304"]


def test_a_world_that_stays_the_same_gives_a_note_with_the_figure() -> None:
    random, y = noisy()
    (found,) = run_checks(CHECK, trial({"clicks": y + random.normal(0, 2, len(y))}, y))
    assert found.severity is Severity.NOTE and "optimism" in found.seen and "AUC" in found.seen


def test_a_column_that_means_the_outcome_only_in_the_past_is_warned_of() -> None:
    random, y = noisy()
    past = np.arange(len(y)) < 0.5 * len(y)
    (found,) = run_checks(
        CHECK,
        trial(
            {"filled later": np.where(past, y, random.random(len(y)) < 0.2), "clicks": random.normal(size=len(y))}, y
        ),
    )
    assert found.severity is Severity.WARNING and float(found.seen.split()[1].rstrip(":")) > 0.1


def test_switched_off_each_experiment_says_so() -> None:
    random, y = noisy(n=100)
    off = replace(trial({"clicks": random.normal(size=100)}, y), reason="leaks.experiments is false")
    found = run_checks(AFTER_TRAINING, off)
    assert [f.code for f in found] == ["LL304", "LL305", "LL306"]
    assert all(f.severity is Severity.NOT_APPLICABLE and "leaks.experiments" in f.seen for f in found)


def test_too_few_positives_are_not_applicable() -> None:
    y = np.zeros(100)
    y[:3] = 1
    (found,) = run_checks(CHECK, trial({"clicks": np.arange(100.0)}, y))
    assert found.severity is Severity.NOT_APPLICABLE and "too few" in found.seen


@given(st.lists(st.integers(0, 9), min_size=4, max_size=60), st.integers(0, 2**20))
def test_no_lead_is_on_both_sides_of_a_drawn_split(who: list[int], seed: int) -> None:
    lead = np.array([f"L{n}" for n in who], dtype=object)
    train, test = random_split(lead, len(who) // 2, max(1, len(who) // 4), np.random.default_rng(seed))
    assert not set(lead[train]) & set(lead[test])
    assert len(test) >= max(1, len(who) // 4)
    assert len(train) >= min(len(who) // 2, len(who) - len(test))


def test_the_optimism_is_the_gates_own_and_is_told_with_the_lift() -> None:
    random, y = noisy()
    made = trial({"clicks": y + random.normal(0, 2, len(y))}, y)
    told = made.optimism
    assert told is not None
    (found,) = run_checks(CHECK, made)
    assert f"optimism {told.gap:+.3f}: AUC {told.drawn.auc:.3f}" in found.seen
    assert told.forward.auc_low < told.forward.auc < told.forward.auc_high and told.drawn.lift_10 > 1
    record = json.loads(json.dumps(told.to_record(), allow_nan=False))
    assert record["forward"]["lift_10"] == told.forward.lift_10 and set(record) == {"drawn", "forward"}
    assert all(len(line) <= 80 for line in optimism_lines(told)) and "forward in time" in optimism_lines(told)[1]


def test_where_nothing_is_fitted_there_is_no_optimism() -> None:
    random, y = noisy(n=100)
    off = replace(trial({"clicks": random.normal(size=100)}, y), reason="leaks.experiments is false")
    assert off.optimism is None and optimism_lines(None) == []

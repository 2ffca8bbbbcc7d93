"""The contest."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import WEEK
from leadline.evaluation.worklist import build_worklist
from leadline.promotion.contest import ContestCohort, Verdict, compare_models, decide_contest
from leadline.promotion.guards import Guard


def world(seed: int, n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 12, n)
    return (draw.uniform(size=n) < p).astype(float), p, draw.integers(0, 300, n).astype(str).astype(object)


def held(y: np.ndarray, champion: np.ndarray, challenger: np.ndarray, group: np.ndarray) -> Verdict:
    return decide_contest([compare_models(ContestCohort(y, np.ones(len(y)), group, seed=7), champion, challenger)], [])


@given(st.integers(0, 30))
@settings(max_examples=5)
def test_a_copy_of_the_champion_is_promoted_as_being_as_good(seed: int) -> None:
    y, p, group = world(seed)
    verdict = held(y, p, p.copy(), group)
    gain = verdict.looks[0].log_loss
    assert verdict.promoted and (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)
    assert "as good" in verdict.reason


def test_two_challengers_of_one_strength_are_seldom_refused() -> None:
    refused = 0
    for seed in range(25):
        y, p, group = world(seed)
        draw = np.random.default_rng(1000 + seed)
        one, other = (np.clip(p * np.exp(draw.normal(0, 0.1, len(p))), 0, 0.99) for _ in range(2))
        refused += not held(y, one, other, group).promoted
    assert refused <= 3  # each of two tests may refuse one in forty by chance


@given(st.integers(0, 30))
@settings(max_examples=5)
def test_shuffled_probabilities_never_win(seed: int) -> None:
    y, p, group = world(seed)
    verdict = held(y, p, np.random.default_rng(seed).permutation(p), group)
    assert not verdict.promoted and verdict.looks[0].log_loss.value < 0
    assert verdict.reason.startswith("the challenger, its recipe fitted again: log loss is higher by")


def test_a_better_challenger_is_promoted_as_better() -> None:
    y, p, group = world(1)
    verdict = held(y, np.full(len(y), y.mean()), p, group)
    assert verdict.promoted and verdict.looks[0].log_loss.low > 0 and "better" in verdict.reason


def test_a_challenger_whose_probabilities_are_twice_too_high_is_refused() -> None:
    y, p, group = world(2)
    verdict = held(y, p, np.clip(2 * p, 0, 0.99), group)
    assert not verdict.promoted
    told = verdict.looks[0].figures
    assert told["challenger"]["auc"] == pytest.approx(told["champion"]["auc"], abs=0.01)


def test_swapping_the_two_turns_the_gain_round() -> None:
    y, p, group = world(3)
    other = np.clip(p * 1.3, 0, 0.99)
    there, back = (held(y, *pair, group).looks[0].log_loss for pair in ((p, other), (other, p)))
    assert there.value == pytest.approx(-back.value) and there.low == pytest.approx(-back.high)


def test_the_order_of_rows_changes_no_figure() -> None:
    y, p, group = world(4)
    order = np.random.default_rng(0).permutation(len(y))
    other = np.clip(p * 1.1, 0, 0.99)
    one = held(y, p, other, group).looks[0]
    same = held(y[order], p[order], other[order], group[order]).looks[0]
    assert one.log_loss.value == pytest.approx(same.log_loss.value)
    assert one.precision.value == pytest.approx(same.precision.value)


def test_a_verdict_is_plain_json() -> None:
    y, p, group = world(5)
    record = json.loads(json.dumps(held(y, p, p, group).to_record()))
    assert [guard["name"] for guard in record["looks"][0]["guards"]] == [
        "log loss",
        "capacity precision",
        "calibration",
    ]


def nights(seed: int) -> tuple[ContestCohort, np.ndarray]:
    """Eight weekly nights of 200 leads each, of which ten are worked."""
    draw = np.random.default_rng(seed)
    n = 1600
    p = draw.beta(1, 6, n)
    lead = np.array([f"L{k}" for k in np.tile(np.arange(200), 8)], dtype=object)
    listing = build_worklist(np.repeat(np.arange(8), 200) * WEEK, lead, np.ones(n), 4 * WEEK, WEEK)
    return ContestCohort((draw.random(n) < p) * 1.0, np.ones(n), lead, {}, listing, 10.0, seed), p


def test_the_capacity_is_worked_night_by_night() -> None:
    cohort, p = nights(1)
    share = cohort.worked(p)
    assert share.sum() == pytest.approx(80.0)
    assert share.reshape(8, 200).sum(axis=1) == pytest.approx([10.0] * 8)


def test_who_ranks_the_same_loses_no_precision_however_its_probabilities_are_bent() -> None:
    cohort, p = nights(2)
    look = compare_models(cohort, p, p**2)
    assert look.precision.value == 0
    assert [guard.passed for guard in look.guards if guard.name == "capacity precision"] == [True]


def test_a_challenger_that_spoils_the_top_alone_is_refused_for_its_precision() -> None:
    cohort, p = nights(3)
    top = p > np.quantile(p, 0.8)
    spoiled = np.where(top, p[top].mean() - (p - p[top].mean()), p)
    refused = {
        guard.name for guard in compare_models(cohort, p, np.clip(spoiled, 0.001, 0.99)).guards if not guard.passed
    }
    assert "capacity precision" in refused


def test_the_first_guard_that_does_not_hold_is_the_reason_and_age_is_none() -> None:
    y, p, group = world(6)
    look = compare_models(ContestCohort(y, np.ones(len(y)), group, seed=7), p, p)
    slow = Guard("latency", 9.0, 3.0, False, "9 s for 1,000 leads")
    leaky = Guard("leak gate", 1, 0, False, "leak gate: LL301")
    verdict = decide_contest([look, look], [slow, leaky])
    assert not verdict.promoted and verdict.reason == "the challenger: 9 s for 1,000 leads"
    assert len(verdict.looks) == 2 and verdict.guards == (slow, leaky)

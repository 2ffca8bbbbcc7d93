"""The contest."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.judge.contest import Verdict, contest


def world(seed: int, n: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 12, n)
    return (draw.uniform(size=n) < p).astype(float), p, draw.integers(0, 300, n).astype(str).astype(object)


def held(y: np.ndarray, champion: np.ndarray, challenger: np.ndarray, group: np.ndarray) -> Verdict:
    return contest(y, np.ones(len(y)), champion, challenger, group, seed=7)


@given(st.integers(0, 30))
@settings(max_examples=8)
def test_a_copy_of_the_champion_is_promoted_as_being_as_good(seed: int) -> None:
    y, p, group = world(seed)
    verdict = held(y, p, p.copy(), group)
    assert verdict.promoted and (verdict.gain, verdict.low, verdict.high) == (0.0, 0.0, 0.0)
    assert "as good" in verdict.reason


@given(st.integers(0, 30))
@settings(max_examples=8)
def test_shuffled_probabilities_never_win(seed: int) -> None:
    y, p, group = world(seed)
    verdict = held(y, p, np.random.default_rng(seed).permutation(p), group)
    assert not verdict.promoted and verdict.gain < 0


def test_a_better_challenger_is_promoted_as_better() -> None:
    y, p, group = world(1)
    verdict = held(y, np.full(len(y), y.mean()), p, group)
    assert verdict.promoted and verdict.low > 0 and "better" in verdict.reason


def test_a_challenger_whose_probabilities_are_twice_too_high_is_refused() -> None:
    y, p, group = world(2)
    verdict = held(y, p, np.clip(2 * p, 0, 0.99), group)
    assert not verdict.promoted
    assert verdict.figures["challenger"]["auc"] == pytest.approx(verdict.figures["champion"]["auc"], abs=0.01)


def test_swapping_the_two_turns_the_gain_round() -> None:
    y, p, group = world(3)
    other = np.clip(p * 1.3, 0, 0.99)
    there, back = held(y, p, other, group), held(y, other, p, group)
    assert there.gain == pytest.approx(-back.gain) and there.low == pytest.approx(-back.high)


def test_the_order_of_rows_changes_no_figure() -> None:
    y, p, group = world(4)
    order = np.random.default_rng(0).permutation(len(y))
    other = np.clip(p * 1.1, 0, 0.99)
    assert held(y, p, other, group).gain == pytest.approx(held(y[order], p[order], other[order], group[order]).gain)


def test_a_verdict_is_plain_json() -> None:
    y, p, group = world(5)
    assert json.loads(json.dumps(held(y, p, p, group).to_record()))["rows"] == len(y)

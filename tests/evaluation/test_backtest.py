"""The backtest's figures."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.jsonable import to_jsonable
from leadline.core.rng import Stream, seed_of
from leadline.evaluation.backtest import (
    BacktestResult,
    FoldPredictions,
    compute_metrics,
    cumulative_gains,
    evaluate_folds,
)
from leadline.metrics import classification
from leadline.metrics.intervals import next_period_interval


def judged(seed: int = 0, n: int = 300, won: float | None = None) -> FoldPredictions:
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.01, 0.6, n)
    y = (draw.uniform(size=n) < p).astype(float)
    said = {"model": p, "logistic": np.clip(p + draw.normal(0, 0.1, n), 0.001, 0.999), "points": np.round(p * 100)}
    wins = y * (draw.uniform(size=n) < 0.5) if won is None else np.full(n, won)
    return FoldPredictions(y, draw.uniform(0.5, 3, n), wins, draw.integers(0, 40, n).astype(str).astype(object), said)


def test_figures_are_those_of_the_metrics_with_weights() -> None:
    rows = judged()
    p = rows.said["model"]
    told = compute_metrics(rows, p, seed=1)
    assert told.auc == classification.auc(rows.y, p, rows.weight)
    assert told.brier == classification.brier(rows.y, p, rows.weight)
    assert told.log_loss == classification.log_loss(rows.y, p, rows.weight)
    assert told.lift_10 == classification.lift_at(rows.y, p, 0.10, rows.weight)
    assert told.won_auc == classification.auc(rows.won, p, rows.weight)


def test_intervals_hold_the_figure_and_come_again_with_the_seed() -> None:
    rows = judged()
    told = compute_metrics(rows, rows.said["model"], seed=1)
    assert told.auc_low < told.auc < told.auc_high
    assert told.lift_10_low < told.lift_10 < told.lift_10_high
    assert told == compute_metrics(rows, rows.said["model"], seed=1)
    assert told.auc_low != compute_metrics(rows, rows.said["model"], seed=2).auc_low


def test_points_only_rank() -> None:
    told = compute_metrics(judged(), judged().said["points"], seed=1, probabilities=False)
    assert math.isnan(told.brier) and math.isnan(told.ece) and math.isnan(told.log_loss)
    assert not math.isnan(told.auc)


def test_closed_won_is_judged_on_ripe_rows_alone() -> None:
    rows = judged()
    half = np.arange(len(rows.y)) % 2 == 0
    some = dataclasses.replace(rows, won=np.where(half, rows.won, np.nan))
    p = rows.said["model"]
    assert compute_metrics(some, p, 1).won_auc == classification.auc(rows.won[half], p[half], rows.weight[half])
    assert math.isnan(compute_metrics(judged(won=math.nan), p, 1).won_auc)


def test_the_newest_fold_gives_the_curves_and_the_difference() -> None:
    old, new = judged(1), judged(2)
    told = evaluate_folds([(old, False, 0, 1, 10), (new, True, 2, 3, 20)], seed=3)
    assert told.newest.number == 2 and told.newest.judged and told.newest.training_rows == 20
    assert told.gains == cumulative_gains(new.y, new.said["model"], new.weight)
    ahead = told.against["logistic"]
    mine, other = (classification.log_loss(new.y, new.said[who], new.weight) for who in ("model", "logistic"))
    assert (
        ahead.log_loss.value == pytest.approx(other - mine) and ahead.log_loss.low < other - mine < ahead.log_loss.high
    )
    assert ahead.log_loss.value > 0 and not ahead.is_behind  # the regression is the model with noise added
    assert set(told.against) == set(new.said) - {"model"} and math.isnan(told.against["points"].log_loss.value)


def test_differences_of_auc_are_paired_on_the_same_draws_of_accounts() -> None:
    rows = judged()
    told = evaluate_folds([(rows, True, 0, 1, 10)], seed=3)
    seed = seed_of(3, Stream.BACKTEST)
    for who, ahead in told.against.items():
        gap, low, high = classification.paired_difference(
            classification.auc, rows.y, rows.said["model"], rows.said[who], rows.group, seed, rows.weight, repeats=200
        )
        assert (ahead.auc.value, ahead.auc.low, ahead.auc.high) == pytest.approx((gap, low, high), abs=1e-12)


def test_who_is_better_beyond_noise_is_ahead_of_the_model() -> None:
    rows = judged()
    worse = dataclasses.replace(rows, said={"model": np.full(len(rows.y), 0.3), "logistic": rows.said["model"]})
    told = evaluate_folds([(worse, True, 0, 1, 10)], seed=3).against["logistic"]
    assert told.is_behind and told.auc.high < 0 and told.log_loss.high < 0


@given(st.lists(st.floats(0.55, 0.9), min_size=1, max_size=8), st.floats(0.005, 0.08))
def test_the_next_period_s_interval_is_wider_than_the_newest_fold_s(values: list[float], half: float) -> None:
    ends = [(value - half, value + half) for value in values]
    told = next_period_interval(values, ends)
    assert told is not None and 0 < told.low < told.value < told.high < 1

    def width(low: float, high: float) -> float:
        return math.log(high / (1 - high)) - math.log(low / (1 - low))

    assert width(told.low, told.high) > width(*ends[-1])


def test_the_next_period_s_interval_covers_what_it_says() -> None:
    """Periods whose log odds differ by .1 around .9, each seen with an error of .15: a next one's, seen so, lies within in 19 of 20."""
    random = np.random.default_rng(7)
    hits = []
    for _ in range(2000):
        odds = 0.9 + 0.1 * random.normal(size=5) + 0.15 * random.normal(size=5)
        ends = np.column_stack([odds - 1.96 * 0.15, odds, odds + 1.96 * 0.15])
        auc = 1 / (1 + np.exp(-ends))
        told = next_period_interval(auc[:4, 1].tolist(), [(low, high) for low, _, high in auc[:4]])
        hits.append(told is not None and told.low <= auc[4, 1] <= told.high)
    assert 0.93 <= np.mean(hits) <= 0.98


def test_a_backtest_without_folds_says_so() -> None:
    assert (
        evaluate_folds([], seed=0) == BacktestResult(())
        or repr(evaluate_folds([], seed=0)) == "BacktestResult(no fold could be judged)"
    )


def test_a_record_is_plain_json_in_which_nothing_is_nan() -> None:
    told = evaluate_folds([(judged(won=math.nan), True, 0, 1, 10)], seed=3)
    record = json.loads(json.dumps(told.to_record(), allow_nan=False))
    assert record["folds"][0]["figures"]["model"]["won_auc"] is None
    assert record["folds"][0]["figures"]["model"]["auc"] == told.newest.figures["model"].auc


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=60).filter(
        lambda rows: any(y for y, _, _ in rows)
    )
)
def test_gains_rise_from_nothing_to_all_and_stay_above_nothing(rows: list[tuple[int, float, float]]) -> None:
    y, p, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    curve = cumulative_gains(y, p, w)
    captured = [c for _, c in curve]
    assert [s for s, _ in curve] == [round(n / 20, 2) for n in range(21)]
    assert captured[0] == 0 and captured[-1] == pytest.approx(1)
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(captured))


def test_a_perfect_ranking_captures_all_as_early_as_can_be() -> None:
    y = np.repeat([1.0, 0.0], [10, 90])
    assert dict(cumulative_gains(y, y, np.ones(100)))[0.10] == pytest.approx(1.0)
    assert dict(cumulative_gains(y, 1 - y, np.ones(100)))[0.90] == pytest.approx(0.0)


def test_plain_keeps_words_and_turns_what_is_not_finite_into_none() -> None:
    assert to_jsonable({1: (np.float32(0.5), np.int64(2), np.bool_(True), float("inf"), "x", None)}) == {
        "1": [0.5, 2, True, None, "x", None]
    }

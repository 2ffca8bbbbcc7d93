"""What families of features are worth: nothing for a copy or for noise, much for the one that tells."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.evaluation.ablation import AblationRows, FamilyAblation, Part, ablate_families
from leadline.metrics import classification
from leadline.metrics.bootstrap import auc_influence
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.refit import AblationPredictions, refit_without_families

DAY = 86_400_000_000
RECIPES = {
    "anchored": Recipe(anchored=True, rounds=5, c=0.1),
    "regression": Recipe(anchored=True, rounds=0, c=0.1),
    "plain": Recipe(anchored=False, rounds=40, learning_rate=0.1, c=0.1),
}


def spec(name: str, family: str) -> Feature:
    return Feature(name, family, name, "number", "value", name)


def planted(seed: int = 3, rows: int = 3_000) -> tuple[Matrix, list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """A world whose odds follow one column; the others are noise, and two tell the same half as loud."""
    draw = np.random.default_rng(seed)
    columns = {name: draw.normal(size=rows) for name in ("told", "noise_a", "noise_b", "twin")}
    columns["copy"] = columns["twin"].copy()
    odds = -1.5 + 1.5 * columns["told"] + 0.7 * columns["twin"]
    y = (draw.random(rows) < 1 / (1 + np.exp(-odds))) * 1.0
    as_of = np.sort(draw.integers(0, 60, rows)) * DAY
    lead = np.array([f"L{n}" for n in range(rows)])
    group = draw.integers(0, rows // 3, rows).astype(str).astype(object)
    matrix = Matrix(pd.DataFrame(columns), y, draw.integers(1, 3, rows) * 1.0, lead, as_of, as_of + DAY)
    ends = [0.4, 0.6, 0.8, 1.0]
    cuts = [int(end * rows) for end in ends]
    folds = [(np.arange(low), np.arange(low, high)) for low, high in pairwise(cuts)]
    return matrix, folds, group


def told(
    families: dict[str, Sequence[str]], recipe: str = "anchored", seed: int = 3, threads: int = 1
) -> dict[str, FamilyAblation]:
    matrix, folds, group = planted(seed)
    specs = [spec(name, family) for family, names in families.items() for name in names]
    random = np.random.default_rng(5)

    def without(parts: Sequence[Part]) -> AblationPredictions:
        return refit_without_families(specs, matrix, folds, RECIPES[recipe], parts, random, threads)

    found = ablate_families(specs, AblationRows(matrix.y, matrix.weight, group), without, random)
    assert [w.family for w in found] == list(families)
    return {w.family: w for w in found}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_family_that_carries_the_signal_is_missed_and_noise_is_not(recipe: str) -> None:
    found = told({"behaviour": ["told"], "fit": ["noise_a"], "age": ["noise_b"]}, recipe)
    signal = found["behaviour"]
    assert signal.verdict == "missed" and signal.logloss_low > 0.05 and signal.auc_low > 0.1
    for noise in (found["fit"], found["age"]):
        assert noise.logloss_low <= 0 <= noise.logloss_high and abs(noise.logloss) < 0.005
        assert noise.auc_low <= 0 <= noise.auc_high and noise.verdict == "within noise"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_family_that_only_copies_another_is_worth_nothing_until_both_are_gone(recipe: str) -> None:
    found = told({"behaviour": ["told"], "recency": ["twin"], "velocity": ["copy"]}, recipe)
    for one in (found["recency"], found["velocity"]):
        assert abs(one.logloss) < 0.001 and abs(one.auc) < 0.001
    both = told({"behaviour": ["told"], "recency": ["twin", "copy"]}, recipe)["recency"]
    assert both.features == 2 and both.logloss_low > 0.01 and both.verdict == "missed"


@pytest.mark.parametrize("recipe", RECIPES)
def test_threads_change_nothing(recipe: str) -> None:
    families = {"behaviour": ["told"], "fit": ["noise_a", "twin"]}
    assert told(families, recipe, threads=1) == told(families, recipe, threads=2)


def test_one_family_has_nothing_to_be_compared_with() -> None:
    def never(parts: Sequence[Part]) -> AblationPredictions:
        raise AssertionError("nothing is to be fitted")

    known = AblationRows(np.ones(2), np.ones(2), np.array(["a", "b"], dtype=object))
    assert ablate_families([spec("a", "fit"), spec("b", "fit")], known, never, np.random.default_rng(1)) == ()


scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=60, max_size=60)


def by_fold(y: np.ndarray, w: np.ndarray, p: np.ndarray, fold: np.ndarray) -> float:
    """The folds' mean AUC by their weight, the slow way."""
    parts = [fold == number for number in np.unique(fold)]
    return float(np.average([classification.auc(y[m], p[m], w[m]) for m in parts], weights=[w[m].sum() for m in parts]))


@given(whole=scores, rest=scores, seed=st.integers(0, 5))
def test_figures_are_those_of_the_metrics(whole: list[float], rest: list[float], seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = np.array(whole), np.array(rest)
    y, w = (draw.random(60) < 0.4) * 1.0, draw.integers(1, 4, 60) * 1.0
    group = draw.integers(0, 20, 60).astype(str).astype(object)
    fold = np.repeat([0, 1], 30)
    y[[0, 30]], y[[1, 31]] = 1.0, 0.0

    def said(parts: Sequence[Part]) -> AblationPredictions:
        return AblationPredictions(fold, np.arange(60), (a, b, a))

    one, none = ablate_families(
        [spec("x", "fit"), spec("z", "age")], AblationRows(y, w, group), said, np.random.default_rng(9)
    )
    assert one.logloss == pytest.approx(classification.log_loss(y, b, w) - classification.log_loss(y, a, w), abs=1e-9)
    assert one.auc == pytest.approx(by_fold(y, w, a, fold) - by_fold(y, w, b, fold), abs=1e-12)
    assert (none.logloss, none.logloss_low, none.logloss_high, none.auc, none.auc_low) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_intervals_are_those_of_drawing_accounts_and_ranking_anew() -> None:
    draw, n = np.random.default_rng(4), 3_000
    group, fold = draw.integers(0, 600, n).astype(str).astype(object), np.repeat([0, 1, 2], n // 3)
    odds = draw.normal(size=n) + 0.7 * draw.normal(size=600)[group.astype(int)]
    y, w = (draw.random(n) < 1 / (1 + np.exp(2 - odds))) * 1.0, draw.integers(1, 3, n) * 1.0
    a, b = (1 / (1 + np.exp(2 - odds - noise * draw.normal(size=n))) for noise in (0.3, 0.8))

    def said(parts: Sequence[Part]) -> AblationPredictions:
        return AblationPredictions(fold, np.arange(n), (a, b, a))

    one, _ = ablate_families(
        [spec("x", "fit"), spec("z", "age")], AblationRows(y, w, group), said, np.random.default_rng(9)
    )

    def falls(at: np.ndarray) -> tuple[float, float]:
        loss = classification.log_loss(y[at], b[at], w[at]) - classification.log_loss(y[at], a[at], w[at])
        return loss, by_fold(y[at], w[at], a[at], fold[at]) - by_fold(y[at], w[at], b[at], fold[at])

    slow = classification.draws_by_group(falls, group, 7, repeats=600)
    for values, low, high in zip(slow.T, (one.logloss_low, one.auc_low), (one.logloss_high, one.auc_high), strict=True):
        ends, half = np.quantile(values, [0.025, 0.975]), np.ptp(np.quantile(values, [0.025, 0.975])) / 2
        assert abs(low - ends[0]) < 0.15 * half and abs(high - ends[1]) < 0.15 * half


@given(seed=st.integers(0, 50), many=st.integers(1, 3))
def test_the_influence_is_the_slope_of_the_auc_in_each_row_s_weight(seed: int, many: int) -> None:
    draw = np.random.default_rng(seed)
    p, w = draw.integers(0, 6, 24) / 6.0, draw.uniform(0.5, 2, 24)
    y, fold = np.tile([1.0, 0.0, 0.0, 1.0], 6), np.arange(24) // 4 % many
    value, change = auc_influence(y, w, p, fold)
    assert value == pytest.approx(by_fold(y, w, p, fold)) and change.sum() == pytest.approx(0, abs=1e-9)
    row, step = int(draw.integers(24)), 1e-6
    more = w * np.where(np.arange(24) == row, 1 + step, 1.0)
    assert change[row] == pytest.approx((by_fold(y, more, p, fold) - value) / step, abs=1e-4)


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [((0.02, 0.01, 0.03), "missed"), ((-0.02, -0.03, -0.01), "better without"), ((0.02, -0.01, 0.05), "within noise"),
     ((0.00002, 0.00001, 0.00003), "next to nothing"), ((0.02, math.nan, math.nan), "within noise")],
)  # fmt: skip
def test_the_verdict_follows_the_interval(figures: tuple[float, float, float], verdict: str) -> None:
    worth = FamilyAblation("fit", 2, *figures, 0.0, math.nan, math.nan)
    assert worth.verdict == verdict
    record = json.loads(json.dumps(worth.to_record(), allow_nan=False))
    assert record["verdict"] == verdict and record["auc_low"] is None

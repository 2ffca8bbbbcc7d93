"""Fitting over folds: who chooses, who is judged, what happens when there is little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.metrics import classification
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import fit_scorer, inner_folds
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import _gain

SPECS = [Feature(name, "fit", name, "number", "value", name) for name in ("a", "b")]
QUICK = Recipe(max_rounds=60)


def world(n: int = 1000, seed: int = 0, twist: float = 0.0) -> Matrix:
    """`twist` is how much depends on what no regression sees: the sign of a · b."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, n))
    margin = -1 + a + twist * np.sign(a * b)
    y = (random.random(n) < 1 / (1 + np.exp(-margin))) * 1.0
    return Matrix(pd.DataFrame({"a": a, "b": b}), y, np.ones(n), np.arange(n), np.arange(n), np.arange(n) + 10)


def folds(n: int = 1000):
    return [(np.arange(cut - 10), np.arange(cut, cut + n // 4)) for cut in (n // 4, n // 2, n * 3 // 4)]


def test_the_newest_fold_chooses_nothing():
    matrix = world()
    scorer, honest = fit_scorer(SPECS, matrix, folds(), QUICK, seed=1)
    flipped = matrix.y.copy()
    flipped[750:] = 1 - flipped[750:]
    changed = Matrix(matrix.values, flipped, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    other, honest_too = fit_scorer(SPECS, changed, folds(), QUICK, seed=1)
    assert (other.recipe, honest_too.calibrator) == (scorer.recipe, honest.calibrator)
    np.testing.assert_array_equal(honest.probability, honest_too.probability)
    assert honest.curves == honest_too.curves


def test_out_of_fold_rows_are_the_folds():
    _, honest = fit_scorer(SPECS, world(), folds(), QUICK, seed=1)
    assert honest.row.tolist() == [*range(250, 1000)]
    assert honest.fold.tolist() == [0] * 250 + [1] * 250 + [2] * 250
    assert honest.judged.tolist() == [False] * 500 + [True] * 250
    assert not honest.inner
    assert {(c["fold"], c["anchored"]) for c in honest.curves} == {(0, True), (1, True), (0, False), (1, False)}


def test_what_a_regression_sees_needs_no_trees_and_what_it_doesnt_gets_them():
    simple, honest = fit_scorer(SPECS, world(3000), folds(3000), QUICK, seed=1)
    assert simple.recipe.anchored
    newest = honest.judged
    y = world(3000).y[honest.row]
    assert classification.log_loss(y[newest], honest.probability[newest]) < 1.02 * classification.log_loss(
        y[newest], honest.lr_probability[newest]
    )
    twisted, honest = fit_scorer(SPECS, world(3000, twist=2.0), folds(3000), QUICK, seed=1)
    y = world(3000, twist=2.0).y[honest.row]
    assert int(twisted.recipe.rounds or 0) > 5
    assert classification.auc(y[newest], honest.probability[newest]) > classification.auc(
        y[newest], honest.lr_probability[newest]
    )


@pytest.mark.parametrize("count", [0, 1])
def test_one_fold_or_none_is_cut_within(count):
    scorer, honest = fit_scorer(SPECS, world(), folds()[3 - count :], QUICK, seed=1)
    assert honest.inner
    assert honest.judged.sum() == 250 * count
    assert honest.row[honest.judged].tolist() == [*range(750, 1000)][: 250 * count]
    assert not set(honest.row[~honest.judged]) & set(honest.row[honest.judged])
    assert scorer.recipe.rounds is not None


def test_inner_folds_keep_the_gap():
    matrix = world()
    for train, test in inner_folds(matrix, np.arange(500)):
        assert matrix.known_at[train].max() <= matrix.as_of[test].min()
        assert test.max() < 500
    assert inner_folds(matrix, np.arange(0)) == []


def test_with_too_little_to_choose_by_it_is_the_regression():
    matrix = world(60)
    scorer, honest = fit_scorer(SPECS, matrix, [], Recipe(), seed=1)
    small = Matrix(matrix.values, np.arange(60) < 3, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    tiny, honest = fit_scorer(SPECS, small, [], Recipe(), seed=1)
    assert (tiny.recipe.anchored, tiny.recipe.rounds, tiny.recipe.share, tiny.calibrator) == (
        True,
        0,
        1.0,
        Calibrator(),
    )
    np.testing.assert_array_equal(tiny.probability(small.values), tiny.logistic_probability(small.values))
    assert len(honest.row) == 0 and honest.choice["folds"] == 0
    assert scorer.probability(matrix.values).shape == (60,)


def test_one_class_is_refused():
    matrix = world(100)
    empty = Matrix(matrix.values, np.zeros(100), matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    with pytest.raises(DataError, match="one class"):
        fit_scorer(SPECS, empty, [], QUICK)


def test_what_the_recipe_says_is_not_chosen():
    recipe = Recipe(anchored=False, rounds=15, plain_rounds=0, c=1.0, moving=())
    scorer, honest = fit_scorer(SPECS, world(), folds(), recipe, seed=1)
    assert scorer.recipe == recipe
    assert all(not curve["anchored"] for curve in honest.curves)
    grid, _ = fit_scorer(SPECS, world(), folds(), Recipe(c=None, max_rounds=20), seed=1)
    assert grid.recipe.c in Recipe().c_grid


def test_the_final_scorer_learns_from_all_rows_with_what_was_chosen():
    matrix = world()
    scorer, honest = fit_scorer(SPECS, matrix, folds(), QUICK, seed=1)
    newest = honest.judged
    assert scorer.probability(matrix.values.iloc[honest.row[newest]]).tolist() != honest.probability[newest].tolist()
    np.testing.assert_array_equal(honest.calibrator.probability(honest.margin[newest]), honest.probability[newest])


def test_one_fold_alone_never_makes_plain_boosting_win():
    class One:
        judge = world(50)
        test = np.arange(50)

    gain, error = _gain([One], [np.zeros(50)], [np.zeros(50)])
    assert (gain, error) == (0.0, float("inf"))

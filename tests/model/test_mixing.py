"""Mixed trees are one sound text that says the mean of its parts, in margins and in contributions."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from leadline.model.fitting.boosting import Recipe, fit_trees, mix_trees, tree_margin
from leadline.model.shap.trees import check_trees

X = np.random.default_rng(5).normal(size=(600, 4))
X[::7, 2] = np.nan
SMALL = Recipe(min_hessian=1.0)


def text(column: int, rounds: int) -> str:
    y = (X[:, column] > 0.2) * 1.0
    return fit_trees(X, y, np.ones(600), 3, rounds, SMALL)


@pytest.mark.parametrize(("one", "two"), [(5, 9), (0, 4), (4, 0), (0, 0)])
def test_the_mean_of_two(one: int, two: int) -> None:
    a, b = text(0, one), text(1, two)
    both = mix_trees([(0.5, a), (0.5, b)])
    check_trees(both, 4)
    wanted = (tree_margin(a, X, one) + tree_margin(b, X, two)) / 2
    np.testing.assert_allclose(tree_margin(both, X, None if one + two else 0), wanted, rtol=0, atol=1e-15)


def test_contributions_are_the_mean_too() -> None:
    a, b = text(0, 6), text(1, 6)
    parts = [
        lightgbm.Booster(model_str=each).predict(X, pred_contrib=True)
        for each in (mix_trees([(0.5, a), (0.5, b)]), a, b)
    ]
    np.testing.assert_allclose(parts[0], (parts[1] + parts[2]) / 2, rtol=0, atol=1e-12)


def test_one_part_whole_is_itself() -> None:
    assert mix_trees([(1.0, text(0, 5))]) == text(0, 5)

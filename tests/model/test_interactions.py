"""Interactions of features in trees: equal to the definition by all subsets, and to SHAP's own."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from leadline.model.fitting.boosting import Recipe, fit_trees
from leadline.model.shap.interactions import interactions
from leadline.model.shap.trees import Leaf, Tree, read_trees, tree_units

Floats = npt.NDArray[np.float64]


def data() -> tuple[str, Floats]:
    rng = np.random.default_rng(3)
    x = rng.random((300, 5))
    x[rng.random(x.shape) < 0.1] = np.nan
    known = np.nan_to_num(x)
    y = (known[:, 0] * known[:, 1] + 0.3 * known[:, 2] + 0.2 * rng.random(300) > 0.5) * 1.0
    return fit_trees(x, y, np.ones(300), 7, 12, Recipe(min_hessian=1.0)), x


def worth(leaf: Leaf, tree: Tree, row: Floats, known: set[int]) -> float:
    """A leaf's worth to a row of which only some columns are known."""
    value = leaf.value
    for column, passed in zip(leaf.columns, leaf.passed, strict=True):
        steps = [s for s in leaf.way if int(tree.column[s.split]) == column]
        value *= all(goes_left(tree, s.split, row[column]) == s.left for s in steps) if column in known else passed
    return value


def goes_left(tree: Tree, split: int, value: float) -> bool:
    if math.isnan(value):
        return bool(tree.decision[split] & 2) if tree.decision[split] & 12 else bool(tree.threshold[split] >= 0)
    return bool(value <= tree.threshold[split])


def by_definition(text: str, row: Floats, i: int, j: int) -> float:
    """The Shapley interaction index of a pair, over all subsets of the other columns."""
    others = [c for c in range(len(row)) if c not in (i, j)]
    total = 0.0
    for tree in read_trees(text):
        for leaf in (leaf for branch in tree_units(tree) for leaf in branch.leaves):
            for size in range(len(others) + 1):
                share = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(others) + 1)
                for chosen in combinations(others, size):
                    known = set(chosen)
                    parts = (known | {i, j}, 1), (known | {i}, -1), (known | {j}, -1), (known, 1)
                    total += share * sum(sign * worth(leaf, tree, row, told) for told, sign in parts)
    return total


def test_interactions_are_what_the_definition_gives() -> None:
    text, x = data()
    found = interactions(text, x[:3], range(5))
    assert set(found) <= set(combinations(range(5), 2)) and (0, 1) in found
    for i, j in combinations(range(5), 2):
        theirs = [by_definition(text, row, i, j) for row in x[:3]]
        np.testing.assert_allclose(found.get((i, j), np.zeros(3)), theirs, atol=1e-12)


def test_interactions_are_shaps_own_and_columns_of_one_feature_are_added_up() -> None:
    shap: Any = pytest.importorskip("shap")
    import lightgbm

    text, x = data()
    theirs = np.asarray(shap.TreeExplainer(lightgbm.Booster(model_str=text)).shap_interaction_values(x[:40]))
    assert theirs.shape == (40, 5, 5)
    found = interactions(text, x[:40], range(5))
    for (i, j), effect in found.items():
        np.testing.assert_allclose(effect, theirs[:, i, j] + theirs[:, j, i], atol=1e-12)
    folded = interactions(text, x[:40], [0, 1, 1, 2, 2])
    both = sum(found[pair] for pair in ((0, 1), (0, 2)) if pair in found)
    np.testing.assert_allclose(folded[0, 1], both, atol=1e-12)
    assert all(one < other for one, other in folded)


def test_trees_that_never_split_have_none() -> None:
    assert interactions("tree\nTree=0\nnum_leaves=1\nleaf_value=0.5\n", np.zeros((2, 1)), [0]) == {}

"""How much two columns move a margin together, beyond what each does alone: exact SHAP interaction values of trees.

A leaf's game gives a set of known features ``value · Π known lets · Π unknown passed`` (`attribution`); its Shapley
interaction index of a pair is ``value · (lets_i − passed_i) · (lets_j − passed_j)`` times the mean worth of the others.
TreeExplainer's ``shap_interaction_values`` gives each half of a pair in one triangle; here a pair is told once, whole.

References
----------
Fujimoto, Kojadinovic & Marichal, "Axiomatic characterizations of probabilistic and cardinal-probabilistic interaction
indices", Games and Economic Behavior 55 (2006). Lundberg et al., Nature Machine Intelligence 2 (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.model.shap.tree_shap import loops_for
from leadline.model.shap.trees import Leaf, Tree, read_trees, tree_units

__all__ = ["interactions"]

Floats: TypeAlias = NDArray[np.float64]


def interactions(text: str, x: Floats, owner: Sequence[int]) -> dict[tuple[int, int], Floats]:
    """Return, for each pair of features that meet on a way through a tree, its interaction in each row's margin.

    Parameters
    ----------
    text : str
        LightGBM's text.
    x : float64 array
        Rows × tree columns.
    owner : sequence of int
        The feature of each tree column; what columns of one feature do together is left out, as it is that feature's own.

    Examples
    --------
    >>> from leadline.model.fitting.boosting import Recipe, fit_trees
    >>> x = np.random.default_rng(7).random((400, 3))
    >>> text = fit_trees(x, ((x[:, 0] > 0.5) & (x[:, 1] > 0.5)) * 1.0, np.ones(400), 7, 3, Recipe(min_hessian=1.0))
    >>> found = interactions(text, x, [0, 1, 2])
    >>> max(found, key=lambda pair: np.abs(found[pair]).mean())
    (0, 1)
    """
    found: dict[tuple[int, int], Floats] = {}
    columns = np.ascontiguousarray(x.T, dtype=np.float64)
    for tree in read_trees(text):
        if not len(tree.column):
            continue
        goes = _goes(tree, columns)
        for leaf in (leaf for branch in tree_units(tree) for leaf in branch.leaves):
            if len({owner[c] for c in leaf.columns}) > 1:
                _add(found, leaf, tree, goes, owner)
    return found


def _goes(tree: Tree, columns: Floats) -> NDArray[np.uint8]:
    """Tell which rows go left at each split: splits × rows."""
    goes = np.zeros((len(tree.column), columns.shape[1]), dtype=np.uint8)
    loops_for(columns.shape[1]).decide(columns, tree.column, tree.threshold, tree.decision, goes)
    return goes


def _add(
    found: dict[tuple[int, int], Floats], leaf: Leaf, tree: Tree, goes: NDArray[np.uint8], owner: Sequence[int]
) -> None:
    """Add one leaf's interactions."""
    lets = np.ones((len(leaf.columns), goes.shape[1]))
    place = {column: n for n, column in enumerate(leaf.columns)}
    for split, left in leaf.way:
        lets[place[int(tree.column[split])]] *= goes[split] if left else 1 - goes[split]
    for i, j in combinations(range(len(leaf.columns)), 2):
        one, other = sorted((owner[leaf.columns[i]], owner[leaf.columns[j]]))
        if one == other:
            continue
        both = leaf.value * (lets[i] - leaf.passed[i]) * (lets[j] - leaf.passed[j])
        rest = [k for k in range(len(leaf.columns)) if k not in (i, j)]
        worth = both * _mean_worth(lets[rest], np.array([leaf.passed[k] for k in rest]))
        found[one, other] = found[one, other] + worth if (one, other) in found else worth


def _mean_worth(lets: Floats, passed: Floats) -> Floats:
    """Return the weighted mean, over sets of known features, of ``Π known lets · Π unknown passed``; rows of `lets` are features.

    Examples
    --------
    >>> _mean_worth(np.array([[1.0, 0.0]]), np.array([0.5])).tolist()
    [0.75, 0.25]
    """
    size = len(passed)
    sums = np.zeros((size + 1, lets.shape[1]))  # by how many are known: the coefficients of Π (passed + lets · t)
    sums[0] = 1.0
    for one, share in zip(lets, passed, strict=True):
        more = sums[:-1] * one
        sums *= share
        sums[1:] += more
    every = math.factorial(size + 1)
    weight = [math.factorial(known) * math.factorial(size - known) / every for known in range(size + 1)]
    return np.asarray(np.array(weight) @ sums, dtype=np.float64)

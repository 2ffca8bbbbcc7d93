"""A damaged model text is refused before LightGBM, which would abort the process, sees it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.errors import DataError
from leadline.model.fitting.boosting import Recipe, fit_trees, tree_margin
from leadline.model.shap.trees import check_trees

X = np.random.default_rng(0).normal(size=(600, 3))
TEXT = fit_trees(X, (X[:, 0] + X[:, 1] * X[:, 2] > 0) * 1.0, np.ones(600), 1, 4, Recipe(min_hessian=1.0))


def test_a_whole_text_passes():
    check_trees(TEXT, 3)


def test_a_split_of_the_missing_from_all_others_stands_at_infinity_and_passes():
    there = X.copy()
    there[::2, 0] = np.nan
    text = fit_trees(there, np.isnan(there[:, 0]) * 1.0, np.ones(600), 1, 4, Recipe(min_hessian=1.0))
    assert re.search(r"(?m)^threshold=.*inf", text)
    check_trees(text, 3)
    missing, known = tree_margin(text, np.array([[np.nan, 0, 0], [1e300, 0, 0]]))
    assert missing > known
    with pytest.raises(DataError, match="in a list"):
        check_trees(re.sub(r"(?m)^threshold=inf", "threshold=nan", text), 3)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(TEXT) - 1))
def test_a_cut_text_is_refused(end):
    with pytest.raises(DataError, match=r"model\.txt: damaged"):
        check_trees(TEXT[:end], 3)


@settings(deadline=None, max_examples=200)
@given(st.integers(TEXT.index("Tree=0"), len(TEXT) - 2), st.integers(1, 40))
def test_a_tree_with_a_hole_is_refused(start, length):
    with pytest.raises(DataError, match=r"model\.txt: damaged"):
        check_trees(TEXT[:start] + TEXT[start + length :], 3)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, TEXT.index("Tree=0") - 1), st.integers(1, 40))
def test_a_head_with_a_hole_is_refused_or_harmless(start, length):
    text = TEXT[:start] + TEXT[start + length :]
    try:
        check_trees(text, 3)
    except DataError:
        return
    np.testing.assert_array_equal(tree_margin(text, X), tree_margin(TEXT, X))


@pytest.mark.parametrize("width", [2, 4])
def test_a_model_of_another_width_is_refused(width):
    with pytest.raises(DataError, match="columns"):
        check_trees(TEXT, width)


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        (r"split_feature=\d", "split_feature=9", "out of range"),
        (r"left_child=(-?\d+)", lambda m: "left_child=" + "9" * len(m[1]), "branches"),
        (r"leaf_value=(\S)", "leaf_value=x", "ValueError"),
        (r"objective=binary", "objective=poison", "objective isn't binary"),
        (r"num_class=1", "num_class=2", "num_class isn't 1"),
        (r"num_cat=0", "num_cat=1", "head"),
        (r"version=v4", "version=v9", "head"),
    ],
)
def test_what_is_wrong_inside_is_named(pattern, replacement, problem):
    with pytest.raises(DataError, match=problem):
        check_trees(re.sub(pattern, replacement, TEXT, count=1), 3)

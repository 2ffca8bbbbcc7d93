"""Tables instead of LightGBM's own walk: the margin to the bit, the contributions to the last digits, whatever the trees."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.errors import DataError
from leadline.model.fitting.boosting import Recipe, fit_trees, mix_trees, model_text
from leadline.model.shap import tree_shap
from leadline.model.shap.tree_shap import TabulatedTrees, matches_lightgbm
from leadline.model.shap.trees import read_trees, tree_units

KINDS = {"NaN": {}, "zero": {"zero_as_missing": True}, "none": {"use_missing": False}}


def rows(random: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Numbers of few and of many values, zeros, nearly zeros and missing ones, each in some columns."""
    x = random.normal(size=(n, width))
    x[:, ::3] = random.integers(-2, 3, size=x[:, ::3].shape)
    x[random.random(x.shape) < 0.15] = 0.0
    x[random.random(x.shape) < random.choice([0.0, 0.3], width)] = np.nan
    x[random.random(x.shape) < 0.02] = 1e-36
    return x


def grown(random: np.random.Generator, width: int, rounds: int, kind: str, **told: float) -> str:
    """A model of few rows, so that it has all sorts of splits."""
    x = rows(random, 300, width)
    y = (np.nansum(x, axis=1) + np.isnan(x[:, 0]) + random.normal(size=300) > 0.5) * 1.0
    recipe = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 3, "learning_rate": 0.3}
    data = lightgbm.Dataset(x, y, params=KINDS[kind])
    return model_text(lightgbm.train({**recipe, **KINDS[kind], **told}, data, rounds))


def own(text: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What LightGBM says itself."""
    booster = lightgbm.Booster(model_str=text)
    return booster.predict(x, raw_score=True), booster.predict(x, pred_contrib=True)[:, :-1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 8), st.sampled_from(sorted(KINDS)), st.integers(2, 40),
       st.integers(1, 6))  # fmt: skip
def test_margins_and_contributions_are_lightgbms(seed, width, rounds, kind, leaves, depth):
    random = np.random.default_rng(seed)
    text = grown(random, width, rounds, kind, num_leaves=leaves, max_depth=depth)
    x = rows(random, 60, width)
    forest, (margin, contributions) = TabulatedTrees.of(text, width), own(text, x)
    mine, parts = forest.parts(x)
    np.testing.assert_array_equal(mine, margin)
    np.testing.assert_array_equal(forest.margin(x), margin)
    np.testing.assert_allclose(parts, contributions, rtol=0, atol=1e-9)
    assert matches_lightgbm(forest, lightgbm.Booster(model_str=text), x)


@pytest.fixture(scope="module")
def large() -> tuple[str, np.ndarray]:
    random = np.random.default_rng(5)
    parts = [grown(random, 12, 20, kind, num_leaves=31, max_depth=6) for kind in ("NaN", "zero")]
    return mix_trees([(0.5, text) for text in parts]), rows(random, 6000, 12)


def test_two_mixed_models_give_the_same_top_five(large):
    text, x = large
    margin, contributions = own(text, x)
    mine, parts = TabulatedTrees.of(text, 12).parts(x)
    np.testing.assert_array_equal(mine, margin)
    np.testing.assert_allclose(parts, contributions, rtol=0, atol=1e-9)
    mine_first, first = (np.argsort(-np.abs(p), axis=1, kind="stable")[:, :5] for p in (parts, contributions))
    assert np.mean(np.all(mine_first == first, axis=1)) >= 0.999


def test_compiled_and_numpy_give_the_same_bits_however_rows_are_cut(large, monkeypatch):
    forest, x = TabulatedTrees.of(large[0], 12), large[1]
    fast = forest.parts(x)  # compiled: it is many rows
    assert tree_shap.loops_for(len(x)) is tree_shap.compiled()
    monkeypatch.setattr(tree_shap, "loops_for", lambda rows: tree_shap.in_numpy)
    for whole, plain in zip(fast, forest.parts(x), strict=True):
        np.testing.assert_array_equal(whole, plain)
    for row in (0, 255, 4096):
        np.testing.assert_array_equal(forest.parts(x[row : row + 1])[1][0], fast[1][row])


def test_without_numba_numpy_does_it(monkeypatch):
    def missing() -> tree_shap.Loops:
        raise ImportError

    missing.cache_info = tree_shap.compiled.cache_info
    monkeypatch.setattr(tree_shap, "compiled", missing)
    assert tree_shap.loops_for(10**6) is tree_shap.in_numpy


def test_a_model_without_trees_and_one_of_a_single_leaf_have_no_contributions():
    x = np.arange(100.0)[:, None]
    none = fit_trees(x, (x[:, 0] > 49) * 1.0, np.ones(100), 7, 0, Recipe())
    single = fit_trees(x, (x[:, 0] > 49) * 1.0, np.ones(100), 7, 2, Recipe(min_leaf=99))
    assert "num_leaves=1\n" in single
    for text in (none, single):
        margin, parts = TabulatedTrees.of(text, 1).parts(x)
        np.testing.assert_array_equal(margin, own(text, x)[0])
        assert not parts.any()


def test_a_split_of_the_missing_from_all_others_stands_at_infinity():
    x = np.where(np.arange(600) % 2 == 0, np.nan, np.random.default_rng(0).normal(size=600))[:, None]
    text = fit_trees(x, np.isnan(x[:, 0]) * 1.0, np.ones(600), 7, 3, Recipe(min_hessian=1.0))
    assert "threshold=inf" in text
    x = np.array([[np.nan], [0.0], [1e308], [-5.0]])
    margin, parts = TabulatedTrees.of(text, 1).parts(x)
    np.testing.assert_array_equal(margin, own(text, x)[0])
    np.testing.assert_allclose(parts, own(text, x)[1], rtol=0, atol=1e-12)
    assert margin[0] > margin[1] == margin[2] == margin[3]


def test_no_rows_are_no_parts(large):
    margin, parts = TabulatedTrees.of(large[0], 12).parts(np.empty((0, 12)))
    assert margin.shape == (0,) and parts.shape == (0, 12)


def test_units_hold_every_leaf_once_and_ask_few_bits(large):
    for tree in read_trees(large[0]):
        units = tree_units(tree)
        assert sorted(leaf.value for unit in units for leaf in unit.leaves) == sorted(tree.value.tolist())
        assert max(unit.bits for unit in units) <= 8


def test_ways_of_more_columns_than_bits_are_refused(large):
    with pytest.raises(DataError, match="asks 3 columns; expected at most 2"):
        tree_units(read_trees(large[0])[0], bits=2)


def test_damaged_tables_dont_agree(large):
    text, x = large
    forest = TabulatedTrees.of(text, 12)
    *places, table = forest.tables
    for place in (0, len(table) - 1):
        mended = table.copy()
        mended[:] = np.where(np.arange(len(table)) == place, table, table + 1e-5)
        wrong = TabulatedTrees(12, forest.splits, forest.units, (*places, mended))
        assert not matches_lightgbm(wrong, lightgbm.Booster(model_str=text), x[:50])

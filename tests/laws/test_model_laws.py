"""Law 7 (rows in any order, any number of threads: same model, same scores) and law 2 (labels of the future)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.encoding.target_encoding import CategoryLevels
from leadline.model.fitting.boosting import Recipe, fit_trees
from leadline.model.fitting.fit import fit_scorer

SPECS = [
    Feature("visits", "behaviour", "visits", "count", "count", "visited"),
    Feature("size", "fit", "size", "number", "value", "employs"),
    Feature("source", "fit", "source", "category", "value", "came from"),
]
RECIPE = Recipe(max_rounds=30)


def world(n: int = 500) -> Matrix:
    random = np.random.default_rng(0)
    visits, size = random.poisson(2, n).astype(float), random.normal(size=n)
    source = random.choice(np.array(["web", "fair", None], dtype=object), n)
    y = (random.random(n) < 1 / (1 + np.exp(1.5 - visits / 2 * (size > 0)))) * 1.0
    values = pd.DataFrame({"visits": visits, "size": size, "source": source})
    lead = np.array([f"lead {i % 125:03d}" for i in range(n)])  # four snapshots of each, as_of tied across leads
    as_of = np.arange(n) // 125 * 100
    return Matrix(values, y, random.uniform(1, 3, n), lead, as_of, as_of + 100)


FOLDS = [
    (np.arange(125), np.arange(125, 250)),
    (np.arange(250), np.arange(250, 375)),
    (np.arange(375), np.arange(375, 500)),
]


@cache
def reference():
    return fit_scorer(SPECS, world(), FOLDS, RECIPE, seed=7, threads=1)


@settings(deadline=None, max_examples=12)
@given(st.randoms(use_true_random=False), st.sampled_from([1, 2, 3]))
def test_rows_in_any_order_any_number_of_threads_give_the_same_model(random, threads):
    matrix = world()
    order = list(range(len(matrix)))
    random.shuffle(order)
    order = np.array(order)
    place = np.argsort(order)
    folds = [(place[train], place[test]) for train, test in FOLDS]
    scorer, honest = fit_scorer(SPECS, matrix.take(order), folds, RECIPE, seed=7, threads=threads)
    expected, out = reference()
    assert scorer.to_files() == expected.to_files()
    np.testing.assert_array_equal(order[honest.row], out.row)
    np.testing.assert_array_equal(honest.probability, out.probability)
    np.testing.assert_array_equal(honest.lr_probability, out.lr_probability)
    np.testing.assert_array_equal(
        scorer.probability(matrix.values.iloc[order]), expected.probability(matrix.values)[order]
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("anchored", [True, False])
def test_trees_alone_dont_depend_on_order_or_threads(threads, anchored):
    random = np.random.default_rng(0)
    x, key = random.normal(size=(3000, 5)), np.arange(3000)
    x[random.random(x.shape) < 0.2] = np.nan
    y, start = (random.random(3000) < 0.3) * 1.0, random.normal(size=3000) if anchored else None
    expected = fit_trees(x, y, np.ones(3000), 1, 10, Recipe(), start, threads=1, key=[key])
    order = random.permutation(3000)
    moved = None if start is None else start[order]
    assert fit_trees(x[order], y[order], np.ones(3000), 1, 10, Recipe(), moved, threads, [key[order]]) == expected


def test_a_seed_is_a_seed_or_its_generator():
    first = fit_scorer(SPECS, world(), FOLDS, RECIPE, seed=np.random.default_rng(7))[0]
    assert first.to_files() == reference()[0].to_files()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_labels_not_known_at_as_of_change_no_training_row(cut, seed):
    matrix = world()
    later = matrix.known_at > cut
    y = np.where(later, np.random.default_rng(seed).integers(0, 2, len(matrix)), matrix.y)
    poisoned = Matrix(matrix.values, y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    seen = matrix.as_of <= cut
    rows, rows_poisoned = (Encoder.fit(SPECS, m).tree_asof(m)[seen] for m in (matrix, poisoned))
    np.testing.assert_array_equal(rows, rows_poisoned)


def test_no_level_of_few_leads_is_in_the_files():
    matrix = world()
    secret = matrix.values.assign(source=["ann@mail.example" if i % 125 == 5 else "web" for i in range(500)])
    data = Matrix(secret, matrix.y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    scorer, _ = fit_scorer(SPECS, data, FOLDS, RECIPE, seed=7)
    assert not [name for name, text in scorer.to_files().items() if "mail.example" in text]
    assert isinstance(scorer.encoder.levels[0], CategoryLevels)

"""Refits on drawn accounts: the regression is the one that a fit from nothing finds, and draws follow the seed alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.logistic import Logistic
from leadline.model.fitting.newton import NewtonSolver
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.refit import refit_on_bootstrap

NAMES = ("told", "half", "noise")
RECIPES = {
    "regression": Recipe(anchored=True, rounds=0, c=0.1),
    "anchored": Recipe(anchored=True, rounds=8, c=0.1),
    "mean": Recipe(anchored=True, rounds=8, plain_rounds=20, c=0.1),
    "plain": Recipe(anchored=False, rounds=20, c=0.1),
}


def planted(rows: int = 1_500) -> tuple[list[Feature], Matrix, np.ndarray]:
    draw = np.random.default_rng(3)
    values = pd.DataFrame({name: draw.normal(size=rows) for name in NAMES})
    y = draw.random(rows) < 1 / (1 + np.exp(1.5 - 1.5 * values["told"] - 0.7 * values["half"]))
    n = np.arange(rows)
    matrix = Matrix(values, y * 1.0, np.ones(rows), n, n, n + 1)
    return [Feature(name, "fit", name, "number", "value", name) for name in NAMES], matrix, n // 3


def sizes(recipe: Recipe, seed: int = 5, threads: int = 1) -> np.ndarray:
    specs, matrix, group = planted()
    made = refit_on_bootstrap(specs, matrix, recipe, group, 3, np.random.default_rng(seed), threads)
    return np.array([np.abs(parts).mean(axis=0) for parts, _ in made])


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_refit_finds_what_tells_and_no_two_are_alike(recipe: str) -> None:
    found = sizes(RECIPES[recipe])
    assert np.all(found[:, 0] > found[:, 1]) and np.all(found[:, 1] > 2 * found[:, 2])
    assert len({row.tobytes() for row in found}) == 3


def test_the_seed_alone_decides() -> None:
    recipe = RECIPES["mean"]
    assert sizes(recipe).tobytes() == sizes(recipe, threads=2).tobytes()
    assert sizes(recipe).tobytes() != sizes(recipe, seed=6).tobytes()


def test_the_regression_under_other_weights_is_what_a_fit_from_nothing_finds() -> None:
    specs, matrix, group = planted()
    x = matrix.values.to_numpy()
    solver = NewtonSolver(x, matrix.y, matrix.weight)
    solver.solve(0.1)
    draw = np.random.default_rng(8)
    for _ in range(5):
        times = np.bincount(draw.integers(500, size=500), minlength=500)[group].astype(float)
        drawn = np.repeat(np.arange(len(x)), times.astype(int))
        slow = Logistic.fit(x[drawn], matrix.y[drawn], np.ones(len(drawn)), tuple(s.name for s in specs), 0.1)
        line = solver.solve(0.1, weight=np.maximum(times, 1e-6))
        assert np.allclose(line, [slow.intercept, *slow.coefficients], atol=1e-4)

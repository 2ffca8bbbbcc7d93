"""What the older folds choose: the mean by default, the regression where features move, by what was known in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import fit_scorer, split_newest
from leadline.model.fitting.logistic import sigmoid
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import InnerFold, select_model

QUICK = Recipe(learning_rate=0.1, max_rounds=60, c_grid=(0.01, 0.1))
SPECS = [Feature(name, "fit", name, "number", "value", name) for name in ("a", "b", "price")]


def world(n: int = 3_000, drift: float = 0.0, late: int = 10) -> Matrix:
    """Rows in time; `price` runs away by `drift` a row, and conversion with it."""
    random = np.random.default_rng(11)
    a, b = random.normal(size=n), random.normal(size=n)
    price = random.normal(size=n) + drift * np.arange(n)
    y = (random.random(n) < sigmoid(-2.5 + 1.5 * np.abs(a) + np.abs(b) + 0.3 * price)) * 1.0
    when = np.arange(n)
    return Matrix(pd.DataFrame({"a": a, "b": b, "price": price}), y, np.ones(n), when.astype(str), when, when + late)


def folds(n: int = 3_000, late: int = 10) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.arange(cut - late), np.arange(cut, cut + n // 4)) for cut in (n // 4, n // 2, n * 3 // 4)]


def test_by_default_the_mean_of_both_is_taken() -> None:
    scorer, honest = fit_scorer(SPECS, world(), folds(), QUICK, seed=1)
    assert (scorer.recipe.share, scorer.recipe.moving, honest.choice["share"]) == (0.5, (), 0.5)
    assert set(honest.choice["log_loss"]) == {"regression", "anchored", "plain", "mean"}
    assert int(scorer.recipe.plain_rounds or 0) >= 10


def test_contributions_of_a_mean_add_up_to_its_margin() -> None:
    scorer, _ = fit_scorer(SPECS, world(), folds(), QUICK, seed=1)
    values = world().values.iloc[:200]
    parts, base = scorer.contributions(values)
    np.testing.assert_allclose(parts.sum(axis=1) + base, scorer.margin(values), atol=1e-9)


def test_a_feature_that_runs_away_is_left_to_the_regression() -> None:
    scorer, honest = fit_scorer(SPECS, world(drift=0.01), folds(), QUICK, seed=1)
    assert scorer.recipe.moving == ("price",)
    assert (scorer.recipe.share, scorer.recipe.c) == (1.0, max(QUICK.c_grid))
    assert "beyond" in honest.choice["why"]
    far = world().values.iloc[:50].assign(price=np.linspace(0, 100, 50))
    steady = far.assign(a=0.0, b=0.0)
    trees = scorer.margin(steady) - scorer.logistic.margin(scorer.encoder.linear(steady))
    assert np.ptp(trees) < 1e-12


def test_labels_not_known_when_the_newest_fold_began_choose_nothing() -> None:
    late = 700
    matrix = world(late=late)
    pairs = [(np.arange(max(1, cut - late)), np.arange(cut, cut + 750)) for cut in (750, 1_500, 2_250)]
    flipped = matrix.y.copy()
    flipped[2_250 - late :] = 1 - flipped[2_250 - late :]
    one = fit_scorer(SPECS, matrix, pairs, QUICK, seed=1)[1]
    two = fit_scorer(SPECS, replace(matrix, y=flipped), pairs, QUICK, seed=1)[1]
    assert (one.choice, one.calibrator) == (two.choice, two.calibrator)
    np.testing.assert_array_equal(one.probability[one.judged], two.probability[two.judged])


@pytest.mark.parametrize(
    "recipe", [Recipe(anchored=True, rounds=3, c=0.1), Recipe(anchored=True, rounds=2, plain_rounds=12, c=0.1)]
)
def test_what_is_filled_in_stays(recipe: Recipe) -> None:
    chosen = fit_scorer(SPECS, world(), folds(), recipe, seed=1)[0].recipe
    assert (chosen.rounds, chosen.plain_rounds or 0, chosen.share) == (
        recipe.rounds,
        recipe.plain_rounds or 0,
        recipe.share,
    )


def test_the_loss_is_that_of_the_rows_that_choose() -> None:
    _, rows, older, newest, _ = split_newest(world(), folds())
    ready = InnerFold.fit_all(SPECS, rows, older, QUICK, newest[0][0], 1, 1)
    choice = select_model(ready, QUICK, 5, 1)
    assert choice.loss == pytest.approx(choice.record["log_loss"]["mean"])
    assert [len(margin) for margin in choice.margins] == [len(one.test) for one in ready]

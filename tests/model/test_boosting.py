"""Boosting: the number of trees, the anchor, settings that follow the data, recipes that check themselves."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import ConfigError
from leadline.model.fitting.boosting import (
    BoostingFold,
    LossCurve,
    Recipe,
    choose_rounds,
    fit_loss_curve,
    fit_trees,
    tree_margin,
)
from leadline.model.fitting.logistic import sigmoid
from leadline.model.shap.trees import check_trees


def data(n: int = 1500, seed: int = 0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 4))
    margin = x[:, 0] + 1.5 * (x[:, 1] > 0.5) * (x[:, 2] > 0) - 1.5
    return x, (random.random(n) < sigmoid(margin)) * 1.0, np.ones(n), margin


def trial(start: bool, seed: int = 0) -> BoostingFold:
    (x, y, w, _), (tx, ty, tw, _) = data(seed=seed), data(800, seed=seed + 1)
    return BoostingFold(x, y, w, x[:, 0] - 1.2 if start else None, tx, ty, tw, tx[:, 0] - 1.2 if start else None)


def curve(losses, anchored: bool = True, weight: float = 1.0) -> LossCurve:
    one = np.ones(1)
    start = one if anchored else None
    return LossCurve(
        tuple(losses), "", BoostingFold(one[:, None], one, one, start, one[:, None], one, one * weight, start)
    )


def test_no_trees_add_nothing_and_are_a_whole_text():
    x, y, w, margin = data()
    text = fit_trees(x, y, w, 1, 0, Recipe(), start=margin)
    check_trees(text, 4)
    assert tree_margin(text, x).tolist() == [0.0] * len(x)


def test_anchored_trees_add_to_the_start_and_mend_it():
    judged = trial(start=True)
    grown = fit_loss_curve(judged, Recipe(), 1)
    rounds = choose_rounds([grown], Recipe())
    assert rounds > 0
    assert grown.losses[rounds] < grown.losses[0]
    p = sigmoid(grown.margin(rounds))
    loss = -np.mean(judged.test_y * np.log(p) + (1 - judged.test_y) * np.log(1 - p))
    assert loss == pytest.approx(grown.losses[rounds], abs=1e-9)  # the curve is that of the margins returned


def test_an_anchor_that_knows_all_needs_few_trees():
    x, y, w, margin = data(4000)
    tx, ty, tw, true = data(4000, seed=5)
    grown = fit_loss_curve(BoostingFold(x, y, w, margin, tx, ty, tw, true), Recipe(), 1)
    assert choose_rounds([grown], Recipe()) <= 5


def test_a_tree_number_is_the_same_in_trial_and_fit():
    judged = trial(start=False)
    grown = fit_loss_curve(judged, Recipe(), 3)
    text = fit_trees(judged.x, judged.y, judged.weight, 3, 12, Recipe())
    np.testing.assert_array_equal(tree_margin(text, judged.test_x), grown.margin(12))


def test_rounds_are_the_fewest_within_noise():
    assert choose_rounds([curve([0.5, 0.4, 0.3, 0.4])], Recipe()) == 2
    assert choose_rounds([curve([0.3, 0.4, 0.5])], Recipe()) == 0
    assert choose_rounds([curve([0.5, 0.5, 0.5])], Recipe()) == 0
    # what helps one fold and harms the other isn't taken
    assert choose_rounds([curve([0.50, 0.40]), curve([0.50, 0.55])], Recipe()) == 0
    # weights count
    assert choose_rounds([curve([0.5, 0.4], weight=9), curve([0.5, 0.4])], Recipe()) == 1
    assert choose_rounds([curve([0.3] + [0.4] * 30, anchored=False)], Recipe()) == 10
    assert choose_rounds([curve([0.5, 0.4])], Recipe(rounds=77)) == 77


def test_few_positives_make_small_trees():
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 3))
    y = np.zeros(2000)
    y[:100] = 1.0
    text = fit_trees(x, y, np.ones(2000), 1, 5, Recipe(min_hessian=0.1))
    assert max(int(line.split("=")[1]) for line in text.splitlines() if line.startswith("num_leaves=")) <= 4


def test_columns_that_say_nothing_are_no_error():
    text = fit_trees(np.zeros((100, 2)), np.arange(100) % 2.0, np.ones(100), 1, 3, Recipe())
    check_trees(text, 2)
    np.testing.assert_allclose(tree_margin(text, np.zeros((2, 2))), 0.0, atol=1e-12)


def test_text_holds_no_single_rows_number():
    x, y, w, _ = data()
    x[7, 0] = 98765.4321
    text = fit_trees(x, y, w, 1, 10, Recipe(anchored=False))
    assert "98765" not in text
    assert "feature_infos=none none none none\n" in text


def test_text_tells_nothing_of_the_run():
    x, y, w, _ = data()
    text = fit_trees(x, y, w, 1, 3, Recipe())
    assert "num_threads" not in text and "parameters" not in text


@pytest.mark.parametrize(
    "wrong", [{"max_depth": 7}, {"learning_rate": 0.0}, {"c": -1.0}, {"rounds": -1}, {"c_grid": ()}]
)
def test_a_recipe_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="recipe"):
        Recipe(**wrong)

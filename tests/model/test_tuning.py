"""The search tries recipes on older folds only, is the same each time, and the same when it was stopped on the way."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.errors import UsageError
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.tuning import SPACE, TuningTrial, best_recipe, search_recipes

N = 900
SPECS = (Feature("visits", "behaviour", "visits", "count", "count", "visited"),)


def world(flip_newest: bool = False) -> tuple[Matrix, list[tuple[Any, Any]]]:
    rng = np.random.default_rng(5)
    visits = rng.poisson(2.0, N).astype(float)
    y = (rng.random(N) < 1 / (1 + np.exp(3 - visits))).astype(float)
    rows = np.arange(N)
    if flip_newest:
        y[700:] = 1 - y[700:]
    matrix = Matrix(pd.DataFrame({"visits": visits}), y, np.ones(N), rows.astype(str), rows, rows)
    return matrix, [(rows[:300], rows[300:500]), (rows[:500], rows[500:700]), (rows[:700], rows[700:])]


@pytest.fixture(scope="module")
def whole() -> list[TuningTrial]:
    """A search that nobody stopped; more trials than the sampler takes to begin with."""
    pytest.importorskip("optuna", reason="pip install leadline[tune]")
    return list(search_recipes(SPECS, *world(), 12, seed=3))


def test_the_default_recipe_is_the_first_that_is_tried(whole: list[TuningTrial]) -> None:
    assert whole[0].recipe == Recipe()
    assert len({tuple(one.numbers.values()) for one in whole}) == 12


def test_every_recipe_lies_in_the_space_that_is_searched(whole: list[TuningTrial]) -> None:
    for one in whole:
        assert set(one.numbers) == set(SPACE)
        for name, (low, high, _) in SPACE.items():
            assert low <= one.numbers[name] <= high
            assert isinstance(one.numbers[name], int if isinstance(low, int) else float)


def test_the_best_has_the_least_loss_and_is_no_worse_than_the_default(whole: list[TuningTrial]) -> None:
    least = min(whole, key=lambda one: one.loss)
    assert best_recipe(whole) == least.recipe and least.loss <= whole[0].loss


@pytest.mark.parametrize("done", [5, 11])
def test_a_search_that_was_stopped_goes_on_as_if_it_were_not(whole: list[TuningTrial], done: int) -> None:
    read_back = [TuningTrial.from_record(one.to_record()) for one in whole[:done]]
    assert [*read_back, *search_recipes(SPECS, *world(), 12, seed=3, done=read_back)] == whole


def test_what_is_tried_next_hangs_on_what_was_tried_before(whole: list[TuningTrial]) -> None:
    """From the tenth on, the sampler learns: other losses so far, another recipe next."""
    other = [TuningTrial(one.numbers, -one.loss) for one in whole[:11]]
    assert next(search_recipes(SPECS, *world(), 12, seed=3, done=other)).numbers != whole[11].numbers


def test_another_seed_tries_other_recipes(whole: list[TuningTrial]) -> None:
    assert list(search_recipes(SPECS, *world(), 2, seed=4))[1].numbers != whole[1].numbers


def test_the_newest_fold_has_no_say(whole: list[TuningTrial]) -> None:
    assert list(search_recipes(SPECS, *world(flip_newest=True), 3, seed=3)) == whole[:3]


def test_where_no_fold_can_choose_nothing_is_tried() -> None:
    pytest.importorskip("optuna", reason="pip install leadline[tune]")
    matrix, folds = world()
    assert list(search_recipes(SPECS, matrix, [(rows[:3], test) for rows, test in folds], 4, seed=3)) == []


def test_without_optuna_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"install leadline\[tune\]"):
        list(search_recipes(SPECS, *world(), 4, seed=3))

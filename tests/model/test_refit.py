"""The recipe fitted again on parts of the features: equal to the scorer's own fit on those features alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting import refit as refitting
from leadline.model.fitting.fit import fit_scorer
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.refit import AblationPredictions, refit_margins, refit_without_families

DAY = 86_400_000_000
SPECS = (
    Feature("visits", "behaviour", "visits", "count", "count", "visited"),
    Feature("since", "recency", "visits", "days", "since_last", "visited"),
    Feature("size", "fit", "size", "number", "value", "size"),
    Feature("source", "fit", "source", "category", "value", "came from"),
)
NAMES = frozenset(s.name for s in SPECS)


def world(rows: int = 2_500) -> tuple[Matrix, list[tuple[np.ndarray, np.ndarray]]]:
    draw = np.random.default_rng(2)
    visits = draw.poisson(2, rows) * 1.0
    source = draw.choice(["web", "fair", "mail"], rows)
    values = pd.DataFrame({
        "visits": visits, "since": np.where(draw.random(rows) < 0.3, np.nan, draw.random(rows) * 50),
        "size": draw.normal(size=rows), "source": pd.Series(source, dtype=object),
    })  # fmt: skip
    odds = -2.5 + 0.5 * visits + (source == "fair") + np.where(np.isnan(values["since"]), -0.5, 0.0)
    y = (draw.random(rows) < 1 / (1 + np.exp(-odds))) * 1.0
    as_of = np.sort(draw.integers(0, 50, rows)) * DAY
    matrix = Matrix(values, y, np.ones(rows), np.array([f"L{n:05}" for n in range(rows)]), as_of, as_of + DAY)
    cuts = [1000, 1500, 2000, rows]
    return matrix, [(np.arange(low), np.arange(low, high)) for low, high in pairwise(cuts)]


def again(
    recipe: Recipe, *parts: frozenset[str], threads: int = 1, order: np.ndarray | None = None
) -> AblationPredictions:
    matrix, folds = world()
    if order is not None:
        place = np.argsort(order)
        matrix, folds = matrix.take(order), [(place[a], place[b]) for a, b in folds]
    return refit_without_families(SPECS, matrix, folds, recipe, parts, np.random.default_rng(1), threads)


@pytest.mark.parametrize(
    ("anchored", "many", "moving"), [(True, 0, ()), (False, 0, ()), (True, 9, ()), (True, 0, ("visits",))]
)
@pytest.mark.parametrize("dropped", [{"none"}, {"size"}, {"source", "size"}, {"visits", "since", "size"}])
def test_a_part_says_what_a_scorer_of_those_features_alone_says(
    anchored: bool, many: int, moving: tuple[str, ...], dropped: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refitting, "BINS", 255)  # the scorer's own
    recipe = Recipe(anchored=anchored, rounds=12, plain_rounds=many, moving=moving, c=0.1, feature_fraction=1.0)
    matrix, folds = world()
    left = NAMES - dropped
    margins = refit_margins(SPECS, matrix, folds[-1], recipe, [NAMES, left], np.random.default_rng(1))
    _, honest = fit_scorer([s for s in SPECS if s.name in left], matrix, folds, recipe, 1, 1)
    np.testing.assert_allclose(margins[1], honest.margin[honest.judged], atol=1e-3)


@pytest.mark.parametrize("dropped", [{"none"}, {"size"}, {"visits", "since", "size"}])
def test_calibrated_as_the_scorer_is_on_the_older_folds(dropped: set[str]) -> None:
    recipe = Recipe(anchored=True, rounds=0, c=0.1)
    matrix, folds = world()
    left = NAMES - dropped
    told = again(recipe, NAMES, left)
    _, honest = fit_scorer([s for s in SPECS if s.name in left], matrix, folds, recipe, 1, 1)
    assert (told.row == honest.row).all() and (told.fold == honest.fold).all()
    np.testing.assert_allclose(told.said[1][~honest.judged], honest.probability[~honest.judged], atol=1e-4)


@pytest.mark.parametrize("anchored", [True, False])
def test_without_any_feature_the_base_rate_is_said(anchored: bool) -> None:
    told = again(Recipe(anchored=anchored, rounds=5, c=0.1), NAMES, frozenset())
    newest = told.said[1][told.fold == 2]
    assert np.ptp(newest) < 1e-12
    assert abs(newest[0] - world()[0].y[:2000].mean()) < 0.05


def test_neither_threads_nor_the_order_of_rows_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refitting, "REFIT_ROWS", 900)  # so that rows are drawn
    recipe = Recipe(anchored=True, rounds=8, c=0.1)
    one = again(recipe, NAMES, NAMES - {"size"})
    shuffled = np.random.default_rng(4).permutation(2_500)
    for two in (
        again(recipe, NAMES, NAMES - {"size"}, threads=2),
        again(recipe, NAMES, NAMES - {"size"}, order=shuffled),
    ):
        assert [p.tobytes() for p in one.said] == [p.tobytes() for p in two.said]


def test_folds_fitted_side_by_side_agree_on_lightgbms_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """LightGBM keeps that number for the whole process: a prediction with another one makes a fit beside it write beyond its memory."""
    import lightgbm

    seen: list[int] = []
    predict, train = lightgbm.Booster.predict, lightgbm.train
    monkeypatch.setattr(
        lightgbm.Booster, "predict", lambda *a, **k: (seen.append(k.get("num_threads", 0)), predict(*a, **k))[1]
    )
    monkeypatch.setattr(
        lightgbm, "train", lambda settings, *a, **k: (seen.append(settings["num_threads"]), train(settings, *a, **k))[1]
    )
    again(Recipe(anchored=True, rounds=8, plain_rounds=5, c=0.1), NAMES, NAMES - {"size"}, threads=2)
    assert len(seen) > 12 and set(seen) == {1}


def test_a_long_recipe_is_grown_in_fewer_and_longer_steps() -> None:
    light = refitting.lighter_recipe(Recipe(anchored=True, learning_rate=0.05), 200)
    assert (light.rounds, light.learning_rate, light.feature_fraction) == (refitting.TREES, 0.2, 1.0)
    assert refitting.lighter_recipe(Recipe(learning_rate=0.1), 400).learning_rate == refitting.LONGEST_STEP
    short = Recipe(anchored=True, rounds=8, feature_fraction=1.0)
    assert refitting.lighter_recipe(short, 8) == short


def test_a_lighter_recipe_says_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(anchored=False, rounds=100, c=0.1)
    light = again(recipe, NAMES)
    monkeypatch.setattr(refitting, "TREES", 100)
    monkeypatch.setattr(refitting, "BINS", 255)
    whole = again(replace(recipe, feature_fraction=1.0), NAMES)
    assert np.corrcoef(light.said[0], whole.said[0])[0, 1] > 0.97


def test_few_negatives_that_weigh_for_all_say_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(anchored=True, rounds=8, plain_rounds=20, c=0.1)
    whole = again(recipe, NAMES)
    monkeypatch.setattr(refitting, "NEGATIVES", 1)
    thin = again(recipe, NAMES)
    assert np.corrcoef(thin.said[0], whole.said[0])[0, 1] > 0.97
    assert abs(thin.said[0].mean() / whole.said[0].mean() - 1) < 0.05  # not twice the rate

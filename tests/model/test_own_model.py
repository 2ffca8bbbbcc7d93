"""An estimator that somebody brought: the same folds, calibration and bundle; reasons that add up; no code in the bundle."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from leadline.dataset.feature_spec import Feature
from leadline.errors import ConfigError, DataError
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import fit_scorer
from leadline.model.fitting.own import fit_own
from leadline.model.own_model import ESTIMATOR, load_factory
from leadline.model.scorer import Scorer

SPECS = (
    Feature("visits", "behaviour", "visits", "count", "count", "visited"),
    Feature("size", "fit", "size", "number", "value", "is of size", "leads"),
    Feature("source", "fit", "source", "category", "value", "came from", "leads"),
)
BROUGHT = (
    HistGradientBoostingClassifier(max_iter=15, random_state=0),  # takes missing values
    RandomForestClassifier(20, min_samples_leaf=20, random_state=0),
    LogisticRegression(),  # takes none
    make_pipeline(SimpleImputer(), GaussianNB()),
)


class Mine(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator of somebody's own module."""

    def fit(self, X: Any, y: Any) -> Mine:
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), 2), 0.5)


def world(size: int = 900) -> tuple[Matrix, list[tuple[Any, Any]]]:
    rng = np.random.default_rng(5)
    values = pd.DataFrame({
        "visits": rng.poisson(2.0, size).astype(float), "size": np.where(rng.random(size) < 0.2, np.nan, rng.normal(50, 9, size)),
        "source": rng.choice(np.array(["ads", "fair", None], dtype=object), size),
    })  # fmt: skip
    logit = 0.8 * values["visits"] + 1.2 * (values["source"] == "fair") - 3
    y, rows = (rng.random(size) < 1 / (1 + np.exp(-logit))).astype(float), np.arange(size)
    matrix = Matrix(values, y, np.ones(size), rows.astype(str), rows, rows + 1)
    cuts = [size * k // 9 for k in (3, 5, 7, 9)]
    return matrix, [(rows[: a - 1], rows[a:b]) for a, b in pairwise(cuts)]


@pytest.mark.parametrize("estimator", BROUGHT, ids=lambda e: type(e).__name__)
def test_it_goes_through_folds_calibration_and_bundle_and_its_parts_add_up(estimator: Any) -> None:
    matrix, folds = world(2_700)
    scorer, honest = fit_own(SPECS, matrix, folds, estimator, 7, 1)
    ours, told = fit_scorer(SPECS, matrix, folds, None, 7)
    for part in ("fold", "row", "judged"):
        np.testing.assert_array_equal(getattr(honest, part), getattr(told, part))
    y, p = matrix.y[honest.row[honest.judged]], honest.probability[honest.judged]
    assert abs(p.mean() - y.mean()) < 0.08 and p[y == 1].mean() > p[y == 0].mean() + 0.05
    parts, base = scorer.contributions(matrix.values)
    np.testing.assert_allclose(parts.sum(axis=1) + base, scorer.margin(matrix.values), atol=1e-9)
    assert np.abs(parts[:, 0]).mean() > np.abs(parts[:, 1]).mean()
    read = Scorer.from_files(scorer.to_files())
    np.testing.assert_array_equal(read.probability(matrix.values), scorer.probability(matrix.values))
    assert set(scorer.to_files()) - set(ours.to_files()) == {"own.skops", "own.json"}


def test_rows_in_any_order_give_the_same_model() -> None:
    matrix, folds = world()
    turned = np.random.default_rng(1).permutation(len(matrix))
    place = np.argsort(turned)
    one, _ = fit_own(SPECS, matrix, folds, BROUGHT[0], 7, 1)
    other, _ = fit_own(SPECS, matrix.take(turned), [(place[a], place[b]) for a, b in folds], BROUGHT[0], 7, 2)
    np.testing.assert_array_equal(one.probability(matrix.values), other.probability(matrix.values))


def test_what_a_model_knows_by_heart_has_no_say_in_its_calibration() -> None:
    matrix, folds = world()
    scorer, _ = fit_own(SPECS, matrix, folds, RandomForestClassifier(50, random_state=0), 7, 1)
    late = np.arange(600, 900)
    again = world(1_800)[0].take(np.arange(900, 1_800))  # others of the same world
    assert abs(scorer.probability(again.values).mean() - again.y.mean()) < 0.05
    assert scorer.probability(matrix.values.iloc[late]).max() < 1


@pytest.mark.parametrize(
    ("use", "params", "told"),
    [
        ("no_such_package:Model", {}, "can't be made (ModuleNotFoundError)"),
        ("sklearn.ensemble:NoSuchModel", {}, "can't be made (AttributeError)"),
        ("sklearn.ensemble:RandomForestClassifier", {"trees": 5}, "can't be made (TypeError)"),
        ("sklearn.linear_model:LinearRegression", {}, "gives a LinearRegression; expected a classifier"),
        ("test_own_model:Mine", {}, "expected scikit-learn's own types"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_is_read(
    use: str, params: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.syspath_prepend(str(request.path.parent))
    with pytest.raises(ConfigError) as refused:
        load_factory(use, params, 7)
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_whatever_draws_draws_from_the_seed() -> None:
    made = load_factory("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 3}, 11)
    assert made.random_state == 11
    assert load_factory("sklearn.ensemble:RandomForestClassifier", {"random_state": 2}, 11).random_state == 2


def test_a_bundles_estimator_of_another_type_is_never_loaded() -> None:
    from skops import io

    matrix, folds = world()
    scorer, _ = fit_own(SPECS, matrix, folds, BROUGHT[2], 7, 1)
    for bad in (io.dumps(Mine()), b"PK no archive"):
        with pytest.raises(DataError, match=r"own\.skops: can't be read"):
            Scorer.from_files({**scorer.to_files(), ESTIMATOR: bad})


def test_what_cannot_be_fitted_says_so_and_quotes_no_row() -> None:
    matrix, folds = world()
    with pytest.raises(DataError, match=r"KNeighborsClassifier can't be fitted \(InvalidParameterError\) on \d+ rows"):
        fit_own(
            SPECS, matrix, folds, load_factory("sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": -1}, 7), 7, 1
        )


def test_a_model_that_keeps_leads_is_not_put_into_a_bundle() -> None:
    matrix, folds = world()
    for use in ("sklearn.neighbors:KNeighborsClassifier", "sklearn.gaussian_process:GaussianProcessClassifier"):
        with pytest.raises(ConfigError, match=r"keeps the rows|own types"):
            fit_own(SPECS, matrix, folds, load_factory(use, {}, 7), 7, 1)
    with pytest.raises(ConfigError, match="keeps the rows"):
        fit_own(
            SPECS,
            matrix,
            folds,
            load_factory("sklearn.neighbors:KNeighborsClassifier", {"algorithm": "brute"}, 7),
            7,
            1,
        )

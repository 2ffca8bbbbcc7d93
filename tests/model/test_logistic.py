"""The regression: equal to scikit-learn's, exact in JSON, the same bits whatever the rows around it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from leadline.errors import DataError
from leadline.model.fitting.logistic import Logistic, sigmoid


def data(n: int = 400):
    random = np.random.default_rng(1)
    x = random.normal(size=(n, 4))
    y = (random.random(n) < sigmoid(x[:, 0] - 1)) * 1.0
    return x, y, random.uniform(0.5, 3, n)


def test_equal_to_scikit_learn_and_exact_in_json():
    x, y, weight = data()
    model = Logistic.fit(x, y, weight, ("a", "b", "c", "d"), c=0.3)
    peer = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(sigmoid(model.margin(x)), peer.predict_proba(x)[:, 1], atol=1e-4)
    assert Logistic.from_json(model.to_json()) == model


def test_contributions_sum_to_the_margin():
    x, y, weight = data()
    model = Logistic.fit(x, y, weight, ("a", "b", "c", "d"))
    np.testing.assert_allclose(model.contributions(x).sum(axis=1) + model.intercept, model.margin(x), atol=1e-12)
    assert model.margin(x[7:8])[0] == model.margin(np.asfortranarray(x))[7]


def test_a_stronger_penalty_gives_smaller_coefficients():
    x, y, weight = data()
    norms = [np.abs(Logistic.fit(x, y, weight, tuple("abcd"), c).coefficients).sum() for c in (0.001, 0.1, 10.0)]
    assert norms == sorted(norms)


def test_without_columns_it_says_the_rate():
    _, y, weight = data()
    model = Logistic.fit(np.empty((400, 0)), y, weight, ())
    np.testing.assert_allclose(sigmoid(model.margin(np.empty((3, 0)))), np.average(y, weights=weight))


def test_one_class_is_refused():
    with pytest.raises(DataError, match="all 400 rows are of one class"):
        Logistic.fit(data()[0], np.zeros(400), np.ones(400), tuple("abcd"))


def test_sigmoid_stays_inside_and_is_symmetric():
    margin = np.linspace(-800, 800, 1601)
    p = sigmoid(margin)
    assert ((p > 0) & (p < 1)).all()
    np.testing.assert_allclose(p + p[::-1], 1.0, atol=1e-12)

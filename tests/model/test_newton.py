"""The regression's optimum: scikit-learn's to its own tolerance, for any start, block, thread, weight and set of columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from leadline.model.fitting import newton
from leadline.model.fitting.logistic import sigmoid
from leadline.model.fitting.newton import NewtonSolver, thin_negatives


def rows(seed: int, many: int = 600, width: int = 5, rate: float = -2.0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(many, width)) * draw.uniform(0.2, 3, width)
    y = (draw.random(many) < 1 / (1 + np.exp(-(rate + x @ draw.normal(size=width))))) * 1.0
    y[:2] = 0.0, 1.0
    return x, y, draw.uniform(0.5, 4, many)


def slow(x, y, weight, c):
    """scikit-learn, from nothing, as near as it goes."""
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y, sample_weight=weight)
    return np.concatenate([model.intercept_, model.coef_[0]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-4, 0.01, 1.0, 100.0]), st.floats(-6, 1), st.integers(40, 800))
def test_it_is_the_optimum_that_scikit_learn_finds(seed: int, c: float, rate: float, many: int):
    x, y, weight = rows(seed, many, rate=rate)
    np.testing.assert_allclose(NewtonSolver(x, y, weight).solve(c), slow(x, y, weight, c), atol=2e-4, rtol=2e-5)


def test_a_grid_of_penalties_ends_where_each_alone_does():
    x, y, weight = rows(1)
    path = NewtonSolver(x, y, weight)
    for c in (0.001, 0.01, 0.1, 10.0):
        np.testing.assert_allclose(path.solve(c), NewtonSolver(x, y, weight).solve(c), atol=1e-6)


@pytest.mark.parametrize("columns", [[], [2], [0, 1, 3], [0, 1, 2, 3, 4]])
def test_without_columns_it_is_the_fit_on_those_left(columns: list[int]):
    x, y, weight = rows(2)
    solver = NewtonSolver(x, y, weight)
    solver.solve(0.5)
    line = solver.solve(0.5, columns)
    assert not line[[n + 1 for n in range(5) if n not in columns]].any()
    there = slow(x[:, columns], y, weight, 0.5) if columns else [np.log((y @ weight) / ((1 - y) @ weight))]
    np.testing.assert_allclose(line[[0, *(n + 1 for n in columns)]], there, atol=1e-5)


def test_under_other_weights_it_is_the_fit_with_those():
    x, y, weight = rows(3)
    solver = NewtonSolver(x, y, weight)
    solver.solve(0.5)
    for seed in range(3):
        other = np.random.default_rng(seed).poisson(1.0, len(y)) + 1e-6
        np.testing.assert_allclose(solver.solve(0.5, weight=other), slow(x, y, other, 0.5), atol=1e-5)


def test_threads_change_no_bit_and_32_bits_little(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(newton, "BLOCK", 64)
    x, y, weight = rows(4)
    one = NewtonSolver(x, y, weight).solve(0.1)
    assert one.tobytes() == NewtonSolver(x, y, weight, threads=2).solve(0.1).tobytes()
    assert one.tobytes() == NewtonSolver(x, y, weight, threads=3).solve(0.1).tobytes()
    np.testing.assert_allclose(NewtonSolver(x.astype(np.float32), y, weight).solve(0.1), one, atol=1e-6)


def test_classes_that_a_line_parts_have_an_optimum_all_the_same():
    x = np.linspace(-1, 1, 200)[:, None] * 50
    y = (x[:, 0] > 0) * 1.0
    for c in (10.0, 1e6):
        solver = NewtonSolver(x, y, np.ones(200))
        line = solver.solve(c)
        p = sigmoid(solver.margin(line))
        slope = np.append(np.sum(p - y), (p - y) @ x + line[1:] / c)
        assert np.isfinite(line).all() and line[1] > 0 and np.abs(slope).max() / 200 < 1e-8


@given(st.integers(0, 1000), st.integers(1, 8), st.floats(0.05, 0.95), st.booleans())
def test_thinned_rows_weigh_what_all_weigh(seed: int, negatives: int, share: float, drawn: bool):
    draw = np.random.default_rng(seed)
    y = np.append((draw.random(200) < share) * 1.0, [0.0, 1.0])
    weight = draw.uniform(0.5, 3, len(y))
    kept, mass = thin_negatives(y, weight, negatives, random=draw if drawn else None)
    assert np.array_equal(kept, np.unique(kept))
    few, many = sorted((1.0, 0.0), key=lambda side: (y == side).sum())
    assert (y[kept] == few).sum() == (y == few).sum()
    assert (y[kept] == many).sum() == min((y == many).sum(), negatives * (y == few).sum())
    for side in (0.0, 1.0):
        assert mass[y[kept] == side].sum() == pytest.approx(weight[y == side].sum())


def test_more_than_the_most_are_thinned_on_both_sides():
    y = np.repeat([1.0, 0.0], [100, 1900])
    kept, _ = thin_negatives(y, np.ones(2000), 10, most=220)
    assert (y[kept] == 1).sum() == 20 and (y[kept] == 0).sum() == 200

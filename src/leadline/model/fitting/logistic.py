"""The logistic regression that stands beside every model, and under it when boosting is anchored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadline.core.jsonable import parse_json
from leadline.errors import DataError
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.recipe import Recipe

__all__ = ["FittedRegression", "Logistic", "base_rate", "fit_newton", "log_odds", "sigmoid"]

Floats: TypeAlias = NDArray[np.float64]

MAX_ITERATIONS = 100

TOLERANCE = 1e-6


def sigmoid(margin: Floats) -> Floats:
    """Return ``1 / (1 + exp(-margin))``, held strictly inside (0, 1), without overflow.

    Examples
    --------
    >>> sigmoid(np.array([0.0, -1e9, 1e9])).tolist()
    [0.5, 1e-15, 0.999999999999999]
    """
    small = np.exp(-np.abs(margin))
    return np.clip(np.where(margin >= 0, 1.0, small) / (1.0 + small), 1e-15, 1 - 1e-15)


def log_odds(p: Floats) -> Floats:
    """Return ``log(p / (1 - p))``; certainty stays finite, so that one can be added to another.

    Examples
    --------
    >>> log_odds(np.array([0.5, 1.0])).round(2).tolist()
    [0.0, 27.63]
    """
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


@dataclass(frozen=True)
class Logistic:
    """A logistic regression with an L2 penalty: ``margin = intercept + Σ coefficient · column``.

    Attributes
    ----------
    c : float
        The inverse strength of the penalty, as scikit-learn counts it.
    intercept : float
        The margin of an average row.
    columns : tuple of str
        The columns' names, in order.
    coefficients : tuple of float
        One a column.
    """

    c: float
    intercept: float
    columns: tuple[str, ...]
    coefficients: tuple[float, ...]

    @classmethod
    def fit(cls, linear: Floats, y: Floats, weight: Floats, columns: tuple[str, ...], c: float = 1.0) -> Logistic:
        """Fit by Newton's steps (scikit-learn), on one thread, since sums over threads differ in their last bits.

        Examples
        --------
        >>> x = np.array([[-1.0], [-1.0], [1.0], [1.0]])
        >>> model = Logistic.fit(x, np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4), ("x",))
        >>> model.coefficients[0] > 0, bool(model.margin(x)[3] > model.margin(x)[0])
        (True, True)
        """
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        if len(np.unique(y)) < 2:
            raise DataError(
                f"outcome: all {len(y)} rows are of one class; expected both; widen the horizon or the data"
            )
        if linear.shape[1] == 0:
            rate = float(np.sum(y * weight) / np.sum(weight))
            return cls(c, float(np.log(rate / (1 - rate))), (), ())
        model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=MAX_ITERATIONS, tol=TOLERANCE)
        with threadpool_limits(limits=1):
            model.fit(linear, y, sample_weight=weight)
        return cls(c, float(model.intercept_[0]), tuple(columns), tuple(model.coef_[0].tolist()))

    def margin(self, linear: Floats) -> Floats:
        """Return the log odds, summed column by column, so that a row's bits don't depend on the rows around it."""
        margin = np.full(len(linear), self.intercept)
        for place, coefficient in enumerate(self.coefficients):
            margin += coefficient * linear[:, place]
        return margin

    def contributions(self, linear: Floats) -> Floats:
        """Return each column's part of the margin; what is left is the intercept."""
        return np.asarray(linear * np.array(self.coefficients), dtype=np.float64)

    def to_json(self) -> str:
        """Return the regression as JSON, readable, a coefficient a column."""
        record = {
            "c": self.c,
            "intercept": self.intercept,
            "columns": [*self.columns],
            "coefficients": [*self.coefficients],
        }
        return json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Logistic:
        """Read what `to_json` wrote."""
        record = parse_json(text)
        return cls(record["c"], record["intercept"], tuple(record["columns"]), tuple(record["coefficients"]))


# The regression fitted many times over: by Newton's steps, from what is known of one on all columns.


STEPS = 40

NEAR = 1e-3


@dataclass(frozen=True)
class FittedRegression:
    """The regression on all columns: its intercept and coefficients, the inverse penalty, and the curvature there."""

    line: Floats
    c: float
    curvature: Floats

    @classmethod
    def fit(cls, x: Floats, train: Matrix, recipe: Recipe) -> FittedRegression:
        c = float(recipe.c or 1.0)
        line = fit_newton(x, train, c, NEAR)  # near enough: each part goes on from there
        p = sigmoid(line[0] + x @ line[1:])
        bent = np.column_stack([np.ones(len(x)), x])
        with threadpool_limits(limits=1):  # sums over threads differ in their last bits
            curvature = c * (bent.T @ (bent * (train.weight * p * (1 - p))[:, None]))
        curvature[np.diag_indices_from(curvature)] += np.append(0.0, np.ones(x.shape[1]))
        return cls(line, c, curvature)

    def without(self, x: Floats, train: Matrix, columns: Sequence[int]) -> Floats:
        """Return the regression on some of the columns.

        Where most are left, its minimum lies near: steps by the known curvature, which cost a tenth of Newton's own,
        find it in a few rounds. Where they don't, Newton's do.
        """
        places = np.array([0, *(column + 1 for column in columns)])
        if 2 * len(columns) > len(self.line):
            line: Floats = self.line[places]
            curvature = self.curvature[np.ix_(places, places)]
            with threadpool_limits(limits=1):
                for _ in range(STEPS):
                    off = self.c * train.weight * (sigmoid(line[0] + x @ line[1:]) - train.y)
                    step = np.linalg.solve(curvature, np.append(off.sum(), x.T @ off + line[1:]))
                    line = line - step
                    if not np.max(np.abs(step)) > TOLERANCE:
                        return line
        return fit_newton(x, train, self.c)


def fit_newton(x: Floats, train: Matrix, c: float, tolerance: float = TOLERANCE) -> Floats:
    """Return the intercept and the coefficients of a penalised regression."""
    from sklearn.linear_model import LogisticRegression

    if x.shape[1] == 0:
        return np.array([base_rate(train)])
    model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=STEPS, tol=tolerance)
    with threadpool_limits(limits=1):
        model.fit(x, train.y, sample_weight=train.weight)
    return np.concatenate([model.intercept_, model.coef_[0]])


def base_rate(train: Matrix) -> float:
    """Return the log odds of the rows' rate."""
    rate = float(np.sum(train.y * train.weight) / np.sum(train.weight))
    return float(np.log(rate / (1 - rate)))

"""The logistic regression that stands beside every model, and under it when boosting is anchored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.core.jsonable import parse_json
from leadline.model.fitting.newton import NewtonSolver

__all__ = ["Logistic", "log_odds", "sigmoid"]

Floats: TypeAlias = NDArray[np.float64]


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
        """Fit to the optimum (`leadline.model.fitting.newton`).

        Examples
        --------
        >>> x = np.array([[-1.0], [-1.0], [1.0], [1.0]])
        >>> model = Logistic.fit(x, np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4), ("x",))
        >>> model.coefficients[0] > 0, bool(model.margin(x)[3] > model.margin(x)[0])
        (True, True)
        """
        return cls.of(NewtonSolver(linear, y, weight).solve(c), columns, c)

    @classmethod
    def of(cls, line: Floats, columns: tuple[str, ...], c: float) -> Logistic:
        """Return the regression of an intercept and coefficients, in that order."""
        return cls(c, float(line[0]), tuple(columns), tuple(line[1:].tolist()))

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

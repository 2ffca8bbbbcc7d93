"""The lowest rung: the base rate, and one scale for current scoring rules. No feature has a coefficient of its own.

A lead counts once, however many snapshots it has: their weights are scaled to sum to the number of leads. Two numbers
are fitted, by penalised maximum likelihood::

    log odds = base + scale · (points − mean points) / spread of points

- *base*: half a positive and half a negative lead are added at the mean points. Without rules the rate is then
  ``(positives + ½) / (leads + 1)``: Jeffreys' prior for a proportion, which keeps one positive in a thousand near one in
  a thousand, and is never 0 or 1 (Brown, Cai and DasGupta 2001, Statistical Science 16:101).
- *scale*: a normal prior around 0 with standard deviation `SPREAD`, and never below 0: the rules rank as their authors
  said, or not at all, and a handful of positives doesn't move them far.

What comes out is a `Scorer` like any other: a regression over columns "the rule holds or not", whose coefficients are
points × scale, and no tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.history.spec import Feature
from leadline.model.baselines import Logistic, sigmoid
from leadline.model.calibrate import Calibrator
from leadline.model.fitting import Fold, OutOfFold
from leadline.model.ladder import penalty
from leadline.model.levels import Levels
from leadline.model.linear import LinearColumn
from leadline.model.matrix import Encoder, Matrix
from leadline.model.older import logistic
from leadline.model.recipe import Recipe
from leadline.model.scorer import Scorer

__all__ = ["SPREAD", "PointsRule", "fit_lowest", "fit_prior"]

Floats: TypeAlias = NDArray[np.float64]

SPREAD = 0.5  # of the scale's prior: on the demo world 0.3 to 1 do as well with 3 to 30 positive leads; 3 does worse
STEPS = 100
TOLERANCE = 1e-10
RECIPE = Recipe(anchored=True, rounds=0, c=SPREAD**2)


@dataclass(frozen=True)
class PointsRule:
    """One of current scoring rules, as a scorer reads it.

    Attributes
    ----------
    feature : str
        The feature that it asks of.
    points : float
        What it adds where it holds.
    equals : str or float, optional
        The attribute's value for which it holds; without one, it holds where the feature, a count, is above 0.
    """

    feature: str
    points: float
    equals: str | float | None = None


def fit_prior(specs: Sequence[Feature], rules: Sequence[PointsRule], matrix: Matrix) -> Scorer:
    """Fit the base rate and the rules' one scale.

    Parameters
    ----------
    specs : sequence of Feature
        The features that the rules ask of; the matrix has a column for each.
    rules : sequence of PointsRule
        May be empty: every lead then gets the base rate.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(200)
    >>> asked = Feature("rule_0", "behaviour", "behaviour:demo", "count", "count", "asked for a demo")
    >>> data = Matrix(pd.DataFrame({"rule_0": (n < 40) * 2.0}), (n % 10 == 0) * (n < 50) * 1.0, np.ones(200), n, n, n + 1)
    >>> scorer = fit_prior([asked], [PointsRule("rule_0", 25.0)], data)
    >>> p = scorer.probability(pd.DataFrame({"rule_0": [0.0, 1.0, 9.0]})).tolist()
    >>> p[0] < p[1], p[1] == p[2]
    (True, True)
    >>> fit_prior([], [], data).probability(data.values[[]].iloc[:2]).round(4).tolist()  # 5½ of 201
    [0.0274, 0.0274]
    """
    tables = tuple(_levels(spec, rules, matrix) for spec in specs if spec.kind == "category")
    plain = Encoder(tuple(specs), tables, _columns(specs, rules))
    each = np.array([rule.points for rule in _ordered(specs, rules)])
    held = plain.linear(matrix.values)
    whole = Encoder(tuple(specs), tables, _centred(plain.linear_columns, held, matrix.weight))
    mass = matrix.weight * (len(np.unique(matrix.lead)) / matrix.weight.sum())
    points = held @ each
    mean = float(np.average(points, weights=mass))
    spread = float(np.sqrt(np.average((points - mean) ** 2, weights=mass)))
    varies = spread > 1e-9 * max(1.0, abs(mean))
    base, scale = _line((points - mean) / spread if varies else np.zeros(len(points)), matrix.y, mass)
    names = tuple(column.name for column in whole.linear_columns)
    coefficients = tuple((each * (scale / spread if varies else 0.0)).tolist())
    regression = Logistic(SPREAD**2, base, names, coefficients)
    return Scorer(whole, regression, _no_trees(len(whole.tree_columns)), Calibrator(), RECIPE)


def fit_lowest(
    specs: Sequence[Feature],
    rules: Sequence[PointsRule],
    matrix: Matrix,
    folds: Sequence[Fold],
    beside: tuple[Sequence[Feature], Matrix] | None = None,
) -> tuple[Scorer, OutOfFold]:
    """Fit the lowest rung on all rows, and on each fold's training rows to judge it; folds choose nothing.

    Parameters
    ----------
    folds : sequence of (train, test) row numbers
        Forward in time, oldest first; without any, nothing is judged.
    beside : specs and matrix, optional
        All features of the same rows: the regression on them stands beside, so that the run tells if it would do better.
    """
    order = matrix.order()
    rows, margins, others = [], [], []
    for train, test in folds:
        known = matrix.take(np.sort(train))
        margins.append(fit_prior(specs, rules, known).margin(matrix.values.iloc[test]))
        others.append(_regression(beside, train, test) if beside is not None else sigmoid(margins[-1]))
        rows.append(test)
    sizes = [len(test) for test in rows]
    margin = np.concatenate([*margins, np.empty(0)])
    honest = OutOfFold(
        fold=np.repeat(np.arange(len(rows)), sizes),
        row=np.concatenate([*rows, np.empty(0, dtype=np.int64)]).astype(np.int64),
        judged=np.repeat(np.arange(len(rows)) == len(rows) - 1, sizes),
        margin=margin,
        probability=Calibrator().probability(margin),
        lr_probability=np.concatenate([*others, np.empty(0)]),
        curves=(),
        choice={"folds": 0, "rules": len(rules)},
        inner=False,
    )
    return fit_prior(specs, rules, matrix.take(order)), honest


def _regression(beside: tuple[Sequence[Feature], Matrix], train: NDArray[np.int64], test: NDArray[np.int64]) -> Floats:
    """Return what the regression on all features, fitted on a fold's training rows, says of its test rows."""
    specs, matrix = beside
    known = matrix.take(train[np.argsort(np.argsort(matrix.order())[train])])
    encoder = Encoder.fit(specs, known)
    line = logistic(encoder, encoder.linear(known.values), known, penalty(known, len(specs)))
    return sigmoid(line.margin(encoder.linear(matrix.values.iloc[test])))


def _ordered(specs: Sequence[Feature], rules: Sequence[PointsRule]) -> list[PointsRule]:
    """Return the rules in the order of the features that they ask of."""
    place = {spec.name: number for number, spec in enumerate(specs)}
    return sorted(rules, key=lambda rule: place[rule.feature])


def _columns(specs: Sequence[Feature], rules: Sequence[PointsRule]) -> tuple[LinearColumn, ...]:
    """Return a column for each rule, 1 where it holds; not centred yet."""
    kinds = {spec.name: spec for spec in specs}
    made = []
    for number, rule in enumerate(_ordered(specs, rules)):
        spec = kinds[rule.feature]
        name = f"rule {number + 1}: {spec.name}"
        if rule.equals is None:
            made.append(LinearColumn(name, spec.name, spec.group, "holds"))
        elif spec.kind == "category":
            made.append(LinearColumn(name, spec.name, spec.group, "level", str(rule.equals)))
        else:
            made.append(LinearColumn(name, spec.name, spec.group, "equals", middle=float(rule.equals)))
    return tuple(made)


def _centred(columns: Sequence[LinearColumn], held: Floats, weight: Floats) -> tuple[LinearColumn, ...]:
    """Return the columns with their means, so that each is 0 on average and contributions are told from there."""
    means = weight @ held / weight.sum()
    return tuple(
        LinearColumn.from_record({**column.to_record(), "mean": float(mean)})
        for column, mean in zip(columns, means, strict=True)
    )


def _levels(spec: Feature, rules: Sequence[PointsRule], matrix: Matrix) -> Levels:
    """Return a table of the levels that the config's rules name, and of no other."""
    names = tuple(sorted({str(rule.equals) for rule in rules if rule.feature == spec.name}))
    codes = Levels(spec.name, names, (), ()).codes(matrix.values[spec.name])
    size = len(names) + 2
    hits = np.bincount(codes, matrix.y * matrix.weight, size)
    total = np.bincount(codes, matrix.weight, size)
    return Levels(spec.name, names, tuple(hits.tolist()), tuple(total.tolist()))


def _line(x: Floats, y: Floats, mass: Floats) -> tuple[float, float]:
    """Return base and scale by Newton's steps on the penalised likelihood; a scale below 0 is held at 0."""
    x, y, mass = np.append(x, [0.0, 0.0]), np.append(y, [1.0, 0.0]), np.append(mass, [0.5, 0.5])
    right = float(np.sum(mass * y))
    start = np.log(right / (float(mass.sum()) - right))
    line = np.array([start, 0.0])
    for _ in range(STEPS):
        p = sigmoid(line[0] + line[1] * x)
        bend = mass * p * (1 - p)
        slope = np.array([np.sum(mass * (p - y)), np.sum(mass * (p - y) * x) + line[1] / SPREAD**2])
        cross = float(np.sum(bend * x))
        curvature = np.array([[bend.sum(), cross], [cross, np.sum(bend * x * x) + 1 / SPREAD**2]])
        step = np.linalg.solve(curvature, slope)
        line = line - step
        if not np.max(np.abs(step)) > TOLERANCE:
            break
    return (float(line[0]), float(line[1])) if line[1] > 0 else (float(start), 0.0)


def _no_trees(width: int) -> str:
    """Return LightGBM's text of a model of so many columns without any tree."""
    head = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
    names = " ".join(f"Column_{number}" for number in range(width))
    infos = " ".join(["none"] * width)
    rest = f"max_feature_idx={width - 1}\nobjective=binary sigmoid:1\nfeature_names={names}\nfeature_infos={infos}\n"
    return f"{head}{rest}tree_sizes=\n\nend of trees\n"

"""The lowest rung: the base rate, and one scale for current scoring rules. No feature has a coefficient of its own.

A lead counts once, however many snapshots it has: their weights are scaled to sum to the number of leads. Two numbers
are fitted, by penalised maximum likelihood::

    log odds = base + scale · (points − mean points) / spread of points

- *base*: half a positive and half a negative lead are added at the mean points. Without rules the rate is then
  ``(positives + ½) / (leads + 1)``: Jeffreys' prior for a proportion, which keeps one positive in a thousand near one in
  a thousand, and is never 0 or 1 (Brown, Cai and DasGupta 2001, Statistical Science 16:101).
- *scale*: a normal prior around 0 with standard deviation `SCALE_SD`, and never below 0: the rules rank as their authors
  said, or not at all, and a handful of positives doesn't move them far.

What comes out is a `Scorer` like any other: a regression over columns "the rule holds or not", whose coefficients are
points × scale, and no tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.dataset.feature_spec import Feature
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.encoding.linear_columns import LinearColumn
from leadline.model.encoding.target_encoding import CategoryLevels
from leadline.model.fitting.boosting import no_trees
from leadline.model.fitting.fit import OutOfFold, RowSplit
from leadline.model.fitting.logistic import Logistic, sigmoid
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import fit_path
from leadline.model.scorer import Scorer

__all__ = [
    "BOOSTING",
    "REGRESSION",
    "SCALE_SD",
    "ModelComplexity",
    "PointsRule",
    "choose_complexity",
    "fit_lowest",
    "fit_prior",
    "regression_penalty",
]


# The small-data ladder: what the data supports decides what is fitted, and the run says why in one sentence.
#
# Three rungs, told by how many leads have the rarer outcome. Leads are counted, not snapshots: a lead's weekly snapshots
# are nearly the same row again.
#
# - ``rules``: the base rate and one scale for current scoring rules (`leadline.model.fitting.small_data`).
# - ``regression``: the logistic regression alone.
# - ``boosting``: trees on top of it, as many as the older folds choose, which may be none.


Name: TypeAlias = Literal["rules", "regression", "boosting", "own"]

REGRESSION = 30

"""Leads of the rarer outcome from which the regression is fitted. With whole leads drawn again and again, its log loss on the demo
world's newest fold beats base rate and points rules by 0.0022 ± 0.0011 at 30 and 0.0026 ± 0.0009 at 60, and not at 8 and 15; on BPI
2012, Olist and X Education, which have no rules, it beats the base rate or equals it from 30 on."""

BOOSTING = 150

"""Leads of the rarer outcome from which trees may be chosen. By log loss they lose to the regression at 60 and 100 on the demo world
(by 0.0023 and 0.0014), BPI 2012 (0.0083, 0.0032) and Olist (0.0014, 0.0018). On BPI 2012 they win from 150 on (by 0.0029, then 0.0052
and 0.0076 at 250 and 400), on X Education from 100 on; the demo world is level at 250 (0.0016 worse at 150), and Olist, with three
features, never takes to them (0.001 to 0.002 worse)."""

PRIOR_VARIANCE = 2.0

"""The prior variance of a lead's log odds, all features together, in `regression_penalty`. Of 0.001 to 1, the best penalty on demo world, BPI
2012, Olist and X Education lay within a factor of 3 of what 2 gives."""


@dataclass(frozen=True)
class ModelComplexity:
    """What is fitted, and why.

    Attributes
    ----------
    name : str
        rules, regression or boosting; own where the config names an estimator.
    positive_leads, negative_leads : int
        Leads with a positive snapshot, and leads without one.
    reason : str
        One sentence.
    """

    name: Name
    positive_leads: int
    negative_leads: int
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def choose_complexity(matrix: Matrix, rules: int = 0) -> ModelComplexity:
    """Return the rung that labelled snapshots support.

    Parameters
    ----------
    rules : int
        How many points rules there are; only the sentence depends on it.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(400)
    >>> few = Matrix(pd.DataFrame(index=n), n < 12, np.ones(400), n, n, n + 1)
    >>> choose_complexity(few).name, choose_complexity(Matrix(few.values, n < 200, few.weight, n, n, n + 1)).name
    ('rules', 'boosting')
    >>> print(choose_complexity(few, rules=4).reason)
    12 leads are positive, fewer than the 30 that a regression takes: the base rate and 4 points rules score
    """
    leads = len(np.unique(matrix.lead))
    positive = len(np.unique(matrix.lead[matrix.y == 1]))
    return complexity_for(positive, leads - positive, rules)


def complexity_for(positive: int, negative: int, rules: int = 0) -> ModelComplexity:
    """Return the rung of so many positive and other leads."""
    fewer, what = (positive, "positive") if positive <= negative else (negative, "negative")
    said = f"{fewer:,} lead{' is' if fewer == 1 else 's are'} {what}"
    if fewer < REGRESSION:
        scored = (
            f"the base rate and {rules} points rule{'' if rules == 1 else 's'} score"
            if rules
            else ("without points rules every lead gets the base rate")
        )
        return ModelComplexity(
            "rules", positive, negative, f"{said}, fewer than the {REGRESSION} that a regression takes: {scored}"
        )
    if fewer < BOOSTING:
        why = f"{said}, enough for a regression ({REGRESSION}) and too few for trees ({BOOSTING}): the regression scores alone"
        return ModelComplexity("regression", positive, negative, why)
    why = f"{said}, {BOOSTING} or more: trees on top of the regression may be chosen by the older folds"
    return ModelComplexity("boosting", positive, negative, why)


def regression_penalty(matrix: Matrix, features: int) -> float:
    """Return the regression's inverse penalty where data are few: `PRIOR_VARIANCE` over the features and a lead's snapshots.

    A lead counts once, however many snapshots it has, and the log odds have a variance of `PRIOR_VARIANCE` before any outcome is
    seen, spread evenly over the features: many features on few leads are shrunk hard. Never weaker than a recipe's weakest.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(100)
    >>> weekly = Matrix(pd.DataFrame(index=n), n < 9, np.ones(100), n // 10, n, n + 1)  # 10 snapshots a lead
    >>> regression_penalty(weekly, 50), regression_penalty(weekly, 1)
    (0.004, 0.1)
    """
    each = float(matrix.weight.sum()) / len(np.unique(matrix.lead))
    return min(max(Recipe().c_grid), PRIOR_VARIANCE / (max(features, 1) * max(each, 1.0)))


Floats: TypeAlias = NDArray[np.float64]

SCALE_SD = 0.5  # of the scale's prior: on the demo world 0.3 to 1 do as well with 3 to 30 positive leads; 3 does worse

STEPS = 100

TOLERANCE = 1e-10

RECIPE = Recipe(anchored=True, rounds=0, c=SCALE_SD**2)


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
    regression = Logistic(SCALE_SD**2, base, names, coefficients)
    return Scorer(whole, regression, no_trees(len(whole.tree_columns)), Calibrator(), RECIPE)


def fit_lowest(
    specs: Sequence[Feature],
    rules: Sequence[PointsRule],
    matrix: Matrix,
    folds: Sequence[RowSplit],
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
    c = regression_penalty(known, len(specs))
    line, _ = fit_path(encoder, known, (c,))[c]
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


def _levels(spec: Feature, rules: Sequence[PointsRule], matrix: Matrix) -> CategoryLevels:
    """Return a table of the levels that the config's rules name, and of no other."""
    names = tuple(sorted({str(rule.equals) for rule in rules if rule.feature == spec.name}))
    codes = CategoryLevels(spec.name, names, (), ()).codes(matrix.values[spec.name])
    size = len(names) + 2
    hits = np.bincount(codes, matrix.y * matrix.weight, size)
    total = np.bincount(codes, matrix.weight, size)
    return CategoryLevels(spec.name, names, tuple(hits.tolist()), tuple(total.tolist()))


def _line(x: Floats, y: Floats, mass: Floats) -> tuple[float, float]:
    """Return base and scale by Newton's steps on the penalised likelihood; a scale below 0 is held at 0."""
    x, y, mass = np.append(x, [0.0, 0.0]), np.append(y, [1.0, 0.0]), np.append(mass, [0.5, 0.5])
    right = float(np.sum(mass * y))
    start = np.log(right / (float(mass.sum()) - right))
    line = np.array([start, 0.0])
    for _ in range(STEPS):
        p = sigmoid(line[0] + line[1] * x)
        bend = mass * p * (1 - p)
        slope = np.array([np.sum(mass * (p - y)), np.sum(mass * (p - y) * x) + line[1] / SCALE_SD**2])
        cross = float(np.sum(bend * x))
        curvature = np.array([[bend.sum(), cross], [cross, np.sum(bend * x * x) + 1 / SCALE_SD**2]])
        step = np.linalg.solve(curvature, slope)
        line = line - step
        if not np.max(np.abs(step)) > TOLERANCE:
            break
    return (float(line[0]), float(line[1])) if line[1] > 0 else (float(start), 0.0)

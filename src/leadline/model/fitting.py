"""From labelled snapshots and forward folds to a scorer and its honest, out-of-fold probabilities.

Every choice (the regression's penalty, anchored or plain, how many trees, the calibration) is made on the folds
older than the newest. The newest is only judged: its rows choose nothing. Last, all labelled rows are fitted with
what was chosen. In every fold the encoder, too, learns from the training rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.history.spec import Feature
from leadline.model.baselines import sigmoid
from leadline.model.calibrate import Calibrator
from leadline.model.choice import Older, choose, joined, logistic, usable
from leadline.model.matrix import Encoder, Matrix
from leadline.model.scorer import Scorer
from leadline.model.train import Curve, Recipe, boost

__all__ = ["OutOfFold", "fit_scorer", "inner_folds", "split"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Fold: TypeAlias = tuple[Rows, Rows]

INNER = (0.4, 0.6, 0.8, 1.0)  # where the test spans of inner folds end, as shares of the rows


@dataclass(frozen=True)
class OutOfFold:
    """What models said of rows that they weren't fitted on; one entry a row and fold, oldest fold first.

    Attributes
    ----------
    fold, row : array of int
        The fold's number, and the row's number in the caller's order.
    judged : array of bool
        True in the newest fold. Older folds chose the trees and fitted the calibrator: judge by the newest alone.
    margin, probability, lr_probability : array of float
        Before calibration, after it, and by the regression.
    curves : tuple of dict
        Each older fold's validation log loss by number of trees, anchored and plain.
    choice : dict
        What was chosen, and by how much.
    inner : bool
        Whether the older folds were cut out of the newest's training rows, there being no older ones.
    """

    fold: Rows
    row: Rows
    judged: NDArray[np.bool_]
    margin: Floats
    probability: Floats
    lr_probability: Floats
    curves: tuple[dict[str, Any], ...]
    choice: dict[str, Any]
    inner: bool


def fit_scorer(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[Fold],
    recipe: Recipe | None = None,
    seed: int | np.random.Generator = 0,
    threads: int = 1,
) -> tuple[Scorer, OutOfFold]:
    """Fit a scorer on all rows, choosing on the older folds and predicting the newest honestly.

    Parameters
    ----------
    folds : sequence of (train, test) row numbers
        Forward in time, oldest first. With one fold, inner forward folds of its training rows do the choosing;
        with none, inner folds of all rows do, and nothing is judged.
    recipe : Recipe, optional
        What is set there isn't chosen.

    Raises
    ------
    DataError
        All rows, or all training rows of the newest fold, are of one class.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(400)
    >>> visits = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> data = Matrix(pd.DataFrame({"visits": n % 5.0}), (n % 5 == 4) * 1.0, np.ones(400), n, n, n + 1)
    >>> scorer, honest = fit_scorer([visits], data, [(n[:200], n[200:300]), (n[:300], n[300:])])
    >>> int(honest.judged.sum()), bool(honest.probability[honest.judged].max() > 0.8)
    (100, True)
    """
    recipe = recipe or Recipe()
    order, rows, older, newest, inner = split(matrix, folds)
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=3).tolist()
    ready = [Older.fit(specs, rows, fold, recipe) for fold in older if usable(rows, fold)]
    chosen, curves, choice = choose(ready, recipe, seeds[0], threads)
    margins = [curve.margin(int(chosen.rounds or 0)) for curve in curves[bool(chosen.anchored)]]
    calibrator = _calibrator(ready, margins)
    parts = [
        (number, one.test, margin, sigmoid(one.starts[float(chosen.c or 0)][1]), False)
        for number, (one, margin) in enumerate(zip(ready, margins, strict=True))
    ]
    for train, test in newest:
        honest = _fit(specs, rows.take(train), chosen, calibrator, seeds[1], threads)
        values = rows.values.iloc[test]
        parts.append((len(ready), test, honest.margin(values), honest.logistic_probability(values), True))
    final = _fit(specs, rows, chosen, calibrator, seeds[2], threads)
    return final, _out_of_fold(parts, order, calibrator, _records(curves, chosen), choice, inner)


def split(matrix: Matrix, folds: Sequence[Fold]) -> tuple[Rows, Matrix, list[Fold], list[Fold], bool]:
    """Sort the rows by key, and part the folds that choose from the newest, which is judged.

    Returns
    -------
    tuple
        The sorted order, the rows in it, the older folds, the newest (if any), and whether the older ones had to be
        cut out of the newest's training rows.
    """
    order = matrix.order()
    place = np.argsort(order)
    rows = matrix.take(order)
    sorted_folds = [(np.sort(place[train]), np.sort(place[test])) for train, test in folds]
    older, newest = sorted_folds[:-1], sorted_folds[-1:]
    if older:
        return order, rows, older, newest, False
    return order, rows, inner_folds(rows, newest[0][0] if newest else np.arange(len(rows))), newest, True


def inner_folds(matrix: Matrix, within: Rows) -> list[Fold]:
    """Cut forward folds out of some rows: each tests a span of as_of, and trains on labels known when it starts.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(10)
    >>> data = Matrix(pd.DataFrame(index=n), n % 2, np.ones(10), n, n, n + 2)
    >>> [(train.tolist(), test.tolist()) for train, test in inner_folds(data, n)][-1]
    ([0, 1, 2, 3, 4, 5, 6], [8, 9])
    """
    if len(within) == 0:
        return []
    when = matrix.as_of[within]
    ordered = np.sort(when)
    ends = [int(ordered[min(int(share * len(ordered)), len(ordered) - 1)]) for share in INNER]
    ends[-1] = int(ordered[-1]) + 1
    return [
        (within[matrix.known_at[within] <= start], within[(when >= start) & (when < end)])
        for start, end in pairwise(ends)
    ]


def _calibrator(ready: Sequence[Older], margins: Sequence[Floats]) -> Calibrator:
    """Fit on the older folds' margins; a fold counts half as much as the next newer one, since base rates drift."""
    if not ready:
        return Calibrator()
    y, weight = joined(ready)
    age = np.repeat(np.arange(len(ready))[::-1], [len(one.test) for one in ready])
    return Calibrator.fit(np.concatenate(margins), y, weight * 0.5**age)


def _fit(
    specs: Sequence[Feature], matrix: Matrix, chosen: Recipe, calibrator: Calibrator, seed: int, threads: int
) -> Scorer:
    encoder = Encoder.fit(specs, matrix)
    linear = encoder.linear(matrix.values)
    regression = logistic(encoder, linear, matrix, float(chosen.c or 1.0))
    start = regression.margin(linear) if chosen.anchored else None
    x = encoder.tree_asof(matrix)
    trees = boost(x, matrix.y, matrix.weight, seed, int(chosen.rounds or 0), chosen, start, threads)
    return Scorer(encoder, regression, trees, calibrator, chosen)


def _records(curves: dict[bool, list[Curve]], chosen: Recipe) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"fold": fold, "anchored": way, "taken": way is chosen.anchored, "log_loss": [*curve.losses]}
        for way, grown in curves.items()
        for fold, curve in enumerate(grown)
    )


def _out_of_fold(
    parts: Sequence[tuple[int, Rows, Floats, Floats, bool]],
    order: Rows,
    calibrator: Calibrator,
    curves: tuple[dict[str, Any], ...],
    choice: dict[str, Any],
    inner: bool,
) -> OutOfFold:
    empty = (0, np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), False)
    folds, tests, margins, lr, judged = zip(*parts, strict=True) if parts else zip(empty, strict=True)
    sizes = [len(test) for test in tests]
    margin = np.concatenate(margins)
    return OutOfFold(
        np.repeat(np.array(folds), sizes),
        order[np.concatenate(tests)],
        np.repeat(np.array(judged), sizes),
        margin,
        calibrator.probability(margin),
        np.concatenate(lr),
        curves,
        choice,
        inner,
    )

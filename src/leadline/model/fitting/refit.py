"""One recipe fitted again on parts of the features, fold by fold: what an ablation compares.

What is held as the whole model's folds chose it: anchored or plain, the penalty, how many trees. What is fitted anew
for each part, on each fold's training rows alone: the regression, the trees and, on the older folds, the calibration.
The encoder learns a feature from that feature's own values, so each fold is encoded once and a part takes its columns.

Three things are cheaper than in the model itself, for the whole and for its parts alike, so that differences are fair:

- at most `REFIT_ROWS` training rows a fold, drawn once for all parts;
- the regression by Newton's steps, from the whole one's coefficients where few columns are left out: the same minimum
  as lbfgs finds, in a fraction of the time;
- at most `TREES` trees, with steps as much longer, and no drawing of columns, which would make the difference of two
  fits that of two draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadline.core.rng import bootstrap_counts
from leadline.dataset.feature_spec import Feature
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.boosting import Recipe, lightgbm_params, model_text, tree_margin
from leadline.model.fitting.fit import RowSplit, split_newest
from leadline.model.fitting.logistic import FittedRegression, base_rate, fit_newton, sigmoid

__all__ = [
    "BOOTSTRAP_ROWS",
    "REFIT_ROWS",
    "TREES",
    "AblationPredictions",
    "lighter_recipe",
    "refit_margins",
    "refit_on_bootstrap",
    "refit_without_families",
]

Floats: TypeAlias = NDArray[np.float64]

Rows: TypeAlias = NDArray[np.int64]

REFIT_ROWS = 60_000

"""Training rows of a fold; with all 139,000 of a large demo world no family's log loss moved by more than 0.0002."""

TREES = 50

"""Beyond so many, trees are fewer and their steps longer."""

LONGEST_STEP = 0.3  # LightGBM's learning rate, above which few trees overfit


@dataclass(frozen=True)
class AblationPredictions:
    """What each part said of rows that it wasn't fitted on; one entry a row and fold, oldest fold first.

    Attributes
    ----------
    fold, row : array of int
        The fold's number, and the row's number in the caller's order.
    said : tuple of float arrays
        The calibrated probabilities, one array a part, in the order in which parts were asked.
    """

    fold: Rows
    row: Rows
    said: tuple[Floats, ...]


def refit_without_families(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[RowSplit],
    recipe: Recipe,
    parts: Sequence[Collection[str]],
    random: np.random.Generator,
    threads: int = 1,
) -> AblationPredictions:
    """Fit a recipe on parts of the features, and predict each fold's test rows.

    Parameters
    ----------
    folds : sequence of (train, test) row numbers
        Those that `fit_scorer` got: forward in time, oldest first.
    recipe : Recipe
        One with all filled in, as a scorer holds it.
    parts : sequence of collections of str
        The names of the features that each part keeps. A part without features says the base rate.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(400)
    >>> specs = [Feature(name, "behaviour", name, "count", "count", name) for name in ("visits", "noise")]
    >>> values = pd.DataFrame({"visits": n % 5.0, "noise": n % 3.0})
    >>> data = Matrix(values, (n % 5 == 4) * 1.0, np.ones(400), n, n, n + 1)
    >>> folds = [(n[:200], n[200:300]), (n[:300], n[300:])]
    >>> recipe = Recipe(anchored=True, rounds=0)
    >>> both = refit_without_families(specs, data, folds, recipe, [["visits", "noise"], ["noise"]], np.random.default_rng(7))
    >>> [bool(np.ptp(p[both.fold == 1]) > 0.3) for p in both.said]
    [True, False]
    """
    order, rows, older, newest, _ = split_newest(matrix, folds)
    seed = int(random.integers(2**31 - 1))
    tests, margins = [], []
    for train, test in (*older, *newest):
        kept = np.sort(random.choice(train, REFIT_ROWS, replace=False)) if len(train) > REFIT_ROWS else train
        fold = _Encoded.fit(specs, rows.take(kept), rows.take(test).values)
        margins.append(fold.margins(parts, recipe, seed, threads))
        tests.append(test)
    until = newest[0][0] if newest else np.arange(len(rows))
    said = [_calibrated(rows, tests, [fold[part] for fold in margins], len(older), until) for part in range(len(parts))]
    fold_number = np.repeat(np.arange(len(tests)), [len(test) for test in tests])
    return AblationPredictions(fold_number, order[np.concatenate(tests)], tuple(said))


def _calibrated(rows: Matrix, tests: Sequence[Rows], margins: Sequence[Floats], older: int, until: Rows) -> Floats:
    """Return the probabilities of all folds' rows, calibrated on what was known of the older folds."""
    seen = []
    for number in range(older):
        known = np.isin(tests[number], until)
        seen.append(ForwardRows.of(rows.take(tests[number][known]), margins[number][known], number))
    line = Calibrator.follow(seen, [np.zeros(len(one.y)) for one in seen])
    return line.probability(np.concatenate(margins))


def refit_margins(
    specs: Sequence[Feature],
    matrix: Matrix,
    fold: RowSplit,
    recipe: Recipe,
    parts: Sequence[Collection[str]],
    random: np.random.Generator,
    threads: int = 1,
) -> list[Floats]:
    """Fit a recipe on parts of the features of one fold's training rows; return its test rows' margins, by part.

    Nothing is calibrated: margins rank as probabilities do. Rows are fitted in their given order, which is to be by key.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(300)
    >>> specs = [Feature(name, "behaviour", name, "count", "count", name) for name in ("visits", "noise")]
    >>> data = Matrix(pd.DataFrame({"visits": n % 5.0, "noise": n % 3.0}), (n % 5 == 4) * 1.0, np.ones(300), n, n, n + 1)
    >>> both = refit_margins(
    ...     specs, data, (n[:200], n[200:]), Recipe(anchored=True, rounds=0), [["visits", "noise"], ["noise"]], np.random.default_rng(7)
    ... )
    >>> [bool(np.ptp(margin) > 1) for margin in both]
    [True, False]
    """
    train, test = fold
    seed = int(random.integers(2**31 - 1))
    kept = np.sort(random.choice(train, REFIT_ROWS, replace=False)) if len(train) > REFIT_ROWS else train
    encoded = _Encoded.fit(specs, matrix.take(kept), matrix.take(test).values)
    return encoded.margins(parts, recipe, seed, threads)


def lighter_recipe(recipe: Recipe, rounds: int) -> Recipe:
    """Return the recipe with at most `TREES` of so many trees, their steps as much longer, and all columns open to each."""
    step = min(recipe.learning_rate * max(1.0, rounds / TREES), max(LONGEST_STEP, recipe.learning_rate))
    return replace(recipe, rounds=min(rounds, TREES), learning_rate=step, feature_fraction=1.0)


@dataclass(frozen=True)
class _Encoded:
    """A fold with both its matrices, and which feature each column is made of."""

    train: Matrix
    linear: Floats
    test_linear: Floats
    tree: Floats
    test_tree: Floats
    linear_features: tuple[str, ...]
    tree_features: tuple[str, ...]

    @classmethod
    def fit(cls, specs: Sequence[Feature], train: Matrix, test: pd.DataFrame) -> _Encoded:
        encoder = Encoder.fit(specs, train)
        return cls(
            train,
            encoder.linear(train.values),
            encoder.linear(test),
            encoder.tree_asof(train),
            encoder.tree(test),
            tuple(column.feature for column in encoder.linear_columns),
            tuple(column.feature for column in encoder.tree_columns),
        )

    def margins(self, parts: Sequence[Collection[str]], recipe: Recipe, seed: int, threads: int) -> list[Floats]:
        """Return the test rows' margins before calibration, by part."""
        near = FittedRegression.fit(self.linear, self.train, recipe) if recipe.anchored else None
        # Binning takes longer than the trees, so that all parts share one set of bins.
        settings = lightgbm_params(lighter_recipe(recipe, 0), self.train.y, self.train.weight, seed, threads)
        data = lightgbm.Dataset(self.tree, self.train.y, weight=self.train.weight, params=settings)
        margins = []
        for part in parts:
            start, margin = self._line(part, near)
            margin = margin + self._trees(part, data, recipe, int(recipe.rounds or 0), start, seed, threads)
            if recipe.anchored and recipe.plain_rounds:
                plain = self._trees(part, data, recipe, recipe.plain_rounds, None, seed, threads)
                margin = (margin + plain) / 2
            margins.append(margin)
        return margins

    def _trees(
        self,
        part: Collection[str],
        data: Any,
        recipe: Recipe,
        rounds: int,
        start: Floats | None,
        seed: int,
        threads: int,
    ) -> Floats:
        """Return the trees' part of the test rows' margins, grown from a start (None for the base rate's)."""
        if not rounds:
            return np.zeros(len(self.test_tree))
        # A column that counts 0 is never split by; the trees equal those of the other columns alone.
        moving = recipe.moving or ()
        counts = [float(feature in part and feature not in moving) for feature in self.tree_features]
        light = lighter_recipe(recipe, rounds)
        settings = lightgbm_params(light, self.train.y, self.train.weight, seed, threads) | {"feature_contri": counts}
        # The start of a data set can't be unset again, so that plain boosting's is the base rate, written out.
        base = base_rate(self.train) if start is None else 0.0
        begin = np.full(len(self.train), base) if start is None else start
        trees = lightgbm.train(settings, data.set_init_score(begin), num_boost_round=int(light.rounds or 0))
        return base + tree_margin(model_text(trees), self.test_tree)

    def _line(self, part: Collection[str], near: FittedRegression | None) -> tuple[Floats | None, Floats]:
        """Return where the trees start from: the regression's margins of the training and of the test rows."""
        if near is None:
            return None, np.zeros(len(self.test_tree))
        columns = [place for place, feature in enumerate(self.linear_features) if feature in part]
        x, test = self.linear[:, columns], self.test_linear[:, columns]
        line = near.without(x, self.train, columns)
        return line[0] + x @ line[1:], line[0] + test @ line[1:]


# A scorer's recipe fitted again on accounts drawn with replacement: what the stability of drivers is told by.
#
# Rows are encoded once, at most `BOOTSTRAP_ROWS` of them in whole accounts; a draw is then only other weights. The regression goes on from
# the whole one's coefficients by the whole one's curvature, which finds the same minimum in a fraction of Newton's time; trees
# are at most `refit.TREES`, on one set of bins.


BOOTSTRAP_ROWS = 20_000

"""Training rows; refits on more cost more, and what they say of the drivers stays."""

EXPLAINED = 1_000  # rows that contributions are averaged over

NEAR = 1e-3  # of a coefficient: drivers are told to a hundredth

STEPS = 60


def refit_on_bootstrap(
    specs: Sequence[Feature],
    matrix: Matrix,
    recipe: Recipe,
    group: NDArray[Any],
    refits: int,
    random: np.random.Generator,
    threads: int = 1,
) -> Iterator[tuple[Floats, Rows]]:
    """Fit a recipe on drawn accounts, and yield each refit's contributions.

    Parameters
    ----------
    recipe : Recipe
        One with all filled in, as a scorer holds it.
    group : array
        Whose account a row is; accounts are drawn whole.

    Yields
    ------
    tuple
        The contributions to the log odds, rows × specs, of the rows whose numbers follow.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(600)
    >>> specs = [Feature(name, "behaviour", name, "number", "value", name) for name in ("visits", "noise")]
    >>> data = Matrix(pd.DataFrame({"visits": n % 5.0, "noise": n % 3.0}), (n % 5 == 4) * 1.0, np.ones(600), n, n, n + 1)
    >>> made = refit_on_bootstrap(specs, data, Recipe(anchored=True, rounds=0), n // 2, 3, np.random.default_rng(7))
    >>> [bool(np.abs(parts[:, 0]).mean() > 5 * np.abs(parts[:, 1]).mean()) for parts, _ in made]
    [True, True, True]
    """
    _, who = np.unique(np.asarray(group).astype(str), return_inverse=True)
    rows = _whole_accounts(who, matrix, random)
    known, who = matrix.take(rows), np.unique(who[rows], return_inverse=True)[1]
    encoder, seed = Encoder.fit(specs, known), int(random.integers(2**31 - 1))
    explained = np.arange(max(len(known) - EXPLAINED, 0), len(known))
    linear, tree = encoder.linear(known.values), encoder.tree_asof(known)
    place = {spec.name: number for number, spec in enumerate(specs)}
    counts = [float(column.feature not in (recipe.moving or ())) for column in encoder.tree_columns]
    line = _FullRegression(linear, known, recipe) if recipe.anchored else None
    settings = lightgbm_params(lighter_recipe(recipe, 0), known.y, known.weight, seed, threads)
    data = lightgbm.Dataset(tree, known.y, weight=known.weight, params=settings, free_raw_data=False)
    for _ in range(refits):
        times = bootstrap_counts(int(who.max()) + 1, random)
        weight = known.weight * times[who]
        parts, start = np.zeros((len(explained), len(specs))), None
        # A row that isn't drawn weighs next to nothing, as LightGBM wants weights above 0.
        data.set_weight(np.maximum(weight, 1e-6))
        if line is not None:
            coefficients = line.fit(weight)
            start = coefficients[0] + linear @ coefficients[1:]
            mine = recipe.share * linear[explained] * coefficients[1:]
            _add(parts, mine, [place[c.feature] for c in encoder.linear_columns])
        grown = [(int(recipe.rounds or 0), start)]
        grown += [(recipe.plain_rounds, None)] if recipe.anchored and recipe.plain_rounds else []
        for rounds, begin in grown:
            light = lighter_recipe(recipe, rounds)
            settings = lightgbm_params(light, known.y, known.weight, seed, threads) | {"feature_contri": counts}
            begin = np.full(len(known), base_rate(known)) if begin is None else begin  # a start can't be unset again
            mine = _of_trees(settings, data.set_init_score(begin), int(light.rounds or 0), tree[explained])
            _add(parts, mine / len(grown), [place[c.feature] for c in encoder.tree_columns])
        yield parts, rows[explained]


def _whole_accounts(who: Rows, matrix: Matrix, random: np.random.Generator) -> Rows:
    """Return the rows, sorted by key, of as many whole accounts as `BOOTSTRAP_ROWS` holds."""
    sizes = np.bincount(who)
    order = random.permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=bool)
    kept[order[: max(2, int(np.searchsorted(np.cumsum(sizes[order]), BOOTSTRAP_ROWS, side="right")))]] = True
    ordered = matrix.order()
    return ordered[kept[who[ordered]]]


def _of_trees(settings: dict[str, Any], data: Any, rounds: int, x: Floats) -> Floats:
    """Grow trees, and return each column's part of what they say of some rows."""
    if not rounds:
        return np.zeros(x.shape)
    text = model_text(lightgbm.train(settings, data, num_boost_round=rounds))
    return np.asarray(lightgbm.Booster(model_str=text).predict(x, pred_contrib=True), dtype=np.float64)[:, :-1]


def _add(parts: Floats, columns: Floats, places: Sequence[int]) -> None:
    for number, place in enumerate(places):
        parts[:, place] += columns[:, number]


class _FullRegression:
    """The regression on all rows, from which those on drawn accounts are found."""

    def __init__(self, x: Floats, known: Matrix, recipe: Recipe) -> None:
        self._x, self._y, self._c = x, known.y, float(recipe.c or 1.0)
        self._whole = fit_newton(x, known, self._c, NEAR)
        p = sigmoid(self._whole[0] + x @ self._whole[1:])
        bent = np.column_stack([np.ones(len(x)), x])
        with threadpool_limits(limits=1):  # sums over threads differ in their last bits
            curvature = self._c * (bent.T @ (bent * (known.weight * p * (1 - p))[:, None]))
        curvature[np.diag_indices_from(curvature)] += np.append(1e-9, np.ones(x.shape[1]))
        self._inverse = np.linalg.inv(curvature)

    def fit(self, weight: Floats) -> Floats:
        """Return intercept and coefficients under other weights; steps that overshoot are halved."""
        line, stride, before = self._whole.copy(), 1.0, np.inf
        with threadpool_limits(limits=1):
            for _ in range(STEPS):
                off = self._c * weight * (sigmoid(line[0] + self._x @ line[1:]) - self._y)
                step = self._inverse @ np.append(off.sum(), self._x.T @ off + line[1:])
                size = float(np.max(np.abs(step)))
                stride = stride / 2 if size > before else stride
                line, before = line - stride * step, size
                if size < NEAR:
                    break
        return np.asarray(line, dtype=np.float64)

"""One recipe fitted again on parts of the features, fold by fold: what an ablation compares.

What is held as the whole model's folds chose it: anchored or plain, the penalty, how many trees. What is fitted anew
for each part, on each fold's training rows alone: the regression, the trees and, on the older folds, the calibration.
The encoder learns a feature from that feature's own values, so each fold is encoded once and a part takes its columns.

Three things are cheaper than in the model itself, for the whole and for its parts alike, so that differences are fair:

- at most `ROWS` training rows a fold, drawn once for all parts;
- the regression by Newton's steps, from the whole one's coefficients where few columns are left out: the same minimum
  as lbfgs finds, in a fraction of the time;
- at most `TREES` trees, with steps as much longer, and no drawing of columns, which would make the difference of two
  fits that of two draws.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.history.spec import Feature
from leadline.model.calibrate import Calibrator
from leadline.model.fitting import Fold, split
from leadline.model.level import Forward
from leadline.model.matrix import Encoder, Matrix
from leadline.model.newton import Regression, base_rate
from leadline.model.train import Recipe, as_text, settings_of, tree_margin

__all__ = ["ROWS", "TREES", "Refitted", "lighter", "refit", "refit_margins"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

ROWS = 60_000
"""Training rows of a fold; with all 139,000 of a large demo world no family's log loss moved by more than 0.0002."""

TREES = 50
"""Beyond so many, trees are fewer and their steps longer."""

LONGEST_STEP = 0.3  # LightGBM's learning rate, above which few trees overfit


@dataclass(frozen=True)
class Refitted:
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


def refit(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[Fold],
    recipe: Recipe,
    parts: Sequence[Collection[str]],
    random: np.random.Generator,
    threads: int = 1,
) -> Refitted:
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
    >>> both = refit(specs, data, folds, recipe, [["visits", "noise"], ["noise"]], np.random.default_rng(7))
    >>> [bool(np.ptp(p[both.fold == 1]) > 0.3) for p in both.said]
    [True, False]
    """
    order, rows, older, newest, _ = split(matrix, folds)
    seed = int(random.integers(2**31 - 1))
    tests, margins = [], []
    for train, test in (*older, *newest):
        kept = np.sort(random.choice(train, ROWS, replace=False)) if len(train) > ROWS else train
        fold = _Encoded.fit(specs, rows.take(kept), rows.take(test).values)
        margins.append(fold.margins(parts, recipe, seed, threads))
        tests.append(test)
    until = newest[0][0] if newest else np.arange(len(rows))
    said = [_calibrated(rows, tests, [fold[part] for fold in margins], len(older), until) for part in range(len(parts))]
    fold_number = np.repeat(np.arange(len(tests)), [len(test) for test in tests])
    return Refitted(fold_number, order[np.concatenate(tests)], tuple(said))


def _calibrated(rows: Matrix, tests: Sequence[Rows], margins: Sequence[Floats], older: int, until: Rows) -> Floats:
    """Return the probabilities of all folds' rows, calibrated on what was known of the older folds."""
    seen = []
    for number in range(older):
        known = np.isin(tests[number], until)
        seen.append(Forward.of(rows.take(tests[number][known]), margins[number][known], number))
    line = Calibrator.follow(seen, [np.zeros(len(one.y)) for one in seen])
    return line.probability(np.concatenate(margins))


def refit_margins(
    specs: Sequence[Feature],
    matrix: Matrix,
    fold: Fold,
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
    kept = np.sort(random.choice(train, ROWS, replace=False)) if len(train) > ROWS else train
    encoded = _Encoded.fit(specs, matrix.take(kept), matrix.take(test).values)
    return encoded.margins(parts, recipe, seed, threads)


def lighter(recipe: Recipe, rounds: int) -> Recipe:
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
        near = Regression.fit(self.linear, self.train, recipe) if recipe.anchored else None
        # Binning takes longer than the trees, so that all parts share one set of bins.
        settings = settings_of(lighter(recipe, 0), self.train.y, self.train.weight, seed, threads)
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
        light = lighter(recipe, rounds)
        settings = settings_of(light, self.train.y, self.train.weight, seed, threads) | {"feature_contri": counts}
        # The start of a data set can't be unset again, so that plain boosting's is the base rate, written out.
        base = base_rate(self.train) if start is None else 0.0
        begin = np.full(len(self.train), base) if start is None else start
        trees = lightgbm.train(settings, data.set_init_score(begin), num_boost_round=int(light.rounds or 0))
        return base + tree_margin(as_text(trees), self.test_tree)

    def _line(self, part: Collection[str], near: Regression | None) -> tuple[Floats | None, Floats]:
        """Return where the trees start from: the regression's margins of the training and of the test rows."""
        if near is None:
            return None, np.zeros(len(self.test_tree))
        columns = [place for place, feature in enumerate(self.linear_features) if feature in part]
        x, test = self.linear[:, columns], self.test_linear[:, columns]
        line = near.without(x, self.train, columns)
        return line[0] + x @ line[1:], line[0] + test @ line[1:]

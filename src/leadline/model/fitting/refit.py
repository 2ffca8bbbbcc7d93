"""One recipe fitted again on parts of the features, fold by fold: what an ablation compares.

What is held as the whole model's folds chose it: anchored or plain, the penalty, how many trees. What is fitted anew
for each part, on each fold's training rows alone: the regression, the trees and, on the older folds, the calibration.
The encoder learns a feature from that feature's own values, so each fold is encoded once and a part takes its columns.

What is cheaper than in the model itself is so for the whole and for its parts alike, so that differences are fair:

- all training rows of the rarer class and `NEGATIVES` of the other to each, which weigh for those left out; at most
  `REFIT_ROWS` a fold, drawn once for all parts;
- the regression by Newton's steps from the whole one's optimum and with its curvature (`leadline.model.fitting.newton`);
- at most `TREES` trees, with steps as much longer, in `BINS` bins, and no drawing of columns, which would make the difference
  of two fits that of two draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.parallel import run_all
from leadline.core.rng import bootstrap_counts
from leadline.dataset.feature_spec import Feature
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.boosting import BinnedRows, Recipe, lightgbm_params, model_text, tree_margin
from leadline.model.fitting.fit import RowSplit, split_newest
from leadline.model.fitting.newton import NewtonSolver, thin_negatives

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

REFIT_ROWS = 60_000  # of a fold, after thinning

NEGATIVES = 10  # to a positive; on the demo no loss moved by more than 0.0004, and intervals are as wide as with all

BINS = 63

TREES = 50

"""Beyond so many, trees are fewer and their steps longer."""

NEAR = 1e-7  # of the mean gradient: margins are then right to a thousandth

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
    tests = [test for _, test in (*older, *newest)]
    kept = [_thinned(rows, train, random) for train, _ in (*older, *newest)]

    def fold(train: Matrix, test: Rows, threads: int) -> list[Floats]:
        return _Encoded.fit(specs, train, rows.values.iloc[test]).margins(parts, recipe, seed, threads)

    margins = run_all([partial(fold, *each) for each in zip(kept, tests, strict=True)], threads)
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
    encoded = _Encoded.fit(specs, _thinned(matrix, train, random), matrix.values.iloc[test])
    return encoded.margins(parts, recipe, seed, threads)


def lighter_recipe(recipe: Recipe, rounds: int) -> Recipe:
    """Return the recipe with at most `TREES` of so many trees, their steps as much longer, and all columns open to each."""
    step = min(recipe.learning_rate * max(1.0, rounds / TREES), max(LONGEST_STEP, recipe.learning_rate))
    return replace(recipe, rounds=min(rounds, TREES), learning_rate=step, feature_fraction=1.0)


def _thinned(matrix: Matrix, train: Rows, random: np.random.Generator) -> Matrix:
    """Return the training rows to fit on, in their order."""
    kept, weight = thin_negatives(matrix.y[train], matrix.weight[train], NEGATIVES, REFIT_ROWS, random)
    return replace(matrix.take(train[kept]), weight=weight)


@dataclass(frozen=True)
class _Encoded:
    """A fold with both its matrices, and which feature each column is made of."""

    train: Matrix
    linear: NDArray[Any]
    test_linear: Floats
    tree: NDArray[np.float32]
    test_tree: Floats
    linear_features: tuple[str, ...]
    tree_features: tuple[str, ...]

    @classmethod
    def fit(cls, specs: Sequence[Feature], train: Matrix, test: pd.DataFrame) -> _Encoded:
        encoder = Encoder.fit(specs, train)
        return cls(
            train.without_values(),
            encoder.linear(train.values, np.float32),
            encoder.linear(test),
            encoder.tree_asof(train),
            encoder.tree(test),
            tuple(column.feature for column in encoder.linear_columns),
            tuple(column.feature for column in encoder.tree_columns),
        )

    def margins(self, parts: Sequence[Collection[str]], recipe: Recipe, seed: int, threads: int) -> list[Floats]:
        """Return the test rows' margins before calibration, by part."""
        y, weight = self.train.y, self.train.weight
        solver = NewtonSolver(self.linear, y, weight, threads) if recipe.anchored else None
        # Binning takes longer than the trees, so that all parts share one set of bins.
        data = BinnedRows(self.tree, y, weight, lightgbm_params(recipe, y, weight, seed, threads, bins=BINS))
        margins = []
        for part in parts:
            start, margin = self._line(part, solver, float(recipe.c or 1.0))
            margin = margin + self._trees(part, data, recipe, int(recipe.rounds or 0), start, seed, threads)
            if recipe.anchored and recipe.plain_rounds:
                plain = self._trees(part, data, recipe, recipe.plain_rounds, None, seed, threads)
                margin = (margin + plain) / 2
            margins.append(margin)
        return margins

    def _trees(
        self,
        part: Collection[str],
        data: BinnedRows,
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
        settings = lightgbm_params(light, self.train.y, self.train.weight, seed, threads, counts, BINS)
        text = model_text(data.grow(settings, int(light.rounds or 0), start))
        return tree_margin(text, self.test_tree, threads=threads)

    def _line(self, part: Collection[str], solver: NewtonSolver | None, c: float) -> tuple[Floats | None, Floats]:
        """Return where the trees start from: the regression's margins of the training and of the test rows."""
        if solver is None:
            return None, np.zeros(len(self.test_tree))
        columns = [place for place, feature in enumerate(self.linear_features) if feature in part]
        line = solver.solve(c, columns, tolerance=NEAR)
        return solver.margin(line), line[0] + self.test_linear @ line[1:]


# A scorer's recipe fitted again on accounts drawn with replacement: what the stability of drivers is told by.
#
# Rows are encoded once, at most `BOOTSTRAP_ROWS` of them in whole accounts; a draw is then only other weights. The regression goes on from
# the whole one's optimum with its curvature; trees are at most `TREES`, on one set of bins.


BOOTSTRAP_ROWS = 20_000

"""Training rows; refits on more cost more, and what they say of the drivers stays."""

EXPLAINED = 1_000  # rows that contributions are averaged over


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
    linear, tree = encoder.linear(known.values, np.float32), encoder.tree_asof(known)
    place = {spec.name: number for number, spec in enumerate(specs)}
    counts = [float(column.feature not in (recipe.moving or ())) for column in encoder.tree_columns]
    solver = NewtonSolver(linear, known.y, known.weight, threads) if recipe.anchored else None
    if solver is not None:
        solver.solve(float(recipe.c or 1.0), tolerance=NEAR)  # all draws start from the whole one
    settings = lightgbm_params(recipe, known.y, known.weight, seed, threads, bins=BINS)
    data = BinnedRows(tree, known.y, known.weight, settings)
    for _ in range(refits):
        times = bootstrap_counts(int(who.max()) + 1, random)
        # A row that isn't drawn weighs next to nothing, as LightGBM wants weights above 0.
        weight = np.maximum(known.weight * times[who], 1e-6)
        parts, start = np.zeros((len(explained), len(specs))), None
        if solver is not None:
            line = solver.solve(float(recipe.c or 1.0), weight=weight, tolerance=NEAR)
            start = solver.margin(line)
            _add(parts, recipe.share * linear[explained] * line[1:], [place[c.feature] for c in encoder.linear_columns])
        grown = [(int(recipe.rounds or 0), start)]
        grown += [(recipe.plain_rounds, None)] if recipe.anchored and recipe.plain_rounds else []
        for rounds, begin in grown:
            light = lighter_recipe(recipe, rounds)
            settings = lightgbm_params(light, known.y, known.weight, seed, threads, counts, BINS)
            mine = _of_trees(data, settings, int(light.rounds or 0), begin, weight, tree[explained])
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


def _of_trees(
    data: BinnedRows,
    settings: dict[str, Any],
    rounds: int,
    start: Floats | None,
    weight: Floats,
    x: NDArray[np.float32],
) -> Floats:
    """Grow trees, and return each column's part of what they say of some rows."""
    if not rounds:
        return np.zeros(x.shape)
    return np.asarray(data.grow(settings, rounds, start, weight).predict(x, pred_contrib=True), dtype=np.float64)[
        :, :-1
    ]


def _add(parts: Floats, columns: Floats, places: Sequence[int]) -> None:
    for number, place in enumerate(places):
        parts[:, place] += columns[:, number]

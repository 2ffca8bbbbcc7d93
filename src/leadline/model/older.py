"""The folds older than the newest, encoded and with their regressions: what choosing and calibrating look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.history.spec import Feature
from leadline.model.baselines import Logistic
from leadline.model.level import Forward
from leadline.model.matrix import Encoder, Matrix
from leadline.model.train import Curve, Recipe, Trial

__all__ = ["Fold", "Older", "joined", "logistic", "usable"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Fold: TypeAlias = tuple[Rows, Rows]

MIN_POSITIVES = 5  # a fold whose training rows hold fewer of either class chooses nothing
FEWEST = 50  # rows with a value below which nobody can say whether a feature moves
EDGES = (0.001, 0.999)


@dataclass(frozen=True)
class Older:
    """An older fold, encoded: both matrices, the labels, and the regression's margins by penalty.

    Attributes
    ----------
    number : int
        Which fold.
    test, known : arrays
        The test rows' numbers; and which of them had a label when the newest fold began: only those choose.
    x, test_x : float arrays
        The trees' columns of training and test rows.
    train, judge : Matrix
        The training rows, and the test rows that choose.
    all_judged : Matrix
        All test rows.
    starts : dict of float to (array, array)
        The regression's margins of training and test rows, by penalty.
    encoder : Encoder
        Learnt from the training rows alone.
    """

    number: int
    test: Rows
    known: NDArray[np.bool_]
    x: Floats
    test_x: Floats
    train: Matrix
    judge: Matrix
    all_judged: Matrix
    starts: dict[float, tuple[Floats, Floats]]
    encoder: Encoder

    @classmethod
    def fit(
        cls,
        specs: Sequence[Feature],
        rows: Matrix,
        fold: Fold,
        recipe: Recipe,
        until: Rows | None = None,
        number: int = 0,
    ) -> Older:
        """Fit the encoder and the regressions on the training rows alone; `until` are the rows known as the newest began."""
        train, judge = rows.take(fold[0]), rows.take(fold[1])
        encoder = Encoder.fit(specs, train)
        linear, test_linear = encoder.linear(train.values), encoder.linear(judge.values)
        starts = {}
        for c in recipe.c_grid if recipe.c is None else (recipe.c,):
            model = logistic(encoder, linear, train, c)
            starts[c] = (model.margin(linear), model.margin(test_linear))
        known = np.ones(len(fold[1]), dtype=bool) if until is None else np.isin(fold[1], until)
        trees = encoder.tree_asof(train), encoder.tree(judge.values)
        return cls(number, fold[1], known, *trees, train, judge.take(np.flatnonzero(known)), judge, starts, encoder)

    def trial(self, c: float | None, moving: Sequence[str] = ()) -> Trial:
        """Return the fold as boosting takes it: from the regression of a penalty, or from scratch (None)."""
        start, test_start = (None, None) if c is None else (self.starts[c][0], self.known_start(c))
        train, test = self.train, self.judge
        counts = splits(self.encoder, moving)
        return Trial(
            self.x, train.y, train.weight, start, self.test_x[self.known], test.y, test.weight, test_start, counts
        )

    def known_start(self, c: float) -> Floats:
        """Return the regression's margins of the test rows that choose."""
        return self.starts[c][1][self.known]

    def margin(self, curve: Curve, rounds: int, c: float | None) -> Floats:
        """Return the margins of the test rows that choose, after so many trees."""
        return self.every_margin(curve, rounds, c)[self.known]

    def every_margin(self, curve: Curve, rounds: int, c: float | None) -> Floats:
        """Return the margins of all test rows."""
        return curve.margin(rounds, self.test_x, None if c is None else self.starts[c][1])

    def forward(self, margin: Floats) -> Forward:
        """Return all test rows with what the fold's model says of them."""
        return Forward.of(self.all_judged, margin, self.number)

    def beyond(self, share: float) -> Iterator[str]:
        """Yield the numeric features of which more than a share of the test rows lie beyond 99.8% of the training rows."""
        categories = {table.feature for table in self.encoder.levels}
        for place, column in enumerate(self.encoder.tree_columns):
            seen, later = (x[np.isfinite(x)] for x in (self.x[:, place], self.test_x[:, place]))
            if column.feature in categories or min(len(seen), len(later)) < FEWEST:
                continue
            low, high = np.quantile(seen, EDGES)
            if float(np.mean((later < low) | (later > high))) > share:
                yield column.feature


def splits(encoder: Encoder, moving: Sequence[str]) -> tuple[float, ...] | None:
    """Return how much a split by each of the trees' columns counts: 0 for features that move; None if none does."""
    if not moving:
        return None
    return tuple(float(column.feature not in moving) for column in encoder.tree_columns)


def usable(rows: Matrix, fold: Fold, until: Rows | None = None) -> bool:
    """Tell whether a fold can choose anything: it has rows to judge and enough of both classes to fit on."""
    positives = float(rows.y[fold[0]].sum())
    test = fold[1] if until is None else fold[1][np.isin(fold[1], until)]
    return len(test) > 0 and min(positives, len(fold[0]) - positives) >= MIN_POSITIVES


def logistic(encoder: Encoder, linear: Floats, matrix: Matrix, c: float) -> Logistic:
    """Fit the regression beside the trees."""
    return Logistic.fit(linear, matrix.y, matrix.weight, tuple(column.name for column in encoder.linear_columns), c)


def joined(ready: Sequence[Older]) -> tuple[Floats, Floats]:
    """Return the labels and weights of all test rows that choose, fold after fold."""
    return np.concatenate([one.judge.y for one in ready]), np.concatenate([one.judge.weight for one in ready])

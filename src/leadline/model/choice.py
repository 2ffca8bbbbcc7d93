"""What the folds older than the newest choose: the regression's penalty, anchored or plain, how many trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline import metrics
from leadline.history.spec import Feature
from leadline.model.baselines import Logistic, sigmoid
from leadline.model.matrix import Encoder, Matrix
from leadline.model.train import MIN_PLAIN_ROUNDS, Curve, Recipe, Trial, choose_rounds, grow

__all__ = ["Older", "choose", "joined", "logistic", "usable"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Fold: TypeAlias = tuple[Rows, Rows]

NOISE = 2.0  # standard errors by which plain boosting must win over anchored boosting
MIN_POSITIVES = 5  # a fold whose training rows hold fewer of either class chooses nothing


@dataclass(frozen=True)
class Older:
    """An older fold, encoded: both matrices, the labels, and the regression's margins by penalty."""

    test: Rows
    x: Floats
    test_x: Floats
    train: Matrix
    judge: Matrix
    starts: dict[float, tuple[Floats, Floats]]

    @classmethod
    def fit(cls, specs: Sequence[Feature], rows: Matrix, fold: Fold, recipe: Recipe) -> Older:
        """Fit the encoder and the regressions on the training rows alone."""
        train, judge = rows.take(fold[0]), rows.take(fold[1])
        encoder = Encoder.fit(specs, train)
        linear, test_linear = encoder.linear(train.values), encoder.linear(judge.values)
        starts = {}
        for c in recipe.c_grid if recipe.c is None else (recipe.c,):
            model = logistic(encoder, linear, train, c)
            starts[c] = (model.margin(linear), model.margin(test_linear))
        return cls(fold[1], encoder.tree_asof(train), encoder.tree(judge.values), train, judge, starts)

    def trial(self, c: float, anchored: bool) -> Trial:
        """Return the fold as boosting takes it."""
        start, test_start = self.starts[c] if anchored else (None, None)
        train, test = self.train, self.judge
        return Trial(self.x, train.y, train.weight, start, self.test_x, test.y, test.weight, test_start)


def usable(rows: Matrix, fold: Fold) -> bool:
    """Tell whether a fold can choose anything: it has rows to judge and enough of both classes to fit on."""
    positives = float(rows.y[fold[0]].sum())
    return len(fold[1]) > 0 and min(positives, len(fold[0]) - positives) >= MIN_POSITIVES


def logistic(encoder: Encoder, linear: Floats, matrix: Matrix, c: float) -> Logistic:
    """Fit the regression beside the trees."""
    return Logistic.fit(linear, matrix.y, matrix.weight, tuple(column.name for column in encoder.linear_columns), c)


def choose(
    ready: Sequence[Older], recipe: Recipe, seed: int, threads: int
) -> tuple[Recipe, dict[bool, list[Curve]], dict[str, Any]]:
    """Fill in what the recipe leaves open; where no fold can tell, take the regression alone."""
    if not ready:
        anchored = recipe.anchored is not False
        rounds = recipe.rounds if recipe.rounds is not None else 0 if anchored else MIN_PLAIN_ROUNDS
        c = recipe.c or sorted(recipe.c_grid)[len(recipe.c_grid) // 2]
        return replace(recipe, anchored=anchored, rounds=rounds, c=c), {True: [], False: []}, {"folds": 0}
    c = _choose_c(ready)
    tried = (True, False) if recipe.anchored is None else (recipe.anchored,)
    curves = {way: [grow(one.trial(c, way), recipe, seed, threads) for one in ready] for way in tried}
    counts = {way: choose_rounds(curves[way], recipe) for way in tried}
    choice: dict[str, Any] = {"folds": len(ready), "c": c}
    anchored = tried[0]
    if len(tried) == 2:
        gain, noise = _gain(ready, *([curve.margin(counts[way]) for curve in curves[way]] for way in tried))
        anchored = not gain > NOISE * noise
        choice |= {"plain_gain": gain, "plain_gain_error": noise}
    choice |= {"anchored": anchored, "rounds": counts[anchored]}
    return replace(recipe, anchored=anchored, rounds=counts[anchored], c=c), curves, choice


def _choose_c(ready: Sequence[Older]) -> float:
    """Return the penalty with the least log loss over the folds; the strongest of equals."""
    y, weight = joined(ready)
    losses = {}
    for c in sorted(ready[0].starts):
        losses[c] = metrics.log_loss(y, sigmoid(np.concatenate([one.starts[c][1] for one in ready])), weight)
    return min(losses, key=lambda c: losses[c])


def _gain(ready: Sequence[Older], anchored: Sequence[Floats], plain: Sequence[Floats]) -> tuple[float, float]:
    """Return by how much plain boosting's log loss is less, and the standard error of that.

    Leads are taken whole, and folds too where they differ by more than leads do; one fold alone tells nothing of how
    folds differ, so its error is infinite.
    """
    y, weight = joined(ready)
    a, b = np.concatenate(anchored), np.concatenate(plain)
    gain = (np.logaddexp(0.0, a) - y * a) - (np.logaddexp(0.0, b) - y * b)
    mean = float(np.sum(gain * weight) / np.sum(weight))
    off = (gain - mean) * weight / np.sum(weight)
    _, who = np.unique(np.concatenate([one.judge.lead for one in ready]), return_inverse=True)
    fold = np.repeat(np.arange(len(ready)), [len(one.test) for one in ready])
    errors = [float(np.sqrt(np.sum(np.bincount(group, off) ** 2))) for group in (who, fold)]
    return mean, max(errors) if len(ready) > 1 else float("inf")


def joined(ready: Sequence[Older]) -> tuple[Floats, Floats]:
    """Return the labels and weights of all test rows, fold after fold."""
    return np.concatenate([one.judge.y for one in ready]), np.concatenate([one.judge.weight for one in ready])

"""From labelled snapshots and forward folds to a scorer and its honest, out-of-fold probabilities.

Every choice (the regression's penalty, what is averaged, how many trees) is made on the folds older than the newest,
by rows whose labels were known when the newest began, and so is the calibration that the newest is judged with: its
own rows choose nothing. Last, all labelled rows are fitted with what was chosen, and the calibration follows all folds.
In every fold the encoder, too, learns from the training rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.core.parallel import run_all
from leadline.dataset.feature_spec import Feature
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.boosting import (
    BinnedRows,
    LossCurve,
    Recipe,
    lightgbm_params,
    mix_trees,
    model_text,
    no_trees,
)
from leadline.model.fitting.logistic import sigmoid
from leadline.model.fitting.newton import thin_negatives
from leadline.model.fitting.selection import (
    NEGATIVES,
    InnerFold,
    RowSplit,
    fit_path,
    is_usable,
    select_model,
    split_weights,
)
from leadline.model.scorer import Scorer

__all__ = ["OutOfFold", "RowSplit", "fit_chosen", "fit_scorer", "inner_folds", "split_newest"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

FEWEST_FOLDS = 2  # that choose: one alone says nothing of how folds differ
IDENTITY = Calibrator()
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
    calibrator : Calibrator
        What the newest fold's margins were calibrated with.
    tonight : Calibrator
        What follows from all folds, as it would be for those same margins.
    judge : Scorer or None
        The newest fold's model, which never saw the rows that it is judged on; None where there is no fold.
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
    calibrator: Calibrator = IDENTITY
    tonight: Calibrator = IDENTITY
    judge: Scorer | None = None

    def rescaled(self, p: float) -> float:
        """Return what the exported scorer, calibrated on the newest fold too, says where the newest fold's said `p`."""
        margin = (float(np.log(p) - np.log1p(-p)) - self.calibrator.shift) / self.calibrator.slope
        return float(self.tonight.probability(np.array([margin]))[0])


def fit_scorer(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[RowSplit],
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
    order, rows, older, newest, inner = split_newest(matrix, folds)
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=3).tolist()
    until = newest[0][0] if newest else None
    ready = InnerFold.fit_all(specs, rows, older, recipe, until, seeds[0], threads)
    choice = select_model(ready, recipe, seeds[0], threads)
    seen = [_FoldModelOutput(one.test, one.forward(margin)) for one, margin in zip(ready, choice.margins, strict=True)]
    before = [
        _FoldModelOutput(one.test[one.known], said.forward.take(one.known))
        for one, said in zip(ready, seen, strict=True)
    ]
    calibrator = _calibrator(before)
    parts = [
        _FoldOutput(one.test, said.forward.margin, calibrator.probability(said.forward.margin), sigmoid(one.starts[float(choice.recipe.c or 0)][1]), False)
        for one, said in zip(ready, seen, strict=True)
    ]  # fmt: skip
    # The newest fold's model and the final one need nothing of each other.
    fits = [(rows.take(train), seeds[1]) for train, _ in newest] + [(rows, seeds[2])]
    *judges, final = run_all([partial(fit_chosen, specs, part, choice.recipe, seed) for part, seed in fits], threads)
    for (_, test), judge in zip(newest, judges, strict=True):
        values = rows.values.iloc[test]
        margin = judge.margin(values)
        calibrator = _calibrator(before, judge, rows)
        parts.append(
            _FoldOutput(test, margin, calibrator.probability(margin), judge.logistic_probability(values), True)
        )
        seen.append(_FoldModelOutput(test, ForwardRows.of(rows.take(test), margin, len(older))))
    final = final.with_calibrator(_calibrator(seen, final, rows))
    curves = _records(choice.curves, choice.recipe)
    honest = _out_of_fold(parts, order, curves, choice.record, inner, calibrator, _calibrator(seen))
    return final, replace(honest, judge=judges[0] if judges else None)


@dataclass(frozen=True)
class _FoldModelOutput:
    """Rows of a fold, and what the fold's own model says of them."""

    rows: Rows
    forward: ForwardRows


@dataclass(frozen=True)
class _FoldOutput:
    """A fold's test rows, and what is to be recorded of them."""

    rows: Rows
    margin: Floats
    probability: Floats
    regression: Floats
    judged: bool


def _calibrator(
    seen: Sequence[_FoldModelOutput], scorer: Scorer | None = None, rows: Matrix | None = None
) -> Calibrator:
    """Follow the folds; for a scorer that was fitted on their rows since, what it now says of them is taken off."""
    moved, absorbs = [np.zeros(len(one.rows)) for one in seen], False
    if scorer is not None and rows is not None:
        moved = [scorer.margin(rows.values.iloc[one.rows]) - one.forward.margin for one in seen]
        absorbs = bool(scorer.recipe.moving)
    return Calibrator.follow([one.forward for one in seen], moved, absorbs)


def split_newest(
    matrix: Matrix, folds: Sequence[RowSplit]
) -> tuple[Rows, Matrix, list[RowSplit], list[RowSplit], bool]:
    """Sort the rows by key, and part the folds that choose from the newest, which is judged.

    Returns
    -------
    tuple
        The sorted order, the rows in it, the folds that choose, the newest (if any), and whether those that choose had
        to be cut out of the newest's training rows: fewer than two older ones had labels known when it began.
    """
    order = matrix.order()
    place = np.argsort(order)
    rows = matrix.take(order)
    sorted_folds = [(np.sort(place[train]), np.sort(place[test])) for train, test in folds]
    older, newest = sorted_folds[:-1], sorted_folds[-1:]
    known = newest[0][0] if newest else np.arange(len(rows))
    ready = [fold for fold in older if is_usable(rows, fold, known)]
    if len(ready) >= FEWEST_FOLDS:
        return order, rows, ready, newest, False
    return order, rows, [fold for fold in inner_folds(rows, known) if is_usable(rows, fold)], newest, True


def inner_folds(matrix: Matrix, within: Rows) -> list[RowSplit]:
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


def fit_chosen(specs: Sequence[Feature], matrix: Matrix, chosen: Recipe, seed: int, threads: int) -> Scorer:
    """Fit what was chosen, without calibration."""
    encoder, c = Encoder.fit(specs, matrix), float(chosen.c or 1.0)
    regression, start = fit_path(encoder, matrix, (c,), threads)[c]
    if not chosen.rounds and not chosen.plain_rounds and chosen.anchored:
        return Scorer(encoder, regression, no_trees(len(encoder.tree_columns)), Calibrator(), chosen)
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=2).tolist()
    counts = split_weights(encoder, chosen.moving or ())
    kept, weight = thin_negatives(matrix.y, matrix.weight, NEGATIVES, random=np.random.default_rng(seed))
    y, start = matrix.y[kept], start[kept]
    settings = [lightgbm_params(chosen, y, weight, one, threads, counts) for one in seeds]
    binned = BinnedRows(encoder.tree_asof(matrix, kept), y, weight, settings[0])
    text = model_text(binned.grow(settings[0], int(chosen.rounds or 0), start if chosen.anchored else None))
    if chosen.anchored and chosen.plain_rounds:
        text = mix_trees([(0.5, text), (0.5, model_text(binned.grow(settings[1], chosen.plain_rounds, None)))])
    return Scorer(encoder, regression, text, Calibrator(), chosen)


def _records(curves: Mapping[bool, list[LossCurve]], chosen: Recipe) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"fold": fold, "anchored": way, "taken": way is chosen.anchored, "log_loss": [*curve.losses]}
        for way, grown in curves.items()
        for fold, curve in enumerate(grown)
    )


def _out_of_fold(
    parts: Sequence[_FoldOutput],
    order: Rows,
    curves: tuple[dict[str, Any], ...],
    choice: dict[str, Any],
    inner: bool,
    calibrator: Calibrator,
    tonight: Calibrator,
) -> OutOfFold:
    def joined(name: str, kind: type) -> Any:
        return np.concatenate([*(getattr(part, name) for part in parts), np.empty(0, dtype=kind)])

    sizes = [len(part.rows) for part in parts]
    judged = np.repeat(np.array([part.judged for part in parts], dtype=bool), sizes)
    margin, probability, regression = (joined(name, float) for name in ("margin", "probability", "regression"))
    fold, row = np.repeat(np.arange(len(parts)), sizes), order[joined("rows", np.int64)]
    return OutOfFold(fold, row, judged, margin, probability, regression, curves, choice, inner, calibrator, tonight)

"""What the folds older than the newest choose: the regression's penalty, how many trees, and what is averaged.

By default the margin is the mean of two: boosting that starts from the regression, and boosting from scratch. The two
err apart (the regression where it is bent, trees where few leads fill a leaf), so that their mean is as good as the
better one or better than both, and needs less calibration; `python -m benchmarks.models` shows each beside it. Two
things turn plain boosting out:

- features that *move*: of which later rows lie beyond what was seen before them. Trees say there what they said at the
  edge; only the regression goes on. No tree then splits by such a feature, and the regression carries the whole margin.
- anchored boosting alone being better on the older folds, beyond noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.parallel import run_all
from leadline.dataset.feature_spec import Feature
from leadline.metrics import classification
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.boosting import (
    MIN_PLAIN_ROUNDS,
    BoostingFold,
    LossCurve,
    Recipe,
    choose_rounds,
    fit_loss_curve,
)
from leadline.model.fitting.logistic import Logistic, sigmoid
from leadline.model.fitting.newton import NewtonSolver, thin_negatives

__all__ = [
    "InnerFold",
    "ModelSelection",
    "RowSplit",
    "fit_path",
    "is_usable",
    "joined_labels",
    "said",
    "select_model",
]


# The folds older than the newest, encoded and with their regressions: what choosing and calibrating look at.


Floats: TypeAlias = NDArray[np.float64]

Rows: TypeAlias = NDArray[np.int64]

RowSplit: TypeAlias = tuple[Rows, Rows]

MIN_POSITIVES = 5  # a fold whose training rows hold fewer of either class chooses nothing

FEWEST = 50  # rows with a value below which nobody can say whether a feature moves

EDGES = (0.001, 0.999)

NEGATIVES = 20  # to a positive, which trees are fitted on, weighted for all

"""On six folds of demo worlds of 6,000 and 20,000 leads, 30 negatives to a positive, log loss was between .0009 lower and .0004 higher than
with all of them, AUC between .008 higher and .003 lower, within noise but once (lower). Where positives are rarer, three quarters of
the time and of the memory are saved."""


@dataclass(frozen=True)
class InnerFold:
    """An older fold, encoded: both matrices, the labels, and the regression's margins by penalty.

    Attributes
    ----------
    number : int
        Which fold.
    test, known : arrays
        The test rows' numbers; and which of them had a label when the newest fold began: only those choose.
    x, test_x : float arrays
        The trees' columns of the training rows that trees are fitted on, and of test rows.
    train, judge : Matrix
        The labels of those training rows, and of the test rows that choose.
    all_judged : Matrix
        All test rows' labels.
    starts : dict of float to (array, array)
        The regression's margins of both, by penalty.
    encoder : Encoder
        Learnt from the training rows alone.
    far : tuple of str
        The numbers that move: see `BEYOND`.
    """

    number: int
    test: Rows
    known: NDArray[np.bool_]
    x: NDArray[np.float32]
    test_x: NDArray[np.float32]
    train: Matrix
    judge: Matrix
    all_judged: Matrix
    starts: dict[float, tuple[Floats, Floats]]
    encoder: Encoder
    far: tuple[str, ...]
    bins: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(
        cls,
        specs: Sequence[Feature],
        rows: Matrix,
        fold: RowSplit,
        recipe: Recipe,
        until: Rows | None,
        number: int,
        seed: int,
        threads: int,
    ) -> InnerFold:
        """Fit the encoder and the regressions on the training rows alone; `until` are the rows known as the newest began."""
        train, judge = rows.take(fold[0]), rows.take(fold[1])
        encoder = Encoder.fit(specs, train)
        grid = recipe.c_grid if recipe.c is None else (recipe.c,)
        kept, weight = thin_negatives(train.y, train.weight, NEGATIVES, random=np.random.default_rng([seed, number]))
        test_linear = encoder.linear(judge.values)
        path = fit_path(encoder, train, grid, threads)
        starts = {c: (margin[kept], model.margin(test_linear)) for c, (model, margin) in path.items()}
        known = np.ones(len(fold[1]), dtype=bool) if until is None else np.isin(fold[1], until)
        x, test_x = encoder.tree_asof(train, kept), encoder.tree(judge.values).astype(np.float32)
        far = tuple(_beyond(encoder, train.values, judge.values)) if recipe.moving is None else ()
        fitted, judge = replace(train.without_values().take(kept), weight=weight), judge.without_values()
        judged = judge.take(np.flatnonzero(known))
        return cls(number, fold[1], known, x, test_x, fitted, judged, judge, starts, encoder, far)

    @classmethod
    def fit_all(
        cls,
        specs: Sequence[Feature],
        rows: Matrix,
        folds: Sequence[RowSplit],
        recipe: Recipe,
        until: Rows | None,
        seed: int,
        threads: int,
    ) -> list[InnerFold]:
        """Fit each fold, in order."""
        jobs = [partial(cls.fit, specs, rows, fold, recipe, until, number, seed) for number, fold in enumerate(folds)]
        return run_all(jobs, threads)

    def trial(self, c: float | None, moving: Sequence[str] = ()) -> BoostingFold:
        """Return the fold as boosting takes it: from the regression of a penalty, or from scratch (None)."""
        start, test_start = (None, None) if c is None else (self.starts[c][0], self.known_start(c))
        train, test = self.train, self.judge
        counts = split_weights(self.encoder, moving)
        return BoostingFold(
            self.x,
            train.y,
            train.weight,
            start,
            self.test_x[self.known],
            test.y,
            test.weight,
            test_start,
            counts,
            self.bins,
        )

    def known_start(self, c: float) -> Floats:
        """Return the regression's margins of the test rows that choose."""
        return self.starts[c][1][self.known]

    def margin(self, curve: LossCurve, rounds: int, c: float | None) -> Floats:
        """Return the margins of the test rows that choose, after so many trees."""
        return self.every_margin(curve, rounds, c)[self.known]

    def every_margin(self, curve: LossCurve, rounds: int, c: float | None) -> Floats:
        """Return the margins of all test rows."""
        return curve.margin(rounds, self.test_x, None if c is None else self.starts[c][1])

    def forward(self, margin: Floats) -> ForwardRows:
        """Return all test rows with what the fold's model says of them."""
        return ForwardRows.of(self.all_judged, margin, self.number)


def _beyond(encoder: Encoder, train: pd.DataFrame, later: pd.DataFrame) -> Iterator[str]:
    """Yield the numbers of which more than `BEYOND` of the later rows lie beyond 99.8% of the training rows."""
    for spec in encoder.specs:
        if spec.kind == "category":
            continue
        seen, after = (part[spec.name].to_numpy(dtype=np.float64, na_value=np.nan) for part in (train, later))
        seen, after = seen[np.isfinite(seen)], after[np.isfinite(after)]
        if min(len(seen), len(after)) < FEWEST:
            continue
        low, high = np.quantile(seen, EDGES)
        if float(np.mean((after < low) | (after > high))) > BEYOND:
            yield spec.name


def split_weights(encoder: Encoder, moving: Sequence[str]) -> tuple[float, ...] | None:
    """Return how much a split by each of the trees' columns counts: 0 for features that move; None if none does."""
    if not moving:
        return None
    return tuple(float(column.feature not in moving) for column in encoder.tree_columns)


def is_usable(rows: Matrix, fold: RowSplit, until: Rows | None = None) -> bool:
    """Tell whether a fold can choose anything: it has rows to judge and enough of both classes to fit on."""
    positives = float(rows.y[fold[0]].sum())
    test = fold[1] if until is None else fold[1][np.isin(fold[1], until)]
    return len(test) > 0 and min(positives, len(fold[0]) - positives) >= MIN_POSITIVES


def fit_path(
    encoder: Encoder, train: Matrix, grid: Sequence[float], threads: int = 1
) -> dict[float, tuple[Logistic, Floats]]:
    """Fit the regression under each penalty, the strongest first, and return each with its margins of the training rows."""
    linear = encoder.linear(train.values, np.float32)
    solver = NewtonSolver(linear, train.y, train.weight, threads)
    names = tuple(column.name for column in encoder.linear_columns)
    lines = {c: solver.solve(c) for c in sorted(grid)}
    return {c: (Logistic.of(line, names, c), solver.margin(line)) for c, line in lines.items()}


def joined_labels(ready: Sequence[InnerFold]) -> tuple[Floats, Floats]:
    """Return the labels and weights of all test rows that choose, fold after fold."""
    return np.concatenate([one.judge.y for one in ready]), np.concatenate([one.judge.weight for one in ready])


NOISE = 2.0  # standard errors by which anchored boosting alone must win over the mean

# Above which share of later rows outside what was seen a feature moves: 0.25 was the most where the world stood still,
# 0.6 to 1 what an economy's indices showed.
BEYOND = 0.5


@dataclass(frozen=True)
class ModelSelection:
    """What was chosen.

    Attributes
    ----------
    recipe : Recipe
        All that it left open filled in.
    curves : mapping of bool to list of LossCurve
        The older folds' trees, anchored (True) and plain.
    margins : list of arrays
        What the chosen model says of each older fold's test rows, all of them, before calibration.
    loss : float
        Its log loss over the rows that choose; NaN where no fold can tell.
    record : dict
        What was compared, and why this was taken.
    """

    recipe: Recipe
    curves: Mapping[bool, list[LossCurve]]
    margins: list[Floats]
    loss: float
    record: dict[str, Any]


def select_model(ready: Sequence[InnerFold], recipe: Recipe, seed: int, threads: int) -> ModelSelection:
    """Fill in what the recipe leaves open; where no fold can tell, take the regression alone."""
    if not ready:
        return _default_selection(recipe)
    moving = _moving(ready) if recipe.moving is None else recipe.moving
    recipe = replace(recipe, moving=moving)
    mixes = recipe.anchored is None and not moving
    # Plain boosting chooses its own number of trees: `rounds` where it stands alone, `plain_rounds` where it's mixed in.
    alone = recipe if recipe.anchored is False else replace(recipe, rounds=recipe.plain_rounds)
    plain: list[LossCurve] = []
    if mixes or recipe.anchored is False or recipe.plain_rounds:
        plain = _curves([one.trial(None, moving) for one in ready], alone, seed, threads)
    many = choose_rounds(plain, alone) if plain else 0
    beside = [one.margin(curve, many, None) for one, curve in zip(ready, plain, strict=False)]
    c = recipe.c or (max(recipe.c_grid) if moving else _choose_c(ready, beside))
    if recipe.anchored is False:
        chosen = replace(recipe, rounds=many, plain_rounds=0, c=c)
        record = {"folds": len(ready), "c": c, "rounds": many, "share": 0.0, "why": "was asked"}
        return _gather_selection(ready, chosen, {True: [], False: plain}, record)
    curves = _curves([one.trial(c, moving) for one in ready], recipe, seed, threads)
    rounds = choose_rounds(curves, recipe)
    anchored = [one.margin(curve, rounds, c) for one, curve in zip(ready, curves, strict=True)]
    share, told = _mean_or_alone(ready, anchored, beside, mixes, moving)
    chosen = replace(recipe, anchored=True, rounds=rounds, plain_rounds=many if share < 1 else 0, c=c)
    record = {"folds": len(ready), "c": c, "rounds": rounds, "plain_rounds": chosen.plain_rounds, "share": share}
    record |= {"moving": [*moving], "log_loss": _losses(ready, c, anchored, beside), **told}
    return _gather_selection(ready, chosen, {True: curves, False: plain}, record)


def _curves(trials: Sequence[BoostingFold], recipe: Recipe, seed: int, threads: int) -> list[LossCurve]:
    """Fit each fold's trees."""
    return run_all([partial(fit_loss_curve, trial, recipe, seed) for trial in trials], threads)


def said(record: Mapping[str, Any]) -> str:
    """Say in one sentence what was chosen, beside what; "" where no fold could tell.

    Examples
    --------
    >>> losses = {"regression": 0.125, "anchored": 0.124, "plain": 0.123, "mean": 0.12}
    >>> said({"share": 0.5, "rounds": 5, "plain_rounds": 40, "c": 0.01, "log_loss": losses, "why": "nothing speaks against it"})
    'the mean of 5 trees on the regression (penalty 0.01) and 40 from scratch, as nothing speaks against it; log loss on the older
     folds: regression .1250, anchored .1240, plain .1230, mean .1200'
    """
    if "c" not in record:
        return ""
    trees = f"{record['rounds']} trees on the regression (penalty {record['c']:g})"
    if record["share"] == 0:
        trees = f"{record['rounds']} trees from scratch"
    elif record["share"] < 1:
        trees = f"the mean of {trees} and {record['plain_rounds']} from scratch"
    elif not record["rounds"]:
        trees = f"the regression alone (penalty {record['c']:g})"
    losses = ", ".join(f"{name} {loss:.4f}".replace(" 0.", " .") for name, loss in record.get("log_loss", {}).items())
    return f"{trees}, as {record['why']}" + (f"; log loss on the older folds: {losses}" if losses else "")


def _gather_selection(
    ready: Sequence[InnerFold], chosen: Recipe, curves: Mapping[bool, list[LossCurve]], record: dict[str, Any]
) -> ModelSelection:
    """Gather what the chosen model says of every test row."""
    rounds, many, margins = int(chosen.rounds or 0), int(chosen.plain_rounds or 0), []
    for place, one in enumerate(ready):
        way = bool(chosen.anchored)
        margin = one.every_margin(curves[way][place], rounds, chosen.c if way else None)
        if way and many:
            margin = (margin + one.every_margin(curves[False][place], many, None)) / 2
        margins.append(margin)
    y, weight = joined_labels(ready)
    said = np.concatenate([margin[one.known] for one, margin in zip(ready, margins, strict=True)])
    return ModelSelection(chosen, curves, margins, classification.log_loss(y, sigmoid(said), weight), record)


def _default_selection(recipe: Recipe) -> ModelSelection:
    anchored = recipe.anchored is not False
    rounds = recipe.rounds if recipe.rounds is not None else 0 if anchored else MIN_PLAIN_ROUNDS
    c = recipe.c or max(recipe.c_grid)
    chosen = replace(
        recipe, anchored=anchored, rounds=rounds, plain_rounds=recipe.plain_rounds or 0, c=c, moving=recipe.moving or ()
    )
    record = {"folds": 0, "share": chosen.share, "why": "no older fold can choose"}
    return ModelSelection(chosen, {True: [], False: []}, [], float("nan"), record)


def _mean_or_alone(
    ready: Sequence[InnerFold], anchored: list[Floats], plain: list[Floats], mixes: bool, moving: Sequence[str]
) -> tuple[float, dict[str, Any]]:
    """Take the mean of both, unless there's no plain boosting, or anchored boosting alone is better beyond noise."""
    if not plain and not moving:
        return 1.0, {"why": "was asked"}
    if not plain:
        return 1.0, {"why": "features move beyond what was seen, where only the regression goes on"}
    both = [(a + b) / 2 for a, b in zip(anchored, plain, strict=True)]
    gain, noise = _gain(ready, both, anchored)
    told = {"anchored_gain": gain, "anchored_gain_error": noise}
    if mixes and gain > NOISE * noise:
        return 1.0, told | {"why": "that is better than the mean with plain boosting, beyond noise"}
    return 0.5, told | {"why": "nothing on the older folds speaks against it"}


def _losses(ready: Sequence[InnerFold], c: float, anchored: list[Floats], plain: list[Floats]) -> dict[str, float]:
    """Tell each candidate's log loss over the older folds."""
    y, weight = joined_labels(ready)
    told = {"regression": [one.known_start(c) for one in ready], "anchored": anchored}
    if plain:
        told |= {"plain": plain, "mean": [(a + b) / 2 for a, b in zip(anchored, plain, strict=True)]}
    return {name: classification.log_loss(y, sigmoid(np.concatenate(said)), weight) for name, said in told.items()}


def _choose_c(ready: Sequence[InnerFold], plain: list[Floats]) -> float:
    """Return the penalty with the least log loss over the folds, beside plain boosting if there is any; the strongest of equals."""
    y, weight = joined_labels(ready)
    losses = {}
    for c in sorted(ready[0].starts):
        said = np.concatenate([one.known_start(c) for one in ready])
        if plain:
            said = (said + np.concatenate(plain)) / 2
        losses[c] = classification.log_loss(y, sigmoid(said), weight)
    return min(losses, key=lambda c: losses[c])


def _moving(ready: Sequence[InnerFold]) -> tuple[str, ...]:
    """Name the numbers of which, in any older fold, many test rows lie beyond 99.8% of the rows before."""
    return tuple(sorted({name for one in ready for name in one.far}))


def _gain(ready: Sequence[InnerFold], mean: Sequence[Floats], other: Sequence[Floats]) -> tuple[float, float]:
    """Return by how much the other's log loss is less, and the standard error of that.

    Leads are taken whole, and folds too where they differ by more than leads do; one fold alone tells nothing of how
    folds differ, so its error is infinite.
    """
    y, weight = joined_labels(ready)
    a, b = np.concatenate(mean), np.concatenate(other)
    gain = (np.logaddexp(0.0, a) - y * a) - (np.logaddexp(0.0, b) - y * b)
    by = float(np.sum(gain * weight) / np.sum(weight))
    off = (gain - by) * weight / np.sum(weight)
    _, who = np.unique(np.concatenate([one.judge.lead for one in ready]), return_inverse=True)
    fold = np.repeat(np.arange(len(ready)), [len(one.judge) for one in ready])
    errors = [float(np.sqrt(np.sum(np.bincount(group, off) ** 2))) for group in (who, fold)]
    return by, max(errors) if len(ready) > 1 else float("inf")

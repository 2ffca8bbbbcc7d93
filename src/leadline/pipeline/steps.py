"""Fitting one question that follows: few rows, so that the base rate is a rival to be beaten and penalties are strong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from leadline import metrics
from leadline.checks import Finding, Findings, Severity
from leadline.config import Config
from leadline.history.features import Features
from leadline.history.folds import Fold
from leadline.history.following import Step
from leadline.model.fitting import OutOfFold, fit_scorer
from leadline.model.ladder import rung_of
from leadline.model.matrix import Matrix
from leadline.model.prior import fit_lowest, fit_prior
from leadline.model.recipe import Recipe
from leadline.model.scorer import Scorer
from leadline.pipeline.fitted import Fitted, to_matrix
from leadline.pipeline.laying import lay
from leadline.pipeline.prepare import Prepared
from leadline.streams import Stream, generator

__all__ = ["PENALTIES", "again", "column", "fit_step"]

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Inverse penalties that the older folds choose among: on the demo world's few won deals the first question's own, 0.1,
did worse than the base rate."""

FEWEST = 5  # of either class, below which a model isn't fitted again to be judged end to end


def column(step: Step) -> str:
    """Name the column of a stage's probability, as in `p_won_given_sql`."""
    return f"p_{step.reaches}_given_{step.given}"


def fit_step(first: Fitted, step: Step) -> tuple[Fitted, str, Findings]:
    """Fit a question that follows on its own rows of the first one's features.

    Returns
    -------
    tuple
        The model with its data, what was fitted and why, and what laying its folds had to say.
    """
    config = first.config.model_copy(update={"outcome": step.asked, "rules": ()})
    made = _made(first.made, step)
    matrix = to_matrix(made)
    folds, said = _folds(config, made, step)
    scorer, honest, why = _fit(config, made.features, matrix, folds)
    return Fitted(config, made, folds, matrix, scorer, honest), why, said


def again(fitted: Fitted, until: int, number: int) -> Scorer | None:
    """Fit a model's recipe again on what was known at an instant; None where that is too little, or points rules score."""
    matrix = fitted.matrix
    known = matrix.take(np.flatnonzero(matrix.known_at <= until))
    if fitted.lowest or min(known.positives, len(known) - known.positives) < FEWEST:
        return None
    specs = [s for s in fitted.made.features.specs if s.name in set(fitted.scorer.names)]
    if not specs:
        return fit_prior([], [], known)
    seed = generator(fitted.config.seed, Stream.STAGES_IN_TIME, number)
    return fit_scorer(specs, known, [], fitted.scorer.recipe, seed, fitted.config.engine.threads)[0]


def _made(made: Prepared, step: Step) -> Prepared:
    """Take the step's rows of what the first question was made of."""
    f, rows = made.features, step.rows
    values = f.values.iloc[rows].reset_index(drop=True)
    kept = Features(f.specs, f.lead_id[rows], f.account_id[rows], f.as_of[rows], values)
    return replace(
        made,
        counts=step.counts,
        features=kept,
        labels=step.labels,
        points=None,
        findings=Findings(),
        asked=None,
        following=None,
    )


def _folds(config: Config, made: Prepared, step: Step) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the step's own folds; where there is none, nothing is judged, and that is said."""
    folds, said = lay(config, made.features.as_of, made.labels)
    named = f"{column(step).removeprefix('p_')}: backtest"
    if folds:
        return folds, Findings(tuple(replace(f, subject=named) for f in said))
    return (), Findings((Finding(
        "LL124", Severity.WARNING, named, "no fold has enough positives before its test and in it, so nothing is judged", "at least one fold",
        "nothing to do; more history gives folds", len(step.rows),
    ),))  # fmt: skip


def _fit(config: Config, features: Features, matrix: Matrix, folds: tuple[Fold, ...]) -> tuple[Scorer, OutOfFold, str]:
    """Fit what the rows support, and say why: a model only where it says more than the base rate on the older folds."""
    pairs, specs = [(f.train, f.test) for f in folds], features.specs
    rung = rung_of(matrix)
    beside = None
    why = f"{_leads(matrix)}, too few for a regression: every lead gets the base rate"
    if rung.name != "rules":
        recipe = Recipe(anchored=True, c=None, c_grid=PENALTIES, rounds=0 if rung.name == "regression" else None)
        seed = generator(config.seed, Stream.STAGES)
        scorer, honest = fit_scorer(specs, matrix, pairs, recipe, seed, config.engine.threads)
        gain = gain_over_base_rate(matrix, honest)
        if gain > 0:
            trees = f" with {scorer.recipe.rounds} trees on top" if scorer.recipe.rounds else ""
            return scorer, honest, (
                f"{_leads(matrix)}: a regression (inverse penalty {scorer.recipe.c:g}){trees}, whose log loss is {gain:.4f} below the "
                "base rate's on the older folds"
            )  # fmt: skip
        short = "the history is too short to tell whether a model says more than the base rate"
        told = short if gain == float("-inf") else "no model says more than the base rate on the older folds"
        why = f"{_leads(matrix)}, but {told}: every lead gets the base rate"
        beside = (specs, matrix)
    return *fit_lowest([], [], _bare(matrix), pairs, beside), why


def gain_over_base_rate(matrix: Matrix, honest: OutOfFold) -> float:
    """Return by how much the margins' log loss on the older folds lies below that of the rate known before each.

    Only labels that were known when the newest fold begins count. Minus infinity where no older fold tells.
    """
    y, p, base, weight = [], [], [], []
    newest = honest.row[honest.judged]
    in_time = matrix.known_at <= (matrix.as_of[newest].min() if len(newest) else matrix.known_at.max())
    for number in np.unique(honest.fold[~honest.judged]):
        mine = (honest.fold == number) & in_time[honest.row]
        if not mine.any():
            continue
        rows = honest.row[mine]
        known = matrix.known_at <= matrix.as_of[rows].min()
        right, total = float((matrix.y * matrix.weight)[known].sum()), float(matrix.weight[known].sum())
        y.append(matrix.y[rows])
        weight.append(matrix.weight[rows])
        p.append(1 / (1 + np.exp(-honest.margin[mine])))
        base.append(np.full(len(rows), (right + 0.5) / (total + 1)))
    if not y:
        return float("-inf")
    one, two, three, four = (np.concatenate(part) for part in (y, p, base, weight))
    return metrics.log_loss(one, three, four) - metrics.log_loss(one, two, four)


def _bare(matrix: Matrix) -> Matrix:
    """Return the rows without their features."""
    return replace(matrix, values=matrix.values[[]])


def _leads(matrix: Matrix) -> str:
    """Say how many leads there are, and how many of them went on."""

    def count(rows: npt.NDArray[np.bool_]) -> int:
        return len(np.unique(matrix.lead[rows]))

    return f"{count(matrix.y == 1):,} of {count(matrix.y >= 0):,} leads went on"

"""Judging a fitted model: the backtest's figures, tiers that fit capacity, what moves scores, and the checks after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leadline.checks import Findings, run
from leadline.judge import behaviours, capacity, experiments, leaks
from leadline.judge.ablation import Worth
from leadline.judge.backtest import Evaluation, Judged, evaluate
from leadline.judge.explain import Driver, drivers
from leadline.pipeline.ablating import ablate
from leadline.pipeline.asking import Progress
from leadline.pipeline.experiments import trial
from leadline.pipeline.fitted import Fitted

__all__ = ["Judgement", "judge"]

EXPLAINED = 20_000  # rows that drivers are averaged over; more change the ranks no further


@dataclass(frozen=True)
class Judgement:
    """What is to be said of a fitted model.

    Attributes
    ----------
    evaluation : Evaluation
        The backtest; quote its newest fold.
    drivers : list of Driver
        What moves scores, the strongest first.
    moved : mapping of str to float
        Which way each act and stage moves them.
    capacity : list of Cut
        What half to double the capacity would have brought.
    findings : Findings
        What the checks saw; no error among them.
    families : tuple of Worth, or None
        What each family of features is worth; None where the config asks for no ablation.
    """

    evaluation: Evaluation
    drivers: list[Driver]
    moved: Mapping[str, float]
    capacity: list[capacity.Cut]
    findings: Findings
    families: tuple[Worth, ...] | None


def judge(fitted: Fitted, said: Findings, progress: Progress) -> tuple[Fitted, Judgement]:
    """Judge a fitted model on the newest fold, and lay its tiers.

    Parameters
    ----------
    said : Findings
        What laying the folds had to say.

    Raises
    ------
    DataError
        A check after training found an error that the config doesn't accept.
    """
    config, honest, matrix = fitted.config, fitted.honest, fitted.matrix
    progress("judging")
    evaluation = evaluate(judged_folds(fitted), config.seed)
    fitted, cuts = _tiers(fitted)
    ranked, moved = _drivers(fitted)
    found = fitted.made.findings + said
    trained = leaks.Trained(evaluation, ranked[0].words if ranked else "none")
    found += run(leaks.AFTER_TRAINING, trained).accept(config.leaks.accept)
    progress("experimenting")
    asked = trial(config, fitted.made, matrix, fitted.scorer, honest, fitted.folds[-1].train, ranked)
    found += run(experiments.AFTER_TRAINING, asked).accept(config.leaks.accept)
    found.raise_errors()
    return fitted, Judgement(evaluation, ranked, moved, cuts, found, ablate(fitted, progress))


def judged_folds(fitted: Fitted) -> list[tuple[Judged, bool, int, int, int]]:
    """Gather each fold's rows with what was said of them."""
    result = []
    made, matrix, honest = fitted.made, fitted.matrix, fitted.honest
    group = made.features.group()
    for number in np.unique(honest.fold):
        mine = honest.fold == number
        rows = honest.row[mine]
        said = {"model": honest.probability[mine], "logistic": honest.lr_probability[mine]}
        if made.points is not None:
            said["points"] = made.points[rows]
        judged = Judged(matrix.y[rows], matrix.weight[rows], made.labels.won[rows], group[rows], said)
        starts, ends = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
        training = (
            int((matrix.known_at <= starts).sum())
            if made.loaded.observed_until is not None
            else int((matrix.as_of < starts).sum())
        )
        result.append((judged, bool(honest.judged[mine][0]), starts, ends, training))
    return result


def _tiers(fitted: Fitted) -> tuple[Fitted, list[capacity.Cut]]:
    """Lay the tiers by what the newest fold would have brought at the config's capacity."""
    config, honest, matrix = fitted.config, fitted.honest, fitted.matrix
    rows, p = honest.row[honest.judged], honest.probability[honest.judged]
    keys = (matrix.y[rows], matrix.weight[rows], matrix.lead[rows], matrix.as_of[rows])
    week = None if config.is_flat else config.capacity.leads_per_week
    cuts = [] if week is None else capacity.table(p, *keys, week)
    return fitted.with_scorer(fitted.scorer.with_tiers(capacity.tiers_for(p, *keys, week))), cuts


def _drivers(fitted: Fitted) -> tuple[list[Driver], dict[str, float]]:
    """Average contributions over the newest rows: how much each group moves scores, and which way acts and stages do."""
    config, scorer, made, matrix = fitted.config, fitted.scorer, fitted.made, fitted.matrix
    newest = slice(max(len(matrix) - EXPLAINED, 0), None)
    values = made.features.values[list(scorer.names)].iloc[newest]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    weight = matrix.weight[newest]
    moved = behaviours.effects(specs, values, contributions, weight, max(config.features.windows))
    return drivers(specs, values, contributions, weight), moved

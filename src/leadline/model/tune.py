"""Searching for a better recipe on the folds older than the newest, with Optuna (the extra `tune`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leadline import metrics
from leadline.errors import UsageError
from leadline.history.spec import Feature
from leadline.model.baselines import sigmoid
from leadline.model.choice import Fold, Older, choose, joined, usable
from leadline.model.fitting import split
from leadline.model.matrix import Matrix
from leadline.model.train import Recipe

__all__ = ["tune"]


def tune(
    specs: Sequence[Feature],
    matrix: Matrix,
    folds: Sequence[Fold],
    trials: int,
    seed: int,
    threads: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Recipe:
    """Return the recipe with the least weighted log loss over the older folds, the default one among those tried.

    The newest fold isn't looked at: it judges what comes out. The same seed tries the same recipes.

    Parameters
    ----------
    trials : int
        How many recipes to try.
    tell : callable, optional
        Is told each tenth of the way.

    Raises
    ------
    UsageError
        Optuna isn't installed.

    References
    ----------
    Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019 (the TPE sampler).
    """
    try:
        import optuna
    except ImportError:
        raise UsageError("--tune: needs Optuna; install leadline[tune]") from None
    _, rows, older, _, _ = split(matrix, folds)
    ready = [Older.fit(specs, rows, fold, Recipe()) for fold in older if usable(rows, fold)]
    if not ready:
        return Recipe()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    default = Recipe()
    study.enqueue_trial({name: getattr(default, name) for name in _space(None)})

    def loss(trial: Any) -> float:
        if trials >= 10 and trial.number % (trials // 10) == 0:
            tell(f"trying recipe {trial.number + 1} of {trials}")
        return _loss(ready, replace(default, **_space(trial)), seed, threads)

    study.optimize(loss, n_trials=trials)
    return replace(default, **study.best_params)


def _space(trial: Any) -> dict[str, Any]:
    """Suggest a recipe's numbers; without a trial, only their names."""
    if trial is None:
        return dict.fromkeys(("learning_rate", "max_depth", "num_leaves", "l2", "feature_fraction", "min_hessian"))
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 6),
        "num_leaves": trial.suggest_int("num_leaves", 3, 31),
        "l2": trial.suggest_float("l2", 0.1, 300.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
        "min_hessian": trial.suggest_float("min_hessian", 1.0, 30.0, log=True),
    }


def _loss(ready: Sequence[Older], recipe: Recipe, seed: int, threads: int) -> float:
    chosen, curves, _ = choose(ready, recipe, seed, threads)
    margins = [curve.margin(int(chosen.rounds or 0)) for curve in curves[bool(chosen.anchored)]]
    y, weight = joined(ready)
    return metrics.log_loss(y, sigmoid(np.concatenate(margins)), weight)

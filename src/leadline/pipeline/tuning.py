"""`train --tune N`: the search for a recipe, kept trial by trial, so that one that was stopped goes on where it was left.

What was tried lies in one small JSON file, written anew after each trial as all that leadline writes: old or new, never
half (law 8). Optuna's own stores would do neither: its journal is appended to, SQLite is opened by others than
`files.py`, and both forget how far the sampler's generator had come.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import leadline
from leadline.config import Config
from leadline.files import read_json, write_json
from leadline.history.spec import Feature
from leadline.model.matrix import Matrix
from leadline.model.older import Fold
from leadline.model.recipe import Recipe
from leadline.model.tune import SPACE, Tried, best, optuna_version, search
from leadline.pipeline.asking import Progress
from leadline.pipeline.counting import counted

__all__ = ["FOLDER", "Tuned", "tune"]

FOLDER = Path(".leadline") / "tune"


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes
    ----------
    recipe : Recipe
        The best of those tried.
    trials : int
        How many were tried, the default one among them; 0 where no fold could choose.
    kept : int
        How many of them an earlier run had tried.
    loss, default_loss : float
        Weighted log loss over the older folds: the best one's, and the default one's.
    """

    recipe: Recipe
    trials: int
    kept: int
    loss: float
    default_loss: float

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values; how many an earlier run had tried isn't among them, as it changes nothing."""
        return {"trials": self.trials, "loss": self.loss, "default_loss": self.default_loss}


def tune(
    config: Config, specs: Sequence[Feature], matrix: Matrix, folds: Sequence[Fold], trials: int, progress: Progress
) -> Tuned:
    """Try recipes on the folds older than the newest, and go on where a run on the same data was stopped.

    Parameters
    ----------
    trials : int
        How many recipes to try in all; those that earlier runs have tried count.

    Raises
    ------
    UsageError
        Optuna isn't installed.
    OutputError
        What was tried can't be kept.
    """
    place = FOLDER / config.name / f"{_key(config, specs, matrix, folds)}.json"
    every = _kept(place)
    tried = every[:trials]
    kept = len(tried)
    if kept:
        progress(f"going on with a search: {kept} of {trials} recipes were tried before")
    with counted(progress, "trying recipes", trials, kept) as step:
        for one in search(specs, matrix, folds, trials, config.seed, config.engine.threads, tried):
            tried.append(one)
            write_json(place, {"trials": [each.to_record() for each in tried]})
            step(len(tried), f"least log loss so far {min(each.loss for each in tried):.5f}")
    if not tried:
        return Tuned(best(tried), 0, 0, float("nan"), float("nan"))
    return Tuned(best(tried), len(tried), kept, min(one.loss for one in tried), tried[0].loss)


def _key(config: Config, specs: Sequence[Feature], matrix: Matrix, folds: Sequence[Fold]) -> str:
    """Return a digest of all that a search's result hangs on; rows in any order give the same."""
    import pandas as pd

    order = matrix.order()
    place = np.argsort(order)
    made = {
        "versions": {"leadline": leadline.__version__, "lightgbm": version("lightgbm"), "optuna": optuna_version()},
        "config": config.hash,
        "seed": config.seed,
        "features": [spec.to_record() for spec in specs],
        "space": {name: list(ends) for name, ends in SPACE.items()},
        "recipe": Recipe().to_record(),
    }
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(matrix.values.iloc[order], index=False).to_numpy().tobytes())
    digest.update(pd.util.hash_array(matrix.lead.astype(str).astype(object)[order]).tobytes())
    for column in (matrix.y, matrix.weight, matrix.as_of, matrix.known_at):
        digest.update(np.ascontiguousarray(column[order]).tobytes())
    for rows in (part for fold in folds for part in fold):
        digest.update(np.sort(place[rows]).tobytes() + b"|")
    return digest.hexdigest()[:32]


def _kept(place: Path) -> list[Tried]:
    """Read what a search has tried so far; what isn't as it was written counts as nothing."""
    try:
        return [Tried.from_record(record) for record in read_json(place)["trials"]]
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return []

"""Fits a run's model: how complex it may be, the search for a recipe where one is asked for, folds, and the scorer.

The search of `train --tune N` is kept trial by trial, so that one that was stopped goes on where it was left. What was
tried lies in one small JSON file, written anew after each trial as all that leadline writes: old or new, never half (law 8). Optuna's own stores would do neither: its journal is appended to, SQLite is opened by others than
`files.py`, and both forget how far the sampler's generator had come.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import leadline
from leadline.config.schema import Config
from leadline.core import format
from leadline.core.files import read_json, write_json
from leadline.core.rng import Stream, seed_of
from leadline.dataset.feature_spec import Feature
from leadline.dataset.splits import Fold
from leadline.errors import DataError
from leadline.evaluation.backtest import FoldPredictions
from leadline.evaluation.baselines import BASE_RATE
from leadline.metrics.bootstrap import log_loss_difference
from leadline.metrics.intervals import Interval
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting import small_data
from leadline.model.fitting.fit import OutOfFold, fit_scorer
from leadline.model.fitting.own import fit_own
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.selection import RowSplit
from leadline.model.fitting.small_data import ModelComplexity, fit_lowest
from leadline.model.fitting.tuning import SPACE, TuningTrial, best_recipe, optuna_version, search_recipes
from leadline.model.own_model import load_factory
from leadline.model.scorer import Scorer
from leadline.points.rules import JOINED, points_rules
from leadline.scoring.grade import Grading
from leadline.workflows.common import Progress, track_steps
from leadline.workflows.training.prepare import TrainingData

__all__ = [
    "FOLDER",
    "TrainedModel",
    "TuningResult",
    "fit_model",
    "judged_folds",
    "own_rankings",
    "training_matrix",
    "tune_recipe",
]

FOLDER = Path(".leadline") / "tune"


@dataclass(frozen=True)
class TuningResult:
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
    tried : tuple of TuningTrial
        Every recipe tried, in order, the default one first.
    gain, newest_gain : Interval, optional
        By how much its log loss is lower than the default one's, accounts drawn with replacement: on the older folds, which
        chose it and so flatter it, and on the newest, which chose nothing. None where the default one was the best.
    """

    recipe: Recipe
    trials: int
    kept: int
    loss: float
    default_loss: float
    tried: tuple[TuningTrial, ...] = ()
    gain: Interval | None = None
    newest_gain: Interval | None = None

    @property
    def is_taken(self) -> bool:
        """Whether it takes the default one's place: on the older folds it is better beyond noise."""
        return self.gain is not None and self.gain.low > 0

    def words(self) -> str:
        """Say in one sentence what was found, by how much it is better, and what the model was fitted with.

        Examples
        --------
        >>> TuningResult(Recipe(), 20, 0, 0.25, 0.25).words()
        '20 recipes tried, and the default one is kept: none had a lower log loss on the older folds'
        >>> gain = Interval(0.0021, -0.0004, 0.0046)
        >>> TuningResult(Recipe(l2=9.0), 20, 0, 0.2479, 0.25, gain=gain, newest_gain=gain).words()
        '20 recipes tried, and the default one is kept: the best (l2 9) has a log loss lower by .0021 (95% −.0004 to .0046) on the older folds,
         which may be noise'
        """
        head = f"{format.count(self.trials, 'recipe')} tried"
        if self.gain is None:
            return f"{head}, and the default one is kept: none had a lower log loss on the older folds"
        numbers = ", ".join(
            f"{name} {getattr(self.recipe, name):.3g}"
            for name in SPACE
            if getattr(self.recipe, name) != getattr(Recipe(), name)
        )
        lower = f"log loss lower by {_said(self.gain)} on the older folds"
        if not self.is_taken:
            return f"{head}, and the default one is kept: the best ({numbers}) has a {lower}, which may be noise"
        newest = f"; on the newest, which chose nothing, by {_said(self.newest_gain)}" if self.newest_gain else ""
        return f"{head}, and the best is taken: {numbers}, with a {lower} than the default one’s{newest}"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values; how many an earlier run had tried isn't among them, as it changes nothing."""
        gains = {"gain": self.gain, "newest_gain": self.newest_gain}
        return {
            "trials": self.trials, "loss": self.loss, "default_loss": self.default_loss, "taken": self.is_taken,
            **{name: None if gain is None else asdict(gain) for name, gain in gains.items()}, "words": self.words(),
        }  # fmt: skip


def _said(gain: Interval) -> str:
    value, low, high = (format.decimal(part, 4).replace("0.", ".", 1) for part in (gain.value, gain.low, gain.high))
    return f"{value} (95% {low} to {high})"


def tune_recipe(
    config: Config, specs: Sequence[Feature], matrix: Matrix, folds: Sequence[RowSplit], trials: int, progress: Progress
) -> TuningResult:
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
    with track_steps(progress, "trying recipes", trials, kept) as step:
        for one in search_recipes(specs, matrix, folds, trials, config.seed, config.engine.threads, tried):
            tried.append(one)
            write_json(place, {"trials": [each.to_record() for each in tried]}, private=True)
            step(len(tried), f"least log loss so far {min(each.loss for each in tried):.5f}")
    if not tried:
        return TuningResult(best_recipe(tried), 0, 0, float("nan"), float("nan"))
    least = min(one.loss for one in tried)
    return TuningResult(best_recipe(tried), len(tried), kept, least, tried[0].loss, tuple(tried))


def _key(config: Config, specs: Sequence[Feature], matrix: Matrix, folds: Sequence[RowSplit]) -> str:
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


def _kept(place: Path) -> list[TuningTrial]:
    """Read what a search has tried so far; what isn't as it was written counts as nothing."""
    try:
        return [TuningTrial.from_record(record) for record in read_json(place)["trials"]]
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return []


# A model just fitted, with all that it was made of: what every stage after fitting asks for.


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainedModel:
    """A fitted model.

    Attributes
    ----------
    config : Config
        What was asked.
    made : TrainingData
        Features, labels and tables.
    folds : tuple of Fold
        Forward in time, oldest first; the newest only judges.
    matrix : Matrix
        Features and labels side by side.
    scorer : Scorer
        The model fitted on all rows.
    honest : OutOfFold
        What models said of rows that they weren't fitted on.
    tuned : TuningResult or None
        What a search for the recipe found; None where none was asked for.
    rung : ModelComplexity or None
        What the data support, and why; None where another rule chose, as for downstream stages. On the
        lowest, `made.features` are what the points rules ask of, and there may be no fold.
    grading : Grading or None
        How its scores are told as whole numbers and grades; None before that was found.
    """

    config: Config
    made: TrainingData
    folds: tuple[Fold, ...]
    matrix: Matrix
    scorer: Scorer
    honest: OutOfFold
    tuned: TuningResult | None = None
    rung: ModelComplexity | None = None
    grading: Grading | None = None

    @property
    def lowest(self) -> bool:
        """Whether no feature has a coefficient of its own: the base rate and the points rules score."""
        return self.rung is not None and self.rung.name == "rules"

    def with_scorer(self, scorer: Scorer) -> TrainedModel:
        """Return the same with another scorer, such as one with tiers."""
        return replace(self, scorer=scorer)


def fit_model(
    config: Config, made: TrainingData, folds: tuple[Fold, ...], tune: int, progress: Progress
) -> TrainedModel:
    """Fit what the data support (`leadline.model.fitting.small_data`); `tune` recipes are tried on the older folds (0 for none).

    Trees have a recipe to search for; the lower rungs haven't, and `tune` is left out there.
    """
    matrix = training_matrix(made)
    rung = small_data.choose_complexity(matrix, len(config.rules))
    what = rung.name if rung.name == "rules" or config.model.use is None else config.model.use
    progress(f"fitting {len(folds)} folds on {len(matrix):,} snapshots, {matrix.positives:,} positive: {what}")
    if tune and rung.name != "boosting":
        progress("no recipe is searched for: only trees have settings to choose")
    pairs = [(f.train, f.test) for f in folds]
    if rung.name == "rules":
        return _lowest(config, made, folds, matrix, rung)
    rows = (made.features.specs, matrix, pairs)
    if config.model.use is not None:
        said = f"{config.model.use}, as `model.use` of the config says, in the place of leadline's own trees"
        brought = load_factory(config.model.use, config.model.params, config.seed)
        scorer, honest = fit_own(*rows, brought, config.seed, config.engine.threads)
        return TrainedModel(config, made, folds, matrix, scorer, honest, None, replace(rung, name="own", reason=said))
    tuned = tune_recipe(config, *rows, tune, progress) if tune and rung.name == "boosting" else None
    recipe = Recipe(**config.model.settings) if config.model.settings else None
    if rung.name == "regression":
        recipe = Recipe(anchored=True, rounds=0, c=small_data.regression_penalty(matrix, len(made.features.specs)))
    scorer, honest = fit_scorer(*rows, recipe, config.seed, config.engine.threads)
    if tuned is not None and tuned.trials and tuned.recipe != Recipe():
        progress("holding the best recipe against the default one")
        better = fit_scorer(*rows, tuned.recipe, config.seed, config.engine.threads)
        tuned = _with_gains(tuned, matrix, made.features.group(), (honest, better[1]), config.seed)
        scorer, honest = better if tuned.is_taken else (scorer, honest)
    return TrainedModel(config, made, folds, matrix, scorer, honest, tuned, rung)


def _with_gains(
    found: TuningResult, matrix: Matrix, group: npt.NDArray[Any], both: tuple[OutOfFold, OutOfFold], seed: int
) -> TuningResult:
    """Say by how much the best recipe is better than the default one, `both` being what the default's and its models said."""
    default, best = both
    gains: list[Interval | None] = []
    mine = seed_of(seed, Stream.TUNED)
    for at in (~default.judged, default.judged):
        row = default.row[at]
        p = default.probability[at], best.probability[at]
        gains.append(log_loss_difference(matrix.y[row], matrix.weight[row], *p, group[row], mine) if len(row) else None)
    return replace(found, gain=gains[0], newest_gain=gains[1])


def _lowest(
    config: Config, made: TrainingData, folds: tuple[Fold, ...], matrix: Matrix, rung: ModelComplexity
) -> TrainedModel:
    """Fit the base rate and the points rules; what follows then sees the rules' features alone."""
    ruled = made.ruled if made.ruled is not None else made.features.keep([])
    ruled = ruled.keep(s.name for s in ruled.specs if s.by != JOINED)  # no night could compute them
    mine = replace(made, features=ruled)
    asked = points_rules(config, ruled.specs)
    scorer, honest = fit_lowest(
        ruled.specs, asked, training_matrix(mine), [(f.train, f.test) for f in folds], (made.features.specs, matrix)
    )
    return TrainedModel(config, mine, folds, training_matrix(mine), scorer, honest, None, rung)


def training_matrix(made: TrainingData) -> Matrix:
    """Put features and labels side by side; both are sorted by (as_of, lead_id)."""
    if len(made.features) != len(made.labels.y):
        raise DataError(
            "matrix: features and labels differ in length; expected one of each a snapshot; this is a bug, please report it"
        )
    return Matrix(
        made.features.values,
        made.labels.y,
        made.labels.weight,
        made.features.lead_id.astype(str),
        made.features.as_of,
        made.labels.known_at,
    )


def own_rankings(fitted: TrainedModel) -> dict[str, Floats]:
    """Return what the model, its regression and current scoring rules said of the rows of `fitted.honest`."""
    made, honest = fitted.made, fitted.honest
    said = {"model": honest.probability, "logistic": honest.lr_probability}
    return said if made.points is None else said | {"points": made.points[honest.row]}


def judged_folds(
    fitted: TrainedModel, said: Mapping[str, Floats] | None = None
) -> list[tuple[FoldPredictions, bool, int, int, int]]:
    """Gather each fold's rows with what was said of them; peers in `said` stand beside the newest fold alone."""
    result = []
    made, matrix, honest = fitted.made, fitted.matrix, fitted.honest
    group, own = made.features.group(), own_rankings(fitted)
    for number in np.unique(honest.fold):
        mine = honest.fold == number
        rows = honest.row[mine]
        newest = bool(honest.judged[mine][0])
        told = {who: p[mine] for who, p in (own | dict(said or {}) if newest else own).items()}
        starts, ends = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
        before = (matrix.known_at <= starts) if made.loaded.observed_until is not None else (matrix.as_of < starts)
        if before.any():
            rate = float(np.average(matrix.y[before], weights=matrix.weight[before]))
            told[BASE_RATE.key] = np.full(len(rows), rate)
        judged = FoldPredictions(matrix.y[rows], matrix.weight[rows], made.labels.won[rows], group[rows], told)
        result.append((judged, newest, starts, ends, int(before.sum())))
    return result

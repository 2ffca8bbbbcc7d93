"""A model just fitted, with all that it was made of: what every stage after fitting asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leadline.config import Config
from leadline.errors import DataError
from leadline.history.folds import Fold
from leadline.judge.backtest import Judged
from leadline.model import ladder
from leadline.model.fitting import OutOfFold, fit_scorer
from leadline.model.ladder import Rung
from leadline.model.matrix import Matrix
from leadline.model.prior import fit_lowest
from leadline.model.recipe import Recipe
from leadline.model.scorer import Scorer
from leadline.pipeline.asking import Progress
from leadline.pipeline.prepare import Prepared
from leadline.pipeline.ruling import points_rules
from leadline.pipeline.tuning import Tuned
from leadline.pipeline.tuning import tune as search

__all__ = ["Fitted", "fit", "judged_folds", "own_rankings", "to_matrix"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A fitted model.

    Attributes
    ----------
    config : Config
        What was asked.
    made : Prepared
        Features, labels and tables.
    folds : tuple of Fold
        Forward in time, oldest first; the newest only judges.
    matrix : Matrix
        Features and labels side by side.
    scorer : Scorer
        The model fitted on all rows.
    honest : OutOfFold
        What models said of rows that they weren't fitted on.
    tuned : Tuned or None
        What a search for the recipe found; None where none was asked for.
    rung : Rung or None
        What the data support, and why; None where another rule chose, as for downstream stages. On the
        lowest, `made.features` are what the points rules ask of, and there may be no fold.
    """

    config: Config
    made: Prepared
    folds: tuple[Fold, ...]
    matrix: Matrix
    scorer: Scorer
    honest: OutOfFold
    tuned: Tuned | None = None
    rung: Rung | None = None

    @property
    def lowest(self) -> bool:
        """Whether no feature has a coefficient of its own: the base rate and the points rules score."""
        return self.rung is not None and self.rung.name == "rules"

    def with_scorer(self, scorer: Scorer) -> Fitted:
        """Return the same with another scorer, such as one with tiers."""
        return replace(self, scorer=scorer)


def fit(config: Config, made: Prepared, folds: tuple[Fold, ...], tune: int, progress: Progress) -> Fitted:
    """Fit what the data support (`leadline.model.ladder`); `tune` recipes are tried on the older folds (0 for none).

    Trees have a recipe to search for; the lower rungs haven't, and `tune` is left out there.
    """
    matrix = to_matrix(made)
    rung = ladder.rung_of(matrix, len(config.rules))
    progress(f"fitting {len(folds)} folds on {len(matrix):,} snapshots, {matrix.positives:,} positive: {rung.name}")
    if tune and rung.name != "boosting":
        progress("no recipe is searched for: only trees have settings to choose")
    pairs = [(f.train, f.test) for f in folds]
    if rung.name == "rules":
        return _lowest(config, made, folds, matrix, rung)
    what = (made.features.specs, matrix, pairs)
    tuned = search(config, *what, tune, progress) if tune and rung.name == "boosting" else None
    recipe = tuned.recipe if tuned else None
    if rung.name == "regression":
        recipe = Recipe(anchored=True, rounds=0, c=ladder.penalty(matrix, len(made.features.specs)))
    scorer, honest = fit_scorer(*what, recipe, config.seed, config.engine.threads)
    return Fitted(config, made, folds, matrix, scorer, honest, tuned, rung)


def _lowest(config: Config, made: Prepared, folds: tuple[Fold, ...], matrix: Matrix, rung: Rung) -> Fitted:
    """Fit the base rate and the points rules; what follows then sees the rules' features alone."""
    ruled = made.ruled if made.ruled is not None else made.features.keep([])
    mine = replace(made, features=ruled)
    asked = points_rules(config, ruled.specs)
    scorer, honest = fit_lowest(
        ruled.specs, asked, to_matrix(mine), [(f.train, f.test) for f in folds], (made.features.specs, matrix)
    )
    return Fitted(config, mine, folds, to_matrix(mine), scorer, honest, None, rung)


def to_matrix(made: Prepared) -> Matrix:
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


def own_rankings(fitted: Fitted) -> dict[str, Floats]:
    """Return what the model, its regression and current scoring rules said of the rows of `fitted.honest`."""
    made, honest = fitted.made, fitted.honest
    said = {"model": honest.probability, "logistic": honest.lr_probability}
    return said if made.points is None else said | {"points": made.points[honest.row]}


def judged_folds(fitted: Fitted, said: Mapping[str, Floats] | None = None) -> list[tuple[Judged, bool, int, int, int]]:
    """Gather each fold's rows with what was said of them; peers in `said` stand beside the newest fold alone."""
    result = []
    made, matrix, honest = fitted.made, fitted.matrix, fitted.honest
    group, own = made.features.group(), own_rankings(fitted)
    for number in np.unique(honest.fold):
        mine = honest.fold == number
        rows = honest.row[mine]
        newest = bool(honest.judged[mine][0])
        told = {who: p[mine] for who, p in (own | dict(said or {}) if newest else own).items()}
        judged = Judged(matrix.y[rows], matrix.weight[rows], made.labels.won[rows], group[rows], told)
        starts, ends = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
        training = (
            int((matrix.known_at <= starts).sum())
            if made.loaded.observed_until is not None
            else int((matrix.as_of < starts).sum())
        )
        result.append((judged, newest, starts, ends, training))
    return result

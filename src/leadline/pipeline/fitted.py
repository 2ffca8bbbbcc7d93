"""A model just fitted, with all that it was made of: what every stage after fitting asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leadline.config import Config
from leadline.errors import DataError
from leadline.history.folds import Fold
from leadline.model.fitting import OutOfFold, fit_scorer
from leadline.model.matrix import Matrix
from leadline.model.scorer import Scorer
from leadline.model.tune import tune as search
from leadline.pipeline.asking import Progress
from leadline.pipeline.prepare import Prepared

__all__ = ["Fitted", "fit", "to_matrix"]


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
    """

    config: Config
    made: Prepared
    folds: tuple[Fold, ...]
    matrix: Matrix
    scorer: Scorer
    honest: OutOfFold

    def with_scorer(self, scorer: Scorer) -> Fitted:
        """Return the same with another scorer, such as one with tiers."""
        return replace(self, scorer=scorer)


def fit(config: Config, made: Prepared, folds: tuple[Fold, ...], tune: int, progress: Progress) -> Fitted:
    """Fit a model on prepared data; `tune` recipes are tried on the older folds (0 for none)."""
    matrix = to_matrix(made)
    progress(f"fitting {len(folds)} folds on {len(matrix):,} snapshots, {matrix.positives:,} positive")
    what = (made.features.specs, matrix, [(f.train, f.test) for f in folds])
    recipe = search(*what, tune, config.seed, config.engine.threads, progress) if tune else None
    scorer, honest = fit_scorer(*what, recipe, config.seed, config.engine.threads)
    return Fitted(config, made, folds, matrix, scorer, honest)


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

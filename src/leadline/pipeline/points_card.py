"""Scorecard of a run: distilled from the honest rows of all folds, and judged by one of the rows before the newest fold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.history.spec import Feature
from leadline.judge.points_rows import plain_rows
from leadline.judge.points_worth import Band, Cohort, Worth, bands, worth
from leadline.model.matrix import Matrix
from leadline.model.points_card import PointsCard, distill
from leadline.pipeline.asking import intents
from leadline.pipeline.fitted import Fitted
from leadline.pipeline.segments import roles_of

__all__ = ["Drawn", "draw_up", "newest_cohort"]

Floats = npt.NDArray[np.float64]

ROLE = Feature("card_role", "fit", "role", "category", "value", "role in the buying committee", "leads", "role", "role")


@dataclass(frozen=True)
class Drawn:
    """A drawn-up card.

    Attributes
    ----------
    card : PointsCard
        Made of the honest rows of all folds; without rows where there is none.
    specs : tuple of Feature
        What its rows ask of.
    bands, today : tuple of Band
        The card's thresholds, and those of current scoring rules at the same volumes.
    worth : Worth or None
        What a card made of the rows before the newest fold is worth there.
    learnt_from : int
        How many rows it was distilled from.
    reason : str
        Why there is no card, or why it wasn't judged; "" if neither.
    """

    card: PointsCard = field(default_factory=PointsCard)
    specs: tuple[Feature, ...] = ()
    bands: tuple[Band, ...] = ()
    today: tuple[Band, ...] = ()
    worth: Worth | None = None
    learnt_from: int = 0
    reason: str = ""

    def to_record(self, fitted: Fitted) -> dict[str, Any]:
        """Return plain JSON values: rows, thresholds and figures, and the patterns by which roles are told."""
        config = fitted.config
        return {
            "rows": plain_rows(self.card, self.specs, intents(config)),
            "bands": [vars(band) for band in self.bands],
            "today": [vars(band) for band in self.today],
            "worth": None if self.worth is None else self.worth.to_record(),
            "learnt_from": self.learnt_from,
            "weekly": not config.is_flat,
            "roles": {role: list(patterns) for role, patterns in config.roles.items()},
            "reason": self.reason,
        }


def draw_up(fitted: Fitted) -> Drawn:
    """Distill the card and judge it; nothing is fitted to an outcome.

    Where the base rate and the points rules score, there is no model to distill, and the reason says so.
    """
    honest, most = fitted.honest, fitted.config.points_card.rows
    if fitted.lowest:
        return Drawn(
            reason="there are too few outcomes for a model, so there is nothing to distill; current scoring rules score"
        )
    if not honest.judged.any():
        return Drawn(reason="no fold could be judged, so there are no honest scores to distill")
    specs, matrix = _with_roles(fitted)
    card = distill(specs, matrix.take(honest.row), honest.probability, most)
    if not card.rows:
        return Drawn(reason="nothing that a rule can ask of tells these leads apart")
    newest = newest_cohort(fitted)
    laid = bands(replace(newest, said={"card": _scored(card, matrix, honest.row[honest.judged])}))
    today = bands(newest, "points") if "points" in newest.said else ()
    judged = _judged(fitted, specs, matrix, newest, most)
    why = (
        ""
        if judged is not None
        else "no older fold’s rows are there to make a card of that the newest fold could judge"
    )
    return Drawn(card, specs, laid, today, judged, len(honest.row), why)


def newest_cohort(fitted: Fitted) -> Cohort:
    """Return the newest fold's rows, with what the model, the regression and current scoring rules said of them."""
    honest, matrix, config = fitted.honest, fitted.matrix, fitted.config
    newest = honest.judged
    at = honest.row[newest]
    said: dict[str, Floats] = {"model": honest.probability[newest], "logistic": honest.lr_probability[newest]}
    if fitted.made.points is not None:
        said["points"] = fitted.made.points[at]
    return Cohort(
        matrix.y[at], matrix.weight[at], matrix.lead[at], fitted.made.features.group()[at], matrix.as_of[at], said,
        None if config.is_flat else float(config.capacity.leads_per_week),
    )  # fmt: skip


def _judged(fitted: Fitted, specs: tuple[Feature, ...], matrix: Matrix, newest: Cohort, most: int) -> Worth | None:
    """Judge a card that was made of the honest rows before the newest fold alone."""
    honest = fitted.honest
    before = ~honest.judged & (matrix.as_of[honest.row] < newest.as_of.min())
    if not before.any():
        return None
    card = distill(specs, matrix.take(honest.row[before]), honest.probability[before], most)
    scored = _scored(card, matrix, honest.row[honest.judged])
    return worth(replace(newest, said={"card": scored, **newest.said}), fitted.config.seed)


def _scored(card: PointsCard, matrix: Matrix, rows: npt.NDArray[np.int64]) -> Floats:
    return card.score(matrix.values.iloc[rows]).astype(np.float64)


def _with_roles(fitted: Fitted) -> tuple[tuple[Feature, ...], Matrix]:
    """Add each lead's role, where titles tell it, as a category beside the features."""
    specs, matrix = tuple(fitted.made.features.specs), fitted.matrix
    every = np.arange(len(matrix), dtype=np.int64)
    told = next(iter(roles_of(fitted.config.roles, specs, matrix.values, every)), None)
    if told is None:
        return specs, matrix
    roles = told.copy()
    roles[told == "no role"] = None
    return (*specs, ROLE), replace(matrix, values=matrix.values.assign(**{ROLE.name: roles}))

"""Fitting an estimator that somebody brought, through the same folds and the same calibration as leadline's own model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leadline.dataset.feature_spec import Feature
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import WIDE, Calibrator
from leadline.model.encoding.encoder import Encoder, Matrix
from leadline.model.fitting.fit import OutOfFold, RowSplit, fit_scorer, split_newest
from leadline.model.fitting.recipe import Recipe
from leadline.model.own_model import fit_estimator
from leadline.model.scorer import Scorer

__all__ = ["fit_own"]

BESIDE = Recipe(anchored=True, rounds=0)


def fit_own(
    specs: Sequence[Feature], matrix: Matrix, folds: Sequence[RowSplit], estimator: Any, seed: int, threads: int
) -> tuple[Scorer, OutOfFold]:
    """Fit an estimator on all rows, and on each fold's training rows to calibrate and to judge it.

    The regression is fitted beside it, as it is beside leadline's own. What a model says of rows that it was fitted on has
    no say in the calibration: an estimator may know them by heart.

    Parameters
    ----------
    folds : sequence of (train, test) row numbers
        As in `fit_scorer`.
    estimator : estimator
        A classifier; it stays as it is.
    """
    beside, told = fit_scorer(specs, matrix, folds, BESIDE, seed, threads)
    _, rows, older, newest, _ = split_newest(matrix, folds)
    known = newest[0][0] if newest else np.arange(len(rows))
    seen = [_forward(specs, rows, fold, estimator, number) for number, fold in enumerate([*older, *newest])]
    before = [one.take(np.isin(test, known)) for one, (_, test) in zip(seen, older, strict=False)]
    margin = np.concatenate([*(one.margin for one in seen), np.empty(0)])
    calibrator, tonight = _calibrated(before), _calibrated(seen)
    honest = replace(
        told, margin=margin, probability=calibrator.probability(margin), curves=(), calibrator=calibrator, tonight=tonight,
        choice={"folds": len(older), "why": f"{type(estimator).__name__} was brought"},
    )  # fmt: skip
    final = fit_estimator(beside.encoder, rows, estimator)
    final.require_no_rows(len(rows))
    return replace(beside, own=final, calibrator=tonight), honest


def _calibrated(seen: Sequence[ForwardRows]) -> Calibrator:
    """Follow forward folds as leadline's own model is, but first by a line of no expectations: an estimator may be off by far."""
    if not seen:
        return Calibrator()
    margin, y, weight = (np.concatenate([getattr(one, name) for one in seen]) for name in ("margin", "y", "weight"))
    line = Calibrator.fit(margin, y, weight, spread=WIDE)
    lined = [replace(one, margin=line.margin(one.margin)) for one in seen]
    after = Calibrator.follow(lined, [np.zeros(len(one.y)) for one in lined])
    return Calibrator(after.slope * line.slope, float(after.margin(np.array([line.shift]))[0]))


def _forward(specs: Sequence[Feature], rows: Matrix, fold: RowSplit, estimator: Any, number: int) -> ForwardRows:
    """Return a fold's test rows with what the estimator says of them that was fitted on its training rows."""
    train, test = rows.take(fold[0]), rows.take(fold[1])
    encoder = Encoder.fit(specs, train)
    return ForwardRows.of(test, fit_estimator(encoder, train, estimator).margin(encoder, test.values), number)

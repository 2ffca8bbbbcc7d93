"""Calibration alone, refitted on what has ripened since: the ranking stays, and so do trees and regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.scorer import Scorer
from leadline.model.tiers import Tiers

__all__ = ["refit_calibrator", "with_calibrator"]

FURTHEST = 60.0  # log odds beyond which every probability is 0 or 1
HALVINGS = 100


def refit_calibrator(scorer: Scorer, rows: ForwardRows) -> Calibrator:
    """Fit a calibrator on rows that the scorer wasn't fitted on, shrunk towards the one that it has.

    Parameters
    ----------
    rows : ForwardRows
        With the margins before calibration. Its shift is followed through time, so that tomorrow is what is aimed at.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> random, n = np.random.default_rng(1), np.arange(8000)
    >>> margin = random.normal(-2, 1, 8000)
    >>> y = (random.random(8000) < 1 / (1 + np.exp(-(margin - 1)))) * 1.0
    >>> line = refit_calibrator(
    ...     SimpleNamespace(calibrator=Calibrator(1.0, 0.5)), ForwardRows(margin, y, np.ones(8000), n, n + 1000, n)
    ... )
    >>> bool(abs(line.probability(margin).mean() / y.mean() - 1) < 0.1)
    True
    """
    old = scorer.calibrator
    line = Calibrator.follow([replace(rows, margin=old.margin(rows.margin))], [np.zeros(len(rows.y))])
    return Calibrator(line.slope * old.slope, line.slope * old.shift + line.shift)


def with_calibrator(scorer: Scorer, calibrator: Calibrator) -> Scorer:
    """Return the scorer calibrated anew, with its tiers' cuts moved along: the same leads stand in each tier."""
    return scorer.with_calibrator(calibrator).with_tiers(_bands(scorer.bands, scorer.calibrator, calibrator))


def _bands(bands: Tiers, old: Calibrator, new: Calibrator) -> Tiers:
    own = {value: _bands(mine, old, new) for value, mine in bands.own.items()}
    return replace(bands, cuts=tuple(_moved_threshold(cut, old, new) for cut in bands.cuts), own=own)


def _moved_threshold(cut: float, old: Calibrator, new: Calibrator) -> float:
    """Return what the new calibrator says where the old one says `cut`; both rise, so halving finds the place."""
    low, high = -FURTHEST, FURTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if float(old.probability(np.array([middle]))[0]) < cut:
            low = middle
        else:
            high = middle
    return float(new.probability(np.array([low]))[0])

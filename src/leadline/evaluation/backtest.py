"""The backtest's figures: what the model, the regression beside it and current scoring rules said of rows they never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.rng import Stream, seed_of
from leadline.evaluation.baselines import has_probabilities
from leadline.metrics import classification
from leadline.metrics.intervals import account_design_effect

__all__ = ["BacktestResult", "FoldPredictions", "FoldResult", "ModelMetrics", "compute_metrics", "evaluate_folds"]

Floats = npt.NDArray[np.float64]
REPEATS = 200  # bootstrap draws for an interval


@dataclass(frozen=True)
class ModelMetrics:
    """How good one set of probabilities is; NaN where it isn't defined.

    Attributes
    ----------
    auc, average_precision, lift_10 : float
        Of the ranking; `lift_10` is the conversion of the best tenth over that of all.
    brier, ece, log_loss : float
        Of the probabilities.
    auc_low, auc_high, lift_10_low, lift_10_high : float
        95% intervals by a bootstrap over accounts (leads where there is none).
    won_auc : float
        The same ranking, judged on closed-won.
    """

    auc: float
    average_precision: float
    lift_10: float
    brier: float = float("nan")
    ece: float = float("nan")
    log_loss: float = float("nan")
    auc_low: float = float("nan")
    auc_high: float = float("nan")
    lift_10_low: float = float("nan")
    lift_10_high: float = float("nan")
    won_auc: float = float("nan")


@dataclass(frozen=True)
class FoldPredictions:
    """Rows of one fold, and what was said of them.

    Attributes
    ----------
    y, weight, won : float arrays
        The label, how many snapshots a row stands for, and closed-won (NaN where censored).
    group : array
        Whose account; what intervals resample.
    said : mapping of str to float array
        By who said them: probabilities of model, logistic and of the baselines lightgbm and naive_bayes, or points, and newest
        (when a lead was created), which only rank.
    """

    y: Floats
    weight: Floats
    won: Floats
    group: npt.NDArray[np.object_]
    said: Mapping[str, Floats]


@dataclass(frozen=True)
class FoldResult:
    """One fold: its span, its size, and the figures by who said them."""

    number: int
    judged: bool
    starts_at: int
    ends_at: int
    training_rows: int
    rows: int
    positives: int
    base_rate: float
    figures: Mapping[str, ModelMetrics]


@dataclass(frozen=True)
class BacktestResult:
    """The backtest: every fold, and the newest one's curves. Only the newest chose nothing: quote that one.

    Attributes
    ----------
    folds : tuple of FoldResult
        Oldest first.
    calibration : list of CalibrationBin
        Predicted against observed, in ten bins of equal mass, in the newest fold.
    gains : list of (share, captured)
        How much of the positives the best share of leads holds, in the newest fold.
    against_logistic : tuple of three floats
        Log loss of the regression less that of the model in the newest fold (above 0, the model is better): the
        difference and its 95% interval by a paired bootstrap over accounts.
    """

    folds: tuple[FoldResult, ...]
    calibration: list[classification.CalibrationBin] = field(default_factory=list)
    gains: list[tuple[float, float]] = field(default_factory=list)
    against_logistic: tuple[float, float, float] = (float("nan"),) * 3

    @property
    def newest(self) -> FoldResult:
        """The newest fold, which is only judged."""
        return self.folds[-1]

    def __repr__(self) -> str:
        if not self.folds:
            return "BacktestResult(no fold could be judged)"
        model = self.newest.figures["model"]
        return (
            f"BacktestResult({len(self.folds)} folds; newest: AUC {model.auc:.3f}, lift@10% {model.lift_10:.2f}, "
            f"ECE {model.ece:.3f}, base rate {self.newest.base_rate:.3f})"
        )

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def compute_metrics(rows: FoldPredictions, p: Floats, seed: int, probabilities: bool = True) -> ModelMetrics:
    """Compute all figures of one set of scores.

    Parameters
    ----------
    probabilities : bool
        Whether `p` are probabilities; points only rank, and get no Brier score, ECE or log loss.
    """
    y, w = rows.y, rows.weight
    drawn = classification.score_sums(y, p, w)

    def part(statistic: Callable[[Floats, Floats], float]) -> tuple[float, float]:
        low, high = classification.bootstrap_by_group(
            lambda at: statistic(*drawn(at)), rows.group, seed, repeats=REPEATS
        )
        return float(low), float(high)

    auc_low, auc_high = part(classification.auc_of)
    lift_low, lift_high = part(classification.lift_of)
    ripe = np.isfinite(rows.won)
    nan = float("nan")
    return ModelMetrics(
        auc=classification.auc(y, p, w),
        average_precision=classification.average_precision(y, p, w),
        lift_10=classification.lift_at(y, p, 0.10, w),
        brier=classification.brier(y, p, w) if probabilities else nan,
        ece=classification.expected_calibration_error(y, p, w) if probabilities else nan,
        log_loss=classification.log_loss(y, p, w) if probabilities else nan,
        auc_low=auc_low,
        auc_high=auc_high,
        lift_10_low=lift_low,
        lift_10_high=lift_high,
        won_auc=classification.auc(rows.won[ripe], p[ripe], w[ripe]) if ripe.any() else nan,
    )


def evaluate_folds(folds: list[tuple[FoldPredictions, bool, int, int, int]], seed: int) -> BacktestResult:
    """Judge every fold.

    Parameters
    ----------
    folds : list of (rows, judged, starts_at, ends_at, training_rows)
        Oldest first.
    seed : int
        For the bootstraps.
    """
    seed = seed_of(seed, Stream.BACKTEST)
    results = []
    for number, (rows, judged, starts, ends, training) in enumerate(folds, 1):
        said = {
            who: compute_metrics(rows, p, seed, probabilities=has_probabilities(who)) for who, p in rows.said.items()
        }
        base = float(np.average(rows.y, weights=rows.weight))
        results.append(FoldResult(number, judged, starts, ends, training, len(rows.y), int(rows.y.sum()), base, said))
    if not folds:
        return BacktestResult(())
    newest = folds[-1][0]
    p, other = newest.said["model"], newest.said["logistic"]
    gap, low, high = classification.paired_difference(
        classification.log_loss, newest.y, other, p, newest.group, seed, newest.weight, repeats=REPEATS
    )
    return BacktestResult(
        tuple(results),
        classification.calibration_curve(
            newest.y, p, newest.weight, effect=account_design_effect(newest.y, newest.group)
        ),
        cumulative_gains(newest.y, p, newest.weight),
        (float(gap), float(low), float(high)),
    )


def cumulative_gains(y: Floats, p: Floats, w: Floats) -> list[tuple[float, float]]:
    """Return, for each twentieth of the leads, best first, how much of the positives it and those above hold.

    Examples
    --------
    >>> cumulative_gains(np.array([1.0, 0.0]), np.array([0.9, 0.1]), np.ones(2))[10]
    (0.5, 1.0)
    """
    order = np.argsort(-p, kind="stable")
    mass, hits = np.cumsum(w[order]), np.cumsum((w * y)[order])
    shares = np.linspace(0, 1, 21)
    captured = np.interp(shares * mass[-1], [0, *mass], [0, *hits]) / max(hits[-1], 1e-12)
    return [(float(s), float(c)) for s, c in zip(np.round(shares, 2), captured, strict=True)]

"""The backtest's figures: what the model, the regression beside it and current scoring rules said of rows they never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.rng import Stream, seed_of
from leadline.evaluation.baselines import has_probabilities
from leadline.evaluation.metrics import METRICS, Metric, every_metric
from leadline.metrics import classification
from leadline.metrics.bootstrap import log_loss_difference
from leadline.metrics.intervals import Interval, account_design_effect, next_period_interval, percentile_interval

__all__ = [
    "Advantage",
    "BacktestResult",
    "FoldPredictions",
    "FoldResult",
    "ModelMetrics",
    "compute_metrics",
    "evaluate_folds",
]

Floats = npt.NDArray[np.float64]
REPEATS = 200  # bootstrap draws for an interval


@dataclass(frozen=True)
class ModelMetrics:
    """How good one set of probabilities is; NaN where it isn't defined. `evaluation/metrics.py` has what each is.

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
    others : mapping of str to float
        By key, the metrics that installed packages add.
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
    others: Mapping[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """Return every figure by its name, those of installed packages last."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "others"} | dict(self.others)


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
        By who said them: probabilities of model, logistic and of the baselines lightgbm, naive_bayes and base_rate, or points,
        and newest (when a lead was created), which only rank.
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
class Advantage:
    """By how much the model is ahead of one it is held against in the newest fold: above 0, the model is better.

    Attributes
    ----------
    auc : Interval
        The model's AUC less the other's.
    log_loss : Interval
        The other's log loss less the model's; NaN where the other only ranks.
    """

    auc: Interval
    log_loss: Interval = field(default_factory=lambda: Interval(float("nan")))

    @property
    def is_behind(self) -> bool:
        """Whether the other is better beyond noise, in ranking or in log loss."""
        return self.auc.high < 0 or self.log_loss.high < 0


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
    against : mapping of str to Advantage
        By how much the model is ahead in the newest fold, by whom it is held against, with 95% intervals by a paired
        bootstrap over accounts.
    next_auc : Interval or None
        In which AUC of the next period may be expected to lie: `next_period_interval` of all folds.
    """

    folds: tuple[FoldResult, ...]
    calibration: list[classification.CalibrationBin] = field(default_factory=list)
    gains: list[tuple[float, float]] = field(default_factory=list)
    against: Mapping[str, Advantage] = field(default_factory=dict)
    next_auc: Interval | None = None

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
        record: dict[str, Any] = asdict(self)
        for fold, told in zip(self.folds, record["folds"], strict=True):
            told["figures"] = {who: figures.values() for who, figures in fold.figures.items()}
        plain: dict[str, Any] = to_jsonable(record)
        return plain


def compute_metrics(rows: FoldPredictions, p: Floats, seed: int, probabilities: bool = True) -> ModelMetrics:
    """Compute all figures of one set of scores.

    Parameters
    ----------
    probabilities : bool
        Whether `p` are probabilities; points only rank, and get no Brier score, ECE or log loss.
    """
    return _judge(rows, p, seed, probabilities)[0]


def _judge(
    rows: FoldPredictions, p: Floats, seed: int, probabilities: bool, metrics: Sequence[Metric] = METRICS
) -> tuple[ModelMetrics, Floats]:
    """Compute all figures, and the AUC in each draw of accounts."""
    y, w = rows.y, rows.weight
    drawn = classification.score_sums(y, p, w)
    resampled = [metric for metric in metrics if metric.of_sums is not None]

    def ranking(at: npt.NDArray[np.int64]) -> tuple[float, ...]:
        sums = drawn(at)
        return tuple(metric.of_sums(*sums) for metric in resampled if metric.of_sums is not None)

    draws = classification.draws_by_group(ranking, rows.group, seed, REPEATS)
    told = {metric.key: metric.of(y, p, w, rows.won, probabilities) for metric in metrics}
    for metric, column in zip(resampled, draws.T, strict=True):
        told[f"{metric.key}_low"], told[f"{metric.key}_high"] = percentile_interval(column)
    known = {f.name for f in fields(ModelMetrics)}
    others = {key: value for key, value in told.items() if key not in known}
    return ModelMetrics(**{key: told[key] for key in told.keys() & known}, others=others), draws[:, 0]


def evaluate_folds(folds: list[tuple[FoldPredictions, bool, int, int, int]], seed: int) -> BacktestResult:
    """Judge every fold.

    Parameters
    ----------
    folds : list of (rows, judged, starts_at, ends_at, training_rows)
        Oldest first.
    seed : int
        For the bootstraps.
    """
    if not folds:
        return BacktestResult(())
    seed, metrics = seed_of(seed, Stream.BACKTEST), every_metric()
    results, draws = [], {}
    for number, (rows, judged, starts, ends, training) in enumerate(folds, 1):
        told = {who: _judge(rows, p, seed, has_probabilities(who), metrics) for who, p in rows.said.items()}
        base = float(np.average(rows.y, weights=rows.weight))
        figures = {who: metrics for who, (metrics, _) in told.items()}
        results.append(
            FoldResult(number, judged, starts, ends, training, len(rows.y), int(rows.y.sum()), base, figures)
        )
        draws = {who: drawn for who, (_, drawn) in told.items()}
    newest, model = folds[-1][0], [fold.figures["model"] for fold in results]
    return BacktestResult(
        tuple(results),
        classification.calibration_curve(
            newest.y, newest.said["model"], newest.weight, effect=account_design_effect(newest.y, newest.group)
        ),
        cumulative_gains(newest.y, newest.said["model"], newest.weight),
        {who: _advantage(newest, who, results[-1].figures, draws, seed) for who in newest.said if who != "model"},
        next_period_interval([m.auc for m in model], [(m.auc_low, m.auc_high) for m in model]),
    )


def _advantage(
    rows: FoldPredictions, who: str, figures: Mapping[str, ModelMetrics], draws: Mapping[str, Floats], seed: int
) -> Advantage:
    """Hold the model against another on the same draws of accounts."""
    ahead = Interval.of_draws(figures["model"].auc - figures[who].auc, draws["model"] - draws[who])
    if not has_probabilities(who):
        return Advantage(ahead)
    loss = log_loss_difference(rows.y, rows.weight, rows.said[who], rows.said["model"], rows.group, seed)
    return Advantage(ahead, loss)


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

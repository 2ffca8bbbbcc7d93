"""Pictures of a run, drawn with matplotlib's objects alone (no global state), as PNG for MLflow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from leadline.evaluation.backtest import BacktestResult
from leadline.explanation.drivers import Driver

__all__ = ["calibration_chart", "driver_bars", "fold_bars", "gains_chart", "to_png", "training_charts"]

INK, SOFT, ACCENT = "#1f3b57", "#9fb3c8", "#c4572e"


def _axes(width: float, height: float, title: str, x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def calibration_chart(evaluation: BacktestResult) -> Any:
    """Draw predicted against observed conversion in the newest fold, with 95% intervals."""
    figure, axes = _axes(5, 4, "Predicted and observed, newest fold", "predicted probability", "observed share")
    bins = evaluation.calibration
    top = max([b.high for b in bins] + [b.mean_p for b in bins] + [0.01])
    axes.plot([0, top], [0, top], color=SOFT, linestyle="--", linewidth=1)
    for b in bins:
        axes.plot([b.mean_p, b.mean_p], [b.low, b.high], color=INK, linewidth=1)
    axes.plot([b.mean_p for b in bins], [b.rate for b in bins], "o", color=ACCENT)
    return figure


def gains_chart(evaluation: BacktestResult) -> Any:
    """Draw how much of the positives the best share of leads holds."""
    figure, axes = _axes(
        5, 4, "What the top of the list holds, newest fold", "best share of leads", "share of positives"
    )
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1)
    axes.plot([s for s, _ in evaluation.gains], [c for _, c in evaluation.gains], color=ACCENT)
    return figure


def driver_bars(ranked: Sequence[Driver], most: int = 20) -> Any:
    """Draw the strongest drivers by their mean absolute contribution."""
    top = list(ranked[:most])[::-1]
    figure, axes = _axes(
        7, 0.32 * len(top) + 1.2, "Feature importance (mean |SHAP|)", "mean |contribution| to the log odds", ""
    )
    colours = [SOFT if d.direction != d.direction else INK if d.direction >= 0 else ACCENT for d in top]
    axes.barh([d.words[:48].replace("$", r"\$") for d in top], [d.weight for d in top], color=colours)
    return figure


def fold_bars(evaluation: BacktestResult) -> Any:
    """Draw each fold's AUC by model, regression and points."""
    figure, axes = _axes(6, 3.5, "AUC of each fold, oldest first", "fold", "AUC")
    names = [who for who in evaluation.newest.figures if all(who in f.figures for f in evaluation.folds)]
    for n, who in enumerate(names):
        places = [f.number + (n - len(names) / 2) * 0.22 for f in evaluation.folds]
        axes.bar(
            places,
            [f.figures[who].auc for f in evaluation.folds],
            width=0.2,
            label=who,
            color=(ACCENT, INK, SOFT)[n % 3],
        )
    axes.set_xticks([f.number for f in evaluation.folds])
    axes.set_ylim(0.4, 1)
    axes.legend(frameon=False, fontsize=8)
    return figure


def training_charts(evaluation: BacktestResult, ranked: Sequence[Driver]) -> dict[str, bytes]:
    """Return every picture of a run as PNG, by file name."""
    drawn = {"drivers.png": driver_bars(ranked)}
    if evaluation.folds:
        drawn |= {
            "calibration.png": calibration_chart(evaluation),
            "gains.png": gains_chart(evaluation),
            "folds.png": fold_bars(evaluation),
        }
    return {name: to_png(figure) for name, figure in drawn.items()}


def to_png(figure: Any) -> bytes:
    """Return a figure as PNG.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> to_png(Figure())[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()

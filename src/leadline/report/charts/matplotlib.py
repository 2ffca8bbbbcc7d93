"""Pictures of a run, drawn with matplotlib's objects alone (no global state), as PNG for MLflow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from leadline.evaluation.backtest import BacktestResult
from leadline.evaluation.model_plots import ModelPlots, ThresholdCurves
from leadline.explanation.drivers import Driver

__all__ = [
    "calibration_chart",
    "confusion_chart",
    "driver_bars",
    "fold_bars",
    "gains_chart",
    "precision_recall_chart",
    "roc_chart",
    "shap_summary",
    "to_png",
    "training_charts",
]

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


def roc_chart(told: ThresholdCurves, auc: float) -> Any:
    """Draw the ROC curve of the newest fold, with each tier's minimum score on it."""
    figure, axes = _axes(5, 4.5, f"ROC curve, newest fold (AUC {auc:.3f})", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1, label="random")
    axes.plot(*zip(*told.roc, strict=True), color=ACCENT, label="model")
    for at in told.tiers:
        place = (at.false_positive / (at.false_positive + at.true_negative), at.true_positive / (at.true_positive + at.false_negative))  # fmt: skip
        _mark(axes, place, at.tier)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def precision_recall_chart(told: ThresholdCurves, average: float) -> Any:
    """Draw precision against recall in the newest fold, with each tier's minimum score on it."""
    title = f"Precision and recall, newest fold (average precision {average:.3f})"
    figure, axes = _axes(5.6, 4.5, title, "recall", "precision")
    axes.axhline(told.base_rate, color=SOFT, linestyle="--", linewidth=1, label="random")
    axes.plot(*zip(*told.precision_recall, strict=True), color=ACCENT, label="model")
    for at in told.tiers:
        above = at.true_positive + at.false_positive
        if above:
            _mark(axes, (at.true_positive / (at.true_positive + at.false_negative), at.true_positive / above), at.tier)
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _mark(axes: Any, place: tuple[float, float], tier: str) -> None:
    axes.plot(*place, "o", color=INK, markersize=4)
    axes.annotate(f"tier {tier}", place, textcoords="offset points", xytext=(6, -10), fontsize=8, color=INK)


def confusion_chart(told: ThresholdCurves) -> Any:
    """Draw the confusion matrix at each tier's minimum score, in snapshots of the newest fold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * max(len(told.tiers), 1), 3.4), layout="constrained")
    figure.suptitle("Confusion matrix at each tier’s minimum score: snapshots of the newest fold", fontsize=10)
    for place, at in enumerate(told.tiers):
        axes = figure.add_subplot(1, len(told.tiers), place + 1)
        cells = [[at.true_positive, at.false_negative], [at.false_positive, at.true_negative]]
        shares = [[cell / max(sum(row), 1e-9) for cell in row] for row in cells]
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
        for row in (0, 1):
            for column in (0, 1):
                said = f"{cells[row][column]:,.0f}\n{shares[row][column]:.0%}"
                axes.text(column, row, said, ha="center", va="center", fontsize=9)
        axes.set_xticks([0, 1], [f"{at.tier} or better", "below"], fontsize=8)
        axes.set_yticks([0, 1], ["positive", "negative"], fontsize=8, rotation=90, va="center")
        axes.set_title(f"tier {at.tier}: from {at.minimum:.3f}", fontsize=9)
    return figure


def shap_summary(plots: ModelPlots) -> Any:
    """Draw each snapshot's SHAP value by feature; the colour is the value's rank, told beside it."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    swarms = plots.swarms[::-1]
    figure, axes = _axes(8, 0.42 * len(swarms) + 1.4, "SHAP summary", "SHAP value: effect on the log odds", "")
    low_to_high = LinearSegmentedColormap.from_list("value", [INK, SOFT, ACCENT])
    for place, swarm in enumerate(swarms):
        spread = [((n * 0.618034) % 1 - 0.5) * 0.6 for n in range(len(swarm.points))]  # even, and the same each time
        for colored in (False, True):
            mine = [(e, place + off, rank) for (e, rank), off in zip(swarm.points, spread, strict=True) if (rank is not None) is colored]  # fmt: skip
            effects, heights, ranks = zip(*mine, strict=True) if mine else ((), (), ())
            look: dict[str, Any] = (
                {"c": ranks, "cmap": low_to_high, "norm": Normalize(0, 1)} if colored else {"color": "#8a8a8a"}
            )
            axes.scatter(effects, heights, s=6, linewidths=0, alpha=0.8, **look)
    axes.axvline(0, color=SOFT, linewidth=1)
    axes.set_yticks(range(len(swarms)), [swarm.feature for swarm in swarms], fontsize=8)
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), low_to_high), ax=axes, aspect=40, pad=0.02)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("value of the feature (grey: a category, or none)", fontsize=8)
    return figure


def training_charts(
    evaluation: BacktestResult, ranked: Sequence[Driver], plots: ModelPlots | None, told: ThresholdCurves | None
) -> dict[str, bytes]:
    """Return every picture of a run as PNG, by file name."""
    drawn = {"drivers.png": driver_bars(ranked)}
    if evaluation.folds:
        drawn |= {
            "calibration.png": calibration_chart(evaluation),
            "gains.png": gains_chart(evaluation),
            "folds.png": fold_bars(evaluation),
        }
    if told is not None and evaluation.folds:
        figures = evaluation.newest.figures["model"]
        drawn["roc.png"] = roc_chart(told, figures.auc)
        drawn["precision_recall.png"] = precision_recall_chart(told, figures.average_precision)
        drawn |= {"confusion_matrix.png": confusion_chart(told)} if told.tiers else {}
    if plots is not None and plots.swarms:
        drawn["shap_summary.png"] = shap_summary(plots)
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

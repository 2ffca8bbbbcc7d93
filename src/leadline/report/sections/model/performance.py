"""The section on the model's performance, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import in_order, label
from leadline.evaluation.metrics import METRICS, Metric, every_metric
from leadline.report.charts import svg
from leadline.report.parts import (
    COUNTED,
    Cell,
    Chart,
    Collapsed,
    PageSection,
    PageTable,
    Part,
    Shape,
    TableColumn,
    cell,
)
from leadline.report.text import drawn_units, log_loss_gap, outdone_sentences

__all__ = ["performance_section"]

GOOD = "Model performance"
MEANS = (
    "AUC is how often a lead that converts ranks above one that doesn’t (0.5 is a coin). Average precision (AP) is the mean "
    "precision down the list; compare it with the base rate. Lift is the conversion of the best tenth over that of all. Brier score "
    "and log loss punish wrong probabilities (lower is better). ECE is by how much probabilities miss on average. Points, and newest first, only rank, so they "
    "have none of the last three. Intervals are 95%, by cluster bootstrap over {drawn}. Older folds chose the model’s settings; the newest only "
    "judged: quote that one."
)


def performance_section(record: Mapping[str, Any]) -> PageSection:
    """Say how well the newest fold was ranked and told, against the regression and current scoring rules."""
    evaluation = record.get("evaluation", {})
    folds: Sequence[Mapping[str, Any]] = evaluation.get("folds") or []
    if not folds:
        return PageSection("good", GOOD, "No fold could be judged, so nothing is known of how good the model is.")
    newest = folds[-1]
    m = newest["figures"]["model"]
    found = (
        f"In the newest fold, which chose nothing, a lead that converts ranks above one that doesn’t {format.share(m['auc'], 0)} of the time "
        f"(AUC {format.decimal(m['auc'], 3)}, 95% interval {format.interval(m['auc_low'], m['auc_high'], 3)}), the best tenth converts "
        f"{format.decimal(m['lift_10'], 1)} times as often as all ({format.interval(m['lift_10_low'], m['lift_10_high'], 1)}), and probabilities "
        f"miss by {format.share(m['ece'], 2)} on average where {format.share(newest['base_rate'])} convert{_beside(log_loss_gap(evaluation))}."
    )
    found = " ".join([*outdone_sentences(evaluation), found])
    parts: list[Part | None] = [
        _against(log_loss_gap(evaluation)),
        _next_period(evaluation.get("next_auc")),
        *_folds(folds),
    ]
    parts += [
        _calibration(evaluation),
        _gains(evaluation),
        Collapsed(COUNTED, (" ".join([MEANS.format(drawn=drawn_units(record)), *_added()]),)),
    ]
    return PageSection("good", GOOD, found, tuple(p for p in parts if p))


def _added() -> list[str]:
    """Say of the metrics that installed packages add which way is better."""
    return [f"{metric.label}: {metric.direction} is better." for metric in every_metric()[len(METRICS) :]]


def _next_period(told: Mapping[str, Any] | None) -> str:
    """Say in which AUC of the next period may be expected to lie."""
    if not told or not format.is_number(told["low"]):
        return ""
    return (
        f"In the next period AUC may lie between {format.decimal(told['low'], 3)} and {format.decimal(told['high'], 3)} (95%): periods differ by more "
        "than the newest one’s interval tells, so that how much the folds differ is added to it."
    )


def _beside(gap: tuple[float, float, float] | None) -> str:
    """Say in a clause whether the model's probabilities are better than the regression's (law 10)."""
    if gap is None:
        return ""
    _, low, high = gap
    if low > 0:
        return "; its log loss is lower than the logistic regression’s, by more than chance"
    return f"; that it is better than a logistic regression isn’t proven{': the regression is' if high < 0 else ''}"


def _against(gap: tuple[float, float, float] | None) -> str:
    """Compare the log losses of the model and of the regression beside it."""
    if gap is None:
        return ""
    value, low, high = gap
    verdict = (
        "the model’s probabilities are better"
        if low > 0
        else "the regression’s probabilities are better: look at it first"
        if high < 0
        else "the two can’t be told apart"
    )
    return (
        f"Against the logistic regression, the model’s log loss is {format.decimal(abs(value), 4)} "
        f"{'lower' if value >= 0 else 'higher'} (difference {format.decimal(value, 4, True)}, 95% interval "
        f"{format.interval(low, high, 4)}; above 0 the model is better): {verdict}."
    )


def _folds(folds: Sequence[Mapping[str, Any]]) -> tuple[PageTable, PageTable]:
    """Return where each fold lies, and how good each sayer was in it."""
    spans = (
        TableColumn("fold"),
        TableColumn("tested from", True),
        TableColumn("to", True),
        TableColumn("snapshots that trained", True),
        TableColumn("snapshots tested", True),
        TableColumn("positive", True),
        TableColumn("base rate", True),
    )
    metrics, columns = every_metric(), [TableColumn("fold and whose scores")]
    for metric in metrics:
        columns += [TableColumn(metric.label, True), *([TableColumn("its interval", True)] * metric.has_interval)]
    said = [(f, who) for f in folds for who in in_order(f["figures"])]
    rows = tuple(_figures_row(f, who, metrics) for f, who in said)
    return (
        PageTable(
            "folds",
            "The folds, oldest first; the newest is judged",
            spans,
            tuple(map(_fold_row, folds)),
            len(folds) - 1,
        ),
        PageTable("figures", "How good, in each fold", tuple(columns), rows, said.index((folds[-1], "model"))),
    )


def _fold_row(f: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(f"{f['number']}, {'judged' if f['judged'] else 'chose settings'}"),
        cell(_place(f["starts_at"]), f["starts_at"]),
        cell(_place(f["ends_at"]), f["ends_at"]),
        cell(format.count(f["training_rows"]), f["training_rows"]),
        cell(format.count(f["rows"]), f["rows"]),
        cell(format.count(f["positives"]), f["positives"]),
        cell(format.share(f["base_rate"]), f["base_rate"]),
    )


def _figures_row(f: Mapping[str, Any], who: str, metrics: Sequence[Metric]) -> tuple[Cell, ...]:
    m, cells = f["figures"][who], [cell(f"{f['number']}: {label(who)}")]
    for metric in metrics:
        value, low, high = (m.get(f"{metric.key}{end}") for end in ("", "_low", "_high"))
        cells.append(cell(format.decimal(value, metric.digits), value))
        if metric.has_interval:
            cells.append(cell(format.interval(low, high, metric.digits), low))
    return tuple(cells)


def _place(micros: int) -> str:
    """Say where a fold lies: a day, or a flat file's order, whose values are no instants."""
    return format.date_text(micros) if abs(micros) > 10**13 else f"{micros:,}"


def _calibration(evaluation: Mapping[str, Any]) -> Chart | None:
    bins = [
        b for b in evaluation.get("calibration") or [] if format.is_number(b["mean_p"]) and format.is_number(b["rate"])
    ]
    if not bins:
        return None
    top = max(*(b["mean_p"] for b in bins), *(b["high"] or b["rate"] for b in bins), 0.001)
    frame = svg.Frame(top, top, "predicted probability", "share that converted", lambda v: f"{100 * v:g}%")
    shapes = [svg.curve_shape(frame, [(0, 0), (top, top)], "even")]
    for b in bins:
        if format.is_number(b["low"]) and format.is_number(b["high"]):
            place = {"x1": frame.x(b["mean_p"]), "x2": frame.x(b["mean_p"])}
            shapes.append(
                Shape("line", {**place, "y1": frame.y(b["low"]), "y2": frame.y(b["high"]), "class": "range flat"})
            )
        shapes.append(Shape("circle", {"cx": frame.x(b["mean_p"]), "cy": frame.y(b["rate"]), "r": 5, "class": "up"}))
    columns = (
        TableColumn("predicted probability", True),
        TableColumn("converted", True),
        TableColumn("95% interval", True),
        TableColumn("snapshots", True),
    )
    rows = tuple(
        (
            cell(format.share(b["mean_p"], 2), b["mean_p"]),
            cell(format.share(b["rate"], 2), b["rate"]),
            cell(f"{format.share(b['low'], 2)} to {format.share(b['high'], 2)}", b["low"]),
            cell(format.count(b["count"]), b["count"]),
        )
        for b in bins
    )
    table = PageTable("calibration", "Predicted and observed, in bins of equal size, newest fold", columns, rows)
    shows = "Dots on the slanted line mean that of leads told 10%, 10% convert. Upright lines are 95% intervals."
    return Chart("predicted", "Do probabilities come true?", shows, *frame.drawn(*shapes), table)


def _gains(evaluation: Mapping[str, Any]) -> Chart | None:
    points = [(s, c) for s, c in evaluation.get("gains") or [] if format.is_number(s) and format.is_number(c)]
    if len(points) < 2:
        return None
    frame = svg.Frame(1.0, 1.0, "best share of leads", "share of conversions held", lambda v: f"{100 * v:g}%")
    shapes = [svg.curve_shape(frame, [(0, 0), (1, 1)], "even"), svg.curve_shape(frame, points, "line")]
    columns = (TableColumn("best share of leads", True), TableColumn("share of conversions held", True))
    rows = tuple((cell(format.share(s, 0), s), cell(format.share(c), c)) for s, c in points)
    table = PageTable(
        "gains", "What the top of the list holds, newest fold", columns, rows, folded="The curve as a table"
    )
    shows = "The further the curve stands above the slanted line, which is a list in any order, the better the ranking."
    return Chart("held", "What the top of the list holds", shows, *frame.drawn(*shapes), table)

"""The model card's figures: beside peers, calibration, parity by segment and drivers; each from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import in_order, label
from leadline.evaluation.metrics import every_metric
from leadline.report.card.markdown import paragraph, table, text
from leadline.report.text import calibration_summary, drawn_units, log_loss_gap

__all__ = ["calibration_lines", "driver_lines", "metrics_lines", "parity_lines", "with_interval"]

Record = Mapping[str, Any]
DRIVERS = 15  # that are told one by one
FEW = "too few to say"


def metrics_lines(record: Record) -> list[str]:
    """Tell the newest fold's figures by whoever scored its rows, with intervals."""
    evaluation: Record = record.get("evaluation") or {}
    folds: Sequence[Record] = evaluation.get("folds") or []
    if not folds:
        return ["No fold could be judged."]
    newest = folds[-1]
    metrics = every_metric()
    rows = [
        [label(who), *(with_interval(newest["figures"][who], metric.key, metric.digits) for metric in metrics)]
        for who in in_order(newest["figures"])
    ]
    heads = ["scored by", *(f"{metric.label} (95%)" if metric.has_interval else metric.label for metric in metrics)]
    said = (
        f"{format.count(newest['rows'], 'snapshot')}, {format.count(newest['positives'])} positive; base rate "
        f"{format.share(newest['base_rate'])}. Intervals are 95%, by cluster bootstrap over {drawn_units(record)}{' (leads where there is none)' if drawn_units(record) == 'accounts' else ''}."
    )
    return [
        said,
        table(heads, rows),
        _against(evaluation),
        _next_period(evaluation.get("next_auc")),
        _optimism(record.get("optimism")),
    ]


def with_interval(figures: Record, name: str, digits: int) -> str:
    """Say a figure with its interval, where it has one."""
    low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
    value = format.decimal(figures.get(name), digits)
    return (
        f"{value} ({format.interval(low, high, digits)})" if format.is_number(low) and format.is_number(high) else value
    )


def _against(evaluation: Record) -> str:
    gap = log_loss_gap(evaluation)
    if gap is None:
        return ""
    return (
        f"The regression’s log loss less the model’s: {format.decimal(gap[0], 4, True)} ({format.interval(gap[1], gap[2], 4)}); above 0 the "
        "model is better."
    )


def _next_period(told: Record | None) -> str:
    if not told or not format.is_number(told["low"]):
        return ""
    return f"AUC of the next period, with how much folds differ added: {format.interval(told['low'], told['high'], 3)} (95%)."


def _optimism(told: Record | None) -> str:
    if not told:
        return ""
    drawn, forward = told["drawn"], told["forward"]
    return (
        f"Optimism: under a random split the same model’s AUC would have read {format.decimal(drawn['auc'], 3)} instead of "
        f"{format.decimal(forward['auc'], 3)}, and its lift {format.decimal(drawn['lift_10'])} instead of {format.decimal(forward['lift_10'])}."
    )


def calibration_lines(record: Record) -> list[str]:
    """Tell whether probabilities come true: in bins, as a whole and by segment."""
    bins: Sequence[Record] = (record.get("evaluation") or {}).get("calibration") or []
    rows = [
        [
            format.share(b["mean_p"], 2),
            format.share(b["rate"], 2),
            format.shares(b["low"], b["high"], 2),
            format.count(b["count"]),
        ]
        for b in bins
    ]
    parts = [table(["predicted", "observed", "95% interval", "snapshots"], rows, ">>>>")] if rows else []
    told: Record | None = record.get("segments")
    if not told:
        return [*parts, "This record doesn’t tell calibration by segment."]
    whole = told["overall"]
    overall = (
        f"Overall {format.share(whole['predicted'], 2)} was predicted and {format.share(whole['observed'], 2)} observed "
        f"({format.shares(whole['low'], whole['high'], 2)}): {text(whole['verdict'])}."
    )
    by = [
        [
            f"{s['by']} = {s['level']}", format.count(s["rows"]), format.count(s["positives"]), format.share(s["predicted"], 2),
            format.share(s["observed"], 2), format.shares(s["low"], s["high"], 2), s["verdict"],
        ]
        for s in told["segments"]
    ]  # fmt: skip
    how = (
        f"Intervals are exact, at the effective number of rows, as rows of one {drawn_units(record)[:-1]} aren’t independent. A segment is miscalibrated where "
        "chance alone would make any of them look so in fewer than one of twenty such tables (Holm’s correction)."
    )
    heads = ["segment", "snapshots", "positive", "predicted", "observed", "95% interval", "verdict"]
    said = calibration_summary(told)
    return [
        paragraph(overall, text(said[:1].upper() + said[1:]) + "." if said else "", how),
        *parts,
        table(heads, by, "<>>>>><") if by else "",
    ]


def parity_lines(record: Record) -> list[str]:
    """Tell how each level of each attribute is served."""
    told: Record = record.get("segments") or {}
    every = [s for s in told.get("segments") or [] if s["by"] not in ("month", "tier")]
    rows = [
        [
            f"{s['by']} = {s['level']}", format.count(s["rows"]), format.count(s["positives"]), format.share(s["observed"]),
            _figure(s, "auc", 3), _figure(s, "selected"), _figure(s, "ratio", 2), _figure(s, "recall"),
        ]
        for s in every
    ]  # fmt: skip
    heads = ["segment", "snapshots", "positive", "base rate", "AUC", "in the best tier", "ratio to all", "recall there"]
    how = (
        "In the best tier: the share of a segment’s snapshots that are in it (selection rate), and that over the share of all. Recall "
        "there: the share of its positives that are (equal opportunity). In brackets 95% intervals, by cluster bootstrap over "
        f"{drawn_units(record)}; "
        "one in twenty misses by chance. Segments differ in base rate, so differing selection isn’t a fault by itself."
    )
    left = [f"{text(each['by'])} ({text(each['why'])})" for each in told.get("left_out") or []]
    missing = f"Not told: {'; '.join(left)}." if left else ""
    if not rows:
        return [paragraph("No attribute parts the leads of the newest fold.", missing)]
    return [paragraph(how, missing), table(heads, rows)]


def _figure(segment: Record, name: str, digits: int | None = None) -> str:
    """Say a figure of parity with its interval: a share where no digits are given."""
    value, low, high = (segment.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if not format.is_number(value):
        return FEW
    if digits is None:
        return f"{format.share(value)} ({format.shares(low, high)})"
    return f"{format.decimal(value, digits)} ({format.interval(low, high, digits)})"


def driver_lines(record: Record) -> list[str]:
    """Tell what moves scores most, which way, and how stable that is."""
    ranked: Sequence[Record] = record.get("drivers") or []
    if not ranked:
        return ["No feature matters."]
    steady: Record = record.get("stability") or {}
    stable = {str(s["group"]): s for s in steady.get("drivers") or []}
    rows = []
    for d in ranked[:DRIVERS]:
        way = ("raises" if d["direction"] > 0 else "lowers") if format.is_number(d["direction"]) else format.ABSENT
        rows.append([d["words"], format.share(d["share"]), way, *_stable(stable.get(str(d["group"])))])
    heads = [
        "what",
        "share of all contributions",
        "more of it",
        *(["share over refits", "rank over refits"] if stable else []),
    ]
    how = "Contributions are to the log odds, exact for this model. They go along with the outcome; they need not cause it."
    if steady:
        how += (
            f" Over {format.count(steady['refits'], 'model')} fitted on bootstrap samples of {drawn_units(record)}, {format.share(steady['comes_back'], 0)} of the "
            f"strongest {format.count(steady['top'])} come back."
        )
    rows = [row[: len(heads)] + [format.ABSENT] * (len(heads) - len(row)) for row in rows]
    return [how, table(heads, rows)]


def _stable(told: Record | None) -> list[str]:
    """Say the range of a driver's share and rank over refits; nothing where there is none."""
    if told is None:
        return []
    return [format.shares(told["share_low"], told["share_high"]), f"{told['rank_low']} to {told['rank_high']}"]

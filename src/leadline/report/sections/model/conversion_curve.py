"""The section on when leads get there: each window's chance predicted and observed, and what the curve is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.core import format
from leadline.report.parts import COUNTED, Collapsed, PageSection, PageTable, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["curve_section"]

TITLE = "When they convert"
HOW = (
    "The curve says how likely a lead gets there within each window (the scores’ columns p_7d and so on). It goes through the model’s probability at the horizon. The one judged here was fitted on what "
    "was known before the newest fold began. Snapshots too recent for a window are left out of its rate; the integrated Brier score weighs the others for them. Intervals: cluster bootstrap over {drawn}."
)


def curve_section(record: Mapping[str, Any]) -> PageSection | None:
    """Hold each window's chances against what came; None where the config asks for no curve."""
    told: Mapping[str, Any] | None = record.get("curve_over_time")
    if told is None:
        return None
    what = format.outcome_plural(record.get("outcome", {}))
    columns = (
        TableColumn("within"), TableColumn("snapshots old enough", True), TableColumn(f"predicted to become {what}", True), TableColumn("observed", True), TableColumn("95% interval", True),
    )  # fmt: skip
    rows = tuple(
        (
            cell(format.duration(w["window"])), cell(format.count(w["rows"]), w["rows"]), cell(format.share(w["predicted"]), w["predicted"]),
            cell(format.share(w["observed"]["value"]), w["observed"]["value"]), cell(_interval(w["observed"])),
        )
        for w in told["windows"]
    )  # fmt: skip
    table = PageTable("curve-windows", "Each window in the newest fold", columns, rows)
    return PageSection(
        "curve", TITLE, _finding(told), (table, Collapsed(COUNTED, (HOW.format(drawn=drawn_units(record)),)))
    )


def _finding(told: Mapping[str, Any]) -> str:
    gain = told["gain"]
    if not told["until"] or not format.is_number(gain["value"]):
        return "The newest fold is too recent to say how good the curve is."
    proven = (
        "better than one curve for all leads"
        if (gain["low"] or 0) > 0
        else "not proven to be better than one curve for all leads"
    )
    value, low, high = (format.decimal(gain[key], 4, True) for key in ("value", "low", "high"))
    return (
        f"Over {format.duration(told['until'])} the curve is {proven}: integrated Brier score {format.decimal(told['brier'], 4)} against {format.decimal(told['kaplan_meier'], 4)} "
        f"(lower by {value}, 95% interval {low} to {high})."
    )


def _interval(told: Mapping[str, Any]) -> str:
    return (
        f"{format.share(told['low'])}–{format.share(told['high'])}" if format.is_number(told["low"]) else format.ABSENT
    )

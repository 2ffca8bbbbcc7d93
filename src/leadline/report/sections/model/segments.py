"""The section on segments: whether probabilities hold in each, and how each is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.core import format
from leadline.report.card.performance import FEW
from leadline.report.parts import COUNTED, Cell, Collapsed, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.text import calibration_summary, drawn_units, tier_sentence

__all__ = ["calibration_section"]

SEGMENTS = "Calibration and fairness by segment"
HOW = (
    "A tier is overstated, or understated, where its own 95% interval misses what was predicted: of twenty tiers that hold, about one is called so by "
    "chance. Any other segment is miscalibrated where chance alone would make any of them look so in fewer than one of twenty such tables. In the best tier: "
    "the share of its snapshots that are there; recall there: the share of its positives that are. Intervals are 95%; those of observed shares are "
    "exact, at the effective number of rows, the others by cluster bootstrap over {drawn}. Segments differ in base rate, so differing "
    "selection isn’t a fault by itself."
)
CARD = "What the model is for, what it is not for and its known limits stand in its model card, model-card.md, beside it in its folder."


def calibration_section(record: Mapping[str, Any]) -> PageSection:
    """Say in how many segments of the newest fold probabilities hold, and fold the figures away."""
    told: Mapping[str, Any] | None = record.get("segments")
    if not told:
        return PageSection("segments", SEGMENTS, "This run judged no segments.", (CARD,))
    whole, every = told["overall"], told["segments"]
    found = (
        f"Over all leads of the newest fold {format.share(whole['predicted'])} was predicted and {format.share(whole['observed'])} observed "
        f"(95% interval {format.shares(whole['low'], whole['high'])})."
    )
    off = sum(s["verdict"] in ("miscalibrated", "overstated", "understated") for s in every)
    tiers = _sentence(tier_sentence(every))
    found = f"{tiers} {found}" if tiers else found
    parts: list[Part] = [_sentence(calibration_summary(told))] if every else []
    if every:
        columns = (
            TableColumn("segment"),
            TableColumn("snapshots", True),
            TableColumn("positive", True),
            TableColumn("predicted", True),
            TableColumn("observed", True),
            TableColumn("95% interval", True),
            TableColumn("verdict"),
            TableColumn("AUC", True),
            TableColumn("in the best tier", True),
            TableColumn("recall there", True),
        )
        folded = f"{format.count(len(every), 'segment')}, {format.count(off)} off"
        parts.append(
            PageTable("held", "The newest fold by segment", columns, tuple(_row(s) for s in every), folded=folded)
        )
        parts.append(Collapsed(COUNTED, (HOW.format(drawn=drawn_units(record)),)))
    return PageSection("segments", SEGMENTS, found, (*parts, CARD))


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _row(s: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(f"{s['by']} = {s['level']}"),
        cell(format.count(s["rows"]), s["rows"]),
        cell(format.count(s["positives"]), s["positives"]),
        cell(format.share(s["predicted"]), s["predicted"]),
        cell(format.share(s["observed"]), s["observed"]),
        cell(format.shares(s["low"], s["high"]), s["low"]),
        cell(s["verdict"]),
        *(_figure(s, name) for name in ("auc", "selected", "recall")),
    )


def _figure(s: Mapping[str, Any], name: str) -> Cell:
    """Say a figure of parity with its interval; months and tiers have none."""
    if s["by"] in ("month", "tier"):
        return cell(format.ABSENT)
    value, low, high = (s.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if not format.is_number(value):
        return cell(FEW)
    if name == "auc":
        return cell(f"{format.decimal(value)} ({format.interval(low, high)})", value)
    return cell(f"{format.share(value)} ({format.shares(low, high)})", value)

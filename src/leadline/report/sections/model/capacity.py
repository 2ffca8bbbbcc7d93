"""The section on the threshold: what the capacity would have brought, and a control with which the reader moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.parts import COUNTED, Cell, Collapsed, Control, PageSection, PageTable, TableColumn, cell
from leadline.report.text import capacity_sentences

__all__ = ["capacity_section"]

CUT = "Choose the threshold"


def capacity_section(record: Mapping[str, Any]) -> PageSection:
    """Say what the capacity would have brought, and let the reader move it."""
    cuts: Sequence[Mapping[str, Any]] = record.get("capacity") or []
    if not cuts:
        return PageSection(
            "cut", CUT, "A flat file has no weeks, so there is no weekly capacity to choose a threshold for."
        )
    asked = record.get("outcome", {})
    what, within = format.outcome_plural(asked), format.outcome(asked)
    fine: Sequence[Mapping[str, Any]] = record.get("curve") or cuts
    now = len(cuts) // 2  # the capacity table has the config's capacity in the middle
    here = cuts[now]
    worked = format.decimal(here["leads_per_week"], 1).removesuffix(".0")
    found = (
        f"Working the best {worked} leads a week through the newest fold, none twice within the horizon, finds {format.decimal(here['expected'], 1)} {what} "
        f"a week: {format.share(here['precision'])} of the leads worked (precision), and {format.share(here['recall'])} of all leads that became {what} (recall)."
    )
    start = next((n for n, c in enumerate(fine) if c["probability"] == here["probability"]), len(fine) // 2)
    every = PageTable(
        "cuts", "Every threshold that the control knows", _cut_columns(what), tuple(_cut_row(c) for c in fine), start,
        "Every threshold as a table",
    )  # fmt: skip
    table = PageTable(
        "capacity", "Half to double the capacity", _cut_columns(what), tuple(_cut_row(c) for c in cuts), now
    )
    how = (
        f"Each night the best open leads are worked until the week’s room is full, and a lead that was worked isn’t worked again within the horizon, as "
        f"its outcome is still open. A lead is one of the expected {what} where it {within} of the night that picked it; it counts once. The folds before were "
        "worked at today’s capacity, so that the first week has no easier start. The threshold is the one at or above which so many leads stand in an average week; “precision "
        "near threshold” is of the leads around it, a fifth of that list above and below. They are what the newest fold brought, which the model had not seen."
    )
    steady: Mapping[str, Any] = record.get("tier_stability") or {}
    parts = (
        _room_for_all(here),
        table,
        Control(every, start, "Leads that sales work in a week"),
        _own(steady, what),
        " ".join(capacity_sentences(steady)),
        Collapsed(COUNTED, (how,)),
    )
    return PageSection("cut", CUT, found, tuple(part for part in parts if part))


ALL = 0.8  # of the open leads; who can work so many needs no ranking


def _room_for_all(here: Mapping[str, Any]) -> str:
    """Say where sales can work nearly all who are open: then it hardly matters whom first."""
    if not format.is_number(here["recall"]) or here["recall"] < ALL:
        return ""
    return (
        f"At this capacity sales work nearly all open leads: {format.share(here['recall'], 0)} of those that get there are found whoever ranks, so ranking "
        "changes little but the order. Set capacity.leads_per_week to what sales really work."
    )


def _own(steady: Mapping[str, Any], what: str) -> PageTable | None:
    """Tell what each owner or territory's own capacity would have brought, where capacity is told by one."""
    rows, by = tuple(_named_row(c) for c in steady.get("own") or []), str(steady.get("by"))
    if not rows:
        return None
    return PageTable("own", f"By {by}, each at its own capacity", (TableColumn(by), *_cut_columns(what)), rows)


def _cut_columns(what: str) -> tuple[TableColumn, ...]:
    return (
        TableColumn("leads a week", True, "worked"),
        TableColumn(f"{what} a week", True, "found, each lead once"),
        TableColumn("precision", True, f"share of them that become {what}"),
        TableColumn("recall", True, f"share of all {what} that they are"),
        TableColumn(f"missed {what} a week", True, "each lead once"),
        TableColumn("threshold", True, "probability"),
        TableColumn("precision near threshold", True, f"share of those around it that become {what}"),
        TableColumn("leads per night", True, "at or above a fixed threshold"),
    )


def _cut_row(c: Mapping[str, Any]) -> tuple[Cell, ...]:
    missed = c["expected"] / c["recall"] - c["expected"] if format.is_number(c["recall"]) and c["recall"] > 0 else None
    return (
        cell(format.decimal(c["leads_per_week"], 1), c["leads_per_week"]),
        cell(format.decimal(c["expected"]), c["expected"]),
        cell(format.share(c["precision"]), c["precision"]),
        cell(format.share(c["recall"]), c["recall"]),
        cell(format.decimal(missed), missed),
        cell(format.share(c["probability"], 2), c["probability"]),
        cell(format.share(c.get("marginal")), c.get("marginal")),
        cell(_night(c), c.get("night")),
    )


def _named_row(c: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (cell(str(c["name"])), *_cut_row(c))


def _night(c: Mapping[str, Any]) -> str:
    """Say how many leads a night has, and by how many that varies."""
    return (
        f"{format.decimal(c['night'], 0)} ± {format.decimal(c['night_spread'], 0)}"
        if format.is_number(c["night"])
        else format.ABSENT
    )

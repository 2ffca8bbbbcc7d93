"""What an SQL cost: by source, by campaign and by month, where the tables tell what was spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.parts import Cell, Collapsed, PageTable, Part, TableColumn, cell

__all__ = ["spending_parts"]

Record = Mapping[str, Any]
MOST = 300  # rows of campaigns by month that a page can bear


def spending_parts(told: Record) -> list[Part]:
    """Say what an SQL cost; where nothing tells it, how to have it told."""
    cost, one = told["cost"], format.sold(told["stages"])
    what = f"What {'a' if one == 'win' else 'an'} {one} cost"
    if cost is None:
        return [
            f"{what} isn’t told: it takes tables.spend, and an attribute that tells a lead’s campaign (funnel.campaign)."
        ]
    every = cost["all"]
    if not every["leads"]:
        return [
            f"{what} isn’t told: no month with spend is old enough to count yet, or no lead names a campaign that money was spent on."
        ]
    if not every["cost"] > 0:
        return [
            f"{what} isn’t told: {format.decimal(every['cost'], 0)} was spent in all, by the table of spend (LL128)."
        ]
    each = (
        f"{format.decimal(every['each'], 0)} each (95% interval {format.interval(every['low'], every['high'], 0)})"
        if format.is_number(every["each"])
        else "none"
    )
    parts: list[Part] = [
        f"Cost per {one}: {format.decimal(every['cost'], 0)} was spent on campaigns in months old enough to count, and of the {format.count(every['leads'], 'lead')} that they brought in "
        f"these months {format.count(every['sqls'])} {_became(one)} within {format.count(round(told['within']), 'day')}: {each}, in the unit of the source.{_left_out(cost)}"
    ]
    if cost["source"]:
        parts += _revenue_part(cost, told)
        parts.append(_table("source", f"Cost per {one} by source, the dearest first", cost["source"], one))
    folded: list[PageTable] = [
        _table("campaign", f"Cost per {one} by campaign, the dearest first", cost["campaign"], one),
        _table("month", f"Cost per {one} by month of the lead’s creation", cost["month"], one),
    ]
    if 0 < len(cost["cells"]) <= MOST:
        folded.append(_cells(cost["cells"], one))
    return [*parts, Collapsed(f"Cost per {one} by campaign and month", tuple(folded))]


def _became(one: str) -> str:
    """Say what so many leads did; `one` is the stage's word."""
    return {"SQL": "became SQL", "win": "were won"}.get(one, "became opportunities")


def _left_out(cost: Record) -> str:
    """Say what money isn't among it."""
    told = [
        (cost["censored"], "of months too recent to count"),
        (cost["unknown"], "on campaigns that no lead names"),
    ]
    parts = [f"{format.decimal(money, 0)} {words}" for money, words in told if money]
    several = (
        f" {format.decimal(cost['several'], 0)} went to campaigns with leads of several sources, and isn’t told by source."
        if cost["several"]
        else ""
    )
    return (f" Left out: {format.join(parts)}." if parts else "") + several


def _columns(one: str, *first: str) -> tuple[TableColumn, ...]:
    return (
        *(TableColumn(name) for name in first),
        TableColumn("spent", True),
        TableColumn("leads", True),
        TableColumn("opportunities" if one == "opportunity" else f"{one}s", True),
        TableColumn(f"cost per {one}", True),
        TableColumn("95% interval", True),
    )


def _revenue_part(cost: Record, told: Record) -> list[Part]:
    """Lay revenue beside spend by source, of leads old enough to have won; say why, where it can't be told."""
    rows: list[Record] = [{**cost["all"], "level": "all"}, *cost["source"]]
    if cost["all"]["revenue"] is None:
        return [
            "Revenue by source isn’t told: it takes deals with a lead, a close date, a stage and an amount (tables.opportunities), none of which is below 0."
        ]
    within = format.count(round(told["won_within"]), "day")
    columns = (
        TableColumn("source"), TableColumn("spent", True), TableColumn("won", True, f"leads, within {within}"), TableColumn("revenue", True, "of their deals"),
        TableColumn("revenue per spend", True), TableColumn("95% interval", True), TableColumn("cost per win", True), TableColumn("its interval", True),
    )  # fmt: skip
    cells = tuple(_revenue_row(r["level"], r["revenue"]) for r in rows if r["revenue"] is not None)
    caption = f"What the spend brought, by source: leads that had {within} to be won, credited to their first touch"
    return [PageTable("revenue-source", caption, columns, cells, 0)]


def _revenue_row(level: str, r: Record) -> tuple[Cell, ...]:
    high = format.decimal(r["win_high"], 0) if format.is_number(r["win_high"]) else "no end"
    few = not format.is_number(r["low"])
    return (
        cell(level),
        cell(format.decimal(r["cost"], 0), r["cost"]),
        cell(format.count(r["wins"]), r["wins"]),
        cell(format.decimal(r["amount"], 0), r["amount"]),
        cell(format.decimal(r["per_spend"], 1), r["per_spend"]),
        cell(
            "too few wins to say"
            if few and format.is_number(r["per_spend"])
            else format.interval(r["low"], r["high"], 1),
            r["low"],
        ),
        cell(format.decimal(r["per_win"], 0) if r["wins"] else "no win", r["per_win"]),
        cell(
            f"{format.decimal(r['win_low'], 0)} to {high}" if format.is_number(r["win_low"]) else format.ABSENT,
            r["win_low"],
        ),
    )


def _figures(f: Record, one: str) -> tuple[Cell, ...]:
    high = format.decimal(f["high"], 0) if format.is_number(f["high"]) else "no end"
    return (
        cell(format.decimal(f["cost"], 0), f["cost"]),
        cell(format.count(f["leads"]), f["leads"]),
        cell(format.count(f["sqls"]), f["sqls"]),
        cell(f"no {one}" if not f["sqls"] else format.decimal(f["each"], 0), f["each"]),
        cell(f"{format.decimal(f['low'], 0)} to {high}" if format.is_number(f["low"]) else format.ABSENT, f["low"]),
    )


def _table(by: str, caption: str, figures: Sequence[Record], one: str) -> PageTable:
    rows = tuple((cell(f["level"]), *_figures(f, one)) for f in figures)
    return PageTable(f"cost-{by}", caption, _columns(one, by), rows)


def _cells(figures: Sequence[Record], one: str) -> PageTable:
    rows = tuple((cell(f["campaign"]), cell(f["month"]), *_figures(f, one)) for f in figures)
    caption = f"Cost per {one} by campaign and month, where 20 leads came in"
    return PageTable("cost-cells", caption, _columns(one, "campaign", "month"), rows)

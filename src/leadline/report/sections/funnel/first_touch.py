"""The funnel's speed: from a lead's first event to SQL, and from MQL to sales' first touch, against the SLA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.report.charts import plots
from leadline.report.parts import Cell, Chart, PageTable, Part, TableColumn, cell

__all__ = ["days", "hours", "left_out_lines", "speed_parts"]

Record = Mapping[str, Any]
SHOWN = 12


def days(length: Any) -> str:
    """Say days; less than two are said in hours.

    Examples
    --------
    >>> days(13.94), days(0.5), days(None)
    ('13.9 days', '12.0 hours', '–')
    """
    if not format.is_number(length):
        return format.ABSENT
    return f"{format.decimal(length, 1)} days" if length >= 2 else f"{format.decimal(length * 24, 1)} hours"


def hours(length: Any) -> str:
    """Say hours; two days and more are said in days.

    Examples
    --------
    >>> hours(12.95), hours(72), hours(None)
    ('12.9 hours', '3.0 days', '–')
    """
    return days(length / 24) if format.is_number(length) else format.ABSENT


def speed_parts(told: Record) -> list[Part]:
    """Say how long the way to SQL takes, and how soon sales touches an MQL."""
    parts: list[Part] = []
    first, one = told["first_act"], format.sold(told["stages"])
    if first is not None and first["leads"] >= MIN_GROUP_SIZE:
        low, median, high = first["days"]
        parts.append(
            f"From a lead’s first event to {one}: {days(median)} at the median (quartiles {days(low)} to {days(high)}), of "
            f"{format.count(first['leads'], 'lead')} that {'became SQL' if one == 'SQL' else 'reached it'} within {format.count(round(told['within']), 'day')} of their creation."
        )
    wants = told.get("purchase_act")
    if wants is not None and wants["leads"] >= MIN_GROUP_SIZE:
        low, median, high = wants["days"]
        parts.append(
            f"From a lead’s first event to its first of purchase intent, such as a demo request: {days(median)} at the median (quartiles {days(low)} to {days(high)}), of "
            f"{format.count(wants['leads'])} of {format.count(wants['of'], 'lead')} that showed it within {format.count(round(told['within']), 'day')}."
        )
    return [*parts, *_touches(told)]


def _touches(told: Record) -> list[Part]:
    touched = told["touches"]
    if touched is None:
        return [
            "Sales’ own touches aren’t among the tables (tables.touches), so the time to the first touch isn’t told."
        ]
    every = touched["all"]
    if every["mqls"] < MIN_GROUP_SIZE:
        return [f"Of {format.count(every['mqls'], 'MQL')} it is on record when sales touched them: too few to say."]
    table = _table(told, touched)
    months = _months(touched) if told["sla"] else []
    return [
        _sentence(told, touched),
        _chart(touched, table) if told["sla"] else table,
        *months,
        *_compared(told, touched),
    ]


def _sentence(told: Record, touched: Record) -> str:
    every, within = touched["all"], ""
    if told["sla"]:
        promised = hours(told["sla"] * 24).replace(".0 ", " ")
        within = (
            f"{format.share(every['rate'])} were touched by sales within the {promised} of the SLA (95% interval "
            f"{format.share(every['low'])} to {format.share(every['high'])}), "
        )
    return (
        f"From MQL to sales’ first touch: of {format.count(every['mqls'], 'MQL')}, {within}half within {hours(every['median'])}, {_p90(every)} "
        f"({format.count(every['never'])} not yet, or never).{_lately(touched) if told['sla'] else ''}"
    )


def _lately(touched: Record) -> str:
    """Say how the newest month does beside all before it."""
    months = [m for m in touched["months"] if m["mqls"] >= MIN_GROUP_SIZE]
    if len(months) < 2:
        return ""
    newest = months[-1]
    before = sum(m["within"] for m in months[:-1]) / sum(m["mqls"] for m in months[:-1])
    return (
        f" In {newest['level']}{', so far,' if newest['so_far'] else ''} it was {format.share(newest['rate'])} of {format.count(newest['mqls'])} "
        f"({format.shares(newest['low'], newest['high'])}), in the months before {format.share(before)}."
    )


def _months(touched: Record) -> list[Part]:
    """Draw the share within the SLA by month, up to the newest day that can be told."""
    months: Sequence[Record] = touched["months"]
    columns = (
        TableColumn("month of MQL"), TableColumn("MQLs", True), TableColumn("within the SLA", True), TableColumn("95% interval", True),
    )  # fmt: skip
    rows = tuple(
        (
            cell(m["level"]),
            cell(format.count(m["mqls"]), m["mqls"]),
            cell("too few to say")
            if m["mqls"] < MIN_GROUP_SIZE
            else cell(f"{format.share(m['rate'])}{' so far' if m['so_far'] else ''}", m["rate"]),
            cell(format.ABSENT) if m["mqls"] < MIN_GROUP_SIZE else cell(format.shares(m["low"], m["high"]), m["low"]),
        )
        for m in months
    )
    table = PageTable("touched-months", "Within the SLA by month", columns, rows, folded="Every month as a table")
    values = [m["rate"] if m["mqls"] >= MIN_GROUP_SIZE else None for m in months]
    recent = next((n for n, m in enumerate(months) if m["so_far"]), None)
    if sum(v is not None for v in values) < 2:
        return [table]
    shows = "The share of each month’s MQLs that sales touched within the SLA; it is known once the SLA is over. Dashed is a month that isn’t over."
    names = [str(m["level"]) for m in months]
    return [
        Chart(
            "touched-by-month",
            "Within the SLA by month",
            shows,
            *plots.line_chart(names, [("within the SLA", values, recent)]),
            table,
        )
    ]


def left_out_lines(told: Record) -> list[str]:
    """Say who isn't among those whose first touch is told, and of which kind first touches were."""
    touched = told["touches"]
    if touched is None:
        return []
    kinds = ", ".join(f"{name} {format.count(n)}" for name, n in touched["kinds"].items())
    return [
        f"From MQL to sales’ first touch, two kinds are left out: {format.count(touched['before'], 'MQL')} that sales had touched before, and "
        f"{format.count(touched['decided'])} that were decided before a touch was due.{f' First touches by kind: {kinds}.' if kinds else ''} A lead that was "
        "decided without a touch counts as the longest wait; one that waits still tells only that it waited so long."
    ]


def _p90(figures: Record) -> str:
    return (
        f"nine in ten within {hours(figures['p90'])}"
        if format.is_number(figures["p90"])
        else "and more than one in ten not at all"
    )


def _table(told: Record, touched: Record) -> PageTable:
    sla = (TableColumn("within the SLA", True), TableColumn("95% interval", True)) if told["sla"] else ()
    columns = (
        TableColumn("source"),
        TableColumn("MQLs", True, "whose SLA is over" if told["sla"] else "old enough to count"),
        *sla,
        TableColumn("median", True, "until the first touch; never counts as longest"),
        TableColumn("90th percentile", True),
        TableColumn("not touched", True, "so far"),
    )
    rows: Sequence[Record] = [{"level": "all", **touched["all"]}, *touched["source"], *_more(touched)]
    return PageTable("touches", "Time from MQL to sales’ first touch", columns, tuple(_row(r, bool(sla)) for r in rows))


def _more(touched: Record) -> list[Record]:
    """List campaigns where no attribute tells the source."""
    return [] if len(touched["source"]) > 1 else list(touched["campaign"])


def _row(r: Record, sla: bool) -> tuple[Cell, ...]:
    if r["mqls"] < MIN_GROUP_SIZE:
        blank = [cell(format.ABSENT)] * (4 if sla else 2)
        return (cell(r["level"]), cell(format.count(r["mqls"]), r["mqls"]), cell("too few to say"), *blank)
    within = (
        cell(format.share(r["rate"]), r["rate"]),
        cell(f"{format.share(r['low'])} to {format.share(r['high'])}", r["low"]),
    ) if sla else ()  # fmt: skip
    return (
        cell(r["level"]),
        cell(format.count(r["mqls"]), r["mqls"]),
        *within,
        cell(hours(r["median"]) if format.is_number(r["median"]) else "never", r["median"]),
        cell(hours(r["p90"]) if format.is_number(r["p90"]) else "never", r["p90"]),
        cell(format.count(r["never"]), r["never"]),
    )


def _chart(touched: Record, table: PageTable) -> Chart:
    rows = [
        (r["level"], r["rate"], r["low"], r["high"], format.share(r["rate"]))
        for r in [{"level": "all", **touched["all"]}, *touched["source"][:SHOWN]]
        if r["mqls"] >= MIN_GROUP_SIZE
    ]
    shows = (
        "A dot for the share of each source’s MQLs that sales touched within the SLA, with a line for its 95% interval; "
        f"drawn are the {SHOWN} largest sources that have {MIN_GROUP_SIZE} MQLs, and the table has all."
    )
    return Chart("touched-in-time", "MQLs touched within the SLA", shows, *plots.share_chart(rows, end=1.0), table)


def _compared(told: Record, touched: Record) -> list[Part]:
    """Say what became of MQLs by whether they were touched in time; it is no proof that speed does it."""
    if touched["compared"] is None:
        return []
    on, late = touched["compared"]["in_time"], touched["compared"]["late"]
    if min(on["mqls"], late["mqls"]) < MIN_GROUP_SIZE:
        return ["Too few MQLs were touched in time, or too few weren’t, to compare what became of them."]
    apart = on["low"] > late["high"] or on["high"] < late["low"]
    sure = "The intervals lie apart" if apart else "The intervals overlap, so chance may explain the difference"
    return [
        f"Of {format.count(on['mqls'], 'MQL')} that were touched in time and still open when the SLA ran out, {format.share(on['rate'])} became SQL after that "
        f"({format.share(on['low'])} to {format.share(on['high'])}); of {format.count(late['mqls'])} that had not been touched by then, {format.share(late['rate'])} did "
        f"({format.share(late['low'])} to {format.share(late['high'])}), within {format.count(round(told['within']), 'day')} of MQL. {sure}. This is association, not cause: "
        "sales may call first those that look best."
    ]

"""The section on the funnel: who goes on from rung to rung, by source, campaign and month; how fast, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.report.charts import plots
from leadline.report.parts import COUNTED, Cell, Chart, Collapsed, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.sections.funnel.cost_per_sql import spending_parts
from leadline.report.sections.funnel.first_touch import days, left_out_lines, speed_parts

__all__ = ["funnel_section"]

TITLE = "The funnel"
BY = {"source": "source", "campaign": "campaign"}
PER = 1_000

Record = Mapping[str, Any]


def funnel_section(record: Record) -> PageSection | None:
    """Say how many go on from each rung to the next, how fast and at what cost; nothing for a flat file."""
    told = record["funnel"]
    if told is None:
        return None
    steps: Sequence[Record] = told["all"]
    if not any(step["entered"] >= MIN_GROUP_SIZE for step in steps):
        return PageSection("funnel", TITLE, _unripe(told), (_how(told),))
    parts: list[Part] = [
        _chart(told, steps),
        *_levels(told),
        *_months(told),
        *speed_parts(told),
        *spending_parts(told),
        _how(told),
    ]
    return PageSection("funnel", TITLE, _funnel_finding(told), tuple(parts))


def _funnel_finding(told: Record) -> str:
    """Say the narrowest step, and the whole way."""
    steps = [s for s in told["all"] if s["entered"] >= MIN_GROUP_SIZE]
    names = {(s["start"], s["end"]): s for s in steps}
    main = names.get(("mql", "sql")) or names.get(("lead", "sql")) or steps[0]
    median = main["days"][1]
    after = f", after {days(median)} at the median" if format.is_number(median) else ""
    whole = names.get(("lead", "won")) or names.get(("mql", "won"))
    rest = ""
    if whole is not None:
        rest = f"; from {format.stage(whole['start'])} to won it is {format.share(whole['rate'])} within {_length(told['won_within'])}"
    return (
        f"Of {format.count(main['entered'])} {format.stages(main['start'])} that have had {_length(told['within'])}, {format.share(main['rate'])} reached "
        f"{format.stage(main['end'])} in that time (95% interval {_interval(main)}){after}{rest}."
    )


def _unripe(told: Record) -> str:
    return (
        f"No step of the funnel has {MIN_GROUP_SIZE} leads old enough to count yet: of {format.count(told['leads'], 'lead')}, too few have had the {_length(told['within'])} "
        "that everybody is given for a step."
    )


def _chart(told: Record, steps: Sequence[Record]) -> Chart:
    """Draw what becomes of a thousand leads at each step's own rate."""
    columns = (
        TableColumn("step"),
        TableColumn("leads", True, "old enough to count at the lower stage"),
        TableColumn("went on", True),
        TableColumn("share", True),
        TableColumn("95% interval", True),
        TableColumn("lost or rejected", True, "in that time"),
        TableColumn("median time", True, "of those that stood at both"),
        TableColumn("quartiles", True),
        TableColumn("too recent to count", True),
    )
    table = PageTable("steps", "Each step of all leads", columns, tuple(_step_row(s) for s in steps))
    rows: list[tuple[str, float, str]] = [("leads", float(PER), format.count(PER))]
    left = float(PER)
    for start, end in zip(told["stages"], told["stages"][1:], strict=False):
        step = next(s for s in steps if (s["start"], s["end"]) == (start, end))
        if step["entered"] < MIN_GROUP_SIZE:
            break
        left *= step["rate"]
        rows.append(
            (
                format.stage(end),
                left,
                f"{format.count(round(left))} ({format.share(step['rate'])} of the {format.stages(start)})",
            )
        )
    shows = (
        f"A bar for each stage, as wide as the number of {format.count(PER)} leads that get there at each step’s own rate; the table has the "
        "rates with their intervals."
    )
    return Chart("funnel-all", f"What becomes of {format.count(PER)} leads", shows, *plots.funnel_chart(rows), table)


def _step_row(step: Record) -> tuple[Cell, ...]:
    low, median, high = step["days"]
    quartiles = (
        f"{format.decimal(low, 1)} to {format.decimal(high, 1)} days" if format.is_number(low) else format.ABSENT
    )
    return (
        cell(f"{format.stage(step['start'])} → {format.stage(step['end'])}"),
        cell(format.count(step["entered"]), step["entered"]),
        cell(format.count(step["reached"]), step["reached"]),
        rate_cell(step),
        cell(_interval(step), step["low"]),
        cell(format.count(step["ended"]), step["ended"]),
        cell(days(median), median),
        cell(quartiles, low),
        cell(format.count(step["censored"]), step["censored"]),
    )


def rate_cell(step: Record) -> Cell:
    """Say a step's share; too few are said to be so."""
    if step["entered"] < MIN_GROUP_SIZE:
        return cell("too few to say")
    return cell(format.share(step["rate"]), step["rate"])


def _interval(step: Record) -> str:
    return format.shares(step["low"], step["high"]) if step["entered"] >= MIN_GROUP_SIZE else format.ABSENT


def _length(days_long: float) -> str:
    return format.count(round(days_long), "day")


def _levels(told: Record) -> list[Part]:
    """Lay a table for sources and one, folded away, for campaigns."""
    parts: list[Part] = []
    for by, word in BY.items():
        if told[by]:
            columns = (
                TableColumn(word),
                TableColumn("leads", True),
                *_step_columns(told),
                TableColumn(f"lead → {format.sold(told['stages'])}, median", True),
                TableColumn(f"first event → {format.sold(told['stages'])}, median", True),
                TableColumn("first event → purchase intent, median", True),
            )
            rows = tuple(_level_row(level, told) for level in told[by])
            folded = "The same by campaign" if by == "campaign" else ""
            parts.append(PageTable(f"funnel-{by}", f"By {word}", columns, rows, folded=folded))
        else:
            parts.append(
                f"No attribute tells a lead’s {word}; name it as funnel.{by} in the config to see the funnel by {word}."
            )
    return parts


def _step_columns(told: Record) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(f"{format.stage(s['start'])} → {format.stage(s['end'])}", True) for s in told["all"])


def _level_row(level: Record, told: Record) -> tuple[Cell, ...]:
    way = next((s for s in level["steps"] if (s["start"], s["end"]) == ("lead", "sql")), None)
    median = way["days"][1] if way is not None else None
    return (
        cell(level["level"]),
        cell(format.count(level["leads"]), level["leads"]),
        *(rate_cell(s) for s in level["steps"]),
        cell(days(median), median),
        *(_wait_cell(level.get(name)) for name in ("first_act", "purchase_act")),
    )


def _wait_cell(told: Record | None) -> Cell:
    """Say a median of days since the first event."""
    if told is None or told["leads"] < MIN_GROUP_SIZE:
        return cell("too few to say" if told else format.ABSENT)
    return cell(days(told["days"][1]), told["days"][1])


def _months(told: Record) -> list[Part]:
    """Draw the rates by month; what isn't ripe is said to be so, and has no rate yet."""
    months: Sequence[Record] = told["months"]
    while months and not months[-1]["leads"] and not any(s["stood"] for s in months[-1]["steps"]):
        months = months[:-1]
    if not months:
        return []
    columns = (TableColumn("month"), TableColumn("new leads", True), *_step_columns(told))
    rows = tuple(
        (cell(m["month"]), cell(format.count(m["leads"]), m["leads"]), *(_month_cell(s) for s in m["steps"]))
        for m in months
    )
    table = PageTable("funnel-months", "By month", columns, rows, folded="Every month as a table")
    series: list[tuple[str, list[float | None], int | None]] = []
    for wanted in (("lead", "sql"), ("mql", "sql"), ("mql", "won")):
        place = next((n for n, s in enumerate(told["all"]) if (s["start"], s["end"]) == wanted), None)
        if place is None:
            continue
        steps = [m["steps"][place] for m in months]
        values = [_plotted_rate(s) for s in steps]
        recent = next((n for n, s in enumerate(steps) if not s["complete"]), None)
        if sum(v is not None for v in values) > 1:
            series.append((f"{format.stage(wanted[0])} → {format.stage(wanted[1])}", values, recent))
    if not series:
        return [table]
    shows = (
        "A line for each step, with a mark for each month whose leads have all had their time; dashed are newer months, so far: they still rise. "
        "The line breaks where fewer than 20 leads stood. The month is that in which the lower stage was entered."
    )
    names = [m["month"] for m in months]
    return [Chart("funnel-by-month", "Conversion by month", shows, *plots.line_chart(names, series), table)]


def _plotted_rate(step: Record) -> float | None:
    if step["complete"]:
        return step["rate"] if step["entered"] >= MIN_GROUP_SIZE else None
    return step["so_far"] / step["stood"] if step["stood"] >= MIN_GROUP_SIZE else None


def _month_cell(step: Record) -> Cell:
    if not step["complete"]:
        few = step["stood"] < MIN_GROUP_SIZE
        return cell("too recent to count") if few else cell(f"{format.share(step['so_far'] / step['stood'])} so far")
    return rate_cell(step)


def _how(told: Record) -> Collapsed:
    return Collapsed(COUNTED, (
        f"Everybody gets the same time: {_length(told['within'])} for a step, {_length(told['won_within'])} for the way from lead{' or MQL' if 'mql' in told['stages'] else ''} to won "
        "(funnel.within and funnel.won_within in the config). A newer month shows what its leads have reached so far, marked, and is in no rate. A lead is old enough to count for a step once that time is over since it stood at the lower "
        f"stage; stages are known up to {format.date_text(told['until'])}. A month counts once all its leads do. So an old and a new cohort are compared alike, "
        "and no rate grows by waiting.",
        "A stage that was skipped counts as reached at the time of the next one, and tells no time. "
        "A lead that was rejected and came back still counts where it got to. Records that were merged count as one person, by the survivor’s source. "
        "Months are those of UTC.",
        "Intervals are exact, at the number of independent leads that the leads of accounts amount to; of twenty, about one misses. "
        f"Below {MIN_GROUP_SIZE} leads nothing is said, and a source or campaign that fewer share has no name here.",
        *left_out_lines(told),
    ))  # fmt: skip

"""The section on assets, such as ROI calculators: who used them, and what followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import plots, svg
from leadline.report.parts import Cell, Chart, PageSection, PageTable, TableColumn, cell

__all__ = ["assets_section", "days_cell"]

TITLE = "Assets: who used them, what followed"
UNMARKED = (
    "The config marks no asset; give the behaviours that are the use of one the key asset, as in "
    "roi_calculator: {intent: evaluation, asset: ROI calculator}."
)
FOLLOWED = ("next", "sql", "opportunity", "won")


def assets_section(record: Mapping[str, Any]) -> PageSection | None:
    """Say who used which asset, and what followed; nothing for a flat file."""
    told: Mapping[str, Any] | None = record["assets"]
    if told is None and "events" not in record.get("tables", {}):
        return None
    if told is None:
        return PageSection("assets", TITLE, UNMARKED)
    rows: Sequence[Mapping[str, Any]] = told["assets"]
    within, won_within = format.duration(told["within"]), format.duration(told["won_within"])
    followed = (
        f"What followed is counted from each lead's first use, where its {within} ({won_within} for a win) are over and the lead hadn't been "
        "there before. Days to SQL are of those who reached it after the use, however late: longer waits are still to come."
    )
    others = (
        f"Beside the others: snapshots with a use in the last {format.duration(told['window'])} against snapshots {_similar_leads_note(told)} without one. "
        "This is association, not cause: whoever is about to buy asks for these."
    )
    crossed = [
        _crossed(rows, key, title, told)
        for key, title in (("by_role", "role"), ("by_source", "source"))
        if any(a[key] for a in rows)
    ]
    return PageSection(
        "assets",
        TITLE,
        _assets_finding(rows, told),
        (*_by_number(told), _used(rows, within, won_within), followed, _sure(rows), _beside(rows), others, *crossed),
    )


def _by_number(told: Mapping[str, Any]) -> list[Chart | PageTable | str]:
    """Draw conversion by how many distinct assets a lead used: two or three tell more than any one of them."""
    levels: Sequence[Mapping[str, Any]] = told.get("by_number") or ()
    known = [p for p in levels if format.is_number(p["rate"])]
    if len(known) < 2:
        return []
    window = format.duration(told["window"])
    columns = (
        TableColumn("distinct assets used", means=f"last {window}"), TableColumn("leads", True), TableColumn("conversion", True, "of their snapshots"), TableColumn("95% interval", True),
    )  # fmt: skip
    rows = tuple(
        (
            cell(p["level"]), cell(format.count(p["leads"]), p["leads"]),
            cell("too few to say") if p["too_few"] else cell(format.share(p["rate"]), p["rate"]),
            cell(format.ABSENT) if p["too_few"] else cell(format.shares(p["low"], p["high"]), p["low"]),
        )
        for p in levels
    )  # fmt: skip
    table = PageTable("assets-number", "Conversion by the number of distinct assets used", columns, rows)
    drawn = [(p["level"], p["rate"], p["low"], p["high"], format.share(p["rate"])) for p in known]
    shows = "A dot for the share of snapshots that converted, by how many distinct assets the lead had used lately, with a line for its 95% interval."
    return [Chart("assets-together", "One asset, or several", shows, *plots.share_chart(drawn), table)]


def _similar_leads_note(told: Mapping[str, Any]) -> str:
    return "of the same intent stages" if told["staged"] else "of all others"


def _assets_finding(rows: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> str:
    most = rows[0]
    said = f"The {most['name']} is used most, by {format.count(most['leads'], 'lead')} of {format.count(most['accounts'], 'account')}"
    sure = [a for a in rows if a["beside"] and not a["beside"]["too_few"] and format.is_number(a["beside"]["lift"])]
    if not sure:
        return f"{said}; too few leads used any asset lately to say what goes with it."
    best = max(sure, key=lambda a: a["beside"]["lift"])
    b = best["beside"]
    levels = {p["level"]: p for p in told.get("by_number") or () if format.is_number(p["rate"])}
    if {"none", "3 and more"} <= set(levels):
        said += f"; with three distinct assets or more used lately {format.share(levels['3 and more']['rate'])} convert, with none {format.share(levels['none']['rate'])}"
    return (
        f"{said}; most goes with the {best['name']}: {format.share(b['with_it'])} of its recent users convert, and {format.share(b['without_it'])} of leads "
        f"{_similar_leads_note(told)} without it, {format.decimal(b['lift'], 1)} times as many (95% interval {format.interval(b['low'], b['high'], 1)})."
    )


def _used(rows: Sequence[Mapping[str, Any]], within: str, won_within: str) -> PageTable:
    columns = (
        TableColumn("asset"),
        TableColumn("leads", True),
        TableColumn("accounts", True),
        TableColumn("next stage", True, f"within {within}"),
        TableColumn("SQL", True, f"within {within}"),
        TableColumn("opportunity", True, f"within {within}"),
        TableColumn("won", True, f"within {won_within}"),
        TableColumn("days to SQL", True, "median, middle half"),
    )
    return PageTable(
        "assets-used", "Who used each asset, and what followed", columns, tuple(_used_row(a) for a in rows)
    )


def _used_row(asset: Mapping[str, Any]) -> tuple[Cell, ...]:
    followed = {part["level"]: part for part in asset["followed"]}
    _, *days = asset["days"]
    return (
        cell(asset["name"]),
        cell(format.count(asset["leads"]), asset["leads"]),
        cell(format.count(asset["accounts"]), asset["accounts"]),
        *(_share(followed[kind]) for kind in FOLLOWED),
        days_cell(*days),
    )


def _share(part: Mapping[str, Any]) -> Cell:
    return cell("too few to say") if part["too_few"] else cell(format.share(part["rate"]), part["rate"])


def _sure(rows: Sequence[Mapping[str, Any]]) -> PageTable:
    """Lay out the intervals of what followed, folded away."""
    columns = (
        TableColumn("asset"),
        *(TableColumn(title, True, "95% interval, of") for title in ("next stage", "SQL", "opportunity", "won")),
    )
    lines = tuple((cell(a["name"]), *(_interval(part) for part in a["followed"])) for a in rows)
    return PageTable("assets-sure", "How sure what followed is", columns, lines, folded="Intervals of what followed")


def _interval(part: Mapping[str, Any]) -> Cell:
    said = "too few" if part["too_few"] else format.shares(part["low"], part["high"])
    return cell(f"{said} of {format.count(part['leads'])}", part["low"])


def days_cell(early: Any, median: Any, late: Any) -> Cell:
    """Say a median of days with its quartiles."""
    if not format.is_number(median):
        return cell("too few to say")
    digits = 1 if median < 10 else 0
    return cell(f"{format.decimal(median, digits)} ({format.interval(early, late, digits)})", median)


def _beside(rows: Sequence[Mapping[str, Any]]) -> Chart | PageTable:
    columns = (
        TableColumn("asset"),
        TableColumn("leads", True, "used it lately, in some snapshot"),
        TableColumn("conversion with it", True),
        TableColumn("alike, without it", True),
        TableColumn("lift", True),
        TableColumn("95% interval", True),
    )
    told = sorted((a for a in rows if a["beside"]), key=lambda a: -(a["beside"]["lift"] or 0))
    table = PageTable(
        "assets-beside",
        "Recent users beside leads alike",
        columns,
        tuple(_beside_row(a["name"], a["beside"]) for a in told),
    )
    drawn = [
        (a["name"], b["lift"], b["low"], b["high"], f"{format.decimal(b['lift'], 1)} times")
        for a in told
        if format.is_number((b := a["beside"])["lift"]) and b["low"] > 0
    ]
    shows = "A dot for each asset's lift over leads alike with a line for its 95% interval, on a log scale; the grey mark stands at 1."
    return (
        Chart("assets-lift", "Conversion beside leads alike", shows, *svg.interval_chart(drawn), table)
        if drawn
        else table
    )


def _beside_row(name: str, b: Mapping[str, Any]) -> tuple[Cell, ...]:
    if b["too_few"]:
        return (
            cell(name),
            cell(format.count(b["leads"]), b["leads"]),
            *(cell(t) for t in (format.ABSENT, format.ABSENT, "too few to say", format.ABSENT)),
        )
    return (
        cell(name),
        cell(format.count(b["leads"]), b["leads"]),
        cell(format.share(b["with_it"]), b["with_it"]),
        cell(format.share(b["without_it"]), b["without_it"]),
        cell(format.decimal(b["lift"], 2), b["lift"]),
        cell(format.interval(b["low"], b["high"]), b["low"]),
    )


def _crossed(rows: Sequence[Mapping[str, Any]], key: str, title: str, told: Mapping[str, Any]) -> PageTable:
    """Lay roles or sources out against assets: the share of each one's leads that used it."""
    levels = {level: of for a in rows for level, _, of in a[key]}
    users = {(a["name"], level): n for a in rows for level, n, _ in a[key]}
    columns = (TableColumn(title), TableColumn("leads", True), *(TableColumn(a["name"], True) for a in rows))
    lines = tuple(
        (
            cell(_words(level)),
            cell(format.count(of), of),
            *(
                cell(f"{format.share(n / of)} ({format.count(n)})", n / of)
                for a in rows
                for n in (users[a["name"], level],)
            ),
        )
        for level, of in levels.items()
    )
    caption = f"The share of all leads of a {title} that used each asset"
    return PageTable(f"assets-{key}", caption, columns, lines, folded=f"Which {title} uses which asset")


def _words(level: str) -> str:
    return level.replace("_", " ")

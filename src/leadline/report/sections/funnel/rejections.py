"""The section on what sales rejected, and why: bad fit, bad timing and bad data, by source, tier and month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.report.charts import plots, svg
from leadline.report.parts import Cell, Chart, PageSection, PageTable, Part, TableColumn, cell

__all__ = ["rejections_section"]

TITLE = "Disqualification reasons"
KINDS = {
    "fit": "bad fit", "timing": "bad timing", "data": "bad data", "other": "other reasons", "none": "no reason given",
}  # fmt: skip
SHOWN = 12
DO = (
    "What each asks for: bad fit, a closer look at who is targeted and at the sources that bring them; bad timing, a date to come back and "
    "nurture until then; bad data, a check where the lead comes in. Which reason is which stands under “rejections” in the config; leadline’s own "
    "words serve where it is silent."
)

Record = Mapping[str, Any]


def rejections_section(record: Record) -> PageSection | None:
    """Say why leads were rejected, by kind of reason, and how many of each tier were accepted; nothing for a flat file."""
    told = record["rejected"]
    if told is None:
        return None
    if told["handed"] < MIN_GROUP_SIZE:
        funnel = record.get("funnel") or {"stages": ("mql",)}
        late = f", {format.count(told['handed'])} of them as MQL or later" if "mql" in funnel["stages"] else ""
        said = f"{format.count(told['leads'], 'lead')} were rejected{late}: too few to say why."
        return PageSection("rejected", TITLE, said)
    parts: list[Part] = [*_reasons(told), *_by_source(told), *_tiers(told), *_months(told), DO]
    return PageSection("rejected", TITLE, _rejections_finding(told), tuple(parts))


def _rejections_finding(told: Record) -> str:
    kinds, leads = told["kinds"], sum(told["kinds"].values())
    if kinds["none"] == leads:
        return f"{format.count(leads, 'lead')} were rejected as MQL or later, and no reason is on record: name the column as tables.stages.reason, or have sales pick one."
    given = leads - kinds["none"]
    shares = [
        f"{format.share(kinds[kind] / given, 0)} for {KINDS[kind]}"
        for kind in ("fit", "timing", "data", "other")
        if kinds[kind]
    ]
    known = "of these, " if given == leads else f"of the {format.count(given)} of these with a reason, "
    return f"{format.count(told['leads'], 'lead')} were rejected, {format.count(leads)} of them as MQL or later; {known}{format.join(shares)}{_by_tier(told['tiers'])}."


def _by_tier(tiers: Sequence[Record]) -> str:
    """Say how many of the best and of the last tier were accepted."""
    sure = [t for t in tiers if t["leads"] >= MIN_GROUP_SIZE]
    if len(sure) < 2:
        return ""
    first, last = sure[0], sure[-1]
    return (
        f"; of the MQLs that it decided on, sales accepted {format.share(first['rate'], 0)} of tier {first['level']} and "
        f"{format.share(last['rate'], 0)} of tier {last['level']}"
    )


def _reasons(told: Record) -> list[Part]:
    rows = tuple(
        (
            cell(r["reason"]),
            cell(KINDS.get(r["kind"], r["kind"])),
            cell(format.count(r["leads"]), r["leads"]),
            cell(format.share(r["leads"] / sum(told["kinds"].values())), r["leads"]),
        )
        for r in told["reasons"]
    )
    columns = (
        TableColumn("reason"),
        TableColumn("kind"),
        TableColumn("leads", True),
        TableColumn("share", True, "of all MQLs that were rejected"),
    )
    if not rows:
        return []
    table = PageTable("rejection-reasons", "Reasons that 20 leads share; the others by kind", columns, rows)
    drawn = [
        (r["reason"], float(r["leads"]), format.count(r["leads"], "lead"), "flat") for r in told["reasons"][:SHOWN]
    ]
    shows = "A bar for each reason, as long as the number of MQLs that were rejected for it."
    return [Chart("why-rejected", "Why leads were rejected", shows, *svg.bar_chart(drawn), table)]


def _by_source(told: Record) -> list[Part]:
    if not told["source"]:
        return []
    table = PageTable(
        "rejected-source",
        "Rejected MQLs by source",
        _columns("source", told),
        tuple(_row(r, told) for r in told["source"]),
    )
    return [_stacked("rejected-by-source", "Why, by source", told["source"], table)]


def _used(told: Record) -> list[str]:
    """List the kinds of reasons that anybody was rejected for."""
    return [kind for kind in KINDS if told["kinds"][kind]]


def _columns(first: str, told: Record) -> tuple[TableColumn, ...]:
    return (
        TableColumn(first),
        TableColumn("rejected", True),
        *(TableColumn(KINDS[kind], True, "share of them") for kind in _used(told)),
    )


def _row(r: Record, told: Record) -> tuple[Cell, ...]:
    few = r["leads"] < MIN_GROUP_SIZE
    shares = [r["kinds"][kind] / r["leads"] if r["leads"] else None for kind in _used(told)]
    cells = [
        cell("too few to say") if few and n == 0 else cell(format.ABSENT) if few else cell(format.share(s), s)
        for n, s in enumerate(shares)
    ]
    return (cell(r["level"]), cell(format.count(r["leads"]), r["leads"]), *cells)


def _stacked(key: str, title: str, levels: Sequence[Record], table: PageTable) -> Chart | PageTable:
    used = [kind for kind in KINDS if any(r["kinds"][kind] for r in levels)]
    rows = [
        (r["level"], [float(r["kinds"][kind]) for kind in used], format.count(r["leads"], "lead"))
        for r in levels[:SHOWN]
        if r["leads"] >= MIN_GROUP_SIZE
    ]
    if not rows:
        return table
    shows = (
        "A bar of equal length for each, cut by the share of each kind of reason among the leads that were rejected."
    )
    return Chart(key, title, shows, *plots.stacked_bars(rows, [KINDS[kind] for kind in used]), table)


def _tiers(told: Record) -> list[Part]:
    """Say how many of each tier were accepted, and why the others weren't."""
    tiers: Sequence[Record] = told["tiers"]
    if not tiers:
        return [
            "Acceptance by tier isn’t told: no lead that sales decided was scored by a model that hadn’t been fitted on it."
        ]
    columns = (
        TableColumn("tier"), TableColumn("decided", True), TableColumn("accepted", True, "SQL before any rejection"), TableColumn("share", True),
        TableColumn("95% interval", True), *(TableColumn(KINDS[kind], True, "of those rejected") for kind in _used(told)),
    )  # fmt: skip
    table = PageTable(
        "accepted-tiers",
        "Of the leads that sales decided on, how many of each tier it accepted",
        columns,
        tuple(_tier_row(t, told) for t in tiers),
    )
    drawn = [
        (
            f"tier {t['level']}",
            t["rate"],
            t["low"],
            t["high"],
            f"{format.share(t['rate'])} of {format.count(t['leads'])}",
        )
        for t in tiers
        if t["leads"] >= MIN_GROUP_SIZE
    ]
    how = (
        "The tier is what the model would have given a lead at its last snapshot before sales decided, by a model that wasn’t fitted on it. "
        "Accepted means SQL; leads on which nothing was decided aren’t counted, so these shares are far higher than the share of all leads of a tier "
        "that become SQL within the horizon."
    )
    if not drawn:
        return [table, how]
    shows = "A dot for the share of each tier’s decided leads that sales accepted, with a line for its 95% interval."
    return [Chart("accepted-by-tier", "Accepted by tier", shows, *plots.share_chart(drawn, end=1.0), table), how]


def _tier_row(t: Record, told: Record) -> tuple[Cell, ...]:
    few = t["leads"] < MIN_GROUP_SIZE
    counts = [t["kinds"][kind] for kind in _used(told)]
    shares = [n / t["rejected"] if t["rejected"] >= MIN_GROUP_SIZE else None for n in counts]
    return (
        cell(t["level"]),
        cell(format.count(t["leads"]), t["leads"]),
        cell(format.count(t["accepted"]), t["accepted"]),
        cell("too few to say") if few else cell(format.share(t["rate"]), t["rate"]),
        cell(format.ABSENT if few else format.shares(t["low"], t["high"]), None if few else t["low"]),
        *(cell(format.share(s), s) for s in shares),
    )


def _months(told: Record) -> list[Part]:
    rows = tuple(_row(m, told) for m in told["months"])
    caption = "Rejected MQLs by month of the rejection"
    return [PageTable("rejected-months", caption, _columns("month", told), rows, folded="By month")] if rows else []

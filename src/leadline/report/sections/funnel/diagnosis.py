"""The section on the diagnosis: the band of MQL to SQL conversion of each source and campaign, and what to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.insights.diagnosis import HIGH, LOW, MEDIAN
from leadline.report.charts import plots
from leadline.report.parts import (
    COUNTED,
    BulletList,
    Cell,
    Chart,
    Collapsed,
    PageSection,
    PageTable,
    Part,
    TableColumn,
    cell,
)

__all__ = ["diagnosis_section"]

TITLE = "Diagnosis: what to change"
SHOWN = 12
BANDS = {
    "low": f"under {format.share(LOW, 0)}", "middle": f"{100 * LOW:.0f} to {format.share(HIGH, 0)}", "high": f"over {format.share(HIGH, 0)}",
}  # fmt: skip
ADVICE = {
    "pause": "pause it, or nurture its leads first: few convert, an SQL costs more than over all, and its spend brings less revenue",
    "tighten": "hand fewer of its leads to sales: raise the threshold for it, or nurture them first",
    "feed": "feed it: more than one in five converts, at no more than the common cost, and its spend isn’t shown to bring less revenue",
    "loosen": "hand more of its leads to sales; look at its cost and revenue before spending more on it",
    "costs": "look at its cost: an SQL costs more than over all, and its spend brings less revenue",
    "revenue first": "don’t cut it for its cost per SQL alone: that its spend brings less revenue isn’t shown",
    "keep": "leave it as it is",
    "wait": "too uncertain to act on; look again when more leads are old enough to count",
    "none": "",
}
ACTED = ("pause", "tighten", "feed", "loosen")

Record = Mapping[str, Any]


def diagnosis_section(record: Record) -> PageSection | None:
    """Say which band conversion lies in, by source and campaign, and what may be tried; nothing for a flat file."""
    told = record["diagnosis"]
    if told is None:
        why = "No table tells when marketing passed leads on and when sales took them, so this conversion can’t be diagnosed."
        return PageSection("diagnosis", TITLE, why) if record.get("funnel") else None
    within = format.count(round(record["funnel"]["within"]), "day")
    if told["all"]["entered"] < MIN_GROUP_SIZE:
        return PageSection(
            "diagnosis",
            TITLE,
            f"Only {format.count(told['all']['entered'], 'MQL')} had {within} to become SQL: too few to say.",
        )
    parts: list[Part] = [*_levels(told, within), *_threshold(told, record)]
    return PageSection("diagnosis", TITLE, _diagnosis_finding(told, within), (*parts, Collapsed(COUNTED, (_means(),))))


def band_words(bands: Sequence[str]) -> str:
    """Say a band, or the bands between which it can't be told.

    Examples
    --------
    >>> band_words(["low"]), band_words(["low", "middle"]), band_words([])
    ('under 10%', 'either under 10% or 10 to 20%', 'too few to say')
    """
    if not bands:
        return "too few to say"
    if len(bands) > 2:
        return "any of the three"
    words = [BANDS.get(band, band) for band in bands]
    return words[0] if len(words) == 1 else f"either {words[0]} or {words[1]}"


def _diagnosis_finding(told: Record, within: str) -> str:
    every = told["all"]
    bands = every["bands"]
    place = (
        f"{'in the band of ' if bands == ['middle'] else ''}{BANDS.get(bands[0], bands[0])}"
        if len(bands) == 1
        else f"which is {band_words(bands)}"
    )
    low, high = ([level["level"] for level in told["source"] if level["bands"] == [band]] for band in ("low", "high"))
    named = [
        f"surely {BANDS[band]}: {format.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
        for band, names in (("low", low), ("high", high))
        if names
    ]
    sources = (
        f"; {'; '.join(named)}"
        if named
        else "; no source is surely outside that band"
        if told["source"] and bands == ["middle"]
        else ""
    )
    return (
        f"{format.share(every['rate'])} of MQLs become SQL within {within} (95% interval {format.share(every['low'])} to {format.share(every['high'])}), {place}, "
        f"where B2B’s median is about {format.share(MEDIAN, 0)}{sources}."
    )


def _levels(told: Record, within: str) -> list[Part]:
    """Draw sources with the bands, and lay tables of sources and of campaigns."""
    parts: list[Part] = []
    for by in ("source", "campaign"):
        levels: Sequence[Record] = told[by]
        if not levels:
            continue
        paid = any(level["cost"] for level in levels)
        columns = (
            TableColumn(by), TableColumn("MQLs", True, "old enough to count"), TableColumn("became SQL", True), TableColumn("share", True, f"within {within}"),
            TableColumn("95% interval", True), TableColumn("band", False, "that the interval lies in"),
            *((TableColumn("cost per SQL", True), TableColumn("revenue per spend", True, "first touch")) if paid else ()), TableColumn("what to try"),
        )  # fmt: skip
        rows = tuple(_row(level, paid) for level in [{**told["all"], "level": "all"}, *levels])
        folded = "The same by campaign" if by == "campaign" else ""
        table = PageTable(f"diagnosis-{by}", f"MQL to SQL by {by}", columns, rows, folded=folded)
        sure = [level for level in levels if level["entered"] >= MIN_GROUP_SIZE]
        parts.append(_chart(told, sure, table) if by == "source" and sure else table)
    named = [
        f"{level['level']} ({by}): {ADVICE.get(level['advice'], '')}."
        for by in ("source", "campaign")
        for level in told[by]
        if level["advice"] in ACTED
    ]
    picked = _cherry_picking(told)
    return [*([BulletList(tuple(named[:10]))] if named else []), *([picked] if picked else []), *parts]


def _cherry_picking(told: Record) -> str:
    """Say, of sources of which more than one in five MQLs becomes SQL, how many SQLs become opportunities: too sure, or too loose?"""
    said = [
        f"{s['level']} {format.share(o['rate'], 0)} of {format.count(o['entered'])}"
        for s in told["source"]
        if s["bands"] == ["high"] and (o := s.get("to_opportunity")) is not None and o["entered"] >= MIN_GROUP_SIZE
    ]
    if not said:
        return ""
    return (
        f"Of sources surely over {format.share(HIGH, 0)}, so many SQLs become opportunities: {format.join(said)}. Where nearly all do, sales may take only the surest "
        "leads and leave others; where under 30% do, an SQL may be defined too loosely."
    )


def _row(level: Record, paid: bool) -> tuple[Cell, ...]:
    few = level["entered"] < MIN_GROUP_SIZE
    per_spend = (level["revenue"] or {}).get("per_spend")
    cost = (
        (
            cell(
                format.decimal(level["each"], 0) if format.is_number(level["each"]) else _no_cost(level), level["each"]
            ),
            cell(format.decimal(per_spend, 1), per_spend),
        )
        if paid
        else ()
    )
    return (
        cell(level["level"]),
        cell(format.count(level["entered"]), level["entered"]),
        cell(format.count(level["reached"]), level["reached"]),
        cell("too few to say") if few else cell(format.share(level["rate"]), level["rate"]),
        cell(
            format.ABSENT if few else format.shares(level["low"], level["high"]),
            None if few else level["low"],
        ),
        cell(band_words(level["bands"])),
        *cost,
        cell("" if few and level["advice"] == "wait" else ADVICE.get(level["advice"], "")),
    )


def _no_cost(level: Record) -> str:
    return "no SQL yet" if level["cost"] else format.ABSENT


def _chart(told: Record, levels: Sequence[Record], table: PageTable) -> Chart:
    rows = [
        (level["level"], level["rate"], level["low"], level["high"], format.share(level["rate"]))
        for level in [{**told["all"], "level": "all"}, *levels[:SHOWN]]
    ]
    shows = (
        "A dot for each source’s share of MQLs that become SQL, with a line for its 95% interval; marks stand at 10%, at the "
        "median of B2B companies, and at 20%."
    )
    marks = ((LOW, "10%"), (MEDIAN, "median"), (HIGH, "20%"))
    end = max(1.25 * HIGH, 1.2 * max(high for _, _, _, high, _ in rows))  # values stand at the right
    return Chart("mql-to-sql", "MQL to SQL by source", shows, *plots.share_chart(rows, marks, end), table)


def _threshold(told: Record, record: Record) -> list[Part]:
    """Say what another threshold would do to volume and precision, by the backtest."""
    said_of = {
        "tighten": "So many MQLs come to nothing that a higher threshold is worth trying: fewer leads for sales, of which more convert.",
        "loosen": "So many MQLs convert that a lower threshold is worth trying: more leads for sales, of which fewer convert, and more SQLs in all.",
        "keep": "Over all the threshold need not move; what sales can work decides.",
        "wait": "Over all the band isn’t sure, so nothing speaks for moving the threshold yet.",
    }
    words = said_of.get(told["threshold"], said_of["wait"])
    cuts: Sequence[Record] = told["cuts"]
    if not cuts:
        return [f"{words} What it would do can’t be told here: no threshold was judged."]
    asked = record.get("outcome", {})
    what, within = format.outcome_plural(asked), format.duration(asked.get("within"))
    columns = (
        TableColumn("threshold"), TableColumn("leads a week", True, "volume"), TableColumn(f"expected {what}", True, "among them"),
        TableColumn("precision", True, f"share of them that become {what} within {within}"), TableColumn("recall", True, f"share of all {what} that they are"),
    )  # fmt: skip
    named = list(
        zip(("tighter: half the capacity", "today’s capacity", "looser: twice the capacity"), cuts, strict=True)
    )
    rows = [_cut_row(name, cut) for name, cut in named]
    if told["same"] is not None:
        rows.append(
            _cut_row(f"as many as there are MQLs now ({format.decimal(told['mqls_per_week'], 0)} a week)", told["same"])
        )
    tight, now, loose = cuts
    said = (
        f"{words} In the backtest’s newest fold, half as many leads a week ({format.decimal(tight['leads_per_week'], 0)}, not {format.decimal(now['leads_per_week'], 0)}) "
        f"would have had a precision of {format.share(tight['precision'])}, not {format.share(now['precision'])}, and {format.decimal(tight['expected'], 1)} expected {what} a week, not "
        f"{format.decimal(now['expected'], 1)}; twice as many, {format.share(loose['precision'])} and {format.decimal(loose['expected'], 1)}."
    )
    caption = "What another threshold would do, were leads handed to sales by the model’s score"
    return [said, PageTable("thresholds", caption, columns, tuple(rows), 1)]


def _cut_row(name: str, cut: Record) -> tuple[Cell, ...]:
    return (
        cell(name),
        cell(format.decimal(cut["leads_per_week"], 1), cut["leads_per_week"]),
        cell(format.decimal(cut["expected"]), cut["expected"]),
        cell(format.share(cut["precision"]), cut["precision"]),
        cell(format.share(cut["recall"]), cut["recall"]),
    )


def _means() -> str:
    return (
        "A band is named where the 95% interval lies in it; else it could be either. Of twenty intervals about one misses, so don’t act on one source "
        "out of many without looking twice. Cost counts as higher, or lower, than over all where its interval doesn’t hold the overall cost. "
        "Revenue per spend is of older leads, as deals take longer; it counts as lower only where its interval lies below that of all. "
        "Leads are credited to their first touch. Conversion isn’t worth: a source that converts rarely may bring larger deals."
    )

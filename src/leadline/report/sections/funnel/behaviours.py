"""The section on what goes with conversion: behaviours as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import svg
from leadline.report.parts import Cell, Chart, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.sections.funnel.assets import days_cell
from leadline.report.sections.model.drivers import direction_words, effect_shown
from leadline.report.sections.model.model_plots import model_plot_parts

__all__ = ["behaviours_section"]

PREDICTS = "What predicts conversion"
NOT_A_CAUSE = (
    "This is association, not cause: keen leads do more of everything, so asking a lukewarm lead to do the same need not "
    "make it convert. Of twenty 95% intervals, about one misses the truth by chance."
)


def behaviours_section(record: Mapping[str, Any]) -> PageSection:
    """Compare each behaviour's conversion with and without it."""
    told = record["behaviours"]
    rows: Sequence[Mapping[str, Any]] = told["behaviours"]
    if not rows:
        return PageSection("predicts", PREDICTS, "The data hold no events, so there is no behaviour to compare.")
    asked, window = record.get("outcome", {}), format.duration(told["window"])
    sure = [b for b in rows if not b["too_few"]]
    table = _behaviour_table(rows, told.get("timings", ()), window, asked)
    means = (
        f"A lead counts as having a behaviour where it had it in the {window} before a snapshot. Lift is conversion with the "
        "behaviour over conversion without it; its interval treats an account as one draw. The model’s weight is the "
        "behaviour’s share of all contributions to scores, over all windows; acts count in the model as activity and by intent too, "
        f"so a behaviour that goes with others may show a lift and yet weigh little. Compared are {format.count(told['snapshots'], 'snapshot')} of "
        f"{format.count(told['leads'], 'lead')} ({format.count(told['positive_leads'])} with a positive one); conversion of all is "
        f"{format.share(told['conversion'])}. Too few to say: fewer than 20 leads, or fewer than 5 positive ones, with it or without it."
        + (
            f" Days to {_single_behaviour_note(asked)} run from a lead's last such act to it, of the leads that reached it."
            if told.get("timings")
            else ""
        )
    )
    parts: tuple[Chart | PageTable, ...] = (_lift_chart(sure, table),) if sure else (table,)
    after: tuple[Part, ...] = (*_by_intent(told, window), means, *_by_source(told, window), *model_plot_parts(record))
    return PageSection("predicts", PREDICTS, _found_of(rows, sure, asked, window), (NOT_A_CAUSE, *parts, *after))


def _found_of(
    rows: Sequence[Mapping[str, Any]], sure: Sequence[Mapping[str, Any]], asked: Mapping[str, Any], window: str
) -> str:
    few = len(rows) - len(sure)
    if not sure:
        return f"Of {format.count(len(rows), 'behaviour')}, none was seen often enough to say what goes with it."
    up, down = sum((b["low"] or 0) > 1 for b in sure), sum((b["high"] or 1) < 1 for b in sure)
    best = sure[0]
    rest = f", and {few} are too few to say" if few > 1 else ", and one is too few to say" if few else ""
    return (
        f"Of {format.count(len(rows), 'behaviour')}, {up or 'none'} go with more conversion and {down or 'none'} with less{rest}; the highest lift has "
        f"“{best['words']}”: with it in the last {window}, {format.share(best['with_it'])} convert, without it "
        f"{format.share(best['without_it'])}, which is {format.decimal(best['lift'], 1)} times as many "
        f"(95% interval {format.interval(best['low'], best['high'], 1)})."
    )


def _behaviour_table(
    rows: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]], window: str, asked: Mapping[str, Any]
) -> PageTable:
    days = {t["behaviour"]: t for t in timings}
    columns = (
        TableColumn("behaviour"),
        TableColumn("intent"),
        TableColumn("leads with it", True),
        TableColumn("reach", True, "of all leads"),
        TableColumn("conversion with it", True),
        TableColumn("without it", True),
        TableColumn("lift", True),
        TableColumn("95% interval", True),
        *((TableColumn(f"days to {_single_behaviour_note(asked)}", True, "median, middle half"),) if days else ()),
        TableColumn("model’s weight", True, "share of all contributions"),
        TableColumn("having it … the score"),
    )
    lines = tuple(_behaviour_row(b, (_days(days.get(b["name"])),) if days else ()) for b in rows)
    return PageTable("behaviours", f"Behaviours in the {window} before a snapshot", columns, lines)


def _single_behaviour_note(asked: Mapping[str, Any]) -> str:
    """Say the outcome's name in the singular."""
    return {"won": "the win", "opportunity": "opportunity"}.get(str(asked.get("reaches")), "SQL")


def _days(timing: Mapping[str, Any] | None) -> Cell:
    return cell(format.ABSENT) if timing is None else days_cell(timing["early"], timing["median"], timing["late"])


def _lift(b: Mapping[str, Any]) -> tuple[Cell, Cell]:
    """Say a lift and its interval."""
    if b["too_few"]:
        return cell("too few to say"), cell(format.ABSENT)
    return cell(format.decimal(b["lift"], 2), b["lift"]), cell(format.interval(b["low"], b["high"]), b["low"])


def _by_intent(told: Mapping[str, Any], window: str) -> tuple[PageTable, ...]:
    """Lay out the lift of acts of each intent."""
    rows: Sequence[Mapping[str, Any]] = told["intents"]
    if not rows:
        return ()
    columns = (
        TableColumn("events of"), TableColumn("leads with any", True), TableColumn("conversion with any", True), TableColumn("without", True), TableColumn("lift", True),
        TableColumn("95% interval", True),
    )  # fmt: skip
    lines = tuple(
        (
            cell(f"{b['name']} intent"), cell(format.count(b["leads"]), b["leads"]), cell(format.share(b["with_it"]), b["with_it"]),
            cell(format.share(b["without_it"]), b["without_it"]), *_lift(b),
        )
        for b in rows
    )  # fmt: skip
    return (PageTable("by-intent", f"By intent, in the {window} before a snapshot", columns, lines),)


def _by_source(told: Mapping[str, Any], window: str) -> tuple[PageTable, ...]:
    """Lay out each behaviour's lift in each source, folded away."""
    split: Mapping[str, Any] | None = told["by_source"]
    if not split:
        return ()
    sources = zip(split["sources"], split["leads"], strict=True)
    columns = (
        TableColumn("behaviour"),
        *(TableColumn(svg.shorten(str(s), 28), True, format.count(n, "lead")) for s, n in sources),
    )
    words = {b["name"]: b["words"] for b in told["behaviours"]}
    lines = tuple((cell(words[name]), *map(_lift_cell, lifts)) for name, lifts in split["lifts"])
    caption = f"Lift in the {window} before a snapshot by {split['attribute']}, with its 95% interval"
    return (PageTable("by-source", caption, columns, lines, folded=f"Lift of each behaviour by {split['attribute']}"),)


def _lift_cell(b: Mapping[str, Any]) -> Cell:
    if b["too_few"] or not format.is_number(b["lift"]):
        return cell("too few to say")
    return cell(f"{format.decimal(b['lift'], 1)} ({format.interval(b['low'], b['high'], 1)})", b["lift"])


def _behaviour_row(b: Mapping[str, Any], days: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return (
        cell(b["words"]),
        cell(b["intent"]),
        cell(format.count(b["leads"]), b["leads"]),
        cell(format.share(b["reach"]), b["reach"]),
        cell(format.share(b["with_it"]), b["with_it"]),
        cell(format.share(b["without_it"]), b["without_it"]),
        *_lift(b),
        *days,
        cell(format.share(b["weight"]) if format.is_number(b["weight"]) else "not used", b["weight"]),
        _effect_cell(b),
    )


def _effect_cell(b: Mapping[str, Any]) -> Cell:
    """Say which way a behaviour moves the score; where its lift surely goes the other way, others explain it."""
    shown = effect_shown(b["effect"], b)
    explained = shown is None and format.is_number(b["effect"])
    return cell("other behaviours explain it" if explained else direction_words(shown), shown)


def _lift_chart(sure: Sequence[Mapping[str, Any]], table: PageTable) -> Chart:
    drawn = [
        (b["words"], b["lift"], b["low"], b["high"], f"{format.decimal(b['lift'], 1)} times")
        for b in sure
        if all(format.is_number(b[key]) and b[key] > 0 for key in ("lift", "low", "high"))
    ]
    shows = (
        "A dot for each behaviour's lift with a line for its 95% interval, on a log scale; the grey mark stands at 1, where a "
        "behaviour goes with neither more nor less conversion."
    )
    return Chart("lifts", "Lift of each behaviour", shows, *svg.interval_chart(drawn), table)

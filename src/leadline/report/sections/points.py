"""The section on the scorecard: the model as an integer points table, what that costs, and where its thresholds lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import label
from leadline.points.exports import decayed_points
from leadline.report.parts import COUNTED, Cell, Collapsed, PageSection, PageTable, TableColumn, cell

__all__ = ["scorecard_section"]

TITLE = "Scorecard"
RANKED = ("model", "card", "points", "logistic")
KINDS = {
    "behaviour": "event", "intent": "events", "any": "events", "age": "age", "role": "role", "account": "account", "icp": "fit", "attribute": "fit",
}  # fmt: skip
MOST_DAYS = 4  # columns of what an event still earns
READ = (
    "A lead’s score is the sum of the points of all rows that hold of it. Windows are the decay: an event of yesterday earns the "
    "rows of every window that it lies in, and loses them one by one as it ages. Rows on an attribute exclude each other. More, or "
    "more recent, events never undo points, unless the model says that leads with the event are the worse ones."
)
MADE = (
    "The card is a sparse regression on what rule editors can ask, fitted to the model’s out-of-fold scores and rounded to whole "
    "points; what colleagues do, rates, trends and the stages themselves can’t be asked there and aren’t in it. The figures are of a "
    "card that was made in the same way of the rows before the newest fold alone; the card above is made of all folds."
)
FILES = (
    "“leadline report” writes the card beside this page as CSV, and laid out as the rule editors of HubSpot and Marketo ask; neither "
    "imports scoring rules from a file, so the lines are typed in, or sent by a script."
)


def scorecard_section(record: Mapping[str, Any]) -> PageSection:
    """Show the card, its thresholds, and what it is worth beside the model and the current scoring rules."""
    told: Mapping[str, Any] = record["points_card"]
    if not told["rows"]:
        return PageSection("points", TITLE, f"There is no scorecard: {told['reason']}.")
    what = format.outcome_plural(record.get("outcome", {}))
    parts: list[PageTable | Collapsed | str] = [
        _rows(told["rows"]),
        READ,
        _bands(told, "the MQL threshold" if _has_mqls(record) else "the threshold for sales"),
        *_ranker_tables(told, record.get("rules_audit") or {}),
    ]
    if told["worth"]:
        parts += [_worth(told["worth"], what, told["weekly"])]
    parts += [FILES, Collapsed(COUNTED, (MADE,))]
    return PageSection("points", TITLE, _scorecard_finding(told, what), tuple(parts))


def _scorecard_finding(told: Mapping[str, Any], what: str) -> str:
    many, worth = format.count(len(told["rows"]), "row"), told["worth"]
    if not worth:
        return (
            f"The model as a table of {many} of whole points; what it keeps of the model isn’t known: {told['reason']}."
        )
    kept, by = worth["kept"], worth["by"]
    rest = f", current scoring rules {_n(by['points']['expected']['value'])}" if "points" in by else ""
    room = f"{format.decimal(worth['room'], 1).removesuffix('.0')} leads{' a week' if told['weekly'] else ''}"
    return (
        f"A table of {many} of whole points keeps {format.share(kept['value'], 0)} of the model’s lift on the same future leads (95% interval "
        f"{format.shares(kept['low'], kept['high'], 0)}): working the best {room}, each lead once, it finds {_n(by['card']['expected']['value'])} {what}{' a week' if told['weekly'] else ''}, the model "
        f"{_n(by['model']['expected']['value'])}{rest}."
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> PageTable:
    columns = (TableColumn("points for"), TableColumn("kind"), TableColumn("points", True))
    cells = tuple(
        (cell(r["what"]), cell(KINDS.get(r["kind"], r["kind"])), cell(_points(r["points"]), r["points"])) for r in rows
    )
    return PageTable("points-card", f"The card: {format.count(len(rows), 'row')}", columns, cells)


def _ranker_tables(card: Mapping[str, Any], audit: Mapping[str, Any]) -> list[PageTable]:
    """Lay what each behaviour earns by the current scoring rules beside what one event of it earns by the card, and when it loses that."""
    known = {r["behaviours"][0]: r["words"] for r in card["rows"] if r["kind"] == "behaviour"}
    paid = {
        s["behaviour"]: (r["given"], s)
        for r, s in zip(audit.get("rules") or (), audit.get("definitions") or (), strict=False)
        if s["behaviour"]
    }
    known |= {name: said["words"] for name, (_, said) in paid.items()}
    if not known:
        return []
    ages = [0.0, *sorted({r["days"] for r in card["rows"] if r["days"]})][:MOST_DAYS]
    columns = (
        TableColumn("a lead that once"),
        TableColumn("points now", True),
        *(TableColumn(f"card, {_after(days)}", True) for days in ages),
    )
    rows = tuple(
        _decaying(words, paid.get(name), [decayed_points(card["rows"], name, days) for days in ages])
        for name, words in known.items()
    )
    bands = (("current scoring rules", card["today"]), ("the card’s", card["bands"]))
    needs = [f"{format.decimal(laid[0]['at_least'], 0)} of {words}" for words, laid in bands if laid]
    caption = "What one event earns by today’s rules and by the card, which asks of more than they do" + (
        f"; for the same volume a lead needs {format.join(needs)}" if needs else ""
    )
    return [PageTable("points-beside", caption, columns, rows)]


def _decaying(words: str, paid: tuple[float, Mapping[str, Any]] | None, earned: Sequence[int]) -> tuple[Cell, ...]:
    today = format.ABSENT if paid is None else format.decimal(paid[0], 0)
    if paid is not None and paid[1]["within"]:
        today += f" for {format.duration(paid[1]['within'])}"
    return (cell(words), cell(today, paid[0] if paid else None), *(cell(format.decimal(v, 0), v) for v in earned))


def _after(days: float) -> str:
    return "at once" if days == 0 else f"after {days:g} day{'' if days == 1 else 's'}"


def _has_mqls(record: Mapping[str, Any]) -> bool:
    """Tell whether the funnel tells of MQLs; a flat file doesn't say that it has none."""
    funnel = record.get("funnel")
    return funnel is None or "mql" in funnel["stages"]


def _bands(told: Mapping[str, Any], best: str) -> PageTable:
    """Lay the thresholds beside those that current scoring rules have at the same volume; `best` says what the first is."""
    unit = "leads a week" if told["weekly"] else "leads"
    today = {b["name"]: b for b in told["today"]}
    columns: tuple[TableColumn, ...] = (
        TableColumn("band"), TableColumn("points, at least", True), TableColumn(unit, True, "at or above it in an average week" if told["weekly"] else "at or above it"),
    )  # fmt: skip
    columns += (
        (TableColumn("current scoring rules, at least", True), TableColumn(f"{unit} by them", True)) if today else ()
    )
    rows = []
    for band in told["bands"]:
        row = (
            cell(f"{band['name']}{f': {best}' if band['name'] == 'A' else ''}"),
            cell(_points(band["at_least"], sign=False), band["at_least"]), cell(_n(band["leads_per_week"]), band["leads_per_week"]),
        )  # fmt: skip
        other = today.get(band["name"])
        beside = (cell(_points(other["at_least"], sign=False), other["at_least"]), cell(_n(other["leads_per_week"]), other["leads_per_week"])) if other else (
            (cell(format.ABSENT), cell(format.ABSENT)) if today else ()
        )  # fmt: skip
        rows.append((*row, *beside))
    caption = (
        "Thresholds: band A holds what sales can work" if told["weekly"] else "Thresholds: band A holds the best tenth"
    )
    return PageTable("points-bands", caption, columns, tuple(rows), 0)


def _worth(worth: Mapping[str, Any], what: str, weekly: bool) -> PageTable:
    columns = (
        TableColumn("who ranks"),
        TableColumn(f"{what}{' a week' if weekly else ''}", True, "found, each lead once"),
        TableColumn("95% interval", True),
        TableColumn("card is ahead by", True, what),
        TableColumn("its 95% interval", True),
        TableColumn("precision", True, f"share of the leads worked that become {what}"),
        TableColumn("lift of best tenth", True),
        TableColumn("its interval", True),
        TableColumn("AUC", True),
    )
    said = [who for who in RANKED if who in worth["by"]]
    rows = tuple(_ranked(who, worth) for who in said)
    caption = f"The same {format.count(worth['rows'], 'snapshot')} of the newest fold, by everybody"
    return PageTable("points-worth", caption, columns, rows, said.index("card"))


def _ranked(who: str, worth: Mapping[str, Any]) -> tuple[Cell, ...]:
    by, gap = worth["by"][who], worth["ahead"].get(who)
    lift, auc = by["lift_10"], by["auc"]
    return (
        cell(label(who)),
        cell(_n(by["expected"]["value"]), by["expected"]["value"]),
        cell(format.interval(by["expected"]["low"], by["expected"]["high"], 1), by["expected"]["low"]),
        cell(_n(gap["value"], sign=True), gap["value"]) if gap else cell(format.ABSENT),
        cell(format.interval(gap["low"], gap["high"], 1), gap["low"]) if gap else cell(format.ABSENT),
        cell(format.share(by["precision"]["value"]), by["precision"]["value"]),
        cell(format.decimal(lift["value"]), lift["value"]),
        cell(format.interval(lift["low"], lift["high"]), lift["low"]),
        cell(format.decimal(auc["value"], 3), auc["value"]),
    )


def _n(value: Any, sign: bool = False) -> str:
    return format.decimal(value, 1, sign)


def _points(points: int, sign: bool = True) -> str:
    return format.decimal(points, 0, sign)

"""The section on buying committees: how many people of an account are engaged, in which roles, and whose arrival precedes SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import plots, svg
from leadline.report.parts import Cell, Chart, PageSection, PageTable, TableColumn, cell

__all__ = ["committees_section"]

TITLE = "Committees: how many people, and who"
NONE = "The features tell nothing of accounts: give leads an account and events, and leave the family account in, to see committees."


def committees_section(record: Mapping[str, Any]) -> PageSection | None:
    """Say how conversion goes with the people of an account that are engaged; nothing for a flat file."""
    told: Mapping[str, Any] | None = record["committees"]
    if told is None:
        return PageSection("committees", TITLE, NONE) if "events" in record.get("tables", {}) else None
    asked = record.get("outcome", {})
    parts: list[Chart | PageTable | str] = [_people(told, asked)]
    if told["roles"]:
        window = format.duration(told["window"])
        parts.append(
            _roles(
                "roles",
                told["roles"],
                f"Conversion with a role engaged in the last {window}",
                "conversion with it",
                "without it",
            )
        )
    if told["arrivals"]:
        within, outcomes = format.duration(told["within"]), format.outcome_plural(asked)
        caption = f"Whose arrival precedes {outcomes}"
        parts.append(
            _roles("arrivals", told["arrivals"], caption, f"of {outcomes}", "of other moments", number="preceded")
        )
        parts.append(
            f"An arrival is the first event of a colleague in that role, seen in the {within} before; looked at are {format.count(told['outcomes'], 'lead')} at the "
            f"moment of {outcomes} and {format.count(told['others'], 'snapshot')} of leads that didn’t convert, each only where no colleague in that role had acted before that. "
            "One role's arrival may go along with another's."
        )
    means = (
        "Engaged is who acted in the window, the lead itself among them; roles are told by job titles, as the config has them, and of leads that have an account. All is as known at "
        "each snapshot, and this is association, not cause. Intervals treat an account as one draw."
    )
    return PageSection("committees", TITLE, _committees_finding(told, asked), (*parts, means))


def _committees_finding(told: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    window, parts = told["people"][0]
    known = [p for p in parts if format.is_number(p["rate"]) and p["level"] != "nobody"]
    if len(known) < 2:
        said = "Too few accounts have several people engaged to say how conversion goes with it"
    else:
        few, many = known[0], known[-1]
        apart = few["high"] < many["low"] or many["high"] < few["low"]
        said = (
            f"With {_number(many['level'])} of an account engaged in the last {format.duration(window)}, {format.share(many['rate'])} convert, with "
            f"{_number(few['level'])} {format.share(few['rate'])}{'' if apart else ' (their intervals overlap)'}"
        )
    sure = [r for r in told["arrivals"] if not r["too_few"] and format.is_number(r["low"]) and r["low"] > 1]
    if not sure:
        return (
            f"{said}; no role's arrival precedes {format.outcome_plural(asked)} more often than chance would have it."
        )
    best = sure[0]
    return (
        f"{said}; the arrival of {_words(best['role'])} precedes {format.share(best['with_it'])} of {format.outcome_plural(asked)} and "
        f"{format.share(best['without_it'])} of other moments, {format.decimal(best['lift'], 1)} times as often "
        f"(95% interval {format.interval(best['low'], best['high'], 1)})."
    )


def _number(level: str) -> str:
    return {"1": "one person", "4 and more": "four people or more"}.get(level, f"{level} people")


def _words(role: str) -> str:
    return str(role).replace("_", " ")


def _people(told: Mapping[str, Any], asked: Mapping[str, Any]) -> Chart:
    """Draw conversion by the number of people in the first window; the table has all windows."""
    columns: list[TableColumn] = [TableColumn("people engaged")]
    for window, _ in told["people"]:
        span = f"last {format.duration(window)}"
        columns += [
            TableColumn("leads", True, span),
            TableColumn("conversion", True, span),
            TableColumn("95% interval", True, span),
        ]
    levels = [p["level"] for p in told["people"][0][1]]
    rows = tuple(
        (cell(level, n), *(c for _, parts in told["people"] for c in _part(parts[n]))) for n, level in enumerate(levels)
    )
    table = PageTable("people", "Conversion by how many people of the account are engaged", tuple(columns), rows)
    window, parts = told["people"][0]
    drawn = [
        (p["level"], p["rate"], p["low"], p["high"], format.share(p["rate"]))
        for p in parts
        if format.is_number(p["rate"])
    ]
    shows = (
        f"A dot for the share of snapshots whose lead {format.outcome(asked)}, by the number of the account's people engaged in the last "
        f"{format.duration(window)}, with a line for its 95% interval."
    )
    return Chart("people-chart", "Conversion by people engaged", shows, *plots.share_chart(drawn), table)


def _part(part: Mapping[str, Any]) -> tuple[Cell, ...]:
    leads = cell(format.count(part["leads"]), part["leads"])
    if part["too_few"]:
        return leads, cell("too few to say"), cell(format.ABSENT)
    return (
        leads,
        cell(format.share(part["rate"]), part["rate"]),
        cell(format.shares(part["low"], part["high"]), part["low"]),
    )


def _roles(
    key: str, roles: Sequence[Mapping[str, Any]], caption: str, with_it: str, without: str, number: str = "leads"
) -> Chart | PageTable:
    columns = (
        TableColumn("role"), TableColumn(number, True), TableColumn(with_it, True), TableColumn(without, True), TableColumn("lift", True), TableColumn("95% interval", True),
    )  # fmt: skip
    table = PageTable(key, caption, columns, tuple(_role(r) for r in roles))
    drawn = [
        (_words(r["role"]), r["lift"], r["low"], r["high"], f"{format.decimal(r['lift'], 1)} times")
        for r in roles
        if all(format.is_number(r[k]) and r[k] > 0 for k in ("lift", "low", "high"))
    ]
    shows = "A dot for each role's lift with a line for its 95% interval, on a log scale; the grey mark stands at 1."
    return Chart(f"{key}-chart", caption, shows, *svg.interval_chart(drawn), table) if drawn else table


def _role(r: Mapping[str, Any]) -> tuple[Cell, ...]:
    lift = (cell("too few to say"), cell(format.ABSENT)) if r["too_few"] else (
        cell(format.decimal(r["lift"], 2), r["lift"]), cell(format.interval(r["low"], r["high"]), r["low"])
    )  # fmt: skip
    return (
        cell(_words(r["role"])),
        cell(format.count(r["number"]), r["number"]),
        cell(format.share(r["with_it"]), r["with_it"]),
        cell(format.share(r["without_it"]), r["without_it"]),
        *lift,
    )

"""The section on definitions of MQL and SQL: whom each lets through, what came of them, and which clause does harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.parts import COUNTED, Collapsed, PageSection, PageTable, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["HEADS", "definitions_section", "summary_rows"]

TITLE = "Definitions against the model"
EDGE = (
    "A definition’s edge is the share of all leads that got there which it finds, less the share of all open leads that it takes: leads picked at "
    "random have none, whatever their number. Each lead counts once, at any of the newest fold’s nights, and gets there if it does so within the "
    "horizon from a night at which it met the definition. The model’s list is as long, night by night. A change of one clause is chosen on the folds "
    "before the newest and judged on the newest, by the difference of the two edges; intervals are of 95%, by cluster bootstrap over {drawn}. This is "
    "association, not cause."
)
VERDICTS = {
    "better": "that is better by more than noise", "worse": "that is worse by more than noise",
    "not proven": "that it is better isn’t proven",
}  # fmt: skip
HEADS = (
    "definition",
    "leads",
    "a week",
    "reached the outcome",
    "of all that did",
    "the model’s list of that size",
    "closed-won",
)


def definitions_section(record: Mapping[str, Any]) -> PageSection | None:
    """Audit the config's definitions on the newest fold; nothing where it has none."""
    told: Mapping[str, Any] = record.get("definitions") or {"definitions": [], "reason": ""}
    if told["reason"]:
        return PageSection("definitions", TITLE, f"The definitions weren’t audited: {told['reason']}.")
    found: Sequence[Mapping[str, Any]] = told["definitions"]
    if not found:
        return None
    what = format.outcome_plural(record.get("outcome") or {})
    parts: list[Any] = [_table(found, told["weekly"])]
    for one in found:
        parts += [f"{one['name']}: {one['words']}.", _clauses(one), _change(one), *_who(one)]
    return PageSection(
        "definitions", TITLE, _finding(found[0], what, told["weekly"]),
        (*(part for part in parts if part), Collapsed(COUNTED, (EDGE.format(drawn=drawn_units(record)),))),
    )  # fmt: skip


def summary_rows(found: Sequence[Mapping[str, Any]], weekly: bool) -> list[list[str]]:
    """Return a row of texts for each definition, as `HEADS` has them."""
    rows = []
    for one in found:
        won, beside = one["won"], one["beside"]
        rows.append([
            one["name"], format.count(round(one["leads"])), format.decimal(one["per_week"], 1) if weekly else format.ABSENT, _sure(one["converted"]),
            _sure(beside["found"]) if beside else format.ABSENT, _sure(beside["model"]) if beside else format.ABSENT,
            _sure(won["rate"]) if won else format.ABSENT,
        ])  # fmt: skip
    return rows


def _sure(figure: Mapping[str, Any], points: bool = False) -> str:
    """Write a share with its interval; as percentage points with a sign where it is a difference."""
    if not format.is_number(figure["value"]):
        return format.ABSENT
    if points:
        value, low, high = (
            format.decimal(100 * figure[k], 1, True) if format.is_number(figure[k]) else format.ABSENT
            for k in ("value", "low", "high")
        )
        return f"{value} points ({low} to {high})"
    return f"{format.share(figure['value'])} ({format.shares(figure['low'], figure['high'])})"


def _finding(one: Mapping[str, Any], what: str, weekly: bool) -> str:
    """Say of the first definition what it is worth, the model's list beside it."""
    leads, beside = round(one["leads"]), one["beside"]
    if not leads:
        return f"No lead of the newest fold meets {one['name']}."
    if beside is None:
        return f"Every lead of the newest fold meets {one['name']}, so it tells none apart."
    weekly_words = f" ({format.decimal(one['per_week'], 1)} a week)" if weekly else ""
    gap = beside["gap"]
    verdict = (
        "the model’s lists find more by more than noise" if (gap["low"] or 0) > 0
        else "the definition finds more by more than noise" if (gap["high"] or 0) < 0 else "the two can’t be told apart"
    )  # fmt: skip
    return (
        f"{one['name']} lets {format.count(leads, 'lead')} through{weekly_words}, {format.share(one['converted']['value'])} of which became {what}: it finds "
        f"{format.share(beside['found']['value'], 0)} of all that did, and lists of the model, as long each night, {format.share(beside['model']['value'], 0)}; {verdict}."
    )


def _table(found: Sequence[Mapping[str, Any]], weekly: bool) -> PageTable:
    columns = (TableColumn(HEADS[0]), *(TableColumn(head, True) for head in HEADS[1:]))
    rows = tuple(tuple(cell(text) for text in row) for row in summary_rows(found, weekly))
    return PageTable("definitions", "Each definition in the newest fold; each lead counts once", columns, rows)


def _clauses(one: Mapping[str, Any]) -> PageTable | None:
    """Lay out each clause: who meets it alone, and what the definition would be without it."""
    if len(one["clauses"]) < 2:
        return None
    columns = (
        TableColumn("clause"), TableColumn("leads that meet it", True), TableColumn("they reach the outcome", True),
        TableColumn("leads without it", True, "that the definition would let through"), TableColumn("edge without it", True, "less the edge with it"),
        TableColumn("older folds say"),
    )  # fmt: skip
    rows = []
    for clause in one["clauses"]:
        alone, less = clause["alone"], clause["without"]
        said = (
            f"it does the most harm; dropping it here: {VERDICTS[less['verdict']]}"
            if clause["harms"]
            else "no harm, or less"
        )
        rows.append((
            cell(clause["words"]), cell(format.count(round(alone["leads"])), alone["leads"]), cell(_sure(alone["converted"]), alone["converted"]["value"]),
            cell(format.count(round(less["leads"])), less["leads"]), cell(_sure(less["gain"], True), less["gain"]["value"]),
            cell(said if not one["unseen"] else format.ABSENT),
        ))  # fmt: skip
    return PageTable(
        f"definition-{one['name']}", f"The clauses of {one['name']}, in the newest fold", columns, tuple(rows)
    )


def _change(one: Mapping[str, Any]) -> str:
    """Say which change of one clause older folds found best, and what the newest says of it."""
    change = one["change"]
    if one["unseen"]:
        return "Changes weren’t looked for: fit, engagement and grade of older folds’ leads are known only by a model that learned from them."
    if change is None:
        return f"None of {format.count(one['tried'], 'change')} of one clause did better on the older folds."
    to = (
        f"“{change['instead']}” in the place of “{change['clause']}”"
        if change["instead"]
        else f"{one['name']} without “{change['clause']}”"
    )
    return (
        f"Of {format.count(one['tried'], 'change')} of one clause, older folds found this one best: {to}. In the newest fold it lets {format.count(round(change['leads']), 'lead')} "
        f"through, {_sure(change['converted'])} of which get there; its edge differs by {_sure(change['gain'], True)}: {VERDICTS[change['verdict']]}."
    )


def _who(one: Mapping[str, Any]) -> list[PageTable]:
    """Lay out who meets a definition and never gets there."""
    tables = []
    for by, levels in one["who"].items():
        if levels:
            columns = (
                TableColumn(by),
                TableColumn("leads that meet it", True),
                TableColumn("never got there", True),
                TableColumn("share", True),
            )
            rows = tuple(
                (cell(n), cell(format.count(m), m), cell(format.count(k), k), cell(format.share(k / m), k / m))
                for n, m, k in levels
            )
            key = f"definition-{one['name']}-" + "".join(letter if letter.isalnum() else "-" for letter in by)
            tables.append(
                PageTable(
                    key,
                    f"Who meets {one['name']} and never gets there, by {by}",
                    columns,
                    rows,
                    folded=f"Who never gets there, by {by}",
                )
            )
    return tables

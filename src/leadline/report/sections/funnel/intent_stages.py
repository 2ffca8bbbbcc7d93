"""The section on intent stages: how near to buying leads are, how many are there now, and what each should get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import plots
from leadline.report.parts import Cell, Chart, PageSection, PageTable, TableColumn, cell

__all__ = ["intent_section"]

TITLE = "Intent stages: what to do with each lead"
NAMES = {
    "purchase_ready": ("purchase-ready", "purchase", "route now"),
    "active_evaluator": ("active evaluator", "evaluation", "light touch"),
    "early_researcher": ("early researcher", "awareness", "nurture"),
    "no_recent_intent": ("no recent intent", "none", "wait"),
}
"""Each stage in words, the deepest intent that it acted on lately, and what it should get."""

LEADS = {
    "purchase_ready": "a purchase-ready lead",
    "active_evaluator": "an active evaluator",
    "early_researcher": "an early researcher",
}

GETS = (
    "Route now: to sales, the best tier first. Light touch: help to evaluate, offer a talk. Nurture: content, no call. Wait: nothing but the "
    "newsletter until they act again. "
)
COLUMN = "The stage stands behind the scores as the column intent_stage: it says what to send a lead, and the tier whom to work first. "


def intent_section(record: Mapping[str, Any]) -> PageSection | None:
    """Say how each stage converted, and how many open leads are in it; nothing for a flat file."""
    told: Mapping[str, Any] | None = record["intent"]
    if told is None and "events" not in record.get("tables", {}):
        return None
    if told is None:
        return PageSection("intent", TITLE, "No behaviour in the config has an intent, so leads have no intent stages.")
    window = format.duration(told["window"])
    past = {p["level"]: p for p in told["past"]}
    drawn = [
        (NAMES[stage][0], p["rate"], p["low"], p["high"], format.share(p["rate"]))
        for stage, p in past.items()
        if format.is_number(p["rate"])
    ]
    table = _table(told, past, window)
    shows = (
        f"A dot for the share of each stage's past snapshots whose lead {format.outcome(record.get('outcome', {}))}, "
        "with a line for its 95% interval."
    )
    parts: list[Chart | PageTable | str] = []
    parts.append(
        Chart("stages-past", "Conversion by intent stage", shows, *plots.share_chart(drawn), table) if drawn else table
    )
    means = (
        f"A lead is in the stage of the deepest intent that it acted on in the last {window}, as the config marks behaviours; the stage "
        "follows from its acts alone, by the same rule for past snapshots and for tonight. Past conversion is of all labelled snapshots, "
        "its exact interval at the number of independent ones; leads now are those open at the end of the data, with the tiers that the model gives them."
    )
    return PageSection(
        "intent",
        TITLE,
        _intent_finding(told, past, window, record.get("outcome", {})),
        (*parts, _disagree(told), means),
    )


def _intent_finding(told: Mapping[str, Any], past: Mapping[str, Any], window: str, asked: Mapping[str, Any]) -> str:
    now = {n["stage"]: n["leads"] for n in told["now"]}
    known = [
        (who, format.share(past[stage]["rate"]))
        for stage, who in LEADS.items()
        if format.is_number(past[stage]["rate"])
    ]
    then = ""
    if known:
        (who, rate), others = known[0], [f"{who} in {rate}" for who, rate in known[1:]]
        then = f"; in the past {who} {format.outcome(asked)} in {rate} of cases{', ' if others else ''}{format.join(others)}"
    return (
        f"Of {format.count(sum(now.values()), 'open lead')}, {format.count(now['purchase_ready'])} are purchase-ready by what they did in the last "
        f"{window}{then}."
    )


def _table(told: Mapping[str, Any], past: Mapping[str, Any], window: str) -> PageTable:
    tiers: Sequence[str] = told["tiers"]
    columns = (
        TableColumn("stage"),
        TableColumn("should get"),
        TableColumn("deepest intent", means=f"last {window}"),
        TableColumn("converted", True, "past snapshots"),
        TableColumn("95% interval", True),
        TableColumn("open leads now", True),
        *(TableColumn(f"tier {tier}", True) for tier in tiers),
        TableColumn("expected", True, "to convert, by the model"),
    )
    return PageTable(
        "intent-stages",
        "The stages in the past and now",
        columns,
        tuple(_row(n, past[n["stage"]]) for n in told["now"]),
    )


def _row(now: Mapping[str, Any], past: Mapping[str, Any]) -> tuple[Cell, ...]:
    name, did, gets = NAMES[now["stage"]]
    few = past["too_few"]
    return (
        cell(name),
        cell(gets),
        cell(did),
        cell("too few to say") if few else cell(format.share(past["rate"]), past["rate"]),
        cell(format.ABSENT) if few else cell(format.shares(past["low"], past["high"]), past["low"]),
        cell(format.count(now["leads"]), now["leads"]),
        *(cell(format.count(n), n) for n in now["tiers"]),
        cell(format.decimal(now["expected"], 1), now["expected"]),
    )


def _disagree(told: Mapping[str, Any]) -> str:
    """Say where stage and tier disagree."""
    now = {n["stage"]: n for n in told["now"]}
    tiers, ready = told["tiers"], now["purchase_ready"]
    if len(tiers) < 2 or not ready["leads"]:
        return GETS + COLUMN
    first, last = ready["tiers"][0], ready["tiers"][-1]
    rest = sum(n["tiers"][0] for n in told["now"]) - first
    return (
        f"{GETS}{COLUMN}Of the purchase-ready, {_many(first)} in tier {tiers[0]} and {_many(last)} in tier {tiers[-1]}, where other facts "
        f"speak against them; of all other leads {_many(rest)} in tier {tiers[0]}."
    )


def _many(number: int) -> str:
    return f"{format.count(number) if number else 'none'} {'is' if number == 1 else 'are'}"

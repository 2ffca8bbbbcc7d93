"""The first screen: how the funnel does, what to do this week, who is open, whether to trust it, and what sources brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.insights.diagnosis import MEDIAN
from leadline.report.charts.plots import spark_line
from leadline.report.parts import (
    COUNTED,
    Action,
    Actions,
    Cell,
    Collapsed,
    PageSection,
    PageTable,
    Part,
    TableColumn,
    Tile,
    Tiles,
    cell,
)
from leadline.report.sections.funnel.diagnosis import ADVICE
from leadline.report.sections.funnel.first_touch import days, hours
from leadline.report.sections.funnel.intent_stages import NAMES
from leadline.report.sections.model.grades import open_by_grade
from leadline.report.sections.model.topk_backtest import backtest_sentence
from leadline.report.sections.movement import movement_parts
from leadline.report.text import outdone_sentences, tier_sentence

__all__ = ["actions_section", "glance_section", "open_section", "sources_section", "trust_section"]

Record = Mapping[str, Any]

BENCHMARKS = {
    ("mql", "sql"): (MEDIAN, MEDIAN, "B2B’s median is about 15%", ""),
    ("sql", "opportunity"): (0.30, 0.50, "30 to 50% is common", ": does sales take only the surest, or is an SQL defined too loosely?"),
    ("mql", "won"): (0.02, 0.05, "2 to 5% is common", ""),
}  # fmt: skip
"""What is common in B2B, from and to, in words; and what to ask where the figure lies above."""
SOON = 2.0  # days from MQL to SQL
MONTHS = 6
SHOWN = 12  # sources


def glance_section(record: Record) -> PageSection | None:
    """Lay the funnel's figures beside their benchmarks, each with its last six months; nothing for a flat file."""
    told = record["funnel"]
    if told is None:
        return None
    steps = {(s["start"], s["end"]): (n, s) for n, s in enumerate(told["all"])}
    tiles = [_rate_tile(told, *steps[pair], BENCHMARKS[pair]) for pair in BENCHMARKS if pair in steps]
    if ("mql", "sql") in steps:
        tiles.insert(2, _time_tile(told, *steps["mql", "sql"]))
    tiles += _money_tiles(told["cost"], format.sold(told["stages"]))
    off = [
        f"{t.name[:1].lower()}{t.name[1:]}" if t.name.startswith("Time") else t.name
        for t in tiles
        if t.verdict == "bad"
    ]
    verdict = (
        f"on the wrong side of the benchmark {'lies' if len(off) == 1 else 'lie'} {format.join(off)}"
        if off
        else "no figure is shown to lie on the wrong side of its benchmark"
    )
    found = f"{_way(told, steps)} as of {format.date_text(record.get('known_at'))}; {verdict}."
    how = (
        "A figure is of all who have had their time, and its line of the last six months whose leads all have; dashed are newer months, so far. "
        "Green is surely on the right side of the benchmark, red surely on the wrong side, grey neither."
    )
    return PageSection("glance", "At a glance", found, (Tiles(tuple(tiles)), Collapsed(COUNTED, (how,))))


def _way(told: Record, steps: Mapping[Any, tuple[int, Record]]) -> str:
    """Say in a clause how many MQLs become SQL and are won."""
    _, sql = steps.get(("mql", "sql"), (0, None))
    _, won = steps.get(("mql", "won"), (0, None))
    if sql is None or sql["entered"] < MIN_GROUP_SIZE:
        return f"{format.count(told['leads'], 'lead')} are known"
    wins = "" if won is None or won["entered"] < MIN_GROUP_SIZE else f" and {format.share(won['rate'])} are won"
    after = f" after {days(sql['days'][1])} at the median" if format.is_number(sql["days"][1]) else ""
    return f"{format.share(sql['rate'])} of MQLs become SQL{after}{wins},"


def _rate_tile(told: Record, place: int, step: Record, benchmark: tuple[float, float, str, str]) -> Tile:
    low, high, common, ask = benchmark
    name = f"{format.stage(step['start'])} → {format.stage(step['end'])}"
    if step["entered"] < MIN_GROUP_SIZE:
        return _few(name, common)
    within = round(told["won_within"] if step["end"] == "won" else told["within"])
    way, verdict = _against(step["low"], step["high"], low, high)
    sure = f"95%: {format.shares(step['low'], step['high'])}; of {format.count(step['entered'])} within {within} days"
    steps = [(m["month"], m["steps"][place]) for m in told["months"]]
    whole = [(m, s["rate"] if s["entered"] >= MIN_GROUP_SIZE else None) for m, s in steps if s["complete"]]
    recent = [
        (m, s["so_far"] / s["stood"] if s["stood"] >= MIN_GROUP_SIZE else None) for m, s in steps if not s["complete"]
    ]
    return _tile(
        name, format.share(step["rate"]), sure, f"{common}; this is {way}{ask if way == 'above' else ''}",
        "" if ask and way == "above" else verdict, whole, recent, format.share,
    )  # fmt: skip


def _against(least: float, most: float, low: float, high: float) -> tuple[str, str]:
    """Say where an interval lies beside what is common, and whether that is good.

    Examples
    --------
    >>> _against(0.11, 0.14, 0.15, 0.15), _against(0.1, 0.2, 0.15, 0.15), _against(0.03, 0.04, 0.02, 0.05), _against(0.6, 0.7, 0.3, 0.5)
    (('below', 'bad'), ('not shown to differ', ''), ('within it', 'good'), ('above', 'good'))
    """
    if most < low:
        return "below", "bad"
    if least > high:
        return "above", "good"
    return ("within it", "good") if low < high and least >= low and most <= high else ("not shown to differ", "")


def _time_tile(told: Record, place: int, step: Record) -> Tile:
    low, median, high = step["days"]
    common = "Under 48 hours is the aim"
    if step["timed"] < MIN_GROUP_SIZE or not format.is_number(median):
        return _few("Time from MQL to SQL", common)
    whole = [
        (m["month"], s["days"][1] if s["timed"] >= MIN_GROUP_SIZE else None)
        for m in told["months"]
        if (s := m["steps"][place])["complete"]
    ]
    sure = f"median of {format.count(step['timed'])}; half take {days(low)} to {days(high)}"
    late = median > SOON
    verdict = f"{common}; this is {'over it' if late else 'within it'}"
    return _tile("Time from MQL to SQL", days(median), sure, verdict, "bad" if late else "good", whole, [], days)


def _money_tiles(cost: Record | None, one: str) -> list[Tile]:
    """Return the cost per SQL, and the revenue per spend, where the tables tell them."""
    if cost is None or not format.is_number(cost["all"]["each"]):
        return []
    every, money = cost["all"], format.decimal
    whole = [(m["level"], m["each"] if m["leads"] >= MIN_GROUP_SIZE else None) for m in cost["month"]]
    sure = f"95%: {format.interval(every['low'], every['high'], 0)}; {format.count(every['sqls'], one, 'opportunities' if one == 'opportunity' else '')} of first-touch leads"
    tiles = [
        _tile(
            f"Cost per {one}",
            money(every["each"], 0),
            sure,
            "In the unit of the source",
            "",
            whole,
            [],
            lambda v: money(v, 0),
        )
    ]
    brought = every["revenue"]
    if brought is not None and format.is_number(brought["per_spend"]):
        spread = (
            f"95%: {format.interval(brought['low'], brought['high'], 1)}"
            if format.is_number(brought["low"])
            else "too few wins to say how sure"
        )
        sure = f"{spread}; {money(brought['amount'], 0)} of {format.count(brought['wins'])} wins"
        months = [(m["level"], m["per_spend"]) for m in cost["revenue_months"]]
        tiles.append(_tile("Revenue per spend", money(brought["per_spend"], 1), sure, f"A win cost {money(brought['per_win'], 0)}", "", months, [], lambda v: money(v, 1)))  # fmt: skip
    return tiles


def _few(name: str, common: str) -> Tile:
    return Tile(name, "–", "too few to say", common, "", "", 0, 0, ())


def _tile(
    name: str, value: str, sure: str, benchmark: str, verdict: str, whole: Sequence[tuple[str, Any]], recent: Sequence[tuple[str, Any]], say: Any
) -> Tile:  # fmt: skip
    """Make a tile with the line of its last months; newer ones, which aren't over, are dashed."""
    told = list(whole)[-MONTHS:]
    known = [(m, v) for m, v in told if format.is_number(v)]
    trend = ""
    if known:
        (first, then), (last, now) = known[0], known[-1]
        start = f"{format.month(first)} {say(then)} → " if first != last else ""
        trend = f"{start}{format.month(last)} {say(now)}"
    newest = [(m, v) for m, v in recent if format.is_number(v)]
    if newest:
        trend += f"; {format.month(newest[-1][0])} so far {say(newest[-1][1])}"
    values = [v if format.is_number(v) else None for _, v in (*told, *recent)]
    width, height, shapes = spark_line(values, len(told))
    return Tile(name, value, sure, benchmark, verdict, trend, width, height, shapes)


def actions_section(record: Record) -> PageSection | None:
    """Say whom to act on this week, at most three things, each with its evidence and the list beside the page."""
    told: Record | None = record.get("open_leads")
    if told is None:
        return None
    files: Record = record.get("lists") or {}
    within = format.duration(record.get("outcome", {}).get("within"))
    makers = {"late": _late, "call": _call, "nurture": _nurture}
    actions = tuple(
        Action(*makers[a["action"]](record, a, within), files.get(a["action"], ""))
        for a in told["actions"]
        if a["leads"]
    )
    many = sum(a["leads"] for a in told["actions"])
    found = (
        f"{format.count(many)} of {format.count(told['leads'], 'open lead')} stand on {format.count(len(actions), 'list')}; each lead stands on one."
        if actions
        else f"None of {format.count(told['leads'], 'open lead')} is overdue, ready to call or to be nurtured."
    )
    beside = () if files or not actions else (
        "The lists are written beside this page where the model was trained on this machine: leads’ names aren’t part of a model.",
    )  # fmt: skip
    return PageSection("do", "Do this week", found, ((Actions(actions),) if actions else ()) + beside)


def _late(record: Record, told: Record, within: str) -> tuple[str, str]:
    touched = record["funnel"]["touches"]
    promised = hours(record["funnel"]["sla"] * 24).replace(".0 ", " ")
    what = f"Touch {format.count(told['leads'], 'MQL')} that sales hasn’t touched within {promised}."
    compared = touched["compared"]
    if compared is None or min(compared["in_time"]["mqls"], compared["late"]["mqls"]) < MIN_GROUP_SIZE:
        return what, f"The model expects {format.decimal(told['expected'], 0)} SQLs of them within {within}."
    on, late = compared["in_time"], compared["late"]
    apart = on["low"] > late["high"] or on["high"] < late["low"]
    return what, (
        f"Of MQLs touched in time {format.share(on['rate'])} became SQL, of those touched later {format.share(late['rate'])}"
        f"{' (association, not cause)' if apart else ' (chance may explain the difference)'}; the SLA was kept for {format.share(touched['all']['rate'], 0)}."
    )


def _call(record: Record, told: Record, within: str) -> tuple[str, str]:
    what = f"Call {format.count(told['leads'], 'purchase-ready lead')} of the best tier."
    past = {p["level"]: p for p in (record["intent"] or {"past": []})["past"]}
    ready = past.get("purchase_ready")
    if ready is None or not format.is_number(ready["rate"]):
        return what, f"The model expects {format.decimal(told['expected'], 0)} of them to convert within {within}."
    return what, (
        f"Purchase-ready leads converted within {within} in {format.share(ready['rate'])} of cases ({format.shares(ready['low'], ready['high'])}), "
        f"all open leads in {format.share(record['intent']['base'])}; of these {format.count(told['leads'])} the model expects {format.decimal(told['expected'], 0)} to."
    )


def _nurture(record: Record, told: Record, within: str) -> tuple[str, str]:
    what = f"Take {format.count(told['leads'], 'MQL')} of the last tier back into nurturing."
    return what, (
        f"They show no intent beyond awareness, and of all of them together the model expects {format.decimal(told['expected'], 1)} to convert within {within}."
    )


def open_section(record: Record) -> PageSection | None:
    """Count the open leads by intent stage and tier, and by fit and engagement."""
    told: Record | None = record.get("open_leads")
    if told is None:
        return None
    intent = record["intent"]
    first = next(iter(told["tiers"]))
    found = (
        f"{format.count(told['leads'], 'lead')} are open, {format.count(told['tiers'][first])} of them in tier {first}"
    )
    if intent is None:
        rows: tuple[tuple[Cell, ...], ...] = (
            (cell("all"), *(cell(format.count(n), n) for n in told["tiers"].values())),
        )
    else:
        ready = next(n for n in intent["now"] if n["stage"] == "purchase_ready")
        found += f"; {format.count(ready['leads'])} are purchase-ready, {format.count(ready['tiers'][0])} of these in tier {first}"
        rows = tuple(
            (
                cell(NAMES[n["stage"]][0]), cell(format.count(n["leads"]), n["leads"]), *(cell(format.count(v), v) for v in n["tiers"]),
                cell(NAMES[n["stage"]][2]),
            )
            for n in intent["now"]
        )  # fmt: skip
    tiers = tuple(TableColumn(f"tier {name}", True) for name in told["tiers"])
    heads = (TableColumn("all"), *tiers) if intent is None else (
        TableColumn("intent stage"), TableColumn("open leads", True), *tiers, TableColumn("should get")
    )  # fmt: skip
    table = PageTable("open-leads", "Open leads by intent stage and tier", heads, rows)
    return PageSection("open", "Open leads", f"{found}.", (table, *open_by_grade(record), *_moved(record)))


def _moved(record: Record) -> list[Part]:
    """Say who moved between the last two finished nights; nothing without two."""
    told: Record | None = record.get("movement")
    if told is None:
        return []
    names = {"tier": "tier", "intent_stage": "intent stage"}
    rows = tuple(
        (
            cell(names[kind]),
            cell(_level(m["start"])),
            cell(_level(m["end"])),
            cell(format.count(m["leads"]), m["leads"]),
        )
        for kind in names
        for m in told.get(kind, ())
    )
    best = next(iter(record["open_leads"]["tiers"]))
    rose, left = (
        sum(m["leads"] for m in told.get("tier", ()) if m[way] == best) for way in ("end", "start")
    )  # fmt: skip
    said = (
        f"From the night of {format.date_text(told['before'])} to that of {format.date_text(told['now'])} {format.count(rose, 'lead')} entered tier {best} and "
        f"{format.count(left)} left it."
    )
    columns = (TableColumn("by"), TableColumn("from"), TableColumn("to"), TableColumn("leads", True))
    every = PageTable("moved", "Who moved between the last two nights", columns, rows, folded="Every move")
    return [said, *([every] if rows else []), *movement_parts(told.get("moved"))]


def _level(name: str) -> str:
    """Say a tier or an intent stage; who is new wasn't open, who is gone isn't any more."""
    return NAMES[name][0] if name in NAMES else {"new": "not open before", "gone": "not open any more"}.get(name, name)


def trust_section(record: Record) -> PageSection | None:
    """Say how the model does beside its hardest rival, and whether tiers keep what they promise."""
    nights: Record | None = record.get("nights")
    if not nights or not nights.get("rankers"):
        return None
    every = (record.get("segments") or {"segments": []})["segments"]
    tiers = [s for s in every if s["by"] == "tier" and format.is_number(s["predicted"])]
    parts: list[Part] = []
    if tiers:
        said = tier_sentence(every)
        columns = (
            TableColumn("tier"), TableColumn("predicted", True), TableColumn("observed", True), TableColumn("so it is"), TableColumn("95% interval", True),
        )  # fmt: skip
        rows = tuple(
            (
                cell(s["level"]), cell(format.share(s["predicted"]), s["predicted"]), cell(format.share(s["observed"]), s["observed"]),
                cell("not shown to be off" if s["verdict"] == "calibrated" else s["verdict"]), cell(format.shares(s["low"], s["high"]), s["low"]),
            )
            for s in tiers
        )  # fmt: skip
        caption = "Tiers as predicted and observed in the newest fold, which chose nothing"
        parts = [f"{said[:1].upper()}{said[1:]}.", PageTable("tiers-kept", caption, columns, rows)]
    found = " ".join([*outdone_sentences(record.get("evaluation") or {}), backtest_sentence(nights)])
    return PageSection("trust", "Can I trust it?", found, tuple(parts))


def sources_section(record: Record) -> PageSection | None:
    """Lay sources side by side: conversion, cost, revenue, and what may be tried."""
    told = record["diagnosis"]
    if told is None or not told["source"]:
        return None
    paid = any(level["cost"] for level in told["source"])
    money = (TableColumn("revenue per spend", True), TableColumn("cost per SQL", True)) if paid else ()
    more = (
        (
            TableColumn("won", True),
            TableColumn("revenue", True),
            TableColumn("95% interval", True, "of revenue per spend"),
        )
        if paid
        else ()
    )
    columns = (
        TableColumn("source"), TableColumn("MQL → SQL", True), *money, TableColumn("what to try"), TableColumn("MQLs", True),
        TableColumn("95% interval", True, "of MQL → SQL"), *more,
    )  # fmt: skip
    levels: list[Record] = [{**told["all"], "level": "all"}, *told["source"]]
    rows = tuple(_source_row(level, paid) for level in levels)
    caption = "Sources by MQLs; leads are credited to their first touch"
    table = PageTable("sources-brought", caption, columns, rows[: SHOWN + 1], 0)
    rest = rows[SHOWN + 1 :]
    parts: list[Part] = [table]
    if rest:
        others = PageTable("sources-more", "The other sources", columns, rest)
        parts.append(Collapsed(f"{format.count(len(rest), 'more source')}", (others,)))
    return PageSection("sources", "Sources and what they brought", _sources_finding(told, paid), tuple(parts))


def _sources_finding(told: Record, paid: bool) -> str:
    known = [s for s in told["source"] if s["revenue"] and format.is_number(s["revenue"]["low"])]
    if not paid or not known or not told["all"]["revenue"]:
        return f"{format.count(len(told['source']), 'source')}; {format.share(told['all']['rate'])} of all MQLs become SQL."
    mean = told["all"]["revenue"]["per_spend"]
    less = [s["level"] for s in known if s["revenue"]["high"] < mean]
    more = [s["level"] for s in known if s["revenue"]["low"] > mean]
    sure = [f"{format.join(names[:3])} surely {words}" for names, words in ((more, "more"), (less, "less")) if names]
    rest = f"; {' and '.join(sure)}" if sure else "; no source is shown to bring more, or less, than that"
    return f"A unit of spend brought {format.decimal(mean, 1)} of revenue{rest}."


def _source_row(level: Record, paid: bool) -> tuple[Cell, ...]:
    few = level["entered"] < MIN_GROUP_SIZE
    r = level["revenue"] or {}
    per_spend, interval = r.get("per_spend"), format.interval(r.get("low"), r.get("high"), 1)
    money = (cell(format.decimal(per_spend, 1), per_spend), cell(format.decimal(level["each"], 0), level["each"]))
    more = (
        cell(format.count(r.get("wins")), r.get("wins")), cell(format.decimal(r.get("amount"), 0), r.get("amount")), cell(interval, r.get("low")),
    )  # fmt: skip
    return (
        cell(level["level"]),
        cell("too few to say") if few else cell(format.share(level["rate"]), level["rate"]),
        *(money if paid else ()),
        cell("" if few else ADVICE.get(level["advice"], "")),
        cell(format.count(level["entered"]), level["entered"]),
        cell(format.ABSENT) if few else cell(format.shares(level["low"], level["high"]), level["low"]),
        *(more if paid else ()),
    )

"""The section on current scoring rules: what each pays and is worth, what their sum catches and misses, and the MQL criteria."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import svg
from leadline.report.parts import COUNTED, Chart, Collapsed, PageSection, PageTable, Shape, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["rules_section"]

TITLE = "Today’s rules against the model"
NO_RULES = (
    "The config lists no rules (“rules:”), so there are no points to audit; add them to see what they catch and miss."
)
FAIR = (
    "What a rule is worth is what it adds beside the other rules: a regression of outcomes on all of them, scaled so that as many "
    "points are handed out in all as today. A rule is over- or underpaid where its points of today lie outside the 95% interval, by "
    "cluster bootstrap over {drawn}; of twenty rules paid as they should, about one is called so by chance. This is association, not cause."
)
VERDICTS = {"no difference shown": "can’t tell"}
SHARED = (
    "By either list sales work the same number of leads each night, none again within the horizon, also in the folds before; a lead that gets "
    "there counts once. Leads tied at the threshold share what room is left, as a random order would give on average. "
    "A source that fewer than 20 leads share counts as other."
)


def rules_section(record: Mapping[str, Any]) -> PageSection:
    """Audit the rules of the config on the newest fold."""
    told: Mapping[str, Any] = record["rules_audit"]
    if told["reason"]:
        return PageSection("rules", TITLE, f"The rules weren’t audited: {told['reason']}.")
    what = format.outcome_plural(record.get("outcome", {}))
    stages = tuple(_stage(stage, what, told["weekly"]) for stage in told["stages"])
    if not told["rules"]:
        return PageSection("rules", TITLE, NO_RULES, stages)
    parts: list[Chart | PageTable | Collapsed | str] = [_chart(told), _caught(told, what), *_capture_tables(told, what)]
    parts += [
        *_won(told),
        *_unpaid(told),
        *stages,
        Collapsed(COUNTED, (FAIR.format(drawn=drawn_units(record)), SHARED)),
    ]
    return PageSection("rules", TITLE, _rules_finding(told, what), tuple(parts))


def _rules_finding(told: Mapping[str, Any], what: str) -> str:
    c, verdicts = told["caught"], [rule["verdict"] for rule in told["rules"]]
    over, under = verdicts.count("overpaid"), verdicts.count("underpaid")
    worth = (
        f"{format.count(over, 'rule')} {'is' if over == 1 else 'are'} overpaid"
        if over
        else "no rule is shown to be overpaid"
    )
    free = len(told["unpaid"])
    goes = (
        "one behaviour that goes with conversion earns"
        if free == 1
        else f"{free} behaviours that go with conversion earn"
    )
    unpaid = f", and {goes} no points" if free else ""
    return (
        f"{_working(c, told['weekly'])}, today’s rules find {_found(c, 'rules', what, told['weekly'])} and the model "
        f"{_found(c, 'model', '', told['weekly'])}, {_n(c['both'])} of them the same; {worth}"
        f"{f', {under} underpaid' if under else ''}{unpaid}."
    )


def _n(value: Any) -> str:
    return format.decimal(value, 0)


def _found(c: Mapping[str, Any], who: str, what: str, weekly: bool) -> str:
    """Say how many leads one of the lists finds, and how many a week that is."""
    found = c["both"] + c[who]
    named = f"{_n(found)} {what}".strip()
    return f"{named} ({format.decimal(found / c['weeks'], 1)} a week)" if weekly else named


def _working(c: Mapping[str, Any], weekly: bool) -> str:
    room = format.decimal(c["volume"], 1).removesuffix(".0")
    return (
        f"Working the best {room} leads a week through the {_n(c['weeks'])} weeks of the newest fold, each lead once"
        if weekly
        else f"Among the best {room} leads"
    )


def _rule(said: Mapping[str, Any]) -> str:
    if said["words"] is not None:
        return f"{said['words']}{' within ' + format.duration(said['within']) if said['within'] else ''}"
    return f"{said['attribute']} is {said['equals']}"


def _chart(told: Mapping[str, Any]) -> Chart | PageTable:
    """Draw what each rule pays, as a mark, beside what it is worth, as a dot with its interval."""
    table, rows = _table(told), list(zip(told["rules"], told["definitions"], strict=True))
    known = [(r, s) for r, s in rows if all(format.is_number(r["fair"][k]) for k in ("value", "low", "high"))]
    if not known:
        return table
    ends = [v for r, _ in known for v in (r["given"], r["fair"]["low"], r["fair"]["high"], 0.0)]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0

    def x(value: float) -> float:
        return round(8 + (value - low) / span * (svg.WIDTH - 16), 1)

    shapes: list[Shape] = []
    for n, (rule, said) in enumerate(known):
        y, fair = n * svg.ROW, rule["fair"]
        kind = {"overpaid": "down", "underpaid": "up"}.get(rule["verdict"], "flat")
        words = f"{format.decimal(rule['given'], 0)} paid, {format.decimal(fair['value'], 0)} worth"
        shapes.append(
            Shape("text", {"x": 0, "y": y + 14, "class": "label"}, svg.shorten(said["words"] or _rule(said), 34))
        )
        shapes.append(Shape("text", {"x": svg.WIDTH, "y": y + 14, "class": "value"}, words))
        place = {"x1": x(fair["low"]), "x2": x(fair["high"]), "y1": y + 25, "y2": y + 25}
        shapes.append(Shape("line", {**place, "class": f"range {kind}"}))
        shapes.append(Shape("circle", {"cx": x(fair["value"]), "cy": y + 25, "r": 5, "class": kind}))
        paid = {"x1": x(rule["given"]), "x2": x(rule["given"]), "y1": y + 18, "y2": y + 32}
        shapes.append(Shape("line", {**paid, "class": "one"}))
    height = len(known) * svg.ROW
    for value in sorted({0.0, *(rule["given"] for rule, _ in known)}):
        shapes.append(Shape("text", {"x": x(value), "y": height + 16, "class": "tick"}, format.decimal(value, 0)))
    shows = (
        "For each rule a dot at the points that it would be worth, with a line for the 95% interval; the upright mark stands at the "
        "points that it pays today."
    )
    return Chart(
        "rules-paid", "What rules pay and what they are worth", shows, svg.WIDTH, height + 22, tuple(shapes), table
    )


def _won(told: Mapping[str, Any]) -> list[PageTable | str]:
    """Audit the rules on closed-won, where the config asks for it: what brings SQLs need not bring wins."""
    won: Mapping[str, Any] | None = told.get("won")
    if won is None:
        return []
    if won["reason"]:
        return [f"Closed-won can’t be audited: {won['reason']}."]
    within = format.duration(won["within"])
    rows = format.count(won["rows"], "snapshot")
    caption = f"The same rules on closed-won within {within}: {format.count(won['leads'], 'lead')} won, of {rows} old enough to tell"
    return [_table({**told, "rules": won["rules"]}, "rules-won", caption)]


def _table(told: Mapping[str, Any], key: str = "rules-audited", caption: str = "") -> PageTable:
    columns = (
        TableColumn("rule"),
        TableColumn("fires on leads", True),
        TableColumn("conversion with it", True),
        TableColumn("without it", True),
        TableColumn("lift", True),
        TableColumn("95% interval", True),
        TableColumn("points now", True),
        TableColumn("worth", True, "points, were as many handed out in all"),
        TableColumn("its 95% interval", True),
        TableColumn("so it is"),
    )
    rows = []
    for rule, said in zip(told["rules"], told["definitions"], strict=True):
        lift, fair = rule["lift"], rule["fair"]
        rows.append((
            cell(_rule(said)),
            cell(format.count(rule["leads"]), rule["leads"]),
            cell(format.share(rule["with_it"]), rule["with_it"]),
            cell(format.share(rule["without_it"]), rule["without_it"]),
            cell(format.decimal(lift["value"]), lift["value"]),
            cell(format.interval(lift["low"], lift["high"]), lift["low"]),
            cell(format.decimal(rule["given"], 0), rule["given"]),
            cell(format.decimal(fair["value"], 0), fair["value"]),
            cell(format.interval(fair["low"], fair["high"], 0), fair["low"]),
            cell(VERDICTS.get(rule["verdict"], rule["verdict"])),
        ))  # fmt: skip
    newest = f"What each rule adds beside the other rules, on the {format.count(told['rows'], 'snapshot')} of the newest fold"
    return PageTable(key, caption or newest, columns, tuple(rows))


def _caught(told: Mapping[str, Any], what: str) -> PageTable:
    c = told["caught"]
    each = [("found by both", c["both"]), ("by today’s rules alone", c["rules"]), ("by the model alone", c["model"]), ("by neither", c["neither"])]  # fmt: skip
    total = sum(value for _, value in each)
    columns = (
        TableColumn(f"{what} that are"),
        TableColumn(what, True, "each lead once"),
        TableColumn(f"share of all {what}", True),
    )
    rows = tuple(
        (
            cell(words),
            cell(format.decimal(v, 1), v),
            cell(format.share(v / total if total else None, 0), v / total if total else None),
        )
        for words, v in each
    )
    caption = f"Who finds the {_n(total)} leads that became {what} within the horizon of one of these nights"
    return PageTable("rules-caught", caption, columns, rows)


def _capture_tables(told: Mapping[str, Any], what: str) -> list[PageTable]:
    """Say in words who is caught and who is missed."""
    tables = []
    for by, levels in told["caught"]["who"].items():
        columns = (
            TableColumn(by), TableColumn(f"{what} found by both", True), TableColumn("by the rules alone", True), TableColumn("by the model alone", True),
            TableColumn("by neither", True),
        )  # fmt: skip
        rows = tuple(
            (cell(name), *(cell(format.decimal(v, 1), v) for v in values))
            for name, *values in levels
            if sum(values) > 0
        )
        key = "rules-by-" + "".join(letter if letter.isalnum() else "-" for letter in by)
        tables.append(PageTable(key, f"The same by {by}", columns, rows))
    return tables


def _unpaid(told: Mapping[str, Any]) -> list[PageTable | str]:
    rows: Sequence[Mapping[str, Any]] = told["unpaid"]
    if not rows:
        return ["No behaviour that surely goes with more conversion in the newest fold goes without points."]
    columns = (
        TableColumn("behaviour"),
        TableColumn("intent"),
        TableColumn("leads with it", True),
        TableColumn("lift", True),
        TableColumn("95% interval", True),
    )
    cells = tuple(
        (cell(b["words"]), cell(b["intent"]), cell(format.count(b["leads"]), b["leads"]), cell(format.decimal(b["lift"]), b["lift"]), cell(format.interval(b["low"], b["high"]), b["low"]))
        for b in rows
    )  # fmt: skip
    caption = f"Behaviours of the last {format.duration(rows[0]['window'])} that go with conversion and earn no points"
    return [PageTable("rules-unpaid", caption, columns, cells)]


def _stage(stage: Mapping[str, Any], what: str, weekly: bool) -> str:
    """Audit a stage as a criterion: how many in it get there, against the model's best of the same number."""
    precision, model, gap = stage["precision"], stage["model"], stage["gap"]
    verdict = (
        "the model’s lists hold more by more than noise" if (gap["low"] or 0) > 0
        else "the stage holds more by more than noise" if (gap["high"] or 0) < 0 else "the two can’t be told apart"
    )  # fmt: skip
    name, when = stage["stage"].upper(), "nights" if weekly else "rows"
    return (
        f"Does standing as {name} say who comes next? {format.count(round(stage['leads']))} leads stood as {name} at one of these {when}, also those who had been it for "
        f"long ({format.share(stage['share'], 0)} of all that were open); {format.share(precision['value'])} of them became {what} within the horizon, which is "
        f"{format.share(stage['found']['value'], 0)} of all that did. Lists of the model, as long each night, held {format.share(model['value'], 0)} of them (difference {_gap(gap)}): "
        f"{verdict}. {format.share(stage['both'], 0)} of those who stood as {name} were on these lists, too."
    )


def _gap(gap: Mapping[str, Any]) -> str:
    value, low, high = (
        format.decimal(100 * gap[k], 1, True) if format.is_number(gap[k]) else format.ABSENT
        for k in ("value", "low", "high")
    )
    return f"{value} percentage points, 95% interval {low} to {high}"

"""Scorecard as tables: for people, and laid out as the rule editors of HubSpot and Marketo ask.

Neither product imports scoring rules from a file. The tables have one line a rule, with a column for each thing that the
editor asks, to be typed in, or read by a script that calls HubSpot's Lead Scoring API or Marketo's program tokens.

References
----------
HubSpot: score groups hold property rules (fit) and event rules (engagement), the latter with a frequency and a timeframe.
Marketo: a smart campaign's filters have the constraints "Date of Activity" and "Min. Number of Times" and the operators
of its Smart List Filter Operators Glossary; the flow step is "Change Score".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leadline.core.point_in_time import Horizon
from leadline.core.privacy import printable_level
from leadline.dataset.feature_spec import Feature
from leadline.points.card import PointsCard, PointsRow
from leadline.points.conditions import Condition

__all__ = [
    "TABLES",
    "decayed_points",
    "hubspot_rules",
    "marketo_rules",
    "parse_scorecard_row",
    "readable_rules",
    "scorecard_rows",
]

Row = dict[str, Any]

ACTS = ("behaviour", "intent", "any")

SCORE = "Leadline points"


def readable_rules(told: Mapping[str, Any]) -> list[Row]:
    """Return the card's rules, then its thresholds; `feature`, `test`, `low`, `high` and `levels` (JSON) let a program read it.

    Parameters
    ----------
    told : mapping
        The record's `points_card`.

    Examples
    --------
    >>> band = {"name": "A", "at_least": 12, "leads_per_week": 40.0}
    >>> readable_rules({"rows": [], "bands": [band]})[0]["what"]
    'band A: 12 points or more (about 40 leads a week)'
    """
    rules = [
        {"row": "rule", "points": r["points"], "what": r["what"], "feature": r["feature"], "test": r["test"],
         "low": r["low"], "high": r["high"], "levels": json.dumps(r["levels"], ensure_ascii=False)}
        for r in told["rows"]
    ]  # fmt: skip
    unit = "leads a week" if told.get("weekly", True) else "leads"
    bands = [
        {"row": "threshold", "points": b["at_least"],
         "what": f"band {b['name']}: {b['at_least']} points or more (about {b['leads_per_week']:,.0f} {unit})",
         "feature": "", "test": "", "low": None, "high": None, "levels": "[]"}
        for b in told["bands"]
    ]  # fmt: skip
    return rules + bands


def hubspot_rules(told: Mapping[str, Any]) -> list[Row]:
    """Return a line for each rule of a HubSpot score: group, rule type, what it asks, and the points.

    Examples
    --------
    >>> act = {"points": 7, "what": "called twice", "kind": "behaviour", "field": "call", "table": "events", "behaviours": ["call"],
    ...        "days": 30.0, "test": "times", "low": 2.0, "high": None, "levels": [], "words": "called"}
    >>> line = hubspot_rules({"rows": [act], "bands": []})[0]
    >>> line["Rule type"], line["Event or property"], line["Frequency"], line["Timeframe"], line["Points"]
    ('Event', 'call', 'at least 2 times', 'in the last 30 days', 7)
    """
    return [_hubspot(row, told.get("roles") or {}) for row in told["rows"]]


def marketo_rules(told: Mapping[str, Any]) -> list[Row]:
    """Return a line for each smart campaign of a nightly batch: its filter, constraints and the Change Score step.

    The first sets the score to 0, without which every night would add the points of the nights before.

    Examples
    --------
    >>> role = {"points": -5, "what": "source is web", "kind": "attribute", "field": "source", "table": "leads", "behaviours": [],
    ...         "days": None, "test": "among", "low": None, "high": None, "levels": ["web"], "words": "source"}
    >>> first, line = marketo_rules({"rows": [role], "bands": []})
    >>> first["Smart campaign"], first["Flow step"], first["Change"]
    ('Leadline 00', 'Change Data Value', 0)
    >>> line["Filter"], line["Operator"], line["Value"], line["Flow step"], line["Change"]
    ('source', 'is', 'web', 'Change Score', -5)
    """
    if not told["rows"]:
        return []
    reset = {
        "Smart campaign": "Leadline 00", "Filter": SCORE, "Operator": "is not", "Value": "0", "Date of Activity": "", "Min. Number of Times": None,
        "Flow step": "Change Data Value", "Score Name": SCORE, "Change": 0, "Note": "sets the score to 0: run it first, each night",
    }  # fmt: skip
    return [reset, *(_marketo(number, row, told.get("roles") or {}) for number, row in enumerate(told["rows"], 1))]


def _hubspot(row: Mapping[str, Any], roles: Mapping[str, Sequence[str]]) -> Row:
    is_act = row["kind"] in ACTS
    made: Row = {
        "Group": "Engagement" if is_act else "Fit",
        "Rule type": "Event" if is_act else "Property",
        "Object": "Company" if row["table"] == "accounts" or row["kind"] == "account" else "Contact",
        "Event or property": _rule_subject(row, "Create date", "Job title"),
        "Operator": "", "Value": "", "Frequency": "", "Timeframe": "", "Points": row["points"], "Note": row["what"],
    }  # fmt: skip
    if is_act:
        many = int(row["low"] or 1)
        made["Frequency"] = "at least 1 time" if many == 1 else f"at least {many} times"
        made["Timeframe"] = "all time" if row["days"] is None else f"in the last {_span(row['days'])}"
        return made
    made["Operator"], made["Value"] = _compared(row, roles, HUBSPOT)
    return made


def _marketo(number: int, row: Mapping[str, Any], roles: Mapping[str, Sequence[str]]) -> Row:
    is_act = row["kind"] in ACTS
    made: Row = {
        "Smart campaign": f"Leadline {number:02d}",
        "Filter": _rule_subject(row, "Created At", "Job Title"),
        "Operator": "", "Value": "", "Date of Activity": "", "Min. Number of Times": None,
        "Flow step": "Change Score", "Score Name": SCORE, "Change": row["points"], "Note": row["what"],
    }  # fmt: skip
    if is_act:
        made["Date of Activity"] = "" if row["days"] is None else f"in past {_span(row['days'])}"
        made["Min. Number of Times"] = int(row["low"] or 1)
        return made
    made["Operator"], made["Value"] = _compared(row, roles, MARKETO)
    return made


HUBSPOT = {
    "any": "is any of", "empty": "is unknown", "like": "is any of (* stands for anything)", "at least": "is greater than or equal to",
    "under": "is less than", "from": "is greater than or equal to … and is less than …",
    "newer": "is less than … ago", "older": "is more than … ago", "aged": "is more than … ago and is less than … ago",
}  # fmt: skip

MARKETO = {
    "any": "is", "empty": "is empty", "like": "is (* stands for anything)", "at least": "at least", "under": "less than",
    "from": "at least … and less than …", "newer": "in past", "older": "in past before", "aged": "in past before … and in past …",
}  # fmt: skip


def _rule_subject(row: Mapping[str, Any], created: str, title: str) -> str:
    """Name the event or the property that a row asks of."""
    if row["kind"] == "any":
        return "any activity"
    if row["kind"] in ACTS:
        return " OR ".join(row["behaviours"])
    other = f"number of other contacts that reached {row['field']}"
    return {"age": created, "role": title, "account": other}.get(row["kind"], str(row["field"]))


def _compared(row: Mapping[str, Any], roles: Mapping[str, Sequence[str]], words: Mapping[str, str]) -> tuple[str, str]:
    """Return the operator and the value of a rule on a property."""
    low, high = row["low"], row["high"]
    if row["test"] == "unknown":
        return words["empty"], ""
    if row["test"] == "among":
        if row["kind"] == "role":
            return words["like"], "; ".join(p for role in row["levels"] for p in roles.get(role, (role,)))
        return words["any"], "; ".join(row["levels"])
    if row["kind"] == "icp":
        return words["any"], "what the config's icp asks"
    if row["kind"] == "age":
        ends = [_span(end) for end in (low, high) if end is not None]
        return words["aged" if len(ends) == 2 else "newer" if low is None else "older"], " and ".join(ends)
    ends = [f"{end:.12g}" for end in (low, high) if end is not None]
    return words["from" if len(ends) == 2 else "under" if low is None else "at least"], " and ".join(ends)


def _span(days: float) -> str:
    """Say a length of time as both editors take it.

    Examples
    --------
    >>> _span(30.0), _span(1.0), _span(0.5)
    ('30 days', '1 day', '12 hours')
    """
    many, unit = (days, "day") if days >= 1 else (days * 24, "hour")
    return f"{many:g} {unit}{'' if many == 1 else 's'}"


TABLES: dict[str, Callable[[Mapping[str, Any]], list[Row]]] = {
    "points_card": readable_rules,
    "points_hubspot": hubspot_rules,
    "points_marketo": marketo_rules,
}

"""The tables, by the names of their files."""


# Scorecard in words: each row as plain values, with the sentence that says when its points are given.


REACHED = {"sql": "reached SQL", "won": "was won", "lost": "was lost", "rejected": "was rejected"}

MOST_NAMED = 12  # levels that a sentence names; the table has them all


def scorecard_rows(card: PointsCard, specs: Sequence[Feature], intents: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the card's rows as plain JSON values: acts first, then the rest; most points first in each.

    Parameters
    ----------
    intents : mapping of str to str
        The intent of each behaviour, to name those that an intent's row counts.

    Examples
    --------
    >>> spec = Feature("n_demo_30d", "behaviour", "behaviour:demo", "count", "count", "asked for a demo", field="demo",
    ...                by="behaviour", window=Horizon.parse("30d"))
    >>> (row,) = scorecard_rows(PointsCard((PointsRow(Condition("n_demo_30d", "times", 2.0), 7),)), [spec], {})
    >>> row["points"], row["what"], row["behaviours"], row["days"]
    (7, 'asked for a demo at least twice in the last 30 days', ['demo'], 30.0)
    """
    by_name = {spec.name: spec for spec in specs}
    rows = [_plain(row, by_name[row.condition.feature], intents) for row in card.rows]
    return sorted(rows, key=lambda r: (r["kind"] not in ("behaviour", "intent", "any"), -r["points"], r["what"]))


def parse_scorecard_row(record: Mapping[str, Any]) -> PointsRow:
    """Read a plain row back.

    Examples
    --------
    >>> parse_scorecard_row({"feature": "n", "test": "times", "low": 1.0, "high": None, "levels": [], "points": 5}).condition.low
    1.0
    """
    condition = Condition(
        str(record["feature"]), record["test"], record["low"], record["high"], tuple(record["levels"])
    )
    return PointsRow(condition, int(record["points"]))


def decayed_points(rows: Sequence[Mapping[str, Any]], behaviour: str, days: float) -> int:
    """Return the points that one act of a behaviour still earns so many days later: its own rows, its intent's and any act's.

    Examples
    --------
    >>> rows = [{"behaviours": ["demo"], "kind": "behaviour", "low": 1.0, "days": d, "points": 5} for d in (7.0, 30.0)]
    >>> [decayed_points(rows, "demo", days) for days in (0, 7, 30)], decayed_points(rows, "call", 0)
    ([10, 5, 0], 0)
    """
    return sum(
        row["points"]
        for row in rows
        if row["kind"] in ("behaviour", "intent", "any")
        and (row["kind"] == "any" or behaviour in row["behaviours"])
        and (row["low"] or 1.0) <= 1.0
        and (row["days"] is None or days < row["days"])
    )


def _plain(row: PointsRow, spec: Feature, intents: Mapping[str, str]) -> dict[str, Any]:
    c = row.condition
    kind = {"age": "age", "meets": "icp", "colleagues_reached": "account"}.get(spec.aggregate, "attribute")
    if c.test in ("times", "ever") and spec.table == "events":
        kind = spec.by
    behaviours = {
        "behaviour": [spec.field],
        "intent": sorted(name for name, intent in intents.items() if intent == spec.field),
    }
    return {
        "points": row.points,
        "what": _what(c, spec, kind),
        "kind": "role" if spec.by == "role" else kind,
        "field": spec.field if kind != "age" else "",
        "table": spec.table,
        "behaviours": behaviours.get(kind, []),
        "days": None if spec.window is None else spec.window.days,
        "feature": c.feature,
        "test": c.test,
        "low": c.low,
        "high": c.high,
        "levels": list(c.levels),
        "words": spec.words,
    }


def _what(c: Condition, spec: Feature, kind: str) -> str:
    """Say when the points are given."""
    if kind in ("behaviour", "intent", "any"):
        return _acts(c, spec, kind)
    if kind == "age":
        return f"created {_age(c)}"
    if kind == "account":
        return f"another lead of its account {REACHED.get(spec.field, f'reached {spec.field}')}"
    if kind == "icp":
        return f"fits the ideal customer profile by {spec.words}"
    if c.test == "unknown":
        return f"{spec.words} is not given"
    return f"{spec.words} is {_listed(c.levels)}" if c.test == "among" else f"{spec.words}: {_band(c)}"


def _acts(c: Condition, spec: Feature, kind: str) -> str:
    """Say which events, how many, and since when."""
    many = int(c.low or 1)
    when = "" if spec.window is None else f" in the last {_length(spec.window)}"
    if kind == "behaviour":
        often = "" if many == 1 else " at least twice" if many == 2 else f" at least {many} times"
        return f"{'ever ' if c.test == 'ever' else ''}{spec.words}{often}{when}"
    acts = " at all" if kind == "any" else " " + spec.words.removeprefix("events ")
    return f"{'any event' if many == 1 else f'at least {many} events'}{acts}{when or ' so far'}"


def _listed(levels: Sequence[str]) -> str:
    """List levels, at most so many, each on one line.

    Examples
    --------
    >>> _listed(["web"]), _listed(["a", "b", "c"])
    ('web', 'a, b or c')
    """
    told = [printable_level(level) for level in levels]
    if len(told) > MOST_NAMED:
        told = [*told[:MOST_NAMED], f"one of {len(told) - MOST_NAMED} more"]
    return " or ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)


def _band(c: Condition) -> str:
    low, high = (None if end is None else f"{end:,.6g}" for end in (c.low, c.high))
    if low is None:
        return f"under {high}"
    return f"{low} or more" if high is None else f"{low} to under {high}"


def _age(c: Condition) -> str:
    low, high = (None if end is None else _days(end) for end in (c.low, c.high))
    if low is None:
        return f"less than {high} ago"
    return f"{low} ago or earlier" if high is None else f"{c.low:g} to under {high} ago"


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"


def _length(window: Horizon) -> str:
    """Say a length of time.

    Examples
    --------
    >>> _length(Horizon.parse("30d")), _length(Horizon.parse("12h"))
    ('30 days', '12 hours')
    """
    return _days(window.days) if window.days >= 1 else f"{window.days * 24:g} hours"

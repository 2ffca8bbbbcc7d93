"""Scorecard in words: each row as plain values, with the sentence that says when its points are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.history.spec import Feature
from leadline.judge.pooled import shown
from leadline.model.point_rows import Condition
from leadline.model.points_card import PointsCard, PointsRow
from leadline.times import Horizon

__all__ = ["decay", "plain_rows", "row_of"]

REACHED = {"sql": "reached SQL", "won": "was won", "lost": "was lost", "rejected": "was rejected"}
MOST_NAMED = 12  # levels that a sentence names; the table has them all


def plain_rows(card: PointsCard, specs: Sequence[Feature], intents: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the card's rows as plain JSON values: acts first, then the rest; most points first in each.

    Parameters
    ----------
    intents : mapping of str to str
        The intent of each behaviour, to name those that an intent's row counts.

    Examples
    --------
    >>> spec = Feature("n_demo_30d", "behaviour", "behaviour:demo", "count", "count", "asked for a demo", field="demo",
    ...                by="behaviour", window=Horizon.parse("30d"))
    >>> (row,) = plain_rows(PointsCard((PointsRow(Condition("n_demo_30d", "times", 2.0), 7),)), [spec], {})
    >>> row["points"], row["what"], row["behaviours"], row["days"]
    (7, 'asked for a demo at least twice in the last 30 days', ['demo'], 30.0)
    """
    by_name = {spec.name: spec for spec in specs}
    rows = [_plain(row, by_name[row.condition.feature], intents) for row in card.rows]
    return sorted(rows, key=lambda r: (r["kind"] not in ("behaviour", "intent", "any"), -r["points"], r["what"]))


def row_of(record: Mapping[str, Any]) -> PointsRow:
    """Read a plain row back.

    Examples
    --------
    >>> row_of({"feature": "n", "test": "times", "low": 1.0, "high": None, "levels": [], "points": 5}).condition.low
    1.0
    """
    condition = Condition(
        str(record["feature"]), record["test"], record["low"], record["high"], tuple(record["levels"])
    )
    return PointsRow(condition, int(record["points"]))


def decay(rows: Sequence[Mapping[str, Any]], behaviour: str, days: float) -> int:
    """Return the points that one act of a behaviour still earns so many days later: its own rows, its intent's and any act's.

    Examples
    --------
    >>> rows = [{"behaviours": ["demo"], "kind": "behaviour", "low": 1.0, "days": d, "points": 5} for d in (7.0, 30.0)]
    >>> [decay(rows, "demo", days) for days in (0, 7, 30)], decay(rows, "call", 0)
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
    told = [shown(level) for level in levels]
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

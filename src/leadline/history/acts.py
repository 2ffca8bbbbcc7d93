"""The SQL of what a lead itself did: one join of snapshots and events, one aggregate a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadline.history.spec import Feature
from leadline.tables.store.dialect import Dialect, literal
from leadline.times import DAY, Horizon, span_sql, visible_sql

__all__ = ["HALVINGS", "clause", "column"]

HALVINGS = 8
"""How often an act's heat halves: 128 in its first week, 64 in the second, … 1 in the eighth, then nothing. Whole
numbers, because sums of doubles differ from run to run."""

DEPTH = ("awareness", "evaluation", "purchase")


def clause(specs: Sequence[Feature], intents: Mapping[str, str], dialect: Dialect) -> str:
    """Write the WITH clause ``acts``: a row for each snapshot that has visible events."""
    aggregates = ",\n    ".join(f"{_aggregate(s, intents, dialect)} AS {s.name}" for s in specs)
    return (
        "acts AS (\n  SELECT s.lead_id, s.as_of,\n    " + aggregates + "\n  FROM snapshots AS s\n"
        f"  JOIN events AS e ON e.lead_id = s.lead_id AND {visible_sql('e', 's.as_of')}\n"
        "  GROUP BY s.lead_id, s.as_of\n)"
    )


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column; who did nothing has no acts, and no rate or time either."""
    if spec.aggregate in ("count", "active_days", "heat", "depth"):
        return f"CAST(COALESCE(acts.{spec.name}, 0) AS {dialect.double})"
    if spec.aggregate in ("since_last", "since_first"):
        return f"CAST(s.as_of - acts.{spec.name} AS {dialect.double}) / {DAY}.0"
    return f"acts.{spec.name}"


def of_intent(intents: Mapping[str, str], intent: str, dialect: Dialect) -> str:
    """Write the condition that an event's behaviour has an intent."""
    listed = ", ".join(literal(b, dialect) for b, i in sorted(intents.items()) if i == intent)
    return f"e.behaviour IN ({listed})" if listed else "1 = 0"


def _about(spec: Feature, intents: Mapping[str, str], dialect: Dialect) -> list[str]:
    if spec.by == "behaviour":
        return [f"e.behaviour = {literal(spec.field, dialect)}"]
    return [of_intent(intents, spec.field, dialect)] if spec.by == "intent" else []


def _number(tests: Sequence[str]) -> str:
    return f"SUM(CASE WHEN {' AND '.join(tests) or '1 = 1'} THEN 1 ELSE 0 END)"


def _aggregate(spec: Feature, intents: Mapping[str, str], dialect: Dialect) -> str:
    about = _about(spec, intents, dialect)
    within = [span_sql("e.occurred_at", "s.as_of", spec.window)] if spec.window is not None else []
    test = " AND ".join(about + within) or "1 = 1"
    if spec.aggregate == "count":
        return _number(about + within)
    if spec.aggregate == "active_days":
        return f"COUNT(DISTINCT CASE WHEN {test} THEN e.occurred_at - MOD(e.occurred_at, {DAY}) END)"
    if spec.aggregate in ("since_last", "since_first"):
        newest = "MAX" if spec.aggregate == "since_last" else "MIN"
        return f"{newest}(CASE WHEN {test} THEN e.occurred_at END)"
    return {"heat": _heat, "depth": _depth, "share": _share, "pace": _pace, "gap": _gap}[spec.aggregate](
        spec, about, within, intents, dialect
    )


Parts = Sequence[str]


def _heat(spec: Feature, about: Parts, within: Parts, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Add up a whole number for each act that halves with each week of age."""
    steps = [(Horizon(7 * DAY * (n + 1)), 2 ** (HALVINGS - 1 - n)) for n in range(HALVINGS)]
    weeks = " ".join(f"WHEN {span_sql('e.occurred_at', 's.as_of', age)} THEN {heat}" for age, heat in steps)
    cooled = f"CASE {weeks} ELSE 0 END"
    return f"SUM(CASE WHEN {' AND '.join(about)} THEN {cooled} ELSE 0 END)" if about else f"SUM({cooled})"


def _depth(spec: Feature, about: Parts, within: Parts, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Find the deepest intent so far: 1 awareness, 2 evaluation, 3 purchase."""
    steps = " ".join(f"WHEN {of_intent(intents, i, dialect)} THEN {DEPTH.index(i) + 1}" for i in reversed(DEPTH))
    return f"MAX(CASE {steps} ELSE 0 END)"


def _share(spec: Feature, about: Parts, within: Parts, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Divide the acts of one intent by all acts of the window."""
    return f"CAST({_number([*about, *within])} AS {dialect.double}) / NULLIF({_number(within)}, 0)"


def _pace(spec: Feature, about: Parts, within: Parts, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Divide the rate of acts in the window by that of the longer window that `field` names."""
    longer = Horizon.parse(spec.field)
    rate = longer.micros / spec.window.micros if spec.window else 1.0
    whole = _number([span_sql("e.occurred_at", "s.as_of", longer)])
    return f"CAST({_number(within)} AS {dialect.double}) * {rate!r} / NULLIF({whole}, 0)"


def _gap(spec: Feature, about: Parts, within: Parts, intents: Mapping[str, str], dialect: Dialect) -> str:
    """Return the mean time between acts, in days."""
    span = f"CAST(MAX(e.occurred_at) - MIN(e.occurred_at) AS {dialect.double})"
    return f"{span} / {DAY}.0 / NULLIF(COUNT(*) - 1, 0)"

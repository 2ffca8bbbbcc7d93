"""Figures in words: one spelling for each kind, the same in a table, a sentence and the threshold control."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "ABSENT",
    "count",
    "date_text",
    "decimal",
    "interval",
    "is_number",
    "join",
    "month",
    "outcome",
    "outcome_plural",
    "share",
    "shares",
    "stage",
    "stages",
    "yaml_list",
    "yaml_scalar",
]

ABSENT = "–"
"""What stands where a figure isn't defined."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STAGES = {
    "lead": ("lead", "leads"),
    "mql": ("MQL", "MQLs"),
    "sql": ("SQL", "SQLs"),
    "opportunity": ("opportunity", "opportunities"),
    "won": ("won", "wins"),
}


def is_number(value: Any) -> bool:
    """Tell whether a figure is one.

    Examples
    --------
    >>> [is_number(v) for v in (0, 0.5, None, float("nan"), "x")]
    [True, True, False, False, False]
    """
    return isinstance(value, (int, float)) and math.isfinite(value)


def share(value: Any, digits: int = 1) -> str:
    """Say a share as percent.

    Examples
    --------
    >>> share(0.1234), share(0.1234, 0), share(None)
    ('12.3%', '12%', '–')
    """
    return f"{100 * value:.{digits}f}%" if is_number(value) else ABSENT


def decimal(value: Any, digits: int = 2, sign: bool = False) -> str:
    """Say a number with so many digits after the point; a minus is a real one.

    Examples
    --------
    >>> decimal(1234.5, 1), decimal(-0.25), decimal(0.25, sign=True), decimal(-0.04, 1), decimal(float("nan"))
    ('1,234.5', '−0.25', '+0.25', '0.0', '–')
    """
    if not is_number(value):
        return ABSENT
    rounded = round(value, digits) + 0.0  # a small loss isn't a minus nothing
    return f"{rounded:{'+' if sign else ''},.{digits}f}".replace("-", "−")


def count(number: Any, noun: str = "", plural: str = "") -> str:
    """Say how many, with the noun in its number.

    Examples
    --------
    >>> count(1, "lead"), count(2500, "lead"), count(2, "opportunity", "opportunities"), count(7)
    ('1 lead', '2,500 leads', '2 opportunities', '7')
    """
    said = f"{int(number):,}" if is_number(number) else ABSENT
    return f"{said} {noun if number == 1 else plural or noun + 's'}" if noun else said


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """Say an interval.

    Examples
    --------
    >>> interval(1.0, 2.5, 1), interval(None, 2.5)
    ('1.0 to 2.5', '–')
    """
    return f"{decimal(low, digits)} to {decimal(high, digits)}" if is_number(low) and is_number(high) else ABSENT


def shares(low: Any, high: Any, digits: int = 1) -> str:
    """Say an interval of shares.

    Examples
    --------
    >>> shares(0.1, 0.25), shares(None, 0.25)
    ('10.0% to 25.0%', '–')
    """
    return f"{share(low, digits)} to {share(high, digits)}" if is_number(low) and is_number(high) else ABSENT


def date_text(value: Any) -> str:
    """Say a day: of ISO text or of microseconds; what is neither, as a flat file's order, stays as it is.

    Examples
    --------
    >>> date_text("2026-11-16T00:00:00Z"), date_text(1_736_121_600_000_000), date_text("4711"), date_text(None)
    ('16 Nov 2026', '6 Jan 2025', '4711', '–')
    """
    if value is None:
        return ABSENT
    if isinstance(value, str):
        try:
            day = datetime.fromisoformat(value)
        except ValueError:
            return value
        if len(value) < 10 or value.isdigit():
            return value
    else:
        day = datetime.fromtimestamp(int(value) // 1_000_000, UTC)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def month(name: str) -> str:
    """Say a month; what is none stays as it is.

    Examples
    --------
    >>> month("2024-09"), month("all")
    ('Sep 2024', 'all')
    """
    year, _, number = name.partition("-")
    return f"{MONTHS[int(number) - 1]} {year}" if number.isdigit() and 0 < int(number) < 13 else name


def join(parts: Sequence[str]) -> str:
    """Join words as people do.

    Examples
    --------
    >>> join(["a"]), join(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def stage(name: str) -> str:
    """Say a stage; what no such stage is stays as it is.

    Examples
    --------
    >>> stage("mql"), stages("opportunity"), stage("x")
    ('MQL', 'opportunities', 'x')
    """
    return STAGES.get(name, (name, name))[0]


def stages(name: str) -> str:
    """Say a stage's plural."""
    return STAGES.get(name, (name, name))[1]


def sold(stages_told: Sequence[str]) -> str:
    """Name the stage at which sales took a lead over: SQL, or where a funnel tells of none, the next that it tells of.

    Examples
    --------
    >>> sold(["lead", "mql", "sql", "won"]), sold(["lead", "opportunity", "won"]), sold(["lead", "won"])
    ('SQL', 'opportunity', 'win')
    """
    there = next((name for name in ("sql", "opportunity", "won") if name in stages_told), "sql")
    return "win" if there == "won" else stage(there)


def outcome(asked: Mapping[str, Any]) -> str:
    """Say what a lead is asked about.

    Examples
    --------
    >>> outcome({"reaches": "sql", "within": "30d"}), outcome({"column": "Converted", "positive": "1", "reaches": None})
    ('reaches SQL within 30 days', 'is a positive (“Converted” is 1)')
    """
    if asked.get("reaches") is None:
        return f"is a positive (“{asked.get('column')}” is {asked.get('positive')})"
    reached = {"won": "is won", "opportunity": "reaches opportunity"}.get(asked["reaches"], "reaches SQL")
    return f"{reached} within {duration(asked.get('within'))}" if asked.get("within") else reached


def outcome_plural(asked: Mapping[str, Any]) -> str:
    """Say the outcome's plural.

    Examples
    --------
    >>> outcome_plural({"reaches": "sql"}), outcome_plural({"column": "Converted"})
    ('SQLs', 'positives')
    """
    return STAGES.get(str(asked.get("reaches")), ("positive", "positives"))[1]


def duration(text: Any) -> str:
    """Say a length of time.

    Examples
    --------
    >>> duration("30d"), duration("1d"), duration("72h")
    ('30 days', '1 day', '72 hours')
    """
    said = str(text)
    unit = {"d": "day", "h": "hour", "m": "minute", "w": "week"}.get(said[-1:])
    return count(int(said[:-1]), unit) if unit and said[:-1].isdigit() else said


def yaml_scalar(text: str) -> str:
    """Write a text as a YAML scalar: plain where that reads back as the same text, else in quotes.

    Examples
    --------
    >>> yaml_scalar("Lead Source"), yaml_scalar("yes"), yaml_scalar("a: b"), yaml_scalar("emp.var.rate")
    ('Lead Source', '"yes"', '"a: b"', 'emp.var.rate')
    """
    import yaml

    if re.fullmatch(r"[A-Za-z_][\w ./()&-]*(?<! )", text) and yaml.safe_load(text) == text:
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted) + '"'


def yaml_list(words: Iterable[str]) -> str:
    """Write words as a YAML list in one line.

    Examples
    --------
    >>> yaml_list(["mql", "Marketing, qualified"])
    '[mql, "Marketing, qualified"]'
    """
    return f"[{', '.join(yaml_scalar(w) for w in words)}]"

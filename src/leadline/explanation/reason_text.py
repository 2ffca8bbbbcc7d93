"""The words of a reason: one group of features about one lead, as a sentence's part with facts and dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from leadline.core.format import MONTHS
from leadline.core.point_in_time import DAY, format_instant
from leadline.dataset.feature_spec import Feature

__all__ = ["day_text", "describe_group", "printable", "shortest_window"]

STANDING = ("rate", "stage_now", "since_stage_now", "recycled", "meets", "share_met", "engaged_by_size")
MANNERS = ("pace", "gap", "depth", "since_depth", "first_to_purchase", "progress", "progress_pace", "trend", "scanned")
RUNGS = ("a lead", "MQL", "SQL", "an opportunity")
LONGEST = 60  # characters of a lead's own text in a reason


def describe_group(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say one group's facts about one lead.

    Examples
    --------
    >>> from leadline.core.point_in_time import Horizon, parse_instant
    >>> week = Feature("n_7d", "behaviour", "pricing", "count", "count", "viewed the pricing page", window=Horizon.parse("7d"))
    >>> last = Feature("since", "recency", "pricing", "days", "since_last", "viewed the pricing page")
    >>> describe_group([week, last], {"n_7d": 4.0, "since": 2.0}, parse_instant("2026-11-16"))
    'viewed the pricing page 4 times in 7 days, last on 14 Nov'
    >>> describe_group([week, last], {"n_7d": 0.0, "since": float("nan")}, parse_instant("2026-11-16"))
    'never viewed the pricing page'
    """
    first, words = group[0], printable(group[0].words)
    if first.aggregate == "value":
        return f"{words} is {_value(facts[first.name])}"
    if first.aggregate == "plugged":
        spec = next((s for s in group if facts[s.name] > 0), first)
        value = float(facts[spec.name])
        return f"{printable(spec.words)}: {'unknown' if math.isnan(value) else f'{value:g}'}"
    if first.aggregate == "age":
        return f"created {_days(facts[first.name])} ago"
    if first.aggregate in STANDING:
        return _standing(group, facts)
    if first.aggregate in MANNERS:
        return _manner(group, facts, as_of)
    if first.table == "stages":
        since = _fact(group, facts, "since_stage")
        reached = next((facts[s.name] for s in group if s.aggregate == "in_stage"), 0.0 if math.isnan(since) else 1.0)
        when = "" if math.isnan(since) else f" on {_date(as_of, since)}"
        return f"{words}{when}" if reached else f"never {words}"
    if first.table == "colleagues":
        told = {"colleagues": _colleagues, "committee": _committee, "account_acts": _nameless}
        return told.get(first.group, _past)(group, facts, as_of)
    return _acts(group, facts, as_of)


def shortest_window(group: Sequence[Feature]) -> tuple[str, str] | None:
    """Tell which aggregate `describe_group` takes by the shortest window that holds any, and which tells the last act; None if neither.

    Where a window holds any, or else where the last act is known, `describe_group` reads nothing beside these two.

    Examples
    --------
    >>> shortest_window([Feature("n_7d", "behaviour", "pricing", "count", "count", "viewed the pricing page")])
    ('count', 'since_last')
    """
    first = group[0]
    if first.aggregate in ("value", "age", "plugged", *STANDING, *MANNERS) or first.table == "stages":
        return None
    if first.table == "colleagues":
        return ("colleagues_engaged", "since_colleague") if first.group == "colleagues" else None
    return "count", "since_last"


def _manner(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say how deep, or how fast against its own past, a lead acts."""
    first = group[0].aggregate
    if first in ("depth", "since_depth"):
        depth, since = _fact(group, facts, "depth"), _fact(group, facts, "since_depth")
        when = "" if math.isnan(since) else f", first on {_date(as_of, since)}"
        if math.isnan(depth):
            return f"deepest intent so far{when}" if when else "no intent known so far"
        return f"deepest intent so far: {('none', 'awareness', 'evaluation', 'purchase')[int(depth)]}{when}"
    if first in ("first_to_purchase", "progress", "progress_pace"):
        return _progress(group, facts)
    if first == "trend":
        change = float(facts[group[0].name])
        words = printable(group[0].words)
        return (
            f"as many {words} as before"
            if not change
            else f"{abs(change):.1f} {'more' if change > 0 else 'fewer'} {words} a week than before"
        )
    if first == "scanned":
        fast = [(s, float(facts[s.name])) for s in group if facts[s.name] > 0]
        spec, n = min(fast, key=lambda f: _length(f[0]), default=(group[0], 0.0))
        return f"{_many(n, 'event')} faster than a person's{_span(spec)}" if n else "no events faster than a person's"
    pace, gap = _fact(group, facts, "pace"), _fact(group, facts, "gap")
    often = "" if math.isnan(gap) else f", one event every {_days(gap)} on average"
    if math.isnan(pace):
        return f"no recent events{often}"
    return f"events at {pace:.1f} times its usual pace{often}"


def _progress(group: Sequence[Feature], facts: dict[str, Any]) -> str:
    """Say how far and how fast a lead went from awareness to purchase."""
    steps, pace = _fact(group, facts, "progress"), _fact(group, facts, "progress_pace")
    took = _fact(group, facts, "first_to_purchase")
    parts = [] if math.isnan(steps) else [f"{_many(steps, 'step')} from awareness to purchase"]
    parts += [] if math.isnan(pace) else [f"{_days(pace)} a step"]
    parts += [] if math.isnan(took) else [f"purchase intent {_days(took)} after the first touch"]
    return ", ".join(parts) or "no events of purchase intent"


def _standing(group: Sequence[Feature], facts: dict[str, Any]) -> str:
    """Say how leads like it fared, where it stands in the funnel, or how it fits."""
    first, value = group[0], float(facts[group[0].name])
    if first.aggregate == "rate":
        whose = printable(first.words).removeprefix("conversion of ")
        return f"{whose}: nothing known yet" if math.isnan(value) else f"{value:.1%} of {whose} converted"
    if first.aggregate == "recycled":
        return (
            f"came back {_many(value, 'time')} after it was lost or rejected"
            if value
            else "never came back after a loss"
        )
    if first.aggregate == "engaged_by_size":
        told = "the company's size is unknown" if math.isnan(value) else f"{value:.2%} of the company's size"
        return f"colleagues active{_span(first)}: {told}"
    if first.group == "icp":
        return _fit(group, facts)
    now, since = _fact(group, facts, "stage_now"), _fact(group, facts, "since_stage_now")
    stage = "in its stage" if math.isnan(now) else RUNGS[int(now)]
    return stage if math.isnan(since) else f"{stage} for {_days(since)}"


def _fit(group: Sequence[Feature], facts: dict[str, Any]) -> str:
    """Say which criteria of the ICP are met, and which aren't."""
    flags = {printable(s.words): float(facts[s.name]) for s in group if s.aggregate == "meets"}
    met, failed = ([w for w, v in flags.items() if v == wanted] for wanted in (1.0, 0.0))
    if met or failed:
        parts = [f"fits in {', '.join(met)}"] if met else []
        return "; ".join([*parts, *([f"not in {', '.join(failed)}"] if failed else [])]) + " (ICP)"
    share = _fact(group, facts, "share_met")
    return "its fit is unknown (ICP)" if math.isnan(share) else f"fits {share:.0%} of the ICP's known criteria"


def _colleagues(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say how many others of the account were active, in the shortest window that holds any."""
    since = _fact(group, facts, "since_colleague")
    last = "" if math.isnan(since) else f", last on {_date(as_of, since)}"
    counts = [s for s in group if s.aggregate == "colleagues_engaged" and facts[s.name] > 0]
    if counts:
        spec = min(counts, key=_length)
        return f"{_many(float(facts[spec.name]), 'colleague')} active{_span(spec)}{last}"
    if last:
        return f"colleagues active{last}"
    known = _fact(group, facts, "colleagues_known")
    return f"none of {_many(known, 'known colleague')} active" if known > 0 else "no colleague active"


def _nameless(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say what was done at the account by nobody known, in the shortest window that holds any."""
    words, since = printable(group[0].words), _fact(group, facts, "since_account_act")
    last = "" if math.isnan(since) else f", last on {_date(as_of, since)}"
    counts = [s for s in group if s.aggregate == "account_acts" and facts[s.name] > 0]
    if counts:
        spec = min(counts, key=_length)
        return f"{words}: {float(facts[spec.name]):,g}{_span(spec)}{last}"
    return f"{words}{last}" if last else f"no {words}"


def _committee(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say which roles of the account are active."""
    roles = [s for s in group if s.aggregate == "any_role" and "|" not in s.field]
    active = [printable(s.words) for s in roles if facts[s.name] > 0]
    since = _fact(group, facts, "since_new_role")
    newest = "" if math.isnan(since) else f", the newest since {_date(as_of, since)}"
    if active:
        return f"active at the account{_span(roles[0])}: {', '.join(active)}{newest}"
    count = next((float(facts[s.name]) for s in group if s.aggregate == "roles_engaged"), 0.0)
    return (
        f"{_many(count, 'role')} active at the account{newest}" if count else f"no role active at the account{newest}"
    )


def _past(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say what became of the account's other leads."""
    some = [(s, float(facts[s.name])) for s in group if facts[s.name] > 0]
    if not some:
        return "no colleague was qualified or closed before"
    verbs = {"sql": "reached SQL", "won": "won", "lost": "lost", "rejected": "rejected"}
    return "colleagues before: " + ", ".join(f"{n:,g} {verbs[s.field]}" for s, n in some)


def _length(spec: Feature) -> float:
    return spec.window.micros if spec.window else math.inf


def _acts(group: Sequence[Feature], facts: dict[str, Any], as_of: int) -> str:
    """Say the shortest window that holds an act, and when the last was; a model may have kept any of these alone."""
    words = printable(next((s.words for s in group if s.aggregate != "active_days"), "events"))
    since, first = _fact(group, facts, "since_last"), _fact(group, facts, "since_first")
    last = "" if math.isnan(since) else f", last on {_date(as_of, since)}"
    began = "" if last or math.isnan(first) else f", first on {_date(as_of, first)}"
    is_noun = words == "events" or words.startswith("events of ")
    counts = [(s, float(facts[s.name])) for s in group if s.aggregate == "count"]
    some = min((c for c in counts if c[1] > 0), key=lambda c: _length(c[0]), default=None)
    if some is None:
        if _fact(group, facts, "heat") > 0 and not last and not began:
            return f"{words} in the last weeks"
        if last or began:
            return f"{words}{' long ago' if counts else ''}{last or began}"
        days = next((s for s in group if s.aggregate == "active_days" and facts[s.name] > 0), None)
        if days is not None:
            return f"active on {_many(float(facts[days.name]), 'day')}{_span(days)}"  # no count was kept
        return f"no {words}" if is_noun else f"never {words}"
    spec, n = some
    if is_noun:
        return f"{n:,g} {words.replace('events', 'event', 1) if n == 1 else words}{_span(spec)}{last}"
    return f"{words} {'once' if n == 1 else f'{n:,g} times'}{_span(spec)}{last}"


def _fact(group: Sequence[Feature], facts: dict[str, Any], aggregate: str) -> float:
    """Return the group's fact of one kind, NaN where there is none."""
    return next((float(facts[s.name]) for s in group if s.aggregate == aggregate), math.nan)


def _span(spec: Feature) -> str:
    if spec.window is None:
        return " in all"
    days = spec.window.days
    return f" in {_many(days, 'day')}" if days >= 1 else f" in {_many(round(days * 24, 1), 'hour')}"


def _many(n: float, noun: str) -> str:
    return f"{n:,g} {noun}{'' if n == 1 else 's'}"


def _value(value: Any) -> str:
    """Say an attribute's value in a few printable characters."""
    if value is None or value != value:
        return "unknown"
    if isinstance(value, (int, float, np.integer, np.floating)):
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() or abs(number) >= 1e6 else f"{number:,.6g}"
    return printable(str(value))


@lru_cache(4096)
def printable(text: str) -> str:
    """Leave a text's printable characters, and not too many of them.

    Examples
    --------
    >>> printable("asked\\nfor  a demo")
    'asked for a demo'
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _days(days: float) -> str:
    return _many(round(days * 24), "hour") if days < 1 else _many(round(days), "day")


def _date(as_of: int, days_before: float) -> str:
    return day_text(as_of - round(days_before * DAY), as_of)


def day_text(instant: int, as_of: int) -> str:
    """Say a day as reasons do: without the year where it is that of as_of.

    Examples
    --------
    >>> day_text(0, 5 * DAY), day_text(-DAY, 0)
    ('1 Jan', '31 Dec 1969')
    """
    then, now = (_calendar(moment // DAY) for moment in (instant, as_of))
    text = f"{int(then[8:10])} {MONTHS[int(then[5:7]) - 1]}"
    return text if then[:4] == now[:4] else f"{text} {then[:4]}"


@lru_cache(4096)
def _calendar(day: int) -> str:
    return format_instant(day * DAY)

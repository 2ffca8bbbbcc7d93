"""Where the funnel leaks: the band of MQL to SQL conversion of each source and campaign, and what may be tried.

A band is named where the 95% interval lies in it; else the bands that it touches are. With few leads nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core.privacy import ABSENT, MIN_GROUP_SIZE, OTHER

__all__ = ["HIGH", "LOW", "MEDIAN", "conversion_bands", "diagnosis_record", "revenue_against"]

LOW, HIGH = 0.10, 0.20
MEDIAN = 0.15
"""Of B2B companies' MQLs about so many become SQL; bands of under 10%, 10 to 20%, and over 20% are common practice."""

NEAR = 0.25  # the backtest's cut that is compared with today's handoffs lies within so much of their number

Record = Mapping[str, Any]


def conversion_bands(low: float, high: float) -> list[str]:
    """List the bands that an interval touches: low (under 10%), middle, high (over 20%).

    Examples
    --------
    >>> conversion_bands(0.02, 0.06), conversion_bands(0.08, 0.12), conversion_bands(0.11, 0.19), conversion_bands(0.05, 0.35)
    (['low'], ['low', 'middle'], ['middle'], ['low', 'middle', 'high'])
    """
    touched = {"low": low < LOW, "middle": low <= HIGH and high >= LOW, "high": high > HIGH}
    return [name for name, yes in touched.items() if yes]


def diagnosis_record(
    funnel: Record, cuts: Sequence[Record] = (), curve: Sequence[Record] = ()
) -> dict[str, Any] | None:
    """Return the diagnosis as plain JSON values; None where no table tells of MQLs and SQLs.

    Parameters
    ----------
    funnel : mapping
        As `leadline.insights.funnel.funnel_summary` made it.
    cuts, curve : sequences of mappings
        What half to double the capacity, and each cut, would have brought, as the run's record has them.

    Returns
    -------
    dict
        `all`, and `source` and `campaign`, lists: `level`, `entered`, `reached`, `rate`, `low`, `high`, `bands` (empty where there
        are too few to say), `advice`, the cost per SQL (`each`), where spend tells it, and `revenue`, where deals do; `threshold`,
        what to try with it (tighten, loosen, keep or wait); `cuts`, half, today's and double capacity in the backtest; `mqls_per_week`; and `same`,
        the backtest's cut at about so many leads a week.
    """
    if not {"mql", "sql"} <= set(funnel["stages"]):
        return None
    costs = funnel.get("cost") or {}
    whole = costs.get("all")
    everybody = _level({"level": "all", "steps": funnel["all"]}, whole, whole) | {"advice": "none"}
    record: dict[str, Any] = {"all": everybody, "threshold": _threshold(everybody["bands"])}
    for by in ("source", "campaign"):
        # What is pooled, or not given, is paid for by other leads than those that stand here.
        paid = {c["level"]: c for c in costs.get(by) or [] if c["level"] not in (OTHER, ABSENT)}
        record[by] = [_level(told, paid.get(told["level"]), whole) for told in funnel[by]]
    week = funnel["mqls_per_week"]
    near = min(curve, key=lambda c: abs(c["leads_per_week"] - week), default=None) if week else None
    same = near if near is not None and abs(near["leads_per_week"] - week) <= NEAR * week else None
    middle = len(cuts) // 2
    return record | {
        "cuts": [dict(cuts[n]) for n in (0, middle, len(cuts) - 1)] if len(cuts) > 2 else [],
        "mqls_per_week": week,
        "same": None if same is None else dict(same),
    }


def _level(told: Record, paid: Record | None, whole: Record | None) -> dict[str, Any]:
    """Place one level in its bands, and say what may be tried."""
    mean = None if whole is None else whole["each"]
    step = next(s for s in told["steps"] if (s["start"], s["end"]) == ("mql", "sql"))
    few = step["entered"] < MIN_GROUP_SIZE
    bands = [] if few else conversion_bands(step["low"], step["high"])
    dear = paid is not None and mean is not None and paid["low"] is not None and paid["low"] > mean
    cheap = paid is not None and mean is not None and paid["high"] is not None and paid["high"] < mean
    return {
        "level": told["level"],
        **{name: step[name] for name in ("entered", "reached", "rate", "low", "high")},
        "bands": bands,
        "to_opportunity": next(
            (dict(s) for s in told["steps"] if (s["start"], s["end"]) == ("sql", "opportunity")), None
        ),
        "each": None if paid is None else paid["each"],
        "cost": "dear" if dear else "cheap" if cheap else "like all" if paid is not None else None,
        "revenue": None if paid is None else paid.get("revenue"),
        "advice": _advice(told["level"], bands, dear, revenue_against(paid, whole)),
    }


def revenue_against(paid: Record | None, whole: Record | None) -> str:
    """Say how a level's revenue per spend lies to that of all: ``lower``, ``higher``, ``open`` or ``unknown``.

    Examples
    --------
    >>> whole = {"revenue": {"per_spend": 6.0}}
    >>> [revenue_against({"revenue": {"low": low, "high": high}}, whole) for low, high in ((1, 4), (2, 9), (7, 9), (None, None))]
    ['lower', 'open', 'higher', 'unknown']
    """
    told, mean = (paid or {}).get("revenue"), ((whole or {}).get("revenue") or {}).get("per_spend")
    if told is None or mean is None or told["low"] is None or told["high"] is None:
        return "unknown"
    return "lower" if told["high"] < mean else "higher" if told["low"] > mean else "open"


def _advice(level: str, bands: Sequence[str], dear: bool, revenue: str) -> str:
    """Say what may be tried with a source or campaign, in one word; the page has it in sentences.

    Spend is spoken of by revenue: what converts seldom, or costs much an SQL, may bring larger deals.
    """
    if level in (OTHER, ABSENT):
        return "none"
    if revenue == "lower" and dear and "high" not in bands:
        return "pause" if bands == ["low"] else "costs"
    if len(bands) != 1:
        return "revenue first" if dear else "wait"
    if bands[0] == "low":
        return "tighten"
    if bands[0] == "high":
        return "loosen" if dear or revenue in ("lower", "unknown") else "feed"
    return "revenue first" if dear else "keep"


def _threshold(bands: Sequence[str]) -> str:
    if len(bands) != 1:
        return "wait"
    return {"low": "tighten", "middle": "keep", "high": "loosen"}[bands[0]]

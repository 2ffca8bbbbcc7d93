"""From MQL to sales' first touch: how soon, how many within the SLA, and what became of those and of the others.

A lead that was touched before it was MQL is left out, and one that was decided (SQL, lost or rejected) before a touch was
due. An SLA of a day is known after a day, so MQLs count from then on; who is still waiting tells only that it waited so long
(Kaplan and Meier 1958). To compare conversion fairly, both sides must have been open when the SLA ran out: a lead that is touched late has
lived that long, and would look better, or worse, by that alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.point_in_time import DAY, month_end, month_name, months_of
from leadline.core.privacy import MIN_GROUP_SIZE, OTHER, iterate_levels, printable_level
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.stage_conversion import FunnelSettings, conversion_interval

__all__ = ["first_touch_record", "waiting_quantiles"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.object_]

MQL, SQL = LADDER.index("mql"), LADDER.index("sql")
AT = (0.5, 0.9)
HOUR = DAY / 24


def first_touch_record(
    climbs: LeadJourneys, terms: FunnelSettings, level: Mapping[str, Words], group: Ints
) -> dict[str, Any] | None:
    """Tell how soon MQLs are touched; None where no touch is on record.

    Returns
    -------
    dict
        `all`, and `source` and `campaign`, lists of such figures by level: `mqls`, `touched` and `never` (so far); `median` and
        `p90` in hours, None where that many weren't touched; and with an SLA `within`, its `rate`, `low` and `high`. `months`, such
        figures by month of MQL, `so_far` where the month isn't over. Then `before`
        and `decided`, counts of those left out; `kinds`, of first touches; and `compared`, what became of those touched
        `in_time` and of the others (`late`), both open when the SLA ran out.
    """
    if not np.isfinite(climbs.touched_from):
        return None
    mql, until = climbs.reached[:, MQL], min(climbs.until, climbs.touched_until)
    told = (climbs.told[:, MQL] == mql) & (
        mql >= max(climbs.touched_from, -np.inf if terms.since is None else terms.since)
    )
    ripe = told & (mql + due_in(terms) <= until)
    before = ripe & (climbs.ever < mql)
    due = mql + (terms.within if terms.sla is None else terms.sla)
    decided = np.fmin(np.fmin(climbs.lost, climbs.rejected), climbs.reached[:, SQL])
    decided = np.where(decided >= mql, decided, np.nan)
    first = ripe & ~before & (decided < np.fmin(climbs.touched, due))
    asked = ripe & ~before & ~first
    hours = np.where(np.isfinite(climbs.touched), (climbs.touched - mql) / HOUR, np.inf)
    waits = np.where(np.isfinite(hours) | np.isfinite(decided), np.nan, (until - mql) / HOUR)
    in_time = asked & (climbs.touched <= due) if terms.sla is not None else None
    settled = asked & (mql + terms.within + terms.delay <= until)

    def figures(mine: Ints) -> dict[str, Any]:
        return _figures(asked, hours, waits, in_time, mine, group)

    month = months_of(np.where(asked, mql, np.nan))
    record: dict[str, Any] = {
        "all": figures(np.arange(len(climbs))),
        "months": [
            {
                "level": month_name(m),
                "so_far": bool(month_end(m) + due_in(terms) > until),
                **figures(np.flatnonzero(month == m)),
            }
            for m in range(int(month[asked].min()), int(month[asked].max()) + 1)
        ]
        if asked.any()
        else [],
        "until": float(until),
        "before": int(before.sum()),
        "decided": int(first.sum()),
        "kinds": _kinds(climbs.kind[asked]),
        "compared": None if in_time is None else _compared(climbs, terms, settled, in_time, group),
    }
    for by, values in level.items():
        record[by] = [{"level": name, **figures(mine)} for name, mine in iterate_levels(values)]
    return record


def due_in(terms: FunnelSettings) -> int:
    """Return how long after MQL it is known whether sales kept the SLA; without one, the time of a step."""
    return terms.within if terms.sla is None else terms.sla


def waiting_quantiles(hours: Floats, waits: Floats, at: Sequence[float] = AT) -> tuple[float, ...]:
    """Return after how many hours such shares were touched (Kaplan and Meier); NaN where so many weren't.

    Parameters
    ----------
    hours : array
        Until the touch; infinite without one.
    waits : array
        Of those who wait still, for how long; else NaN.

    Examples
    --------
    >>> waiting_quantiles(np.array([1.0, 2.0, 3.0, np.inf]), np.full(4, np.nan))
    (2.5, nan)
    >>> waiting_quantiles(np.array([1.0, 9.0, np.inf]), np.array([np.nan, np.nan, 0.5]))  # who waits for half an hour tells little
    (5.0, 9.0)
    """
    touched = np.isfinite(hours)
    moments, times = np.unique(hours[touched], return_counts=True)
    known_until = np.sort(np.where(np.isfinite(waits), waits, hours))
    at_risk = len(hours) - np.searchsorted(known_until, moments, side="left")
    left = np.cumprod(1 - times / at_risk)  # the share that isn't touched yet
    found = []
    for share in at:
        n = int(np.searchsorted(-left, -(1 - share) - 1e-12))
        if n >= len(moments):
            found.append(float("nan"))
            continue
        even = n + 1 < len(moments) and abs(left[n] - (1 - share)) < 1e-9  # as between two middle values
        found.append(float((moments[n] + moments[n + 1]) / 2 if even else moments[n]))
    return tuple(found)


def _figures(
    asked: Flags, hours: Floats, waits: Floats, in_time: Flags | None, mine: Ints, group: Ints
) -> dict[str, Any]:
    here = mine[asked[mine]]
    median, p90 = waiting_quantiles(hours[here], waits[here])
    told: dict[str, Any] = {
        "mqls": len(here), "touched": int(np.isfinite(hours[here]).sum()), "median": median, "p90": p90,
    }  # fmt: skip
    told["never"] = told["mqls"] - told["touched"]
    if in_time is not None:
        told |= {"within": int(in_time[here].sum()), **_share(in_time[here], group[here])}
    return told


def _share(went: Flags, group: Ints) -> dict[str, float]:
    low, high = conversion_interval(went, group)
    return {"rate": float(went.mean()) if len(went) else float("nan"), "low": low, "high": high}


def _compared(climbs: LeadJourneys, terms: FunnelSettings, asked: Flags, in_time: Flags, group: Ints) -> dict[str, Any]:
    """Tell what became of MQLs that were open when the SLA ran out, by whether they had been touched by then."""
    mql, sql = climbs.reached[:, MQL], climbs.reached[:, SQL]
    runs_out = mql + (terms.sla or 0)
    ended = np.fmin(np.fmin(climbs.lost, climbs.rejected), sql)
    still = asked & ~((ended >= mql) & (ended <= runs_out))
    went = (sql > runs_out) & (sql < mql + terms.within)
    told = {}
    for name, rows in (("in_time", still & in_time), ("late", still & ~in_time)):
        told[name] = {"mqls": int(rows.sum()), "sqls": int((rows & went).sum()), **_share(went[rows], group[rows])}
    return told


def _kinds(kind: Words) -> dict[str, int]:
    """Count first touches by kind; kinds that few leads share are together."""
    sizes = Counter(printable_level(str(k)) for k in kind if k is not None)
    told = {name: n for name, n in sizes.most_common() if n >= MIN_GROUP_SIZE}
    rest = sum(n for n in sizes.values() if n < MIN_GROUP_SIZE)
    return {**told, **({OTHER: rest} if rest else {})}

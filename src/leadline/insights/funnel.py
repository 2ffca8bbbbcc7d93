"""The funnel as a record: all leads together, by source, by campaign and by month, with times, touches and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import DAY, WEEK, month_end, month_name, months_of
from leadline.core.privacy import iterate_levels, pool_levels
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.cost_per_sql import cost_record
from leadline.insights.first_touch import first_touch_record
from leadline.insights.stage_conversion import (
    FunnelSettings,
    StageConversion,
    StageTransition,
    account_codes,
    count_conversion,
    observed_quantiles,
    observed_stages,
    stage_transitions,
)

__all__ = ["funnel_summary"]

Ints = npt.NDArray[np.int64]

WEEKS = 12  # of the newest MQLs, to tell how many come in a week


def funnel_summary(climbs: LeadJourneys, terms: FunnelSettings) -> dict[str, Any]:
    """Return the funnel as plain JSON values; of a lead it tells nothing.

    Returns
    -------
    dict
        `leads`, a count; `rungs` that the tables tell of; `within`, `won_within` and `sla` in days; `until`, an instant; `mqls_per_week` of late;
        `names` of the attributes that part the leads; `all`, a list of steps; `source` and `campaign`, lists of {level, leads,
        steps, first_act}; `months`, a list of {month, leads, steps}, each step with `complete`, whether the whole month
        had its time, and what is known of one that hadn't: of how many that `stood` at the lower rung it went on `so_far`;
        `first_act` and `purchase_act`, the time from a lead's first event to SQL, and to its first event of purchase intent; `touches` and `cost`, or None where no table tells of them.
    """
    ways, group = stage_transitions(climbs, terms), account_codes(climbs)
    everybody = np.arange(len(climbs))
    level = {"source": pool_levels(climbs.source), "campaign": pool_levels(climbs.campaign)}
    record: dict[str, Any] = {
        "leads": len(climbs),
        "stages": [LADDER[n] for n in observed_stages(climbs)],
        "within": terms.within / DAY,
        "won_within": terms.won_within / DAY,
        "sla": None if terms.sla is None else terms.sla / DAY,
        "until": int(climbs.until),
        "mqls_per_week": _mqls(climbs),
        "names": dict(zip(level, climbs.names, strict=True)),
        "all": _steps(ways, everybody, group),
        "months": list(_months(climbs, terms, ways, group)),
        "first_act": _first_act(climbs, ways, everybody),
        "purchase_act": _purchase_act(climbs, terms, everybody),
        "touches": first_touch_record(climbs, terms, level, group),
        "cost": cost_record(climbs, terms, level, group),
    }
    for by, values in level.items():
        parts = iterate_levels(values) if record["names"][by] else ()
        record[by] = [
            {"level": name, "leads": len(mine), "steps": _steps(ways, mine, group), "first_act": _first_act(climbs, ways, mine),
             "purchase_act": _purchase_act(climbs, terms, mine)}
            for name, mine in parts
        ]  # fmt: skip
    return dict(to_jsonable(record))


def _steps(ways: Sequence[StageTransition], mine: Ints, group: Ints) -> list[dict[str, Any]]:
    return [vars(count_conversion(way, mine, group)) for way in ways]


def _months(
    climbs: LeadJourneys, terms: FunnelSettings, ways: Sequence[StageTransition], group: Ints
) -> Iterator[Mapping[str, Any]]:
    """Yield each month's steps: of the leads that entered the lower rung in that month, as UTC has it."""
    entered = {way.pair[0]: months_of(way.at) for way in ways}
    created = months_of(climbs.reached[:, 0])
    every = np.concatenate([created, *entered.values()])
    every = every[every >= 0]
    for month in range(int(every.min()), int(every.max()) + 1) if len(every) else ():  # also those in which nothing was
        made = []
        for way in ways:
            mine = np.flatnonzero(entered[way.pair[0]] == month)
            step = count_conversion(way, mine, group)
            done = month_end(month) + way.span + terms.delay <= climbs.until
            so_far = {"stood": int((way.counted | way.waits)[mine].sum()), "so_far": int(way.so_far[mine].sum())}
            made.append({**vars(step if done else _blank(step)), "complete": bool(done), **so_far})
        yield {"month": month_name(month), "leads": int((created == month).sum()), "steps": made}


def _blank(step: StageConversion) -> StageConversion:
    """Return a step without its rate: of a month that is partly ripe, the ripe leads are its first days' alone."""
    nothing = float("nan")
    return replace(step, rate=nothing, low=nothing, high=nothing, days=(nothing, nothing, nothing))


def _mqls(climbs: LeadJourneys) -> float:
    """Count the MQLs a week, over the last twelve weeks that are known."""
    at = climbs.reached[:, LADDER.index("mql")]
    return float(((at >= climbs.until - WEEKS * WEEK) & (at < climbs.until)).sum()) / WEEKS


def _first_act(climbs: LeadJourneys, ways: Sequence[StageTransition], mine: Ints) -> dict[str, Any] | None:
    """Tell the days from the first event to SQL, of ripe leads that got there in time and had an event before."""
    way = next((w for w in ways if w.pair == (0, LADDER.index("sql"))), None)
    if way is None or not np.isfinite(climbs.first_act).any():
        return None
    days = (climbs.reached[mine, way.pair[1]] - climbs.first_act[mine])[way.went[mine]] / DAY
    days = days[days >= 0]
    return {"leads": len(days), "days": observed_quantiles(days)}


def _purchase_act(climbs: LeadJourneys, terms: FunnelSettings, mine: Ints) -> dict[str, Any] | None:
    """Tell the days from the first event to the first of purchase intent, such as a demo request, where that came in the time of a step."""
    if not np.isfinite(climbs.purchase_act).any():
        return None
    waited = climbs.purchase_act[mine] - climbs.first_act[mine]
    ripe = climbs.first_act[mine] + terms.within + terms.delay <= climbs.until
    return {
        "leads": int((ripe & (waited < terms.within)).sum()),
        "of": int(ripe.sum()),
        "days": observed_quantiles(waited[ripe & (waited < terms.within)] / DAY),
    }

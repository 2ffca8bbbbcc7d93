"""What an SQL cost: a month's money by campaign, over the leads that this campaign brought in that month.

Money and leads are of the same month, so that both are of one cohort; a month counts once all its leads have had their
time to become SQL. Where money was spent and no SQL came, there is no cost per SQL, but the money is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.point_in_time import month_end, month_in, month_name, months_of
from leadline.core.privacy import ABSENT, MIN_GROUP_SIZE, OTHER
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.stage_conversion import FunnelSettings
from leadline.metrics.intervals import clopper_pearson_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cost_record"]

Words = npt.NDArray[np.object_]
SQL = LADDER.index("sql")
LAST = (OTHER, ABSENT)


def cost_record(climbs: LeadJourneys, terms: FunnelSettings, level: Mapping[str, Words]) -> dict[str, Any] | None:
    """Tell the cost per SQL; None where no table tells what was spent, or no attribute tells a lead's campaign.

    Returns
    -------
    dict
        `all`, a figure of `leads`, `sqls`, `cost`, `each` and its 95% interval `low` to `high`; `campaign` and `source`, lists of
        such figures by level, the dearest first; `month`, in their order; `cells`, by campaign and month, where 20 leads came
        in; `censored`, money of months that aren't ripe; `unknown`, money of campaigns that no lead names; `several`, money of
        campaigns whose leads have several sources: it isn't told by source.
    """
    if not len(climbs.spent.month) or not climbs.names[1]:
        return None
    leads, spent = _leads(climbs, terms, level), _spent(climbs, terms)
    came = leads.groupby(["key", "month"])["went"].agg(leads="size", sqls="sum")
    about = leads.groupby("key").agg(
        campaign=("campaign", "first"), source=("source", "first"), sources=("source", "nunique")
    )
    table = spent.join(came, on=["key", "month"]).join(about, on="key").fillna({"leads": 0, "sqls": 0})
    unknown = table["campaign"].isna()
    counted = table[table["complete"] & ~unknown]
    alone = counted["sources"] == 1
    months = counted.assign(month=counted["month"].map(month_name))
    cells = months[(months["leads"] >= MIN_GROUP_SIZE) & ~months["campaign"].isin(LAST)]
    return {
        "all": _figure(counted),
        "campaign": _dearest(counted, "campaign"),
        "source": _dearest(counted[alone], "source"),
        "month": [{"level": name, **_figure(part)} for name, part in months.groupby("month")],
        "cells": [
            {"campaign": name, "month": month, **_figure(part)}
            for (name, month), part in cells.groupby(["campaign", "month"])
        ],
        "censored": float(table.loc[~table["complete"] & ~unknown, "cost"].sum()),
        "unknown": float(table.loc[unknown, "cost"].sum()),
        "several": float(counted.loc[~alone, "cost"].sum()),
    }


def _key(campaign: Any) -> str:
    """Return what two spellings of a campaign have in common; "" for none."""
    return "" if campaign is None else " ".join(str(campaign).split()).casefold()


def _leads(climbs: LeadJourneys, terms: FunnelSettings, level: Mapping[str, Words]) -> pd.DataFrame:
    """Gather the leads that have a campaign: its key, the month, and whether they became SQL in time."""
    import pandas as pd

    created, sql = climbs.reached[:, 0], climbs.reached[:, SQL]
    table = pd.DataFrame({
        "key": [_key(c) for c in climbs.campaign], "month": months_of(created), "went": sql < created + terms.within,
        "campaign": level["campaign"], "source": level["source"],
    })  # fmt: skip
    return table[table["key"] != ""]


def _spent(climbs: LeadJourneys, terms: FunnelSettings) -> pd.DataFrame:
    """Sum the money by campaign and month, and tell which months are ripe: their last lead has had its time."""
    import pandas as pd

    spent = climbs.spent
    month = [month_in(at, terms.zone) for at in spent.month.tolist()]
    table = pd.DataFrame({"key": [_key(c) for c in spent.campaign], "month": month, "cost": spent.cost})
    table = table.groupby(["key", "month"], as_index=False).agg(cost=("cost", "sum"))
    since = -np.inf if terms.since is None else terms.since
    ripe = [
        month_end(m) + terms.within + terms.delay <= climbs.until and month_end(m - 1) >= since for m in table["month"]
    ]
    return table.assign(complete=np.array(ripe, dtype=bool))


def _dearest(table: pd.DataFrame, by: str) -> list[dict[str, Any]]:
    told = [{"level": name, **_figure(part)} for name, part in table.groupby(by)]
    return sorted(told, key=lambda f: (f["level"] in LAST, -(f["each"] if f["sqls"] else np.inf), f["level"]))


def _figure(table: pd.DataFrame) -> dict[str, Any]:
    """Return the money, what it brought, and what one of these cost; no SQL has no cost, and no upper end.

    Examples
    --------
    >>> import pandas as pd
    >>> told = _figure(pd.DataFrame({"cost": [900.0, 100.0], "leads": [50, 50], "sqls": [10, 0]}))
    >>> told["each"], round(told["low"]), round(told["high"])
    (100.0, 57, 204)
    """
    cost, leads, sqls = float(table["cost"].sum()), int(table["leads"].sum()), int(table["sqls"].sum())
    few, many = clopper_pearson_interval(sqls / leads, leads) if leads else (0.0, 0.0)
    nothing = float("nan")
    return {
        "leads": leads, "sqls": sqls, "cost": cost, "each": cost / sqls if sqls else nothing,
        "low": cost / (many * leads) if many else nothing, "high": cost / (few * leads) if few else nothing,
    }  # fmt: skip

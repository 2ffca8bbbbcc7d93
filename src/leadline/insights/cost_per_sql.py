"""What an SQL, and a win, cost, and what the money brought: a month's money by campaign, over the leads that it brought then.

Money and leads are of the same month, so that both are of one cohort; a month counts once all its leads have had their
time: for SQL the time of a step, for wins and revenue the longer one to won. Leads are their first touch's. Where money was
spent and no SQL came, there is no cost per SQL, but the money is told. Money that can't be (a cost below 0, none at all) has
no ratio, and nor have amounts of which one is below 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import LADDER
from leadline.core.point_in_time import month_end, month_in, month_name, months_of
from leadline.core.privacy import ABSENT, MIN_GROUP_SIZE, OTHER
from leadline.core.rng import Stream, seed_of
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.stage_conversion import FunnelSettings, conversion_interval
from leadline.metrics.bootstrap import BootstrapSums

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cost_record"]

Words = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]
SQL, WON = LADDER.index("sql"), LADDER.index("won")
NOTHING = float("nan")
FEWEST_WINS = 5  # below which draws of accounts don't tell how far revenue may lie
REPEATS = 400
LAST = (OTHER, ABSENT)


def cost_record(
    climbs: LeadJourneys, terms: FunnelSettings, level: Mapping[str, Words], group: Ints
) -> dict[str, Any] | None:
    """Tell the cost per SQL; None where no table tells what was spent, or no attribute tells a lead's campaign.

    Returns
    -------
    dict
        `all`, a figure of `leads`, `sqls`, `cost`, `each` and its 95% interval `low` to `high`, with `revenue` (see `_revenue`);
        `campaign` and `source`, lists of such figures by level, the dearest first; `month`, in their order; `cells`, by
        campaign and month, where 20 leads came in; `revenue_months`, revenue per spend of each month that is old enough; `censored`, money of months that aren't ripe; `unknown`, money of campaigns
        that no lead names; `several`, money of campaigns whose leads have several sources: it isn't told by source.
    """
    if not len(climbs.spent.month) or not climbs.names[1]:
        return None
    leads, money = _leads(climbs, terms, level, group), _spent(climbs, terms)
    about = leads.groupby("key").agg(
        campaign=("campaign", "first"), source=("source", "first"), sources=("source", "nunique")
    )
    money = money.join(about, on="key")
    money["row"] = np.arange(len(money))
    leads = leads.drop(columns=["campaign", "source"]).merge(money[["key", "month", "row"]], on=["key", "month"])
    unknown = money["campaign"].isna()
    counted = money[money["complete"] & ~unknown]
    alone = counted["sources"] == 1

    def figure(part: pd.DataFrame) -> dict[str, Any]:
        return _figure(part, leads[leads["row"].isin(part["row"])])

    def with_revenue(part: pd.DataFrame, by: str | None = None, name: Any = None) -> dict[str, Any]:
        old = money[money["settled"] & ~unknown]
        old = old if by is None else old[(old[by] == name) & ((old["sources"] == 1) | (by != "source"))]
        return figure(part) | {
            "revenue": _revenue(old, leads[leads["row"].isin(old["row"])], _can_be(climbs), terms.seed)
        }

    months = counted.assign(name=counted["month"].map(month_name))
    size = leads.groupby("row").size()
    cells = months[(months["row"].map(size).fillna(0) >= MIN_GROUP_SIZE) & ~months["campaign"].isin(LAST)]
    return {
        "all": with_revenue(counted),
        "campaign": _dearest([{"level": n, **with_revenue(p, "campaign", n)} for n, p in counted.groupby("campaign")]),
        "source": _dearest([{"level": n, **with_revenue(p, "source", n)} for n, p in counted[alone].groupby("source")]),
        "month": [{"level": name, **figure(part)} for name, part in months.groupby("name")],
        "cells": [
            {"campaign": name, "month": month, **figure(part)}
            for (name, month), part in cells.groupby(["campaign", "name"])
        ],
        "revenue_months": [
            {"level": month_name(n), "per_spend": r["per_spend"]}
            for n, part in _by_month(money[money["settled"] & ~unknown])
            if (r := _revenue(part, leads[leads["row"].isin(part["row"])], _can_be(climbs), None)) is not None
        ],
        "censored": float(money.loc[~money["complete"] & ~unknown, "cost"].sum()),
        "unknown": float(money.loc[unknown, "cost"].sum()),
        "several": float(counted.loc[~alone, "cost"].sum()),
    }


def _by_month(money: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    return [(int(n), money[money["month"] == n]) for n in sorted(set(money["month"].tolist()))]


def _key(campaign: Any) -> str:
    """Return what two spellings of a campaign have in common; "" for none."""
    return "" if campaign is None else " ".join(str(campaign).split()).casefold()


def _can_be(climbs: LeadJourneys) -> bool:
    """Tell whether deals tell amounts, of which none is below 0."""
    return climbs.deals is not None and not bool((climbs.deals.amount < 0).any())


def _leads(climbs: LeadJourneys, terms: FunnelSettings, level: Mapping[str, Words], group: Ints) -> pd.DataFrame:
    """Gather the leads that have a campaign: its key, the month, whether they became SQL and won in time, and what they brought."""
    import pandas as pd

    created = climbs.reached[:, 0]
    amount: npt.NDArray[np.float64] = np.zeros(len(climbs))
    if climbs.deals is not None:
        place = {lead: n for n, lead in enumerate(climbs.lead.tolist())}
        at = np.array([place.get(lead, -1) for lead in climbs.deals.lead.tolist()], dtype=np.int64)
        closed = climbs.deals.closed
        mine = (at >= 0) & (closed >= created[at]) & (closed < created[at] + terms.won_within)
        amount = np.asarray(np.bincount(at[mine], climbs.deals.amount[mine], len(climbs)), dtype=np.float64)
    table = pd.DataFrame({
        "key": [_key(c) for c in climbs.campaign], "month": months_of(created), "went": climbs.reached[:, SQL] < created + terms.within,
        "won": climbs.reached[:, WON] < created + terms.won_within, "amount": amount, "group": group,
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

    def over(month: int, span: int) -> bool:
        return month_end(month) + span + terms.delay <= climbs.until and month_end(month - 1) >= since

    return table.assign(
        complete=np.array([over(m, terms.within) for m in table["month"]], dtype=bool),
        settled=np.array([over(m, terms.won_within) for m in table["month"]], dtype=bool),
    )


def _dearest(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def order(f: dict[str, Any]) -> tuple[bool, float, str]:
        return f["level"] in LAST, -f["each"] if f["each"] == f["each"] else -np.inf, f["level"]

    return sorted(told, key=order)


def _figure(money: pd.DataFrame, leads: pd.DataFrame) -> dict[str, Any]:
    """Return the money, what it brought, and what one of these cost; no SQL has no cost, and no upper end.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame({"went": [True] * 10 + [False] * 90, "group": range(100)})
    >>> told = _figure(pd.DataFrame({"cost": [900.0, 100.0]}), leads)
    >>> told["each"], round(told["low"]), round(told["high"])
    (100.0, 57, 204)
    >>> _figure(pd.DataFrame({"cost": [0.0]}), leads)["each"]
    nan
    """
    cost, told = (
        _cost(money),
        {"leads": len(leads), "sqls": int(leads["went"].sum()), "cost": float(money["cost"].sum())},
    )
    return told | dict(zip(("each", "low", "high"), _each(cost, leads["went"], leads["group"]), strict=True))


def _cost(money: pd.DataFrame) -> float:
    """Return what was spent; NaN where that can't be."""
    return float(money["cost"].sum()) if (money["cost"] >= 0).all() and money["cost"].sum() > 0 else NOTHING


def _each(cost: float, got: pd.Series[Any], group: pd.Series[Any]) -> tuple[float, float, float]:
    """Return what one of those who got there cost, with its 95% interval: accounts make it wider."""
    few, many = conversion_interval(got.to_numpy(dtype=np.bool_), group.to_numpy(dtype=np.int64))
    number = len(got)
    return (
        cost / int(got.sum()) if got.any() else NOTHING,
        cost / (many * number) if many > 0 else NOTHING,
        cost / (few * number) if few > 0 else NOTHING,
    )


def _revenue(money: pd.DataFrame, leads: pd.DataFrame, known: bool, seed: int | None) -> dict[str, Any] | None:
    """Return what old enough leads were won for: `leads`, `wins`, `cost`, `amount`, cost `per_win` and revenue `per_spend`, with intervals.

    None where amounts aren't told, or can't be. Revenue's interval draws accounts; it isn't told below `FEWEST_WINS` wins.
    """
    if not known:
        return None
    cost, wins, amount = _cost(money), int(leads["won"].sum()), float(leads["amount"].sum())
    per_win, win_low, win_high = _each(cost, leads["won"], leads["group"])
    low = high = NOTHING
    if wins >= FEWEST_WINS and seed is not None:
        columns = {"amount": leads["amount"].to_numpy(dtype=np.float64), "leads": np.ones(len(leads))}
        drawn = BootstrapSums.of(columns, leads["group"].to_numpy(), seed_of(seed, Stream.REVENUE), REPEATS)
        mean = drawn.ratio("amount", "leads")
        low, high = (mean.low * len(leads) / cost, mean.high * len(leads) / cost)
    return {
        "leads": len(leads), "wins": wins, "cost": float(money["cost"].sum()), "amount": amount,
        "per_win": per_win, "win_low": win_low, "win_high": win_high, "per_spend": amount / cost, "low": low, "high": high,
    }  # fmt: skip

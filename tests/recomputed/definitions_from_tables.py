"""Who met a definition, and what came of it, made again from the demo's tables and the kept predictions in plain pandas.

Nothing of leadline is imported here. The definition is: two or more of the five assets within 90 days; the account's industry
is software or fintech; and the pricing page was viewed within 30 days.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
ASSETS = ("evaluation_template", "roi_calculator", "security_questionnaire", "implementation_plan", "procurement_pack")


def read_events(folder: Path, known_at: str) -> pd.DataFrame:
    """Read what leads did, once each, as known at T; a merged record's acts are its survivor's from the merge on."""
    at = pd.Timestamp(known_at)
    acts = pd.concat([pd.read_parquet(f) for f in sorted((folder / "events").glob("*.parquet"))]).drop_duplicates()
    acts = acts[(acts["occurred_at"] < at) & (acts["recorded_at"] < at)]
    merges = pd.read_parquet(folder / "merges.parquet")
    merges = merges[merges["merged_at"] < at].drop_duplicates()
    moved = acts.merge(merges, left_on="lead_id", right_on="from_id")
    moved = moved.assign(lead_id=moved["into_id"], recorded_at=moved[["recorded_at", "merged_at"]].max(axis=1))
    kept = ["event_id", "lead_id", "event_type", "occurred_at", "recorded_at"]
    return pd.concat([acts[kept], moved[kept]], ignore_index=True)


def clauses(folder: Path, known_at: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Tell for each row (lead_id, account_id, as_of) which of the three clauses hold."""
    acts = read_events(folder, known_at)
    industry = pd.read_parquet(folder / "accounts.parquet").set_index("account_id")["industry"]
    told = []
    for as_of, night in rows.groupby("as_of"):
        seen = acts[(acts["occurred_at"] < as_of) & (acts["recorded_at"] < as_of)]

        def since(days: int, seen: pd.DataFrame = seen, as_of: pd.Timestamp = as_of) -> pd.DataFrame:
            return seen[seen["occurred_at"] >= as_of - days * DAY]

        used = since(90)[lambda d: d["event_type"].isin(ASSETS)].groupby("lead_id")["event_type"].nunique()
        priced = set(since(30).loc[lambda d: d["event_type"] == "pricing_page_view", "lead_id"])
        told.append(pd.DataFrame({
            "assets": night["lead_id"].map(used).fillna(0) >= 2, "fit": night["account_id"].map(industry).isin(["software", "fintech"]),
            "priced": night["lead_id"].isin(priced),
        }, index=night.index))  # fmt: skip
    return pd.concat(told).loc[rows.index]


def once(rows: pd.DataFrame, there: pd.Series[bool]) -> dict[str, float]:
    """Count each lead once: all, those that get there, those that meet it, and those that get there from a row that meets it."""
    each = (
        rows.assign(there=there, hit=there & (rows["y"] > 0), got=rows["y"] > 0)
        .groupby("lead_id")[["there", "hit", "got"]]
        .max()
    )
    leads, got, inside, hits = len(each), each["got"].sum(), each["there"].sum(), each["hit"].sum()
    return {
        "leads": inside,
        "share": inside / leads,
        "converted": hits / inside,
        "edge": hits / got - inside / leads,
        "found": hits / got,
    }


def found_by_model(rows: pd.DataFrame, there: pd.Series[bool]) -> float:
    """The share of all who get there on the model's lists, as long each night as the definition's."""
    taken = []
    for _, night in rows.groupby("as_of"):
        k = int(there[night.index].sum())
        taken.append(night.sort_values("probability", ascending=False).head(k))
    listed = pd.concat(taken)
    return float(listed.loc[listed["y"] > 0, "lead_id"].nunique() / rows.loc[rows["y"] > 0, "lead_id"].nunique())


def weeks(rows: pd.DataFrame) -> int:
    """How many weeks the rows' nights lie in."""
    return len(np.unique((rows["as_of"] - rows["as_of"].min()) // (7 * DAY)))

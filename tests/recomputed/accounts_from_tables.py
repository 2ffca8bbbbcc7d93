"""A night's accounts, and what working them would have found, made again from files in plain pandas.

Nothing of leadline is imported here: each figure follows its definition in docs/accounts.md.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize

MONTH = pd.Timedelta(days=30)


def committee(folder: Path, at: pd.Timestamp, roles: dict[str, list[str]]) -> dict[str, tuple[int, set[str]]]:
    """Say for each account how many of its people acted in the 30 days before a night, and in which roles."""
    leads, merges = (pd.read_parquet(folder / f"{name}.parquet") for name in ("leads", "merges"))
    merges = merges[merges["merged_at"] < at]
    into = dict(zip(merges["from_id"], merges["into_id"], strict=True))
    events = pd.concat([pd.read_parquet(file) for file in sorted((folder / "events").glob("*.parquet"))])
    known = events[(events["occurred_at"] < at) & (events["recorded_at"] < at)]
    lately = known[known["occurred_at"] >= at - MONTH]
    acted = set()
    for lead in lately["lead_id"].dropna().unique():
        while lead in into:
            lead = into[lead]
        acted.add(lead)
    told: dict[str, tuple[int, set[str]]] = {}
    for row in leads[leads["created_at"] < at].itertuples():
        if row.lead_id in into or not isinstance(row.account_id, str):
            continue
        number, seen = told.get(row.account_id, (0, set()))
        if row.lead_id in acted:
            title = row.job_title.lower() if isinstance(row.job_title, str) else ""
            mine = next((r for r, ps in roles.items() if any(fnmatch.fnmatchcase(title, p.lower()) for p in ps)), None)
            number, seen = number + 1, seen | ({mine} if mine else set())
        told[row.account_id] = (number, seen)
    return told


def chances(scores: pd.DataFrame, people: dict[str, int], line: dict[str, float]) -> pd.Series:
    """Return each account's chance, from its leads' probabilities and the model's four numbers."""
    made = {}
    for account, rows in scores.dropna(subset=["account_id"]).groupby("account_id"):
        p = rows["probability"].to_numpy()
        best, together = p.max(), 1 - np.prod(1 - p)
        margin = (
            line["intercept"]
            + line["best"] * np.log(best / (1 - best))
            + line["together"] * np.log(together / (1 - together))
        )
        made[account] = 1 / (1 + np.exp(-margin - line["engaged"] * np.log(1 + people[account])))
    return pd.Series(made)


def account_nights(predictions: pd.DataFrame) -> pd.DataFrame:
    """Gather out-of-fold predictions of leads by account and night."""
    told = predictions.dropna(subset=["account_id"]).groupby(["as_of", "account_id"])
    made = told.agg(
        y=("y", "max"), best=("probability", "max"), total=("probability", "sum"), fold=("fold", "max"), judged=("judged", "max"),
        none=("probability", lambda p: np.prod(1 - p)),
    )  # fmt: skip
    return made.assign(together=1 - made["none"]).reset_index()


def refitted(nights: pd.DataFrame, people: pd.Series, fold: int, horizon: pd.Timedelta = MONTH) -> pd.Series:
    """Fit the model of accounts on the folds before one, as far as outcomes were known when it began; return its chances."""
    odds = nights[["best", "together"]].apply(lambda p: np.log(p / (1 - p)))
    x = np.column_stack([np.ones(len(nights)), odds, np.log1p(people)])
    mine = nights["fold"] == fold
    older = (nights["fold"] < fold) & (nights["as_of"] + horizon <= nights.loc[mine, "as_of"].min())
    y, prior = nights.loc[older, "y"].to_numpy(), np.array([0.0, 0.0, 1.0, 0.0])

    def loss(line: np.ndarray) -> float:
        margin = x[older.to_numpy()] @ line
        return float(7 / 30 * np.sum(np.log1p(np.exp(margin)) - y * margin) + 0.5 * np.sum((line - prior) ** 2))

    found = minimize(
        loss,
        prior + 0.1,
        method="SLSQP",
        bounds=[(None, None), *[(0, None)] * 3],
        options={"ftol": 1e-12, "maxiter": 999},
    )
    return pd.Series(1 / (1 + np.exp(-(x[mine.to_numpy()] @ found.x))), nights.index[mine])


def auc(y: pd.Series, p: pd.Series) -> float:
    """Return the chance that one that got there ranks above one that didn't."""
    ranks, hits = p.rank(), y > 0
    return float((ranks[hits].sum() - hits.sum() * (hits.sum() + 1) / 2) / (hits.sum() * (~hits).sum()))


def found_by(nights: pd.DataFrame, by: str, room: int, rest: pd.Timedelta = MONTH) -> tuple[int, int]:
    """Work the top accounts of each night, none again before its question is over; return those worked, and who got there, each once."""
    worked, got, last = 0, set(), {}
    for at, rows in nights.sort_values("as_of").groupby("as_of"):
        free = rows[[last.get(a, pd.Timestamp.min.tz_localize("UTC")) + rest <= at for a in rows["account_id"]]]
        for row in free.sort_values([by], ascending=False, kind="stable").head(room).itertuples():
            last[row.account_id], worked = at, worked + 1
            got |= {row.account_id} if row.y > 0 else set()
    return worked, len(got)

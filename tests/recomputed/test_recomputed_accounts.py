"""A night's accounts, and the record of their backtest, are those of the files: made again by code that shares nothing with leadline."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import accounts_from_tables as again
import numpy as np
import pandas as pd
import pytest

import leadline
import projects
from leadline.dataset.feature_spec import Feature

NIGHTS = ("2025-06-09", "2025-06-16")


@pytest.fixture(scope="module")
def nights(
    trained_home: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[pd.DataFrame], list[pd.DataFrame]]:
    """Two nights of a copy of the shared home: its folder, the bundle's record, and each night's leads and accounts."""
    folder = tmp_path_factory.mktemp("accounts") / "home"
    shutil.copytree(trained_home[0], folder)
    with projects.inside(folder):
        for at in NIGHTS:
            leadline.score("demo.yaml", at)
    places = [folder / f"scores/demo/as_of={at}T00-00-00Z" for at in NIGHTS]
    told = [[pd.read_parquet(place / name) for place in places] for name in ("scores.parquet", "accounts.parquet")]
    return folder, json.loads((folder / "models/demo/1/accounts.json").read_text()), told[0], told[1]


def test_the_recomputation_imports_nothing_of_leadline() -> None:
    tree = ast.parse(Path(again.__file__).read_text(encoding="utf-8"))
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert names and not [n for n in names if n.split(".")[0] in ("leadline", "projects")]


def test_a_nights_accounts_are_those_of_its_leads_and_tables(nights: Any) -> None:
    folder, model, leads, accounts = nights
    scores, told = leads[1], accounts[1].set_index("account_id")
    roles = leadline.load_config(folder / "demo.yaml").roles
    people = again.committee(folder / "data", pd.Timestamp(NIGHTS[1], tz="UTC"), {r: [*ps] for r, ps in roles.items()})
    p = again.chances(scores, {account: n for account, (n, _) in people.items()}, model)
    assert set(p.index) == set(told.index) and np.allclose(told["probability"], p[told.index], rtol=1e-9)
    assert told["rank"].tolist() == list(range(1, len(told) + 1)) and told["probability"].is_monotonic_decreasing
    housed = scores.dropna(subset=["account_id"])
    assert told["open_leads"].to_dict() == housed.groupby("account_id").size().to_dict()
    assert (
        told["best_lead_id"].to_dict() == housed.sort_values("rank").groupby("account_id")["lead_id"].first().to_dict()
    )
    assert told["engaged_people"].to_dict() == {account: people[account][0] for account in told.index}
    for account, row in told.iterrows():
        seen = people[str(account)][1]
        assert set(filter(None, row["roles_engaged"].split(";"))) == seen
        assert set(filter(None, row["roles_missing"].split(";"))) == set(roles) - seen
        assert row["completeness"] == round(100 * len(seen) / len(roles))
    marks = np.array(model["marks"])
    assert len(marks) == 100 and list(marks) == sorted(marks)
    expected = [(int((marks < chance).sum()) + int((marks <= chance).sum())) // 2 for chance in told["probability"]]
    assert told["score"].tolist() == expected


def test_the_trend_is_the_difference_of_two_nights(nights: Any) -> None:
    before, now = (told.set_index("account_id") for told in nights[3])
    expected = now["probability"] - before["probability"].reindex(now.index)
    assert np.allclose(now["trend"], expected, equal_nan=True) and now["trend"].notna().any()
    assert before["trend"].isna().all()


def test_the_record_says_what_the_predictions_of_past_leads_say(trained_home: Any) -> None:
    folder, result = trained_home
    record = json.loads((folder / "models/demo/1/record.json").read_text())["accounts"]
    told, predictions = record["judged"], pd.read_parquet(folder / "backtests/demo/1.parquet")
    past = again.account_nights(predictions)
    newest = past[past["judged"]]
    assert (told["account_nights"], told["accounts"]) == (len(newest), newest["account_id"].nunique())
    assert told["reached"] == newest.loc[newest["y"] > 0, "account_id"].nunique()
    assert told["observed"] == pytest.approx(newest["y"].mean())
    assert told["independent"] == pytest.approx(newest["together"].mean(), rel=1e-6)
    assert told["peers"]["best_lead"]["auc"] == pytest.approx(again.auc(newest["y"], newest["best"]), abs=1e-6)
    assert told["peers"]["lead_sum"]["auc"] == pytest.approx(again.auc(newest["y"], newest["total"]), abs=1e-6)
    p = again.refitted(past, engaged(result, past), int(newest["fold"].max()))
    assert told["predicted"] == pytest.approx(p.mean(), rel=1e-3)
    assert told["auc"] == pytest.approx(again.auc(newest["y"], p), abs=1e-3)


def engaged(result: Any, past: pd.DataFrame) -> pd.Series:
    """How many people of each account were engaged at each night, from the run's own columns."""
    columns = result.fitted.made.beside.columns
    own = next(s.name for s in columns.specs if is_own(s))
    rows = pd.DataFrame({
        "as_of": pd.to_datetime(columns.as_of, unit="us", utc=True), "account_id": columns.account_id,
        "people": (columns.values[own] > 0) + columns.values["engaged_colleagues_30d"],
    })  # fmt: skip
    people = rows.dropna().groupby(["as_of", "account_id"])["people"].max()
    return past.join(people, on=["as_of", "account_id"])["people"]


def is_own(spec: Feature) -> bool:
    return spec.aggregate == "count" and spec.by == "any" and spec.table == "events" and str(spec.window) == "30d"


def test_working_the_top_accounts_finds_each_account_once(trained_home: Any) -> None:
    folder, _ = trained_home
    record = json.loads((folder / "models/demo/1/record.json").read_text())["accounts"]
    past = again.account_nights(pd.read_parquet(folder / "backtests/demo/1.parquet"))
    rows = past[past["as_of"] >= pd.Timestamp(record["backtest"]["starts_at"], unit="us", tz="UTC")]
    told = {ranker["by"]: ranker for ranker in record["backtest"]["rankers"]}
    assert record["backtest"]["nights"] == rows["as_of"].nunique()
    for name, column in (("best_lead", "best"), ("lead_sum", "total")):
        worked, found = again.found_by(rows, column, int(record["backtest"]["per_night"]))
        assert told[name]["worked"] == pytest.approx(worked)
        assert told[name]["sqls"] == pytest.approx(found)

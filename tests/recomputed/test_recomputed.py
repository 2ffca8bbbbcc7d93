"""The page's figures are those of the tables: made again by code that shares nothing with leadline, on three worlds."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import from_tables as tables
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import leadline
import projects
from leadline import demo
from leadline.insights.diagnosis import diagnosis_record

KNOWN_AT = projects.KNOWN_AT
DAYS_30 = pd.Timedelta(days=30)


def one_account(world: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Move everybody who was won into one account."""
    won = world["stages"].filter(pc.equal(world["stages"]["stage"], "closed_won"))["lead_id"]
    leads = world["leads"]
    moved = pc.if_else(pc.is_in(leads["lead_id"], won), "A000000", leads["account_id"])
    return world | {"leads": leads.set_column(leads.schema.get_field_index("account_id"), "account_id", moved)}


WORLDS = {"seed 7": (1500, 7, dict), "seed 2": (900, 2, dict), "wins in one account": (900, 3, one_account)}


@cache
def worlds(folder: Path, name: str) -> tuple[dict[str, Any], tables.World]:
    leads, seed, change = WORLDS[name]
    place = folder / name.replace(" ", "-")
    config = projects.settle(place, change(dict(demo.make_world(leads, seed).tables)))
    with projects.inside(place):
        record = leadline.funnel(config, KNOWN_AT).record
    record["diagnosis"] = diagnosis_record(record["funnel"])
    return record, tables.read_world(place / "data", KNOWN_AT)


@pytest.fixture(params=WORLDS)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], tables.World]:
    """The record of a world, and the world as pandas reads it."""
    return worlds(tmp_path_factory.getbasetemp(), request.param)


def test_the_recomputation_imports_nothing_of_leadline() -> None:
    tree = ast.parse(Path(tables.__file__).read_text(encoding="utf-8"))
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert names and not [n for n in names if n.split(".")[0] in ("leadline", "projects")]


def test_the_rates_and_times_of_the_tiles(both: tuple[dict[str, Any], tables.World]) -> None:
    record, world = both
    assert record["funnel"]["leads"] == len(world.people)
    for told in record["funnel"]["all"]:
        found = tables.step(world, told["start"], told["end"])
        assert (told["entered"], told["reached"]) == (found["entered"], found["reached"]), (told["start"], told["end"])
        assert told["rate"] == pytest.approx(found["rate"])
        assert told["days"][1] == pytest.approx(found["median"], abs=1e-6)


def test_their_months_and_what_newer_ones_show_so_far(both: tuple[dict[str, Any], tables.World]) -> None:
    record, world = both
    for n, told in enumerate(record["funnel"]["all"]):
        found = tables.monthly(world, told["start"], told["end"])
        for month in record["funnel"]["months"]:
            step = month["steps"][n]
            over, stood, went = found.get(month["month"], (step["complete"], 0, 0))
            assert (step["complete"], step["stood"], step["so_far"]) == (over, stood, went)
            assert not over or (step["entered"], step["reached"]) == (stood, went)


def test_how_sales_keeps_its_promise_up_to_the_newest_day(both: tuple[dict[str, Any], tables.World]) -> None:
    record, world = both
    told, rows = record["funnel"]["touches"], tables.within_sla(world)
    assert (told["all"]["mqls"], told["all"]["within"]) == (len(rows), int(rows["kept"].sum()))
    assert told["all"]["never"] == int(rows["hours"].isna().sum())
    by_month = rows.groupby("month")["kept"].agg(["size", "sum"])
    for month in told["months"]:
        size, kept = by_month.loc[month["level"]] if month["level"] in by_month.index else (0, 0)
        assert (month["mqls"], month["within"]) == (size, kept)


def test_cost_and_revenue_of_all_and_of_each_source(both: tuple[dict[str, Any], tables.World]) -> None:
    record, world = both
    cost = record["funnel"]["cost"]
    for level in [None, *(s["level"] for s in cost["source"])]:
        told = cost["all"] if level is None else next(s for s in cost["source"] if s["level"] == level)
        found = tables.money(world, level)
        assert (told["leads"], told["sqls"]) == (found["leads"], found["sqls"])
        assert told["cost"] == pytest.approx(found["cost"])
        if found["sqls"]:
            assert told["each"] == pytest.approx(found["cost"] / found["sqls"])
        revenue = told["revenue"]
        assert revenue["wins"] == found["wins"] and revenue["amount"] == pytest.approx(found["amount"])
        assert revenue["per_spend"] == pytest.approx(found["amount"] / found["old_cost"])


def test_the_source_table_and_the_sentences_of_diagnosis_and_rejections(
    both: tuple[dict[str, Any], tables.World],
) -> None:
    record, world = both
    for told in record["diagnosis"]["source"]:
        if not told["level"].startswith("("):
            found = tables.step(world, "mql", "sql", told["level"])
            assert (told["entered"], told["reached"]) == (found["entered"], found["reached"])
    rejected = [who for who in world.people if who.rejected < tables.NEVER]
    handed = sum(who.reached.get("mql", tables.NEVER) <= who.rejected for who in rejected)
    assert (record["rejected"]["leads"], record["rejected"]["handed"]) == (len(rejected), handed)


@pytest.fixture(scope="module")
def scored(trained_home: tuple[Path, Any]) -> tuple[dict[str, Any], pd.DataFrame]:
    """A trained run's record, and what its models said of snapshots that they hadn't seen."""
    folder, result = trained_home
    record = json.loads((folder / result.folder / "record.json").read_text("utf-8"))
    return record, pd.read_parquet(folder / "backtests" / "demo" / "1.parquet")


def test_what_working_the_list_finds_counts_each_lead_once(scored: tuple[dict[str, Any], pd.DataFrame]) -> None:
    record, rows = scored
    worked = tables.best_lists(rows, "probability", 40, DAYS_30)
    found = worked[worked["y"] == 1].drop_duplicates("lead_id")
    newest = found[found["judged"]]
    model = record["nights"]["rankers"][0]
    assert (model["sqls"], model["newest_sqls"]) == (len(found), len(newest))
    weeks = rows.loc[rows["judged"], "as_of"].nunique()
    caught, here = record["rules_audit"]["caught"], record["capacity"][2]
    assert caught["both"] + caught["model"] == pytest.approx(len(newest)) and caught["weeks"] == weeks
    positive = rows[rows["judged"] & (rows["y"] == 1)]["lead_id"].nunique()
    assert sum(caught[k] for k in ("both", "rules", "model", "neither")) == pytest.approx(positive)
    assert here["expected"] == pytest.approx(len(newest) / weeks)
    assert here["leads_per_week"] == pytest.approx(len(worked[worked["judged"]]) / weeks)
    assert here["recall"] == pytest.approx(len(newest) / positive)


def test_what_tiers_promised_and_what_was_observed_adds_up(scored: tuple[dict[str, Any], pd.DataFrame]) -> None:
    record, rows = scored
    newest = rows[rows["judged"]].sort_values("probability", ascending=False)
    start = 0
    for tier in (s for s in record["segments"]["segments"] if s["by"] == "tier"):
        mine = newest.iloc[start : start + tier["rows"]]
        start += tier["rows"]
        assert tier["predicted"] == pytest.approx(mine["probability"].mean()) and tier["observed"] == pytest.approx(
            mine["y"].mean()
        )
        assert (tier["positives"], tier["leads"]) == (mine["y"].sum(), mine["lead_id"].nunique())
    assert start == len(newest)


def test_who_is_open_and_on_which_list(
    scored: tuple[dict[str, Any], pd.DataFrame], trained_home: tuple[Path, Any]
) -> None:
    folder, _ = trained_home
    record, _ = scored
    world, at = tables.read_world(folder / "data", KNOWN_AT), pd.Timestamp(KNOWN_AT)
    still = {w.lead: w for w in world.people if w.reached.get("sql", tables.NEVER) >= at and not w.ends}
    assert record["open_leads"]["leads"] == len(still) == sum(record["open_leads"]["tiers"].values())
    listed = pd.read_parquet(folder / "backtests" / "demo" / "1_open_leads.parquet")
    assert listed["lead_id"].is_unique and set(listed["lead_id"]) <= set(still)
    counts = listed["action"].value_counts()
    assert {a["action"]: a["leads"] for a in record["open_leads"]["actions"]} == {
        n: counts.get(n, 0) for n in ("late", "call", "nurture")
    }
    overdue = {
        lead for lead, w in still.items()
        if w.reached.get("mql", tables.NEVER) <= world.touched_until - tables.SLA and tables.first(w.touches, w.reached["mql"]) == tables.NEVER
    }  # fmt: skip
    called = set(listed.loc[listed["action"] == "call", "lead_id"])  # a lead stands on one list
    assert set(listed.loc[listed["action"] == "late", "lead_id"]) == overdue - called

"""Why scores moved, as a user sees it: planted acts are named, sums are exact, and what isn't known is null."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from leadline import explain, forget, monitor, report, score
from leadline.core.files import write_sums
from leadline.explanation.change_text import MODEL
from leadline.features.build import FeatureTable
from leadline.scoring.ranking import rank_leads
from leadline.workflows.scoring.lead_page import explain_page
from projects import NIGHT, at

MODEL_1 = "models/demo/1"
NEXT = "2025-06-10T00:00:00Z"
EVENTS = Path("data/events/all.parquet")


@pytest.fixture
def night(home: Path) -> Callable[..., Any]:
    """Score by the folder's bundle, without MLflow."""
    text = (home / "demo.yaml").read_text()

    def run(as_of: str, nightly: str = "", extra: str = "", **options: Any) -> Any:
        (home / "demo.yaml").write_text(f"{text}\nnightly: {{track: false{nightly}}}\n{extra}")
        return score("demo.yaml", as_of, **{"model": MODEL_1, **options})

    return run


def rows(as_of: str) -> pd.DataFrame:
    return pd.read_parquet(Path("scores/demo") / f"as_of={as_of.replace(':', '-')}" / "scores.parquet").set_index(
        "lead_id"
    )


def record(as_of: str) -> dict[str, Any]:
    return json.loads((Path("scores/demo") / f"as_of={as_of.replace(':', '-')}" / "night.json").read_text())


def plant(lead: str, kind: str, when: Any, times: int = 1) -> None:
    """Add acts of a lead to the log."""
    events = pq.ParquetFile(EVENTS).read()
    new = events.slice(0, times).to_pylist()
    for n, row in enumerate(new):
        row |= {
            "event_id": f"planted{n}-{lead}-{when}",
            "lead_id": lead,
            "event_type": kind,
            "occurred_at": when,
            "recorded_at": when,
        }
    pq.write_table(pa.concat_tables([events, pa.Table.from_pylist(new, schema=events.schema)]), EVENTS)


def quiet_lead() -> str:
    """An open lead with a low score that did nothing for a month."""
    table = rows(NIGHT)
    events = pd.read_parquet(EVENTS)
    lately = set(events.loc[events["occurred_at"] >= at(NIGHT) - timedelta(days=60), "lead_id"])
    return next(lead for lead in table.index if lead not in lately)


# What is named


def test_a_planted_act_moves_a_lead_and_is_named(night: Callable[..., Any]) -> None:
    night(NIGHT)
    lead = quiet_lead()
    plant(lead, "demo_request", at(NIGHT) + timedelta(hours=9))
    night(NEXT)
    mine = rows(NEXT).loc[lead]
    assert mine["probability"] - mine["previous_probability"] >= 0.01
    start, cause = mine["change"].split(": ")
    assert start.startswith("up from ") and cause.startswith("asked for a demo on 9 Jun")
    told = explain("demo.yaml", lead, NEXT, MODEL_1)
    assert told.change == mine["change"]
    page = explain_page("demo.yaml", lead, NEXT, "lead.html", MODEL_1)
    assert page.record["nights"][0]["change"] == mine["change"] and mine["change"] in page.page.read_text()


def test_an_act_that_aged_out_is_named(night: Callable[..., Any]) -> None:
    night(NIGHT)
    lead = quiet_lead()
    plant(lead, "demo_request", at(NIGHT) - timedelta(days=6, hours=12))
    night(NIGHT, again=True)
    night(NEXT)
    mine = rows(NEXT).loc[lead]
    assert mine["previous_probability"] - mine["probability"] >= 0.01
    assert (
        mine["change"].startswith("down from ")
        and "asked for a demo on 2 Jun, now more than 7 days ago" in mine["change"]
    )


def test_another_model_is_named_and_nothing_else(night: Callable[..., Any], home: Path) -> None:
    night(NIGHT)
    shutil.copytree(MODEL_1, "models/demo/2")
    manifest = home / "models/demo/2/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": "2"}))
    write_sums(home / "models/demo/2")
    night(NEXT, model="models/demo/2")
    told = rows(NEXT)["change"].dropna()
    assert len(told) and all(text.endswith(": scored by model 2 instead of 1") for text in told)
    causes = record(NEXT)["moved"]["causes"]
    assert [c["cause"] for c in causes] == [MODEL] and causes[0]["up"] + causes[0]["down"] == len(told)


# Who has a sentence


def test_who_moved_has_a_sentence_and_nobody_else(night: Callable[..., Any]) -> None:
    night(NIGHT)
    assert rows(NIGHT)["change"].isna().all() and record(NIGHT)["moved"] is None  # the first night
    night(NEXT, ", moved: 0.02, changed: true")
    table = rows(NEXT)
    moved = (table["probability"] - table["previous_probability"]).abs() >= 0.02
    assert 0 < moved.sum() < len(table) and (table["change"].notna() == moved).all()
    up = table["probability"] > table["previous_probability"]
    assert (table.loc[moved, "change"].str.startswith("up ") == up[moved]).all()
    told = record(NEXT)["moved"]
    assert (told["up"], told["down"], told["by"]) == ((moved & up).sum(), (moved & ~up).sum(), 0.02)
    assert sum(c["up"] for c in told["causes"]) == told["up"] and sum(c["down"] for c in told["causes"]) == told["down"]
    delta = pd.read_parquet(Path("scores/demo") / f"as_of={NEXT.replace(':', '-')}" / "changes.parquet").set_index(
        "lead_id"
    )
    assert set(delta["change"]) <= {"new", "tier", "moved", "gone"}
    both = delta.index.intersection(table.index)
    assert delta.loc[both, "why"].fillna("").equals(table.loc[both, "change"].fillna(""))


def test_monitor_and_report_tell_the_same_counts(night: Callable[..., Any]) -> None:
    night(NIGHT)
    night(NEXT)
    told = record(NEXT)["moved"]
    seen = monitor("demo.yaml", NEXT).to_record()
    assert seen["moved"] == told
    made = report("demo.yaml", "page.html", MODEL_1)
    assert made.record["movement"]["moved"] == told
    assert f"the probability of {told['up']} lead" in made.page.read_text()


@pytest.mark.parametrize("out", ["one.csv", "one.parquet"])
def test_one_file_has_the_sentences_of_the_folder(night: Callable[..., Any], out: str) -> None:
    night(NIGHT)
    night(NEXT)
    done = night(NEXT, out=out)
    folder = rows(NEXT)["change"].fillna("").to_dict()
    read = pd.read_csv if out.endswith("csv") else pd.read_parquet
    assert read(out).set_index("lead_id")["change"].fillna("").to_dict() == folder
    again = night(NEXT, out=out)
    assert again.state == "done" and dict(zip(again.scores.lead_id, again.scores.later["change"], strict=True)) == dict(
        zip(done.scores.lead_id, done.scores.later["change"], strict=True)
    )


# What is kept


def test_a_rerun_gives_the_same_bytes_whatever_the_order_of_rows(night: Callable[..., Any], home: Path) -> None:
    night(NIGHT)
    place = Path(night(NEXT).place)
    first = {name: (place / name).read_bytes() for name in ("scores.parquet", "contributions.parquet")}
    assert {(place / name).stat().st_mode & 0o777 for name in first} == {0o600}
    draw = np.random.default_rng(3)
    for file in (home / "data").rglob("*.parquet"):
        table = pq.ParquetFile(file).read()
        pq.write_table(table.take(pa.array(draw.permutation(table.num_rows))), file)
    night(NEXT, again=True)
    assert {name: (place / name).read_bytes() for name in first} == first


def test_a_night_whose_contributions_are_damaged_isnt_finished(night: Callable[..., Any]) -> None:
    place = Path(night(NIGHT).place)
    (place / "contributions.parquet").write_bytes(b"no")
    assert night(NEXT).record["night_before"]["leads"] == 0
    assert night(NIGHT).state == "written"


def test_a_night_of_an_older_leadline_gives_no_cause(night: Callable[..., Any]) -> None:
    place = Path(night(NIGHT).place)
    told = json.loads((place / "night.json").read_text())
    del told["files"]["contributions.parquet"]
    (place / "contributions.parquet").unlink()
    (place / "night.json").write_text(json.dumps(told))
    night(NEXT)
    table, moved = rows(NEXT), record(NEXT)["moved"]
    assert table["change"].isna().all() and table["previous_probability"].notna().any()
    assert moved["causes"] == [] and moved["up"] + moved["down"] > 0


def test_a_forgotten_lead_leaves_no_trace_in_what_is_kept(night: Callable[..., Any]) -> None:
    night(NIGHT)
    night(NEXT)
    lead = rows(NEXT)["change"].first_valid_index()
    before = record(NEXT)["moved"]
    forget("demo.yaml", [lead])
    for file in Path("scores").rglob("*.parquet"):
        table = pq.ParquetFile(file).read()
        assert all(lead not in str(column.to_pylist()) for column in table.columns)
    after = record(NEXT)["moved"]
    assert after["up"] + after["down"] == before["up"] + before["down"] - 1
    left = rows(NEXT)["change"].dropna()
    assert len(left) == after["up"] + after["down"] == sum(c["up"] + c["down"] for c in after["causes"])


def test_the_holdouts_sentence_stays_inside(night: Callable[..., Any]) -> None:
    more = ", deliver: [{to: hubspot, folder: out, fields: {change: Why, tier: Tier}}]"
    night(NIGHT, more, "exploration: 50%")
    night(NEXT, more, "exploration: 50%")
    table = rows(NEXT)
    drawn = table.index[table["is_holdout"]]
    sent = pd.read_csv(next(Path("out").glob(f"as_of={NEXT.replace(':', '-')}/*.csv"))).set_index("Record ID")
    assert table.loc[drawn, "change"].notna().any() and sent.loc[drawn, "Why"].isna().all()
    rest = table.index[~table["is_holdout"]]
    assert (
        sent.loc[rest, "Why"]
        .fillna("")
        .equals(table.loc[rest, "change"].fillna("").rename("Why").rename_axis("Record ID"))
    )


# The sums


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
@settings(max_examples=examples(30), deadline=None)
def test_the_differences_of_groups_sum_to_the_difference_of_log_odds(trained_home: Any, drawn: list[int]) -> None:
    result = trained_home[1]
    made, scorer = result.prepared.features, result.scorer
    rows_of = [np.array([n * k % len(made) for n in drawn]) for k in (1, 7)]
    ids = np.array([f"L{n}" for n in range(len(drawn))], dtype=object)
    nights = []
    for picked in rows_of:
        values = made.values.iloc[picked].reset_index(drop=True)
        taken = FeatureTable(made.specs, ids, made.account_id[picked], np.full(len(ids), made.as_of[0]), values)
        scored = rank_leads(scorer, taken, 0, True, "demo", "1")
        nights.append((scored.contributions, scorer.margin(values[list(scorer.names)])))
    (first, margin), (last, later) = nights
    assert first is not None and last is not None and first.groups == last.groups
    difference = last.of(ids.tolist()) - first.of(ids.tolist())
    assert difference.sum(axis=1) == pytest.approx(later - margin, abs=1e-5)


def test_an_account_is_told_by_what_its_lead_did(night: Callable[..., Any]) -> None:
    night(NIGHT)
    table = rows(NIGHT)
    busy = table["account_id"].value_counts()
    lead = next(lead for lead in table.index[::-1] if busy.get(table["account_id"][lead]) == 1)
    plant(lead, "demo_request", at(NIGHT) + timedelta(hours=9), 3)
    place = Path(night(NEXT).place)
    accounts = pd.read_parquet(place / "accounts.parquet").set_index("account_id")
    mine = accounts.loc[table["account_id"][lead]]
    assert mine["trend"] >= 0.01 and mine["change"].endswith(f": lead {lead} asked for a demo 3 times, last on 9 Jun")
    assert (accounts["change"].notna() == (accounts["trend"].abs() >= 0.01)).all()


ACT = re.compile(
    r"(?P<words>.+?)(?: (?P<times>[\d,]+) times, last)? on (?P<day>\d+ \w{3})(?:, now more than (?P<gone>\d+) days? ago)?"
)


def test_every_act_that_is_named_is_in_the_log_as_often_and_on_that_day(night: Callable[..., Any], home: Path) -> None:
    night(NIGHT)
    night(NEXT)
    told = yaml.safe_load((home / "demo.yaml").read_text())["behaviours"]
    kinds = {known["words"]: kind for kind, known in told.items() if "words" in known}
    then, now = (pd.Timestamp(at(n)) for n in (NIGHT, NEXT))
    events = pd.read_parquet(EVENTS).sort_values("recorded_at").drop_duplicates("event_id")
    merges = pd.read_parquet("data/merges.parquet")
    into = merges[merges["merged_at"] < now].set_index("from_id")["into_id"].to_dict()
    events["lead_id"] = events["lead_id"].map(lambda lead: into.get(lead, lead))
    seen = [(events["occurred_at"] < n) & (events["recorded_at"] < n) for n in (then, now)]
    checked = 0
    for lead, text in rows(NEXT)["change"].dropna().items():
        for cause in text.split(": ", 1)[1].split("; "):
            said = ACT.fullmatch(cause)
            if said is None or said["words"] not in kinds or lead in into.values():
                continue
            mine = (events["lead_id"] == lead) & (events["event_type"] == kinds[said["words"]])
            if said["gone"]:
                window = pd.Timedelta(days=int(said["gone"]))
                mine &= seen[0] & (events["occurred_at"] >= then - window) & (events["occurred_at"] < now - window)
            else:
                mine &= seen[1] & ~seen[0]
                assert mine.sum() == int((said["times"] or "1").replace(",", ""))
            last = events.loc[mine, "occurred_at"].max()
            assert f"{last.day} {last:%b}" == said["day"]
            checked += 1
    assert checked > 20

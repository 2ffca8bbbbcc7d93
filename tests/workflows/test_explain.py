"""One lead's page: what stands on it was known at as_of, its acts are tried on the same scorer, and nobody else is named."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import projects
from forked import Forks
from leadline import explain, explain_leads, explain_page, load_config, score
from leadline.core.point_in_time import parse_instant
from leadline.errors import MissingError, UsageError
from leadline.workflows.scoring.lead_page import LeadPage

AS_OF = "2025-05-19T00:00:00Z"
MODEL = "models/demo/1"


@pytest.fixture(scope="module")
def told(trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LeadPage]:
    """A home with a finished night, and the page of a lead that has an account with active colleagues."""
    folder = tmp_path_factory.mktemp("explained") / "home"
    shutil.copytree(trained_home[0], folder)
    with projects.inside(folder):
        night = score("demo.yaml", AS_OF, MODEL)
        made = None
        for n in range(40, 80):
            lead, account = str(night.scores.lead_id[n]), night.scores.account_id[n]
            if account is not None and list(night.scores.account_id).count(account) > 2:
                made = explain_page("demo.yaml", lead, AS_OF, "lead.html", MODEL)
                break
        assert made is not None
    return folder, made


def test_score_tier_and_causes_are_those_of_explain_and_of_the_night(told: tuple[Path, LeadPage]) -> None:
    folder, made = told
    with projects.inside(folder):
        alone = explain("demo.yaml", made.told.lead_id, AS_OF, MODEL)
    assert made.told == alone
    (night,) = made.record["nights"]
    assert night["probability"] == alone.probability and night["tier"] == alone.tier
    assert night["bars"]["A"] >= night["bars"]["B"] and made.record["nights"][0]["rank"] > 40


def test_several_leads_are_told_as_each_alone_and_as_a_csv(told: tuple[Path, LeadPage], forking: Forks) -> None:
    folder, made = told
    with projects.inside(folder):
        night = pq.read_table(next(folder.glob("scores/demo/as_of=*")) / "scores.parquet")["lead_id"].to_pylist()
        asked = [night[5], made.told.lead_id, night[0]]
        several = list(explain_leads("demo.yaml", asked, AS_OF, MODEL))
        assert several == [explain("demo.yaml", lead, AS_OF, MODEL) for lead in asked]
        with pytest.raises(MissingError, match="--lead, number 2: no such lead"):
            list(explain_leads("demo.yaml", [night[0], "nobody"], AS_OF, MODEL))
    flags = [part for lead in asked for part in ("--lead", lead)]
    done = forking("explain", "demo.yaml", *flags, "--as-of", AS_OF, "--model", MODEL, "--quiet", cwd=folder)
    rows = list(csv.DictReader(done.out.splitlines()))
    assert done.code == 0 and list(rows[0]) == [
        "lead_id",
        "as_of",
        "probability",
        "tier",
        "score",
        "grade",
        "model",
        "cause",
        "effect",
    ]
    causes = [(one.lead_id, fact, effect) for one in several for fact, effect in one.causes if abs(effect) >= 0.01]
    assert [(row["lead_id"], row["cause"], float(row["effect"])) for row in rows] == causes


def test_only_what_was_on_record_before_as_of_is_counted(told: tuple[Path, LeadPage]) -> None:
    """The table's own rows, read plainly, give the same number of acts."""
    folder, made = told
    moment = projects.at(AS_OF)
    events = pq.read_table(folder / "data" / "events" / "all.parquet").to_pylist()
    mine = [e for e in events if e["lead_id"] == made.told.lead_id]
    seen = [e for e in mine if e["occurred_at"] < moment and e["recorded_at"] < moment]
    assert (
        sum(a["times"] for a in made.record["acts"] if a["own"])
        == made.record["own"]
        == len({e["event_id"] for e in seen})
        > 0
    )
    assert all(a["day"] < parse_instant(AS_OF) and a["recorded_at"] < parse_instant(AS_OF) for a in made.record["acts"])
    assert any(not a["own"] for a in made.record["acts"]) and made.record["created_at"] < parse_instant(AS_OF)


def test_poisoning_the_future_changes_nothing_on_the_page(
    told: tuple[Path, LeadPage], demo_tables: projects.Tables, tmp_path: Path
) -> None:
    """Law 2, for the page: the same lead in a world with later rows added has the same record."""
    folder, made = told
    other = tmp_path / "home"
    shutil.copytree(folder, other)
    later = projects.poisoned(demo_tables, AS_OF)
    for name in ("events", "stages", "history"):
        pq.write_table(later[name], other / "data" / ("events/all.parquet" if name == "events" else f"{name}.parquet"))
    with projects.inside(other):
        again = explain_page("demo.yaml", made.told.lead_id, AS_OF, "lead.html", MODEL)
    assert again.record == made.record


def test_each_act_that_is_tried_is_what_the_scorer_says_with_that_row_in_the_log(
    told: tuple[Path, LeadPage], tmp_path: Path
) -> None:
    """An oracle: write the act into the file as a real row, and explain as always."""
    folder, made = told
    best = made.record["nearest"]["acts"][0]
    assert best["who"] is None  # the lead's own
    other = tmp_path / "home"
    shutil.copytree(folder, other)
    file = other / "data" / "events" / "all.parquet"
    events = pq.read_table(file)
    with projects.inside(other):
        config = load_config("demo.yaml")
        words = {b.words or name.replace("_", " "): name for name, b in config.behaviours.items()}
    hour_before = pa.scalar(projects.at("2025-05-18T23:00:00Z"), events.schema.field("occurred_at").type)
    row = events.slice(0, 1)
    for column, value in (
        ("event_id", pa.scalar("new")), ("lead_id", pa.scalar(made.told.lead_id)),
        ("event_type", pa.scalar(words[best["words"]])), ("occurred_at", hour_before), ("recorded_at", hour_before),
    ):  # fmt: skip
        place = row.schema.get_field_index(column)
        row = row.set_column(place, row.schema.field(place), pa.array([value.as_py()], row.schema.field(place).type))
    pq.write_table(pa.concat_tables([events, row]), file)
    with projects.inside(other):
        really = explain("demo.yaml", made.told.lead_id, AS_OF, MODEL)
    assert (
        really.probability == pytest.approx(best["probability"], abs=1e-12)
        and best["probability"] != made.told.probability
    )


def test_nobody_else_is_named(told: tuple[Path, LeadPage]) -> None:
    folder, made = told
    text = made.page.read_text("utf-8") if made.page.is_absolute() else (folder / made.page).read_text("utf-8")
    leads = pq.read_table(folder / "data" / "leads.parquet").column("lead_id").to_pylist()
    assert [lead for lead in leads if lead in text] == [made.told.lead_id]
    json.dumps(made.record, allow_nan=False)


def test_refusals_name_the_fix(told: tuple[Path, LeadPage]) -> None:
    with projects.inside(told[0]):
        with pytest.raises(MissingError, match="expected an open lead"):
            explain_page("demo.yaml", "nobody", AS_OF, "lead.html", MODEL)
        with pytest.raises(UsageError, match=r"expected a name that ends in \.html"):
            explain_page("demo.yaml", "nobody", AS_OF, "lead.txt", MODEL)


def test_the_command_prints_the_causes_and_where_the_page_is(told: tuple[Path, LeadPage], forking: Forks) -> None:
    folder, made = told
    words = (
        "explain",
        "demo.yaml",
        "--lead",
        made.told.lead_id,
        "--as-of",
        AS_OF,
        "--model",
        MODEL,
        "--html",
        "again.html",
        "--quiet",
    )
    done = forking(*words, cwd=folder)
    assert done.code == 0 and "page: again.html" in done.out and made.told.causes[0][0] in done.out
    assert (folder / "again.html").read_text("utf-8") == (folder / made.page).read_text("utf-8")

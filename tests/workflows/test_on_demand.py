"""Leads on demand: equal to the night's to the bit, acts that no table has yet count as rows, and nothing is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from forked import Forks
from leadline import load_config, score
from leadline.core.point_in_time import parse_instant
from leadline.errors import UsageError
from leadline.registry.bundle import read_bundle
from leadline.storage import Store
from leadline.workflows.scoring import on_demand
from leadline.workflows.scoring.on_demand import LeadQuestion, NewEvent, OpenTables, score_leads
from projects import NIGHT, inside

MODEL = "models/demo/1"
AT = parse_instant(NIGHT)
DAY = 86_400_000_000
GIVEN = ("lead_id", "account_id", "probability", "score", "grade")


@pytest.fixture(scope="module")
def folder(trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asked") / "home"
    shutil.copytree(trained_home[0], place)
    return place


@pytest.fixture(scope="module")
def night(folder: Path) -> dict[str, dict[str, Any]]:
    """The night's rows, as its file has them."""
    with inside(folder):
        done = score("demo.yaml", NIGHT, MODEL)
        rows = pq.ParquetFile(Path(done.place).absolute() / "scores.parquet").read().to_pylist()
    return {row["lead_id"]: row for row in rows}


@pytest.fixture(scope="module")
def held(folder: Path) -> Iterator[tuple[OpenTables, Store]]:
    """The tables as known two weeks after the night, held open: what lies behind as_of must change nothing."""
    with inside(folder):
        config = load_config("demo.yaml")
        with on_demand.open_on_demand(config, read_bundle(Path(MODEL)), AT + 14 * DAY) as tables:
            desk = on_demand.open_desk(config)
            yield tables, desk
            desk.close()


def same(told: dict[str, Any], row: dict[str, Any]) -> None:
    """Assert that a lead's answer is the night's row, to the bit."""
    assert {name: told[name] for name in GIVEN} == {name: row[name] for name in GIVEN}
    assert told["reasons"] == [row[f"reason_{n}"] for n in range(1, 6) if row[f"reason_{n}"]]
    assert told["intent_stage"] == row["intent_stage"]


@settings(deadline=None, max_examples=examples(12))
@given(data=st.data())
def test_whoever_is_asked_about_has_the_nights_numbers(
    data: st.DataObject, held: tuple[OpenTables, Store], night: dict[str, dict[str, Any]]
) -> None:
    """Law 5: from a copy of a few rows, in any company and any order, from tables that were read later."""
    leads = data.draw(st.lists(st.sampled_from(sorted(night)), min_size=1, max_size=12, unique=True))
    tables, desk = held
    told = tables.ask(desk, [LeadQuestion(lead) for lead in leads], AT)
    assert sorted(row["lead_id"] for row in told.rows()) == sorted(leads) and not told.unknown and not told.left_out
    for row in told.rows():
        same(row, night[row["lead_id"]])


def test_an_act_that_no_table_has_yet_gives_what_a_row_of_it_gives(
    held: tuple[OpenTables, Store], night: dict[str, dict[str, Any]], folder: Path, tmp_path: Path
) -> None:
    """The same acts, written into the table and scored as a night; a colleague's score moves with them, too."""
    firms = [row["account_id"] for row in night.values()]
    lead, colleague = next(
        pair
        for firm in firms
        if firm is not None and len(pair := [k for k, r in night.items() if r["account_id"] == firm]) == 2
    )
    acts = tuple(NewEvent("demo_request", AT - n * 3_600_000_000 - 1) for n in range(3))
    tables, desk = held
    told = {
        row["lead_id"]: row for row in tables.ask(desk, [LeadQuestion(lead, acts), LeadQuestion(colleague)], AT).rows()
    }
    other = tmp_path / "home"
    shutil.copytree(folder, other)
    place = other / "data" / "events" / "all.parquet"
    log = pq.read_table(place)
    stamp = log.schema.field("occurred_at").type
    at = pa.array([e.occurred_at for e in acts]).cast(pa.timestamp("us", "UTC")).cast(stamp)
    new = {
        "event_id": pa.array([f"new-{n}" for n in range(3)]),
        "lead_id": pa.array([lead] * 3),
        "event_type": pa.array(["demo_request"] * 3),
        "occurred_at": at,
        "recorded_at": at,
    }
    rows = pa.table({f.name: new[f.name].cast(f.type) if f.name in new else pa.nulls(3, f.type) for f in log.schema})
    pq.write_table(pa.concat_tables([log, rows]), place)
    with inside(other):
        again = score("demo.yaml", NIGHT, MODEL, again=True)
        written = pq.ParquetFile(Path(again.place) / "scores.parquet").read().to_pylist()
    after = {row["lead_id"]: row for row in written}
    for who in (lead, colleague):
        same(told[who], after[who])
        assert told[who]["probability"] != night[who]["probability"]
    assert np.mean([after[k]["probability"] == night[k]["probability"] for k in night]) > 0.9
    # What was asked about leaves no trace.
    same(tables.ask(desk, [LeadQuestion(lead)], AT).rows()[0], night[lead])


def test_who_has_no_score_is_told(held: tuple[OpenTables, Store], night: dict[str, dict[str, Any]]) -> None:
    tables, desk = held
    gone = tables.loaded.store.rows(
        f"SELECT DISTINCT lead_id FROM reached WHERE rung >= 2 AND reached_at < {AT - DAY} AND recorded_at < {AT - DAY} ORDER BY 1"
    )[0][0]
    told = tables.ask(desk, [LeadQuestion(x) for x in ("L-nobody", gone, next(iter(night)))], AT)
    assert told.unknown == ("L-nobody",) and list(told.left_out) == [gone] and len(told.scores) == 1
    nobody = tables.ask(desk, [LeadQuestion("L'; DROP TABLE leads --")], AT)
    assert len(nobody.scores) == 0 and nobody.unknown and not nobody.left_out


def test_what_lies_ahead_is_refused(held: tuple[OpenTables, Store], night: dict[str, dict[str, Any]]) -> None:
    tables, desk = held
    lead = next(iter(night))
    with pytest.raises(UsageError, match=r"lies ahead; expected now or an earlier instant; leave it out"):
        tables.ask(desk, [LeadQuestion(lead)], tables.known_at + 1)
    with pytest.raises(UsageError, match=r"isn't before as_of.*expected acts of the past; mend its occurred_at"):
        tables.ask(desk, [LeadQuestion(lead, (NewEvent("demo_request", AT),))], AT)


def test_suppressed_leads_have_no_score(folder: Path, night: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    other = tmp_path / "home"
    shutil.copytree(folder, other)
    first, second = list(night)[:2]
    (other / "data" / "out.csv").write_text(f"lead,why\n{first},asked us to\n")
    text = (
        (other / "demo.yaml")
        .read_text()
        .replace("tables:\n", "tables:\n  suppress: {source: data/out.csv, lead: lead, reason: why}\n", 1)
    )
    (other / "demo.yaml").write_text(text)
    with inside(other):
        told = score_leads("demo.yaml", [first, second], NIGHT, MODEL)
    assert [row["lead_id"] for row in told.rows()] == [second] and told.left_out == {first: on_demand.LEFT_OUT}
    same(told.rows()[0], night[second])


def test_the_command_prints_and_writes_nothing(folder: Path, night: dict[str, dict[str, Any]], forking: Forks) -> None:
    before = {str(p) for p in folder.rglob("*")}
    lead, other = list(night)[:2]
    words = ("--as-of", NIGHT, "--model", MODEL)
    done = forking(
        "score", "demo.yaml", "--lead", lead, "--lead", other, "--lead", "L-nobody", *words, "--json", cwd=folder
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["unknown"] == ["L-nobody"] and told["model"] == "demo 1" and parse_instant(told["as_of"]) == AT
    for row in told["scores"]:
        same(row, night[row["lead_id"]])
    done = forking("score", "demo.yaml", "--lead", lead, *words, cwd=folder)
    assert done.code == 0 and done.out.startswith(f"{lead} at ") and str(night[lead]["reason_1"]) in done.out
    assert lead not in done.err and {str(p) for p in folder.rglob("*")} - before <= {str(folder / ".leadline")}


def test_the_command_refuses(folder: Path, forking: Forks) -> None:
    done = forking("score", "demo.yaml", "--lead", "L-nobody", "--model", MODEL, cwd=folder)
    assert done.code == 66 and "no such lead is known" in done.err and "L-nobody" not in done.err
    done = forking("score", "demo.yaml", "--lead", "L1", "--out", "x.csv", cwd=folder)
    assert done.code == 2 and "leave the others out" in done.err

"""Nights as a user runs them: finished ones stay, lists are honoured, bad ones are refused, and a rehearsal writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from leadline import load_config, score
from leadline.config.scoring import Nightly
from leadline.core.files import write_sums
from leadline.errors import DataError, UsageError
from leadline.scoring.input_checks import CATALOG
from leadline.workflows.scoring.backfill import backfill, rehearse
from projects import NIGHT, at, cut, inside, settle

MODEL = "models/demo/1"
NEXT = "2025-06-10T00:00:00Z"


@pytest.fixture
def night(home: Path) -> Callable[..., Any]:
    """Score with lines of config added, by the folder's bundle and without MLflow, which take their time."""
    text = (home / "demo.yaml").read_text()

    def run(as_of: str = NIGHT, extra: str = "", nightly: str = "", **options: Any) -> Any:
        (home / "demo.yaml").write_text(
            f"{text}\nnightly: {{track: false{nightly}}}\n".replace("tables:\n", f"tables:\n{extra}")
        )
        return score("demo.yaml", as_of, **{"model": MODEL, **options})

    return run


@pytest.fixture(scope="module")
def plain(trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The night's rows without lists and without doubts."""
    out = tmp_path_factory.mktemp("plain")
    with inside(trained_home[0]):
        config = load_config("demo.yaml").model_copy(update={"nightly": Nightly(track=False)})
        return rows_of(score(config, NIGHT, MODEL, str(out)))


def rows_of(done: Any) -> pa.Table:
    return pq.ParquetFile(Path(done.place) / "scores.parquet").read()


def record_of(done: Any) -> dict[str, Any]:
    return json.loads((Path(done.place) / "night.json").read_text())


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Finished nights


def test_a_finished_night_is_left_alone_unless_it_is_asked_for_again(night: Callable[..., Any]) -> None:
    first = night()
    before = listing(Path("scores"))
    done = night()
    assert (first.state, done.state) == ("written", "done") and done.lines()[0].startswith("already done: ")
    assert listing(Path("scores")) == before
    assert done.scores.to_arrow().equals(first.scores.to_arrow())
    again = night(again=True)
    assert again.state == "written" and again.record["run_id"] != first.record["run_id"]
    rows = str(Path(first.place) / "scores.parquet")
    assert listing(Path("scores"))[rows] == before[rows]  # byte for byte


# Backfills and rehearsals


def test_a_backfill_is_each_night_as_it_was_on_the_day(
    night: Callable[..., Any], home: Path, demo_tables: Any, tmp_path: Path
) -> None:
    night()  # this night is finished; and its config stands now
    made = list(backfill("demo.yaml", "2025-06-08", "2025-06-10", model=MODEL))
    assert [n.state for n in made] == ["written", "done", "written"]
    assert [n.record["night_before"]["leads"] > 0 for n in made] == [False, False, True]
    assert [n.state for n in backfill("demo.yaml", "2025-06-08", "2025-06-10", model=MODEL)] == ["done"] * 3
    on_the_day = tmp_path / "then"
    config = settle(on_the_day, cut(demo_tables, NEXT), (home / "demo.yaml").read_text())
    with inside(on_the_day):
        then = rows_of_there(score(config.name, NEXT, f"{home / MODEL}"), on_the_day)
    mine = rows_of(made[-1])
    without = [
        c for c in mine.column_names if c not in ("previous_probability", "tier", "change")
    ]  # a lead on the line keeps its tier
    assert mine.select(without).equals(then.select(without))


def rows_of_there(done: Any, folder: Path) -> pa.Table:
    return pq.ParquetFile(folder / done.place / "scores.parquet").read()


def test_a_place_for_one_night_takes_no_backfill(night: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="holds one night"):
        next(backfill("demo.yaml", "2025-06-08", "2025-06-10", model=MODEL, out="a.csv"))


def test_a_rehearsal_counts_and_writes_nothing(night: Callable[..., Any], home: Path) -> None:
    done = night()
    before = listing(home)
    span = ("2025-06-09", "2025-06-10", "1d")
    told = list(rehearse("demo.yaml", model=MODEL, span=span))
    assert [t.state for t in told] == ["done", "to score"] and told[1].open_leads and told[1].place == "scores/demo"
    (again,) = rehearse("demo.yaml", NIGHT, model=MODEL, again=True)
    assert again.open_leads == len(done.scores)
    assert listing(home) == before


def test_a_rehearsal_lists_every_check_and_says_what_those_without_scores_see(
    night: Callable[..., Any], home: Path
) -> None:
    night()
    (told,) = rehearse("demo.yaml", NEXT, model=MODEL)
    assert [c["code"] for c in told.checks] == [check.code for check in CATALOG] and told.warnings == ()
    changed(
        "events", lambda t: t.set_column(t.schema.get_field_index("lead_id"), "lead_id", pc.utf8_lower(t["lead_id"]))
    )
    before = listing(home)
    (told,) = rehearse("demo.yaml", NEXT, model=MODEL)
    assert [text.split(" events")[0] for text in told.warnings] == ["would be refused: LL406"]
    assert listing(home) == before


def test_a_bundle_of_a_leadline_that_kept_no_counts_still_scores(night: Callable[..., Any], home: Path) -> None:
    manifest = home / MODEL / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["inputs"]
    manifest.write_text(json.dumps(told))
    write_sums(home / MODEL)
    first, second = night(), night(NEXT)
    assert first.state == second.state == "written" and record_of(first)["checks"] == []
    changed("stages", lambda t: t.slice(0, len(t) // 3))
    with pytest.raises(DataError, match="LL402 stages: "):  # against the nights alone
        night("2025-06-11T00:00:00Z")


# Suppressed leads, and tiers set by hand


def put_list(columns: dict[str, Any], name: str = "list") -> str:
    pq.write_table(pa.table(columns), f"data/{name}.parquet")
    return f"data/{name}.parquet"


def test_suppressed_leads_and_accounts_are_in_no_output_and_are_only_counted(
    night: Callable[..., Any], plain: pa.Table
) -> None:
    everybody = plain
    leads = everybody["lead_id"].to_pylist()
    account = next(a for a in everybody["account_id"].to_pylist() if a)
    colleagues = [row["lead_id"] for row in everybody.to_pylist() if row["account_id"] == account]
    early, late = at("2025-06-01T00:00:00Z"), at("2025-06-09T00:00:00Z")
    source = put_list({
        "who": [leads[0], leads[1], None, "nobody"], "firm": [None, None, account, None], "why": ["unsubscribed", "customer", "competitor", "Ann asked"],
        "since": pa.array([early, late, early, early], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    table = f"  suppress: {{source: {source}, lead: who, account: firm, reason: why, from: since}}\n"
    done = night(
        extra=table, out="some", nightly=", deliver: [{to: salesforce, folder: sf}, {to: handoffs, folder: hook}]"
    )
    gone = {leads[0], *colleagues}  # leads[1] is suppressed from this very instant: it isn't visible yet
    some = rows_of(done)
    assert set(leads) - set(some["lead_id"].to_pylist()) == gone
    assert some["rank"].to_pylist() == list(range(1, len(some) + 1))
    assert record_of(done)["suppressed"] == {"leads": len(gone), "by_reason": {"other": len(gone)}}
    assert f"{len(gone)} left out by tables.suppress" in "\n".join(done.lines())
    for folder in ("some", "sf", "hook"):
        for place, data in listing(Path(folder)).items():
            assert not any(f'"{lead}"'.encode() in data or f"\n{lead},".encode() in data for lead in gone), place
    same = everybody.filter(pc.invert(pc.is_in(everybody["lead_id"], pa.array(sorted(gone)))))
    assert some["probability"].equals(same["probability"])
    (told,) = rehearse("demo.yaml", NIGHT, model=MODEL, out="elsewhere")
    assert (told.open_leads, told.suppressed) == (len(leads), len(gone))


def test_a_tier_set_by_hand_is_shown_and_never_overwritten(night: Callable[..., Any], plain: pa.Table) -> None:
    best, worst = plain["lead_id"][0].as_py(), plain["lead_id"][-1].as_py()
    source = put_list({
        "who": [best, worst, worst, worst], "tier": ["D", "B", "A", "C"],
        "since": pa.array([at(f"2025-06-0{d}T00:00:00Z") for d in (1, 1, 2, 1)], pa.timestamp("us", "UTC")),
        "until": pa.array([None, None, None, at("2025-06-05T00:00:00Z")], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    table = f"  overrides: {{source: {source}, lead: who, tier: tier, from: since, until: until}}\n"
    done = night(extra=table, nightly=", sla: 4h, deliver: [{to: hubspot, folder: hs}, {to: handoffs, folder: hook}]")
    rows = rows_of(done)
    assert rows.column_names[-1] == "tier_override" and rows["tier"].equals(plain["tier"])
    by_hand = {r["lead_id"]: r["tier_override"] for r in rows.to_pylist() if r["tier_override"]}
    assert by_hand == {best: "D", worst: "A"}
    assert record_of(done)["overrides"] == {"leads": 2, "unknown_tier": 0}
    handed = [json.loads(line) for line in next(Path("hook").rglob("handoffs.jsonl")).read_text().splitlines()]
    assert worst in {h["lead_id"] for h in handed if h["set_by_hand"]} and best not in {h["lead_id"] for h in handed}
    assert {h["due_at"] for h in handed} == {"2025-06-09T04:00:00Z"}
    sheet = next(Path("hs").rglob("*.csv")).read_text()
    assert f"{best}," in sheet and any(line.startswith(f"{worst},") and ",A," in line for line in sheet.splitlines())


# Refusals


def test_stale_data_are_refused_and_last_nights_output_stays(night: Callable[..., Any], home: Path) -> None:
    night()
    before = listing(Path("scores"))
    with pytest.raises(DataError, match=r"nightly\.freshness: the newest event is \d+d old"):
        night("2025-09-01T00:00:00Z")
    assert listing(Path("scores")) == before


def changed(name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = Path("data") / ("events/all.parquet" if name == "events" else f"{name}.parquet")
    pq.write_table(change(pq.read_table(path)), path)


def swapped(column: str, values: Callable[[int], Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.set_column(t.schema.get_field_index(column), column, pa.array(values(len(t))))


@pytest.mark.parametrize(
    ("name", "change", "item"),
    [
        ("leads", swapped("country", lambda n: [f"Landen {i % 7}" for i in range(n)]), "levels"),
        ("accounts", swapped("employees", lambda n: pa.nulls(n, pa.int64())), "nulls"),
    ],
)
def test_what_went_wrong_with_the_export_is_refused(
    night: Callable[..., Any], name: str, change: Any, item: str
) -> None:
    changed(name, change)
    with pytest.raises(DataError, match=rf"nightly\.{item}: "):
        night()
    assert any(f"nightly.{item}" in text for text in night(nightly=f", {item}: warn").warnings)


def test_a_number_that_became_words_is_refused_by_its_column(night: Callable[..., Any]) -> None:
    changed("accounts", swapped("employees", lambda n: ["many"] * n))
    with pytest.raises(DataError, match=r"LL141 accounts\.employees: 0 of [\d,]+ values are numbers"):
        night()


def test_a_column_that_is_gone_is_refused_by_name(night: Callable[..., Any]) -> None:
    changed("leads", lambda t: t.drop_columns(["country"]))
    with pytest.raises(DataError, match="country"):
        night()


def test_a_behaviour_that_the_source_no_longer_sends_is_told(night: Callable[..., Any]) -> None:
    changed("events", lambda t: t.filter(pc.not_equal(t["event_type"], "blog_view")))
    assert any("nightly.zero_rate" in w for w in night(nightly=", drift: ignore").warnings)


def test_a_night_without_mlflow_scores_the_same(home: Path, plain: pa.Table) -> None:
    config = load_config("demo.yaml")
    away = config.model_copy(update={"tracking": config.tracking.model_copy(update={"uri": "http://127.0.0.1:9"})})
    done = score(away, NIGHT, MODEL)
    assert rows_of(done).equals(plain)
    assert ["not logged to MLflow" in text for text in done.warnings] == [True]

"""Each coded check fires on what it names, and is silent on a sound CRM; no check tells a lead's data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import crm
from leadline.core.checks import Finding
from leadline.core.point_in_time import parse_instant
from leadline.errors import DataError
from small_crm import Run

CANARY = "canary-secret@example.com"
Change = Callable[[crm.Rows, dict[str, Any]], None]


def findings(folder: Path, change: Change | None = None, known_at: int | None = None) -> list[Finding]:
    """Load a CRM after a change; return what the checks saw, whether or not it stopped the run."""
    content = crm.rows()
    sources = crm.write_csv(content, folder)
    config = crm.config_dict(sources)
    if change is not None:
        change(content, config)
        for name, rows in content.items():
            _write(rows, folder / f"{name}.csv")
    try:
        with Run(type(crm.config(sources)).model_validate(config), known_at) as run:
            return list(run.loaded.findings)
    except DataError as error:
        return [Finding(line.split(" ", 1)[0], "error", line, "", "", "") for line in str(error).splitlines()]  # type: ignore[arg-type]


def _write(rows: list[dict[str, Any]], place: Path) -> None:
    import csv

    names = list(dict.fromkeys(name for row in rows for name in row)) or ["lead_id"]
    with place.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows({k: crm.as_text(v) for k, v in row.items()} for row in rows)


def test_a_sound_crm_has_notes_only(tmp_path: Path) -> None:
    assert {(f.code, str(f.severity)) for f in findings(tmp_path)} == {("LL117", "note"), ("LL118", "note")}


def renamed(content: crm.Rows, config: dict[str, Any]) -> None:
    config["tables"]["events"]["lead"] = "leadid"


def other_content(content: crm.Rows, config: dict[str, Any]) -> None:
    content["leads"].append({**content["leads"][0], "source": CANARY})


def repeated(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"] += [
        {**content["events"][0], "recorded_at": content["events"][0]["recorded_at"] + timedelta(hours=3)}
    ]


def repeated_account(content: crm.Rows, config: dict[str, Any]) -> None:
    content["accounts"].append(dict(content["accounts"][0]))


def naive(content: crm.Rows, config: dict[str, Any]) -> None:
    content["stages"][0]["changed_at"] = content["stages"][0]["changed_at"].replace(tzinfo=None)


def no_instant(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"][0]["occurred_at"] = CANARY


def no_number(content: crm.Rows, config: dict[str, Any]) -> None:
    content["opportunities"][1]["amount"] = CANARY


def recorded_first(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"][0]["recorded_at"] = content["events"][0]["occurred_at"] - timedelta(seconds=1)


def future(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"][0]["occurred_at"] = crm.BEGIN + timedelta(days=4000)


def orphan(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"][0]["lead_id"] = CANARY


def stage_before_creation(content: crm.Rows, config: dict[str, Any]) -> None:
    content["stages"][0]["changed_at"] = crm.BEGIN - timedelta(days=1)


def closed_before_created(content: crm.Rows, config: dict[str, Any]) -> None:
    content["opportunities"][1]["closed_at"] = content["opportunities"][1]["created_at"] - timedelta(days=1)


def no_leads(content: crm.Rows, config: dict[str, Any]) -> None:
    content["leads"] = [{**row, "created_at": crm.BEGIN + timedelta(days=400)} for row in content["leads"]]


def no_events(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"] = [
        {
            **row,
            "occurred_at": row["occurred_at"] + timedelta(days=400),
            "recorded_at": row["recorded_at"] + timedelta(days=400),
        }
        for row in content["events"]
    ]


def no_key(content: crm.Rows, config: dict[str, Any]) -> None:
    content["leads"][3]["lead_id"] = None


def no_lead(content: crm.Rows, config: dict[str, Any]) -> None:
    content["events"][3]["lead_id"] = None


def no_stage(content: crm.Rows, config: dict[str, Any]) -> None:
    content["stages"].append({**content["stages"][0], "stage": None})


def no_time(content: crm.Rows, config: dict[str, Any]) -> None:
    content["leads"][3]["created_at"] = None


def unmapped(content: crm.Rows, config: dict[str, Any]) -> None:
    content["stages"].append({**content["stages"][0], "stage": CANARY})


def a_date(content: crm.Rows, config: dict[str, Any]) -> None:
    for row in content["leads"]:
        row["source"] = "2024-05-01"


def only_after(content: crm.Rows, config: dict[str, Any]) -> None:
    first = {}
    for row in content["stages"]:
        if row["stage"] == "SQL":
            first[row["lead_id"]] = row["changed_at"]
    content["leads"] += [{**content["leads"][0], "lead_id": f"x{n}"} for n in range(20)]
    content["stages"] += [
        {"lead_id": f"x{n}", "stage": "sql", "changed_at": crm.BEGIN + timedelta(days=60)} for n in range(20)
    ]
    late = {
        "event_type": "invoice",
        "occurred_at": crm.BEGIN + timedelta(days=61),
        "recorded_at": crm.BEGIN + timedelta(days=61),
    }
    content["events"] += [{**late, "event_id": 10_000 + n, "lead_id": f"x{n}"} for n in range(20)]


def circle(content: crm.Rows, config: dict[str, Any]) -> None:
    merged = {"merged_at": crm.BEGIN + timedelta(days=20)}
    content["merges"] = [
        {"from_id": "0001", "into_id": "0002", **merged},
        {"from_id": "0002", "into_id": "0001", **merged},
    ]
    config["tables"]["merges"] = {
        "source": config["tables"]["leads"]["source"].replace("leads", "merges"),
        "from": "from_id",
        "into": "into_id",
        "merged_at": "merged_at",
    }


CASES: list[tuple[str, str, Change]] = [
    ("LL101", "error", renamed), ("LL102", "error", other_content), ("LL103", "warning", repeated), ("LL103", "warning", repeated_account),
    ("LL104", "error", naive), ("LL105", "error", no_instant), ("LL105", "error", no_number), ("LL106", "error", recorded_first),
    ("LL107", "warning", future), ("LL108", "warning", orphan), ("LL109", "warning", stage_before_creation), ("LL109", "warning", closed_before_created),
    ("LL110", "error", no_leads), ("LL111", "warning", no_events), ("LL112", "error", no_key), ("LL113", "warning", no_lead), ("LL114", "warning", no_time),
    ("LL134", "warning", no_stage),
    ("LL115", "warning", unmapped), ("LL116", "error", circle), ("LL119", "warning", a_date), ("LL120", "warning", only_after),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "change"), CASES, ids=[c[2].__name__ for c in CASES])
def test_a_check_fires_on_what_it_names_and_tells_no_value(
    tmp_path: Path, code: str, severity: str, change: Change
) -> None:
    found = findings(tmp_path, change)
    mine = [f for f in found if f.code == code]
    assert mine and all(str(f.severity) == severity for f in mine), [f"{f.code} {f}" for f in found]
    text = " ".join(f"{f.subject} {f.seen} {f.expected} {f.fix}" for f in found)
    assert CANARY not in text and "canary" not in text
    # Every sentence has its three parts, and counts stand in the record where rows are concerned.
    if code not in ("LL101", "LL104", "LL105"):
        assert all(f.subject and f.seen and f.expected and f.fix for f in mine)


def test_a_missing_column_is_told_with_a_suggestion(tmp_path: Path) -> None:
    assert "no column 'leadid' (did you mean `lead_id`?)" in str(findings(tmp_path, renamed)[0].subject)


def test_every_unreadable_thing_is_told_at_once(tmp_path: Path) -> None:
    def several(content: crm.Rows, config: dict[str, Any]) -> None:
        renamed(content, config)
        naive(content, config)
        config["tables"]["leads"]["attributes"] = ["sauce", "nothing"]

    assert [f.code for f in findings(tmp_path, several)] == ["LL101", "LL101", "LL101", "LL104"]


def test_an_exact_repeat_keeps_the_earliest_recorded(tmp_path: Path) -> None:
    content = crm.rows()
    repeated(content, {})
    with Run(crm.config(crm.write_parquet(content, tmp_path))) as run:
        first = content["events"][0]
        rows = run.store.rows(f"SELECT recorded_at FROM events WHERE event_id = '{first['event_id']}'")
        assert rows == [(parse_instant(first["recorded_at"].isoformat()),)]
        assert run.loaded.rows["events"] == len(content["events"]) - 1


def test_the_clocks_may_differ_by_the_configs_skew(tmp_path: Path) -> None:
    def skewed(content: crm.Rows, config: dict[str, Any]) -> None:
        recorded_first(content, config)
        config["tables"]["events"]["max_clock_skew"] = "1m"

    assert "LL106" not in {f.code for f in findings(tmp_path, skewed)}


@pytest.mark.parametrize(
    "change", [no_instant, no_number, other_content, orphan, naive, unmapped, no_lead], ids=lambda c: c.__name__
)
def test_checks_look_only_at_rows_visible_at_t(tmp_path: Path, change: Change) -> None:
    known_at = parse_instant("2024-02-15")

    def late(content: crm.Rows, config: dict[str, Any]) -> None:
        before = {name: [dict(r) for r in rows] for name, rows in content.items()}
        change(content, config)
        shift = timedelta(days=500)
        for name, rows in content.items():
            clock = {
                "leads": "created_at",
                "events": "recorded_at",
                "stages": "changed_at",
                "opportunities": "created_at",
            }.get(name)
            for n, row in enumerate(rows):
                if clock and (n >= len(before[name]) or row != before[name][n]) and hasattr(row[clock], "year"):
                    row[clock] = row[clock] + shift

    clean = {f.code for f in findings(tmp_path, known_at=known_at)}
    assert {f.code for f in findings(tmp_path, late, known_at)} == clean


def test_a_word_is_told_only_where_twenty_leads_share_it(tmp_path: Path) -> None:
    def shared(content: crm.Rows, config: dict[str, Any]) -> None:
        when = crm.BEGIN + timedelta(days=45)
        content["stages"] += [
            {"lead_id": row["lead_id"], "stage": "nurture", "changed_at": when} for row in content["leads"][:20]
        ]
        content["stages"] += [
            {"lead_id": row["lead_id"], "stage": CANARY, "changed_at": when} for row in content["leads"][:19]
        ]

    (found,) = [f for f in findings(tmp_path, shared) if f.code == "LL115"]
    assert "nurture" in found.seen and "canary" not in found.seen and "2 stage words on 39 rows" in found.seen


def test_the_rows_of_a_merged_record_are_no_orphans(tmp_path: Path) -> None:
    def merged(content: crm.Rows, config: dict[str, Any]) -> None:
        circle(content, config)
        content["merges"] = content["merges"][:1]
        content["leads"] = [row for row in content["leads"] if row["lead_id"] != "0001"]

    assert "LL108" not in {f.code for f in findings(tmp_path, merged)}


def test_merges_leave_deals_of_accounts_as_they_are(tmp_path: Path) -> None:
    def of_accounts(content: crm.Rows, config: dict[str, Any]) -> None:
        circle(content, config)
        content["merges"] = content["merges"][:1]
        deals = config["tables"]["opportunities"]
        deals["account"] = deals.pop("lead")  # any column of text: a deal that names no lead

    assert all(str(f.severity) != "error" for f in findings(tmp_path, of_accounts))


def test_a_file_without_a_header_is_told_without_its_first_row(tmp_path: Path) -> None:
    content = crm.rows()
    sources = crm.write_csv(content, tmp_path)
    Path(sources["leads"]).write_text(f"0001,{CANARY},2024-01-01\n0002,b@example.com,2024-01-02\n")
    with pytest.raises(DataError, match="is the first line a header") as caught, Run(crm.config(sources)):
        pass
    assert "canary" not in str(caught.value) and "0001" not in str(caught.value)


def test_instants_beyond_the_calendar_stop_the_run_with_a_sentence(tmp_path: Path) -> None:
    content = crm.rows()
    sources = crm.write_parquet(content, tmp_path)
    table = crm.arrow("events", content["events"])
    far = pa.array([9_000_000_000_000_000_000] + [None] * (table.num_rows - 1), pa.int64()).cast(
        pa.timestamp("us", "UTC")
    )
    pq.write_table(table.set_column(3, "occurred_at", far), sources["events"])
    with pytest.raises(DataError, match=r"LL105 events\.occurred_at: 1 rows hold no instant"), Run(crm.config(sources)):
        pass


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_sentinels_within_the_calendar_are_no_trouble(tmp_path: Path, year: int) -> None:
    content = crm.rows()
    for row in content["opportunities"]:
        if row["closed_at"] is None:
            row["closed_at"] = crm.BEGIN.replace(year=year)
    with Run(crm.config(crm.write_parquet(content, tmp_path))) as run:
        assert run.loaded.observed_until == parse_instant((crm.BEGIN + timedelta(days=100)).isoformat())
        run.train()

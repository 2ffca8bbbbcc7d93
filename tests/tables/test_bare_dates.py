"""LL157 and LL158: dates read as times count from the end of their day, in every zone, at night as in training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY, parse_instant
from leadline.tables import LoadedTables, load, open_store

FIRST = datetime(2024, 2, 1)
DAYS = 60


def texts(shape: str) -> list[str]:
    """A row a day: dates, midnights as text, or times of day."""
    return [(FIRST + timedelta(days=n, hours=9 + n % 7 if shape == "times" else 0)).strftime("%Y-%m-%d" if shape == "dates" else "%Y-%m-%d %H:%M:%S") for n in range(DAYS)]  # fmt: skip


def config(folder: Path, happened: list[Any], zone: str = "UTC", recorded: list[Any] | None = None, **events: Any) -> Config:  # fmt: skip
    leads = [f"L{n}" for n in range(DAYS)]
    pq.write_table(pa.table({"id": leads, "at": [(FIRST - timedelta(days=9, hours=-n % 20)).isoformat() for n in range(DAYS)]}), folder / "leads.parquet")  # fmt: skip
    pq.write_table(pa.table({"lead": leads[:5], "stage": ["sql"] * 5, "at": [f"2024-02-0{n + 2} 10:00:00" for n in range(5)]}), folder / "stages.parquet")  # fmt: skip
    pq.write_table(pa.table({"lead": leads, "type": ["view"] * len(leads), "at": happened, **({"seen": recorded} if recorded else {})}), folder / "events.parquet")  # fmt: skip
    section = {"source": str(folder / "events.parquet"), "lead": "lead", "type": "type", "occurred_at": "at", **({"recorded_at": "seen"} if recorded else {}), **events}  # fmt: skip
    return Config.model_validate({
        "version": 1, "name": "dates", "timezone": zone, "tables": {
            "leads": {"source": str(folder / "leads.parquet"), "key": "id", "created_at": "at"}, "events": section,
            "stages": {"source": str(folder / "stages.parquet"), "lead": "lead", "stage": "stage", "changed_at": "at"}},
        "stages": {"sql": ["sql"]}, "outcome": {"reaches": "sql", "within": "7d"}, "snapshots": {"every": "7d"}, "engine": {"threads": 1, "memory": "500MB"},
    })  # fmt: skip


def read(asked: Config, as_of: str = "2024-06-01") -> tuple[list[int], dict[str, str]]:
    """The instants of the events known at a time, and what the two checks say of them."""
    store = open_store(asked.engine)
    try:
        loaded: LoadedTables = load(asked, store, parse_instant(as_of))
        said = {f.code: f"{f.severity} {f}" for f in loaded.findings if f.code in ("LL106", "LL157", "LL158")}
        return [int(r[0]) for r in store.rows("SELECT occurred_at FROM events ORDER BY 1")], said
    finally:
        store.close()


@pytest.mark.parametrize("shape", ["dates", "midnights"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "America/Sao_Paulo"])
def test_a_row_of_a_day_is_known_from_the_days_end(tmp_path: Path, shape: str, zone: str) -> None:
    asked = config(tmp_path, texts(shape), zone)
    instants, said = read(asked)
    ends = [(FIRST + timedelta(days=n + 1)).replace(tzinfo=ZoneInfo(zone)) for n in range(DAYS)]
    assert instants == [round(end.astimezone(UTC).timestamp()) * 1_000_000 - 1 for end in ends]
    assert (
        "warning events.occurred_at: all 60 times are midnight" in said["LL157"]
        and "tables.events.dates: start_of_day" in said["LL157"]
    )
    last = FIRST + timedelta(days=10)
    at_noon = last.replace(hour=12, tzinfo=ZoneInfo(zone)).isoformat()
    next_day = (last + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).isoformat()
    assert [len(read(asked, when)[0]) for when in (at_noon, next_day)] == [10, 11]


def test_a_typed_date_and_a_zoned_midnight_are_dates_too(tmp_path: Path) -> None:
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    for values in (
        pa.array([d.date() for d in days]),
        pa.array(days, pa.timestamp("us")),
        pa.array(days, pa.timestamp("us", "UTC")),
    ):
        instants, said = read(config(tmp_path, values))
        assert {at % DAY for at in instants} == {DAY - 1} and "LL157" in said


def test_times_stay_and_few_rows_say_nothing(tmp_path: Path) -> None:
    instants, said = read(config(tmp_path, texts("times")))
    assert not said and {at % DAY for at in instants} == {h * DAY // 24 for h in range(9, 16)}
    few = [texts("dates")[n % 4] for n in range(DAYS)]  # 60 rows on four days
    assert not read(config(tmp_path, few))[1]


def test_the_config_has_the_last_word(tmp_path: Path) -> None:
    instants, said = read(config(tmp_path, texts("dates"), dates="start_of_day"))
    assert {at % DAY for at in instants} == {0} and not said
    mixed = [*texts("dates")[:3], *texts("times")[3:]]
    instants, said = read(config(tmp_path, mixed, dates="end_of_day"))
    assert sum(at % DAY == DAY - 1 for at in instants) == 3 and "they count from the day's end" in said["LL158"]


def test_dates_among_times_are_told_and_left(tmp_path: Path) -> None:
    instants, said = read(config(tmp_path, [*texts("dates")[:30], *texts("times")[30:]]))
    assert sum(at % DAY == 0 for at in instants) == 30
    assert (
        "warning events.occurred_at: 30 of 60 times (50%) are midnight" in said["LL158"]
        and "tables.events.dates: end_of_day" in said["LL158"]
    )


def test_a_date_is_not_moved_past_the_time_at_which_it_was_recorded(tmp_path: Path) -> None:
    instants, said = read(config(tmp_path, texts("dates"), recorded=texts("times")))
    assert {at % DAY for at in instants} == {0} and said["LL157"].startswith(
        "note"
    )  # recorded_at says when it was known
    instants, said = read(config(tmp_path, texts("times"), recorded=texts("dates")))
    assert {at % DAY for at in instants} != {0} and "events.recorded_at" in said["LL157"]
    assert "LL106" not in said  # recorded at the day's end is after it happened
    assert {at % DAY for at in read(config(tmp_path, texts("dates"), recorded=texts("dates")))[0]} == {DAY - 1}


def test_a_leads_own_date_is_told_of_and_moved_only_when_the_config_says_so(tmp_path: Path) -> None:
    asked = config(tmp_path, texts("times"))
    leads = {"id": [f"L{n}" for n in range(DAYS)], "at": texts("dates")}
    pq.write_table(pa.table(leads), tmp_path / "leads.parquet")
    assert "note leads.created_at" in read(asked)[1]["LL157"]
    moved = asked.tables.leads.model_copy(update={"dates": "end_of_day"})
    tables = asked.tables.model_copy(update={"leads": moved})
    assert "warning leads.created_at" in read(asked.model_copy(update={"tables": tables}))[1]["LL157"]


def test_a_kept_log_gives_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = config(tmp_path, texts("dates"))
    kept = asked.model_copy(update={"engine": asked.engine.model_copy(update={"cache_events": True})})
    assert read(kept) == read(kept) == read(asked)
    times = config(tmp_path, texts("times"))
    assert read(times.model_copy(update={"engine": kept.engine})) == read(times)

"""LL307: people under two ids are told by what they did and when, however their dates were moved."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Config
from leadline.core.checks import Severity, run_checks
from leadline.leakage.cohorts import OF_SAMPLES
from leadline.tables import load, open_store

CHECK = [c for c in OF_SAMPLES if c.code == "LL307"]
DAY = 86_400_000_000
STAMP = pa.timestamp("us", "UTC")
START = 19_700 * DAY


def acts(lead: int) -> list[int]:
    """Instants, after the first, of a lead's eight acts: a lead's own."""
    return [0, *(3_600_000_000 * k + 1_000_003 * lead * k + 17 * lead for k in range(1, 8))]


def told(folder: Path, people: dict[str, tuple[int, int]], merged: list[tuple[str, str]] = ()):  # type: ignore[assignment]
    """Check a CRM of leads (who acts, moved by how many days)."""
    rows = [(f"{name}-{k}", name, "view" if k % 2 else "click", START + moved * DAY + at) for name, (who, moved) in people.items() for k, at in enumerate(acts(who))]  # fmt: skip
    times = pa.array([at for *_, at in rows]).cast(STAMP)
    pq.write_table(
        pa.table({"id": [r[0] for r in rows], "lead": [r[1] for r in rows], "type": [r[2] for r in rows], "at": times}),
        folder / "events.parquet",
    )
    created = pa.array([START + moved * DAY for _, moved in people.values()]).cast(STAMP)
    pq.write_table(pa.table({"id": list(people), "created": created}), folder / "leads.parquet")
    last = pa.array([START + 400 * DAY]).cast(STAMP)
    pq.write_table(pa.table({"lead": ["L0"], "stage": ["sql"], "at": last}), folder / "stages.parquet")
    merges = {}
    if merged:
        at = pa.array([START + 300 * DAY] * len(merged)).cast(STAMP)
        pq.write_table(
            pa.table({"a": [a for a, _ in merged], "b": [b for _, b in merged], "at": at}), folder / "merges.parquet"
        )
        merges = {"merges": {"source": str(folder / "merges.parquet"), "from": "a", "into": "b", "merged_at": "at"}}
    config = Config.model_validate({
        "version": 1, "name": "twins", "stages": {"sql": ["sql"]}, "outcome": {"reaches": "sql", "within": "30d"}, "snapshots": {"every": "7d"},
        "tables": {
            "leads": {"source": str(folder / "leads.parquet"), "key": "id", "created_at": "created"},
            "events": {"source": str(folder / "events.parquet"), "key": "id", "lead": "lead", "type": "type", "occurred_at": "at"},
            "stages": {"source": str(folder / "stages.parquet"), "lead": "lead", "stage": "stage", "changed_at": "at"}, **merges,
        },
    })  # fmt: skip
    store = open_store(config.engine)
    try:
        return list(run_checks(CHECK, (config, load(config, store))))
    finally:
        store.close()


def crowd(n: int = 60) -> dict[str, tuple[int, int]]:
    return {f"L{k}": (k, k % 50) for k in range(n)}


def test_different_people_give_no_finding(tmp_path) -> None:
    assert told(tmp_path, crowd()) == []


@pytest.mark.parametrize("moved", [0, 1, 200])
def test_twins_are_told_however_their_dates_were_moved(tmp_path, moved: int) -> None:
    (found,) = told(tmp_path, crowd() | {"R1": (1, 1 + moved), "R2": (2, 2 + moved)})
    assert found.code == "LL307" and found.severity is Severity.WARNING and found.rows == 2
    assert f"of {2 if moved > 30 else 0} the two came in" in found.seen and "R1" not in str(found)


def test_a_list_imported_twice_is_refused(tmp_path) -> None:
    (found,) = told(tmp_path, crowd() | {f"R{k}": (k, k + 90) for k in range(15)})
    assert found.severity is Severity.ERROR and found.rows == 15


def test_records_that_merges_tell_of_are_one_person_already(tmp_path) -> None:
    assert told(tmp_path, crowd() | {"R1": (1, 1)}, merged=[("R1", "L1")]) == []


def test_acts_that_a_crowd_shares_are_automation(tmp_path) -> None:
    assert told(tmp_path, {f"L{k}": (0, k % 50) for k in range(60)}) == []

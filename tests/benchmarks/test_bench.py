"""The bench runs at a tiny size, its contenders agree, and it says so when they don't. No test looks at a time."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benches are no part of the installed package

from benchmarks.measure import Measured, run_job  # noqa: E402

from benchmarks import __main__ as benches  # noqa: E402
from benchmarks import features, job, world  # noqa: E402

EVENTS = 5_000


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("bench")
    world.make(folder, EVENTS, seed=3)
    return {"folder": str(folder), "memory": "1GB", "threads": 2, "variant": "raw log"}


@pytest.mark.parametrize("question", world.QUESTIONS)
@pytest.mark.parametrize("peer", features.PEERS.values())
def test_a_peer_gives_leadlines_values(asked: dict[str, object], question: str, peer: str) -> None:
    ours = job.run({**asked, "question": question, "who": features.OURS})
    theirs = job.run({**asked, "question": question, "who": peer})
    if theirs.get("missing") == "polars":
        pytest.skip("polars is installed for `make bench` alone")
    left_out = {"new_colleagues_30d"} if peer == features.PEERS["naive"] else set()
    assert len(ours["values"]) > 60
    assert theirs["values"] == {name: v for name, v in ours["values"].items() if name not in left_out}
    assert len(set(ours["values"].values())) > 50  # the values tell features apart, so a swap of two can't pass


def test_the_bench_prints_its_table() -> None:
    asked = ["--events", str(EVENTS), "--repeats", "1", "--questions", "night", "--whole"]
    command = [sys.executable, "-m", "benchmarks.features", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {tuple(re.split(r"\s{2,}", line)[:2]): line for line in done.stdout.splitlines()}
    assert " 1.00 " in rows["night", "leadline, raw log"]
    assert ("night", "leadline, whole catalogue") in rows
    assert rows["night", "naive FILTER join"].endswith(" 64 of 65")
    assert rows["night", "pandas loop"].endswith(" 65 of 65")
    assert rows["night", "pandas sweep"].endswith(" 65 of 65")
    assert rows["night", "polars fold"].endswith((" 65 of 65", "no polars: not installed"))
    assert ("-", "load from Parquet") in rows
    assert "scan of the four columns: " in done.stdout


def test_a_peer_with_other_values_is_told() -> None:
    scan = Measured(features.SCAN, "", [0.1])
    ours = Measured(f"{features.OURS}, raw log", "night", [1.0, 3.0], values={"a": "1", "b": "2"})
    peer = Measured("pandas loop", "night", [4.0], values={"a": "1", "b": "x"})
    lines = features.table([scan, ours, peer], events=10)
    assert lines[3].split()[-3:] == ["1", "of", "2"]
    assert lines[-1] == "pandas loop (night) differs in: b"
    less = replace(peer, values={"b": "2", "c": "3"})
    assert features.table([scan, ours, less], events=10)[-1].split()[-3:] == ["1", "of", "2"]


@pytest.mark.parametrize(("by", "ratio"), [("median", "2.00"), ("fastest", "4.00"), ("cpu", "0.40")])
def test_ratios_are_of_what_is_asked(by: str, ratio: str) -> None:
    scan = Measured(features.SCAN, "", [0.1], cpu_seconds=[0.1])
    ours = Measured(f"{features.OURS}, raw log", "night", [1.0, 2.0, 9.0], values={"a": "1"}, cpu_seconds=[5.0])
    peer = Measured("pandas loop", "night", [4.0], values={"a": "1"}, cpu_seconds=[2.0])
    assert ratio in features.table([scan, ours, peer], events=10, by=by)[3].split()


def test_values_that_change_between_repeats_are_a_failure() -> None:
    ours = Measured(features.OURS, "night")
    ours.add({"seconds": [1.0], "cpu": [1.0], "values": {"a": "1"}, "peak_mb": 1.0})
    ours.add({"seconds": [1.0], "cpu": [1.0], "values": {"a": "2"}, "peak_mb": 1.0})
    assert ours.failed == "the values of two repeats differ"


def test_a_process_that_breaks_is_told_with_its_last_line(asked: dict[str, object]) -> None:
    result = run_job({**asked, "who": features.OURS, "question": "morning"}, limit=60)
    assert result["failed"].startswith("exit 1: ")
    assert "tables.training" not in result["failed"]


def test_hashes_tell_values_apart_and_not_the_kind_of_zero_or_nan() -> None:
    one = job.digests({"a": np.array([0.0, np.nan, 1.0])})
    assert one == job.digests({"a": np.array([-0.0, -np.nan, 1.0])})
    assert one != job.digests({"a": np.array([0.0, 1.0, np.nan])})


def test_the_log_is_the_same_each_time_and_keeps_the_clock(tmp_path: Path, asked: dict[str, object]) -> None:
    made = world.make(tmp_path / "again", EVENTS, seed=3)
    kept = Path(str(asked["folder"]))
    assert world.make(kept, EVENTS, seed=3) == made
    for name in (*world.TABLES, *world.QUESTIONS):
        assert pq.read_table(tmp_path / "again" / f"{name}.parquet").equals(pq.read_table(kept / f"{name}.parquet"))
    events = pq.read_table(kept / "events.parquet").to_pandas()
    leads = pq.read_table(kept / "leads.parquet").to_pandas().set_index("lead_id")
    assert len(events) == made.events
    assert abs(made.events - EVENTS) < EVENTS / 10
    assert events["occurred_at"].is_monotonic_increasing
    assert (events["recorded_at"] >= events["occurred_at"]).all()
    assert (events["occurred_at"] >= events["lead_id"].map(leads["created_at"])).all()
    late = events["recorded_at"] - events["occurred_at"] >= np.timedelta64(1, "D")
    assert 0 < late.sum() < len(events) / 20
    assert events["event_id"].is_unique
    assert set(events["event_type"]) == set(world.BEHAVIOURS)


def test_make_bench_runs_modules_that_are_there() -> None:
    for name in benches.MODULES:
        assert (ROOT / "benchmarks" / f"{name}.py").exists()

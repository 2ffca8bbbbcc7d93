"""A night that is killed, or finds the disk full, at each operation that changes a file: what stands is old or new, never half."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from test_runs_killed import KILLED, NIGHTLY, leftovers, night_of

from projects import NIGHT

MOST, FEWER = 1_000, 150


def fail_at_each(home: Path, run, trial, kind: str, step: int) -> int:
    """Let two versions write the same night in turn, each with a fault at its n-th operation, for all n or some."""
    (home / "demo.yaml").write_text((home / "demo.yaml").read_text() + NIGHTLY % "false")
    shutil.copytree(home / "models/demo/1", home / "models/demo/2")
    words = [["score", "demo.yaml", "--as-of", NIGHT, "--model", f"models/demo/{v}", "--force"] for v in "12"]
    assert run(*words[0], cwd=home).code == 0
    expected = pq.ParquetFile(next((home / "scores/demo").glob("as_of=*")) / "scores.parquet").read()
    stands, hit = "1", 0
    for number in range(1, MOST, step):
        new = "2" if stands == "1" else "1"
        with trial(f"{kind} at each file operation of score"):
            done = run(*words[int(new) - 1], cwd=home, env={"FAULT_AT": str(number), "FAULT_KIND": kind})
            assert done.code in ((0, KILLED) if kind == "kill" else (0, 73)), (number, done.err)
            assert "Traceback" not in done.err and " a bug " not in done.err
            version, _, sent = night_of(home)
            assert version in (stands, new) and (done.code != 0 or version == sent == new), number
            stands = version
            hit += done.code != 0
            if done.code == 0 and (kind == "kill" or number > FEWER):
                break  # it has fewer operations than that
    assert run(*words[0], cwd=home).code == 0
    assert night_of(home)[0] == night_of(home)[2] == "1" and leftovers(home) == []
    rows = pq.ParquetFile(next((home / "scores/demo").glob("as_of=*")) / "scores.parquet").read()
    assert rows.equals(expected)
    assert json.loads(next((home / "scores/demo").glob("as_of=*/night.json")).read_text())["model_version"] == "1"
    return hit


def test_a_night_killed_at_some_of_its_file_operations_leaves_the_old_or_the_new(tiny_home: Path, run, trial) -> None:
    assert fail_at_each(tiny_home, run, trial, "kill", 13) >= 3


def test_a_night_with_a_full_disk_at_some_of_its_file_operations_leaves_the_old_or_the_new(
    tiny_home: Path, run, trial
) -> None:
    assert fail_at_each(tiny_home, run, trial, "full", 11) >= 3


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_night_killed_at_each_of_its_file_operations_leaves_the_old_or_the_new(tiny_home: Path, run, trial) -> None:
    assert fail_at_each(tiny_home, run, trial, "kill", 1) >= 30


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_night_with_a_full_disk_at_each_of_its_file_operations_leaves_the_old_or_the_new(
    tiny_home: Path, run, trial
) -> None:
    assert fail_at_each(tiny_home, run, trial, "full", 1) >= 30

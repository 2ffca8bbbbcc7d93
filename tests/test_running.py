"""What the tests stand on: made once for all workers, spread with the longest first, told by file and fixture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import spread
from shared import once
from times import by_file, by_fixture

TESTS = Path(__file__).parent


def workers(run: Path) -> list[Any]:
    """Two workers' factories of temporary folders, below one run's."""

    def folder_in(base: Path) -> Any:
        base.mkdir()

        def mktemp(name: str) -> Path:
            (base / name).mkdir()
            return base / name

        return SimpleNamespace(getbasetemp=lambda: base, mktemp=mktemp)

    return [folder_in(run / name) for name in ("gw0", "gw1")]


def test_two_workers_get_copies_of_what_was_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    made: list[Path] = []

    def make(folder: Path) -> dict[str, Any]:
        made.append(folder)
        (folder / "a.txt").write_text("as made")
        return {"n": 3, "database": duckdb.connect()}

    (one, first), (two, second) = (once(worker, "thing", make) for worker in workers(tmp_path))
    assert len(made) == 1 and one != two and first["n"] == second["n"] == 3
    (one / "a.txt").write_text("changed by a test")
    assert (two / "a.txt").read_text() == "as made"
    for result in (first, second):
        result["database"].close()


def test_what_could_not_be_made_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    one, two = workers(tmp_path)

    def broken(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        once(one, "thing", broken)
    folder, result = once(two, "thing", lambda folder: len(list(folder.iterdir())))
    assert result == 0 and list(folder.iterdir()) == []


def test_the_files_that_are_spread_by_name_are_there() -> None:
    assert [name for name in spread.COSTLY if not (TESTS / f"{name}.py").is_file()] == []
    assert [name for name in spread.WHOLE if not (TESTS / name).is_dir()] == []
    assert len(set(spread.COSTLY)) == len(spread.COSTLY)
    assert all((TESTS.parent / file).is_file() for pair in spread.TOGETHER.items() for file in pair)


SLOW = """
import time
import pytest
from times import Times

def pytest_configure(config):
    config.pluginmanager.register(Times())

@pytest.fixture(scope="session")
def slow():
    time.sleep(0.1)
"""
TWO = """
def test_one(slow): pass
def test_two(slow): pass
"""


def test_a_run_tells_its_files_and_shared_fixtures_from_all_workers(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(SLOW)
    for name in ("test_a", "test_b"):
        (tmp_path / f"{name}.py").write_text(TWO)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--durations=3", "."],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.split(maxsplit=3) for line in done.stdout.splitlines() if line.endswith((".py", "slow (tests)"))]
    assert {(times, name) for _, _, times, name in told if name.endswith(".py")} == {
        ("2", "test_a.py"),
        ("2", "test_b.py"),
    }
    ((seconds, _, times, _),) = [row for row in told if row[3] == "slow (tests)"]
    assert int(times) in (1, 2) and float(seconds) >= 0.1


def test_a_fixtures_time_counts_for_its_file_and_for_itself() -> None:
    report = SimpleNamespace(
        nodeid="a.py::test", duration=2.0, spent_cpu=1.5, when="setup", fixtures_made=[("home", 1.75, 1.25)]
    )
    call = SimpleNamespace(nodeid="a.py::test", duration=0.5, spent_cpu=0.25, when="call", fixtures_made=[])
    (file,) = by_file([report, call]).items()
    assert (file[0], file[1].times, file[1].seconds, file[1].cpu) == ("a.py", 1, 2.5, 1.75)
    (fixture,) = by_fixture([report, call]).items()
    assert (fixture[0], fixture[1].times, fixture[1].seconds) == ("home", 1, 1.75)

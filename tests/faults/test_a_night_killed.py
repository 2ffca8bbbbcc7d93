"""kill -9 in the middle of a night: what stands is the old night or the new one, whole, and the next run goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leadline.core.files import staging, swap, write_text
from leadline.delivery.folder_sink import finished_runs, is_intact
from leadline.delivery.sink_urls import open_sink
from leadline.errors import OutputError, RetryError
from nights import DAY, night, table
from projects import SOURCE

ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(__file__).parents[1]}"}
ROWS = 20_000

WRITE = """
from nights import night, table
from leadline.delivery.sink_urls import open_sink
beside = {p: {"changes.parquet": str(p).encode() * 90_000, "handoffs.jsonl": str(p).encode() * 9_000} for p in (0.25, 0.75)}
sink, nights = open_sink("folder", "demo"), {p: table([p] * 20_000) for p in (0.25, 0.75)}
sink.write(nights[0.25], night(), beside[0.25])
print("ready", flush=True)
while True:
    for p, rows in nights.items():
        sink.write(rows, night(), beside[p])
"""


def kill_once(folder: Path, milliseconds: float) -> str:
    """Let a writer run for a while, kill it, and say what it left: the night's first probability."""
    process = subprocess.Popen([sys.executable, "-c", WRITE], stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=folder)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    try:
        process.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    process.stdout.close()
    (place,) = (folder / "folder").glob("as_of=*")
    record = json.loads((place / "night.json").read_text())
    assert is_intact(place, record) and set(record["files"]) == {p.name for p in place.iterdir()} - {"night.json"}
    values = set(pq.ParquetFile(place / "scores.parquet").read()["probability"].to_pylist())
    (p,) = values
    assert (place / "changes.parquet").read_bytes() == str(p).encode() * 90_000
    assert (place / "handoffs.jsonl").read_bytes() == str(p).encode() * 9_000
    return str(p)


def kill_often(folder: Path, times: int) -> set[str]:
    draw = random.Random(7)
    left = {kill_once(folder, draw.uniform(0, 120)) for _ in range(times)}
    open_sink(str(folder / "folder"), "demo").write(table([0.5]), night())
    assert not list((folder / "folder").rglob(".staging-*")), "what dead runs left is swept"
    return left


def test_killed_ten_times_the_night_is_always_whole(tmp_path: Path) -> None:
    assert kill_often(tmp_path, 10) <= {"0.25", "0.75"}


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_a_hundred_and_fifty_times_the_night_is_always_whole(tmp_path: Path) -> None:
    assert kill_often(tmp_path, 150) == {"0.25", "0.75"}


READ = """
import json, sys
from pathlib import Path
from leadline.delivery.folder_sink import is_intact
place = Path("folder/as_of=1970-01-02T00-00-00Z")
print("ready", flush=True)
seen = whole = 0
while seen < 150:
    seen += 1
    whole += (place / "night.json").is_file() and (place / "scores.parquet").is_file()
print(seen, whole)
"""


def test_while_a_night_takes_its_place_a_reader_never_finds_it_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sink = open_sink("folder", "demo")
    sink.write(table([0.25] * 10), night())
    reader = subprocess.Popen(
        [sys.executable, "-c", READ], stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path, text=True
    )
    assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
    while reader.poll() is None:
        sink.write(table([0.75] * 10), night())
    seen, whole = map(int, reader.stdout.read().split())
    reader.stdout.close()
    assert seen == whole == 150


def test_where_folders_cannot_be_exchanged_the_files_take_their_places_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctypes

    class Without:
        """A C library that knows no renameat2, as on other systems."""

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Without())
    for text, more in (("old", "gone"), ("new", None)):
        with staging(tmp_path) as staged:
            write_text(staged / "a.txt", text)
            if more:
                write_text(staged / "b.txt", more)
            write_text(staged / "last.json", text)
            swap(staged, tmp_path / "final", "last.json")
    assert {p.name: p.read_text() for p in (tmp_path / "final").iterdir()} == {"a.txt": "new", "last.json": "new"}
    assert [p.name for p in tmp_path.iterdir()] == ["final"]


def test_two_scorers_at_once_one_writes_and_the_other_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "import sys\nfrom leadline.delivery.sink_urls import open_sink\nwith open_sink('folder', 'demo').lock():\n    print('held', flush=True)\n    sys.stdin.read()"
    one = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert one.stdin is not None and one.stdout is not None and one.stdout.readline() == b"held\n"
    with pytest.raises(RetryError), open_sink("folder", "demo").lock(0.0):
        pass
    one.kill()
    one.wait()
    one.stdin.close()
    one.stdout.close()
    with open_sink("folder", "demo").lock(0.0):
        pass


@pytest.fixture
def tmpfs(tmp_path: Path):
    """A disk of 300 kB, where root may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small disk needs root and mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_on_a_full_disk_the_old_night_stays_and_nothing_is_left_over(tmpfs: Path) -> None:
    sink = open_sink(str(tmpfs), "demo")
    sink.write(table([0.25] * 100), night(), {"handoffs.jsonl": b"old"})
    before = {p: p.read_bytes() for p in tmpfs.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match="no space left"):
        sink.write(table([i / 1e5 for i in range(90_000)]), night(), {"handoffs.jsonl": b"new"})
    with pytest.raises(OutputError, match="no space left"):
        sink.write(table([0.5]), night(), {"changes.parquet": b"x" * 400_000})
    assert {p: p.read_bytes() for p in tmpfs.rglob("*") if p.is_file()} == before
    assert [p.name for p, _ in finished_runs(tmpfs)] == ["as_of=1970-01-02T00-00-00Z"]
    assert sink.previous(2 * DAY, "demo").probability["L0"] == 0.25

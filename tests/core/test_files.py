"""Writing is old or new, never half: killed in the middle, on a full disk, or by two at once."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leadline.core import files
from leadline.errors import OutputError, RetryError

OLD, NEW = b"old" * 1000, b"new!" * 3_000_000

WRITER = """
import sys
from pathlib import Path
from leadline.core import files
print("ready", flush=True)
while True:
    files.write_bytes(Path(sys.argv[1]), b"old" * 1000)
    files.write_bytes(Path(sys.argv[1]), b"new!" * 3_000_000)
"""

STAGER = """
import sys
from pathlib import Path
from leadline.core import files
print("ready", flush=True)
n = 0
while True:
    n += 1
    with files.staging(Path(sys.argv[1])) as folder:
        for name in "abc":
            files.write_bytes(folder / name, name.encode() * 500_000)
        files.write_sums(folder)
        files.place(folder, Path(sys.argv[1]) / f"v{n}")
"""


def killed(code: str, place: Path, after: float) -> None:
    """Run a writer and kill it with -9 after a while."""
    with subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)


def rounds(few: int) -> list[float]:
    return [0.002 + 0.013 * n for n in range(few)]


def check_kill(tmp_path: Path, after: float) -> None:
    place = tmp_path / "out.bin"
    files.write_bytes(place, OLD)
    killed(WRITER, place, after)
    assert place.read_bytes() in (OLD, NEW)
    files.sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]


@pytest.mark.parametrize("after", rounds(10))
def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new(tmp_path: Path, after: float) -> None:
    check_kill(tmp_path, after)


@pytest.mark.long
@pytest.mark.parametrize("after", rounds(150))
def test_a_writer_killed_at_many_moments_leaves_the_old_or_the_new(tmp_path: Path, after: float) -> None:
    check_kill(tmp_path, after)


@pytest.mark.parametrize("after", rounds(5))
def test_a_folder_killed_on_its_way_is_there_whole_or_not_at_all(tmp_path: Path, after: float) -> None:
    killed(STAGER, tmp_path, after)
    for folder in tmp_path.glob("v*"):
        assert {p.name: p.stat().st_size for p in folder.iterdir() if len(p.name) == 1} == dict.fromkeys("abc", 500000)
        for line in (folder / "SHA256SUMS").read_text().splitlines():
            digest, name = line.split("  ")
            assert files.sha256(folder / name) == digest
    files.sweep(tmp_path)
    assert not list(tmp_path.glob(".staging-*"))


def test_a_full_disk_is_an_output_error_and_the_old_file_stands(tmp_path: Path) -> None:
    place = tmp_path / "out.bin"
    files.write_bytes(place, OLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(OutputError, match=r"output .*out.bin: file too large; expected to be able to write there"):
            files.write_bytes(place, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert place.read_bytes() == OLD and [p.name for p in tmp_path.iterdir()] == ["out.bin"]


def test_no_space_says_to_free_some(tmp_path: Path) -> None:
    """A real, tiny file system where the machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("mounting a tmpfs needs root with CAP_SYS_ADMIN")
    try:
        files.write_bytes(disk / "out.bin", OLD)
        with pytest.raises(OutputError, match=r"no space left on device; .* free some space"):
            files.write_bytes(disk / "out.bin", NEW)
        assert (disk / "out.bin").read_bytes() == OLD and len(list(disk.iterdir())) == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_failing_flush_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    place = tmp_path / "out.bin"
    files.write_bytes(place, OLD)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="free some space"):
        files.write_bytes(place, NEW)
    assert place.read_bytes() == OLD and [p.name for p in tmp_path.iterdir()] == ["out.bin"]


@pytest.mark.parametrize(
    "make", [lambda p: p.mkdir(), lambda p: p.parent.joinpath("file").touch()], ids=["a folder", "below a file"]
)
def test_a_place_that_can_not_be_a_file_is_an_output_error(tmp_path: Path, make: object) -> None:
    place = tmp_path / "out.bin" if "mkdir" in make.__code__.co_names else tmp_path / "file" / "out.bin"  # type: ignore[attr-defined]
    (tmp_path / "file").touch() if "joinpath" in make.__code__.co_names else make(place)  # type: ignore[attr-defined,operator]
    with pytest.raises(OutputError):
        files.write_bytes(place, b"x")


HOLDER = """
import sys
from pathlib import Path
from leadline.core import files
with files.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_let_go_by_its_death(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(RetryError, match="another leadline run holds it"), files.locked(place):
            pass
        began = time.monotonic()
        with pytest.raises(RetryError), files.locked(place, wait=0.2):
            pass
        assert time.monotonic() - began >= 0.2
        other.send_signal(signal.SIGKILL)
    with files.locked(place):
        pass
    with files.locked(place):
        pass


def test_a_failed_block_leaves_no_folder_and_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.staging(tmp_path) as folder:
        (folder / "part").write_text("x")
        (tmp_path / "not there").read_text()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_stands_is_not_replaced(tmp_path: Path) -> None:
    final = tmp_path / "v1"
    final.mkdir()
    (final / "kept").touch()
    with pytest.raises(OutputError), files.staging(tmp_path) as folder:
        (folder / "new").touch()
        files.place(folder, final)
    assert [p.name for p in final.iterdir()] == ["kept"] and [p.name for p in tmp_path.iterdir()] == ["v1"]


STAYING = """
import sys, time
from pathlib import Path
from leadline.core import files
with files.staging(Path(sys.argv[1])) as staged:
    print(staged.name, flush=True)
    time.sleep(60)
"""


def test_a_sweep_takes_what_nobody_holds_whatever_the_number_in_its_name(tmp_path: Path) -> None:
    """In a container the process that died and the one that sweeps both have the number 1."""
    with subprocess.Popen([sys.executable, "-c", STAYING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = other.stdout.readline().strip()
        dead = [f".staging-{os.getpid()}-y", ".staging-1-o.csv", f".staging-{other.pid}-x"]
        for name in (*dead, ".staging-z", "other"):
            (tmp_path / name).touch()
        (tmp_path / ".staging-1-folder").mkdir()
        assert sorted(files.sweep(tmp_path)) == sorted([*dead, ".staging-1-folder"])
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([held, ".staging-z", "other"])
        other.kill()
    assert files.sweep(tmp_path) == [held]


def test_whoever_sweeps_while_others_write_ends_nothing_of_theirs(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / f"{n}.bin")], stdout=subprocess.PIPE)
        for n in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
    end = time.monotonic() + 2
    while time.monotonic() < end:
        files.sweep(tmp_path)
    alive = [writer.poll() for writer in writers]
    for writer in writers:
        writer.kill()
        writer.wait()
        assert writer.stdout is not None
        writer.stdout.close()
    assert alive == [None, None]
    assert {(tmp_path / f"{n}.bin").stat().st_size for n in "ab"} <= {len(OLD), len(NEW)}


def test_what_tells_of_people_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_bytes(tmp_path / "a/b/one.csv", b"x", private=True)
        with files.staging(tmp_path / "n", private=True) as staged:
            files.write_bytes(staged / "in.parquet", b"x")
            files.place(staged, tmp_path / "n/night")
        files.write_bytes(tmp_path / "page.html", b"x")
    finally:
        os.umask(before)
    modes = {p.relative_to(tmp_path).as_posix(): p.stat().st_mode & 0o777 for p in tmp_path.rglob("*")}
    assert modes == {
        "a": 0o700, "a/b": 0o700, "a/b/one.csv": 0o600, "n": 0o700, "n/night": 0o700, "n/night/in.parquet": 0o600, "page.html": 0o666,
    }  # fmt: skip


def test_equal_records_are_equal_bytes_and_nan_is_refused(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    files.write_json(tmp_path / "b.json", {"a": "é", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (
        files.read_json(tmp_path / "a.json")
        == {"a": "é", "b": 1}
        == json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    )
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})
    assert files.read_json(tmp_path / "a.json")["b"] == 1


def test_sums_are_read_by_the_systems_own_tool(tmp_path: Path) -> None:
    files.write_text(tmp_path / "deep" / "a b.txt", "é")
    files.write_bytes(tmp_path / "c", b"")
    files.write_sums(tmp_path)
    assert (
        subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False
        ).returncode
        == 0
    )
    (tmp_path / "c").write_bytes(b"x")
    assert (
        subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False
        ).returncode
        == 1
    )


def test_a_long_name_is_written_too(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 240 + ".json")
    files.write_text(place, "whole")
    assert place.read_text() == "whole"

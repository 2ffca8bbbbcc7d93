"""What a run that died leaves aside: swept by the next, covered by `forget`, and never told alive by a number."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leadline.core import leftovers
from leadline.core.leftovers import sweep_scratch
from projects import NIGHT, inside

SCORE = ["score", "demo.yaml", "--as-of", NIGHT, "--quiet", "--force"]


def left_by_a_dead_run(home: Path) -> list[Path]:
    """Put aside what a kill leaves, beside each kind of output, with the number of a process that lives."""
    night = next((home / "scores/demo").glob("as_of=*"))
    places = [home / f"scores/demo/.staging-{os.getpid()}-ab", home / "sent/.staging-1-cd", home / "backtests/demo/.staging-1-1.parquet", home / "out/.staging-1-o.csv"]  # fmt: skip
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        if "." in place.name[1:].rpartition("-")[2]:
            shutil.copy(night / "scores.parquet", place)
        else:
            shutil.copytree(night, place)
    spill = Path(tempfile.mkdtemp(prefix="leadline-spill-"))
    shutil.copy(night / "scores.parquet", spill / "x.tmp")
    return [*places, spill]


@pytest.fixture
def scored_home(tiny_home: Path, run) -> Path:
    config = tiny_home / "demo.yaml"
    config.write_text(config.read_text() + "\nnightly: {track: false, deliver: [{to: hubspot, folder: sent}]}\n")
    assert run(*SCORE, cwd=tiny_home).code == 0
    return tiny_home


def test_forget_takes_all_that_dead_runs_left_along(scored_home: Path, run, trial) -> None:
    left = left_by_a_dead_run(scored_home)
    (scored_home / "out/o.csv").write_text("lead_id\nL1\n")
    night = next((scored_home / "scores/demo").glob("as_of=*"))
    lead = pq.read_table(night / "scores.parquet")["lead_id"][0].as_py()
    with trial("leftovers of dead runs: forget"):
        done = run("forget", "demo.yaml", "--lead", lead, "--out", "out/o.csv", cwd=scored_home)
        assert done.code == 0, done.err
        assert [place for place in left if place.exists()] == []


def test_the_next_run_to_a_place_sweeps_it_also_where_the_night_is_finished(scored_home: Path, run, trial) -> None:
    left = left_by_a_dead_run(scored_home)
    with trial("leftovers of dead runs: the next run"):
        assert run(*SCORE[:-1], cwd=scored_home).code == 0
        assert run(*SCORE, "--out", "out/o.csv", cwd=scored_home).code == 0
        assert not left[0].exists() and not left[3].exists() and not left[4].exists()
    with trial("leftovers of dead runs: the next run"):
        assert run(*SCORE, cwd=scored_home).code == 0
        assert not left[1].exists()


def test_a_spill_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    from leadline.core.leftovers import ScratchFolder

    mine = ScratchFolder("leadline-spill-")
    sweep_scratch()
    assert Path(mine.name).is_dir()
    mine.cleanup()


def test_a_home_moved_without_the_list_of_the_forgotten_reads_nothing(
    scored_home: Path, run, trial, tmp_path: Path
) -> None:
    night = next((scored_home / "scores/demo").glob("as_of=*"))
    lead = pq.read_table(night / "scores.parquet")["lead_id"][0].as_py()
    assert run("forget", "demo.yaml", "--lead", lead, cwd=scored_home).code == 0
    for name, without in {"all by the book": (), "without the list": ("scores/forgotten.json",), "models alone": ("scores",), "nights alone": ("scores/forgotten.json", "models/demo/forgotten-list.json")}.items():  # fmt: skip
        moved = Path(shutil.copytree(scored_home, tmp_path / name))
        shutil.rmtree(moved / ".leadline", ignore_errors=True)
        for part in without:
            shutil.rmtree(moved / part) if (moved / part).is_dir() else (moved / part).unlink()
        with trial("a home moved without the list"):
            done = run(*SCORE, cwd=moved)
            if without:
                assert done.code == 65 and "scores/forgotten.json" in done.sentence
            else:
                assert done.code == 0, done.err
                kept = pq.read_table(next((moved / "scores/demo").glob("as_of=*")) / "scores.parquet")
                assert lead not in kept["lead_id"].to_pylist()


def test_a_list_of_an_older_leadline_is_read_and_moves_to_the_outputs(scored_home: Path, run) -> None:
    assert run("forget", "demo.yaml", "--lead", "L000001", cwd=scored_home).code == 0
    (scored_home / ".leadline").mkdir(exist_ok=True)
    (scored_home / "scores/forgotten.json").rename(scored_home / ".leadline/forgotten.json")
    assert run(*SCORE, cwd=scored_home).code == 0
    assert run("forget", "demo.yaml", "--lead", "L000002", cwd=scored_home).code == 0
    assert not (scored_home / ".leadline/forgotten.json").exists()
    assert len(json.loads((scored_home / "scores/forgotten.json").read_text())["leads"]) == 2


def test_what_tells_of_people_is_for_its_owner_alone(scored_home: Path, run, trial) -> None:
    assert run(*SCORE, "--out", "one/o.csv", cwd=scored_home).code == 0
    with inside(scored_home):
        for place in ("scores", "sent", "one", "backtests", ".leadline"):
            for path in [Path(place), *Path(place).rglob("*")]:
                if not path.name.endswith(".lock"):
                    with trial("files that tell of people: 0600, folders 0700"):
                        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    config = scored_home / "demo.yaml"
    config.write_text(config.read_text().replace("track: false", "track: false, access: group"))
    assert run(*SCORE, "--out", "two/o.csv", cwd=scored_home).code == 0
    modes = {
        name: stat.S_IMODE((scored_home / name).stat().st_mode) for name in ("two", "two/o.csv", "two/o.csv.night.json")
    }
    assert modes == {"two": 0o750, "two/o.csv": 0o640, "two/o.csv.night.json": 0o640}


def test_a_folder_that_is_swept_before_it_is_open_is_made_again(tmp_path: Path) -> None:
    """Another process's sweep may come between making and opening."""
    made: list[Path] = []

    def make() -> Path:
        made.append(tmp_path / str(len(made)))
        if len(made) > 2:
            made[-1].mkdir()
        return made[-1]

    folder, handle = leftovers.opened(make)
    os.close(handle)
    assert folder == made[2] and folder.is_dir()
    with pytest.raises(FileNotFoundError):
        leftovers.opened(lambda: Path(tempfile.mkdtemp(dir=tmp_path / "no-such")))

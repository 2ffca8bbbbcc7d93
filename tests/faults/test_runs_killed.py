"""kill -9 of whole runs of ``score`` and ``train``, at moments spread over all of their time.

What stands afterwards is old or new, never half; the same command run again succeeds, and sweeps what was left.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leadline.core.files import write_sums
from leadline.delivery.folder_sink import is_intact
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from projects import KNOWN_AT, NIGHT, inside

URI = "sqlite:///mlflow.db"
KILLED = -9
NIGHTLY = "\nnightly: {track: %s, changed: true, deliver: [{to: hubspot, folder: sent}]}\n"


def moments(seconds: float, times: int, seed: int) -> list[float]:
    """One moment in each equal part of a run's time."""
    draw = random.Random(seed)
    return [seconds * (n + draw.random()) / times for n in range(times)]


def night_of(home: Path) -> tuple[str, str, str]:
    """Say whose rows stand as the night, as what changed, and as what was sent; each must be whole."""
    (place,) = (home / "scores/demo").glob("as_of=*")
    record = json.loads((place / "night.json").read_text())
    assert is_intact(place, record)
    rows = pq.ParquetFile(place / "scores.parquet").read()
    assert rows.num_rows == record["leads"] > 20
    (version,) = set(rows["model_version"].to_pylist())
    assert version == record["model_version"]
    models = {json.loads(line)["model"] for line in (place / "handoffs.jsonl").read_text().splitlines()}
    assert models == {f"demo {version}"}
    (sent,) = (home / "sent").glob("as_of=*")
    told = json.loads((sent / "night.json").read_text())
    assert is_intact(sent, told)
    return version, record["run_id"], str(told["model_version"])


def leftovers(*places: Path) -> list[str]:
    return [str(p) for place in places for p in place.rglob(".staging-*")]


def kill_score(home: Path, run, trial, times: int, track: bool) -> Counter[str]:
    """Let two versions write the same night in turn, and kill each at a moment of its run."""
    (home / "demo.yaml").write_text((home / "demo.yaml").read_text() + NIGHTLY % str(track).lower())
    shutil.copytree(home / "models/demo/1", home / "models/demo/2")
    words = [["score", "demo.yaml", "--as-of", NIGHT, "--model", f"models/demo/{v}", "--force"] for v in "12"]
    took = max(run.seconds(*words[0], cwd=home) for _ in range(2))
    expected = pq.ParquetFile(next((home / "scores/demo").glob("as_of=*")) / "scores.parquet").read()
    seen: Counter[str] = Counter()
    stands = "1"
    for number, moment in enumerate(moments(took, times, 7)):
        new = "21"[number % 2]
        with trial("kill -9 of score"):
            done = run(*words[int(new) - 1], cwd=home, after=moment)
            assert done.code in (0, KILLED), done.err
            version, _, _ = night_of(home)
            assert version in (stands, new) and (done.code == KILLED or version == new)
            seen[f"{'killed' if done.code else 'ended'}, {'new' if version == new else 'old'}"] += 1
            stands = version
    with trial("kill -9 of score: the run after it"):
        assert run(*words[0], cwd=home).code == 0
        assert night_of(home)[0] == night_of(home)[2] == "1"
        rows = pq.ParquetFile(next((home / "scores/demo").glob("as_of=*")) / "scores.parquet").read()
        assert rows.equals(expected)
        assert leftovers(home) == []
    return seen


def test_a_score_killed_a_few_times_leaves_the_old_night_or_the_new(tiny_home: Path, run, trial) -> None:
    seen = kill_score(tiny_home, run, trial, 12, track=False)
    assert seen["killed, old"] >= 3


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_score_killed_over_a_hundred_times_leaves_the_old_night_or_the_new(tiny_home: Path, run, trial) -> None:
    seen = kill_score(tiny_home, run, trial, 150, track=True)
    assert seen["killed, old"] + seen["killed, new"] >= 100 and seen["killed, new"] >= 1


def check_registry(home: Path) -> int:
    """Each version's folder is whole; what an alias means is there; what MLflow has registered can be fetched whole."""
    with inside(home):
        versions = [p for p in Path("models/demo").iterdir() if p.name.isdigit()]
        for folder in versions:
            assert read_bundle(folder).scorer.recipe is not None
        named = tracking.aliases(URI, "demo")
        assert "champion" in named
        assert {str(v) for v in named.values()} <= {p.name for p in versions}
        newest = tracking.newest_version(URI, "demo")
        for number in range(1, newest + 1):
            assert tracking.fetch_bundle(URI, "demo", str(number)).is_dir()
        return len(versions)


def kill_train(home: Path, run, trial, times: int) -> Counter[str]:
    words = ["train", "demo.yaml", "--as-of", KNOWN_AT]
    took = run.seconds(*words, cwd=home)
    seen: Counter[str] = Counter()
    count = check_registry(home)
    for moment in moments(took, times, 11):
        with trial("kill -9 of train"):
            done = run(*words, cwd=home, after=moment)
            assert done.code in (0, KILLED), done.err
            there = check_registry(home)
            assert there in (count, count + 1) and (done.code == KILLED or there == count + 1)
            seen[f"{'killed' if done.code else 'ended'}, {'new' if there > count else 'old'}"] += 1
            count = there
    with trial("kill -9 of train: the run after it"):
        done = run(*words, cwd=home)
        assert done.code == 0, done.err
        assert check_registry(home) == count + 1
        assert leftovers(home / "models", home / "backtests") == []
        assert run("score", "demo.yaml", "--as-of", NIGHT, "--quiet", cwd=home).code == 0
    return seen


def test_a_training_killed_a_few_times_leaves_no_half_of_a_version(tiny_home: Path, run, trial) -> None:
    assert kill_train(tiny_home, run, trial, 4)["killed, old"] >= 2


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_training_killed_over_a_hundred_times_leaves_no_half_of_a_version(tiny_home: Path, run, trial) -> None:
    seen = kill_train(tiny_home, run, trial, 130)
    assert seen["killed, old"] + seen["killed, new"] >= 100


def two_at_once(home: Path, run, trial, times: int) -> Counter[tuple[int, ...]]:
    """Start two runs of the same night by two versions; each ends done or with "try again", and the night is whole."""
    (home / "demo.yaml").write_text((home / "demo.yaml").read_text() + NIGHTLY % "false")
    bundle = shutil.copytree(home / "models/demo/1", home / "models/demo/2")
    write_sums(bundle)
    words = [["score", "demo.yaml", "--as-of", NIGHT, "--model", f"models/demo/{v}", "--force"] for v in "12"]
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(times):
        with trial("two scorers at once"):
            both = run.together(words, cwd=home)
            codes = tuple(sorted(done.code for done in both))
            assert codes in ((0, 75), (0, 0)), [done.err for done in both]
            for done in both:
                assert done.code == 0 or "another leadline run holds it" in done.sentence
            version, _, sent = night_of(home)
            assert version == sent
            assert codes == (0, 0) or both[int(version) - 1].code == 0
            seen[codes] += 1
    assert leftovers(home) == []
    return seen


def test_of_two_scorers_at_once_one_writes_and_the_other_tries_again(tiny_home: Path, run, trial) -> None:
    assert two_at_once(tiny_home, run, trial, 6)[(0, 75)] >= 4


@pytest.mark.long
def test_of_two_scorers_a_hundred_times_at_once_one_writes(tiny_home: Path, run, trial) -> None:
    assert two_at_once(tiny_home, run, trial, 100)[(0, 75)] >= 80

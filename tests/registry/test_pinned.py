"""A registry that is down: the night takes the champion that was pinned, says so, and never another bundle."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from forked import Forks
from leadline.core.files import write_sums
from leadline.errors import MissingError, RetryError
from leadline.registry import pinned
from leadline.registry.bundle import read_bundle
from leadline.registry.tracking import require_reachable
from projects import NIGHT

HERE = "sqlite:///mlflow.db"
DOWN = "http://someone:hunter2@127.0.0.1:9"
CHAMPION = "models:/demo@champion"


@pytest.fixture
def pin(home: Path) -> Path:
    """A home whose champion is pinned, as a finished night leaves it."""
    bundle, said = pinned.find_bundle(CHAMPION, HERE)
    assert said == ""
    pinned.pin_bundle(CHAMPION, bundle)
    return home / "models/demo/champion.json"


def test_the_pinned_champion_stands_in_and_is_told(pin: Path) -> None:
    bundle, said = pinned.find_bundle(CHAMPION, DOWN)
    assert (bundle.name, bundle.version) == ("demo", "1")
    assert "the registry doesn't answer" in said and "demo 1" in said


def test_remembering_again_writes_nothing(pin: Path) -> None:
    before = pin.stat().st_mtime_ns
    pinned.pin_bundle(CHAMPION, read_bundle(Path("models/demo/1")))
    assert pin.stat().st_mtime_ns == before
    pin.unlink()
    for reference in ("models/demo/1", "models:/demo/1"):
        pinned.pin_bundle(reference, read_bundle(Path("models/demo/1")))
    assert not pin.exists()


def forge(home: Path) -> None:
    """Put another sound bundle in the pinned one's place."""
    manifest = json.loads((home / "models/demo/1/manifest.json").read_text())
    (home / "models/demo/1/manifest.json").write_text(json.dumps({**manifest, "run_id": "another"}))
    write_sums(home / "models/demo/1")


@pytest.mark.parametrize("damage", [
    forge,
    lambda home: (home / "models/demo/1/model.txt").write_text("tree"),
    lambda home: (home / "models/demo/1/SHA256SUMS").unlink(),
])  # fmt: skip
def test_a_bundle_that_is_not_the_pinned_one_is_never_used(pin: Path, home: Path, damage) -> None:
    damage(home)
    with pytest.raises(RetryError, match="isn't the one that was pinned"):
        pinned.find_bundle(CHAMPION, DOWN)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "../../x", "sha256": "0"}', '{"version": 1}'])
def test_a_pin_that_is_none_is_none(pin: Path, text: str) -> None:
    pin.write_text(text)
    with pytest.raises(RetryError, match="can't be reached") as refusal:
        pinned.find_bundle(CHAMPION, DOWN)
    assert "hunter2" not in str(refusal.value)


def test_only_an_alias_is_pinned_and_only_silence_is_answered_by_it(pin: Path) -> None:
    with pytest.raises(RetryError):
        pinned.find_bundle("models:/demo/1", DOWN) if not Path("models/demo/1").exists() else pinned.find_bundle(
            "models:/demo@other", DOWN
        )
    with pytest.raises(MissingError):
        pinned.find_bundle(CHAMPION, "sqlite:///another.db")


def aimed(home: Path, port: int) -> None:
    config = home / "demo.yaml"
    config.write_text(config.read_text().replace(HERE, f"http://someone:hunter2@127.0.0.1:{port}"))


def test_a_black_hole_is_told_within_four_seconds_and_who_answers_anything_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(RetryError, match="no answer"):
            require_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 5


def test_a_night_with_a_black_holed_registry_ends_with_the_pinned_champion_in_time(
    pin: Path, home: Path, forking: Forks
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aimed(home, silent.getsockname()[1])
        done = forking("score", "demo.yaml", "--as-of", NIGHT, "--log", "json", cwd=home)
    assert done.code == 0, done.err
    lines = [json.loads(text) for text in done.err.splitlines()]
    line = lines[-1]
    assert "the registry doesn't answer" in line["warning"] and lines[0]["stage"] == line["warning"]
    assert lines[0]["seconds"] < 10
    record = json.loads(next((home / "scores/demo").rglob("night.json")).read_text())
    assert "the registry doesn't answer" in record["registry"] and record["run_id"] == line["run_id"]
    assert "hunter2" not in done.err + json.dumps(record)


def test_a_night_is_a_run_in_mlflow_and_none_is_lost_when_that_fails(home: Path, forking: Forks) -> None:
    from leadline.registry import tracking

    done = forking("score", "demo.yaml", "--as-of", NIGHT, "--quiet", "--json", cwd=home)
    assert done.code == 0 and done.err == ""
    told = done.json()
    assert (home / "models/demo/champion.json").is_file()
    with tracking._client(HERE) as (_, client):
        (run,) = client.search_runs(
            [client.get_experiment_by_name("demo").experiment_id], "tags.`leadline.night` != ''"
        )
    assert run.data.metrics["leads"] == told["leads"] and run.data.tags["night.run_id"] == told["run_id"]
    assert run.info.status == "FINISHED" and {"seconds_reading", "tier_A", "drift_training"} <= set(run.data.metrics)

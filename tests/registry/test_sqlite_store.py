"""A night logged without MLflow's client leaves what the client leaves, row for row; what isn't known is the client's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import MissingError
from leadline.registry import sqlite_store, tracking
from leadline.registry.scoring_runs import log_scoring_run
from projects import inside

URI = "sqlite:///mlflow.db"
NIGHT = {
    "as_of": "2025-06-23T00:00:00Z", "leads": 9, "mean_probability": 0.25, "handoffs": 2, "tiers": {"A": 1, "B": 8}, "seconds": {"reading": 1.5},
    "drift": {"training": 0.01, "the night before": float("nan")}, "suppressed": {"leads": 3}, "model_age_days": None, "model_name": "demo",
    "model_version": "1", "config_hash": "f" * 64, "run_id": "abc", "leadline": "0.1.0",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose store MLflow's client made, with a registered model and its alias."""
    folder = tmp_path_factory.mktemp("store")
    with inside(folder):
        with tracking.open_run(URI, "demo", "", "first"):
            pass
        with tracking._client(URI) as (_, client):
            client.create_registered_model("demo")
            client.create_model_version("demo", "somewhere")
            client.set_registered_model_alias("demo", "champion", "1")
        yield folder


@pytest.fixture(autouse=True)
def there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def logged(monkeypatch: pytest.MonkeyPatch, by_client: bool) -> dict[str, list[dict[str, Any]]]:
    """Log the night; return what that added to each table of the store."""
    before = tables()
    with monkeypatch.context() as patched:
        if by_client:
            patched.setattr(sqlite_store, "SCHEMAS", frozenset())
        else:
            patched.setattr(tracking, "_client", None)
        log_scoring_run(URI, "demo", NIGHT)
    return {name: [row for row in rows if row not in before[name]] for name, rows in tables().items()}


def tables() -> dict[str, list[dict[str, Any]]]:
    with sqlite3.connect("mlflow.db") as store:
        store.row_factory = sqlite3.Row
        names = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in store.execute(f"SELECT * FROM {name}")] for name in names}


def without_its_own(added: dict[str, list[dict[str, Any]]], run: dict[str, Any]) -> dict[str, list[str]]:
    """Write the rows without a run's id and instants."""
    own = {"start_time", "end_time", "timestamp", "run_uuid"}

    def text(row: dict[str, Any]) -> str:
        return repr(sorted((k, v) for k, v in row.items() if k not in own)).replace(run["run_uuid"], "RUN")

    # The client's open run bears the name of its process, so that a dead one's is ended; what is written whole needs none.
    return {
        name: sorted(map(text, [row for row in rows if row.get("key") != tracking.TOKEN]))
        for name, rows in added.items()
    }


def test_a_night_logged_without_the_client_is_the_clients_row_for_row(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = logged(monkeypatch, by_client=False), logged(monkeypatch, by_client=True)
    runs = [added["runs"][0] for added in (ours, theirs)]
    assert len(ours["runs"]) == len(theirs["runs"]) == 1
    assert without_its_own(ours, runs[0]) == without_its_own(theirs, runs[1])
    texts = [(Path(run["artifact_uri"]) / "night.json").read_text() for run in runs]
    assert texts[0] == texts[1] and json.loads(texts[0])["leads"] == 9
    for run in runs:
        assert run["end_time"] >= run["start_time"] > 1_600_000_000_000


def test_the_client_reads_what_was_written_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = logged(monkeypatch, by_client=False)["runs"][0]["run_uuid"]
    with tracking._client(URI) as (_, client):
        found = client.get_run(run)
        assert found.info.status == "FINISHED" and found.info.run_name == f"night {NIGHT['as_of']}"
        assert found.data.metrics["leads"] == 9 and "model_age_days" not in found.data.metrics
        assert "drift_the_night_before" not in found.data.metrics  # no number
        assert found.data.tags["night.run_id"] == "abc"
        assert [f.path for f in client.list_artifacts(run)] == ["night.json"]


def test_an_alias_is_read_without_the_client_and_a_missing_one_refused_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingError, match="demo@nobody"):
        tracking.version_of(URI, "demo", "nobody")
    monkeypatch.setattr(tracking, "_client", None)
    assert tracking.version_of(URI, "demo", "champion") == "1"


@pytest.mark.parametrize("change", ["UPDATE alembic_version SET version_num = 'another'", "DROP TABLE alembic_version"])
def test_a_store_of_another_schema_is_left_to_the_client(change: str, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(Path("mlflow.db").read_bytes())
    assert sqlite_store.alias_version(other, "demo", "champion") == "1"
    with sqlite3.connect(other) as store:
        store.execute(change)
    before = other.read_bytes()
    assert sqlite_store.alias_version(other, "demo", "champion") is None
    assert not sqlite_store.log_finished_run(other, "demo", "night", {}, [], ("night.json", {}))
    assert other.read_bytes() == before


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    there = sorted(Path("mlruns").rglob("*"))
    twice = [("leads", 1.0), ("leads", 2.0)]  # a run's newest figure of a name is one: the store refuses two
    assert not sqlite_store.log_finished_run(Path("mlflow.db"), "demo", "n", {}, twice, ("night.json", {}))
    assert not sqlite_store.log_finished_run(Path("mlflow.db"), "no such experiment", "n", {}, [], ("night.json", {}))
    assert sorted(Path("mlruns").rglob("*")) == there


def test_settings_of_mlflows_own_are_for_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    assert tracking.clientless_file(URI) == Path("mlflow.db")
    monkeypatch.setenv("MLFLOW_RUN_ID", "a" * 32)
    assert tracking.clientless_file(URI) is None
    assert tracking.clientless_file("http://127.0.0.1:9") is None

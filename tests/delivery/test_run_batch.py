"""A night's way into its place: what is finished stays, what is beside it fits it, and what is old goes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from leadline.config.scoring import Nightly
from leadline.core.files import locked
from leadline.delivery.batch import ScoredBatch, ScoringRequest, ScoringRun
from leadline.delivery.folder_sink import finished_runs
from leadline.delivery.run_batch import run_scoring
from leadline.delivery.sink_urls import open_sink
from leadline.errors import ConfigError, DataError, OutputError, RetryError, UsageError
from leadline.registry.bundle import Bundle, read_bundle
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores
from nights import DAY

FIRST = 20_000 * DAY


@pytest.fixture(scope="module")
def bundle(trained_home: Any) -> Bundle:
    return read_bundle(trained_home[0] / "models" / "demo" / "1")


@pytest.fixture
def run(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScoringRun]:
    """Run a night of a few leads, each with its probability; tiers are the model's names, from .5 down."""
    monkeypatch.chdir(tmp_path)

    def night(as_of: int = FIRST, p: tuple[float, ...] = (0.6, 0.2), out: str | None = None, hash_: str = "h", facts: Any = None, **more: Any) -> ScoringRun:  # fmt: skip
        options = {name: more.pop(name) for name in ("again", "wait", "run_id") if name in more}
        order = ScoringRequest(
            bundle, as_of, True, open_sink(out, "demo"), Nightly.model_validate(more), hash_, **options
        )
        tiers = [bundle.scorer.bands.names[0 if value >= 0.5 else -1] for value in p]
        scores = Scores(
            np.array([f"L{i}" for i in range(len(p))], dtype=object), np.full(len(p), None, dtype=object), as_of, True,
            np.array(p), np.array(tiers, dtype=object), np.full((len(p), 5), "why", dtype=object), "demo", "1", np.full(len(p), np.nan),
        )  # fmt: skip
        return run_scoring(order, lambda before: ScoredBatch(scores, facts=facts or {}))

    return night


def record_of(done: ScoringRun) -> dict[str, Any]:
    return dict(json.loads((Path(done.place) / "night.json").read_text()))


def test_another_config_scores_the_night_anew_and_so_does_a_damaged_one(run: Callable[..., ScoringRun]) -> None:
    assert [run().state, run().state, run(hash_="other").state, run(hash_="other").state] == [
        "written",
        "done",
        "written",
        "done",
    ]
    place = Path(run(hash_="other", again=True).place)
    for name in ("scores.parquet", "handoffs.jsonl"):
        path = place / name
        path.write_bytes(path.read_bytes()[:-9])
        assert [run(hash_="other").state, run(hash_="other").state] == ["written", "done"]
        path.unlink()
        assert [run(hash_="other").state, run(hash_="other").state] == ["written", "done"]


def test_a_config_made_in_python_without_a_hash_is_never_taken_for_done(run: Callable[..., ScoringRun]) -> None:
    assert [run(hash_="").state, run(hash_="").state] == ["written", "written"]


@pytest.mark.parametrize("out", [None, "a.csv", "b.parquet"])
def test_what_stands_is_read_back_as_scores(run: Callable[..., ScoringRun], out: str | None) -> None:
    made, done = run(out=out), run(out=out)
    assert done.state == "done"
    for name in ("lead_id", "probability", "tier", "reasons"):
        assert getattr(done.scores, name).tolist() == getattr(made.scores, name).tolist()
    assert done.lines()[0].startswith("already done: 2 leads")


def test_a_file_has_its_record_beside_it_and_holds_one_night(run: Callable[..., ScoringRun]) -> None:
    run(out="a.csv")
    assert json.loads(Path("a.csv.night.json").read_text())["leads"] == 2
    assert run(FIRST + DAY, out="a.csv").state == "written"
    assert run(out="a.csv").state == "written"


def test_who_waits_gets_the_lock(run: Callable[..., ScoringRun]) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(Path("scores/demo/.lock")):
            held.set()
            release.wait(20)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(5)
    with pytest.raises(RetryError, match="another leadline run"):
        run(wait=0.1)
    threading.Timer(0.2, release.set).start()
    assert run(wait=20.0).state == "written"
    other.join()


def test_the_delta_lies_beside_the_full_night_with_the_probability_before(run: Callable[..., ScoringRun]) -> None:
    plan = {"changed": True, "deliver": [{"to": "salesforce", "folder": "sf", "changed": True}]}
    run(p=(0.6, 0.2, 0.3, 0.1), **plan)
    second = run(FIRST + DAY, p=(0.6, 0.7, 0.301), **plan)
    delta = pq.ParquetFile(Path(second.place) / "changes.parquet").read()
    assert delta.select(["lead_id", "previous_probability", "change"]).to_pylist() == [
        {"lead_id": "L1", "previous_probability": 0.2, "change": "tier"},
        {"lead_id": "L3", "previous_probability": 0.1, "change": "gone"},
    ]
    assert record_of(second)["changes"] == {"gone": 1, "tier": 1} and record_of(second)["handoffs"] == 1
    assert second.record["delivered"][0]["rows"] == 1
    assert pq.ParquetFile(Path(second.place) / "scores.parquet").metadata.num_rows == 3
    with pytest.raises(UsageError, match="--write-changes"):
        run(changed=True, out="a.parquet")


def test_a_delivery_that_cannot_be_made_leaves_the_night_undone(run: Callable[..., ScoringRun]) -> None:
    Path("taken").write_text("a file")
    for folder, fields, error in (("taken/deep", {}, OutputError), ("d", {"colour": "c"}, ConfigError)):
        with pytest.raises(error):
            run(deliver=[{"to": "dynamics", "folder": folder, "fields": fields}])
    assert not list(finished_runs(Path("scores/demo"))) and not Path("d").exists()
    assert run(deliver=[{"to": "dynamics", "folder": "d"}]).state == "written"


def test_old_nights_go_and_the_newest_and_what_is_not_finished_stay(run: Callable[..., ScoringRun]) -> None:
    plan = {"deliver": [{"to": "hubspot", "folder": "hs"}]}
    places = [Path(run(FIRST + day * DAY, **plan).place) for day in range(4)]
    (places[1] / "night.json").unlink()  # somebody's half of a night
    Path("scores/demo/as_of=1999").mkdir()
    other = places[0].with_name("as_of=other")
    other.mkdir()
    for file in places[0].iterdir():
        text = file.read_bytes()
        (other / file.name).write_bytes(text.replace(b'"demo"', b'"name"') if file.name == "night.json" else text)
    assert run(FIRST + 5 * DAY, retention="2d", **plan).warnings == ()
    left = {p.name for p in Path("scores/demo").glob("as_of=*")}
    newest = "as_of=2024-10-09T00-00-00Z"
    assert left == {places[1].name, places[3].name, newest, "as_of=1999", "as_of=other"}
    assert {p.name for p in Path("hs").glob("as_of=*")} == {places[3].name, newest}
    run(FIRST + DAY * 900, retention="2d", **plan)
    run(FIRST, retention="2d", again=True, **plan)  # an old night scored again removes nothing newer
    assert FIRST + 900 * DAY in [record["as_of_value"] for _, record in finished_runs(Path("scores/demo"))]


def test_a_count_that_does_not_add_up_never_leaves_the_night(run: Callable[..., ScoringRun]) -> None:
    with pytest.raises(DataError, match="2 rows came of 4 open leads"):
        run(facts={"open_leads": 4, "suppressed": {"leads": 1}})
    assert run(facts={"open_leads": 3, "suppressed": {"leads": 1}}).state == "written"


def test_nobody_is_open_is_a_night_too(run: Callable[..., ScoringRun]) -> None:
    done = run(p=(), changed=True, deliver=[{"to": "salesforce", "folder": "sf"}, {"to": "handoffs", "folder": "hook"}])
    assert (done.record["leads"], done.record["mean_probability"], done.record["handoffs"]) == (0, None, 0)
    assert "no lead is open" in done.lines()[0]
    gone = run(FIRST + DAY, p=(0.2,), changed=True)
    assert gone.record["changes"] == {"new": 1}
    assert run(FIRST + 2 * DAY, p=(), changed=True).record["changes"] == {"gone": 1}


def test_the_record_tells_what_operations_ask_and_nobodys_name(run: Callable[..., ScoringRun]) -> None:
    record = record_of(run(run_id="a1", facts={"seconds": {"reading": 1.5}}))
    assert record["model_age_days"] > 0 or record["model_age_days"] < 0
    assert record["run_id"] == "a1" and set(record["seconds"]) == {"reading", "writing"}
    assert record["night_before"] == {"as_of": None, "leads": 0} and set(record["files"]) == {
        "scores.parquet",
        "handoffs.jsonl",
    }
    assert '"L0"' not in json.dumps(record)


def test_what_compute_is_given_is_the_night_before(bundle: Bundle, run: Callable[..., ScoringRun]) -> None:
    run(p=(0.6, 0.2))
    seen: list[PreviousScores] = []

    def compute(before: PreviousScores) -> ScoredBatch:
        seen.append(before)
        raise DataError("refused")

    with pytest.raises(DataError, match="refused"):
        run_scoring(ScoringRequest(bundle, FIRST + DAY, True, open_sink(None, "demo")), compute)
    assert dict(seen[0].probability) == {"L0": 0.6, "L1": 0.2} and seen[0].as_of == FIRST
    assert [record["as_of_value"] for _, record in finished_runs(Path("scores/demo"))] == [FIRST]

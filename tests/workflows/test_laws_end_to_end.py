"""The laws, from the tables on disk to the model's bytes and the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline import Config, score
from leadline.delivery.run_batch import ScoringRun
from leadline.registry.bundle import read_bundle
from leadline.workflows.common import parse_as_of
from leadline.workflows.scoring.inputs import scoring_features
from leadline.workflows.training.prepare import prepare_training
from leadline.workflows.training.train import TrainResult
from projects import KNOWN_AT, NIGHT, Tables, configured, cut, fitted, inside, leadline, poisoned, shuffled


@pytest.fixture(scope="module")
def models(trained_home: tuple[Path, TrainResult]) -> dict[str, str]:
    return {k: v for k, v in trained_home[1].scorer.to_files().items() if k != "tiers.json"}


def night(folder: Path, config: Config, bundle: Path, as_of: str = NIGHT) -> ScoringRun:
    with inside(folder):
        return score(config, as_of, str(bundle), "out.parquet")


def equal(a: ScoringRun, b: ScoringRun) -> bool:
    return bool(
        np.array_equal(a.scores.lead_id, b.scores.lead_id)
        and np.array_equal(a.scores.probability, b.scores.probability)
        and np.array_equal(a.scores.tier, b.scores.tier)
        and np.array_equal(a.scores.reasons, b.scores.reasons)
        and np.array_equal(a.scores.account_id, b.scores.account_id)
    )


@pytest.fixture(scope="module")
def bundle(trained_home: tuple[Path, TrainResult]) -> Path:
    return trained_home[0] / "models" / "demo" / "1"


@pytest.fixture(scope="module")
def on_the_whole_log(
    tmp_path_factory: pytest.TempPathFactory, demo_tables: Tables, bundle: Path
) -> tuple[Config, ScoringRun, Path]:
    folder = tmp_path_factory.mktemp("whole")
    config = configured(folder, demo_tables)
    return config, night(folder, config, bundle), folder


@pytest.mark.parametrize(
    ("change", "threads"),
    [
        pytest.param(lambda world: cut(world, KNOWN_AT), 1, id="the log is cut at T"),
        pytest.param(lambda world: poisoned(world, KNOWN_AT), 1, id="later rows are poisoned"),
        pytest.param(shuffled, 2, id="rows are shuffled and two threads are used"),
    ],
)
def test_the_model_is_the_same_to_the_byte_when(
    tmp_path: Path, demo_tables: Tables, models: dict[str, str], change, threads: int
) -> None:
    config = configured(tmp_path, change(demo_tables), lambda text: text.replace("threads: 1", f"threads: {threads}"))
    with inside(tmp_path):
        scorer, _ = fitted(config, KNOWN_AT)
    files = scorer.to_files()
    assert {k: v for k, v in files.items() if k in models} == models


def test_the_poison_bites_when_it_is_on_the_near_side_of_t(
    tmp_path: Path, demo_tables: Tables, trained_home: tuple[Path, TrainResult]
) -> None:
    config = configured(tmp_path, poisoned(demo_tables, "2025-01-01T00:00:00Z"))
    knowing = config.leaks.model_copy(update={"accept": {"LL308": "poisoned on purpose: later leads hardly convert"}})
    with inside(tmp_path):
        made = prepare_training(config.model_copy(update={"leaks": knowing}), parse_as_of(config, KNOWN_AT))
    honest = trained_home[1].prepared.features.values
    assert len(made.features) != len(honest) or not made.features.values.equals(honest)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda world: cut(world, NIGHT), id="on the day"),
        pytest.param(lambda world: poisoned(world, NIGHT), id="with a poisoned future"),
        pytest.param(shuffled, id="with rows in another order"),
    ],
)
def test_a_night_scores_the_same(tmp_path: Path, demo_tables: Tables, bundle: Path, on_the_whole_log, change) -> None:
    config = configured(tmp_path, change(demo_tables))
    assert equal(night(tmp_path, config, bundle), on_the_whole_log[1])
    accounts = (tmp_path / "out.accounts.parquet").read_bytes()
    assert accounts == (on_the_whole_log[2] / "out.accounts.parquet").read_bytes()


def test_a_night_replayed_gives_the_same_bytes(home: Path) -> None:
    first = score("demo.yaml", NIGHT)
    files = {p.name: p.read_bytes() for p in Path(first.place).iterdir()}
    assert set(files) == {
        "scores.parquet",
        "accounts.parquet",
        "contributions.parquet",
        "handoffs.jsonl",
        "night.json",
    }
    score("demo.yaml", NIGHT)
    assert {p.name: p.read_bytes() for p in Path(first.place).iterdir()} == files
    score("demo.yaml", NIGHT, again=True)
    again = {p.name: p.read_bytes() for p in Path(first.place).iterdir()}
    assert {**again, "night.json": b""} == {**files, "night.json": b""}  # which tells the time, too


def test_the_features_of_a_night_are_those_of_training_at_the_same_as_of(
    trained_home: tuple[Path, TrainResult], on_the_whole_log: tuple[Config, ScoringRun]
) -> None:
    folder, trained = trained_home
    past = trained.prepared.features
    moment = int(np.sort(np.unique(past.as_of))[-3])
    with inside(folder):
        manifest = read_bundle(folder / "models" / "demo" / "1").manifest
        made, _, _ = scoring_features(on_the_whole_log[0], past.specs, manifest["intents"], manifest["roles"], moment)
    mine = past.as_of == moment
    place = {lead: n for n, lead in enumerate(made.lead_id)}
    rows = [place[lead] for lead in past.lead_id[mine]]
    assert len(rows) > 100
    assert past.values[mine].reset_index(drop=True).equals(made.values.iloc[rows].reset_index(drop=True))
    assert past.account_id[mine].tolist() == made.account_id[rows].tolist()


def test_with_landmarks_every_open_lead_past_its_first_is_scored(
    tmp_path: Path, demo_tables: Tables, bundle: Path, on_the_whole_log: tuple[Config, ScoringRun]
) -> None:
    config = configured(
        tmp_path,
        demo_tables,
        lambda text: text.replace("snapshots: {every: 7d}", "snapshots: {after_creation: [2w, 4w]}"),
    )
    made = night(tmp_path, config, bundle)
    whole = on_the_whole_log[1].scores
    created = dict(
        zip(demo_tables["leads"]["lead_id"].to_pylist(), demo_tables["leads"]["created_at"].to_pylist(), strict=True)
    )
    old = {lead for lead in whole.lead_id if created[lead].timestamp() * 1e6 + 14 * 86_400e6 <= whole.as_of}
    assert 0 < len(old) < len(whole)
    assert set(made.scores.lead_id) == old
    known = dict(zip(whole.lead_id, whole.probability, strict=True))
    assert [known[lead] for lead in made.scores.lead_id] == made.scores.probability.tolist()


def test_a_night_never_changes_the_bundle(home: Path) -> None:
    before = {p: p.read_bytes() for p in Path("models/demo/1").rglob("*")}
    score("demo.yaml", NIGHT)
    assert {p: p.read_bytes() for p in Path("models/demo/1").rglob("*")} == before


def test_equal_probabilities_come_out_of_the_command_and_of_python(home: Path, on_the_whole_log) -> None:
    import pyarrow.parquet as pq

    assert leadline("score", "demo.yaml", "--as-of", NIGHT, "--out", "here.parquet", cwd=home).code == 0
    assert pq.read_table("here.parquet")["probability"].to_pylist() == on_the_whole_log[1].scores.probability.tolist()

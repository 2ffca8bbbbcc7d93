"""`leadline recalibrate`: the calibration alone is new, fitted on rows that the model never saw, and judged on the newest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import leadline
from forked import Forks
from leadline.cli.app import main
from leadline.errors import DataError
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from leadline.workflows.recalibrate import EACH, FEWEST, newly_labeled, unseen_from
from leadline.workflows.training.prepare import prepare_training

CONFIG = """
version: 1
name: flat
tables: {leads: {source: flat.csv, key: id, attributes: all}}
outcome: {column: won, positive: "yes"}
snapshots: {order_by: number}
backtest: {folds: 2, test: 0.2, ablation: false}
leaks: {experiments: false}
engine: {threads: 1}
tracking: {uri: "sqlite:///mlflow.db"}
"""
SAME = ("model.txt", "encoder.json", "linear.json", "recipe.json")


def write(n: int, moved_from: int = 2_000) -> None:
    """Write a world whose base rate falls from some row on."""
    draw = np.random.default_rng(3)
    visits, noise, chance = draw.poisson(4, 4_000), draw.normal(size=4_000), draw.uniform(size=4_000)
    margin = -1.5 + 0.35 * visits - 1.2 * (np.arange(4_000) >= moved_from)
    won = np.where(chance < 1 / (1 + np.exp(-margin)), "yes", "no")
    rows = {"id": [f"P{k}" for k in range(4_000)], "number": 1_000 + np.arange(4_000), "visits": visits, "noise": noise, "won": won}  # fmt: skip
    pacsv.write_csv(pa.table(rows).slice(0, n), "flat.csv")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A home whose champion knows the rows before the base rate fell."""
    folder = tmp_path_factory.mktemp("again")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("flat.yaml").write_text(CONFIG)
        write(2_000)
        leadline.train("flat.yaml")
        write(4_000)
    return folder


def test_a_flat_file_is_calibrated_anew_on_its_new_rows_and_wins_the_contest(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit) as end:
        main(["recalibrate", "flat.yaml", "--json", "--quiet"])
    assert not end.value.code
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["alias"], told["of"]) == ("2", "challenger", "1")
    old, new = read_bundle(Path("models/flat/1")), read_bundle(Path("models/flat/2"))
    assert all(old.files[name] == new.files[name] for name in SAME)
    assert old.files["calibrator.json"] != new.files["calibrator.json"]
    again = told["recalibration"]
    assert again == new.record("record.json")["recalibration"]
    assert again["rows"] == 2_000 and again["moved"] < -0.7
    assert again["rate_now"] < again["rate_then"] - 0.1 and again["gain_low"] > 0
    assert again["after"]["ece"] < 0.5 * again["before"]["ece"]
    assert again["fitted_on"] + again["judged"] == 2_000

    prepared = prepare_training(leadline.load_config("flat.yaml"), None, ask=(new.specs, {}, {}))
    values = prepared.asked.values if prepared.asked else None
    one, other = (bundle.scorer.probability(values) for bundle in (old, new))
    assert np.array_equal(np.argsort(one, kind="stable"), np.argsort(other, kind="stable"))  # the ranking stays
    assert (old.scorer.tiers(one) == new.scorer.tiers(other)).mean() > 0.999  # and so does each tier

    done = leadline.promote("flat.yaml")
    looks = [look.what for look in done.verdict.looks] if done.verdict else []
    assert done.version == "2" and looks == ["its calibration fitted again", "as exported"]
    with pytest.raises(DataError, match=f"0 leads with a positive outcome became known .* at least {FEWEST}"):
        leadline.recalibrate("flat.yaml")  # the new version has seen all rows


def test_a_model_without_news_is_not_calibrated_and_nothing_is_left(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    before = tracking.newest_version("sqlite:///mlflow.db", "flat")
    with pytest.raises(DataError, match="wait, or train anew"):
        leadline.recalibrate("flat.yaml", "3020", model="models/flat/1")
    assert tracking.newest_version("sqlite:///mlflow.db", "flat") == before


def test_with_dates_no_row_is_taken_that_the_model_may_have_been_fitted_on(trained_home, monkeypatch) -> None:
    folder, trained = trained_home
    monkeypatch.chdir(folder)
    config, bundle = leadline.load_config("demo.yaml"), read_bundle(folder / trained.folder)
    since = unseen_from(config, bundle)
    known = int(trained.prepared.loaded.known_at or 0)
    horizon = config.horizon.micros + config.outcome.delay.micros
    assert since + horizon == known + 1  # the first snapshot whose answer came after T
    assert int(trained.prepared.features.as_of.max()) < since
    # As if the model had been made 26 weeks before: the older side's answers are known when the newer side begins.
    early = since - 26 * 7 * 86_400_000_000
    parts = newly_labeled(config, trained.prepared, early)
    as_of, known_at = trained.prepared.features.as_of, trained.prepared.labels.known_at
    assert as_of[parts.rows].min() >= early
    assert known_at[parts.older].max() <= parts.starts_at <= as_of[parts.newer].min()
    for rows in (parts.older, parts.newer):
        hit = trained.prepared.labels.y[rows] == 1
        assert len(np.unique(trained.prepared.features.lead_id[rows][hit].astype(str))) >= EACH


def test_with_dates_too_little_that_ripened_is_refused_in_one_sentence(
    home: Path, trained_home, forking: Forks
) -> None:
    done = forking("recalibrate", "demo.yaml", cwd=trained_home[0])
    assert done.code == 65 and "expected at least" in done.sentence and "became known since" in done.sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "flat.yaml", "--model", "models/flat/1"], "--model"),
        (["recalibrate", "flat.yaml", "--tune", "3"], "--tune"),
        (["promote", "flat.yaml", "--rollback", "--version", "2"], "leave"),
    ],
)
def test_options_that_do_not_go_together_are_told(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and said in capsys.readouterr().err

"""MLflow: what a training leaves there, what it never does, and what happens when it doesn't answer."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forked import Forks
from leadline import score
from leadline.errors import DataError, MissingError, OutputError, RetryError
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from projects import CANARY, KNOWN_AT, LEADS, NIGHT, environment, inside

URI = "sqlite:///mlflow.db"


PICTURES = ("drivers", "calibration", "gains", "folds", "roc", "precision_recall", "confusion_matrix", "shap_summary")


@pytest.fixture(scope="module")
def run(trained_home) -> Any:
    with inside(trained_home[0]), tracking._client(URI) as (_, client):
        yield client.get_run(trained_home[1].run_id)


def test_a_run_has_the_configs_hash_and_what_the_model_was_made_of(run: Any, trained_home) -> None:
    folder, result = trained_home
    manifest = read_bundle(folder / "models/demo/1").manifest
    params = run.data.params
    assert run.info.status == "FINISHED"
    assert params["config_hash"] == manifest["config_hash"]
    assert params["known_at"] == KNOWN_AT and params["seed"] == "7" and params["horizon"] == "30d"
    assert params["snapshots.positive"] == str(result.prepared.counts.positive)
    assert params["rows.leads"] == str(result.prepared.loaded.rows["leads"])
    assert {"recipe.rounds", "recipe.anchored"} <= set(params)


def test_a_run_has_the_newest_folds_figures_and_every_folds_as_steps(run: Any, trained_home) -> None:
    folder, result = trained_home
    newest = result.evaluation.newest.figures
    metrics = run.data.metrics
    assert metrics["auc"] == newest["model"].auc
    assert metrics["log_loss"] == newest["model"].log_loss
    assert metrics["logistic.auc"] == newest["logistic"].auc and metrics["points.auc"] == newest["points"].auc
    with inside(folder), tracking._client(URI) as (_, client):
        steps = client.get_metric_history(run.info.run_id, "fold.model.auc")
        losses = client.get_metric_history(run.info.run_id, "curve.fold_1.log_loss")
    assert [(m.step, m.value) for m in steps] == [(f.number, f.figures["model"].auc) for f in result.evaluation.folds]
    assert len(losses) > 1 and min(m.value for m in losses) <= losses[0].value


def test_a_run_has_versions_and_the_git_revision_as_tags(run: Any) -> None:
    from importlib.metadata import version

    assert run.data.tags["version.lightgbm"] == version("lightgbm")
    assert run.data.tags["outcome"] == "sql"
    assert re.fullmatch(r"[0-9a-f]{40}|none", run.data.tags["git_revision"])


def test_a_run_has_a_dataset_for_each_table_by_digest(run: Any, trained_home) -> None:
    entries = {d.dataset.name: d.dataset for d in run.inputs.dataset_inputs}
    loaded = trained_home[1].prepared.loaded
    assert set(entries) == set(loaded.rows) >= {"leads", "events", "stages"}
    for name, entry in entries.items():
        assert entry.digest == loaded.fingerprints[name]
        assert json.loads(entry.source)["tags"]["rows"] == str(loaded.rows[name])


def test_a_run_has_the_bundle_and_the_evidence_as_artifacts(run: Any, trained_home) -> None:
    folder = trained_home[0]
    with inside(folder), tracking._client(URI) as (_, client):
        places = {a.path for top in ("bundle", "evidence") for a in client.list_artifacts(run.info.run_id, top)}
        mine = client.download_artifacts(run.info.run_id, "bundle")
    assert {"evidence/config.yaml", "evidence/record.json", "evidence/drivers.json"} <= places
    assert {f"evidence/{name}.png" for name in PICTURES} <= places and "evidence/confusion_matrix.json" in places
    assert read_bundle(Path(mine), "1").files == read_bundle(folder / "models/demo/1").files


def test_the_registered_version_has_a_description_and_the_first_is_champion(trained_home) -> None:
    folder, result = trained_home
    with inside(folder), tracking._client(URI) as (_, client):
        version = client.get_model_version_by_alias("demo", "champion")
    assert (str(version.version), version.run_id) == ("1", result.run_id)
    assert "trained on what was known at 2025-06-02" in version.description and "AUC" in version.description


def content(folder: Path) -> dict[str, bytes]:
    files = [folder / "mlflow.db", *(p for p in (folder / "mlruns").rglob("*") if p.is_file())]
    own = "/artifacts/code/leadline/"  # the package's modules, shipped with the model for serving
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if own not in p.as_posix()}


def test_no_leads_data_lies_in_mlflow_or_in_the_bundle(trained_home, demo_tables) -> None:
    folder = trained_home[0]
    accounts = demo_tables["accounts"]["account_id"].to_pylist()
    assert demo_tables["leads"]["job_title"].to_pylist().count(CANARY) == 5 and len(demo_tables["leads"]) == LEADS
    held = {**content(folder), **{str(p): p.read_bytes() for p in (folder / "models").rglob("*") if p.is_file()}}
    assert len(held) > 20
    for place, data in held.items():
        assert CANARY.encode() not in data, place
        assert not re.search(rb"\bL\d{6}\b", data), place
        assert not re.search(rb"\bE\d{6}\b", data), place
        assert not any(account.encode() in data for account in accounts[:50]), place


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_input_example_is_a_row_of_medians_that_the_model_takes(trained_home) -> None:
    folder, result = trained_home
    with inside(folder), tracking._client(URI) as (mlflow, _):
        model = mlflow.pyfunc.load_model("models:/demo@champion")
        example = model.input_example
        said = model.predict(example)
    values = result.prepared.features.values
    assert len(example) == 1 and list(example) == [spec.name for spec in result.prepared.features.specs]
    for spec in result.prepared.features.specs:
        told = example[spec.name].iloc[0]
        if spec.kind != "category":
            assert told == pytest.approx(float(np.nanmedian(values[spec.name].to_numpy(dtype=float))), nan_ok=True)
        elif told is not None:
            assert (values[spec.name] == told).sum() >= 20
    assert 0 < said["probability"].iloc[0] < 1


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_trees_alone_are_there_for_lightgbms_own_tools(trained_home) -> None:
    folder, result = trained_home
    with inside(folder), tracking._client(URI) as (mlflow, _):
        import mlflow.lightgbm

        trees = mlflow.lightgbm.load_model("models:/demo@champion")
    values = result.prepared.features.values.iloc[:50]
    scorer = result.scorer
    margin = trees.predict(scorer.encoder.tree(values), raw_score=True)
    whole = margin + scorer.recipe.share * scorer.logistic.margin(scorer.encoder.linear(values))
    assert np.allclose(whole, scorer.margin(values), atol=1e-9)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_the_confusion_matrix_is_that_of_the_newest_folds_predictions(trained_home) -> None:
    folder, result = trained_home
    with inside(folder), tracking._client(URI) as (_, client):
        told = json.loads(Path(client.download_artifacts(result.run_id, "evidence/confusion_matrix.json")).read_text())
    rows = pd.read_parquet(folder / "backtests/demo/1.parquet")
    newest = rows[rows.judged]
    cuts = json.loads((folder / "models/demo/1/tiers.json").read_text())
    scale = result.fitted.honest.rescaled
    assert [row["tier"] for row in told] == cuts["names"][:-1] and [row["minimum"] for row in told] == cuts["cuts"]
    p = newest.probability.map(scale)
    for row in told:
        hit = newest.weight[(p >= row["minimum"]) & (newest.y == 1)].sum()
        false = newest.weight[(p >= row["minimum"]) & (newest.y == 0)].sum()
        assert (row["true_positive"], row["false_positive"]) == pytest.approx((hit, false))
        assert sum(
            row[cell] for cell in ("true_positive", "false_positive", "false_negative", "true_negative")
        ) == pytest.approx(newest.weight.sum())


def test_telemetry_is_off_from_the_first_import() -> None:
    code = (
        "import os; os.environ.pop('MLFLOW_DISABLE_TELEMETRY', None); os.environ.pop('DO_NOT_TRACK', None)\n"
        "from leadline.registry import tracking\nwith tracking._client('sqlite:///x.db') as (mlflow, client):\n"
        "    from mlflow.telemetry.utils import is_telemetry_disabled\n    assert is_telemetry_disabled()\n"
        "    from mlflow.telemetry import get_telemetry_client\n    assert get_telemetry_client() is None\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd="/tmp", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_mlflow_serves_exactly_the_scorers_probabilities(trained_home) -> None:
    folder, result = trained_home
    values = result.prepared.features.values.iloc[:400].sample(frac=1, axis=1, random_state=0)
    with inside(folder), tracking._client(URI) as (mlflow, _):
        model = mlflow.pyfunc.load_model("models:/demo@champion")
        said = model.predict(values)
    assert list(said.columns) == ["probability"]
    assert np.array_equal(said["probability"].to_numpy(), result.scorer.probability(values))
    assert [c.name for c in model.metadata.signature.outputs] == ["probability"]
    assert set(model.metadata.signature.inputs.input_names()) == set(result.scorer.names)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_mlflow_takes_whole_numbers_as_a_csv_gives_them_and_names_what_lacks(trained_home) -> None:
    folder, result = trained_home
    values = result.prepared.features.values[list(result.scorer.names)].iloc[:200]
    whole = [name for name in values if values[name].dtype == float and (values[name] % 1 == 0).all()]
    as_read = values.astype(dict.fromkeys(whole, "int64"))
    assert len(whole) > 20
    with inside(folder), tracking._client(URI) as (mlflow, _):
        model = mlflow.pyfunc.load_model("models:/demo@champion")
        said = model.predict(as_read)
        with pytest.raises(DataError, match=f"features: {whole[0]} isn't there"):
            model.predict(values.drop(columns=[whole[0]]))
    assert np.array_equal(said["probability"].to_numpy(), result.scorer.probability(values))


def test_without_the_models_folder_the_bundle_comes_from_the_artifacts(home: Path) -> None:
    before = score("demo.yaml", NIGHT, out="a.parquet").scores
    shutil.rmtree("models")
    after = score("demo.yaml", NIGHT, out="b.parquet").scores
    assert np.array_equal(before.probability, after.probability) and np.array_equal(before.lead_id, after.lead_id)
    assert Path("a.parquet").read_bytes() == Path("b.parquet").read_bytes()


def test_a_version_that_leadline_did_not_log_is_told(home: Path) -> None:
    with tracking._client(URI) as (_, client):
        client.create_registered_model("stranger")
        client.create_model_version("stranger", source=str(home / "data"))
    with pytest.raises((MissingError, RetryError)):
        tracking.fetch_bundle(URI, "stranger", "1")


def seconds(forking: Forks, *words: str, cwd: Path) -> tuple[int, str, float]:
    began = time.monotonic()
    done = forking(*words, cwd=cwd)
    return done.code, done.sentence, time.monotonic() - began


def aimed(home: Path, port: int) -> None:
    config = home / "demo.yaml"
    config.write_text(config.read_text().replace("sqlite:///mlflow.db", f"http://someone:hunter2@127.0.0.1:{port}"))


def test_a_registry_that_refuses_says_try_again_within_ten_seconds(home: Path, forking: Forks) -> None:
    aimed(home, 9)
    code, sentence, took = seconds(forking, "score", "demo.yaml", "--as-of", NIGHT, cwd=home)
    assert code == 75 and took < 10
    assert "hunter2" not in sentence


def test_a_registry_that_never_answers_says_try_again_within_ten_seconds(home: Path, forking: Forks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        aimed(home, silent.getsockname()[1])
        code, _, took = seconds(forking, "promote", "demo.yaml", cwd=home)
    assert code == 75 and took < 10


def test_training_asks_the_registry_before_it_fits(home: Path, forking: Forks) -> None:
    aimed(home, 9)
    done = forking("train", "demo.yaml", "--as-of", KNOWN_AT, cwd=home)
    assert done.code == 75 and "fitting" not in done.err
    assert {p.name for p in (home / "models/demo").iterdir()} <= {"1", "1.refits.json", ".lock"}


def test_a_store_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("this is a diary, not a database " * 100)
    with pytest.raises(RetryError, match="can't be used"):
        tracking.aliases(f"sqlite:///{tmp_path}/bad.db", "demo")


def test_a_store_in_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError), tracking.open_run(f"sqlite:///{tmp_path}/file/mlflow.db", "e", "m", "r"):
        pass


MAKE = """
from leadline.registry import store_file, tracking
with tracking._client("sqlite:///other.db"):
    import mlflow.store.tracking.sqlalchemy_store
print("ready", flush=True)
store_file.make_store("sqlite:///mlflow.db")
"""


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.9])
def test_killed_while_the_store_is_made_the_next_run_can_make_it(tmp_path: Path, share: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", MAKE], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    try:
        process.wait(share * 2)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    database = tmp_path / "mlflow.db"
    if database.exists():
        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT COUNT(*) FROM alembic_version").fetchone() == (1,)
    with inside(tmp_path), tracking.open_run(URI, "demo", "demo", "again") as run:
        run.params({"a": "b"})
    assert not list(tmp_path.glob(".staging*"))

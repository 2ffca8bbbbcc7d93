"""The monitor from nights to advice: on a small world, with a holdout, drift, acceptance, a page and a run in MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forked import Forks
from leadline import load_config, monitor, score
from leadline.delivery.past_scores import read_past_runs
from leadline.errors import UsageError
from leadline.scoring.exploration import in_holdout
from leadline.workflows.monitor import MonitorResult
from projects import inside, settle

MODEL = "models/demo/1"
NIGHTS = ("2025-04-07", "2025-04-14", "2025-04-21", "2025-05-26")
AT = "2025-06-02T00:00:00Z"


@pytest.fixture(scope="module")
def season(trained_home: Any, tmp_path_factory: pytest.TempPathFactory, demo_tables: Any) -> tuple[Path, MonitorResult]:
    """A few nights with a holdout, and what the monitor says of them: for reading only."""
    import shutil

    folder = tmp_path_factory.mktemp("season")
    settle(folder, demo_tables)
    for name in ("models", "mlruns"):
        if (trained_home[0] / name).exists():
            shutil.copytree(trained_home[0] / name, folder / name)
    shutil.copy(trained_home[0] / "mlflow.db", folder)
    with (folder / "demo.yaml").open("a") as stream:
        stream.write("exploration: 25%\n")
    with inside(folder):
        config = load_config("demo.yaml")
        untracked = config.model_copy(update={"nightly": config.nightly.model_copy(update={"track": False})})
        for night in NIGHTS:
            score(untracked, night, MODEL)
        return folder, monitor(config, AT)


def test_the_holdout_is_the_same_every_night_and_marked(season: tuple[Path, MonitorResult]) -> None:
    folder, _ = season
    with inside(folder):
        rows, records = read_past_runs(Path("scores/demo"), "demo")
        nights = [pq.ParquetFile(p).read() for p in sorted(Path("scores/demo").glob("as_of=*/scores.parquet"))]
        config = load_config("demo.yaml")
    lead, held = (
        rows.column("lead_id").to_numpy(zero_copy_only=False),
        rows.column("is_holdout").to_numpy(zero_copy_only=False),
    )
    assert (in_holdout(lead, config.seed, 0.25) == held.astype(bool)).all()
    assert all(night.column_names[-1] == "is_holdout" for night in nights)
    for record in records:
        assert record["exploration"]["share"] == 0.25
        assert sum(record["exploration"]["tiers"].values()) == record["exploration"]["leads"]
    a, b = (set(zip(n["lead_id"].to_pylist(), n["is_holdout"].to_pylist(), strict=True)) for n in nights[:2])
    assert len({who for who, _ in a | b}) == len(a | b)


def test_the_record_tells_all_that_was_asked(season: tuple[Path, MonitorResult]) -> None:
    _, result = season
    told = result.to_record()
    json.dumps(told, allow_nan=False)
    assert told["nights"] == 3 and told["censored"] > 0 and told["flattered"] == 3  # this model was trained later
    assert told["auc_low"] < told["auc"] < told["auc_high"] and told["low"] < told["observed"] < told["high"]
    assert {s["by"] for s in told["segments"]["segments"]} >= {"tier", "source"}
    assert sum(b["rows"] for b in told["bands"]) == told["rows"] == sum(t["rows"] for t in told["tiers"])
    assert [v["version"] for v in told["versions"]] == ["1"]
    explored = told["exploration"]
    assert explored["holdout"]["rows"] + explored["rest"]["rows"] == told["rows"]
    lost = told["accepted"]
    assert sum(t["rejected"] for t in lost["tiers"]) > 0
    assert set(lost["reasons"]) <= {"no_budget", "bad_timing", "bad_fit", "bad_data", "competitor", "other"}
    drift = told["drift"]
    assert len(drift["features"]) > 20 and drift["score"]["psi"] >= 0
    assert not any(d["name"].startswith("rate_") for d in drift["features"])
    assert told["action"] in ("wait", "keep", "look", "recalibrate") and told["because"]


def test_it_fits_80_columns_a_page_and_a_run(season: tuple[Path, MonitorResult], forking: Forks) -> None:
    folder, result = season
    lead = pq.ParquetFile(next((folder / "scores/demo").glob("as_of=*/scores.parquet"))).read()["lead_id"][0].as_py()
    done = forking("monitor", "demo.yaml", "--as-of", AT, "--html", "m.html", "--quiet", cwd=folder)
    assert done.code == 0 and result.advice in " ".join(done.out.split("\n"))
    page = (folder / "m.html").read_text()
    assert all(f'id="{key}"' in page for key in ("advice", "held", "ranked", "sales", "drift", "holdout"))
    assert lead not in page + done.out
    from mlflow import MlflowClient

    with inside(folder):
        client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("demo") or client.search_experiments()[0]
        runs = client.search_runs([experiment.experiment_id], "tags.`leadline.monitor` != ''")
    assert runs and runs[0].data.metrics["rows"] == result.rows
    assert runs[0].data.metrics["auc"] == pytest.approx(result.auc)


def test_without_the_model_the_figures_stand_and_drift_says_why(
    season: tuple[Path, MonitorResult], tmp_path: Path
) -> None:
    folder, result = season
    with inside(folder):
        config = load_config("demo.yaml")
        away = config.tracking.model_copy(update={"uri": f"sqlite:///{tmp_path}/none.db"})
        (folder / "models").rename(folder / "away")
        try:
            told = monitor(config.model_copy(update={"tracking": away}), AT)
        finally:
            (folder / "away").rename(folder / "models")
    assert told.auc == result.auc and "can't be read (missing)" in told.told["drift"]["why"]


def test_a_page_needs_its_ending(season: tuple[Path, MonitorResult], forking: Forks) -> None:
    done = forking("monitor", "demo.yaml", "--html", "m.pdf", "--quiet", cwd=season[0])
    assert done.code == UsageError.exit_code and "ends in .html" in done.sentence

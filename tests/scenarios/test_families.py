"""Feature-family ablation, from the tables on disk to the run, the page and the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest

import leadline
from leadline.cli.console import Console
from leadline.registry.bundle import read_bundle
from leadline.workflows.training.train import TrainResult
from projects import KNOWN_AT, Tables, config_text, inside, quick, settle


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, demo_tables: Tables) -> tuple[Path, TrainResult]:
    """Train as the small home is, but with each family left out once."""
    folder = tmp_path_factory.mktemp("asked")
    with inside(folder):
        settle(folder, demo_tables, quick(config_text()).replace("ablation: false", "ablation: true"))
        return folder, leadline.train("demo.yaml", KNOWN_AT)


def test_a_run_tells_what_each_family_is_worth(asked: tuple[Path, TrainResult]) -> None:
    _, result = asked
    told = result.families
    assert [w.family for w in told] == list(dict.fromkeys(s.family for s in result.prepared.features.specs))
    assert sum(w.features for w in told) == len(result.prepared.features.specs)
    assert all(w.logloss_low <= w.logloss <= w.logloss_high and w.auc_low <= w.auc <= w.auc_high for w in told)
    assert any(w.logloss != 0 for w in told)


def test_record_metrics_and_artifact_hold_the_same_figures(asked: tuple[Path, TrainResult]) -> None:
    folder, result = asked
    wanted = [w.to_record() for w in result.families]
    bundle = read_bundle(folder / result.folder)
    assert bundle.run_record["ablation"] == wanted and bundle.record("record.json")["ablation"] is None
    with inside(folder):
        client = mlflow.MlflowClient(f"sqlite:///{(folder / 'mlflow.db').absolute()}")
        metrics = client.get_run(result.run_id).data.metrics
        kept = [Path(a.path).name for a in client.list_artifacts(result.run_id, "evidence")]
    assert "ablation.json" in kept
    for worth in result.families:
        assert metrics[f"ablation.{worth.family}.log_loss"] == worth.logloss
        assert metrics[f"ablation.{worth.family}.auc"] == worth.auc


def test_page_and_terminal_show_every_family(
    asked: tuple[Path, TrainResult], capsys: pytest.CaptureFixture[str]
) -> None:
    with inside(asked[0]):
        page = leadline.report("demo.yaml").page.read_text("utf-8")
    Console(quiet=True, log="text", as_json=False).trained(asked[1], verbose=True)
    out = capsys.readouterr().out
    Console(quiet=True, log="text", as_json=True).trained(asked[1])
    record = json.loads(capsys.readouterr().out)
    assert "Feature-family ablation" in page and "Feature-family ablation" in out
    for worth in asked[1].families:
        assert f"scope=row>{worth.family}</th>" in page
        assert f"\n{worth.family} " in out
    assert [w["family"] for w in record["ablation"]] == [w.family for w in asked[1].families]
    assert max(map(len, out[out.index("Feature-family ablation") : out.index("Feature importance")].splitlines())) <= 80


def test_switched_off_nothing_is_left_out_and_the_model_is_the_same(
    home: Path, trained_home: tuple[Path, TrainResult], asked: tuple[Path, TrainResult]
) -> None:
    result = trained_home[1]
    assert result.families == ()
    assert result.scorer.to_files() == asked[1].scorer.to_files()
    assert "This run made no ablation" in leadline.report("demo.yaml").page.read_text("utf-8")

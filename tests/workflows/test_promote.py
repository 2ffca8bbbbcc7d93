"""The contest in whole: a challenger made worse on purpose is refused, an equal one isn't, and each decision is kept."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import leadline
import projects
from leadline.cli.app import main
from leadline.errors import MissingError, PromotionRefused
from leadline.model.calibration.calibrator import Calibrator
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from leadline.workflows import promote
from leadline.workflows.common import no_progress
from leadline.workflows.promotion_data import unaccepted_findings
from leadline.workflows.training.fit import fit_model
from leadline.workflows.training.prepare import make_folds, prepare_training
from leadline.workflows.training.publish import publish
from leadline.workflows.training.record import build_run_record
from leadline.workflows.training.train import TrainResult

URI = "sqlite:///mlflow.db"
REGIONS = ("north", "south", "east", "west", "islands", "coast", "hills", "city")
CONFIG = """
version: 1
name: flat
tables: {leads: {source: SOURCE, key: id, attributes: all}}
outcome: {column: won, positive: "yes"}
snapshots: {order_by: number}
backtest: {folds: 2, test: 0.25, ablation: false}
leaks: {experiments: false}
engine: {threads: 1}
tracking: {uri: "sqlite:///mlflow.db"}
"""


def world(n: int = 4_000) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(11)
    visits, region = draw.poisson(4, n), draw.choice(REGIONS, n)
    margin = -2.4 + 0.35 * visits + np.where(region == "west", 1.0, 0.0)
    won = draw.uniform(size=n) < 1 / (1 + np.exp(-margin))
    return {"id": np.array([f"P{k}" for k in range(n)]), "number": 1_000 + np.arange(n), "visits": visits, "region": region, "won": won}  # fmt: skip


def settle(folder: Path, name: str, rows: dict[str, np.ndarray]) -> str:
    table = pa.table({**rows, "won": np.where(rows["won"], "yes", "no")})
    pacsv.write_csv(table, folder / f"{name}.csv")
    (folder / f"{name}.yaml").write_text(CONFIG.replace("SOURCE", f"{name}.csv"))
    return f"{name}.yaml"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    """A home with a champion that knows three quarters of the rows: for reading only."""
    folder = tmp_path_factory.mktemp("contest")
    with projects.inside(folder):
        return folder, leadline.train(settle(folder, "flat", world()), "4000")


@pytest.fixture
def champion(begun: tuple[Path, TrainResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainResult]:
    folder = tmp_path / "home"
    shutil.copytree(begun[0], folder)
    monkeypatch.chdir(folder)
    yield begun[1]


def train(champion: TrainResult, config: str) -> None:
    """Train on other rows and publish, without the minutes of judging: what is said of the champion stands for it."""
    asked = leadline.load_config(config)
    made = prepare_training(asked, None)
    fitted = fit_model(asked, made, make_folds(asked, made)[0], 0, no_progress)
    publish(fitted, champion.judgement, build_run_record(fitted, champion.judgement))


def refused(version: str) -> dict[str, Any]:
    """Hold the contest, which the challenger must lose; return the decision's record."""
    with pytest.raises(PromotionRefused, match="flat 1 stays the champion") as refusal:
        leadline.promote("flat.yaml")
    assert tracking.aliases(URI, "flat") == {"champion": "1", "challenger": version}
    assert tracking.tag_of(URI, "flat", version, promote.FORMER) is None
    record: dict[str, Any] = refusal.value.decision
    assert record == json.loads(Path("models/flat/decisions/0001.json").read_text())
    return record


def failed(record: dict[str, Any], look: int) -> set[str]:
    return {guard["name"] for guard in record["verdict"]["looks"][look]["guards"] if not guard["passed"]}


def test_an_equal_challenger_is_not_refused_and_its_promotion_can_be_taken_back(champion: TrainResult) -> None:
    leadline.train("flat.yaml")
    done = leadline.promote("flat.yaml")
    assert (done.version, done.former) == ("2", "1") and done.verdict is not None
    assert tracking.aliases(URI, "flat")["champion"] == "2"
    record = json.loads(done.record.read_text())
    assert record["outcome"] == "promoted" and record["cohort"]["snapshots"] == 1_000
    guards = [guard for look in record["verdict"]["looks"] for guard in look["guards"]] + record["verdict"]["guards"]
    assert all(guard["passed"] for guard in guards)
    assert {"latency", "leak gate", "segments: log loss"} <= {guard["name"] for guard in guards}
    assert logged("contest 2 against 1") == (record, done.record.with_suffix(".md").read_text())

    back = leadline.roll_back("flat.yaml")
    assert (back.version, back.former) == ("1", "2")
    assert tracking.aliases(URI, "flat") == {
        "champion": "1"
    }  # what was put back by hand isn't promoted by the next run
    assert json.loads(back.record.read_text())["outcome"] == "rolled back" and back.record.stem == "0002"
    with pytest.raises(MissingError, match="no champion was before it"):
        leadline.roll_back("flat.yaml")
    with pytest.raises(MissingError, match="no challenger"):
        leadline.promote("flat.yaml")


def logged(run_name: str) -> tuple[Any, str]:
    """Return a decision's record and text as MLflow holds them."""
    with tracking._client(URI) as (_, client):
        experiment = client.get_experiment_by_name("flat")
        (run,) = [r for r in client.search_runs([experiment.experiment_id]) if r.info.run_name == run_name]
        place = Path(str(run.info.artifact_uri).removeprefix("file://"))
    assert "challenger.log_loss" in run.data.metrics
    return json.loads((place / "decision.json").read_text()), (place / "decision.md").read_text()


def test_shuffled_labels_are_refused(champion: TrainResult) -> None:
    rows = world()
    rows["won"] = np.random.default_rng(5).permutation(rows["won"])
    train(champion, settle(Path(), "shuffled", rows))
    record = refused("2")
    assert "log loss" in failed(record, 1)
    assert record["verdict"]["looks"][1]["figures"]["challenger"]["auc"] < 0.6


def test_a_broken_segment_is_refused_and_its_level_stands_in_the_record_alone(champion: TrainResult) -> None:
    rows = world()
    rows["won"] = np.where(rows["region"] == "hills", ~rows["won"], rows["won"])
    train(champion, settle(Path(), "broken", rows))
    record = refused("2")
    assert "segments: log loss" in failed(record, 1) and "segments: calibration" in failed(record, 1)
    assert not failed(record, 0)  # the recipe is sound
    broken = [s for s in record["verdict"]["looks"][1]["segments"] if not s["passed"]]
    assert ("leads.region", "hills") in {(s["attribute"], s["level"]) for s in broken}
    assert "hills" not in record["reason"]


def spoil(champion: TrainResult, shift: float) -> str:
    """Publish the champion's twin with its calibration off by a shift."""
    line = champion.scorer.calibrator
    scorer = champion.scorer.with_calibrator(Calibrator(line.slope, line.shift + shift))
    twin = champion.fitted.with_scorer(scorer)
    return publish(twin, champion.judgement, build_run_record(twin, champion.judgement))[0]


def test_a_miscalibrated_twin_is_refused_by_the_command_with_79_and_the_record_on_stdout(
    champion: TrainResult, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spoil(champion, 1.0) == "2"
    with pytest.raises(SystemExit) as end:
        main(["promote", "flat.yaml", "--json", "--quiet"])
    told = capsys.readouterr()
    assert end.value.code == 79 and told.err.count("\n") == 1 and "0001.md" in told.err
    record = json.loads(told.out)
    assert record["outcome"] == "refused" and "calibration" in failed(record, 1) and not failed(record, 0)
    text = told.out + Path("models/flat/decisions/0001.md").read_text()
    assert not re.search(r"\bP\d+\b", text) and "4000" in text  # no lead, but the span


@pytest.mark.parametrize("dies_at", ["log_record", "set_tag", "set_alias"])
def test_a_promotion_that_dies_on_the_way_leaves_the_champion_and_can_be_run_again(
    champion: TrainResult, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    spoil(champion, 0.0)
    with monkeypatch.context() as killed:
        killed.setattr(promote, "hold_contest", sound)
        killed.setattr(tracking, dies_at, kill)
        with pytest.raises(KeyboardInterrupt):
            leadline.promote("flat.yaml")
    assert tracking.aliases(URI, "flat") == {"champion": "1", "challenger": "2"}
    with pytest.raises(MissingError, match="no champion was before it"):
        leadline.roll_back("flat.yaml")
    monkeypatch.setattr(promote, "hold_contest", sound)
    assert leadline.promote("flat.yaml").version == "2"
    assert leadline.roll_back("flat.yaml").version == "1"


def kill(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def sound(*_: Any) -> tuple[Any, dict[str, Any]]:
    from leadline.promotion.contest import ContestCohort, compare_models, decide_contest

    y = np.tile([1.0, 0.0, 0.0], 40)
    look = compare_models(ContestCohort(y, np.ones(120), np.arange(120)), np.full(120, 1 / 3), np.full(120, 1 / 3))
    return decide_contest([look], []), {"snapshots": 120}


def test_a_former_champion_whose_bundle_is_gone_is_not_put_back(champion: TrainResult) -> None:
    tracking.set_tag(URI, "flat", "1", promote.FORMER, "7")
    with pytest.raises(MissingError, match="models:/flat/7"):
        leadline.roll_back("flat.yaml")
    assert tracking.aliases(URI, "flat") == {"champion": "1"}
    assert not Path("models/flat/decisions").exists()


def test_an_acceptance_that_the_config_has_taken_back_is_told(champion: TrainResult) -> None:
    record = build_run_record(champion.fitted, champion.judgement)
    told = {"code": "LL209", "severity": "warning", "subject": "leads.visits", "seen": "fill follows the outcome", "expected": "none", "fix": "drop it", "accepted": "asked in the form"}  # fmt: skip
    publish(champion.fitted, champion.judgement, {**record, "findings": [told]})
    bundle, config = read_bundle(Path("models/flat/2")), leadline.load_config("flat.yaml")
    assert [f.code for f in unaccepted_findings(config, bundle)] == ["LL209"]
    accepted = (
        Path("flat.yaml").read_text().replace("{experiments: false}", "{experiments: false, accept: {LL209: asked}}")
    )
    Path("again.yaml").write_text(accepted)
    assert len(unaccepted_findings(leadline.load_config("again.yaml"), bundle)) == 0

"""Few outcomes: what is fitted, and that training, a night, an explanation and the page work on every rung of the ladder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import projects
from leadline import explain, load_config, report, score, train
from leadline.cli.console import Console
from leadline.core.checks import Severity
from leadline.delivery.run_batch import ScoringRun
from leadline.errors import DataError
from leadline.model.fitting.small_data import REGRESSION
from leadline.points.rules import rule_points
from leadline.workflows.training.train import TrainResult

RULE = "  - {when: {attribute: source, equals: webinar}, points: 7}\n"


@dataclass(frozen=True)
class Home:
    """A trained home, and one night."""

    folder: Path
    result: TrainResult
    night: ScoringRun
    printed: str


def few(world: projects.Tables, reached: int, others: int) -> projects.Tables:
    """Keep so many leads that reached SQL at all, and so many others, with all their rows."""
    stages = world["stages"].to_pandas()
    deep = sorted(set(stages[stages.stage.isin(["sql", "opportunity", "closed_won"])].lead_id))
    flat = sorted(set(world["leads"]["lead_id"].to_pylist()) - set(deep))
    draw = np.random.default_rng(5)
    kept = pa.array(sorted([*draw.choice(deep, reached, replace=False), *draw.choice(flat, others, replace=False)]))
    told = {
        name: world[name].filter(pc.is_in(world[name]["lead_id"], kept))
        for name in ("leads", "events", "stages", "opportunities", "history")
    }
    return {**world, **told, "merges": world["merges"].slice(0, 0)}


def without_rules(text: str) -> str:
    before, rules = text.split("\nrules:\n", 1)
    return before + "\n" + "\n".join(line for line in rules.splitlines() if not line.startswith("  - {when"))


def settled(folder: Path, world: projects.Tables, text: str) -> Path:
    return projects.settle(folder, world, text)


def trained(folder: Path, capture: pytest.CaptureFixture[str] | None = None) -> Home:
    with projects.inside(folder):
        result = train("demo.yaml", projects.KNOWN_AT)
        printed = ""
        if capture is not None:
            capture.readouterr()
            Console(True, "text", False).trained(result)
            printed = capture.readouterr().out
        return Home(folder, result, score("demo.yaml", projects.NIGHT), printed)


@pytest.fixture(scope="module")
def dozen(tmp_path_factory, demo_tables) -> Iterator[Home]:
    """About a dozen positive leads, and a points rule on an attribute beside those on behaviours."""
    folder = tmp_path_factory.mktemp("dozen")
    settled(folder, few(demo_tables, 24, 150), projects.config_text().replace("\nrules:\n", f"\nrules:\n{RULE}"))
    yield trained(folder)


def test_a_dozen_positive_leads_are_scored_by_base_rate_and_points_alone(dozen) -> None:
    fitted, scorer = dozen.result.fitted, dozen.result.scorer
    assert fitted.rung.name == "rules" and 5 <= fitted.rung.positive_leads < REGRESSION
    assert f"{fitted.rung.positive_leads} leads are positive" in fitted.rung.reason
    with projects.inside(dozen.folder):
        config = load_config("demo.yaml")
    today = rule_points(config, fitted.made.features.values)
    assert np.corrcoef(today, scorer.margin(fitted.made.features.values))[0, 1] > 1 - 1e-9
    assert "Tree=" not in scorer.trees and dozen.result.families == ()
    assert any(f.code == "LL122" and f.severity is Severity.WARNING for f in dozen.result.findings)
    assert dozen.result.evaluation.folds and {"model", "logistic"} <= set(dozen.result.evaluation.newest.figures)


def test_its_night_gives_each_lead_its_points_in_words(dozen) -> None:
    scores = dozen.night.scores
    assert len(scores) > 10 and np.all((scores.probability > 0) & (scores.probability < 1))
    assert len(set(scores.probability.tolist())) > 3
    said = {text for text in scores.reasons.ravel() if text}
    assert any("asked for a demo" in text for text in said) and not any("rule_" in text for text in said)
    with projects.inside(dozen.folder):
        told = explain("demo.yaml", str(scores.lead_id[0]), projects.NIGHT)
    effects = sum(effect for _, effect in told.causes)
    assert np.isclose(1 / (1 + np.exp(-told.base - effects)), told.probability)
    assert any("webinar" in fact or "source" in fact for fact, _ in told.causes)


def test_its_record_page_and_run_say_so(dozen) -> None:
    record = json.loads((dozen.folder / dozen.result.folder / "record.json").read_text(encoding="utf-8"))
    assert record["complexity"] == dozen.result.fitted.rung.to_record()
    assert record["stability"] is None and record["ablation"] is None and record["rare_levels"] == {}
    assert record["sample"]["positive_leads"] == record["complexity"]["positive_leads"]
    with projects.inside(dozen.folder):
        page = report("demo.yaml").page.read_text(encoding="utf-8")
    assert "What was fitted: rules." in page and "independent ones" in page
    import mlflow

    with projects.inside(dozen.folder):
        # MLflow keeps one store a URI, whatever folder it is asked from.
        run = mlflow.MlflowClient(f"sqlite:///{dozen.folder / 'mlflow.db'}").get_run(dozen.result.run_id)
    assert (
        run.data.params["complexity"] == "rules"
        and run.data.params["complexity.reason"] == dozen.result.fitted.rung.reason
    )
    assert run.data.metrics["sample.effective"] == pytest.approx(dozen.result.judgement.sample.effective)


def test_without_a_fold_nothing_is_judged_and_every_screen_says_so(tmp_path, demo_tables, capsys) -> None:
    settled(tmp_path, few(demo_tables, 2, 120), without_rules(projects.config_text()))
    home = trained(tmp_path, capsys)
    assert home.result.evaluation.folds == () and home.result.out_of_fold is None and home.result.fitted.folds == ()
    assert any(f.code == "LL124" and f.severity is Severity.WARNING for f in home.result.findings)
    assert "No fold could be judged" in home.printed and "every lead gets the base rate" in home.printed
    assert len(set(home.night.scores.probability.tolist())) == 1 and home.result.scorer.names == ()
    assert not any(home.night.scores.reasons.ravel()) and not (tmp_path / "backtests").exists()
    with projects.inside(tmp_path):
        page = report("demo.yaml").page.read_text(encoding="utf-8")
        assert explain("demo.yaml", str(home.night.scores.lead_id[0]), projects.NIGHT).causes == ()
    assert "No fold could be judged" in page and "No feature matters" in page


def test_one_class_alone_is_still_refused(tmp_path, demo_tables) -> None:
    settled(tmp_path, few(demo_tables, 0, 60), projects.config_text())
    with projects.inside(tmp_path), pytest.raises(DataError, match="LL123"):
        train("demo.yaml", projects.KNOWN_AT)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory, demo_tables) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("sixty")
    settled(folder, few(demo_tables, 75, 200), projects.config_text())
    yield trained(folder)


def test_sixty_positive_leads_are_scored_by_the_regression_alone(sixty) -> None:
    rung, scorer = sixty.result.fitted.rung, sixty.result.scorer
    assert rung.name == "regression" and 45 <= rung.positive_leads <= 75
    assert not scorer.recipe.rounds and not scorer.recipe.plain_rounds and "Tree=" not in scorer.trees
    assert scorer.recipe.c < 0.1  # many features on few leads
    assert sixty.result.evaluation.newest.figures["model"].auc > 0.5 and len(sixty.night.scores) > 10


def test_its_drivers_are_told_with_how_far_they_are_to_be_trusted(sixty) -> None:
    told = sixty.result.judgement.stability
    assert told is not None and [d.group for d in told.drivers] == [d.group for d in sixty.result.drivers]
    assert 0.2 < told.comes_back <= 1 and any(d.rank_low < d.rank_high for d in told.drivers)
    with projects.inside(sixty.folder):
        page = report("demo.yaml").page.read_text(encoding="utf-8")
    assert "strongest drivers are among" in page and "Drivers over refits" in page

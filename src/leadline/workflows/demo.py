"""`demo`: a synthetic CRM with known truth, its config, and the whole job run on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from leadline.core.files import write_text
from leadline.delivery.batch import ScoringRun
from leadline.workflows.check import CheckResult
from leadline.workflows.common import Progress, no_progress
from leadline.workflows.report import report
from leadline.workflows.scoring.explain import LeadExplanation, explain
from leadline.workflows.scoring.score import score
from leadline.workflows.training.train import TrainResult, train

__all__ = ["DemoResult", "demo"]


@dataclass(frozen=True)
class DemoResult:
    """What the demo made, stage by stage.

    Attributes
    ----------
    config, page : Path
        The config, and the page to open.
    checked, trained, night, told
        What each command gave; `checked` is what `leadline check` would say of the same tables.
    true_correlation : float
        Rank correlation of tonight's probabilities with the world's true ones, which no model has seen.
    """

    config: Path
    page: Path
    checked: CheckResult
    trained: TrainResult
    night: ScoringRun
    told: LeadExplanation
    true_correlation: float


def demo(folder: Path, leads: int = 6000, seed: int = 7, progress: Progress = no_progress) -> DemoResult:
    """Make the world, then train (which runs all checks first), score, explain and report, as a user would.

    The model is trained on what was known four weeks before the world's end, and the newest night is scored, so
    that what is scored lies in the model's future.
    """
    from leadline import demo as worlds

    progress(f"making a world of {leads:,} leads")
    world = worlds.make_world(leads, seed)
    worlds.write_world(world, folder)
    config = folder / "demo.yaml"
    write_text(config, worlds.config_text(f"{folder.as_posix()}/"))
    night_at = (world.end - timedelta(weeks=1)).isoformat()
    known_at = (world.end - timedelta(weeks=4)).isoformat()
    trained = train(config, known_at, progress)
    checked = CheckResult.of_training(trained.name, trained.prepared)
    night = score(config, night_at, f"{trained.folder}", progress=progress)
    told = explain(config, str(night.scores.lead_id[0]), night_at, f"{trained.folder}", progress)
    page = report(config, folder / "report.html", f"{trained.folder}").page
    return DemoResult(config, page, checked, trained, night, told, _against_truth(world.truth, night))


def _against_truth(truth: object, night: ScoringRun) -> float:
    """Correlate tonight's ranking with the true one, at the newest week of the truth not after the night."""
    import pandas as pd

    table = truth.to_pandas()  # type: ignore[attr-defined]
    as_of = pd.Timestamp(night.scores.as_of, unit="us", tz="UTC")
    newest = table[table["as_of"] == table.loc[table["as_of"] <= as_of, "as_of"].max()].set_index("lead_id")["p_sql"]
    both = pd.DataFrame(
        {"p": night.scores.probability, "true": newest.reindex(night.scores.lead_id).to_numpy()}
    ).dropna()
    return float(np.corrcoef(both["p"].rank(), both["true"].rank())[0, 1])

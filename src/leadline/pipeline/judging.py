"""Judging a fitted model: the backtest's figures, tiers that fit capacity, what moves scores, and the checks after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.checks import Findings, run
from leadline.judge import behaviours, experiments, leaks
from leadline.judge.ablation import Worth
from leadline.judge.backtest import Evaluation, evaluate
from leadline.judge.explain import Driver, drivers
from leadline.judge.nights import AFTER_TRAINING as LEADS_THAT_NEVER_CLOSE
from leadline.judge.nights import Nights
from leadline.judge.optimism import Optimism
from leadline.judge.pictures import Pictures
from leadline.judge.sample import Sample
from leadline.judge.segments import Segments
from leadline.judge.stability import Stability
from leadline.pipeline import tiering as tiers
from leadline.pipeline.ablating import ablate
from leadline.pipeline.asking import Progress
from leadline.pipeline.experiments import trial
from leadline.pipeline.fitted import Fitted, judged_folds
from leadline.pipeline.funneling import of_run
from leadline.pipeline.nights import nights, rankings
from leadline.pipeline.points import points
from leadline.pipeline.sections import drawn, sections
from leadline.pipeline.segments import segments
from leadline.pipeline.stability import drawn_again, sampled
from leadline.pipeline.stages import Stages
from leadline.pipeline.tiering import Tiering

__all__ = ["Judgement", "judge"]

Floats = npt.NDArray[np.float64]

LOWEST = "only the base rate and the points rules score"
EXPLAINED = 20_000  # rows that drivers are averaged over; more change the ranks no further


@dataclass(frozen=True)
class Judgement:
    """What is to be said of a fitted model.

    Attributes
    ----------
    evaluation : Evaluation
        The backtest; quote its newest fold.
    drivers : list of Driver
        Feature importance (mean |SHAP|), the strongest first.
    moved : mapping of str to float
        Which way each act and stage moves them.
    capacity : Tiering
        What half to double the capacity would have brought, and what keeps tiers steady.
    findings : Findings
        What the checks saw; no error among them.
    families : tuple of Worth, or None
        Feature-family ablation; None where the config asks for no ablation.
    nights : Nights
        Top-N backtest, by the model and by each peer.
    optimism : Optimism or None
        By how much a random split would have flattered; None where the experiments are off.
    segments : Segments or None
        Calibration and parity by segment in the newest fold; None where none could be judged.
    stages : Stages or None
        The models of the downstream stages; None where there are none.
    sample : Sample or None
        For how many independent snapshots the labelled ones count.
    stability : Stability or None
        Which drivers come back in refits on bootstrap samples of accounts; None where the config asks for no refits.
    sections : mapping
        The records of the sections on assets, committees and intent stages.
    pictures : Pictures or None
        Figures for the data scientist's pictures.
    climbed : mapping
        The records `funnel` and `rejected`; none for a flat file.
    points : mapping
        The records `points_card` and `rules_audit`.
    """

    evaluation: Evaluation
    drivers: list[Driver]
    moved: Mapping[str, float]
    capacity: Tiering
    findings: Findings
    families: tuple[Worth, ...] | None
    segments: Segments | None = None
    nights: Nights = field(default_factory=Nights)
    optimism: Optimism | None = None
    stages: Stages | None = None
    sample: Sample | None = None
    stability: Stability | None = None
    climbed: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    pictures: Pictures | None = None
    points: Mapping[str, Any] = field(default_factory=dict)


def judge(fitted: Fitted, said: Findings, progress: Progress) -> tuple[Fitted, Judgement]:
    """Judge a fitted model on the newest fold, and lay its tiers.

    Parameters
    ----------
    said : Findings
        What laying the folds had to say.

    Raises
    ------
    DataError
        A check after training found an error that the config doesn't accept.
    """
    config, honest, matrix = fitted.config, fitted.honest, fitted.matrix
    progress("judging")
    said_by = rankings(fitted)
    evaluation = evaluate(judged_folds(fitted, said_by), config.seed)
    worked = nights(fitted, said_by)
    fitted, tiering = tiers.lay(fitted)
    ranked, moved, shown = _drivers(fitted)
    found = fitted.made.findings + said
    trained = leaks.Trained(evaluation, ranked[0].words if ranked else "none")
    found += run(leaks.AFTER_TRAINING, trained).accept(config.leaks.accept)
    found += run(LEADS_THAT_NEVER_CLOSE, worked).accept(config.leaks.accept)
    progress("experimenting")
    train = fitted.folds[-1].train if fitted.folds else np.empty(0, dtype=np.int64)
    why = LOWEST if fitted.lowest else ""
    asked = trial(config, fitted.made, matrix, fitted.scorer, honest, train, ranked, why)
    found += run(experiments.AFTER_TRAINING, asked).accept(config.leaks.accept)
    found.raise_errors()
    parts = ablate(fitted, progress), segments(fitted, tiering.bands), worked, asked.optimism
    steady = drawn_again(fitted, ranked, progress)
    return fitted, Judgement(
        evaluation, ranked, moved, tiering, found, *parts, sample=sampled(fitted), stability=steady,
        climbed=of_run(fitted, tiering.bands), sections=sections(fitted), pictures=shown,
        points=points(fitted, progress),
    )  # fmt: skip


def _drivers(fitted: Fitted) -> tuple[list[Driver], dict[str, float], Pictures]:
    """Average contributions over the newest rows: how much each group moves scores, which way acts and stages do, and pictures."""
    config, scorer, made, matrix = fitted.config, fitted.scorer, fitted.made, fitted.matrix
    newest = slice(max(len(matrix) - EXPLAINED, 0), None)
    values = made.features.values[list(scorer.names)].iloc[newest]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    weight = matrix.weight[newest]
    moved = behaviours.effects(specs, values, contributions, weight, max(config.features.windows))
    ranked = drivers(specs, values, contributions, weight)
    return ranked, moved, drawn(fitted, newest, contributions, ranked)

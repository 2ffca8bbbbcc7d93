"""Judging a fitted model: the backtest's figures, tiers that fit capacity, what moves scores, and the checks after training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core import format
from leadline.core.checks import Findings, run
from leadline.core.point_in_time import WEEK
from leadline.core.rng import Stream, generator
from leadline.evaluation.ablation import Worth
from leadline.evaluation.backtest import Evaluation, evaluate
from leadline.evaluation.model_plots import Pictures
from leadline.evaluation.robustness import Optimism, Stability
from leadline.evaluation.segments import Segments
from leadline.evaluation.topk_backtest import AFTER_TRAINING as LEADS_THAT_NEVER_CLOSE
from leadline.evaluation.topk_backtest import Nights, Past, Terms, replay
from leadline.evaluation.worklist import listing_of
from leadline.explanation.drivers import Driver, drivers
from leadline.insights import behaviours
from leadline.leakage import experiments, gate
from leadline.metrics.intervals import Sample
from leadline.model.baselines import PEERS, beside
from leadline.workflows.common import Progress
from leadline.workflows.funnel import of_run
from leadline.workflows.training import tiers
from leadline.workflows.training.fit import Fitted, judged_folds, own_rankings
from leadline.workflows.training.later_stages import Stages
from leadline.workflows.training.points import points
from leadline.workflows.training.refits import ablate, drawn_again, sampled, trial
from leadline.workflows.training.report_sections import drawn, sections
from leadline.workflows.training.segments import segments
from leadline.workflows.training.tiers import Tiering

__all__ = ["Judgement", "judge", "nights", "rankings"]


# Who else ranked the backtest's rows, and what working the top of each list would have brought at its nights.
#
# Each night of a fold's test is scored by the model of that fold, which was fitted on what was known when its test began.
# The older folds chose the model's settings, so that the newest is told apart; closed-won is ripe on older nights alone.


Floats = npt.NDArray[np.float64]


def rankings(fitted: Fitted) -> dict[str, Floats]:
    """Return what everybody said of the rows of `fitted.honest`, the model first; who said nothing of some isn't there."""
    made, honest = fitted.made, fitted.honest
    said = own_rankings(fitted)
    # Of a flat file only the order is known; its newest rows are the last.
    created = made.features.as_of.astype(np.float64) if made.labels.created_at is None else made.labels.created_at
    said["newest"] = np.nan_to_num(created, nan=-np.inf)[honest.row]
    return said | {who: p for who, p in _peers(fitted).items() if not np.isnan(p).any()}


def _peers(fitted: Fitted) -> dict[str, Floats]:
    """Fit the peers on the folds' training rows, and find what they said of each honest row."""
    config, honest = fitted.config, fitted.honest
    said = {who: np.full(len(honest.row), np.nan) for who in PEERS}
    if not len(honest.row):
        return {}
    folds = [(fold.train, fold.test) for fold in fitted.folds]
    # One thread: on a busy machine more of them wait for each other longer than they work.
    for fold in beside(fitted.made.features.specs, fitted.matrix, folds, generator(config.seed, Stream.NIGHTS)):
        place = np.full(len(fitted.matrix), -1)
        place[fold.row] = np.arange(len(fold.row))
        here = place[honest.row] >= 0
        for who in PEERS:
            said[who][here] = fold.said[who][place[honest.row[here]]]
    return said


def nights(fitted: Fitted, said: Mapping[str, Floats]) -> Nights:
    """Work the list at each past night by every ranking; a flat file has no nights, and says so."""
    config, made, honest, matrix = fitted.config, fitted.made, fitted.honest, fitted.matrix
    if config.is_flat:
        return Nights(reason="a flat file doesn't say when its rows were open")
    if not len(honest.row):
        return Nights(reason="no fold could be judged")
    rows, every = honest.row, config.snapshots.every
    step = WEEK if every is None else every.micros
    listing = listing_of(
        matrix.as_of[rows], matrix.lead[rows], matrix.weight[rows], config.horizon.micros,
        None if every is None else every.micros,
    )  # fmt: skip
    amount = None if made.labels.amount is None else made.labels.amount[rows] / 100
    outcome = config.outcome
    terms = Terms(format.stages(str(outcome.reaches)), str(every or "7d"), str(config.horizon), str(outcome.won_within))
    past = Past(
        listing, matrix.y[rows], made.labels.won[rows], amount, honest.judged, made.features.group()[rows], said,
        config.capacity.leads_per_week * step / WEEK, terms,
    )  # fmt: skip
    return replay(past, config.seed)


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
    trained = gate.Trained(evaluation, ranked[0].words if ranked else "none")
    found += run(gate.AFTER_TRAINING, trained).accept(config.leaks.accept)
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

"""What the experiments after training need: the newest fold's rows, and the recipe to be fitted again on others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.rng import Stream, generator
from leadline.evaluation.ablation import AblationRows, FamilyAblation, Part, ablate_families
from leadline.evaluation.robustness import StabilityResult, driver_stability
from leadline.explanation.drivers import Driver, group_contributions
from leadline.leakage.experiments import ExperimentData
from leadline.metrics.intervals import SampleSize, measure_sample
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import OutOfFold
from leadline.model.fitting.refit import AblationPredictions, refit_margins, refit_on_bootstrap, refit_without_families
from leadline.model.scorer import Scorer
from leadline.workflows.common import Progress, track_steps
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.prepare import OFF, TrainingData

__all__ = ["ablate", "bootstrap_drivers", "experiment_data", "rare_level_shares", "sample_of_fit"]

Ints = npt.NDArray[np.int64]


def experiment_data(
    config: Config,
    made: TrainingData,
    matrix: Matrix,
    scorer: Scorer,
    honest: OutOfFold,
    train: Ints,
    drivers: Sequence[Driver],
    why: str = "",
) -> ExperimentData:
    """Gather what the experiments after training look at; `train` are the newest fold's training rows.

    Parameters
    ----------
    why : str
        Why there is nothing to experiment with; "" where there is.
    """
    specs = made.features.specs
    order = matrix.order()
    place = np.argsort(order)
    ordered = matrix.take(order)

    def refit(training: Ints, test: Ints, without: Sequence[str]) -> list[npt.NDArray[np.float64]]:
        parts = [[s.name for s in specs if s.group != group] for group in ("", *without)]
        random = generator(config.seed, Stream.EXPERIMENTS)
        fold = np.sort(place[training]), place[test]  # training rows sorted by key: their order changes no model
        return refit_margins(specs, ordered, fold, scorer.recipe, parts, random, config.engine.threads)

    test = honest.row[honest.judged]
    return ExperimentData(
        matrix.y, matrix.weight, made.features.lead_id, made.features.account_id, made.features.group(), train, test,
        honest.probability[honest.judged], drivers, {s.group: f"{s.table}.{s.field}" for s in specs if s.aggregate == "value" and s.by == "column"},
        _declared(config), refit, config.seed, why if config.leaks.experiments else OFF,
    )  # fmt: skip


def _declared(config: Config) -> frozenset[str]:
    """List the attributes that the config says were known when their lead was created."""
    tables = {"leads": config.tables.leads, "accounts": config.tables.accounts}
    return frozenset(
        f"{name}.{c}" for name, table in tables.items() if table is not None for c in table.known_at_creation
    )


# The backtest's ablation: the chosen recipe fitted again without each family of features.
#
# It is on by default, as it adds less than half to what training takes: on the demo world 18 s of processor time to 53 with
# 6,000 leads, and about a quarter with 20,000, since the rows that it fits on are bounded.


def ablate(fitted: TrainedModel, progress: Progress) -> tuple[FamilyAblation, ...] | None:
    """Say what each family is worth on a backtest's folds.

    None where the config asks for no ablation, or where leadline's own trees and regression don't score.
    """
    config, made, matrix = fitted.config, fitted.made, fitted.matrix
    if not config.backtest.ablation or fitted.lowest or fitted.scorer.own is not None:
        return None
    folds = [(f.train, f.test) for f in fitted.folds]
    specs, random = made.features.specs, generator(config.seed, Stream.ABLATION)
    families = len({spec.family for spec in specs})
    if families > 1:
        progress(f"leaving out each of {families} feature families")

    def without(parts: Sequence[Part]) -> AblationPredictions:
        return refit_without_families(specs, matrix, folds, fitted.scorer.recipe, parts, random, config.engine.threads)

    return ablate_families(specs, AblationRows(matrix.y, matrix.weight, made.features.group()), without, random)


# How stable a model's drivers are, and how much its snapshots tell: what both need, gathered from the fitted model.


REFITS = 8


def bootstrap_drivers(fitted: TrainedModel, ranked: Sequence[Driver], progress: Progress) -> StabilityResult | None:
    """Fit the recipe again on bootstrap samples of accounts, and compare the drivers.

    None where the config asks for none, or where leadline's own trees and regression don't score.
    """
    config, made, matrix = fitted.config, fitted.made, fitted.matrix
    if not config.backtest.stability or fitted.lowest or fitted.scorer.own is not None or not ranked:
        return None
    specs, random = made.features.specs, generator(config.seed, Stream.STABILITY)
    refits: list[dict[str, float]] = []
    again = refit_on_bootstrap(
        specs, matrix, fitted.scorer.recipe, made.features.group(), REFITS, random, config.engine.threads
    )
    unit = "lead" if bool(np.all(made.features.account_id == None)) else "account"  # noqa: E711
    with track_steps(progress, f"cluster bootstrap by {unit}, {REFITS} refits", REFITS, lines=0) as step:
        for parts, rows in again:
            groups, summed = group_contributions(specs, parts)
            weight = matrix.weight[rows]
            refits.append(dict(zip(groups, (np.abs(summed).T @ (weight / weight.sum())).tolist(), strict=True)))
            step(len(refits), "")
    return driver_stability(ranked, refits)


def rare_level_shares(fitted: TrainedModel) -> dict[str, float]:
    """Say of each category which share of the snapshots has a level that is too rare to stand alone; without those that have none."""
    if fitted.lowest:
        return {}  # the rules name their levels, and no other counts
    words = {spec.name: spec.words for spec in fitted.made.features.specs}
    shares = {words.get(table.feature, table.feature): table.pooled for table in fitted.scorer.encoder.levels}
    return {name: share for name, share in shares.items() if share > 0}


def sample_of_fit(fitted: TrainedModel) -> SampleSize:
    """Say how many independent snapshots the labelled ones are worth."""
    matrix = fitted.matrix
    return measure_sample(matrix.y, matrix.weight, matrix.lead, fitted.made.features.group())

"""What the leak gate says of both contenders, on today's data: the checks after training, on recipes fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.checks import Finding, Findings, Severity, run
from leadline.config import Config
from leadline.judge import experiments, guards, leaks
from leadline.judge.backtest import Judged, evaluate
from leadline.judge.explain import drivers
from leadline.model.fitting import OutOfFold
from leadline.model.matrix import Matrix
from leadline.model.scorer import Scorer
from leadline.ops.registry import Bundle
from leadline.pipeline.experiments import trial
from leadline.pipeline.prepare import Prepared

__all__ = ["Refitted", "gate", "unaccepted"]

EXPLAINED = 20_000  # rows that drivers are averaged over, as in training
STRENGTH = "LL302"  # worse than the regression: that is about strength, which the looks judge


@dataclass(frozen=True)
class Refitted:
    """A recipe fitted again: its scorer, what it was fitted on, and what it said of rows it hadn't seen."""

    scorer: Scorer
    matrix: Matrix
    honest: OutOfFold
    train: npt.NDArray[np.int64]


def gate(
    config: Config, made: Prepared, champion: Refitted | None, challenger: Refitted | None, bundle: Bundle
) -> guards.Guard:
    """Run the checks on the challenger's recipe; on the champion's only where they find something.

    Parameters
    ----------
    champion, challenger : Refitted or None
        None where nothing was fitted again: then the checks have nothing to look at.
    bundle : Bundle
        The challenger's, which tells what was accepted when it was trained.
    """
    found = Findings() if challenger is None else _leaks(config, made, challenger)
    grave = [f for f in found if f.severity in (Severity.ERROR, Severity.WARNING)]
    kept = _leaks(config, made, champion) if grave and champion is not None else Findings()
    return guards.gate(found, kept, unaccepted(config, bundle))


def _leaks(config: Config, made: Prepared, who: Refitted) -> Findings:
    matrix, honest = who.matrix, who.honest
    features = made.features.keep(matrix.values.columns)
    newest = slice(max(len(matrix) - EXPLAINED, 0), None)
    values, weight = matrix.values.iloc[newest], matrix.weight[newest]
    contributions, _ = who.scorer.contributions(values[list(who.scorer.names)])
    specs = [s for s in features.specs if s.name in set(who.scorer.names)]
    ranked = drivers(specs, values, contributions, weight)
    rows = honest.row[honest.judged]
    judged = Judged(
        matrix.y[rows], matrix.weight[rows], made.labels.won[rows], features.group()[rows],
        {"model": honest.probability[honest.judged], "logistic": honest.lr_probability[honest.judged]},
    )  # fmt: skip
    span = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
    evaluation = evaluate([(judged, True, *span, len(who.train))], config.seed)
    found = run(leaks.AFTER_TRAINING, leaks.Trained(evaluation, ranked[0].words if ranked else "none"))
    asked = trial(config, replace(made, features=features), matrix, who.scorer, honest, who.train, ranked)
    found += run(experiments.AFTER_TRAINING, asked)
    return Findings(tuple(f for f in found if f.code != STRENGTH)).accept(config.leaks.accept)


def unaccepted(config: Config, bundle: Bundle) -> Findings:
    """Return the errors that were accepted when a bundle was trained, and that the config doesn't accept today."""
    told = bundle.record("record.json").get("findings", [])
    errors = Findings(tuple(_as_error(f) for f in told if f.get("accepted")))
    return Findings(errors.accept(config.leaks.accept).of(Severity.ERROR))


def _as_error(told: Mapping[str, Any]) -> Finding:
    return Finding(told["code"], Severity.ERROR, told["subject"], told["seen"], told["expected"], told["fix"])

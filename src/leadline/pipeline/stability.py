"""How stable a model's drivers are, and how much its snapshots tell: what both need, gathered from the fitted model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadline.judge.explain import Driver, by_group
from leadline.judge.sample import Sample, sample
from leadline.judge.stability import Stability, stability
from leadline.model.resample import redrawn
from leadline.pipeline.asking import Progress
from leadline.pipeline.counting import counted
from leadline.pipeline.fitted import Fitted
from leadline.streams import Stream, generator

__all__ = ["drawn_again", "pooled", "sampled"]

REFITS = 8


def drawn_again(fitted: Fitted, ranked: Sequence[Driver], progress: Progress) -> Stability | None:
    """Fit the recipe again on bootstrap samples of accounts, and compare the drivers.

    None where the config asks for none, or where only the base rate and the points rules score.
    """
    config, made, matrix = fitted.config, fitted.made, fitted.matrix
    if not config.backtest.stability or fitted.lowest or not ranked:
        return None
    specs, random = made.features.specs, generator(config.seed, Stream.STABILITY)
    refits: list[dict[str, float]] = []
    again = redrawn(specs, matrix, fitted.scorer.recipe, made.features.group(), REFITS, random, config.engine.threads)
    with counted(progress, f"cluster bootstrap by account, {REFITS} refits", REFITS, lines=0) as step:
        for parts, rows in again:
            groups, summed = by_group(specs, parts)
            weight = matrix.weight[rows]
            refits.append(dict(zip(groups, (np.abs(summed).T @ (weight / weight.sum())).tolist(), strict=True)))
            step(len(refits), "")
    return stability(ranked, refits)


def pooled(fitted: Fitted) -> dict[str, float]:
    """Say of each category which share of the snapshots has a level that is too rare to stand alone; without those that have none."""
    if fitted.lowest:
        return {}  # the rules name their levels, and no other counts
    words = {spec.name: spec.words for spec in fitted.made.features.specs}
    shares = {words.get(table.feature, table.feature): table.pooled for table in fitted.scorer.encoder.levels}
    return {name: share for name, share in shares.items() if share > 0}


def sampled(fitted: Fitted) -> Sample:
    """Say how many independent snapshots the labelled ones are worth."""
    matrix = fitted.matrix
    return sample(matrix.y, matrix.weight, matrix.lead, fitted.made.features.group())

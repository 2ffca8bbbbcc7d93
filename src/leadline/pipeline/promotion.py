"""`promote`: the contest between champion and challenger, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from leadline.config import Config
from leadline.errors import DataError, MissingError, PromotionRefused
from leadline.history.features import Features
from leadline.judge.contest import Verdict, contest
from leadline.model.fitting import fit_scorer
from leadline.model.matrix import Matrix
from leadline.ops import registry, tracking
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, as_config, silent
from leadline.pipeline.fitted import to_matrix
from leadline.pipeline.laying import lay_folds
from leadline.pipeline.prepare import Prepared, prepare

__all__ = ["Promotion", "promote"]


@dataclass(frozen=True)
class Promotion:
    """A won contest: which version is the champion now, and the verdict (None where there was no champion to beat)."""

    name: str
    version: str
    former: str | None
    verdict: Verdict | None

    def __repr__(self) -> str:
        return f"Promotion({self.name} {self.version} is champion; before it: {self.former or 'none'})"


def promote(config: Config | str | Path, version: str | None = None, progress: Progress = silent) -> Promotion:
    """Hold the contest and move the champion alias.

    Both recipes (features, shape of the model) are fitted anew on what came before the newest fold of today's data,
    and judged on that fold, so that neither has seen it.

    Parameters
    ----------
    version : str, optional
        The challenger; by default the version that the alias `challenger` names.

    Raises
    ------
    PromotionRefused
        The challenger didn't win; the champion stays.
    MissingError
        There is no challenger, or no such version.

    Examples
    --------
    >>> promote("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    uri, name = config.tracking.uri, config.name
    known = tracking.aliases(uri, name)
    rival = version or known.get("challenger")
    if rival is None:
        raise MissingError(
            f"{name}: no challenger; expected a version trained after the champion; run `leadline train` first"
        )
    challenger = registry.resolve(f"models:/{name}/{rival}", uri)
    former = known.get("champion")
    if former == rival:
        raise PromotionRefused(
            f"{name} {rival}: is the champion already; expected a challenger; train one, or name another --version"
        )
    verdict = None
    if former is not None:
        verdict = hold(config, registry.resolve(f"models:/{name}/{former}", uri), challenger, progress)
        tracking.log_record(
            uri, config.experiment, f"contest {rival} against {former}", "decision.json", verdict.to_record()
        )
        if not verdict.promoted:
            raise PromotionRefused(
                f"{name} {rival}: {verdict.reason}; expected one that is no worse; {name} {former} stays the champion"
            )
    tracking.set_alias(uri, name, "champion", rival)
    return Promotion(name, rival, former, verdict)


def hold(config: Config, champion: Bundle, challenger: Bundle, progress: Progress = silent) -> Verdict:
    """Fit both recipes on what came before the newest fold, and judge them on it; then the exported challenger itself.

    A recipe can be sound where the export isn't: labels may have been broken on the day it was trained. The export
    may have seen the fold, which can only flatter it, so one that is worse all the same is refused.
    """
    made = prepare(
        config, None, progress, (challenger.specs, challenger.manifest["intents"], challenger.manifest["roles"])
    )
    asked = cast("Features", made.asked)
    folds, _ = lay_folds(config, made)
    matrix = to_matrix(made)
    group = made.features.group()
    said = {}
    for who, bundle in (("champion", champion), ("challenger", challenger)):
        progress(f"fitting the {who}'s recipe")
        mine = narrowed(made, bundle, matrix)
        specs = [s for s in made.features.specs if s.name in mine.values.columns]
        _, honest = fit_scorer(
            specs, mine, [(f.train, f.test) for f in folds], bundle.scorer.recipe, config.seed, config.engine.threads
        )
        newest = honest.judged
        order = np.argsort(honest.row[newest])
        rows = honest.row[newest][order]
        said[who] = honest.probability[newest][order]
    judge = partial(contest, matrix.y[rows], matrix.weight[rows], said["champion"], group=group[rows], seed=config.seed)
    verdict = judge(said["challenger"])
    if not verdict.promoted:
        return verdict
    exported = judge(challenger.scorer.probability(asked.values.iloc[rows]))
    if exported.promoted:
        return verdict
    return replace(exported, reason=f"{exported.reason}, as exported")


def narrowed(made: Prepared, bundle: Bundle, matrix: Matrix) -> Matrix:
    """Keep the features that a bundle reads."""
    wanted = [s.name for s in bundle.specs]
    there = [n for n in wanted if n in made.features.values.columns]
    if not there:
        raise DataError(
            f"model {bundle.name} {bundle.version}: none of its features can be computed from this config; expected its own config; train again"
        )
    return Matrix(matrix.values[there], matrix.y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)

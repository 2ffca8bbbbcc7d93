"""`train`: from a config to a judged, tracked and exported scorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.checks import Findings, run
from leadline.config import Config
from leadline.errors import DataError
from leadline.judge import behaviours, capacity, experiments, leaks
from leadline.judge.ablation import Worth
from leadline.judge.backtest import Evaluation, Judged, evaluate, plain
from leadline.judge.explain import Driver, drivers
from leadline.model.fitting import OutOfFold, fit_scorer
from leadline.model.matrix import Matrix
from leadline.model.scorer import Scorer
from leadline.model.tune import tune as search
from leadline.pipeline.ablating import ablate
from leadline.pipeline.asking import Progress, as_config, instant, intents, said_instant, silent
from leadline.pipeline.experiments import trial
from leadline.pipeline.laying import lay_folds
from leadline.pipeline.prepare import Prepared, prepare
from leadline.pipeline.publish import publish, ready

__all__ = ["TrainResult", "lay_folds", "train"]

EXPLAINED = 20_000  # rows that drivers are averaged over; more change the ranks no further


@dataclass(frozen=True)
class TrainResult:
    """What `train` made.

    Attributes
    ----------
    name, version, alias : str
        The registered model, and whether it is the champion or a challenger.
    folder : Path
        Where the bundle lies.
    run_id : str
        The MLflow run.
    prepared : Prepared
        The data it was made of.
    scorer : Scorer
        The model.
    evaluation : Evaluation
        The backtest; quote its newest fold.
    drivers : list of Driver
        What moves scores, the strongest first.
    capacity : list of Cut
        What half to double the capacity would have brought.
    findings : Findings
        What the checks saw.
    families : tuple of Worth
        What each family of features is worth; empty where there is one family, or `backtest.ablation` is off.
    """

    name: str
    version: str
    alias: str
    folder: Path
    run_id: str
    prepared: Prepared
    scorer: Scorer
    evaluation: Evaluation
    drivers: list[Driver]
    capacity: list[capacity.Cut]
    findings: Findings
    families: tuple[Worth, ...] = ()

    def __repr__(self) -> str:
        return f"TrainResult({self.name} {self.version} ({self.alias}) in {self.folder}; {self.evaluation!r})"


def train(
    config: Config | str | Path, as_of: str | int | None = None, progress: Progress = silent, tune: int = 0
) -> TrainResult:
    """Train, judge, track and export a model, using only what was known at T.

    Parameters
    ----------
    config : Config or path
        What to train on.
    as_of : str or int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    progress : callable, optional
        Is told each stage's name.
    tune : int
        How many recipes to try on the folds older than the newest; 0 takes the default one. Needs the extra `tune`.

    Raises
    ------
    ConfigError, MissingError, DataError, RetryError, OutputError
        As the message says; nothing is half-written.

    Examples
    --------
    >>> train("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    made = prepare(config, instant(config, as_of), progress)
    folds, said = lay_folds(config, made)
    matrix = to_matrix(made)
    ready(config)
    progress(f"fitting {len(folds)} folds on {len(matrix):,} snapshots, {matrix.positives:,} positive")
    what = (made.features.specs, matrix, [(f.train, f.test) for f in folds])
    recipe = search(*what, tune, config.seed, config.engine.threads, progress) if tune else None
    scorer, honest = fit_scorer(*what, recipe, config.seed, config.engine.threads)
    progress("judging")
    evaluation = evaluate(judged_folds(made, matrix, honest), config.seed)
    newest = honest.judged
    rows, p = honest.row[newest], honest.probability[newest]
    keys = (matrix.y[rows], matrix.weight[rows], matrix.lead[rows], matrix.as_of[rows])
    scorer = scorer.with_tiers(capacity.tiers_for(p, *keys, None if config.is_flat else config.capacity.leads_per_week))
    cuts = [] if config.is_flat else capacity.table(p, *keys, config.capacity.leads_per_week)
    ranked, moved = _drivers(config, scorer, made, matrix)
    found = made.findings + said
    found += run(leaks.AFTER_TRAINING, leaks.Trained(evaluation, ranked[0].words if ranked else "none")).accept(
        config.leaks.accept
    )
    progress("experimenting")
    asked = trial(config, made, matrix, scorer, honest, folds[-1].train, ranked)
    found += run(experiments.AFTER_TRAINING, asked).accept(config.leaks.accept)
    found.raise_errors()
    families = ablate(config, made, matrix, what[2], scorer, progress)
    progress("tracking and exporting")
    record = records(config, made, evaluation, ranked, cuts, found, honest, moved)
    record["families"] = None if families is None else [worth.to_record() for worth in families]
    published = publish(config, made, scorer, evaluation, ranked, cuts, found, honest, record)
    return TrainResult(config.name, *published, made, scorer, evaluation, ranked, cuts, found, families or ())


def to_matrix(made: Prepared) -> Matrix:
    """Put features and labels side by side; both are sorted by (as_of, lead_id)."""
    if len(made.features) != len(made.labels.y):
        raise DataError(
            "matrix: features and labels differ in length; expected one of each a snapshot; this is a bug, please report it"
        )
    return Matrix(
        made.features.values,
        made.labels.y,
        made.labels.weight,
        made.features.lead_id.astype(str),
        made.features.as_of,
        made.labels.known_at,
    )


def judged_folds(made: Prepared, matrix: Matrix, honest: OutOfFold) -> list[tuple[Judged, bool, int, int, int]]:
    """Gather each fold's rows with what was said of them."""
    result = []
    group = made.features.group()
    for number in np.unique(honest.fold):
        mine = honest.fold == number
        rows = honest.row[mine]
        said = {"model": honest.probability[mine], "logistic": honest.lr_probability[mine]}
        if made.points is not None:
            said["points"] = made.points[rows]
        judged = Judged(matrix.y[rows], matrix.weight[rows], made.labels.won[rows], group[rows], said)
        starts, ends = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
        training = (
            int((matrix.known_at <= starts).sum())
            if made.loaded.observed_until is not None
            else int((matrix.as_of < starts).sum())
        )
        result.append((judged, bool(honest.judged[mine][0]), starts, ends, training))
    return result


def _drivers(config: Config, scorer: Scorer, made: Prepared, matrix: Matrix) -> tuple[list[Driver], dict[str, float]]:
    """Average contributions over the newest rows: how much each group moves scores, and which way acts and stages do."""
    newest = slice(max(len(matrix) - EXPLAINED, 0), None)
    values = made.features.values[list(scorer.names)].iloc[newest]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    weight = matrix.weight[newest]
    moved = behaviours.effects(specs, values, contributions, weight, max(config.features.windows))
    return drivers(specs, values, contributions, weight), moved


def records(
    config: Config,
    made: Prepared,
    evaluation: Evaluation,
    ranked: Sequence[Driver],
    cuts: Sequence[capacity.Cut],
    found: Findings,
    honest: OutOfFold,
    moved: dict[str, float],
) -> dict[str, Any]:
    """Return the run's record: what a report is made of. It holds counts and figures, never a lead's data."""
    known = made.loaded.known_at
    data, labels, newest = made.features, made.labels, honest.row[honest.judged]
    asked = behaviours.Asked(labels.y, labels.weight, data.lead_id, data.group())
    told = behaviours.compare(
        data.specs, data.values, asked, max(config.features.windows), intents(config), ranked, moved
    )
    keys = (labels.y[newest], labels.weight[newest], data.lead_id[newest].astype(str), data.as_of[newest])
    week = config.capacity.leads_per_week
    curve = capacity.curve(honest.probability[honest.judged], *keys, week) if cuts else []
    return {
        "name": config.name,
        "known_at": said_instant(known, made.loaded.is_dated),
        "observed_until": said_instant(made.loaded.observed_until, made.loaded.is_dated),
        "outcome": config.outcome.model_dump(mode="json"),
        "snapshots": asdict(made.counts),
        "tables": made.loaded.rows,
        "fingerprints": made.loaded.fingerprints,
        "sources": made.loaded.sources,
        "evaluation": evaluation.to_record(),
        "drivers": plain([asdict(d) for d in ranked]),
        "capacity": plain([asdict(c) for c in cuts]),
        "curve": plain([asdict(c) for c in curve]),
        "behaviours": plain(asdict(told)),
        "effects": plain(moved),
        "findings": found.records(),
        "choice": plain(honest.choice),
        "curves": plain(list(honest.curves)),
    }

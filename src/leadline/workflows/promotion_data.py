"""What the contest judges: the frozen cohort, what each contender honestly says of it, and what its guards need."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.checks import Finding, Findings, Severity, run_checks
from leadline.core.point_in_time import WEEK
from leadline.dataset.splits import Fold
from leadline.errors import DataError
from leadline.evaluation.backtest import FoldPredictions, evaluate_folds
from leadline.evaluation.worklist import build_worklist
from leadline.explanation.drivers import rank_drivers
from leadline.features.build import FeatureTable
from leadline.leakage import experiments
from leadline.leakage.gate import AFTER_TRAINING, TrainedContext
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.calibration.recalibrate import refit_calibrator
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import OutOfFold, fit_scorer
from leadline.model.fitting.own import fit_own
from leadline.model.scorer import Scorer
from leadline.promotion import guards
from leadline.promotion.contest import ContestCohort, Verdict, compare_models, decide_contest
from leadline.registry.bundle import Bundle
from leadline.workflows.common import Progress, format_as_of, no_progress, parse_as_of
from leadline.workflows.recalibrate import forward_of, newly_labeled
from leadline.workflows.training.fit import training_matrix
from leadline.workflows.training.prepare import TrainingData, make_folds, prepare_training
from leadline.workflows.training.refits import experiment_data

__all__ = [
    "ContestData",
    "RefittedRecipe",
    "contest_verdict",
    "hold_contest",
    "prepare_contest",
    "run_leak_guard",
    "select_features",
    "unaccepted_findings",
]


# What the leak gate says of both contenders, on today's data: the checks after training, on recipes fitted again.


EXPLAINED = 20_000  # rows that drivers are averaged over, as in training

STRENGTH = "LL302"  # worse than the regression: that is about strength, which the looks judge


@dataclass(frozen=True)
class RefittedRecipe:
    """A recipe fitted again: its scorer, what it was fitted on, and what it said of rows it hadn't seen."""

    scorer: Scorer
    matrix: Matrix
    honest: OutOfFold
    train: npt.NDArray[np.int64]


def run_leak_guard(
    config: Config,
    made: TrainingData,
    champion: RefittedRecipe | None,
    challenger: RefittedRecipe | None,
    bundle: Bundle,
) -> guards.Guard:
    """Run the checks on the challenger's recipe; on the champion's only where they find something.

    Parameters
    ----------
    champion, challenger : RefittedRecipe or None
        None where nothing was fitted again: then the checks have nothing to look at.
    bundle : Bundle
        The challenger's, which tells what was accepted when it was trained.
    """
    found = Findings() if challenger is None else _leaks(config, made, challenger)
    grave = [f for f in found if f.severity in (Severity.ERROR, Severity.WARNING)]
    kept = _leaks(config, made, champion) if grave and champion is not None else Findings()
    return guards.leak_gate_guard(found, kept, unaccepted_findings(config, bundle))


def _leaks(config: Config, made: TrainingData, who: RefittedRecipe) -> Findings:
    matrix, honest = who.matrix, who.honest
    features = made.features.keep(matrix.values.columns)
    newest = slice(max(len(matrix) - EXPLAINED, 0), None)
    values, weight = matrix.values.iloc[newest], matrix.weight[newest]
    contributions, _ = who.scorer.contributions(values[list(who.scorer.names)])
    specs = [s for s in features.specs if s.name in set(who.scorer.names)]
    ranked = rank_drivers(specs, values, contributions, weight)
    rows = honest.row[honest.judged]
    judged = FoldPredictions(
        matrix.y[rows], matrix.weight[rows], made.labels.won[rows], features.group()[rows],
        {"model": honest.probability[honest.judged], "logistic": honest.lr_probability[honest.judged]},
    )  # fmt: skip
    span = int(matrix.as_of[rows].min()), int(matrix.as_of[rows].max())
    evaluation = evaluate_folds([(judged, True, *span, len(who.train))], config.seed)
    found = run_checks(AFTER_TRAINING, TrainedContext(evaluation, ranked[0].words if ranked else "none"))
    asked = experiment_data(config, replace(made, features=features), matrix, who.scorer, honest, who.train, ranked)
    found += run_checks(experiments.AFTER_TRAINING, asked)
    return Findings(tuple(f for f in found if f.code != STRENGTH)).accept(config.leaks.accept)


def unaccepted_findings(config: Config, bundle: Bundle) -> Findings:
    """Return the errors that were accepted when a bundle was trained, and that the config doesn't accept today."""
    told = bundle.record("record.json").get("findings", [])
    errors = Findings(tuple(_as_error(f) for f in told if f.get("accepted")))
    return Findings(errors.accept(config.leaks.accept).of(Severity.ERROR))


def _as_error(told: Mapping[str, Any]) -> Finding:
    return Finding(told["code"], Severity.ERROR, told["subject"], told["seen"], told["expected"], told["fix"])


Floats = npt.NDArray[np.float64]

Ints = npt.NDArray[np.int64]

TIMED = 2_000  # leads that latency is measured on


@dataclass(frozen=True)
class Contender:
    """A bundle, what was said of the cohort, and its recipe fitted again (None where there is nothing to fit)."""

    bundle: Bundle
    said: Floats
    again: RefittedRecipe | None = None


@dataclass(frozen=True)
class ContestData:
    """Today's data: prepared with the contenders' own features, its folds, the cohort's rows, and older ripened ones."""

    config: Config
    made: TrainingData
    asked: FeatureTable
    matrix: Matrix
    folds: tuple[Fold, ...]
    rows: Ints
    older: Ints


def hold_contest(
    config: Config, champion: Bundle, challenger: Bundle, progress: Progress = no_progress
) -> tuple[Verdict, dict[str, Any]]:
    """Judge both recipes, fitted again on what came before the cohort; then the challenger as exported; then the rest.

    A recipe can be sound where the export isn't: labels may have been broken on the day it was trained. The export
    may have seen the cohort, which can only flatter it, so one that is worse all the same is refused.

    Returns
    -------
    tuple
        The verdict, and what the cohort is.
    """
    arena = prepare_contest(config, champion, challenger, progress)
    verdict = contest_verdict(arena, champion, challenger, progress)
    return verdict, _described(arena)


def contest_verdict(
    arena: ContestData, champion: Bundle, challenger: Bundle, progress: Progress = no_progress
) -> Verdict:
    """Judge both on the arena's cohort."""
    cohort = _cohort(arena, challenger)
    if "recalibrated" in challenger.manifest:
        return _recalibrated(arena, cohort, champion, challenger, progress)
    ours = _contender(arena, champion, progress)
    same = _recipe(champion) == _recipe(challenger)  # as after a plain retraining: fitting it twice tells nothing new
    theirs = replace(ours, bundle=challenger) if same else _contender(arena, challenger, progress)
    progress("judging")
    looks = [compare_models(cohort, ours.said, theirs.said, "its recipe fitted again")]
    exported = _exported(arena, champion, ours.said)
    looks.append(compare_models(cohort, exported, _exported_predictions(arena, challenger), "as exported"))
    progress("the leak gate")
    others = [
        _latency(arena, champion, ours, challenger),
        run_leak_guard(arena.config, arena.made, ours.again, theirs.again, challenger),
    ]
    return decide_contest(looks, others)


def _recalibrated(
    arena: ContestData, cohort: ContestCohort, champion: Bundle, challenger: Bundle, progress: Progress
) -> Verdict:
    """Judge a version that was only calibrated anew: its calibration fitted again on what came before the cohort.

    Its trees haven't seen the cohort, so they aren't fitted again; nor has the champion where it is the model whose
    trees they are. The leak gate has nothing new to look at.
    """
    since = challenger.manifest["recalibrated"]
    base = challenger.scorer.with_calibrator(Calibrator.from_json(since["calibrated"]))
    refitted = None
    if _same_trees(champion, challenger):
        ours = _exported_predictions(arena, champion)
    else:
        refitted = _contender(arena, champion, progress)
        ours = refitted.said
    line = refit_calibrator(base, forward_of(arena.made, base, arena.older))
    progress("judging")
    theirs = line.probability(base.margin(arena.asked.values.iloc[arena.rows]))
    looks = [compare_models(cohort, ours, theirs, "its calibration fitted again")]
    looks.append(compare_models(cohort, ours, _exported_predictions(arena, challenger), "as exported"))
    others = [
        _latency(arena, champion, refitted, challenger),
        run_leak_guard(arena.config, arena.made, None, None, challenger),
    ]
    return decide_contest(looks, others)


def _same_trees(champion: Bundle, challenger: Bundle) -> bool:
    return all(champion.files[name] == challenger.files[name] for name in ("model.txt", "linear.json", "encoder.json"))


def prepare_contest(
    config: Config, champion: Bundle, challenger: Bundle, progress: Progress = no_progress
) -> ContestData:
    """Prepare today's data with the contenders' own features, and choose the cohort."""
    made = prepare_training(config, None, progress, _shared_features(champion, challenger))
    folds, _ = make_folds(config, made)
    if not folds:
        raise DataError(
            "contest: the history carries no cohort with positives enough to judge by; expected one fold at least; wait until more are old enough to count"
        )
    matrix = training_matrix(made)
    rows, older = np.sort(folds[-1].test), folds[-1].train
    if "recalibrated" in challenger.manifest:
        since = newly_labeled(config, made, int(challenger.manifest["recalibrated"]["unseen_from"]))
        rows, older = since.newer, since.older
        folds = (*(f for f in folds if f.ends_at <= since.starts_at), since.fold(made))
    return ContestData(config, made, cast("FeatureTable", made.asked), matrix, folds, rows, older)


def _shared_features(champion: Bundle, challenger: Bundle) -> tuple[Any, Any, Any]:
    """Return the challenger's features, with the champion's own beside them where both read the same words alike."""
    specs = {s.name: s for s in challenger.specs}
    if _read_alike(champion, challenger):
        specs |= {s.name: s for s in champion.specs if s.name not in specs}
    return tuple(specs.values()), challenger.manifest["intents"], challenger.manifest["roles"]


def _read_alike(champion: Bundle, challenger: Bundle) -> bool:
    """Tell whether the champion's features can be computed with the challenger's intents and roles."""
    specs = {s.name: s for s in challenger.specs}
    words = all(champion.manifest[key] == challenger.manifest[key] for key in ("intents", "roles"))
    return words and all(specs.get(s.name, s) == s for s in champion.specs)


def _cohort(arena: ContestData, challenger: Bundle) -> ContestCohort:
    config, matrix, rows = arena.config, arena.matrix, arena.rows
    listing, room = None, 0.0
    if not config.is_flat:
        every = config.snapshots.every.micros if config.snapshots.every is not None else None
        listing = build_worklist(
            matrix.as_of[rows], matrix.lead[rows], matrix.weight[rows], config.horizon.micros, every
        )
        room = config.capacity.leads_per_week * (WEEK if every is None else every) / WEEK
    parted = guards.segment_labels(challenger.specs, arena.asked.values.iloc[rows])
    group = arena.made.features.group()[rows]
    return ContestCohort(matrix.y[rows], matrix.weight[rows], group, parted, listing, room, config.seed)


def _described(arena: ContestData) -> dict[str, Any]:
    """Say what the cohort is: its span and counts, and a digest by which the same rows are known again."""
    dated, matrix, rows = arena.made.loaded.is_dated, arena.matrix, arena.rows
    lead, as_of, y, weight = (column[rows] for column in (matrix.lead, matrix.as_of, matrix.y, matrix.weight))
    first, last = (format_as_of(int(edge), dated) for edge in (as_of.min(), as_of.max()))
    key = hashlib.sha256()
    for column in (lead.astype(str), as_of, y, weight):
        key.update("\n".join(map(str, column.tolist())).encode())
    accounts = len(np.unique(arena.made.features.group()[rows].astype(str)))
    return {
        "first as_of": first, "last as_of": last, "snapshots": len(rows), "positive": int(y.sum()), "accounts": accounts,
        "base rate": float(np.average(y, weights=weight)), "sha256": key.hexdigest(),
    }  # fmt: skip


def _contender(arena: ContestData, bundle: Bundle, progress: Progress) -> Contender:
    """Fit a bundle's recipe again; the points rules have two numbers fitted, which can't know a cohort by heart."""
    if bundle.manifest.get("complexity") == "rules":
        return Contender(bundle, _exported_predictions(arena, bundle))
    progress(f"fitting the recipe of {bundle.name} {bundle.version}")
    config, made = arena.config, arena.made
    mine = select_features(made, bundle, arena.matrix)
    specs = [s for s in made.features.specs if s.name in mine.values.columns]
    what, own = (specs, mine, [(f.train, f.test) for f in arena.folds]), bundle.scorer.own
    if own is None:
        scorer, honest = fit_scorer(*what, bundle.scorer.recipe, config.seed, config.engine.threads)
    else:
        scorer, honest = fit_own(*what, own.estimator, config.seed, config.engine.threads)
    newest = honest.judged
    order = np.argsort(honest.row[newest])
    return Contender(
        bundle, honest.probability[newest][order], RefittedRecipe(scorer, mine, honest, arena.folds[-1].train)
    )


def _recipe(bundle: Bundle) -> tuple[Any, ...]:
    own = bundle.scorer.own
    return bundle.scorer.recipe, bundle.specs, None if own is None else repr(own.estimator)


def select_features(made: TrainingData, bundle: Bundle, matrix: Matrix) -> Matrix:
    """Keep the features that a bundle reads."""
    wanted = [s.name for s in bundle.specs]
    there = [n for n in wanted if n in made.features.values.columns]
    if not there:
        raise DataError(
            f"model {bundle.name} {bundle.version}: none of its features can be computed from this config; expected its own config; train again"
        )
    return Matrix(matrix.values[there], matrix.y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)


def _exported_predictions(arena: ContestData, bundle: Bundle) -> Floats:
    """Return what a bundle as exported says of the cohort."""
    return bundle.scorer.probability(arena.asked.values.iloc[arena.rows])


def _exported(arena: ContestData, champion: Bundle, refitted: Floats) -> Floats:
    """Return what the champion in use says, where it hasn't seen the cohort; else what its recipe said."""
    known = champion.manifest["known_at"]
    starts = int(arena.matrix.as_of[arena.rows].min())
    unseen = known is not None and int(parse_as_of(arena.config, str(known)) or 0) <= starts
    return _exported_predictions(arena, champion) if unseen and _reads(arena, champion) else refitted


def _reads(arena: ContestData, bundle: Bundle) -> bool:
    """Tell whether all of a bundle's own features were computed, as it means them."""
    there = {s.name: s for s in arena.asked.specs}
    return all(there.get(s.name) == s for s in bundle.specs)


def _latency(arena: ContestData, champion: Bundle, refitted: Contender | None, challenger: Bundle) -> guards.Guard:
    """Time what a night asks of a scorer: probabilities and contributions."""
    rows = arena.rows[:TIMED]
    asked, made = arena.asked.values.iloc[rows], arena.made.features.values.iloc[rows]
    scorer, values = champion.scorer, asked
    if refitted is not None and refitted.again is not None and not _reads(arena, champion):
        scorer, values = refitted.again.scorer, made

    def score(one: Scorer, what: Any) -> None:
        one.probability(what)
        one.contributions(what)

    return guards.latency_guard(lambda: score(scorer, values), lambda: score(challenger.scorer, asked), len(rows))

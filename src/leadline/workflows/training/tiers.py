"""From the newest fold to the tiers: what each capacity would have brought, and what keeps the nights steady."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import WEEK
from leadline.core.rng import Stream, seed_of
from leadline.dataset.feature_spec import Feature
from leadline.dataset.labels import known_until
from leadline.evaluation import capacity
from leadline.evaluation.capacity import (
    NightlyRows,
    ScoredRows,
    ThresholdResult,
    TierStability,
    fit_hysteresis,
    nightly_rows,
    replay_tiers,
)
from leadline.evaluation.curve_evaluation import evaluate_curve
from leadline.evaluation.grade_grid import GradedRows, grade_grid
from leadline.evaluation.model_plots import evenly_spaced_rows
from leadline.model.calibration.conversion_curve import ConversionCurve, CurveRows
from leadline.model.scorer import Scorer
from leadline.model.tiers import Tiers, capacity_key
from leadline.scoring.grade import Grading, axis_sums
from leadline.workflows.training.fit import TrainedModel

__all__ = ["TierSummary", "fit_curve", "fit_grading", "fit_tiers", "grid_record", "honest_grades"]

Floats = npt.NDArray[np.float64]

OTHERS = "all others"
NEWEST = 8 * WEEK  # of a model that no fold judged, the tiers are laid on so much of its own rows


@dataclass(frozen=True)
class TierSummary:
    """What is to be said of the tiers.

    Attributes
    ----------
    cuts : list of ThresholdResult
        What half to double the capacity would have brought; none for a flat file.
    own : mapping of str to ThresholdResult
        What each value of `capacity.by` would have brought at its own capacity, all others last.
    bands : Tiers
        The tiers that were laid, on the scale of the newest fold's honest probabilities.
    held : mapping of str to TierStability
        How tier A does over nights after training, by mode (`top_n`, `threshold`); and on all the
        folds' nights with what the config holds, without the band (`plain`) and with it (`banded`).
    unused : tuple of str
        Values with a capacity of their own that no lead of the newest fold has.
    """

    cuts: list[ThresholdResult]
    own: Mapping[str, ThresholdResult]
    bands: Tiers
    held: Mapping[str, TierStability]
    unused: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return it as plain JSON values; the cuts stand in the run's record by themselves."""
        bands = self.bands
        tiers = {
            "mode": bands.mode,
            "band": bands.band,
            "rise": bands.rise,
            "by": bands.by,
            "unused": list(self.unused),
        }
        night = sum(part.volume[0] for part in (bands, *bands.own.values()) if part.volume)
        own = [{"name": name, **asdict(cut)} for name, cut in self.own.items()]
        held = {name: asdict(told) for name, told in self.held.items()}
        return dict(to_jsonable({**tiers, "night": night, "own": own, "held": held}))


def fit_tiers(fitted: TrainedModel) -> tuple[TrainedModel, TierSummary]:
    """Lay the tiers by what the newest fold would have brought at the config's capacity."""
    config, honest = fitted.config, fitted.honest
    asked, value = newest_fold_rows(fitted)
    week = None if config.is_flat else config.capacity.leads_per_week
    bands = fit_tier_thresholds(fitted, asked, value, config.capacity.mode)
    if not honest.judged.any():
        return fitted.with_scorer(fitted.scorer.with_tiers(bands)), TierSummary([], {}, bands, {})
    if week is None:
        return _with_tiers(fitted, bands), TierSummary([], {}, bands, {})
    every = _scored_rows(fitted, honest.row, honest.probability)
    nights = nightly_rows(every, honest.fold, _value(fitted, honest.row))
    banded = fit_hysteresis(bands, nights)
    held = {"plain": replay_tiers([(bands, nights)]), "banded": replay_tiers([(banded, nights)])}
    for mode in ("top_n", "threshold"):
        pairs = _later(fitted, mode)
        held |= {mode: replay_tiers(pairs)} if pairs else {}
    before = older_fold_rows(fitted)
    own = _results_by_value(fitted, asked, value, before)
    unused = tuple(str(name) for name, k in config.capacity.of.items() if k > 0 and str(name) not in own)
    told = TierSummary(capacity.capacity_table(asked, week, before), own, banded, held, unused)
    return _with_tiers(fitted, banded), told


def _with_tiers(fitted: TrainedModel, bands: Tiers) -> TrainedModel:
    """Give the exported scorer the tiers: it is calibrated on the newest fold too, so its scale may lie off that fold's."""
    return fitted.with_scorer(fitted.scorer.with_tiers(bands.moved(fitted.honest.rescaled)))


def newest_fold_rows(fitted: TrainedModel) -> tuple[ScoredRows, npt.NDArray[np.object_] | None]:
    """Return the newest fold's rows and their values of `capacity.by`; without a fold, the newest rows as they were fitted."""
    honest, matrix = fitted.honest, fitted.matrix
    rows, p = honest.row[honest.judged], honest.probability[honest.judged]
    if not len(rows):
        rows = np.flatnonzero(matrix.as_of > matrix.as_of.max() - NEWEST) if len(matrix) else rows
        p = fitted.scorer.probability(fitted.made.features.values[list(fitted.scorer.names)].iloc[rows])
    return _scored_rows(fitted, rows, p), _value(fitted, rows)


def older_fold_rows(fitted: TrainedModel) -> ScoredRows:
    """Return the rows of the folds before the newest."""
    older = ~fitted.honest.judged
    return _scored_rows(fitted, fitted.honest.row[older], fitted.honest.probability[older])


def fit_tier_thresholds(
    fitted: TrainedModel, asked: ScoredRows, value: npt.NDArray[np.object_] | None, mode: str
) -> Tiers:
    """Lay the tiers of some rows, without a band: one for each value with a capacity of its own, and one for all others."""
    plan = fitted.config.capacity
    if fitted.config.is_flat:
        return capacity.tiers_for_capacity(asked, None)
    if value is None:
        return capacity.tiers_for_capacity(asked, plan.leads_per_week, mode)
    words = np.array([capacity_key(v) for v in value], dtype=object)
    own = {word: _share(asked, words == word, k, mode) for word, k in plan.own.items()}
    rest = _share(asked, ~np.isin(words, [*own]), plan.rest, mode)
    return replace(rest, by=plan.by, own=own)


def _share(asked: ScoredRows, mine: npt.NDArray[np.bool_], per_week: float, mode: str) -> Tiers:
    """Lay the tiers of those that share a capacity; where there are none yet, at what a lead of tier A is worth in all."""
    if per_week <= 0:
        return capacity.no_capacity_tiers()
    return capacity.tiers_for_capacity(asked.take(mine) if mine.any() else asked, per_week, mode)


def _results_by_value(
    fitted: TrainedModel, asked: ScoredRows, value: npt.NDArray[np.object_] | None, before: ScoredRows
) -> dict[str, ThresholdResult]:
    """Say what each value's own capacity would have brought."""
    plan, older = fitted.config.capacity, _value(fitted, fitted.honest.row[~fitted.honest.judged])
    if value is None or older is None:
        return {}
    now, then = (np.array([capacity_key(v) for v in values], dtype=object) for values in (value, older))
    parts = {str(name): (now == capacity_key(name), then == capacity_key(name), k) for name, k in plan.of.items()}
    parts[OTHERS] = (~np.isin(now, [*plan.own]), ~np.isin(then, [*plan.own]), plan.rest)
    return {
        name: capacity.capacity_result(asked.take(mine), k, before.take(earlier))
        for name, (mine, earlier, k) in parts.items()
        if mine.any() and k > 0
    }


def _later(fitted: TrainedModel, mode: str) -> list[tuple[Tiers, NightlyRows]]:
    """Lay the tiers of each fold, to be held over the nights of the next."""
    honest = fitted.honest
    result: list[tuple[Tiers, NightlyRows]] = []
    before: Tiers | None = None
    for number in np.unique(honest.fold):
        mine = honest.fold == number
        asked, value = (
            _scored_rows(fitted, honest.row[mine], honest.probability[mine]),
            _value(fitted, honest.row[mine]),
        )
        if before is not None:
            result.append((before, nightly_rows(asked, honest.fold[mine], value)))
        before = fit_tier_thresholds(fitted, asked, value, mode)
    return result


def _scored_rows(fitted: TrainedModel, rows: npt.NDArray[np.int64], p: npt.NDArray[np.float64]) -> ScoredRows:
    config, matrix = fitted.config, fitted.matrix
    every = config.snapshots.every
    return ScoredRows(
        p, matrix.y[rows], matrix.weight[rows], matrix.lead[rows], matrix.as_of[rows], config.horizon.micros,
        None if every is None else every.micros,
    )  # fmt: skip


def _value(fitted: TrainedModel, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_] | None:
    return None if fitted.made.by is None else fitted.made.by[rows]


GRADED_SPAN = 26 * WEEK
GRADED, GRADED_OWN = 10_000, 1_000
"""Rows that contributions are asked of for the grades' marks; of an estimator that was brought, which is asked twice a feature."""


def fit_grading(fitted: TrainedModel) -> Grading:
    """Find what scores and grades are told by, on the nights of the half year before the newest fold (of a flat file: all rows before)."""
    return _grading(fitted, fitted.scorer)


def _grading(fitted: TrainedModel, scorer: Scorer) -> Grading:
    honest, matrix = fitted.honest, fitted.matrix
    newest = honest.row[honest.judged]
    until = matrix.as_of[newest].min() if len(newest) else matrix.as_of.max() + 1
    order = matrix.order()
    since = until - GRADED_SPAN if fitted.made.loaded.is_dated else matrix.as_of.min()
    past = order[(matrix.as_of[order] < until) & (matrix.as_of[order] >= since)]
    row = past[evenly_spaced_rows(len(past), GRADED if scorer.own is None else GRADED_OWN)]
    values = fitted.made.features.values[list(scorer.names)]
    at = ~honest.judged
    if at.any():
        said = honest.tonight.probability(honest.margin[at]), matrix.weight[honest.row[at]]
    else:
        said = scorer.probability(values.iloc[row]), matrix.weight[row]
    contributions = scorer.contributions(values.iloc[row])[0]
    return Grading.of(said, _specs(fitted, scorer), contributions, matrix.weight[row])


def _specs(fitted: TrainedModel, scorer: Scorer) -> list[Feature]:
    return [spec for spec in fitted.made.features.specs if spec.name in set(scorer.names)]


def honest_grades(fitted: TrainedModel, rows: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """Return the scores' columns of some out-of-fold rows, by the newest fold's own model, which saw none of that fold.

    Older rows it has seen: they may choose, and don't judge.
    """
    honest, judge = fitted.honest, fitted.honest.judge or fitted.scorer
    values = fitted.made.features.values[list(judge.names)].iloc[honest.row[rows]]
    p = honest.tonight.probability(honest.margin[rows])
    sums = axis_sums(_specs(fitted, judge), judge.contributions(values)[0])
    return _grading(fitted, judge).columns(p, sums)


GRID_ROWS = 20_000
"""Rows of the newest fold that the grid is made of, at most; whole leads."""


def grid_record(fitted: TrainedModel) -> dict[str, Any] | None:
    """Return the fit × engagement grid on the newest fold as plain JSON values; None where there is no grade, or no fold to judge by."""
    honest, matrix, config = fitted.honest, fitted.matrix, fitted.config
    if fitted.grading is None or fitted.grading.fit is None or not honest.judged.any():
        return None
    rows = honest.judged & _of_some_leads(fitted)
    told = honest_grades(fitted, rows)
    if "grade" not in told:
        return None
    at = honest.row[rows]
    graded = GradedRows(
        matrix.y[at], matrix.weight[at], honest.probability[rows], matrix.lead[at], fitted.made.features.group()[at], matrix.as_of[at],
        told["grade"], told["fit_score"], told["engagement_score"],
    )  # fmt: skip
    return grade_grid(graded, seed_of(config.seed, Stream.GRADES)).to_record()


def _of_some_leads(fitted: TrainedModel) -> npt.NDArray[np.bool_]:
    """Say which out-of-fold rows are of the leads that the grid is made of: all, or a sample by their ids where that are too many."""
    honest = fitted.honest
    most = GRID_ROWS if fitted.scorer.own is None else GRADED_OWN
    share = most / max(int(honest.judged.sum()), 1)
    if share >= 1:
        return np.ones(len(honest.row), dtype=bool)
    ids = np.unique(fitted.matrix.lead[honest.row[honest.judged]].astype(str))
    kept = ids[evenly_spaced_rows(len(ids), int(share * len(ids)))]
    return np.isin(fitted.matrix.lead[honest.row].astype(str), kept)


# The curve of conversion over time, where the config asks for one: fitted on all folds' honest rows, judged on the newest by one of the older.


def fit_curve(fitted: TrainedModel) -> tuple[ConversionCurve | None, dict[str, Any] | None]:
    """Return the exported curve, and the record of how it does; None each where the config asks for none or no fold tells."""
    config, honest = fitted.config, fitted.honest
    if not config.outcome.curve or not len(honest.row):
        return None, None
    asked, horizon = [window.micros for window in config.outcome.curve], config.horizon.micros
    until = known_until(fitted.made.loaded)
    exported = ConversionCurve.fit(
        asked, horizon, _curve_rows(fitted, honest.tonight.probability(honest.margin), until)
    )
    if not honest.judged.any() or honest.judged.all():
        return exported, None
    began = int(fitted.matrix.as_of[honest.row[honest.judged]].min())
    before = _curve_rows(fitted, honest.probability, began).take(~honest.judged)
    newest = _curve_rows(fitted, honest.probability, until).take(honest.judged)
    group = fitted.made.features.group()[honest.row[honest.judged]]
    judged = ConversionCurve.fit(asked, horizon, before)
    return exported, evaluate_curve(judged, before, newest, group, seed_of(config.seed, Stream.CURVE)).to_record()


def _curve_rows(fitted: TrainedModel, probability: Floats, until: int) -> CurveRows:
    """Return the out-of-fold rows with when they got there, as far as it was known at an instant."""
    row, labels = fitted.honest.row, fitted.made.labels
    as_of = fitted.matrix.as_of[row].astype(np.float64)
    after = np.where(np.isfinite(labels.outcome_at[row]), labels.outcome_at[row] - as_of, np.inf)
    observed = until - fitted.config.outcome.delay.micros - as_of
    return CurveRows(probability, fitted.matrix.weight[row], after, observed)

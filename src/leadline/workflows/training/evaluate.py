"""Judging a fitted model: the backtest's figures, tiers that fit capacity, what moves scores, and the checks after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core import format
from leadline.core.checks import Findings, Severity, run_checks
from leadline.core.point_in_time import WEEK
from leadline.core.rng import Stream, generator
from leadline.dataset.feature_spec import Feature
from leadline.evaluation.ablation import FamilyAblation
from leadline.evaluation.account_backtest import AccountEvaluation, PastAccounts, evaluate_accounts
from leadline.evaluation.backtest import BacktestResult, evaluate_folds
from leadline.evaluation.capacity import ScoredRows, tiers_for_capacity
from leadline.evaluation.model_plots import ModelPlots
from leadline.evaluation.robustness import Optimism, StabilityResult
from leadline.evaluation.segments import Segments
from leadline.evaluation.topk_backtest import AFTER_TRAINING as LEADS_THAT_NEVER_CLOSE
from leadline.evaluation.topk_backtest import BacktestTerms, ReplayRows, TopKBacktest, run_topk_backtest
from leadline.evaluation.worklist import build_worklist
from leadline.explanation.drivers import Driver, rank_drivers
from leadline.features.families import account
from leadline.insights import behaviours
from leadline.leakage import experiments, gate
from leadline.metrics.intervals import SampleSize
from leadline.model.account_model import AccountNights, fit_account_model, gather_accounts
from leadline.model.baselines import PEERS, predict_baselines
from leadline.model.calibration.conversion_curve import ConversionCurve
from leadline.workflows.common import Progress
from leadline.workflows.funnel import training_funnel
from leadline.workflows.training import tiers
from leadline.workflows.training.fit import TrainedModel, judged_folds, own_rankings
from leadline.workflows.training.later_stages import LaterStageModels
from leadline.workflows.training.points import points_records
from leadline.workflows.training.refits import ablate, bootstrap_drivers, experiment_data, sample_of_fit
from leadline.workflows.training.report_sections import plot_figures, section_records
from leadline.workflows.training.segments import fold_segments
from leadline.workflows.training.tiers import TierSummary

__all__ = ["ModelEvaluation", "all_rankings", "backtest_rankings", "evaluate_model", "refit_parts"]


# Who else ranked the backtest's rows, and what working the top of each list would have brought at its nights.
#
# Each night of a fold's test is scored by the model of that fold, which was fitted on what was known when its test began.
# The older folds chose the model's settings, so that the newest is told apart; closed-won is ripe on older nights alone.


Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def all_rankings(fitted: TrainedModel) -> dict[str, Floats]:
    """Return what everybody said of the rows of `fitted.honest`, the model first; who said nothing of some isn't there."""
    made, honest = fitted.made, fitted.honest
    said = own_rankings(fitted)
    # Of a flat file only the order is known; its newest rows are the last.
    created = made.features.as_of.astype(np.float64) if made.labels.created_at is None else made.labels.created_at
    said["newest"] = np.nan_to_num(created, nan=-np.inf)[honest.row]
    return said | {who: p for who, p in _peers(fitted).items() if not np.isnan(p).any()}


def _peers(fitted: TrainedModel) -> dict[str, Floats]:
    """Fit the peers on the folds' training rows, and find what they said of each honest row."""
    config, honest = fitted.config, fitted.honest
    said = {who: np.full(len(honest.row), np.nan) for who in PEERS}
    if not len(honest.row):
        return {}
    folds = [(fold.train, fold.test) for fold in fitted.folds]
    random = generator(config.seed, Stream.NIGHTS)
    for fold in predict_baselines(fitted.made.features.specs, fitted.matrix, folds, random, config.engine.threads):
        place = np.full(len(fitted.matrix), -1)
        place[fold.row] = np.arange(len(fold.row))
        here = place[honest.row] >= 0
        for who in PEERS:
            said[who][here] = fold.said[who][place[honest.row[here]]]
    return said


def backtest_rankings(fitted: TrainedModel, said: Mapping[str, Floats]) -> TopKBacktest:
    """Work the list at each past night by every ranking; a flat file has no nights, and says so."""
    config, made, honest, matrix = fitted.config, fitted.made, fitted.honest, fitted.matrix
    if config.is_flat:
        return TopKBacktest(reason="a flat file doesn't say when its rows were open")
    if not len(honest.row):
        return TopKBacktest(reason="no fold could be judged")
    rows, every = honest.row, config.snapshots.every
    step = WEEK if every is None else every.micros
    listing = build_worklist(
        matrix.as_of[rows], matrix.lead[rows], matrix.weight[rows], config.horizon.micros,
        None if every is None else every.micros,
    )  # fmt: skip
    amount = None if made.labels.amount is None else made.labels.amount[rows] / 100
    if amount is not None and bool((amount < 0).any()):
        amount = None  # LL128 has told it; a total of such amounts is no revenue
    outcome = config.outcome
    terms = BacktestTerms(
        format.stages(str(outcome.reaches)), str(every or "7d"), str(config.horizon), str(outcome.won_within)
    )
    past = ReplayRows(
        listing, matrix.y[rows], made.labels.won[rows], amount, honest.judged, made.features.group()[rows], said,
        config.capacity.leads_per_week * step / WEEK, terms,
    )  # fmt: skip
    return run_topk_backtest(past, config.seed)


LOWEST = "only the base rate and the points rules score"

EXPLAINED = 20_000  # rows that drivers are averaged over; more change the ranks no further
EXPLAINED_OWN = 1_000  # the same of an estimator that was brought, which is asked twice a feature


@dataclass(frozen=True)
class ModelEvaluation:
    """What is to be said of a fitted model.

    Attributes
    ----------
    evaluation : BacktestResult
        The backtest; quote its newest fold.
    drivers : list of Driver
        Feature importance (mean |SHAP|), the strongest first.
    moved : mapping of str to float
        Which way each act and stage moves them.
    capacity : TierSummary
        What half to double the capacity would have brought, and what keeps tiers steady.
    findings : Findings
        What the checks saw. An error among them withholds the champion's place (`withheld`); any other ended the training.
    families : tuple of FamilyAblation, or None
        Feature-family ablation; None before `refit_parts`, and where the config asks for none.
    nights : TopKBacktest
        Top-N backtest, by the model and by each peer.
    optimism : Optimism or None
        By how much a random split would have flattered; None where the experiments are off.
    segments : Segments or None
        Calibration and parity by segment in the newest fold; None where none could be judged.
    stages : Stages or None
        The models of the downstream stages; None where there are none.
    sample : SampleSize or None
        For how many independent snapshots the labelled ones count.
    stability : StabilityResult or None
        Which drivers come back in refits on bootstrap samples of accounts; None before `refit_parts`, and where the config asks for none.
    sections : mapping
        The records of the sections on assets, committees and intent stages.
    pictures : ModelPlots or None
        Figures for the data scientist's pictures.
    climbed : mapping
        The records `funnel` and `rejected`; none for a flat file.
    points : mapping
        The records `points_card` and `rules_audit`.
    accounts : AccountEvaluation
        The model of accounts, and how it does.
    grid : mapping or None
        The record of the fit × engagement grid; None where there are no grades.
    curve : (ConversionCurve or None, mapping or None)
        The curve over time that is exported, and the record of how one does on the newest fold.
    """

    evaluation: BacktestResult
    drivers: list[Driver]
    moved: Mapping[str, float]
    capacity: TierSummary
    findings: Findings
    families: tuple[FamilyAblation, ...] | None
    segments: Segments | None = None
    nights: TopKBacktest = field(default_factory=TopKBacktest)
    optimism: Optimism | None = None
    stages: LaterStageModels | None = None
    sample: SampleSize | None = None
    stability: StabilityResult | None = None
    climbed: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    pictures: ModelPlots | None = None
    points: Mapping[str, Any] = field(default_factory=dict)
    accounts: AccountEvaluation = field(default_factory=AccountEvaluation)
    grid: Mapping[str, Any] | None = None
    curve: tuple[ConversionCurve | None, Mapping[str, Any] | None] = (None, None)

    @property
    def withheld(self) -> Findings:
        """What speaks against making a champion of the model; nothing where the config accepts it."""
        return Findings(self.findings.of(Severity.ERROR))


def evaluate_model(fitted: TrainedModel, said: Findings, progress: Progress) -> tuple[TrainedModel, ModelEvaluation]:
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
    said_by = all_rankings(fitted)
    evaluation = evaluate_folds(judged_folds(fitted, said_by), config.seed)
    worked = backtest_rankings(fitted, said_by)
    fitted, tiering = tiers.fit_tiers(fitted)
    fitted = replace(fitted, grading=tiers.fit_grading(fitted))
    ranked, moved, shown = _drivers(fitted)
    found = fitted.made.findings + said
    trained = gate.TrainedContext(evaluation, ranked[0].words if ranked else "none")
    found += run_checks(gate.AFTER_TRAINING, trained).accept(config.leaks.accept)
    found += run_checks(LEADS_THAT_NEVER_CLOSE, worked).accept(config.leaks.accept)
    progress("experimenting")
    train = fitted.folds[-1].train if fitted.folds else np.empty(0, dtype=np.int64)
    why = LOWEST if fitted.lowest else ""
    asked = experiment_data(config, fitted.made, matrix, fitted.scorer, honest, train, ranked, why)
    found += run_checks(experiments.AFTER_TRAINING, asked).accept(config.leaks.accept)
    found.raise_errors()
    found += run_checks(gate.WITHHOLDS, trained).accept(config.leaks.accept)
    parts = None, fold_segments(fitted, tiering.bands), worked, asked.optimism
    return fitted, ModelEvaluation(
        evaluation, ranked, moved, tiering, found, *parts, sample=sample_of_fit(fitted),
        climbed=training_funnel(fitted, tiering.bands), sections=section_records(fitted), pictures=shown,
        points=points_records(fitted, progress), accounts=judge_accounts(fitted), grid=tiers.grid_record(fitted), curve=tiers.fit_curve(fitted),
    )  # fmt: skip


def refit_parts(fitted: TrainedModel, told: ModelEvaluation, progress: Progress) -> ModelEvaluation:
    """Add what only refits tell, once the model stands: the feature-family ablation, and how stable the drivers are."""
    return replace(told, families=ablate(fitted, progress), stability=bootstrap_drivers(fitted, told.drivers, progress))


def _drivers(fitted: TrainedModel) -> tuple[list[Driver], dict[str, float], ModelPlots]:
    """Average contributions over the newest rows: how much each group moves scores, which way acts and stages do, and pictures."""
    config, scorer, made, matrix = fitted.config, fitted.scorer, fitted.made, fitted.matrix
    newest = slice(max(len(matrix) - (EXPLAINED if scorer.own is None else EXPLAINED_OWN), 0), None)
    values = made.features.values[list(scorer.names)].iloc[newest]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    weight = matrix.weight[newest]
    moved = behaviours.mean_effects(specs, values, contributions, weight, max(config.features.windows))
    ranked = rank_drivers(specs, values, contributions, weight)
    return ranked, moved, plot_figures(fitted, newest, contributions, ranked)


# Accounts, judged and fitted on the same nights as their leads: from the folds' honest predictions to what is exported.


def _people_specs(fitted: TrainedModel) -> tuple[Feature, ...]:
    """List the features that tell who of an account is engaged: the lead itself, how many colleagues, and in which roles."""
    config, beside = fitted.config, fitted.made.beside
    if beside is None:
        return ()
    return account.people_specs(beside.columns.specs, [*config.roles], account.main_window(config))


def judge_accounts(fitted: TrainedModel) -> AccountEvaluation:
    """Judge accounts at the folds' nights, and fit the model that is exported on all of them; or say why there is none."""
    config, honest, matrix = fitted.config, fitted.honest, fitted.matrix
    reason = _reason(fitted)
    if reason:
        return AccountEvaluation(reason=reason)
    order = np.argsort(honest.row, kind="stable")  # by as_of and lead, whatever order the folds were fitted in
    rows, fold, specs = honest.row[order], honest.fold[order], _people_specs(fitted)
    kept, night = _nights(fitted, rows, fold)
    order, rows, fold = order[kept], rows[kept], fold[kept]
    people = _engaged(fitted, specs, rows)
    firm = fitted.made.features.account_id[rows]
    nights = gather_accounts(firm, night, honest.probability[order], people)
    y = nights.reached(matrix.y[rows])
    if len(np.unique(y)) < 2:
        return AccountEvaluation(reason="no account, or every one, got there in the folds")
    every = None if config.snapshots.every is None else config.snapshots.every.micros
    past = PastAccounts(
        nights, y, nights.reached(fold.astype(np.float64)).astype(np.int64),
        nights.reached(matrix.known_at[rows].astype(np.float64)).astype(np.int64), nights.reached(honest.judged[order].astype(np.float64)) > 0,
        min((every or WEEK) / config.horizon.micros, 1.0),
    )  # fmt: skip
    per_night = config.capacity.leads_per_week * (every or WEEK) / WEEK
    terms = BacktestTerms(
        f"accounts with {format.stages(str(config.outcome.reaches))}", str(config.snapshots.every or "7d"), str(config.horizon)
    )  # fmt: skip
    told = evaluate_accounts(past, per_night, config.horizon.micros, every, terms, config.seed)
    # The exported scorer is calibrated on all folds, so that the model of accounts reads, and speaks on, that scale.
    tonight = gather_accounts(firm, night, honest.tonight.probability(honest.margin[order]), people)
    return _exported(fitted, told, past, tonight, specs)


def _reason(fitted: TrainedModel) -> str:
    """Say why there can be no model of accounts; "" where there can."""
    if fitted.config.is_flat:
        return "a flat file has no nights"
    if not len(fitted.honest.row):
        return "no fold could be judged"
    if bool(np.any(fitted.matrix.weight != 1)):
        return "negatives are thinned (snapshots.max), so that an account's open leads aren't all there"
    if not bool(np.any(fitted.made.features.account_id != None)):  # noqa: E711
        return "no lead has an account"
    return ""


def _nights(fitted: TrainedModel, rows: Rows, fold: Rows) -> tuple[Rows, Rows]:
    """Return which rows count, and the night of each: its as_of, or its week where leads are asked at ages of their own."""
    as_of = fitted.matrix.as_of[rows]
    if fitted.config.snapshots.every is not None:
        return np.arange(len(rows)), as_of
    week = as_of - (as_of - as_of.min()) % WEEK
    for number in np.unique(fold):  # a week in which a fold begins is parted between the two
        mine = fold == number
        week[mine] = np.maximum(week[mine], as_of[mine].min())
    lead = fitted.matrix.lead[rows]
    place = np.lexsort((as_of, week, lead))
    last = np.append((lead[place][1:] != lead[place][:-1]) | (week[place][1:] != week[place][:-1]), True)
    kept = np.sort(place[last])
    return kept, week[kept]


def _engaged(fitted: TrainedModel, specs: Sequence[Feature], rows: Rows) -> Floats | None:
    """Return how many people of each row's account acted lately; None where the features don't tell."""
    beside = fitted.made.beside
    return None if beside is None else account.engaged_people(specs, beside.columns.values.iloc[rows])


def _exported(
    fitted: TrainedModel, told: AccountEvaluation, past: PastAccounts, nights: AccountNights, specs: Sequence[Feature]
) -> AccountEvaluation:
    """Fit all folds, and lay the tiers by the newest: A holds as many accounts a week as sales works leads."""
    config = fitted.config
    model = fit_account_model(nights, past.y, past.share)
    p = model.probability(nights)
    newest = past.newest if past.newest.any() else np.ones(len(p), dtype=bool)
    every = config.snapshots.every
    asked = ScoredRows(
        p[newest], past.y[newest], np.ones(int(newest.sum())), nights.account[newest], nights.night[newest],
        config.horizon.micros, None if every is None else every.micros,
    )  # fmt: skip
    tiers = tiers_for_capacity(asked, config.capacity.leads_per_week, config.capacity.mode)
    notes = {
        "specs": [s.to_record() for s in specs],
        "roles": [*config.roles],
        "window": str(account.main_window(config)),
    }
    older = ~newest if not newest.all() else newest
    return replace(told, model=model.fitted_to(p[older], tiers, notes))

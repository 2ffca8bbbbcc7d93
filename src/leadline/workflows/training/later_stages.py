"""Downstream stages: a model for each on its own rows, all of them judged end to end, and deals' worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.checks import Finding, Findings, Severity, run_checks
from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.core.rng import Stream, generator
from leadline.dataset.splits import Fold
from leadline.evaluation import later_stages
from leadline.evaluation.backtest import BacktestResult, evaluate_folds
from leadline.evaluation.later_stages import ChainEvaluation, DealAmountModel
from leadline.explanation.drivers import Driver, rank_drivers
from leadline.features.build import FeatureTable
from leadline.leakage import experiments, gate
from leadline.metrics import classification
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import OutOfFold, fit_scorer
from leadline.model.fitting.recipe import Recipe
from leadline.model.fitting.small_data import choose_complexity, fit_lowest, fit_prior
from leadline.model.scorer import Scorer
from leadline.workflows.common import Progress
from leadline.workflows.training.fit import TrainedModel, judged_folds, training_matrix
from leadline.workflows.training.later_outcomes import StageQuestion, WonDeals, stage_questions
from leadline.workflows.training.prepare import TrainingData, plan_folds
from leadline.workflows.training.refits import experiment_data

__all__ = [
    "PENALTIES",
    "LaterStage",
    "LaterStageModels",
    "fit_later_stage",
    "fit_later_stages",
    "refit_as_known",
    "stage_column",
]


# Fitting one question that follows: few rows, so that the base rate is a rival to be beaten and penalties are strong.


PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1)

"""Inverse penalties that the older folds choose among: on the demo world's few won deals the first question's own, 0.1,
did worse than the base rate."""

FEWEST = 5  # of either class, below which a model isn't fitted again to be judged end to end


def stage_column(step: StageQuestion) -> str:
    """Name the column of a stage's probability, as in `p_won_given_sql`."""
    return f"p_{step.reaches}_given_{step.given}"


def fit_later_stage(first: TrainedModel, step: StageQuestion) -> tuple[TrainedModel, str, Findings]:
    """Fit a question that follows on its own rows of the first one's features.

    Returns
    -------
    tuple
        The model with its data, what was fitted and why, and what laying its folds had to say.
    """
    config = first.config.model_copy(update={"outcome": step.asked, "rules": ()})
    made = _stage_data(first.made, step)
    matrix = training_matrix(made)
    folds, said = _folds(config, made, step)
    scorer, honest, why = _fit(config, made.features, matrix, folds)
    return TrainedModel(config, made, folds, matrix, scorer, honest), why, said


def refit_as_known(fitted: TrainedModel, until: int, number: int) -> Scorer | None:
    """Fit a model's recipe again on what was known at an instant; None where that is too little, or points rules score."""
    matrix = fitted.matrix
    known = matrix.take(np.flatnonzero(matrix.known_at <= until))
    if fitted.lowest or min(known.positives, len(known) - known.positives) < FEWEST:
        return None
    specs = [s for s in fitted.made.features.specs if s.name in set(fitted.scorer.names)]
    if not specs:
        return fit_prior([], [], known)
    seed = generator(fitted.config.seed, Stream.STAGES_IN_TIME, number)
    return fit_scorer(specs, known, [], fitted.scorer.recipe, seed, fitted.config.engine.threads)[0]


def _stage_data(made: TrainingData, step: StageQuestion) -> TrainingData:
    """Take the step's rows of what the first question was made of."""
    f, rows = made.features, step.rows
    values = f.values.iloc[rows].reset_index(drop=True)
    kept = FeatureTable(f.specs, f.lead_id[rows], f.account_id[rows], f.as_of[rows], values)
    return replace(
        made,
        counts=step.counts,
        features=kept,
        labels=step.labels,
        points=None,
        findings=Findings(),
        asked=None,
        following=None,
    )


def _folds(config: Config, made: TrainingData, step: StageQuestion) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the step's own folds; where there is none, nothing is judged, and that is said."""
    folds, said = plan_folds(config, made.features.as_of, made.labels)
    named = f"{stage_column(step).removeprefix('p_')}: backtest"
    if folds:
        return folds, Findings(tuple(replace(f, subject=named) for f in said))
    return (), Findings((Finding(
        "LL124", Severity.WARNING, named, "no fold has enough positives before its test and in it, so nothing is judged", "at least one fold",
        "nothing to do; more history gives folds", len(step.rows),
    ),))  # fmt: skip


def _fit(
    config: Config, features: FeatureTable, matrix: Matrix, folds: tuple[Fold, ...]
) -> tuple[Scorer, OutOfFold, str]:
    """Fit what the rows support, and say why: a model only where it says more than the base rate on the older folds."""
    pairs, specs = [(f.train, f.test) for f in folds], features.specs
    rung = choose_complexity(matrix)
    beside = None
    why = f"{_leads(matrix)}, too few for a regression: every lead gets the base rate"
    if rung.name != "rules":
        recipe = Recipe(anchored=True, c=None, c_grid=PENALTIES, rounds=0 if rung.name == "regression" else None)
        seed = generator(config.seed, Stream.STAGES)
        scorer, honest = fit_scorer(specs, matrix, pairs, recipe, seed, config.engine.threads)
        gain = gain_over_base_rate(matrix, honest)
        if gain > 0:
            trees = f" with {scorer.recipe.rounds} trees on top" if scorer.recipe.rounds else ""
            return scorer, honest, (
                f"{_leads(matrix)}: a regression (inverse penalty {scorer.recipe.c:g}){trees}, whose log loss is {gain:.4f} below the "
                "base rate's on the older folds"
            )  # fmt: skip
        short = "the history is too short to tell whether a model says more than the base rate"
        told = short if gain == float("-inf") else "no model says more than the base rate on the older folds"
        why = f"{_leads(matrix)}, but {told}: every lead gets the base rate"
        beside = (specs, matrix)
    return *fit_lowest([], [], _without_features(matrix), pairs, beside), why


def gain_over_base_rate(matrix: Matrix, honest: OutOfFold) -> float:
    """Return by how much the margins' log loss on the older folds lies below that of the rate known before each.

    Only labels that were known when the newest fold begins count. Minus infinity where no older fold tells.
    """
    y, p, base, weight = [], [], [], []
    newest = honest.row[honest.judged]
    in_time = matrix.known_at <= (matrix.as_of[newest].min() if len(newest) else matrix.known_at.max())
    for number in np.unique(honest.fold[~honest.judged]):
        mine = (honest.fold == number) & in_time[honest.row]
        if not mine.any():
            continue
        rows = honest.row[mine]
        known = matrix.known_at <= matrix.as_of[rows].min()
        right, total = float((matrix.y * matrix.weight)[known].sum()), float(matrix.weight[known].sum())
        y.append(matrix.y[rows])
        weight.append(matrix.weight[rows])
        p.append(1 / (1 + np.exp(-honest.margin[mine])))
        base.append(np.full(len(rows), (right + 0.5) / (total + 1)))
    if not y:
        return float("-inf")
    one, two, three, four = (np.concatenate(part) for part in (y, p, base, weight))
    return classification.log_loss(one, three, four) - classification.log_loss(one, two, four)


def _without_features(matrix: Matrix) -> Matrix:
    """Return the rows without their features."""
    return replace(matrix, values=matrix.values[[]])


def _leads(matrix: Matrix) -> str:
    """Say how many leads there are, and how many of them went on."""

    def count(rows: npt.NDArray[np.bool_]) -> int:
        return len(np.unique(matrix.lead[rows]))

    return f"{count(matrix.y == 1):,} of {count(matrix.y >= 0):,} leads went on"


@dataclass(frozen=True)
class LaterStage:
    """A question that follows: its model, and what is to be said of it.

    Attributes
    ----------
    step : Step
        Its rows and labels.
    fitted : TrainedModel
        Its model, and the data that it was made of.
    why : str
        What was fitted, and why, in one sentence.
    evaluation : BacktestResult
        Its own backtest; no folds where nothing could be judged.
    drivers : list of Driver
        What moves it, the strongest first.
    """

    step: StageQuestion
    fitted: TrainedModel
    why: str
    evaluation: BacktestResult
    drivers: list[Driver]

    @property
    def name(self) -> str:
        """How the stage is called in files and columns, as in `won_given_sql`."""
        return stage_column(self.step).removeprefix("p_")

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        step = self.step
        record: dict[str, Any] = to_jsonable({
            "given": step.given, "reaches": step.reaches, "column": stage_column(step), "within": step.within,
            "snapshots": asdict(step.counts), "leads": round(float(step.labels.weight.sum())), "why": self.why,
            "evaluation": self.evaluation.to_record(), "drivers": [asdict(d) for d in self.drivers[:20]],
        })  # fmt: skip
        return record


@dataclass(frozen=True)
class LaterStageModels:
    """All downstream stages.

    Attributes
    ----------
    stages : tuple of LaterStage
        In their order.
    chain : ChainEvaluation or None
        How the product of all probabilities did; None where too little is known, as `chain_why` says.
    amount : DealAmountModel or None
        What a won lead brings; None where the config or the deals don't tell, as `value_why` says.
    """

    stages: tuple[LaterStage, ...]
    chain: ChainEvaluation | None
    chain_why: str
    amount: DealAmountModel | None
    value_why: str

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "steps": [stage.to_record() for stage in self.stages],
            "chain": None if self.chain is None else self.chain.to_record(),
            "chain_why": self.chain_why,
            "value": None if self.amount is None else to_jsonable(self.amount.told),
            "value_why": self.value_why,
        }

    def manifest(self, config: Config) -> list[dict[str, Any]]:
        """Return what the bundle's manifest says of each: its question, and where its files and scores are."""
        return [
            {
                "asked": asked, "given": s.step.given, "column": stage_column(s.step), "folder": f"then_{s.name}",
                "features": [*s.fitted.scorer.names],
            }
            for s, asked in zip(self.stages, stage_questions(config), strict=True)
        ]  # fmt: skip

    def files(self) -> dict[str, str | bytes]:
        """Return the bundle's files of every later stage by path."""
        return {f"then_{s.name}/{name}": text for s in self.stages for name, text in s.fitted.scorer.to_files().items()}

    def records(self) -> dict[str, Any]:
        """Return the bundle's JSON records of the later stages: the estimate of amounts, where there is one."""
        return {} if self.amount is None else {later_stages.FILE: self.amount.to_record()}

    def metrics(self) -> list[tuple[str, float, int]]:
        """List the figures worth tracking."""
        rows = [
            (f"{s.name}.{k}", v, 0)
            for s in self.stages
            if s.evaluation.folds
            for k, v in s.evaluation.newest.figures["model"].values().items()
        ]
        if self.chain is not None:
            told = ("auc", "first_auc", "predicted", "observed", "ece")
            rows += [(f"chain.{k}", getattr(self.chain, k), 0) for k in told]
        judged = {} if self.amount is None else self.amount.told.get("judged", {})
        return rows + [
            (f"value.{k}", judged[k], 0) for k in ("mae", "mae_mean", "observed_over_predicted") if k in judged
        ]


def fit_later_stages(fitted: TrainedModel, progress: Progress) -> tuple[Findings, LaterStageModels | None]:
    """Fit and judge the downstream stages: what the checks saw, and the stages (None without any).

    Raises
    ------
    DataError
        A check found an error that the config doesn't accept.
    """
    following = fitted.made.following
    if following is None:
        return Findings(), None
    found, stages = Findings(), []
    for step in following.steps:
        progress(f"fitting {step.reaches} given {step.given} on {len(step.rows):,} snapshots")
        mine, why, said = fit_later_stage(fitted, step)
        stage = _evaluate_stage(step, mine, why)
        found += said + _checked(stage)
        found.raise_errors()
        stages.append(stage)
    progress("judging the stages end to end")
    made, why = _chain(fitted, stages)
    amount, lacks = _amount(fitted, following.deals, stages[-1].step.reaches)
    return found, LaterStageModels(tuple(stages), made, why, amount, lacks)


def _evaluate_stage(step: StageQuestion, fitted: TrainedModel, why: str) -> LaterStage:
    """Judge a stage's model by the same functions as the first's."""
    scorer, made, matrix = fitted.scorer, fitted.made, fitted.matrix
    values = made.features.values[list(scorer.names)]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    ranked = rank_drivers(specs, values, contributions, matrix.weight) if specs else []
    return LaterStage(step, fitted, why, evaluate_folds(judged_folds(fitted), fitted.config.seed), ranked)


def _checked(stage: LaterStage) -> Findings:
    """Run the checks after training on a stage's model, and say which stage they are about."""
    fitted, evaluation, ranked = stage.fitted, stage.evaluation, stage.drivers
    config = fitted.config
    found = run_checks(gate.AFTER_TRAINING, gate.TrainedContext(evaluation, ranked[0].words if ranked else "none"))
    if fitted.folds and fitted.scorer.names:
        train = fitted.folds[-1].train
        asked = experiment_data(config, fitted.made, fitted.matrix, fitted.scorer, fitted.honest, train, ranked)
        found += run_checks(experiments.AFTER_TRAINING, asked)
    accepted = found.accept(config.leaks.accept)
    return Findings(tuple(replace(f, subject=f"{stage.name}: {f.subject}") for f in accepted))


def _chain(first: TrainedModel, stages: list[LaterStage]) -> tuple[ChainEvaluation | None, str]:
    """Fit all models again on what was known before the last stage's newest fold, and judge their product on its span."""
    last = stages[-1]
    if not last.fitted.folds:
        return None, f"no fold of {last.name} can be tested: its history is too short"
    newest = last.fitted.made.features.as_of[last.fitted.folds[-1].test]
    span = int(newest.min()), int(newest.max()) + 1
    went, undecided = _ends(first, stages)
    as_of = first.matrix.as_of
    rows = np.flatnonzero((as_of >= span[0]) & (as_of < span[1]) & ~undecided)
    values = first.made.features.values.iloc[rows]
    said = []
    for number, fitted in enumerate((first, *(stage.fitted for stage in stages))):
        scorer = refit_as_known(fitted, span[0], number)
        if scorer is None:
            return None, "before the newest labeled cohort too few outcomes were known to fit the models again"
        said.append(scorer.probability(values[list(scorer.names)]))
    product = np.prod(said, axis=0)
    group = first.made.features.group()[rows]
    weight = first.matrix.weight[rows]
    return later_stages.evaluate_stage_chain(went[rows], said[0], product, weight, group, span, first.config.seed), ""


def _ends(first: TrainedModel, stages: list[LaterStage]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Tell of each of the first question's rows whether it went all the way, and whether that isn't known."""
    went, undecided = first.matrix.y.copy(), np.zeros(len(first.matrix), dtype=bool)
    for stage in stages:
        label = np.full(len(went), np.nan)
        label[stage.step.rows] = stage.step.labels.y
        undecided |= (went == 1) & np.isnan(label)
        went = np.where(went == 1, np.nan_to_num(label), 0.0)
    return went, undecided


def _amount(first: TrainedModel, deals: WonDeals | None, reaches: str) -> tuple[DealAmountModel | None, str]:
    """Estimate what a won lead brings; or say why that can't be done."""
    if reaches != "won":
        return None, f"the last question asks for {reaches}: only closed-won deals have an amount"
    if deals is None:
        return None, "no amounts: they take tables.opportunities with lead, stage, closed_at and amount"
    known = {s.name for s in first.made.features.specs}
    specs = [s for s in deals.features.specs if s.name in known]
    data = deals.features
    made = later_stages.fit_deal_amounts(
        specs, data.values, deals.amount, data.lead_id, data.group(), first.config.seed
    )
    few = f"{len(deals.amount)} won deals have an amount, and it takes {MIN_GROUP_SIZE}"
    return made, "" if made is not None else few

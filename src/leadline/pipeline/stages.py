"""Downstream stages: a model for each on its own rows, all of them judged end to end, and deals' worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.checks import Findings, run
from leadline.config import Config
from leadline.history.following import Deals, Step
from leadline.jsonable import to_jsonable
from leadline.judge import chain, experiments, leaks, value
from leadline.judge.backtest import Evaluation, evaluate
from leadline.judge.chain import Chain
from leadline.judge.explain import Driver, drivers
from leadline.judge.value import Amount
from leadline.pipeline.asking import Progress
from leadline.pipeline.experiments import trial
from leadline.pipeline.fitted import Fitted, judged_folds
from leadline.pipeline.steps import again, column, fit_step
from leadline.privacy import MIN_GROUP_SIZE

__all__ = ["Stage", "Stages", "follow", "questions"]


@dataclass(frozen=True)
class Stage:
    """A question that follows: its model, and what is to be said of it.

    Attributes
    ----------
    step : Step
        Its rows and labels.
    fitted : Fitted
        Its model, and the data that it was made of.
    why : str
        What was fitted, and why, in one sentence.
    evaluation : Evaluation
        Its own backtest; no folds where nothing could be judged.
    drivers : list of Driver
        What moves it, the strongest first.
    """

    step: Step
    fitted: Fitted
    why: str
    evaluation: Evaluation
    drivers: list[Driver]

    @property
    def name(self) -> str:
        """How the stage is called in files and columns, as in `won_given_sql`."""
        return column(self.step).removeprefix("p_")

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        step = self.step
        record: dict[str, Any] = to_jsonable({
            "given": step.given, "reaches": step.reaches, "column": column(step), "within": step.within,
            "snapshots": asdict(step.counts), "leads": round(float(step.labels.weight.sum())), "why": self.why,
            "evaluation": self.evaluation.to_record(), "drivers": [asdict(d) for d in self.drivers[:20]],
        })  # fmt: skip
        return record


@dataclass(frozen=True)
class Stages:
    """All downstream stages.

    Attributes
    ----------
    stages : tuple of Stage
        In their order.
    chain : Chain or None
        How the product of all probabilities did; None where too little is known, as `chain_why` says.
    amount : Amount or None
        What a won lead brings; None where the config or the deals don't tell, as `value_why` says.
    """

    stages: tuple[Stage, ...]
    chain: Chain | None
    chain_why: str
    amount: Amount | None
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
                "asked": asked, "given": s.step.given, "column": column(s.step), "folder": f"then_{s.name}",
                "features": [*s.fitted.scorer.names],
            }
            for s, asked in zip(self.stages, questions(config), strict=True)
        ]  # fmt: skip

    def files(self) -> dict[str, str]:
        """Return the bundle's texts of every later stage by path."""
        return {f"then_{s.name}/{name}": text for s in self.stages for name, text in s.fitted.scorer.to_files().items()}

    def records(self) -> dict[str, Any]:
        """Return the bundle's JSON records of the later stages: the estimate of amounts, where there is one."""
        return {} if self.amount is None else {value.FILE: self.amount.to_record()}

    def metrics(self) -> list[tuple[str, float, int]]:
        """List the figures worth tracking."""
        rows = [
            (f"{s.name}.{k}", v, 0)
            for s in self.stages
            if s.evaluation.folds
            for k, v in vars(s.evaluation.newest.figures["model"]).items()
        ]
        if self.chain is not None:
            told = ("auc", "first_auc", "predicted", "observed", "ece")
            rows += [(f"chain.{k}", getattr(self.chain, k), 0) for k in told]
        judged = {} if self.amount is None else self.amount.told.get("judged", {})
        return rows + [
            (f"value.{k}", judged[k], 0) for k in ("mae", "mae_mean", "observed_over_predicted") if k in judged
        ]


def questions(config: Config) -> list[dict[str, Any]]:
    """Return the downstream stages, as a bundle's manifest keeps them."""
    return [asked.model_dump(mode="json", include={"reaches", "within", "delay"}) for asked in config.outcome.then]


def follow(fitted: Fitted, progress: Progress) -> tuple[Findings, Stages | None]:
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
        mine, why, said = fit_step(fitted, step)
        stage = _judged(step, mine, why)
        found += said + _checked(stage)
        found.raise_errors()
        stages.append(stage)
    progress("judging the stages end to end")
    made, why = _chain(fitted, stages)
    amount, lacks = _amount(fitted, following.deals, stages[-1].step.reaches)
    return found, Stages(tuple(stages), made, why, amount, lacks)


def _judged(step: Step, fitted: Fitted, why: str) -> Stage:
    """Judge a stage's model by the same functions as the first's."""
    scorer, made, matrix = fitted.scorer, fitted.made, fitted.matrix
    values = made.features.values[list(scorer.names)]
    contributions, _ = scorer.contributions(values)
    specs = [s for s in made.features.specs if s.name in set(scorer.names)]
    ranked = drivers(specs, values, contributions, matrix.weight) if specs else []
    return Stage(step, fitted, why, evaluate(judged_folds(fitted), fitted.config.seed), ranked)


def _checked(stage: Stage) -> Findings:
    """Run the checks after training on a stage's model, and say which stage they are about."""
    fitted, evaluation, ranked = stage.fitted, stage.evaluation, stage.drivers
    config = fitted.config
    found = run(leaks.AFTER_TRAINING, leaks.Trained(evaluation, ranked[0].words if ranked else "none"))
    if fitted.folds and fitted.scorer.names:
        train = fitted.folds[-1].train
        asked = trial(config, fitted.made, fitted.matrix, fitted.scorer, fitted.honest, train, ranked)
        found += run(experiments.AFTER_TRAINING, asked)
    accepted = found.accept(config.leaks.accept)
    return Findings(tuple(replace(f, subject=f"{stage.name}: {f.subject}") for f in accepted))


def _chain(first: Fitted, stages: list[Stage]) -> tuple[Chain | None, str]:
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
        scorer = again(fitted, span[0], number)
        if scorer is None:
            return None, "before the newest labeled cohort too few outcomes were known to fit the models again"
        said.append(scorer.probability(values[list(scorer.names)]))
    product = np.prod(said, axis=0)
    group = first.made.features.group()[rows]
    weight = first.matrix.weight[rows]
    return chain.judge(went[rows], said[0], product, weight, group, span, first.config.seed), ""


def _ends(first: Fitted, stages: list[Stage]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Tell of each of the first question's rows whether it went all the way, and whether that isn't known."""
    went, undecided = first.matrix.y.copy(), np.zeros(len(first.matrix), dtype=bool)
    for stage in stages:
        label = np.full(len(went), np.nan)
        label[stage.step.rows] = stage.step.labels.y
        undecided |= (went == 1) & np.isnan(label)
        went = np.where(went == 1, np.nan_to_num(label), 0.0)
    return went, undecided


def _amount(first: Fitted, deals: Deals | None, reaches: str) -> tuple[Amount | None, str]:
    """Estimate what a won lead brings; or say why that can't be done."""
    if reaches != "won":
        return None, f"the last question asks for {reaches}: only closed-won deals have an amount"
    if deals is None:
        return None, "no amounts: they take tables.opportunities with lead, stage, closed_at and amount"
    known = {s.name for s in first.made.features.specs}
    specs = [s for s in deals.features.specs if s.name in known]
    data = deals.features
    made = value.estimate(specs, data.values, deals.amount, data.lead_id, data.group(), first.config.seed)
    few = f"{len(deals.amount)} won deals have an amount, and it takes {MIN_GROUP_SIZE}"
    return made, "" if made is not None else few

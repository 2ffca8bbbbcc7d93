"""`train`: from a config to a judged, tracked and exported scorer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leadline.config.modeling import Leaks
from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.errors import DataError, UsageError
from leadline.evaluation.ablation import FamilyAblation
from leadline.evaluation.backtest import BacktestResult
from leadline.evaluation.capacity import ThresholdResult
from leadline.explanation.drivers import Driver, shap_explanation
from leadline.model.fitting.tuning import optuna_version
from leadline.model.own_model import load_factory
from leadline.model.scorer import Scorer
from leadline.workflows.common import Progress, no_progress, parse_as_of
from leadline.workflows.config_from_file import add_fix_hint, config_for
from leadline.workflows.training.evaluate import ModelEvaluation, evaluate_model, refit_parts
from leadline.workflows.training.fit import TrainedModel, fit_model
from leadline.workflows.training.later_stages import fit_later_stages
from leadline.workflows.training.predictions import write_predictions
from leadline.workflows.training.prepare import TrainingData, make_folds, prepare_training
from leadline.workflows.training.publish import publish, publish_refits, require_registry
from leadline.workflows.training.record import build_run_record

__all__ = ["LEFT_OUT", "TrainResult", "train"]

LEFT_OUT = "feature-family ablation, stability of the drivers, pictures in MLflow"


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
    fitted : TrainedModel
        The model, and the data it was made of.
    judgement : ModelEvaluation
        What is to be said of it.
    out_of_fold : Path or None
        A Parquet file of what models said of snapshots that they weren't fitted on; None where no fold was judged.
    withheld : Findings
        What kept the model from becoming the first champion; none where nothing did.
    """

    name: str
    version: str
    alias: str
    folder: Path
    run_id: str
    fitted: TrainedModel
    judgement: ModelEvaluation
    out_of_fold: Path | None = None
    withheld: Findings = field(default_factory=Findings)

    @property
    def prepared(self) -> TrainingData:
        """The data that the model was made of."""
        return self.fitted.made

    @property
    def config(self) -> Config:
        """The config that it was trained with; where DataFrames were given, it carries them."""
        return self.fitted.config

    @property
    def scorer(self) -> Scorer:
        """The model."""
        return self.fitted.scorer

    @property
    def evaluation(self) -> BacktestResult:
        """The backtest; quote its newest fold."""
        return self.judgement.evaluation

    @property
    def drivers(self) -> list[Driver]:
        """Feature importance (mean |SHAP|), the strongest first."""
        return self.judgement.drivers

    @property
    def capacity(self) -> list[ThresholdResult]:
        """What half to double the capacity would have brought."""
        return self.judgement.capacity.cuts

    @property
    def findings(self) -> Findings:
        """What the checks saw."""
        return self.judgement.findings

    @property
    def families(self) -> tuple[FamilyAblation, ...]:
        """Feature-family ablation; empty where there is one family, or `backtest.ablation` is off."""
        return self.judgement.families or ()

    def explanation(self, rows: int = 1000) -> Any:
        """Return the newest snapshots' contributions as a `shap.Explanation`, for SHAP's own plots.

        Its values are what each feature adds to the log odds before calibration; with `base_values` they add up to them.

        Parameters
        ----------
        rows : int
            How many snapshots, the newest; all where there are fewer.
        """
        return shap_explanation(self.scorer, self.prepared.features, rows)

    def __repr__(self) -> str:
        return f"TrainResult({self.name} {self.version} ({self.alias}) in {self.folder}; {self.evaluation!r})"


def accepting(config: Config, accept: Mapping[str, str]) -> Config:
    """Return the config with more errors of the gate accepted, each with its reason.

    Raises
    ------
    UsageError
        A code isn't one of the gate's, or has no reason.
    """
    try:
        leaks = Leaks(**{**config.leaks.model_dump(), "accept": {**config.leaks.accept, **accept}})
    except ValueError as error:
        raise UsageError(f"--accept: {str(error).partition('`accept`: ')[2].partition(' [type')[0]}") from None
    return config.model_copy(update={"leaks": leaks})


def train(
    config: Config | str | Path | Any,
    as_of: str | int | None = None,
    progress: Progress = no_progress,
    tune: int = 0,
    quick: bool = False,
    accept: Mapping[str, str] | None = None,
    *,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    config_out: str | Path | None = None,
    tables: Mapping[str, Any] | None = None,
) -> TrainResult:
    """Train, judge, track and export a model, using only what was known at T.

    A model that is no better than the base rate alone (LL310) is exported to be looked at, and isn't made the champion:
    its alias is `challenger`, and the result's `withheld` says why.

    Parameters
    ----------
    config : Config, path or DataFrame
        What to train on: a config; or a data file or a DataFrame (pandas, polars, Arrow) with one row a lead, and `outcome`.
    as_of : str or int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    progress : callable, optional
        Is told each stage's name.
    tune : int
        How many recipes to try on the folds older than the newest; 0 takes the default one. Needs the extra `tune`.
    quick : bool
        Leaves out what changes neither the model nor what it is judged by (`LEFT_OUT`). All the rest is the same.
    accept : mapping of str to str, optional
        Reasons by code, beside those of the config's `leaks.accept`.
    outcome, positive, order_by : str, optional
        Of a data file or a DataFrame: the outcome's column, its value that means yes, and the column that runs with time.
    config_out : path, optional
        Where the config of a data file or a DataFrame is written: by default NAME.yaml for a file, nowhere for a DataFrame.
    tables : mapping of str to DataFrame, optional
        What is read in the place of the config's sources, by table.

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
    asked = config_for(config, progress, outcome, positive, order_by, config_out, tables)
    if accept:
        asked = accepting(asked, accept)
    try:
        return _train(asked, as_of, progress, tune, quick)
    except DataError as refusal:
        if outcome is not None:
            add_fix_hint(refusal, asked, "train")
        raise


def _train(config: Config, as_of: str | int | None, progress: Progress, tune: int, quick: bool) -> TrainResult:
    if tune:
        optuna_version()  # the extra is missed now, not after minutes
        if config.model.model_fields_set:
            named = ", ".join(sorted(config.model.model_fields_set))
            raise UsageError(f"--tune: the config sets {named} in `model`; expected one of both; leave one out")
    if config.model.use is not None:
        load_factory(config.model.use, config.model.params, config.seed)  # as well
    require_registry(config)  # what a store lacks is known before anything is read
    made = prepare_training(config, parse_as_of(config, as_of), progress)
    folds, said = make_folds(config, made)
    fitted, judgement = evaluate_model(fit_model(config, made, folds, tune, progress), said, progress)
    found, stages = fit_later_stages(fitted, progress)
    judgement = replace(judgement, findings=judgement.findings + found, stages=stages)
    progress("tracking and exporting")
    record = build_run_record(fitted, judgement)
    published = publish(fitted, judgement, record)
    rows = write_predictions(fitted, published.version)
    progress(f"{config.name} {published.version} stands in {published.folder} as the {published.alias}")
    if quick:
        progress(f"left out, as --quick asks: {LEFT_OUT}")
    else:
        judgement = refit_parts(fitted, judgement, progress)
        publish_refits(fitted, published, judgement, record)
    withheld = judgement.withheld if published.withheld else Findings()
    return TrainResult(config.name, *published[:4], fitted, judgement, rows, withheld)

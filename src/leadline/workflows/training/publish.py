"""Publishing a trained model: what its bundle, its MLflow run and its evidence hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import leadline
from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.core.files import locked, place, staging, write_bytes, write_json, write_text
from leadline.dataset.feature_spec import Feature
from leadline.errors import OutputError
from leadline.evaluation.backtest import BacktestResult
from leadline.evaluation.model_plots import ThresholdCurves, threshold_curves
from leadline.features.families.intent_stage import IntentRule
from leadline.masking import mask
from leadline.model.calibration.conversion_curve import FILE as CURVE
from leadline.model.fitting.fit import OutOfFold
from leadline.model.scorer import Scorer
from leadline.monitoring.reference import reference_record
from leadline.registry import bundle, tracking
from leadline.registry.logged_model import median_example
from leadline.report.card.card import NAME, model_card
from leadline.report.charts.matplotlib import training_charts
from leadline.scoring.grade import FILE as GRADES
from leadline.workflows.common import behaviour_intents
from leadline.workflows.training.evaluate import ModelEvaluation
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.points import CARD, definition_files, points_files
from leadline.workflows.training.prepare import TrainingData
from leadline.workflows.training.record import refits_record
from leadline.workflows.training.tiers import fit_grading

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PublishedVersion",
    "publish",
    "publish_refits",
    "publish_version",
    "require_registry",
]


# Placing a version: one MLflow run, one bundle in its place, one alias, in an order that survives a kill.
#
# The bundle is staged, logged and registered first, then renamed to ``models/NAME/VERSION``, and only then does an
# alias point at it: a run that dies on the way leaves a version that nobody uses.


SERVING = ("lightgbm", "numpy", "pandas", "scikit-learn", "threadpoolctl")


class PublishedVersion(NamedTuple):
    """A version that was tracked, registered and exported: its number, its alias, where it lies, and its run.

    `withheld` tells that it would be the champion, had training not found what speaks against it.
    """

    version: str
    alias: str
    folder: Path
    run_id: str
    withheld: bool = False


def require_registry(config: Config) -> None:
    """Make sure, before the minutes of fitting, that the registry answers and the next version's place is free.

    Raises
    ------
    ConfigError, MissingError, OutputError, RetryError
        As `publish_version` would, after the fitting.
    """
    tracking.require_usable(config.tracking.uri, config.experiment)
    _refuse_taken(config, bundle.MODELS / config.name)


def publish_version(
    config: Config,
    title: str,
    about: str,
    specs: Sequence[Feature],
    write: Callable[[tracking.MlflowRun, Path], None],
    withheld: bool = False,
    example: pd.DataFrame | None = None,
) -> PublishedVersion:
    """Track, register and export a bundle; the first version of a name is the champion, later ones are challengers.

    Parameters
    ----------
    title, about : str
        The run's name, and the version's description.
    specs : sequence of Feature
        What the model reads, for its signature.
    write : callable
        Writes the bundle into a folder that it is given, and logs to the run that it is given.
    withheld : bool
        Whether it must not become the champion, though there is none.
    example : DataFrame, optional
        A row to try the model with in MLflow.

    Raises
    ------
    OutputError
        A bundle of that version stands there already, made with another registry; or the disk refuses.
    RetryError
        Another run publishes the same model, or the registry is down.
    """
    home, uri = bundle.MODELS / config.name, config.tracking.uri
    with locked(home / ".lock", wait=60.0), staging(home) as stage:
        staged = stage / "bundle"  # MLflow keeps the folder's name
        _refuse_taken(config, home)
        with tracking.open_run(uri, config.experiment, config.name, title) as run:
            write(run, staged)
            run.folder(staged, "bundle")
            requirements = [f"{package}=={version(package)}" for package in SERVING]
            number = run.register(staged, specs, example, requirements, about)
        place(staged, home / number)
        taken = "champion" in tracking.aliases(uri, config.name)
        alias = "challenger" if taken or withheld else "champion"
        tracking.set_alias(uri, config.name, alias, number)
    return PublishedVersion(number, alias, home / number, run.id, withheld and not taken)


def _refuse_taken(config: Config, home: Path) -> None:
    """A version's folder that the registry doesn't know belongs to another registry: it must not be lost."""
    following = tracking.newest_version(config.tracking.uri, config.name) + 1
    if (home / str(following)).exists():
        raise OutputError(
            f"{home / str(following)}: a bundle stands there that this registry ({config.tracking.uri.split('://')[0]}) doesn't know; "
            "expected a free place; move it away, or use the tracking.uri that it was made with"
        )


PACKAGES = ("lightgbm", "numpy", "pandas", "pyarrow", "scikit-learn", "duckdb", "mlflow", "shap")


def publish(fitted: TrainedModel, told: ModelEvaluation, record: Mapping[str, Any]) -> PublishedVersion:
    """Track, register and export a trained model.

    Raises
    ------
    OutputError, RetryError
        As `publish_version`.
    """
    config, made = fitted.config, fitted.made

    def write(run: tracking.MlflowRun, folder: Path) -> None:
        _write_bundle(folder, fitted, told, record, run.id)
        _log(run, fitted, told, record)
        with staging(bundle.MODELS / config.name) as extra:
            _write_evidence(extra, config, record)
            run.folder(extra, "evidence")

    title, about = f"{config.name} at {_known_at_text(record)}", _description(told.evaluation, record)
    specs, example = made.features.specs, median_example(made.features.specs, made.features.values)
    return publish_version(config, title, about, specs, write, bool(told.withheld), example)


def publish_refits(
    fitted: TrainedModel, published: PublishedVersion, told: ModelEvaluation, record: Mapping[str, Any]
) -> None:
    """Add what was found out once the model stood: beside its bundle, and to its run, with pictures and the whole model card."""
    found = refits_record(told)
    bundle.write_refits(published.folder, found)
    whole = {**record, **found}
    with (
        tracking.reopen_run(fitted.config.tracking.uri, published.run_id) as run,
        staging(bundle.MODELS / fitted.config.name) as extra,
    ):
        run.metrics(_ablation_metrics(whole) + (told.stability.metrics() if told.stability is not None else []))
        write_text(extra / NAME, model_card(whole))
        write_json(extra / "record.json", whole)
        if whole["ablation"]:
            write_json(extra / "ablation.json", whole["ablation"])
        curves = _newest_curves(fitted)
        for name, picture in training_charts(told.evaluation, told.drivers, told.pictures, curves).items():
            write_bytes(extra / name, picture)
        if curves is not None:
            write_json(extra / "confusion_matrix.json", [asdict(tier) for tier in curves.tiers])
        run.folder(extra, "evidence")


def _newest_curves(fitted: TrainedModel) -> ThresholdCurves | None:
    """Say how well the newest fold's snapshots are told apart, on the exported scorer's scale, which the tiers' cuts are of."""
    honest, bands = fitted.honest, fitted.scorer.bands
    row = honest.row[honest.judged]
    if not len(row):
        return None
    p = honest.tonight.probability(honest.margin[honest.judged])
    minimum = dict(zip(bands.names, bands.cuts, strict=False))
    return threshold_curves(fitted.matrix.y[row], p, fitted.matrix.weight[row], minimum)


def _write_bundle(
    folder: Path, fitted: TrainedModel, told: ModelEvaluation, record: Mapping[str, Any], run_id: str
) -> None:
    """Write the scorer with all that a night, a report and a contest ask of it."""
    config, made, scorer, stages = fitted.config, fitted.made, fitted.scorer, told.stages
    bundle.write_bundle(
        folder,
        {**scorer.to_files(), **(stages.files() if stages else {}), NAME: model_card(record), **_points(record)},
        {**_manifest(config, made, scorer, record, run_id), **_later(config, told)},
        {
            "record.json": record,
            GRADES: (fitted.grading or fit_grading(fitted)).to_record(),
            **({} if told.curve[0] is None else {CURVE: told.curve[0].to_record()}),
            **told.accounts.files(),
            **definition_files(fitted),
            **(stages.records() if stages else {}),
        },
        config.signing_key,
    )


def _log(run: tracking.MlflowRun, fitted: TrainedModel, told: ModelEvaluation, record: Mapping[str, Any]) -> None:
    """Log parameters, tags, figures and the data sets."""
    config, made, loaded = fitted.config, fitted.made, fitted.made.loaded
    run.params(_params(config, made, fitted.scorer, told.findings, _known_at_text(record)) | _rung(fitted))
    run.tags(_tags(config))
    run.metrics(_metrics(told.evaluation, fitted.honest) + _topk_metrics(record) + _segments(record))
    for part in (told.sample, told.stages):
        run.metrics(part.metrics() if part is not None else [])
    if fitted.tuned is not None:
        run.children(
            [
                (f"recipe {n + 1}", one.numbers, {"older_folds.log_loss": one.loss})
                for n, one in enumerate(fitted.tuned.tried)
            ]
        )
    run.datasets([
        tracking.LoggedDataset(table, loaded.sources.get(table, ""), loaded.fingerprints.get(table, ""), rows)
        for table, rows in loaded.rows.items()
    ])  # fmt: skip


def _manifest(
    config: Config, made: TrainingData, scorer: Scorer, record: Mapping[str, Any], run_id: str
) -> dict[str, Any]:
    return {
        "name": config.name,
        "leadline": leadline.__version__,
        "known_at": record["known_at"],
        "run_id": run_id,
        "config_hash": config.hash,
        "flat": config.is_flat,
        "dated": made.loaded.is_dated,
        "outcome": config.outcome.model_dump(mode="json", exclude={"observed_from", "observed_until"}),
        "snapshots": config.snapshots.model_dump(mode="json", exclude={"max"}),
        "features": [s.to_record() for s in made.features.specs],
        "intents": behaviour_intents(config),
        "intent_stages": rule.to_record() if (rule := IntentRule.of(config)) else None,
        "roles": {role: list(patterns) for role, patterns in config.roles.items()},
        "tiers": {"names": list(scorer.bands.names), "cuts": list(scorer.bands.cuts)},
        "capacity": config.capacity.model_dump(mode="json"),
        "reference": reference_record(made.features, made.labels.weight, scorer),
        "inputs": None if made.inputs is None else made.inputs.to_record(),
        "complexity": (record["complexity"] or {}).get("name"),
    }


def _rung(fitted: TrainedModel) -> dict[str, Any]:
    """Say what was fitted, and why."""
    return {} if fitted.rung is None else {"complexity": fitted.rung.name, "complexity.reason": fitted.rung.reason}


def _later(config: Config, told: ModelEvaluation) -> dict[str, Any]:
    """Say of the downstream stages where their models are; nothing where there are none."""
    return {} if told.stages is None else {"then": told.stages.manifest(config)}


def _known_at_text(record: Mapping[str, Any]) -> str:
    """Say T; a flat file without --as-of has none."""
    return str(record["known_at"] or "all rows")


def _params(config: Config, made: TrainingData, scorer: Scorer, found: Findings, known: str) -> dict[str, Any]:
    counts = made.counts
    recipe = {f"recipe.{k}": v for k, v in scorer.recipe.to_record().items()}
    rows = {f"rows.{t}": n for t, n in made.loaded.rows.items()}
    return {
        "config_hash": config.hash, "seed": config.seed, "known_at": known, "horizon": config.horizon,
        "features": len(made.features.specs), "snapshots.positive": counts.positive, "snapshots.negative": counts.negative,
        "snapshots.censored": counts.censored, "snapshots.late": counts.late, "snapshots.before": counts.before,
        "snapshots.thinned_to": counts.kept_negative if counts.thinned else "none", "findings": len(found), **rows, **recipe,
    }  # fmt: skip


def _tags(config: Config) -> dict[str, Any]:
    versions = {f"version.{p}": version(p) for p in PACKAGES}
    return {
        "leadline": leadline.__version__,
        "git_revision": tracking.git_revision() or "none",
        "outcome": str(config.outcome.reaches or config.outcome.column),
        **versions,
    }


def _metrics(evaluation: BacktestResult, honest: OutOfFold) -> list[tuple[str, float, int]]:
    """Yield each fold's figures as steps, the newest's again under plain names, and the validation curves."""
    rows: list[tuple[str, float, int]] = []
    if evaluation.next_auc is not None:
        rows += [
            ("next_period.auc_low", evaluation.next_auc.low, 0),
            ("next_period.auc_high", evaluation.next_auc.high, 0),
        ]
    for fold in evaluation.folds:
        rows += [("fold.base_rate", fold.base_rate, fold.number), ("fold.rows", fold.rows, fold.number)]
        for who, figures in fold.figures.items():
            values = figures.values()
            rows += [(f"fold.{who}.{k}", v, fold.number) for k, v in values.items()]
            if fold is evaluation.newest:
                prefix = "" if who == "model" else f"{who}."
                rows += [(f"{prefix}{k}", v, 0) for k, v in values.items()]
    for curve in honest.curves:
        if curve["taken"]:
            losses = curve["log_loss"]
            step = max(1, len(losses) // 100)
            rows += [(f"curve.fold_{curve['fold'] + 1}.log_loss", losses[n], n) for n in range(0, len(losses), step)]
    return rows


def _ablation_metrics(record: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """List what each family of features is worth."""
    return [
        (f"ablation.{worth['family']}.{name}", worth[what], 0)
        for worth in record["ablation"] or []
        for what, name in (("logloss", "log_loss"), ("auc", "auc"))
        if worth[what] is not None
    ]


def _topk_metrics(record: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """List what working the top of the list would have brought, by who ranked, and how much a random split flatters."""
    rows = [
        (f"topk.{worked['by']}.{what}", worked[what], 0)
        for worked in (record["nights"] or {"rankers": []})["rankers"]
        for what in ("sqls", "precision", "newest_sqls", "won", "amount")
    ]
    told = record["optimism"]
    for what in ("auc", "lift_10") if told else ():
        sides = told["drawn"][what], told["forward"][what]
        rows += [(f"optimism.{what}", sides[0] - sides[1], 0)] if None not in sides else []
    return [row for row in rows if row[1] is not None]


def _segments(record: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """Count the segments in which the model is calibrated, and those in which it is not."""
    every = (record["segments"] or {"segments": []})["segments"]
    return [
        (f"segments.{verdict}", sum(s["verdict"] == verdict for s in every), 0)
        for verdict in ("calibrated", "miscalibrated")
    ]


def _points(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the scorecard as a text of the bundle, where there is one."""
    return {f"{name}.csv": table.decode() for name, table in points_files(record).items() if name == CARD}


def _write_evidence(folder: Path, config: Config, record: Mapping[str, Any]) -> None:
    """Write what the run shows beside the bundle: the config as written, the record, and drivers."""
    # A password belongs in ${NAME}; one written into a URL all the same must not travel on.
    write_text(folder / "config.yaml", mask(config.text))
    write_json(folder / "record.json", record)
    write_text(folder / NAME, model_card(record))
    write_json(folder / "drivers.json", record["drivers"])
    for name, table in points_files(record).items():
        write_bytes(folder / f"{name}.csv", table)


def _description(evaluation: BacktestResult, record: Mapping[str, Any]) -> str:
    known = f"what was known at {record['known_at']}" if record["known_at"] else "all rows"
    return f"leadline model trained on {known}. {evaluation!r} What it is for and can't do: evidence/{NAME} of its run."

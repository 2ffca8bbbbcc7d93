"""The run's record: what a report, a model card and a reader of JSON are made of. It holds no lead's data."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import leadline
from leadline.core.jsonable import to_jsonable
from leadline.evaluation import capacity
from leadline.insights import diagnosis
from leadline.model.fitting.selection import said
from leadline.workflows.common import format_as_of
from leadline.workflows.training import tiers
from leadline.workflows.training.evaluate import ModelEvaluation
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.refits import rare_level_shares
from leadline.workflows.training.report_sections import behaviour_record

__all__ = ["build_run_record", "refits_record"]

PACKAGES = ("lightgbm", "numpy", "pandas", "scikit-learn", "duckdb")


def build_run_record(fitted: TrainedModel, told: ModelEvaluation) -> dict[str, Any]:
    """Return the run's record, plain JSON values: counts and figures, never a lead's data."""
    config, made, honest = fitted.config, fitted.made, fitted.honest
    loaded = made.loaded
    cuts: Any = to_jsonable([asdict(c) for c in told.capacity.cuts])
    curve = _curve(fitted) if cuts else []
    return {
        "name": config.name,
        "known_at": format_as_of(loaded.known_at, loaded.is_dated),
        "observed_until": format_as_of(loaded.observed_until, loaded.is_dated),
        "outcome": config.outcome.model_dump(mode="json"),
        "snapshots": asdict(made.counts),
        "tables": loaded.rows,
        "fingerprints": loaded.fingerprints,
        "sources": loaded.sources,
        "evaluation": told.evaluation.to_record(),
        "drivers": to_jsonable([asdict(d) for d in told.drivers]),
        "capacity": cuts,
        "curve": curve,
        "tier_stability": told.capacity.to_record(),
        "behaviours": behaviour_record(fitted, told.drivers, told.moved),
        "pictures": None if told.pictures is None else told.pictures.to_record(),
        **told.sections,
        "drivers_direction": to_jsonable(told.moved),
        "findings": told.findings.records(),
        "choice": to_jsonable(honest.choice) | {"words": said(honest.choice)},
        "curves": to_jsonable(list(honest.curves)),
        "stages": None if told.stages is None else told.stages.to_record(),
        "complexity": None if fitted.rung is None else fitted.rung.to_record(),
        "rare_levels": rare_level_shares(fitted),
        "sample": None if told.sample is None else told.sample.to_record(),
        **refits_record(told),
        "segments": None if told.segments is None else told.segments.to_record(),
        "provenance": _provenance(fitted),
        "nights": told.nights.to_record(),
        "nights_reason": told.nights.reason,
        "accounts": told.accounts.to_record(),
        "grades": told.grid,
        "curve_over_time": told.curve[1],
        "optimism": None if told.optimism is None else told.optimism.to_record(),
        **_funnel_parts(told, cuts, curve),
        **told.points,
    }


def refits_record(told: ModelEvaluation) -> dict[str, Any]:
    """Return what refits told: None each as long as there were none."""
    return {
        "stability": None if told.stability is None else told.stability.to_record(),
        "ablation": None if told.families is None else [worth.to_record() for worth in told.families],
    }


def _funnel_parts(told: ModelEvaluation, cuts: Any, curve: Any) -> dict[str, Any]:
    """Tell the funnel, what to change, and what sales rejected."""
    funnel = told.climbed.get("funnel")
    found = None if funnel is None else diagnosis.diagnosis_record(funnel, cuts, curve)
    return {"funnel": funnel, "diagnosis": found, "rejected": told.climbed.get("rejected")}


def _provenance(fitted: TrainedModel) -> dict[str, Any]:
    """Say what making the model again takes."""
    config = fitted.config
    return {
        "leadline": leadline.__version__,
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "seed": config.seed,
        "config_hash": config.hash,
        "folds": config.backtest.folds,
        "features": len(fitted.scorer.names),
        "recipe": to_jsonable(fitted.scorer.recipe.to_record()),
        "tuned": None if fitted.tuned is None else to_jsonable(fitted.tuned.to_record()),
    }


def _curve(fitted: TrainedModel) -> Any:
    """Say what each cut, from a tenth of the capacity to three times it, would have brought in the newest fold."""
    cuts = capacity.capacity_curve(
        tiers.newest_fold_rows(fitted)[0], fitted.config.capacity.leads_per_week, tiers.older_fold_rows(fitted)
    )
    return to_jsonable([asdict(c) for c in cuts])

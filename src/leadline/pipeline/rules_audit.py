"""Today's rules of a run, audited on the newest fold: each rule, what their sum catches, and the stages as criteria."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config import Config, Rule
from leadline.history.catalog import words_for
from leadline.jsonable import to_jsonable
from leadline.judge import behaviours
from leadline.judge.points import fires
from leadline.judge.points_worth import Cohort
from leadline.judge.pooled import ABSENT, OTHER, levels, shown
from leadline.judge.rules_audit import audit
from leadline.judge.rules_caught import Audit, StageAudit, caught, stage_audit
from leadline.pipeline.asking import intents
from leadline.pipeline.fitted import Fitted
from leadline.pipeline.points_card import newest_cohort

__all__ = ["audited"]

Words = npt.NDArray[np.object_]

DEPTHS = ("nothing yet", "awareness", "evaluation", "purchase")


def audited(fitted: Fitted) -> dict[str, Any]:
    """Return the audit as plain JSON values; its `reason` says why there is none, where there is none."""
    config, made = fitted.config, fitted.made
    if fitted.lowest:
        return {"reason": "there are too few outcomes for a model to audit the rules against"}
    if not fitted.honest.judged.any():
        return {"reason": "no fold could be judged, so there is no future cohort"}
    cohort, at = newest_cohort(fitted), fitted.honest.row[fitted.honest.judged]
    found = Audit(len(cohort.y), int(cohort.y.sum()), stages=_stages(fitted, cohort, at))
    if config.rules and made.ruled is not None:
        held = fires(config, made.ruled.values.iloc[at])
        rules = audit(cohort, held, [rule.points for rule in config.rules], config.seed)
        found = Audit(found.rows, found.positives, rules, caught(cohort, _parted(fitted, at)), found.stages)
    return {
        **found.to_record(),
        "definitions": [_said(config, rule) for rule in config.rules],
        "unpaid": _unpaid(fitted, cohort, at),
        "weekly": not config.is_flat,
        "reason": "",
    }


def _said(config: Config, rule: Rule) -> dict[str, Any]:
    """Say what a rule asks, in plain values."""
    when = rule.when
    return {
        "behaviour": when.behaviour,
        "words": None if when.behaviour is None else words_for(config, when.behaviour),
        "within": None if when.within is None else str(when.within),
        "days": None if when.within is None else when.within.days,
        "attribute": when.attribute,
        "equals": None if when.equals is None else shown(str(when.equals)),
    }


def _stages(fitted: Fitted, cohort: Cohort, at: npt.NDArray[np.int64]) -> tuple[StageAudit, ...]:
    """Audit each stage below the outcome, where the features tell who is in it."""
    told = []
    for spec in fitted.made.features.specs:
        if spec.aggregate == "in_stage":
            there = fitted.matrix.values[spec.name].to_numpy(dtype=np.float64)[at] > 0
            told.append(stage_audit(cohort, spec.field, np.asarray(there, dtype=np.bool_), fitted.config.seed))
    return tuple(stage for stage in told if stage is not None)


def _unpaid(fitted: Fitted, cohort: Cohort, at: npt.NDArray[np.int64]) -> Any:
    """List the behaviours that surely go with conversion in the cohort, and that no rule pays for."""
    config = fitted.config
    paid = {rule.when.behaviour for rule in config.rules}
    specs = [s for s in fitted.made.features.specs if s.by == "behaviour" and s.field not in paid]
    if not specs:
        return []
    asked = behaviours.Asked(cohort.y, cohort.weight, cohort.lead, cohort.group)
    values = fitted.matrix.values[[s.name for s in specs]].iloc[at]
    window = max(config.features.windows)
    found = behaviours.compare(specs, values, asked, window, intents(config), [], {})
    keys = ("name", "words", "intent", "leads", "with_it", "without_it", "lift", "low", "high")
    return to_jsonable(
        [{k: asdict(b)[k] for k in keys} | {"window": str(window)} for b in found.behaviours if b.low > 1]
    )


def _parted(fitted: Fitted, at: npt.NDArray[np.int64]) -> dict[str, Words]:
    """Return what tells in words who was caught and who was missed: the source, and how deep the interest went."""
    parted: dict[str, Words] = {}
    values, beside = fitted.matrix.values, fitted.made.beside
    if beside is not None and beside.source is not None:
        parted[beside.source_name] = _named(beside.source[at], fitted.matrix.lead[at])
    if "depth" in values:
        depth = values["depth"].to_numpy(dtype=np.float64)[at]
        parted["deepest intent so far"] = np.array(DEPTHS, dtype=object)[
            np.nan_to_num(depth).astype(np.int64).clip(0, 3)
        ]
    return parted


def _named(values: Words, lead: npt.NDArray[Any]) -> Words:
    """Name the levels that enough leads share; all others are one."""
    _, first = np.unique(lead.astype(str), return_index=True)
    kept = set(levels(values[first]).tolist())
    told = [ABSENT if v is None or not str(v).strip() else shown(str(v)) for v in values]
    return np.array([name if name in kept else OTHER for name in told], dtype=object)

"""Scorecard of a run: distilled from the honest rows of all folds, and judged by one of the rows before the newest fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config, Rule
from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import ABSENT, OTHER, pool_levels, printable_level
from leadline.dataset.feature_spec import Feature
from leadline.delivery.formats import csv_bytes
from leadline.features.build import FeatureTable
from leadline.features.catalog import words_for
from leadline.insights import behaviours
from leadline.model.encoding.encoder import Matrix
from leadline.points.card import PointsCard, distill
from leadline.points.card_value import CardBand, CardCohort, CardValue, card_bands, evaluate_card
from leadline.points.definition_words import sentence
from leadline.points.definitions import FILE, Definitions
from leadline.points.definitions_audit import definition_record, won_rate
from leadline.points.exports import TABLES, scorecard_rows
from leadline.points.rules import rule_hits
from leadline.points.rules_audit import RulesReport, StageAudit, audit_rules, capture_overlap, stage_audit
from leadline.workflows.common import Progress, behaviour_intents
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.segments import role_labels
from leadline.workflows.training.tiers import fit_grading, honest_grades

__all__ = [
    "CARD",
    "DistilledCard",
    "definition_files",
    "definitions_record",
    "distill_card",
    "newest_cohort",
    "points_files",
    "points_records",
    "rules_audit_record",
]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

ROLE = Feature("card_role", "fit", "role", "category", "value", "role in the buying committee", "leads", "role", "role")


@dataclass(frozen=True)
class DistilledCard:
    """A drawn-up card.

    Attributes
    ----------
    card : PointsCard
        Made of the honest rows of all folds; without rows where there is none.
    specs : tuple of Feature
        What its rows ask of.
    bands, today : tuple of CardBand
        The card's thresholds, and those of current scoring rules at the same volumes.
    worth : CardValue or None
        What a card made of the rows before the newest fold is worth there.
    learnt_from : int
        How many rows it was distilled from.
    reason : str
        Why there is no card, or why it wasn't judged; "" if neither.
    """

    card: PointsCard = field(default_factory=PointsCard)
    specs: tuple[Feature, ...] = ()
    bands: tuple[CardBand, ...] = ()
    today: tuple[CardBand, ...] = ()
    worth: CardValue | None = None
    learnt_from: int = 0
    reason: str = ""

    def to_record(self, fitted: TrainedModel) -> dict[str, Any]:
        """Return plain JSON values: rows, thresholds and figures, and the patterns by which roles are told."""
        config = fitted.config
        return {
            "rows": scorecard_rows(self.card, self.specs, behaviour_intents(config)),
            "bands": [vars(band) for band in self.bands],
            "today": [vars(band) for band in self.today],
            "worth": None if self.worth is None else self.worth.to_record(),
            "learnt_from": self.learnt_from,
            "weekly": not config.is_flat,
            "roles": {role: list(patterns) for role, patterns in config.roles.items()},
            "reason": self.reason,
        }


def distill_card(fitted: TrainedModel) -> DistilledCard:
    """Distill the card and judge it; nothing is fitted to an outcome.

    Where the base rate and the points rules score, there is no model to distill, and the reason says so.
    """
    honest, most = fitted.honest, fitted.config.points_card.rows
    if fitted.lowest:
        return DistilledCard(
            reason="there are too few outcomes for a model, so there is nothing to distill; current scoring rules score"
        )
    if not honest.judged.any():
        return DistilledCard(reason="no fold could be judged, so there are no honest scores to distill")
    specs, matrix = _with_roles(fitted)
    card = distill(specs, matrix.take(honest.row), honest.probability, most)
    if not card.rows:
        return DistilledCard(reason="nothing that a rule can ask of tells these leads apart")
    newest = newest_cohort(fitted)
    laid = card_bands(replace(newest, said={"card": _scored(card, matrix, honest.row[honest.judged])}))
    today = card_bands(newest, "points") if "points" in newest.said else ()
    judged = _out_of_time_value(fitted, specs, matrix, newest, most)
    why = (
        ""
        if judged is not None
        else "no older fold’s rows are there to make a card of that the newest fold could judge"
    )
    return DistilledCard(card, specs, laid, today, judged, len(honest.row), why)


def newest_cohort(fitted: TrainedModel) -> CardCohort:
    """Return the newest fold's rows, with what the model, the regression and current scoring rules said of them."""
    honest, matrix, config = fitted.honest, fitted.matrix, fitted.config
    every = config.snapshots.every
    group = fitted.made.features.group()

    def part(mine: npt.NDArray[np.bool_], earlier: CardCohort | None) -> CardCohort:
        at = honest.row[mine]
        said: dict[str, Floats] = {"model": honest.probability[mine], "logistic": honest.lr_probability[mine]}
        if fitted.made.points is not None:
            said["points"] = fitted.made.points[at]
        return CardCohort(
            matrix.y[at], matrix.weight[at], matrix.lead[at], group[at], matrix.as_of[at], said,
            None if config.is_flat else float(config.capacity.leads_per_week), config.horizon.micros,
            None if every is None else every.micros, earlier,
        )  # fmt: skip

    return part(honest.judged, part(~honest.judged, None))


def _out_of_time_value(
    fitted: TrainedModel, specs: tuple[Feature, ...], matrix: Matrix, newest: CardCohort, most: int
) -> CardValue | None:
    """Judge a card that was made of the honest rows before the newest fold alone."""
    honest = fitted.honest
    before = ~honest.judged & (matrix.as_of[honest.row] < newest.as_of.min())
    if not before.any():
        return None
    card = distill(specs, matrix.take(honest.row[before]), honest.probability[before], most)
    scored = _scored(card, matrix, honest.row[honest.judged])
    # Sales would have worked by such a card before, too; those rows tell only who rests when the newest fold begins.
    past = newest.earlier
    if past is not None:
        past = replace(past, said={"card": _scored(card, matrix, honest.row[~honest.judged]), **past.said})
    return evaluate_card(replace(newest, said={"card": scored, **newest.said}, earlier=past), fitted.config.seed)


def _scored(card: PointsCard, matrix: Matrix, rows: npt.NDArray[np.int64]) -> Floats:
    return card.score(matrix.values.iloc[rows]).astype(np.float64)


def _with_roles(fitted: TrainedModel) -> tuple[tuple[Feature, ...], Matrix]:
    """Add each lead's role, where titles tell it, as a category beside the features."""
    import pandas as pd

    specs, matrix = tuple(fitted.made.features.specs), fitted.matrix
    every = np.arange(len(matrix), dtype=np.int64)
    told = next(iter(role_labels(fitted.config.roles, specs, matrix.values, every)), None)
    if told is None:
        return specs, matrix
    roles = told.copy()
    roles[told == "no role"] = None
    column = pd.DataFrame({ROLE.name: pd.Series(roles, index=matrix.values.index, dtype=object)})
    return (*specs, ROLE), replace(matrix, values=matrix.values.join(column))


# Today's rules of a run, audited on the newest fold: each rule, what their sum catches, and the stages as criteria.


Words = npt.NDArray[np.object_]

DEPTHS = ("nothing yet", "awareness", "evaluation", "purchase")


def rules_audit_record(fitted: TrainedModel) -> dict[str, Any]:
    """Return the audit as plain JSON values; its `reason` says why there is none, where there is none."""
    config, made = fitted.config, fitted.made
    if fitted.lowest:
        return {"reason": "there are too few outcomes for a model to audit the rules against"}
    if not fitted.honest.judged.any():
        return {"reason": "no fold could be judged, so there is no future cohort"}
    cohort, at = newest_cohort(fitted), fitted.honest.row[fitted.honest.judged]
    found = RulesReport(len(cohort.y), int(cohort.y.sum()), stages=_stages(fitted, cohort, at))
    if config.rules and made.ruled is not None:
        held = rule_hits(config, made.ruled.values.iloc[at])
        rules = audit_rules(cohort, held, [rule.points for rule in config.rules], config.seed)
        found = RulesReport(
            found.rows, found.positives, rules, capture_overlap(cohort, _breakdown_levels(fitted, at)), found.stages
        )
    return {
        **found.to_record(),
        "definitions": [_rule_record(config, rule) for rule in config.rules],
        "unpaid": _unpaid(fitted, cohort, at),
        "won": _won_audit(fitted),
        "weekly": not config.is_flat,
        "reason": "",
    }


def _won_audit(fitted: TrainedModel) -> dict[str, Any] | None:
    """Audit the rules on closed-won, on all scoring dates for which it is known; None where the config doesn't ask.

    A row that stands for several, as where negatives are thinned, can't tell a lead's win once; there is no audit then.
    """
    config, made, matrix = fitted.config, fitted.made, fitted.matrix
    if config.audit.reaches != "won" or not config.rules or made.ruled is None:
        return None
    at = np.unique(fitted.honest.row[np.isfinite(made.labels.won[fitted.honest.row])])
    told: dict[str, Any] = {
        "within": str(config.outcome.won_within),
        "rows": len(at),
        "leads": 0,
        "rules": [],
        "reason": "",
    }
    if not len(at) or bool((matrix.weight[at] != 1).any()):
        return told | {
            "reason": "negatives are thinned (snapshots.max)" if len(at) else "no scoring date is old enough"
        }
    won = made.labels.won[at]
    cohort = CardCohort(won, matrix.weight[at], matrix.lead[at], made.features.group()[at], matrix.as_of[at], {})
    held = rule_hits(config, made.ruled.values.iloc[at])
    rules = audit_rules(cohort, held, [rule.points for rule in config.rules], config.seed)
    leads = len(np.unique(matrix.lead[at][won > 0].astype(str)))
    return told | {"leads": leads, "rules": to_jsonable([asdict(rule) for rule in rules])}


def _rule_record(config: Config, rule: Rule) -> dict[str, Any]:
    """Say what a rule asks, in plain values."""
    when = rule.when
    plain = words_for(config, when.behaviour) if isinstance(when.behaviour, str) else None
    return {
        "behaviour": when.behaviour,
        "words": plain if when.is_plain else sentence(config, when),
        "within": None if when.within is None else str(when.within),
        "days": None if when.within is None else when.within.days,
        "attribute": when.attribute,
        "equals": None if when.equals is None else printable_level(str(when.equals)),
    }


def _stages(fitted: TrainedModel, cohort: CardCohort, at: npt.NDArray[np.int64]) -> tuple[StageAudit, ...]:
    """Audit each stage below the outcome, where the features tell who is in it."""
    told = []
    for spec in fitted.made.features.specs:
        if spec.aggregate == "in_stage":
            there = fitted.matrix.values[spec.name].to_numpy(dtype=np.float64)[at] > 0
            told.append(stage_audit(cohort, spec.field, np.asarray(there, dtype=np.bool_), fitted.config.seed))
    return tuple(stage for stage in told if stage is not None)


def _unpaid(fitted: TrainedModel, cohort: CardCohort, at: npt.NDArray[np.int64]) -> Any:
    """List the behaviours that surely go with conversion in the cohort, and that no rule pays for."""
    config = fitted.config
    paid = {name for rule in config.rules for when in rule.when.walk() for name in when.behaviours}
    specs = [s for s in fitted.made.features.specs if s.by == "behaviour" and s.field not in paid]
    if not specs:
        return []
    asked = behaviours.LabeledSnapshots(cohort.y, cohort.weight, cohort.lead, cohort.group)
    values = fitted.matrix.values[[s.name for s in specs]].iloc[at]
    window = max(config.features.windows)
    found = behaviours.compare_behaviours(specs, values, asked, window, behaviour_intents(config), [], {})
    keys = ("name", "words", "intent", "leads", "with_it", "without_it", "lift", "low", "high")
    return to_jsonable(
        [{k: asdict(b)[k] for k in keys} | {"window": str(window)} for b in found.behaviours if b.low > 1]
    )


def _breakdown_levels(fitted: TrainedModel, at: npt.NDArray[np.int64]) -> dict[str, Words]:
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
    kept = set(pool_levels(values[first]).tolist())
    told = [ABSENT if v is None or not str(v).strip() else printable_level(str(v)) for v in values]
    return np.array([name if name in kept else OTHER for name in told], dtype=object)


# Definitions of a run, audited on the newest fold: changes of a clause are found on the folds before it.


def definition_files(fitted: TrainedModel) -> dict[str, Any]:
    """Return what a night needs to hold leads against the definitions, as a record of the bundle; nothing without any."""
    defined = fitted.made.defined
    return {} if defined is None else {FILE: defined[0].only(fitted.config.definitions).to_record()}


def definitions_record(fitted: TrainedModel) -> dict[str, Any]:
    """Return the audit as plain JSON values; its `reason` says why there is none, where there is none."""
    config, defined, honest = fitted.config, fitted.made.defined, fitted.honest
    told: dict[str, Any] = {"definitions": [], "weekly": not config.is_flat, "reason": ""}
    if defined is None:
        return told
    if fitted.lowest or not honest.judged.any():
        return told | {"reason": "there are too few outcomes for a fold to judge them on"}
    cohort, (asked, made) = newest_cohort(fitted), defined
    scores = (
        _honest_scores(fitted) if any(w.is_scored for d in config.definitions.values() for w in d.walk()) else ({}, {})
    )
    held, before = (
        asked.hold(made.specs, made.values.iloc[honest.row[mine]], said)
        for mine, said in zip((honest.judged, ~honest.judged), scores, strict=True)
    )
    won, levels = _won_cohort(fitted), _breakdown_levels(fitted, honest.row[honest.judged])
    for name in config.definitions:
        one = definition_record(config, name, (cohort, held), before, levels)
        told["definitions"].append(one | {"won": _won_of(fitted, won, asked.only([name]), made)})
    return told


def _honest_scores(fitted: TrainedModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the score columns of the newest fold's rows and of the older ones, by models that didn't learn from them."""
    honest, grading = fitted.honest, fitted.grading or fit_grading(fitted)
    older = honest.tonight.probability(honest.margin[~honest.judged])
    return honest_grades(fitted, honest.judged), {"score": grading.probability.score(older)}


def _won_cohort(fitted: TrainedModel) -> tuple[CardCohort, npt.NDArray[np.int64]] | None:
    """Return all scoring dates for which closed-won is known; None without any, or where a row stands for several."""
    made, matrix = fitted.made, fitted.matrix
    at = np.unique(fitted.honest.row[np.isfinite(made.labels.won[fitted.honest.row])])
    if fitted.config.is_flat or not len(at) or bool((matrix.weight[at] != 1).any()):
        return None
    group = made.features.group()[at]
    return CardCohort(made.labels.won[at], matrix.weight[at], matrix.lead[at], group, matrix.as_of[at], {}), at


def _won_of(
    fitted: TrainedModel, won: tuple[CardCohort, npt.NDArray[np.int64]] | None, asked: Definitions, made: FeatureTable
) -> dict[str, Any] | None:
    """Say how many of those who met a definition closed as won; None where that isn't known, or hangs on a score."""
    ((name, whole),) = asked.conditions.items()
    if won is None or any(w.is_scored for w in whole.walk()):
        return None
    cohort, at = won
    leads, rate = won_rate(cohort, asked.hold(made.specs, made.values.iloc[at])[name], fitted.config.seed)
    told: dict[str, Any] = to_jsonable(
        {"leads": leads, "rate": asdict(rate), "within": str(fitted.config.outcome.won_within)}
    )
    return told


# Scorecard of a run, and the audit of current scoring rules: two records for the report.


CARD = "points_card"


def points_records(fitted: TrainedModel, progress: Progress) -> dict[str, Any]:
    """Return the records `points_card`, `rules_audit` and `definitions`; each has a `reason` where there is nothing to tell."""
    progress("distilling the scorecard")
    return {
        "points_card": distill_card(fitted).to_record(fitted), "rules_audit": rules_audit_record(fitted),
        "definitions": definitions_record(fitted),
    }  # fmt: skip


def points_files(record: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the card's tables as the bytes of CSV files, by name; none where the record holds no card.

    Text that a spreadsheet would run as a formula is made harmless.

    Examples
    --------
    >>> points_files({}), points_files({"points_card": {"rows": []}})
    ({}, {})
    """
    import pyarrow as pa

    told = record.get(CARD)
    if not told or not told["rows"]:
        return {}
    return {name: csv_bytes(pa.Table.from_pylist(make(told))) for name, make in TABLES.items()}

"""`explain`: why a lead has its score; and, shared with `score`, which model is used and whether it fits the config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.frames import as_source
from leadline.config.schema import Config
from leadline.delivery.past_scores import row_in_run
from leadline.delivery.sink import RunKey
from leadline.errors import DataError, MissingError
from leadline.evaluation.later_stages import later_columns
from leadline.explanation.drivers import describe_group, group_contributions, lead_shap_explanation
from leadline.features.build import FeatureTable
from leadline.features.families.intent_stage import COLUMN as INTENT_STAGE
from leadline.points.definitions import COLUMN as DEFINITIONS_MET
from leadline.registry.bundle import Bundle, resolve_bundle
from leadline.scoring.exploration import apply_holdout, without_holdout
from leadline.scoring.grade import axis_sums
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores, rank_leads
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, own_model, parse_as_of
from leadline.workflows.scoring.inputs import requested_as_of, scoring_features
from leadline.workflows.training.later_outcomes import stage_questions

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LeadExplanation",
    "champion_reference",
    "explain",
    "explain_leads",
    "explain_open_lead",
    "explain_rows",
    "find_model",
    "hindsight_warning",
    "is_trained_later",
    "require_matching",
    "score_rows",
]


def find_model(config: Config, model: str | None) -> Bundle:
    """Find the bundle that `--model` means, the champion by default, and make sure that it fits the config."""
    return require_matching(
        config, resolve_bundle(model or champion_reference(config), config.tracking.uri, config.signing_key)
    )


def champion_reference(config: Config) -> str:
    """Return the reference of the config's champion."""
    return f"models:/{config.name}@champion"


def require_matching(config: Config, bundle: Bundle) -> Bundle:
    """Return a bundle that answers what the config asks.

    Raises
    ------
    DataError
        The model answers another question than the config asks.
    """
    asked = config.outcome.model_dump(mode="json", exclude={"observed_from", "observed_until"})
    then = [told["asked"] for told in bundle.manifest.get("then", [])]
    parts = {"outcome": (bundle.manifest["outcome"], then), "flat": (bundle.manifest["flat"], [])}
    for part, mine in (("outcome", (asked, stage_questions(config))), ("flat", (config.is_flat, []))):
        if parts[part] != mine:
            raise DataError(
                f"model {bundle.name} {bundle.version}: trained for another `{'outcome' if part == 'outcome' else 'snapshots'}`; "
                "expected the config it was trained with; use that config or train again"
            )
    return bundle


def score_rows(
    config: Config,
    bundle: Bundle,
    made: FeatureTable,
    as_of: int,
    is_dated: bool,
    before: PreviousScores | None = None,
    value: npt.NDArray[np.object_] | None = None,
    stage: npt.NDArray[np.object_] | None = None,
    defined: FeatureTable | None = None,
) -> Scores:
    """Score one night's rows.

    Parameters
    ----------
    as_of, is_dated
        The night, and whether it is an instant.
    before : PreviousScores, optional
        The newest finished night before.
    value, stage : object array, optional
        Each row's value of the field that capacity is told by, and its intent stage.
    defined : FeatureTable, optional
        What the bundle's definitions count of the same rows.
    """
    stood = without_holdout(before, config.seed, config.exploration)
    who = (bundle.name, bundle.version)
    ranked = rank_leads(bundle.scorer, made, as_of, is_dated, *who, before=stood, value=value, grading=bundle.grading)
    ranked = replace(ranked, later={**ranked.later, **curve_columns(bundle, ranked.probability)})
    scores = with_definitions(bundle, defined, _with_later_stages(bundle, made, ranked, stage))
    return apply_holdout(scores, bundle.scorer.bands.names, config.seed, config.exploration)


def curve_columns(bundle: Bundle, p: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the chances within other windows than the horizon, by column, where the bundle has a curve."""
    return bundle.curve.columns(p) if bundle.curve is not None else {}


def _with_later_stages(
    bundle: Bundle, made: FeatureTable, ranked: Scores, stage: npt.NDArray[np.object_] | None
) -> Scores:
    """Add what the downstream stages say of each row, where the bundle has such, and its intent stage."""
    if not bundle.then and stage is None:
        return ranked
    place = {lead: row for row, lead in enumerate(made.lead_id.tolist())}
    order = np.array([place[lead] for lead in ranked.lead_id.tolist()], dtype=np.int64)
    told: dict[str, npt.NDArray[Any]] = {}
    if bundle.then:
        told |= later_probabilities(bundle, made.values.iloc[order], ranked.probability)
    return replace(ranked, later={**ranked.later, **told, **({} if stage is None else {INTENT_STAGE: stage[order]})})


def with_definitions(bundle: Bundle, counted: FeatureTable | None, scores: Scores) -> Scores:
    """Add which of the bundle's definitions each lead meets, where it has some; scores and grades count, too."""
    if bundle.definitions is None or counted is None:
        return scores
    place = {lead: row for row, lead in enumerate(counted.lead_id.tolist())}
    order = np.array([place[lead] for lead in scores.lead_id.tolist()], dtype=np.int64)
    met = bundle.definitions.met(counted.specs, counted.values.iloc[order], scores.later)
    return replace(scores, later={**scores.later, DEFINITIONS_MET: met})


def later_probabilities(
    bundle: Bundle, values: pd.DataFrame, p: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return what the downstream stages add to rows of features, by column; `p` is the first's probability."""
    given = {stage.column: stage.scorer.probability(values[list(stage.scorer.names)]) for stage in bundle.then}
    return later_columns(p, given, None if bundle.amount is None else bundle.amount.expected(values))


def is_trained_later(config: Config, bundle: Bundle, as_of: int | None) -> bool:
    """Tell whether the model was trained on what came after as_of, so that its scores flatter it."""
    known = bundle.manifest["known_at"]
    return as_of is not None and known is not None and int(parse_as_of(config, str(known)) or 0) > as_of


def hindsight_warning(bundle: Bundle) -> str:
    """Say what is wrong with scoring a night before the model's own T."""
    return (
        f"{bundle.name} {bundle.version} was trained on what was known at {bundle.manifest['known_at']}, after this night: "
        "its scores look better than they were; use a model trained before it to judge"
    )


@dataclass(frozen=True)
class LeadExplanation:
    """One lead, explained.

    Attributes
    ----------
    lead_id, as_of : str
        Who and when.
    probability : float
        Of the outcome within the horizon.
    tier : str
        Its band: as it was written, where that night is finished in ``scores/NAME/``, else by the trained cuts.
    causes : tuple of (fact, effect)
        Every group of features, the strongest first; the effect is on the log odds.
    base : float
        The log odds that all leads start from.
    model : str
        Which scorer.
    later : mapping of str to float
        What the downstream stages say: the trailing columns of the scores.
    grades : mapping of str to int or str
        The score as a whole number, fit and engagement, and the grade; as the scores' columns.
    change : str or None
        What moved it since the night before, as it was written in ``scores/NAME/``; None where it didn't move, or isn't there.
    """

    lead_id: str
    as_of: str
    probability: float
    tier: str
    causes: tuple[tuple[str, float], ...]
    base: float
    model: str
    later: Mapping[str, float] = field(default_factory=dict)
    grades: Mapping[str, int | str] = field(default_factory=dict)
    change: str | None = None

    def explanation(self) -> Any:
        """Return the causes as a `shap.Explanation`, for SHAP's own plots."""
        return lead_shap_explanation(self.causes, self.base)

    def __repr__(self) -> str:
        return f"LeadExplanation(probability {self.probability:.3f}, tier {self.tier}, {len(self.causes)} causes, by {self.model})"


def explain(
    config: Config | str | Path | Any,
    lead: str,
    as_of: str | int | None = None,
    model: str | None = None,
    progress: Progress = no_progress,
    *,
    leads: Any = None,
    tables: Mapping[str, Any] | None = None,
) -> LeadExplanation:
    """Explain one open lead's score.

    Parameters
    ----------
    config : Config, path or TrainResult
        The config that the model was trained with; or what `train` returned, which explains by its own model.
    as_of : str or int, optional
        As of when; needed, but for a flat file with `leads`.
    leads : path or DataFrame, optional
        For a flat file, whose own rows have their outcomes: the rows among which the lead is, as in `score`.
    tables : mapping of str to DataFrame, optional
        What is read in the place of the config's sources, by table.

    Raises
    ------
    UsageError
        `as_of` is missing, or `leads` isn't for such a config.
    MissingError
        No such lead is known at as_of, or it isn't open then.

    Examples
    --------
    >>> explain("no-such.yaml", lead="L1", as_of="2024-05-01")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    return next(explain_leads(config, [lead], as_of, model, progress, leads=leads, tables=tables))


def explain_leads(
    config: Config | str | Path | Any,
    asked: Sequence[str],
    as_of: str | int | None = None,
    model: str | None = None,
    progress: Progress = no_progress,
    *,
    leads: Any = None,
    tables: Mapping[str, Any] | None = None,
) -> Iterator[LeadExplanation]:
    """Explain several open leads' scores, in the order asked; the tables are read once. As `explain` for the rest.

    Raises
    ------
    UsageError, MissingError
        As `explain`, for the first lead of which it is so; nothing is told then.

    Examples
    --------
    >>> list(explain_leads("no-such.yaml", ["L1", "L2"], as_of="2024-05-01"))
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    model, config = own_model(config, model), as_config(config, progress, tables)
    rows = as_source(leads, "leads")
    when = parse_as_of(config, requested_as_of(config, as_of, rows))
    bundle = find_model(config, model)
    made, _, known = scoring_features(
        config, bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"], when, rows, list(asked), progress
    )
    place = {lead: row for row, lead in enumerate(made.lead_id.tolist())}
    for number, lead in enumerate(asked, 1):
        if lead not in place:
            raise MissingError(_nobody(bundle, when, lead in known, f", number {number}" if len(asked) > 1 else ""))
    for lead in asked:
        yield explain_open_lead(bundle, made.take([place[lead]]), when, True)


def explain_open_lead(bundle: Bundle, made: FeatureTable, when: int | None, known: bool) -> LeadExplanation:
    """Explain the one row of features that a lead has at an instant; `known` is whether there is such a lead then.

    Raises
    ------
    MissingError
        There is no row.
    """
    if not len(made):
        raise MissingError(_nobody(bundle, when, known))
    dated = bool(bundle.manifest["dated"])
    told = explain_rows(bundle, made, str(format_as_of(when, dated) or bundle.manifest["known_at"] or "now"))
    # A tier may hold a number of leads: then only the night as it was written knows who is in it, and what moved since the one before.
    stood = row_in_run(RunKey(int(when or 0), dated, bundle.name, bundle.version), told.lead_id)
    return replace(told, tier=str(stood.get("tier") or told.tier), change=stood.get("change"))


def _nobody(bundle: Bundle, when: int | None, known: bool, number: str = "") -> str:
    """Say why there is nobody to explain; of several, which of them by its number."""
    which = f"--lead{number}"
    if bundle.manifest["flat"]:
        where = "the given leads" if when is None else "the rows from --as-of on"
        return f"{which}: not among {where}; expected one of them; check the id, or name a file of new rows with --leads FILE"
    seen = "not open at that time (it has reached the outcome, was lost or rejected, or is younger than the first landmark)"
    return f"{which}: {seen if known else 'no such lead is known at that time'}; expected an open lead; check the id and --as-of"


def explain_rows(bundle: Bundle, made: FeatureTable, as_of: str) -> LeadExplanation:
    """Turn one row's contributions into facts and effects."""
    scorer = bundle.scorer
    values = made.values[list(scorer.names)]
    p = scorer.probability(values)
    contributions, base = scorer.contributions(values)
    specs = [s for s in made.specs if s.name in set(scorer.names)]
    groups, summed = group_contributions(specs, contributions)
    order = np.argsort(-np.abs(summed[0]), kind="stable")
    facts = {s.name: values[s.name].iloc[0] for s in specs}
    causes = tuple(
        (describe_group([s for s in specs if s.group == groups[n]], facts, int(made.as_of[0])), float(summed[0, n]))
        for n in order
    )
    return LeadExplanation(
        str(made.lead_id[0]),
        as_of,
        float(p[0]),
        str(scorer.tiers(p)[0]),
        causes,
        float(base),
        f"{bundle.name} {bundle.version}",
        {name: float(told[0]) for name, told in _later(bundle, made, p).items()},
        _grades(bundle, p, axis_sums(specs, contributions)),
    )


def _later(bundle: Bundle, made: FeatureTable, p: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """Return one lead's chances within other windows, and what the downstream stages say."""
    return {**curve_columns(bundle, p), **(later_probabilities(bundle, made.values, p) if bundle.then else {})}


def _grades(bundle: Bundle, p: npt.NDArray[np.float64], sums: npt.NDArray[np.float64]) -> dict[str, int | str]:
    """Return one lead's score, fit, engagement and grade, as plain values."""
    told = bundle.grading.columns(p, sums) if bundle.grading is not None else {}
    return {name: values.tolist()[0] for name, values in told.items()}

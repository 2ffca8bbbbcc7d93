"""Holding a night against training and the nights before it: what the input checks look at, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from leadline.config.schema import Config
from leadline.core.point_in_time import visible_sql
from leadline.dataset.feature_spec import Feature
from leadline.errors import ConfigError
from leadline.features.build import FeatureTable
from leadline.metrics.drift import bin_shares, decile_edges
from leadline.monitoring.reference import ACTS, TrainingReference, feature_drift, reference_of_rows, training_reference
from leadline.registry.bundle import Bundle
from leadline.scoring.input_checks import CATALOG, LeadMoves, NightInputs, Outgoing
from leadline.scoring.input_checks.night import FEW, SURELY, FeatureShift
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores
from leadline.tables import LoadedTables
from leadline.tables.summary import RECENT, InputSummary
from leadline.tables.suppressions import ScoringLists
from leadline.tables.tombstones import read_tombstones

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NightOutline",
    "PastNights",
    "Survey",
    "known_on_lists",
    "lead_moves",
    "outgoing_changes",
    "outlined_night",
    "past_nights",
    "refuse_unknown_checks",
    "survey_night",
]

SAMPLE = 10_000  # rows of a night by which its features' spreads are told
DAYS_NEW = RECENT / 86_400_000_000


@dataclass(frozen=True)
class Survey:
    """What the input checks ask of the tables while they are open: what they hold, and which leads came back or went."""

    inputs: InputSummary | None = None
    moves: LeadMoves = field(default_factory=LeadMoves)


@dataclass(frozen=True)
class NightOutline:
    """A night without its features: how many leads are open, how many of them the outputs leave out, and the rest of its inputs."""

    open_leads: int
    left_out: int
    newest: int | None
    survey: Survey


@dataclass(frozen=True)
class PastNights:
    """The finished nights that tonight is held against.

    Attributes
    ----------
    inputs : sequence of InputSummary
        What each was computed from, the newest first.
    accepted : mapping of str to int
        When each code was last accepted.
    version : str
        Which version scored the newest; "" where there is none.
    """

    inputs: Sequence[InputSummary] = ()
    accepted: Mapping[str, int] = field(default_factory=dict)
    version: str = ""


def refuse_unknown_checks(config: Config) -> None:
    """Make sure that `nightly.checks` names checks.

    Raises
    ------
    ConfigError
        It names one that there isn't.
    """
    unknown = sorted(set(config.nightly.checks) - {check.code for check in CATALOG})
    if unknown:
        raise ConfigError(
            f"nightly.checks: no input check has the code {', '.join(unknown)}; expected some of {CATALOG[0].code} to {CATALOG[-1].code}; "
            "mend the code; `leadline score --dry-run` lists them"
        )


def past_nights(records: Sequence[Mapping[str, Any]]) -> PastNights:
    """Read what nights' records, the newest first, say of their inputs.

    Examples
    --------
    >>> past_nights([{"as_of_value": 5, "model_version": 2, "accepted": {"LL402": "purged"}}, {"as_of_value": 4}])
    PastNights(inputs=(), accepted={'LL402': 5}, version='2')
    """
    accepted: dict[str, int] = {}
    for record in reversed(records):
        accepted |= dict.fromkeys(record.get("accepted") or {}, int(record["as_of_value"]))
    told = [InputSummary.from_record(record.get("inputs")) for record in records]
    newest = str(records[0].get("model_version")) if records else ""
    return PastNights(tuple(t for t in told if t is not None), accepted, newest)


def known_on_lists(
    config: Config, loaded: LoadedTables, lists: ScoringLists, left_out: int
) -> dict[str, dict[str, int]]:
    """Count whom the lists that protect people name, and how many of those the tables know."""
    told: dict[str, dict[str, int]] = {}
    accounts = "SELECT DISTINCT account_id FROM leads"
    if config.tables.suppress is not None:
        known = {
            "known_leads": _known(loaded, lists.leads, "SELECT DISTINCT lead_id FROM leads"),
            "known_accounts": _known(loaded, lists.accounts, accounts),
        }
        listed = len(lists.leads) + len(lists.accounts)
        told["suppress"] = {"listed": listed, "known": sum(known.values()), **known, "matched": left_out}
    if config.tables.overrides is not None:
        by_hand = lists.tiers or {}
        told["overrides"] = {
            "listed": len(by_hand),
            "known": _known(loaded, by_hand, "SELECT DISTINCT lead_id FROM leads"),
        }
    stones = read_tombstones()
    if len(stones):
        told["forgotten"] = {"listed": len(stones), "matched": loaded.forgotten}
    return told


def _known(loaded: LoadedTables, ids: Mapping[str, str], among: str) -> int:
    import pyarrow as pa

    if not ids:
        return 0
    loaded.store.put("listed", pa.table({"id": pa.array(sorted(ids), pa.string())}))
    key = among.split()[2]
    return int(loaded.store.rows(f"SELECT COUNT(*) FROM listed AS x JOIN ({among}) AS k ON k.{key} = x.id")[0][0])


def lead_moves(config: Config, loaded: LoadedTables, before: PreviousScores) -> LeadMoves:
    """Hold the open leads one by one against the newest finished night."""
    import pyarrow as pa

    if config.is_flat or before.as_of is None or not len(before):
        return LeadMoves()
    store, then = loaded.store, before.as_of
    store.put("scored_before", pa.table({"lead_id": pa.array([*before.probability], pa.string())}))
    marks = config.snapshots.after_creation
    past = f" AND l.created_at + {min(marks).micros} <= {then}" if marks else ""
    reopened = store.rows(
        "SELECT COUNT(*) FROM snapshots AS s JOIN leads AS l ON l.lead_id = s.lead_id "
        f"LEFT JOIN scored_before AS b ON b.lead_id = s.lead_id WHERE b.lead_id IS NULL AND {visible_sql('l', str(then), 'created_at')}{past} "
        f"AND NOT EXISTS (SELECT 1 FROM ended AS e WHERE e.lead_id = s.lead_id AND e.reopened >= {then})"
    )
    vanished = store.rows(
        "SELECT COUNT(*) FROM scored_before AS b LEFT JOIN leads AS l ON l.lead_id = b.lead_id "
        "LEFT JOIN merged AS m ON m.lead_id = b.lead_id WHERE l.lead_id IS NULL AND m.lead_id IS NULL"
    )
    return LeadMoves(int(reopened[0][0]), int(vanished[0][0]))


def outgoing_changes(
    config: Config, bundle: Bundle, scores: Scores, before: PreviousScores, same_model: bool
) -> Outgoing:
    """Count what tonight's scores would change outside."""
    bands, moved = bundle.scorer.bands, config.nightly.min_probability_change
    leads, tiers, chances = scores.lead_id.tolist(), scores.tier.tolist(), scores.probability.tolist()
    stayed = tier_changes = records = 0
    for lead, tier, p in zip(leads, tiers, chances, strict=True):
        last = before.probability.get(lead)
        if last is not None:
            other = before.tier.get(lead) != tier
            stayed, tier_changes = stayed + 1, tier_changes + other
            records += other or abs(p - last) >= moved
    capacity = 0
    if len(bands.names) > 1 and not config.is_flat:
        parts = [bands, *bands.own.values()]
        volume = sum(int(part.volume[0]) for part in parts if part.volume)
        capacity = volume or int(bundle.manifest["capacity"].get("leads_per_week") or 0)
    top = tiers.count(bands.names[0]) if capacity else 0
    return Outgoing(top, capacity, stayed, tier_changes, records, same_model, bool(config.nightly.deliver))


def survey_night(
    config: Config,
    bundle: Bundle,
    made: FeatureTable,
    scores: Scores,
    at: tuple[int, int | None],
    before: PreviousScores,
    past: PastNights,
    tonight: InputSummary | None,
    moves: LeadMoves,
) -> NightInputs:
    """Say what a night looks like beside training and beside the nights before.

    Parameters
    ----------
    at : tuple
        The night, and its newest event's instant.
    """
    model = TrainingReference.from_record(bundle.manifest["reference"])
    now = TrainingReference(len(scores))
    if len(scores):
        now = reference_of_rows(made, bundle.scorer, scores.probability, cuts=model.cuts)
    last = np.fromiter(before.probability.values(), dtype=np.float64, count=len(before))
    cuts = decile_edges(last)
    both = (bin_shares(last, cuts), bin_shares(scores.probability, cuts)) if len(last) else ((), ())
    return NightInputs(
        at[0], at[1], now, model, PreviousScores() if config.is_flat else before, both,
        config.snapshots.after_creation is None, config.nightly, tonight,
        InputSummary.from_record(bundle.manifest.get("inputs")), past.inputs, past.accepted, _newcomers(bundle, made),
        _shifts(bundle, made), moves,
        outgoing_changes(config, bundle, scores, before, past.version in ("", bundle.version)),
    )  # fmt: skip


def outlined_night(
    config: Config, bundle: Bundle, seen: NightOutline, at: int, before: PreviousScores, past: PastNights
) -> NightInputs:
    """Say what a night looks like before it is scored: what hangs on features and scores isn't known yet."""
    return NightInputs(
        at, seen.newest, TrainingReference(seen.open_leads - seen.left_out), None,
        PreviousScores() if config.is_flat else before, ((), ()), config.snapshots.after_creation is None, config.nightly,
        seen.survey.inputs, InputSummary.from_record(bundle.manifest.get("inputs")), past.inputs, past.accepted,
        None, {}, seen.survey.moves,
    )  # fmt: skip


def _newcomers(bundle: Bundle, made: FeatureTable) -> TrainingReference | None:
    """Look at the fields of the leads that are new: what the source stopped sending shows in them first."""
    if "age" not in made.values.columns:
        return None
    rows = np.flatnonzero(made.values["age"].to_numpy(dtype=np.float64) < DAYS_NEW)
    if len(rows) < FEW:
        return None
    names = set(bundle.scorer.names)
    specs = [s for s in made.specs if s.name in names and s.table not in ACTS]
    levels = {table.feature: table.names for table in bundle.scorer.encoder.levels}
    return training_reference(specs, made.values.iloc[rows[:SAMPLE]], levels, np.zeros(len(rows[:SAMPLE])), cuts=[])


def _shifts(bundle: Bundle, made: FeatureTable) -> dict[str, FeatureShift]:
    """Hold each feature's values against how training's newest quarter had them spread, by a sample of the night.

    Of acts only counts are asked: training looks on one weekday, and how long ago the last act was hangs on the day.
    """
    told = (bundle.manifest["reference"].get("spreads") or {}).get("features") or {}
    if len(made) < FEW:
        return {}
    step, rows = max(1, len(made) // SAMPLE), bundle.manifest["reference"]["spreads"]["rows"]
    found = {}
    for spec in made.specs:
        is_act = spec.aggregate not in ("value", "meets", "share_met")
        if spec.name in told and (not is_act or (spec.kind == "count" and spec.aggregate != "rate")):
            column = made.values[spec.name].iloc[::step]
            ratio = _ratio(spec, column, told[spec.name]) if spec.aggregate == "value" else None
            found[spec.name] = FeatureShift(*feature_drift(spec, column, told[spec.name], rows), ratio, is_act)
    return found


def _ratio(spec: Feature, column: pd.Series[Any], then: Mapping[str, Any]) -> float | None:
    """Return tonight's median over training's, where both are above 0."""
    if spec.kind != "number":
        return None
    numbers = column.to_numpy(dtype=np.float64)
    known = numbers[np.isfinite(numbers)]
    reached = np.cumsum(then["shares"][1:])
    if len(known) < SURELY or not then["cuts"] or reached[-1] <= 0:
        return None
    place = int(np.searchsorted(reached, 0.5 * reached[-1] - 1e-9))
    before, now = float(then["cuts"][min(place, len(then["cuts"]) - 1)]), float(np.median(known))
    return now / before if before > 0 and now > 0 else None

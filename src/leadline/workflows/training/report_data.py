"""What the report's sections ask of the tables while they are open: beside the labels and features that a model needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.dataset import account_members, attribute_values, lead_journeys, snapshots, usage
from leadline.dataset.account_members import role_column
from leadline.dataset.attribute_values import origin_attribute
from leadline.dataset.feature_spec import Feature
from leadline.dataset.lead_journeys import LastActivity, LeadJourneys
from leadline.dataset.usage import AssetUsage, RoleArrivals
from leadline.features import build
from leadline.features.build import FeatureTable
from leadline.features.families.account import main_window
from leadline.features.families.intent_stage import IntentRule
from leadline.tables import LoadedTables
from leadline.workflows.common import behaviour_intents

__all__ = ["LeadTable", "ReportInputs", "gather_report_inputs", "report_specs"]

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class LeadTable:
    """All leads as known at T: their roles and sources; None where nothing tells them.

    Attributes
    ----------
    lead_id : object array
        Who; records that were merged away aren't among them.
    role, source : object array or None
        "no role" where a title is none of the config's; None where it isn't given.
    """

    lead_id: Texts
    role: Texts | None
    source: Texts | None


@dataclass(frozen=True)
class ReportInputs:
    """What sections ask for.

    Attributes
    ----------
    rule : IntentRule or None
        How intent stages are told; None where no behaviour has an intent.
    columns : FeatureTable
        Of the labelled rows: what the rule counts, uses of assets, and who of the account is engaged.
    source : object array or None
        Of the labelled rows: where the lead came from.
    source_name : str
        The attribute that tells it; "" for none.
    now : FeatureTable
        All features, and what `report_specs` and the points rules count, of the leads that are open at T.
    now_by : object array or None
        Their value of the field that capacity is told by.
    lasts, uses, people, arrivals : LastActivity, AssetUsage, LeadTable, RoleArrivals, or None
        None where the data have no such thing.
    climbs : LeadJourneys or None
        Everybody's way through the funnel.
    """

    rule: IntentRule | None
    columns: FeatureTable
    source: Texts | None
    source_name: str
    now: FeatureTable
    now_by: Texts | None = None
    lasts: LastActivity | None = None
    uses: AssetUsage | None = None
    people: LeadTable | None = None
    arrivals: RoleArrivals | None = None
    climbs: LeadJourneys | None = None


def report_specs(config: Config) -> tuple[Feature, ...]:
    """List what is counted for the sections alone: acts of each intent lately, and uses of each asset; none enters the model."""
    rule = IntentRule.of(config)
    if config.is_flat or config.tables.events is None:
        return ()
    window = config.intent_stages.window
    used = [
        Feature(f"asset_{n}", "intent", "asset", "count", "count", "", field=name, by="behaviour", window=window)
        for n, (name, behaviour) in enumerate(config.behaviours.items())
        if behaviour.asset
    ]
    return (*(rule.specs() if rule else ()), *used)


def gather_report_inputs(config: Config, loaded: LoadedTables, made: FeatureTable) -> ReportInputs | None:
    """Ask for all of it; the table ``snapshots`` is left as it is. None for a flat file.

    Parameters
    ----------
    made : FeatureTable
        Of the labelled rows: the catalogue's, and those of `report_specs`.
    """
    if config.is_flat or loaded.known_at is None:
        return None
    store, events = loaded.store, config.tables.events is not None
    rule, source = IntentRule.of(config), _source(config, loaded, made.specs)
    told = made.values[source.name].to_numpy(dtype=object) if source else None
    last = lead_journeys.fetch_last_events(loaded) if events else None
    store.run("CREATE OR REPLACE TABLE labelled_rows AS SELECT * FROM snapshots")
    arrived = _arrivals(config, loaded) if events else None
    assets = {b: told.asset for b, told in config.behaviours.items() if told.asset}
    used = (
        usage.fetch_asset_uses(loaded, assets, config.tables.leads.account is not None) if events and assets else None
    )
    people = _people(config, loaded, made.specs, source) if used is not None else None
    snapshots.for_night(config, loaded, loaded.known_at)
    now = build.compute_features(loaded, made.specs, behaviour_intents(config), config.roles)
    by = attribute_values.field_values(loaded, config.capacity.by)
    store.run("CREATE OR REPLACE TABLE snapshots AS SELECT * FROM labelled_rows")
    name = source.words if source else ""
    climbed = lead_journeys.fetch_journeys(config, loaded)
    return ReportInputs(
        rule, made.keep(_names(config, made)), told, name, now, by, last, used, people, arrived, climbed
    )


def _names(config: Config, made: FeatureTable) -> list[str]:
    """Name the columns that sections read: those of `report_specs`, who acted at all, and who of the account is engaged."""
    windows = {str(main_window(config)), str(max(config.features.windows))}
    ours = {s.name for s in report_specs(config)}
    return [
        s.name
        for s in made.specs
        if s.name in ours
        or (s.aggregate in ("colleagues_engaged", "any_role") and str(s.window) in windows)
        or (s.aggregate == "count" and s.by == "any" and s.table == "events" and str(s.window) in windows)
    ]


def _source(config: Config, loaded: LoadedTables, specs: Sequence[Feature]) -> Feature | None:
    """Find the feature that tells where leads came from, if any."""
    told = origin_attribute(config, loaded, "source")
    texts = [s for s in specs if s.aggregate == "value" and s.table == "leads" and s.kind == "category"]
    return next((s for s in texts if told is not None and s.field == told.column), None)


def _arrivals(config: Config, loaded: LoadedTables) -> RoleArrivals | None:
    title = role_column(loaded)
    if not config.roles or title is None or config.tables.leads.account is None:
        return None
    found = usage.fetch_role_arrivals(loaded, config.roles, title, config.seed)
    loaded.store.run("CREATE OR REPLACE TABLE snapshots AS SELECT * FROM labelled_rows")
    return found


def _people(config: Config, loaded: LoadedTables, specs: Sequence[Feature], source: Feature | None) -> LeadTable:
    """Ask who all leads are, as known at T; the table ``snapshots`` is left holding them."""
    account = (
        "account_id" if config.tables.leads.account else f"CAST(NULL AS {loaded.store.dialect.text}) AS account_id"
    )
    loaded.store.run(
        f"CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, {account}, CAST({loaded.known_at} AS BIGINT) AS as_of FROM leads "
        "WHERE lead_id NOT IN (SELECT lead_id FROM merged)"
    )
    column = role_column(loaded)
    title = next((s for s in specs if column and s.name == column.column and config.roles), None)
    made = build.compute_features(loaded, tuple(s for s in (source, title) if s), {}, config.roles)
    return LeadTable(
        made.lead_id,
        None if title is None else account_members.role_of(made.values[title.name].tolist(), config.roles),
        None if source is None else made.values[source.name].to_numpy(dtype=object),
    )

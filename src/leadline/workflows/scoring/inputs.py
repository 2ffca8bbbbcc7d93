"""Looking at a night: the features of its open leads, without those whom the outputs leave out, and how fresh the data are."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config, Source
from leadline.core.checks import Findings
from leadline.core.point_in_time import Horizon
from leadline.dataset import attribute_values, snapshots
from leadline.dataset.feature_spec import Feature, attributes_of
from leadline.dataset.lead_news import NewsTables, fetch_news
from leadline.errors import UsageError
from leadline.features import build
from leadline.features.build import FeatureTable
from leadline.features.families import account
from leadline.features.families.intent_stage import IntentRule
from leadline.registry.bundle import Bundle
from leadline.scoring.accounts import AccountPeople
from leadline.scoring.input_checks import NEVER
from leadline.scoring.previous_scores import PreviousScores
from leadline.tables import LoadedTables
from leadline.tables.merges import survivors_in
from leadline.tables.summary import InputSummary, summarize
from leadline.tables.suppressions import ScoringLists, check_lists, read_scoring_lists
from leadline.workflows.common import Progress, no_progress, open_tables
from leadline.workflows.scoring.night_checks import NightOutline, Survey, known_on_lists, lead_moves

__all__ = [
    "ScoringInputs",
    "gather_inputs",
    "keep_leads",
    "known_specs",
    "night_lists",
    "night_rows",
    "open_scoring_tables",
    "outline_night",
    "requested_as_of",
    "scoring_features",
    "take_rows",
]


# A night's input: the open leads of one instant and their features, by the same path as in training.


def requested_as_of(config: Config, as_of: str | int | None, leads: Source | None) -> str | int | None:
    """Return the night that is asked for, where one is needed and given.

    Raises
    ------
    UsageError
        `as_of` is missing, or `leads` isn't for such a config.
    """
    if leads is not None and not config.is_flat:
        raise UsageError(
            "--leads: for a flat file only (snapshots.order_by); with dated tables every open lead is scored; leave it out"
        )
    if as_of is None and leads is None:
        raise UsageError(
            "--as-of: missing; expected the instant of the night; name it, as in --as-of 2024-05-01T02:00:00Z"
        )
    return as_of


def scoring_features(
    config: Config,
    specs: tuple[Feature, ...],
    intent: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    as_of: int | None,
    leads_source: Source | None = None,
    asked: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> tuple[FeatureTable, LoadedTables, frozenset[str]]:
    """Compute the features of tonight's open leads, by the same path as in training.

    Parameters
    ----------
    specs, intent, roles
        The bundle's.
    asked : sequence of str, optional
        Only these leads.

    Returns
    -------
    tuple
        The features, the tables (their store is closed), and which of `asked` are among the leads at all.
    """
    with open_scoring_tables(config, specs, as_of, leads_source, progress) as loaded:
        known = frozenset() if asked is None else keep_leads(loaded, asked)
        progress("computing features")
        return build.compute_features(loaded, specs, intent, roles), loaded, known


def keep_leads(loaded: LoadedTables, asked: Sequence[str]) -> frozenset[str]:
    """Leave these leads in ``snapshots``, those of them that are open; tell which are among the leads at all."""
    import pyarrow as pa

    store = loaded.store
    store.put("wanted", pa.table({"lead_id": pa.array(list(asked), pa.string())}))
    store.run(
        "CREATE OR REPLACE TABLE snapshots AS SELECT * FROM snapshots WHERE lead_id IN (SELECT lead_id FROM wanted)"
    )
    return frozenset(
        str(row[0]) for row in store.rows("SELECT lead_id FROM leads WHERE lead_id IN (SELECT lead_id FROM wanted)")
    )


@contextmanager
def open_scoring_tables(
    config: Config,
    specs: tuple[Feature, ...],
    as_of: int | None,
    leads_source: Source | None = None,
    progress: Progress = no_progress,
) -> Iterator[LoadedTables]:
    """Read the tables as known at as_of, and take a snapshot of each lead that is open then; the store closes at the end.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    known_at = as_of if not config.is_flat else None
    with open_tables(config, known_at, progress, attributes_of(specs), leads_source) as loaded:
        loaded.findings.accept(config.leaks.accept).raise_errors()
        snapshots.for_night(config, loaded, as_of)
        yield loaded


@dataclass(frozen=True)
class ScoringInputs:
    """A night's leads.

    Attributes
    ----------
    made : FeatureTable
        Those that the outputs may have.
    defined : FeatureTable or None
        All that was counted of the same leads, for the bundle's definitions; None where it has none.
    value, stage : object array or None
        Each row's value of the field that capacity is told by, and its intent stage, where the bundle has a rule for it.
    open_leads : int
        How many are open, those left out among them.
    suppressed : mapping
        How many are left out, and why.
    tiers : mapping of str to str, or None
        The tiers that somebody set by hand.
    newest : int or None
        The newest event's instant; None where there is no clock.
    findings : Findings
        What the checks saw.
    survey : Survey
        What the tables hold, and which leads came back or went.
    news : NewsTables
        What became known since the night before, where that tells why scores moved.
    seconds : mapping of str to float
        How long each stage took.
    people : AccountPeople
        Who of each row's account is engaged, where the bundle has a model of accounts.
    """

    made: FeatureTable
    value: npt.NDArray[np.object_] | None
    open_leads: int
    suppressed: Mapping[str, Any]
    tiers: Mapping[str, str] | None
    newest: int | None
    findings: Findings
    seconds: Mapping[str, float]
    survey: Survey
    stage: npt.NDArray[np.object_] | None = None
    defined: FeatureTable | None = None
    news: NewsTables = field(default_factory=NewsTables)
    people: AccountPeople = field(default_factory=AccountPeople)

    def __repr__(self) -> str:
        return f"ScoringInputs({self.open_leads:,} open leads, {self.suppressed['leads']:,} of them left out)"


def gather_inputs(
    config: Config,
    bundle: Bundle,
    as_of: int | None,
    leads: Source | None = None,
    progress: Progress = no_progress,
    before: PreviousScores | None = None,
) -> ScoringInputs:
    """Compute the features of a night's leads, by the same path as in training; with `before`, survey its tables, too."""
    began = time.monotonic()
    defined = bundle.definitions
    with open_scoring_tables(config, known_specs(bundle), as_of, leads, progress) as loaded:
        read = time.monotonic()
        progress("computing features")
        told, made, value, stage = night_rows(bundle, loaded)
        people = _account_people(bundle, told)
        newest = None if config.is_flat else _newest(loaded)
        lists = night_lists(config, loaded, as_of)
        why = [lists.reason(lead, firm) for lead, firm in zip(made.lead_id, made.account_id, strict=True)]
        kept = np.array([reason is None for reason in why], dtype=bool)
        left_out = lists.counted(reason for reason in why if reason is not None)
        counted = time.monotonic()
        survey = (
            Survey()
            if before is None
            else _survey(config, bundle, loaded, lists, before, (len(made), left_out["leads"]))
        )
        news = _news(bundle, loaded, before, as_of)
    seconds = {
        "reading": round(read - began, 3), "features": round(counted - read, 3), "survey": round(time.monotonic() - counted, 3),
    }  # fmt: skip
    rest = made if kept.all() else take_rows(made, kept)
    return ScoringInputs(
        rest, None if value is None else value[kept], len(made), left_out, lists.tiers, newest, loaded.findings, seconds, survey,
        None if stage is None else stage[kept], None if defined is None else take_rows(told, kept), news, people.take(kept),
    )  # fmt: skip


def _news(bundle: Bundle, loaded: LoadedTables, before: PreviousScores | None, as_of: int | None) -> NewsTables:
    """Read what became known since the night before; nothing where no lead's move could be told by it."""
    told = before is not None and before.contributions is not None and before.version == bundle.version
    if before is None or before.as_of is None or as_of is None or not told:
        return NewsTables()
    windows = {s.window for s in bundle.specs if s.window is not None and s.table in ("events", "colleagues")}
    return fetch_news(loaded, before.as_of, as_of, windows)


def _people_specs(bundle: Bundle) -> tuple[Feature, ...]:
    """List what the model of accounts asks beside the bundle's own features."""
    if bundle.accounts is None:
        return ()
    mine = {spec.name for spec in bundle.specs}
    return tuple(spec for spec in map(Feature.from_record, bundle.accounts.told["specs"]) if spec.name not in mine)


def _account_people(bundle: Bundle, told: FeatureTable) -> AccountPeople:
    """Tell who of each row's account is engaged."""
    if bundle.accounts is None:
        return AccountPeople()
    notes = bundle.accounts.told
    specs = [Feature.from_record(record) for record in notes["specs"]]
    days = f"{Horizon.parse(notes['window']).days:g}"
    window = f" in {days} day{'' if days == '1' else 's'}"
    return AccountPeople(account.engaged_people(specs, told.values), account.roles_engaged(specs, told.values), window)


def known_specs(bundle: Bundle) -> tuple[Feature, ...]:
    """List the features whose columns a night reads: the model's, and those of its definitions."""
    return (*bundle.specs, *(bundle.definitions.beyond(bundle.specs) if bundle.definitions is not None else ()))


def night_rows(
    bundle: Bundle, loaded: LoadedTables, given: Collection[str] = (), swept: bool | None = None
) -> tuple[FeatureTable, FeatureTable, npt.NDArray[np.object_] | None, npt.NDArray[np.object_] | None]:
    """Return what scores are made of: all that is counted, the model's features, the values that capacity is told by, the intent stages."""
    rule, defined = IntentRule.from_record(bundle.manifest["intent_stages"]), bundle.definitions
    asked = (*bundle.specs, *(rule.specs() if rule else ()), *_people_specs(bundle))
    asked += defined.beyond(asked) if defined is not None else ()
    told = build.compute_features(loaded, asked, bundle.manifest["intents"], bundle.manifest["roles"], swept, given)
    made, stage = told.keep(s.name for s in bundle.specs), rule.stages(told.values) if rule else None
    return told, made, attribute_values.field_values(loaded, bundle.scorer.bands.by, known=True), stage


def outline_night(
    config: Config, bundle: Bundle, as_of: int | None, leads: Source | None, progress: Progress, before: PreviousScores
) -> NightOutline:
    """Look at a night's tables as `gather_inputs` does; no feature is computed."""
    with open_scoring_tables(config, bundle.specs, as_of, leads, progress) as loaded:
        rows = loaded.store.rows("SELECT lead_id, account_id FROM snapshots")
        lists = night_lists(config, loaded, as_of)
        left_out = sum(lists.reason(str(lead), firm) is not None for lead, firm in rows)
        survey = _survey(config, bundle, loaded, lists, before, (len(rows), left_out))
        return NightOutline(len(rows), left_out, None if config.is_flat else _newest(loaded), survey)


def _survey(
    config: Config,
    bundle: Bundle,
    loaded: LoadedTables,
    lists: ScoringLists,
    before: PreviousScores,
    counts: tuple[int, int],
) -> Survey:
    """Count what the tables hold and whom the lists name, and hold the open leads against the newest finished night."""
    acts = {spec.field for spec in bundle.specs if spec.by == "behaviour"}
    made = summarize(config, loaded, acts) or InputSummary(loaded.known_at or 0)
    told = made.with_leads(counts[0], known_on_lists(config, loaded, lists, counts[1]))
    return Survey(told, lead_moves(config, loaded, before))


def take_rows(made: FeatureTable, kept: npt.NDArray[np.bool_]) -> FeatureTable:
    """Keep some of the rows."""
    values = made.values.loc[kept].reset_index(drop=True)
    return FeatureTable(made.specs, made.lead_id[kept], made.account_id[kept], made.as_of[kept], values)


def _newest(loaded: LoadedTables) -> int | None:
    """Find the newest act: an event, or a change of stage or a deal where there are no events."""
    clocks = {"events": "occurred_at", "stages": "changed_at", "opportunities": "created_at"}
    table = next((name for name in clocks if name in loaded.rows), None)
    if table is None:
        return None
    value = loaded.store.rows(f"SELECT MAX({clocks[table]}) FROM {table}")[0][0]
    return NEVER if value is None else int(value)


def night_lists(config: Config, loaded: LoadedTables, as_of: int | None) -> ScoringLists:
    """Read whom the outputs leave out; who is listed in another spelling than leads have would slip through."""
    lists = read_scoring_lists(config, None if config.is_flat else as_of, survivors_in(config, loaded.store))
    check_lists(config, loaded.store, lists, at_night=True).accept(config.leaks.accept).raise_errors()
    return lists

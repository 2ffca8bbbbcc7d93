"""`explain --html`: one lead's page: what was known of it at as_of, its score and why, and which single act would raise its tier.

The page is about a person, and is written where the user says and nowhere else; the run's record and logs hold none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadline.config.frames import as_source
from leadline.config.schema import Config, Source
from leadline.core.files import write_text
from leadline.core.jsonable import to_jsonable
from leadline.dataset import timeline
from leadline.dataset.account_members import TITLES
from leadline.dataset.attribute_values import SOURCES
from leadline.dataset.timeline import add_event, common_behaviours, keep_one_lead, reads_events
from leadline.delivery.past_scores import read_lead_history
from leadline.explanation.next_best_action import NextBestAction, find_next_action, tier_thresholds
from leadline.features import build
from leadline.features.build import FeatureTable
from leadline.features.catalog import words_for
from leadline.features.families.intent_stage import IntentRule
from leadline.registry.bundle import Bundle
from leadline.tables import LoadedTables
from leadline.tables.attributes import slugify
from leadline.tables.event_cache import CachedEvents
from leadline.tables.stages import stage_index
from leadline.workflows.check import page_place
from leadline.workflows.common import Progress, as_config, no_progress, parse_as_of
from leadline.workflows.scoring.explain import (
    LeadExplanation,
    explain_open_lead,
    find_model,
    hindsight_warning,
    is_trained_later,
)
from leadline.workflows.scoring.inputs import keep_leads, open_scoring_tables, requested_as_of

__all__ = ["LeadPage", "explain_page"]

BEHAVIOURS = 30
"""How many behaviours are tried, the commonest ones."""


@dataclass(frozen=True)
class LeadPage:
    """One lead's page.

    Attributes
    ----------
    told : LeadExplanation
        The score and its reasons, as `explain` gives them.
    page : Path
        The page that was written.
    record : dict
        What stands on it, as plain values.
    """

    told: LeadExplanation
    page: Path
    record: dict[str, Any]

    def __repr__(self) -> str:
        return f"LeadPage({self.page}; {self.told!r})"


def explain_page(
    config: Config | str | Path,
    lead: str,
    as_of: str | int | None,
    html: str | Path,
    model: str | None = None,
    progress: Progress = no_progress,
    *,
    leads: Any = None,
) -> LeadPage:
    """Explain one open lead's score, and write it as a page with the lead's timeline.

    Parameters
    ----------
    html : path
        Where the page is written.
    leads : path or DataFrame, optional
        As in `explain`.

    Raises
    ------
    MissingError
        No such lead is known at as_of, or it isn't open then.
    UsageError, OutputError
        The name doesn't end in .html, or the page can't be written.

    Examples
    --------
    >>> explain_page("no-such.yaml", lead="L1", as_of="2024-05-01", html="lead.pdf")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --html 'lead.pdf': not a page; expected a name that ends in .html
    """
    from leadline.report.pages.lead import lead_page

    page_place(html)
    config = as_config(config, progress)
    place = page_place(html, config)
    rows = as_source(leads, "leads")
    when = parse_as_of(config, requested_as_of(config, as_of, rows))
    bundle = find_model(config, model)
    with _open_explained(config, bundle, when, lead, rows, progress) as (loaded, made, told):
        nights = (
            [] if config.is_flat else read_lead_history(Path("scores") / bundle.name, bundle.name, lead, int(when or 0))
        )
        record = {
            **_scored(config, bundle, told, made), "nights": nights, "flat": config.is_flat,
            "hindsight": hindsight_warning(bundle) if is_trained_later(config, bundle, when) else "",
        }  # fmt: skip
        if not config.is_flat:
            progress("reading the timeline")
            record |= _past_record(config, bundle, loaded) | {"intent_stage": _intent_stage(bundle, loaded)}
            progress("trying single events")
            record["nearest"] = _next_action(config, bundle, loaded, made, told, nights).to_record()
    record = to_jsonable(record)
    write_text(place, lead_page(record), private=True)
    return LeadPage(told, place, record)


@contextmanager
def _open_explained(
    config: Config, bundle: Bundle, when: int | None, lead: str, leads: Source | None, progress: Progress
) -> Iterator[tuple[LoadedTables, FeatureTable, LeadExplanation]]:
    """Read the tables as known then, leave the one lead, and explain it, while the store is open."""
    with open_scoring_tables(config, bundle.specs, when, leads, progress) as loaded:
        known = bool(keep_leads(loaded, [lead]))
        progress("computing features")
        made = build.compute_features(loaded, bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"])
        yield loaded, made, explain_open_lead(bundle, made, when, known)


def _scored(config: Config, bundle: Bundle, told: LeadExplanation, made: FeatureTable) -> dict[str, Any]:
    account = made.account_id[0]
    return {
        "name": bundle.name, "version": bundle.version, "lead_id": told.lead_id, "account_id": account, "as_of": told.as_of,
        "outcome": config.outcome.model_dump(mode="json"), "probability": told.probability, "tier": told.tier,
        **_attributes(bundle, made), "tiers": [*bundle.scorer.bands.names], "cuts": [*bundle.scorer.bands.cuts], "base": told.base,
        "causes": [{"fact": fact, "effect": effect} for fact, effect in told.causes], "later": dict(told.later), "grades": dict(told.grades),
    }  # fmt: skip


def _intent_stage(bundle: Bundle, loaded: LoadedTables) -> str | None:
    """Return the lead's intent stage; None where no behaviour has an intent."""
    rule = IntentRule.from_record(bundle.manifest["intent_stages"])
    if rule is None:
        return None
    counted = build.compute_features(loaded, rule.specs(), bundle.manifest["intents"], bundle.manifest["roles"])
    return str(rule.stages(counted.values)[0])


def _attributes(bundle: Bundle, made: FeatureTable) -> dict[str, Any]:
    """Return the lead's title and source, where the model reads them, and its intent stage."""
    texts = {
        slugify(s.field): s.name
        for s in bundle.specs
        if s.aggregate == "value" and s.table == "leads" and s.kind == "category"
    }

    def first(words: Sequence[str]) -> Any:
        name = next((texts[word] for word in words if word in texts), None)
        return None if name is None else made.values[name].iloc[0]

    return {"title": first(TITLES), "source": first(SOURCES)}


def _past_record(config: Config, bundle: Bundle, loaded: LoadedTables) -> dict[str, Any]:
    """Return the timeline, with the config's words for behaviours and roles."""
    told = timeline.fetch_timeline(loaded, bundle.manifest["roles"])
    names = {stage_index(stage): stage for stage in ("lead", "mql", "sql", "opportunity", "won", "lost", "rejected")}
    acts = [
        {"day": act.day, "own": act.own, "role": act.role, "words": _words(config, act.behaviour),
         "intent": _intent(config, act.behaviour), "times": act.times, "people": act.people, "recorded_at": act.recorded_at}
        for act in told.acts
    ]  # fmt: skip
    here = timeline.colleague_roles(loaded, bundle.manifest["roles"])
    return {
        "created_at": told.created_at, "own": told.own, "others": told.others, "acts": acts, "stages": [[names[rung], at] for rung, at in told.stages],
        "roles": {role: here[role][1] if role in here else 0 for role in bundle.manifest["roles"]},
        "at": int(loaded.store.rows("SELECT as_of FROM snapshots")[0][0]),
    }  # fmt: skip


def _next_action(
    config: Config,
    bundle: Bundle,
    loaded: LoadedTables,
    made: FeatureTable,
    told: LeadExplanation,
    nights: list[dict[str, Any]],
) -> NextBestAction:
    """Try single acts, the commonest first: by the lead itself, and by a colleague of each role that is known there."""
    tonight = (
        nights[0] if nights and nights[0]["as_of"] == made.as_of[0] and nights[0]["version"] == bundle.version else None
    )
    bands = bundle.scorer.bands
    lines = tier_thresholds(bands.names, bands.cuts, tonight["bars"] if tonight and not bands.own else None)
    if "events" not in loaded.rows:
        return find_next_action(told.tier, lines, [])
    kinds = common_behaviours(loaded, BEHAVIOURS)
    acts: list[tuple[str | None, str, str]] = [(None, told.lead_id, kind) for kind in kinds]
    acts += [(role, who, kinds[0]) for role, (who, _) in timeline.colleague_roles(loaded, bundle.manifest["roles"]).items() if kinds]  # fmt: skip
    score = _scorer_of_acts(bundle, loaded, made)
    tried = [(role, _words(config, kind), score(who, kind)) for role, who, kind in acts]
    return find_next_action(told.tier, lines, tried)


def _scorer_of_acts(bundle: Bundle, loaded: LoadedTables, made: FeatureTable) -> Callable[[str, str], float]:
    """Return a function that scores the lead with one act more; only features that read events are asked again."""
    keep_one_lead(loaded)
    alone = replace(loaded, log=CachedEvents())  # what is kept of the log knows nothing of the act
    specs = tuple(spec for spec in bundle.specs if reads_events(spec))
    intents: Mapping[str, str] = bundle.manifest["intents"]

    def score(who: str, kind: str) -> float:
        add_event(alone, who, kind)
        again = build.compute_features(alone, specs, intents, bundle.manifest["roles"])
        values = made.values.assign(**{spec.name: again.values[spec.name] for spec in specs})
        return float(bundle.scorer.probability(values[list(bundle.scorer.names)])[0])

    return score


def _words(config: Config, behaviour: str | None) -> str:
    return "an event without a name" if behaviour is None else words_for(config, behaviour)


def _intent(config: Config, behaviour: str | None) -> str:
    told = config.behaviours.get(behaviour or "")
    return told.intent if told is not None else "unknown"

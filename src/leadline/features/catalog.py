"""The catalogue: which features a config and its tables give."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from leadline.config.schema import Config
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.dataset import account_members
from leadline.dataset.feature_spec import Feature
from leadline.features.families import account, conversion_rates, funnel_stage, icp_fit, plugged
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.tables.attributes import slugify, unique
from leadline.tables.stages import stage_index

__all__ = ["INTENTS", "MOST_BEHAVIOURS", "RULE", "attribute_specs", "list_features", "rule_specs"]

INTENTS = ("awareness", "evaluation", "purchase")
RESERVED = (
    "any", "colleague_act", "colleague_acts", "colleague_purchase", "new_role", *(f"intent_{i}" for i in INTENTS), "mql", "sql",
    "opportunity", "scanner", "account_act", "account_acts", "depth",
)  # fmt: skip
RULE = "rule_"
"""How the counts that current scoring rules ask for are named; they never enter the model."""

MOST_BEHAVIOURS = 60
"""Beyond so many kinds of event, the rarest count only as activity and by their intent."""


ANY = "events of any kind"


def list_features(config: Config, loaded: LoadedTables) -> tuple[Feature, ...]:
    """List the features of a config on its tables, in a fixed order; where all events are of one kind, no word is of kinds."""
    specs: list[Feature] = []
    if config.tables.events is not None:
        there = [i for i in INTENTS if any(b.intent == i for b in config.behaviours.values())]
        specs += _activity(config)
        for intent in there:
            specs += _intent(config, intent)
        specs += _progress(config, there)
        acts, kinds = _behaviours(config, loaded)
        for behaviour, name in acts:
            specs += _behaviour(config, behaviour, name)
        if kinds <= 1:
            specs = [replace(spec, words="events") if spec.words == ANY else spec for spec in specs]
    if not config.is_flat:
        specs.append(Feature("age", "age", "age", "days", "age", "time since creation", "leads"))
        specs += _stages(config) + funnel_stage.specs(config)
    if config.tables.leads.account is not None and not config.is_flat:
        if config.tables.events is not None:
            specs += account.account_features(config) + icp_fit.size_specs(config, loaded.attributes)
            specs += account.nameless_features(config) + account.committee_features(config, loaded)
        specs += account.past_features(config)
    known = _in_history(config, loaded)
    specs += conversion_rates.specs(config, loaded.attributes, known, account_members.role_column(loaded))
    every = (*specs, *_attributes(loaded, known), *icp_fit.specs(config, loaded.attributes, known))
    every += tuple(plugged.plugged_specs(config, loaded, [s.name for s in every]))
    return tuple(s for s in every if s.family not in config.features.without)


def attribute_specs(config: Config, loaded: LoadedTables) -> tuple[Feature, ...]:
    """List the attributes' values at as_of and the criteria of the ICP, whatever the config leaves out of the features."""
    known = _in_history(config, loaded)
    return (*_attributes(loaded, known), *icp_fit.specs(config, loaded.attributes, known))


def rule_specs(config: Config) -> tuple[Feature, ...]:
    """List the counts that the points rules of one behaviour ask for."""
    return tuple(
        Feature(
            f"{RULE}{n}",
            "rules",
            "rules",
            "count",
            "count",
            "",
            field=str(r.when.behaviour),
            by="behaviour",
            window=r.when.within,
        )
        for n, r in enumerate(config.rules)
        if r.when.kind == "behaviour" and r.when.is_plain and config.tables.events is not None
    )


def words_for(config: Config, behaviour: str) -> str:
    """Return the words for a behaviour: the config's, or its name made readable.

    Examples
    --------
    >>> from leadline.config.schema import Config
    >>> words_for(Config.model_construct(behaviours={}), "pricing_page_view")
    'did pricing page view'
    """
    known = config.behaviours.get(behaviour)
    return (known.words if known else None) or "did " + " ".join(behaviour.replace("_", " ").split())


def _behaviours(config: Config, loaded: LoadedTables) -> tuple[list[tuple[str, str]], int]:
    """List the behaviours that enough leads share, with a column name each, and count all; rarer ones might name a person."""
    rows = loaded.store.rows(
        "SELECT behaviour, kinds FROM (SELECT behaviour, COUNT(DISTINCT lead_id) AS leads, COUNT(*) OVER () AS kinds FROM events "
        f"WHERE behaviour IS NOT NULL GROUP BY behaviour) AS b WHERE leads >= {MIN_GROUP_SIZE} ORDER BY leads DESC, behaviour LIMIT {MOST_BEHAVIOURS}"
    )
    names = sorted(str(row[0]) for row in rows)
    return list(zip(names, unique((slugify(n) for n in names), RESERVED), strict=True)), int(rows[0][1]) if rows else 0


def _behaviour(config: Config, behaviour: str, name: str) -> list[Feature]:
    words, group = words_for(config, behaviour), f"behaviour:{name}"
    counts = [
        Feature(f"n_{name}_{w}", "behaviour", group, "count", "count", words, field=behaviour, by="behaviour", window=w)
        for w in config.features.windows
    ]
    heat = Feature(f"heat_{name}", "velocity", group, "count", "heat", words, field=behaviour, by="behaviour")
    last = Feature(f"since_{name}", "recency", group, "days", "since_last", words, field=behaviour, by="behaviour")
    return [*counts, heat, last]


def _intent(config: Config, intent: str) -> list[Feature]:
    words, group = f"events of {intent} intent", f"intent:{intent}"
    counts = [
        Feature(
            f"n_intent_{intent}_{w}", "behaviour", group, "count", "count", words, field=intent, by="intent", window=w
        )
        for w in config.features.windows
    ]
    days = [
        Feature(
            f"active_days_intent_{intent}_{w}", "behaviour", group, "count", "active_days", words, field=intent,
            by="intent", window=w,
        )
        for w in config.features.windows
    ]  # fmt: skip
    longest = max(config.features.windows)
    return [
        *counts,
        *days,
        Feature(f"heat_intent_{intent}", "velocity", group, "count", "heat", words, field=intent, by="intent"),
        Feature(
            f"share_intent_{intent}",
            "behaviour",
            group,
            "number",
            "share",
            words,
            field=intent,
            by="intent",
            window=longest,
        ),
        Feature(f"since_intent_{intent}", "recency", group, "days", "since_last", words, field=intent, by="intent"),
        Feature(f"first_intent_{intent}", "recency", group, "days", "since_first", words, field=intent, by="intent"),
    ]


def _progress(config: Config, there: list[str]) -> list[Feature]:
    """List how a lead moves: from one intent to the next, from one window to the next, and faster than a person."""
    words, group = "progress from awareness to purchase", "progress"
    specs = []
    if "purchase" in there:
        specs.append(Feature("first_to_purchase", "behaviour", group, "days", "first_to_purchase", words))
    if there:
        specs.append(Feature("since_depth", "recency", "depth", "days", "since_depth", "deepest intent so far"))
    if len(there) > 1:
        specs.append(Feature("progress", "behaviour", group, "number", "progress", words))
        specs.append(Feature("progress_pace", "velocity", group, "days", "progress_pace", words))
    windows = sorted(config.features.windows)
    for intent in ["", *there]:
        what = f"intent_{intent}" if intent else "any"
        told = f"events of {intent} intent" if intent else ANY
        for short, long in pairwise(windows):
            specs.append(Feature(
                f"trend_{what}_{short}_{long}", "velocity", f"trend:{what}", "number", "trend", told, field=intent,
                by="intent" if intent else "any", window=short, terms=(str(long),),
            ))  # fmt: skip
    fast = "events faster than a person's"
    specs += [Feature(f"n_scanner_{w}", "velocity", "scanner", "count", "scanned", fast, window=w) for w in windows]
    return specs


def _activity(config: Config) -> list[Feature]:
    specs: list[Feature] = []
    for w in (*config.features.windows, None):
        tail = str(w) if w else "ever"
        specs.append(Feature(f"n_any_{tail}", "behaviour", "activity", "count", "count", ANY, window=w))
        specs.append(
            Feature(f"active_days_{tail}", "behaviour", "activity", "count", "active_days", "active days", window=w)
        )
    windows = sorted(config.features.windows)
    specs.append(Feature("heat_any", "velocity", "activity", "count", "heat", ANY))
    if len(windows) > 1:
        words = "pace of events against its own past"
        specs.append(
            Feature("pace_any", "velocity", "pace", "number", "pace", words, field=str(windows[-1]), window=windows[0])
        )
    specs.append(Feature("gap_any", "velocity", "pace", "days", "gap", "pace of events against its own past"))
    if any(b.intent in INTENTS for b in config.behaviours.values()):
        specs.append(Feature("depth", "behaviour", "depth", "number", "depth", "deepest intent so far", by="any"))
    specs.append(Feature("since_any", "recency", "activity", "days", "since_last", ANY))
    specs.append(Feature("first_any", "recency", "activity", "days", "since_first", ANY))
    return specs


def _stages(config: Config) -> list[Feature]:
    """Stages below the outcome: reached or not, and since when."""
    below = [s for s in ("mql", "sql", "opportunity") if stage_index(s) < stage_index(str(config.outcome.reaches))]
    specs = []
    for stage in below:
        if config.words(stage):
            words = f"became {stage.upper() if stage != 'opportunity' else 'an opportunity'}"
            specs.append(
                Feature(f"is_{stage}", "funnel", f"stage:{stage}", "flag", "in_stage", words, "stages", stage, "stage")
            )
            specs.append(
                Feature(
                    f"since_{stage}", "funnel", f"stage:{stage}", "days", "since_stage", words, "stages", stage, "stage"
                )
            )
    return specs


def _in_history(config: Config, loaded: LoadedTables) -> frozenset[str]:
    """Return the leads' attributes, and the account's column, that history has values of."""
    asked = [a.column for a in loaded.attributes if a.table == "leads"]
    asked += [config.tables.leads.account] if config.tables.leads.account else []
    if config.tables.history is None or not asked:
        return frozenset()
    listed = ", ".join(literal(column, loaded.store.dialect) for column in asked)
    rows = loaded.store.rows(f"SELECT DISTINCT field FROM history WHERE field IN ({listed})")
    return frozenset(str(row[0]) for row in rows)


def _attributes(loaded: LoadedTables, known: frozenset[str]) -> tuple[Feature, ...]:
    specs = []
    for a in loaded.attributes:
        by = "history" if a.table == "leads" and a.column in known else "column"
        words = a.column.replace("_", " ") if a.table == "leads" else f"the account's {a.column.replace('_', ' ')}"
        read = (a.reading,) if a.reading else ()
        specs.append(
            Feature(a.name, "fit", f"attribute:{a.name}", a.kind, "value", words, a.table, a.column, by, terms=read)
        )
    return tuple(specs)

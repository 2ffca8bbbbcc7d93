"""Current scoring rules as features of their own, which the lowest rung scores by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.config.modeling import Rule
from leadline.config.schema import Config
from leadline.dataset.feature_spec import Feature
from leadline.features.build import FeatureTable
from leadline.features.catalog import RULE, words_for
from leadline.model.fitting.small_data import PointsRule
from leadline.points.definitions import Definitions, equals
from leadline.tables.attributes import slugify

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JOINED", "points_rules", "rule_features", "rule_hits", "rule_points", "with_joined_rules"]


JOINED = "joined"
"""What tells by what a rule of several conditions holds: no one thing that a statement counts."""


def rule_features(config: Config, made: FeatureTable) -> FeatureTable:
    """Keep what the rules ask of: a count for each behaviour rule, a flag for each of several conditions, and the attributes.

    Parameters
    ----------
    made : FeatureTable
        The catalogue's features and those of `catalog.rule_specs`.
    """
    kept = made.keep(feature for _, feature in _rule_sources(config, {s.name for s in made.specs}))
    behaviours = {f"{RULE}{n}": str(r.when.behaviour) for n, r in enumerate(config.rules) if r.when.is_plain}
    told = tuple(
        replace(spec, family="behaviour", group=f"behaviour:{slugify(b)}", words=words_for(config, b))
        if (b := behaviours.get(spec.name)) and spec.name.startswith(RULE)
        else spec
        for spec in kept.specs
    )
    return FeatureTable(told, kept.lead_id, kept.account_id, kept.as_of, kept.values)


def with_joined_rules(made: FeatureTable, asked: Definitions) -> FeatureTable:
    """Add a flag for each rule of several conditions, as far as `asked` has them: 1 where it holds."""
    held = asked.hold(made.specs, made.values)
    flags = {name: holds.astype(np.float64) for name, holds in held.items() if name.startswith(RULE)}
    specs = tuple(Feature(name, "rules", "rules", "count", "count", "", by=JOINED) for name in flags)
    values = made.values.assign(**flags) if flags else made.values
    return FeatureTable((*made.specs, *specs), made.lead_id, made.account_id, made.as_of, values)


def points_rules(config: Config, specs: Sequence[Feature]) -> tuple[PointsRule, ...]:
    """Say the config's rules in terms of features; a rule whose attribute isn't one of them counts for nothing.

    Examples
    --------
    >>> asked = Rule.model_validate({"when": {"behaviour": "demo_request", "within": "30d"}, "points": 25})
    >>> here = Rule.model_validate({"when": {"attribute": "Country", "equals": "NL"}, "points": 5})
    >>> specs = [Feature("rule_0", "behaviour", "demo", "count", "count", "asked"),
    ...          Feature("lead_country", "fit", "country", "category", "value", "is in")]
    >>> config = Config.model_construct(rules=(asked, here))
    >>> [(r.feature, r.points, r.equals) for r in points_rules(config, specs)]
    [('rule_0', 25.0, None), ('lead_country', 5.0, 'NL')]
    """
    kinds = {spec.name: spec.kind for spec in specs}
    made = []
    for rule, feature in _rule_sources(config, kinds):
        if not rule.when.is_plain:
            continue  # no single feature says whether it holds, so that a night couldn't tell
        if rule.when.behaviour is not None:
            made.append(PointsRule(feature, rule.points))
            continue
        wanted = rule.when.equals
        if kinds[feature] == "category":
            made.append(PointsRule(feature, rule.points, str(wanted)))
            continue
        try:  # numbers are compared as numbers, so that 5 is 5.0
            made.append(PointsRule(feature, rule.points, float(wanted if isinstance(wanted, bool) else str(wanted))))
        except ValueError:
            continue  # a word never equals a number
    return tuple(made)


def _rule_sources(config: Config, names: Collection[str]) -> list[tuple[Rule, str]]:
    """Pair each rule with the feature that it asks of, as its terms name it."""
    pairs = []
    for number, rule in enumerate(config.rules):
        name = slugify(str(rule.when.attribute))
        own = rule.when.behaviour is not None or not rule.when.is_plain
        tried = (f"{RULE}{number}",) if own else (f"lead_{name}", f"account_{name}")
        found = next((column for column in tried if column in names), None)
        if found is not None:
            pairs.append((rule, found))
    return pairs


# Current scoring rules, as the config's rules state it: what leadline has to beat.


def rule_points(config: Config, values: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Add up the points of every rule that holds; a rule whose attribute isn't a feature counts for nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.config.schema import Config
    >>> from leadline.config.modeling import Rule
    >>> asked = Rule.model_validate({"when": {"behaviour": "demo_request", "within": "30d"}, "points": 25})
    >>> rule_points(Config.model_construct(rules=(asked,)), pd.DataFrame({"rule_0": [0.0, 2.0]})).tolist()
    [0.0, 25.0]
    """
    total = np.zeros(len(values))
    for rule, holds in zip(config.rules, rule_hits(config, values).T, strict=True):
        total += rule.points * holds
    return total


def rule_hits(config: Config, values: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which rules hold, row by rule; one whose attribute isn't a feature never does.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.config.schema import Config
    >>> from leadline.config.modeling import Rule
    >>> told = [Rule.model_validate({"when": {"attribute": "Country", "equals": c}, "points": 5}) for c in ("NL", "BE")]
    >>> rule_hits(Config.model_construct(rules=told), pd.DataFrame({"lead_country": ["NL", None]})).tolist()
    [[True, False], [False, False]]
    """
    held = np.zeros((len(values), len(config.rules)), dtype=bool)
    for number, rule in enumerate(config.rules):
        when = rule.when
        if when.behaviour is not None or not when.is_plain:
            holds = values[f"{RULE}{number}"] > 0 if f"{RULE}{number}" in values else None
        else:
            name = slugify(str(when.attribute))
            column = next((c for c in (f"lead_{name}", f"account_{name}") if c in values), None)
            holds = equals(values[column], when.equals) if column else None
        if holds is not None:
            held[:, number] = holds.to_numpy()
    return held

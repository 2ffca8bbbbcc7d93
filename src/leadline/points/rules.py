"""Current scoring rules as features of their own, which the lowest rung scores by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.modeling import Rule
from leadline.config.schema import Config
from leadline.dataset.feature_spec import Feature
from leadline.features.build import FeatureTable
from leadline.features.catalog import RULE, words_for
from leadline.model.fitting.small_data import PointsRule
from leadline.tables.attributes import slugify

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["points_rules", "rule_features", "rule_hits", "rule_points"]


def rule_features(config: Config, made: FeatureTable) -> FeatureTable:
    """Keep what the rules ask of: a count for each behaviour rule, and the attributes; with words for reasons.

    Parameters
    ----------
    made : FeatureTable
        The catalogue's features and those of `catalog.rule_specs`.
    """
    kept = made.keep(feature for _, feature in _rule_sources(config, {s.name for s in made.specs}))
    behaviours = {f"{RULE}{n}": str(rule.when.behaviour) for n, rule in enumerate(config.rules)}
    told = tuple(
        replace(spec, family="behaviour", group=f"behaviour:{slugify(b)}", words=words_for(config, b))
        if (b := behaviours.get(spec.name)) and spec.name.startswith(RULE)
        else spec
        for spec in kept.specs
    )
    return FeatureTable(told, kept.lead_id, kept.account_id, kept.as_of, kept.values)


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
        tried = (f"{RULE}{number}",) if rule.when.behaviour is not None else (f"lead_{name}", f"account_{name}")
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
        if when.behaviour is not None:
            holds = values[f"{RULE}{number}"] > 0 if f"{RULE}{number}" in values else None
        else:
            name = slugify(str(when.attribute))
            column = next((c for c in (f"lead_{name}", f"account_{name}") if c in values), None)
            holds = _equals(values[column], when.equals) if column else None
        if holds is not None:
            held[:, number] = holds.to_numpy()
    return held


def _equals(column: pd.Series[Any], wanted: object) -> pd.Series[bool]:
    """Compare numbers as numbers, so that 5 is 5.0, and all else as text."""
    if column.dtype.kind != "f":
        return column.astype(str) == str(wanted)
    try:
        return column == (float(wanted) if isinstance(wanted, bool) else float(str(wanted)))
    except ValueError:
        return column.isna() & False

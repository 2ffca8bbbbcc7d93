"""Current scoring rules as features of their own, which the lowest rung scores by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from leadline.config import Config
from leadline.history.catalog import RULE, words_for
from leadline.history.features import Features
from leadline.history.spec import Feature
from leadline.model.prior import PointsRule
from leadline.plans import Rule
from leadline.tables.attributes import slug

__all__ = ["points_rules", "ruled"]


def ruled(config: Config, made: Features) -> Features:
    """Keep what the rules ask of: a count for each behaviour rule, and the attributes; with words for reasons.

    Parameters
    ----------
    made : Features
        The catalogue's features and those of `catalog.rule_specs`.
    """
    kept = made.keep(feature for _, feature in _asked(config, {s.name for s in made.specs}))
    behaviours = {f"{RULE}{n}": str(rule.when.behaviour) for n, rule in enumerate(config.rules)}
    told = tuple(
        replace(spec, family="behaviour", group=f"behaviour:{slug(b)}", words=words_for(config, b))
        if (b := behaviours.get(spec.name)) and spec.name.startswith(RULE)
        else spec
        for spec in kept.specs
    )
    return Features(told, kept.lead_id, kept.account_id, kept.as_of, kept.values)


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
    for rule, feature in _asked(config, kinds):
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


def _asked(config: Config, names: Collection[str]) -> list[tuple[Rule, str]]:
    """Pair each rule with the feature that it asks of, as `judge.points` finds it."""
    pairs = []
    for number, rule in enumerate(config.rules):
        name = slug(str(rule.when.attribute))
        tried = (f"{RULE}{number}",) if rule.when.behaviour is not None else (f"lead_{name}", f"account_{name}")
        found = next((column for column in tried if column in names), None)
        if found is not None:
            pairs.append((rule, found))
    return pairs

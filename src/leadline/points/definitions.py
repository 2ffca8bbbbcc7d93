"""Definitions of MQL and SQL, and rules of several conditions: what they count, as features, and who meets them.

What a condition asks is counted by the statement that computes the features, under the same clock rule, at any as_of and in
every engine; only how conditions are joined is done here. What isn't known isn't met: a lead without a country is in no
country, and meets ``not`` of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.conditions import AFTER_SCORING, When
from leadline.config.modeling import Rule
from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon
from leadline.dataset.account_members import TITLES, role_of
from leadline.dataset.feature_spec import Feature, attributes_of
from leadline.errors import DataError
from leadline.features.catalog import attribute_specs
from leadline.tables.attributes import Attribute, matching, slugify

if TYPE_CHECKING:
    import pandas as pd

    from leadline.tables import LoadedTables

__all__ = ["COLUMN", "FILE", "SCORES", "Definitions", "equals", "find_attribute", "title_attribute"]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str, str, Horizon | None]

FILE, COLUMN = "definitions.json", "definitions_met"
SCORES = {"score": "score", "fit": "fit_score", "engagement": "engagement_score", "grade": "grade"}
"""The column of the scores that each condition on a scored lead reads."""


@dataclass(frozen=True)
class Definitions:
    """Conditions by name, with all that it takes to hold leads against them.

    Attributes
    ----------
    conditions : mapping of str to When
        By name, in the config's order.
    specs : tuple of Feature
        What they count, and the attributes that they read; none of it enters a model.
    assets, roles, intents : mappings
        The behaviours that are the use of each asset, the patterns of each role, and the intent of each behaviour.
    rules : tuple of Rule
        Whose points a condition adds up, if one does.
    """

    conditions: Mapping[str, When]
    specs: tuple[Feature, ...] = ()
    assets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    intents: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, config: Config, loaded: LoadedTables, conditions: Mapping[str, When]) -> Definitions:
        """Find out what these conditions count in a config's tables."""
        assets: dict[str, tuple[str, ...]] = {}
        for behaviour, told in config.behaviours.items():
            if told.asset is not None:
                assets[told.asset] = (*assets.get(told.asset, ()), behaviour)
        every = [when for whole in conditions.values() for when in whole.walk()]
        rules = config.rules if any(when.kind == "points" for when in every) else ()
        intents = {name: behaviour.intent for name, behaviour in config.behaviours.items()}
        made = cls(conditions, (), assets, config.roles, intents, rules)
        asked = [*every, *(when for rule in rules for when in rule.when.walk())]
        there = attribute_specs(config, loaded)
        counts = dict.fromkeys(key for when in asked for key in made._counted(when))
        specs = [_spec(f"asked_{n}", key) for n, key in enumerate(counts) if _has_table(config, key)]
        read = dict.fromkeys(spec for when in asked for spec in _read(when, there))
        return cls(conditions, (*specs, *read), assets, config.roles, intents, rules)

    def beyond(self, specs: Iterable[Feature]) -> tuple[Feature, ...]:
        """List the specs that aren't among others: what is counted already isn't counted again."""
        there = {_key(spec) for spec in specs}
        return tuple(spec for spec in self.specs if _key(spec) not in there)

    def only(self, names: Collection[str]) -> Definitions:
        """Return the definitions of these names, with what these alone count."""
        kept = {name: when for name, when in self.conditions.items() if name in names}
        every = [when for whole in kept.values() for when in whole.walk()]
        rules = self.rules if any(when.kind == "points" for when in every) else ()
        asked = [*every, *(when for rule in rules for when in rule.when.walk())]
        keys = {key for when in asked for key in self._counted(when)}
        read = {spec for when in asked for spec in _read(when, self.specs)}
        specs = tuple(spec for spec in self.specs if _key(spec) in keys or spec in read)
        return Definitions(kept, specs, self.assets, self.roles, self.intents, rules)

    def hold(
        self, specs: Sequence[Feature], values: pd.DataFrame, scores: Mapping[str, npt.NDArray[Any]] | None = None
    ) -> dict[str, Flags]:
        """Tell for each definition which rows meet it.

        Parameters
        ----------
        specs, values
            The columns, which hold all that `specs` of the definitions asks, be it as features of the model.
        scores : mapping of str to array, optional
            The rows' score columns; without them no lead reaches a score or a grade.

        Examples
        --------
        >>> import pandas as pd
        >>> called = Feature("asked_0", "definitions", "definitions", "count", "count", "", field="call", by="behaviour")
        >>> twice = When.model_validate({"behaviour": "call", "at_least": 2})
        >>> Definitions({"mql": twice}, (called,)).hold([called], pd.DataFrame({"asked_0": [0.0, 1.0, 2.0]}))["mql"].tolist()
        [False, False, True]
        """
        rows = _Rows(self, {_key(spec): spec for spec in specs}, values, scores or {})
        return {name: rows.hold(when) for name, when in self.conditions.items()}

    def met(
        self, specs: Sequence[Feature], values: pd.DataFrame, scores: Mapping[str, npt.NDArray[Any]]
    ) -> npt.NDArray[np.object_]:
        """Return the names of the definitions that each row meets, joined by semicolons; empty text for none."""
        told = np.full(len(values), "", dtype=object)
        for name, holds in self.hold(specs, values, scores).items():
            told[holds] += np.where(told[holds] == "", name, f";{name}").astype(object)
        return told

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values for a bundle, which has intents and roles already."""
        return {
            "definitions": [{"name": name, "when": when.to_record()} for name, when in self.conditions.items()],
            "specs": [spec.to_record() for spec in self.specs],
            "assets": {asset: list(behaviours) for asset, behaviours in self.assets.items()},
            "rules": [{"when": rule.when.to_record(), "points": rule.points} for rule in self.rules],
        }

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], intents: Mapping[str, str], roles: Mapping[str, Sequence[str]]
    ) -> Definitions:
        """Read what `to_record` wrote.

        Raises
        ------
        DataError
            It isn't that.

        Examples
        --------
        >>> one = Definitions({"mql": When.model_validate({"icp": 2})})
        >>> Definitions.from_record(one.to_record(), {}, {}) == one
        True
        >>> Definitions.from_record({"definitions": 1}, {}, {})
        Traceback (most recent call last):
        ...
        leadline.errors.DataError: definitions.json: can't be read; expected what train wrote; restore or train again
        """
        try:
            conditions = {str(told["name"]): When.model_validate(told["when"]) for told in record["definitions"]}
            specs = tuple(Feature.from_record(told) for told in record["specs"])
            assets = {str(asset): tuple(map(str, behaviours)) for asset, behaviours in record["assets"].items()}
            rules = tuple(Rule.model_validate(told) for told in record["rules"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError(f"{FILE}: can't be read; expected what train wrote; restore or train again") from None
        return cls(conditions, specs, assets, dict(roles), dict(intents), rules)

    def groups(self, when: When) -> list[tuple[str, ...]]:
        """Return the behaviours that a condition counts, those of one asset together."""
        if when.kind == "asset":
            named = tuple(self.assets) if when.assets == ("any",) else when.assets
            return [self.assets.get(name, ()) for name in named]
        if when.kind == "intent":
            return [(name,) for name, intent in self.intents.items() if intent == when.intent]
        return [(name,) for name in dict.fromkeys(when.behaviours)]

    def _counted(self, when: When) -> list[Key]:
        """List the counts that a condition asks for, as keys of the specs that hold them."""
        if when.kind == "intent" and not when.distinct:
            return [("count", "events", str(when.intent), "intent", when.within)]
        if when.kind in ("behaviour", "intent", "asset"):
            names = dict.fromkeys(name for group in self.groups(when) for name in group)
            return [("count", "events", name, "behaviour", when.within) for name in names]
        if when.account is None:
            return []
        within = when.account.within
        people: list[Key] = [
            ("colleagues_engaged", "colleagues", "", "any", within),
            ("count", "events", "", "any", within),
        ]
        roles: list[Key] = [("roles_engaged", "colleagues", "", "role", within)]
        return (people if when.account.people else []) + (roles if when.account.roles else [])


def _key(spec: Feature) -> Key | tuple[Key, tuple[str, ...]]:
    """Return what makes two specs the same count; of what isn't a count its terms, too."""
    key = (spec.aggregate, spec.table, spec.field, spec.by, spec.window)
    return (key, spec.terms) if spec.aggregate in ("value", "meets") else key


def _spec(name: str, key: Key) -> Feature:
    aggregate, table, about, by, window = key
    family = (
        "account" if aggregate == "colleagues_engaged" else "definitions"
    )  # the statement finds the account's sums by it
    return Feature(name, family, "definitions", "count", aggregate, "", table, about, by, window)  # type: ignore[arg-type]


def _has_table(config: Config, key: Key) -> bool:
    """Tell whether a count can be made; one of nothing is 0."""
    return config.tables.events is not None and (key[1] == "events" or config.tables.leads.account is not None)


def _read(when: When, there: Sequence[Feature]) -> list[Feature]:
    """Pick the attributes, the title and the criteria of the ICP that a condition reads."""
    if when.icp is not None:
        return [spec for spec in there if spec.aggregate == "meets"]
    if when.attribute is not None:
        found = find_attribute(when.attribute, attributes_of(there))
    elif when.role is not None:
        found = title_attribute(attributes_of(there))
    else:
        return []
    return [spec for spec in there if found is not None and spec.aggregate == "value" and spec.name == found.name]


def find_attribute(name: str, attributes: Iterable[Attribute]) -> Attribute | None:
    """Find the attribute that a condition names; where lead and account have one, the lead's."""
    return next(iter(sorted(matching(name, attributes), key=lambda a: a.table != "leads")), None)


def title_attribute(attributes: Iterable[Attribute]) -> Attribute | None:
    """Find the leads' job title, as roles are told by it."""
    there = [a for a in attributes if a.table == "leads" and a.kind == "category"]
    return next((a for title in TITLES for a in there if slugify(a.column) == title), None)


def equals(column: pd.Series[Any], wanted: object) -> pd.Series[bool]:
    """Compare numbers as numbers, so that 5 is 5.0, and all else as text."""
    if column.dtype.kind != "f":
        return column.astype(str) == str(wanted)
    try:
        return column == (float(wanted) if isinstance(wanted, bool) else float(str(wanted)))
    except ValueError:
        return column.isna() & False


@dataclass(frozen=True)
class _Rows:
    """Rows that are held against conditions."""

    asked: Definitions
    there: Mapping[Any, Feature]
    values: pd.DataFrame
    scores: Mapping[str, npt.NDArray[Any]]

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        return attributes_of(self.asked.specs)

    def hold(self, when: When) -> Flags:
        """Tell which rows meet a condition."""
        if when.parts:
            held = [self.hold(part) for part in when.parts]
            return (
                ~held[0]
                if when.kind == "not"
                else np.logical_and.reduce(held)
                if when.all
                else np.logical_or.reduce(held)
            )
        if when.kind in ("behaviour", "intent", "asset"):
            return np.asarray(self._times(when) >= when.at_least, dtype=bool)
        if when.kind in AFTER_SCORING:
            return self._scored(when)
        tests = {
            "attribute": self._attribute,
            "icp": self._icp,
            "role": self._role,
            "account": self._account,
            "points": self._points,
        }
        return np.asarray(tests[when.kind](when), dtype=bool)

    def _count(self, key: Key) -> Floats:
        spec = self.there.get(key)
        if spec is None:
            return np.zeros(len(self.values))
        return np.asarray(
            np.nan_to_num(self.values[spec.name].to_numpy(dtype=np.float64, na_value=np.nan)), dtype=np.float64
        )

    def _times(self, when: When) -> Floats:
        """Return how often, or how many distinct ones."""
        none = np.zeros(len(self.values))
        if not when.distinct:
            return np.asarray(sum((self._count(key) for key in self.asked._counted(when)), start=none))
        told = none
        for group in self.asked.groups(when):
            used = sum((self._count(("count", "events", name, "behaviour", when.within)) for name in group), start=none)
            told = told + (used > 0)
        return told

    def _scored(self, when: When) -> Flags:
        told = self.scores.get(SCORES[when.kind])
        if told is None:
            return np.zeros(len(self.values), dtype=bool)
        if when.grade is None:
            return np.asarray(told >= getattr(when, when.kind), dtype=bool)
        return np.array(
            [g is not None and g[0] <= when.grade[0] and g[1] <= when.grade[1] for g in told.tolist()], dtype=bool
        )

    def _attribute(self, when: When) -> Any:
        found = find_attribute(str(when.attribute), self.attributes)
        if found is None:
            return np.zeros(len(self.values), dtype=bool)
        column = self.values[found.name]
        if when.has is not None:
            return self._has(column, when)
        if when.in_ is not None:
            if column.dtype.kind == "f":
                return np.logical_or.reduce([equals(column, wanted).to_numpy() for wanted in when.in_])
            return column.astype(str).str.strip().str.lower().isin([_word(w) for w in when.in_]) & column.notna()
        if when.min is None and when.max is None:
            return equals(column, when.equals)
        if column.dtype.kind != "f":
            return np.zeros(len(self.values), dtype=bool)
        x = column.to_numpy(dtype=np.float64)
        return (x >= (-np.inf if when.min is None else when.min)) & (x <= (np.inf if when.max is None else when.max))

    def _has(self, column: pd.Series[Any], when: When) -> Flags:
        """Tell whose list has one of the words; each distinct list is split once."""
        wanted = {_word(when.has)} if isinstance(when.has, str) else {_word(w) for w in when.has or ()}
        codes, lists = column.astype(object).factorize()
        found = [bool(wanted & {_word(word) for word in _text(text).split(when.separator)}) for text in lists]
        return np.asarray(np.array([*found, False], dtype=bool)[codes], dtype=bool)

    def _icp(self, when: When) -> Any:
        flags = [self.values[s.name].to_numpy(dtype=np.float64) for s in self.asked.specs if s.aggregate == "meets"]
        return sum((np.nan_to_num(flag) for flag in flags), start=np.zeros(len(self.values))) >= (when.icp or 1)

    def _role(self, when: When) -> Any:
        title = title_attribute(self.attributes)
        if title is None:
            return np.zeros(len(self.values), dtype=bool)
        wanted = {when.role} if isinstance(when.role, str) else set(when.role or ())
        titles = [None if t is None or t != t else t for t in self.values[title.name].tolist()]
        return np.isin(role_of(titles, self.asked.roles).astype(str), sorted(wanted))

    def _account(self, when: When) -> Any:
        engaged = when.account
        if engaged is None:
            return np.zeros(len(self.values), dtype=bool)
        others = self._count(("colleagues_engaged", "colleagues", "", "any", engaged.within))
        own = self._count(("count", "events", "", "any", engaged.within)) > 0
        roles = self._count(("roles_engaged", "colleagues", "", "role", engaged.within))
        return (others + own >= (engaged.people or 0)) & (roles >= (engaged.roles or 0))

    def _points(self, when: When) -> Any:
        total = np.zeros(len(self.values))
        for rule in self.asked.rules:
            total += rule.points * self.hold(rule.when)
        return total >= (when.points or 0.0)


def _word(word: object) -> str:
    return _text(word).strip().lower()


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

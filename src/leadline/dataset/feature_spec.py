"""A feature's spec: what to count, over which window, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from leadline.core.point_in_time import Horizon
from leadline.tables.attributes import READINGS, Attribute
from leadline.tables.icp import Criterion
from leadline.tables.stages import stage_index

__all__ = ["Aggregate", "Feature", "Kind", "TitleSource", "attributes_of"]

Kind = Literal["count", "days", "number", "flag", "category"]
"""count: a whole number ≥ 0 · days: time in days, NaN for never · number: any · flag: 0, 1 or NaN · category: text."""

Aggregate = Literal[
    "count", "active_days", "since_last", "since_first", "value", "age", "since_stage", "in_stage",
    "heat", "depth", "share", "pace", "gap",
    "first_to_purchase", "since_depth", "progress", "progress_pace", "trend", "scanned",
    "colleague_acts", "colleagues_engaged", "colleagues_new", "colleagues_known", "share_engaged", "since_colleague",
    "roles_engaged", "any_role", "every_role", "since_new_role", "colleagues_reached",
    "account_acts", "since_account_act", "engaged_by_size", "rate", "stage_now", "since_stage_now", "recycled", "meets", "share_met", "plugged",
]  # fmt: skip


NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What names a column in the statement that is made of the specs, a bundle's among them."""

KINDS, AGGREGATES = frozenset(get_args(Kind)), frozenset(get_args(Aggregate))


@dataclass(frozen=True)
class Feature:
    """One feature of a snapshot.

    Attributes
    ----------
    name : str
        The column's name: lower-case letters, digits and underscores, unique in a catalogue.
    family : str
        What may be switched off together: behaviour, recency, velocity, age, funnel, account, committee, history, fit.
    group : str
        Features of one group make one reason (all windows of one behaviour, say).
    kind : Kind
        How its values are to be read; `category` is text, all others are float64.
    aggregate : Aggregate
        What is computed.
    words : str
        For people: "viewed the pricing page".
    table : str
        Where it is read: events, leads, accounts, stages, colleagues (the other leads of the account), or plugged (by a package's SELECT).
    field : str
        What the aggregate is about: a behaviour, an intent, a column, a stage; "" for any.
    by : str
        What `field` names: behaviour, intent, column, stage, role (several joined by |), any.
    window : Horizon or None
        How far back it looks; None for all time.
    terms : tuple of str
        What else the aggregate needs to know: the outcome that a rate is of, how numbers are made of text, or the ICP's criteria.
    """

    name: str
    family: str
    group: str
    kind: Kind
    aggregate: Aggregate
    words: str
    table: str = "events"
    field: str = ""
    by: str = "any"
    window: Horizon | None = None
    terms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [self.name, *([self.field] if self.by == "intent" else [])]  # an intent names columns, too
        texts = (self.family, self.group, self.words, self.table, self.field, self.by, *self.terms)
        if not all(isinstance(name, str) and NAME.fullmatch(name) for name in names):
            raise ValueError("a feature's name has other characters than lower-case letters, digits and underscores")
        if self.kind not in KINDS or self.aggregate not in AGGREGATES or not all(isinstance(t, str) for t in texts):
            raise ValueError(f"the feature {self.name} isn't one that leadline computes")
        self._require_terms()

    def _require_terms(self) -> None:
        """Read what the statement is told in texts, so that nothing else gets there."""
        if self.aggregate in ("meets", "share_met"):
            for term in self.terms:
                Criterion.from_text(term)
        elif self.aggregate == "value" and not set(self.terms) <= READINGS:
            raise ValueError(f"the feature {self.name} is read in a way that leadline doesn't know")
        elif self.aggregate in ("pace", "trend"):
            Horizon.parse(self.field if self.aggregate == "pace" else self.terms[0])
        elif self.aggregate == "rate":
            reaches, delay, *bounds = self.terms
            stage_index(reaches), Horizon.parse(delay), [int(bound) for bound in bounds if bound]

    def to_record(self) -> dict[str, Any]:
        """Return the spec as plain JSON values."""
        return {**asdict(self), "window": str(self.window) if self.window else None, "terms": list(self.terms)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Feature:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> spec = Feature("n_any_7d", "behaviour", "any", "count", "count", "acts", window=Horizon.parse("7d"))
        >>> Feature.from_record(spec.to_record()) == spec
        True
        >>> Feature.from_record({**spec.to_record(), "name": "n AS a, pg_sleep(9)"})
        Traceback (most recent call last):
        ...
        ValueError: a feature's name has other characters than lower-case letters, digits and underscores
        """
        window = record["window"]
        return cls(**{**record, "window": Horizon.parse(window) if window else None, "terms": tuple(record["terms"])})


@dataclass(frozen=True)
class TitleSource:
    """Where job titles are read, which roles are told by.

    Attributes
    ----------
    column : str
        The canonical column of ``leads``.
    field : str or None
        The field of ``history`` that gives the title at as_of; None where the title is fixed at creation.
    """

    column: str
    field: str | None = None


def attributes_of(specs: Iterable[Feature]) -> tuple[Attribute, ...]:
    """Return the attributes among the features: a night finds them by their columns, and reads them as training did.

    Examples
    --------
    >>> country = Feature("lead_country", "fit", "country", "category", "value", "is in", "leads", "Country", "column")
    >>> [(a.column, a.name, a.kind) for a in attributes_of([country, Feature("n_any", "behaviour", "any", "count", "count", "acts")])]
    [('Country', 'lead_country', 'category')]
    """
    found = [s for s in specs if s.aggregate == "value"]
    kinds = ("number" if s.kind == "number" else "category" for s in found)
    return tuple(
        Attribute(s.table, s.field, s.name, kind, next(iter(s.terms), ""))  # type: ignore[arg-type]
        for s, kind in zip(found, kinds, strict=True)
    )

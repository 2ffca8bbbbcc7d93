"""The ICP: which attributes of a lead and its account the config's ideal customer profile speaks of, and with which values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from leadline.config.modeling import Wanted
from leadline.core.jsonable import parse_json
from leadline.tables.attributes import Attribute, matching

if TYPE_CHECKING:
    from leadline.tables.checks.base import Answer, Context

__all__ = ["Criterion", "criteria", "unmatched"]


@dataclass(frozen=True)
class Criterion:
    """What one attribute should be; `in_history` says that its value at as_of comes from history.

    Attributes
    ----------
    name, table, column : str
        The attribute's, as `Attribute` has them.
    words : tuple of str
        Any of these, in lower case; for a category.
    numbers : tuple of float
        Any of these; for a number.
    low, high : float or None
        Or a number between these, both included; None for no bound.
    in_history : bool
        Whether history has the field.
    """

    name: str
    table: str
    column: str
    words: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    in_history: bool = False

    def __post_init__(self) -> None:
        """Take nothing into a statement that isn't a name or a number: a bundle may have it from anybody."""
        bounds = [*self.numbers, *(b for b in (self.low, self.high) if b is not None)]
        texts = (self.name, self.column, *self.words)
        is_sound = all(isinstance(t, str) for t in texts) and all(isinstance(b, (int, float)) for b in bounds)
        if not is_sound or not re.fullmatch("[a-z][a-z0-9_]*", self.name) or self.table not in ("leads", "accounts"):
            raise ValueError("not a criterion")

    @property
    def is_number(self) -> bool:
        """Whether it asks for numbers."""
        return not self.words

    def to_text(self) -> str:
        """Write it as one line of JSON.

        Examples
        --------
        >>> one = Criterion("lead_country", "leads", "country", words=("nl",))
        >>> Criterion.from_text(one.to_text()) == one
        True
        """
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Criterion:
        """Read what `to_text` wrote."""
        record: dict[str, Any] = parse_json(text)
        return cls(**{**record, "words": tuple(record["words"]), "numbers": tuple(record["numbers"])})


def criteria(icp: Mapping[str, Wanted], attributes: Sequence[Attribute]) -> tuple[list[Criterion], list[Answer]]:
    """Find the attributes that an ICP names; return the criteria, and what is wrong with the others.

    Examples
    --------
    >>> known = [Attribute("accounts", "Industry", "account_industry", "category")]
    >>> found, wrong = criteria({"industry": Wanted(any_of=("Software",)), "size": Wanted(min=5)}, known)
    >>> [c.words for c in found], [answer[:2] for answer in wrong]
    ([('software',)], [('icp.size', 'no attribute of that name')])
    """
    found, wrong = [], []
    for name, wanted in icp.items():
        where = f"icp.{name}"
        hits = matching(name, attributes)
        if len(hits) != 1:
            wrong.append(_unclear(where, hits, attributes))
            continue
        made = _criterion(wanted, hits[0])
        if isinstance(made, Criterion):
            found.append(made)
        else:
            wrong.append((where, *made, 0))
    return found, wrong


def unmatched(context: Context) -> Iterator[Answer]:
    """Tell what the ICP asks of attributes that aren't there, or can't answer it."""
    yield from criteria(context.config.icp, context.attributes)[1]


def _unclear(where: str, hits: Sequence[Attribute], attributes: Sequence[Attribute]) -> Answer:
    if hits:
        names = " or ".join(a.name for a in hits)
        return (where, f"{len(hits)} attributes have that name", "one", f"write {names}", 0)
    known = ", ".join(dict.fromkeys(a.column for a in attributes)) or "none"
    return (
        where, "no attribute of that name", f"one of those in use ({known})",
        "name it under `attributes` of tables.leads or tables.accounts, or drop the criterion", 0,
    )  # fmt: skip


def _criterion(wanted: Wanted, a: Attribute) -> Criterion | tuple[str, str, str]:
    """Read what is wanted as the attribute's kind; or say what was seen, expected, and the fix."""
    made = Criterion(a.name, a.table, a.column)
    if not wanted.any_of:
        if a.kind == "number":
            return replace(made, low=wanted.min, high=wanted.max)
        return ("min or max for an attribute of words", "numbers in it, or a list", "list the words that fit")
    if a.kind == "number":
        numbers = [_number(v) for v in wanted.any_of]
        if all(math.isfinite(n) for n in numbers):
            return replace(made, numbers=tuple(numbers))
        return ("words for an attribute of numbers", "numbers", "write numbers, or {min: …, max: …}")
    if any(isinstance(v, bool) for v in wanted.any_of):
        return ("yes or no for an attribute of words", "words", 'put them in quotes, as in ["NO"]')
    return replace(made, words=tuple(_word(v) for v in wanted.any_of))


def _number(value: str | float) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _word(value: str | float) -> str:
    text = f"{value:g}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e6 else str(value)
    return text.strip().lower()

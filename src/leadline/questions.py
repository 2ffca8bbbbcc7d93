"""What is asked: what is to be predicted, one question or several that follow each other; and how the funnel is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import PrivateAttr, TypeAdapter, WrapValidator, model_validator

from leadline.sections import Duration, Instant, Section, Words
from leadline.times import Horizon

__all__ = ["FunnelPlan", "Outcome", "Outcomes", "Rejections", "Sla", "spelt"]


class Outcome(Section):
    """What is to be predicted: a stage reached within a horizon, or a flat file's column.

    A list in the config is a first question and those that follow, each asked of the leads that reached the stage of the
    one before it; all but the first are in `then`.
    """

    reaches: Literal["sql", "opportunity", "won"] | None = None
    within: Duration | None = None
    delay: Duration = Horizon(0)
    won_within: Duration = Horizon.parse("90d")
    observed_from: Instant | None = None
    observed_until: Instant | None = None
    column: str | None = None
    positive: str | int | float | bool | None = None
    _then: tuple[Outcome, ...] = PrivateAttr(default=())

    @property
    def then(self) -> tuple[Outcome, ...]:
        """Downstream stages this one; none where the config's `outcome` is one question."""
        return self._then

    @model_validator(mode="after")
    def _one_kind(self) -> Outcome:
        if (self.column is None) == (self.reaches is None):
            raise ValueError("expected either `reaches` with `within`, or `column` with `positive`")
        if self.reaches and not self.within:
            raise ValueError("`reaches` needs `within`, as in {reaches: sql, within: 30d}")
        if self.within and self.within.micros <= 0:
            raise ValueError("`within` must be longer than nothing")
        if self.column and self.positive is None:
            raise ValueError(
                "`column` needs `positive`, the value that means yes, as in {column: Converted, positive: 1}"
            )
        return self


def _first_of(value: Any, read: Callable[[Any], Outcome]) -> Outcome:
    """Read one question, or a list of them, the first of which holds the rest."""
    if not isinstance(value, list):
        return read(value)
    if not value:
        raise ValueError("an empty list; expected at least one question, as in {reaches: sql, within: 30d}")
    first, *rest = TypeAdapter(tuple[Outcome, ...]).validate_python(value)
    first._then = tuple(rest)
    return first


Outcomes = Annotated[Outcome, WrapValidator(_first_of)]
"""The config's `outcome`: a question, or a list of questions that follow each other."""


class FunnelPlan(Section):
    """How the report's funnel is read: how long a lead has for a step, and which attributes part the leads.

    Examples
    --------
    >>> plan = FunnelPlan()
    >>> str(plan.within), str(plan.won_within), plan.source
    ('90d', '180d', None)
    """

    within: Duration = Horizon.parse("90d")
    won_within: Duration = Horizon.parse("180d")
    source: str | None = None
    campaign: str | None = None

    @model_validator(mode="after")
    def _sane(self) -> FunnelPlan:
        if self.within.micros <= 0 or self.won_within.micros <= 0:
            raise ValueError("`within` and `won_within` must be longer than nothing, as in 90d")
        return self


class Sla(Section):
    """What sales promised: how soon a new MQL is touched."""

    first_touch: Duration

    @model_validator(mode="after")
    def _sane(self) -> Sla:
        if self.first_touch.micros <= 0:
            raise ValueError("`first_touch` must be longer than nothing, as in 24h")
        return self


class Rejections(Section):
    """Which of sales' reasons tell of bad fit, of bad timing and of bad data; a kind that isn't given keeps leadline's own words.

    Examples
    --------
    >>> Rejections.model_validate({"fit": ["Student", "not ICP"]}).given()
    {'fit': ('student', 'not icp')}
    """

    fit: Words = ()
    timing: Words = ()
    data: Words = ()

    def given(self) -> dict[str, tuple[str, ...]]:
        """Return the reasons of each kind that is given, as patterns in lower case; ``*`` stands for anything."""
        told = {"fit": self.fit, "timing": self.timing, "data": self.data}
        return {kind: tuple(spelt(word) for word in words) for kind, words in told.items() if words}

    @model_validator(mode="after")
    def _once(self) -> Rejections:
        every = [word for words in self.given().values() for word in words]
        if len(set(every)) != len(every):
            raise ValueError("a reason stands twice among `fit`, `timing` and `data`; case doesn't matter")
        return self


def spelt(reason: str) -> str:
    """Return what the spellings of a reason have in common.

    Examples
    --------
    >>> spelt("Bad_Fit "), spelt("bad-fit")
    ('bad fit', 'bad fit')
    """
    return " ".join(reason.lower().replace("_", " ").replace("-", " ").split())

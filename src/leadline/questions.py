"""What is to be predicted: one question, or a list of questions that follow each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import PrivateAttr, TypeAdapter, WrapValidator, model_validator

from leadline.sections import Duration, Instant, Section
from leadline.times import Horizon

__all__ = ["Outcome", "Outcomes"]


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
        """The questions that follow this one; none where the config's `outcome` is one question."""
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

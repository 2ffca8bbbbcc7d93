"""What the config may ask of a lead, in its current scoring rules and its definitions of MQL and SQL: one way to write both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, field_validator, model_validator

from leadline.config.tables import Duration, Section

__all__ = ["AFTER_SCORING", "Engaged", "When"]

Named = Annotated[str, Field(min_length=1)]
Names = Named | Annotated[tuple[Named, ...], Field(min_length=1)]
Level = str | int | float | bool
Score = Annotated[int, Field(ge=0, le=100)]

KINDS = (
    "all", "any", "not", "behaviour", "intent", "asset", "attribute", "icp", "role", "account", "points", "score", "fit", "engagement",
    "grade",
)  # fmt: skip
"""What a condition may be about; each is about one of them."""

AFTER_SCORING = ("score", "fit", "engagement", "grade")
"""What only a scored lead has."""

BELONGS = {
    "at_least": ("behaviour", "intent", "asset"), "distinct": ("behaviour", "intent", "asset"),
    "within": ("behaviour", "intent", "asset", "attribute"), "equals": ("attribute", "behaviour"), "in": ("attribute",), "has": ("attribute",),
    "min": ("attribute",), "max": ("attribute",), "separator": ("attribute",),
}  # fmt: skip
"""Which kinds each other key goes with; rules have always passed over a window of an attribute, and a value of a behaviour."""


class Engaged(Section):
    """Who else of the lead's account must have acted: so many people, the lead among them, or so many roles."""

    people: int | None = Field(default=None, ge=1)
    roles: int | None = Field(default=None, ge=1)
    within: Duration | None = None

    @model_validator(mode="after")
    def _something(self) -> Engaged:
        if self.people is None and self.roles is None:
            raise ValueError("expected `people` or `roles`, or both, as in {people: 3, within: 30d}")
        return self


class When(Section):
    """A condition on a lead: of what it did, what it is, who else of its account acted, or how it scored.

    Examples
    --------
    >>> When.model_validate({"any": [{"icp": 2}, {"not": {"asset": "any", "at_least": 2, "distinct": True}}]}).kind
    'any'
    >>> When.model_validate({"behaviour": "call", "icp": 2})
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: 1 validation error for When
      Value error, found `behaviour` and `icp`; expected one of them; join conditions with `all` or `any` ...
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    all: Annotated[tuple[When, ...], Field(min_length=1)] | None = None
    any: Annotated[tuple[When, ...], Field(min_length=1)] | None = None
    not_: When | None = Field(default=None, alias="not")
    behaviour: Names | None = None
    intent: Literal["awareness", "evaluation", "purchase"] | None = None
    asset: Names | None = None
    at_least: int = Field(default=1, ge=1)
    distinct: bool = False
    within: Duration | None = None
    attribute: str | None = None
    equals: str | int | float | bool | None = None
    in_: Annotated[tuple[Level, ...], Field(min_length=1)] | None = Field(default=None, alias="in")
    has: Names | None = None
    min: FiniteFloat | None = None
    max: FiniteFloat | None = None
    separator: str = Field(default=";", min_length=1, max_length=5)
    icp: int | None = Field(default=None, ge=1)
    role: Names | None = None
    account: Engaged | None = None
    points: FiniteFloat | None = None
    score: Score | None = None
    fit: Score | None = None
    engagement: Score | None = None
    grade: str | None = None

    @field_validator("grade")
    @classmethod
    def _is_grade(cls, grade: str | None) -> str | None:
        if grade is not None and (len(grade) != 2 or grade[0] not in "ABCD" or grade[1] not in "1234"):
            raise ValueError("expected a grade from A1 to D4, which is the least that counts")
        return grade

    @model_validator(mode="after")
    def _one_kind(self) -> When:
        given = [kind for kind in KINDS if getattr(self, _field(kind)) is not None]
        if not given:
            raise ValueError(
                "asks nothing; expected either `behaviour` (with `within`) or `attribute` (with `equals`), or one of "
                + ", ".join(k for k in KINDS if k not in ("behaviour", "attribute"))
            )
        if len(given) > 1:
            raise ValueError(
                f"found {' and '.join(f'`{kind}`' for kind in given)}; expected one of them; join conditions with `all` or `any`"
            )
        for key, kinds in BELONGS.items():
            field = _field(key)
            if getattr(self, field) != type(self).model_fields[field].default and given[0] not in kinds:
                raise ValueError(
                    f"`{key}` says nothing of `{given[0]}`; it goes with {' or '.join(f'`{k}`' for k in kinds)}"
                )
        self._one_test()
        return self

    def _one_test(self) -> None:
        """Refuse an attribute that is asked two things, and more distinct names than are listed."""
        tests = [key for key in ("equals", "in", "has", "min") if getattr(self, _field(key)) is not None]
        tests += ["max"] if self.max is not None and self.min is None else []
        if len(tests) > 1:
            raise ValueError(
                f"found `{tests[0]}` and `{tests[1]}`; expected one of them; join two conditions with `all`"
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min:g} is above `max` {self.max:g}, so nobody meets it")
        names = self.behaviours if self.behaviour is not None else self.assets
        if self.distinct and names and names != ("any",) and self.at_least > len(names):
            raise ValueError(
                f"asks for {self.at_least} distinct ones of {len(names)}, so nobody meets it; name more of them, or ask for fewer"
            )

    @property
    def kind(self) -> str:
        """What it is about."""
        return next(kind for kind in KINDS if getattr(self, _field(kind)) is not None)

    @property
    def parts(self) -> tuple[When, ...]:
        """The conditions that it joins; none where it is about a lead itself."""
        return self.all or self.any or ((self.not_,) if self.not_ is not None else ())

    @property
    def behaviours(self) -> tuple[str, ...]:
        """The behaviours that it names itself."""
        return _several(self.behaviour)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that it names itself; ``any`` stands for each."""
        return _several(self.asset)

    @property
    def is_plain(self) -> bool:
        """Whether it is a rule of one behaviour, done at all, or of one attribute's value."""
        if self.kind == "behaviour":
            return isinstance(self.behaviour, str) and self.at_least == 1
        return self.kind == "attribute" and (self.in_, self.has, self.min, self.max) == (None,) * 4

    @property
    def is_scored(self) -> bool:
        """Whether it is about a score or a grade itself."""
        return self.kind in AFTER_SCORING

    def walk(self) -> Iterator[When]:
        """Yield it and every condition inside it.

        Examples
        --------
        >>> [w.kind for w in When.model_validate({"all": [{"icp": 1}, {"not": {"score": 80}}]}).walk()]
        ['all', 'icp', 'not', 'score']
        """
        yield self
        for part in self.parts:
            yield from part.walk()

    def to_record(self) -> dict[str, object]:
        """Return what was written, as plain JSON values.

        Examples
        --------
        >>> When.model_validate({"not": {"behaviour": "call", "within": "30d"}}).to_record()
        {'not': {'behaviour': 'call', 'within': '30d'}}
        """
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _field(key: str) -> str:
    """Name the field of a key, where the key is a word of Python's."""
    return f"{key}_" if key in ("not", "in") else key


def _several(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else names

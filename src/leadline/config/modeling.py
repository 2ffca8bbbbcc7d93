"""The plans of the config: when to look, what to count and what runs it, a frozen section each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    FiniteFloat,
    PrivateAttr,
    TypeAdapter,
    WithJsonSchema,
    WrapValidator,
    field_validator,
    model_validator,
)

from leadline.config.conditions import AFTER_SCORING, When
from leadline.config.tables import Duration, Instant, Section, Words
from leadline.core.point_in_time import Horizon

__all__ = [
    "Backtest",
    "Behaviour",
    "Capacity",
    "Engine",
    "FeaturePlan",
    "FunnelPlan",
    "IntentStages",
    "Leaks",
    "ModelPlan",
    "Outcome",
    "Outcomes",
    "PointsPlan",
    "Rejections",
    "Rule",
    "Sla",
    "SnapshotPlan",
    "Tracking",
    "Wanted",
    "When",
    "normalized_reason",
]


# What is asked: what is to be predicted, one question or several that follow each other; and how the funnel is read.


Level = str | int | float | bool
Levels = Annotated[
    tuple[Level, ...],
    BeforeValidator(lambda v: (v,) if isinstance(v, (str, int, float)) else v),
    WithJsonSchema({"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]}}, mode="validation"),
]  # fmt: skip


class Outcome(Section):
    """What is to be predicted: a stage reached within a horizon, or a flat file's column.

    A list in the config is a first question and those that follow, each asked of the leads that reached the stage of the
    one before it; all but the first are in `then`.
    """

    reaches: Literal["sql", "opportunity", "won"] | None = None
    within: Duration | None = None
    delay: Duration = Horizon(0)
    won_within: Duration = Horizon.parse("90d")
    curve: tuple[Duration, ...] = ()
    observed_from: Instant | None = None
    observed_until: Instant | None = None
    column: str | None = None
    positive: Level | None = None
    negative: Levels = ()
    open: Levels = ()
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
        if self.curve and (
            self.column or len(set(self.curve)) != len(self.curve) or any(w.micros <= 0 for w in self.curve)
        ):
            raise ValueError("`curve` lists lengths of time, each once, beside `reaches`, as in [7d, 30d, 90d]")
        if self.column and self.positive is None:
            raise ValueError(
                "`column` needs `positive`, the value that means yes, as in {column: Converted, positive: 1}"
            )
        values = [str(v).strip().lower() for v in (self.positive, *self.negative, *self.open) if v is not None]
        if self.reaches and (self.negative or self.open):
            raise ValueError("`negative` and `open` are for a flat file, with `column` and `positive`")
        if len(set(values)) != len(values):
            raise ValueError("a value stands twice among `positive`, `negative` and `open`; case doesn't matter")
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
        return {kind: tuple(normalized_reason(word) for word in words) for kind, words in told.items() if words}

    @model_validator(mode="after")
    def _once(self) -> Rejections:
        every = [word for words in self.given().values() for word in words]
        if len(set(every)) != len(every):
            raise ValueError("a reason stands twice among `fit`, `timing` and `data`; case doesn't matter")
        return self


def normalized_reason(reason: str) -> str:
    """Return what the spellings of a reason have in common.

    Examples
    --------
    >>> normalized_reason("Bad_Fit "), normalized_reason("bad-fit")
    ('bad fit', 'bad fit')
    """
    return " ".join(reason.lower().replace("_", " ").replace("-", " ").split())


class SnapshotPlan(Section):
    """When leads are looked at: a calendar grid, landmarks after creation, or a flat file's order."""

    every: Duration | None = None
    after_creation: tuple[Duration, ...] | None = None
    order_by: str | None = None
    max: int = Field(default=500_000, ge=1_000)

    @model_validator(mode="after")
    def _one_kind(self) -> SnapshotPlan:
        if sum(x is not None for x in (self.every, self.after_creation, self.order_by)) != 1:
            raise ValueError("expected exactly one of `every`, `after_creation` and `order_by`")
        lengths = [self.every] if self.every else list(self.after_creation or ())
        if len(set(lengths)) != len(lengths):
            raise ValueError("`after_creation` lists a length twice")
        if any(length.micros <= 0 for length in lengths) or self.after_creation == ():
            raise ValueError("lengths of time here must be longer than nothing, as in 7d or [1h, 24h]")
        return self


class Behaviour(Section):
    """A kind of event: how near to buying it is, the words for it, and of which asset it is the use, if any."""

    intent: Literal["awareness", "evaluation", "purchase", "unknown"] = "unknown"
    words: str | None = None
    asset: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class IntentStages(Section):
    """How far back the intent stages look."""

    window: Duration = Horizon.parse("14d")

    @field_validator("window")
    @classmethod
    def _some(cls, window: Horizon) -> Horizon:
        if window.micros <= 0:
            raise ValueError("nothing; expected a length of time such as 14d")
        return window


class FeaturePlan(Section):
    """Which windows the features look back over, and which families are left out."""

    windows: tuple[Duration, ...] = (Horizon.parse("7d"), Horizon.parse("30d"), Horizon.parse("90d"))
    without: tuple[
        Literal["behaviour", "recency", "velocity", "age", "funnel", "account", "committee", "history", "fit"], ...
    ] = ()

    @model_validator(mode="after")
    def _sane(self) -> FeaturePlan:
        if not self.windows or any(w.micros <= 0 for w in self.windows):
            raise ValueError("`windows` must list lengths of time longer than nothing, as in [7d, 30d]")
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("`windows` lists a length twice")
        return self


class Wanted(Section):
    """What an attribute should be to fit the ICP: one of a list, or a number from `min` to `max`, both included.

    Examples
    --------
    >>> Wanted.model_validate(["software", "fintech"]).any_of
    ('software', 'fintech')
    >>> Wanted.model_validate({"min": 50}).max is None
    True
    """

    any_of: tuple[str | int | FiniteFloat | bool, ...] = ()
    min: FiniteFloat | None = None
    max: FiniteFloat | None = None

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A bare list, or one word, is short for `any_of`."""
        if isinstance(value, (str, int, float)):
            value = [value]
        if isinstance(value, list):
            if not value or any(not isinstance(v, (str, int, float)) or v == "" for v in value):
                raise ValueError("expected words or numbers, as in [software, fintech], or {min: 50, max: 2000}")
            return {"any_of": value}
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Wanted:
        bounds = [b for b in (self.min, self.max) if b is not None]
        if bool(self.any_of) == bool(bounds):
            raise ValueError("expected either a list of what fits, or `min` and `max`, as in {min: 50, max: 2000}")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise ValueError("`min` is above `max`; expected min ≤ max")
        return self


class Backtest(Section):
    """How the past is replayed: how many folds, and how long (for a flat file: what share) each test lasts.

    `ablation` leaves out each family of features once, to say what it is worth; `stability` fits on bootstrap samples of accounts,
    to say which drivers come back.
    """

    folds: int = Field(default=4, ge=1, le=50)
    test: Duration | Annotated[float, Field(gt=0, lt=1)] = Horizon.parse("56d")
    ablation: bool = True
    stability: bool = True


class ModelPlan(Section):
    """Settings of the trees, of which how many there are is chosen all the same; or a scikit-learn estimator in their place.

    Examples
    --------
    >>> ModelPlan(l2=1.0, num_leaves=7).settings
    {'num_leaves': 7, 'l2': 1.0}
    >>> ModelPlan(use="sklearn.ensemble:RandomForestClassifier", params={"n_estimators": 50}).settings
    {}
    """

    use: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    params: dict[str, Any] = Field(default_factory=dict)
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    max_depth: int | None = Field(default=None, ge=1, le=6)
    num_leaves: int | None = Field(default=None, ge=2, le=64)
    l2: FiniteFloat | None = Field(default=None, ge=0)
    feature_fraction: float | None = Field(default=None, gt=0, le=1)
    max_rounds: int | None = Field(default=None, ge=1, le=10_000)

    @property
    def settings(self) -> dict[str, Any]:
        """What is set of the trees, by its name in a recipe."""
        return self.model_dump(exclude_none=True, exclude={"use", "params"})

    @model_validator(mode="after")
    def _one_kind(self) -> ModelPlan:
        if self.use is None and self.params:
            raise ValueError(
                "`params` are those of `use`; expected it, too, as in {use: sklearn.ensemble:RandomForestClassifier}"
            )
        if self.use is not None and self.settings:
            raise ValueError(f"`{next(iter(self.settings))}` is of leadline's own trees; with `use`, expected `params`")
        return self


class Capacity(Section):
    """How many leads sales can work in a week, what a night holds, and who has a capacity of their own.

    Examples
    --------
    >>> plan = Capacity.model_validate({"by": "territory", "of": {"North": 20, "south": 10}})
    >>> plan.own, plan.rest
    ({'north': 20.0, 'south': 10.0}, 10.0)
    """

    leads_per_week: FiniteFloat = Field(default=40, gt=0)
    mode: Literal["top_n", "threshold"] = "top_n"
    by: str | None = None
    of: dict[str | int, Annotated[FiniteFloat, Field(ge=0)]] = Field(default_factory=dict)

    @property
    def own(self) -> dict[str, float]:
        """The capacities of their own, by the value in lower case."""
        return {str(value).strip().lower(): float(leads) for value, leads in self.of.items()}

    @property
    def rest(self) -> float:
        """What all other leads share."""
        return max(self.leads_per_week - sum(self.of.values()), 0.0)

    @model_validator(mode="after")
    def _shared_out(self) -> Capacity:
        if (self.by is None) != (not self.of):
            raise ValueError("expected `by` and `of` together, as in {by: territory, of: {north: 20, south: 10}}")
        if len(self.own) != len(self.of):
            raise ValueError("`of` names a value twice; case and spaces around it don't matter")
        if sum(self.of.values()) > self.leads_per_week + 1e-9:
            raise ValueError(
                f"`of` adds up to {sum(self.of.values()):g}, more than `leads_per_week`, {self.leads_per_week:g}, which is for all"
            )
        return self


class PointsPlan(Section):
    """How many rows the scorecard may have."""

    rows: int = Field(default=25, ge=3, le=25)


class AuditPlan(Section):
    """What rules are audited against beside the outcome: closed-won, or nothing more."""

    reaches: Literal["won"] | None = None


class Rule(Section):
    """Points of current scoring rules."""

    when: When
    points: float

    @field_validator("when")
    @classmethod
    def _before_scoring(cls, when: When) -> When:
        later = sorted({part.kind for part in when.walk()} & {"points", *AFTER_SCORING})
        if later:
            raise ValueError(
                f"`{later[0]}` is known only after the rules; expected what a lead did or is; use it in `definitions`"
            )
        return when


class Tracking(Section):
    """Where MLflow keeps the runs."""

    uri: str = Field(default="sqlite:///mlflow.db", repr=False)
    experiment: str | None = None


class Signing(Section):
    """With which key bundles are signed; with one, an unsigned bundle isn't loaded."""

    key: str = Field(min_length=1, repr=False)


class Engine(Section):
    """What runs the SQL, and whether it keeps the log of events from night to night; None leaves that to the log's size."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: str = Field(default="4GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B)$")
    threads: int = Field(default=2, ge=1, le=256)
    master: str | None = None
    cache_events: bool | None = None


class Leaks(Section):
    """Errors of the leak gate that the user accepts, each with the reason: for a code, or for a column of a code."""

    accept: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    experiments: bool = True

    @model_validator(mode="after")
    def _codes(self) -> Leaks:
        for code, reason in self.accept.items():
            if not re.fullmatch(r"LL[23]\d\d|(?!LL)[A-Z][A-Z0-9_-]*\d", code):
                raise ValueError(
                    f"`accept`: {code!r} is no code of the leak gate; expected LL2xx, LL3xx or the code of a plug-in's check: what is wrong with the tables can't be accepted"
                )
            if not reason or not all(r.strip() for r in ([reason] if isinstance(reason, str) else reason.values())):
                raise ValueError(f"`accept`: {code} has no reason; expected one, which stands in the run's record")
        return self

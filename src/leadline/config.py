"""The config: one YAML file, frozen, with every error told at once. `leadline.yamlfile` reads it from disk."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PrivateAttr, model_validator

from leadline.errors import LeadlineError
from leadline.times import Horizon, format_instant, parse_instant

__all__ = ["LADDER", "Config", "Outcome", "SnapshotPlan", "Source", "Table", "Tables"]

LADDER = ("lead", "mql", "sql", "opportunity", "won")
"""The rungs, from the lowest; `lost` and `rejected` end the climb."""

ENDS = ("lost", "rejected")
MODEL_NAME = r"^[a-z][a-z0-9-]{0,62}$"


def _said(read: Any) -> Any:
    """Turn a leadline error inside a field into the kind of error that pydantic gathers."""

    def wrapped(value: Any) -> Any:
        try:
            return read(value)
        except LeadlineError as error:
            raise ValueError(str(error)) from None

    return wrapped


def _horizon(value: Any) -> Horizon:
    return value if isinstance(value, Horizon) else Horizon.parse(str(value))


def _instant(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else parse_instant(str(value))


Duration = Annotated[Horizon, BeforeValidator(_said(_horizon)), PlainSerializer(str, return_type=str)]
Instant = Annotated[int, BeforeValidator(_said(_instant)), PlainSerializer(format_instant, return_type=str)]
Words = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class Section(BaseModel):
    """A part of the config: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlFile(Section):
    """A source that DuckDB shapes: `{sql: file.sql}`."""

    sql: str


class Query(Section):
    """A source that DuckDB shapes: `{query: "select …"}`."""

    query: str


Source = str | SqlFile | Query


class Table(Section):
    """What every table has: where it is read from, and when its rows were recorded."""

    source: Source
    recorded_at: str | None = None
    max_clock_skew: Duration = Horizon(0)


class Attributed(Table):
    """A table of things with attributes fixed at creation; `all` takes every column but the excluded."""

    attributes: tuple[str, ...] | Literal["all"] = ()
    exclude: tuple[str, ...] = ()


class Leads(Attributed):
    """People; `key: row` numbers the rows of a flat file."""

    key: str = "row"
    account: str | None = None
    created_at: str | None = None


class Accounts(Attributed):
    """Companies."""

    key: str


class Events(Table):
    """Dated acts."""

    key: str | None = None
    lead: str
    type: str
    occurred_at: str


class Stages(Table):
    """The stage history."""

    lead: str
    stage: str
    changed_at: str
    reason: str | None = None


class Opportunities(Table):
    """Deals."""

    key: str
    lead: str | None = None
    account: str | None = None
    created_at: str
    closed_at: str | None = None
    stage: str | None = None
    amount: str | None = None


class History(Table):
    """Field history: what a mutable field was, and when."""

    lead: str
    field: str
    value: str
    changed_at: str


class Spend(Section):
    """Money spent by campaign and month."""

    source: Source
    campaign: str
    month: str
    cost: str


class Merges(Table):
    """Records that turned out to be one person."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    from_: str = Field(alias="from")
    into: str
    merged_at: str


class Tables(Section):
    """The tables of a CRM export; only `leads` is always needed."""

    leads: Leads
    accounts: Accounts | None = None
    events: Events | None = None
    stages: Stages | None = None
    opportunities: Opportunities | None = None
    history: History | None = None
    spend: Spend | None = None
    merges: Merges | None = None

    def given(self) -> dict[str, Any]:
        """Return the tables that the config names, by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}


class Outcome(Section):
    """What is to be predicted: a stage reached within a horizon, or a flat file's column."""

    reaches: Literal["sql", "opportunity", "won"] | None = None
    within: Duration | None = None
    delay: Duration = Horizon(0)
    won_within: Duration = Horizon.parse("90d")
    observed_from: Instant | None = None
    observed_until: Instant | None = None
    column: str | None = None
    positive: str | int | float | bool | None = None

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
        if any(length.micros <= 0 for length in lengths) or self.after_creation == ():
            raise ValueError("lengths of time here must be longer than nothing, as in 7d or [1h, 24h]")
        return self


class Behaviour(Section):
    """A kind of event: how near to buying it is, and the words for it."""

    intent: Literal["awareness", "evaluation", "purchase", "unknown"] = "unknown"
    words: str | None = None


class FeaturePlan(Section):
    """Which windows the features look back over."""

    windows: tuple[Duration, ...] = (Horizon.parse("7d"), Horizon.parse("30d"), Horizon.parse("90d"))

    @model_validator(mode="after")
    def _sane(self) -> FeaturePlan:
        if not self.windows or any(w.micros <= 0 for w in self.windows):
            raise ValueError("`windows` must list lengths of time longer than nothing, as in [7d, 30d]")
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("`windows` lists a length twice")
        return self


class Backtest(Section):
    """How the past is replayed: how many folds, and how long (for a flat file: what share) each test lasts."""

    folds: int = Field(default=4, ge=1, le=50)
    test: Duration | Annotated[float, Field(gt=0, lt=1)] = Horizon.parse("56d")


class Capacity(Section):
    """How many leads sales can work in a week."""

    leads_per_week: float = Field(default=40, gt=0)


class When(Section):
    """A rule's condition: a behaviour within a window, or an attribute's value."""

    behaviour: str | None = None
    within: Duration | None = None
    attribute: str | None = None
    equals: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> When:
        if (self.behaviour is None) == (self.attribute is None):
            raise ValueError("expected either `behaviour` (with `within`) or `attribute` (with `equals`)")
        return self


class Rule(Section):
    """Points of today's points model."""

    when: When
    points: float


class Tracking(Section):
    """Where MLflow keeps the runs."""

    uri: str = "sqlite:///mlflow.db"
    experiment: str | None = None


class Engine(Section):
    """What runs the SQL."""

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: str = Field(default="4GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B)$")
    threads: int = Field(default=2, ge=1, le=256)
    master: str | None = None


class Leaks(Section):
    """Errors of the leak gate that the user accepts, each with the reason."""

    accept: dict[str, str] = {}


class Config(Section):
    """A whole config.

    Examples
    --------
    >>> flat = Config.model_validate({"version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}},
    ...                               "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}})
    >>> flat.is_flat, flat.experiment, flat.seed
    (True, 'flat', 7)
    """

    version: Literal[1]
    name: str = Field(pattern=MODEL_NAME)
    timezone: str | None = None
    seed: int = Field(default=7, ge=0, lt=2**31)
    tables: Tables
    stages: dict[Literal["lead", "mql", "sql", "opportunity", "won", "lost", "rejected"], Words] = {}
    outcome: Outcome
    snapshots: SnapshotPlan
    behaviours: dict[str, Behaviour] = {}
    roles: dict[str, Words] = {}
    features: FeaturePlan = FeaturePlan()
    backtest: Backtest = Backtest()
    capacity: Capacity = Capacity()
    rules: tuple[Rule, ...] = ()
    tracking: Tracking = Tracking()
    engine: Engine = Engine()
    leaks: Leaks = Leaks()
    _text: str = PrivateAttr(default="")

    @property
    def is_flat(self) -> bool:
        """Whether the input is a flat file: one row a lead, no dates."""
        return self.snapshots.order_by is not None

    @property
    def horizon(self) -> Horizon:
        """How far ahead the question looks; nothing for a flat file."""
        return self.outcome.within or Horizon(0)

    @property
    def experiment(self) -> str:
        """The MLflow experiment's name."""
        return self.tracking.experiment or self.name

    def words(self, *stages: str) -> tuple[str, ...]:
        """Return the words, in lower case, that the source has for these stages."""
        given: dict[str, tuple[str, ...]] = {str(stage): words for stage, words in self.stages.items()}
        return tuple(word.strip().lower() for stage in stages for word in given.get(stage, ()))

    @property
    def text(self) -> str:
        """The YAML as written, before ${NAME} took any secret's place."""
        return self._text

    @property
    def hash(self) -> str:
        """SHA-256 of the text as written."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @model_validator(mode="after")
    def _whole(self) -> Config:
        problems = [*_zone_problems(self), *(_flat_problems(self) if self.is_flat else _dated_problems(self))]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _zone_problems(config: Config) -> list[str]:
    if config.timezone is None:
        return []
    try:
        ZoneInfo(config.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [f"timezone: {config.timezone!r} is unknown; expected an IANA name such as UTC or Europe/Amsterdam"]
    return []


def _flat_problems(config: Config) -> list[str]:
    problems = []
    if config.outcome.column is None:
        problems.append("outcome: a flat file (snapshots.order_by) needs {column: …, positive: …}")
    extra = sorted(set(config.tables.given()) - {"leads"})
    if extra:
        problems.append(
            f"tables: a flat file has only `leads`; found {', '.join(extra)} too; use snapshots.every for dated tables"
        )
    return problems


def _dated_problems(config: Config) -> list[str]:
    tables, problems = config.tables, []
    if config.outcome.column is not None:
        problems.append("outcome: `column` is for flat files; with dated tables use {reaches: …, within: …}")
        return problems
    if tables.leads.created_at is None:
        problems.append("tables.leads.created_at: missing; dated snapshots need the time at which a lead was created")
    if tables.leads.key == "row":
        problems.append("tables.leads.key: missing; dated tables are joined by it")
    if tables.stages is None and tables.opportunities is None:
        problems.append("tables: `stages` or `opportunities` is needed, or no outcome can be seen")
    if tables.stages is not None and not config.words(*LADDER[2:]):
        problems.append(
            "stages: no stage word is mapped to sql, opportunity or won; expected e.g. {sql: [sql], won: [closed_won]}"
        )
    if isinstance(config.backtest.test, float):
        problems.append("backtest.test: a share is for flat files; expected a length of time such as 56d")
    if tables.opportunities is not None and tables.opportunities.stage and not config.words("won"):
        problems.append("stages.won: missing; an opportunity's final stage needs the words that mean won")
    return problems

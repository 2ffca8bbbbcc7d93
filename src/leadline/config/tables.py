"""The tables in the config: where each is read from, and which of its columns mean what; a frozen section each."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from leadline.core.point_in_time import Horizon, format_instant, parse_instant
from leadline.errors import LeadlineError

__all__ = [
    "Accounts",
    "Attributed",
    "Duration",
    "Events",
    "History",
    "Instant",
    "Leads",
    "Merges",
    "Opportunities",
    "Overrides",
    "Query",
    "Section",
    "Source",
    "Spend",
    "SqlFile",
    "Stages",
    "Suppress",
    "Table",
    "Tables",
    "Touches",
    "Words",
]


def _as_pydantic_error(read: Any) -> Any:
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
    return parse_instant(str(value))


Duration = Annotated[
    Horizon,
    BeforeValidator(_as_pydantic_error(_horizon)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]{1,6}\s*[mhdw]\s*$"}, mode="validation"),
]
Instant = Annotated[
    int,
    BeforeValidator(_as_pydantic_error(_instant)),
    PlainSerializer(format_instant, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]{4}-?[0-9]{2}"}, mode="validation"),
]
Words = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda v: (v,) if isinstance(v, str) else v),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}, mode="validation"),
]


class Section(BaseModel):
    """A part of the config: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlFile(Section):
    """A source that SQL shapes: `{sql: file.sql}`, run by DuckDB over files or, with `database`, in that database."""

    sql: str
    database: str | None = Field(default=None, repr=False)  # it may hold a password


class Query(Section):
    """A source that SQL shapes: `{query: "select …"}`, run by DuckDB over files or, with `database`, in that database."""

    query: str
    database: str | None = Field(default=None, repr=False)


Source = str | SqlFile | Query


def _time_reading(value: Any) -> Any:
    """Refuse what is no way to write times: a format with a day in it, or the name of a count."""
    for way in value.values() if isinstance(value, dict) else (value,):
        if isinstance(way, str) and way not in ("unix", "unix_ms", "unix_us", "excel") and not re.search("%[dj]", way):
            raise ValueError(
                f'expected a format such as "%d/%m/%Y %H:%M", or unix, unix_ms, unix_us or excel; found {way[:40]!r}'
            )
    return value


TimeReading = Annotated[str | dict[str, str], BeforeValidator(_time_reading)]
"""How times are written where that isn't ISO 8601: of the whole table, or by column."""


class Table(Section):
    """What every table has: where it is read from, how its times are written, and when its rows were recorded."""

    source: Source = Field(repr=False)  # it may hold a password
    times: TimeReading | None = None
    recorded_at: str | None = None
    max_clock_skew: Duration = Horizon(0)
    dates: Literal["end_of_day", "start_of_day"] | None = None


class Attributed(Table):
    """A table of things with attributes fixed at creation; `all` takes every column but the excluded.

    `known_at_creation` names the attributes of which the user says, asked by the leak gate, that they were known then.
    """

    attributes: tuple[str, ...] | Literal["all"] = ()
    exclude: tuple[str, ...] = ()
    known_at_creation: tuple[str, ...] = ()


class Leads(Attributed):
    """People; `key: row` numbers the rows of a flat file."""

    key: str = "row"
    account: str | None = None
    created_at: str | None = None


class Accounts(Attributed):
    """Companies."""

    key: str


class Events(Table):
    """Dated acts; `account` names the company of acts that name no lead (intent that a third party saw)."""

    key: str | None = None
    lead: str
    account: str | None = None
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

    source: Source = Field(repr=False)
    times: TimeReading | None = None
    campaign: str
    month: str
    cost: str


class Merges(Table):
    """Records that turned out to be one person."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    from_: str = Field(alias="from")
    into: str
    merged_at: str


class Touches(Table):
    """Sales' own acts, as it logs them: calls, mails, meetings. They tell of the funnel's speed and are never a feature."""

    lead: str
    touched_at: str
    kind: str | None = None


class Listed(Section):
    """A table that speaks of leads by name, each row from a time on."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    source: Source = Field(repr=False)
    times: TimeReading | None = None
    recorded_at: str | None = None
    from_: str | None = Field(default=None, alias="from")


class Suppress(Listed):
    """Whom the outputs leave out: a lead, or everybody of an account."""

    lead: str | None = None
    account: str | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Suppress:
        if self.lead is None and self.account is None:
            raise ValueError("expected `lead`, `account` or both: the columns that say who is left out")
        return self


class Overrides(Listed):
    """The tiers that people set by hand, each until a time."""

    lead: str
    tier: str
    until: str | None = None


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
    touches: Touches | None = None
    suppress: Suppress | None = None
    overrides: Overrides | None = None

    def given(self) -> dict[str, Any]:
        """Return the tables of the past that the config names, by name; what only a night reads apart."""
        names = [name for name in type(self).model_fields if name not in ("suppress", "overrides")]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

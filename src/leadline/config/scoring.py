"""The config of nights: what makes one fail, what is kept, whom scores leave out, and where else they are delivered."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from leadline.config.tables import Duration, Section
from leadline.core.point_in_time import Horizon

__all__ = ["Act", "Deliver", "Drift", "Nightly", "Part", "Volume"]

Act = Literal["fail", "warn", "ignore"]


def _part(value: Any) -> Any:
    """Read 2% as 0.02.

    Examples
    --------
    >>> _part("2%"), _part(0.02)
    (0.02, 0.02)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    return float(match[1]) / 100 if match else value


Part = Annotated[
    float,
    BeforeValidator(_part),
    Field(ge=0, le=0.5),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 0.5},
                {"type": "string", "pattern": r"^\s*[0-9.]+\s*%\s*$"},
            ]
        },
        mode="validation",
    ),
]
"""A share of the leads: 2% or 0.02, at most a half."""


def _bare_word(value: Any) -> Any:
    """Read a bare word as short for `on_violation`."""
    return {"on_violation": value} if isinstance(value, str) else value


class Volume(Section):
    """How far tonight's number of leads may lie from last night's: with 0.5, from half of it to twice it.

    Examples
    --------
    >>> Volume.model_validate("warn").on_violation, Volume().change
    ('warn', 0.5)
    """

    change: float = Field(default=0.5, gt=0, lt=1)
    on_violation: Act = "fail"

    _short = model_validator(mode="before")(_bare_word)


class Drift(Section):
    """How far the spread of scores may lie from that of training and of last night, as a population stability index."""

    psi: float = Field(default=0.25, gt=0)
    on_violation: Act = "warn"

    _short = model_validator(mode="before")(_bare_word)


class Deliver(Section):
    """Files for another system, written beside the scores in the same night.

    Examples
    --------
    >>> Deliver.model_validate({"to": "salesforce", "folder": "crm"}).changed
    False
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    to: Literal["salesforce", "hubspot", "dynamics", "handoffs"]
    folder: str
    id_column: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    changed: bool = False
    percent: bool = False


class Nightly(Section):
    """What makes a night fail, what it writes beside the scores, and how long nights are kept.

    Examples
    --------
    >>> night = Nightly.model_validate({"freshness": "36h", "volume": "warn", "drift": {"psi": 0.1, "on_violation": "fail"}})
    >>> str(night.freshness), night.volume.on_violation, night.drift.psi
    ('36h', 'warn', 0.1)
    """

    freshness: Duration = Horizon.parse("7d")
    stale: Act = "fail"
    nulls: Act = "fail"
    levels: Act = "fail"
    zero_rate: Act = "warn"
    volume: Volume = Volume()
    drift: Drift = Drift()
    retention: Duration | None = None
    changed: bool = False
    min_probability_change: float = Field(default=0.01, ge=0, le=1)
    sla: Duration | None = None
    track: bool = True
    deliver: tuple[Deliver, ...] = ()
    pin_max_age: Duration = Horizon.parse("30d")
    access: Literal["owner", "group", "umask"] = "owner"
    checks: dict[Annotated[str, Field(pattern=r"^LL4\d\d$")], Act] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sane(self) -> Nightly:
        lengths = {"freshness": self.freshness, "retention": self.retention, "sla": self.sla}
        lengths |= {"pin_max_age": self.pin_max_age}
        short = [name for name, length in lengths.items() if length is not None and length.micros <= 0]
        if short:
            raise ValueError(f"`{short[0]}` must be longer than nothing, as in 36h")
        if len({d.folder for d in self.deliver}) != len(self.deliver):
            raise ValueError("`deliver` names a folder twice; expected one for each")
        return self

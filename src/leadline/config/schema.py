"""The config: one YAML file, frozen, with every error told at once. `leadline.config.load` reads it from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from leadline.config.conditions import When
from leadline.config.messages import config_problems
from leadline.config.modeling import (
    AuditPlan,
    Backtest,
    Behaviour,
    Capacity,
    Engine,
    FeaturePlan,
    FunnelPlan,
    IntentStages,
    Leaks,
    ModelPlan,
    Outcome,
    Outcomes,
    PointsPlan,
    Rejections,
    Rule,
    Signing,
    Sla,
    SnapshotPlan,
    Tracking,
    Wanted,
)
from leadline.config.scoring import Nightly, Part
from leadline.config.tables import (
    Accounts,
    Events,
    History,
    Leads,
    Merges,
    Opportunities,
    Query,
    Section,
    Source,
    Spend,
    SqlFile,
    Stages,
    Table,
    Tables,
    Touches,
    Words,
)
from leadline.core.choices import suggestion
from leadline.core.point_in_time import Horizon
from leadline.errors import ConfigError

__all__ = [
    "LADDER",
    "Accounts",
    "Backtest",
    "Behaviour",
    "Capacity",
    "Config",
    "Engine",
    "Events",
    "FeaturePlan",
    "FunnelPlan",
    "History",
    "Leads",
    "Leaks",
    "Merges",
    "Opportunities",
    "Outcome",
    "PointsPlan",
    "Query",
    "Rule",
    "SnapshotPlan",
    "Source",
    "Spend",
    "SqlFile",
    "Stages",
    "Table",
    "Tables",
    "Touches",
    "Tracking",
    "Wanted",
    "When",
]

LADDER = ("lead", "mql", "sql", "opportunity", "won")
"""The rungs, from the lowest; `lost` and `rejected` end the climb."""

ENDS = ("lost", "rejected")
DefinitionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
MODEL_NAME = r"^[a-z][a-z0-9-]{0,62}$"


class Config(Section):
    """A whole config.

    Examples
    --------
    >>> flat = Config.model_validate({"version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv"}},
    ...                               "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}})
    >>> flat.is_flat, flat.experiment, flat.seed
    (True, 'flat', 7)
    >>> Config(name="Bad Name", version=1)
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: leadline.Config: 4 errors; expected none; mend them
      name: 'Bad Name' doesn't match ^[a-z][a-z0-9-]{0,62}$
      tables: missing
      outcome: missing
      snapshots: missing
    """

    version: Literal[1]
    name: str = Field(pattern=MODEL_NAME)
    timezone: str | None = None
    seed: int = Field(default=7, ge=0, lt=2**31)
    tables: Tables
    stages: dict[Literal["lead", "mql", "sql", "opportunity", "won", "lost", "rejected"], Words] = Field(
        default_factory=dict
    )
    outcome: Outcomes
    snapshots: SnapshotPlan
    behaviours: dict[str, Behaviour] = Field(default_factory=dict)
    roles: dict[str, Words] = Field(default_factory=dict)
    intent_stages: IntentStages = IntentStages()
    icp: dict[str, Wanted] = Field(default_factory=dict)
    features: FeaturePlan = FeaturePlan()
    backtest: Backtest = Backtest()
    model: ModelPlan = ModelPlan()
    capacity: Capacity = Capacity()
    funnel: FunnelPlan = FunnelPlan()
    sla: Sla | None = None
    rejections: Rejections = Rejections()
    rules: tuple[Rule, ...] = ()
    definitions: dict[DefinitionName, When] = Field(default_factory=dict)
    points_card: PointsPlan = PointsPlan()
    audit: AuditPlan = AuditPlan()
    tracking: Tracking = Tracking()
    engine: Engine = Engine()
    signing: Signing | None = None
    leaks: Leaks = Leaks()
    nightly: Nightly = Nightly()
    exploration: Part = 0.0
    _text: str = PrivateAttr(default="")
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _path: str | None = PrivateAttr(default=None)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            found = config_problems(error, given, "leadline.Config", Config)
            head = f"leadline.Config: {len(found)} errors; expected none; mend them"
            raise ConfigError("\n  ".join([head, *found])) from None

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # a file is validated past it, and tells its errors itself

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

    @property
    def signing_key(self) -> str | None:
        """What bundles are signed with; None where they needn't be."""
        return None if self.signing is None else self.signing.key

    def words(self, *stages: str) -> tuple[str, ...]:
        """Return the words, in lower case, that the source has for these stages."""
        given: dict[str, tuple[str, ...]] = {str(stage): words for stage, words in self.stages.items()}
        return tuple(word.strip().lower() for stage in stages for word in given.get(stage, ()))

    @property
    def text(self) -> str:
        """The YAML as written, before ${NAME} took any secret's place."""
        return self._text

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell whoever wrote it: which names in it are old, and what they are now."""
        return self._notes

    @property
    def path(self) -> str | None:
        """The file that it was read from; None where it was made otherwise."""
        return self._path

    @property
    def hash(self) -> str:
        """SHA-256 of the text as written."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @field_validator("roles")
    @classmethod
    def _role_names(cls, roles: dict[str, Words]) -> dict[str, Words]:
        if any("|" in role for role in roles):
            raise ValueError("a role's name can't hold |, which joins roles")
        return roles

    @model_validator(mode="after")
    def _whole(self) -> Config:
        problems = [*_zone_problems(self), *(_flat_problems(self) if self.is_flat else _dated_problems(self))]
        problems += _definition_problems(self)
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
    if config.capacity.by is not None:
        problems.append("capacity.by: a flat file has no weeks, so no capacity to share out; leave it out")
    if config.exploration:
        problems.append("exploration: a flat file has no nights, so nothing to learn from a holdout; leave it out")
    if config.outcome.then:
        problems.append("outcome: a flat file has one outcome; found a list of several; keep the first")
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
    return [*problems, *_then_problems(config)]


def _then_problems(config: Config) -> list[str]:
    """Say what is wrong with the downstream stages."""
    problems = []
    before = str(config.outcome.reaches)
    for n, asked in enumerate(config.outcome.then, 1):
        if asked.reaches is None:
            problems.append(f"outcome.{n}: `column` is for flat files; with dated tables use {{reaches: …, within: …}}")
            continue
        if LADDER.index(asked.reaches) <= LADDER.index(before):
            problems.append(
                f"outcome.{n}.reaches: {asked.reaches} isn't above {before}; expected stages that rise, as in sql, then won"
            )
        elif not config.words(*LADDER[LADDER.index(asked.reaches) :]) and not _tells_of(config, asked.reaches):
            problems.append(
                f"outcome.{n}.reaches: no stage word is mapped to {asked.reaches}; expected some in `stages:`"
            )
        if "won_within" in asked.model_fields_set:
            problems.append(f"outcome.{n}.won_within: belongs to the first question; put it there")
        before = asked.reaches
    return problems


def _tells_of(config: Config, stage: str) -> bool:
    """Tell whether a deal's being opened says that the stage was reached."""
    deals = config.tables.opportunities
    return stage == "opportunity" and deals is not None and deals.lead is not None


def _definition_problems(config: Config) -> list[str]:
    """Say what definitions, and rules of several conditions, ask of assets, roles, intents, tables and rules that the config lacks."""
    problems = []
    for name, whole in config.definitions.items():
        for when in whole.walk():
            problems += [f"definitions.{name}: {said}" for said in (*_unasked(when), *_lacking(config, when))]
    for number, rule in enumerate(config.rules):
        if not rule.when.is_plain:
            problems += [f"rules.{number}.when: {said}" for when in rule.when.walk() for said in _lacking(config, when)]
    return list(dict.fromkeys(problems))


def _unasked(when: When) -> Iterator[str]:
    if when.kind == "attribute" and when.is_plain and when.equals is None:
        yield f"asks nothing of the attribute {when.attribute!r}; expected `equals`, `in`, `has`, `min` or `max`"


def _lacking(config: Config, when: When) -> Iterator[str]:
    """Say what one condition needs and the config doesn't have."""
    acts = when.kind in ("behaviour", "intent", "asset") or when.kind == "account"
    if acts and config.tables.events is None:
        yield f"asks for `{when.kind}`, and there is no log of acts; expected `tables.events`; give it, or drop the condition"
    known = sorted({b.asset for b in config.behaviours.values() if b.asset is not None})
    yield from _unknown_names("asset", (a for a in when.assets if a != "any"), known, "behaviours.….asset")
    if when.kind == "asset" and not known:
        yield "asks for assets, and no behaviour is the use of one; expected `asset` in `behaviours`"
    elif when.distinct and when.assets == ("any",) and when.at_least > len(known):
        yield f"asks for {when.at_least} distinct assets of {len(known)}, so nobody meets it; ask for fewer"
    if when.intent is not None and when.intent not in {b.intent for b in config.behaviours.values()}:
        yield f"no behaviour is of {when.intent} intent; expected one in `behaviours`"
    roles = (when.role,) if isinstance(when.role, str) else when.role or ()
    yield from _unknown_names("role", roles, sorted(config.roles), "roles")
    if when.kind == "account" and config.tables.leads.account is None:
        yield "asks for the account's people, and leads name no account; expected `tables.leads.account`"
    if when.account is not None and (when.account.roles or 0) > len(config.roles):
        yield f"asks for {when.account.roles} roles, and `roles` has {len(config.roles)}; name more, or ask for fewer"
    if (when.icp or 0) > len(config.icp):
        yield f"asks for {when.icp} criteria of the ICP, and `icp` has {len(config.icp)}; name more, or ask for fewer"
    if when.kind in ("fit", "engagement", "grade") and config.tables.events is None:
        yield f"asks for `{when.kind}`, and without `tables.events` no lead has one; give it, ask for `score`, or drop the condition"
    if when.kind == "points" and not config.rules:
        yield "asks for points, and there are no `rules` that give any; list them, or drop the condition"


def _unknown_names(what: str, asked: Iterator[str] | tuple[str, ...], known: list[str], where: str) -> Iterator[str]:
    for name in asked:
        if name not in known:
            hint = suggestion(name, known[:20]) or f"; expected one that `{where}` names"
            yield f"no {what} is called {name[:40]!r}{hint}"

"""Writing: a proposed config as YAML with comments; every value that comes from the source is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leadline.presets.proposal import Guess, Proposal
from leadline.presets.source_url import SourcePlace

__all__ = [
    "LEAD",
    "BehaviourGuess",
    "ConfigAnswers",
    "ShapedTable",
    "build_proposal",
    "intent_of",
    "quote_yaml",
    "zone_guess",
]

INTENTS = (
    ("purchase", r"pric|quote|demo|trial|buy|contact|sales|consult|implement|procure|security|proposal|checkout"),
    ("evaluation", r"product|docs|documentation|compar|calculator|template|case.?stud|assess|roi|call|partner"),
    ("awareness", r"blog|newsletter|subscri|ebook|e-book|paper|webinar|conference|event|guide|report|email|advert"),
)
"""What a name tells of an act's intent: the first that fits."""


KEYS: Mapping[str, Mapping[str, str]] = {
    "events": {"key": "event_id", "lead": "lead_id", "type": "event_type", "occurred_at": "occurred_at"},
    "stages": {"lead": "lead_id", "stage": "stage", "changed_at": "changed_at"},
    "history": {"lead": "lead_id", "field": "field", "value": "value", "changed_at": "changed_at"},
    "merges": {"from": "from_id", "into": "into_id", "merged_at": "merged_at"},
    "touches": {"lead": "lead_id", "touched_at": "touched_at", "kind": "kind"},
}
"""The keys of our tables' sections, where they don't depend on what a source has."""

LEAD = {"key": "lead_id", "account": "account_id", "created_at": "created_at"}
"""The same of leads; which attributes they have depends."""


@dataclass(frozen=True)
class ShapedTable:
    """One of our tables: the SQL file that gives it, the keys of its section, and comments on it."""

    table: str
    sql: str
    keys: Mapping[str, str]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @classmethod
    def usual(cls, table: str, sql: str, above: tuple[str, ...] = ()) -> ShapedTable:
        """Make a table whose keys are always the same."""
        return cls(table, sql, KEYS[table], above)

    @property
    def file(self) -> str:
        """The SQL file's name, from the config's folder."""
        return f"sql/{self.table}.sql"


@dataclass(frozen=True)
class BehaviourGuess:
    """A kind of event for the config: its intent as guessed, and the words for it."""

    name: str
    intent: str
    words: str


@dataclass(frozen=True)
class ConfigAnswers:
    """What the config asks beside the tables.

    Attributes
    ----------
    name : str
        The model's name.
    reaches : str
        The outcome.
    stages : mapping of str to sequence of str
        Our rungs: the source's words.
    behaviours : tuple of Behaviour
        Kinds of events.
    missing : tuple of str
        What isn't in the source: the lines of a comment.
    unzoned : tuple of str
        Columns whose times name no zone.
    """

    name: str
    reaches: str
    stages: Mapping[str, Sequence[str]]
    behaviours: tuple[BehaviourGuess, ...] = ()
    missing: tuple[str, ...] = field(default=())
    unzoned: tuple[str, ...] = ()


def build_proposal(
    vendor: str,
    place: SourcePlace,
    folder: Path,
    tables: Sequence[ShapedTable],
    asked: ConfigAnswers,
    guesses: Iterable[Guess],
    warnings: Iterable[str],
    origin: Callable[[str], str],
) -> Proposal:
    """Put a proposal together; `origin` says of which of the vendor's tables one of ours is made."""
    return Proposal(
        vendor.lower(),
        place.label,
        _config_text(vendor, place, folder, tables, asked),
        {t.file: t.sql for t in tables},
        tuple(guesses),
        tuple(warnings),
        tuple(f"tables.{t.table} ← {origin(t.table)}" for t in tables),
    )


def _config_text(
    vendor: str, place: SourcePlace, folder: Path, tables: Sequence[ShapedTable], asked: ConfigAnswers
) -> str:
    """Write a config that reads these tables."""
    lines = [
        f"# leadline: {vendor}, read from {place.label}. Written by `leadline init`; look at what is marked with <—,",
        "# then run `leadline check` on this file. Paths are relative to the folder in which leadline is run.",
    ]
    if place.variables:
        lines.append(f"# Set {' and '.join(place.variables)} in the environment: no secret stands in this file.")
    lines += [
        "version: 1",
        f"name: {asked.name} # <— the registered model's name",
        f"timezone: UTC{' # <— ' + zone_guess(asked.unzoned)[0].why if asked.unzoned else ''}",
        "seed: 7",
        "",
        "tables:",
    ]
    for shaped in tables:
        lines += _section(shaped, place, folder)
    lines += [f"  # {line}" for line in asked.missing]
    lines += ["", "# Our words for the stages: the source's words. <—", "stages:"]
    lines += [f"  {rung}: [{', '.join(quote_yaml(w) for w in words)}]" for rung, words in asked.stages.items() if words]
    lines += [
        "",
        f"# The question: does an open lead reach {asked.reaches} within 30 days? It is asked of every open lead each week. <—",
        f"outcome: {{ reaches: {asked.reaches}, within: 30d }}",
        "snapshots: { every: 7d }",
    ]
    if asked.behaviours:
        lines += [
            "",
            "# What an event means (awareness, evaluation, purchase), and the words that sales reads. <—",
            "behaviours:",
        ]
        lines += [
            f"  {quote_yaml(b.name)}: {{ intent: {b.intent}, words: {quote_yaml(b.words)} }}" for b in asked.behaviours
        ]
    lines += [*(ROLES if any("job_title" in s.keys.get("attributes", "") for s in tables) else ()), *REST]
    return "\n".join(lines) + "\n"


def zone_guess(unzoned: Sequence[str]) -> list[Guess]:
    """Ask for the zone where times name none: an export shows them in the zone of who made it.

    Examples
    --------
    >>> print(zone_guess(["Lead.CreatedDate"])[0].why)
    times in Lead.CreatedDate name no zone: write the one that the export shows them in (UTC from an API)
    """
    if not unzoned:
        return []
    told = ", ".join(unzoned[:3]) + (f" and {len(unzoned) - 3} more" if len(unzoned) > 3 else "")
    return [
        Guess(
            "timezone",
            "UTC",
            f"times in {told} name no zone: write the one that the export shows them in (UTC from an API)",
            False,
        )
    ]


ROLES = (
    "",
    "# The buying committee, by job title: the first match wins. <—",
    "roles:",
    '  technical_evaluator: ["*Architect", "*Engineer", "Head of Engineering", "DevOps*", "IT *"]',
    '  economic_buyer: ["VP Finance", "CFO", "Finance *", "Head of Finance"]',
    '  executive_sponsor: ["CEO", "CTO", "COO", "Managing Director"]',
    '  procurement: ["Procurement*", "Purchasing*", "Vendor*"]',
    '  end_user: ["Analyst", "* Specialist", "Marketing *", "Sales *"]',
)

REST = (
    "",
    "features: { windows: [7d, 30d, 90d] }",
    "backtest: { folds: 4, test: 56d }",
    "capacity: { leads_per_week: 40 } # <— how many leads sales can work in a week",
    'tracking: { uri: "sqlite:///mlflow.db" }',
)


def _section(shaped: ShapedTable, place: SourcePlace, folder: Path) -> list[str]:
    path = (folder / shaped.file).as_posix()
    database = f", database: {quote_yaml(place.database, variables=True)}" if place.database else ""
    lines = [*(f"  # {line}" for line in shaped.above), f"  {shaped.table}:"]
    lines.append(f"    source: {{ sql: {quote_yaml(path)}{database} }}")
    lines += [f"    {key}: {value}" for key, value in shaped.keys.items()]
    return [*lines, *(f"    # {line}" for line in shaped.below)]


def quote_yaml(text: str, variables: bool = False) -> str:
    """Write a text as a YAML scalar that reads back as itself; only our own texts may name an environment variable.

    Examples
    --------
    >>> quote_yaml("sql"), quote_yaml("yes: no"), quote_yaml("${HOME}")
    ('sql', '"yes: no"', '"$ {HOME}"')
    """
    safe = text if variables else text.replace("${", "$ {")
    if re.fullmatch(r"[a-z][a-z_]{2,}", safe) and safe not in ("yes", "no", "true", "false", "null", "off"):
        return safe
    return json.dumps(safe, ensure_ascii=not safe.isprintable())


def intent_of(name: str) -> str:
    """Guess an act's intent from its name.

    Examples
    --------
    >>> intent_of("form: Book a demo"), intent_of("Webinar"), intent_of("x")
    ('purchase', 'awareness', 'unknown')
    """
    bare = name.lower()
    return next((intent for intent, pattern in INTENTS if re.search(pattern, bare)), "unknown")

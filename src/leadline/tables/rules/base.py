"""What the checks of the tables share: what they may look at, and the findings that reading itself makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadline.checks import Finding, Severity
from leadline.config import Config
from leadline.tables.attributes import Attribute
from leadline.tables.store import Store

__all__ = ["SHARED", "Answer", "Context", "missing_column", "outcome_tables", "unusable_column"]

Answer = tuple[str, str, str, str, int]
"""(subject, seen, expected, fix, rows)"""

SHARED = 20
"""A word that at least so many leads share may be told; anything rarer could point at a person."""


@dataclass(frozen=True)
class Context:
    """What a check may look at; `unique` names the tables in which a check saw a key of its own in every row."""

    config: Config
    store: Store
    limit: int
    attributes: tuple[Attribute, ...]
    default_limit: bool
    unique: set[str] = field(default_factory=set)

    def count(self, table: str, where: str) -> tuple[int, int]:
        """Count a table's rows under a condition; return the count and the first row's number."""
        count, first = self.store.rows(f'SELECT COUNT(*), MIN("row") FROM {table} WHERE {where}')[0]
        return int(count), int(first or 0)


def missing_column(subject: str, name: str, hint: str) -> Finding:
    """Say that a column isn't there."""
    return Finding(
        "LL101",
        Severity.ERROR,
        subject,
        f"no column {name!r} ({hint})",
        "a column of that name",
        "mend the config or the export",
    )


def unusable_column(table: str, name: str) -> Finding:
    """Say that a column is left out for its type."""
    return Finding(
        "LL119", Severity.WARNING, f"{table}.{name}", "a date, or nested values, left out", "numbers or text",
        "make a number or a word of it in a {query: …} source, or drop it from attributes",
    )  # fmt: skip


def outcome_tables(config: Config) -> list[str]:
    """List the tables that may tell of the outcome."""
    return [t for t in ("stages", "opportunities") if getattr(config.tables, t) is not None]

"""What the checks of the tables share: what they may look at, and the findings that reading itself makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Finding, Severity
from leadline.core.choices import closest
from leadline.storage import Store
from leadline.tables.attributes import Attribute
from leadline.tables.visibility import DateColumn

__all__ = [
    "Answer",
    "Context",
    "fitting_nothing",
    "missing_column",
    "nested_column",
    "outcome_tables",
    "unusable_column",
]

Answer = tuple[str, str, str, str, int]
"""(subject, seen, expected, fix, rows)"""


@dataclass(frozen=True)
class Context:
    """What a check may look at.

    `unique` names the tables in which a check saw a key of its own in every row; `repeated`, of tables whose keys were looked
    at before, the column and how many rows repeat another exactly. `at_night` says that the checks of a night will follow. Outcomes are taken to be recorded up to `observed_until`;
    `dates` are columns of times that are dates.
    """

    config: Config
    store: Store
    limit: int
    attributes: tuple[Attribute, ...]
    default_limit: bool
    unique: set[str] = field(default_factory=set)
    repeated: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    at_night: bool = False
    observed_until: int = 0
    dates: tuple[DateColumn, ...] = ()

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


def nested_column(subject: str, name: str) -> Finding:
    """Say that a column holds lists or records, of which no id and no word can be made."""
    return Finding(
        "LL101", Severity.ERROR, subject, f"column {name!r} holds nested values", "one value in each row",
        "mend the export, or shape it with a {query: …} source",
    )  # fmt: skip


def unusable_column(table: str, name: str) -> Finding:
    """Say that a column is left out for its type."""
    return Finding(
        "LL119", Severity.WARNING, f"{table}.{name}", "a date, or nested values, left out", "numbers or text",
        "make a number or a word of it in a {query: …} source, or drop it from attributes",
    )  # fmt: skip


def fitting_nothing(table: str, section: Any, there: Iterable[str], used: Iterable[str]) -> Iterator[Finding]:
    """Tell names in `known_at_creation` that are no attribute's, and names in `exclude` that nearly are a column's.

    A name in `exclude` that resembles none is left alone: who excludes a column that an export lacks loses nothing.
    """
    columns, using = {c.lower(): c for c in there}, {c.lower() for c in used}
    excluded = {name.lower() for name in section.exclude}
    for key, names in (("known_at_creation", section.known_at_creation), ("exclude", section.exclude)):
        for name in names:
            free = [c for c in columns if c not in excluded]
            near = closest(name, free, 0.85 if key == "exclude" else 0.6)
            in_vain = name.lower() not in using if key == "known_at_creation" else name.lower() not in columns and near
            if in_vain:
                what = "is a column, but no attribute in use" if name.lower() in columns else "no column has this name"
                hint = f" (did you mean `{columns[near]}`?)" if near and name.lower() not in columns else ""
                yield Finding(
                    "LL126", Severity.WARNING, f"tables.{table}.{key}: {name}", f"{what}, so the line does nothing",
                    "names of columns in use", f"mend the name{hint}, or drop it",
                )  # fmt: skip


def outcome_tables(config: Config) -> list[str]:
    """List the tables that may tell of the outcome."""
    return [t for t in ("stages", "opportunities") if getattr(config.tables, t) is not None]

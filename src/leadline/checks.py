"""A check is a code, a title, a severity and one function; a finding is what it saw. `run` runs them.

Checks of the tables are LL1xx (``tables/rules.py``), leaks by name LL2xx and by behaviour LL3xx (``judge/leaks.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from leadline.errors import DataError

__all__ = ["Check", "Finding", "Findings", "Severity", "run"]

Context = TypeVar("Context")


class Severity(StrEnum):
    """How much a finding matters: an error stops the run, a warning is told and logged, a note is logged."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What a check saw: counts and places, never values.

    Examples
    --------
    >>> print(Finding("LL106", Severity.ERROR, "events.occurred_at", "14 rows lie after recorded_at (first: row 88)",
    ...               "occurred_at ≤ recorded_at", "fix the export or set tables.events.max_clock_skew", 14))
    events.occurred_at: 14 rows lie after recorded_at (first: row 88); expected occurred_at ≤ recorded_at;
    fix the export or set tables.events.max_clock_skew
    """

    code: str
    severity: Severity
    subject: str
    seen: str
    expected: str
    fix: str
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.subject}: {self.seen}; expected {self.expected}; {self.fix}"


@dataclass(frozen=True)
class Check(Generic[Context]):
    """A named question to the data: `look` yields (subject, seen, expected, fix, rows) for each answer that is bad."""

    code: str
    title: str
    severity: Severity
    look: Callable[[Context], Iterable[tuple[str, str, str, str, int]]]

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each bad answer."""
        for subject, seen, expected, fix, rows in self.look(context):
            yield Finding(self.code, self.severity, subject, seen, expected, fix, rows)


@dataclass(frozen=True)
class Findings:
    """All findings of a run, in the order of the checks."""

    found: tuple[Finding, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.found + other.found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(f for f in self.found if f.severity is severity)

    def accept(self, codes: Iterable[str]) -> Findings:
        """Return the same findings with the errors of the accepted codes made warnings."""
        named = set(codes)
        return Findings(
            tuple(
                Finding(**{**asdict(f), "severity": Severity.WARNING})
                if f.code in named and f.severity is Severity.ERROR
                else f
                for f in self.found
            )
        )

    def raise_errors(self) -> None:
        """Raise `DataError` that tells every error, one sentence each; its `findings` are all of these."""
        errors = self.of(Severity.ERROR)
        if errors:
            refusal = DataError("\n".join(f"{f.code} {f}" for f in errors))
            refusal.findings = self
            raise refusal

    def records(self) -> list[dict[str, Any]]:
        """Return the findings as plain records, for JSON."""
        return [{**asdict(f), "severity": str(f.severity)} for f in self.found]


def run(checks: Sequence[Check[Context]], context: Context) -> Findings:
    """Run every check, each in turn, and return all that they found.

    Examples
    --------
    >>> empty = Check("LL110", "empty table", Severity.ERROR,
    ...               lambda n: [("leads", "0 rows", "at least one", "check the source", 0)] if n == 0 else [])
    >>> len(run([empty], 0)), len(run([empty], 5))
    (1, 0)
    """
    return Findings(tuple(finding for check in checks for finding in check.findings(context)))

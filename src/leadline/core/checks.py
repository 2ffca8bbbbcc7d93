"""A check is a code, a title, a severity and one function; a finding is what it saw. `run_checks` runs them.

Checks of the tables are LL1xx (``tables/rules``), leaks by name, place and behaviour LL2xx, by experiment LL3xx (``leakage/gate.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from leadline.errors import DataError

__all__ = ["Check", "Finding", "Findings", "Severity", "run_checks"]

Context = TypeVar("Context")


class Severity(StrEnum):
    """How much a finding matters: an error stops the run, a warning is told and logged, a note is logged.

    A check that can't look (a flat file has no dates, say) is *not applicable*, and says why.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Finding:
    """What a check saw: counts and places, never values.

    `accepted` is the reason with which the config accepts an error, which makes it a warning; `title` is the check's,
    and `why` says why what it looks for is suspicious. Of a check that isn't applicable `seen` is the reason.

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
    accepted: str = ""
    title: str = ""
    why: str = ""

    def __str__(self) -> str:
        if self.severity is Severity.NOT_APPLICABLE:
            return f"{self.subject}: {self.seen}"
        return f"{self.subject}: {self.seen}; expected {self.expected}; {self.fix}"


@dataclass(frozen=True)
class Check(Generic[Context]):
    """A named question to the data: `look` yields (subject, seen, expected, fix, rows) for each answer that is bad.

    Where the severity hangs on the answer (by size, or not applicable), it yields a whole `Finding` instead. `why` says
    in a sentence why a bad answer is suspicious; `unless` gives the reason for which the question can't be asked of these
    data, or nothing.

    Examples
    --------
    >>> late = Check("LL212", "overwritten later", Severity.WARNING, lambda n: [], unless=lambda n: "there are no dates")
    >>> [str(f) for f in run_checks([late], 5)]
    ['overwritten later: there are no dates']
    """

    code: str
    title: str
    severity: Severity
    look: Callable[[Context], Iterable[tuple[str, str, str, str, int] | Finding]]
    why: str = ""
    unless: Callable[[Context], str] | None = None

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each bad answer, or one that says why the check isn't applicable."""
        reason = self.unless(context) if self.unless is not None else ""
        if reason:
            yield Finding(self.code, Severity.NOT_APPLICABLE, self.title, reason, "", "", 0, "", self.title, self.why)
            return
        for answer in self.look(context):
            found = answer if isinstance(answer, Finding) else Finding(self.code, self.severity, *answer)
            yield replace(found, title=found.title or self.title, why=found.why or self.why)


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

    def accept(self, codes: Iterable[str] | Mapping[str, str | Mapping[str, str]]) -> Findings:
        """Return the same findings with the errors of the accepted codes made warnings, the reasons beside them.

        A code may be accepted for some columns only: ``{"LL209": {"budget": "asked in the form"}}``.

        Examples
        --------
        >>> bad = Finding("LL201", Severity.ERROR, "leads.status", "overwritten", "fixed fields", "drop it")
        >>> [(f.severity.value, f.accepted) for f in Findings((bad,)).accept({"LL201": "set by the form"})]
        [('warning', 'set by the form')]
        >>> [f.severity.value for f in Findings((bad,)).accept({"LL201": {"stage": "set by the form"}})]
        ['error']
        """
        reasons = codes if isinstance(codes, Mapping) else dict.fromkeys(codes, "accepted")
        return Findings(tuple(_accept(f, reasons.get(f.code)) for f in self.found))

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


def _accept(finding: Finding, reason: str | Mapping[str, str] | None) -> Finding:
    if isinstance(reason, Mapping):
        named = {column.lower(): why for column, why in reason.items()}  # columns are found by their letters
        subject = finding.subject.lower()
        reason = named.get(subject, named.get(subject.partition(".")[2]))
    if reason is None or finding.severity is not Severity.ERROR:
        return finding
    return replace(finding, severity=Severity.WARNING, accepted=reason)


def run_checks(checks: Sequence[Check[Context]], context: Context) -> Findings:
    """Run every check, each in turn, and return all that they found.

    Examples
    --------
    >>> empty = Check("LL110", "empty table", Severity.ERROR,
    ...               lambda n: [("leads", "0 rows", "at least one", "check the source", 0)] if n == 0 else [])
    >>> len(run_checks([empty], 0)), len(run_checks([empty], 5))
    (1, 0)
    """
    return Findings(tuple(finding for check in checks for finding in check.findings(context)))

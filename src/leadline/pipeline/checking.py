"""`check`: every check of the tables and the leak gate, and what training would find; it trains nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leadline.checks import Findings, Severity
from leadline.config import Config
from leadline.errors import DataError
from leadline.history.labels import Counts
from leadline.judge.backtest import plain
from leadline.pipeline.asking import Progress, as_config, instant, said_instant, silent
from leadline.pipeline.prepare import examine

__all__ = ["CheckResult", "check"]


@dataclass(frozen=True)
class CheckResult:
    """What the checks found.

    Attributes
    ----------
    name, known_at : str
        The config's name, and T.
    rows : dict of str to int
        Rows of each table, as known at T.
    counts : Counts
        Snapshots by their label.
    findings : Findings
        Errors, warnings and notes.
    """

    name: str
    known_at: str | None
    rows: dict[str, int]
    counts: Counts
    findings: Findings

    @property
    def ok(self) -> bool:
        """Whether training may go ahead."""
        return not self.findings.of(Severity.ERROR)

    def __repr__(self) -> str:
        sizes = {s: len(self.findings.of(s)) for s in Severity}
        told = ", ".join(f"{n} {s}{'s' if n != 1 else ''}" for s, n in sizes.items() if n) or "nothing found"
        return f"CheckResult({self.name}: {told}; {self.counts.positive} positive of {self.counts.positive + self.counts.negative} snapshots)"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = plain({
            "name": self.name, "known_at": self.known_at, "ok": self.ok, "rows": self.rows,
            "snapshots": asdict(self.counts), "findings": self.findings.records(),
        })  # fmt: skip
        return record


def check(config: Config | str | Path, as_of: str | int | None = None, progress: Progress = silent) -> CheckResult:
    """Check config, tables and leaks.

    Raises
    ------
    ConfigError, MissingError
        The config or a file can't be read at all; what is wrong inside the data is in the result.

    Examples
    --------
    >>> check("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    try:
        with examine(config, instant(config, as_of), progress) as seen:
            return CheckResult(
                config.name,
                said_instant(seen.loaded.known_at, seen.loaded.is_dated),
                seen.loaded.rows,
                seen.counts,
                seen.findings,
            )
    except DataError as error:
        if error.findings is None:
            raise
        return CheckResult(config.name, None, {}, Counts(), error.findings)

"""`check`: every check of the tables and the leak gate, and what training would find; it trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Findings, Severity
from leadline.core.files import write_text
from leadline.core.jsonable import to_jsonable
from leadline.dataset import labels
from leadline.dataset.labels import LabelCounts
from leadline.errors import DataError, RetryError, UsageError
from leadline.features import catalog
from leadline.points.definition_checks import met_by_nobody
from leadline.registry import tracking
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, parse_as_of
from leadline.workflows.config_from_file import config_for
from leadline.workflows.places import require_apart
from leadline.workflows.training.prepare import CheckedData, TrainingData, check_data, future_moves, plan_folds

__all__ = ["CheckResult", "check", "page_place", "write_page"]


@dataclass(frozen=True)
class CheckResult:
    """What the checks found.

    Attributes
    ----------
    name, known_at : str
        The config's name, and T.
    rows : dict of str to int
        Rows of each table, as known at T.
    counts : LabelCounts
        Snapshots by their label.
    findings : Findings
        Errors, warnings and notes.
    """

    name: str
    known_at: str | None
    rows: dict[str, int]
    counts: LabelCounts
    findings: Findings

    @classmethod
    def of_training(cls, name: str, made: TrainingData) -> CheckResult:
        """Return what the same checks found while a training prepared its data."""
        known_at = format_as_of(made.loaded.known_at, made.loaded.is_dated)
        return cls(name, known_at, made.loaded.rows, made.counts, made.findings)

    @property
    def ok(self) -> bool:
        """Whether training may go ahead."""
        return not self.findings.of(Severity.ERROR)

    def __repr__(self) -> str:
        sizes = {s: len(self.findings.of(s)) for s in Severity}
        many = {s: f"{s}{'s' if n != 1 and s is not Severity.NOT_APPLICABLE else ''}" for s, n in sizes.items()}
        told = ", ".join(f"{n} {many[s]}" for s, n in sizes.items() if n) or "nothing found"
        return f"CheckResult({self.name}: {told}; {self.counts.positive} positive of {self.counts.positive + self.counts.negative} snapshots)"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable({
            "name": self.name, "known_at": self.known_at, "ok": self.ok, "rows": self.rows,
            "snapshots": asdict(self.counts), "findings": self.findings.records(),
        })  # fmt: skip
        return record


def check(
    config: Config | str | Path | Any,
    as_of: str | int | None = None,
    progress: Progress = no_progress,
    *,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    config_out: str | Path | None = None,
    tables: Mapping[str, Any] | None = None,
) -> CheckResult:
    """Check config, tables and leaks.

    Parameters
    ----------
    config : Config, path or DataFrame
        What would be trained on; this and all that follows is as in `train`.

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
    config = config_for(config, progress, outcome, positive, order_by, config_out, tables)
    _ask_registry(config, progress)
    try:
        with check_data(config, parse_as_of(config, as_of), progress) as seen:
            found = seen.findings + _of_snapshots(config, seen, progress).accept(config.leaks.accept)
            return CheckResult(
                config.name,
                format_as_of(seen.loaded.known_at, seen.loaded.is_dated),
                seen.loaded.rows,
                seen.counts,
                found,
            )
    except DataError as error:
        if error.findings is None:
            raise
        return CheckResult(config.name, None, {}, LabelCounts(), error.findings)


def _ask_registry(config: Config, progress: Progress) -> None:
    """Refuse a registry that training could never log to; one that is only down now is told."""
    try:
        tracking.require_usable(config.tracking.uri, config.experiment)
    except RetryError as error:
        progress(f"warning: {error}")


def _of_snapshots(config: Config, seen: CheckedData, progress: Progress) -> Findings:
    """Check what needs labelled snapshots but no model: that folds can be laid, and that the future moves no feature."""
    counts, store = seen.counts, seen.loaded.store
    if not counts.positive or not counts.negative:
        return Findings()  # LL122 and LL123 have told it
    progress("cutting off the future")
    as_of = store.arrow("SELECT as_of FROM snapshots ORDER BY as_of, lead_id").column("as_of").to_numpy()
    _, found = plan_folds(config, as_of, labels.fetch_labels(config, seen.loaded), counts.positive_leads)
    found += met_by_nobody(config, seen.loaded)
    return found + future_moves(config, seen.loaded, catalog.list_features(config, seen.loaded))


def page_place(name: str | Path, config: Config | str | Path | None = None) -> Path:
    """Return where a page is to be written.

    Parameters
    ----------
    config : Config or path, optional
        Whose sources stay as they are.

    Raises
    ------
    UsageError
        The name doesn't end in .html, or is that of something that is read.

    Examples
    --------
    >>> page_place("page.pdf")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --html 'page.pdf': not a page; expected a name that ends in .html
    """
    place = Path(name)
    if place.suffix != ".html":
        raise UsageError(f"--html {str(place)!r}: not a page; expected a name that ends in .html")
    if config is not None:
        require_apart(as_config(config), place, "--html")
    return place


def write_page(result: CheckResult, place: str | Path) -> Path:
    """Write what the checks found as one self-contained page, and return where.

    Raises
    ------
    UsageError, OutputError
        The name doesn't end in .html, or the page can't be written.
    """
    from leadline.report.pages.findings import findings_page

    place = page_place(place)
    write_text(place, findings_page(result.to_record()))
    return place

"""`retrain`: check, train, contest, promotion and page as one job, with one record and exit codes that a scheduler can read.

Nothing here makes a champion that `train` and `promote` wouldn't: drift, calibration and age are reasons to try, and the contest
decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.config.schema import Config
from leadline.core.files import locked, write_json
from leadline.core.point_in_time import DAY, format_instant, parse_instant
from leadline.errors import LeadlineError, MissingError, PromotionRefused
from leadline.registry import tracking
from leadline.registry.bundle import MODELS, resolve_bundle
from leadline.workflows.common import Progress, as_config, no_progress
from leadline.workflows.monitor import monitor
from leadline.workflows.promote import promote
from leadline.workflows.report import report
from leadline.workflows.training.train import train

__all__ = ["OLD", "RETRAININGS", "Retraining", "retrain"]

RETRAININGS = "retrainings"
OLD = 90 * DAY
"""How long after its own T a champion is worth trying to beat, whatever the monitor says: a quarter."""

TRY = ("retrain", "recalibrate", "look")
"""The monitor's advice upon which a retraining is due."""


@dataclass(frozen=True)
class Retraining:
    """What a retraining came to.

    Attributes
    ----------
    outcome : str
        `not due`, `first champion`, `promoted`, `kept` (the contest kept the champion), `withheld` (no better than the base
        rate, and no champion to keep) or `failed`.
    due : str
        Why it was tried, or why not.
    name, version, champion : str, str or None, str or None
        The model; the version that was trained; the champion now.
    reason : str
        What decided, in one sentence.
    page, record : Path or None, Path
        The new champion's page; and this record as JSON.
    """

    outcome: str
    due: str
    name: str
    version: str | None
    champion: str | None
    reason: str
    page: Path | None
    record: Path

    @property
    def refused(self) -> bool:
        """Whether the new version didn't get the champion's place (exit code 79)."""
        return self.outcome in ("kept", "withheld")

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}


def retrain(
    config: Config | str | Path,
    as_of: str | None = None,
    if_due: bool = False,
    quick: bool = False,
    progress: Progress = no_progress,
) -> Retraining:
    """Check, train and hold the contest as of T; promote the new version or keep the champion; write the page and a record.

    Parameters
    ----------
    as_of : str, optional
        T; by default the newest recorded time in the table that holds the outcome.
    if_due : bool
        Trains only where the monitor advises a try (ranking, calibration or drift), the champion's own T lies more than
        `OLD` before this one's, or there is no champion.
    quick : bool
        As `train` takes it.

    Raises
    ------
    ConfigError, MissingError, DataError, RetryError, OutputError
        As `train`, `monitor` and `promote`; the record tells it (`failed`), and the champion stays.

    Examples
    --------
    >>> retrain("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    try:
        due, why = _is_due(config, as_of, progress) if if_due else (True, "asked for")
        if not due:
            progress(f"not due: {why}")
            champion = tracking.aliases(config.tracking.uri, config.name).get("champion")
            return _kept(config, as_of, "not due", why, None, champion, why)
        trained = train(config, as_of, progress, quick=quick)
        outcome, reason = _contest(config, trained.version, trained.alias, [f.code for f in trained.withheld], progress)
        champion = tracking.aliases(config.tracking.uri, config.name).get("champion")
        page = None if outcome in ("kept", "withheld") else report(config, progress=progress).page
    except LeadlineError as error:
        _kept(config, as_of, "failed", "", None, None, str(error))
        raise
    return _kept(config, as_of, outcome, why, trained.version, champion, reason, page)


def _contest(config: Config, version: str, alias: str, withheld: list[str], progress: Progress) -> tuple[str, str]:
    """Say what became of a version just trained, and why."""
    if alias == "champion":
        return "first champion", "there was no champion to beat"
    if withheld:
        return "withheld", f"{', '.join(withheld)} speaks against it, and there is no champion to keep"
    try:
        return "promoted", promote(config, version, progress).decision.reason
    except PromotionRefused as refusal:
        return "kept", (refusal.decision or {}).get("reason") or str(refusal)


def _is_due(config: Config, as_of: str | None, progress: Progress) -> tuple[bool, str]:
    """Tell whether a retraining is worth trying, and why."""
    uri, name = config.tracking.uri, config.name
    champion = tracking.aliases(uri, name).get("champion")
    if champion is None:
        return True, "there is no champion"
    known = resolve_bundle(f"models:/{name}/{champion}", uri, config.signing_key).manifest.get("known_at")
    now = None if as_of is None else _instant(as_of)
    then = None if known is None else _instant(str(known))
    if now is not None and then is not None and now - then > OLD:
        return True, f"the champion knows nothing of the last {(now - then) // DAY} days"
    try:
        told = monitor(config, as_of, progress)
    except MissingError as error:
        return False, f"no night can be judged yet ({error})"
    return told.told["action"] in TRY, told.advice


def _instant(text: str) -> int | None:
    """Read an instant; the order number of a flat file is none."""
    try:
        return parse_instant(text)
    except ValueError:
        return None


def _kept(
    config: Config, as_of: str | None, outcome: str, due: str, version: str | None, champion: str | None, reason: str, page: Path | None = None
) -> Retraining:  # fmt: skip
    """Write the record beside the model, in turn."""
    import time

    home = MODELS / config.name
    with locked(home / ".lock", wait=60.0):
        folder = home / RETRAININGS
        number = 1 + max((int(p.stem) for p in folder.glob("*.json") if p.stem.isdigit()), default=0)
        made = Retraining(outcome, due, config.name, version, champion, reason, page, folder / f"{number:04d}.json")
        told: Mapping[str, Any] = {
            **made.to_record(),
            "as_of": as_of,
            "at": format_instant(int(time.time() * 1_000_000)),
        }
        write_json(made.record, told)
    return made

"""A night from tables to rows: its model, its rows, what is wrong with it, and its record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.checks import Severity
from leadline.config import Config, Source
from leadline.errors import DataError, LeadlineError
from leadline.judge.before import Before
from leadline.judge.drift import deciles, shares
from leadline.judge.exploring import COLUMN
from leadline.judge.ranking import Scores
from leadline.judge.reference import Reference
from leadline.judge.refusals import Doubt, Seen, doubts, drifts
from leadline.ops import pinned
from leadline.ops.logged import log_night
from leadline.ops.night import Made, Night, Order
from leadline.ops.nightly import run_night
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, as_config, instant, silent
from leadline.pipeline.looking import Look, look_up
from leadline.pipeline.reference import looked_at
from leadline.pipeline.scoring import hindsight, knows_more, scores_of
from leadline.pipeline.session import Session, asked_for, content_hash, open_session

__all__ = ["one", "refuse", "score"]


def score(
    config: Config | str | Path,
    as_of: str | int | None = None,
    model: str | None = None,
    out: str | None = None,
    leads: Source | None = None,
    progress: Progress = silent,
    again: bool = False,
    wait: float = 0.0,
    run_id: str = "",
    changed: bool = False,
) -> Night:
    """Score every open lead as of one instant, and write the scores; a night that is finished is left as it is.

    Parameters
    ----------
    config : Config or path
        The config that the model was trained with.
    as_of : str or int, optional
        The night; needed, but for a flat file with `leads`.
    model : str, optional
        A folder, ``models:/NAME@champion`` (the default) or ``models:/NAME/3``.
    out : str, optional
        A .parquet or .csv file, a folder, or ``postgresql://…?table=t``; ``scores/NAME/`` by default, and with
        `leads` a file of the same name there, as such rows are no night.
    leads : str, optional
        For a flat file: rows to score, without an outcome.
    again : bool
        Score it even where the same night, by the same model and config, is finished.
    wait : float
        Seconds to wait where another run writes to the same place.
    changed : bool
        Write what changed since the night before, too; as `nightly.changed` in the config.

    Raises
    ------
    UsageError, ConfigError, MissingError, DataError, RetryError, OutputError
        As the message says; nothing is half-written, and what stood at `out` still does.

    Examples
    --------
    >>> score("no-such.yaml", as_of="2024-05-01")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    when = instant(config, asked_for(config, as_of, leads))
    session = open_session(config, model, out, leads, again, wait, run_id, changed)
    if session.said:
        progress(session.said)
    return one(session, when, progress)


def one(session: Session, when: int | None, progress: Progress = silent) -> Night:
    """Score one night, and put it in place; see `score`."""
    config, bundle = session.config, session.bundle
    dated = bool(bundle.manifest["dated"])
    night = when if when is not None else int(instant(config, bundle.manifest["known_at"]) or 0)
    order = Order(
        bundle,
        night,
        dated,
        session.sink,
        config.nightly,
        content_hash(session),
        session.run_id,
        session.wait,
        session.again,
    )
    done = run_night(order, lambda before: _made(session, when, night, dated, before, progress))
    if done.state != "written":
        return done
    said = [session.said] if session.said else _follow_up(session, done.record, progress)
    return replace(done, warnings=(*done.warnings, *said))


def _made(session: Session, when: int | None, night: int, dated: bool, before: Before, progress: Progress) -> Made:
    """Compute a night's rows, and refuse what the config refuses."""
    config, bundle = session.config, session.bundle
    look = look_up(config, bundle, when, session.leads, progress)
    progress(f"scoring {len(look.made):,} open leads")
    began = time.monotonic()
    scores = scores_of(config, bundle, look.made, night, dated, before, look.value, look.stage)
    seen = _seen(config, bundle, look, scores, when, before)
    found = doubts(config.nightly, seen)
    refuse(found)
    warnings = [*scores.said, *(d.text for d in found)]
    if knows_more(config, bundle, when):
        warnings.append(hindsight(bundle))
    override = None if look.tiers is None else [look.tiers.get(lead) for lead in scores.lead_id]
    facts: dict[str, Any] = {
        "open_leads": look.open_leads,
        "suppressed": look.suppressed,
        "overrides": None if override is None else _overridden(override, bundle),
        **({"exploration": explored(scores, config.exploration)} if config.exploration else {}),
        "drift": {name: round(value, 4) for name, value in drifts(seen).items()},
        "guard_failures": [d.item for d in found],
        "findings": [f for f in look.findings.records() if f["severity"] in (Severity.ERROR, Severity.WARNING)],
        "registry": session.said or "answered",
        "seconds": {**look.seconds, "scoring": round(time.monotonic() - began, 3)},
    }
    return Made(scores, override, facts, warnings)


def _seen(config: Config, bundle: Bundle, look: Look, scores: Scores, when: int | None, before: Before) -> Seen:
    """Say what a night looks like beside training and beside the night before."""
    model = Reference.from_record(bundle.manifest["reference"])
    alike = config.snapshots.after_creation is None
    tonight = Reference(len(scores))
    if len(scores):
        tonight = looked_at(look.made, bundle.scorer, scores.probability, cuts=model.cuts)
    import numpy as np

    last = np.fromiter(before.probability.values(), dtype=np.float64, count=len(before))
    cuts = deciles(last)
    both = (shares(last, cuts), shares(scores.probability, cuts)) if len(last) else ((), ())
    return Seen(when or 0, look.newest, tonight, model, Before() if config.is_flat else before, both, alike)


def refuse(found: list[Doubt]) -> None:
    """Stop a night that the config refuses.

    Raises
    ------
    DataError
        Every reason, a sentence each; nothing was written.

    Examples
    --------
    >>> refuse([Doubt("drift", "warn", "so so")])
    >>> refuse([Doubt("stale", "fail", "old")])
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: old
    """
    texts = [d.text for d in found if d.then == "fail"]
    if texts:
        raise DataError("\n  ".join(texts))


def explored(scores: Scores, share: float) -> dict[str, Any]:
    """Count the holdout's leads, and the tiers that they drew."""
    tier = scores.tier[scores.later[COLUMN]].tolist()
    return {"share": share, "leads": len(tier), "tiers": {name: tier.count(name) for name in sorted(set(tier))}}


def _overridden(override: list[str | None], bundle: Bundle) -> dict[str, int]:
    """Count the tiers that were set by hand, and those of them that the model doesn't know."""
    given = [tier for tier in override if tier is not None]
    return {"leads": len(given), "unknown_tier": sum(tier not in bundle.scorer.bands.names for tier in given)}


def _follow_up(session: Session, record: Mapping[str, Any], progress: Progress) -> list[str]:
    """Remember the champion and log the night; a registry that is down now doesn't undo a night that stands."""
    config, said = session.config, []
    try:
        pinned.remember(session.reference, session.bundle)
    except LeadlineError as error:
        said.append(f"the champion can't be remembered for nights without the registry ({error})")
    if config.nightly.track:
        progress("logging the night")
        try:
            log_night(config.tracking.uri, config.experiment, record)
        except LeadlineError as error:
            said.append(f"the night is written, but not logged to MLflow ({error})")
    return said

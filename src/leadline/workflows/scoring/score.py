"""A night from tables to rows: its model, its rows, what is wrong with it, and its record."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leadline.config.frames import as_source
from leadline.config.load import fill_option
from leadline.config.schema import Config, Source
from leadline.core.checks import Findings, Severity
from leadline.core.point_in_time import format_instant
from leadline.delivery.batch import ScoredBatch, ScoringRequest, ScoringRun
from leadline.delivery.run_batch import run_scoring
from leadline.delivery.sink import Sink
from leadline.delivery.sink_urls import open_sink
from leadline.errors import DataError, LeadlineError
from leadline.features.catalog import words_for
from leadline.registry import pinned
from leadline.registry.bundle import Bundle
from leadline.registry.scoring_runs import log_scoring_run
from leadline.scoring.accounts import score_accounts
from leadline.scoring.exploration import COLUMN
from leadline.scoring.input_checks import check_night, refuse_unknown_codes
from leadline.scoring.input_checks.outgoing_checks import score_drift
from leadline.scoring.movement import COLUMN as CHANGE
from leadline.scoring.movement import account_sentences, count_causes, explain_moves
from leadline.scoring.previous_scores import PreviousScores
from leadline.scoring.ranking import Scores
from leadline.workflows.common import Progress, as_config, no_progress, own_model, parse_as_of
from leadline.workflows.places import require_deliveries_apart, require_out_apart
from leadline.workflows.scoring.explain import (
    champion_reference,
    hindsight_warning,
    is_trained_later,
    require_matching,
    score_rows,
)
from leadline.workflows.scoring.inputs import ScoringInputs, gather_inputs, requested_as_of
from leadline.workflows.scoring.night_checks import PastNights, past_nights, refuse_unknown_checks, survey_night

__all__ = [
    "ScoringSession",
    "content_hash",
    "open_scoring_session",
    "read_past",
    "refuse",
    "score",
    "score_once",
    "told",
]

TOLD_OF_TABLES = ("LL141",)
"""What reading the tables warns of that the scores of a night hang on."""


# What the nights of one command share: the model, the place, and what was asked.


@dataclass(frozen=True)
class ScoringSession:
    """What the nights of one command share.

    Attributes
    ----------
    config : Config
        What is asked.
    reference : str
        The REF of the model, and what it means:
    bundle : Bundle
        By whom nights are scored.
    said : str
        What is to be said of how the bundle was found; "" for nothing.
    sink : Sink
        Where nights go.
    leads : str, optional
        For a flat file: rows to score.
    again, wait, run_id, accept
        As `score` and `ScoringRequest` have them.
    """

    config: Config
    reference: str
    bundle: Bundle
    said: str
    sink: Sink
    leads: Source | None = None
    again: bool = False
    wait: float = 0.0
    run_id: str = ""
    accept: Mapping[str, str] = field(default_factory=dict)


def open_scoring_session(
    config: Config,
    model: str | None = None,
    out: str | None = None,
    leads: Source | None = None,
    again: bool = False,
    wait: float = 0.0,
    run_id: str = "",
    changed: bool = False,
    accept: Mapping[str, str] | None = None,
) -> ScoringSession:
    """Find the model and the place that a command's nights share.

    Raises
    ------
    UsageError, ConfigError, MissingError, DataError, RetryError
        There is no such model, place or check, or it doesn't fit.
    """
    refuse_unknown_codes(accept or {})
    refuse_unknown_checks(config)
    if changed:
        config = config.model_copy(update={"nightly": config.nightly.model_copy(update={"changed": True})})
    out = _place_of(config, out, leads)
    reference = model or champion_reference(config)
    bundle, said = pinned.find_bundle(reference, config.tracking.uri, config.nightly.pin_max_age, config.signing_key)
    bundle = require_matching(config, bundle)
    if out is None and isinstance(leads, str):
        out = str(Path("scores") / bundle.name / f"{Path(leads).name.split('.')[0]}.parquet")
    sink = open_sink(out, bundle.name)
    named = run_id or secrets.token_hex(8)
    return ScoringSession(config, reference, bundle, said, sink, leads, again, wait, named, dict(accept or {}))


def _place_of(config: Config, out: str | None, leads: Source | None) -> str | None:
    """Return `--out` with its variables in their places, once it is sure that nothing which is read stands there."""
    require_deliveries_apart(config)
    if out is None:
        return None
    out = fill_option(out, "--out")
    require_out_apart(config, out, leads)
    return out


def content_hash(session: ScoringSession) -> str:
    """Hash the config by what it says, and the rows' source where they are given apart."""
    config = session.config
    text = re.sub(
        r"://[^@/\s\"]*@", "://", config.model_dump_json(by_alias=True, exclude={"signing"})
    )  # a new password is no new config
    return hashlib.sha256(f"{text}\n{session.leads or ''}\n{config.nightly.changed}".encode()).hexdigest()


def score(
    config: Config | str | Path | Any,
    as_of: str | int | None = None,
    model: str | None = None,
    out: str | None = None,
    leads: Any = None,
    progress: Progress = no_progress,
    again: bool = False,
    wait: float = 0.0,
    run_id: str = "",
    changed: bool = False,
    accept: Mapping[str, str] | None = None,
    *,
    tables: Mapping[str, Any] | None = None,
) -> ScoringRun:
    """Score every open lead as of one instant, and write the scores; a night that is finished is left as it is.

    Parameters
    ----------
    config : Config, path or TrainResult
        The config that the model was trained with; or what `train` returned, which is scored with its own model.
    as_of : str or int, optional
        The night; needed, but for a flat file with `leads`.
    model : str, optional
        A folder, ``models:/NAME@champion`` (the default) or ``models:/NAME/3``.
    out : str, optional
        A .parquet or .csv file, a folder, or ``postgresql://…?table=t``; ``scores/NAME/`` by default, and with
        `leads` a file of the same name there, as such rows are no night.
    leads : path or DataFrame, optional
        For a flat file: rows to score, without an outcome.
    again : bool
        Score it even where the same night, by the same model and config, is finished.
    wait : float
        Seconds to wait where another run writes to the same place.
    changed : bool
        Write what changed since the night before, too; as `nightly.changed` in the config.
    accept : mapping of str to str, optional
        Codes of input checks that refuse no more tonight, each with the reason, which stands in the record.
    tables : mapping of str to DataFrame, optional
        What is read in the place of the config's sources, by table.

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
    model = own_model(config, model)
    config, leads = as_config(config, progress, tables), as_source(leads, "leads")
    when = parse_as_of(config, requested_as_of(config, as_of, leads))
    session = open_scoring_session(config, model, out, leads, again, wait, run_id, changed, accept)
    if session.said:
        progress(session.said)
    return score_once(session, when, progress)


def score_once(session: ScoringSession, when: int | None, progress: Progress = no_progress) -> ScoringRun:
    """Score one night, and put it in place; see `score`."""
    config, bundle = session.config, session.bundle
    dated = bool(bundle.manifest["dated"])
    night = when if when is not None else int(parse_as_of(config, bundle.manifest["known_at"]) or 0)
    order = ScoringRequest(
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
    done = run_scoring(order, lambda before: _compute_batch(session, when, night, dated, before, progress))
    if done.state != "written":
        return done
    said = [session.said] if session.said else _follow_up(session, done.record, progress)
    return replace(done, warnings=(*done.warnings, *said))


def _compute_batch(
    session: ScoringSession, when: int | None, night: int, dated: bool, before: PreviousScores, progress: Progress
) -> ScoredBatch:
    """Compute a night's rows, and refuse what the config refuses."""
    config, bundle = session.config, session.bundle
    past = read_past(session, night)
    look = gather_inputs(config, bundle, when, session.leads, progress, before)
    progress(f"scoring {len(look.made):,} open leads")
    began = time.monotonic()
    scores = score_rows(config, bundle, look.made, night, dated, before, look.value, look.stage, look.defined)
    scores, moved, kept = told_moves(config, bundle, look, scores, before)
    at, survey = (when or 0, look.newest), look.survey
    seen = survey_night(config, bundle, look.made, scores, at, before, past, survey.inputs, survey.moves)
    found = check_night(seen, session.accept)
    refuse(found)
    read = [f for f in look.findings.of(Severity.WARNING) if f.code in TOLD_OF_TABLES]
    warnings = [*scores.said, *told(Findings(tuple(read))), *told(found)]
    if is_trained_later(config, bundle, when):
        warnings.append(hindsight_warning(bundle))
    override = None if look.tiers is None else [look.tiers.get(lead) for lead in scores.lead_id]
    facts: dict[str, Any] = {
        "open_leads": look.open_leads,
        "suppressed": look.suppressed,
        "overrides": None if override is None else _overridden(override, bundle),
        **({"exploration": exploration_record(scores, config.exploration)} if config.exploration else {}),
        "moved": moved,
        "drift": {name: round(value, 4) for name, value in score_drift(seen).items()},
        "inputs": None if survey.inputs is None else survey.inputs.to_record(),
        "checks": found.records(),
        "accepted": dict(session.accept),
        "findings": [f for f in look.findings.records() if f["severity"] in (Severity.ERROR, Severity.WARNING)],
        "registry": session.said or "answered",
        "seconds": {**look.seconds, "scoring": round(time.monotonic() - began, 3)},
    }
    accounts = _accounts(bundle, scores, look, before, config.nightly.min_probability_change)
    facts["accounts"] = _accounts_record(bundle, accounts)
    return ScoredBatch(scores, override, facts, warnings, kept, accounts)


def told_moves(
    config: Config, bundle: Bundle, look: ScoringInputs, scores: Scores, before: PreviousScores
) -> tuple[Scores, dict[str, Any] | None, Any]:
    """Add to each row what moved it since the night before; return also the counts, and what the next night needs.

    A flat file's rows have no night before.
    """
    if config.is_flat or scores.contributions is None:
        return scores, None, None
    least = config.nightly.min_probability_change
    say = partial(words_for, config)
    found = explain_moves(scores, look.made, before, look.news, least, bundle.manifest["intents"], say)
    kept = scores.contributions.to_arrow(found.way, found.cause)
    told = None
    if before.as_of is not None:
        told = {"since": format_instant(before.as_of), "version": before.version, "by": least, **count_causes(kept)}
    return replace(scores, later={**scores.later, CHANGE: found.change}), told, kept


def _accounts(bundle: Bundle, scores: Scores, look: ScoringInputs, before: PreviousScores, least: float) -> Any:
    """Score the night's accounts, and say what moved those whose chance moved by `least`; None where there are none."""
    import pyarrow as pa

    if bundle.accounts is None:
        return None
    place = {lead: row for row, lead in enumerate(look.made.lead_id.tolist())}
    rows = np.array([place[lead] for lead in scores.lead_id.tolist()], dtype=np.int64)
    told = score_accounts(scores, bundle.accounts, look.people.take(rows), before.accounts)
    if told is None or CHANGE not in scores.later:
        return told
    who, p = (told.column(name).to_pylist() for name in ("account_id", "probability"))
    change = account_sentences(who, p, before.accounts, scores, before, least)
    return told.append_column(CHANGE, pa.array(change, pa.string()))


def _accounts_record(bundle: Bundle, accounts: Any) -> dict[str, Any]:
    """Count the accounts by tier, or say why there are none."""
    if accounts is not None:
        tier = accounts.column("tier").to_pylist()
        return {"accounts": len(tier), "tiers": {name: tier.count(name) for name in sorted(set(tier))}}
    trained = bundle.run_record.get("accounts") or {"reason": "the model was trained by an older leadline"}
    return {"accounts": 0, "reason": trained["reason"] or "no open lead has an account"}


def read_past(session: ScoringSession, night: int) -> PastNights:
    """Read the finished nights within the horizon before a night."""
    config = session.config
    if config.is_flat:
        return PastNights()
    return past_nights(session.sink.records(night - config.horizon.micros, night, session.bundle.name))


def refuse(found: Findings) -> None:
    """Stop a night that an input check refuses.

    Raises
    ------
    DataError
        Every reason, a sentence each, and how to overrule it; nothing was written.

    Examples
    --------
    >>> from leadline.core.checks import Finding
    >>> odd = Finding("LL425", Severity.WARNING, "features", "so so", "as before", "look")
    >>> refuse(Findings((odd,)))
    >>> refuse(Findings((odd, replace(odd, code="LL441", severity=Severity.ERROR))))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: LL441 features: so so; expected as before; look
    if this night is right all the same, say so: --accept LL441 "why"
    """
    errors = found.of(Severity.ERROR)
    if errors:
        codes = " ".join(f'--accept {code} "why"' for code in dict.fromkeys(f.code for f in errors))
        lines = [*(f"{f.code} {f}" for f in errors), f"if this night is right all the same, say so: {codes}"]
        refusal = DataError("\n".join(lines))
        refusal.findings = found
        raise refusal


def told(found: Findings) -> list[str]:
    """Say what the input checks saw, a line each.

    Examples
    --------
    >>> from leadline.core.checks import Finding
    >>> told(Findings((Finding("LL441", Severity.WARNING, "suppress", "nobody", "somebody", "look", accepted="all left"),)))
    ['LL441 suppress: nobody; expected somebody; accepted: all left']
    """
    return [f"{f.code} {replace(f, fix=f'accepted: {f.accepted}') if f.accepted else f}" for f in found]


def exploration_record(scores: Scores, share: float) -> dict[str, Any]:
    """Count the holdout's leads, and the tiers that they drew."""
    tier = scores.tier[scores.later[COLUMN]].tolist()
    return {"share": share, "leads": len(tier), "tiers": {name: tier.count(name) for name in sorted(set(tier))}}


def _overridden(override: list[str | None], bundle: Bundle) -> dict[str, int]:
    """Count the tiers that were set by hand, and those of them that the model doesn't know."""
    given = [tier for tier in override if tier is not None]
    return {"leads": len(given), "unknown_tier": sum(tier not in bundle.scorer.bands.names for tier in given)}


def _follow_up(session: ScoringSession, record: Mapping[str, Any], progress: Progress) -> list[str]:
    """Remember the champion and log the night; a registry that is down now doesn't undo a night that stands."""
    config, said = session.config, []
    try:
        pinned.pin_bundle(session.reference, session.bundle)
    except LeadlineError as error:
        said.append(f"the champion can't be remembered for nights without the registry ({error})")
    if config.nightly.track:
        progress("logging the night")
        try:
            log_scoring_run(config.tracking.uri, config.experiment, record)
        except LeadlineError as error:
            said.append(f"the night is written, but not logged to MLflow ({error})")
    return said

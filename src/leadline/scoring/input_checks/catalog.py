"""The catalogue: every input check with its code, title, verdict and limit, and how a night is judged by all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from leadline.config.scoring import Act, Drift, Nightly, Volume
from leadline.core.checks import Findings, Severity, run_checks
from leadline.errors import UsageError
from leadline.scoring.input_checks import lead_checks as leads
from leadline.scoring.input_checks import outgoing_checks as outgoing
from leadline.scoring.input_checks import table_checks as tables
from leadline.scoring.input_checks.night import SURELY, InputCheck, NightInputs

__all__ = ["CATALOG", "check_night", "described", "refuse_unknown_codes", "verdict_of"]

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ACTS: dict[Act, Severity] = {"fail": ERROR, "warn": WARNING}
BY_TRAINING = ("LL421", "LL422", "LL424")
"""Checks that hold a night against training alone."""
VERDICTS = {ERROR: "refuse", WARNING: "warn", Severity.NOTE: "note"}


def _check(code: str, title: str, severity: Severity, look: Any, limit: str, key: str = "") -> InputCheck:
    return InputCheck(code, title, severity, look, limit=limit, key=key)


CATALOG: tuple[InputCheck, ...] = (
    _check("LL401", "table without new rows", ERROR, tables.stale, "events: nightly.freshness; others warn from then on, or from twice their longest quiet time, and leads and stages, where both are old, are refused from twice nightly.freshness on", "stale"),
    _check("LL402", "rows that are gone", ERROR, tables.lost, f"warns from {tables.SOME_LOST:.0%} of a known past; refuses from {tables.MOST_LOST:.0%} or a whole week (leads, stages, opportunities, merges), {tables.MANY_LOST:.0%} or four weeks (others)"),
    _check("LL403", "a past that grew", ERROR, tables.grown, f"warns from {tables.SOME_GROWN:g} times the rows of a known past; refuses from {tables.MOST_GROWN:g}"),
    _check("LL404", "gap in time", ERROR, tables.gap, f"warns from {tables.SHORT_GAP} days without a row, or twice the longest known; refuses from {tables.LONG_GAP}"),
    _check("LL405", "unusual week", WARNING, tables.pace, f"below {tables.SLOW:.0%} or above {tables.FAST:g} times the usual week's rows"),
    _check("LL406", "rows that join nothing", ERROR, tables.unjoined, f"warns from {tables.SLIGHTLY:.0%} more than before; refuses from {tables.APART:.0%}"),
    _check("LL407", "column without values", ERROR, tables.emptied, f"warns from 15% more than before (an attribute's newest rows: 40%); refuses from {tables.APART:.0%} in columns that rows need"),
    _check("LL408", "rows that repeat others", ERROR, tables.repeated, f"warns from {tables.SLIGHTLY:.0%} more than before; refuses from {tables.APART:.0%}"),
    _check("LL409", "words that match nothing", ERROR, tables.words, f"a word that {SURELY} rows had; refuses for stages, and where half of the words are gone"),
    _check("LL410", "recorded late", WARNING, tables.late, f"{tables.APART:.0%} more rows than before, by over 7 days"),
    _check("LL411", "unit of money", ERROR, tables.units, f"a median {tables.UNIT:g} times as high, or as low"),
    _check("LL421", "field without values", ERROR, leads.nulls, f"refuses from {leads.RISE:.0%} more of the leads than in training; warns from {leads.SOME_RISE['nulls']:.0%}, of new leads {leads.NEW_RISE:.0%}", "nulls"),
    _check("LL422", "unknown levels", ERROR, leads.levels, f"refuses from {leads.RISE:.0%} more of the values than in training; warns from {leads.SOME_RISE['levels']:.0%}, of new leads {leads.NEW_RISE:.0%}", "levels"),
    _check("LL423", "silent acts", WARNING, leads.silent_acts, f"nobody has any, where {SURELY} leads were to be expected", "zero_rate"),
    _check("LL424", "unit of a field", ERROR, leads.units, f"a median {leads.UNIT:g} times as high as training's, or as low"),
    _check("LL425", "spread of a field", WARNING, leads.moved_spreads, f"a PSI above {leads.SHIFT:g} beyond chance; of acts {leads.ACT_SHIFT:g}"),
    _check("LL431", "number of open leads", ERROR, leads.volume, "nightly.volume.change, against last night and the usual one; against training it warns", "volume"),
    _check("LL432", "leads that are open again", ERROR, leads.reopened, f"warns from {leads.SOME:.0%} of last night's leads; refuses from {leads.MANY:.0%}"),
    _check("LL433", "leads that vanished", ERROR, leads.vanished, f"warns from {leads.SOME:.0%} of last night's leads; refuses from {leads.MANY:.0%}"),
    _check("LL434", "stage that nobody has", ERROR, leads.outcome_gone, "fewer than half of those who had it, or nobody in 28 days where 20 are usual"),
    _check("LL441", "suppressed nobody", ERROR, outgoing.suppressed, f"refuses where nobody is matched who was, or fewer than {outgoing.SHRUNK:.0%}; warns below {outgoing.THINNER:.0%}"),
    _check("LL442", "forgotten nobody", ERROR, outgoing.forgotten, "refuses where the list is shorter than it was; warns where it matches nobody any more"),
    _check("LL443", "no tier by hand", WARNING, outgoing.overrides, "nobody is matched who was"),
    _check("LL451", "size of the best tier", ERROR, outgoing.top_tier, f"below {outgoing.HALF:.0%} or above {outgoing.TWICE:g} times its capacity"),
    _check("LL452", "tiers that change", ERROR, outgoing.tier_changes, f"over {outgoing.CHANGED:.0%} of the leads since yesterday, {outgoing.WEEKLY_CHANGED:.0%} in a week; by another version it warns"),
    _check("LL453", "records that change", ERROR, outgoing.delivery, f"over {outgoing.DELIVERED:.0%} of the leads since yesterday, {outgoing.WEEKLY_DELIVERED:.0%} in a week, where something is delivered; by another version it warns"),
    _check("LL454", "spread of the scores", WARNING, outgoing.moved_scores, "nightly.drift.psi beyond chance", "drift"),
)  # fmt: skip


def verdict_of(plan: Nightly, check: InputCheck) -> Severity | None:
    """Return what follows where a check speaks, by the config or else by default; None where it isn't asked.

    Examples
    --------
    >>> stale = CATALOG[0]
    >>> [verdict_of(Nightly.model_validate(plan), stale) for plan in ({}, {"stale": "warn"}, {"checks": {"LL401": "ignore"}})]
    [<Severity.ERROR: 'error'>, <Severity.WARNING: 'warning'>, None]
    """
    act: Act | None = plan.checks.get(check.code)
    if act is None and check.key:
        told: Act | Volume | Drift = getattr(plan, check.key)
        act = told.on_violation if isinstance(told, (Volume, Drift)) else told
    return check.severity if act is None else ACTS.get(act)


def described(plan: Nightly) -> Iterator[dict[str, str]]:
    """Yield each check with its code, title, verdict, limit and page, as `--dry-run` lists them."""
    for check in CATALOG:
        verdict = verdict_of(plan, check)
        yield {
            "code": check.code, "title": check.title, "verdict": "ignore" if verdict is None else VERDICTS[verdict],
            "limit": check.limit, "page": check.page,
        }  # fmt: skip


def check_night(night: NightInputs, accept: Mapping[str, str] | None = None) -> Findings:
    """Ask every check that the config doesn't leave out; errors of accepted codes become warnings with their reason.

    Examples
    --------
    >>> from leadline.core.point_in_time import DAY
    >>> from leadline.monitoring.reference import TrainingReference
    >>> old = NightInputs(40 * DAY, 2 * DAY, TrainingReference(100))
    >>> [(f.code, f.severity.value, f.seen) for f in check_night(old)]
    [('LL401', 'error', 'the newest event is 38d old (1970-01-03T00:00:00Z)')]
    >>> [f.severity.value for f in check_night(old, {"LL401": "the CRM was closed"})]
    ['warning']
    """
    asked = [(check, _tonights(night, check)) for check in CATALOG]
    checks = [replace(check, severity=verdict) for check, verdict in asked if verdict is not None]
    return run_checks(checks, night).accept(accept or {})


def _tonights(night: NightInputs, check: InputCheck) -> Severity | None:
    """Return what follows tonight: what lies far from training was accepted once until the model is trained again."""
    verdict = verdict_of(night.plan, check)
    return WARNING if verdict is ERROR and check.code in BY_TRAINING and check.code in night.accepted else verdict


def refuse_unknown_codes(accept: Mapping[str, str]) -> None:
    """Make sure that what is accepted is the code of an input check, with a reason.

    Raises
    ------
    UsageError
        It isn't.

    Examples
    --------
    >>> refuse_unknown_codes({"LL101": "why not"})
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --accept LL101: no input check of a night has this code; expected one of LL401 to LL454; `leadline score --dry-run` lists them
    """
    for code, why in accept.items():
        if code not in {check.code for check in CATALOG}:
            raise UsageError(
                f"--accept {code[:20]}: no input check of a night has this code; expected one of {CATALOG[0].code} to {CATALOG[-1].code}; "
                "`leadline score --dry-run` lists them"
            )
        if not why.strip():
            raise UsageError(f"--accept {code}: no reason; expected why this night is right all the same; say it")

"""Disqualification reasons: by source, tier and month, with bad fit told apart from bad timing and bad data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.modeling import normalized_reason
from leadline.config.schema import LADDER
from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import month_name, months_of
from leadline.core.privacy import MIN_GROUP_SIZE, OTHER, iterate_levels, pool_levels, printable_level
from leadline.dataset.lead_journeys import LeadJourneys
from leadline.insights.stage_conversion import account_codes, conversion_interval, observed_stages

__all__ = ["KINDS", "WORDS", "rejection_kind", "rejection_record", "tier_before_decision"]

Words = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]

KINDS = ("fit", "timing", "data", "other", "none")
"""Bad fit, bad timing, bad data, other reasons, and no reason on record."""

WORDS: dict[str, tuple[str, ...]] = {
    "data": (
        "*bad data*", "duplicate*", "invalid*", "*bounced*", "wrong number*", "wrong e mail*", "wrong email*", "spam*", "junk*",
        "fake*", "test*", "unreachable*", "*no longer there*",
    ),
    "timing": (
        "*timing*", "not now*", "not ready*", "not yet*", "too early*", "*later*", "*budget*", "nurture*", "*no project*",
        "*under contract*", "*on hold*",
    ),
    "fit": (
        "*fit*", "*icp*", "*unqualified*", "too small*", "too big*", "wrong *", "*competitor*", "student*", "*job seeker*",
        "*no need*", "*no use case*", "*unsupported*",
    ),
}  # fmt: skip
"""Reasons, as patterns, by kind; the first kind in this order that has a match counts. The config's own words come first."""

MQL, SQL = LADDER.index("mql"), LADDER.index("sql")


def rejection_kind(reason: Any, given: Mapping[str, Sequence[str]]) -> str:
    """Tell which kind a reason is of.

    Examples
    --------
    >>> rejection_kind("Bad_Fit", {}), rejection_kind("Student project", {"timing": ["student*"]}), rejection_kind("moved", {}), rejection_kind(" ", {})
    ('fit', 'timing', 'other', 'none')
    """
    text = "" if reason is None else normalized_reason(str(reason))
    if not text:
        return "none"
    tried = [*given.items(), *((kind, words) for kind, words in WORDS.items() if kind not in given)]
    return next((kind for kind, words in tried if any(_pattern(word).match(text) for word in words)), "other")


@cache
def _pattern(word: str) -> re.Pattern[str]:
    return re.compile(translate(word))


def rejection_record(
    climbs: LeadJourneys, given: Mapping[str, Sequence[str]], tier: Words | None = None
) -> dict[str, Any]:
    """Return rejections as plain JSON values; each lead counts once, by its first rejection.

    Why is told of MQLs alone, where the tables tell of MQLs: what sales never saw, sales didn't reject.

    Parameters
    ----------
    given : mapping
        The config's words for each kind.
    tier : object array, optional
        What tier the model would have given each lead, out of fold, when it was decided; None where that isn't known.

    Returns
    -------
    dict
        `leads` that were rejected and how many of them were MQL by then (`handed`); of these `kinds`, counts; `reasons`, a list of
        {reason, kind, leads}, those that fewer than 20 share as one of their kind; `source` and `months`, lists of {level, leads,
        kinds}; `tiers`, a list of {level, accepted, rejected, rate, low, high, kinds}: accepted is SQL before any rejection.
    """
    every = np.flatnonzero(np.isfinite(climbs.rejected))
    lost = every[climbs.reached[every, MQL] <= climbs.rejected[every]] if MQL in observed_stages(climbs) else every
    reason = climbs.reason[lost]
    kinds = {why: rejection_kind(why, given) for why in set(reason.tolist())}
    kind = np.array([kinds[why] for why in reason], dtype=object)
    month = np.array([month_name(m) for m in months_of(climbs.rejected[lost]).tolist()], dtype=object)
    record: dict[str, Any] = {
        "leads": len(every),
        "handed": len(lost),
        "kinds": _counts(kind),
        "reasons": _reasons(reason, kind),
        "source": _by(pool_levels(climbs.source)[lost], kind) if climbs.names[0] else [],
        "months": sorted(_by(month, kind), key=lambda told: str(told["level"])),
        "tiers": [] if tier is None else _tiers(climbs, tier, dict(zip(lost.tolist(), kind.tolist(), strict=True))),
    }
    return dict(to_jsonable(record))


def tier_before_decision(climbs: LeadJourneys, lead: Words, as_of: Ints, tier: Words, horizon: int) -> Words:
    """Return the tier of each person's last snapshot before it was decided, no older than the horizon; None without one.

    Parameters
    ----------
    lead, as_of, tier : arrays
        Of snapshots that a model scored without having been fitted on them.
    """
    place = {who: n for n, who in enumerate(climbs.lead.tolist())}
    mine = np.array([place.get(who, -1) for who in lead.tolist()], dtype=np.int64)
    decided = np.fmin(climbs.reached[:, SQL], climbs.rejected)
    known = mine >= 0
    at = np.where(known, decided[mine], np.nan)
    rows = np.flatnonzero(known & (as_of <= at) & (at < as_of + horizon))
    rows = rows[np.argsort(as_of[rows], kind="stable")]
    found: Words = np.full(len(climbs), None, dtype=object)
    found[mine[rows]] = tier[rows]  # of several the last, which is the newest, stays
    return found


def _counts(kind: Words) -> dict[str, int]:
    sizes = Counter(kind.tolist())
    return {name: sizes.get(name, 0) for name in KINDS}


def _reasons(reason: Words, kind: Words) -> list[dict[str, Any]]:
    """Count leads by reason and kind; what few share is told as one of its kind."""
    sizes = Counter((normalized_reason(str(why)), k) for why, k in zip(reason, kind, strict=True) if k != "none")
    told = [
        {"reason": printable_level(why), "kind": k, "leads": n} for (why, k), n in sizes.items() if n >= MIN_GROUP_SIZE
    ]
    rest = Counter(dict.fromkeys(KINDS, 0))
    for (_, k), n in sizes.items():
        rest[k] += n if n < MIN_GROUP_SIZE else 0
    told.sort(key=lambda r: (-int(str(r["leads"])), str(r["reason"])))
    return told + [{"reason": OTHER, "kind": k, "leads": n} for k, n in rest.items() if n]


def _by(level: Words, kind: Words) -> list[dict[str, Any]]:
    return [{"level": name, "leads": len(mine), "kinds": _counts(kind[mine])} for name, mine in iterate_levels(level)]


def _tiers(climbs: LeadJourneys, tier: Words, kinds: Mapping[int, str]) -> list[dict[str, Any]]:
    """Tell, of the leads of each tier that were decided, how many became SQL before any rejection."""
    group = account_codes(climbs)
    accepted = climbs.reached[:, SQL] <= np.fmin(climbs.rejected, np.inf)
    decided = accepted | np.isin(np.arange(len(climbs)), [*kinds])
    told = []
    for name in sorted({str(t) for t in tier if t is not None}):
        mine = np.flatnonzero((tier == name) & decided)
        if not len(mine):
            continue
        good = accepted[mine]
        low, high = conversion_interval(good, group[mine])
        why = np.array([kinds[n] for n in mine[~good].tolist()], dtype=object)
        told.append({
            "level": name, "leads": len(mine), "accepted": int(good.sum()), "rejected": int((~good).sum()), "rate": float(good.mean()),
            "low": low, "high": high, "kinds": _counts(why),
        })  # fmt: skip
    return told

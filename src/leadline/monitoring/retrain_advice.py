"""Whether to retrain: each rule stands here once, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import format_instant

__all__ = ["FEWEST", "OFF", "Advice", "enough_labels_at", "retrain_or_wait"]

FEWEST = 20
"""Leads with a positive outcome below which nothing is said: an interval of their share is wider than any change that matters."""

OFF = 0.1
"""Of what was said: with many nights chance explains less than sales would notice."""

Z95 = 1.959963984540054
SHOWN = 3

WHY = {
    "wait": "with fewer positive leads chance could be all of it",
    "retrain": "what ranks leads has changed, and only new trees can learn that",
    "recalibrate": "the order still holds and the level doesn't, which the calibration alone mends, with far fewer outcomes",
    "look": "inputs changed, which may be the world or the export: outcomes say later whether it matters",
    "keep": "observed conversion fits predicted",
}
"""What each advice rests on."""


@dataclass(frozen=True)
class Advice:
    """What to do: `wait`, `retrain`, `recalibrate`, `look` or `keep`; in one line; and why that is the rule."""

    action: str
    line: str
    because: str


def retrain_or_wait(
    now: Mapping[str, Any],
    verdict: str,
    positive_leads: int,
    then: Mapping[str, Any] | None,
    drifted: Sequence[str] = (),
    ripe_at: int | None = None,
) -> Advice:
    """Say in one line whether to retrain, and why.

    Parameters
    ----------
    now : mapping
        `predicted`, `observed`, and `auc` with `auc_low` and `auc_high`, of the version in use.
    verdict : str
        Whether calibration holds over all rows: `calibrated`, `miscalibrated` or `too few to say`.
    positive_leads : int
        Leads with a positive outcome.
    then : mapping or None
        The backtest's `auc`, `auc_low` and `auc_high`; None where they can't be compared.
    drifted : sequence of str
        What lies beyond the bound of drift, the farthest first.
    ripe_at : int or None
        When enough will be ripe; None where the nights that there are won't do.

    Examples
    --------
    >>> good = {"predicted": 0.10, "observed": 0.11, "auc": 0.7, "auc_low": 0.66, "auc_high": 0.74}
    >>> retrain_or_wait(good, "calibrated", 90, {"auc": 0.71, "auc_low": 0.68, "auc_high": 0.74}).line
    'no need to retrain: 11.0% observed where 10.0% was predicted, AUC 0.700 (the backtest: 0.710)'
    >>> retrain_or_wait(good, "calibrated", 90, {"auc": 0.85, "auc_low": 0.83, "auc_high": 0.87}).action
    'retrain'
    >>> retrain_or_wait({**good, "observed": 0.2}, "miscalibrated", 90, None, ["score"]).line
    'recalibrate (`leadline recalibrate`): 20.0% observed where 10.0% was predicted; look at what drifted, too: score'
    >>> retrain_or_wait(good, "too few to say", 5, None, (), 0).line
    'too early to say: 5 leads with a positive outcome are old enough to count, and it takes 20; about 1970-01-01T00:00:00Z enough will be'
    """
    came = f"{now['observed']:.1%} observed where {now['predicted']:.1%} was predicted"
    also = f"; look at what drifted, too: {_named(drifted)}" if drifted else ""
    if positive_leads < FEWEST:
        when = f"about {format_instant(ripe_at)} enough will be" if ripe_at is not None else "score more nights"
        one = positive_leads == 1
        said = f"too early to say: {positive_leads} lead{'' if one else 's'} with a positive outcome {'is' if one else 'are'} old enough to count, and it takes {FEWEST}; {when}"
        return Advice("wait", said + also, WHY["wait"])
    beside = "" if then is None else f" (the backtest: {then['auc']:.3f})"
    if then is not None and _weaker(now, then):
        return Advice(
            "retrain",
            f"retrain: it ranks worse than in its backtest: AUC {now['auc']:.3f}{beside}{also}",
            WHY["retrain"],
        )
    if verdict == "miscalibrated" and abs(now["observed"] - now["predicted"]) > OFF * now["predicted"]:
        return Advice("recalibrate", f"recalibrate (`leadline recalibrate`): {came}{also}", WHY["recalibrate"])
    if drifted:
        return Advice(
            "look", f"no need to retrain yet, but look at what drifted: {_named(drifted)}; {came}", WHY["look"]
        )
    return Advice("keep", f"no need to retrain: {came}, AUC {now['auc']:.3f}{beside}", WHY["keep"])


def _weaker(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Tell whether an AUC is below another beyond chance, both being uncertain."""
    spread = [(side["auc_high"] - side["auc_low"]) / 2 for side in (now, then)]
    gap = then["auc"] - now["auc"]
    return bool(np.isfinite(gap) and np.isfinite(spread).all() and gap > np.hypot(*spread))


def _named(drifted: Sequence[str]) -> str:
    more = f" and {len(drifted) - SHOWN} more" if len(drifted) > SHOWN else ""
    return ", ".join(drifted[:SHOWN]) + more


def enough_labels_at(
    have: int, p: npt.NDArray[np.float64], ripens_at: npt.NDArray[np.int64], lead: npt.NDArray[Any]
) -> int | None:
    """Return when, by what was said, enough leads with a positive outcome will be ripe; None where they won't.

    Parameters
    ----------
    have : int
        Those that are ripe.
    p, ripens_at, lead : arrays
        Of rows that aren't ripe yet; a lead counts once, as it was first scored.

    Examples
    --------
    >>> enough_labels_at(18, np.array([1.0, 1.0, 1.0]), np.array([5, 6, 7]), np.array(["a", "a", "b"]))
    7
    """
    order = np.lexsort((lead.astype(str), ripens_at))
    _, first = np.unique(lead[order].astype(str), return_index=True)
    order = order[np.sort(first)]
    enough = np.flatnonzero(have + np.cumsum(p[order]) >= FEWEST)
    return int(ripens_at[order][enough[0]]) if len(enough) else None

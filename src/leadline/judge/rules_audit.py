"""Current scoring rules on the future cohort: what each rule is worth beside the others.

One logistic regression of what came on all the rules is scaled so that as many points are handed
out in all as today. A rule whose given points lie outside the 95% interval (accounts are drawn
again) is over- or underpaid; inside it, nothing can be said. As everywhere, this is association and not cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.interval import LEVELS, Interval
from leadline.judge.lifts import counted, lift, rate, too_few
from leadline.judge.points_worth import Cohort
from leadline.streams import Stream, drawn_again, generator

__all__ = ["RuleAudit", "audit"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

REPEATS = 200
RIDGE = 1.0  # a normal prior with standard deviation 1 on each rule's log odds
NAN = float("nan")
UNSURE = Interval(NAN)


@dataclass(frozen=True)
class RuleAudit:
    """One rule on the future cohort; NaN where too few leads say anything.

    Attributes
    ----------
    number : int
        Its place among the config's rules, from 0.
    given : float
        The points that it pays today.
    leads, share : int, float
        How many distinct leads it fires on, and on which share of all rows.
    with_it, without_it : float
        Conversion where it fires, and where it doesn't.
    lift : Interval
        The first over the second.
    fair : Interval
        The points that it would pay beside the other rules, were as many handed out in all.
    verdict : str
        ``overpaid``, ``underpaid``, ``no difference shown``, ``too few to say`` or ``never fires``.
    """

    number: int
    given: float
    leads: int
    share: float
    with_it: float
    without_it: float
    lift: Interval
    fair: Interval
    verdict: str


def audit(cohort: Cohort, fires: Flags, given: Sequence[float], seed: int) -> tuple[RuleAudit, ...]:
    """Audit each rule.

    Parameters
    ----------
    fires : bool array, row by rule
        Where each rule holds.
    given : sequence of float
        What each pays today.

    Examples
    --------
    >>> n = np.arange(400)
    >>> fires = np.column_stack([n % 2 == 0, n % 3 == 0])
    >>> y = np.where(n % 2 == 0, n % 10 < 6, n % 20 == 1) * 1.0  # the first rule matters, the second doesn't
    >>> rows = Cohort(y, np.ones(400), n, n, n, {})
    >>> [(rule.leads, rule.verdict) for rule in audit(rows, fires, [10.0, 10.0], seed=7)]
    [(200, 'underpaid'), (134, 'overpaid')]
    """
    accounts = np.unique(cohort.group.astype(str), return_inverse=True)[1]
    leads = np.unique(cohort.lead.astype(str), return_inverse=True)[1]
    fair = _fair(cohort, fires, np.asarray(given, dtype=np.float64), accounts, seed)
    made = []
    for number, points in enumerate(given):
        did = fires[:, number]
        enough = not too_few(counted(leads, cohort.y, did, ~did))
        told = Interval(*lift(did, cohort.y, cohort.weight, accounts)) if enough else UNSURE
        worth = fair[number] if enough else UNSURE
        made.append(RuleAudit(
            number, float(points), len(np.unique(leads[did])), rate(did.astype(np.float64), cohort.weight),
            rate(cohort.y[did], cohort.weight[did]), rate(cohort.y[~did], cohort.weight[~did]), told, worth,
            _verdict(float(points), worth) if did.any() else "never fires",
        ))  # fmt: skip
    return tuple(made)


def _fair(cohort: Cohort, fires: Flags, given: Floats, accounts: npt.NDArray[np.int64], seed: int) -> list[Interval]:
    """Return what each rule would pay, with intervals over draws of accounts; rows alike in all rules are taken together."""
    patterns, code = np.unique(fires, axis=0, return_inverse=True)
    code, x, many = code.reshape(-1), patterns.astype(np.float64), int(accounts.max(initial=-1)) + 1
    random = generator(seed, Stream.RULES_AUDIT)
    draws = [
        np.ones(many),
        *(drawn_again(many, random) for _ in range(REPEATS * (many > 1))),
    ]
    told = []
    for times in draws:
        w = cohort.weight * times[accounts]
        mass, hits = (np.asarray(np.bincount(code, v, len(x)), dtype=np.float64) for v in (w, w * cohort.y))
        told.append(_shared_out(_line(x, hits, mass), x, mass, given))
    every = np.array(told)
    known = every[1:][np.isfinite(every[1:]).all(axis=1)]
    if not len(known):
        return [Interval(float(v)) for v in every[0]]
    low, high = np.quantile(known, LEVELS, axis=0)
    return [Interval(float(v), float(a), float(b)) for v, a, b in zip(every[0], low, high, strict=True)]


def _line(x: Floats, hits: Floats, mass: Floats) -> Floats:
    """Return the rules' log odds by Newton's steps on the penalised likelihood; the base isn't penalised."""
    full = np.column_stack([np.ones(len(x)), x])
    penalty = np.diag([1e-9, *([RIDGE] * x.shape[1])])
    rate = min(max(hits.sum() / max(mass.sum(), 1e-12), 1e-6), 1 - 1e-6)
    line = np.append(np.log(rate / (1 - rate)), np.zeros(x.shape[1]))
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(full @ line, -30, 30)))
        curve = full.T @ (full * (mass * p * (1 - p))[:, None]) + penalty
        step = np.linalg.solve(curve, full.T @ (hits - mass * p) - penalty @ line)
        line = line + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(line[1:])


def _shared_out(line: Floats, x: Floats, mass: Floats, given: Floats) -> Floats:
    """Scale log odds so that as many points, of whatever sign, are handed out over the rows as today."""
    often = mass @ x
    paid = float(often @ np.abs(line))
    return np.asarray(line * (float(often @ np.abs(given)) / paid if paid > 0 else NAN))


def _verdict(given: float, fair: Interval) -> str:
    if not np.isfinite(fair.low):
        return "too few to say"
    return "overpaid" if given > fair.high else "underpaid" if given < fair.low else "no difference shown"

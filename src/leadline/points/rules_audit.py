"""What current scoring rules catch and miss at the model's volume, and what the stages below the outcome are worth as criteria."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.rng import Stream, bootstrap_counts, generator, seed_of
from leadline.evaluation.worklist import take_top
from leadline.metrics.bootstrap import BootstrapSums
from leadline.metrics.intervals import LEVELS, Interval
from leadline.metrics.lift import count_leads, lift_interval, too_few, weighted_rate
from leadline.points.card_value import CardCohort, CardWork

__all__ = ["CaptureOverlap", "RuleAudit", "RulesReport", "StageAudit", "audit_rules", "capture_overlap", "stage_audit"]


# Current scoring rules on the future cohort: what each rule is worth beside the others.
#
# One logistic regression of what came on all the rules is scaled so that as many points are handed
# out in all as today. A rule whose given points lie outside the 95% interval (accounts are drawn
# again) is over- or underpaid; inside it, nothing can be said. As everywhere, this is association and not cause.


Floats = npt.NDArray[np.float64]

Flags = npt.NDArray[np.bool_]

RULE_RESAMPLES = 200

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


def audit_rules(cohort: CardCohort, fires: Flags, given: Sequence[float], seed: int) -> tuple[RuleAudit, ...]:
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
    >>> rows = CardCohort(y, np.ones(400), n, n, n, {})
    >>> [(rule.leads, rule.verdict) for rule in audit_rules(rows, fires, [10.0, 10.0], seed=7)]
    [(200, 'underpaid'), (134, 'overpaid')]
    """
    accounts = np.unique(cohort.group.astype(str), return_inverse=True)[1]
    leads = np.unique(cohort.lead.astype(str), return_inverse=True)[1]
    fair = _fitted_points(cohort, fires, np.asarray(given, dtype=np.float64), accounts, seed)
    made = []
    for number, points in enumerate(given):
        did = fires[:, number]
        enough = not too_few(count_leads(leads, cohort.y, did, ~did))
        told = Interval(*lift_interval(did, cohort.y, cohort.weight, accounts)) if enough else UNSURE
        worth = fair[number] if enough else UNSURE
        made.append(RuleAudit(
            number, float(points), len(np.unique(leads[did])), weighted_rate(did.astype(np.float64), cohort.weight),
            weighted_rate(cohort.y[did], cohort.weight[did]), weighted_rate(cohort.y[~did], cohort.weight[~did]), told, worth,
            _verdict(float(points), worth) if did.any() else "never fires",
        ))  # fmt: skip
    return tuple(made)


def _fitted_points(
    cohort: CardCohort, fires: Flags, given: Floats, accounts: npt.NDArray[np.int64], seed: int
) -> list[Interval]:
    """Return what each rule would pay, with intervals over draws of accounts; rows alike in all rules are taken together."""
    patterns, code = np.unique(fires, axis=0, return_inverse=True)
    code, x, many = code.reshape(-1), patterns.astype(np.float64), int(accounts.max(initial=-1)) + 1
    random = generator(seed, Stream.RULES_AUDIT)
    draws = [
        np.ones(many),
        *(bootstrap_counts(many, random) for _ in range(RULE_RESAMPLES * (many > 1))),
    ]
    told = []
    for times in draws:
        w = cohort.weight * times[accounts]
        mass, hits = (np.asarray(np.bincount(code, v, len(x)), dtype=np.float64) for v in (w, w * cohort.y))
        told.append(_scale_points(_line(x, hits, mass), x, mass, given))
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


def _scale_points(line: Floats, x: Floats, mass: Floats, given: Floats) -> Floats:
    """Scale log odds so that as many points, of whatever sign, are handed out over the rows as today."""
    often = mass @ x
    paid = float(often @ np.abs(line))
    return np.asarray(line * (float(often @ np.abs(given)) / paid if paid > 0 else NAN))


def _verdict(given: float, fair: Interval) -> str:
    if not np.isfinite(fair.low):
        return "too few to say"
    return "overpaid" if given > fair.high else "underpaid" if given < fair.low else "no difference shown"


VOLUME_RESAMPLES = 200


@dataclass(frozen=True)
class CaptureOverlap:
    """Who finds the leads that get there, each counted once, at the same volume.

    Attributes
    ----------
    both, rules, model, neither : float
        Leads that got there within the horizon of one of the cohort's nights: found by both, by the rules alone, by the model
        alone, by neither. Ties share what room is left, so that these need not be whole.
    volume, weeks : float
        How many leads a week each works, and for how many weeks (a flat file: in all, and one).
    who : mapping of str to tuple of (level, both, rules, model, neither)
        The same by what parts the leads, such as their source, commonest first.
    """

    both: float
    rules: float
    model: float
    neither: float
    volume: float
    weeks: float = 1.0
    who: Mapping[str, tuple[tuple[str, float, float, float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StageAudit:
    """Leads that sales or marketing call so far along, against the model's best of as many each night; each lead counts once.

    Attributes
    ----------
    stage : str
        Which stage.
    leads : float
        Distinct leads that stood there at one of the cohort's nights.
    share : float
        Of all open leads of those nights.
    precision : Interval
        The share that gets there of those in the stage.
    found, model, gap : Interval
        Of all leads that get there, the share that stood in the stage, and that stood on the model's lists; their difference. Lists
        are as long, night by night; shares of their members aren't compared, as a list that changes more has more of them.
    both : float
        The share of those in the stage that were on the model's list, too.
    """

    stage: str
    leads: float
    share: float
    precision: Interval
    found: Interval
    model: Interval
    gap: Interval
    both: float


@dataclass(frozen=True)
class RulesReport:
    """Today's rules on the cohort: each rule, what the sum catches, and the stages below the outcome."""

    rows: int
    positives: int
    rules: tuple[RuleAudit, ...] = ()
    caught: CaptureOverlap | None = None
    stages: tuple[StageAudit, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def capture_overlap(cohort: CardCohort, parted: Mapping[str, npt.NDArray[np.object_]]) -> CaptureOverlap:
    """Compare what sales find who work the same volume by ``points`` and by ``model``.

    Parameters
    ----------
    parted : mapping of str to array
        What parts the leads, one level a row.

    Examples
    --------
    >>> n = np.arange(4)
    >>> rows = CardCohort(np.array([1.0, 1, 1, 0]), np.ones(4), n, n, 0 * n, {"points": -1.0 * n, "model": 1.0 * n}, per_week=2)
    >>> told = capture_overlap(rows, {"source": np.array(["web", "web", "fair", "fair"], dtype=object)})
    >>> told.both, told.rules, told.model, told.who["source"]
    (0.0, 2.0, 1.0, (('web', 0.0, 2.0, 0.0, 0.0), ('fair', 0.0, 0.0, 1.0, 0.0)))
    """
    work = CardWork.of(cohort)
    (_, ours), (_, theirs) = work.outcomes("model"), work.outcomes("points")
    first = np.full(work.listing.leads, -1)
    got_there = np.flatnonzero(cohort.y > 0)[::-1]
    first[work.listing.lead[got_there]] = got_there  # of several rows of a lead the first one stays
    place = first[first >= 0]
    ours, theirs = ours[first >= 0], theirs[first >= 0]
    parts = np.column_stack([ours * theirs, (1 - ours) * theirs, ours * (1 - theirs), (1 - ours) * (1 - theirs)])
    who = {by: _by_level(level[place], parts) for by, level in parted.items()}
    both, rules, model, neither = (float(v) for v in parts.sum(axis=0))
    return CaptureOverlap(both, rules, model, neither, cohort.room / cohort.weeks, cohort.weeks, who)


def stage_audit(cohort: CardCohort, stage: str, there: Flags, seed: int) -> StageAudit | None:
    """Say how many of the leads in a stage get there, against the model's best of as many; None if nobody, or everybody, is in it.

    Examples
    --------
    >>> n = np.arange(8)
    >>> rows = CardCohort((n < 2) * 1.0, np.ones(8), n, n, 0 * n, {"model": -1.0 * n}, per_week=1)
    >>> told = stage_audit(rows, "mql", n % 4 == 0, seed=7)
    >>> told.leads, told.precision.value, told.found.value, told.model.value, told.both
    (2.0, 0.5, 0.5, 1.0, 0.5)
    """
    listing = CardWork.of(replace(cohort, earlier=None)).listing
    inside, hit = np.zeros(listing.leads), np.zeros(listing.leads)
    best, best_hit, stands = np.zeros(listing.leads), np.zeros(listing.leads), np.zeros(listing.leads)
    for rows in listing.nights:
        here = there[rows].astype(np.float64)
        took = take_top(cohort.said["model"][rows], cohort.weight[rows], float((here * cohort.weight[rows]).sum()))
        for who, value in ((inside, here), (hit, here * cohort.y[rows]), (best, took), (best_hit, took * cohort.y[rows]),
                           (stands, cohort.weight[rows])):  # fmt: skip
            np.maximum.at(who, listing.lead[rows], value)
    mass = stands * inside
    if not 0 < mass.sum() < stands.sum():
        return None
    got_there = np.zeros(listing.leads)
    np.maximum.at(got_there, listing.lead, cohort.y)
    columns = {"in": mass, "in_hits": stands * hit, "best_hits": stands * best_hit, "hits": stands * got_there}
    group = np.empty(listing.leads, dtype=object)
    group[listing.lead] = cohort.group
    sums = BootstrapSums.of(columns, group, seed_of(seed, Stream.RULES_AUDIT, 1), VOLUME_RESAMPLES)
    shared = float((mass * best).sum() / mass.sum())
    return StageAudit(
        stage, float(mass.sum()), float(mass.sum() / stands.sum()), sums.ratio("in_hits", "in"), sums.ratio("in_hits", "hits"),
        sums.ratio("best_hits", "hits"), sums.gap(("best_hits", "hits"), ("in_hits", "hits")), shared,
    )  # fmt: skip


def _by_level(level: npt.NDArray[np.object_], parts: Floats) -> tuple[tuple[str, float, float, float, float], ...]:
    """Add up by level, the one with most positives first."""
    names = sorted({str(v) for v in level})
    code = np.searchsorted(np.array(names, dtype=object), level.astype(str))
    sums = np.column_stack([np.bincount(code, part, len(names)) for part in parts.T])
    order = sorted(range(len(names)), key=lambda n: (-sums[n].sum(), names[n]))
    return tuple((names[n], float(sums[n][0]), float(sums[n][1]), float(sums[n][2]), float(sums[n][3])) for n in order)

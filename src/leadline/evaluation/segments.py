"""Segments of the newest fold: whether probabilities hold in each, and whether each is served alike.

Calibration compares what was said with what came, in each segment by itself, and tells chance from fault after a
correction for the number of looks. Tiers are what sales sees: each is tested by itself, against its own 95% interval,
so that a tier whose interval misses the prediction is never said to hold. Parity shows, where an attribute parts the leads: how many are in the best tier
(the selection rate), how many of those who convert are there (recall, equal opportunity), and how well they are
ranked (AUC). That two segments differ in these isn't a fault by itself: their base rates may differ, too.

References
----------
Hardt, Price & Srebro, "Equality of Opportunity in Supervised Learning", NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.core.rng import bootstrap_counts
from leadline.evaluation.backtest import REPEATS
from leadline.metrics.intervals import (
    LEVELS,
    binomial_p_value,
    clopper_pearson_interval,
    design_effect,
    effective_sample_size,
    holm_correction,
)

__all__ = [
    "EMPTY",
    "FEWEST_EACH",
    "Segment",
    "SegmentAxis",
    "SegmentParity",
    "SegmentRows",
    "Segments",
    "evaluate_segments",
    "segment_parities",
]


# How each level of an attribute is served: selection, recall and ranking, with intervals by cluster bootstrap over accounts.


Floats = npt.NDArray[np.float64]

Ints = npt.NDArray[np.int64]

FEWEST_EACH = 10  # leads of a kind without which a recall (positives) or an AUC (both) is too few to say

NAN = float("nan")


@dataclass(frozen=True)
class SegmentParity:
    """How one level is served; NaN where there are too few to say, with 95% intervals.

    Attributes
    ----------
    auc : float
        How well its own leads are ranked among themselves.
    selected : float
        The share of its rows that are in the best tier.
    ratio : float
        That share over the share of all rows.
    recall : float
        The share of its positives that are in the best tier.
    """

    auc: float = NAN
    auc_low: float = NAN
    auc_high: float = NAN
    selected: float = NAN
    selected_low: float = NAN
    selected_high: float = NAN
    ratio: float = NAN
    ratio_low: float = NAN
    ratio_high: float = NAN
    recall: float = NAN
    recall_low: float = NAN
    recall_high: float = NAN


EMPTY = SegmentParity()


def segment_parities(
    y: Floats,
    weight: Floats,
    p: Floats,
    best: npt.NDArray[np.bool_],
    lead: npt.NDArray[Any],
    group: Ints,
    level: Ints,
    levels: int,
    seed: int,
    repeats: int,
) -> list[SegmentParity]:
    """Say how each of the levels 0 … levels-1 is served.

    Parameters
    ----------
    group : array of int
        Whose account, from 0 on; accounts are drawn again for the intervals, the same draws for all levels.
    """
    rank, worked = _RankedRows(y, p, level, levels), best.astype(np.float64)

    def figures(weight: Floats) -> Floats:
        def summed(part: Floats) -> Floats:
            return _sums(level, weight * part, levels)

        ones = np.ones(len(y))
        mass, taken, hits, found = (summed(part) for part in (ones, worked, y, y * worked))
        selected = _ratio(taken, mass)
        everybody = np.full(levels, taken.sum() / mass.sum())
        return np.stack([rank.auc(weight), selected, _ratio(selected, everybody), _ratio(found, hits)])

    random = np.random.default_rng(seed)
    accounts = int(group.max()) + 1
    drawn = np.stack([
        figures(weight * bootstrap_counts(accounts, random)[group])
        for _ in range(repeats)
    ])  # fmt: skip
    told = np.stack([figures(weight), *_intervals(drawn)], axis=1)  # figure, (value, low, high), level
    told[np.stack(_too_few(y, lead, level, levels))] = NAN
    return [SegmentParity(*(float(value) for value in told[:, :, n].ravel())) for n in range(levels)]


def _too_few(y: Floats, lead: npt.NDArray[Any], level: Ints, levels: int) -> list[npt.NDArray[np.bool_]]:
    """Tell of which levels AUC, selection, ratio and recall can't be said, spread over value, low and high."""
    _, who = np.unique(lead.astype(str), return_inverse=True)

    def leads(mine: npt.NDArray[np.bool_]) -> Ints:
        pairs = np.unique(np.stack([level[mine], who[mine]]), axis=1)
        return np.asarray(np.bincount(pairs[0], minlength=levels), dtype=np.int64)

    positive, negative = leads(y > 0) < FEWEST_EACH, leads(y == 0) < FEWEST_EACH
    never = np.zeros(levels, dtype=bool)
    return [np.tile(few, (3, 1)) for few in (positive | negative, never, never, positive)]


def _intervals(drawn: Floats) -> tuple[Floats, Floats]:
    """Return the 95% percentile interval of each figure and level; NaN where most draws say nothing."""
    known = np.isfinite(drawn)
    enough = 2 * known.sum(axis=0) >= len(drawn)
    # A column of NaN alone would warn; what it gives is overwritten.
    low, high = np.nanquantile(np.where(enough, drawn, 0.0), LEVELS, axis=0)
    return np.where(enough, low, NAN), np.where(enough, high, NAN)


def _sums(place: Ints, part: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(place, part, size), dtype=np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN by nothing."""
    result = np.full(len(part), NAN)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


class _RankedRows:
    """Rows sorted once by level and score, so that the AUC of each draw is a sum and no sort."""

    def __init__(self, y: Floats, p: Floats, level: Ints, levels: int) -> None:
        self._order = np.lexsort((p, level))
        p, level, self._y = p[self._order], level[self._order], y[self._order]
        new = np.append(True, (np.diff(p) != 0) | (np.diff(level) != 0))
        self._starts = np.flatnonzero(new)
        self._level, self._levels = level[self._starts], levels

    def auc(self, weight: Floats) -> Floats:
        """Return each level's AUC where rows count so much; NaN with one class."""
        weight = weight[self._order]
        every = np.add.reduceat(weight, self._starts)
        positive = np.add.reduceat(weight * self._y, self._starts)
        negative = every - positive
        right, wrong = (_sums(self._level, part, self._levels) for part in (positive, negative))
        before = np.cumsum(wrong) - wrong
        below = np.cumsum(negative) - negative - before[self._level]
        pairs = _sums(self._level, positive * (below + negative / 2), self._levels)
        return _ratio(pairs, np.asarray(right * wrong, dtype=np.float64))


LEAST = 5.0  # positives, said or come, at the effective number, below which a segment can't tell chance from fault

OWN = 20  # positive leads from which a segment tells by itself how an account's rows hang together

SURE = 0.05  # the chance of calling any segment off where all hold

ALL, OTHER, ABSENT = "all", "(other)", "(not given)"


@dataclass(frozen=True)
class SegmentAxis:
    """One way to part the leads.

    Attributes
    ----------
    by : str
        What parts them: month, tier, role, or an attribute's name.
    level : array of str or None
        Each row's level; None where it isn't given.
    parity : bool
        Whether its levels are compared as groups of leads; months and tiers aren't.
    alone : bool
        Whether its levels are judged one by one, without a correction for the other segments; tiers are.
    order : tuple of str
        The order in which levels are told, where it isn't that of their letters.
    """

    by: str
    level: npt.NDArray[np.object_]
    parity: bool = True
    order: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True)
class SegmentRows:
    """The rows of the newest fold, and what was said of them.

    Attributes
    ----------
    y, weight, p : arrays of float
        The label, how many snapshots a row stands for, and its honest probability.
    lead, group : arrays
        Who it is, and whose account.
    best : array of bool
        Whether it is in the best tier.
    """

    y: Floats
    weight: Floats
    p: Floats
    lead: npt.NDArray[Any]
    group: npt.NDArray[Any]
    best: npt.NDArray[np.bool_]

    def take(self, mine: npt.NDArray[np.bool_]) -> SegmentRows:
        """Return some of the rows."""
        return SegmentRows(*(column[mine] for column in vars(self).values()))


@dataclass(frozen=True)
class Segment:
    """One segment: its size, whether its probabilities hold, and how it is served; NaN where nothing can be said.

    Attributes
    ----------
    by, level : str
        What parts the leads, and this one's level.
    rows, leads : int
        Its size.
    positives : int or None
        Its positive rows; None where too few leads share it.
    predicted, observed, low, high : float
        The mean prediction; the observed share, with its 95% interval.
    chance : float
        How likely chance alone makes a difference so large, corrected for the number of segments looked at (but for those of an
        axis that is judged alone).
    verdict : str
        `calibrated`, `miscalibrated` or `too few to say`; of an axis that is judged alone `overstated` or `understated`.
    parity : SegmentParity
        How it is served.
    """

    by: str
    level: str
    rows: int
    leads: int
    positives: int | None = None
    predicted: float = float("nan")
    observed: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    chance: float = float("nan")
    verdict: str = "too few to say"
    parity: SegmentParity = EMPTY

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values in one layer, None for NaN."""
        own = {name: value for name, value in asdict(self).items() if name != "parity"}
        record: dict[str, Any] = to_jsonable({**own, **asdict(self.parity)})
        return record


@dataclass(frozen=True)
class Segments:
    """All leads, every segment, and the ways of parting them that say nothing, with the reason."""

    overall: Segment
    segments: tuple[Segment, ...]
    left_out: tuple[tuple[str, str], ...] = field(default=())

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "overall": self.overall.to_record(),
            "segments": [segment.to_record() for segment in self.segments],
            "left_out": [{"by": by, "why": why} for by, why in self.left_out],
        }


def evaluate_segments(
    rows: SegmentRows, axes: Sequence[SegmentAxis], seed: int, left_out: Sequence[tuple[str, str]] = ()
) -> Segments | None:
    """Judge the newest fold's rows as a whole and in segments; None where there are no rows.

    Levels that fewer than `MIN_GROUP_SIZE` leads share are pooled. An axis with fewer than two levels left is told among
    those left out.

    Parameters
    ----------
    left_out : sequence of (by, why)
        Ways of parting that the caller already knows to say nothing.
    """
    if not len(rows.y):
        return None
    _, code = np.unique(rows.group.astype(str), return_inverse=True)
    effect = design_effect(_errors(rows), code)
    overall = _calibrated(ALL, ALL, rows, effect)
    overall = replace(overall, verdict="miscalibrated" if overall.chance < SURE else overall.verdict)
    found: list[Segment] = []
    alone: list[Segment] = []
    skipped = [*left_out]
    for axis in axes:
        level, names = _pooled(axis, rows.lead)
        if len(names) < 2:
            skipped.append((axis.by, f"fewer than two levels that {MIN_GROUP_SIZE} leads share in the newest fold"))
            continue
        made = [_calibrated(axis.by, name, rows.take(level == n), effect) for n, name in enumerate(names)]
        if axis.parity:
            served = segment_parities(
                rows.y, rows.weight, rows.p, rows.best, rows.lead, code, level, len(names), seed, REPEATS
            )
            made = [replace(s, parity=p) if s.leads >= MIN_GROUP_SIZE else s for s, p in zip(made, served, strict=True)]
        if axis.alone:
            alone += [_judged_alone(s) for s in made]
        else:
            found += made
    return Segments(overall, (*_corrected(found), *alone), tuple(skipped))


def _pooled(axis: SegmentAxis, lead: npt.NDArray[Any]) -> tuple[Ints, list[str]]:
    """Return each row's level as a number, and the levels' names; those that few leads share are one."""
    text = np.array([ABSENT if value is None else str(value) for value in axis.level], dtype=object)
    names, code = np.unique(text.astype(str), return_inverse=True)
    _, who = np.unique(lead.astype(str), return_inverse=True)
    pairs = np.unique(np.stack([code, who]), axis=1)
    few = np.bincount(pairs[0], minlength=len(names)) < MIN_GROUP_SIZE
    if few.any():
        text[few[code]] = OTHER
        names, code = np.unique(text.astype(str), return_inverse=True)
    told = {name: place for place, name in enumerate(axis.order)}
    order = sorted(range(len(names)), key=lambda n: (told.get(str(names[n]), len(told)), str(names[n])))
    return np.argsort(order)[code].astype(np.int64), [str(names[n]) for n in order]


def _errors(rows: SegmentRows) -> Floats:
    """Return the weighted errors, their mean taken off."""
    error = rows.y - rows.p
    return np.asarray(rows.weight * (error - np.average(error, weights=rows.weight)), dtype=np.float64)


def _calibrated(by: str, level: str, rows: SegmentRows, effect: float) -> Segment:
    """Compare what was said of a segment with what came; `effect` is the design effect where its own can't be told."""
    leads = len(np.unique(rows.lead.astype(str)))
    bare = Segment(by, level, len(rows.y), leads)
    if leads < MIN_GROUP_SIZE:
        return bare
    if len(np.unique(rows.lead[rows.y > 0].astype(str))) >= OWN:
        _, code = np.unique(rows.group.astype(str), return_inverse=True)
        effect = design_effect(_errors(rows), code)
    said, came = (float(np.average(column, weights=rows.weight)) for column in (rows.p, rows.y))
    number = effective_sample_size(rows.p, rows.weight, effect)
    low, high = clopper_pearson_interval(came, number)
    told = replace(bare, positives=int(rows.y.sum()), predicted=said, observed=came, low=low, high=high)
    if max(said, came) * number < LEAST:
        return told
    return replace(told, chance=binomial_p_value(came, said, number), verdict="calibrated")


def _judged_alone(segment: Segment) -> Segment:
    """Say which way a segment is off where its own interval misses what was predicted."""
    if segment.verdict != "calibrated" or segment.chance >= SURE:
        return segment
    return replace(segment, verdict="overstated" if segment.predicted > segment.observed else "understated")


def _corrected(segments: Sequence[Segment]) -> list[Segment]:
    """Correct the chances for the number of segments that were looked at, and say which are off."""
    looked = [n for n, segment in enumerate(segments) if segment.verdict == "calibrated"]
    result = list(segments)
    for n, chance in zip(looked, holm_correction([segments[n].chance for n in looked]), strict=True):
        result[n] = replace(segments[n], chance=chance, verdict="miscalibrated" if chance < SURE else "calibrated")
    return result

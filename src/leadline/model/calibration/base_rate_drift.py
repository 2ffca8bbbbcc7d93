"""A base rate that moves: how far out-of-fold margins lay from what came, followed through time with shrinkage.

Between two horizons the level of log odds takes a step of unknown size; each period lies off it by something of its
own that doesn't stay, and by the noise of few conversions: a local level model, filtered (Kalman 1960; Harvey 1989,
chapter 3). How large steps are, and how much doesn't stay, is learnt from the periods themselves, averaged over what
they leave open. Where the level stands still, all periods are pooled; where it moves, the newest count most; a shift
that noise would explain is hardly followed. The priors were set on four public data sets, of which two have levels
that come and go and one has a level that leaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.model.fitting.logistic import sigmoid

if TYPE_CHECKING:
    from leadline.model.encoding.encoder import Matrix

__all__ = ["DriftPeriod", "ForwardRows", "current_shift", "drift_periods", "log_odds_shift"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

FEWEST = 10  # positives, and negatives, of a period: below, its rate itself is uncertain by more than half
PARTS = 4  # periods that a block without dates is cut into
MOST = 12  # periods of a block: more say nothing more of the newest
STARTS = np.array([0.15, 0.3, 0.6, 1.2, 2.4])  # the prior's standard deviations of the level at first, and how likely:
LIKELY = np.array([0.3, 0.4, 0.2, 0.07, 0.03])  # a model's own intercept is mostly right, and now and then far off
STEP = 0.15  # the prior's of a step between two horizons: odds move by a sixth, a third now and then
TRANSIENT = 0.25  # the prior's of what a period shows that doesn't stay
GRID = np.linspace(0.0, 1.0, 26)
STEPS = 60


@dataclass(frozen=True)
class ForwardRows:
    """Rows of a forward fold: what a model that hadn't seen them said, and what came.

    Attributes
    ----------
    margin, y, weight : float arrays
        The margin before calibration, the label, how many snapshots a row stands for.
    as_of, known_at : int arrays
        When it was asked, and when the label was known.
    lead : array
        Whose snapshot it is.
    number : int
        The fold's number; it places periods where labels have no dates.
    """

    margin: Floats
    y: Floats
    weight: Floats
    as_of: Ints
    known_at: Ints
    lead: NDArray[np.object_]
    number: int = 0

    @classmethod
    def of(cls, rows: Matrix, margin: Floats, number: int = 0) -> ForwardRows:
        """Put what was said of a fold's rows beside them."""
        return cls(margin, rows.y, rows.weight, rows.as_of, rows.known_at, rows.lead, number)

    def take(self, rows: NDArray[np.bool_] | Ints) -> ForwardRows:
        """Return some of the rows."""
        clocks = self.as_of[rows], self.known_at[rows]
        return ForwardRows(self.margin[rows], self.y[rows], self.weight[rows], *clocks, self.lead[rows], self.number)

    def scaled(self, slope: float) -> ForwardRows:
        """Return the same rows with margins this much steeper."""
        return replace(self, margin=slope * self.margin)

    @property
    def fewest(self) -> int:
        """How many rows the rarer class has."""
        positives = int(np.sum(self.y > 0))
        return min(positives, len(self.y) - positives)


@dataclass(frozen=True)
class DriftPeriod:
    """A span of time: when it is, by how much log odds lay off there, and the variance of that."""

    at: float
    shift: float
    variance: float


def drift_periods(rows: ForwardRows, moved: Floats, absorbs: bool = False) -> list[DriftPeriod]:
    """Cut a forward fold into periods of a horizon each (quarters, without dates), and tell each one's shift.

    Parameters
    ----------
    moved : array
        By how much more another model says of the same rows.
    absorbs : bool
        Whether that model's features tell the date, so that what it was fitted on in a period absorbs the period's level.

    Notes
    -----
    The shift of a period is that at which the other model's sum agrees with what was observed, though it was fitted on
    these rows: a fit keeps sums, whereas its single margins are sharper than they will be of rows to come, so that their
    mean difference is too low (on 16 cuts of demo worlds the shift was .15 too high by it, and is .09). Of a model
    that absorbs levels the sum always agrees and tells nothing; there the mean difference is taken off what the fold's
    own model lay off by.

    Examples
    --------
    >>> n = np.arange(400)
    >>> rows = ForwardRows(np.zeros(400), (n % 4 == 0) * 1.0, np.ones(400), n // 200, n // 200 + 1, n)
    >>> [(p.at, round(p.shift, 2)) for p in drift_periods(rows, np.zeros(400))]
    [(0.0, -1.1), (1.0, -1.1)]
    """
    if rows.fewest == 0:
        return []
    return [_period(rows.take(part), moved[part], at, absorbs) for part, at in _spans(rows)]


def current_shift(seen: Sequence[DriftPeriod]) -> float:
    """Return the level now, after the newest period, given what all of them showed, oldest first; 0 for none.

    Examples
    --------
    >>> still = [DriftPeriod(n, 0.5, 0.01) for n in range(6)]
    >>> rising = [DriftPeriod(n, 0.3 * n, 0.01) for n in range(6)]
    >>> noise = [DriftPeriod(0, 0.5, 1.0)]
    >>> round(current_shift(still), 1), round(current_shift(rising), 1), round(current_shift(noise), 2), current_shift([])
    (0.5, 1.4, 0.07, 0.0)
    """
    if not seen:
        return 0.0
    steps, transients, starts = (grid.ravel() for grid in np.meshgrid(GRID, GRID, STARTS))
    level, fit = _filtered(seen, steps, transients, starts)
    prior = np.log(LIKELY)[np.searchsorted(STARTS, starts)]
    likely = fit + prior - steps**2 / (2 * STEP**2) - transients**2 / (2 * TRANSIENT**2)
    share = np.exp(likely - likely.max())
    return float(np.sum(share * level) / np.sum(share))


def log_odds_shift(margin: Floats, y: Floats, weight: Floats) -> float:
    """Return the shift at which predicted and observed sums agree (Newton's steps; both classes are needed)."""
    rate = float(np.clip(np.sum(weight * y) / np.sum(weight), 1e-9, 1 - 1e-9))
    shift = float(np.log(rate / (1 - rate)) - np.median(margin))
    for _ in range(STEPS):
        p = sigmoid(margin + shift)
        step = float(np.sum(weight * (p - y)) / (np.sum(weight * p * (1 - p)) + 1e-12))
        shift -= float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-10:
            break
    return shift


def _spans(rows: ForwardRows) -> Iterator[tuple[Ints, float]]:
    """Yield each period's rows and when it is, in horizons; neighbours with too few of a class are joined."""
    order = np.lexsort((rows.lead.astype(str), rows.as_of))
    length = float(np.median(rows.known_at - rows.as_of))
    quarter = PARTS * (rows.number + np.arange(len(order)) / len(order))
    when = rows.as_of[order] / length if length > 0 else quarter
    back = np.minimum(np.floor(when[-1] - when), MOST - 1)  # periods are counted back from the newest row
    positive = rows.y[order] > 0
    start = 0
    for stop in [*(np.flatnonzero(np.diff(back)) + 1).tolist(), len(order)]:
        here, left = positive[start:stop], positive[stop:]
        enough = [min(part.sum(), len(part) - part.sum()) >= FEWEST for part in (here, left)]
        if stop == len(order) or all(enough):
            yield order[start:stop], float(np.mean(when[start:stop]))
            start = stop


def _period(rows: ForwardRows, moved: Floats, at: float, absorbs: bool) -> DriftPeriod:
    shift = log_odds_shift(rows.margin, rows.y, rows.weight)
    p = sigmoid(rows.margin + shift)
    bend = rows.weight * p * (1 - p)
    _, who = np.unique(rows.lead.astype(str), return_inverse=True)
    off = np.bincount(who, rows.weight * (rows.y - p))  # snapshots of one lead go together
    if absorbs:
        left = shift - float(np.sum(bend * moved) / np.sum(bend))
    else:
        left = log_odds_shift(rows.margin + moved, rows.y, rows.weight)
    return DriftPeriod(at, left, float(np.sum(off**2) / np.sum(bend) ** 2))


def _filtered(seen: Sequence[DriftPeriod], steps: Floats, transients: Floats, starts: Floats) -> tuple[Floats, Floats]:
    """Return the level after the newest period and the log likelihood, for each of three spreads: of steps, of what doesn't stay, of the start."""
    level, fit = np.zeros_like(steps), np.zeros_like(steps)
    spread = starts**2
    before = seen[0].at
    for period in seen:
        spread = spread + steps**2 * max(0.0, period.at - before)
        before = period.at
        noise = period.variance + transients**2
        total = spread + noise
        gap = period.shift - level
        fit = fit - 0.5 * (np.log(total) + gap**2 / total)
        level = level + spread / total * gap
        spread = spread * noise / total
    return level, fit

"""From what sales can work in a week to the cuts between tiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.model.scorer import Tiers
from leadline.times import WEEK

__all__ = ["Cut", "curve", "cuts_for", "table", "tiers_for"]

Floats = npt.NDArray[np.float64]
NAMES = ("A", "B", "C", "D")
STEPS = (1.0, 3.0, 7.0)  # tier A fills the week; B and C hold two and four weeks more; D is the rest
SHARES = (0.10, 0.30, 0.60)  # of the rows, where a flat file has no weeks


@dataclass(frozen=True)
class Cut:
    """What a cut would have done in the newest fold.

    Attributes
    ----------
    leads_per_week : float
        How many distinct leads a week stand at or above it.
    probability : float
        The cut.
    precision, recall : float
        The share of those that became positive; the share of all positives that they are.
    expected : float
        Positives a week among them.
    """

    leads_per_week: float
    probability: float
    precision: float
    recall: float
    expected: float


def weekly(
    p: Floats, y: Floats, weight: Floats, lead: npt.NDArray[np.object_], as_of: npt.NDArray[np.int64]
) -> tuple[Floats, Floats, Floats, float]:
    """Keep each lead's best snapshot in each week; return its score, label and weight, and the number of weeks."""
    week = (as_of - as_of.min()) // WEEK
    _, who = np.unique(lead.astype(str), return_inverse=True)
    order = np.lexsort((-p, who, week))
    first = np.ones(len(p), dtype=bool)
    first[1:] = (who[order][1:] != who[order][:-1]) | (week[order][1:] != week[order][:-1])
    rows = order[first]
    return p[rows], y[rows], weight[rows], float(len(np.unique(week)))


def cuts_for(p: Floats, weight: Floats, weeks: float, per_week: Sequence[float]) -> list[float]:
    """Return, for each number of leads a week, the score that so many stand at or above.

    Examples
    --------
    >>> cuts_for(np.array([0.9, 0.8, 0.2, 0.1]), np.ones(4), weeks=2.0, per_week=[1.0])
    [0.8]
    """
    order = np.argsort(-p, kind="stable")
    mass = np.cumsum(weight[order])
    return [float(p[order][min(int(np.searchsorted(mass, k * weeks - 1e-9)), len(p) - 1)]) for k in per_week]


def tiers_for(
    p: Floats,
    y: Floats,
    weight: Floats,
    lead: npt.NDArray[np.object_],
    as_of: npt.NDArray[np.int64],
    per_week: float | None,
) -> Tiers:
    """Lay the tiers so that tier A holds what sales can work in a week (for a flat file: the best tenth).

    Examples
    --------
    >>> p = np.array([0.9, 0.5, 0.3, 0.1] * 5)
    >>> tiers_for(p, p > 0.4, np.ones(20), np.arange(20).astype(object), np.zeros(20, dtype=np.int64), 5.0).cuts[0]
    0.9
    """
    if not len(p):
        return Tiers()
    if per_week is None:
        cuts = cuts_for(p, weight, float(weight.sum()), SHARES)
    else:
        best, _, mass, weeks = weekly(p, y, weight, lead, as_of)
        cuts = cuts_for(best, mass, weeks, [per_week * step for step in STEPS])
    falling = [c for n, c in enumerate(cuts) if n == 0 or c < cuts[n - 1]]
    return Tiers(NAMES[: len(falling) + 1], tuple(falling))


def table(
    p: Floats, y: Floats, weight: Floats, lead: npt.NDArray[np.object_], as_of: npt.NDArray[np.int64], per_week: float
) -> list[Cut]:
    """Say what half to double the capacity would have brought, week by week, in the newest fold."""
    return _cuts(p, y, weight, lead, as_of, [per_week * step for step in (0.5, 0.75, 1.0, 1.5, 2.0)])


def curve(
    p: Floats, y: Floats, weight: Floats, lead: npt.NDArray[np.object_], as_of: npt.NDArray[np.int64], per_week: float
) -> list[Cut]:
    """Say the same in finer steps, from a tenth of the capacity to three times it; `table`'s rows are among these.

    Examples
    --------
    >>> rows = np.linspace(1, 0, 100), np.ones(100), np.ones(100), np.arange(100), np.zeros(100, dtype=np.int64)
    >>> fine = curve(*rows, per_week=20)
    >>> [c.leads_per_week for c in fine[:3]], all(c in fine for c in table(*rows, per_week=20))
    ([2.0, 3.0, 4.0], True)
    """
    cuts = _cuts(p, y, weight, lead, as_of, [per_week * (n / 20) for n in range(2, 61)])
    return [c for n, c in enumerate(cuts) if n == 0 or c.probability < cuts[n - 1].probability]


def _cuts(
    p: Floats,
    y: Floats,
    weight: Floats,
    lead: npt.NDArray[np.object_],
    as_of: npt.NDArray[np.int64],
    per_week: Sequence[float],
) -> list[Cut]:
    best, hit, mass, weeks = weekly(p, y, weight, lead, as_of)
    rows = []
    for cut in cuts_for(best, mass, weeks, per_week):
        above = best >= cut
        took, found, there = float(mass[above].sum()), float((mass * hit)[above].sum()), float((mass * hit).sum())
        rows.append(
            Cut(
                took / weeks,
                cut,
                found / took if took else float("nan"),
                found / there if there else float("nan"),
                found / weeks,
            )
        )
    return rows

"""How much the snapshots really say: those of one lead, and of the leads of one account, are not independent.

The correlation within accounts (leads, where there is none) is the one-way ANOVA estimate of the label's intraclass
correlation ρ (Donner 1986, Int. Stat. Review 54:67; `_correlation`), held within 0 and 1. An account with m snapshots then
counts for ``m / (1 + (m − 1)·ρ)`` independent ones, and the effective number is their sum (Kish 1965, Survey Sampling;
Killip, Mahfoud and Pearce 2004, Ann. Fam. Med. 2:204). Weights, where negatives were thinned, cost the factor
``(Σw)² / (n·Σw²)`` more (Kish 1965). The design effect is n over the effective number: by its root, intervals that take
snapshots for independent are too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Sample", "clustering", "lines", "sample"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """How many of what there are, and for how many independent snapshots they count.

    Attributes
    ----------
    snapshots, positives : int
        Labelled snapshots, and those with a positive label.
    leads, positive_leads : int
        Distinct leads, and those with a positive snapshot.
    accounts : int
        What intervals draw: accounts, and leads that have none.
    correlation : float
        Of the label within accounts: 0, snapshots are independent; 1, they are copies.
    design_effect : float
        Snapshots for each independent one.
    effective, effective_positives : float
        Independent snapshots that tell as much, and how many of them are positive.
    """

    snapshots: int
    positives: int
    leads: int
    positive_leads: int
    accounts: int
    correlation: float
    design_effect: float
    effective: float
    effective_positives: float

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}

    def metrics(self) -> list[tuple[str, float, int]]:
        """Return what is worth tracking, as (name, value, step)."""
        return [(f"sample.{name}", float(value), 0) for name, value in asdict(self).items()]


def sample(y: Floats, weight: Floats, lead: npt.NDArray[Any], group: npt.NDArray[Any]) -> Sample:
    """Count labelled snapshots by lead and account, and say for how many independent ones they count.

    Parameters
    ----------
    y, weight : float arrays
        The label, and how many snapshots a row stands for.
    lead, group : arrays
        Whose row it is: the lead, and the account or, where there is none, the lead.

    Examples
    --------
    >>> y = np.array([1.0, 1.0, 0.0, 0.0])
    >>> told = sample(y, np.ones(4), np.array(["a", "a", "b", "c"]), np.array(["a", "a", "b", "c"]))
    >>> told.effective, told.accounts, told.correlation  # the two snapshots of lead a are copies
    (3.0, 3, 1.0)
    """
    sizes, rho = _sizes(y, group)
    uneven = float(weight.sum() ** 2 / (len(y) * np.sum(weight**2))) if len(y) else 1.0
    effective = float(np.sum(sizes / (1 + (sizes - 1) * rho))) * uneven
    positives = int(np.sum(y == 1))
    return Sample(
        len(y),
        positives,
        len(np.unique(lead)),
        len(np.unique(lead[y == 1])),
        len(sizes),
        rho,
        len(y) / effective if effective else float("nan"),
        effective,
        positives * effective / len(y) if len(y) else 0.0,
    )


def clustering(y: Floats, group: npt.NDArray[Any]) -> float:
    """Return the design effect of the accounts alone, weights left aside; 1 for no rows.

    Examples
    --------
    >>> clustering(np.array([1.0, 1.0, 0.0, 0.0]), np.array(["a", "a", "b", "b"]))
    2.0
    """
    if not len(y):
        return 1.0
    sizes, rho = _sizes(y, group)
    return len(y) / float(np.sum(sizes / (1 + (sizes - 1) * rho)))


def _sizes(y: Floats, group: npt.NDArray[Any]) -> tuple[Floats, float]:
    """Return how many rows each account has, and the label's correlation within accounts."""
    _, who = np.unique(np.asarray(group).astype(str), return_inverse=True)
    sizes = np.bincount(who).astype(np.float64)
    return sizes, _correlation(y, who, sizes)


def _correlation(y: Floats, who: npt.NDArray[np.int64], sizes: Floats) -> float:
    """Return the ANOVA estimate of the intraclass correlation; 0 where no account has two snapshots.

    Examples
    --------
    >>> who = np.array([0, 0, 1, 1])
    >>> _correlation(np.array([1.0, 1.0, 0.0, 0.0]), who, np.array([2.0, 2.0]))
    1.0
    """
    n, groups = len(y), len(sizes)
    if groups == n:
        return 0.0
    means = np.bincount(who, y) / sizes
    within = float(np.sum((y - means[who]) ** 2)) / (n - groups)
    if groups < 2 or within == 0:
        return 1.0  # copies, or one account alone: nothing says that they are more than one
    between = float(np.sum(sizes * (means - y.mean()) ** 2)) / (groups - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (groups - 1)
    return float(np.clip((between - within) / (between + (typical - 1) * within), 0.0, 1.0))


def lines(told: Sample) -> Sequence[str]:
    """Say it in one line.

    Examples
    --------
    >>> print(*lines(Sample(900, 90, 300, 40, 200, 0.25, 1.5, 600.0, 60.0)))
    900 snapshots of 300 leads in 200 accounts (40 leads positive) tell as much as 600
    independent ones (60 positive; design effect 1.5)
    """
    where = f" in {told.accounts:,} accounts" if told.accounts != told.leads else ""
    return [
        f"{told.snapshots:,} snapshots of {told.leads:,} leads{where} ({told.positive_leads:,} leads positive) "
        f"tell as much as {told.effective:,.0f} independent ones ({told.effective_positives:,.0f} positive; design effect {told.design_effect:.1f})"
    ]

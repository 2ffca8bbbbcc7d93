"""Drift: how far one spread of values lies from another, as a population stability index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leadline.metrics.intervals import Z95

__all__ = ["BINS", "bin_shares", "decile_edges", "psi", "psi_by_chance"]

Floats = npt.NDArray[np.float64]
BINS = 10
LEAST = 1e-4  # an empty bin's share: the logarithm of nothing is infinite


def decile_edges(values: Floats, weight: Floats | None = None) -> list[float]:
    """Return the cuts between ten bins of about equal weight; fewer where values repeat.

    Examples
    --------
    >>> decile_edges(np.arange(10.0))[:3]
    [1.0, 2.0, 3.0]
    """
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    mass = np.ones(len(values)) if weight is None else weight[order]
    reached = np.cumsum(mass) / mass.sum()
    places = np.searchsorted(reached, np.arange(1, BINS) / BINS, side="right")
    return sorted({float(values[order][min(place, len(values) - 1)]) for place in places})


def bin_shares(values: Floats, cuts: Sequence[float], weight: Floats | None = None) -> list[float]:
    """Return each bin's share of the weight; a value at a cut belongs to the bin above it.

    Examples
    --------
    >>> bin_shares(np.array([0.1, 0.5, 0.9]), [0.5])
    [0.3333333333333333, 0.6666666666666666]
    """
    counts = np.bincount(np.searchsorted(np.array(cuts), values, side="right"), weight, len(cuts) + 1)
    total = float(counts.sum())
    return [float(count) / total if total else 0.0 for count in counts]


def psi(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return ``Σ (f − e) · ln(f / e)`` over bins: 0 for the same spread; above 0.25 is commonly called a shift.

    Examples
    --------
    >>> psi([0.5, 0.5], [0.5, 0.5]), round(psi([0.5, 0.5], [0.9, 0.1]), 3)
    (0.0, 0.879)
    """
    e = np.maximum(np.asarray(expected, dtype=np.float64), LEAST)
    f = np.maximum(np.asarray(found, dtype=np.float64), LEAST)
    return float(np.sum((f - e) * np.log(f / e)))


def psi_by_chance(bins: int, rows: int, others: float = np.inf) -> float:
    """Return how large an index two samples of one spread show by chance, but for one time in forty or so.

    The index is about ``(1/n + 1/m) · χ²`` with one degree of freedom fewer than bins (Yurdakul 2018).

    Examples
    --------
    >>> psi_by_chance(10, 100) > psi_by_chance(10, 10_000), psi_by_chance(1, 50)
    (True, 0.0)
    """
    free = bins - 1
    if free < 1 or rows < 1 or others < 1:
        return 0.0
    spread = 2 / (9 * free)  # Wilson and Hilferty (1931): the cube root of χ² over its mean is about normal
    return float((1 / rows + 1 / others) * free * (1 - spread + Z95 * spread**0.5) ** 3)

"""Conversion of snapshots parted by one thing, such as the intent stage: each level's share, with an interval by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.judge.behaviours import Asked
from leadline.judge.chance import design_effect, effective_number, exact_interval
from leadline.judge.lifts import codes
from leadline.judge.pooled import OTHER
from leadline.privacy import MIN_GROUP_SIZE

__all__ = ["OTHER", "Part", "parted", "pooled"]

Floats = npt.NDArray[np.float64]
OWN = 20  # positive leads from which a level tells by itself how an account's rows hang together


@dataclass(frozen=True)
class Part:
    """One level; its figures are NaN where it has fewer than `MIN_GROUP_SIZE` leads, or no row.

    Attributes
    ----------
    level : str
        Its name.
    snapshots, leads, positive_leads : int
        Its size; snapshots as the rows stand for, rounded.
    rate, low, high : float
        Conversion, with its exact 95% interval at the effective number of rows.
    too_few : bool
        Whether too few leads are in it to say anything.
    """

    level: str
    snapshots: int
    leads: int
    positive_leads: int
    rate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    too_few: bool = True


def parted(asked: Asked, level: npt.NDArray[np.object_], order: Sequence[str]) -> tuple[Part, ...]:
    """Return the conversion of each level, in the order given; levels not named there are left out.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(100)], dtype=object)
    >>> rows = Asked((np.arange(100) % 4 == 0) * 1.0, np.ones(100), lead, lead)
    >>> [(p.level, p.leads, p.rate) for p in parted(rows, np.repeat(["a", "b"], 50).astype(object), ["b"])]
    [('b', 50, 0.24)]
    """
    group, lead = codes(asked.group), codes(asked.lead)
    effect = _effect(asked.y, asked.weight, group)
    return tuple(_part(asked, name, level == name, lead, group, effect) for name in order)


def pooled(level: npt.NDArray[np.object_], lead: npt.NDArray[np.object_], most: int) -> npt.NDArray[np.object_]:
    """Return levels in which what fewer than 20 leads share, or isn't among the commonest, is `OTHER`; None stays None.

    Examples
    --------
    >>> level = np.array(["web"] * 20 + ["Jane Doe", None], dtype=object)
    >>> pooled(level, np.arange(22).astype(str).astype(object), 5)[19:].tolist()
    ['web', '(other)', None]
    """
    import pandas as pd

    code, names = pd.factorize(level)
    told = pd.DataFrame({"code": code, "lead": lead}).drop_duplicates()
    size = np.bincount(told["code"][told["code"] >= 0], minlength=len(names))
    keep = set(sorted(np.flatnonzero(size >= MIN_GROUP_SIZE).tolist(), key=lambda n: (-size[n], str(names[n])))[:most])
    shown = np.array([*(n if i in keep else OTHER for i, n in enumerate(names)), None], dtype=object)
    return np.asarray(shown[code], dtype=object)


def _part(
    asked: Asked, name: str, mine: npt.NDArray[np.bool_], lead: npt.NDArray[np.int64], group: npt.NDArray[np.int64], effect: float
) -> Part:  # fmt: skip
    y, w = asked.y[mine], asked.weight[mine]
    leads, positive = len(np.unique(lead[mine])), len(np.unique(lead[mine][y == 1]))
    bare = Part(name, round(float(w.sum())), leads, positive)
    if leads < MIN_GROUP_SIZE:
        return bare
    if positive >= OWN:
        effect = _effect(y, w, group[mine])
    rate = float(np.average(y, weights=w))
    low, high = exact_interval(rate, effective_number(np.full(len(y), rate), w, effect))
    return Part(name, bare.snapshots, leads, positive, rate, low, high, False)


def _effect(y: Floats, w: Floats, group: npt.NDArray[np.int64]) -> float:
    """Return the design effect of the mean; 1 for no rows."""
    if not len(y):
        return 1.0
    _, code = np.unique(group, return_inverse=True)
    return design_effect(w * (y - np.average(y, weights=w)), code.astype(np.int64))

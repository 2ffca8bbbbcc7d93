"""The fit × engagement grid on the future: what became of each cell's leads, whether rates fall along both axes, and what each axis adds.

People count once: a lead counts in the cell that it was in at its first scoring date in the newest fold, and with what came within the
horizon of that date. Grades are those of the fold's own model, which saw nothing of the fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.metrics.bootstrap import BootstrapSums, auc_influence
from leadline.metrics.intervals import Interval

__all__ = ["GradeCell", "GradeGrid", "GradedRows", "grade_grid"]

Floats = npt.NDArray[np.float64]
UNKNOWN = Interval(float("nan"))
FITS, ENGAGEMENTS = "ABCD", "1234"


@dataclass(frozen=True)
class GradedRows:
    """Rows of the newest fold, one entry a row.

    Attributes
    ----------
    y, weight, probability : float arrays
        What came, how many rows a row stands for, and what was predicted.
    lead, group : arrays
        Whose it is, and of which account.
    as_of : int array
        When.
    grade : object array
        `A1` to `D4`.
    fit, engagement : arrays
        The two scores.
    """

    y: Floats
    weight: Floats
    probability: Floats
    lead: npt.NDArray[Any]
    group: npt.NDArray[Any]
    as_of: npt.NDArray[np.int64]
    grade: npt.NDArray[np.object_]
    fit: npt.NDArray[Any]
    engagement: npt.NDArray[Any]

    def first(self) -> npt.NDArray[np.int64]:
        """Return each lead's first row."""
        order = np.argsort(self.as_of, kind="stable")
        _, at = np.unique(self.lead[order].astype(str), return_index=True)
        return np.sort(order[at])


@dataclass(frozen=True)
class GradeCell:
    """A cell, or a whole row or column: its leads, those of them that got there, their share, and the share predicted."""

    name: str
    leads: float
    reached: float
    rate: Interval
    predicted: float


@dataclass(frozen=True)
class GradeGrid:
    """The grid.

    Attributes
    ----------
    cells, fit, engagement : tuple of GradeCell
        All sixteen; the four letters; the four digits.
    rises : tuple of str
        Where a worse letter or digit converts more often than the one before it, beyond noise, as "B over A"; none where the grid is honest.
    auc : mapping of str to Interval
        Of `fit` alone, of `engagement` alone, and of the `model`.
    adds : mapping of str to Interval
        By how much the model's AUC lies above the other axis alone: what `fit` adds, and what `engagement` adds.
    """

    cells: tuple[GradeCell, ...]
    fit: tuple[GradeCell, ...]
    engagement: tuple[GradeCell, ...]
    rises: tuple[str, ...]
    auc: Mapping[str, Interval]
    adds: Mapping[str, Interval]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def grade_grid(rows: GradedRows, seed: int) -> GradeGrid:
    """Make the grid of the newest fold's rows.

    Examples
    --------
    >>> n = np.arange(160)
    >>> grade = np.array([f"{'ABCD'[k % 4]}{k // 4 % 4 + 1}" for k in n], dtype=object)
    >>> y = (n % 4 == 0) * 1.0  # those that fit get there, whatever they do
    >>> rows = GradedRows(y, np.ones(160), y, n, n, n, grade, 4 - n % 4, 0 * n)
    >>> grid = grade_grid(rows, seed=7)
    >>> [cell.rate.value for cell in grid.fit], [cell.rate.value for cell in grid.engagement], grid.rises, grid.auc["fit"].value
    ([1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], (), 1.0)
    """
    at = rows.first()
    letter, digit = (np.array([str(g)[n] for g in rows.grade[at]]) for n in (0, 1))
    sides = {**{a: letter == a for a in FITS}, **{b: digit == b for b in ENGAGEMENTS}}
    sides |= {a + b: sides[a] & sides[b] for a in FITS for b in ENGAGEMENTS}
    weight, y, p = rows.weight[at], rows.y[at], rows.probability[at]
    columns = {
        f"{name} {what}": column * held
        for name, held in sides.items()
        for what, column in (("all", weight), ("hits", weight * y))
    }
    sums = BootstrapSums.of(columns, rows.group[at], seed)
    cells = {name: _cell(name, held, weight, y, p, sums) for name, held in sides.items()}
    return GradeGrid(
        tuple(cells[a + b] for a in FITS for b in ENGAGEMENTS), tuple(cells[a] for a in FITS), tuple(cells[b] for b in ENGAGEMENTS),
        tuple(_rises(FITS, cells, sums)) + tuple(_rises(ENGAGEMENTS, cells, sums)), *_worth(rows, seed),
    )  # fmt: skip


def _cell(
    name: str, held: npt.NDArray[np.bool_], weight: Floats, y: Floats, p: Floats, sums: BootstrapSums
) -> GradeCell:
    many = float(weight[held].sum())
    rate = sums.ratio(f"{name} hits", f"{name} all") if held.sum() >= MIN_GROUP_SIZE else UNKNOWN
    if rate.value == 0:  # no draw has a hit then: the exact binomial bound (Clopper and Pearson 1934)
        rate = Interval(0.0, 0.0, 1 - 0.025 ** (1 / int(held.sum())))
    predicted = float((weight[held] * p[held]).sum() / many) if many else float("nan")
    return GradeCell(name, many, float((weight[held] * y[held]).sum()), rate, predicted)


def _rises(names: Sequence[str], cells: Mapping[str, GradeCell], sums: BootstrapSums) -> list[str]:
    """Name the neighbours of which the worse converts more often, beyond noise."""
    told = []
    for better, worse in pairwise(names):
        if np.isfinite(cells[better].rate.low) and np.isfinite(cells[worse].rate.low):
            gap = sums.gap((f"{better} hits", f"{better} all"), (f"{worse} hits", f"{worse} all"))
            told += [f"{worse} over {better}"] if gap.high < 0 else []
    return told


def _worth(rows: GradedRows, seed: int) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Return the AUC of each axis alone and of the model, and what each axis adds to the other."""
    said = {"fit": rows.fit, "engagement": rows.engagement, "model": rows.probability}
    one = np.zeros(len(rows.y))
    ranked = {who: auc_influence(rows.y, rows.weight, np.asarray(p, dtype=np.float64), one) for who, p in said.items()}
    if any(np.isnan(value) for value, _ in ranked.values()):
        return dict.fromkeys(said, UNKNOWN), dict.fromkeys(("fit", "engagement"), UNKNOWN)
    sums = BootstrapSums.of({who: change for who, (_, change) in ranked.items()}, rows.group, seed)
    draws = {who: ranked[who][0] + sums.draws[:, sums.names.index(who)] for who in said}
    auc = {who: Interval.of_draws(ranked[who][0], draws[who]) for who in said}
    other = {"fit": "engagement", "engagement": "fit"}
    adds = {
        who: Interval.of_draws(ranked["model"][0] - ranked[beside][0], draws["model"] - draws[beside])
        for who, beside in other.items()
    }
    return auc, adds

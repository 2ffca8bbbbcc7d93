"""Scorecard: the model distilled into an integer points table that a marketing system's rules can hold.

The card is a sparse logistic regression on conditions (`point_rows`), fitted to what the model said, out of fold, of
each row (a student of the model: Hinton et al. 2015), so that it inherits the model's ranking and not the labels'
noise. As risk scores are made (AutoScore, Xie et al. 2020; FasterRisk, Liu et al. 2022):

1. conditions are taken one by one, each time the one that brings the most; all are refitted after each;
2. each is then taken out once, and replaced where another does better;
3. the coefficients are scaled and rounded to integers, and points moved by one where that brings the card closer to
   the model.

Points of one's acts all have one sign, that of what the model says of leads with the act against those without: more, or
more recent, acts never undo points. Windows give the decay: of "within 90 days", "within 30 days" and "within 7
days" all three hold of an act of yesterday, and fewer with every week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.logistic import sigmoid
from leadline.points.card_fit import DistillationData, fit_points
from leadline.points.conditions import Candidate, Condition, condition_masks, list_candidates

__all__ = ["MOST_ROWS", "PointsCard", "PointsRow", "distill"]

Floats: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.int64]

MOST_ROWS = 25
MOST_LEARNT = 20_000  # rows that a card is fitted to, evenly over time; more change no figure's second digit
LARGEST = (6, 8, 10)  # what the largest condition may be worth; finer points change no figure's second digit
PASSES = 3  # over all rows, of moving points by one


@dataclass(frozen=True)
class PointsRow:
    """One row of a card: what is asked, and the points that it adds."""

    condition: Condition
    points: int


@dataclass(frozen=True)
class PointsCard:
    """A points table; a lead's score is the sum of the points of the rows that hold of it."""

    rows: tuple[PointsRow, ...] = ()

    def score(self, values: pd.DataFrame) -> Points:
        """Return each row's score.

        Examples
        --------
        >>> card = PointsCard((PointsRow(Condition("n", "times", 1.0), 5), PointsRow(Condition("n", "times", 3.0), 2)))
        >>> card.score(pd.DataFrame({"n": [0.0, 1.0, 3.0]})).tolist()
        [0, 5, 7]
        """
        points = np.array([row.points for row in self.rows], dtype=np.int64)
        return np.asarray(condition_masks([row.condition for row in self.rows], values) @ points, dtype=np.int64)


def distill(specs: Sequence[Feature], matrix: Matrix, said: Floats, rows: int = MOST_ROWS) -> PointsCard:
    """Distill what a model said into a card of at most so many rows.

    Parameters
    ----------
    specs : sequence of Feature
        What the columns of the matrix are. Labels aren't read.
    said : array
        The probability that the model said of each row, out of fold.

    Returns
    -------
    PointsCard
        Without rows where nothing that rules can ask of tells leads apart.

    Examples
    --------
    >>> from leadline.core.point_in_time import Horizon
    >>> n = np.arange(400)
    >>> visits = Feature("n_7d", "behaviour", "visits", "count", "count", "visited", field="visit", by="behaviour",
    ...                  window=Horizon.parse("7d"))
    >>> rows = Matrix(pd.DataFrame({"n_7d": n % 3.0}), n % 2, np.ones(400), n, n, n + 1)
    >>> [(r.condition.low, r.points) for r in distill([visits], rows, np.where(n % 3 > 0, 0.4, 0.1)).rows]
    [(1.0, 6)]
    """
    order = matrix.order()
    order = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_LEARNT)).astype(np.int64))]
    here, target = matrix.take(order), np.clip(said[order], 1e-6, 1 - 1e-6)
    margin = np.log(target) - np.log1p(-target)
    found, holds = list_candidates(specs, here.values, here.lead, margin)
    if not found:
        return PointsCard()
    student = DistillationData(holds.astype(np.float32), _signs(found, holds, margin, here.weight), target, here.weight)
    chosen, line = fit_points(student, rows)
    points = _integer_points(student.holds[:, chosen].astype(np.float64), line, student)
    kept = [(found[n].condition, int(p)) for n, p in zip(chosen, points, strict=True) if p]
    return PointsCard(_laid_out(kept))


def _signs(found: Sequence[Candidate], holds: NDArray[np.bool_], margin: Floats, weight: Floats) -> Floats:
    """Return the sign that each candidate's points must have, 0 for any; one's acts share one."""
    signs = np.array([c.sign for c in found], dtype=np.float64)
    for acts in dict.fromkeys(c.acts for c in found if c.acts):
        mine = [n for n, c in enumerate(found) if c.acts == acts]
        there = holds[:, max(mine, key=lambda n: int(holds[:, n].sum()))]  # the weakest condition: done at all, lately
        gap = np.average(margin[there], weights=weight[there]) - np.average(margin[~there], weights=weight[~there])
        signs[mine] = np.sign(gap) or 1.0
    return signs


def _integer_points(x: Floats, coefficients: Floats, student: DistillationData) -> Points:
    """Round coefficients to points: the scale, and moves by one, that come closest to what the model said."""
    if not len(coefficients) or not np.abs(coefficients).max() > 0:
        return np.zeros(len(coefficients), dtype=np.int64)
    unit = np.abs(coefficients).max()
    tried = [np.rint(coefficients / unit * largest) for largest in LARGEST]
    losses = [_loss(x @ points, student) for points in tried]
    points = tried[int(np.argmin(np.round(losses, 6)))]
    best, score = min(losses), x @ points
    for _ in range(PASSES):
        before = best
        for place in range(len(points)):
            for step in (-1.0, 1.0):
                if points[place] == 0 or points[place] + step == 0:
                    continue  # a row keeps its sign
                told = _loss(moved := score + step * x[:, place], student)
                if told < best - 1e-7:
                    best, score = told, moved
                    points[place] += step
        if best == before:
            break
    return np.asarray(points, dtype=np.int64)


def _loss(score: Floats, student: DistillationData) -> float:
    """Return the mean log loss against the model of the best line through a score; equal scores are taken together."""
    whole, code = np.unique(score, return_inverse=True)
    mass = np.bincount(code, student.weight)
    hits = np.bincount(code, student.weight * student.target)
    x = (whole - np.average(whole, weights=mass)) / max(float(np.ptp(whole)), 1.0)
    rate = hits.sum() / mass.sum()
    line = np.array([np.log(rate / (1 - rate)), 0.0])
    for _ in range(12):
        p = sigmoid(line[0] + line[1] * x)
        bend, gap = mass * p * (1 - p), hits - mass * p
        cross = float(bend @ x)
        curve = np.array([[bend.sum(), cross], [cross, bend @ (x * x) + 1e-9]])
        step = np.linalg.solve(curve, np.array([gap.sum(), gap @ x]))
        line = line + step
        if np.abs(step).max() < 1e-9:
            break
    p = sigmoid(line[0] + line[1] * x)
    return float(-(hits @ np.log(p) + (mass - hits) @ np.log1p(-p)) / mass.sum())


def _laid_out(rows: Sequence[tuple[Condition, int]]) -> tuple[PointsRow, ...]:
    """Lay the rows out for people: acts as they are, an attribute's overlapping sets and steps as bands that exclude each other."""
    made: list[PointsRow] = []
    for feature in dict.fromkeys(c.feature for c, _ in rows):
        mine = [(c, points) for c, points in rows if c.feature == feature]
        made += [PointsRow(c, points) for c, points in mine if c.test in ("times", "ever", "unknown")]
        made += _bands(feature, [(c, points) for c, points in mine if c.test == "within"])
        made += _sets(feature, [(c, points) for c, points in mine if c.test == "among"])
    return tuple(made)


def _sets(feature: str, rows: Sequence[tuple[Condition, int]]) -> list[PointsRow]:
    """Join the levels that get the same points in all."""
    total: dict[str, int] = {}
    for condition, points in rows:
        for level in condition.levels:
            total[level] = total.get(level, 0) + points
    worth = sorted({points for points in total.values() if points}, reverse=True)
    return [
        PointsRow(Condition(feature, "among", levels=tuple(sorted(v for v, p in total.items() if p == points))), points)
        for points in worth
    ]


def _bands(feature: str, rows: Sequence[tuple[Condition, int]]) -> list[PointsRow]:
    """Cut a number where its conditions begin or end, and join neighbours that get the same points in all."""
    ends = sorted({end for c, _ in rows for end in (c.low, c.high) if end is not None})
    made: list[PointsRow] = []
    for low, high in zip([None, *ends], [*ends, None], strict=True) if ends else ():
        points = sum(
            p
            for c, p in rows
            if (c.low is None or (low is not None and c.low <= low))
            and (c.high is None or (high is not None and high <= c.high))
        )
        last = made[-1] if made else None
        if last is not None and last.points == points and last.condition.high == low:
            made[-1] = PointsRow(Condition(feature, "within", last.condition.low, high), points)
        else:
            made.append(PointsRow(Condition(feature, "within", low, high), points))
    return [row for row in made if row.points]

"""Whole-number scores and the fit × engagement grade: what a lead's score stands for among the leads of past nights.

A score is a percentile: 80 means that four in five open leads of the half year before training's newest fold had less. The
marks that it is told by lie in the bundle, so that 80 means the same next month, whoever is open then.

Fit and engagement are the two parts of one model: each feature's contribution to the log odds belongs to what a lead and its account
*are*, to what they *do*, or to neither (age, season, stage in the funnel). The three add up to the score, with the base, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from leadline.errors import DataError

if TYPE_CHECKING:
    from leadline.dataset.feature_spec import Feature

__all__ = ["AXES", "FILE", "LETTERS", "Grading", "Marks", "axis_of", "axis_sums", "letters"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Axis = Literal["fit", "engagement", "rest"]

FILE = "grades.json"
AXES: Mapping[str, Axis] = {
    "fit": "fit", "history": "fit",
    "behaviour": "engagement", "recency": "engagement", "velocity": "engagement", "account": "engagement", "committee": "engagement",
    "age": "rest", "funnel": "rest",
}  # fmt: skip
"""Which families of features are what a lead is, and which are what it and its colleagues do; a plug-in's family is neither."""

LETTERS = (("A", 90), ("B", 70), ("C", 40), ("D", 0))
"""The least score of each grade: the best tenth, the next fifth, three tenths, and the rest."""

POINTS = 100


def axis_of(spec: Feature) -> Axis:
    """Tell which part of the score a feature belongs to.

    Examples
    --------
    >>> from leadline.dataset.feature_spec import Feature
    >>> [axis_of(Feature("x", family, "x", "count", "count", "x")) for family in ("fit", "recency", "age", "weather")]
    ['fit', 'engagement', 'rest', 'rest']
    """
    return AXES.get(spec.family, "rest")


def axis_sums(specs: Sequence[Feature], contributions: Floats) -> Floats:
    """Add up each row's contributions to fit, engagement and the rest: three columns that add up to the row's.

    Examples
    --------
    >>> from leadline.dataset.feature_spec import Feature
    >>> specs = [Feature(name, name, name, "count", "count", name) for name in ("fit", "recency", "history", "age")]
    >>> axis_sums(specs, np.array([[1.0, 2.0, 4.0, 8.0]])).tolist()
    [[5.0, 2.0, 8.0]]
    """
    sums = np.zeros((len(contributions), 3))
    for column, spec in enumerate(specs):
        sums[:, ("fit", "engagement", "rest").index(axis_of(spec))] += contributions[:, column]
    return sums


def letters(score: Ints) -> npt.NDArray[np.str_]:
    """Return the grade's letter for each score.

    Examples
    --------
    >>> letters(np.array([100, 90, 89, 70, 69, 40, 39, 0])).tolist()
    ['A', 'A', 'B', 'B', 'C', 'C', 'D', 'D']
    """
    names, least = zip(*LETTERS, strict=True)
    graded: npt.NDArray[np.str_] = np.array(names)[np.argmax(score[:, None] >= np.array(least), axis=1)]
    return graded


@dataclass(frozen=True)
class Marks:
    """A hundred marks, none falling: a value's score is how many of them it reaches, those it equals counting half.

    Examples
    --------
    >>> marks = Marks.of(np.arange(1000.0), np.ones(1000))
    >>> marks.score(np.array([-1.0, 499.5, 899.5, 5000.0])).tolist()
    [0, 50, 90, 100]
    >>> Marks((1.0,))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: grades: 1 mark; expected 100 that don't fall; train again
    """

    at: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.at) != POINTS or not all(a <= b for a, b in zip(self.at, self.at[1:], strict=False)):
            noun = "mark" if len(self.at) == 1 else "marks"
            raise DataError(f"grades: {len(self.at)} {noun}; expected {POINTS} that don't fall; train again")

    @classmethod
    def of(cls, values: Floats, weight: Floats) -> Marks:
        """Take the weighted quantiles at half a percent, one and a half, and so on."""
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(weight[order])
        asked = (np.arange(POINTS) + 0.5) / POINTS * reached[-1]
        at = np.searchsorted(reached, asked, side="left").clip(max=len(values) - 1)
        return cls(tuple(values[order][at].tolist()))

    def score(self, values: Floats) -> Ints:
        """Return whole numbers from 0 to 100, never falling where values rise."""
        marks = np.array(self.at)
        below, reached = (np.searchsorted(marks, values, side=side) for side in ("left", "right"))
        return np.asarray((below + reached) // 2, dtype=np.int64)


@dataclass(frozen=True)
class Grading:
    """How a model's scores are told as whole numbers, and as a grade.

    Attributes
    ----------
    probability : Marks
        Of the probability.
    fit, engagement : Marks or None
        Of the two sums of contributions; None where the model has no features of both kinds, and so no grade.
    """

    probability: Marks
    fit: Marks | None = None
    engagement: Marks | None = None

    @classmethod
    def of(
        cls, probability: tuple[Floats, Floats], specs: Sequence[Feature], contributions: Floats, weight: Floats
    ) -> Grading:
        """Find the marks.

        Parameters
        ----------
        probability : (array, array)
            What models said of rows of past nights that they weren't fitted on, and those rows' weights.
        contributions, weight : arrays
            Each feature's part in rows of past nights (columns as `specs`), and their weights.
        """
        scale = Marks.of(*probability)
        if not {"fit", "engagement"} <= {axis_of(spec) for spec in specs} or not len(contributions):
            return cls(scale)
        fit, engagement, _ = axis_sums(specs, contributions).T
        return cls(scale, Marks.of(fit, weight), Marks.of(engagement, weight))

    def columns(self, probability: Floats, sums: Floats) -> dict[str, npt.NDArray[Any]]:
        """Return the scores' columns; `sums` are `axis_sums` of the same rows."""
        told: dict[str, npt.NDArray[Any]] = {"score": self.probability.score(probability)}
        if self.fit is None or self.engagement is None:
            return told
        fit, engagement = self.fit.score(sums[:, 0]), self.engagement.score(sums[:, 1])
        numbers = {letter: str(place + 1) for place, (letter, _) in enumerate(LETTERS)}
        grade = [a + numbers[b] for a, b in zip(letters(fit).tolist(), letters(engagement).tolist(), strict=True)]
        return {**told, "fit_score": fit, "engagement_score": engagement, "grade": np.array(grade, dtype=object)}

    def to_record(self) -> dict[str, Any]:
        """Return the marks as plain JSON values."""
        every = {"probability": self.probability, "fit": self.fit, "engagement": self.engagement}
        return {name: None if marks is None else list(marks.at) for name, marks in every.items()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Grading:
        """Read what `to_record` wrote.

        Raises
        ------
        DataError
            It isn't that.

        Examples
        --------
        >>> Grading.from_record({"probability": None})
        Traceback (most recent call last):
        ...
        leadline.errors.DataError: grades.json: can't be read; expected what train wrote; restore or train again
        """
        try:
            first, *axes = (record[name] for name in ("probability", "fit", "engagement"))
            made = [None if marks is None else Marks(tuple(float(mark) for mark in marks)) for marks in axes]
            return cls(Marks(tuple(float(mark) for mark in first)), *made)
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{FILE}: can't be read; expected what train wrote; restore or train again") from None

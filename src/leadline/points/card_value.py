"""What a scorecard is worth: the card, the model, the regression and current scoring rules on the same future cohort.

The cohort are the newest fold's rows. What is judged there is a card made of the rows before it alone; the card that is
handed out is made of all rows, in the same way. Sales work the list as in the capacity table: no lead again within the
horizon, and one that gets there counts once; leads tied at a cut share what room is left. Intervals draw accounts again,
the same draws for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import WEEK
from leadline.core.rng import Stream, generator
from leadline.evaluation.capacity import STEPS
from leadline.evaluation.worklist import Worklist, build_worklist, people_found
from leadline.metrics.bootstrap import bootstrap_weights
from leadline.metrics.intervals import Interval

__all__ = ["CardBand", "CardCohort", "CardValue", "CardWork", "best_per_lead_week", "card_bands", "evaluate_card"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REPEATS = 200
BEST = 0.10  # the best tenth
SHARES = (0.10, 0.30, 0.60)  # of the rows, where a flat file has no weeks
NAMES = ("A", "B", "C")


@dataclass(frozen=True)
class CardCohort:
    """Rows of one span of time, what came of them, and what was said of them; one entry a row.

    Attributes
    ----------
    y, weight : float arrays
        The label, and how many leads a row stands for.
    lead, group : arrays
        Whose row it is; of which account, which intervals draw.
    as_of : int array
        When, in microseconds; a flat file's order.
    said : mapping of str to float array
        Scores by who said them; higher is better.
    per_week : float or None
        How many leads sales work in a week; None for a flat file, whose best tenth is looked at.
    horizon, every : int, int or None
        For how long a lead that was worked is left alone, and the time between two nights, in microseconds.
    earlier : CardCohort or None
        Rows of the folds before, with the same rankings: work began there, and what it found isn't counted.
    """

    y: Floats
    weight: Floats
    lead: npt.NDArray[Any]
    group: npt.NDArray[Any]
    as_of: Ints
    said: Mapping[str, Floats]
    per_week: float | None = None
    horizon: int = 0
    every: int | None = None
    earlier: CardCohort | None = None

    @property
    def weeks(self) -> float:
        """How many weeks there are; a flat file's rows are all of one."""
        if self.per_week is None or not len(self.as_of):
            return 1.0
        return float(len(np.unique((self.as_of - self.as_of.min()) // WEEK)))

    @property
    def room(self) -> float:
        """How many leads are taken in all weeks together."""
        return BEST * float(self.weight.sum()) if self.per_week is None else self.per_week * self.weeks


@dataclass(frozen=True)
class CardWork:
    """A cohort as sales would have worked it, with the rows before it; one entry a row.

    Attributes
    ----------
    listing : Worklist
        Who could be worked when.
    y, group, counts : arrays
        The label; the account; and which rows are the cohort's own, its first ones.
    said : mapping of str to float array
        Scores by who said them.
    room : float
        How many leads a night works.
    """

    listing: Worklist
    y: Floats
    group: npt.NDArray[Any]
    counts: npt.NDArray[np.bool_]
    said: Mapping[str, Floats]
    room: float

    @classmethod
    def of(cls, cohort: CardCohort) -> CardWork:
        """Lay out the nights of a cohort; a flat file is one night."""
        past = None if cohort.per_week is None else cohort.earlier
        rows = (cohort,) if past is None else (cohort, past)
        y, weight, lead, group, as_of = (
            np.concatenate([np.asarray(getattr(part, name)) for part in rows])
            for name in ("y", "weight", "lead", "group", "as_of")
        )
        said = {who: np.concatenate([part.said[who] for part in rows]) for who in cohort.said}
        if cohort.per_week is None:
            as_of = np.zeros(len(y), dtype=np.int64)
        listing = build_worklist(as_of, lead, weight, cohort.horizon, cohort.every)
        counts = np.arange(len(y)) < len(cohort.y)
        nights = len(np.unique(listing.night[counts]))
        return cls(listing, y, group, counts, said, cohort.room / max(nights, 1))

    def outcomes(self, who: str, times: Floats | None = None) -> tuple[Floats, Floats]:
        """Return how many leads a ranking works, and what of each lead's outcome it finds: `people_found`."""
        return people_found(self.listing, self.said[who], self.room, self.y, self.counts, times)


@dataclass(frozen=True)
class CardValue:
    """What each ranking is worth on the cohort, and what the card keeps of the model.

    Attributes
    ----------
    rows, positives, weeks : int, int, float
        Of the cohort.
    room : float
        How many leads a week are taken (a flat file: in all).
    by : mapping of str to mapping of str to Interval
        By who ranks: `auc`, `lift_10`, `precision` of the leads worked, and how many a week are `expected` to get there.
    kept : Interval
        The card's lift of the best tenth over the model's.
    ahead : mapping of str to Interval
        How many more leads a week get there by the card than by each of the others (below 0: fewer).
    """

    rows: int
    positives: int
    weeks: float
    room: float
    by: Mapping[str, Mapping[str, Interval]]
    kept: Interval
    ahead: Mapping[str, Interval]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


@dataclass(frozen=True)
class CardBand:
    """A band of the card's scores: from how many points on, and how many leads a week stand there or above."""

    name: str
    at_least: int
    leads_per_week: float


def best_per_lead_week(cohort: CardCohort) -> CardCohort:
    """Take each lead once a week: at its best by each ranking, positive where any of its rows is; a flat file stays as it is.

    Examples
    --------
    >>> rows = CardCohort(np.array([0.0, 1.0]), np.ones(2), np.array(["a", "a"]), np.array(["a", "a"]), np.array([0, 1]),
    ...               {"card": np.array([5.0, 3.0])}, per_week=1.0)
    >>> week = best_per_lead_week(rows)
    >>> week.y.tolist(), week.said["card"].tolist()
    ([1.0], [5.0])
    """
    if cohort.per_week is None or not len(cohort.y):
        return cohort
    _, who = np.unique(cohort.lead.astype(str), return_inverse=True)
    week = (cohort.as_of - cohort.as_of.min()) // WEEK
    order = np.lexsort((who, week))
    starts = np.flatnonzero(np.append(True, (np.diff(who[order]) != 0) | (np.diff(week[order]) != 0)))

    def best(values: Floats) -> Floats:
        return np.asarray(np.maximum.reduceat(values[order], starts), dtype=np.float64)

    first = order[starts]
    return replace(
        cohort, y=best(cohort.y), weight=best(cohort.weight), lead=cohort.lead[first], group=cohort.group[first],
        as_of=cohort.as_of[first], said={who: best(score) for who, score in cohort.said.items()},
    )  # fmt: skip


def evaluate_card(cohort: CardCohort, seed: int, repeats: int = REPEATS) -> CardValue:
    """Judge every ranking of the cohort; `said` must have ``card`` and ``model``.

    Examples
    --------
    >>> n = np.arange(200)
    >>> y = (n % 10 == 0) * 1.0
    >>> rows = CardCohort(y, np.ones(200), n, n, n, {"card": y, "model": y - 0.01 * n, "points": -y})
    >>> told = evaluate_card(rows, seed=7, repeats=20)
    >>> told.by["card"]["auc"].value, round(told.by["card"]["lift_10"].value, 1), told.ahead["points"].value
    (1.0, 10.0, 20.0)
    """
    work = CardWork.of(cohort)
    draws: dict[str, dict[str, Floats]] = {who: {} for who in cohort.said}

    def told(who: str, values: Mapping[str, Floats]) -> None:
        for measure, more in values.items():
            draws[who][measure] = np.append(draws[who].get(measure, np.empty(0)), more)

    for times in bootstrap_weights(cohort.group, generator(seed, Stream.POINTS_CARD), repeats):
        for who, score in cohort.said.items():
            told(who, _ranked(score, cohort, times))
    for times in bootstrap_weights(work.group, generator(seed, Stream.POINTS_CARD), repeats):
        for who in cohort.said:
            worked, found = work.outcomes(who, times)
            with np.errstate(divide="ignore", invalid="ignore"):
                told(who, {"precision": found.sum(axis=0) / worked, "expected": found.sum(axis=0) / cohort.weeks})
    by = {who: {measure: _interval_of(values) for measure, values in found.items()} for who, found in draws.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = _interval_of(draws["card"]["lift_10"] / draws["model"]["lift_10"])
    ahead = {
        who: _interval_of(draws["card"]["expected"] - found["expected"])
        for who, found in draws.items()
        if who != "card"
    }
    return CardValue(
        len(cohort.y), int(cohort.y.sum()), cohort.weeks, cohort.room / cohort.weeks, by, kept, ahead
    )  # fmt: skip


def card_bands(cohort: CardCohort, who: str = "card") -> tuple[CardBand, ...]:
    """Lay the thresholds of whole scores: band A holds about what sales can work in a week, B and C two and four weeks more.

    Examples
    --------
    >>> n = np.arange(100)
    >>> rows = CardCohort(np.zeros(100), np.ones(100), n, n, np.zeros(100, dtype=np.int64), {"card": n // 10 * 1.0}, per_week=8.0)
    >>> [(b.name, b.at_least, b.leads_per_week) for b in card_bands(rows)]
    [('A', 9, 10.0), ('B', 8, 20.0), ('C', 4, 60.0)]
    """
    rows = best_per_lead_week(cohort)
    score, place = np.unique(rows.said[who], return_inverse=True)
    above = np.cumsum(np.bincount(place, rows.weight)[::-1])[::-1] / cohort.weeks
    if cohort.per_week is None:
        wanted = [share * float(rows.weight.sum()) for share in SHARES]
    else:
        wanted = [cohort.per_week * step for step in STEPS]
    made: list[CardBand] = []
    for name, k in zip(NAMES, wanted, strict=True):
        nearest = int(np.argmin(np.abs(above - k)[::-1]))
        at = len(score) - 1 - nearest
        if not made or score[at] < made[-1].at_least:
            made.append(CardBand(name, int(score[at]), float(above[at])))
    return tuple(made)


def _ranked(score: Floats, cohort: CardCohort, times: Floats) -> dict[str, Floats]:
    """Return how one ranking orders the rows in each world; equal scores aren't told apart."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    mass = np.add.reduceat((cohort.weight[:, None] * times)[order], starts, axis=0)
    hits = np.add.reduceat(((cohort.weight * cohort.y)[:, None] * times)[order], starts, axis=0)
    total, every = mass.sum(axis=0), hits.sum(axis=0)
    before = np.cumsum(mass, axis=0) - mass
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(mass > 0, hits / mass, 0.0)
        misses = mass - hits
        below = misses.sum(axis=0) - np.cumsum(misses, axis=0)
        reach = BEST * total
        top = (rate * np.clip(reach - before, 0.0, mass)).sum(axis=0)
        return {
            "auc": (hits * (below + misses / 2)).sum(axis=0) / (every * misses.sum(axis=0)),
            "lift_10": top / reach / (every / total),
        }


def _interval_of(values: Floats) -> Interval:
    """Return the figure of the world as it was, and the interval over those drawn."""
    return Interval.of_draws(values[0], values[1:])

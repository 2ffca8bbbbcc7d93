"""Sales at work on a list: which leads a night's capacity takes, best first, and who is then left alone for a while.

The rule, for whoever ranks:

- a night takes the best leads until its room is full; leads tied at the cut share what room is left, as random order
  would give on average, so that the order of rows changes nothing;
- a lead that was worked isn't worked again within the horizon: the question that picked it, "does it get there within
  the horizon?", is still open, and a list that brings the same leads each night is of no use. After that it may come again;
- a row of weight w stands for w leads: it takes w leads' room, and brings what w leads bring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import WEEK

__all__ = ["Worklist", "build_worklist", "people_found", "take_top", "work_down"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Worklist:
    """Who could be worked at which night; one entry a row.

    Attributes
    ----------
    night, as_of : int64 arrays
        The number of the row's night, from 0, and the row's own instant.
    lead : int64 array
        Whose row it is, as a number from 0.
    weight : float64 array
        How many leads it stands for.
    at : int64 array
        Each night's instant, in microseconds, rising.
    horizon : int
        For how long, in microseconds, a lead that was worked is left alone.
    """

    night: Ints
    as_of: Ints
    lead: Ints
    weight: Floats
    at: Ints
    horizon: int

    @cached_property
    def nights(self) -> list[Ints]:
        """Each night's rows."""
        order = np.argsort(self.night, kind="stable")
        return np.split(order, np.searchsorted(self.night[order], np.arange(1, len(self.at))))

    @cached_property
    def leads(self) -> int:
        """How many leads there are."""
        return int(self.lead.max()) + 1 if len(self.lead) else 0

    @cached_property
    def repeats(self) -> bool:
        """Whether a lead may stand more than once on one night's list."""
        return len(np.unique(self.night * self.leads + self.lead)) < len(self.lead)


def build_worklist(
    as_of: Ints, lead: npt.NDArray[np.object_], weight: Floats, horizon: int, every: int | None = None
) -> Worklist:
    """Lay out the nights of some snapshots.

    Parameters
    ----------
    horizon : int
        How far ahead the question looks, in microseconds.
    every : int, optional
        The length between two dates of the calendar grid, each of which is a night. Without it, as with landmarks, rows
        have instants of their own: a night is then the end of a week, and a lead's best row of that week is what counts.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> rows = np.array([0, 1, 8, 8]) * day, np.array(["a", "b", "a", "b"], object), np.ones(4)
    >>> build_worklist(*rows, horizon=day, every=day).night.tolist(), build_worklist(*rows, horizon=day).night.tolist()
    ([0, 1, 2, 2], [0, 0, 1, 1])
    """
    instants = as_of if every is not None or not len(as_of) else as_of - (as_of - as_of.min()) % WEEK
    at, night = np.unique(instants, return_inverse=True)
    _, who = np.unique(lead.astype(str), return_inverse=True)
    return Worklist(night.astype(np.int64), as_of, who.astype(np.int64), weight, at.astype(np.int64), horizon)


def take_top(score: Floats, mass: Floats, room: float) -> Floats:
    """Return which share of each row the room takes, best first.

    Parameters
    ----------
    score : array of n
        Higher is better. Rows of equal score get equal shares.
    mass : array of n, or of n by draws
        How much room a row takes; a column each for several drawn worlds.
    room : float
        How much is taken in all, if there is so much.

    Returns
    -------
    array of the shape of `mass`
        1 for what is taken whole, 0 for what isn't taken, or something between for those tied at the cut.

    Examples
    --------
    >>> take_top(np.array([0.9, 0.2, 0.5, 0.5]), np.ones(4), room=2).tolist()
    [1.0, 0.0, 0.5, 0.5]
    >>> take_top(np.array([0.9, 0.2]), np.ones(2), room=5).tolist()
    [1.0, 1.0]
    """
    if not len(score):
        return np.zeros_like(mass)
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    together = np.add.reduceat(mass[order], starts, axis=0)
    before = np.cumsum(together, axis=0) - together
    part = np.clip(room - before, 0.0, together)
    part = np.divide(part, together, out=np.zeros_like(part), where=together > 0)
    share = np.empty_like(mass)
    share[order] = np.repeat(part, np.diff(np.append(starts, len(score))), axis=0)
    return share


def work_down(
    listing: Worklist, score: Floats, room: float | Floats, times: Floats | None = None
) -> Iterator[tuple[int, Ints, Floats]]:
    """Work the list night by night.

    Parameters
    ----------
    score : array
        One a row of the listing; higher is better.
    room : float, or an array with one entry a night
        How many leads a night works.
    times : array of rows by draws, optional
        How often each row stands in each of several drawn worlds; all are worked at once.

    Yields
    ------
    tuple
        The night's number, its rows (one a lead: its best), and which share of each was worked: an array of rows, or of
        rows by draws.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> rows = np.array([0, 0, 1, 1, 9, 9]) * day, np.array(["a", "b"] * 3, object), np.ones(6)
    >>> listing = build_worklist(*rows, horizon=7 * day, every=day)
    >>> best = np.array([0.9, 0.1] * 3)
    >>> [part.tolist() for _, _, part in work_down(listing, best, room=1)]  # a, then b, then a again
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    shape = (listing.leads,) if times is None else (listing.leads, times.shape[1])
    left, rooms = np.ones(shape), np.broadcast_to(room, len(listing.nights))
    resting: deque[tuple[int, Ints, Floats]] = deque()
    for night, rows in enumerate(listing.nights):
        now = int(listing.at[night])
        while resting and resting[0][0] + listing.horizon <= now:
            _, who, part = resting.popleft()
            left[who] = np.minimum(left[who] + part, 1.0)
        rows = _best(listing, rows, score) if listing.repeats else rows
        who = listing.lead[rows]
        weight = listing.weight[rows] if times is None else listing.weight[rows, None] * times[rows]
        part = left[who] * take_top(score[rows], weight * left[who], float(rooms[night]))
        left[who] -= part
        resting.append((now, who, part))
        yield night, rows, part


def people_found(
    listing: Worklist, score: Floats, room: float | Floats, y: Floats, counts: Flags, times: Floats | None = None
) -> tuple[Floats, Floats]:
    """Work the list, and tell how many leads were worked and which outcomes that found, each person's once.

    Parameters
    ----------
    y : array
        Each row's label.
    counts : bool array
        Which rows are counted; the others are worked, and rest, but tell nothing.
    times : array of rows by draws, optional
        As `work_down` takes it.

    Returns
    -------
    worked : array of draws
        Leads worked at rows that count; one figure without draws.
    found : array of leads, or of leads by draws
        For each lead, how much of its outcome a night that counts has found.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> listing = build_worklist(np.array([0, 0, 1, 1]) * day, np.array(["a", "b"] * 2, object), np.ones(4), horizon=day, every=day)
    >>> worked, found = people_found(listing, np.array([0.9, 0.1] * 2), 1, np.array([1.0, 0, 1, 0]), np.ones(4, dtype=bool))
    >>> float(worked), found.tolist()  # a is worked twice, and is one outcome
    (2.0, [1.0, 0.0])
    """
    worlds = () if times is None else (times.shape[1],)
    still, found, worked = np.ones((listing.leads, *worlds)), np.zeros((listing.leads, *worlds)), np.zeros(worlds)
    for _, rows, part in work_down(listing, score, room, times):
        stands = listing.weight[rows] if times is None else listing.weight[rows, None] * times[rows]
        worked = worked + (stands * part)[counts[rows]].sum(axis=0)
        hit = np.flatnonzero(y[rows] > 0)
        who = listing.lead[rows[hit]]
        got = np.minimum(part[hit], still[who])
        still[who] -= got
        told = counts[rows[hit]]
        found[who[told]] += (got * stands[hit])[told]
    return worked, found


def _best(listing: Worklist, rows: Ints, score: Floats) -> Ints:
    """Keep each lead's best row of a night; of equals, the earliest."""
    order = rows[np.lexsort((listing.as_of[rows], -score[rows], listing.lead[rows]))]
    first = np.append(True, np.diff(listing.lead[order]) != 0)
    best: Ints = order[first]
    return best

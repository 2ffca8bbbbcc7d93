"""Top-N backtest: past nights, each scored by a model that knew only what was known.

At each night of the backtest's tests, the capacity takes the best leads (`judge.picking` has the rule), by the model and by
each peer, on the same nights, with the same capacity. Counted are the leads that get there within the horizon of the night
that picked them, and, at nights for which that is ripe, those that close as won within `outcome.won_within`, and what their
deals brought. A lead counts once for each, for the first night that picked it so.

Intervals draw accounts again (leads where there are none) and work the list anew in each drawn world, so that they hold
what the cut itself owes to chance; whoever ranks is judged on the same worlds, which is what makes differences fair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leadline.interval import percentile_interval
from leadline.judge.nights import Ahead, Nights, Terms, Worked
from leadline.judge.picking import Floats, Listing, work
from leadline.judge.rankers import SAYERS
from leadline.judge.worlds import worlds
from leadline.streams import Stream, generator

__all__ = ["Past", "replay"]

REPEATS = 200
MEASURES = ("worked", "sqls", "newest_worked", "newest_sqls", "won", "amount")

Draws = dict[str, Floats]


@dataclass(frozen=True)
class Past:
    """The rows of past nights, what became of them, and what was said; one entry a row.

    Attributes
    ----------
    listing : Listing
        Who could be worked when.
    y, won : float arrays
        The label, and closed-won (NaN where not ripe).
    amount : float array or None
        What closed-won deals brought; None where nobody says.
    newest : bool array
        Which rows are the newest fold's.
    group : array
        Whose account; what intervals resample.
    said : mapping of str to float array
        Scores by who said them.
    room : float
        How many leads a night works.
    terms : Terms
        What was asked, in words.
    """

    listing: Listing
    y: Floats
    won: Floats
    amount: Floats | None
    newest: npt.NDArray[np.bool_]
    group: npt.NDArray[np.object_]
    said: Mapping[str, Floats]
    room: float
    terms: Terms = field(default_factory=Terms)

    @cached_property
    def thinned(self) -> bool:
        """Whether some rows stand for several leads."""
        return bool(np.any(self.listing.weight != 1))

    @cached_property
    def ripe(self) -> npt.NDArray[np.bool_]:
        """Which nights' closed-won can be counted: it is known of all their rows, and no row stands for others.

        A win outside the horizon is a negative's. Where those are thinned, such a row stands for other nights of its own
        lead too, and its win would count several times (on a demo world, thinned tenfold, 49 wins for 32).
        """
        known = [not self.thinned and bool(np.isfinite(self.won[rows]).all()) for rows in self.listing.nights]
        return np.array(known, dtype=bool)


def replay(past: Past, seed: int, repeats: int = REPEATS) -> Nights:
    """Work the list by everybody's ranking.

    Examples
    --------
    >>> from leadline.judge.picking import listing_of
    >>> day, n = 86_400_000_000, np.arange(40)
    >>> y = (n % 4 == 0) * 1.0
    >>> listing = listing_of(n // 20 * day, n.astype(str).astype(object), np.ones(40), horizon=7 * day, every=day)
    >>> past = Past(listing, y, y, None, n >= 20, n.astype(str).astype(object), {"model": y, "points": -y}, room=5)
    >>> [(w.by, w.sqls, w.precision, w.won) for w in replay(past, seed=7).rankers]
    [('model', 10.0, 1.0, 10.0), ('points', 0.0, 0.0, 0.0), ('random', 2.5, 0.25, 2.5)]
    """
    listing = past.listing
    said = {**past.said, "random": np.zeros(len(past.y))}
    found = {by: Draws() for by in SAYERS if by in said}
    for times in worlds(past.group, generator(seed, Stream.REPLAYING), repeats):
        for by, draws in found.items():
            for measure, values in zip(MEASURES, _harvest(past, said[by], times), strict=True):
                draws[measure] = np.append(draws.get(measure, np.empty(0)), values)
    newest = [bool(past.newest[rows].any()) for rows in listing.nights]
    return Nights(
        len(listing.at), sum(newest), int(past.ripe.sum()), past.room, int(listing.at[0]), int(listing.at[-1]),
        past.thinned, tuple(_worked(by, draws) for by, draws in found.items()),
        tuple(_ahead(by, found["model"], draws) for by, draws in found.items() if by != "model"),
        past.terms,
    )  # fmt: skip


def _harvest(past: Past, score: Floats, times: Floats) -> Floats:
    """Work the list in each world; return each of `MEASURES`, by world."""
    listing, worlds = past.listing, times.shape[1]
    total = np.zeros((len(MEASURES), worlds))
    open_sql, open_won = (np.ones((listing.leads, worlds)) for _ in range(2))
    for night, rows, part in work(listing, score, past.room, times):
        stands = listing.weight[rows, None] * times[rows]
        newest = past.newest[rows].astype(np.float64)
        mass = stands * part
        total[0] += mass.sum(axis=0)
        total[2] += newest @ mass
        hit = np.flatnonzero(past.y[rows] > 0)
        brought = _credit(open_sql, listing.lead[rows[hit]], part[hit]) * stands[hit]
        total[1] += brought.sum(axis=0)
        total[3] += newest[hit] @ brought
        if past.ripe[night]:
            hit = np.flatnonzero(past.won[rows] > 0)
            brought = _credit(open_won, listing.lead[rows[hit]], part[hit]) * stands[hit]
            total[4] += brought.sum(axis=0)
            total[5] += past.amount[rows[hit]] @ brought if past.amount is not None else 0.0
    if not past.ripe.any():
        total[4] = np.nan
    if past.amount is None or not past.ripe.any():
        total[5] = np.nan
    return total


def _credit(still: Floats, who: npt.NDArray[np.int64], part: Floats) -> Floats:
    """Return which share of a lead's outcome counts here: what wasn't counted at a night before."""
    got: Floats = np.minimum(part, still[who])
    still[who] -= got
    return got


def _worked(by: str, draws: Draws) -> Worked:
    first = {measure: float(values[0]) for measure, values in draws.items()}
    return Worked(
        by, first["worked"], *_around(draws["sqls"]), _share(first["sqls"], first["worked"]), first["newest_sqls"],
        _share(first["newest_sqls"], first["newest_worked"]), *_around(draws["won"]), *_around(draws["amount"]),
    )  # fmt: skip


def _ahead(by: str, model: Draws, peer: Draws) -> Ahead:
    gaps = [_around(model[measure] - peer[measure]) for measure in ("sqls", "won", "amount")]
    return Ahead(by, *gaps[0], *gaps[1], *gaps[2])


def _around(values: Floats) -> tuple[float, float, float]:
    """Return the figure of the world as it was, and the interval over those drawn."""
    return float(values[0]), *percentile_interval(values[1:])


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")

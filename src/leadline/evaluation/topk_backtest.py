"""The record of working the top of the list at past nights: by the model, by each peer, and how far the two are apart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core import format
from leadline.core.checks import Check, Severity
from leadline.core.jsonable import to_jsonable
from leadline.core.rng import Stream, generator
from leadline.evaluation.baselines import in_order
from leadline.evaluation.worklist import Floats, Worklist, work_down
from leadline.metrics.bootstrap import bootstrap_weights
from leadline.metrics.intervals import percentile_interval

__all__ = [
    "AFTER_TRAINING",
    "BacktestTerms",
    "ReplayRows",
    "TopKBacktest",
    "TopKDifference",
    "TopKResult",
    "run_topk_backtest",
    "topk_lines",
]

WIDTH = 80  # columns of a terminal


@dataclass(frozen=True)
class BacktestTerms:
    """What was asked, in words: what leads reach, how far apart the nights are, how far the question and the deals look."""

    what: str = "SQLs"
    every: str = "7d"
    within: str = "30d"
    won_within: str = "90d"


@dataclass(frozen=True)
class TopKResult:
    """What working one ranking would have brought; NaN where it isn't known, intervals are 95%.

    Attributes
    ----------
    by : str
        Who ranked.
    worked, sqls, precision : float
        Leads worked over all nights; those that got there within the horizon; their share.
    newest_sqls, newest_precision : float
        The same in the newest fold alone, which chose nothing.
    won, amount : float
        At dates old enough: leads that closed as won, and what their deals brought.
    """

    by: str
    worked: float
    sqls: float
    sqls_low: float
    sqls_high: float
    precision: float
    newest_sqls: float
    newest_precision: float
    won: float
    won_low: float
    won_high: float
    amount: float
    amount_low: float
    amount_high: float


@dataclass(frozen=True)
class TopKDifference:
    """By how much the model is ahead of a peer, with 95% intervals over the same drawn worlds."""

    by: str
    sqls: float
    sqls_low: float
    sqls_high: float
    won: float
    won_low: float
    won_high: float
    amount: float
    amount_low: float
    amount_high: float


@dataclass(frozen=True)
class TopKBacktest:
    """The backtest as it would have been used.

    Attributes
    ----------
    nights, newest_nights, won_nights : int
        How many were worked; how many of them in the newest fold; how many are old enough for closed-won.
    per_night : float
        How many leads a night works.
    starts_at, ends_at : int
        The first and the last night, in microseconds.
    thinned : bool
        Whether some rows stand for several leads; closed-won isn't counted then.
    rankers : tuple of TopKResult
        The model first.
    model_minus_baseline : tuple of TopKDifference
        The model against each of the others.
    terms : BacktestTerms
        What was asked, in words.
    reason : str
        Why there are no nights, or "".
    """

    nights: int = 0
    newest_nights: int = 0
    won_nights: int = 0
    per_night: float = float("nan")
    starts_at: int = 0
    ends_at: int = 0
    thinned: bool = False
    rankers: tuple[TopKResult, ...] = ()
    model_minus_baseline: tuple[TopKDifference, ...] = ()
    terms: BacktestTerms = BacktestTerms()
    reason: str = ""

    def to_record(self) -> dict[str, Any] | None:
        """Return plain JSON values, None for what isn't known; None where there are no nights."""
        if not self.rankers:
            return None
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def topk_lines(told: TopKBacktest) -> list[str]:
    """Say the nights in a table of at most 80 columns, the model first.

    Examples
    --------
    >>> topk_lines(TopKBacktest(reason="a flat file has no nights"))
    ['No top-N backtest: a flat file has no nights.']
    """
    if not told.rankers:
        return [f"No top-N backtest: {told.reason}."]
    terms = told.terms
    table = next(
        (rows for rows in (_align_columns(_rows(told, room)) for room in (2, 1)) if max(map(len, rows)) <= WIDTH),
        _align_columns(_rows(told, 0)),
    )
    newest = ", ".join(f"{w.by} {_n(w.newest_sqls)}" for w in told.rankers)
    thinned = ", negatives thinned" if told.thinned else ""
    return [
        *_folded(
            f"Top-{told.per_night:.4g} backtest (precision@{told.per_night:.4g} over {told.nights} scoring dates), a lead once in {terms.within}{thinned}:"
        ),
        *table,
        "won, amount: can't be counted where negatives are thinned (snapshots.max)"
        if told.thinned
        else f"won, amount: within {terms.won_within} of the {told.won_nights} dates that are old enough",
        *_folded(f"in the newest fold alone, which chose nothing ({told.newest_nights} dates): {newest}"),
    ]


def _rows(told: TopKBacktest, room: int) -> list[list[str]]:
    """Make the table's cells; with less room, closed-won loses its interval, then the difference its own."""
    gaps = {gap.by: gap for gap in told.model_minus_baseline}
    what = told.terms.what.replace("opportunities", "opps")
    rows = [["by", f"{what} (95%)", "model ahead by", "prec.", "won (95%)" if room > 1 else "won", "amount"]]
    for w in told.rankers:
        gap, ahead = gaps.get(w.by), "–"
        if gap:
            spread = f" ({_n(gap.sqls_low, True)} to {_n(gap.sqls_high, True)})" if gap.sqls_low == gap.sqls_low else ""
            ahead = _n(gap.sqls, True) + (spread if room else "")
        rows.append([
            w.by, _between(w.sqls, w.sqls_low, w.sqls_high), ahead, format.share(w.precision),
            _between(w.won, w.won_low, w.won_high) if room > 1 else _n(w.won), _n(w.amount),
        ])  # fmt: skip
    return rows


def _n(value: float, sign: bool = False) -> str:
    whole = round(value) if value == value else 0  # no sign before a 0
    return f"{whole:{'+' if sign and whole else ''},d}" if value == value else "–"


def _between(value: float, low: float, high: float) -> str:
    return f"{_n(value)} ({_n(low)}–{_n(high)})" if low == low else _n(value)


def _align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns, the first to the left, the others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]  # fmt: skip


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def fewer_deals_closed(told: TopKBacktest) -> Iterator[tuple[str, str, str, str, int]]:
    """Tell a model that finds as many leads as a peer, or more, of which fewer close, by more than noise."""
    what = told.terms.what
    for gap in told.model_minus_baseline:
        if gap.sqls >= 0 and gap.won_high < 0:
            yield (
                f"top-N backtest, against {gap.by}",
                f"{gap.sqls:,.0f} more {what}, but {-gap.won:,.0f} fewer closed-won (95%: {-gap.won_high:,.0f} to {-gap.won_low:,.0f})",
                f"{what} that close as often",
                "look at which sources and segments the model puts on top; ask for a later stage (outcome.reaches) if these don't pay",
                0,
            )


def _missing_deals_note(told: TopKBacktest) -> str:
    if not told.rankers:
        return told.reason
    if told.thinned:
        return "negatives are thinned (snapshots.max), so that a lead's win can't be counted once"
    return "" if told.won_nights else f"no scoring date is old enough to count closed-won ({told.terms.won_within})"


AFTER_TRAINING: tuple[Check[TopKBacktest], ...] = (
    Check(
        "LL309", "leads that never close", Severity.WARNING, fewer_deals_closed,
        "A score that finds leads which get there and then never close keeps sales busy and brings nothing.", _missing_deals_note,
    ),
)  # fmt: skip


# Top-N backtest: past nights, each scored by a model that knew only what was known.
#
# At each night of the backtest's tests, the capacity takes the best leads (`evaluation/worklist.py` has the rule), by the model and by
# each peer, on the same nights, with the same capacity. Counted are the leads that get there within the horizon of the night
# that picked them, and, at nights for which that is ripe, those that close as won within `outcome.won_within`, and what their
# deals brought. A lead counts once for each, for the first night that picked it so.
#
# Intervals draw accounts again (leads where there are none) and work the list anew in each drawn world, so that they hold
# what the cut itself owes to chance; whoever ranks is judged on the same worlds, which is what makes differences fair.


REPEATS = 200

MEASURES = ("worked", "sqls", "newest_worked", "newest_sqls", "won", "amount")

Draws = dict[str, Floats]


@dataclass(frozen=True)
class ReplayRows:
    """The rows of past nights, what became of them, and what was said; one entry a row.

    Attributes
    ----------
    listing : Worklist
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
    terms : BacktestTerms
        What was asked, in words.
    """

    listing: Worklist
    y: Floats
    won: Floats
    amount: Floats | None
    newest: npt.NDArray[np.bool_]
    group: npt.NDArray[np.object_]
    said: Mapping[str, Floats]
    room: float
    terms: BacktestTerms = field(default_factory=BacktestTerms)

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


def run_topk_backtest(past: ReplayRows, seed: int, repeats: int = REPEATS) -> TopKBacktest:
    """Work the list by everybody's ranking.

    Examples
    --------
    >>> from leadline.evaluation.worklist import build_worklist
    >>> day, n = 86_400_000_000, np.arange(40)
    >>> y = (n % 4 == 0) * 1.0
    >>> listing = build_worklist(n // 20 * day, n.astype(str).astype(object), np.ones(40), horizon=7 * day, every=day)
    >>> past = ReplayRows(listing, y, y, None, n >= 20, n.astype(str).astype(object), {"model": y, "points": -y}, room=5)
    >>> [(w.by, w.sqls, w.precision, w.won) for w in run_topk_backtest(past, seed=7).rankers]
    [('model', 10.0, 1.0, 10.0), ('points', 0.0, 0.0, 0.0), ('random', 2.5, 0.25, 2.5)]
    """
    listing = past.listing
    said = {**past.said, "random": np.zeros(len(past.y))}
    found = {by: Draws() for by in in_order(said)}
    for times in bootstrap_weights(past.group, generator(seed, Stream.REPLAYING), repeats):
        for by, draws in found.items():
            for measure, values in zip(MEASURES, _collect_outcomes(past, said[by], times), strict=True):
                draws[measure] = np.append(draws.get(measure, np.empty(0)), values)
    newest = [bool(past.newest[rows].any()) for rows in listing.nights]
    return TopKBacktest(
        len(listing.at), sum(newest), int(past.ripe.sum()), past.room, int(listing.at[0]), int(listing.at[-1]),
        past.thinned, tuple(_topk_result(by, draws) for by, draws in found.items()),
        tuple(_topk_difference(by, found["model"], draws) for by, draws in found.items() if by != "model"),
        past.terms,
    )  # fmt: skip


def _collect_outcomes(past: ReplayRows, score: Floats, times: Floats) -> Floats:
    """Work the list in each world; return each of `MEASURES`, by world."""
    listing, worlds = past.listing, times.shape[1]
    total = np.zeros((len(MEASURES), worlds))
    open_sql, open_won = (np.ones((listing.leads, worlds)) for _ in range(2))
    for night, rows, part in work_down(listing, score, past.room, times):
        stands = listing.weight[rows, None] * times[rows]
        newest = past.newest[rows].astype(np.float64)
        mass = stands * part
        total[0] += mass.sum(axis=0)
        total[2] += newest @ mass
        hit = np.flatnonzero(past.y[rows] > 0)
        brought = _first_time_share(open_sql, listing.lead[rows[hit]], part[hit]) * stands[hit]
        total[1] += brought.sum(axis=0)
        total[3] += newest[hit] @ brought
        if past.ripe[night]:
            hit = np.flatnonzero(past.won[rows] > 0)
            brought = _first_time_share(open_won, listing.lead[rows[hit]], part[hit]) * stands[hit]
            total[4] += brought.sum(axis=0)
            total[5] += past.amount[rows[hit]] @ brought if past.amount is not None else 0.0
    if not past.ripe.any():
        total[4] = np.nan
    if past.amount is None or not past.ripe.any():
        total[5] = np.nan
    return total


def _first_time_share(still: Floats, who: npt.NDArray[np.int64], part: Floats) -> Floats:
    """Return which share of a lead's outcome counts here: what wasn't counted at a night before."""
    got: Floats = np.minimum(part, still[who])
    still[who] -= got
    return got


def _topk_result(by: str, draws: Draws) -> TopKResult:
    first = {measure: float(values[0]) for measure, values in draws.items()}
    return TopKResult(
        by, first["worked"], *_with_interval(draws["sqls"]), _share(first["sqls"], first["worked"]), first["newest_sqls"],
        _share(first["newest_sqls"], first["newest_worked"]), *_with_interval(draws["won"]), *_with_interval(draws["amount"]),
    )  # fmt: skip


def _topk_difference(by: str, model: Draws, peer: Draws) -> TopKDifference:
    gaps = [_with_interval(model[measure] - peer[measure]) for measure in ("sqls", "won", "amount")]
    return TopKDifference(by, *gaps[0], *gaps[1], *gaps[2])


def _with_interval(values: Floats) -> tuple[float, float, float]:
    """Return the figure of the world as it was, and the interval over those drawn."""
    return float(values[0]), *percentile_interval(values[1:])


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")

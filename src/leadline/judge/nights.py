"""The record of working the top of the list at past nights: by the model, by each peer, and how far the two are apart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from leadline.checks import Check, Severity
from leadline.jsonable import to_jsonable
from leadline.report import say

__all__ = ["AFTER_TRAINING", "Ahead", "Nights", "Terms", "Worked", "lines"]

WIDTH = 80  # columns of a terminal


@dataclass(frozen=True)
class Terms:
    """What was asked, in words: what leads reach, how far apart the nights are, how far the question and the deals look."""

    what: str = "SQLs"
    every: str = "7d"
    within: str = "30d"
    won_within: str = "90d"


@dataclass(frozen=True)
class Worked:
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
class Ahead:
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
class Nights:
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
    rankers : tuple of Worked
        The model first.
    model_minus_baseline : tuple of Ahead
        The model against each of the others.
    terms : Terms
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
    rankers: tuple[Worked, ...] = ()
    model_minus_baseline: tuple[Ahead, ...] = ()
    terms: Terms = Terms()
    reason: str = ""

    def to_record(self) -> dict[str, Any] | None:
        """Return plain JSON values, None for what isn't known; None where there are no nights."""
        if not self.rankers:
            return None
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def lines(told: Nights) -> list[str]:
    """Say the nights in a table of at most 80 columns, the model first.

    Examples
    --------
    >>> lines(Nights(reason="a flat file has no nights"))
    ['No top-N backtest: a flat file has no nights.']
    """
    if not told.rankers:
        return [f"No top-N backtest: {told.reason}."]
    terms = told.terms
    table = next(
        (rows for rows in (_aligned(_rows(told, room)) for room in (2, 1)) if max(map(len, rows)) <= WIDTH),
        _aligned(_rows(told, 0)),
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


def _rows(told: Nights, room: int) -> list[list[str]]:
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
            w.by, _between(w.sqls, w.sqls_low, w.sqls_high), ahead, say.share(w.precision),
            _between(w.won, w.won_low, w.won_high) if room > 1 else _n(w.won), _n(w.amount),
        ])  # fmt: skip
    return rows


def _n(value: float, sign: bool = False) -> str:
    whole = round(value) if value == value else 0  # no sign before a 0
    return f"{whole:{'+' if sign and whole else ''},d}" if value == value else "–"


def _between(value: float, low: float, high: float) -> str:
    return f"{_n(value)} ({_n(low)}–{_n(high)})" if low == low else _n(value)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns, the first to the left, the others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]  # fmt: skip


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def never_close(told: Nights) -> Iterator[tuple[str, str, str, str, int]]:
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


def _no_won(told: Nights) -> str:
    if not told.rankers:
        return told.reason
    if told.thinned:
        return "negatives are thinned (snapshots.max), so that a lead's win can't be counted once"
    return "" if told.won_nights else f"no scoring date is old enough to count closed-won ({told.terms.won_within})"


AFTER_TRAINING: tuple[Check[Nights], ...] = (
    Check(
        "LL309", "leads that never close", Severity.WARNING, never_close,
        "A score that finds leads which get there and then never close keeps sales busy and brings nothing.", _no_won,
    ),
)  # fmt: skip

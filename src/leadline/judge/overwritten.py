"""A field that is overwritten later looks different among leads that are open tonight than among those of the past.

Honest fields drift too, so that difference is held against the same difference between earlier dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from leadline.judge.apart import Ints
from leadline.judge.columns import FOLDS, Answer, Evidence, Gate, encode
from leadline.streams import Stream, generator
from leadline.tables.ladder import rung_of
from leadline.times import DAY

__all__ = ["overwritten_later"]

DATES = 6  # tonight, and five earlier ones
FEWEST_OPEN = 100
MOST_OPEN = 10_000  # leads at a date
BOUND, MARGIN = 0.60, 0.05


@dataclass(frozen=True)
class Pair:
    """Leads open at one date (y = 1) beside those open at an earlier one, as evidence without blocks."""

    seen: Evidence
    rows: Ints


def overwritten_later(gate: Gate) -> Iterator[Answer]:
    """Tell an attribute whose values among open leads tonight differ from those of earlier dates, as earlier dates don't."""
    if gate.config.is_flat or not gate.judged:
        return
    table = gate.loaded.store.arrow(_sql(gate))
    created, closed = (table.column(n).to_numpy().astype(np.int64) for n in ("created_at", "closed_at"))
    pairs = _pairs(gate, created, closed)
    if len(pairs) < 3:
        return
    for attribute in gate.judged:
        column = encode(attribute, table.column(attribute.name))
        tonight, *before = (p.seen.apart(column.codes[p.rows]) for p in pairs)
        usual = max(before)
        noise = pairs[0].seen.error(tonight)
        if tonight > BOUND and tonight - 3 * noise > usual and tonight > usual + MARGIN:
            yield (
                column.subject,
                f"tells tonight's {int(pairs[0].seen.y.sum())} open leads from those of an earlier date with AUC {tonight:.2f}; earlier dates are told apart with at most {usual:.2f}",
                "values that change no more than they used to", "drop it, or give its history under tables.history, if somebody writes it after creation",
                int(pairs[0].seen.y.sum()),
            )  # fmt: skip


def _sql(gate: Gate) -> str:
    """One row a lead: since when it was known, until when it was open, and its attributes."""
    joined = gate.config.tables.accounts is not None and gate.config.tables.leads.account is not None
    names = "".join(f", {'a' if a.table == 'accounts' else 'l'}.{a.name}" for a in gate.judged)
    accounts = "LEFT JOIN accounts AS a ON a.account_id = l.account_id" if joined else ""
    ends = f"rung < 0 OR rung >= {rung_of(str(gate.config.outcome.reaches))}"
    return (
        f"SELECT l.lead_id, l.created_at, COALESCE(e.closed_at, {gate.loaded.known_at}) AS closed_at{names} FROM leads AS l "
        f"LEFT JOIN (SELECT lead_id, MIN(GREATEST(reached_at, recorded_at)) AS closed_at FROM reached WHERE {ends} GROUP BY lead_id) AS e "
        f"ON e.lead_id = l.lead_id {accounts} WHERE l.created_at >= {_dates(gate)[-1] - 2 * _step(gate)} ORDER BY MD5(l.lead_id), l.lead_id"
    )


def _step(gate: Gate) -> int:
    return max(gate.config.horizon.micros, 7 * DAY)


def _dates(gate: Gate) -> list[int]:
    """Tonight, and the dates before it, a horizon apart."""
    return [int(gate.loaded.known_at or 0) - n * _step(gate) for n in range(DATES)]


def _pairs(gate: Gate, created: Ints, closed: Ints) -> list[Pair]:
    """Pair each date's open leads with those of the date before; the newest pair first.

    Leads older than two steps are left out on every date alike: what lies about for years would hide what is new.
    """
    step, dates = _step(gate), _dates(gate)
    first = gate.loaded.store.rows("SELECT MIN(created_at) FROM leads")[0][0] or 0
    there = [
        np.flatnonzero((created < at) & (created >= at - 2 * step) & (closed >= at))[:MOST_OPEN]
        for at in dates
        if at - 2 * step >= first
    ]
    pairs = []
    for newer, older in pairwise(there):
        if min(len(newer), len(older)) < FEWEST_OPEN:
            break
        rows = np.concatenate([newer, older])
        y = np.concatenate([np.ones(len(newer)), np.zeros(len(older))])
        fold = generator(gate.config.seed, Stream.LEAK_OVERWRITTEN).integers(0, FOLDS, len(created))[rows]
        pairs.append(Pair(Evidence(y, np.zeros(len(rows), dtype=np.int64), fold, rows, ()), rows))
    return pairs

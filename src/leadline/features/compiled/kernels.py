"""The inner loops of the sweep: plain Python over arrays, compiled by Numba where it is there.

Events come grouped by lead and sorted by time, ``offsets[k]:offsets[k + 1]`` being those of lead k. A question is a lead
and an as_of. Every loop walks a lead's visible events in order: the clock rule stands in its first two lines.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from leadline.core.point_in_time import DAY, WEEK

__all__ = ["compiled"]

NEVER = -(2**62)


def scatter(lead: Any, cursor: Any, kind: Any, occurred: Any, recorded: Any, out: Any) -> None:
    """Put each event behind the others of its lead; `cursor` starts as the leads' offsets."""
    kinds, times, seen = out
    for i in range(len(lead)):
        at = cursor[lead[i]]
        cursor[lead[i]] = at + 1
        kinds[at], times[at], seen[at] = kind[i], occurred[i], recorded[i]


def order(offsets: Any, kind: Any, occurred: Any, recorded: Any) -> None:
    """Sort each lead's events by time, in place; most logs come sorted, and cost one look."""
    for k in range(len(offsets) - 1):
        start, end = offsets[k], offsets[k + 1]
        for i in range(start + 1, end):
            if occurred[i] < occurred[i - 1]:
                by_time = np.argsort(occurred[start:end], kind="mergesort")
                occurred[start:end] = occurred[start:end][by_time]
                recorded[start:end] = recorded[start:end][by_time]
                kind[start:end] = kind[start:end][by_time]
                break


def count(offsets: Any, events: Any, asked: Any, windows: Any, halvings: int, out: Any) -> None:
    """Count acts by kind: ever and in each window; find the first and the last; add up heat.

    Parameters
    ----------
    events : kind, occurred, recorded
    asked : lead, as_of
    halvings : int
        How often heat halves, once a week; 0 for none.
    out : within, ever, first, last, heat
        Shapes (questions, kinds, windows) and (questions, kinds), zeroed.
    """
    kind, occurred, recorded = events
    lead, moment = asked
    within, ever, first, last, heat = out
    for q in range(len(lead)):
        as_of = moment[q]
        for i in range(offsets[lead[q]], offsets[lead[q] + 1]):
            if occurred[i] >= as_of:
                break
            if recorded[i] >= as_of:
                continue
            k, age = kind[i], as_of - occurred[i]
            if ever[q, k] == 0:
                first[q, k] = occurred[i]
            ever[q, k] += 1
            last[q, k] = occurred[i]
            for w in range(len(windows)):
                if age <= windows[w]:
                    within[q, k, w] += 1
            week = (age - 1) // WEEK
            if week < halvings:
                heat[q, k] += 1 << (halvings - 1 - week)


def distinct_days(offsets: Any, events: Any, asked: Any, windows: Any, counted: Any, active: Any) -> None:
    """Count distinct UTC days, for each column's window, of the kinds that ``counted[column, kind]`` tells."""
    kind, occurred, recorded = events
    lead, moment = asked
    newest = np.empty(len(windows), np.int64)
    for q in range(len(lead)):
        as_of = moment[q]
        newest[:] = NEVER
        for i in range(offsets[lead[q]], offsets[lead[q] + 1]):
            if occurred[i] >= as_of:
                break
            if recorded[i] >= as_of:
                continue
            day = occurred[i] - occurred[i] % DAY
            for c in range(len(windows)):
                if as_of - occurred[i] <= windows[c] and newest[c] != day and counted[c, kind[i]]:
                    active[q, c] += 1
                    newest[c] = day


def bursts(offsets: Any, events: Any, asked: Any, windows: Any, cell: int, most: int, scanned: Any) -> None:
    """Count the acts of cells of time that hold at least `most` visible acts, in each window."""
    _, occurred, recorded = events
    lead, moment = asked
    inside = np.zeros(len(windows), np.int64)
    for q in range(len(lead)):
        as_of, here, acts = moment[q], NEVER, 0
        for i in range(offsets[lead[q]], offsets[lead[q] + 1] + 1):
            over = i == offsets[lead[q] + 1] or occurred[i] >= as_of
            if not over and recorded[i] >= as_of:
                continue
            start = NEVER if over else occurred[i] - occurred[i] % cell
            if start != here:
                if acts >= most:
                    for w in range(len(windows)):
                        scanned[q, w] += inside[w]
                here, acts = start, 0
                inside[:] = 0
            if over:
                break
            acts += 1
            for w in range(len(windows)):
                if as_of - occurred[i] <= windows[w]:
                    inside[w] += 1


def sums(offsets: Any, events: Any, asked: Any, windows: Any, counted: Any, out: Any) -> None:
    """Find a member's first and last act, and count its acts in each column's window and kinds."""
    kind, occurred, recorded = events
    lead, moment = asked
    first, last, acts = out
    for q in range(len(lead)):
        as_of = moment[q]
        for i in range(offsets[lead[q]], offsets[lead[q] + 1]):
            if occurred[i] >= as_of:
                break
            if recorded[i] >= as_of:
                continue
            if first[q] == NEVER:
                first[q] = occurred[i]
            last[q] = occurred[i]
            for c in range(len(windows)):
                if as_of - occurred[i] <= windows[c] and counted[c, kind[i]]:
                    acts[q, c] += 1


@cache
def compiled(name: str) -> Any:
    """Return a loop compiled; what was compiled is kept where Python keeps its own bytecode, if that can be written.

    Raises
    ------
    ImportError
        Numba isn't there (SHAP brings it).
    """
    import numba

    loop = globals()[name]
    try:
        return numba.njit(nogil=True, cache=True)(loop)
    except RuntimeError:  # no place to keep it
        return numba.njit(nogil=True)(loop)

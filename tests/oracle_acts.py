"""The oracle of how a lead acts: how hot, how deep, how fast, in which order; row by row, no code of leadline's."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

from oracle import DAY, Person, Rules, length

LADDER = ("awareness", "evaluation", "purchase")
WEEK = 7 * DAY
CELL, FAST = 10_000_000, 5  # so many acts in one cell of ten seconds are no person's

KNOWN = {
    "heat", "depth", "share", "pace", "gap", "first_to_purchase", "since_depth", "progress", "progress_pace", "trend", "scanned",
}  # fmt: skip
"""The aggregates that this oracle speaks of, beside distinct days by intent."""


def feature(spec: Any, person: Person, rules: Rules, as_of: int) -> float:
    """One feature's value, by the meaning of its spec."""
    seen = [(a, kind) for a, k, kind in person.events if a < as_of and k < as_of]

    def acts(window: int | None, about: bool = True) -> list[int]:
        chosen = [(a, b) for a, b in seen if window is None or a >= as_of - window]
        if about and spec.by == "behaviour":
            chosen = [(a, b) for a, b in chosen if b == spec.field]
        if about and spec.by == "intent":
            chosen = [(a, b) for a, b in chosen if rules.intents.get(b) == spec.field]
        return [a for a, _ in chosen]

    window = spec.window.micros if spec.window else None
    if spec.aggregate == "active_days":
        return float(len({a // DAY for a in acts(window)}))
    if spec.aggregate == "heat":
        return heat([as_of - a for a in acts(None)])
    if spec.aggregate == "share":
        return len(acts(window)) / len(acts(window, about=False)) if acts(window, about=False) else math.nan
    if spec.aggregate in ("gap", "scanned"):
        return of_times(spec, [a for a, _ in seen], acts(window))
    if spec.aggregate == "pace":
        longer = length(spec.field)
        recent, all_of_it = len(acts(window)), len(acts(longer))
        return recent * (longer / window) / all_of_it if all_of_it else math.nan
    if spec.aggregate == "trend":
        longer = length(spec.terms[0])
        now, all_of_it = len(acts(window)), len(acts(longer))
        return now * (WEEK / window) - (all_of_it - now) * (WEEK / (longer - window))
    return progress(spec, [(a, rules.intents.get(b)) for a, b in seen], as_of)


def of_times(spec: Any, times: list[int], chosen: list[int]) -> float:
    """The mean time between acts; or how many of the chosen come faster than a person's."""
    if spec.aggregate == "gap":
        return (max(times) - min(times)) / DAY / (len(times) - 1) if len(times) > 1 else math.nan
    cells = Counter(a // CELL for a in times)
    return float(sum(1 for a in chosen if cells[a // CELL] >= FAST))


def heat(ages: list[int]) -> float:
    """128 for each act of up to a week, half as much for each week more, nothing after eight."""
    total = 0
    for age in ages:
        for week in range(8):
            if week * WEEK < age <= (week + 1) * WEEK:
                total += 2 ** (7 - week)
    return float(total)


def progress(spec: Any, seen: list[tuple[int, str | None]], as_of: int) -> float:
    """What the first act of each intent tells."""
    first = {i: min(a for a, told in seen if told == i) for i in LADDER if any(told == i for _, told in seen)}
    deepest = next((i for i in reversed(LADDER) if i in first), None)
    if spec.aggregate == "depth":
        return float(LADDER.index(deepest) + 1) if deepest else 0.0
    if spec.aggregate == "since_depth":
        return (as_of - first[deepest]) / DAY if deepest else math.nan
    if spec.aggregate == "first_to_purchase":
        return (first["purchase"] - min(a for a, _ in seen)) / DAY if "purchase" in first else math.nan
    if spec.aggregate == "progress":
        return float(sum(a in first and b in first and first[a] < first[b] for a, b in pairwise(LADDER)))
    assert spec.aggregate == "progress_pace", spec
    if deepest is None or len(first) < 2:
        return math.nan
    return (first[deepest] - min(first.values())) / DAY / (len(first) - 1)

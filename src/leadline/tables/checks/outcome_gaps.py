"""Checks of when outcomes are recorded: they begin or end where leads don't, pause, or pile up on one day.

A lead's chance of the outcome at each age is estimated from where outcomes are recorded (Nelson and Aalen). By it so many
are to be expected in a span from the leads that were open then. A span without any is told where chance leaves none as
good as never, and where it is far longer than the distances that outcomes keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import DAY, format_instant
from leadline.tables.checks.base import Answer, Context
from leadline.tables.stages import stage_index

__all__ = ["OutcomeTimes", "begin_late", "end_early", "expected_outcomes", "on_one_day", "pause"]

Floats = npt.NDArray[np.float64]
Gap = tuple[float, float, int, float]
"""From, to, outcomes in it all the same, and how many would be expected."""

EXPECTED = 12.0
"""Outcomes to be expected where there are none: by chance that happens once in 160,000 spans."""

STRAYS, PER_STRAY, MORE = (
    5,
    40.0,
    1.25,
)  # so many may stand in a gap all the same, each for so many expected and for a longer gap
SHORTEST = 14 * DAY  # what is shorter is a holiday, or a delay of recording
USUAL = 5  # times the distance that nine in ten outcomes keep
FEWEST, SHARE, TIMES, SPAN = 20, 0.10, 8, 30  # of a day on which they pile up


@dataclass(frozen=True)
class OutcomeTimes:
    """When leads came, reached the outcome (NaN: never) or ended without it (NaN: never), in microseconds.

    `start` and `end` are from when to when outcomes are taken to be recorded.
    """

    created: Floats
    outcome: Floats
    ended: Floats
    start: float
    end: float

    @cached_property
    def seen(self) -> Floats:
        """When outcomes came, the earliest first."""
        there = (self.outcome >= np.maximum(self.created, self.start)) & (self.outcome < self.end)
        return np.sort(self.outcome[there])

    @cached_property
    def least(self) -> float:
        """From how long on a span without an outcome is looked at."""
        apart = np.diff(np.unique(self.seen // DAY)) * DAY
        return max(SHORTEST, USUAL * float(np.quantile(apart, 0.9))) if len(apart) else np.inf


def expected_outcomes(times: OutcomeTimes, span: tuple[float, float], known: tuple[float, float]) -> float:
    """Return how many outcomes a span would have by the rates at each age that are seen where outcomes are known.

    Examples
    --------
    >>> born = np.arange(100.0); never = np.full(100, np.nan)
    >>> times = OutcomeTimes(born, born + 5, never, 0, 100)
    >>> round(expected_outcomes(times, (40, 60), (0, 100)))
    20
    """
    stop = np.fmin(np.fmin(times.outcome, times.ended), times.end)
    entry = np.maximum(known[0] - times.created, 0)
    leave = np.minimum(stop, known[1]) - times.created
    under = leave >= entry
    came = under & (times.outcome == stop) & (times.outcome < known[1])
    ages = np.sort((times.outcome - times.created)[came])
    if not len(ages):
        return 0.0
    begun = np.searchsorted(np.sort(entry[under]), ages, "right")
    gone = np.searchsorted(np.sort(leave[under]), ages, "left")
    chance = np.concatenate([[0.0], np.cumsum(1 / np.maximum(begun - gone, 1))])
    low, high = np.maximum(times.created, span[0]), np.minimum(stop, span[1])
    there = high > low
    until, since = (np.searchsorted(ages, (t - times.created)[there], "right") for t in (high, low))
    return float((chance[until] - chance[since]).sum())


def begin_late(context: Context) -> Iterator[Answer]:
    """Tell that no outcome is recorded in the first days of leads."""
    times = _times(context)
    gap = _first_gap(times)
    if gap is not None:
        day = format_instant(int(gap[1]))[:10]
        yield (
            _subject(context), f"{_none(gap)} in the first {_days(gap[1] - times.start)} of {_days(times.end - times.start)} days{_would(gap)}",
            "outcomes recorded since the first lead came", f"if they weren't recorded then, set `outcome.observed_from: {day}`, or earlier snapshots count as no", round(gap[3]),
        )  # fmt: skip


def end_early(context: Context) -> Iterator[Answer]:
    """Tell that no outcome is recorded in the last days."""
    times = _times(context)
    gap = _last_gap(times)
    if gap is not None:
        day = format_instant((int(gap[0]) // DAY + 1) * DAY)[:10]
        yield (
            _subject(context), f"{_none(gap)} in the last {_days(times.end - gap[0])} of {_days(times.end - times.start)} days{_would(gap)}",
            "outcomes recorded up to T", f"if they weren't recorded any more, set `outcome.observed_until: {day}`, or the newest snapshots count as no", round(gap[3]),
        )  # fmt: skip


def pause(context: Context) -> Iterator[Answer]:
    """Tell the longest span without an outcome between others."""
    times = _times(context)
    first, last = _first_gap(times), _last_gap(times)
    seen = times.seen
    seen = seen[(seen >= (first[1] if first else times.start)) & (seen <= (last[0] if last else times.end))]
    found = []
    for at in np.flatnonzero(np.diff(seen) >= times.least):
        span = (float(seen[at]) + 1, float(seen[at + 1]))
        would = expected_outcomes(times, span, (times.start, times.end))
        if would >= EXPECTED + np.log(len(seen)):
            found.append((*span, 0, would))
    if found:
        gap = max(found, key=lambda g: g[3])
        since, until = (format_instant(int(t))[:10] for t in gap[:2])
        yield (
            _subject(context), f"{_none(gap)} in {_days(gap[1] - gap[0])} days, from {since} to {until}{_would(gap)}", "outcomes recorded without a pause",
            f"if they weren't recorded then, add them, or set `outcome.observed_from: {until}`, or snapshots of that time count as no", round(gap[3]),
        )  # fmt: skip


def on_one_day(context: Context) -> Iterator[Answer]:
    """Tell a day that has far more outcomes, or lost and rejected leads, than any usual one: a backlog closed at once."""
    times = _times(context)
    ended = times.ended[(times.ended >= times.start) & (times.ended < times.end)]
    for what, at in (("outcomes", times.seen), ("lost and rejected leads", ended)):
        days, many = np.unique(at // DAY, return_counts=True)
        if not len(days) or times.end - times.start < SPAN * DAY:
            continue
        top, most = float(days[np.argmax(many)]), int(many.max())
        usual = (len(at) - most) / max(len(days) - 1, 1)
        if most >= FEWEST and most >= SHARE * len(at) and most >= TIMES * usual:
            after = format_instant((int(top) + 1) * DAY)[:10]
            early = (top + 1) * DAY - times.start < (times.end - times.start) / 2
            yield (
                _subject(context), f"{most:,} of {len(at):,} {what} carry the date of one day, {format_instant(int(top) * DAY)[:10]}; other days have {usual:.1f}",
                "dates of when it happened", f"a backlog was closed, or a migration wrote that day: find the true dates{f', or set `outcome.observed_from: {after}`' if early else ', or leave these rows out of the source'}", most,
            )  # fmt: skip


def _times(context: Context) -> OutcomeTimes:
    """Fetch the times of every lead, as far as they are visible at T."""
    outcome = context.config.outcome
    reached = f"CASE WHEN r.rung >= {stage_index(str(outcome.reaches))} THEN r.reached_at END"
    rows = context.store.arrow(
        f"SELECT CAST(l.created_at AS DOUBLE) AS created, CAST(MIN({reached}) AS DOUBLE) AS outcome, "
        "CAST(MIN(CASE WHEN r.rung < 0 THEN r.reached_at END) AS DOUBLE) AS ended FROM leads AS l "
        "LEFT JOIN reached AS r ON r.lead_id = l.lead_id WHERE l.created_at IS NOT NULL GROUP BY l.lead_id, l.created_at"
    )
    created, came, ended = (
        rows.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in ("created", "outcome", "ended")
    )
    start = max(float(created.min()) if len(created) else 0.0, float(outcome.observed_from or 0))
    end = float(min(context.limit, context.observed_until) - outcome.delay.micros)
    # Who reached it hadn't ended before: a lead that was lost and came back.
    return OutcomeTimes(created, came, np.where(np.isnan(came), ended, np.nan), start, end)


def _first_gap(times: OutcomeTimes) -> Gap | None:
    return _largest(times, [(times.start, float(at)) for at in times.seen[: STRAYS + 1]])


def _last_gap(times: OutcomeTimes) -> Gap | None:
    return _largest(times, [(float(at) + 1, times.end) for at in times.seen[::-1][: STRAYS + 1]])


def _largest(times: OutcomeTimes, spans: list[tuple[float, float]]) -> Gap | None:
    """Find the longest of spans at one end, the n-th of which has n outcomes all the same; one that adds little isn't taken."""
    found: Gap | None = None
    for strays, span in enumerate(spans):
        if span[1] - span[0] >= times.least:
            known = (span[1], times.end) if span[0] == times.start else (times.start, span[0])
            would = expected_outcomes(times, span, known)
            if would >= max(EXPECTED + PER_STRAY * strays, MORE * found[3] if found else 0):
                found = (*span, strays, would)
    return found


def _subject(context: Context) -> str:
    return f"outcome.reaches: {context.config.outcome.reaches}"


def _none(gap: Gap) -> str:
    return "no outcome is recorded" if not gap[2] else f"{gap[2]} outcome{'s are' if gap[2] > 1 else ' is'} recorded"


def _would(gap: Gap) -> str:
    return f", in which the rates of other days would bring about {gap[3]:,.0f}"


def _days(micros: float) -> int:
    return round(micros / DAY)

"""Refusals: what makes a night's scores worse than none, judged before they are written; the config says what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from leadline.config.scoring import Act, Nightly
from leadline.core.point_in_time import DAY, HOUR, Horizon, format_instant
from leadline.metrics.drift import psi, psi_by_chance
from leadline.monitoring.reference import TrainingReference
from leadline.scoring.previous_scores import PreviousScores

__all__ = ["NEVER", "GuardViolation", "ScoringSnapshot", "guard_violations", "score_drift"]

FEW = 50  # leads below which shares and counts say too little
RISE = 0.5  # a share that rose by so much isn't chance, nor a slow change
SURELY = 20  # values to be expected before their absence is a fault
RECENT = 7 * DAY  # an older night says nothing of how many leads tonight should have


NEVER = -(1 << 62)
"""The instant of an act that never was."""


@dataclass(frozen=True)
class GuardViolation:
    """Something that is wrong with tonight: the config's key, what follows, and the sentence."""

    item: str
    then: Act
    text: str


@dataclass(frozen=True)
class ScoringSnapshot:
    """What a night looks like.

    Attributes
    ----------
    as_of : int
        When it is.
    newest : int or None
        The newest event's instant; `NEVER` where the table has none, None where there is no such table.
    tonight : TrainingReference
        Its features and scores; the scores cut as the model's reference is.
    model : TrainingReference or None
        The same of training, where the bundle has it.
    before : PreviousScores
        The night before.
    last : tuple of two sequences
        Shares of last night's and of tonight's scores over the same bins.
    alike : bool
        Whether training looked at leads as a night does; with landmarks it doesn't.
    """

    as_of: int
    newest: int | None
    tonight: TrainingReference
    model: TrainingReference | None = None
    before: PreviousScores = field(default_factory=PreviousScores)
    last: tuple[Sequence[float], Sequence[float]] = ((), ())
    alike: bool = True

    @property
    def is_recent(self) -> bool:
        """Whether there is a night before, not long ago."""
        return self.before.as_of is not None and self.as_of - self.before.as_of <= RECENT


def guard_violations(plan: Nightly, seen: ScoringSnapshot) -> list[GuardViolation]:
    """List what is wrong with a night, as far as the config asks.

    Examples
    --------
    >>> old = ScoringSnapshot(40 * DAY, 2 * DAY, TrainingReference(100))
    >>> [(d.item, d.then, d.text.split(";")[0]) for d in guard_violations(Nightly(), old)]
    [('stale', 'fail', 'nightly.freshness: the newest event is 38d old (1970-01-03T00:00:00Z)')]
    >>> guard_violations(Nightly(stale="ignore"), old)
    []
    """
    found: list[GuardViolation] = []

    def say(item: str, then: Act, texts: Iterator[str]) -> None:
        if then != "ignore":
            found.extend(GuardViolation(item, then, f"{text} or set nightly.{item}: warn") for text in texts)

    say("stale", plan.stale, _stale(plan.freshness, seen))
    say("volume", plan.volume.on_violation, _volume(plan.volume.change, seen))
    if seen.model is not None and seen.tonight.rows >= FEW:
        say("nulls", plan.nulls, _newly_empty("nulls", seen.model.nulls, seen.tonight.nulls, seen.tonight.rows))
        say("levels", plan.levels, _newly_empty("levels", seen.model.unseen, seen.tonight.unseen, seen.tonight.rows))
        say("zero_rate", plan.zero_rate, _newly_silent(seen.model.silent, seen.tonight.silent, seen.tonight.rows))
    say("drift", plan.drift.on_violation, _drift(plan.drift.psi, seen))
    return found


def _stale(freshness: Horizon, seen: ScoringSnapshot) -> Iterator[str]:
    if seen.newest == NEVER:
        yield (
            f"nightly.freshness: no event is there at all; expected one of the last {freshness} before --as-of; "
            "load the missing export,"
        )
        return
    if seen.newest is not None and seen.as_of - seen.newest > freshness.micros:
        late = seen.as_of - seen.newest
        step = DAY if late >= 2 * DAY else HOUR
        age = Horizon(late // step * step)
        yield (
            f"nightly.freshness: the newest event is {age} old ({format_instant(seen.newest)}); expected one of the last "
            f"{freshness} before --as-of; load the missing export,"
        )


def _volume(change: float, seen: ScoringSnapshot) -> Iterator[str]:
    last, now = len(seen.before), seen.tonight.rows
    if seen.is_recent and last >= FEW and not last * (1 - change) <= now <= last / (1 - change):
        yield (
            f"nightly.volume: {now:,} leads are open, and {last:,} were the night before; expected from "
            f"{last * (1 - change):,.0f} to {last / (1 - change):,.0f}; check that the export is whole,"
        )


WORDS = {
    "nulls": "without a value in {} of tonight's leads, {} in training",
    "levels": "of values that the model doesn't know in {}, {} in training",
}


def _newly_empty(item: str, then: Mapping[str, float], now: Mapping[str, float], rows: int) -> Iterator[str]:
    """Tell of features that say nothing, where they used to."""
    gone = [
        (name, now[name], share)
        for name, share in then.items()
        if name in now and (now[name] - share > RISE or (now[name] == 1 and rows * (1 - share) >= SURELY))
    ]
    if gone:
        name, tonight, before = max(gone, key=lambda g: g[1] - g[2])
        more = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
        yield (
            f"nightly.{item}: {name}{more} is {WORDS[item].format(f'{tonight:.0%}', f'{before:.0%}')}; expected about as many "
            "as then; mend the export,"
        )


def _newly_silent(then: Mapping[str, float], now: Mapping[str, float], rows: int) -> Iterator[str]:
    gone = sorted(name for name, share in then.items() if now.get(name) == 1 and rows * (1 - share) >= SURELY)
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        yield (
            f"nightly.zero_rate: {gone[0]}{more} says nothing of any of {rows:,} leads, which in training it did; expected some "
            "events of that kind; check that the source still sends them,"
        )


def score_drift(seen: ScoringSnapshot) -> dict[str, float]:
    """Return the index of tonight's scores against training's and against last night's, as far as there are such.

    Examples
    --------
    >>> score_drift(ScoringSnapshot(0, None, TrainingReference()))
    {}
    """
    found = {}
    if seen.model is not None and seen.model.scores and seen.tonight.rows and seen.alike:
        found["training"] = psi(seen.model.scores, seen.tonight.scores)
    if seen.is_recent and len(seen.last[0]) > 1 and seen.tonight.rows:
        found["last night"] = psi(*seen.last)
    return found


def _drift(bound: float, seen: ScoringSnapshot) -> Iterator[str]:
    for what, index in score_drift(seen).items():
        bins, others = (
            (len(seen.last[0]), len(seen.before))
            if what == "last night"
            else (len(seen.tonight.scores), seen.model.rows if seen.model else 1)
        )
        if index > bound + psi_by_chance(bins, seen.tonight.rows, others):
            yield (
                f"nightly.drift: the spread of scores lies {index:.2f} (PSI) from that of {what}; expected at most {bound:g}; "
                "look at what changed in the export, or train again,"
            )

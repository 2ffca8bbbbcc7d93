"""What the input checks of a night may look at: tonight's summary, training's, those of finished nights, and what would go out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from leadline.config.scoring import Nightly
from leadline.core.checks import Check, Finding, Severity
from leadline.core.point_in_time import DAY
from leadline.monitoring.reference import TrainingReference
from leadline.scoring.previous_scores import PreviousScores
from leadline.tables.summary import InputSummary, TableSummary

__all__ = ["FEW", "NEVER", "SURELY", "FeatureShift", "InputCheck", "LeadMoves", "NightInputs", "Outgoing", "weak"]

FEW = 50  # leads or rows below which shares and counts say too little
SURELY = 20  # values to be expected before their absence is a fault
RECENT = 7 * DAY  # an older night says nothing of how many leads tonight should have

NEVER = -(1 << 62)
"""The instant of an act that never was."""


@dataclass(frozen=True)
class FeatureShift:
    """How far one feature of what a lead or an account is lies from training.

    Attributes
    ----------
    index, chance : float
        The population stability index, and how large chance alone makes it.
    ratio : float or None
        Tonight's median over training's; None where there are too few values, or none above 0.
    is_act : bool
        Whether it counts what somebody did.
    """

    index: float
    chance: float
    ratio: float | None = None
    is_act: bool = False


@dataclass(frozen=True)
class LeadMoves:
    """Leads held one by one against the newest finished night.

    Attributes
    ----------
    reopened : int
        Open tonight, known before that night, without a row in it, and not recycled since.
    vanished : int
        With a row in that night, and no longer among the leads at all.
    """

    reopened: int = 0
    vanished: int = 0


@dataclass(frozen=True)
class Outgoing:
    """What tonight's scores would change outside.

    Attributes
    ----------
    top, capacity : int
        Leads in the best tier, and how many it is made for; a capacity of 0 where there is none.
    stayed : int
        Leads that had a row in the newest finished night, too.
    tier_changes, record_changes : int
        Of these, whose tier changed; and whose tier changed, or whose probability moved enough to be told.
    same_model : bool
        Whether that night was scored by the same version.
    delivers : bool
        Whether the night has deliveries.
    """

    top: int = 0
    capacity: int = 0
    stayed: int = 0
    tier_changes: int = 0
    record_changes: int = 0
    same_model: bool = True
    delivers: bool = False


@dataclass(frozen=True)
class NightInputs:
    """What a night looks like, and what it is held against.

    Attributes
    ----------
    as_of : int
        When it is.
    newest : int or None
        The newest event's instant; `NEVER` where the table has none, None where there is no such table.
    features : TrainingReference
        Its features and scores; the scores cut as the model's reference is.
    model : TrainingReference or None
        The same of training, where the bundle has it.
    before : PreviousScores
        The newest finished night before.
    last : tuple of two sequences
        Shares of that night's and of tonight's scores over the same bins.
    alike : bool
        Whether training looked at leads as a night does; with landmarks it doesn't.
    plan : Nightly
        What the config says of nights.
    tonight, training : InputSummary or None
        What the tables hold, tonight and at the model's T.
    past : sequence of InputSummary
        The same of finished nights within the horizon, the newest first.
    accepted : mapping of str to int
        When each code was last accepted: what was before isn't held against tonight any more.
    newcomers : tuple of two TrainingReference
        Features of the leads that are new in the last four weeks, and how training's looked.
    shifts : mapping of str to FeatureShift
        By feature.
    moves : LeadMoves
        Leads that came back or went.
    outgoing : Outgoing
        What would go out.
    """

    as_of: int
    newest: int | None
    features: TrainingReference
    model: TrainingReference | None = None
    before: PreviousScores = field(default_factory=PreviousScores)
    last: tuple[Sequence[float], Sequence[float]] = ((), ())
    alike: bool = True
    plan: Nightly = field(default_factory=Nightly)
    tonight: InputSummary | None = None
    training: InputSummary | None = None
    past: Sequence[InputSummary] = ()
    accepted: Mapping[str, int] = field(default_factory=dict)
    newcomers: TrainingReference | None = None
    shifts: Mapping[str, FeatureShift] = field(default_factory=dict)
    moves: LeadMoves = LeadMoves()
    outgoing: Outgoing = Outgoing()

    @property
    def is_recent(self) -> bool:
        """Whether there is a night before, not long ago."""
        return self.before.as_of is not None and self.as_of - self.before.as_of <= RECENT

    def against(self, code: str) -> list[InputSummary]:
        """List training and the finished nights that a check holds tonight against: those since it was last accepted."""
        every = [*([self.training] if self.training is not None else []), *self.past]
        since = self.accepted.get(code)
        return every if since is None else [then for then in every if then.as_of >= since]

    def nights(self, code: str) -> list[InputSummary]:
        """List the finished nights alone, the newest first."""
        return [then for then in self.against(code) if then is not self.training]

    def pairs(self, code: str) -> Iterator[tuple[str, TableSummary, list[tuple[InputSummary, TableSummary]]]]:
        """Yield each of tonight's tables with its name and all that it is held against."""
        for name, now in self.tonight.tables.items() if self.tonight is not None else ():
            yield name, now, [(then, then.tables[name]) for then in self.against(code) if name in then.tables]


@dataclass(frozen=True)
class InputCheck(Check[NightInputs]):
    """A check of a night: what it says is bad is refused, warned of or noted, as `severity` has it by default.

    Attributes
    ----------
    limit : str
        From when on it speaks, in words.
    key : str
        The config's key below `nightly` that says what follows, where it has one of its own.
    """

    limit: str = ""
    key: str = ""

    @property
    def page(self) -> str:
        """Where the documentation tells of it."""
        return "night-checks.md#" + re.sub(
            r"[^\w-]", "", f"{self.code} {self.title} ({self.severity})".lower().replace(" ", "-")
        )

    def findings(self, context: NightInputs) -> Iterator[Finding]:
        """Yield what it saw, under its code."""
        for found in super().findings(context):
            yield replace(found, code=self.code)


Answer = tuple[str, str, str, str, int] | Finding
"""What a check says: its own verdict follows, or, of a `Finding`, only a warning."""


def answer(strong: bool, subject: str, seen: str, expected: str, fix: str, rows: int = 0) -> Answer:
    """Say what a night is refused for, or, where it isn't strong, what is only odd."""
    return (subject, seen, expected, fix, rows) if strong else weak(subject, seen, expected, fix, rows)


def weak(subject: str, seen: str, expected: str, fix: str, rows: int = 0) -> Finding:
    """Say what is odd, but not so odd that a night is refused: told whatever the check's verdict is."""
    return Finding("", Severity.WARNING, subject, seen, expected, fix, rows)

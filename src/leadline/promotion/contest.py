"""The contest: champion and challenger judged on one newest cohort that neither recipe has seen.

A look compares two sets of probabilities on the cohort: log loss and capacity precision by a paired bootstrap over
accounts, then the guards. The challenger wins when it is no worse beyond chance in any: a fresher model of equal
strength is worth having, a worse one never is. Its age counts neither for it nor against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.evaluation.worklist import Worklist, take_top, work_down
from leadline.metrics import classification
from leadline.metrics.bootstrap import BootstrapSums, row_log_losses
from leadline.metrics.intervals import Interval
from leadline.promotion import guards
from leadline.promotion.guards import Guard, GuardSegment

__all__ = ["ContestCohort", "ContestRound", "Verdict", "compare_models", "decide_contest"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
TOP = 0.10  # of the rows, where a flat file has no nights
MARGIN = 0.01  # of the champion's log loss: the seed alone moves it by up to 0.8% (measured, see docs/promotion.md)
FEWER = 0.05  # of the champion's capacity precision, which seeds move by as much; its interval is wider still
REPEATS = 200  # of the AUC's interval, which can't be drawn by sums


@dataclass(frozen=True)
class ContestCohort:
    """The frozen rows that both are judged on, one entry a row in all.

    Attributes
    ----------
    y, weight : float arrays
        The label, and how many snapshots a row stands for.
    group : array
        Whose account each is: what draws resample.
    parts : mapping of str to object array
        Each attribute's level; None is missing.
    listing, room : Worklist or None, float
        The nights, and how many leads one works; without nights, as in a flat file, the best tenth is worked.
    seed : int
        For the draws.
    """

    y: Floats
    weight: Floats
    group: npt.NDArray[Any]
    parts: Mapping[str, Labels] = field(default_factory=dict)
    listing: Worklist | None = None
    room: float = 0.0
    seed: int = 0

    def worked(self, p: Floats) -> Floats:
        """Return which share of each row sales would have worked by these probabilities.

        Examples
        --------
        >>> who = np.arange(20)
        >>> ContestCohort(who > 15, np.ones(20), who).worked(who / 20).nonzero()[0].tolist()
        [18, 19]
        """
        if self.listing is None:
            return take_top(p, self.weight, TOP * float(self.weight.sum()))
        share = np.zeros(len(p))
        for _, rows, part in work_down(self.listing, p, self.room):
            share[rows] += part
        return share


@dataclass(frozen=True)
class ContestRound:
    """One comparison on the cohort.

    Attributes
    ----------
    what : str
        Whose probabilities: the recipe fitted again, or the challenger as exported.
    figures : dict
        By who: AUC, log loss, ECE and capacity precision, with 95% intervals where one can be drawn.
    log_loss : Interval
        The champion's less the challenger's (above 0: challenger better).
    precision : Interval
        The challenger's capacity precision less the champion's (above 0: challenger better).
    guards : tuple of Guard
        Log loss, capacity precision, calibration and segments.
    segments : tuple of Segment
        Every large one.
    """

    what: str
    figures: dict[str, dict[str, float]]
    log_loss: Interval
    precision: Interval
    guards: tuple[Guard, ...]
    segments: tuple[GuardSegment, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes the champion's place, why, and all that was looked at."""

    promoted: bool
    reason: str
    looks: tuple[ContestRound, ...]
    guards: tuple[Guard, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def compare_models(
    cohort: ContestCohort, champion: Floats, challenger: Floats, what: str = "its recipe fitted again"
) -> ContestRound:
    """Judge two sets of probabilities on the same rows.

    Examples
    --------
    >>> y = np.tile([1.0, 0.0, 0.0, 0.0], 50)
    >>> same, worse = np.full(200, 0.25), np.where(y == 1, 0.05, 0.6)
    >>> rows = ContestCohort(y, np.ones(200), np.arange(200))
    >>> [decide_contest([compare_models(rows, same, p)], []).promoted for p in (same, worse)]
    [True, False]
    """
    y, weight, seed = cohort.y, cohort.weight, cohort.seed
    both = {"champion": champion, "challenger": challenger}
    sums = _sums(cohort, both)
    gain = sums.gap(("champion loss", "rows"), ("challenger loss", "rows"))
    found = sums.gap(("challenger hits", "challenger worked"), ("champion hits", "champion worked"))
    segments, parted = guards.segment_guards(y, weight, champion, challenger, cohort.group, cohort.parts, seed)
    figures = {who: _figures(cohort, p, sums, who) for who, p in both.items()}
    kept = figures["champion"]
    held = (
        _not_worse("log loss", "log loss", gain, ("lower", "higher"), MARGIN * kept["log_loss"]),
        _not_worse(
            "capacity precision", "precision at the capacity", found, ("higher", "lower"), FEWER * kept["precision"]
        ),
        guards.calibration_guard(y, weight, champion, challenger, seed),
        *parted,
    )
    return ContestRound(what, figures, gain, found, held, tuple(segments))


def _sums(cohort: ContestCohort, both: Mapping[str, Floats]) -> BootstrapSums:
    """Gather each row's loss, and what working the list would have found, for both on the same draws."""
    columns = {"rows": cohort.weight}
    for who, p in both.items():
        mass = cohort.weight * cohort.worked(p)
        loss = cohort.weight * row_log_losses(cohort.y, p)
        columns |= {f"{who} loss": loss, f"{who} hits": cohort.y * mass, f"{who} worked": mass}
    return BootstrapSums.of(columns, cohort.group, cohort.seed)


def decide_contest(looks: Sequence[ContestRound], others: Sequence[Guard]) -> Verdict:
    """Return the verdict: the first guard that doesn't hold is the reason; the rest stand in the record."""
    held = [(f"the challenger, {look.what}", guard) for look in looks for guard in look.guards]
    held += [("the challenger", guard) for guard in others]
    refusals = [f"{who}: {guard.told}" for who, guard in held if not guard.passed]
    if refusals:
        return Verdict(False, refusals[0], tuple(looks), tuple(others))
    word = "better" if looks[0].log_loss.low > 0 else "as good within noise"
    reason = f"the challenger is {word}: {looks[0].guards[0].told}, and every guard holds"
    return Verdict(True, reason, tuple(looks), tuple(others))


def _not_worse(name: str, what: str, gain: Interval, words: tuple[str, str], margin: float) -> Guard:
    """Refuse what is worse beyond chance and by more than the margin; no interval (one account) refuses nobody."""
    interval = f"95% interval of the gain {gain.low:.4f} to {gain.high:.4f}"
    told = f"{what} is {words[gain.value < 0]} by {abs(gain.value):.4f} ({interval})"
    refused = gain.high < 0 and gain.value < -margin
    return Guard(name, gain.value, min(-margin, gain.value - gain.high), not refused, told)


def _figures(cohort: ContestCohort, p: Floats, sums: BootstrapSums, who: str) -> dict[str, float]:
    y, weight = cohort.y, cohort.weight
    told = {"auc": classification.auc(y, p, weight), "ece": classification.expected_calibration_error(y, p, weight)}
    told["auc_low"], told["auc_high"] = classification.bootstrap_by_group(
        lambda at: classification.auc(y[at], p[at], weight[at]), cohort.group, cohort.seed, REPEATS
    )
    of = {"log_loss": (f"{who} loss", "rows"), "precision": (f"{who} hits", f"{who} worked")}
    for name, parts in of.items():
        value = sums.ratio(*parts)
        told |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    return told

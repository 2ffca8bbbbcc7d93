"""What current scoring rules catch and miss at the model's volume, and what the stages below the outcome are worth as criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.interval import Interval
from leadline.jsonable import to_jsonable
from leadline.judge.paired import Sums
from leadline.judge.picking import pick
from leadline.judge.points_worth import Cohort, lead_weeks
from leadline.judge.rules_audit import RuleAudit
from leadline.streams import Stream, seed_of

__all__ = ["Audit", "Caught", "StageAudit", "caught", "stage_audit"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

REPEATS = 200


@dataclass(frozen=True)
class Caught:
    """Who finds the leads that get there, at the same volume.

    Attributes
    ----------
    both, rules, model, neither : float
        Positives a week (a flat file: in all) in both lists, in the rules' alone, in the model's alone, in neither.
    volume : float
        How many leads a week are on each list.
    who : mapping of str to tuple of (level, both, rules, model, neither)
        The same by what parts the leads, such as their source, commonest first.
    """

    both: float
    rules: float
    model: float
    neither: float
    volume: float
    who: Mapping[str, tuple[tuple[str, float, float, float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StageAudit:
    """Leads that sales or marketing call so far along, against the model's best of the same number."""

    stage: str
    per_week: float
    share: float
    precision: Interval
    model: Interval
    gap: Interval
    both: float


@dataclass(frozen=True)
class Audit:
    """Today's rules on the cohort: each rule, what the sum catches, and the stages below the outcome."""

    rows: int
    positives: int
    rules: tuple[RuleAudit, ...] = ()
    caught: Caught | None = None
    stages: tuple[StageAudit, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def caught(cohort: Cohort, parted: Mapping[str, npt.NDArray[np.object_]]) -> Caught:
    """Compare the lists of the same volume that ``points`` and ``model`` make of the cohort; ties share what room is left.

    Parameters
    ----------
    parted : mapping of str to array
        What parts the leads, one level a row.

    Examples
    --------
    >>> n = np.arange(4)
    >>> rows = Cohort(np.array([1.0, 1, 1, 0]), np.ones(4), n, n, 0 * n, {"points": -1.0 * n, "model": 1.0 * n}, per_week=2)
    >>> told = caught(rows, {"source": np.array(["web", "web", "fair", "fair"], dtype=object)})
    >>> told.both, told.rules, told.model, told.who["source"]
    (0.0, 2.0, 1.0, (('web', 0.0, 2.0, 0.0, 0.0), ('fair', 0.0, 0.0, 1.0, 0.0)))
    """
    rows = lead_weeks(cohort)
    ours, theirs = (pick(rows.said[who], rows.weight, cohort.room) for who in ("model", "points"))
    hits = rows.weight * rows.y / cohort.weeks
    parts = np.column_stack([ours * theirs, (1 - ours) * theirs, ours * (1 - theirs), (1 - ours) * (1 - theirs)])
    parts = parts * hits[:, None]
    place = _first_rows(cohort, rows)
    who = {by: _by_level(level[place], parts) for by, level in parted.items()}
    both, rules, model, neither = (float(v) for v in parts.sum(axis=0))
    return Caught(both, rules, model, neither, cohort.room / cohort.weeks, who)


def stage_audit(cohort: Cohort, stage: str, there: Flags, seed: int) -> StageAudit | None:
    """Say how many of the leads in a stage get there, against the model's best of the same number; None if nobody is in it.

    Examples
    --------
    >>> n = np.arange(8)
    >>> rows = Cohort((n < 2) * 1.0, np.ones(8), n, n, 0 * n, {"model": -1.0 * n}, per_week=1)
    >>> told = stage_audit(rows, "mql", n % 4 == 0, seed=7)
    >>> told.per_week, told.precision.value, told.model.value, told.both
    (2.0, 0.5, 1.0, 0.5)
    """
    rows = lead_weeks(Cohort(
        cohort.y, cohort.weight, cohort.lead, cohort.group, cohort.as_of,
        {"model": cohort.said["model"], "stage": there.astype(np.float64)}, cohort.per_week,
    ))  # fmt: skip
    inside = rows.said["stage"] > 0
    mass = rows.weight * inside
    if not 0 < mass.sum() < rows.weight.sum():
        return None
    best = pick(rows.said["model"], rows.weight, float(mass.sum())) * rows.weight
    columns = {"in": mass, "in_hits": mass * rows.y, "best": best, "best_hits": best * rows.y}
    sums = Sums.of(columns, rows.group, seed_of(seed, Stream.RULES_AUDIT, 1), REPEATS)
    precision, model = sums.ratio("in_hits", "in"), sums.ratio("best_hits", "best")
    gap = sums.gap(("best_hits", "best"), ("in_hits", "in"))
    shared = float((best * inside).sum() / mass.sum())
    return StageAudit(
        stage, float(mass.sum()) / cohort.weeks, float(mass.sum() / rows.weight.sum()), precision, model, gap, shared
    )


def _first_rows(cohort: Cohort, weekly: Cohort) -> npt.NDArray[np.int64]:
    """Return, for each lead a week, the row that stands for it: its first of that instant."""
    if weekly is cohort:
        return np.arange(len(cohort.y))
    import pandas as pd

    where = pd.MultiIndex.from_arrays([cohort.lead.astype(str), cohort.as_of])
    wanted = pd.MultiIndex.from_arrays([weekly.lead.astype(str), weekly.as_of])
    first = ~where.duplicated()
    return np.flatnonzero(first)[where[first].get_indexer(wanted)]


def _by_level(level: npt.NDArray[np.object_], parts: Floats) -> tuple[tuple[str, float, float, float, float], ...]:
    """Add up by level, the one with most positives first."""
    names = sorted({str(v) for v in level})
    code = np.searchsorted(np.array(names, dtype=object), level.astype(str))
    sums = np.column_stack([np.bincount(code, part, len(names)) for part in parts.T])
    order = sorted(range(len(names)), key=lambda n: (-sums[n].sum(), names[n]))
    return tuple((names[n], float(sums[n][0]), float(sums[n][1]), float(sums[n][2]), float(sums[n][3])) for n in order)

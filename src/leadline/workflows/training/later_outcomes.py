"""Downstream stages: of the snapshots whose lead reached one stage, which went on to the next.

P(won) = P(sql) · P(won | sql) holds at any as_of when the second factor, too, is asked with what was known at that as_of.
So the second question's rows are the first one's positives, with the same features and the same as_of: tonight's open
leads, which haven't reached the stage yet, are then asked what the model learnt to answer. A row is ripe only when both
horizons are over: were early ones taken sooner, those that climbed fast would be over-represented (law 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config, Outcome
from leadline.core.point_in_time import Horizon, has_label, label_known_at, reached_within
from leadline.dataset import snapshots
from leadline.dataset.feature_spec import Feature
from leadline.dataset.labels import LabelCounts, Labels, has_amounts, known_until
from leadline.errors import DataError
from leadline.features import build
from leadline.features.build import FeatureTable
from leadline.tables import LoadedTables
from leadline.tables.stages import stage_index

__all__ = [
    "LaterStages",
    "StageQuestion",
    "WonDeals",
    "fetch_later_stages",
    "gather_later_stages",
    "label_stage",
    "stage_questions",
    "take_rows",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Roles = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class StageQuestion:
    """One question that follows: which of the first question's rows it is asked of, and their labels.

    Attributes
    ----------
    given, reaches : str
        The stage that was reached, and the one that is asked for.
    within : str
        How soon after the first the second is asked for.
    asked : Outcome
        What the two questions together ask at as_of: `reaches` within both horizons.
    rows : int64 array
        Numbers of the first question's rows, rising.
    labels : Labels
        Of these rows; each weighs one over the rows of its lead, since a lead has one end.
    counts : LabelCounts
        Rows by their label; those whose lead never reached `given` are none of them.
    """

    given: str
    reaches: str
    within: str
    asked: Outcome
    rows: Ints
    labels: Labels
    counts: LabelCounts


@dataclass(frozen=True)
class WonDeals:
    """What leads' first won deals brought, by when that was known, with the leads' attributes at that time.

    Attributes
    ----------
    features : FeatureTable
        The attributes, a row a deal, sorted by (as_of, lead_id); as_of is the first instant at which the deal is known.
    amount : float64 array
        In the source's unit, above 0.
    """

    features: FeatureTable
    amount: Floats


@dataclass(frozen=True)
class LaterStages:
    """All downstream stages, in order, and the deals, where the config gives amounts."""

    steps: tuple[StageQuestion, ...]
    deals: WonDeals | None


def stage_questions(config: Config) -> list[dict[str, Any]]:
    """Return the downstream stages, as a bundle's manifest keeps them."""
    return [asked.model_dump(mode="json", include={"reaches", "within", "delay"}) for asked in config.outcome.then]


def fetch_later_stages(
    config: Config, loaded: LoadedTables, first: Labels, made: FeatureTable, roles: Roles
) -> LaterStages:
    """Gather what the questions that follow are asked of; see `gather_later_stages`.

    Raises
    ------
    DataError
        No row is old enough to count for one of them.
    """
    found = gather_later_stages(config, loaded, first, made, roles)
    for step in found.steps:
        if not len(step.rows):
            raise DataError(
                f"outcome: no lead that reached {step.given} is old enough to count for {step.reaches} within {step.within} ({step.counts.censored} "
                "snapshots aren't yet); expected at least one; give more history, a shorter `within`, or leave that question out"
            )
    return found


def gather_later_stages(
    config: Config, loaded: LoadedTables, first: Labels, made: FeatureTable, roles: Roles
) -> LaterStages:
    """Label the rows of the table ``snapshots`` for each question that follows, and gather the deals.

    Parameters
    ----------
    first : Labels
        Of the first question, row by row as in `made`.
    made : FeatureTable
        Of the same rows; its attributes are those that deals are told by.
    """
    steps: list[StageQuestion] = []
    until = known_until(loaded)
    rows, labels, given, before = np.arange(len(first.y)), first, str(config.outcome.reaches), config.outcome
    for outcome in config.outcome.then:
        reached, recorded = _reached(loaded, str(outcome.reaches), made)
        step = label_stage(made.as_of, rows, labels, (given, before), outcome, reached, recorded, until)
        counted = replace(step, labels=_each_lead_once(step.labels, made.lead_id[step.rows]))
        leads = len(np.unique(made.lead_id[step.rows][step.labels.y == 1].astype(str)))
        steps.append(replace(counted, counts=replace(step.counts, positive_leads=leads)))
        rows, labels, given, before = step.rows, step.labels, str(outcome.reaches), step.asked
    wins = bool(steps) and steps[-1].reaches == "won"
    return LaterStages(tuple(steps), _deals(config, loaded, made.specs, roles) if wins else None)


def label_stage(
    as_of: Ints, rows: Ints, labels: Labels, before: tuple[str, Outcome], outcome: Outcome, reached: Floats, recorded: Floats, until: int,
) -> StageQuestion:  # fmt: skip
    """Label the rows of one question for the next.

    Parameters
    ----------
    as_of, reached, recorded : arrays
        Of all rows of the first question: when it was asked, and when the stage was reached and recorded (NaN for never).
    rows, labels : int64 array, Labels
        The rows that the question before was asked of, and their labels.
    before : (str, Outcome)
        That question's stage, and all that was asked up to it.
    until : int
        Outcomes are known up to here.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> n, nan = np.arange(3), np.full(3, np.nan)
    >>> one = Labels(np.array([1.0, 1.0, 0.0]), np.ones(3), n + 5 * day, np.array([day, day, np.nan]), nan, nan)
    >>> sql, won = Outcome(reaches="sql", within="5d"), Outcome(reaches="won", within="2d")
    >>> step = label_stage(n, n, one, ("sql", sql), won, np.array([2.0 * day, 3.0 * day, np.nan]), nan, until=9 * day)
    >>> step.rows.tolist(), step.labels.y.tolist(), str(step.asked.within)
    ([0, 1], [1.0, 0.0], '7d')
    """
    given, asked_before = before
    span = Horizon((asked_before.within or Horizon(0)).micros + (outcome.within or Horizon(0)).micros)
    asked = with_horizon(outcome, span)
    went = labels.y == 1
    mine = rows[went]
    observed = asked.observed_from is None or as_of[mine] >= asked.observed_from
    last = until if asked.observed_until is None else min(until, asked.observed_until)
    ripe = has_label(as_of[mine], span, asked.delay, last)
    keep = ripe & observed
    kept = mine[keep]
    old = take_rows(labels, np.flatnonzero(went)[keep])
    within = outcome.within or Horizon(0)
    y = reached_within(reached[kept], old.outcome_at.astype(np.int64), within).astype(np.float64)
    # Whoever learnt late that the lead had reached either stage could train on it only then.
    late = np.where(y == 1, np.nan_to_num(recorded[kept], nan=-np.inf), -np.inf)
    known = np.maximum(label_known_at(as_of[kept], span, asked.delay), old.known_at)
    known = np.maximum(known, np.where(np.isfinite(late), late + 1, known)).astype(np.int64)
    nothing = np.full(len(kept), np.nan)
    new = replace(
        old, y=y, known_at=known, outcome_at=reached[kept], outcome_recorded_at=recorded[kept], won=nothing, amount=None
    )
    before_it = int(np.sum(~np.broadcast_to(observed, ripe.shape)))
    counts = LabelCounts(
        int(y.sum()),
        int(len(y) - y.sum()),
        int(len(mine) - keep.sum()) - before_it,
        0,
        before_it,
        int(len(y) - y.sum()),
    )
    return StageQuestion(given, str(outcome.reaches), str(within), asked, kept, new, counts)


def with_horizon(outcome: Outcome, span: Horizon) -> Outcome:
    """Return the question with another horizon."""
    return outcome.model_copy(update={"within": span})


def take_rows(labels: Labels, rows: Ints) -> Labels:
    """Return some rows' labels."""
    whole = {f.name: getattr(labels, f.name) for f in fields(labels)}
    parts: dict[str, Any] = {name: None if part is None else part[rows] for name, part in whole.items()}
    return Labels(**parts)


def _each_lead_once(labels: Labels, lead: npt.NDArray[np.object_]) -> Labels:
    """Share a weight of 1 among the rows of a lead."""
    _, who, size = np.unique(lead.astype(str), return_inverse=True, return_counts=True)
    return replace(labels, weight=1.0 / size[who])


def _reached(loaded: LoadedTables, stage: str, made: FeatureTable) -> tuple[Floats, Floats]:
    """Fetch when each row's lead first reached a stage, and when that was recorded; rows by (as_of, lead_id)."""
    found = loaded.store.arrow(
        "SELECT CAST(r.reached_at AS DOUBLE) AS reached_at, CAST(r.recorded_at AS DOUBLE) AS recorded_at FROM snapshots AS s LEFT JOIN ("
        "SELECT lead_id, reached_at, recorded_at, ROW_NUMBER() OVER (PARTITION BY lead_id ORDER BY reached_at, recorded_at) AS nth "
        f"FROM reached WHERE rung >= {stage_index(stage)}) AS r ON r.lead_id = s.lead_id AND r.nth = 1 ORDER BY s.as_of, s.lead_id"
    )
    if found.num_rows != len(made):
        raise ValueError("following: snapshots and features differ in number")
    reached, recorded = (found.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in (0, 1))
    return reached, recorded


def _deals(config: Config, loaded: LoadedTables, specs: tuple[Feature, ...], roles: Roles) -> WonDeals | None:
    """Gather the won deals with the attributes that their leads had; None where the config gives no amounts."""
    if not has_amounts(config):
        return None
    loaded.store.run("CREATE OR REPLACE TABLE set_aside AS SELECT * FROM snapshots")
    snapshots.for_deals(config, loaded)
    cents = loaded.store.arrow("SELECT CAST(amount AS DOUBLE) AS amount FROM first_deals ORDER BY as_of, lead_id")
    attributes = tuple(s for s in specs if s.aggregate == "value")
    built = build.compute_features(loaded, attributes, {}, roles)
    loaded.store.run("CREATE OR REPLACE TABLE snapshots AS SELECT * FROM set_aside")
    return WonDeals(built, cents.column(0).to_numpy(zero_copy_only=False).astype(np.float64) / 100)

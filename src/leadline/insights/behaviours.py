"""Which behaviours go with conversion: reach, conversion with and without, lift with its interval. Association, not cause.

What is compared are ripe labelled snapshots, each with the weight that undoes thinning, and no other weight. It is
tempting to let every lead count once, each of its n snapshots as 1/n; but a lead that converts is closed, so n depends
on the outcome, and such weights find lifts where there are none (a test shows it). Counting every snapshot alike is
the mean over all ways to ask each lead once a horizon, and it is tonight's question: of the open leads that did it
lately, how many convert? That one lead gives many snapshots is honoured where it matters: the interval treats an
account as one draw, and "too few to say" counts leads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import Horizon
from leadline.dataset.feature_spec import Feature
from leadline.explanation.drivers import Driver, group_contributions
from leadline.features.catalog import INTENTS
from leadline.metrics.lift import (
    FEWEST_POSITIVES,
    count_distinct,
    count_leads,
    group_codes,
    lift_interval,
    too_few,
    weighted_rate,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEWEST_POSITIVES",
    "BehaviourComparison",
    "BehaviourLift",
    "LabeledSnapshots",
    "behaviour_masks",
    "compare_behaviours",
    "lift_interval",
    "mean_effects",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabeledSnapshots:
    """Ripe labelled snapshots: the label, how many snapshots a row stands for, whose it is, and of which account."""

    y: Floats
    weight: Floats
    lead: npt.NDArray[np.object_]
    group: npt.NDArray[np.object_]

    def __post_init__(self) -> None:
        if not len(self.y) == len(self.weight) == len(self.lead) == len(self.group):
            raise ValueError("Asked: labels, weights and keys differ in length")

    def take(self, mine: npt.NDArray[np.bool_]) -> LabeledSnapshots:
        """Return some of them."""
        return LabeledSnapshots(self.y[mine], self.weight[mine], self.lead[mine], self.group[mine])


@dataclass(frozen=True)
class BehaviourLift:
    """One behaviour, and what went with it; NaN where it isn't defined.

    Attributes
    ----------
    name, words, intent : str
        The kind of event, the words for it, and how near to buying it is.
    leads, reach, positive_leads : int, float, int
        How many distinct leads had it in the window at one snapshot or more; their share of all leads; and how many
        of them had a positive snapshot with it.
    with_it, without_it : float
        Conversion of the snapshots with it in the window, and of the others.
    lift, low, high : float
        The first over the second, and its 95% interval by account.
    too_few : bool
        Whether there are too few leads, or positive ones, on either side to say anything; then lift is NaN.
    weight, effect : float
        The model's: its share of all contributions, and its mean effect on the log odds where it is there over where
        it isn't; NaN where the model doesn't use it.
    """

    name: str
    words: str
    intent: str
    leads: int
    reach: float
    positive_leads: int
    with_it: float
    without_it: float
    lift: float
    low: float
    high: float
    too_few: bool
    weight: float
    effect: float


@dataclass(frozen=True)
class BehaviourComparison:
    """All behaviours, the highest lift first, then those with too few leads; and the window, and what was compared.

    `intents` are the same figures of acts of each intent, the nearest to buying first.
    """

    window: str
    snapshots: int
    leads: int
    positive_leads: int
    conversion: float
    behaviours: tuple[BehaviourLift, ...]
    intents: tuple[BehaviourLift, ...] = ()


def compare_behaviours(
    specs: Sequence[Feature],
    values: pd.DataFrame,
    asked: LabeledSnapshots,
    window: Horizon,
    intents: Mapping[str, str],
    ranked: Sequence[Driver],
    moved: Mapping[str, float],
) -> BehaviourComparison:
    """Compare the snapshots with and without each behaviour in the window.

    `asked` are the labels of the rows of `values`; `window` is the largest of the config's; `intents` are those it lists;
    `ranked` and `moved` are what `drivers` and `mean_effects` made of the model.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = Feature("n_7d", "behaviour", "behaviour:call", "count", "count", "called", field="call", by="behaviour",
    ...                window=Horizon.parse("7d"))
    >>> rows = LabeledSnapshots(np.array([1.0, 0.0]), np.ones(2), np.array(["a", "b"], dtype=object), np.array(["a", "b"], dtype=object))
    >>> one = compare_behaviours([spec], pd.DataFrame({"n_7d": [2.0, 0.0]}), rows, Horizon.parse("7d"), {}, [], {}).behaviours[0]
    >>> one.leads, one.with_it, one.without_it, one.too_few
    (1, 1.0, 0.0, True)
    """
    numbered = group_codes(asked.lead), group_codes(asked.group)
    model = {d.group: (d.share, moved.get(d.group, float("nan"))) for d in ranked}
    there = [(spec, did) for spec, did in behaviour_masks(specs, values, window).values() if spec.table == "events"]
    found = [_behaviour(spec, did, asked, numbered, intents, model) for spec, did in there if spec.by == "behaviour"]
    same = {intent: intent for intent in INTENTS}
    kinds = {s.field: (s, did) for s, did in there if s.group == f"intent:{s.field}"}
    told = tuple(_behaviour(*kinds[i], asked, numbered, same, model) for i in reversed(INTENTS) if i in kinds)
    found.sort(key=lambda b: (b.too_few, -b.lift if not b.too_few else 0.0, -b.reach, b.name))
    leads, positive = count_distinct(numbered[0]), count_distinct(numbered[0][asked.y == 1])
    return BehaviourComparison(
        str(window), len(asked.y), leads, positive, weighted_rate(asked.y, asked.weight), tuple(found), told
    )


def mean_effects(
    specs: Sequence[Feature], values: pd.DataFrame, contributions: Floats, weight: Floats, window: Horizon
) -> dict[str, float]:
    """Return how much each group of acts or stages moves scores where it is there, over where it isn't.

    Such a group holds features that run against each other (more acts, fewer days since the last), so the direction
    of one of them says little; this is the difference of the group's mean contribution to the log odds.

    Examples
    --------
    >>> import pandas as pd
    >>> since = Feature("since", "recency", "behaviour:call", "days", "since_last", "called", field="call", by="behaviour")
    >>> values, moved = pd.DataFrame({"since": [1.0, np.nan]}), np.array([[0.5], [-0.25]])
    >>> mean_effects([since], values, moved, np.ones(2), Horizon.parse("7d"))
    {'behaviour:call': 0.75}
    """
    groups, summed = group_contributions(specs, contributions)
    return {
        group: weighted_rate(summed[did, groups.index(group)], weight[did])
        - weighted_rate(summed[~did, groups.index(group)], weight[~did])
        for group, (_, did) in behaviour_masks(specs, values, window).items()
    }


def _behaviour(
    spec: Feature, did: Flags, asked: LabeledSnapshots, numbered: tuple[Ints, Ints], intents: Mapping[str, str],
    model: Mapping[str, tuple[float, float]],
) -> BehaviourLift:  # fmt: skip
    y, w, nan = asked.y, asked.weight, float("nan")
    leads, accounts = numbered
    sides = count_leads(leads, y, did, ~did)
    (with_it, positive), few = sides[0], too_few(sides)
    return BehaviourLift(
        spec.field, spec.words, intents.get(spec.field, "unknown"),
        with_it, with_it / max(count_distinct(leads), 1), positive, weighted_rate(y[did], w[did]), weighted_rate(y[~did], w[~did]),
        *((nan, nan, nan) if few else lift_interval(did, y, w, accounts)), few, *model.get(spec.group, (nan, nan)),
    )  # fmt: skip


def behaviour_masks(
    specs: Sequence[Feature], values: pd.DataFrame, window: Horizon
) -> dict[str, tuple[Feature, Flags]]:
    """Tell, for each group of acts or stages, which rows have it: an act in the window, the stage reached.

    The count over the window itself tells it, else the time since the last act, else the longest count there is: a
    column is left out of the features only where it says nothing more than another.
    """
    groups: dict[str, list[Feature]] = {}
    for spec in specs:
        if spec.table in ("events", "stages"):
            groups.setdefault(spec.group, []).append(spec)
    result = {}
    for group, members in groups.items():
        told = max(members, key=lambda s: _tells(s, window))
        if _tells(told, window) > (0, 0):
            x = values[told.name].to_numpy(dtype=np.float64)  # NaN, for never, is not there
            did = (
                x <= window.days
                if told.aggregate == "since_last"
                else x >= 0
                if told.aggregate == "since_stage"
                else x > 0
            )
            result[group] = (members[0], np.asarray(did, dtype=np.bool_))
    return result


def _tells(spec: Feature, window: Horizon) -> tuple[int, int]:
    """Rank how well a feature tells whether its group is there; (0, 0) for not at all."""
    if spec.aggregate in ("count", "active_days") and spec.window is not None and spec.window <= window:
        return (4 if spec.window == window else 1, spec.window.micros)
    return ({"in_stage": 3, "since_last": 3, "since_stage": 2}.get(spec.aggregate, 0), 0)

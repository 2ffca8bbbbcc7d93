"""Intent stages: how each converted in the past, and how many open leads are in each now, with the model's tiers beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.features.families.intent_stage import STAGES, IntentRule
from leadline.insights.behaviours import LabeledSnapshots
from leadline.insights.rates_by_level import LevelRate, conversion_by_level

__all__ = ["IntentStageSummary", "OpenStage", "summarize_intent_stages"]

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class OpenStage:
    """The open leads of one stage at T.

    Attributes
    ----------
    stage : str
        Which.
    leads : int
        How many are in it.
    tiers : tuple of int
        How many of them are in each of the model's tiers, the best first.
    expected : float
        How many of them the model expects to convert.
    """

    stage: str
    leads: int
    tiers: tuple[int, ...]
    expected: float


@dataclass(frozen=True)
class IntentStageSummary:
    """The stages.

    Attributes
    ----------
    rule : IntentRule
        How they are told.
    tiers : tuple of str
        The names of the model's tiers, the best first.
    past : tuple of Part
        How each stage's labelled snapshots converted.
    now : tuple of OpenStage
        Each stage's open leads.
    base : float
        Conversion of all labelled snapshots.
    """

    rule: IntentRule
    tiers: tuple[str, ...]
    past: tuple[LevelRate, ...]
    now: tuple[OpenStage, ...]
    base: float

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = to_jsonable({
            **self.rule.to_record(), "tiers": list(self.tiers), "base": self.base,
            "past": [asdict(part) for part in self.past], "now": [asdict(now) for now in self.now],
        })  # fmt: skip
        return record


def summarize_intent_stages(
    rule: IntentRule, asked: LabeledSnapshots, past: Texts, now: Texts, tier: Texts, p: npt.NDArray[np.float64], tiers: Sequence[str]
) -> IntentStageSummary:  # fmt: skip
    """Count the stages.

    Parameters
    ----------
    asked, past : LabeledSnapshots, object array
        The labelled snapshots, and the stage of each.
    now, tier, p : arrays
        Of the open leads: the stage, the model's tier and its probability.
    tiers : sequence of str
        The tiers' names, the best first.

    Examples
    --------
    >>> from leadline.core.point_in_time import Horizon
    >>> rows = LabeledSnapshots(np.zeros(0), np.zeros(0), np.empty(0, dtype=object), np.empty(0, dtype=object))
    >>> stage, tier = np.array(["purchase_ready"], dtype=object), np.array(["A"], dtype=object)
    >>> told = summarize_intent_stages(IntentRule(Horizon.parse("14d"), ("purchase",)), rows, np.empty(0, dtype=object), stage, tier, np.array([0.5]), ["A", "B"])
    >>> told.now[0]
    OpenStage(stage='purchase_ready', leads=1, tiers=(1, 0), expected=0.5)
    """
    counted = tuple(
        OpenStage(
            stage, int(np.sum(now == stage)), tuple(int(np.sum((now == stage) & (tier == name))) for name in tiers),
            float(p[now == stage].sum()),
        )
        for stage in STAGES
    )  # fmt: skip
    base = float(np.average(asked.y, weights=asked.weight)) if len(asked.y) else float("nan")
    return IntentStageSummary(rule, tuple(tiers), conversion_by_level(asked, past, STAGES), counted, base)

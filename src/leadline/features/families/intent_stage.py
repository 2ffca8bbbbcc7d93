"""Intent stages: how near to buying a lead is, by the deepest intent that it acted on lately.

The rule is the same for a snapshot of the past and for a lead tonight: purchase-ready with an act of purchase intent in
the window before as_of, else an active evaluator with one of evaluation intent, else an early researcher with one of
awareness intent, else without recent intent. What it counts are features like any others, computed by the same
statement under the same clock rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon
from leadline.dataset.feature_spec import Feature
from leadline.features.catalog import INTENTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMN", "STAGES", "IntentRule"]

COLUMN = "intent_stage"
"""The column of the scores that tells the stage."""

STAGES = ("purchase_ready", "active_evaluator", "early_researcher", "no_recent_intent")
"""The stages, the nearest to buying first."""

OF = {"purchase": STAGES[0], "evaluation": STAGES[1], "awareness": STAGES[2]}


@dataclass(frozen=True)
class IntentRule:
    """The rule: how far back it looks, and for acts of which intents.

    Attributes
    ----------
    window : Horizon
        How far back.
    intents : tuple of str
        The intents that the config's behaviours have, the nearest to buying first.
    """

    window: Horizon
    intents: tuple[str, ...]

    @classmethod
    def of(cls, config: Config) -> IntentRule | None:
        """Return the config's rule; None where no behaviour has an intent, or there are no events.

        Examples
        --------
        >>> from leadline.config.modeling import Behaviour, IntentStages
        >>> from leadline.config.tables import Tables
        >>> tables = {"leads": {"source": "a"}, "events": {"source": "b", "lead": "l", "type": "t", "occurred_at": "o"}}
        >>> config = Config.model_construct(tables=Tables.model_validate(tables), behaviours={"call": Behaviour(intent="purchase")},
        ...     intent_stages=IntentStages())
        >>> IntentRule.of(config)
        IntentRule(window=Horizon(micros=1209600000000), intents=('purchase',))
        """
        given = {behaviour.intent for behaviour in config.behaviours.values()}
        there = tuple(intent for intent in reversed(INTENTS) if intent in given)
        return cls(config.intent_stages.window, there) if there and config.tables.events is not None else None

    def specs(self) -> tuple[Feature, ...]:
        """List what the rule counts, as features; they never enter the model."""
        return tuple(
            Feature(_name(i), "intent", "intent_stage", "count", "count", "", field=i, by="intent", window=self.window)
            for i in self.intents
        )

    def stages(self, values: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return each row's stage, where `values` has the columns of `specs`.

        Examples
        --------
        >>> import pandas as pd
        >>> rule = IntentRule(Horizon.parse("14d"), ("purchase", "awareness"))
        >>> counts = pd.DataFrame({"recent_purchase": [1.0, 0.0, 0.0], "recent_awareness": [1.0, 2.0, 0.0]})
        >>> rule.stages(counts).tolist()
        ['purchase_ready', 'early_researcher', 'no_recent_intent']
        """
        found = np.full(len(values), STAGES[-1], dtype=object)
        for intent in reversed(self.intents):
            found[values[_name(intent)].to_numpy(dtype=np.float64) > 0] = OF[intent]
        return found

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"window": str(self.window), "intents": list(self.intents)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> IntentRule | None:
        """Read what `to_record` wrote; None for None, as in the bundle of a flat file.

        Examples
        --------
        >>> rule = IntentRule(Horizon.parse("14d"), ("purchase",))
        >>> IntentRule.from_record(rule.to_record()) == rule, IntentRule.from_record(None)
        (True, None)
        """
        return None if record is None else cls(Horizon.parse(record["window"]), tuple(record["intents"]))


def _name(intent: str) -> str:
    return f"recent_{intent}"

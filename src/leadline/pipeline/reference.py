"""What a bundle remembers of its training for nights to come: how often features said nothing, and the spread of scores."""

from __future__ import annotations

from typing import Any

from leadline.history.features import Features
from leadline.judge.reference import Reference, look
from leadline.model.scorer import Scorer
from leadline.pipeline.prepare import Prepared

__all__ = ["looked_at", "reference"]


def reference(made: Prepared, scorer: Scorer) -> dict[str, Any]:
    """Look at the rows that a model was trained on."""
    p = scorer.probability(made.features.values)
    return looked_at(made.features, scorer, p, made.labels.weight).to_record()


def looked_at(made: Features, scorer: Scorer, p: Any, weight: Any = None, cuts: Any = None) -> Reference:
    """Look at rows of features, as far as the scorer reads them, and at their probabilities."""
    names = set(scorer.names)
    levels = {table.feature: table.names for table in scorer.encoder.levels}
    return look([s for s in made.specs if s.name in names], made.values, levels, p, weight, cuts)

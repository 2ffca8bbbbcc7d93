"""What a bundle remembers of its training for nights to come: how often features said nothing, and the spread of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.history.features import Features
from leadline.judge.drift import deciles, shares
from leadline.judge.reference import Reference, look
from leadline.judge.spreads import spread
from leadline.model.scorer import Scorer

__all__ = ["looked_at", "reference"]

Floats = npt.NDArray[np.float64]


def reference(made: Features, weight: Floats, scorer: Scorer) -> dict[str, Any]:
    """Look at the rows that a model was trained on; `spreads` are of the newest quarter of them, which a night is most like."""
    p = scorer.probability(made.values)
    told = looked_at(made, scorer, p, weight).to_record()
    newest = made.as_of >= np.quantile(made.as_of, 0.75) if len(p) else np.zeros(0, dtype=bool)
    weight, p, values = weight[newest], p[newest], made.values[newest]
    names, levels = set(scorer.names), {table.feature: table.names for table in scorer.encoder.levels}
    spreads = {
        s.name: spread(s, values[s.name], levels.get(s.name, ()), weight)
        for s in made.specs
        if s.name in names and s.aggregate != "rate"
    }
    cuts = deciles(p, weight)
    of_score = {"cuts": cuts, "shares": shares(p, cuts, weight)}
    return {**told, "spreads": {"rows": float(newest.sum()), "features": spreads, "score": of_score}}


def looked_at(made: Features, scorer: Scorer, p: Any, weight: Any = None, cuts: Any = None) -> Reference:
    """Look at rows of features, as far as the scorer reads them, and at their probabilities."""
    names = set(scorer.names)
    levels = {table.feature: table.names for table in scorer.encoder.levels}
    return look([s for s in made.specs if s.name in names], made.values, levels, p, weight, cuts)

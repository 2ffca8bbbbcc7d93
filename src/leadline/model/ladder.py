"""The small-data ladder: what the data supports decides what is fitted, and the run says why in one sentence.

Three rungs, told by how many leads have the rarer outcome. Leads are counted, not snapshots: a lead's weekly snapshots
are nearly the same row again.

- ``rules``: the base rate and one scale for current scoring rules (`leadline.model.prior`).
- ``regression``: the logistic regression alone.
- ``boosting``: trees on top of it, as many as the older folds choose, which may be none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from leadline.model.matrix import Matrix
from leadline.model.recipe import Recipe

__all__ = ["BOOSTING", "REGRESSION", "Rung", "penalty", "rung_of"]

Name: TypeAlias = Literal["rules", "regression", "boosting"]

REGRESSION = 30
"""Leads of the rarer outcome from which the regression is fitted. With whole leads drawn again and again, its log loss on the demo
world's newest fold beats base rate and points rules by 0.0022 ± 0.0011 at 30 and 0.0026 ± 0.0009 at 60, and not at 8 and 15; on BPI
2012, Olist and X Education, which have no rules, it beats the base rate or equals it from 30 on."""

BOOSTING = 150
"""Leads of the rarer outcome from which trees may be chosen. By log loss they lose to the regression at 60 and 100 on the demo world
(by 0.0023 and 0.0014), BPI 2012 (0.0083, 0.0032) and Olist (0.0014, 0.0018). On BPI 2012 they win from 150 on (by 0.0029, then 0.0052
and 0.0076 at 250 and 400), on X Education from 100 on; the demo world is level at 250 (0.0016 worse at 150), and Olist, with three
features, never takes to them (0.001 to 0.002 worse)."""

SPREAD = 2.0
"""The prior variance of a lead's log odds, all features together, in `penalty`. Of 0.001 to 1, the best penalty on demo world, BPI
2012, Olist and X Education lay within a factor of 3 of what 2 gives."""


@dataclass(frozen=True)
class Rung:
    """What is fitted, and why.

    Attributes
    ----------
    name : str
        rules, regression or boosting.
    positive_leads, negative_leads : int
        Leads with a positive snapshot, and leads without one.
    reason : str
        One sentence.
    """

    name: Name
    positive_leads: int
    negative_leads: int
    reason: str

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def rung_of(matrix: Matrix, rules: int = 0) -> Rung:
    """Return the rung that labelled snapshots support.

    Parameters
    ----------
    rules : int
        How many points rules there are; only the sentence depends on it.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(400)
    >>> few = Matrix(pd.DataFrame(index=n), n < 12, np.ones(400), n, n, n + 1)
    >>> rung_of(few).name, rung_of(Matrix(few.values, n < 200, few.weight, n, n, n + 1)).name
    ('rules', 'boosting')
    >>> print(rung_of(few, rules=4).reason)
    12 leads are positive, fewer than the 30 that a regression takes: the base rate and 4 points rules score
    """
    leads = len(np.unique(matrix.lead))
    positive = len(np.unique(matrix.lead[matrix.y == 1]))
    return on(positive, leads - positive, rules)


def on(positive: int, negative: int, rules: int = 0) -> Rung:
    """Return the rung of so many positive and other leads."""
    fewer, what = (positive, "positive") if positive <= negative else (negative, "negative")
    said = f"{fewer:,} lead{' is' if fewer == 1 else 's are'} {what}"
    if fewer < REGRESSION:
        scored = (
            f"the base rate and {rules} points rule{'' if rules == 1 else 's'} score"
            if rules
            else ("without points rules every lead gets the base rate")
        )
        return Rung(
            "rules", positive, negative, f"{said}, fewer than the {REGRESSION} that a regression takes: {scored}"
        )
    if fewer < BOOSTING:
        why = f"{said}, enough for a regression ({REGRESSION}) and too few for trees ({BOOSTING}): the regression scores alone"
        return Rung("regression", positive, negative, why)
    why = f"{said}, {BOOSTING} or more: trees on top of the regression may be chosen by the older folds"
    return Rung("boosting", positive, negative, why)


def penalty(matrix: Matrix, features: int) -> float:
    """Return the regression's inverse penalty where data are few: `SPREAD` over the features and a lead's snapshots.

    A lead counts once, however many snapshots it has, and the log odds have a variance of `SPREAD` before any outcome is
    seen, spread evenly over the features: many features on few leads are shrunk hard. Never weaker than a recipe's weakest.

    Examples
    --------
    >>> import pandas as pd
    >>> n = np.arange(100)
    >>> weekly = Matrix(pd.DataFrame(index=n), n < 9, np.ones(100), n // 10, n, n + 1)  # 10 snapshots a lead
    >>> penalty(weekly, 50), penalty(weekly, 1)
    (0.004, 0.1)
    """
    each = float(matrix.weight.sum()) / len(np.unique(matrix.lead))
    return min(max(Recipe().c_grid), SPREAD / (max(features, 1) * max(each, 1.0)))

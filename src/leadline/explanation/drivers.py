"""Drivers: which features decide, over all leads and for one; SHAP explanations for notebooks.

Attributions are the scorer's own (the values of SHAP's TreeExplainer and LightGBM's ``pred_contrib``, plus the linear
part), so importing `shap` costs nobody anything but who asks for an `shap_explanation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.dataset.feature_spec import Feature
from leadline.explanation.reason_text import describe_group
from leadline.explanation.reasons import REASONS, group_contributions, lead_reasons

if TYPE_CHECKING:
    import pandas as pd

    from leadline.features.build import FeatureTable
    from leadline.model.scorer import Scorer

__all__ = [
    "REASONS",
    "Driver",
    "describe_group",
    "group_contributions",
    "group_words",
    "lead_reasons",
    "lead_shap_explanation",
    "rank_drivers",
    "shap_explanation",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Driver:
    """A group of features and how much it moves scores.

    Attributes
    ----------
    group, words : str
        Which features, and the words for them.
    weight : float
        Mean absolute contribution to the log odds, over leads.
    share : float
        Its share of all groups' weight.
    direction : float
        Correlation of how much of it there was with the group's contribution: above 0, more of it raises the score.
    """

    group: str
    words: str
    weight: float
    share: float
    direction: float


def rank_drivers(specs: Sequence[Feature], values: pd.DataFrame, contributions: Floats, weight: Floats) -> list[Driver]:
    """Rank the groups of features by their mean absolute contribution, the strongest first."""
    groups, summed = group_contributions(specs, contributions)
    mass = weight / weight.sum() if len(weight) else weight
    sizes = np.abs(summed).T @ mass
    total = float(sizes.sum()) or 1.0
    result = []
    for n, group in enumerate(groups):
        mine = [i for i, s in enumerate(specs) if s.group == group]
        result.append(
            Driver(
                group,
                group_words(specs[mine[0]]),
                float(sizes[n]),
                float(sizes[n]) / total,
                _direction([specs[i] for i in mine], values, contributions[:, mine], summed[:, n]),
            )
        )
    return sorted(result, key=lambda d: (-d.weight, d.group))


def group_words(spec: Feature) -> str:
    """Say what a group's features are about; a trend is told apart from the acts that it is of."""
    return f"trend of {spec.words}" if spec.aggregate == "trend" else spec.words


def _direction(group: Sequence[Feature], values: pd.DataFrame, parts: Floats, total: Floats) -> float:
    """Correlate how much of it there was with the whole group's contribution; more recent counts as more.

    How much is told by the group's strongest count, flag or number, or else by its strongest time.
    """
    plain = [i for i, s in enumerate(group) if s.kind in ("count", "flag", "number")]
    times = [i for i, s in enumerate(group) if s.kind == "days"]
    if not plain and not times:
        return float("nan")
    main = max(plain or times, key=lambda i: float(np.abs(parts[:, i]).mean()))
    x = values[group[main].name].to_numpy(dtype=np.float64)
    known = np.isfinite(x)
    x, total = x[known], total[known]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(total) == 0:
        return float("nan")
    sign = -1.0 if not plain and group[main].aggregate != "age" else 1.0
    return sign * float(np.corrcoef(x, total)[0, 1])


def shap_explanation(scorer: Scorer, features: FeatureTable, rows: int | None = None) -> Any:
    """Return a `shap.Explanation` of the margin, for SHAP's own plots.

    Its values are the scorer's contributions; categories appear in `data` as their codes.

    Parameters
    ----------
    rows : int, optional
        Only the newest so many.
    """
    import pandas as pd
    import shap

    values = features.values[list(scorer.names)].iloc[0 if rows is None else max(len(features) - rows, 0) :]
    contributions, base = scorer.contributions(values)
    data = values.apply(
        lambda c: pd.Series(pd.factorize(c)[0], index=c.index, dtype=float) if c.dtype.kind not in "fiu" else c
    )
    return shap.Explanation(
        values=contributions,
        base_values=np.full(len(values), base),
        data=data.to_numpy(dtype=float),
        feature_names=list(scorer.names),
    )


def lead_shap_explanation(causes: Sequence[tuple[str, float]], base: float) -> Any:
    """Return a `shap.Explanation` of one lead, a fact a value, for SHAP's waterfall and bars."""
    import shap

    return shap.Explanation(
        values=np.array([effect for _, effect in causes]),
        base_values=base,
        feature_names=[fact for fact, _ in causes],
    )

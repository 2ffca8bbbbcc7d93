"""Feature-family ablation: how much worse the backtest gets when the model does without it.

Each family is left out once; the same recipe is fitted on the rest, on every fold of the backtest, and its
out-of-fold probabilities are held against those of the recipe on all features. Settled by measuring:

- All folds are judged, not the newest alone: a family's worth is small, and on the demo world the newest fold's interval
  is about half as wide again. The older folds chose the recipe, for the whole model, which favours it by next to nothing:
  of what they chose (anchored or plain, the penalty, how many trees) nothing is chosen again.
- Differences are paired: one account's snapshots are drawn or not drawn for both models at once, and all families are
  judged on the same draws. AUC is taken within each fold, so that folds of different base rates aren't mixed; its
  interval is the first order of that bootstrap (`auc_influence`): ranking each of 2,000 draws anew took a quarter of it all.
- Families overlap. One that is worth nothing here may tell much; the others then tell it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.dataset.feature_spec import Feature
from leadline.metrics.bootstrap import BootstrapSums, auc_influence, row_log_losses
from leadline.metrics.intervals import Interval

if TYPE_CHECKING:
    from leadline.model.fitting.refit import AblationPredictions

__all__ = ["AblationRows", "FamilyAblation", "Part", "ablate_families"]

Floats = npt.NDArray[np.float64]
Part = frozenset[str]
LEAST = 1e-4  # of log loss: what is less is worth nothing, however sure it is


@dataclass(frozen=True)
class FamilyAblation:
    """One family, and what is lost without it.

    Attributes
    ----------
    family : str
        Its name.
    features : int
        How many features it has.
    logloss, logloss_low, logloss_high : float
        By how much log loss rises when it is left out (above 0: it is missed), with its 95% interval.
    auc, auc_low, auc_high : float
        By how much AUC falls when it is left out (above 0: it is missed), with its 95% interval.

    Examples
    --------
    >>> FamilyAblation("fit", 7, 0.01, 0.002, 0.02, 0.03, 0.01, 0.05).verdict
    'missed'
    >>> FamilyAblation("age", 1, 0.0, -0.01, 0.01, 0.0, -0.1, 0.1).verdict
    'within noise'
    """

    family: str
    features: int
    logloss: float
    logloss_low: float
    logloss_high: float
    auc: float
    auc_low: float
    auc_high: float

    @property
    def verdict(self) -> str:
        """`missed`, `better without`, `next to nothing` or `within noise`, by the log loss and its interval."""
        if not (self.logloss_low > 0 or self.logloss_high < 0):
            return "within noise"
        if abs(self.logloss) < LEAST:
            return "next to nothing"
        return "missed" if self.logloss > 0 else "better without"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, the verdict among them."""
        record: dict[str, Any] = to_jsonable({**asdict(self), "verdict": self.verdict})
        return record


@dataclass(frozen=True)
class AblationRows:
    """What is known of all snapshots, by row number: the label, how many it stands for, and whose account."""

    y: Floats
    weight: Floats
    group: npt.NDArray[np.object_]


def ablate_families(
    specs: Sequence[Feature],
    known: AblationRows,
    refit: Callable[[Sequence[Part]], AblationPredictions],
    random: np.random.Generator,
) -> tuple[FamilyAblation, ...]:
    """Leave each family out once, and say what is lost; families come in the order of the specs.

    With one family there is nothing left without it: the result is empty.

    Parameters
    ----------
    refit : callable
        Is given sets of features' names, and says what the recipe, fitted on each, tells of rows out of fold.
    """
    families = list(dict.fromkeys(spec.family for spec in specs))
    if len(families) < 2:
        return ()
    every = frozenset(spec.name for spec in specs)
    own = [frozenset(spec.name for spec in specs if spec.family == family) for family in families]
    told = refit([every, *(every - part for part in own)])
    y, weight, group = known.y[told.row], known.weight[told.row], known.group[told.row]
    seed = int(random.integers(2**31 - 1))  # the same draws for all families
    ranked = [auc_influence(y, weight, p, told.fold) for p in told.said]
    columns = {"rows": weight}
    columns |= {f"loss {n}": weight * row_log_losses(y, p) for n, p in enumerate(told.said)}
    columns |= {f"auc {n}": ranked[0][1] - change for n, (_, change) in enumerate(ranked)}
    sums = BootstrapSums.of(columns, group, seed)
    result = []
    for n, (family, part) in enumerate(zip(families, own, strict=True), 1):
        rise = sums.gap((f"loss {n}", "rows"), ("loss 0", "rows"))
        fall = ranked[0][0] - ranked[n][0]
        spread = Interval.of_draws(fall, fall + sums.draws[:, sums.names.index(f"auc {n}")])
        result.append(FamilyAblation(family, len(part), *astuple(rise), *astuple(spread)))
    return tuple(result)

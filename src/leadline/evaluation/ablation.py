"""Feature-family ablation: how much worse the backtest gets when the model does without it.

Each family is left out once; the same recipe is fitted on the rest, on every fold of the backtest, and its
out-of-fold probabilities are held against those of the recipe on all features. Settled by measuring:

- All folds are judged, not the newest alone: a family's worth is small, and on the demo world the newest fold's interval
  is about half as wide again. The older folds chose the recipe, for the whole model, which favours it by next to nothing:
  of what they chose (anchored or plain, the penalty, how many trees) nothing is chosen again.
- Differences are paired: one account's snapshots are drawn or not drawn for both models at once, and all families are
  judged on the same draws. AUC is taken within each fold, so that folds of different base rates aren't mixed.
- Families overlap. One that is worth nothing here may tell much; the others then tell it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.dataset.feature_spec import Feature
from leadline.evaluation.backtest import REPEATS
from leadline.metrics import classification

if TYPE_CHECKING:
    from leadline.model.fitting.refit import AblationPredictions

__all__ = ["AblationRows", "FamilyAblation", "Part", "ablate_families"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
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
    y, weight = known.y[told.row], known.weight[told.row]
    _, code = np.unique(known.group[told.row].astype(str), return_inverse=True)
    seed = int(random.integers(2**31 - 1))  # the same draws for all families
    seen: dict[bytes, float] = {}
    whole, result = told.said[0], []
    ranked = [_SortedRows(y, weight, p, told.fold) for p in told.said]
    for family, part, p, rank in zip(families, own, told.said[1:], ranked[1:], strict=True):
        loss = _log_loss_rise(y, weight, whole, p, code, seed)
        fall = _auc_fall(ranked[0], rank, code, seed, seen)
        result.append(FamilyAblation(family, len(part), *loss, *fall))
    return tuple(result)


def _log_loss_rise(y: Floats, w: Floats, whole: Floats, rest: Floats, code: Rows, seed: int) -> tuple[float, ...]:
    """Return by how much log loss rises, and its interval: sums by account, so that accounts can be drawn as rows."""
    whole, rest = (np.clip(p, classification.SURE, 1 - classification.SURE) for p in (whole, rest))
    rise = y * (np.log(whole) - np.log(rest)) + (1 - y) * (np.log1p(-whole) - np.log1p(-rest))
    total, mass = np.bincount(code, rise * w), np.bincount(code, w)

    def mean(drawn: Rows) -> float:
        return float(total[drawn].sum() / mass[drawn].sum())

    accounts = np.arange(len(mass))
    return mean(accounts), *classification.bootstrap_by_group(mean, accounts, seed, REPEATS)


def _auc_fall(
    whole: _SortedRows, rest: _SortedRows, code: Rows, seed: int, seen: dict[bytes, float]
) -> tuple[float, ...]:
    """Return by how much AUC falls, and its interval; `seen` keeps the whole one's AUC of each draw for the next family."""
    accounts = np.arange(int(code.max()) + 1)

    def fall(drawn: Rows) -> float:
        times = np.bincount(drawn, minlength=len(accounts))[code].astype(np.float64)
        draw = drawn.tobytes()
        if draw not in seen:
            seen[draw] = whole.auc(times)
        return seen[draw] - rest.auc(times)

    return fall(accounts), *classification.bootstrap_by_group(fall, accounts, seed, REPEATS)


class _SortedRows:
    """Rows sorted once by fold and score, so that the AUC of each draw is a sum and no sort.

    Parameters
    ----------
    y, w, p, fold : arrays
        The label, the weight, the score and the fold of each row.
    """

    def __init__(self, y: Floats, w: Floats, p: Floats, fold: Rows) -> None:
        self._order = np.lexsort((p, fold))
        p, fold = p[self._order], fold[self._order]
        self._y, self._w = y[self._order], w[self._order]
        new = np.append(True, (np.diff(p) != 0) | (np.diff(fold) != 0))
        self._starts = np.flatnonzero(new)  # where rows of equal score begin
        self._folds = np.flatnonzero(np.append(True, np.diff(fold[self._starts]) != 0))  # and each fold, among those

    def auc(self, times: Floats) -> float:
        """Return the folds' mean AUC, by their weight, where each row counts so many times; NaN if a fold has one class."""
        weight = self._w * times[self._order]
        every = np.add.reduceat(weight, self._starts)
        positive = np.add.reduceat(weight * self._y, self._starts)
        negative = every - positive
        mass, right, wrong = (np.add.reduceat(part, self._folds) for part in (every, positive, negative))
        if not (np.all(right > 0) and np.all(wrong > 0)):
            return float("nan")
        before = np.repeat(np.cumsum(wrong) - wrong, np.diff(np.append(self._folds, len(every))))
        below = np.cumsum(negative) - negative - before
        pairs = np.add.reduceat(positive * (below + negative / 2), self._folds)
        return float(np.sum(mass * pairs / (right * wrong)) / mass.sum())

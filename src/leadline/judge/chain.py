"""Questions that follow each other, judged end to end: P(sql) · P(won | sql) of open leads against what closed as won."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline import metrics
from leadline.jsonable import to_jsonable
from leadline.streams import Stream, seed_of

__all__ = ["Chain", "judge"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """How the product of the probabilities did on open leads of which the end is known.

    Attributes
    ----------
    starts_at, ends_at : int
        The span of as_of, half-open; all that was fitted was known when it starts.
    rows, positives : int
        Snapshots, and those that went all the way within the horizons.
    auc, auc_low, auc_high : float
        Of the product.
    first_auc : float
        Of the first probability alone, on the same end.
    predicted, observed, observed_low, observed_high : float
        The mean of the product, and the share that came, with its 95% interval by cluster bootstrap over accounts.
    ece : float
        Expected calibration error of the product.
    calibration : tuple of CalibrationBin
        Predicted and observed, in bins of equal size.
    """

    starts_at: int
    ends_at: int
    rows: int
    positives: int
    auc: float
    auc_low: float
    auc_high: float
    first_auc: float
    predicted: float
    observed: float
    observed_low: float
    observed_high: float
    ece: float
    calibration: tuple[metrics.CalibrationBin, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record

    @property
    def verdict(self) -> str:
        """Say whether what was said lies within what chance makes of what came."""
        if not self.observed_low <= self.predicted <= self.observed_high:
            return "predicted too much" if self.predicted > self.observed else "predicted too little"
        return "in line with what was observed"


def judge(
    y: Floats, first: Floats, product: Floats, weight: Floats, group: npt.NDArray[Any], span: tuple[int, int], seed: int
) -> Chain:
    """Judge the product of probabilities.

    Parameters
    ----------
    y : array
        1 for rows that went all the way.
    first, product : arrays
        The first question's probability, and the product of all.
    span : (int, int)
        Where the rows' as_of lie.

    Examples
    --------
    >>> y, p = np.array([1.0, 0.0] * 20), np.array([0.6, 0.4] * 20)
    >>> made = judge(y, p, p * 0.5, np.ones(40), np.arange(40), (0, 9), seed=7)
    >>> made.rows, made.positives, made.auc, made.observed, made.verdict
    (40, 20, 1.0, 0.5, 'predicted too little')
    """
    seed = seed_of(seed, Stream.STAGE_CHAIN)
    low, high = metrics.bootstrap_by_group(lambda at: float(np.average(y[at], weights=weight[at])), group, seed)
    auc = metrics.bootstrap_by_group(lambda at: metrics.auc(y[at], product[at], weight[at]), group, seed)
    return Chain(
        *span, len(y), int(y.sum()), metrics.auc(y, product, weight), *auc, metrics.auc(y, first, weight),
        float(np.average(product, weights=weight)), float(np.average(y, weights=weight)), low, high,
        metrics.expected_calibration_error(y, product, weight), tuple(metrics.calibration_curve(y, product, weight)),
    )  # fmt: skip

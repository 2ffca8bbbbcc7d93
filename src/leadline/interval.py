"""A figure with its interval, and the percentile interval of values drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LEVELS", "Interval", "percentile_interval"]

Floats = npt.NDArray[np.float64]

LEVELS = (0.025, 0.975)
"""The quantiles that bound a 95% interval."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95% interval (NaN where there is only one account)."""

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @classmethod
    def of_draws(cls, value: float, draws: Floats) -> Interval:
        """Put the percentile interval of the draws around a figure.

        Examples
        --------
        >>> Interval.of_draws(0.5, np.arange(41.0)), Interval.of_draws(0.5, np.array([np.nan]))
        (Interval(value=0.5, low=1.0, high=39.0), Interval(value=0.5, low=nan, high=nan))
        """
        return cls(float(value), *percentile_interval(draws))


def percentile_interval(draws: Floats, levels: tuple[float, float] = LEVELS) -> tuple[float, float]:
    """Return the percentile interval of the finite draws; NaN where fewer than half of them are.

    Examples
    --------
    >>> percentile_interval(np.array([1.0, np.nan, np.nan]))
    (nan, nan)
    """
    known = draws[np.isfinite(draws)]
    if not len(known) or 2 * len(known) < len(draws):
        return float("nan"), float("nan")
    low, high = np.quantile(known, levels)
    return float(low), float(high)

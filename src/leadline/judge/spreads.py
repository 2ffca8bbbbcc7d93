"""How a feature's values are spread, as shares of bins: what training kept, and how far a night lies from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.history.spec import Feature
from leadline.judge.drift import by_chance, deciles, psi

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["drift_of", "spread"]

MOST = 20  # levels of one category that have a bin of their own
DIGITS = 6  # significant ones of a cut: a bound between bins, not one lead's value to the cent


def spread(
    spec: Feature, column: pd.Series[Any], levels: Sequence[str] = (), weight: npt.NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Return a feature's bins and their shares: without a value first, then tenths, or the commonest levels and the others.

    Parameters
    ----------
    levels : sequence of str
        Of a category: those that enough leads share to be kept by name.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> spread(spec, pd.Series([0.0, 0.0, 0.0, 3.0, np.nan]))
    {'cuts': [0.0, 3.0], 'shares': [0.2, 0.0, 0.6, 0.2]}
    """
    mass = np.ones(len(column)) if weight is None else weight
    if spec.kind == "category":
        sizes = [float(mass[(column == level).to_numpy(dtype=bool, na_value=False)].sum()) for level in levels]
        order = np.argsort(-np.array(sizes), kind="stable")[:MOST]
        cuts: list[Any] = [levels[n] for n in order]
    else:
        numbers = column.to_numpy(dtype=np.float64)
        known = np.isfinite(numbers)
        cuts = sorted({float(f"{cut:.{DIGITS}g}") for cut in deciles(numbers[known], mass[known])})
    return {"cuts": cuts, "shares": _shares(spec, column, cuts, mass)}


def _shares(spec: Feature, column: pd.Series[Any], cuts: Sequence[Any], mass: npt.NDArray[np.float64]) -> list[float]:
    if spec.kind == "category":
        missing = column.isna().to_numpy()
        place = np.full(len(column), 1, dtype=np.int64)
        for n, level in enumerate(cuts):
            place[(column == level).to_numpy(dtype=bool, na_value=False)] = n + 2
        place[missing] = 0
    else:
        numbers = column.to_numpy(dtype=np.float64)
        place = np.searchsorted(np.array(cuts, dtype=np.float64), np.nan_to_num(numbers), side="right") + 1
        place[~np.isfinite(numbers)] = 0
    total = float(mass.sum()) or 1.0
    return [float(share) for share in np.bincount(place, mass, len(cuts) + 2) / total]


def drift_of(spec: Feature, column: pd.Series[Any], then: Mapping[str, Any], rows_then: float) -> tuple[float, float]:
    """Return the index of a night's values against training's, and how large chance alone makes it.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> column = pd.Series([0.0, 1.0] * 50)
    >>> drift_of(spec, column, spread(spec, column), 100)[0]
    0.0
    """
    now = _shares(spec, column, then["cuts"], np.ones(len(column)))
    filled = sum(a > 0 or b > 0 for a, b in zip(then["shares"], now, strict=True))
    return psi(then["shares"], now), by_chance(filled, len(column), rows_then)

"""What training looked like: how often each feature said nothing, and how the scores were spread; kept in the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.dataset.feature_spec import Feature
from leadline.features.build import FeatureTable
from leadline.metrics.drift import bin_shares, decile_edges, psi, psi_by_chance
from leadline.model.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TrainingReference",
    "feature_drift",
    "reference_of_rows",
    "reference_record",
    "training_reference",
    "value_distribution",
]

Floats = npt.NDArray[np.float64]

ACTS = ("events", "stages", "colleagues")


@dataclass(frozen=True)
class TrainingReference:
    """Rows of features and their scores, in shares; nothing of any one lead.

    Attributes
    ----------
    rows : int
        How many rows there were.
    nulls : mapping of str to float
        The share of rows without a value, by feature of what a lead or an account is.
    silent : mapping of str to float
        The share of rows without a value or with zero, by feature of what somebody did.
    unseen : mapping of str to float
        The share of a category's values that aren't among the levels that the model keeps.
    cuts, scores : list of float
        The cuts between bins of scores, and each bin's share.
    """

    rows: int = 0
    nulls: Mapping[str, float] = field(default_factory=dict)
    silent: Mapping[str, float] = field(default_factory=dict)
    unseen: Mapping[str, float] = field(default_factory=dict)
    cuts: Sequence[float] = ()
    scores: Sequence[float] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TrainingReference:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> TrainingReference.from_record(TrainingReference(3).to_record()).rows
        3
        """
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})

    def __repr__(self) -> str:
        return f"TrainingReference({self.rows:,} rows, {len(self.nulls)} features)"


def training_reference(
    specs: Sequence[Feature],
    values: pd.DataFrame,
    levels: Mapping[str, Sequence[str]],
    p: Floats,
    weight: Floats | None = None,
    cuts: Sequence[float] | None = None,
) -> TrainingReference:
    """Look at rows of features and at their scores.

    Parameters
    ----------
    levels : mapping of str to sequence of str
        The levels that the model keeps, by category.
    p : float64 array
        The rows' probabilities.
    cuts : sequence of float, optional
        Where to cut the scores; by default into tenths.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> seen = training_reference([spec], pd.DataFrame({"visits": [0.0, 0.0, 3.0, np.nan]}), {}, np.array([0.1, 0.2, 0.3, 0.4]), cuts=[0.25])
    >>> seen.nulls, seen.silent, seen.scores
    ({}, {'visits': 0.75}, [0.5, 0.5])
    """
    mass = np.ones(len(values)) if weight is None else weight
    total = float(mass.sum()) or 1.0
    nulls, silent, unseen = {}, {}, {}
    for spec in specs:
        column = values[spec.name]
        missing = column.isna().to_numpy()
        if spec.table in ACTS and spec.kind != "category":
            nothing = missing | (column.to_numpy(dtype=np.float64) == 0)
            silent[spec.name] = float(mass[nothing].sum()) / total
        else:
            nulls[spec.name] = float(mass[missing].sum()) / total
        if spec.kind == "category":
            other = ~column.isin(list(levels.get(spec.name, ()))).to_numpy() & ~missing
            unseen[spec.name] = float(mass[other].sum()) / (float(mass[~missing].sum()) or 1.0)
    at = decile_edges(p, weight) if cuts is None else list(cuts)
    return TrainingReference(len(values), nulls, silent, unseen, at, bin_shares(p, at, weight))


# How a feature's values are spread, as shares of bins: what training kept, and how far a night lies from it.


MOST = 20  # levels of one category that have a bin of their own

DIGITS = 6  # significant ones of a cut: a bound between bins, not one lead's value to the cent


def value_distribution(
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
    >>> value_distribution(spec, pd.Series([0.0, 0.0, 0.0, 3.0, np.nan]))
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
        cuts = sorted({float(f"{cut:.{DIGITS}g}") for cut in decile_edges(numbers[known], mass[known])})
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


def feature_drift(
    spec: Feature, column: pd.Series[Any], then: Mapping[str, Any], rows_then: float
) -> tuple[float, float]:
    """Return the index of a night's values against training's, and how large chance alone makes it.

    Examples
    --------
    >>> import pandas as pd
    >>> spec = Feature("visits", "behaviour", "visits", "count", "count", "visited")
    >>> column = pd.Series([0.0, 1.0] * 50)
    >>> feature_drift(spec, column, value_distribution(spec, column), 100)[0]
    0.0
    """
    now = _shares(spec, column, then["cuts"], np.ones(len(column)))
    filled = sum(a > 0 or b > 0 for a, b in zip(then["shares"], now, strict=True))
    return psi(then["shares"], now), psi_by_chance(filled, len(column), rows_then)


# What a bundle remembers of its training for nights to come: how often features said nothing, and the spread of scores.


def reference_record(made: FeatureTable, weight: Floats, scorer: Scorer) -> dict[str, Any]:
    """Look at the rows that a model was trained on; `spreads` are of the newest quarter of them, which a night is most like."""
    p = scorer.probability(made.values)
    told = reference_of_rows(made, scorer, p, weight).to_record()
    newest = made.as_of >= np.quantile(made.as_of, 0.75) if len(p) else np.zeros(0, dtype=bool)
    weight, p, values = weight[newest], p[newest], made.values[newest]
    names, levels = set(scorer.names), {table.feature: table.names for table in scorer.encoder.levels}
    spreads = {
        s.name: value_distribution(s, values[s.name], levels.get(s.name, ()), weight)
        for s in made.specs
        if s.name in names and s.aggregate != "rate"
    }
    cuts = decile_edges(p, weight)
    of_score = {"cuts": cuts, "shares": bin_shares(p, cuts, weight)}
    return {**told, "spreads": {"rows": float(newest.sum()), "features": spreads, "score": of_score}}


def reference_of_rows(
    made: FeatureTable, scorer: Scorer, p: Any, weight: Any = None, cuts: Any = None
) -> TrainingReference:
    """Look at rows of features, as far as the scorer reads them, and at their probabilities."""
    names = set(scorer.names)
    levels = {table.feature: table.names for table in scorer.encoder.levels}
    return training_reference([s for s in made.specs if s.name in names], made.values, levels, p, weight, cuts)

"""What training looked like: how often each feature said nothing, and how the scores were spread; kept in the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.history.spec import Feature
from leadline.judge.drift import deciles, shares

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reference", "look"]

Floats = npt.NDArray[np.float64]
ACTS = ("events", "stages", "colleagues")


@dataclass(frozen=True)
class Reference:
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
    def from_record(cls, record: Mapping[str, Any]) -> Reference:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> Reference.from_record(Reference(3).to_record()).rows
        3
        """
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})

    def __repr__(self) -> str:
        return f"Reference({self.rows:,} rows, {len(self.nulls)} features)"


def look(
    specs: Sequence[Feature],
    values: pd.DataFrame,
    levels: Mapping[str, Sequence[str]],
    p: Floats,
    weight: Floats | None = None,
    cuts: Sequence[float] | None = None,
) -> Reference:
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
    >>> seen = look([spec], pd.DataFrame({"visits": [0.0, 0.0, 3.0, np.nan]}), {}, np.array([0.1, 0.2, 0.3, 0.4]), cuts=[0.25])
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
    at = deciles(p, weight) if cuts is None else list(cuts)
    return Reference(len(values), nulls, silent, unseen, at, shares(p, at, weight))

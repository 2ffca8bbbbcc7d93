"""What a scorecard may ask of a lead: conditions that a marketing system's own rules can evaluate, and no others.

An act done at least so often within so many days, an act ever done, how long ago the lead was created, an attribute that
is one of some words or lies in a band, or is empty, and what became of others of its account. Heats, trends, rates, what
colleagues do and the stage that points themselves bring about aren't among them: no rule editor has them, or the card
would score by its own result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.target_encoding import CategoryLevels

__all__ = ["Candidate", "Condition", "condition_masks", "list_candidates"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Test: TypeAlias = Literal["times", "ever", "within", "among", "unknown"]

TIMES = (1, 2, 3, 5, 10)  # how often an act may be asked for
DAYS = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0)  # since creation
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)  # where a number's bands may begin
MOST_LEVELS = 30  # of one category, the commonest
ENDS = ("lost", "rejected")  # of another lead of the account; that may cost points, and never earns any
MOST_TOGETHER = 8  # levels in one condition: more nobody reads


@dataclass(frozen=True)
class Condition:
    """One thing that is so of a lead, or isn't.

    Attributes
    ----------
    feature : str
        The column that tells it.
    test : str
        ``times``: an act was done at least `low` times in the column's window. ``ever``: it was done at all. ``within``:
        a number lies in ``low ≤ x < high``. ``among``: a category is one of `levels`. ``unknown``: an attribute is empty.
    low, high : float or None
        None for no bound. A missing number lies in no band.
    levels : tuple of str
        Sorted.

    Examples
    --------
    >>> Condition("n_demo_30d", "times", 2.0).holds(pd.Series([0.0, 2.0, np.nan])).tolist()
    [False, True, False]
    >>> Condition("lead_source", "among", levels=("fair", "web")).holds(pd.Series(["web", None, "fax"])).tolist()
    [True, False, False]
    """

    feature: str
    test: Test
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()

    def holds(self, column: pd.Series[Any]) -> Flags:
        """Tell for which values it is so."""
        if self.test == "among":
            return np.asarray(column.isin(self.levels), dtype=bool)
        if self.test in ("ever", "unknown"):
            return np.asarray(column.notna() if self.test == "ever" else column.isna(), dtype=bool)
        x = column.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            above = x >= self.low if self.low is not None else np.isfinite(x)
            return np.asarray(above & (x < self.high) if self.high is not None else above, dtype=bool)


@dataclass(frozen=True)
class Candidate:
    """A condition that a card may take.

    Conditions on the same `acts` all pull one way, so that more acts never undo points. `sign` is the way that a condition must
    pull to be believed by who reads the card, 0 for any: what goes along with many leads of an account, as that one of them
    was lost, would else earn points.
    """

    condition: Condition
    acts: str = ""
    sign: float = 0.0


def list_candidates(
    specs: Sequence[Feature], values: pd.DataFrame, lead: NDArray[Any], margin: Floats
) -> tuple[tuple[Candidate, ...], Flags]:
    """List the conditions that some leads meet and others don't, with who meets each.

    Parameters
    ----------
    specs : sequence of Feature
        What the columns of `values` are; features that no rule editor has are passed over.
    lead : array
        Whose row each is: a condition must hold of at least 20 leads, and fail of as many.
    margin : array
        What the model said, as log odds: categories are ordered by it.

    Returns
    -------
    tuple
        The candidates in the order of the features, and a row by candidate array.

    Examples
    --------
    >>> spec = Feature("lead_source", "fit", "source", "category", "value", "came from")
    >>> column = pd.DataFrame({"lead_source": ["web"] * 30 + ["fair"] * 30 + ["x"]})
    >>> found, holds = list_candidates([spec], column, np.arange(61), np.zeros(61))
    >>> [c.condition.levels for c in found], holds.sum(axis=0).tolist()
    ([('fair',), ('web',)], [30, 30])
    """
    _, who = np.unique(np.asarray(lead).astype(str), return_inverse=True)
    taken: dict[bytes, Candidate] = {}
    holds: list[Flags] = []
    for spec in specs:
        for candidate in _of(spec, values[spec.name], lead, margin):
            here = candidate.condition.holds(values[spec.name])
            if min(_distinct(who[here]), _distinct(who[~here])) >= MIN_GROUP_SIZE:
                key = here.tobytes()
                if key not in taken:
                    taken[key] = candidate
                    holds.append(here)
    return tuple(taken.values()), np.column_stack(holds) if holds else np.zeros((len(values), 0), dtype=bool)


def condition_masks(conditions: Sequence[Condition], values: pd.DataFrame) -> Flags:
    """Return who meets each condition, row by condition."""
    if not conditions:
        return np.zeros((len(values), 0), dtype=bool)
    return np.column_stack([c.holds(values[c.feature]) for c in conditions])


def _distinct(codes: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(np.bincount(codes))) if len(codes) else 0


def _of(spec: Feature, column: pd.Series[Any], lead: NDArray[Any], margin: Floats) -> Iterator[Candidate]:
    """Yield what may be asked of one feature."""
    name, acts = spec.name, f"{spec.by}:{spec.field}"
    if spec.table == "events" and spec.aggregate == "count" and spec.kind == "count" and spec.window is not None:
        # Editors count one kind of act; of several kinds they can only ask whether any was done.
        times = TIMES if spec.by == "behaviour" else TIMES[:1]
        yield from (Candidate(Condition(name, "times", float(n)), acts) for n in times)
    elif spec.table == "events" and spec.aggregate == "since_last":
        yield Candidate(Condition(name, "ever"), acts)
    elif spec.aggregate == "age":
        yield from (Candidate(Condition(name, "within", high=days)) for days in DAYS)
    elif spec.aggregate in ("meets", "colleagues_reached"):  # what a company's own record says, too
        yield Candidate(Condition(name, "times", 1.0), sign=-1.0 if spec.field in ENDS else 1.0)
    elif spec.aggregate == "value":
        yield Candidate(Condition(name, "unknown"))
        if spec.kind == "category":
            yield from (Candidate(Condition(name, "among", levels=part)) for part in _parts(spec, column, lead, margin))
        else:
            yield from (Candidate(Condition(name, "within", low=step)) for step in _steps(column))


def _parts(spec: Feature, column: pd.Series[Any], lead: NDArray[Any], margin: Floats) -> list[tuple[str, ...]]:
    """Return each common level alone, and the levels that the model likes best, and least, together.

    No set of the best overlaps one of the least, so that points add up to no more bands than there are sets.
    """
    table = CategoryLevels.fit(spec.name, column, np.zeros(len(column)), np.ones(len(column)), lead)
    common = sorted(range(len(table.names)), key=lambda n: (-table.weight[n], n))[:MOST_LEVELS]
    codes = table.codes(column)
    size = len(table.names) + 2
    mean = np.bincount(codes, margin, size) / np.maximum(np.bincount(codes, minlength=size), 1)
    ordered = [table.names[n] for n in sorted(common, key=lambda n: (mean[n], n))]
    alone = [(level,) for level in sorted(ordered)]
    together = [
        part for n in range(2, min(len(ordered) // 2, MOST_TOGETHER) + 1) for part in (ordered[:n], ordered[-n:])
    ]
    return alone + [tuple(sorted(part)) for part in together]


def _steps(column: pd.Series[Any]) -> list[float]:
    """Return where a number's bands may begin: its quantiles, rounded to two figures.

    Examples
    --------
    >>> _steps(pd.Series([1.0, 5.0, 52.0, 254.0, 1013.0, np.nan]))
    [5.0, 52.0, 250.0, 1000.0]
    """
    x = column.to_numpy(dtype=np.float64, na_value=np.nan)
    x = x[np.isfinite(x)]
    found = {float(f"{v:.2g}") for v in np.quantile(x, QUANTILES, method="nearest")} if len(x) else set()
    return sorted(v for v in found if v > x.min())

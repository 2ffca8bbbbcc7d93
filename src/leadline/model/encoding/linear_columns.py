"""The columns of the logistic regression: each a transform of one feature, standardised, and 0 at the average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.target_encoding import CategoryLevels

__all__ = ["LinearColumn", "category_columns", "number_columns"]

Floats: TypeAlias = NDArray[np.float64]
Form = Literal["plain", "log", "tail", "missing", "level", "other", "holds", "equals"]

FARTHEST = 6.0  # standard deviations: a value beyond them all says no more than one at six
MAX_ONE_HOT = 30  # the commonest levels of a category have a column of their own; the rest share "other"
HEAVY = 6.0  # a number whose 1% or 99% point lies so many interquartile ranges from the middle is taken by asinh


@dataclass(frozen=True)
class LinearColumn:
    """One column: a feature's value, or whether it is missing, or whether it is of one level.

    Attributes
    ----------
    name, feature, group : str
        The column, the feature it is made of, and the group whose reason it belongs to.
    form : Form
        plain: x · log: log1p(x) · tail: asinh((x − middle) / unit) · missing: 1 where x is NaN ·
        level: 1 for the level · other: 1 for every level without a column of its own ·
        holds: 1 above 0 · equals: 1 where x is `middle` (a points rule, see `prior`).
    level : str
        The level that form `level` stands for.
    middle, unit : float
        The median and the interquartile range, for form `tail`.
    mean, scale : float
        What standardises it. Of the 0/1 forms the scale is 1, so that rare levels are shrunk hardest.
    """

    name: str
    feature: str
    group: str
    form: Form
    level: str = ""
    middle: float = 0.0
    unit: float = 1.0
    mean: float = 0.0
    scale: float = 1.0

    def numbers(self, values: Floats) -> Floats:
        """Return the column, 0 on average, from a feature's numbers; a missing value is 0, the average.

        Examples
        --------
        >>> LinearColumn("log n", "n", "n", "log", mean=1.0).numbers(np.array([np.e - 1, 0.0, np.nan])).tolist()
        [0.0, -1.0, 0.0]
        """
        if self.form == "missing":
            return np.isnan(values).astype(np.float64) - self.mean
        if self.form in ("holds", "equals"):
            holds = values > 0 if self.form == "holds" else values == self.middle
            return holds.astype(np.float64) - self.mean
        standard = np.asarray(self._shaped(values) - self.mean, dtype=np.float64)
        standard /= self.scale
        np.clip(standard, -FARTHEST, FARTHEST, out=standard)
        standard[np.isnan(standard)] = 0.0
        return standard

    def indicator(self, codes: NDArray[np.int64], own: frozenset[int]) -> Floats:
        """Return the column from a category's codes: 1 − mean where the code is one of its own."""
        one = codes == next(iter(own)) if len(own) == 1 else np.isin(codes, np.array(sorted(own), dtype=np.int64))
        return one.astype(np.float64) - self.mean

    def to_record(self) -> dict[str, Any]:
        """Return the column as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LinearColumn:
        """Read what `to_record` wrote."""
        return cls(**record)

    def _shaped(self, values: Floats) -> Floats:
        if self.form == "log":
            return np.log1p(np.maximum(values, 0.0))
        if self.form == "tail":
            return np.arcsinh((values - self.middle) / self.unit)
        return values

    def _standardised(self, values: Floats, weight: Floats) -> LinearColumn | None:
        """Return the column with its mean and scale, or None where it is constant."""
        shaped = self._shaped(values)
        total = weight.sum()
        mean = float(np.sum(shaped * weight) / total)
        scale = float(np.sqrt(np.sum((shaped - mean) ** 2 * weight) / total))
        if not scale > 1e-9 * max(1.0, abs(mean)):
            return None
        return LinearColumn(**{**asdict(self), "mean": mean, "scale": scale})


def number_columns(spec: Feature, values: Floats, weight: Floats) -> Iterator[LinearColumn]:
    """Yield a numeric feature's columns: its value unless constant, and whether it's missing if some are.

    Examples
    --------
    >>> spec = Feature("age", "fit", "age", "number", "value", "is of age")
    >>> [c.name for c in number_columns(spec, np.array([1.0, 2.0, np.nan]), np.ones(3))]
    ['age', 'age missing']
    """
    known = ~np.isnan(values)
    if known.any():
        form, middle, unit = _form(spec, values[known])
        plain = LinearColumn(spec.name, spec.name, spec.group, form, middle=middle, unit=unit)
        column = plain._standardised(values[known], weight[known])
        if column is not None:
            yield column
    if known.any() and not known.all():
        mean = float(weight[~known].sum() / weight.sum())
        name = f"{spec.name} {'never' if spec.kind == 'days' else 'missing'}"
        yield LinearColumn(name, spec.name, spec.group, "missing", mean=mean)


def category_columns(spec: Feature, levels: CategoryLevels) -> Iterator[LinearColumn]:
    """Yield a category's columns: one for each common level, one for other, one for missing; none if constant."""
    weight = np.array(levels.weight)
    share = weight / weight.sum()
    common = common_codes(levels)
    for code in common:
        if 0 < share[code] < 1:
            name = levels.names[code]
            yield LinearColumn(f"{spec.name} = {name}", spec.name, spec.group, "level", name, mean=float(share[code]))
    rest = float(sum(share[code] for code in range(len(levels.names) + 1) if code not in common))
    if 0 < rest < 1:
        yield LinearColumn(f"{spec.name} = other", spec.name, spec.group, "other", mean=rest)
    if 0 < share[-1] < 1:
        yield LinearColumn(f"{spec.name} missing", spec.name, spec.group, "missing", mean=float(share[-1]))


def common_codes(levels: CategoryLevels) -> list[int]:
    """Return the codes of the levels that have a column of their own, commonest first."""
    ranked = sorted(range(len(levels.names)), key=lambda code: (-levels.weight[code], code))
    return ranked[:MAX_ONE_HOT]


def own_codes(column: LinearColumn, levels: CategoryLevels) -> frozenset[int]:
    """Return the codes for which a category's column is 1."""
    size = len(levels.names)
    if column.form == "level":
        return frozenset({levels.names.index(column.level)})
    if column.form == "missing":
        return frozenset({size + 1})
    return frozenset(range(size + 1)) - frozenset(common_codes(levels))


def _form(spec: Feature, known: Floats) -> tuple[Form, float, float]:
    """Choose how a feature's numbers are taken in: counts and days by log, long-tailed numbers by asinh."""
    if spec.kind in ("count", "days"):
        return "log", 0.0, 1.0
    low, middle, high = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    reach = float(np.max(np.abs(np.quantile(known, [0.01, 0.99]) - middle)))
    if spec.kind == "flag" or not reach > HEAVY * (high - low) > 0:
        return "plain", 0.0, 1.0
    return "tail", middle, high - low

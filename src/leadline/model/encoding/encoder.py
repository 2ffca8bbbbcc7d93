"""What a model is fitted on, and the encoder: values of features in, numbers for trees and for the regression out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadline.core.jsonable import parse_json
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.model.encoding.linear_columns import LinearColumn, category_columns, number_columns, own_codes
from leadline.model.encoding.target_encoding import CategoryLevels

__all__ = ["Encoder", "Matrix", "ModelColumn"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]


class ModelColumn(NamedTuple):
    """A column that a model reads: its name, the feature it is made of, and the group whose reason it belongs to."""

    name: str
    feature: str
    group: str


@dataclass(frozen=True)
class Matrix:
    """Labelled snapshots: one row each, all columns of one length.

    Attributes
    ----------
    values : DataFrame
        A column a feature: float64 with NaN, or text with None for a category.
    y, weight : array of float
        The label, 0 or 1, and how many snapshots the row stands for.
    lead : array
        Who it is.
    as_of, known_at : array of int
        When it was asked, and from when on its label was known.

    Examples
    --------
    >>> day = np.arange(3)
    >>> Matrix(pd.DataFrame({"n": [1.0, 2.0, 3.0]}), day > 1, np.ones(3), day, day, day + 30).positives
    1
    """

    values: pd.DataFrame
    y: Floats
    weight: Floats
    lead: NDArray[Any]
    as_of: Codes
    known_at: Codes

    def __post_init__(self) -> None:
        for name in ("y", "weight"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        for name in ("as_of", "known_at"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        object.__setattr__(self, "lead", np.asarray(self.lead))
        sizes = {name: len(getattr(self, name)) for name in ("values", "y", "weight", "lead", "as_of", "known_at")}
        if len(set(sizes.values())) != 1:
            raise DataError(f"matrix: lengths {sizes}; expected one of each a row; join by (lead_id, as_of)")
        wrong = int(np.sum(~np.isin(self.y, (0.0, 1.0))) + np.sum(~((self.weight > 0) & np.isfinite(self.weight))))
        if wrong:
            raise DataError(f"matrix: {wrong} labels aren't 0 or 1 or weights aren't above 0; expected none; drop them")

    def __len__(self) -> int:
        return len(self.y)

    @property
    def positives(self) -> int:
        """The number of rows whose label is positive."""
        return int(self.y.sum())

    def take(self, rows: Codes) -> Matrix:
        """Return the rows by number, in that order."""
        if np.array_equal(rows, np.arange(len(self))):
            return self  # sorted rows needn't be copied to be sorted
        values = self.values.iloc[rows].reset_index(drop=True)
        known = self.as_of[rows], self.known_at[rows]
        return Matrix(values, self.y[rows], self.weight[rows], self.lead[rows], *known)

    def without_values(self) -> Matrix:
        """Return the labels alone, which take no room beside encoded rows."""
        return replace(self, values=self.values.iloc[:, :0])

    def order(self) -> Codes:
        """Return the row numbers sorted by key, (as_of, lead)."""
        _, who = np.unique(self.lead, return_inverse=True)
        return np.lexsort((who, self.as_of))


@dataclass(frozen=True)
class Encoder:
    """How values become numbers, fitted once and frozen.

    Numbers enter the trees as they are; a category as its lift and its share (`levels`). The regression takes what
    `linear` makes. Levels not seen before are other.

    Examples
    --------
    >>> spec = Feature("source", "fit", "source", "category", "value", "came from")
    >>> values = pd.DataFrame({"source": ["web"] * 20 + ["fair"] * 20})
    >>> n = np.arange(40)
    >>> encoder = Encoder.fit([spec], Matrix(values, n < 10, np.ones(40), n, n, n + 1))
    >>> encoder.tree(values.iloc[[0, 39]]).round(2).tolist()
    [[1.33, 0.5], [0.67, 0.5]]
    >>> [c.name for c in encoder.linear_columns]
    ['source = fair', 'source = web']
    """

    specs: tuple[Feature, ...]
    levels: tuple[CategoryLevels, ...]
    linear_columns: tuple[LinearColumn, ...]

    @classmethod
    def fit(cls, specs: Sequence[Feature], matrix: Matrix) -> Encoder:
        """Learn levels, means and scales from all rows."""
        levels: list[CategoryLevels] = []
        columns: list[LinearColumn] = []
        _, who = np.unique(matrix.lead, return_inverse=True)
        for spec in specs:
            if spec.kind == "category":
                check_names(matrix.values, (spec.name,))
                column = matrix.values[spec.name]
                table = CategoryLevels.fit(spec.name, column, matrix.y, matrix.weight, who)
                levels.append(table)
                columns.extend(category_columns(spec, table))
            else:
                columns.extend(number_columns(spec, _numbers(matrix.values, spec), matrix.weight))
        return cls(tuple(specs), tuple(levels), tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in order."""
        return tuple(spec.name for spec in self.specs)

    @cached_property
    def tree_columns(self) -> tuple[ModelColumn, ...]:
        """The columns of `tree`, in order."""
        return tuple(
            ModelColumn(f"{spec.name}{part}", spec.name, spec.group)
            for spec in self.specs
            for part in ((" lift", " share") if spec.kind == "category" else ("",))
        )

    def tree(self, values: pd.DataFrame) -> Floats:
        """Return the trees' matrix, by the frozen table."""
        return self._tree(self._read(values), len(values))

    def tree_asof(self, matrix: Matrix, rows: Codes | None = None) -> NDArray[np.float32]:
        """Return the trees' matrix of training rows: no row's lift knows a label that wasn't known at its as_of.

        In 32 bits, which halve a training's memory; splits lie between values, so that rows in 64 bits fall on the same side.

        Parameters
        ----------
        rows : array of int, optional
            The rows to return; lifts are told from all.
        """
        check_names(matrix.values, self.names)
        known = (matrix.y, matrix.weight, matrix.as_of, matrix.known_at)
        pairs = {table.feature: table.numbers_asof(matrix.values[table.feature], *known) for table in self.levels}
        at = slice(None) if rows is None else rows
        size = len(matrix) if rows is None else len(rows)
        out = np.empty((size, len(self.tree_columns)), dtype=np.float32, order="F")
        for place, numbers in enumerate(self._each_tree(_Columns(self, matrix.values), pairs)):
            out[:, place] = numbers[at]
        return out

    def linear(self, values: pd.DataFrame, dtype: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
        """Return the regression's matrix: every column is 0 at the average of the rows it was fitted on.

        Training asks for 32 bits, which halve its memory.
        """
        check_names(values, self.names)
        out = np.empty((len(values), len(self.linear_columns)), dtype=dtype, order="F")
        for place, numbers in enumerate(self._each_linear(_Columns(self, values))):
            out[:, place] = numbers
        return out

    def both(self, values: pd.DataFrame) -> tuple[Floats, Iterator[Floats]]:
        """Return the trees' matrix, and the regression's columns one by one; values are read once."""
        read = self._read(values)
        return self._tree(read, len(values)), self._each_linear(read)

    def to_json(self) -> str:
        """Return the encoder as JSON; floats are written so that reading gives the same bits."""
        record = {
            "features": [spec.to_record() for spec in self.specs],
            "levels": [table.to_record() for table in self.levels],
            "linear": [column.to_record() for column in self.linear_columns],
        }
        return json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Read what `to_json` wrote."""
        record: Mapping[str, Any] = parse_json(text)
        return cls(
            tuple(Feature.from_record(spec) for spec in record["features"]),
            tuple(CategoryLevels.from_record(table) for table in record["levels"]),
            tuple(LinearColumn.from_record(column) for column in record["linear"]),
        )

    def _read(self, values: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return each feature's numbers, or a category's codes."""
        check_names(values, self.names)
        columns = _Columns(self, values)
        return {name: columns[name] for name in self.names}

    def _tree(self, read: Mapping[str, NDArray[Any]], rows: int) -> Floats:
        pairs = {table.feature: table.numbers_of(read[table.feature]) for table in self.levels}
        out = np.empty((rows, len(self.tree_columns)), order="F")
        for place, numbers in enumerate(self._each_tree(read, pairs)):
            out[:, place] = numbers
        return out

    def _each_linear(self, read: Mapping[str, NDArray[Any]] | _Columns) -> Iterator[Floats]:
        tables = {table.feature: table for table in self.levels}
        for column in self.linear_columns:
            name = column.feature
            if name in tables:
                yield column.indicator(read[name], own_codes(column, tables[name]))
            else:
                yield column.numbers(read[name])

    def _each_tree(
        self, read: Mapping[str, NDArray[Any]] | _Columns, pairs: Mapping[str, tuple[Floats, Floats]]
    ) -> Iterator[Floats]:
        for spec in self.specs:
            yield from pairs[spec.name] if spec.kind == "category" else (read[spec.name],)


class _Columns:
    """Each feature's numbers, or a category's codes, read when asked for; only the last is kept, as a copy of all would be a second matrix."""

    def __init__(self, encoder: Encoder, values: pd.DataFrame) -> None:
        self._values = values
        self._specs = {spec.name: spec for spec in encoder.specs}
        self._levels = {table.feature: table for table in encoder.levels}
        self._name = ""
        self._read: NDArray[Any] = np.empty(0)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name != self._name:
            table = self._levels.get(name)
            self._read = _numbers(self._values, self._specs[name]) if table is None else table.codes(self._values[name])
            self._name = name
        return self._read


def check_names(values: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise `DataError` unless every feature has its column; others are ignored, and order doesn't matter.

    Examples
    --------
    >>> check_names(pd.DataFrame({"b": [1.0]}), ["a", "b"])
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: features: a isn't there; expected one column for each of 2 features; ...
    """
    missing = [name for name in names if name not in values.columns]
    if missing:
        raise DataError(
            f"features: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'}n't there; expected one column for "
            f"each of {len(names)} features; make them with the spec that the model was trained with"
        )


def _numbers(values: pd.DataFrame, spec: Feature) -> Floats:
    """Return a feature's numbers, contiguous, so that a row's result doesn't depend on how the table lies in memory."""
    check_names(values, (spec.name,))
    try:
        numbers = np.ascontiguousarray(values[spec.name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise DataError(
            f"feature {spec.name}: not numbers; expected kind {spec.kind}; cast the column or name it as a category"
        ) from None
    if np.isinf(numbers).any():
        count = int(np.isinf(numbers).sum())
        raise DataError(f"feature {spec.name}: {count} rows are infinite; expected finite or missing; fix the source")
    return numbers

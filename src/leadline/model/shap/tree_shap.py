"""What each column adds to each row's margin: exact SHAP values of trees, by tables made once from the trees.

The values are TreeSHAP's, path-dependent (Lundberg et al. 2020), as LightGBM's ``pred_contrib`` gives them. A leaf's
part depends on a row only through which of the leaf's few features let the row pass (Yang 2021, Fast TreeSHAP v2;
Nadel and Wettenstein 2024, WOODELF), so that all patterns' values can be put in a table, and a row costs a look-up a column.
Here tables are made for whole branches of at most 8 bits; the margin comes out of the same look-ups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.model.shap.trees import Leaf, SplitStep, Tree, TreeUnit, read_trees, tree_units

__all__ = ["NEAR", "Loops", "TabulatedTrees", "add_up", "compiled", "in_numpy", "loops_for", "matches_lightgbm"]


# The inner loops over rows, splits and units: plain Python over arrays, compiled by Numba; NumPy's twins give the same bits.
#
# Both add the same numbers in the same order, each row by itself, so that neither the rows around a row nor the number of
# threads, nor which of the two ran, is seen in a bit of the result.


MANY = 5_000

"""Rows from which on Numba's import, half a second, and once some seconds of compiling are worth their while."""

LEFT, ZERO, NAN = 2, 4, 8  # LightGBM's bits of a decision

NEARLY_ZERO = float(np.float32(1e-35))  # LightGBM takes what lies nearer for 0


class Loops(NamedTuple):
    """The three steps, and how many rows they take at once."""

    decide: Callable[..., None]
    encode: Callable[..., None]
    look_up: Callable[..., None]
    block: int


def add_up(loops: Loops, x: Any, splits: Any, units: Any, tables: Any, margin: Any, parts: Any) -> None:
    """Add up every row's margin, and its contributions where `parts` has room for them.

    Parameters
    ----------
    x : float64 array, columns × rows
    splits : column, threshold, decision
    units : first bit of each unit, first step of each bit, split and turn of each step
    tables : first unit of each tree, value table's place by unit, first column by unit, column and place of each
        column's table, all tables
    margin, parts : rows, columns × rows (or 0 × rows), zeroed
    """
    first_unit, value_at, first_column, *rest = tables
    if not len(parts):
        first_column = np.zeros_like(first_column)
    goes = np.empty((len(splits[0]), loops.block), np.uint8)
    codes = np.empty((len(value_at), loops.block), np.uint8)
    for start in range(0, x.shape[1], loops.block):
        block = x[:, start : start + loops.block]
        near = np.where(np.abs(block) <= NEARLY_ZERO, 0.0, block)
        n = near.shape[1]
        total, sums = np.zeros(n), np.zeros((len(parts), n))
        loops.decide(near, *splits, goes[:, :n])
        loops.encode(goes[:, :n], *units, codes[:, :n])
        loops.look_up(codes[:, :n], first_unit, value_at, first_column, *rest, total, sums)
        margin[start : start + n], parts[:, start : start + n] = total, sums


def decide(x: Any, column: Any, threshold: Any, decision: Any, goes: Any) -> None:
    """Decide whether rows go left at each split: a missing value by the split's default, or as 0 where it knows none."""
    for s in range(len(column)):
        values, most, missing, left = x[column[s]], threshold[s], decision[s] & 12, goes[s]
        default = np.uint8((decision[s] & 2) != 0 if missing != 0 else most >= 0.0)
        for r in range(len(left)):
            v = values[r]
            left[r] = default if v != v else np.uint8(v <= most)
        if missing == 4:
            for r in range(len(left)):
                if values[r] == 0.0:
                    left[r] = default


def encode(goes: Any, first_bit: Any, first_step: Any, step_split: Any, step_turn: Any, codes: Any) -> None:
    """Put each unit's bits together: a bit is set where all of its steps are as they should be."""
    met = np.empty(goes.shape[1], np.uint8)
    for u in range(len(first_bit) - 1):
        code = codes[u]
        code[:] = 0
        for b in range(first_bit[u], first_bit[u + 1]):
            shift, i = b - first_bit[u], first_step[b]
            left, turn = goes[step_split[i]], step_turn[i]
            for r in range(len(met)):
                met[r] = left[r] ^ turn
            for k in range(i + 1, first_step[b + 1]):
                left, turn = goes[step_split[k]], step_turn[k]
                for r in range(len(met)):
                    met[r] &= left[r] ^ turn
            for r in range(len(met)):
                code[r] |= met[r] << shift


def look_up(
    codes: Any,
    first_unit: Any,
    value_at: Any,
    first_column: Any,
    column: Any,
    at: Any,
    table: Any,
    total: Any,
    sums: Any,
) -> None:
    """Add up the values of the leaves that are reached, tree by tree, and each column's part of them."""
    reached = np.empty(len(total))
    for tree in range(len(first_unit) - 1):
        reached[:] = 0.0
        for u in range(first_unit[tree], first_unit[tree + 1]):
            code, place = codes[u], value_at[u]
            for r in range(len(total)):
                reached[r] += table[place + code[r]]
            for c in range(first_column[u], first_column[u + 1]):
                into, place = sums[column[c]], at[c]
                for r in range(len(total)):
                    into[r] += table[place + code[r]]
        for r in range(len(total)):
            total[r] += reached[r]


def loops_for(rows: int) -> Loops:
    """Return the faster of the two for so many rows; where Numba isn't there (SHAP brings it), NumPy's."""
    if rows < MANY and not compiled.cache_info().currsize:
        return in_numpy
    try:
        return compiled()
    except ImportError:
        return in_numpy


@cache
def compiled() -> Loops:
    """Return the loops compiled; what was compiled is kept where Python keeps its own bytecode, if that can be written.

    Raises
    ------
    ImportError
        Numba isn't there, or not for this NumPy.
    """
    import numba

    try:
        made = [numba.njit(nogil=True, cache=True)(step) for step in (decide, encode, look_up)]
    except RuntimeError:  # no place to keep it
        made = [numba.njit(nogil=True)(step) for step in (decide, encode, look_up)]
    return Loops(made[0], made[1], made[2], block=256)  # what 256 rows need lies in the second cache


def _decide(x: Any, column: Any, threshold: Any, decision: Any, goes: Any) -> None:
    for s, rule in enumerate(decision.tolist()):
        values, most = x[column[s]], threshold[s]
        default = bool(rule & LEFT) if rule & (ZERO | NAN) else most >= 0.0
        goes[s] = np.where(np.isnan(values), default, values <= most)
        if rule & (ZERO | NAN) == ZERO:
            goes[s, values == 0.0] = default


def _encode(goes: Any, first_bit: Any, first_step: Any, step_split: Any, step_turn: Any, codes: Any) -> None:
    codes[:] = 0
    for u in range(len(first_bit) - 1):
        for b in range(first_bit[u], first_bit[u + 1]):
            steps = slice(first_step[b], first_step[b + 1])
            met = np.bitwise_and.reduce(goes[step_split[steps]] ^ step_turn[steps, None], axis=0)
            codes[u] |= met << np.uint8(b - first_bit[u])


def _look_up(
    codes: Any,
    first_unit: Any,
    value_at: Any,
    first_column: Any,
    column: Any,
    at: Any,
    table: Any,
    total: Any,
    sums: Any,
) -> None:
    for tree in range(len(first_unit) - 1):
        reached = np.zeros(len(total))
        for u in range(first_unit[tree], first_unit[tree + 1]):
            reached += table[value_at[u] :][codes[u]]
            for c in range(first_column[u], first_column[u + 1]):
                sums[column[c]] += table[at[c] :][codes[u]]
        total += reached


in_numpy = Loops(_decide, _encode, _look_up, block=4096)

Floats: TypeAlias = NDArray[np.float64]

NEAR = 1e-6  # log odds by which a contribution may differ from LightGBM's

CHUNK = 512  # leaves at once while tables are made


@dataclass(frozen=True)
class TabulatedTrees:
    """Trees as tables: margins and contributions of rows, the same bits for a row alone as among any others.

    Attributes
    ----------
    width : int
        The number of columns.
    splits, units, tables : tuples of arrays
        As `loops.add_up` takes them.
    """

    width: int
    splits: tuple[NDArray[Any], ...] = field(repr=False)
    units: tuple[NDArray[Any], ...] = field(repr=False)
    tables: tuple[NDArray[Any], ...] = field(repr=False)

    @classmethod
    def of(cls, text: str, width: int) -> TabulatedTrees:
        """Make the tables of LightGBM's text for so many columns.

        Examples
        --------
        >>> from leadline.model.fitting.boosting import Recipe, fit_trees, tree_margin
        >>> x = np.arange(400.0).reshape(200, 2)
        >>> text = fit_trees(x, (x[:, 0] > 99) * 1.0, np.ones(200), 7, 3, Recipe(min_hessian=1.0))
        >>> margin, parts = TabulatedTrees.of(text, 2).parts(x)
        >>> bool(np.array_equal(margin, tree_margin(text, x))), parts.shape, bool(np.ptp(margin - parts.sum(axis=1)) < 1e-12)
        (True, (200, 2), True)
        """
        trees = read_trees(text)
        cut = [tree_units(tree) for tree in trees]
        splits = (
            _joined([tree.column for tree in trees], np.int64),
            _joined([tree.threshold for tree in trees], np.float64),
            _joined([tree.decision for tree in trees], np.int64),
        )
        return cls(width, splits, _units(trees, cut), _tables(trees, cut))

    def ready(self, rows: int) -> None:
        """Have the loop for so many rows compiled, so that threads needn't wait for one another."""
        nothing = np.zeros((self.width, 1))
        add_up(loops_for(rows), nothing, self.splits, self.units, self.tables, np.zeros(1), np.zeros_like(nothing))

    def margin(self, x: Floats) -> Floats:
        """Return each row's margin, bit for bit what LightGBM's ``predict(raw_score=True)`` gives."""
        return self._run(x, 0)[0]

    def parts(self, x: Floats) -> tuple[Floats, Floats]:
        """Return each row's margin and each column's part of it, rows × columns (columns contiguous)."""
        return self._run(x, self.width)

    def _run(self, x: Floats, width: int) -> tuple[Floats, Floats]:
        margin, parts = np.zeros(len(x)), np.zeros((width, len(x)))
        columns = np.ascontiguousarray(x.T, dtype=np.float64)
        add_up(loops_for(len(x)), columns, self.splits, self.units, self.tables, margin, parts)
        return margin, parts.T


def matches_lightgbm(forest: TabulatedTrees, booster: Any, x: Floats) -> bool:
    """Tell whether rows' margins are LightGBM's to the bit, and their contributions within `NEAR` of LightGBM's."""
    margin, parts = forest.parts(x)
    told = np.asarray(booster.predict(x, pred_contrib=True))[:, :-1]
    return np.array_equal(margin, booster.predict(x, raw_score=True)) and bool(np.all(np.abs(parts - told) <= NEAR))


def _units(trees: Sequence[Tree], cut: Sequence[Sequence[TreeUnit]]) -> tuple[NDArray[Any], ...]:
    """List what each unit's bits ask; a step's turn is 1 where the way goes right."""
    bits: list[list[SplitStep]] = []
    first_bit, base = [0], 0
    for tree, found in zip(trees, cut, strict=True):
        for unit in found:
            asked = [[step for step in unit.path if tree.column[step.split] == column] for column in unit.asked]
            for steps in (*asked, *([SplitStep(split, True)] for split in unit.splits)):
                bits.append([SplitStep(base + step.split, step.left) for step in steps])
            first_bit.append(len(bits))
        base += len(tree.column)
    steps = [step for asked in bits for step in asked]
    return (
        np.array(first_bit, dtype=np.int64),
        _starts(len(asked) for asked in bits),
        np.array([step.split for step in steps], dtype=np.int64),
        np.array([not step.left for step in steps], dtype=np.uint8),
    )


def _tables(trees: Sequence[Tree], cut: Sequence[Sequence[TreeUnit]]) -> tuple[NDArray[Any], ...]:
    """Put every unit's tables in a row: the leaf's value that its bits lead to (0 for another unit's), then each column's part."""
    leaves = [leaf for found in cut for unit in found for leaf in unit.leaves]
    told = iter(_patterns(leaves))
    tables: list[Floats] = []
    value_at: list[int] = []
    columns: list[int] = []
    table_at: list[int] = []
    counts: list[int] = []
    place = 0
    for tree, found in zip(trees, cut, strict=True):
        for unit in found:
            value, parts = _unit_tables(tree, unit, [next(told) for _ in unit.leaves])
            value_at.append(place)
            counts.append(len(parts))
            columns += unit.columns
            table_at += [place + (1 + n) * len(value) for n in range(len(parts))]
            tables += [value, parts.ravel()]
            place += (1 + len(parts)) * len(value)
    first_unit = _starts(len(found) for found in cut)
    whole = (np.array(part, dtype=np.int64) for part in (first_unit, value_at, _starts(counts), columns, table_at))
    return (*whole, _joined(tables, np.float64))


def _unit_tables(tree: Tree, unit: TreeUnit, told: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Sum a unit's leaves over all patterns of its bits."""
    number = np.arange(2**unit.bits)
    met = [(number >> bit) & 1 for bit in range(unit.bits)]
    place = {column: n for n, column in enumerate(unit.columns)}
    value, parts = np.zeros(len(number)), np.zeros((len(place), len(number)))
    for leaf, table in zip(unit.leaves, told, strict=True):
        lets = {column: met[unit.asked.index(column)] if column in unit.asked else 1 for column in leaf.columns}
        for step in leaf.way[len(unit.path) :]:
            goes = met[len(unit.asked) + unit.splits.index(step.split)]
            lets[int(tree.column[step.split])] = lets[int(tree.column[step.split])] & (goes if step.left else 1 - goes)
        pattern = np.zeros(len(number), dtype=np.int64)
        for n, column in enumerate(leaf.columns):
            pattern |= lets[column] << n
        value += np.where(pattern == 2 ** len(leaf.columns) - 1, leaf.value, 0.0)
        for n, column in enumerate(leaf.columns):
            parts[place[column]] += table[n, pattern]
    return value, parts


def _patterns(leaves: Sequence[Leaf]) -> list[Floats]:
    """Return each leaf's contributions, features × patterns, where bit k of a pattern tells that feature k lets the row pass."""
    told: list[Floats] = [np.empty((0, 1))] * len(leaves)
    for size in {len(leaf.columns) for leaf in leaves} - {0}:
        mine = [n for n, leaf in enumerate(leaves) if len(leaf.columns) == size]
        for start in range(0, len(mine), CHUNK):
            part = mine[start : start + CHUNK]
            found = _shapley(np.array([leaves[n].passed for n in part]), np.array([leaves[n].value for n in part]))
            for n, table in zip(part, found, strict=True):
                told[n] = table
    return told


def _shapley(passed: Floats, value: Floats) -> Floats:
    """Return the Shapley values of leaves with equally many features: leaves × features × patterns.

    A leaf's game gives a set of known features ``value · Π known lets · Π unknown passed``, where lets is 1 or 0.

    Examples
    --------
    >>> _shapley(np.array([[0.25]]), np.array([8.0])).tolist()
    [[[-2.0, 6.0]]]
    """
    leaves, size = passed.shape
    lets = ((np.arange(2**size)[:, None] >> np.arange(size)) & 1).astype(np.float64)
    weight = [math.factorial(known) * math.factorial(size - 1 - known) / math.factorial(size) for known in range(size)]
    out = np.empty((leaves, size, 2**size))
    for mine in range(size):
        # Σ over sets of the others by how many are known: the coefficients of Π (passed + lets · t).
        sums = np.zeros((size, leaves, 2**size))
        sums[0] = 1.0
        for other in range(size):
            if other != mine:
                more = sums[:-1] * lets[:, other]
                sums *= passed[:, other, None]
                sums[1:] += more
        worth = sum(w * s for w, s in zip(weight, sums, strict=True))
        out[:, mine] = value[:, None] * (lets[:, mine] - passed[:, mine, None]) * worth
    return out


def _starts(sizes: Iterable[int]) -> NDArray[np.int64]:
    return np.array([0, *accumulate(sizes)], dtype=np.int64)


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype=dtype), *parts]).astype(dtype)

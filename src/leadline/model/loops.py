"""The inner loop over rows and units: plain Python over arrays, compiled by Numba; NumPy's twin gives the same bits.

Both add the same numbers in the same order, each row by itself, so that neither the rows around a row nor the number of
threads, nor which of the two ran, is seen in a bit of the result.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

__all__ = ["add_up", "compiled", "numpy_add_up"]

BLOCK = 256  # rows at once in the compiled loop: what they need lies in the second cache
WIDE = 4096  # rows at once in NumPy

LEFT, ZERO, NAN = 2, 4, 8  # LightGBM's bits of a decision
NEARLY_ZERO = float(np.float32(1e-35))  # LightGBM takes what lies nearer for 0


def add_up(x: Any, splits: Any, units: Any, tables: Any, out: Any) -> None:
    """Add up every row's margin, and its contributions where `out` has room for them.

    Parameters
    ----------
    x : float64 array, columns × rows
    splits : first split of each tree, column, threshold, decision
    units : first unit of each tree, first bit of each unit, first step of each bit, split and turn of each step
    tables : value table's place by unit, first column by unit, column and place of each column's table, all tables
    out : margin (rows), contributions (columns × rows, or 0 × rows), zeroed
    """
    first_split, column, threshold, decision = splits
    first_unit, first_bit, first_step, step_split, step_turn = units
    value_at, first_column, table_column, table_at, table = tables
    margin, parts = out
    is_wide = parts.shape[0] > 0
    size, most_splits = x.shape[1], 0
    for tree in range(len(first_split) - 1):
        most_splits = max(most_splits, first_split[tree + 1] - first_split[tree])
    goes = np.empty((most_splits, BLOCK), np.uint8)
    near = np.empty((x.shape[0], BLOCK))
    code = np.empty(BLOCK, np.uint8)
    sums = np.zeros((parts.shape[0], BLOCK))
    total, reached = np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        sums[:] = 0.0
        total[:] = 0.0
        for c in range(x.shape[0]):
            for r in range(n):
                v = x[c, start + r]
                near[c, r] = 0.0 if -NEARLY_ZERO <= v <= NEARLY_ZERO else v
        for tree in range(len(first_split) - 1):
            base = first_split[tree]
            for s in range(base, first_split[tree + 1]):
                values, most, missing, into_left = near[column[s]], threshold[s], decision[s] & 12, goes[s - base]
                nan_left = np.uint8((decision[s] & 2) != 0 if missing != 0 else most >= 0.0)
                for r in range(n):
                    v = values[r]
                    into_left[r] = nan_left if v != v else np.uint8(v <= most)
                if missing == 4:
                    for r in range(n):
                        if values[r] == 0.0:
                            into_left[r] = nan_left
            reached[:] = 0.0
            for u in range(first_unit[tree], first_unit[tree + 1]):
                code[:] = 0
                for b in range(first_bit[u], first_bit[u + 1]):
                    shift = b - first_bit[u]
                    i = first_step[b]
                    if first_step[b + 1] == i + 1:
                        row, turn = goes[step_split[i] - base], step_turn[i]
                        for r in range(n):
                            code[r] |= (row[r] ^ turn) << shift
                    else:
                        for r in range(n):
                            met = np.uint8(1)
                            for k in range(i, first_step[b + 1]):
                                met &= goes[step_split[k] - base, r] ^ step_turn[k]
                            code[r] |= met << shift
                at = value_at[u]
                for r in range(n):
                    reached[r] += table[at + code[r]]
                if is_wide:
                    for c in range(first_column[u], first_column[u + 1]):
                        into, at = sums[table_column[c]], table_at[c]
                        for r in range(n):
                            into[r] += table[at + code[r]]
            for r in range(n):
                total[r] += reached[r]
        margin[start : start + n] = total[:n]
        for c in range(parts.shape[0]):
            parts[c, start : start + n] = sums[c, :n]


@cache
def compiled() -> Any:
    """Return `add_up` compiled; what was compiled is kept where Python keeps its own bytecode, if that can be written.

    Raises
    ------
    ImportError
        Numba isn't there (SHAP brings it).
    """
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(add_up)
    except RuntimeError:  # no place to keep it
        return numba.njit(nogil=True)(add_up)


def numpy_add_up(x: Any, splits: Any, units: Any, tables: Any, out: Any) -> None:
    """Do the same in NumPy: slower for many rows, and there at once."""
    margin, parts = out
    for start in range(0, x.shape[1], WIDE):
        end = min(start + WIDE, x.shape[1])
        block = np.where(np.abs(x[:, start:end]) <= NEARLY_ZERO, 0.0, x[:, start:end])
        for tree in range(len(splits[0]) - 1):
            margin[start:end] += _tree(block, tree, splits, units, tables, parts[:, start:end])


def _tree(x: Any, tree: int, splits: Any, units: Any, tables: Any, parts: Any) -> Any:
    first_split, column, threshold, decision = splits
    first_unit, first_bit, first_step, step_split, step_turn = units
    value_at, first_column, table_column, table_at, table = tables
    here = range(first_split[tree], first_split[tree + 1])
    goes = {s: _goes_left(x[column[s]], threshold[s], int(decision[s])) for s in here}
    reached = np.zeros(x.shape[1])
    for u in range(first_unit[tree], first_unit[tree + 1]):
        code = np.zeros(x.shape[1], np.uint8)
        for b in range(first_bit[u], first_bit[u + 1]):
            met = np.ones(x.shape[1], np.uint8)
            for k in range(first_step[b], first_step[b + 1]):
                met &= goes[step_split[k]] ^ step_turn[k]
            code |= met << np.uint8(b - first_bit[u])
        reached += table[value_at[u] :][code]
        if len(parts):
            for c in range(first_column[u], first_column[u + 1]):
                parts[table_column[c]] += table[table_at[c] :][code]
    return reached


def _goes_left(values: Any, threshold: float, decision: int) -> Any:
    """Decide as LightGBM does: a missing value by the split's default, or as 0 where the split knows none."""
    missing_left = bool(decision & LEFT) if decision & (ZERO | NAN) else threshold >= 0.0
    left = np.where(np.isnan(values), missing_left, values <= threshold)
    if decision & (ZERO | NAN) == ZERO:
        left = np.where(values == 0.0, missing_left, left)
    return left.astype(np.uint8)

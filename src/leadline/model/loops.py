"""The inner loops over rows, splits and units: plain Python over arrays, compiled by Numba; NumPy's twins give the same bits.

Both add the same numbers in the same order, each row by itself, so that neither the rows around a row nor the number of
threads, nor which of the two ran, is seen in a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Loops", "add_up", "compiled", "in_numpy", "loops_for"]

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

"""A sparse logistic regression on conditions, with signs held: what a scorecard is made of before it is rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.core.parallel import one_blas_thread
from leadline.model.fitting.logistic import sigmoid

__all__ = ["DistillationData", "fit_points"]

Floats: TypeAlias = NDArray[np.float64]

RIDGE = 1.0  # a normal prior with standard deviation 1 on each coefficient
SWEEPS = 200
SETTLED = 1e-7
SWAPS = 2  # rounds of taking each condition out once
GAIN = 1e-6  # of the loss, below which no swap is made


@dataclass(frozen=True)
class DistillationData:
    """What is to be learnt.

    Attributes
    ----------
    holds : float32 array, row by candidate
        1 where the condition holds.
    signs : array
        Above 0: a coefficient may not be negative; below 0: not positive; 0: any.
    target, weight : array
        The probability to be told, and how many rows a row stands for.
    """

    holds: NDArray[np.float32]
    signs: Floats
    target: Floats
    weight: Floats


@dataclass
class _SparseFit:
    """The conditions taken so far, with their coefficients."""

    chosen: list[int]
    base: float
    coefficients: Floats


def fit_points(student: DistillationData, rows: int) -> tuple[list[int], Floats]:
    """Choose at most so many candidates; return their numbers and coefficients.

    Sums run on one thread, since sums over threads differ in their last bits.

    Examples
    --------
    >>> holds = np.array([[1, 0], [1, 1], [0, 0], [0, 1]] * 50, dtype=np.float32)
    >>> told = np.where(holds[:, 0] > 0, 0.4, 0.1)
    >>> chosen, line = fit_points(DistillationData(holds, np.zeros(2), told, np.ones(200)), rows=1)
    >>> chosen, bool(line[0] > 1)
    ([0], True)
    """
    with one_blas_thread():
        rate = float(np.average(student.target, weights=student.weight))
        line = _SparseFit([], float(np.log(rate / (1 - rate))), np.zeros(0))
        for _ in range(min(rows, student.holds.shape[1])):
            best = _best(student, line)
            if best is None:
                break
            line = _with_condition(student, line, best, 2)
        line = _swap_condition(student, _refit(student, line, 6))
    return line.chosen, line.coefficients


def _margin(student: DistillationData, line: _SparseFit) -> Floats:
    return np.asarray(line.base + student.holds[:, line.chosen].astype(np.float64) @ line.coefficients)


def _best(student: DistillationData, line: _SparseFit) -> int | None:
    """Return the candidate whose score test promises the most, of those that may enter; None where none does."""
    p = sigmoid(_margin(student, line))
    bend = student.weight * p * (1 - p)
    slope = (student.weight * (student.target - p)).astype(np.float32) @ student.holds
    held = bend.astype(np.float32) @ student.holds  # a condition is 0 or 1, so its square is itself
    curve = held - held.astype(np.float64) ** 2 / bend.sum() + RIDGE
    enters = (student.signs == 0) | (slope * student.signs > 0)
    enters[line.chosen] = False
    gain = np.where(enters, slope.astype(np.float64) ** 2 / np.maximum(curve, RIDGE), 0.0)
    best = int(np.argmax(gain)) if len(gain) else 0
    return best if len(gain) and gain[best] > GAIN * float(student.weight.sum()) else None


def _with_condition(student: DistillationData, line: _SparseFit, more: int, steps: int) -> _SparseFit:
    return _refit(student, _SparseFit([*line.chosen, more], line.base, np.append(line.coefficients, 0.0)), steps)


def _without_condition(student: DistillationData, line: _SparseFit, place: int) -> _SparseFit:
    left = line.chosen[:place] + line.chosen[place + 1 :]
    return _refit(student, _SparseFit(left, line.base, np.delete(line.coefficients, place)), 2)


def _refit(student: DistillationData, line: _SparseFit, steps: int) -> _SparseFit:
    """Take Newton's steps on the penalised likelihood; signs are held in each by coordinate descent."""
    x = student.holds[:, line.chosen].astype(np.float64)
    signs, base, b = student.signs[line.chosen], line.base, line.coefficients
    for _ in range(steps):
        p = sigmoid(base + x @ b)
        bend = student.weight * p * (1 - p) + 1e-12
        gap = student.weight * (student.target - p)
        bent = x * bend[:, None]
        middle, total = bent.sum(axis=0), bend.sum()
        curve = x.T @ bent - np.outer(middle, middle) / total
        curve[np.diag_indices(len(b))] += RIDGE
        wanted = curve @ b + (x.T @ gap - middle * gap.sum() / total) - RIDGE * b
        moved = _hold_signs(curve, wanted, signs, b)
        base += float((gap.sum() - middle @ (moved - b)) / total)
        change, b = np.abs(moved - b).max(initial=0.0), moved
        if change < SETTLED:
            break
    return _SparseFit(line.chosen, base, b)


def _hold_signs(curve: Floats, wanted: Floats, signs: Floats, start: Floats) -> Floats:
    """Minimise ``½ b·curve·b − wanted·b`` with each sign held."""
    b = start.copy()
    for _ in range(SWEEPS):
        before = b.copy()
        for j in range(len(b)):
            value = (wanted[j] - curve[j] @ b + curve[j, j] * b[j]) / curve[j, j]
            b[j] = value if signs[j] == 0 else max(value, 0.0) if signs[j] > 0 else min(value, 0.0)
        if np.abs(b - before).max(initial=0.0) < SETTLED:
            break
    return b


def _loss(student: DistillationData, line: _SparseFit) -> float:
    margin = _margin(student, line)
    told = float(np.sum(student.weight * (np.logaddexp(0.0, margin) - student.target * margin)))
    return told + RIDGE / 2 * float(line.coefficients @ line.coefficients)


def _swap_condition(student: DistillationData, line: _SparseFit) -> _SparseFit:
    """Take each condition out once, and put another in its place where the loss is lower for it."""
    now = _loss(student, line)
    for _ in range(SWAPS):
        before = now
        for place in range(len(line.chosen)):
            left = _without_condition(student, line, place)
            best = _best(student, left)
            if best is None or best == line.chosen[place]:
                continue
            tried = _with_condition(student, left, best, 3)
            if (told := _loss(student, tried)) < now - GAIN * abs(now):
                now = told
                swapped = [*tried.chosen[:place], best, *tried.chosen[place:-1]]
                b = np.insert(tried.coefficients[:-1], place, tried.coefficients[-1])
                line = _SparseFit(swapped, tried.base, b)
        if now == before:
            break
    return _refit(student, line, 6)

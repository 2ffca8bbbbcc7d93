"""The logistic regression's optimum: scikit-learn's on a sample to start from, then Newton's steps on all rows.

What is minimised, and the only point where it is least, is ``Σ weight · log loss + |coefficients|² / 2c``, the intercept free.
Nearly all of Newton's time goes into the curvature (rows × columns²), nearly none into the gradient (rows × columns). So the
curvature is worked out once, near the optimum, and kept: each further step takes the exact gradient of all rows and the kept
curvature, and it is made anew only where steps stop shrinking. The optimum doesn't depend on where one starts or on how good
the curvature is; the number of steps does. The same kept curvature serves other penalties, fewer columns and other weights.

Rows are taken in blocks of fixed size, added up in fixed order: any number of threads gives the same bits (law 7).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from leadline.core.parallel import one_blas_thread
from leadline.errors import DataError

__all__ = ["TOLERANCE", "NewtonSolver", "thin_negatives"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
T = TypeVar("T")

TOLERANCE = (
    1e-9  # of the mean gradient: a hundredth of what scikit-learn's own default leaves of a coefficient, and less
)
START = 1e-3  # of the sample's gradient: it only has to be near
BLOCK = 16_384  # rows
NEGATIVES = 5  # to a positive, in the sample
STEPS = 100
FALLS = 0.3  # of the gradient in one step; where it falls by less, the curvature is made anew
HALVINGS = 30
_WARNINGS = Lock()  # what Python is to warn of belongs to all threads at once


class NewtonSolver:
    """One set of rows, and the regressions on it.

    Parameters
    ----------
    x : array, rows × columns
        Any float type; sums are in 64 bits.
    y, weight : arrays
        The label, 0 or 1, both there; how many rows each stands for.
    threads : int
        How many work at once; the result is the same.

    Examples
    --------
    >>> x = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    >>> NewtonSolver(x, np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4)).solve(1.0).round(3).tolist()
    [-1.184, 0.583]
    >>> NewtonSolver(x, np.zeros(4), np.ones(4))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: outcome: all 4 rows are of one class; expected both; widen the horizon or the data
    """

    def __init__(self, x: NDArray[Any], y: Floats, weight: Floats, threads: int = 1) -> None:
        if len(np.unique(y)) < 2:
            raise DataError(
                f"outcome: all {len(y)} rows are of one class; expected both; widen the horizon or the data"
            )
        self._x, self._y, self._weight, self._threads = x, y, weight, threads
        self._start: Floats | None = None
        self._curvature: Floats | None = None

    def solve(
        self, c: float, columns: Sequence[int] | None = None, weight: Floats | None = None, tolerance: float = TOLERANCE
    ) -> Floats:
        """Return the intercept and a coefficient for each column; those that aren't in `columns` stay 0.

        Parameters
        ----------
        c : float
            The inverse strength of the penalty, as scikit-learn counts it.
        columns : sequence of int, optional
            The columns to use; all by default.
        weight : array, optional
            Other weights of the same rows.
        tolerance : float
            The largest entry that the gradient, as a mean over the rows, may have at the end.
        """
        weight = self._weight if weight is None else weight
        use = np.ones(self._x.shape[1] + 1, dtype=bool)
        if columns is not None:
            use[1:] = np.isin(np.arange(self._x.shape[1]), columns)
        if not use[1:].any():
            rate = float(np.sum(self._y * weight) / weight.sum())
            return np.append(np.log(rate / (1 - rate)), np.zeros(self._x.shape[1]))
        if self._start is None:
            self._start = self._sample(c)
        with one_blas_thread():
            line = self._steps(np.where(use, self._start, 0.0), c, use, weight, tolerance)
        if use.all() and weight is self._weight:
            self._start = line  # another penalty's, or fewer columns', is near
        return line

    def margin(self, line: Floats) -> Floats:
        """Return the rows' margins by such a line."""
        with one_blas_thread():
            parts = [line[0] + self._x[rows].astype(np.float64, copy=False) @ line[1:] for rows in self._blocks]
        return np.concatenate(parts)

    def _steps(self, line: Floats, c: float, use: NDArray[np.bool_], weight: Floats, tolerance: float) -> Floats:
        """Step until the gradient is gone; a step that raises the loss is halved."""
        penalty = np.append(1e-9, np.full(self._x.shape[1], 1.0 / c))[use]
        loss, slope, bend = self._look(line, c, weight)
        factor, curvature = None, self._curvature
        for _ in range(STEPS):
            size = float(np.abs(slope[use]).max()) / weight.sum()
            if size <= tolerance:
                break
            if curvature is None:
                curvature, factor = self._bent(bend), None
                self._curvature = curvature if self._curvature is None else self._curvature
            if factor is None:
                factor = _Factor(curvature[np.ix_(use, use)] + np.diag(penalty))
            step = np.zeros(len(line))
            step[use] = factor.solve(slope[use])
            line, (loss, slope, bend), moved = self._descend(line, step, loss, c, weight)
            if not moved:
                break  # as near as 64 bits can tell
            if float(np.abs(slope[use]).max()) / weight.sum() > FALLS * size:
                curvature = None
        return line

    def _descend(self, line: Floats, step: Floats, loss: float, c: float, weight: Floats) -> tuple[Floats, Any, bool]:
        """Take the step, or the longest of its halves that doesn't raise the loss."""
        for _ in range(HALVINGS):
            there = line - step
            seen = self._look(there, c, weight)
            if seen[0] <= loss + 1e-12 * abs(loss):
                return there, seen, True
            step = step / 2
        return line, self._look(line, c, weight), False

    def _look(self, line: Floats, c: float, weight: Floats) -> tuple[float, Floats, Floats]:
        """Return the loss, its gradient, and each row's weight in the curvature."""

        def block(rows: slice) -> tuple[float, Floats, Floats]:
            x, y, w = self._x[rows].astype(np.float64, copy=False), self._y[rows], weight[rows]
            margin = line[0] + x @ line[1:]
            p = 1.0 / (1.0 + np.exp(-np.clip(margin, -700, 700)))
            off = w * (p - y)
            return float(w @ (np.logaddexp(0.0, margin) - y * margin)), np.append(off.sum(), off @ x), w * p * (1 - p)

        loss, slope, bends = 0.5 / c * float(line[1:] @ line[1:]), np.append(0.0, line[1:] / c), []
        for part, gradient, bend in self._each(block):
            loss, slope = loss + part, slope + gradient
            bends.append(bend)
        return loss, slope, np.concatenate(bends)

    def _bent(self, bend: Floats) -> Floats:
        """Return the curvature without the penalty; 32 bits are enough, as it only tells how long steps are."""
        from scipy.linalg.blas import ssyrk

        def block(rows: slice) -> NDArray[np.float32]:
            x, root = self._x[rows], np.sqrt(bend[rows]).astype(np.float32)
            shaped = np.empty((len(x), x.shape[1] + 1), dtype=np.float32, order="F")
            shaped[:, 0] = root
            np.multiply(x, root[:, None], out=shaped[:, 1:], casting="same_kind")
            return np.asarray(ssyrk(1.0, shaped, trans=1))

        width = self._x.shape[1] + 1
        half = np.zeros((width, width))
        for part in self._each(block):
            half += part
        return np.asarray(np.triu(half) + np.triu(half, 1).T, dtype=np.float64)

    def _sample(self, c: float) -> Floats:
        """Return the regression on all rows of the rarer class and a few of the other to each: a place to start."""
        from sklearn.linear_model import LogisticRegression

        rows, weight = thin_negatives(self._y, self._weight, NEGATIVES)
        model = LogisticRegression(C=c, solver="newton-cholesky", max_iter=STEPS, tol=START)
        with _WARNINGS, one_blas_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it isn't there yet: it is a start
            model.fit(self._x[rows].astype(np.float64), self._y[rows], sample_weight=weight)
        return np.concatenate([model.intercept_, model.coef_[0]])

    def _each(self, work: Callable[[slice], T]) -> Iterator[T]:
        """Yield what each block gives, in order."""
        if self._threads < 2 or len(self._blocks) < 2:
            yield from map(work, self._blocks)
            return
        with ThreadPoolExecutor(self._threads) as cores:
            yield from cores.map(work, self._blocks)

    @property
    def _blocks(self) -> list[slice]:
        return [slice(start, start + BLOCK) for start in range(0, len(self._y), BLOCK)]


class _Factor:
    """A positive definite matrix, factored once and solved for many right sides."""

    def __init__(self, matrix: Floats) -> None:
        from scipy.linalg import cho_factor

        self._factor = cho_factor(matrix, check_finite=False)

    def solve(self, right: Floats) -> Floats:
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve(self._factor, right, check_finite=False), dtype=np.float64)


def thin_negatives(
    y: Floats, weight: Floats, negatives: int, most: int | None = None, random: np.random.Generator | None = None
) -> tuple[Rows, Floats]:
    """Take all rows of the rarer class and so many of the other to each, which then stand for those left out.

    Parameters
    ----------
    most : int, optional
        Of more rows than that, positives are thinned too.
    random : Generator, optional
        Draws them; without one they are evenly spaced, which nothing but the rows' order decides.

    Returns
    -------
    rows, weight : arrays
        Sorted row numbers, and their weights, which sum to the same in each class.

    Examples
    --------
    >>> rows, weight = thin_negatives(np.array([1.0, *[0.0] * 9]), np.ones(10), 3)
    >>> rows.tolist(), weight.tolist()
    ([0, 1, 4, 7], [1.0, 3.0, 3.0, 3.0])
    """
    sides = [np.flatnonzero(y == side) for side in (1, 0)]
    few, many = sorted(sides, key=len)
    room = [len(few), min(len(many), negatives * len(few))]
    if most is not None and sum(room) > most:
        room = [max(1, round(part * most / sum(room))) for part in room]
    kept, mass = [], weight.copy()
    for rows, size in zip((few, many), room, strict=True):
        drawn = (
            rows[np.arange(size) * len(rows) // size] if random is None else random.choice(rows, size, replace=False)
        )
        mass[drawn] *= weight[rows].sum() / weight[drawn].sum()
        kept.append(drawn)
    found = np.sort(np.concatenate(kept))
    return found, mass[found]

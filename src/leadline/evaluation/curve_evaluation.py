"""How good the curve of conversion over time is on the newest fold: each window's rate, and the integrated Brier score under censoring.

Snapshots too recent for a window are neither positive nor negative there. The Brier score weighs those that can be told by the
inverse of the share that is observed for so long (Graf et al. 1999, Statist. Med. 18:2529); it is integrated over the windows that
at least a tenth is observed for, and held against one curve for everybody (Kaplan and Meier 1958), learnt from the same older rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import Horizon
from leadline.metrics.bootstrap import BootstrapSums
from leadline.metrics.intervals import Interval
from leadline.model.calibration.conversion_curve import ConversionCurve, CurveRows

__all__ = ["CurveEvaluation", "WindowEvaluation", "evaluate_curve", "kaplan_meier", "weighted_brier"]

Floats = npt.NDArray[np.float64]
UNKNOWN = Interval(float("nan"))
LEAST_OBSERVED = 0.1


@dataclass(frozen=True)
class WindowEvaluation:
    """One window on the rows of the newest fold that were observed for so long: how many, what was predicted, and what came."""

    window: str
    rows: int
    predicted: float
    observed: Interval


@dataclass(frozen=True)
class CurveEvaluation:
    """The windows, and the integrated Brier score of the curve, of one curve for everybody, and by how much the first is lower.

    `until` is the longest window that the score is integrated to; "" where none could be judged.
    """

    windows: tuple[WindowEvaluation, ...]
    brier: float
    kaplan_meier: float
    gain: Interval
    until: str

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record


def evaluate_curve(
    curve: ConversionCurve, older: CurveRows, newest: CurveRows, group: npt.NDArray[Any], seed: int
) -> CurveEvaluation:
    """Judge a curve that was fitted on older rows by the newest fold's.

    Parameters
    ----------
    group : array
        Whose account each of the newest rows is.
    """
    told = curve.within(newest.probability)
    windows = tuple(_window(window, told[:, place], newest, group, seed) for place, window in enumerate(curve.windows))
    seen = [n for n, w in enumerate(curve.windows) if _share_observed(newest, w) >= LEAST_OBSERVED]
    if not seen:
        return CurveEvaluation(windows, float("nan"), float("nan"), UNKNOWN, "")
    same = kaplan_meier(older, curve.windows)
    width = np.diff([0, *(curve.windows[n] for n in seen)]) / curve.windows[seen[-1]]
    both = [
        np.sum(
            [part * weighted_brier(p[:, n], newest, curve.windows[n]) for part, n in zip(width, seen, strict=True)],
            axis=0,
        )
        for p in (told, np.tile(same, (len(told), 1)))
    ]
    columns = {"curve": newest.weight * both[0], "same": newest.weight * both[1], "rows": newest.weight}
    sums = BootstrapSums.of(columns, group, seed)
    mine, same_for_all = (sums.ratio(name, "rows").value for name in ("curve", "same"))
    gain = sums.gap(("same", "rows"), ("curve", "rows"))
    return CurveEvaluation(windows, mine, same_for_all, gain, str(Horizon(curve.windows[seen[-1]])))


def kaplan_meier(rows: CurveRows, windows: Sequence[int]) -> Floats:
    """Return the share that gets there within each window, of rows observed for as long as they were.

    Examples
    --------
    >>> inf = float("inf")
    >>> rows = CurveRows(np.zeros(4), np.ones(4), np.array([1.0, inf, 6.0, inf]), np.array([9.0, 9.0, 9.0, 3.0]))
    >>> kaplan_meier(rows, (3, 8)).tolist()
    [0.25, 0.625]
    """
    stays, start, told = 1.0, 0, []
    for end in windows:
        at = (rows.after >= start) & (rows.observed >= end)
        mass = float(rows.weight[at].sum())
        stays *= 1 - (float(rows.weight[at & (rows.after < end)].sum()) / mass if mass else 0.0)
        told.append(1 - stays)
        start = end
    return np.array(told)


def weighted_brier(p: Floats, rows: CurveRows, window: int) -> Floats:
    """Return each row's part of the Brier score at a window; its weighted mean is the score, as if nobody were too recent.

    Examples
    --------
    >>> inf = float("inf")
    >>> rows = CurveRows(np.zeros(4), np.ones(4), np.array([1.0, inf, inf, inf]), np.array([9.0, 9.0, 2.0, 2.0]))
    >>> weighted_brier(np.full(4, 0.5), rows, 5).tolist()  # of half it can't be told: the one that stayed stands for two
    [0.25, 0.5, 0.0, 0.0]
    """
    came = (rows.after < window) & (rows.after < rows.observed)
    stayed = (rows.after >= window) & (rows.observed >= window)
    order = np.argsort(rows.observed, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(rows.weight[order])]) / rows.weight.sum()

    def share(instant: Floats) -> Floats:
        return np.asarray(1 - below[np.searchsorted(rows.observed[order], instant, side="left")], dtype=np.float64)

    part = np.zeros(len(p))
    if came.any():
        part[came] = (1 - p[came]) ** 2 / np.maximum(share(rows.after[came]), 1e-9)
    if stayed.any():
        part[stayed] = p[stayed] ** 2 / share(np.array([float(window)]))[0]
    return part


def _share_observed(rows: CurveRows, window: int) -> float:
    return float(np.average(rows.observed >= window, weights=rows.weight)) if len(rows.weight) else 0.0


def _window(window: int, p: Floats, rows: CurveRows, group: npt.NDArray[Any], seed: int) -> WindowEvaluation:
    at = rows.observed >= window
    if not at.any():
        return WindowEvaluation(str(Horizon(window)), 0, float("nan"), UNKNOWN)
    weight, came = rows.weight[at], (rows.after[at] < window) * 1.0
    sums = BootstrapSums.of({"hits": weight * came, "rows": weight}, group[at], seed)
    return WindowEvaluation(
        str(Horizon(window)), int(at.sum()), float(np.average(p[at], weights=weight)), sums.ratio("hits", "rows")
    )

"""What past nights' scores were worth, now that outcomes are ripe: ranking, calibration, conversion by band, the holdout.

A lead stands in many nights, and its rows aren't independent, nor are those of one account: intervals are at the effective
number of rows (`leadline.judge.sample`), and that of the AUC adds up errors by account (Obuchowski, "Nonparametric
analysis of clustered ROC curve data", Biometrics 53, 1997).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline import metrics
from leadline.judge.chance import exact_interval
from leadline.judge.sample import clustering
from leadline.judge.segments import Axis, Rows, Segments, judge_segments

__all__ = ["Past", "bands", "clustered_auc", "held_out", "held_segments", "share_of", "strength"]

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

BANDS = 10
PARTS = 5  # bands in which the holdout, which is small, is compared with the rest
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Past:
    """Ripe rows of past nights.

    Attributes
    ----------
    lead, group : object arrays
        Who it is, and whose account (the lead, where there is none).
    as_of : int64 array
        Which night.
    p, y : float64 arrays
        What was said, and what came: 1 or 0.
    tier, version, source : object arrays
        The tier, the model's version, and the lead's source (None where no attribute tells it).
    holdout : bool array
        Whether it is in the exploration holdout.
    """

    lead: Objects
    group: Objects
    as_of: npt.NDArray[np.int64]
    p: Floats
    y: Floats
    tier: Objects
    version: Objects
    source: Objects
    holdout: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.p)

    def take(self, mine: npt.NDArray[Any]) -> Past:
        """Return some of the rows."""
        return Past(*(getattr(self, f.name)[mine] for f in fields(self)))

    def __repr__(self) -> str:
        return f"Past({len(self):,} rows of {len(np.unique(self.as_of))} nights, {int(self.y.sum()):,} positive)"


def clustered_auc(y: Floats, p: Floats, group: npt.NDArray[Any]) -> tuple[float, float, float]:
    """Return the AUC and its 95% interval, accounts being what varies; NaN where it isn't defined.

    Examples
    --------
    >>> y, p = np.array([1.0, 0.0] * 20), np.array([0.9, 0.1, 0.4, 0.6] * 10)
    >>> auc, low, high = clustered_auc(y, p, np.arange(40))
    >>> auc, bool(low < auc < high)
    (0.75, True)
    """
    nan = float("nan")
    up, down = np.sort(p[y == 1]), np.sort(p[y == 0])
    if not len(up) or not len(down):
        return nan, nan, nan

    def below(sorted_p: Floats, values: Floats) -> Floats:
        ends = (np.searchsorted(sorted_p, values, side=side) for side in ("left", "right"))
        return np.asarray(sum(ends) / 2 / len(sorted_p), dtype=np.float64)

    part = np.where(y == 1, below(down, p), 1 - below(up, p))
    value = float(part[y == 1].mean())
    error = np.where(y == 1, (part - value) / len(up), (part - value) / len(down))
    _, who = np.unique(group.astype(str), return_inverse=True)
    groups = int(who.max()) + 1
    if groups < 2 or not 0 < value < 1:
        return value, nan, nan
    spread = float(np.sqrt(groups / (groups - 1) * np.sum(np.bincount(who, error) ** 2)))
    middle, reach = np.log(value / (1 - value)), Z95 * spread / (value * (1 - value))  # on the log odds: within 0 and 1
    low, high = (float(1 / (1 + np.exp(-end))) for end in (middle - reach, middle + reach))
    return value, low, high


def share_of(past: Past) -> dict[str, Any]:
    """Count rows, leads and positives, and compare what was said with what came; NaN where there are no rows."""
    if not len(past):
        nan = float("nan")
        return {"rows": 0, "leads": 0, "positives": 0, "predicted": nan, "observed": nan, "low": nan, "high": nan}
    came = float(past.y.mean())
    low, high = exact_interval(came, len(past) / clustering(past.y, past.group))
    return {
        "rows": len(past), "leads": len(np.unique(past.lead.astype(str))), "positives": int(past.y.sum()),
        "predicted": float(past.p.mean()), "observed": came, "low": low, "high": high,
    }  # fmt: skip


def strength(past: Past) -> dict[str, Any]:
    """Return `share_of`, and how well the rows are ranked."""
    auc, low, high = clustered_auc(past.y, past.p, past.group)
    return {**share_of(past), "auc": auc, "auc_low": low, "auc_high": high}


def bands(past: Past) -> list[dict[str, Any]]:
    """Return conversion by band of the score, in up to ten bands of about equal size, the best first."""
    curve = (
        metrics.calibration_curve(past.y, past.p, bins=BANDS, effect=clustering(past.y, past.group))
        if len(past)
        else []
    )
    return [
        {"rows": b.count, "predicted": b.mean_p, "observed": b.rate, "low": b.low, "high": b.high}
        for b in reversed(curve)
    ]


def held_segments(past: Past, best: str, seed: int) -> Segments | None:
    """Say whether probabilities hold, over all rows and by tier, source, version and month; None where there are no rows.

    Parameters
    ----------
    best : str
        The best tier's name.
    """
    rows = Rows(past.y, np.ones(len(past)), past.p, past.lead, past.group, np.asarray(past.tier == best))
    month = np.array([str(at)[:7] for at in past.as_of.astype("datetime64[us]")], dtype=object)
    axes = [Axis("tier", past.tier, False), Axis("version", past.version, False), Axis("month", month, False)]
    if any(value is not None for value in past.source):
        axes.insert(1, Axis("source", past.source, False))
    return judge_segments(rows, axes, seed)


def held_out(past: Past, best: str) -> dict[str, Any] | None:
    """Compare the holdout, worked by lot, with all others, worked by score; None where no row is in it.

    Returns
    -------
    dict or None
        `holdout` and `rest` as `strength` has them; `by_lot`: of the holdout, those who drew the best tier and the others;
        and by band of the score, the best first, `holdout` and `rest` as `share_of` has them.
    """
    if not past.holdout.any():
        return None
    mine, rest = past.take(past.holdout), past.take(~past.holdout)
    cuts = np.unique(np.quantile(mine.p, np.arange(1, PARTS) / PARTS))
    place, places = np.searchsorted(cuts, mine.p, side="right"), np.searchsorted(cuts, rest.p, side="right")
    ends = [0.0, *cuts.tolist(), 1.0]
    rows = [
        {"from": ends[n], "to": ends[n + 1], "holdout": share_of(mine.take(place == n)), "rest": share_of(rest.take(places == n))}
        for n in reversed(range(len(cuts) + 1))
    ]  # fmt: skip
    drew = np.asarray(mine.tier == best)
    return {
        "holdout": strength(mine), "rest": strength(rest), "bands": rows,
        "by_lot": {"best": share_of(mine.take(drew)), "others": share_of(mine.take(~drew))},
    }  # fmt: skip

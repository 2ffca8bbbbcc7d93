"""What past nights' scores were worth, now that outcomes are ripe: ranking, calibration, conversion by band, the holdout.

A lead stands in many nights, and its rows aren't independent, nor are those of one account: intervals are at the effective
number of rows (`leadline.metrics.intervals`), and that of the AUC adds up errors by account (Obuchowski, "Nonparametric
analysis of clustered ROC curve data", Biometrics 53, 1997).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.evaluation.segments import SegmentAxis, SegmentRows, Segments, evaluate_segments
from leadline.metrics import classification
from leadline.metrics.intervals import account_design_effect, clopper_pearson_interval

__all__ = [
    "PastScores",
    "acceptance_record",
    "calibration_segments",
    "clustered_auc",
    "conversion_by_band",
    "holdout_comparison",
    "predicted_vs_observed",
    "ranking_performance",
]

Floats = npt.NDArray[np.float64]

Objects = npt.NDArray[np.object_]

BANDS = 10

PARTS = 5  # bands in which the holdout, which is small, is compared with the rest

Z95 = 1.959963984540054


@dataclass(frozen=True)
class PastScores:
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

    def take(self, mine: npt.NDArray[Any]) -> PastScores:
        """Return some of the rows."""
        return PastScores(*(getattr(self, f.name)[mine] for f in fields(self)))

    def __repr__(self) -> str:
        return f"PastScores({len(self):,} rows of {len(np.unique(self.as_of))} nights, {int(self.y.sum()):,} positive)"


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


def predicted_vs_observed(past: PastScores) -> dict[str, Any]:
    """Count rows, leads and positives, and compare what was said with what came; NaN where there are no rows."""
    if not len(past):
        nan = float("nan")
        return {"rows": 0, "leads": 0, "positives": 0, "predicted": nan, "observed": nan, "low": nan, "high": nan}
    came = float(past.y.mean())
    low, high = clopper_pearson_interval(came, len(past) / account_design_effect(past.y, past.group))
    return {
        "rows": len(past), "leads": len(np.unique(past.lead.astype(str))), "positives": int(past.y.sum()),
        "predicted": float(past.p.mean()), "observed": came, "low": low, "high": high,
    }  # fmt: skip


def ranking_performance(past: PastScores) -> dict[str, Any]:
    """Return `predicted_vs_observed`, and how well the rows are ranked."""
    auc, low, high = clustered_auc(past.y, past.p, past.group)
    return {**predicted_vs_observed(past), "auc": auc, "auc_low": low, "auc_high": high}


def conversion_by_band(past: PastScores) -> list[dict[str, Any]]:
    """Return conversion by band of the score, in up to ten bands of about equal size, the best first."""
    curve = (
        classification.calibration_curve(past.y, past.p, bins=BANDS, effect=account_design_effect(past.y, past.group))
        if len(past)
        else []
    )
    return [
        {"rows": b.count, "predicted": b.mean_p, "observed": b.rate, "low": b.low, "high": b.high}
        for b in reversed(curve)
    ]


def calibration_segments(past: PastScores, best: str, seed: int) -> Segments | None:
    """Say whether probabilities hold, over all rows and by tier, source, version and month; None where there are no rows.

    Parameters
    ----------
    best : str
        The best tier's name.
    """
    rows = SegmentRows(past.y, np.ones(len(past)), past.p, past.lead, past.group, np.asarray(past.tier == best))
    month = np.array([str(at)[:7] for at in past.as_of.astype("datetime64[us]")], dtype=object)
    axes = [
        SegmentAxis("tier", past.tier, False),
        SegmentAxis("version", past.version, False),
        SegmentAxis("month", month, False),
    ]
    if any(value is not None for value in past.source):
        axes.insert(1, SegmentAxis("source", past.source, False))
    return evaluate_segments(rows, axes, seed)


def holdout_comparison(past: PastScores, best: str) -> dict[str, Any] | None:
    """Compare the holdout, worked by lot, with all others, worked by score; None where no row is in it.

    Returns
    -------
    dict or None
        `holdout` and `rest` as `ranking_performance` has them; `by_lot`: of the holdout, those who drew the best tier and the others;
        and by band of the score, the best first, `holdout` and `rest` as `predicted_vs_observed` has them.
    """
    if not past.holdout.any():
        return None
    mine, rest = past.take(past.holdout), past.take(~past.holdout)
    cuts = np.unique(np.quantile(mine.p, np.arange(1, PARTS) / PARTS))
    place, places = np.searchsorted(cuts, mine.p, side="right"), np.searchsorted(cuts, rest.p, side="right")
    ends = [0.0, *cuts.tolist(), 1.0]
    rows = [
        {"from": ends[n], "to": ends[n + 1], "holdout": predicted_vs_observed(mine.take(place == n)), "rest": predicted_vs_observed(rest.take(places == n))}
        for n in reversed(range(len(cuts) + 1))
    ]  # fmt: skip
    drew = np.asarray(mine.tier == best)
    return {
        "holdout": ranking_performance(mine), "rest": ranking_performance(rest), "bands": rows,
        "by_lot": {"best": predicted_vs_observed(mine.take(drew)), "others": predicted_vs_observed(mine.take(~drew))},
    }  # fmt: skip


# What sales made of the leads that it saw: accepted, rejected and why, or nothing yet; by tier and by source.


OTHER = "other"


def acceptance_record(
    past: PastScores, word: npt.NDArray[np.object_], reason: npt.NDArray[np.object_], words: Sequence[str]
) -> dict[str, Any]:
    """Count what became of leads within the horizon, each once for a tier: from the first night that it stood there.

    Parameters
    ----------
    word, reason : object arrays
        Of each row: the stage word with which it was rejected first after the night, within the horizon, and the reason that
        stands beside; None where it wasn't.
    words : sequence of str
        The config's words for rejected: where there are several, they tell kinds of rejection apart.

    Returns
    -------
    dict
        `tiers` and `sources`, lists of counts by level; `words`, counts of rejections by the config's words ({} where there is
        one word only); and `reasons`, counts by reason, those that few leads share together.
    """
    first = _first(past)
    mine, word, reason = past.take(first), word[first], reason[first]
    lost = np.array([value is not None for value in word], dtype=bool) & (mine.y == 0)
    each = Counter(str(value) for value in word[lost])
    shared = _shared(mine.lead[lost], reason[lost])
    return {
        "tiers": _by_level_record(mine.tier, mine.y, lost),
        "sources": _by_level_record(_pool_small_levels(mine.source, mine.lead), mine.y, lost),
        "words": dict(sorted(each.items())) if len(words) > 1 else {},
        "reasons": shared,
    }


def _first(past: PastScores) -> npt.NDArray[np.int64]:
    """Return the row of each lead's first night in each tier."""
    order = np.lexsort((past.as_of, past.tier.astype(str), past.lead.astype(str)))
    keys = np.char.add(np.char.add(past.lead[order].astype(str), "\x1f"), past.tier[order].astype(str))
    _, place = np.unique(keys, return_index=True)
    return np.asarray(np.sort(order[place]), dtype=np.int64)


def _by_level_record(
    level: npt.NDArray[np.object_], y: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    names = sorted({str(value) for value in level if value is not None})
    told = []
    for name in names:
        mine = level == name
        count, good, bad = int(mine.sum()), int(y[mine].sum()), int(lost[mine].sum())
        told.append({"level": name, "leads": count, "accepted": good, "rejected": bad, "neither": count - good - bad})
    return told


def _pool_small_levels(level: npt.NDArray[np.object_], lead: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Put levels that few leads share together."""
    sizes = Counter(value for value, _ in {(value, who) for value, who in zip(level, lead, strict=True)})
    return np.array([v if v is None or sizes[v] >= MIN_GROUP_SIZE else "(other)" for v in level], dtype=object)


def _shared(lead: npt.NDArray[np.object_], reason: npt.NDArray[np.object_]) -> dict[str, int]:
    """Count leads by reason; those that few share are together, and those without are left out.

    Examples
    --------
    >>> lead = np.array([f"L{n}" for n in range(22)], dtype=object)
    >>> _shared(lead, np.array(["no budget"] * 20 + ["Ann left", None], dtype=object))
    {'no budget': 20, 'other': 1}
    """
    pairs = {
        (str(who), str(why).strip())
        for who, why in zip(lead, reason, strict=True)
        if why is not None and str(why).strip()
    }
    sizes = Counter(why for _, why in pairs)
    told = Counter({why: n for why, n in sizes.items() if n >= MIN_GROUP_SIZE})
    rest = sum(n for n in sizes.values() if n < MIN_GROUP_SIZE)
    return {**dict(told.most_common()), **({OTHER: rest} if rest else {})}

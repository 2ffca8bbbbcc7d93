"""The contest: champion and challenger judged on one newest cohort that neither recipe has seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline import metrics
from leadline.judge.backtest import plain

__all__ = ["CALIBRATION", "Verdict", "contest"]

Floats = npt.NDArray[np.float64]
CALIBRATION = 1.5  # times the champion's calibration error (and at least a point, or chance) that a challenger may have
WORLDS = 100  # draws that tell how large a calibration error chance alone makes
REPEATS = 400


@dataclass(frozen=True)
class Verdict:
    """Who won, by how much, and why.

    Attributes
    ----------
    promoted : bool
        Whether the challenger takes the champion's place.
    reason : str
        One sentence.
    gain, low, high : float
        The champion's log loss less the challenger's on the cohort, with its 95% interval (above 0: challenger better).
    figures : dict
        AUC, log loss and ECE of both.
    rows : int
        The cohort's snapshots.
    """

    promoted: bool
    reason: str
    gain: float
    low: float
    high: float
    figures: dict[str, dict[str, float]]
    rows: int

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = plain(asdict(self))
        return record


def _chance(p: Floats, weight: Floats, seed: int) -> float:
    """Return the calibration error below which 95 of 100 worlds lie in which `p` are the true probabilities."""
    draw = np.random.default_rng(seed)
    errors = [metrics.expected_calibration_error(draw.random(len(p)) < p, p, weight) for _ in range(WORLDS)]
    return float(np.quantile(errors, 0.95))


def contest(
    y: Floats, weight: Floats, champion: Floats, challenger: Floats, group: npt.NDArray[np.object_], seed: int
) -> Verdict:
    """Judge two sets of probabilities on the same rows by a paired bootstrap over accounts.

    The challenger wins when its log loss isn't worse beyond noise and its calibration holds: a fresher model of equal
    strength is worth having, a worse one never is.

    Examples
    --------
    >>> y = np.tile([1.0, 0.0, 0.0, 0.0], 50)
    >>> same = np.full(200, 0.25)
    >>> worse = np.where(y == 1, 0.05, 0.6)
    >>> who = np.arange(200).astype(object)
    >>> contest(y, np.ones(200), same, same, who, 7).promoted, contest(y, np.ones(200), same, worse, who, 7).promoted
    (True, False)
    """
    gain, low, high = metrics.paired_difference(
        metrics.log_loss, y, champion, challenger, group, seed, weight, repeats=REPEATS
    )
    figures = {
        who: {
            "auc": metrics.auc(y, p, weight),
            "log_loss": metrics.log_loss(y, p, weight),
            "ece": metrics.expected_calibration_error(y, p, weight),
        }
        for who, p in (("champion", champion), ("challenger", challenger))
    }
    kept = figures["champion"]["ece"]
    bound = max(CALIBRATION * kept, kept + 0.01, _chance(challenger, weight, seed))
    if high < 0:
        promoted, reason = (
            False,
            f"the challenger's log loss is worse by {-gain:.4f} (95% interval {-high:.4f} to {-low:.4f})",
        )
    elif figures["challenger"]["ece"] > bound:
        promoted, reason = (
            False,
            f"the challenger's calibration error is {figures['challenger']['ece']:.3f}, above {bound:.3f}",
        )
    else:
        word = "better" if low > 0 else "as good within noise"
        promoted, reason = (
            True,
            f"the challenger is {word}: log loss lower by {gain:.4f} (95% interval {low:.4f} to {high:.4f})",
        )
    return Verdict(promoted, reason, gain, low, high, figures, len(y))

"""The metrics of a fold, each registered once: terminal, report, model card, record and MLflow show them all, in this order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from leadline.core.plugins import Plugin, plugins
from leadline.errors import ConfigError
from leadline.metrics import classification

__all__ = ["METRICS", "Metric", "every_metric"]

Floats = npt.NDArray[np.float64]
GROUP = "leadline.metrics"  # of entry points


@dataclass(frozen=True)
class Metric:
    """A figure of labels, scores and weights.

    Attributes
    ----------
    key : str
        Its name in records and in MLflow.
    label : str
        What stands over its column.
    direction : {"higher", "lower"}
        Which is better.
    digits : int
        How many are shown after the point.
    function : callable
        Gives it for (y, p, w): labels, scores, weights; NaN where it isn't defined.
    short : str, optional
        What stands over the terminal's narrow column, the label by default; "" keeps it out of there.
    of_probabilities : bool
        Whether it needs probabilities: what only ranks has none.
    on_won : bool
        Whether it is judged on closed-won, not on the outcome.
    of_sums : callable, optional
        Gives it for the weights of positives and of all rows at each distinct score; such a metric has an interval.

    Examples
    --------
    >>> hits = Metric("top_score", "top score", "higher", 2, lambda y, p, w: float(y[p.argmax()]))
    >>> hits.function(np.array([0.0, 1.0]), np.array([0.2, 0.7]), np.ones(2))
    1.0
    """

    key: str
    label: str
    direction: Literal["higher", "lower"]
    digits: int
    function: Callable[[Floats, Floats, Floats], float]
    short: str | None = None
    of_probabilities: bool = False
    on_won: bool = False
    of_sums: Callable[[Floats, Floats], float] | None = None

    @property
    def has_interval(self) -> bool:
        """Whether KEY_low and KEY_high stand beside it."""
        return self.of_sums is not None

    @property
    def heading(self) -> str:
        """What stands over its column in a terminal."""
        return self.label if self.short is None else self.short

    def of(self, y: Floats, p: Floats, w: Floats, won: Floats, are_probabilities: bool) -> float:
        """Return the figure; NaN where these scores have none, or nobody's end is known."""
        if self.of_probabilities and not are_probabilities:
            return float("nan")
        if not self.on_won:
            return float(self.function(y, p, w))
        known = np.isfinite(won)
        return float(self.function(won[known], p[known], w[known])) if known.any() else float("nan")


METRICS = (
    Metric("auc", "AUC", "higher", 3, classification.auc, of_sums=classification.auc_of),
    Metric("average_precision", "AP", "higher", 3, classification.average_precision),
    Metric(
        "lift_10", "lift of best tenth", "higher", 2, lambda y, p, w: classification.lift_at(y, p, 0.10, w), "lift",
        of_sums=classification.lift_of,
    ),
    Metric("brier", "Brier", "lower", 4, classification.brier, of_probabilities=True),
    Metric("ece", "ECE", "lower", 4, classification.expected_calibration_error, of_probabilities=True),
    Metric("log_loss", "log loss", "lower", 4, classification.log_loss, "", of_probabilities=True),
    Metric("won_auc", "AUC on closed-won", "higher", 3, classification.auc, "won", on_won=True),
)  # fmt: skip


def every_metric() -> tuple[Metric, ...]:
    """Return the metrics, those of installed packages (group `leadline.metrics`) last.

    Raises
    ------
    ConfigError
        A package can't be imported, gives no metric, or one whose key is taken or no plain name.

    Examples
    --------
    >>> [metric.key for metric in every_metric()][:3]
    ['auc', 'average_precision', 'lift_10']
    """
    found = list(METRICS)
    for plugin in plugins(GROUP, Metric):
        key = plugin.thing.key
        taken = {f"{metric.key}{end}" for metric in found for end in ("", "_low", "_high")}
        if not re.fullmatch(r"[a-z][a-z0-9_]*", key) or key in taken:
            raise ConfigError(
                f"plug-in {plugin.where}: the key {key!r} is {'taken' if key in taken else 'no plain name'}; "
                "expected small letters, digits and _, and a name of its own; rename it there"
            )
        found.append(_guarded(plugin))
    return tuple(found)


def _guarded(plugin: Plugin[Metric]) -> Metric:
    """Tell what goes wrong in a package's metric as that package's."""

    def function(y: Floats, p: Floats, w: Floats) -> float:
        with plugin.guarded():
            return float(plugin.thing.function(y, p, w))

    return replace(plugin.thing, function=function, of_sums=None)

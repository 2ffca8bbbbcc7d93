"""What has ripened since a model was made: snapshots whose labels it can't have seen, parted into older and newer ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config import Config
from leadline.errors import DataError
from leadline.history.folds import Fold
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import instant
from leadline.pipeline.prepare import Prepared

__all__ = ["EACH", "FEWEST", "Ripened", "ripened", "unseen_from"]

Ints = npt.NDArray[np.int64]

FEWEST = 30
"""Positive leads that must have ripened: fewer leave the base rate itself uncertain by more than a third."""

EACH = 10
"""Positive (and negative) leads among the older rows and among the newer: below ten a rate is uncertain by 60%."""

POINTS = 60  # places tried for the cut between older and newer rows


@dataclass(frozen=True)
class Ripened:
    """Row numbers of what has ripened since.

    Attributes
    ----------
    rows : int64 array
        All of them.
    older, newer : int64 arrays
        Those whose labels were known when the newer ones begin, and these.
    starts_at : int
        The newer ones' first as_of.
    """

    rows: Ints
    older: Ints
    newer: Ints
    starts_at: int

    def fold(self, made: Prepared) -> Fold:
        """Return the newer rows as a fold's test, with all that was known before them as its training."""
        known = (made.labels.known_at <= self.starts_at) & (made.features.as_of < self.starts_at)
        return Fold(np.flatnonzero(known), self.newer, self.starts_at, int(made.features.as_of[self.newer].max()) + 1)


def unseen_from(config: Config, bundle: Bundle) -> int:
    """Return the first as_of whose label the bundle can't have seen.

    Raises
    ------
    DataError
        The bundle of a flat file doesn't say which rows it saw.
    """
    again: Mapping[str, Any] = bundle.manifest.get("recalibrated") or {}
    known = instant(config, bundle.manifest["known_at"])
    if not config.is_flat:
        # A label may have been wrong when the model was made, and right since: that row was trained on, too.
        return int(known or 0) - config.horizon.micros - config.outcome.delay.micros + 1
    if known is not None:
        return known
    if again:
        return int(again["seen_to"]) + 1
    folds = bundle.record("record.json")["evaluation"]["folds"]
    if not folds:
        raise DataError(
            f"model {bundle.name} {bundle.version}: its record doesn't say which rows it saw; expected a model with a backtest; train again"
        )
    return int(folds[-1]["ends_at"]) + 1


def ripened(config: Config, made: Prepared, since: int) -> Ripened:
    """Part the rows from `since` on so that the older tell as much as the newer, as near as can be.

    The newer rows begin after the older ones' labels were known, as a fold's test does.

    Raises
    ------
    DataError
        Too little has ripened; it says how much is needed.
    """
    as_of, known_at = made.features.as_of, made.labels.known_at
    rows = np.flatnonzero(as_of >= since)
    found = _leads(made, rows, 1.0)
    if min(found, _leads(made, rows, 0.0)) < FEWEST:
        raise DataError(
            f"recalibrate: {found} leads with a positive outcome became known since the model was made; "
            f"expected at least {FEWEST}, and as many without; wait, or train anew"
        )
    best: tuple[int, Ripened] | None = None
    every = np.unique(as_of[rows])
    for start in np.unique(every[np.linspace(0, len(every) - 1, min(POINTS, len(every))).astype(np.int64)]):
        older = rows[(known_at[rows] <= start) & (as_of[rows] < start)]
        newer = rows[as_of[rows] >= start]
        least = min(_leads(made, part, side) for part in (older, newer) for side in (1.0, 0.0))
        if best is None or least > best[0]:
            best = least, Ripened(rows, older, newer, int(start))
    if best is None or best[0] < EACH:
        raise DataError(
            f"recalibrate: {found} leads with a positive outcome became known since the model was made, but at most {best[0] if best else 0} on "
            f"each side of any date, one horizon apart, to fit on and to judge by; expected at least {EACH}; wait, or train anew"
        )
    return best[1]


def _leads(made: Prepared, rows: Ints, side: float) -> int:
    """Count distinct leads among the rows of one outcome."""
    return len(np.unique(made.features.lead_id[rows[made.labels.y[rows] == side]].astype(str)))

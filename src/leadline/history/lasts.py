"""How long before its outcome a lead last did each kind of thing; of leads whose outcome is known at T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.times import DAY, visible_sql

if TYPE_CHECKING:
    from leadline.tables import Loaded

__all__ = ["Lasts", "fetch"]


@dataclass(frozen=True)
class Lasts:
    """A row for each lead and behaviour: the lead reached the outcome, and had done that before.

    Attributes
    ----------
    behaviour : object array
        The kind of event.
    days : float64 array
        From its last act of that kind to the outcome.
    """

    behaviour: npt.NDArray[np.object_]
    days: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.behaviour) != len(self.days):
            raise ValueError("Lasts: behaviours and days differ in length")


def fetch(loaded: Loaded) -> Lasts:
    """Ask the events and the table ``first_outcome`` that the labels made; an act counts that was visible at the outcome.

    A record that was merged away isn't counted: its survivor has its acts.
    """
    rows = loaded.store.arrow(
        "SELECT e.behaviour, o.lead_id, o.reached_at - MAX(e.occurred_at) AS micros FROM first_outcome AS o "
        "JOIN leads AS l ON l.lead_id = o.lead_id "
        f"JOIN events AS e ON e.lead_id = o.lead_id AND {visible_sql('e', 'o.reached_at')} "
        "WHERE e.behaviour IS NOT NULL AND o.lead_id NOT IN (SELECT lead_id FROM merged) "
        "GROUP BY e.behaviour, o.lead_id, o.reached_at ORDER BY e.behaviour, o.lead_id"
    )
    behaviour = np.empty(rows.num_rows, dtype=object)
    behaviour[:] = rows.column("behaviour").to_pylist()
    return Lasts(behaviour, rows.column("micros").to_numpy(zero_copy_only=False).astype(np.float64) / DAY)

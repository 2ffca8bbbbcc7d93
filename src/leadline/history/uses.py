"""Who first used which asset when, and what became of that lead afterwards, as far as it is known at T."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.tables.ladder import rung_of

if TYPE_CHECKING:
    from leadline.tables import Loaded

__all__ = ["CLIMBED", "Uses", "fetch"]

Texts = npt.NDArray[np.object_]

CLIMBED = ("mql", "sql", "opportunity", "won")
"""The rungs whose first times are told, the lowest first."""


@dataclass(frozen=True)
class Uses:
    """A row for each asset and lead that used it: the first use.

    Attributes
    ----------
    asset, lead_id, account_id : object arrays
        What was used, by whom; the account may be None.
    used_at : int64 array
        When, in microseconds.
    reached : float64 array, rows × `CLIMBED`
        When the lead first stood on that rung or a higher one, in microseconds; NaN for never.
    """

    asset: Texts
    lead_id: Texts
    account_id: Texts
    used_at: npt.NDArray[np.int64]
    reached: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if not len(self.asset) == len(self.lead_id) == len(self.account_id) == len(self.used_at) == len(self.reached):
            raise ValueError("Uses: columns differ in length")


def fetch(loaded: Loaded, assets: Mapping[str, str]) -> Uses:
    """Ask the events and the table ``reached``.

    Parameters
    ----------
    assets : mapping of str to str
        The asset of each behaviour that is the use of one. A record that was merged away isn't counted: its survivor has its acts.
    """
    import pyarrow as pa

    store = loaded.store
    store.put("asset_of", pa.table({"behaviour": list(assets), "asset": [assets[b] for b in assets]}))
    firsts = ", ".join(
        f"CAST(MIN(CASE WHEN r.rung >= {rung_of(stage)} THEN r.reached_at END) AS {store.dialect.double}) AS {stage}_at"
        for stage in CLIMBED
    )
    rows = store.arrow(
        f"SELECT u.asset, u.lead_id, l.account_id, u.used_at, {firsts} FROM (SELECT a.asset, e.lead_id, MIN(e.occurred_at) AS used_at "
        "FROM events AS e JOIN asset_of AS a ON a.behaviour = e.behaviour WHERE e.lead_id NOT IN (SELECT lead_id FROM merged) "
        "GROUP BY a.asset, e.lead_id) AS u JOIN leads AS l ON l.lead_id = u.lead_id LEFT JOIN reached AS r ON r.lead_id = u.lead_id "
        "GROUP BY u.asset, u.lead_id, l.account_id, u.used_at ORDER BY u.asset, u.lead_id"
    )

    def texts(name: str) -> Texts:
        column = np.empty(rows.num_rows, dtype=object)
        column[:] = rows.column(name).to_pylist()
        return column

    reached = [rows.column(f"{stage}_at").to_numpy(zero_copy_only=False).astype(np.float64) for stage in CLIMBED]
    used = rows.column("used_at").to_numpy(zero_copy_only=False).astype(np.int64)
    return Uses(texts("asset"), texts("lead_id"), texts("account_id"), used, np.stack(reached, axis=1))

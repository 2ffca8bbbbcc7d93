"""What each group of features adds to each lead's log odds: kept beside a night's scores, so that the next can tell what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CAUSE", "MOVED", "LeadContributions"]

Floats = npt.NDArray[np.float32]
MOVED, CAUSE = "moved", "cause"
"""Columns beside the groups': whether the lead moved up (1), down (-1) or not (0) since the night before, and what moved it most."""
OWN = "group:"
"""How the groups' columns begin, so that none has the name of another column."""


@dataclass(frozen=True)
class LeadContributions:
    """Each lead's contributions by group of features.

    Attributes
    ----------
    lead_id : object array
        Who.
    groups : tuple of str
        The groups.
    values : float32 array
        Leads × groups, in log odds before calibration; with the base that all share, their sum is the lead's.

    Examples
    --------
    >>> kept = LeadContributions(np.array(["a", "b"], dtype=object), ("x",), np.array([[0.5], [0.25]], dtype=np.float32))
    >>> kept.of(["b", "c"]).tolist()
    [[0.25], [nan]]
    >>> LeadContributions.from_arrow(kept.to_arrow(np.array([1, 0]), np.array(["x", None], dtype=object))).values.tolist()
    [[0.5], [0.25]]
    """

    lead_id: npt.NDArray[np.object_]
    groups: tuple[str, ...]
    values: Floats

    def of(self, leads: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return some leads' rows; NaN for those that aren't there."""
        place = {lead: row for row, lead in enumerate(self.lead_id.tolist())}
        rows = np.array([place.get(lead, -1) for lead in leads], dtype=np.int64)
        found = np.full((len(rows), len(self.groups)), np.nan)
        found[rows >= 0] = self.values[rows[rows >= 0]]
        return found

    def to_arrow(self, moved: npt.NDArray[np.int64], cause: npt.NDArray[np.object_]) -> Any:
        """Return a pyarrow Table of them, with who moved and why."""
        import pyarrow as pa

        columns = {
            "lead_id": pa.array(self.lead_id, pa.string()),
            MOVED: pa.array(moved, pa.int8()),
            CAUSE: pa.array(cause, pa.string()),
        }
        groups = {f"{OWN}{g}": pa.array(self.values[:, n], pa.float32()) for n, g in enumerate(self.groups)}
        return pa.table({**columns, **groups})

    @classmethod
    def from_arrow(cls, table: Any) -> LeadContributions:
        """Read what `to_arrow` wrote."""
        names = [name for name in table.column_names if name.startswith(OWN)]
        values = np.empty((table.num_rows, len(names)), dtype=np.float32, order="F")
        for n, name in enumerate(names):
            values[:, n] = table.column(name).to_numpy(zero_copy_only=False)
        lead = np.empty(table.num_rows, dtype=object)
        lead[:] = table.column("lead_id").to_pylist()
        return cls(lead, tuple(name.removeprefix(OWN) for name in names), values)

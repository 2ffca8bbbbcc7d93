"""From the statement's rows to columns: batches go to their places as they come, and each column is put in order once.

So there is never more than one copy of the values, and what comes later takes columns without copying the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.storage import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CollectedRows", "collect_rows"]

Objects = npt.NDArray[np.object_]

ROWS = 65_536

"""How many rows come at once."""


@dataclass(frozen=True)
class CollectedRows:
    """The keys of the statement's rows and their values, sorted by (as_of, lead_id)."""

    lead_id: Objects
    account_id: Objects
    as_of: npt.NDArray[np.int64]
    values: pd.DataFrame


def collect_rows(store: Store, text: str, specs: Sequence[Feature], expected: int, wide: bool = False) -> CollectedRows:
    """Run the feature statement and gather its rows.

    Parameters
    ----------
    expected : int
        How many rows there must be.
    wide : bool
        Whether the statement puts parts beside snapshots in whatever order they come; else its rows are sorted.

    Raises
    ------
    DataError
        There are fewer rows or more.
    """
    numbers = {s.name: np.empty(expected) for s in specs if s.kind != "category"}
    texts: dict[str, list[Objects]] = {s.name: [] for s in specs if s.kind == "category"}
    keys: list[Any] = []
    done = 0
    for batch in store.batches(text, ROWS, wide):
        upto = done + batch.num_rows
        if upto <= expected:
            for name, column in numbers.items():
                column[done:upto] = batch.column(name).to_numpy(zero_copy_only=False)
            for name, parts in texts.items():
                parts.append(_objects(batch.column(name)))
            keys.append(batch.select(["lead_id", "account_id", "as_of"]))
        done = upto
    if done != expected:
        raise DataError(
            f"features: {done} rows came of {expected} snapshots; expected as many; this is a bug, please report it"
        )
    return _in_order(specs, numbers, texts, keys, wide)


def _in_order(
    specs: Sequence[Feature],
    numbers: dict[str, npt.NDArray[np.float64]],
    texts: dict[str, list[Objects]],
    keys: Sequence[Any],
    wide: bool,
) -> CollectedRows:
    import pandas as pd
    import pyarrow as pa

    nobody = np.empty(0, dtype=object)
    if not keys:
        empty: dict[str, Any] = {
            s.name: pd.Series(nobody, dtype=object) if s.name in texts else np.empty(0) for s in specs
        }
        return CollectedRows(nobody, nobody, np.empty(0, np.int64), pd.DataFrame(empty, index=range(0)))
    key = pa.Table.from_batches(keys)
    order = _order(key) if wide else None
    if order is not None:
        for column in numbers.values():
            column[:] = column[order]
    whole = {name: _taken(np.concatenate(parts), order) for name, parts in texts.items()}
    columns: dict[str, Any] = {
        s.name: pd.Series(whole[s.name], dtype=object)  # pandas would make `str` with NaN of it
        if s.name in whole
        else pd.Series(numbers[s.name], copy=False)
        for s in specs
    }
    lead, account = (_taken(_objects(key.column(name)), order) for name in ("lead_id", "account_id"))
    as_of = _taken(key.column("as_of").to_numpy().astype(np.int64), order)
    return CollectedRows(lead, account, as_of, pd.DataFrame(columns, index=range(key.num_rows), copy=False))


def _order(key: Any) -> npt.NDArray[np.int64] | None:
    """Return where the rows belong; None where they stand there already."""
    import pyarrow.compute as pc

    by = pc.sort_indices(key, sort_keys=[("as_of", "ascending"), ("lead_id", "ascending")])
    order: npt.NDArray[np.int64] = by.to_numpy().astype(np.int64)
    return None if bool(np.all(order[1:] > order[:-1])) else order


def _taken(values: npt.NDArray[Any], order: npt.NDArray[np.int64] | None) -> npt.NDArray[Any]:
    return values if order is None else values[order]


def _objects(column: Any) -> Objects:
    found = np.empty(len(column), dtype=object)
    found[:] = column.to_pylist()
    return found

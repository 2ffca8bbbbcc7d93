"""The out-of-fold predictions as a file: what models said of snapshots that they weren't fitted on.

It names leads, so it stays on this machine: ``backtests/NAME/VERSION.parquet``, never in MLflow or a bundle.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from leadline.files import write_bytes
from leadline.pipeline.fitted import Fitted

__all__ = ["BACKTESTS", "export", "place_of"]

BACKTESTS = Path("backtests")


def place_of(name: str, version: str) -> Path:
    """Return where a version's out-of-fold predictions lie.

    Examples
    --------
    >>> place_of("saas-sql", "3").as_posix()
    'backtests/saas-sql/3.parquet'
    """
    return BACKTESTS / name / f"{version}.parquet"


def export(fitted: Fitted, version: str) -> Path | None:
    """Write the predictions, atomically, and return where; None where no fold was judged.

    One row a snapshot and fold, in the order of folds and then of snapshots: ``lead_id, account_id, as_of, fold`` (1 is the oldest),
    ``judged`` (true in the newest, which chose nothing), ``y, weight, probability, logistic`` (the regression beside the
    model) and ``won`` (null where it isn't ripe).
    """
    if not len(fitted.honest.row):
        return None
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(_table(fitted), buffer)
    place = place_of(fitted.config.name, version)
    write_bytes(place, buffer.getvalue())
    return place


def _table(fitted: Fitted) -> Any:
    import pyarrow as pa

    made, honest = fitted.made, fitted.honest
    order = np.lexsort((honest.row, honest.fold))
    row, data, labels = honest.row[order], made.features, made.labels
    as_of = pa.array(data.as_of[row])
    return pa.table({
        "lead_id": pa.array(data.lead_id[row], pa.string()),
        "account_id": pa.array(data.account_id[row], pa.string()),
        "as_of": as_of.cast(pa.timestamp("us", tz="UTC")) if made.loaded.is_dated else as_of,
        "fold": pa.array(honest.fold[order] + 1, pa.int64()),
        "judged": pa.array(honest.judged[order]),
        "y": pa.array(labels.y[row]),
        "weight": pa.array(labels.weight[row]),
        "probability": pa.array(honest.probability[order]),
        "logistic": pa.array(honest.lr_probability[order]),
        "won": pa.array(labels.won[row], pa.float64(), from_pandas=True),
    })  # fmt: skip

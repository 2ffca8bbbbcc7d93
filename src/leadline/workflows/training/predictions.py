"""The out-of-fold predictions as a file: what models said of snapshots that they weren't fitted on, and the report's lists.

They name leads, so they stay on this machine: ``backtests/NAME/VERSION.parquet``, never in MLflow or a bundle.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline.core.files import read_json, write_bytes, write_json
from leadline.workflows.training.fit import TrainedModel
from leadline.workflows.training.report_sections import open_leads, open_leads_table

__all__ = [
    "BACKTESTS",
    "open_lists_path",
    "predictions_path",
    "remember_lists",
    "report_lists",
    "write_predictions",
]


BACKTESTS = Path("backtests")
LISTS = "lists.json"


def predictions_path(name: str, version: str) -> Path:
    """Return where a version's out-of-fold predictions lie.

    Examples
    --------
    >>> predictions_path("saas-sql", "3").as_posix()
    'backtests/saas-sql/3.parquet'
    """
    return BACKTESTS / name / f"{version}.parquet"


def write_predictions(fitted: TrainedModel, version: str) -> Path | None:
    """Write the predictions, atomically, and return where; None where no fold was judged.

    One row a snapshot and fold, in the order of folds and then of snapshots: ``lead_id, account_id, as_of, fold`` (1 is the oldest),
    ``judged`` (true in the newest, which chose nothing), ``y, weight, probability, logistic`` (the regression beside the
    model) and ``won`` (null where it isn't ripe).
    """
    if not len(fitted.honest.row):
        return None
    now = open_leads(fitted)
    if now is not None:
        _write_table(open_lists_path(fitted.config.name, version), open_leads_table(now))
    place = predictions_path(fitted.config.name, version)
    _write_table(place, _table(fitted))
    return place


def open_lists_path(name: str, version: str) -> Path:
    """Return where lies which open lead stands on which of the report's lists.

    Examples
    --------
    >>> open_lists_path("saas-sql", "3").as_posix()
    'backtests/saas-sql/3_open_leads.parquet'
    """
    return BACKTESTS / name / f"{version}_open_leads.parquet"


def report_lists(name: str) -> tuple[Path, ...]:
    """Name the lists of leads that reports of a model wrote beside their pages, wherever that was."""
    try:
        return tuple(Path(str(file)) for file in read_json(BACKTESTS / name / LISTS)["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def remember_lists(name: str, files: Sequence[Path]) -> None:
    """Keep where a report is about to write its lists, so that `forget` finds them; what is remembered already stays."""
    every = sorted({*map(str, report_lists(name)), *map(str, files)})
    write_json(BACKTESTS / name / LISTS, {"files": every}, private=True)


def _write_table(place: Path, table: Any) -> None:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write_bytes(place, buffer.getvalue(), private=True)


def _table(fitted: TrainedModel) -> Any:
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

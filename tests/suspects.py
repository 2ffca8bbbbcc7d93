"""Small tables with a planted suspect, and what the leak gate says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leadline.config.schema import Config
from leadline.core.checks import Findings
from leadline.leakage.gate import before_training
from leadline.tables import load, open_store

DAY = 86_400_000_000
START = 1_735_689_600_000_000  # 2025-01-01
SIZE = 2_000


def outcomes(share: float = 0.2, size: int = SIZE, seed: int = 1) -> tuple[np.random.Generator, np.ndarray]:
    """A generator, and who reached the outcome: 1 or 0."""
    rng = np.random.default_rng(seed)
    return rng, (rng.random(size) < share).astype(int)


def words(
    rng: np.random.Generator, y: np.ndarray, levels: list[Any], positive: list[float], negative: list[float]
) -> list[Any]:
    """Draw a level for each lead, with other shares for positives than for negatives; None is a level too."""
    drawn = np.where(y == 1, rng.choice(len(levels), len(y), p=positive), rng.choice(len(levels), len(y), p=negative))
    return [levels[i] for i in drawn]


def flat(folder: Path, y: np.ndarray, columns: dict[str, Any], as_of: int | None = None, **leads: Any) -> Findings:
    """What the gate says of a flat file with these columns, as known at a row."""
    source = folder / "leads.parquet"
    pq.write_table(pa.table({"id": [f"L{i}" for i in range(len(y))], "won": y, **columns}), source)
    return _look({
        "tables": {"leads": {"source": str(source), "key": "id", "attributes": "all", **leads}},
        "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"},
    }, as_of)  # fmt: skip


def created(size: int = SIZE) -> np.ndarray:
    """When each lead came: evenly over 300 days, in microseconds."""
    return START + np.arange(size) * 300 * DAY // size


def dated(
    folder: Path,
    y: np.ndarray,
    columns: dict[str, Any],
    tables: dict[str, dict[str, Any]] | None = None,
    sections: dict[str, dict[str, Any]] | None = None,
    **leads: Any,
) -> Findings:
    """What the gate says of dated tables; positives reach SQL ten days after they came.

    `tables` adds others, as columns; `sections` and `leads` change the config's.
    """
    ids, came = [f"L{i}" for i in range(len(y))], created(len(y))
    who = np.flatnonzero(y == 1)
    given = {
        "leads": {"lead_id": ids, "created_at": instants(came), **columns},
        "stages": {"lead_id": [ids[i] for i in who], "stage": ["sql"] * len(who), "changed_at": instants(came[who] + 10 * DAY)},
        **(tables or {}),
    }  # fmt: skip
    for name, table in given.items():
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
    usual: dict[str, dict[str, Any]] = {
        "leads": {"key": "lead_id", "created_at": "created_at", "attributes": list(columns), **leads},
        "stages": {"lead": "lead_id", "stage": "stage", "changed_at": "changed_at"},
        "accounts": {"key": "account_id", "attributes": "all"},
        "events": {"lead": "lead_id", "type": "event_type", "occurred_at": "occurred_at", "recorded_at": "recorded_at"},
        "history": {"lead": "lead_id", "field": "field", "value": "value", "changed_at": "changed_at"},
    }
    config = {
        name: {"source": str(folder / f"{name}.parquet"), **usual[name], **(sections or {}).get(name, {})}
        for name in given
    }
    return _look({
        "timezone": "UTC", "tables": config, "stages": {"sql": ["sql"]},
        "outcome": {"reaches": "sql", "within": "30d", "observed_until": "2025-11-07"}, "snapshots": {"every": "7d"},
    })  # fmt: skip


def instants(micros: np.ndarray) -> pa.Array:
    """Microseconds as instants in UTC."""
    return pa.array(micros, pa.timestamp("us", "UTC"))


def told(found: Findings, code: str) -> list[str]:
    """The columns of which a check tells, without its table."""
    return [f.subject.partition(".")[2] for f in found if f.code == code and f.severity != "not applicable"]


def _look(config: dict[str, Any], as_of: int | None = None) -> Findings:
    asked = Config.model_validate({"version": 1, "name": "suspects", **config})
    store = open_store(asked.engine)
    try:
        return before_training(asked, load(asked, store, as_of))
    finally:
        store.close()

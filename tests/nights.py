"""Little nights: a few rows of scores and the record that goes with them."""

from __future__ import annotations

import pyarrow as pa

DAY = 86_400_000_000


def table(p: list[float], as_of: int = DAY) -> pa.Table:
    n = len(p)
    return pa.table({
        "lead_id": pa.array([f"L{i}" for i in range(n)], pa.string()), "account_id": pa.array([None] * n, pa.string()),
        "as_of": pa.array([as_of] * n, pa.int64()).cast(pa.timestamp("us", "UTC")), "probability": pa.array(p, pa.float64()),
        "tier": pa.array(["A"] * n, pa.string()), "model_name": pa.array(["demo"] * n, pa.string()), "model_version": pa.array(["1"] * n, pa.string()),
    })  # fmt: skip


def night(as_of: int = DAY, name: str = "demo", version: str = "1") -> dict[str, object]:
    return {"as_of": "x", "as_of_value": as_of, "is_dated": True, "model_name": name, "model_version": version}

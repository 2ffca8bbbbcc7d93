"""Nights in MLflow: each finished night is a run, so that its figures make curves; nothing here holds a lead's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.ops.tracking import is_absent, open_run

__all__ = ["log_night"]


def log_night(uri: str, experiment: str, record: Mapping[str, Any]) -> None:
    """Log a night as a run: its figures as metrics, its record as a file; nothing where there is no store yet."""
    if is_absent(uri):
        return
    flat = {"leads": record["leads"], "mean_probability": record["mean_probability"], "handoffs": record["handoffs"]}
    flat |= {f"tier_{name}": count for name, count in record["tiers"].items()}
    flat |= {f"seconds_{name}": value for name, value in record.get("seconds", {}).items()}
    flat |= {f"drift_{name.replace(' ', '_')}": value for name, value in record.get("drift", {}).items()}
    flat |= {"suppressed": record.get("suppressed", {}).get("leads"), "model_age_days": record["model_age_days"]}
    with open_run(uri, experiment, "", f"night {record['as_of']}") as run:
        names = ("as_of", "model_name", "model_version", "config_hash", "run_id", "leadline")
        run.tags({"leadline.night": record["as_of"], **{f"night.{name}": record[name] for name in names}})
        run.metrics([(name, float(value), 0) for name, value in flat.items() if value is not None])
        run.mlflow.log_dict(dict(record), "night.json")

"""Nights in MLflow: each finished night is a run, so that its figures make curves; nothing here holds a lead's data."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from leadline.registry import sqlite_store
from leadline.registry.tracking import clientless_file, cut_tag, is_absent, open_run

__all__ = ["log_scoring_run"]


def log_scoring_run(uri: str, experiment: str, record: Mapping[str, Any]) -> None:
    """Log a night as a run: its figures as metrics, its record as a file; nothing where there is no store yet."""
    if is_absent(uri):
        return
    flat = {"leads": record["leads"], "mean_probability": record["mean_probability"], "handoffs": record["handoffs"]}
    flat |= {f"tier_{name}": count for name, count in record["tiers"].items()}
    flat |= {f"seconds_{name}": value for name, value in record.get("seconds", {}).items()}
    flat |= {f"drift_{name.replace(' ', '_')}": value for name, value in record.get("drift", {}).items()}
    flat |= {"suppressed": record.get("suppressed", {}).get("leads"), "model_age_days": record["model_age_days"]}
    names = ("as_of", "model_name", "model_version", "config_hash", "run_id", "leadline")
    tags = {"leadline.night": record["as_of"], **{f"night.{name}": record[name] for name in names}}
    figures = [(name, float(value), 0) for name, value in flat.items() if value is not None]
    file, title, kept = clientless_file(uri), f"night {record['as_of']}", "night.json"
    if file is not None:
        short = {key: cut_tag(value) for key, value in tags.items()}
        finite = [(name, value) for name, value, _ in figures if isfinite(value)]
        if sqlite_store.log_finished_run(file, experiment, title, short, finite, (kept, record)):
            return
    with open_run(uri, experiment, "", title) as run:
        run.tags(tags)
        run.metrics(figures)
        run.mlflow.log_dict(dict(record), kept)

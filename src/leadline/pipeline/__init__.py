"""The stages in a row: what the commands and the Python API call; each stage is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.pipeline.checking import CheckResult, check
    from leadline.pipeline.monitoring import MonitorResult, monitor
    from leadline.pipeline.promotion import Promotion, promote
    from leadline.pipeline.reporting import ReportResult, feature_sql, report
    from leadline.pipeline.scoring import Told, explain, score
    from leadline.pipeline.training import TrainResult, train

__all__ = [
    "CheckResult",
    "MonitorResult",
    "Promotion",
    "ReportResult",
    "Told",
    "TrainResult",
    "check",
    "explain",
    "feature_sql",
    "monitor",
    "promote",
    "report",
    "score",
    "train",
]

# `leadline score` without --as-of needs no trees to say so: training alone imports LightGBM, SciPy and scikit-learn.
_WHERE = {
    "CheckResult": "checking",
    "check": "checking",
    "MonitorResult": "monitoring",
    "monitor": "monitoring",
    "Promotion": "promotion",
    "promote": "promotion",
    "ReportResult": "reporting",
    "feature_sql": "reporting",
    "report": "reporting",
    "Told": "scoring",
    "explain": "scoring",
    "score": "scoring",
    "TrainResult": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'leadline.pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(f"leadline.pipeline.{_WHERE[name]}"), name)

"""The stages in a row: what the commands and the Python API call."""

from __future__ import annotations

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

"""The stages in a row: what the commands and the Python API call; each stage is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.pipeline.backfilling import backfill, rehearse
    from leadline.pipeline.checking import CheckResult, check
    from leadline.pipeline.explaining import LeadPage, explain_page
    from leadline.pipeline.forgetting import Forgotten, forget
    from leadline.pipeline.funneling import FunnelResult, funnel
    from leadline.pipeline.monitoring import MonitorResult, monitor
    from leadline.pipeline.promotion import Promotion, promote, roll_back
    from leadline.pipeline.recalibrating import Recalibration, recalibrate
    from leadline.pipeline.reporting import ReportResult, feature_sql, report
    from leadline.pipeline.scoring import Told, explain
    from leadline.pipeline.tonight import score
    from leadline.pipeline.training import TrainResult, train

__all__ = [
    "CheckResult",
    "Forgotten",
    "FunnelResult",
    "LeadPage",
    "MonitorResult",
    "Promotion",
    "Recalibration",
    "ReportResult",
    "Told",
    "TrainResult",
    "backfill",
    "check",
    "explain",
    "explain_page",
    "feature_sql",
    "forget",
    "funnel",
    "monitor",
    "promote",
    "recalibrate",
    "rehearse",
    "report",
    "roll_back",
    "score",
    "train",
]

# `leadline score` without --as-of needs no trees to say so: training alone imports LightGBM, SciPy and scikit-learn.
_WHERE = {
    "backfill": "backfilling",
    "rehearse": "backfilling",
    "CheckResult": "checking",
    "check": "checking",
    "LeadPage": "explaining",
    "explain_page": "explaining",
    "Forgotten": "forgetting",
    "forget": "forgetting",
    "FunnelResult": "funneling",
    "funnel": "funneling",
    "MonitorResult": "monitoring",
    "monitor": "monitoring",
    "Promotion": "promotion",
    "promote": "promotion",
    "roll_back": "promotion",
    "Recalibration": "recalibrating",
    "recalibrate": "recalibrating",
    "ReportResult": "reporting",
    "feature_sql": "reporting",
    "report": "reporting",
    "Told": "scoring",
    "explain": "scoring",
    "score": "tonight",
    "TrainResult": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'leadline.pipeline' has no attribute {name!r}")
    return getattr(importlib.import_module(f"leadline.pipeline.{_WHERE[name]}"), name)

"""leadline trains lead-qualification models that survive contact with the future.

The public names mirror the commands; they are imported lazily, and importing `leadline` has no side effect.

Examples
--------
>>> import leadline
>>> sorted(leadline.__all__)[:3]
['Config', 'LeadlineClassifier', 'LeadlineError']
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Config": "leadline.config.schema",
    "LeadlineClassifier": "leadline.model.estimator",
    "LeadlineError": "leadline.errors",
    "load_config": "leadline.config.load",
    "check": "leadline.workflows.check",
    "train": "leadline.workflows.training.train",
    "score": "leadline.workflows.scoring.score",
    "score_leads": "leadline.workflows.scoring.on_demand",
    "explain": "leadline.workflows.scoring.explain",
    "explain_leads": "leadline.workflows.scoring.explain",
    "explain_page": "leadline.workflows.scoring.lead_page",
    "features": "leadline.workflows.features",
    "splits": "leadline.workflows.features",
    "report": "leadline.workflows.report",
    "forget": "leadline.workflows.forget",
    "funnel": "leadline.workflows.funnel",
    "monitor": "leadline.workflows.monitor",
    "promote": "leadline.workflows.promote",
    "recalibrate": "leadline.workflows.recalibrate",
    "retrain": "leadline.workflows.retrain",
    "roll_back": "leadline.workflows.promote",
}

__all__ = [
    "Config",
    "LeadlineClassifier",
    "LeadlineError",
    "check",
    "explain",
    "explain_leads",
    "explain_page",
    "features",
    "forget",
    "funnel",
    "load_config",
    "monitor",
    "promote",
    "recalibrate",
    "report",
    "retrain",
    "roll_back",
    "score",
    "score_leads",
    "splits",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    """The package, in which a folder never takes the place of a public name: `leadline.report` stays the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
